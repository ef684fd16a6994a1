"""Predictions of sites that the forest has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from helpers.forest import QUANTILES, Forest, fit_forest
from helpers.storage import ContractError
from helpers.training import check_training
from helpers.weights import standard_error_weights


def quantile_name(level: float) -> str:
    """Name of the column of a quantile: q05 for 0.05, q02.5 for 0.025."""
    whole, _, rest = f"{100 * level:.10g}".partition(".")
    return f"q{whole:0>2}" + (f".{rest}" if rest else "")


Splits = Sequence[tuple[ArrayLike, ArrayLike]]


def cross_validated(
    predictors: pd.DataFrame,
    temperature_c: ArrayLike,
    folds: ArrayLike | Splits,
    *,
    quantiles: Sequence[float] = QUANTILES,
    at_or_below: float = 0.0,
    **settings,
) -> pd.DataFrame:
    """Predict every site with a forest that has not seen its fold.

    Parameters
    ----------
    predictors, temperature_c, folds, **settings
        The sites, their folds and the settings, standard_error_c among them, as for
        :func:`forests_without_fold`.
    quantiles, at_or_below
        As for :meth:`helpers.forest.Forest.distribution`.

    Returns
    -------
    One row per site, index and order of ``predictors``: fold (its label, or the number of the
    split), observed, predicted, standard_deviation (deg C), probability, pit (share of the
    distribution below the observed value, and half of what lies at it), and a column (deg C) for
    each quantile.

    """
    observed = np.asarray(temperature_c, dtype=float)
    columns = ["predicted", "standard_deviation", "probability", "pit"]
    columns += [quantile_name(level) for level in quantiles]
    held_out = pd.DataFrame(np.nan, index=predictors.index, columns=columns)
    fold = np.empty(len(predictors), dtype=object)
    for label, test, forest in forests_without_fold(predictors, observed, folds, **settings):
        sites = predictors[test]
        found = forest.distribution(sites, quantiles, at_or_below)
        summary = [found.mean, found.standard_deviation, found.probability]
        pit = _integral_transform(forest, sites, observed[test])
        held_out.loc[test] = np.column_stack([*summary, pit, found.quantiles])
        fold[test] = label
    held_out.insert(0, "fold", fold.tolist())
    held_out.insert(1, "observed", observed)
    return held_out


def _integral_transform(forest: Forest, sites: pd.DataFrame, observed: NDArray) -> NDArray:
    """Share of the forest's distribution below the observed value, half of that at it counted."""
    weights, others = forest.leaf_weights(sites), forest.temperature_c
    below = others < observed[:, np.newaxis]
    at = others == observed[:, np.newaxis]
    # Weights sum to 1 but for rounding.
    return np.clip((weights * (below + at / 2)).sum(axis=1), 0, 1)


def forests_without_fold(
    predictors: pd.DataFrame,
    temperature_c: ArrayLike,
    folds: ArrayLike | Splits,
    *,
    standard_error_c: ArrayLike | None = None,
    progress: bool = True,
    **settings,
) -> Iterator[tuple[object, NDArray, Forest]]:
    """For each fold: its label, which sites it holds (sites,), a forest fitted to the others.

    Parameters
    ----------
    predictors, temperature_c
        The sites, as for :func:`helpers.forest.fit_forest`.
    folds
        Label of the fold of each site; or splits, the rows of the sites that stay and of those
        that are held out (``splits`` of :class:`helpers.folds.Design`): their labels are 0, 1, ...
    standard_error_c
        Of the temperatures, deg C (sites,): each forest is fitted with the weights that
        :func:`helpers.weights.standard_error_weights` finds from its own sites, so that nothing
        of a held-out site gets into them. None: every site counts the same.
    progress
        Whether to show a bar.
    **settings
        Of :func:`helpers.forest.fit_forest`: n_trees, min_samples_leaf, max_features, seed,
        bootstrap.

    Raises
    ------
    ContractError
        If a number is missing, there is not one label for each site, or only one fold.

    """
    observed = np.asarray(temperature_c, dtype=float)
    check_training(predictors, observed)
    splits = _with_labels(folds, len(observed))
    for label, train, test in tqdm(splits, desc="folds", disable=not progress):
        sites, weight = (predictors[train], observed[train]), None
        if standard_error_c is not None:
            errors = np.asarray(standard_error_c, dtype=float)[train]
            weight = standard_error_weights(*sites, errors, **settings)
        yield label, test, fit_forest(*sites, sample_weight=weight, **settings)


def _with_labels(folds: ArrayLike | Splits, n: int) -> list[tuple[object, NDArray, NDArray]]:
    """Label, sites that stay and sites that are held out (n,) of each fold."""
    if isinstance(folds, list | tuple) and folds and isinstance(folds[0], tuple):
        return [(k, _rows(train, n), _rows(test, n)) for k, (train, test) in enumerate(folds)]
    labels = np.asarray(folds)
    if labels.shape != (n,) or len(np.unique(labels)) < 2:
        raise ContractError(
            f"folds: {len(np.unique(labels))} different labels of shape {labels.shape}; one label "
            f"for each of the {n} sites and at least 2 folds are needed."
        )
    return [(label, labels != label, labels == label) for label in np.unique(labels)]


def _rows(rows: ArrayLike, n: int) -> NDArray:
    """Whether each of n sites is among these rows."""
    among = np.zeros(n, dtype=bool)
    among[np.asarray(rows)] = True
    return among
