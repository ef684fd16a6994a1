"""Shapley values of a tree looked up instead of summed, where its tables are small enough.

The thresholds of a tree cut the space of the predictors into boxes in which its Shapley values stay
the same. A tree for a hundred sites and three predictors has about a thousand of them, so all can
be worked out beforehand. The numbers are those of the sums over leaves, to the last bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from helpers.trees.flat import Trees
from helpers.trees.shapley import ShapleyTables, sum_of_tree
from helpers.trees.visits import new_boxes, room_for_flags, trees_to_ask, visiting_order

LARGEST_GRID = 2**27  # bytes


class ShapleyGrid(NamedTuple):
    """Shapley values in every box of every tree.

    Attributes
    ----------
    first_rank
        Where the thresholds of each tree and predictor begin in ``rank``: those of tree t and
        predictor p at ``first_rank[t * predictors + p]``; and their number.
    rank
        Ranks of those thresholds, rising.
    first_box
        First box of each tree.
    stride
        By how many boxes one moves on over a threshold of a predictor, (trees, predictors).
    sums
        Contribution of each predictor, int64 (boxes, predictors), in parts of a deg C.

    """

    first_rank: NDArray
    rank: NDArray
    first_box: NDArray
    stride: NDArray
    sums: NDArray


def shapley_grid(trees: Trees, tables: ShapleyTables) -> ShapleyGrid | None:
    """Work out all boxes; None if they would take more than ``LARGEST_GRID``."""
    n_trees, n_predictors = len(trees.roots), len(trees.first_threshold) - 1
    first_rank, rank = _own_thresholds(trees, n_trees, n_predictors)
    sides = np.diff(first_rank).reshape(n_trees, n_predictors) + 1
    boxes = sides.astype(float).prod(axis=1)
    if boxes.sum() * n_predictors * 8 > LARGEST_GRID:
        return None
    after = np.cumprod(sides[:, ::-1], axis=1)[:, ::-1]
    stride = np.concatenate([after[:, 1:], np.ones((n_trees, 1), np.int64)], axis=1)
    first_box = np.concatenate([[0], np.cumsum(after[:, 0])])
    sums = _all_boxes(first_rank, rank, first_box, stride, tables)
    return ShapleyGrid(first_rank, rank, first_box[:-1], stride, sums)


def looked_up(cells: NDArray, trees: Trees, tables: ShapleyTables, grid: ShapleyGrid) -> NDArray:
    """The same as :func:`helpers.trees.contributions`, to the last bit, and faster."""
    ranks = trees.ranks(cells)
    order = visiting_order(ranks, np.diff(trees.first_threshold))
    return _looked_up(ranks, order, grid) * tables.part


def _own_thresholds(trees: Trees, n_trees: int, n_predictors: int) -> tuple[NDArray, NDArray]:
    """Ranks of the thresholds that each tree has for each predictor, and where they begin."""
    nodes = np.flatnonzero(trees.predictor >= 0)
    tree = np.searchsorted(trees.roots, nodes, side="right") - 1
    width = len(trees.thresholds) + 1
    group = tree * n_predictors + trees.predictor[nodes]
    group, rank = np.divmod(np.unique(group * width + trees.rank[nodes]), width)
    first = np.searchsorted(group, np.arange(n_trees * n_predictors + 1))
    return first, rank.astype(np.int32)


@njit(nogil=True, cache=True)
def _all_boxes(
    first_rank: NDArray,
    rank: NDArray,
    first_box: NDArray,
    stride: NDArray,
    tables: ShapleyTables,
) -> NDArray:
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
            sum_of_tree(inside, tree, tables, sums[box])
    return sums


@njit(nogil=True, cache=True)
def _looked_up(ranks: NDArray, order: NDArray, grid: ShapleyGrid) -> NDArray:
    n_trees, n_predictors = grid.stride.shape
    lowest, highest = new_boxes(n_predictors, n_trees)
    flags, asked = room_for_flags(n_trees), np.empty(n_trees, np.int64)
    box_of = np.full(n_trees, -1, np.int64)
    total = np.zeros(n_predictors, np.int64)
    out = np.empty(ranks.shape, np.int64)
    for cell in order:
        count = trees_to_ask(ranks[cell], lowest, highest, flags, asked)
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
