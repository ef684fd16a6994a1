"""Scores of predicted distributions: coverage and width of intervals, quantiles, and PIT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import trapezoid
from scipy.stats import kstest
from sklearn.metrics import mean_pinball_loss

from helpers.scores.common import binomial_band, exact_share, same_sites
from helpers.storage import ContractError

_SAME_LEVEL = 1e-9


def interval_coverage(observed: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> dict[str, Any]:
    """Share of observations inside their prediction interval, ends included.

    Returns ``n``, ``coverage`` and ``coverage_interval`` (exact binomial, 95 %). An honest 90 %
    prediction interval has 0.90 inside the latter. A lower end above the upper is an error.
    """
    observed, lower, upper = same_sites(observed=observed, lower=lower, upper=upper)
    crossed = np.flatnonzero(lower > upper)
    if crossed.size:
        row = crossed[0]
        raise ContractError(
            f"row {row}: lower {lower[row]:g} is above upper {upper[row]:g} "
            f"({crossed.size} of {len(lower)} rows)."
        )
    inside = int(((lower <= observed) & (observed <= upper)).sum())
    coverage, interval = exact_share(inside, len(lower))
    return {"n": len(lower), "coverage": coverage, "coverage_interval": interval}


def interval_scores(
    observed: ArrayLike,
    quantiles: ArrayLike,
    levels: Sequence[float],
    nominal: Sequence[float] = (0.5, 0.8, 0.9, 0.95),
) -> list[dict[str, Any]]:
    """Coverage and width of the central intervals that a table of quantiles holds.

    Parameters
    ----------
    observed
        Values (n,), deg C.
    quantiles
        Held-out quantiles (n, levels), deg C.
    levels
        Their levels, rising, between 0 and 1.
    nominal
        Intervals wanted; 0.9 is that from level 0.05 to 0.95. Those whose two levels are not in
        the table (to 1e-9) are left out.

    Returns
    -------
    list
        For each interval: ``nominal``; ``n``, ``coverage`` and ``coverage_interval`` of
        :func:`interval_coverage`; ``honest_band``, between whose ends the coverage of an honest
        interval falls at least 95 times in 100 with n independent sites (binomial);
        ``mean_width`` and ``median_width``, deg C.

    Raises
    ------
    ContractError
        If lengths differ, a value is missing, levels do not rise from above 0 to below 1 or two
        quantiles of an interval are in the wrong order.

    """
    observed, columns, levels = _checked(observed, quantiles, levels)
    table = []
    for share in nominal:
        ends = [np.flatnonzero(np.abs(levels - (1 + s * share) / 2) < _SAME_LEVEL) for s in (-1, 1)]
        if not (ends[0].size and ends[1].size):
            continue
        lower, upper = (columns[:, end[0]] for end in ends)
        covered, width = interval_coverage(observed, lower, upper), upper - lower
        table.append(
            {
                "nominal": float(share),
                **covered,
                "honest_band": [c / len(width) for c in binomial_band(len(width), share)],
                "mean_width": float(width.mean()),
                "median_width": float(np.median(width)),
            }
        )
    return table


def pinball_scores(
    observed: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]
) -> dict[str, Any]:
    """Pinball loss of each quantile, and what it says of the whole distribution.

    The loss of a level (Koenker and Bassett 1978, doi:10.2307/1913643): a value above the quantile
    costs ``level`` times the distance, one below it 1 - ``level`` times; smallest, in the long
    run, for the true quantile.

    Parameters
    ----------
    observed, quantiles, levels
        As for :func:`interval_scores`.

    Returns
    -------
    dict
        ``levels`` and ``loss`` (lists); ``mean_loss``, an estimate of half the continuous ranked
        probability score (CRPS) only if the levels are spread evenly; ``crps``, an estimate for
        any levels: twice the integral of the loss over the level by the trapezoidal rule, from 0
        at level 0 to 0 at level 1 (Gneiting and Ranjan 2011, doi:10.1198/jbes.2010.08110). Deg C;
        of a single value the CRPS is its absolute error. Somewhat too small: for normal errors by
        3 % with nine levels from 0.025 to 0.975, by 5 % with 0.05, 0.25, 0.5, 0.75, 0.95.

    Raises
    ------
    ContractError
        As for :func:`interval_scores`.

    """
    observed, columns, levels = _checked(observed, quantiles, levels)
    pairs = zip(columns.T, levels, strict=True)
    loss = [float(mean_pinball_loss(observed, column, alpha=level)) for column, level in pairs]
    return {
        "levels": levels.tolist(),
        "loss": loss,
        "mean_loss": float(np.mean(loss)),
        "crps": float(2 * trapezoid([0, *loss, 0], [0, *levels, 1])),
    }


def probability_integral_transform(pit: ArrayLike, n_bins: int = 10) -> dict[str, Any]:
    """How the observed values lie in their predicted distributions: evenly, if these are right.

    Heaped at both ends: distributions too narrow; in the middle: too wide; at one end: biased
    (Gneiting et al. 2007, doi:10.1111/j.1467-9868.2007.00587.x).

    Parameters
    ----------
    pit
        Share (n,) of each site's predicted distribution that lies below the observed value.
    n_bins
        Bins of equal width from 0 to 1.

    Returns
    -------
    dict
        ``n``; ``edges`` (n_bins + 1); ``counts`` (sites in each bin); ``expected_count``; ``band``
        (counts between which a bin falls 95 times in 100 with n independent sites of a right
        model: of ten bins one is often outside); ``mean`` (0.5 if right) and ``variance``
        (1/12); ``ks_statistic`` and ``ks_p_value`` (Kolmogorov-Smirnov test against even). Sites
        near each other err together, so the p-value is too small and the band too narrow.

    Raises
    ------
    ContractError
        If a value is missing or out of 0 ... 1, or ``n_bins`` is below 2.

    """
    (pit,) = same_sites(pit=pit)
    if pit.min() < 0 or pit.max() > 1 or n_bins < 2:
        raise ContractError(
            f"pit lies in {pit.min():g} ... {pit.max():g} and n_bins is {n_bins}; needed: shares "
            "of 0 ... 1, and at least 2 bins."
        )
    counts, edges = np.histogram(pit, n_bins, (0, 1))
    test = kstest(pit, "uniform")
    return {
        "n": len(pit),
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "expected_count": len(pit) / n_bins,
        "band": binomial_band(len(pit), 1 / n_bins),
        "mean": float(pit.mean()),
        "variance": float(pit.var()),
        "ks_statistic": float(test.statistic),
        "ks_p_value": float(test.pvalue),
    }


def _checked(
    observed: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]
) -> tuple[NDArray, NDArray, NDArray]:
    """Values (n,), quantiles (n, levels) and levels, without gaps."""
    table, levels = np.asarray(quantiles, dtype=float), np.asarray(levels, dtype=float)
    if table.ndim != 2 or levels.shape != table.shape[1:] or not levels.size:
        raise ContractError(
            f"quantiles have shape {table.shape} and levels {levels.shape}; needed: a row for each "
            "site and a column for each level."
        )
    if not (levels[0] > 0 and levels[-1] < 1 and (np.diff(levels) > 0).all()):
        raise ContractError(
            f"levels are {levels.tolist()}; numbers that rise from above 0 to below 1 are needed."
        )
    columns = {f"quantile {level:g}": column for level, column in zip(levels, table.T, strict=True)}
    return same_sites(observed=observed, **columns)[0], table, levels
