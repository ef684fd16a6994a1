"""Scores of held-out predictions, each with an interval that says what so few sites can tell.

Predictions of all folds are pooled and scored once: folds differ in size, and a mean of fold
scores would weigh a site by the fold it fell into. Intervals describe the sites at hand. Without a
probability sample of sites every accuracy of a map is an estimate that leans on a model
(Wadoux et al. 2021, doi:10.1016/j.ecolmodel.2021.109692).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest

CONFIDENCE = 0.95
MISSING_CLASS = -1


def regression_scores(
    observed: ArrayLike, predicted: ArrayLike, n_bootstrap: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """Bias, errors and agreement of predictions, each with a 95 % interval.

    Parameters
    ----------
    observed, predicted
        Values (n,) of the same sites, for example deg C; every prediction held out.
    n_bootstrap, seed
        Resamples of the sites for the percentile intervals. A resample in which a score is
        undefined (all observations alike, say) is left out of the interval of that score.

    Returns
    -------
    dict
        ``n`` and, each with ``<name>_interval`` beside it: ``bias`` (predicted - observed),
        ``mae``, ``rmse``, ``model_efficiency`` (1 - SSE/SST), ``squared_correlation``,
        ``concordance`` (Lin 1989, doi:10.2307/2532051) and ``calibration_slope`` (of observed on
        predicted; below 1 means that predictions spread too far). NaN where undefined.

    Raises
    ------
    ValueError
        If the lengths differ, a value is missing or there are fewer than two sites.

    """
    observed, predicted = _pairs(observed=observed, predicted=predicted)
    if len(observed) < 2:
        raise ValueError(f"{len(observed)} site found; scores need at least 2.")
    rows = np.random.default_rng(seed).integers(0, len(observed), (n_bootstrap, len(observed)))
    resampled = _scores(observed[rows], predicted[rows])
    result: dict[str, Any] = {"n": len(observed)}
    for name, value in _scores(observed, predicted).items():
        result[name] = float(value)
        result[f"{name}_interval"] = _percentile_interval(resampled[name])
    return result


def classification_scores(
    observed: ArrayLike, predicted: ArrayLike, labels: Sequence[str]
) -> dict[str, Any]:
    """Confusion matrix and the accuracies that follow from it.

    Parameters
    ----------
    observed, predicted
        Class of each site (n,) as position in ``labels``, for example of :func:`thermal_class`.
    labels
        Names of the classes, in their order.

    Returns
    -------
    dict
        ``n``; ``labels``; ``confusion_matrix`` (lists; rows predicted, columns observed);
        ``overall_accuracy`` with exact 95 % interval (Clopper and Pearson 1934,
        doi:10.1093/biomet/26.4.404); ``no_information_rate`` (share of the commonest observed
        class: what a map of one colour would score); ``kappa`` (Cohen 1960,
        doi:10.1177/001316446002000104); ``users_accuracy`` and ``producers_accuracy`` (name ->
        share; NaN where no site was predicted, or observed, in the class).

    Raises
    ------
    ValueError
        If the lengths differ, there is no site, a name repeats or a class is not in ``labels``.

    """
    matrix = _confusion_matrix(observed, predicted, labels)
    n, correct = int(matrix.sum()), np.diag(matrix)
    predicted_sites, observed_sites = matrix.sum(axis=1), matrix.sum(axis=0)
    accuracy, interval = _share(int(correct.sum()), n)
    by_chance = float(predicted_sites @ observed_sites) / n**2
    return {
        "n": n,
        "labels": list(labels),
        "confusion_matrix": matrix.tolist(),
        "overall_accuracy": accuracy,
        "overall_accuracy_interval": interval,
        "no_information_rate": float(observed_sites.max() / n),
        "kappa": float(_ratio(accuracy - by_chance, 1 - by_chance)),
        "users_accuracy": dict(zip(labels, _ratio(correct, predicted_sites).tolist(), strict=True)),
        "producers_accuracy": dict(
            zip(labels, _ratio(correct, observed_sites).tolist(), strict=True)
        ),
    }


def thermal_class(temperature_c: ArrayLike, upper_bounds: Sequence[float]) -> np.ndarray:
    """Class of each temperature: 0 the coldest, -1 where the temperature is missing.

    Class i holds temperatures below ``upper_bounds[i]`` and not below the bound before it; the
    last class, warmer than every bound, has none. With the bounds -5, -3, -1.5, -0.5, 0.5 deg C
    these are the classes of Cheng (1984). Any shape is kept. Bounds that do not rise are an error.
    """
    bounds = np.asarray(upper_bounds, dtype=float)
    if bounds.ndim != 1 or not bounds.size or not (np.diff(bounds) > 0).all():
        raise ValueError(f"upper_bounds are {bounds.tolist()}; numbers that rise are needed.")
    temperature = np.asarray(temperature_c, dtype=float)
    classes = np.searchsorted(bounds, temperature, side="right")
    return np.where(np.isnan(temperature), MISSING_CLASS, classes)


def interval_coverage(observed: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> dict[str, Any]:
    """Share of observations inside their prediction interval, ends included.

    Returns ``n``, ``coverage`` and ``coverage_interval`` (exact binomial, 95 %). An honest 90 %
    prediction interval has 0.90 inside the latter. A lower end above the upper is an error.
    """
    observed, lower, upper = _pairs(observed=observed, lower=lower, upper=upper)
    crossed = np.flatnonzero(lower > upper)
    if crossed.size:
        row = crossed[0]
        raise ValueError(
            f"row {row}: lower {lower[row]:g} is above upper {upper[row]:g} "
            f"({crossed.size} of {len(lower)} rows)."
        )
    coverage, interval = _share(int(((lower <= observed) & (observed <= upper)).sum()), len(lower))
    return {"n": len(lower), "coverage": coverage, "coverage_interval": interval}


def brier_score(occurred: ArrayLike, probability: ArrayLike) -> float:
    """Mean squared difference between a probability and what occurred (0 or 1); 0 is perfect.

    Always saying 0.5 scores 0.25 (Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2).
    """
    occurred, probability = _pairs(occurred=occurred, probability=probability)
    if not np.isin(occurred, (0, 1)).all() or probability.min() < 0 or probability.max() > 1:
        raise ValueError(
            f"occurred lies in {occurred.min():g} ... {occurred.max():g} and probability in "
            f"{probability.min():g} ... {probability.max():g}; needed: 0 or 1, and 0 ... 1."
        )
    return float(np.mean((probability - occurred) ** 2))


def _scores(observed: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Scores along the last axis, so that one call serves all resamples."""
    error = predicted - observed
    bias = error.mean(axis=-1)
    mean_square = (error**2).mean(axis=-1)
    from_mean = observed - observed.mean(axis=-1, keepdims=True)
    from_mean_predicted = predicted - predicted.mean(axis=-1, keepdims=True)
    variance = _variance(from_mean, observed)
    variance_predicted = _variance(from_mean_predicted, predicted)
    covariance = (from_mean * from_mean_predicted).mean(axis=-1)
    return {
        "bias": bias,
        "mae": np.abs(error).mean(axis=-1),
        "rmse": np.sqrt(mean_square),
        "model_efficiency": 1 - _ratio(mean_square, variance),
        "squared_correlation": _ratio(covariance**2, variance * variance_predicted),
        "concordance": _ratio(2 * covariance, variance + variance_predicted + bias**2),
        "calibration_slope": _ratio(covariance, variance_predicted),
    }


