"""The random forest and its conditional distribution: mean, quantiles, probability of permafrost.

A forest is a way of weighting training sites. The weight of site i at a place x is the mean over
the trees of the share of i's bootstrap copies in the leaf that x falls into. The weighted mean of
the sites' temperatures is the forest's prediction; their weighted distribution is an estimate of
the distribution of the temperature at x (Meinshausen 2006, Quantile regression forests, J. Mach.
Learn. Res. 7, 983-999).
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import numpy as np
import pandas as pd
import skops.io
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import BaseDecisionTree
from tqdm.auto import tqdm

from helpers.forest_kernel import Trees, add_weights, flatten_trees, from_cold, summarise_cells
from helpers.storage import ContractError, replacing, require

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# The only types a forest file may hold beyond those that skops trusts by itself. The nodes of
# these trees are checked before they are used: skops takes them as they come.
TRUSTED_TYPES = ("sklearn.tree._tree.Tree",)
_CONTENT = {
    "model": RandomForestRegressor,
    "names": list,
    "predictors": np.ndarray,
    "temperature_c": np.ndarray,
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

    """

    model: RandomForestRegressor
    names: tuple[str, ...]
    predictors: NDArray
    temperature_c: NDArray

    @cached_property
    def trees(self) -> Trees:
        """The trees as flat arrays, sites from cold to warm."""
        return flatten_trees(self.model, self.predictors.astype(np.float32), self.temperature_c)

    def matrix(self, x: pd.DataFrame) -> NDArray:
        """Predictors of ``x``, matched by name, as float32: what scikit-learn compares.

        Raises
        ------
        ContractError
            If a predictor is missing.

        """
        missing = [name for name in self.names if name not in x]
        if missing:
            raise ContractError(
                f"Predictor {', '.join(missing)} missing; the forest was fitted to "
                f"{', '.join(self.names)}. Found: {', '.join(map(str, x.columns))}."
            )
        return np.ascontiguousarray(x[list(self.names)], dtype=np.float32)

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
            Levels, above 0 and below 1. A quantile is the inverse of the weighted empirical
            distribution: the lowest training temperature at which the cumulative weight reaches
            the level (to 1e-12). So it is always a temperature that was observed.
        at_or_below
            Temperature whose probability is asked for, deg C; at 0 that of permafrost.

        Raises
        ------
        ContractError
            If a predictor is missing.
        ValueError
            If a level is not above 0 and below 1.

        """
        levels = np.asarray(quantiles, dtype=float)
        if not ((levels > 0) & (levels < 1)).all():
            raise ValueError(f"quantiles: {list(quantiles)}; each must be above 0 and below 1.")
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
        weights = np.zeros((complete.sum(), len(self.temperature_c)))
        add_weights(weights, cells[complete], self.trees)
        in_order = np.full((len(cells), len(self.temperature_c)), np.nan)
        in_order[np.ix_(complete, from_cold(self.temperature_c))] = weights
        return in_order

    def save(self, path: str | Path) -> Path:
        """Write the forest with skops; the same forest gives the same bytes."""
        content = {name: getattr(self, name) for name in _CONTENT} | {"names": list(self.names)}
        with replacing(path) as unfinished:
            unfinished.write_bytes(_reproducible(skops.io.dumps(content)))
        return Path(path)


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
        As scikit-learn's; ``max_features`` is the share of the predictors tried at each split.
    sample_weight
        A site is drawn into the bootstrap samples with a probability in proportion to it.
    bootstrap
        False grows every tree from all sites; to see how a single tree works.

    Raises
    ------
    ContractError
        If a number is missing, or the tables do not fit together.

    """
    y = np.asarray(temperature_c, dtype=float)
    _check_training(predictors, y)
    if sample_weight is not None and not bootstrap:
        raise ValueError("sample_weight steers the bootstrap; it has no meaning without one.")
    model = RandomForestRegressor(
        n_trees,
        min_samples_leaf=min_samples_leaf,
        max_features=max_features,
        random_state=seed,
        bootstrap=bootstrap,
    )
    x = predictors.to_numpy(dtype=float)
    model.fit(x, y, sample_weight)
    return Forest(model, tuple(predictors.columns), x, y)


def quantile_name(level: float) -> str:
    """Name of the column of a quantile: q05 for 0.05, q02.5 for 0.025."""
    whole, _, rest = f"{100 * level:.10g}".partition(".")
    return f"q{whole:0>2}" + (f".{rest}" if rest else "")


def cross_validated(
    predictors: pd.DataFrame,
    temperature_c: ArrayLike,
    folds: ArrayLike,
    *,
    quantiles: Sequence[float] = QUANTILES,
    at_or_below: float = 0.0,
    **settings,
) -> pd.DataFrame:
    """Predict every site with a forest that has not seen its fold.

    Parameters
    ----------
    predictors, temperature_c, folds, **settings
        The sites, their folds and the settings, as for :func:`forests_without_fold`.
    quantiles, at_or_below
        As for :meth:`Forest.distribution`.

    Returns
    -------
    One row per site, index and order of ``predictors``: fold, observed, predicted,
    standard_deviation (deg C), probability, and a column (deg C) for each quantile.

    """
    columns = ["predicted", "standard_deviation", "probability", *map(quantile_name, quantiles)]
    held_out = pd.DataFrame(np.nan, index=predictors.index, columns=columns)
    for _, test, forest in forests_without_fold(predictors, temperature_c, folds, **settings):
        found = forest.distribution(predictors[test], quantiles, at_or_below)
        held_out.loc[test] = np.column_stack(
            [found.mean, found.standard_deviation, found.probability, found.quantiles]
        )
    held_out.insert(0, "fold", np.asarray(folds))
    held_out.insert(1, "observed", np.asarray(temperature_c, dtype=float))
    return held_out


