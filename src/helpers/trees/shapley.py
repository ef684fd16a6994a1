"""Shapley values of cells: what each leaf adds, prepared once, summed for every cell.

A coalition of predictors is known, the others take their values at one training site after the
other. A leaf is reached if the cell fulfils its bounds on the known predictors and the site those
on the others, so what the leaf adds depends only on which of its bounds the cell fulfils: at most
2^m patterns for m predictors on its path. That table makes a Shapley value a sum over leaves
(Nadel and Wettenstein 2026, doi:10.1609/aaai.v40i29.39630, use such tables too).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from helpers.storage import ContractError
from helpers.trees.flat import Trees
from helpers.trees.loops import summed
from helpers.trees.visits import visiting_order

LARGEST_TABLES = 2**30  # bytes
_BITS = 62


class ShapleyTables(NamedTuple):
    """What the leaves of a forest add to each predictor.

    Attributes
    ----------
    first_leaf
        First leaf of each tree, and the number of leaves.
    first_bound
        Where the bounds of each leaf begin, and their number.
    predictor, lowest, highest
        Of each bound: the ranks of the predictor with which a cell fulfils it.
    first_entry
        Where the table of each leaf begins: for each pattern of fulfilled bounds (bit j for bound
        j) what the leaf adds to the predictor of each bound.
    added
        The tables, in parts of a deg C.
    part
        deg C of one part, over the number of trees.
    base_value
        Mean prediction over the sites, deg C.

    """

    first_leaf: NDArray
    first_bound: NDArray
    predictor: NDArray
    lowest: NDArray
    highest: NDArray
    first_entry: NDArray
    added: NDArray
    part: float
    base_value: float


def shapley_tables(trees: Trees, sites: NDArray) -> ShapleyTables:
    """Prepare the tables; ``sites`` are the background, float32 (sites, predictors).

    Raises
    ------
    ContractError
        If the trees ask for so many predictors on one path that the tables would not fit.

    """
    leaves = np.flatnonzero(trees.predictor < 0)
    first_leaf = np.searchsorted(leaves, [*trees.roots, len(trees.predictor)])
    first_bound, predictor, lowest, highest = _bounds(trees, leaves, _parents(trees))
    n_bounds = np.diff(first_bound)
    entries = n_bounds * 2.0**n_bounds
    if entries.sum() * 8 > LARGEST_TABLES:
        raise ContractError(
            f"Shapley values of every cell need tables of {entries.sum() * 8 / 2**30:.1f} GiB, as "
            f"the trees ask for up to {n_bounds.max()} predictors on one path; "
            f"{LARGEST_TABLES / 2**30:g} GiB is the limit. Write shapley_maps = false under "
            "[forest] of study.toml for a map without them, or use fewer predictors or larger "
            "leaves (min_samples_leaf)."
        )
    first_entry = np.concatenate([[0], np.cumsum(entries)]).astype(np.int64)
    largest = max(np.abs(trees.value[leaves]).max(), 1.0) * len(trees.roots)
    parts = 2.0 ** (_BITS - 1 - int(np.ceil(np.log2(largest))))
    bounds = (first_bound, predictor, lowest, highest)
    added, base = _tables(trees.ranks(sites), trees.value[leaves], *bounds, first_entry, parts)
    n_trees = len(trees.roots)
    return ShapleyTables(
        first_leaf, *bounds, first_entry, added, 1 / (parts * n_trees), base / n_trees
    )


def contributions(cells: NDArray, trees: Trees, tables: ShapleyTables) -> NDArray:
    """Contribution of each predictor to each prediction, deg C, float64 (cells, predictors).

    ``cells`` are float32 (cells, predictors) without NaN. A cell's values do not depend on the
    other cells.
    """
    ranks = trees.ranks(cells)
    order = visiting_order(ranks, np.diff(trees.first_threshold))
    return summed(ranks, order, trees, tables) * tables.part


@njit(nogil=True, cache=True)
def _parents(trees: Trees) -> NDArray:
    parents = np.full(len(trees.predictor), -1, np.int64)
    for node in range(len(trees.predictor)):
        if trees.predictor[node] >= 0:
            parents[trees.left[node]] = parents[trees.right[node]] = node
    return parents


@njit(nogil=True, cache=True)
def _bounds(
    trees: Trees, leaves: NDArray, parents: NDArray
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Bounds of every leaf: first_bound, and predictor, lowest, highest rank of each bound."""
    n_predictors = len(trees.first_threshold) - 1
    low, high = np.zeros(n_predictors, np.int32), np.zeros(n_predictors, np.int32)
    first = np.zeros(len(leaves) + 1, np.int64)
    for i in range(len(leaves)):
        _box(trees, leaves[i], parents, low, high)
        first[i + 1] = first[i] + ((low > 0) | (high < np.iinfo(np.int32).max)).sum()
    predictor = np.empty(first[-1], np.int32)
    lowest, highest = np.empty(first[-1], np.int32), np.empty(first[-1], np.int32)
    for i in range(len(leaves)):
        _box(trees, leaves[i], parents, low, high)
        bound = first[i]
        for p in range(n_predictors):
            if low[p] > 0 or high[p] < np.iinfo(np.int32).max:
                predictor[bound], lowest[bound], highest[bound] = p, low[p], high[p]
                bound += 1
    return first, predictor, lowest, highest


