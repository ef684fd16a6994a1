"""Shapley values of a tree looked up instead of summed, where its tables are small enough.

The thresholds of a tree cut the space of the predictors into boxes in which its Shapley values stay
the same. A tree for a hundred sites and three predictors has about a thousand of them, so all can
be worked out beforehand. The numbers are those of the sums over leaves, to the last bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.trees.flat import Trees
from helpers.trees.loops import all_boxes, looked_up_sums
from helpers.trees.shapley import ShapleyTables
from helpers.trees.visits import visiting_order

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
    sums = all_boxes(first_rank, rank, first_box, stride, tables)
    return ShapleyGrid(first_rank, rank, first_box[:-1], stride, sums)


def looked_up(cells: NDArray, trees: Trees, tables: ShapleyTables, grid: ShapleyGrid) -> NDArray:
    """The same as :func:`helpers.trees.contributions`, to the last bit, and faster."""
    ranks = trees.ranks(cells)
    order = visiting_order(ranks, np.diff(trees.first_threshold))
    return looked_up_sums(ranks, order, grid) * tables.part


def _own_thresholds(trees: Trees, n_trees: int, n_predictors: int) -> tuple[NDArray, NDArray]:
    """Ranks of the thresholds that each tree has for each predictor, and where they begin."""
    nodes = np.flatnonzero(trees.predictor >= 0)
    tree = np.searchsorted(trees.roots, nodes, side="right") - 1
    width = len(trees.thresholds) + 1
    group = tree * n_predictors + trees.predictor[nodes]
    group, rank = np.divmod(np.unique(group * width + trees.rank[nodes]), width)
    first = np.searchsorted(group, np.arange(n_trees * n_predictors + 1))
    return first, rank.astype(np.int32)
