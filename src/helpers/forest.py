"""The random forest and its conditional distribution: mean, quantiles, probability of permafrost.

A forest is a way of weighting training sites. The weight of site i at a place x is the mean over
the trees of the share of i's bootstrap copies in the leaf that x falls into. The weighted mean of
the sites' temperatures is the forest's prediction; their weighted distribution is an estimate of
the distribution of the temperature at x (Meinshausen 2006, Quantile regression forests, J. Mach.
Learn. Res. 7, 983-999).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import RandomForestRegressor

from helpers.forest_file import nodes_are_sound, read_trusted, write_trusted
from helpers.storage import ContractError, require
from helpers.training import check_training
from helpers.trees import (
    ShapleyGrid,
    ShapleyTables,
    Trees,
    flatten_trees,
    from_cold,
    leaf_weights,
    shapley_grid,
    shapley_tables,
    summarise_cells,
)

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_CONTENT = {
    "model": RandomForestRegressor,
    "names": list,
    "predictors": np.ndarray,
    "temperature_c": np.ndarray,
    "sample_weight": np.ndarray,
}


@dataclass(frozen=True, eq=False)
class Distribution:
    """Conditional distribution at n places; NaN where a predictor was missing.

    Attributes
    ----------
    mean, standard_deviation
        deg C, (n,). The mean is the forest's prediction.
    quantiles
        deg C, (n, levels).
    probability
        Of a temperature at or below the one asked for, 0 to 1, (n,).

    """

    mean: NDArray
    standard_deviation: NDArray
    quantiles: NDArray
    probability: NDArray


@dataclass(frozen=True, eq=False)
class Forest:
    """A fitted forest and the sites it was fitted to; made by :func:`fit_forest`.

    Attributes
    ----------
    model
        scikit-learn's forest, fitted to ``predictors`` without names.
    names
        Names of the predictors, in the order of the columns.
    predictors, temperature_c
        Training sites: (sites, predictors), and deg C (sites,).
    sample_weight
        How much each site counted in the fit, (sites,).

    """

    model: RandomForestRegressor
    names: tuple[str, ...]
    predictors: NDArray
    temperature_c: NDArray
    sample_weight: NDArray

    @cached_property
    def trees(self) -> Trees:
        """The trees as flat arrays, sites from cold to warm."""
        return flatten_trees(self.model, self.predictors.astype(np.float32), self.temperature_c)

    @cached_property
    def shapley_tables(self) -> ShapleyTables:
        """What each leaf adds to the Shapley values; background are all training sites."""
        return shapley_tables(self.trees, self.predictors.astype(np.float32))

    @cached_property
    def shapley_grid(self) -> ShapleyGrid | None:
        """Shapley values in all boxes of the trees, for many cells; None if too large."""
        return shapley_grid(self.trees, self.shapley_tables)

    def matrix(self, x: pd.DataFrame) -> NDArray:
        """Predictors of ``x``, matched by name, as float32: what scikit-learn compares.

        Raises
        ------
        ContractError
            If a predictor is missing, or a name is there more than once.

        """
        amiss = [name for name in self.names if (x.columns == name).sum() != 1]
        if amiss:
            raise ContractError(
                f"Predictor {', '.join(amiss)} missing, or there twice; the forest was fitted to "
                f"{', '.join(self.names)}. Found: {', '.join(map(str, x.columns))}."
            )
        return np.ascontiguousarray(x[list(self.names)], dtype=np.float32)

    def complete_matrix(self, x: pd.DataFrame) -> NDArray:
        """As :meth:`matrix`, but also a ContractError if a row lacks a predictor."""
        cells = self.matrix(x)
        incomplete = x.index[~np.isfinite(cells).all(axis=1)]
        if len(incomplete):
            raise ContractError(
                f"{len(incomplete)} of {len(x)} rows lack a predictor, the first is "
                f"{incomplete[0]}; leave them out: what is not predicted cannot be explained."
            )
        return cells

    def predict(self, x: pd.DataFrame) -> NDArray:
        """Predicted temperature, deg C (n,); NaN in rows where a predictor is missing."""
        cells = self.matrix(x)
        complete = np.isfinite(cells).all(axis=1)
        predicted = np.full(len(cells), np.nan)
        if complete.any():
            predicted[complete] = self.model.predict(cells[complete])
        return predicted

    def distribution(
        self, x: pd.DataFrame, quantiles: Sequence[float] = QUANTILES, at_or_below: float = 0.0
    ) -> Distribution:
        """Conditional distribution of the temperature, in one pass over the trees.

        Parameters
        ----------
        x
            Table with the predictors as columns, in any order; others are ignored.
        quantiles
            Levels, rising, above 0 and below 1. A quantile is the inverse of the weighted empirical
            distribution: the lowest training temperature at which the cumulative weight reaches
            the level (to 1e-12). So it is always a temperature that was observed.
        at_or_below
            Temperature whose probability is asked for, deg C; at 0 that of permafrost.

        Raises
        ------
        ContractError
            If a predictor is missing.
        ValueError
            If a level is not above 0 and below 1, they do not rise, or the temperature is none.

        """
        levels = np.asarray(quantiles, dtype=float)
        if not ((levels > 0) & (levels < 1)).all() or (np.diff(levels) <= 0).any():
            raise ValueError(
                f"quantiles: {list(quantiles)}; each must be above 0 and below 1, and above the "
                "one before."
            )
        if not np.isfinite(at_or_below):
            raise ValueError(f"at_or_below is {at_or_below}; a temperature in deg C is needed.")
        cells = self.matrix(x)
        complete = np.isfinite(cells).all(axis=1)
        out = np.full((len(cells), 3 + len(levels)), np.nan)
        out[complete] = summarise_cells(cells[complete], self.trees, levels, float(at_or_below))
        return Distribution(out[:, 0], out[:, 1], out[:, 3:], out[:, 2])

    def leaf_weights(self, x: pd.DataFrame) -> NDArray:
        """Weight of each training site at each row of x, (n, sites); for panels, not for maps.

        Each row sums to 1; NaN where a predictor is missing.
        """
        cells = self.matrix(x)
        complete = np.isfinite(cells).all(axis=1)
        in_order = np.full((len(cells), len(self.temperature_c)), np.nan)
        by_warmth = np.ix_(complete, from_cold(self.temperature_c))
        in_order[by_warmth] = leaf_weights(cells[complete], self.trees)
        return in_order

    def out_of_bag(self) -> NDArray:
        """Prediction of each site by the trees that did not draw it, deg C (sites,), or NaN."""
        sites = self.predictors.astype(np.float32)
        predicted = [tree.tree_.predict(sites).ravel() for tree in self.model.estimators_]
        drawn = [np.bincount(d, minlength=len(sites)) > 0 for d in self.model.estimators_samples_]
        unseen = ~np.stack(drawn)
        total, n_trees = np.sum(predicted, axis=0, where=unseen), unseen.sum(axis=0)
        return np.divide(total, n_trees, out=np.full(len(sites), np.nan), where=n_trees > 0)

    def save(self, path: str | Path) -> Path:
        """Write the forest with skops; the same forest gives the same bytes."""
        content = {name: getattr(self, name) for name in _CONTENT} | {"names": list(self.names)}
        return write_trusted(content, path)


def fit_forest(
    predictors: pd.DataFrame,
    temperature_c: ArrayLike,
    *,
    n_trees: int = 500,
    min_samples_leaf: int = 2,
    max_features: float = 0.67,
    seed: int = 0,
    sample_weight: ArrayLike | None = None,
    bootstrap: bool = True,
) -> Forest:
    """Fit a forest to the sites.

    Parameters
    ----------
    predictors
        One row per site, one column per predictor; the index names the sites in messages.
    temperature_c
        Temperature of each site, deg C.
    n_trees, min_samples_leaf, max_features, seed
        As scikit-learn's; ``max_features`` is the share of the predictors tried at each split,
        so that 1 means all of them, not one.
    sample_weight
        How much each site counts: it is drawn into the bootstrap samples with a probability in
        proportion to it (scikit-learn from 1.9 on; before, a weight multiplied the copies that
        were drawn, and the conditional distribution would not know). Equal weights are as none.
    bootstrap
        False grows every tree from all sites; to see how a single tree works.

    Raises
    ------
    ContractError
        If a number is missing, two predictors have one name, or the tables do not fit together.

    """
    y = np.asarray(temperature_c, dtype=float)
    check_training(predictors, y)
    if sample_weight is not None and not bootstrap:
        raise ValueError("sample_weight steers the bootstrap; it has no meaning without one.")
    model = RandomForestRegressor(
        n_trees,
        min_samples_leaf=min_samples_leaf,
        max_features=float(max_features),
        random_state=seed,
        bootstrap=bootstrap,
    )
    x = predictors.to_numpy(dtype=float)
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    if not _are_weights(weight, y):
        raise ValueError(f"sample_weight must hold {len(y)} finite numbers of 0 or more.")
    # With weights scikit-learn draws by other random numbers; equal ones must not change a thing.
    model.fit(x, y, weight if np.ptp(weight) > 0 else None)
    return Forest(model, tuple(predictors.columns), x, y, weight)


def _are_weights(weight: NDArray, of: NDArray) -> bool:
    return weight.shape == of.shape and bool((np.isfinite(weight) & (weight >= 0)).all())


def load_forest(path: str | Path, made_by: str = "") -> Forest:
    """Read a forest written by :meth:`Forest.save`.

    Parameters
    ----------
    path
        The file.
    made_by
        What makes it, for the message when it is missing.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ContractError
        If the file is no forest, holds a type that is not trusted, or was tampered with.

    """
    path = require(path, made_by)
    content = read_trusted(path)
    kinds = content if isinstance(content, dict) else {}
    if {name: type(value) for name, value in kinds.items()} != _CONTENT:
        raise ContractError(
            f"{path}: not a forest written by this release of the program. Fit the forest again."
        )
    forest = Forest(**content | {"names": tuple(content["names"])})
    needed = (*forest.temperature_c.shape, len(forest.names))
    if forest.predictors.shape != needed:
        raise ContractError(
            f"{path}: the training sites have shape {forest.predictors.shape}; "
            f"temperatures and names ask for {needed}."
        )
    if not _are_weights(forest.sample_weight, forest.temperature_c):
        raise ContractError(
            f"{path}: the weights are not {needed[0]} finite numbers of 0 or more. Fit the forest "
            "again."
        )
    for number, tree in enumerate(forest.model.estimators_):
        if not nodes_are_sound(tree, len(forest.names)):
            raise ContractError(
                f"{path}: tree {number} has nodes that lead nowhere; the file is damaged or was "
                "tampered with. Fit the forest again."
            )
    try:
        forest.trees  # noqa: B018  (proof that trees and training sites belong together)
    except ValueError as error:
        raise ContractError(f"{path}: {error}") from error
    return forest
