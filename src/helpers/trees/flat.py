"""All trees of a forest as flat arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

_BITS = 62  # of a whole number that may still be added to another one like it


class Trees(NamedTuple):
    """Trees one after the other; node numbers run through all of them.

    A cell goes left in a node if its predictor is at most the node's threshold. The thresholds of
    each predictor are sorted, and a cell is known by its ranks: how many thresholds lie below it.
    So it goes left if its rank is at most that of the node.

    Attributes
    ----------
    thresholds, first_threshold
        Different thresholds of each predictor, rising; those of predictor p begin at
        ``first_threshold[p]`` and end where those of the next one begin.
    roots
        First node of each tree.
    predictor, rank, left, right
        Of each node: go left if the rank of the predictor is at most this one, otherwise right.
        ``predictor`` is negative in a leaf.
    value
        Mean temperature of the sites in each node, deg C.
    first
        Where the sites of each node begin in ``site`` and ``share``; those of node n end where
        those of node n + 1 begin. Only leaves hold sites.
    site, share
        Position in ``temperature_c``, and the site's share of the bootstrap copies in the leaf in
        parts of ``whole``: those of a leaf sum to ``whole`` exactly.
    temperature_c
        Temperatures of the training sites from cold to warm, deg C.
    whole
        What a share of 1 is written as.

    """

    thresholds: NDArray
    first_threshold: NDArray
    roots: NDArray
    predictor: NDArray
    rank: NDArray
    left: NDArray
    right: NDArray
    value: NDArray
    first: NDArray
    site: NDArray
    share: NDArray
    temperature_c: NDArray
    whole: int

    def ranks(self, cells: NDArray) -> NDArray:
        """Number of thresholds below each predictor, int32 (cells, predictors).

        ``cells`` are float32, as scikit-learn compares them, without NaN.
        """
        ranks = np.empty(cells.shape, np.int32)
        bounds = zip(self.first_threshold[:-1], self.first_threshold[1:], strict=True)
        for p, (begin, end) in enumerate(bounds):
            values = cells[:, p].astype(float)
            ranks[:, p] = np.searchsorted(self.thresholds[begin:end], values)
        return ranks


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
    counts = [tree.node_count for tree in trees]
    ends = np.cumsum(counts)
    roots = np.concatenate([[0], ends[:-1]])
    offset = np.repeat(roots, counts)

    def joined(name: str) -> NDArray:
        """Array of this name of all trees, one after the other."""
        return np.concatenate([getattr(tree, name) for tree in trees])

    predictor, value = joined("feature").astype(np.int32), joined("value").ravel()
    order = from_cold(temperature)
    node, site, share = _sites_in_leaves(model, predictors[order], order, roots)
    means = np.bincount(node, share * temperature[order][site], ends[-1])
    _check_leaves(means, value, predictor < 0)
    whole = 2 ** (_BITS - int(np.ceil(np.log2(len(trees)))))
    thresholds, rank = _ranked(predictor, joined("threshold"), predictors.shape[1])
    return Trees(
        thresholds=np.concatenate(thresholds),
        first_threshold=np.cumsum([0, *map(len, thresholds)]),
        roots=roots.astype(np.int32),
        predictor=predictor,
        rank=rank,
        left=(joined("children_left") + offset).astype(np.int32),
        right=(joined("children_right") + offset).astype(np.int32),
        value=value,
        first=np.searchsorted(node, np.arange(ends[-1] + 1)).astype(np.int32),
        site=site.astype(np.int32),
        share=_as_parts(share, node, whole),
        temperature_c=temperature[order].astype(float),
        whole=whole,
    )


def _sites_in_leaves(
    model: RandomForestRegressor, predictors: NDArray, order: NDArray, roots: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Node, site (counted from the coldest) and share, ordered by node."""
    times_drawn = np.stack(
        [np.bincount(drawn, minlength=len(order))[order] for drawn in model.estimators_samples_]
    )
    # As model.apply, which takes longer to share out so little work than to do it.
    leaves = np.stack([tree.tree_.apply(predictors) for tree in model.estimators_])
    leaves += roots[:, None]
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


def _ranked(
    predictor: NDArray, threshold: NDArray, n_predictors: int
) -> tuple[list[NDArray], NDArray]:
    """Different thresholds of each predictor, and which of them each node has."""
    thresholds, rank = [], np.zeros(len(predictor), np.int32)
    for p in range(n_predictors):
        nodes = predictor == p
        different, rank[nodes] = np.unique(threshold[nodes], return_inverse=True)
        thresholds.append(different)
    return thresholds, rank


def _as_parts(share: NDArray, node: NDArray, whole: int) -> NDArray:
    """Shares as whole numbers; what rounding leaves over goes to the first site of each leaf."""
    parts = np.floor(share * whole).astype(np.int64)
    first = np.flatnonzero(np.diff(node, prepend=-1))
    parts[first] += whole - np.add.reduceat(parts, first)
    return parts
