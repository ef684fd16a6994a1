"""Where a model may be applied: how unlike its training sites a place is.

A forest gives a value everywhere, also where no site resembles the place. The dissimilarity index
(DI) is the distance to the most similar training site in the space of the predictors, relative to
the usual distance between training sites. Where it exceeds what cross-validation met, the error
that cross-validation reports does not hold: that is outside the area of applicability. Local point
density says how many training sites support a place inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

MISSING_DENSITY = -1
_ROWS_AT_ONCE = 1000


class ApplicabilityDomain:
    """Dissimilarity index, area of applicability and local point density of a training set.

    Parameters
    ----------
    train
        Predictors at the n training sites, (n, p): a DataFrame (later tables are matched by
        column name) or an array (matched by position). Any units; they are standardised.
    weights
        Importance of each predictor, 0 or more: a mapping or Series by name, or p numbers in the
        order of the columns. ``None``: all alike.
    folds
        Cross-validation fold of each site; the DI of a training site then counts only sites of
        other folds, so that the threshold fits the error those folds report. ``None``: every
        site is a fold of its own.

    Attributes
    ----------
    names
        Names of the predictors, or ``None`` if ``train`` is an array.
    mean_distance
        Mean over the training sites of their mean distance to all the others, in weighted
        standard deviations: the unit of the DI.
    train_di, train_lpd
        DI and local point density of each training site, from sites of other folds.
    threshold
        Largest DI inside the area of applicability: upper whisker of ``train_di``
        (Q75 + 1.5 IQR), at most its maximum.

    Raises
    ------
    ValueError
        If a predictor is missing, not finite or the same at all sites, a weight is negative or
        all are 0, or ``weights`` or ``folds`` do not fit ``train``.

    References
    ----------
    Meyer and Pebesma (2021), doi:10.1111/2041-210X.13650; local point density: Schumacher et al.
    (2025), doi:10.5194/gmd-18-10185-2025.

    """

    def __init__(
        self,
        train: pd.DataFrame | ArrayLike,
        weights: Mapping[str, float] | pd.Series | ArrayLike | None = None,
        folds: ArrayLike | None = None,
    ):
        self.names = list(train.columns) if isinstance(train, pd.DataFrame) else None
        values = _training_values(train, self.names)
        n_sites = len(values)
        self._centre = values.mean(axis=0)
        self._scale = _weights(weights, self.names, values.shape[1]) / values.std(axis=0, ddof=1)
        points = (values - self._centre) * self._scale
        total = sum(cdist(points[rows], points).sum() for rows in _parts(n_sites))
        self.mean_distance = float(total / (n_sites * (n_sites - 1)))
        # Measured in this unit, distances in the tree are dissimilarity indices.
        self._scale = self._scale / self.mean_distance
        points = (values - self._centre) * self._scale
        self._tree = KDTree(points)
        labels = _labels(folds, n_sites)
        self.train_di = _over_others(points, labels, lambda apart: apart.min(axis=1))
        self.threshold = _upper_whisker(self.train_di)
        self.train_lpd = _over_others(
            points, labels, lambda apart: (apart < self.threshold).sum(axis=1)
        )

    @property
    def parameters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All that distances follow from: centre and scale (p,), and the sites scaled (n, p)."""
        return self._centre, self._scale, np.asarray(self._tree.data)

    def dissimilarity(self, new: pd.DataFrame | ArrayLike, workers: int = 1) -> np.ndarray:
        """Dissimilarity index of places (m, p); NaN where a predictor is missing.

        0 at a training site; 1 as far from the nearest one as training sites are from each other
        on average. ``workers`` threads share the work (-1: all cores).
        """
        points, complete = self._points(new)
        di = np.full(len(complete), np.nan)
        di[complete] = self._tree.query(points, workers=workers)[0]
        return di

    def inside(self, new: pd.DataFrame | ArrayLike, workers: int = 1) -> np.ndarray:
        """Whether places (m, p) lie inside the area of applicability; False if one is missing."""
        return self.dissimilarity(new, workers) <= self.threshold

    def local_point_density(self, new: pd.DataFrame | ArrayLike, workers: int = 1) -> np.ndarray:
        """Number of training sites nearer than the threshold; -1 where a predictor is missing."""
        points, complete = self._points(new)
        density = np.full(len(complete), MISSING_DENSITY)
        nearer = np.nextafter(self.threshold, 0)
        density[complete] = self._tree.query_ball_point(
            points, nearer, workers=workers, return_length=True
        )
        return density

    def _points(self, new: pd.DataFrame | ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Places in the space of the DI, without incomplete rows, and which rows are complete."""
        values = _values(new, self.names, "new")
        if values.shape[1] != len(self._scale):
            raise ValueError(
                f"new has {values.shape[1]} columns; the {len(self._scale)} predictors of the "
                f"training sites are needed{': ' + ', '.join(self.names) if self.names else ''}."
            )
        complete = np.isfinite(values).all(axis=1)
        return (values[complete] - self._centre) * self._scale, complete


def _parts(n_sites: int) -> list[slice]:
    """Rows whose distances to all sites are held in memory together."""
    return [slice(first, first + _ROWS_AT_ONCE) for first in range(0, n_sites, _ROWS_AT_ONCE)]


def _over_others(
    points: np.ndarray, labels: np.ndarray, summary: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """What ``summary`` makes of the distances of each site to all; to its own fold infinite."""
    found = []
    for rows in _parts(len(points)):
        apart = cdist(points[rows], points)
        apart[labels[rows, None] == labels] = np.inf
        found.append(summary(apart))
    return np.concatenate(found)


def _upper_whisker(di: np.ndarray) -> float:
    lower, upper = np.quantile(di, [0.25, 0.75])
    return float(min(upper + 1.5 * (upper - lower), di.max()))


def _values(table: pd.DataFrame | ArrayLike, names: list[str] | None, name: str) -> np.ndarray:
    """Numbers (rows, predictors), the columns of a DataFrame in the order of ``names``."""
    if isinstance(table, pd.DataFrame) and names is not None:
        missing = [column for column in names if column not in table]
        if missing:
            raise ValueError(
                f"{name}: column {', '.join(map(str, missing))} missing. "
                f"Found: {', '.join(map(str, table.columns))}."
            )
        table = table[names]
    values = np.asarray(table, dtype=float)
    if values.ndim != 2:
        raise ValueError(f"{name} has shape {values.shape}; (rows, predictors) is needed.")
    return values


def _training_values(train: pd.DataFrame | ArrayLike, names: list[str] | None) -> np.ndarray:
    values = _values(train, names, "train")
    if len(values) < 2 or not values.shape[1]:
        raise ValueError(f"train has shape {values.shape}; 2 sites and 1 predictor are needed.")
    called = names or [f"column {position}" for position in range(values.shape[1])]
    rows, columns = np.nonzero(~np.isfinite(values))
    if rows.size:
        raise ValueError(
            f"train: row {rows[0]}, predictor {called[columns[0]]} is {values[rows[0], columns[0]]}"
            f"; {len(set(rows))} of {len(values)} sites are incomplete. Leave them out."
        )
    constant = [called[i] for i in np.flatnonzero(np.ptp(values, axis=0) == 0)]
    if constant:
        raise ValueError(
            f"train: predictor {', '.join(map(str, constant))} has the same value at all "
            f"{len(values)} sites; it cannot be standardised. Leave it out."
        )
    return values


def _weights(
    weights: Mapping[str, float] | pd.Series | ArrayLike | None,
    names: list[str] | None,
    n_predictors: int,
) -> np.ndarray:
    if weights is None:
        return np.ones(n_predictors)
    if names is not None and isinstance(weights, Mapping | pd.Series):
        missing = [name for name in names if name not in weights]
        if missing:
            raise ValueError(f"weights: no weight for predictor {', '.join(missing)}.")
        weights = [weights[name] for name in names]
    values = np.asarray(weights, dtype=float)
    if values.shape != (n_predictors,):
        raise ValueError(f"weights has shape {values.shape}; {n_predictors} numbers are needed.")
    if not (values >= 0).all() or not np.isfinite(values).all() or not values.any():
        raise ValueError(
            f"weights are {values.tolist()}; numbers of 0 or more, not all 0, are needed. A "
            "negative importance means that the predictor does not help: pass 0 for it."
        )
    return values


def _labels(folds: ArrayLike | None, n_sites: int) -> np.ndarray:
    labels = np.arange(n_sites) if folds is None else np.asarray(folds)
    if labels.shape != (n_sites,) or pd.isna(labels).any() or len(np.unique(labels)) < 2:
        raise ValueError(
            f"folds has shape {labels.shape} and values {np.unique(labels).tolist()}; "
            f"one fold for each of the {n_sites} sites, and at least 2 folds, are needed."
        )
    return labels
