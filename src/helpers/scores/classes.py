"""Scores of classes: frozen or not, and the thermal classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from helpers.scores.common import exact_share, ratio, same_sites
from helpers.storage import ContractError

MISSING_CLASS = -1
FROZEN_LABELS = ("frozen", "not frozen")


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
        class: what a map of one colour would score) and ``p_value_above_no_information`` (exact
        one-sided binomial test that the accuracy is above it, as in R's caret, Kuhn 2008,
        doi:10.18637/jss.v028.i05); ``kappa`` (Cohen 1960, doi:10.1177/001316446002000104);
        ``users_accuracy`` and ``producers_accuracy`` (name -> share; NaN where no site was
        predicted, or observed, in the class).

    Raises
    ------
    ContractError
        If the lengths differ, there is no site, a name repeats or a class is not in ``labels``.

    """
    return _matrix_scores(_confusion_matrix(observed, predicted, labels), labels)


def near_zero_scores(
    observed: ArrayLike, predicted: ArrayLike, within_c: float = 0.5
) -> dict[str, Any]:
    """Frozen or not at the sites where that is hard to tell: those observed near 0 deg C.

    A map is easily right far from the line between permafrost and none; its area follows from
    what it says on the line. Sites are chosen by what was observed, never by what was predicted.

    Parameters
    ----------
    observed, predicted
        Temperatures (n,) of the same sites, deg C; at or below 0 is frozen.
    within_c
        How near to 0 deg C, ends included.

    Returns
    -------
    dict
        ``within_c`` and what :func:`classification_scores` returns, of these sites only. With
        fewer than two of them nothing can be scored: every score is NaN.

    Raises
    ------
    ContractError
        If the lengths differ, a value is missing or ``within_c`` is not above 0.

    """
    observed, predicted = same_sites(observed=observed, predicted=predicted)
    if not within_c > 0:
        raise ContractError(f"within_c is {within_c}; a distance above 0 deg C is needed.")
    near = np.abs(observed) <= within_c
    cells = 2 * (predicted[near] > 0) + (observed[near] > 0)
    matrix = np.bincount(cells, minlength=4).reshape(2, 2)
    scores = _matrix_scores(matrix, FROZEN_LABELS) if near.sum() > 1 else _no_scores(matrix)
    return {"within_c": float(within_c), **scores}


def thermal_class(temperature_c: ArrayLike, upper_bounds: Sequence[float]) -> NDArray:
    """Class of each temperature: 0 the coldest, -1 where the temperature is missing.

    Class i holds temperatures below ``upper_bounds[i]`` and not below the bound before it; the
    last class, warmer than every bound, has none. With the bounds -5, -3, -1.5, -0.5, 0.5 deg C
    these are the classes of Cheng (1984). Any shape is kept. Bounds that do not rise are an error.
    """
    bounds = np.asarray(upper_bounds, dtype=float)
    if bounds.ndim != 1 or not bounds.size or not (np.diff(bounds) > 0).all():
        raise ContractError(f"upper_bounds are {bounds.tolist()}; numbers that rise are needed.")
    temperature = np.asarray(temperature_c, dtype=float)
    classes = np.searchsorted(bounds, temperature, side="right")
    return np.where(np.isnan(temperature), MISSING_CLASS, classes)


def _matrix_scores(matrix: NDArray, labels: Sequence[str]) -> dict[str, Any]:
    """Scores that follow from a confusion matrix with at least one site (rows predicted)."""
    n, correct = int(matrix.sum()), np.diag(matrix)
    predicted_sites, observed_sites = matrix.sum(axis=1), matrix.sum(axis=0)
    accuracy, interval = exact_share(int(correct.sum()), n)
    by_chance = float(predicted_sites @ observed_sites) / n**2
    one_colour = float(observed_sites.max() / n)
    test = binomtest(int(correct.sum()), n, one_colour, alternative="greater")
    return {
        "n": n,
        "labels": list(labels),
        "confusion_matrix": matrix.tolist(),
        "overall_accuracy": accuracy,
        "overall_accuracy_interval": interval,
        "no_information_rate": one_colour,
        "p_value_above_no_information": float(test.pvalue),
        "kappa": float(ratio(accuracy - by_chance, 1 - by_chance)),
        "users_accuracy": dict(zip(labels, ratio(correct, predicted_sites).tolist(), strict=True)),
        "producers_accuracy": dict(
            zip(labels, ratio(correct, observed_sites).tolist(), strict=True)
        ),
    }


def _no_scores(matrix: NDArray) -> dict[str, Any]:
    """The keys of frozen or not, without scores, for fewer sites than can be scored."""
    undefined = float("nan")
    by_label = dict.fromkeys(FROZEN_LABELS, undefined)
    return {
        "n": int(matrix.sum()),
        "labels": list(FROZEN_LABELS),
        "confusion_matrix": matrix.tolist(),
        "overall_accuracy": undefined,
        "overall_accuracy_interval": [undefined, undefined],
        "no_information_rate": undefined,
        "p_value_above_no_information": undefined,
        "kappa": undefined,
        "users_accuracy": by_label,
        "producers_accuracy": dict(by_label),
    }


def _confusion_matrix(observed: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> NDArray:
    n_classes = len(labels)
    if len(set(labels)) < n_classes:
        raise ContractError(f"A class name repeats: {', '.join(labels)}.")
    observed, predicted = same_sites(observed=observed, predicted=predicted)
    known = np.arange(n_classes)
    for name, classes in (("observed", observed), ("predicted", predicted)):
        wrong = np.flatnonzero(~np.isin(classes, known))
        if wrong.size:
            raise ContractError(
                f"{name}: row {wrong[0]} holds class {classes[wrong[0]]:g}; the {n_classes} "
                f"labels allow 0 ... {n_classes - 1} (-1 is a missing value: leave it out)."
            )
    cell = predicted.astype(int) * n_classes + observed.astype(int)
    return np.bincount(cell, minlength=n_classes**2).reshape(n_classes, n_classes)