def _variance(from_mean: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Variance along the last axis; exactly 0 for equal values, whose mean may be rounded."""
    return np.where(np.ptp(values, axis=-1) == 0, 0.0, (from_mean**2).mean(axis=-1))


def _ratio(numerator: ArrayLike, denominator: ArrayLike) -> np.ndarray:
    """Quotient; NaN, without a warning, where the denominator is not positive: undefined."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    undefined = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)


def _percentile_interval(resampled: np.ndarray) -> list[float]:
    defined = resampled[np.isfinite(resampled)]
    tail = (1 - CONFIDENCE) / 2
    return np.quantile(defined, [tail, 1 - tail]).tolist() if defined.size else [np.nan, np.nan]


def _share(successes: int, n: int) -> tuple[float, list[float]]:
    """Share of successes with its exact (Clopper-Pearson) interval."""
    interval = binomtest(successes, n).proportion_ci(CONFIDENCE, method="exact")
    return successes / n, [float(interval.low), float(interval.high)]


def _confusion_matrix(
    observed: ArrayLike, predicted: ArrayLike, labels: Sequence[str]
) -> np.ndarray:
    n_classes = len(labels)
    if len(set(labels)) < n_classes:
        raise ValueError(f"A class name repeats: {', '.join(labels)}.")
    observed, predicted = _pairs(observed=observed, predicted=predicted)
    known = np.arange(n_classes)
    for name, classes in (("observed", observed), ("predicted", predicted)):
        wrong = np.flatnonzero(~np.isin(classes, known))
        if wrong.size:
            raise ValueError(
                f"{name}: row {wrong[0]} holds class {classes[wrong[0]]:g}; the {n_classes} "
                f"labels allow 0 ... {n_classes - 1} (-1 is a missing value: leave it out)."
            )
    cell = predicted.astype(int) * n_classes + observed.astype(int)
    return np.bincount(cell, minlength=n_classes**2).reshape(n_classes, n_classes)


def _pairs(**columns: ArrayLike) -> list[np.ndarray]:
    """One-dimensional arrays of equal length without gaps, or an error that names the gap."""
    arrays = {name: np.asarray(column, dtype=float) for name, column in columns.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    first = next(iter(shapes.values()))
    if len(first) != 1 or first == (0,) or set(shapes.values()) != {first}:
        raise ValueError(f"Columns of the same sites, one value each, are needed; found {shapes}.")
    for name, array in arrays.items():
        wrong = np.flatnonzero(~np.isfinite(array))
        if wrong.size:
            raise ValueError(
                f"{name}: row {wrong[0]} holds {array[wrong[0]]}; {wrong.size} of {array.size} "
                "rows have no value. Leave those sites out, in every column."
            )
    return list(arrays.values())
