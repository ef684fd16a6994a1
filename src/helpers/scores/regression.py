"""Scores of predicted temperatures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.scores.common import (
    check_two_sites,
    ratio,
    same_sites,
    site_draws,
    times_drawn,
    with_intervals,
)
from helpers.storage import ContractError


def regression_scores(
    observed: ArrayLike,
    predicted: ArrayLike,
    n_bootstrap: int = 2000,
    seed: int = 0,
    *,
    weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
) -> dict[str, Any]:
    """Bias, errors and agreement of predictions, each with a 95 % interval.

    Parameters
    ----------
    observed, predicted
        Values (n,) of the same sites, for example deg C; every prediction held out.
    n_bootstrap, seed
        Resamples of the sites for the percentile intervals. A resample in which a score is
        undefined (all observations alike, say) is left out of the interval of that score.
    weight
        How much each site counts (n,), 0 or more, in any scale, for example by the sampling
        intensity where it lies; every mean and variance is weighted, and a site drawn into a
        resample brings its weight along. None: all alike.
    groups
        Label (n,) of the fold or block of each site. Sites of a group err together, so resampling
        single sites makes intervals too narrow; with labels each score has a second interval,
        from resampling whole groups. With fewer than about ten groups this, too, is too narrow.

    Returns
    -------
    dict
        ``n`` and, each with ``<name>_interval`` beside it: ``bias`` (predicted - observed),
        ``mae``, ``rmse``, ``model_efficiency`` (1 - SSE/SST), ``squared_correlation``,
        ``concordance`` (Lin 1989, doi:10.2307/2532051) and ``calibration_slope`` (of observed on
        predicted; below 1 means that predictions spread too far). NaN where undefined.
        With ``weight`` also ``n_effective``, the number of equally weighted sites that would tell
        as much (Kish 1965); with ``groups`` also ``n_groups`` and ``<name>_group_interval``.

    Raises
    ------
    ContractError
        If the lengths differ, a value is missing, a weight is negative or all are 0, there are
        fewer than two sites, or fewer than two groups.

    """
    observed, predicted, weight = _checked(observed, predicted, weight)
    result: dict[str, Any] = {"n": len(observed)}
    rows = site_draws(len(observed), n_bootstrap, seed)
    weight_drawn = None if weight is None else weight[rows]
    resampled = {"interval": _scores(observed[rows], predicted[rows], weight_drawn)}
    if weight is not None:
        result["n_effective"] = float(weight.sum() ** 2 / (weight**2).sum())
    if groups is not None:
        times = times_drawn(groups, len(observed), n_bootstrap, seed)
        result["n_groups"] = len(np.unique(groups))
        total = times if weight is None else times * weight
        resampled["group_interval"] = _scores(observed, predicted, total)
    return result | with_intervals(_scores(observed, predicted, weight), **resampled)


def _checked(
    observed: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray, NDArray, NDArray | None]:
    columns = {"observed": observed, "predicted": predicted}
    columns |= {} if weight is None else {"weight": weight}
    observed, predicted, *weights = same_sites(**columns)
    check_two_sites(len(observed))
    if weights and (weights[0].min() < 0 or weights[0].max() == 0):
        raise ContractError(
            f"weight lies in {weights[0].min():g} ... {weights[0].max():g}; numbers of at least 0 "
            "are needed, one of them above 0."
        )
    return observed, predicted, weights[0] if weights else None


def _scores(observed: NDArray, predicted: NDArray, weight: NDArray | None) -> dict[str, NDArray]:
    """Scores along the last axis, so that one call serves all resamples."""
    error = predicted - observed
    bias = _mean(error, weight)
    mean_square = _mean(error**2, weight)
    from_mean = observed - _mean(observed, weight)[..., np.newaxis]
    from_mean_predicted = predicted - _mean(predicted, weight)[..., np.newaxis]
    variance = _variance(from_mean, observed, weight)
    variance_predicted = _variance(from_mean_predicted, predicted, weight)
    covariance = _mean(from_mean * from_mean_predicted, weight)
    return {
        "bias": bias,
        "mae": _mean(np.abs(error), weight),
        "rmse": np.sqrt(mean_square),
        "model_efficiency": 1 - ratio(mean_square, variance),
        "squared_correlation": ratio(covariance**2, variance * variance_predicted),
        "concordance": ratio(2 * covariance, variance + variance_predicted + bias**2),
        "calibration_slope": ratio(covariance, variance_predicted),
    }


def _mean(values: NDArray, weight: NDArray | None) -> NDArray:
    """Weighted mean along the last axis; NaN where all weights are 0."""
    if weight is None:
        return values.mean(axis=-1)
    return ratio((values * weight).sum(axis=-1), weight.sum(axis=-1))


def _variance(from_mean: NDArray, values: NDArray, weight: NDArray | None) -> NDArray:
    """Variance along the last axis; exactly 0 for equal values, whose mean may be rounded."""
    counts = np.ones_like(values, dtype=bool) if weight is None else weight > 0
    values = np.broadcast_to(values, counts.shape)
    highest = values.max(axis=-1, where=counts, initial=-np.inf)
    lowest = values.min(axis=-1, where=counts, initial=np.inf)
    return np.where(highest == lowest, 0.0, _mean(from_mean**2, weight))
