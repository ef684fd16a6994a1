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
        The sites, their folds and the settings, standard_error_c among them, as for
        :func:`forests_without_fold`.
    quantiles, at_or_below
        As for :meth:`helpers.forest.Forest.distribution`.

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
    standard_error_c: ArrayLike | None = None,
    progress: bool = True,
    **settings,
) -> Iterator[tuple[object, NDArray, Forest]]:
    """For each fold: its label, which sites it holds (sites,), a forest fitted to the others.

    Parameters
    ----------
    predictors, temperature_c
        The sites, as for :func:`helpers.forest.fit_forest`.
    standard_error_c
        Of the temperatures, deg C (sites,): each forest is fitted with the weights that
        :func:`helpers.weights.standard_error_weights` finds from its own sites, so that nothing
        of a held-out site gets into them. None: every site counts the same.
    folds
        Label of the fold of each site.
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
    observed, labels = np.asarray(temperature_c, dtype=float), np.asarray(folds)
    check_training(predictors, observed)
    if labels.shape != observed.shape or len(np.unique(labels)) < 2:
        raise ContractError(
            f"folds: {len(np.unique(labels))} different labels of shape {labels.shape}; one label "
            f"for each of the {len(observed)} sites and at least 2 folds are needed."
        )
    for fold in tqdm(np.unique(labels), desc="folds", disable=not progress):
        test = labels == fold
        sites, weight = (predictors[~test], observed[~test]), None
        if standard_error_c is not None:
            errors = np.asarray(standard_error_c, dtype=float)[~test]
            weight = standard_error_weights(*sites, errors, **settings)
        yield fold, test, fit_forest(*sites, sample_weight=weight, **settings)
