"""The designs with scikit-learn's interface: usable wherever ``cv=`` is asked for.

scikit-learn hands a splitter predictors only, so that the spatial ones get the coordinates of the
sites when they are made; the rows of ``X`` must be these sites in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import BaseCrossValidator

from helpers.folds.blocks import spatial_block_folds
from helpers.folds.k_fold_matching import knndm
from helpers.folds.one_out_matching import nndm
from helpers.folds.points import SamePoint
from helpers.folds.simple import as_splits, random_folds
from helpers.storage import ContractError

SplitIterator = Iterator[tuple[NDArray, NDArray]]


class RandomFolds(BaseCrossValidator):
    """Random folds whose sizes differ by one site at most; see :func:`random_folds`."""

    def __init__(self, n_folds: int = 10, seed: int = 0):
        self.n_folds, self.seed = n_folds, seed

    def split(self, X: ArrayLike, y: object = None, groups: object = None) -> SplitIterator:
        """Row numbers (train, test) of each fold; ``y`` and ``groups`` are not used."""
        yield from as_splits(random_folds(_n_rows(X), self.n_folds, self.seed))

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Number of folds."""
        return self.n_folds


class RepeatedRandomFolds(BaseCrossValidator):
    """Random folds, several times, with the seeds ``seed``, ``seed + 1`` ...

    Attributes
    ----------
    repeats
        The :class:`RandomFolds` of each repeat; each is a design of its own.

    """

    def __init__(self, n_folds: int = 10, n_repeats: int = 10, seed: int = 0):
        if n_repeats < 1:
            raise ContractError(f"n_repeats is {n_repeats}; at least 1 is needed.")
        self.n_folds, self.n_repeats, self.seed = n_folds, n_repeats, seed
        self.repeats = tuple(RandomFolds(n_folds, seed + repeat) for repeat in range(n_repeats))

    def split(self, X: ArrayLike, y: object = None, groups: object = None) -> SplitIterator:
        """Row numbers (train, test) of each fold of each repeat."""
        for repeat in self.repeats:
            yield from repeat.split(X)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Number of folds of all repeats."""
        return self.n_folds * self.n_repeats


class _SpatialSplitter(BaseCrossValidator):
    """A splitter that knows its sites: ``_splits`` of them, and the ``_settings`` to show."""

    def __init__(self, splits: SplitIterator, **settings: object):
        self._splits, self._settings = tuple(splits), settings
        self.n_sites = sum(len(test) for _, test in self._splits)

    def split(self, X: ArrayLike, y: object = None, groups: object = None) -> SplitIterator:
        """Row numbers (train, test) in turn; ``y`` and ``groups`` are not used."""
        if _n_rows(X) != self.n_sites:
            raise ContractError(
                f"X has {_n_rows(X)} rows; {self!r} was made for {self.n_sites} sites. "
                "Pass the predictors of the same sites, in the order of their coordinates."
            )
        yield from ((train.copy(), test.copy()) for train, test in self._splits)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Number of splits."""
        return len(self._splits)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self._settings.items())
        return f"{type(self).__name__}(<{self.n_sites} sites>, {settings})"


class SpatialBlocks(_SpatialSplitter):
    """Square blocks of the landscape, each whole in one fold; see :func:`spatial_block_folds`.

    Attributes
    ----------
    folds
        Fold of each site (n,).

    """

    def __init__(self, xy: ArrayLike, block_m: float, n_folds: int = 10, seed: int = 0):
        self.folds = spatial_block_folds(xy, block_m, n_folds, seed)
        super().__init__(as_splits(self.folds), block_m=block_m, n_folds=n_folds, seed=seed)


class NearestNeighbourMatching(_SpatialSplitter):
    """Leave-one-out that also leaves out neighbours, until it is as hard as the map (NNDM).

    Parameters as for :func:`nndm`; of the sites that are neither tested nor trained on nothing is
    used in that split.
    """

    def __init__(self, xy: ArrayLike, prediction_xy: ArrayLike, min_train: float = 0.5):
        stays = nndm(xy, prediction_xy, min_train)
        splits = ((np.flatnonzero(row), np.array([site])) for site, row in enumerate(stays))
        super().__init__(splits, min_train=min_train)


class KNearestNeighbourMatching(_SpatialSplitter):
    """Folds as hard as the map (kNNDM); parameters as for :func:`knndm`.

    Attributes
    ----------
    found
        The :class:`KnndmFolds`: folds, W and distances.

    """

    def __init__(
        self,
        xy: ArrayLike,
        prediction_xy: ArrayLike,
        n_folds: int = 10,
        max_share: float = 0.5,
        clustering: str = "ward",
        seed: int = 0,
        same_point: SamePoint = "error",
    ):
        settings = {
            "n_folds": n_folds,
            "max_share": max_share,
            "clustering": clustering,
            "seed": seed,
            "same_point": same_point,
        }
        self.found = knndm(xy, prediction_xy, **settings)
        super().__init__(as_splits(self.found.folds), **settings)


def _n_rows(X: ArrayLike) -> int:
    return X.shape[0] if hasattr(X, "shape") else len(X)
