"""Folds that ask nothing of the landscape, and the splits that any folds stand for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.folds.points import checked_labels
from helpers.storage import ContractError


def random_folds(n_sites: int, n_folds: int, seed: int = 0) -> NDArray:
    """Random folds whose sizes differ by one site at most, as labels 0 ... n_folds - 1."""
    if not 2 <= n_folds <= n_sites:
        raise ContractError(
            f"{n_folds} folds of {n_sites} sites are not possible: "
            "at least 2 folds, and no more folds than sites."
        )
    return np.random.default_rng(seed).permutation(np.arange(n_sites) % n_folds)


def balanced_folds(groups: ArrayLike, n_folds: int, seed: int = 0) -> NDArray:
    """Random folds (n,) that keep the sites of each group together, with about as many sites each.

    Groups are dealt out in random order of equals, the largest first, each to the fold with the
    fewest sites so far. No two folds then differ by more sites than the largest group has.
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if not 2 <= n_folds <= len(sizes):
        raise ContractError(
            f"{n_folds} folds of {len(sizes)} groups of sites are not possible: "
            "at least 2 folds, and no more folds than groups."
        )
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    fold_of_group, held = np.empty(len(sizes), dtype=int), np.zeros(n_folds, dtype=int)
    for number in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of_group[number] = held.argmin()
        held[fold_of_group[number]] += sizes[number]
    return fold_of_group[group.ravel()]


def as_splits(folds: ArrayLike) -> Iterator[tuple[NDArray, NDArray]]:
    """Row numbers (train, test) of each fold in turn, as scikit-learn's ``cv=`` takes them."""
    labels = checked_labels(folds, np.size(folds))
    for fold in np.unique(labels):
        yield np.flatnonzero(labels != fold), np.flatnonzero(labels == fold)