def forests_without_fold(
    predictors: pd.DataFrame,
    temperature_c: ArrayLike,
    folds: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    progress: bool = True,
    **settings,
) -> Iterator[tuple[object, NDArray, Forest]]:
    """For each fold: its label, which sites it holds (sites,), a forest fitted to the others.

    Parameters
    ----------
    predictors, temperature_c, sample_weight
        The sites, as for :func:`fit_forest`.
    folds
        Label of the fold of each site.
    progress
        Whether to show a bar.
    **settings
        Of :func:`fit_forest`: n_trees, min_samples_leaf, max_features, seed, bootstrap.

    Raises
    ------
    ContractError
        If a number is missing, there is not one label for each site, or only one fold.

    """
    observed, labels = np.asarray(temperature_c, dtype=float), np.asarray(folds)
    _check_training(predictors, observed)
    if labels.shape != observed.shape or len(np.unique(labels)) < 2:
        raise ContractError(
            f"folds: {len(np.unique(labels))} different labels of shape {labels.shape}; one label "
            f"for each of the {len(observed)} sites and at least 2 folds are needed."
        )
    for fold in tqdm(np.unique(labels), desc="folds", disable=not progress):
        test = labels == fold
        weight = None if sample_weight is None else np.asarray(sample_weight)[~test]
        yield (
            fold,
            test,
            fit_forest(predictors[~test], observed[~test], sample_weight=weight, **settings),
        )


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
    content = _trusted_content(path)
    kinds = content if isinstance(content, dict) else {}
    if {name: type(value) for name, value in kinds.items()} != _CONTENT:
        raise ContractError(f"{path}: not a forest written by this program.")
    forest = Forest(**content | {"names": tuple(content["names"])})
    needed = (*forest.temperature_c.shape, len(forest.names))
    if forest.predictors.shape != needed:
        raise ContractError(
            f"{path}: the training sites have shape {forest.predictors.shape}; "
            f"temperatures and names ask for {needed}."
        )
    for number, tree in enumerate(forest.model.estimators_):
        if not _nodes_are_sound(tree, len(forest.names)):
            raise ContractError(
                f"{path}: tree {number} has nodes that lead nowhere; the file is damaged or was "
                "tampered with. Fit the forest again."
            )
    try:
        forest.trees  # noqa: B018  (proof that trees and training sites belong together)
    except ValueError as error:
        raise ContractError(f"{path}: {error}") from error
    return forest


def _trusted_content(path: Path) -> object:
    try:
        foreign = set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED_TYPES)
        content = None if foreign else skops.io.load(path, trusted=list(TRUSTED_TYPES))
    except (BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ContractError(f"{path}: not a forest written by this program ({error}).") from error
    if foreign:
        raise ContractError(
            f"{path}: holds {', '.join(sorted(foreign))}, which no forest needs and which could "
            "run code of its own; the file was not loaded. Load only forests you know."
        )
    return content


def _nodes_are_sound(tree: BaseDecisionTree, n_predictors: int) -> bool:
    """Whether every branch leads on to a later node and asks for a predictor there is."""
    nodes = tree.tree_
    left, right, feature = nodes.children_left, nodes.children_right, nodes.feature
    leaf = (left == -1) & (right == -1) & (feature < 0)
    here = np.arange(nodes.node_count)
    onward = (left > here) & (right > here) & (np.maximum(left, right) < nodes.node_count)
    known = (feature >= 0) & (feature < n_predictors)
    return nodes.node_count > 0 and bool((leaf | (onward & known)).all())


def _check_training(predictors: pd.DataFrame, temperature_c: NDArray) -> None:
    if temperature_c.shape != (len(predictors),):
        raise ContractError(
            f"{len(predictors)} rows of predictors, but temperatures of shape "
            f"{temperature_c.shape}; one for each row is needed."
        )
    table = predictors.assign(**{"temperature at 15 m": temperature_c})
    missing = ~np.isfinite(table.to_numpy(dtype=float))
    if missing.any():
        row, column = np.argwhere(missing)[0]
        raise ContractError(
            f"Site {table.index[row]}: {table.columns[column]} is missing "
            f"({missing.any(axis=1).sum()} of {len(table)} sites are incomplete). "
            "Leave such sites out before fitting."
        )


def _reproducible(dump: bytes) -> bytes:
    """Rewrite a skops file without what differs from run to run.

    skops numbers objects by their address in memory and dates the entries; the records of
    scikit-learn's nodes are padded with whatever stood in memory before.
    """
    number, packed = itertools.count(), io.BytesIO()
    with ZipFile(io.BytesIO(dump)) as old, ZipFile(packed, "w") as new:
        schema = old.read("schema.json").decode()
        schema = re.sub(r'(?<="__id__": )\d+', lambda _: str(next(number)), schema)
        files = dict.fromkeys(re.findall(r'(?<="file": ")\d+\.npy(?=")', schema))
        names = {name: f"{i}.npy" for i, name in enumerate(files)}
        schema = re.sub(r'(?<="file": ")\d+\.npy(?=")', lambda m: names[m.group()], schema)
        new.writestr(_entry("schema.json"), schema)
        for name in names:
            new.writestr(_entry(names[name]), _without_padding(old.read(name)))
    return packed.getvalue()


def _without_padding(file: bytes) -> bytes:
    array = np.load(io.BytesIO(file), allow_pickle=False)
    clean, out = np.zeros(array.shape, array.dtype), io.BytesIO()
    for field in array.dtype.names or [...]:
        clean[field] = array[field]
    np.save(out, clean, allow_pickle=False)
    return out.getvalue()


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = ZIP_DEFLATED
    return entry
