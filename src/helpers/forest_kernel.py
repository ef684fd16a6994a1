"""All trees of a forest as flat arrays, and the one compiled loop that walks them.

A grid of a million cells times five hundred trees is too much for Python and, as a matrix of
weights (cells times sites), too much for memory. The loop holds the weights of a few cells only,
and reads mean, spread, quantiles and probability from them before it goes on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

# A cumulative sum of weights may miss a level it should reach exactly by rounding only.
ROUNDING = 1e-12
_CELLS_AT_ONCE = 64


class Trees(NamedTuple):
    """Trees one after the other; node numbers run through all of them.

    Attributes
    ----------
    roots
        First node of each tree.
    predictor, threshold, left, right
        Of each node: go left if the predictor (as float32) is at most the threshold, otherwise
        right. ``predictor`` is negative in a leaf.
    first
        Where the sites of each node begin in ``site`` and ``share``; those of node n end where
        those of node n + 1 begin. Only leaves hold sites.
    site, share
        Position in ``temperature_c``, and the site's share of the bootstrap copies in the leaf,
        divided by the number of trees.
    temperature_c
        Temperatures of the training sites from cold to warm, deg C.

    """

    roots: NDArray
    predictor: NDArray
    threshold: NDArray
    left: NDArray
    right: NDArray
    first: NDArray
    site: NDArray
    share: NDArray
    temperature_c: NDArray


def from_cold(temperature: NDArray) -> NDArray:
    """Row numbers of the sites from cold to warm."""
    return np.argsort(temperature, kind="stable")


def flatten_trees(model: RandomForestRegressor, predictors: NDArray, temperature: NDArray) -> Trees:
    """Flat arrays of a fitted forest.

    Parameters
    ----------
    model
        The fitted forest.
    predictors, temperature
        What it was fitted to: float32 (sites, predictors), and deg C (sites,).

    Raises
    ------
    ValueError
        If the values in the leaves do not follow from the training sites.

    """
    trees = [estimator.tree_ for estimator in model.estimators_]
    ends = np.cumsum([tree.node_count for tree in trees])
    roots = np.concatenate([[0], ends[:-1]])
    offset = np.repeat(roots, [tree.node_count for tree in trees])

    def joined(name: str) -> NDArray:
        """Array of this name of all trees, one after the other."""
        return np.concatenate([getattr(tree, name) for tree in trees])

    order = from_cold(temperature)
    node, site, share = _sites_in_leaves(model, predictors[order], order, roots)
    flat = Trees(
        roots=roots.astype(np.int32),
        predictor=joined("feature").astype(np.int32),
        threshold=joined("threshold"),
        left=(joined("children_left") + offset).astype(np.int32),
        right=(joined("children_right") + offset).astype(np.int32),
        first=np.searchsorted(node, np.arange(ends[-1] + 1)).astype(np.int32),
        site=site.astype(np.int32),
        share=share / len(trees),
        temperature_c=temperature[order].astype(float),
    )
    means = np.bincount(node, share * flat.temperature_c[site], ends[-1])
    _check_leaves(means, joined("value").ravel(), flat.predictor < 0)
    return flat


def _sites_in_leaves(
    model: RandomForestRegressor, predictors: NDArray, order: NDArray, roots: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Node, site (counted from the coldest) and share, ordered by node."""
    times_drawn = np.stack(
        [np.bincount(drawn, minlength=len(order))[order] for drawn in model.estimators_samples_]
    )
    leaves = model.apply(predictors).T + roots[:, None]
    tree, site = np.nonzero(times_drawn)
    node, copies = leaves[tree, site], times_drawn[tree, site]
    share = copies / np.bincount(node, copies)[node]
    by_node = np.lexsort((site, node))
    return node[by_node], site[by_node], share[by_node]


def _check_leaves(means: NDArray, values: NDArray, is_leaf: NDArray) -> None:
    """Proof that the bootstrap samples found again are those the trees grew from."""
    if not np.allclose(means[is_leaf], values[is_leaf], rtol=1e-9, atol=1e-9):
        worst = np.abs(means - values)[is_leaf].max()
        raise ValueError(
            f"The leaves of the forest differ from the means of their training sites by up to "
            f"{worst:.3g} deg C: trees and training table do not belong together, or another "
            "release of scikit-learn drew the bootstrap samples. Fit the forest again."
        )


@njit(nogil=True, cache=True)
def add_weights(weights: NDArray, cells: NDArray, trees: Trees) -> None:
    """Add the weight of each site, coldest first, to ``weights`` (cells, sites)."""
    # Tree by tree for all cells: a tree then stays in the fast memory of the processor.
    for root in trees.roots:
        for cell in range(len(cells)):
            node = root
            while trees.predictor[node] >= 0:
                if cells[cell, trees.predictor[node]] <= trees.threshold[node]:
                    node = trees.left[node]
                else:
                    node = trees.right[node]
            for k in range(trees.first[node], trees.first[node + 1]):
                weights[cell, trees.site[k]] += trees.share[k]


@njit(nogil=True, cache=True)
def _summarise(weights: NDArray, temperature: NDArray, levels: NDArray, n_cold: int, out: NDArray):
    mean, variance = 0.0, 0.0
    for i in range(len(weights)):
        mean += weights[i] * temperature[i]
    for i in range(len(weights)):
        variance += weights[i] * (temperature[i] - mean) ** 2
    for i in range(1, len(weights)):
        weights[i] += weights[i - 1]  # from here on cumulative
    out[0], out[1] = mean, np.sqrt(variance)
    out[2] = min(weights[n_cold - 1], 1.0) if n_cold > 0 else 0.0
    for i in range(len(levels)):
        out[3 + i] = temperature[np.searchsorted(weights, levels[i] - ROUNDING)]


@njit(nogil=True, cache=True)
def summarise_cells(cells: NDArray, trees: Trees, levels: NDArray, at_or_below: float) -> NDArray:
    """Conditional distribution of each cell, in one pass over the trees.

    Parameters
    ----------
    cells
        Predictors of the cells, float32 (cells, predictors) without NaN.
    trees
        The forest.
    levels
        Levels of the quantiles, above 0 and below 1.
    at_or_below
        Temperature whose probability is asked for, deg C.

    Returns
    -------
    float64 (cells, 3 + levels): mean, standard deviation, probability, quantiles. A cell's
    numbers do not depend on the cells around it.

    """
    temperature = trees.temperature_c
    n_cold = np.searchsorted(temperature, at_or_below, side="right")
    out = np.empty((len(cells), 3 + len(levels)))
    weights = np.empty((_CELLS_AT_ONCE, len(temperature)))
    for start in range(0, len(cells), _CELLS_AT_ONCE):
        some = cells[start : start + _CELLS_AT_ONCE]
        weights[:] = 0.0
        add_weights(weights, some, trees)
        for i in range(len(some)):
            _summarise(weights[i], temperature, levels, n_cold, out[start + i])
    return out
