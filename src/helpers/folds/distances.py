"""Nearest-neighbour distances of the map and of a design, in the landscape or feature space."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree
from scipy.stats import wasserstein_distance

from helpers.folds.points import SamePoint, checked_labels, checked_points, checked_sites
from helpers.storage import ContractError


def nearest_neighbour_distances(
    train_xy: ArrayLike, prediction_xy: ArrayLike, same_point: SamePoint = "error"
) -> tuple[NDArray, NDArray]:
    """Distance of each site to the nearest other one (Gj), of each map point to a site (Gij), m.

    A coordinate that is not finite is a ``ContractError``. So are two sites at the same point,
    unless ``same_point`` is ``"together"``: Gj then is the distance to the nearest other point
    with a site, because such sites are never apart.
    """
    sites, points = (
        checked_sites(train_xy, same_point),
        checked_points(prediction_xy, "prediction_xy"),
    )
    if points.shape[1] != sites.shape[1]:
        raise ContractError(
            f"train_xy has {sites.shape[1]} columns and prediction_xy {points.shape[1]}; "
            "both need the same."
        )
    tree = KDTree(np.unique(sites, axis=0))
    return tree.query(sites, k=[2])[0][:, 0], tree.query(points)[0]


def design_distances(train_xy: ArrayLike, folds: ArrayLike) -> NDArray:
    """Distance of each site to the nearest site of another fold (Gj*), m, for any folds."""
    sites = checked_sites(train_xy)
    return distances_to_other_folds(sites, checked_labels(folds, len(sites)))


def distances_to_other_folds(sites: NDArray, labels: NDArray) -> NDArray:
    """The same (n,) of sites and folds that were checked before."""
    distances = np.empty(len(sites))
    for label in np.unique(labels):
        held_out = labels == label
        distances[held_out] = KDTree(sites[~held_out]).query(sites[held_out])[0]
    return distances


def design_w(train_xy: ArrayLike, folds: ArrayLike, prediction_distances: ArrayLike) -> float:
    """W of any folds: area between their nearest-neighbour curve and that of the map, m.

    ``prediction_distances`` are those from the map to the sites (Gij) that
    :func:`nearest_neighbour_distances` gives.
    """
    return float(wasserstein_distance(design_distances(train_xy, folds), prediction_distances))


def standardised(
    train: pd.DataFrame | ArrayLike,
    prediction: pd.DataFrame | ArrayLike,
    weights: ArrayLike | None = None,
) -> tuple[NDArray, NDArray]:
    """Predictors of the sites and of the map in standard deviations: points of feature space.

    Parameters
    ----------
    train, prediction
        Predictors of the n sites (n, p) and of map points (m, p), in any units. Columns of two
        DataFrames are matched by name, everything else by position.
    weights
        Importance (0 or more) of each predictor, in the order of ``train``; ``None``: all alike.

    Returns
    -------
    Both tables as arrays, less the mean of the sites and over their standard deviation (n - 1),
    times the weights: the space of the dissimilarity index (Meyer and Pebesma 2021,
    doi:10.1111/2041-210X.13650).

    Raises
    ------
    ContractError
        If a number is missing, a column of ``prediction`` is, the weights do not fit, or a
        predictor is the same at all sites.

    """
    names = list(train.columns) if isinstance(train, pd.DataFrame) else None
    if names is not None and isinstance(prediction, pd.DataFrame):
        prediction = _columns(prediction, names)
    sites, points = checked_points(train, "train"), checked_points(prediction, "prediction")
    names = names or [f"column {position}" for position in range(sites.shape[1])]
    weight = np.ones(len(names)) if weights is None else np.asarray(weights, dtype=float)
    if points.shape[1] != len(names) or weight.shape != (len(names),) or not (weight >= 0).all():
        raise ContractError(
            f"train has {len(names)} predictors, prediction {points.shape[1]} and weights shape "
            f"{weight.shape}; the same predictors, with a weight of 0 or more each, are needed."
        )
    constant = [names[i] for i in np.flatnonzero(np.ptp(sites, axis=0) == 0)]
    if constant:
        raise ContractError(
            f"train: predictor {', '.join(map(str, constant))} has the same value at all "
            f"{len(sites)} sites; it cannot be standardised. Leave it out."
        )
    centre, scale = sites.mean(axis=0), weight / sites.std(axis=0, ddof=1)
    return (sites - centre) * scale, (points - centre) * scale


def _columns(prediction: pd.DataFrame, names: list) -> pd.DataFrame:
    missing = [name for name in names if name not in prediction]
    if missing:
        raise ContractError(
            f"prediction: column {', '.join(map(str, missing))} missing. "
            f"Found: {', '.join(map(str, prediction.columns))}."
        )
    return prediction[names]
