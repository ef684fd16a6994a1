"""Moran's I: one number for whether near sites are alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from helpers.residuals.points import checked
from helpers.storage import ContractError


def morans_i(
    values: ArrayLike,
    xy: ArrayLike,
    n_neighbours: int = 8,
    n_permutations: int = 999,
    seed: int = 0,
) -> dict[str, float]:
    """Moran's I of values at sites: above its expectation when near sites are alike.

    The weights are 1/k for each of the k nearest neighbours of a site, 0 for all others (Cliff and
    Ord 1981, Spatial processes).

    Parameters
    ----------
    values, xy
        n values, and easting and northing of their sites, m (n, 2).
    n_neighbours, n_permutations, seed
        k; how often the values are dealt out anew to the sites for the p-value, and the seed.

    Returns
    -------
    ``statistic``; ``expected`` without autocorrelation, -1/(n-1); ``p_value``, one-sided for
    positive autocorrelation: (1 + permutations with a statistic at least as large) /
    (1 + permutations); ``n``.

    Raises
    ------
    ContractError
        If there is not one finite value and place per site, all values are alike, or there are no
        more sites than neighbours.

    """
    values, xy = checked(values, xy)
    n = len(values)
    if not 1 <= n_neighbours < n:
        raise ContractError(
            f"n_neighbours is {n_neighbours}; from 1 to {n - 1} are possible with {n} sites."
        )
    if np.ptp(values) == 0:
        raise ContractError(
            f"Moran's I: all {n} values are {values[0]:g}; values that differ are needed."
        )
    z, neighbours = values - values.mean(), _nearest(xy, n_neighbours)
    rng, scale = np.random.default_rng(seed), n_neighbours * (z @ z)

    def statistic(dealt: NDArray) -> float:
        """Mean product of each site and its neighbours, over the variance."""
        return float(dealt @ dealt[neighbours].sum(axis=1) / scale)

    observed = statistic(z)
    larger = sum(statistic(rng.permutation(z)) >= observed for _ in range(n_permutations))
    p_value = (larger + 1) / (n_permutations + 1)
    return {"statistic": observed, "expected": -1 / (n - 1), "p_value": p_value, "n": n}


def _nearest(xy: NDArray, k: int) -> NDArray:
    """Row numbers of the k nearest other sites of each site, (n, k)."""
    _, found = KDTree(xy).query(xy, k + 1)
    others = found != np.arange(len(xy))[:, None]
    # The site itself to the front, where it is cut off; among many at one place it may be missing.
    order = np.argsort(others, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)[:, 1:]
