"""What all scores share: checked columns, exact and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, binomtest

from helpers.storage import ContractError

CONFIDENCE = 0.95
_TAIL = (1 - CONFIDENCE) / 2


def same_sites(**columns: ArrayLike) -> list[NDArray]:
    """One-dimensional arrays of equal length without gaps, or an error that names the gap."""
    arrays = {name: np.asarray(column, dtype=float) for name, column in columns.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    first = next(iter(shapes.values()))
    if len(first) != 1 or first == (0,) or set(shapes.values()) != {first}:
        raise ContractError(
            f"Columns of the same sites, one value each, are needed; found {shapes}."
        )
    for name, array in arrays.items():
        wrong = np.flatnonzero(~np.isfinite(array))
        if wrong.size:
            raise ContractError(
                f"{name}: row {wrong[0]} holds {array[wrong[0]]}; {wrong.size} of {array.size} "
                "rows have no value. Leave those sites out, in every column."
            )
    return list(arrays.values())


def check_two_sites(n_sites: int) -> None:
    """Raise a ContractError if there is only one site, which cannot show how sites differ."""
    if n_sites < 2:
        raise ContractError(f"{n_sites} site found; scores need at least 2.")


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> NDArray:
    """Quotient; NaN, without a warning, where the denominator is not positive: undefined."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    undefined = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)


def exact_share(successes: int, n: int) -> tuple[float, list[float]]:
    """Share of successes with its exact 95 % interval.

    Clopper and Pearson (1934, doi:10.1093/biomet/26.4.404); sites count as independent.
    """
    interval = binomtest(successes, n).proportion_ci(CONFIDENCE, method="exact")
    return successes / n, [float(interval.low), float(interval.high)]


def binomial_band(n: int, share: float) -> list[float]:
    """Counts between which at least 95 % of draws of n independent sites with this share fall."""
    return [float(count) for count in binom.interval(CONFIDENCE, n, share)]


def site_draws(n: int, n_bootstrap: int, seed: int) -> NDArray:
    """Rows (n_bootstrap, n) of the things drawn with replacement in each resample."""
    return np.random.default_rng(seed).integers(0, n, (n_bootstrap, n))


def times_drawn(groups: ArrayLike, n_sites: int, n_bootstrap: int, seed: int) -> NDArray:
    """How often each site counts (n_bootstrap, n_sites) where whole groups are drawn.

    Raises
    ------
    ContractError
        If there is not one label for each site, or all are the same: one group cannot show how
        groups differ.

    """
    missing = int(np.sum(pd.isna(groups)))
    if np.shape(groups) != (n_sites,) or missing:
        raise ContractError(
            f"groups: labels of shape {np.shape(groups)}, {missing} of them missing; one label for "
            f"each of the {n_sites} sites is needed."
        )
    labels, of_site = np.unique(groups, return_inverse=True)
    n_groups = len(labels)
    if n_groups < 2:
        raise ContractError(
            f"groups: all {n_sites} sites are in one, {labels[0]}; at least 2 are needed. "
            "Leave groups out for the interval from single sites."
        )
    drawn = site_draws(n_groups, n_bootstrap, seed)
    drawn += n_groups * np.arange(n_bootstrap)[:, np.newaxis]
    times = np.bincount(drawn.ravel(), minlength=n_bootstrap * n_groups)
    return times.reshape(n_bootstrap, n_groups)[:, of_site]


def with_intervals(
    scores: Mapping[str, NDArray], **resampled: Mapping[str, NDArray]
) -> dict[str, Any]:
    """Each score, and after it ``<name>_<kind>``, for each kind of resample the 95 % interval."""
    result: dict[str, Any] = {}
    for name, value in scores.items():
        result[name] = float(value)
        for kind, values in resampled.items():
            result[f"{name}_{kind}"] = _percentile_interval(values[name])
    return result


def _percentile_interval(resampled: NDArray) -> list[float]:
    defined = resampled[np.isfinite(resampled)]
    return np.quantile(defined, [_TAIL, 1 - _TAIL]).tolist() if defined.size else [np.nan, np.nan]
