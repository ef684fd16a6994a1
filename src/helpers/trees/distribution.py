"""Conditional distribution of cells: the weights of the sites, kept from cell to cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from helpers.trees.flat import Trees
from helpers.trees.loops import all_weights, summarised
from helpers.trees.visits import visiting_order

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
    targets = np.maximum(targets, 1)  # a site without weight is no quantile
    n_cold = int(np.searchsorted(trees.temperature_c, at_or_below, side="right"))
    return summarised(ranks, order, trees, targets, n_cold)


def leaf_weights(cells: NDArray, trees: Trees) -> NDArray:
    """Weight of each site, coldest first, float64 (cells, sites); for few cells."""
    return all_weights(trees.ranks(cells), trees) / float(len(trees.roots) * trees.whole)
