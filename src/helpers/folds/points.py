"""Coordinates and labels of sites, checked before anything is computed from them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.storage import ContractError

SamePoint = Literal["error", "together"]


def checked_points(xy: ArrayLike, name: str) -> NDArray:
    """Finite coordinates (points, dimensions); ``name`` is what errors call them."""
    points = np.asarray(xy, dtype=float)
    if points.ndim != 2 or not points.size:
        raise ContractError(f"{name} has shape {points.shape}; one row per point (n, 2) is needed.")
    wrong = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if wrong.size:
        raise ContractError(
            f"{name}: row {wrong[0]} holds {points[wrong[0]].tolist()}; "
            f"{wrong.size} of {len(points)} rows have a coordinate that is not finite."
        )
    return points


def checked_sites(train_xy: ArrayLike, same_point: SamePoint = "error") -> NDArray:
    """Coordinates of at least two sites; two at the same point are an error, or welcome."""
    if same_point not in ("error", "together"):
        raise ContractError(f"same_point is '{same_point}'; choices: error, together.")
    sites = checked_points(train_xy, "train_xy")
    if len(sites) < 2:
        raise ContractError("train_xy holds 1 site; at least 2 are needed.")
    place = place_numbers(sites)
    count = np.bincount(place)
    if len(count) < 2:
        raise ContractError(f"train_xy: all {len(sites)} sites are the same point.")
    if same_point == "error" and count.max() > 1:
        rows = np.flatnonzero(place == count.argmax())
        raise ContractError(
            f"train_xy: rows {', '.join(map(str, rows))} are the same point "
            f"{sites[rows[0]].tolist()}. Combine them into one site first: "
            "in different folds they would leak."
        )
    return sites


def place_numbers(points: NDArray) -> NDArray:
    """Number of the place of each point, 0, 1 ... in the order of coordinates."""
    return np.unique(points, axis=0, return_inverse=True)[1].ravel()


def checked_labels(folds: ArrayLike, n_sites: int) -> NDArray:
    """Whole-numbered fold of each of ``n_sites`` sites, at least two of them different."""
    labels = np.asarray(folds)
    if labels.shape != (n_sites,) or not np.issubdtype(labels.dtype, np.integer):
        raise ContractError(
            f"folds has shape {labels.shape} and type {labels.dtype}; "
            f"one whole number for each of the {n_sites} sites is needed."
        )
    if len(np.unique(labels)) < 2:
        raise ContractError("All sites are in one fold; cross-validation needs at least 2 folds.")
    return labels