@njit(nogil=True, cache=True)
def _box(trees: Trees, leaf: int, parents: NDArray, low: NDArray, high: NDArray) -> None:
    """Ranks that lead to a leaf; going up, the first bound of a kind is the tightest."""
    low[:], high[:] = 0, np.iinfo(np.int32).max
    node = leaf
    while parents[node] >= 0:
        above = parents[node]
        p, rank = trees.predictor[above], trees.rank[above]
        if trees.left[above] == node:
            high[p] = min(high[p], rank)
        else:
            low[p] = max(low[p], rank + 1)
        node = above


@njit(nogil=True, cache=True)
def _tables(
    sites: NDArray,
    value: NDArray,
    first_bound: NDArray,
    predictor: NDArray,
    lowest: NDArray,
    highest: NDArray,
    first_entry: NDArray,
    parts: float,
) -> tuple[NDArray, float]:
    """Tables of all leaves in parts of a deg C, and the sum of the trees' mean predictions."""
    added, base = np.empty(first_entry[-1], np.int64), 0.0
    shares = _shares(np.diff(first_bound).max())
    for leaf in range(len(value)):
        bounds = slice(first_bound[leaf], first_bound[leaf + 1])
        m = bounds.stop - bounds.start
        found = np.zeros(2**m, np.int64)  # how many sites fulfil which of the bounds
        for site in range(len(sites)):
            found[_pattern(sites[site], predictor[bounds], lowest[bounds], highest[bounds])] += 1
        base += value[leaf] * found[-1] / len(sites)
        occupied = np.flatnonzero(found)
        for pattern in range(2**m):
            row = np.zeros(m)
            for other in occupied:
                if pattern | other == 2**m - 1:
                    _share_out(row, pattern, other, found[other] / len(sites), shares)
            for j in range(m):
                entry = first_entry[leaf] + pattern * m + j
                added[entry] = np.int64(np.rint(row[j] * value[leaf] * parts))
    return added, base


@njit(nogil=True, cache=True)
def _shares(most: int) -> NDArray:
    """(a - 1)! b! / (a + b)! for a >= 1 and b >= 0 up to ``most``."""
    shares = np.zeros((most + 1, most + 1))
    for a in range(1, most + 1):
        shares[a, 0] = 1 / a
        for b in range(1, most + 1 - a):
            shares[a, b] = shares[a, b - 1] * b / (a + b)
    return shares


@njit(nogil=True, cache=True)
def _pattern(ranks: NDArray, predictor: NDArray, lowest: NDArray, highest: NDArray) -> int:
    """Which bounds are fulfilled, bit j for bound j."""
    pattern = 0
    for j in range(len(predictor)):
        rank = ranks[predictor[j]]
        if lowest[j] <= rank <= highest[j]:
            pattern |= 1 << j
    return pattern


@njit(nogil=True, cache=True)
def _share_out(row: NDArray, cell: int, site: int, weight: float, shares: NDArray) -> None:
    """Shapley values of a leaf worth ``weight``, reached if all bounds are fulfilled.

    Where only the cell fulfils a bound its predictor must be known (a of them), where only the
    site does it must not (b of them): one of the first gains (a - 1)! b! / (a + b)!, one of the
    second loses a! (b - 1)! / (a + b)!: of all orders in which the a + b predictors can become
    known, the share in which just this one decides.
    """
    a, b = 0, 0
    for j in range(len(row)):
        a += (cell & ~site) >> j & 1
        b += (site & ~cell) >> j & 1
    for j in range(len(row)):
        if (cell & ~site) >> j & 1:
            row[j] += weight * shares[a, b]
        elif (site & ~cell) >> j & 1:
            row[j] -= weight * shares[b, a]
