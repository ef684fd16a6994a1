"""A way of holding sites out: its splits, its weights, and how far it is from the map."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance
from sklearn.model_selection import BaseCrossValidator, check_cv

from helpers.folds.points import checked_points
from helpers.storage import ContractError

# Each split fits a forest: of n sites left out one by one, n forests to n sites.
MOST_SPLITS = 1000


@dataclass(frozen=True, eq=False)
class Design:
    """A way of holding sites out, as :func:`design_of` checks it.

    Attributes
    ----------
    name
        ``random``, ``leave_one_out``, ``blocks``, ``nndm``, ``knndm`` ...
    splits
        Row numbers (train, test); every site is tested once. Train may be fewer than all the
        others: NNDM leaves out neighbours of the held-out site.
    weight
        Of each site in the scores (n,), mean 1; ``None``: all alike.

    """

    name: str
    splits: tuple[tuple[NDArray, NDArray], ...]
    weight: NDArray | None = None

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return sum(len(test) for _, test in self.splits)

    @property
    def fold(self) -> NDArray:
        """Number of the split in which each site is tested (n,)."""
        fold = np.empty(self.n_sites, dtype=int)
        for number, (_, test) in enumerate(self.splits):
            fold[test] = number
        return fold

    @property
    def trains(self) -> NDArray:
        """(n, n): whether the site of the column trains when that of the row is tested."""
        trains = np.zeros((self.n_sites, self.n_sites), dtype=bool)
        for train, test in self.splits:
            trains[np.ix_(test, train)] = True
        return trains

    def distances(self, xy: ArrayLike) -> NDArray:
        """Distance (n,) of each held-out site to the nearest site that stays in its split, m.

        ``xy`` are the coordinates of the sites (n, 2), or their standardised predictors. Where two
        sites at one point are parted this is 0: see :func:`helpers.folds.fold_warnings`.
        """
        sites, distances = checked_points(xy, "xy"), np.empty(self.n_sites)
        if len(sites) != self.n_sites:
            raise ContractError(
                f"xy has {len(sites)} rows; design '{self.name}' holds {self.n_sites} sites out."
            )
        for train, test in self.splits:
            distances[test] = cdist(sites[test], sites[train]).min(axis=1)
        return distances

    def w(self, xy: ArrayLike, prediction_distances: ArrayLike) -> float:
        """Area between the curve of :meth:`distances` and that of the map, m.

        ``prediction_distances`` are those from the map to the sites (Gij) that
        :func:`helpers.folds.nearest_neighbour_distances` gives. Sites count by their weight, as
        they do in the scores.
        """
        distances = self.distances(xy)
        return float(wasserstein_distance(distances, prediction_distances, u_weights=self.weight))


def design_of(
    name: str,
    splitter: BaseCrossValidator | Iterable[tuple[NDArray, NDArray]],
    n_sites: int,
    weight: ArrayLike | None = None,
) -> Design:
    """Design of a scikit-learn splitter, or of splits such as those of stored folds.

    Parameters
    ----------
    name
        What tables and figures call it.
    splitter
        With scikit-learn's ``split``, or (train, test) row numbers in turn, as
        :func:`helpers.folds.as_splits` gives them.
    n_sites
        Number of sites.
    weight
        Of each site in the scores (n,), above 0; scaled to mean 1. ``None``: all alike.

    Raises
    ------
    ContractError
        If there is no split or more than 1,000, a row is not that of a site or is named twice, a
        site is not tested exactly once (take the repeats of a repeated design one by one), a split
        trains on what it tests or on nothing, or the weights do not fit.

    """
    splitter, rows = check_cv(splitter), np.zeros((n_sites, 1))
    check_number(name, splitter.get_n_splits(rows))
    splits = tuple((np.asarray(train), np.asarray(test)) for train, test in splitter.split(rows))
    _check_splits(name, splits, n_sites)
    return Design(name, splits, None if weight is None else _checked_weight(weight, n_sites))


def check_number(name: str, n_splits: int) -> None:
    """Refuse a design of more splits than forests can be fitted for."""
    if n_splits > MOST_SPLITS:
        raise ContractError(
            f"Design '{name}': {n_splits:,} splits found, each of which needs a forest of its own; "
            f"up to {MOST_SPLITS:,} are possible. With so many sites take folds: random ones in "
            "place of leaving one out, kNNDM in place of NNDM."
        )


def _check_splits(name: str, splits: tuple[tuple[NDArray, NDArray], ...], n_sites: int) -> None:
    if not splits:
        raise ContractError(f"Design '{name}': 0 splits found; at least 1 is needed.")
    for number, (train, test) in enumerate(splits):
        _check_rows(train, f"Design '{name}': split {number} trains on", n_sites)
        _check_rows(test, f"Design '{name}': split {number} tests", n_sites)
    tested = np.concatenate([test for _, test in splits if test.size] or [np.empty(0, dtype=int)])
    times = np.bincount(tested, minlength=n_sites)
    wrong = np.flatnonzero(times != 1)
    if wrong.size:
        raise ContractError(
            f"Design '{name}': site {wrong[0]} is tested {times[wrong[0]]} times, and "
            f"{wrong.size} of {n_sites} sites not exactly once. A design tests every site once; "
            "make one design of each repeat."
        )
    for number, (train, test) in enumerate(splits):
        both = np.intersect1d(train, test)
        if both.size or not train.size:
            raise ContractError(
                f"Design '{name}': split {number} trains on {train.size} sites, {both.size} of "
                "which it tests. At least 1 and none of those tested is needed."
            )


def _check_rows(rows: NDArray, doing: str, n_sites: int) -> None:
    if not rows.size:
        return  # an empty list has no type; whether it may be empty is another question
    if rows.ndim != 1 or not np.issubdtype(rows.dtype, np.integer):
        raise ContractError(
            f"{doing} rows of shape {rows.shape} and type {rows.dtype}; "
            "whole row numbers (n,) are needed."
        )
    beyond = rows[(rows < 0) | (rows >= n_sites)]
    if beyond.size:
        raise ContractError(
            f"{doing} row {beyond[0]}; rows of the {n_sites} sites are 0 to {n_sites - 1}."
        )
    found, times = np.unique(rows, return_counts=True)
    if len(found) < len(rows):
        raise ContractError(
            f"{doing} row {found[times.argmax()]} {times.max()} times; each row at most once is "
            "needed."
        )


def _checked_weight(weight: ArrayLike, n_sites: int) -> NDArray:
    weights = np.asarray(weight, dtype=float)
    if weights.shape != (n_sites,) or not (np.isfinite(weights) & (weights > 0)).all():
        raise ContractError(
            f"weight has shape {weights.shape} and a least value of {weights.min(initial=np.inf)}; "
            f"a finite number above 0 for each of the {n_sites} sites is needed."
        )
    return weights / weights.mean()
