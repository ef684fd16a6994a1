"""Scores of the probability of permafrost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.scores.common import (
    check_two_sites,
    exact_share,
    ratio,
    same_sites,
    times_drawn,
    with_intervals,
)
from helpers.storage import ContractError


def brier_score(occurred: ArrayLike, probability: ArrayLike) -> float:
    """Mean squared difference between a probability and what occurred (0 or 1); 0 is perfect.

    Always saying 0.5 scores 0.25 (Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2).
    """
    occurred, probability = _checked(occurred, probability)
    return float(np.mean((probability - occurred) ** 2))


def reliability(
    occurred: ArrayLike, probability: ArrayLike, n_bins: int = 5
) -> list[dict[str, Any]]:
    """Share that occurred among the sites that were given about the same probability.

    Bins hold about equally many sites: forests give many probabilities near 0 and 1, so that bins
    of equal width would leave a handful of sites, and hardly any information, in the middle ones.
    Equal probabilities stay in one bin; many of them make fewer bins, of unequal size.

    Parameters
    ----------
    occurred, probability
        0 or 1, and 0 ... 1, of the same sites (n,).
    n_bins
        At most so many bins, 1 to 10. With about 100 sites even five leave intervals of +-0.2.

    Returns
    -------
    list
        From the lowest bin up: ``n``, ``lowest_probability``, ``mean_probability``,
        ``highest_probability``, ``observed_share`` and its exact 95 % interval
        ``observed_share_interval``, which in a reliable forecast mostly holds the mean probability.

    Raises
    ------
    ContractError
        If lengths differ, a value is missing or out of range, or ``n_bins`` is not 1 to 10.

    """
    occurred, probability = _checked(occurred, probability)
    if not 1 <= n_bins <= 10:
        raise ContractError(f"n_bins is {n_bins}; 1 to 10 bins are needed.")
    inner = np.quantile(probability, np.linspace(0, 1, n_bins + 1)[1:-1])
    bins = np.searchsorted(np.unique(inner), probability)
    table = []
    for number in np.unique(bins):
        here = probability[bins == number]
        share, interval = exact_share(int(occurred[bins == number].sum()), len(here))
        table.append(
            {
                "n": len(here),
                "lowest_probability": float(here.min()),
                "mean_probability": float(here.mean()),
                "highest_probability": float(here.max()),
                "observed_share": share,
                "observed_share_interval": interval,
            }
        )
    return table


def frozen_scores(
    observed: ArrayLike,
    probability: ArrayLike,
    n_bootstrap: int = 2000,
    seed: int = 0,
    *,
    groups: ArrayLike | None = None,
) -> dict[str, Any]:
    """Scores of the probability of permafrost.

    Parameters
    ----------
    observed
        Temperature (n,), deg C; at or below 0 a site is frozen.
    probability
        Predicted probability (n,) that the site is frozen, 0 ... 1.
    n_bootstrap, seed, groups
        For the intervals, as in :func:`helpers.scores.regression_scores`.

    Returns
    -------
    dict
        ``n``; ``observed_share`` (frozen) with exact interval; with 95 % bootstrap intervals
        ``<name>_interval``, and ``<name>_group_interval`` if there are groups: ``auc`` (chance
        that a frozen site has a higher probability than one that is not), ``brier_score``,
        ``brier_reference`` (of always saying the observed share, which no forecast knows
        beforehand: a strong reference) and ``brier_skill`` (1 - score/reference; 0: no better);
        ``reliability`` (of :func:`reliability`). NaN where undefined, as AUC and skill are if all
        sites are frozen or none is.

    Raises
    ------
    ContractError
        If the lengths differ, a value is missing or out of range, there are fewer than two sites,
        or fewer than two groups.

    """
    (observed,) = same_sites(observed=observed)
    frozen, probability = _checked(observed <= 0, probability)
    n = len(frozen)
    check_two_sites(n)
    share, interval = exact_share(int(frozen.sum()), n)
    resampled = {"interval": times_drawn(np.arange(n), n, n_bootstrap, seed)}
    if groups is not None:
        resampled["group_interval"] = times_drawn(groups, n, n_bootstrap, seed)
    scores = _scores(frozen, probability, np.ones(n))
    result = {"n": n, "observed_share": share, "observed_share_interval": interval}
    result |= with_intervals(
        scores, **{kind: _scores(frozen, probability, t) for kind, t in resampled.items()}
    )
    result["reliability"] = reliability(frozen, probability)
    return result


def _scores(frozen: NDArray, probability: NDArray, times: NDArray) -> dict[str, NDArray]:
    """Scores of each resample, from how often each site is in it (..., n)."""
    n = times.sum(axis=-1)
    brier = times @ (probability - frozen) ** 2 / n
    share = times @ frozen / n
    reference = share * (1 - share)
    return {
        "auc": _area_under_curve(frozen == 1, probability, times),
        "brier_score": brier,
        "brier_reference": reference,
        "brier_skill": 1 - ratio(brier, reference),
    }


def _area_under_curve(frozen: NDArray, probability: NDArray, times: NDArray) -> NDArray:
    """Share of the pairs of a frozen and another site in which the frozen one is given more.

    All resamples at once, which a loop over scikit-learn's function would take seconds for.
    """
    more = probability[frozen][:, np.newaxis] - probability[~frozen]
    right = np.heaviside(more, 0.5)
    of_frozen, of_others = times[..., frozen], times[..., ~frozen]
    pairs = of_frozen.sum(axis=-1) * of_others.sum(axis=-1)
    return ratio(((of_frozen @ right) * of_others).sum(axis=-1), pairs)


def _checked(occurred: ArrayLike, probability: ArrayLike) -> list[NDArray]:
    occurred, probability = same_sites(occurred=occurred, probability=probability)
    if not np.isin(occurred, (0, 1)).all() or probability.min() < 0 or probability.max() > 1:
        raise ContractError(
            f"occurred lies in {occurred.min():g} ... {occurred.max():g} and probability in "
            f"{probability.min():g} ... {probability.max():g}; needed: 0 or 1, and 0 ... 1."
        )
    return [occurred, probability]
