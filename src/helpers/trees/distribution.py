"""Conditional distribution of cells: the weights of the sites, kept from cell to cell."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from helpers.trees.flat import Trees
from helpers.trees.visits import new_boxes, room_for_flags, trees_to_ask, visiting_order

# A cumulative sum of weights may miss a level it should reach exactly by rounding only.
ROUNDING = 1e-12


def summarise_cells(cells: NDArray, trees: Trees, levels: NDArray, at_or_below: float) -> NDArray:
    """Conditional distribution of each cell.

    Parameters
    ----------
    cells
        Predictors of the cells, float32 (cells, predictors) without NaN.
    trees
        The forest.
    levels
        Levels of the quantiles, rising, above 0 and below 1.
    at_or_below
        Temperature whose probability is asked for, deg C.

    Returns
    -------
    float64 (cells, 3 + levels): mean, standard deviation, probability, quantiles. A cell's
    numbers do not depend on the other cells.

    """
    ranks = trees.ranks(cells)
    order = visiting_order(ranks, np.diff(trees.first_threshold))
    targets = np.ceil((levels - ROUNDING) * len(trees.roots) * trees.whole).astype(np.int64)
    n_cold = int(np.searchsorted(trees.temperature_c, at_or_below, side="right"))
    return _summarised(ranks, order, trees, targets, n_cold)


def leaf_weights(cells: NDArray, trees: Trees) -> NDArray:
    """Weight of each site, coldest first, float64 (cells, sites); for few cells."""
    return _all_weights(trees.ranks(cells), trees) / float(len(trees.roots) * trees.whole)


@njit(nogil=True, cache=True)
def _summarised(
    ranks: NDArray, order: NDArray, trees: Trees, targets: NDArray, n_cold: int
) -> NDArray:
    n_trees = len(trees.roots)
    lowest, highest = new_boxes(ranks.shape[1], n_trees)
    flags, asked = room_for_flags(n_trees), np.empty(n_trees, np.int64)
    leaf = np.full(n_trees, -1, np.int32)
    weights = np.zeros(len(trees.temperature_c), np.int64)
    out = np.empty((len(ranks), 3 + len(targets)))
    before = -1
    for cell in order:
        count = trees_to_ask(ranks[cell], lowest, highest, flags, asked)
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
def _all_weights(ranks: NDArray, trees: Trees) -> NDArray:
    weights = np.zeros((len(ranks), len(trees.temperature_c)), np.int64)
    lowest, highest = new_boxes(ranks.shape[1], len(trees.roots))
    for cell in range(len(ranks)):
        for tree in range(len(trees.roots)):
            leaf = _descend(ranks[cell], trees, tree, lowest, highest)
            _take_leaf(weights[cell], trees, leaf, 1)
    return weights
