"""The error model of a forest, fitted to its sites held out in groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from helpers.applicability import ApplicabilityDomain
from helpers.error_model.groups import KNNDM, PLACES, PREDICTORS, held_out_pairs, trend_and_box
from helpers.error_model.model import ErrorModel, variance_at
from helpers.residuals import empirical_variogram, fit_variogram

_ROUNDS = 8


def fit_error_model(
    predictors: pd.DataFrame,
    temperature_c: ArrayLike,
    xy: ArrayLike,
    domain: ApplicabilityDomain,
    knndm_folds: ArrayLike,
    **settings,
) -> tuple[ErrorModel, pd.DataFrame]:
    """Hold sites out in groups, and learn from their errors what to expect of the map.

    Parameters are those of :func:`helpers.error_model.held_out_pairs`.

    Returns
    -------
    The model, and the pairs it was fitted to, with its ``residual`` of each (standardised).

    """
    pairs = held_out_pairs(predictors, temperature_c, xy, domain, knndm_folds, **settings)
    model = fit_to_pairs(pairs, predictors, temperature_c, xy)
    return model, pairs.assign(residual=_standardised(pairs, model.share, model.variance))


def fit_to_pairs(
    pairs: pd.DataFrame, predictors: pd.DataFrame, temperature_c: ArrayLike, xy: ArrayLike
) -> ErrorModel:
    """The model of sites from their held-out predictions; see :func:`fit_error_model`.

    The variogram is that of the kNNDM folds.
    """
    lower, upper, slope = trend_and_box(predictors, temperature_c)
    learned = calibration(pairs)
    knndm = pairs[pairs["kind"] == KNNDM]
    residual = _standardised(knndm, learned["share"], learned["variance"])
    places = np.asarray(xy, dtype=float)[knndm["site"]]
    return ErrorModel(
        names=tuple(predictors.columns),
        lower=lower,
        upper=upper,
        slope=slope,
        variogram=fit_variogram(empirical_variogram(residual, places)),
        **learned,
    )


def calibration(pairs: pd.DataFrame) -> dict[str, Any]:
    """What an error model learns from held-out pairs: share, variance, residuals and their folds.

    The share follows from all groups, for those of predictors reach farthest beyond the sites. The
    variance follows from groups of places, kNNDM and random folds, which between them have the
    distances of the map. The residuals are those of groups of places and kNNDM folds: sites that
    lie together err together, and a calibration that lets neighbours in would be too narrow.
    """
    share, variance = _share_and_variance(pairs)
    spatial = pairs[pairs["kind"].isin([PLACES, KNNDM])]
    residual = _standardised(spatial, share, variance)
    rising = np.argsort(residual, kind="stable")
    return {
        "share": share,
        "variance": variance,
        "residuals": residual[rising],
        "folds": spatial["fold"].to_numpy(dtype=float)[rising],
        "n_sites": int(spatial["site"].nunique()),
    }


def _share_and_variance(pairs: pd.DataFrame) -> tuple[float, NDArray]:
    """Share of what lies beyond, and the variance of the rest against dissimilarity.

    Weighted least squares in turn for both, each pair counting as the inverse of its variance
    squared in the second (the variance of a squared residual grows with the square of its mean).
    """
    on_ground = (pairs["kind"] != PREDICTORS).to_numpy()
    beyond, dissimilarity = pairs["beyond"].to_numpy(), pairs["dissimilarity"].to_numpy()
    error = (pairs["observed"] - pairs["predicted"]).to_numpy()
    design = np.column_stack([np.ones_like(dissimilarity), dissimilarity])
    expected = np.ones_like(error)
    for _ in range(_ROUNDS):
        moment = np.sum(beyond**2 / expected)
        share = np.clip(np.sum(beyond * error / expected) / moment, 0, 1) if moment > 0 else 0.0
        squared = (error - share * beyond) ** 2
        rows, target = design / expected[:, None], squared / expected
        variance, _ = nnls(rows[on_ground], target[on_ground])
        expected = variance_at(variance, dissimilarity)
    return float(share), variance


def _standardised(pairs: pd.DataFrame, share: float, variance: ArrayLike) -> NDArray:
    error = pairs["observed"] - pairs["predicted"] - share * pairs["beyond"]
    return (error / np.sqrt(variance_at(variance, pairs["dissimilarity"]))).to_numpy()
