"""Square blocks of the landscape, each whole in one fold."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.folds.points import checked_points
from helpers.folds.simple import balanced_folds
from helpers.storage import ContractError


def block_numbers(xy: ArrayLike, block_m: float) -> NDArray:
    """Number of the square block (n,) that each site (n, 2) lies in, 0 ... occupied blocks - 1.

    Blocks have the side ``block_m`` (m) and start at the westernmost and southernmost site.
    """
    sites = checked_points(xy, "xy")
    if not (np.isfinite(block_m) and block_m > 0):
        raise ContractError(f"block_m is {block_m}; a side above 0 m is needed.")
    corner = np.floor((sites - sites.min(axis=0)) / block_m)
    return np.unique(corner, axis=0, return_inverse=True)[1].ravel()


def spatial_block_folds(xy: ArrayLike, block_m: float, n_folds: int, seed: int = 0) -> NDArray:
    """Fold of each site (n,) by square blocks: no block straddles two folds.

    Blocks are dealt out at random, so that folds have about as many sites each. Sites of
    neighbouring blocks may be near to each other in different folds: blocks widen the distance
    to the training sites, but do not match it to the map (Roberts et al. 2017,
    doi:10.1111/ecog.02881).

    Parameters
    ----------
    xy
        Coordinates of the sites (n, 2), m.
    block_m
        Side of the blocks, m.
    n_folds, seed
        Number of folds; seed of the dealing.

    Raises
    ------
    ContractError
        If fewer blocks hold a site than folds are asked for.

    """
    blocks = block_numbers(xy, block_m)
    n_blocks = int(blocks.max()) + 1
    if not 2 <= n_folds <= n_blocks:
        raise ContractError(
            f"{n_folds} folds of blocks of {block_m:g} m are not possible: the {len(blocks)} sites "
            f"lie in {n_blocks} block{'s' * (n_blocks != 1)}. At least 2 folds, and no more than "
            "blocks, are needed: lower block_m or n_folds."
        )
    return balanced_folds(blocks, n_folds, seed)
