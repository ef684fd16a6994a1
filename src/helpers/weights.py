"""Fit weights: how much a site counts in the forest, from the standard error of its temperature.

A forest misses a site by what no predictor explains and by the error of the measurement. Weights
of one over the standard error squared would know the second only, and leave the map to the few
best strings. Both variances add up, as in a random-effects meta-analysis (DerSimonian and Laird
1986, doi:10.1016/0197-2456(86)90046-2).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from helpers.forest import Forest, fit_forest
from helpers.storage import ContractError

# Predictors of 1 km cells never explain the ground below a single hole better than this, deg C.
LEAST_UNEXPLAINED_C = 0.1


def standard_error_weights(
    predictors: pd.DataFrame, temperature_c: ArrayLike, standard_error_c: ArrayLike, **settings
) -> NDArray:
    """Weight 1 / (unexplained variance + standard error squared) of each site, mean 1, (sites,).

    The unexplained variance comes from the out-of-bag residuals of a forest without weights,
    fitted to these sites and to no others: in cross-validation give the training sites only.

    Parameters
    ----------
    predictors, temperature_c, **settings
        As for :func:`helpers.forest.fit_forest`.
    standard_error_c
        Standard error of each temperature, deg C (sites,).

    Raises
    ------
    ContractError
        If a number is missing or a standard error negative; it names the site.

    """
    errors = np.asarray(standard_error_c, dtype=float)
    _check_errors(errors, predictors.index)
    residual = _out_of_bag_error(fit_forest(predictors, temperature_c, **settings))
    weight = 1 / (unexplained_variance(residual, errors) + errors**2)
    return weight / weight.mean()


def unexplained_variance(residual_c: ArrayLike, standard_error_c: ArrayLike) -> float:
    """Variance of the residuals that is not measurement error, deg C squared.

    The value v at which the mean of residual^2 / (v + standard error^2) is 1 (Paule and Mandel
    1982, doi:10.6028/jres.087.022). With equal standard errors it is the mean squared residual
    minus their square; unlike that difference, it does not vanish because of one very poor site.
    At least ``LEAST_UNEXPLAINED_C`` squared. Residuals that are NaN are left out.

    Raises
    ------
    ContractError
        If no residual is known.

    """
    squared, error = np.square(residual_c), np.square(standard_error_c)
    known = np.isfinite(squared)
    if not known.any():
        raise ContractError(
            "No site was out of the bag of any tree, so the unexplained variance is unknown; "
            "more trees are needed."
        )

    def surplus(variance: float) -> float:
        """By how much the scaled residuals exceed 1 on average if this is unexplained."""
        return float(np.mean(squared[known] / (variance + error[known]))) - 1

    least = LEAST_UNEXPLAINED_C**2
    return least if surplus(least) <= 0 else brentq(surplus, least, squared[known].max())


def compare_fits(forests: Mapping[str, Forest]) -> pd.DataFrame:
    """What weights, a seed or a setting do to the forest, deg C; one row per forest.

    The out-of-bag RMSE, and the mean and largest absolute change of the prediction at the
    training sites against the first forest. All must be fitted to the same sites.
    """
    predicted = {name: f.model.predict(f.predictors) for name, f in forests.items()}
    first = next(iter(predicted.values()))
    rows = {
        name: {
            "out-of-bag RMSE": np.sqrt(np.nanmean(_out_of_bag_error(forest) ** 2)),
            "mean change at sites": np.abs(predicted[name] - first).mean(),
            "largest change at sites": np.abs(predicted[name] - first).max(),
        }
        for name, forest in forests.items()
    }
    return pd.DataFrame(rows).T


def _out_of_bag_error(forest: Forest) -> NDArray:
    return forest.temperature_c - forest.out_of_bag()


def _check_errors(errors: NDArray, sites: pd.Index) -> None:
    if errors.shape != (len(sites),):
        raise ContractError(
            f"{len(sites)} sites, but standard errors of shape {errors.shape}; one each is needed."
        )
    wrong = ~(errors >= 0) | np.isinf(errors)
    if wrong.any():
        raise ContractError(
            f"Site {sites[wrong][0]}: standard error {errors[wrong][0]} deg C ({wrong.sum()} of "
            f"{len(sites)} sites); a number of 0 or more is needed. Give it one, leave the site "
            'out, or write weights = "none" under [forest] of study.toml.'
        )
