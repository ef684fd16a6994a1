"""Skill of pooled held-out predictions, and its error when sites of a fold err together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Skill:
    """Skill of pooled held-out predictions.

    Attributes
    ----------
    rmse
        Of all sites, deg C.
    without_fold
        The same without the sites of each fold in turn, deg C (folds,), for the jackknife.
    model_efficiency
        1 - SSE/SST.

    """

    rmse: float
    without_fold: NDArray
    model_efficiency: float

    @property
    def standard_error(self) -> float:
        """Standard error of the RMSE, deg C; folds, not sites, are taken as independent."""
        return jackknife_error(self.without_fold)


def jackknife_error(without_fold: NDArray) -> float:
    """Standard error of a score from its values without each fold (Efron and Stein 1981).

    doi:10.1214/aos/1176345462. Sites of a fold lie near each other and err together, so that an
    error that counts them one by one would be too small. Folds of unequal size count the same,
    which makes it a little too large.
    """
    k = len(without_fold)
    return float(np.sqrt((k - 1) * np.var(without_fold)))


def pooled_skill(observed: ArrayLike, predicted: ArrayLike, folds: ArrayLike) -> Skill:
    """Skill of predictions (sites,), each made without the fold of its site."""
    observed, predicted = np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)
    squared = (observed - predicted) ** 2
    _, fold = np.unique(folds, return_inverse=True)
    rest = squared.sum() - np.bincount(fold, weights=squared)
    return Skill(
        rmse=float(np.sqrt(squared.mean())),
        without_fold=np.sqrt(rest / (len(squared) - np.bincount(fold))),
        model_efficiency=float(1 - squared.mean() / np.var(observed)),
    )
