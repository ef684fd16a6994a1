"""The compiled loops over cells: which trees to ask again, and what their answers sum up to.

They stand in one file because Numba keeps what it has compiled until the file of the function
changes: a function that called one of another file would go on with the old one. (For the same
reason this file must change, if only by a blank, when fields of the tuples it takes change places.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

if TYPE_CHECKING:
    from helpers.trees.flat import Trees
    from helpers.trees.grid import ShapleyGrid
    from helpers.trees.shapley import ShapleyTables


@njit(nogil=True, cache=True)
def interleaved(coarse: NDArray, bits: int) -> NDArray:
    """One number from the bits of several, the highest bits of all first."""
    codes = np.zeros(len(coarse), np.int64)
    for cell in range(len(coarse)):
        for bit in range(bits - 1, -1, -1):
            for p in range(coarse.shape[1]):
                codes[cell] = (codes[cell] << 1) | ((coarse[cell, p] >> bit) & 1)
    return codes


@njit(nogil=True, cache=True)
def _new_boxes(n_predictors: int, n_trees: int) -> tuple[NDArray, NDArray]:
    """Lowest and highest ranks (predictors, trees) that no cell fulfils: every tree is asked."""
    return np.ones((n_predictors, n_trees), np.int32), np.zeros((n_predictors, n_trees), np.int32)


@njit(nogil=True, cache=True)
def _trees_to_ask(
    ranks: NDArray, lowest: NDArray, highest: NDArray, left: NDArray, asked: NDArray
) -> int:
    """Put the trees whose box the cell has left into ``asked``; returns their number.

    ``left`` is room for one byte per tree, filled up to a multiple of eight: one compiled
    comparison does many trees at once, and eight that stay are passed over together.
    """
    n_trees = lowest.shape[1]
    left[:] = 0
    for p in range(len(ranks)):
        rank, low, high = ranks[p], lowest[p], highest[p]
        for tree in range(n_trees):
            left[tree] |= np.uint8(rank < low[tree]) | np.uint8(rank > high[tree])
    count = 0
    for position, eight in enumerate(left.view(np.uint64)):
        if eight:
            for tree in range(8 * position, min(8 * position + 8, n_trees)):
                if left[tree]:
                    asked[count] = tree
                    count += 1
    return count


@njit(nogil=True, cache=True)
def _room_for_flags(n_trees: int) -> NDArray:
    """One byte per tree, filled up to a multiple of eight."""
    return np.zeros((n_trees + 7) // 8 * 8, np.uint8)


@njit(nogil=True, cache=True)
def summarised(
    ranks: NDArray, order: NDArray, trees: Trees, targets: NDArray, n_cold: int
) -> NDArray:
    """Mean, standard deviation, probability and quantiles of every cell, (cells, 3 + targets).

    ``targets`` are the cumulative weights at which the quantiles are reached, ``n_cold`` the number
    of sites that count for the probability.
    """
    n_trees = len(trees.roots)
    lowest, highest = _new_boxes(ranks.shape[1], n_trees)
    flags, asked = _room_for_flags(n_trees), np.empty(n_trees, np.int64)
    leaf = np.full(n_trees, -1, np.int32)
    weights = np.zeros(len(trees.temperature_c), np.int64)
    out = np.empty((len(ranks), 3 + len(targets)))
    before = -1
    for cell in order:
        count = _trees_to_ask(ranks[cell], lowest, highest, flags, asked)
        if count == 0:
            out[cell] = out[before]
        else:
            for tree in asked[:count]:
                _take_leaf(weights, trees, leaf[tree], -1)
                leaf[tree] = _descend(ranks[cell], trees, tree, lowest, highest)
                _take_leaf(weights, trees, leaf[tree], 1)
            _summary(weights, trees, targets, n_cold, out[cell])
        before = cell
    return out


@njit(nogil=True, cache=True)
def _descend(ranks: NDArray, trees: Trees, tree: int, lowest: NDArray, highest: NDArray) -> int:
    """Leaf of the cell, and the box of ranks that all cells in this leaf share."""
    for p in range(len(ranks)):
        lowest[p, tree], highest[p, tree] = 0, np.iinfo(np.int32).max
    node = trees.roots[tree]
    while trees.predictor[node] >= 0:
        p, rank = trees.predictor[node], trees.rank[node]
        if ranks[p] <= rank:
            highest[p, tree], node = rank, trees.left[node]
        else:
            lowest[p, tree], node = rank + 1, trees.right[node]
    return node


@njit(nogil=True, cache=True)
def _take_leaf(weights: NDArray, trees: Trees, leaf: int, times: int) -> None:
    """Add the shares of a leaf to the weights, or take them away; no leaf before the first."""
    if leaf >= 0:
        for k in range(trees.first[leaf], trees.first[leaf + 1]):
            weights[trees.site[k]] += times * trees.share[k]


@njit(nogil=True, cache=True)
def _summary(weights: NDArray, trees: Trees, targets: NDArray, n_cold: int, out: NDArray) -> None:
    temperature, whole = trees.temperature_c, float(len(trees.roots) * trees.whole)
    cumulative, reached, total, variance = 0, 0, 0.0, 0.0
    out[2] = 0.0
    for site in range(len(weights)):
        cumulative += weights[site]
        total += weights[site] * temperature[site]
        if site == n_cold - 1:
            out[2] = cumulative / whole
        while reached < len(targets) and cumulative >= targets[reached]:
            out[3 + reached] = temperature[site]
            reached += 1
    mean = total / whole
    for site in range(len(weights)):
        variance += weights[site] * (temperature[site] - mean) ** 2
    out[0], out[1] = mean, np.sqrt(variance / whole)


@njit(nogil=True, cache=True)
def all_weights(ranks: NDArray, trees: Trees) -> NDArray:
    """Weight of each site at each cell in parts of the whole, int64 (cells, sites)."""
    weights = np.zeros((len(ranks), len(trees.temperature_c)), np.int64)
    lowest, highest = _new_boxes(ranks.shape[1], len(trees.roots))
    for cell in range(len(ranks)):
        for tree in range(len(trees.roots)):
            leaf = _descend(ranks[cell], trees, tree, lowest, highest)
            _take_leaf(weights[cell], trees, leaf, 1)
    return weights


@njit(nogil=True, cache=True)
def summed(ranks: NDArray, order: NDArray, trees: Trees, tables: ShapleyTables) -> NDArray:
    """Sums over all leaves in parts of a deg C, int64 (cells, predictors)."""
    n_trees, n_predictors = len(trees.roots), ranks.shape[1]
    lowest, highest = _new_boxes(n_predictors, n_trees)
    flags, asked = _room_for_flags(n_trees), np.empty(n_trees, np.int64)
    of_tree = np.zeros((n_trees, n_predictors), np.int64)
    total = np.zeros(n_predictors, np.int64)
    out = np.empty(ranks.shape, np.int64)
    for cell in order:
        count = _trees_to_ask(ranks[cell], lowest, highest, flags, asked)
        for tree in asked[:count]:
            total -= of_tree[tree]
            _sum_of_tree(ranks[cell], tree, tables, of_tree[tree])
            _own_box(ranks[cell], trees, tree, lowest, highest)
            total += of_tree[tree]
        out[cell] = total
    return out


@njit(nogil=True, cache=True)
def _sum_of_tree(ranks: NDArray, tree: int, tables: ShapleyTables, out: NDArray) -> None:
    """Contributions of one tree to a cell, in parts of a deg C, into ``out`` (predictors,)."""
    out[:] = 0
    for leaf in range(tables.first_leaf[tree], tables.first_leaf[tree + 1]):
        begin, end = tables.first_bound[leaf], tables.first_bound[leaf + 1]
        pattern = 0
        for bound in range(begin, end):
            rank = ranks[tables.predictor[bound]]
            inside = (tables.lowest[bound] <= rank) & (rank <= tables.highest[bound])
            pattern |= inside << (bound - begin)
        entry = tables.first_entry[leaf] + pattern * (end - begin) - begin
        for bound in range(begin, end):
            out[tables.predictor[bound]] += tables.added[entry + bound]


@njit(nogil=True, cache=True)
def _own_box(ranks: NDArray, trees: Trees, tree: int, lowest: NDArray, highest: NDArray) -> None:
    """Ranks between the thresholds of this tree: all its leaves see the same pattern there."""
    for p in range(len(ranks)):
        lowest[p, tree], highest[p, tree] = 0, np.iinfo(np.int32).max
    end = trees.roots[tree + 1] if tree + 1 < len(trees.roots) else len(trees.predictor)
    for node in range(trees.roots[tree], end):
        p, rank = trees.predictor[node], trees.rank[node]
        if p >= 0 and ranks[p] <= rank:
            highest[p, tree] = min(highest[p, tree], rank)
        elif p >= 0:
            lowest[p, tree] = max(lowest[p, tree], rank + 1)


@njit(nogil=True, cache=True)
def all_boxes(
    first_rank: NDArray,
    rank: NDArray,
    first_box: NDArray,
    stride: NDArray,
    tables: ShapleyTables,
) -> NDArray:
    """Contributions in every box of every tree, int64 (boxes, predictors)."""
    n_trees, n_predictors = stride.shape
    sums = np.zeros((first_box[-1], n_predictors), np.int64)
    inside = np.empty(n_predictors, np.int32)  # ranks of some cell in the box
    for tree in range(n_trees):
        for box in range(first_box[tree], first_box[tree + 1]):
            rest = box - first_box[tree]
            for p in range(n_predictors):
                begin = first_rank[tree * n_predictors + p]
                end = first_rank[tree * n_predictors + p + 1]
                position = begin + rest // stride[tree, p]
                rest %= stride[tree, p]
                if position < end:
                    inside[p] = rank[position]
                else:
                    inside[p] = rank[end - 1] + 1 if end > begin else 0
            _sum_of_tree(inside, tree, tables, sums[box])
    return sums


@njit(nogil=True, cache=True)
def looked_up_sums(ranks: NDArray, order: NDArray, grid: ShapleyGrid) -> NDArray:
    """The same as :func:`summed`, from boxes worked out before."""
    n_trees, n_predictors = grid.stride.shape
    lowest, highest = _new_boxes(n_predictors, n_trees)
    flags, asked = _room_for_flags(n_trees), np.empty(n_trees, np.int64)
    box_of = np.full(n_trees, -1, np.int64)
    total = np.zeros(n_predictors, np.int64)
    out = np.empty(ranks.shape, np.int64)
    for cell in order:
        count = _trees_to_ask(ranks[cell], lowest, highest, flags, asked)
        for tree in asked[:count]:
            before = box_of[tree]
            box_of[tree] = box = _find_box(ranks[cell], tree, grid, lowest, highest)
            for p in range(n_predictors):
                if before >= 0:
                    total[p] -= grid.sums[before, p]
                total[p] += grid.sums[box, p]
        out[cell] = total
    return out


@njit(nogil=True, cache=True)
def _find_box(
    ranks: NDArray, tree: int, grid: ShapleyGrid, lowest: NDArray, highest: NDArray
) -> int:
    """Box of a cell in a tree, and the ranks that stay in it."""
    box = grid.first_box[tree]
    for p in range(len(ranks)):
        begin = grid.first_rank[tree * len(ranks) + p]
        end = grid.first_rank[tree * len(ranks) + p + 1]
        position = begin + np.searchsorted(grid.rank[begin:end], ranks[p])
        lowest[p, tree] = grid.rank[position - 1] + 1 if position > begin else 0
        highest[p, tree] = grid.rank[position] if position < end else np.iinfo(np.int32).max
        box += (position - begin) * grid.stride[tree, p]
    return box
