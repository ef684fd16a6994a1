"""Weights of sites by how densely their surroundings are sampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree
from scipy.special import ndtr
from sklearn.neighbors import KernelDensity

from helpers.folds.points import checked_points
from helpers.storage import ContractError

# What a site in a right-angled corner of the map has of its kernel on the map.
LEAST_SHARE_ON_MAP = 0.25


def sampling_intensity_weights(
    train_xy: ArrayLike, prediction_xy: ArrayLike, bandwidth_m: float | None = None
) -> NDArray:
    """Weight of each site in the scores, inverse to the sampling intensity around it.

    Boreholes along a road count many times in a plain mean of errors, and so does the ground they
    stand in. Weighted by the area that each stands for, the mean is nearer to one over the map.

    What it can do: take away that some surroundings are counted more often than others. What it
    cannot do: say anything of ground that no site stands for, or make a question harder. A site
    beside another is still predicted with the help of that neighbour, so that after random folds
    the error of a clustered survey stays too small; and few lone sites with large weights make it
    uncertain. Look at W of the design, which these weights enter.

    Parameters
    ----------
    train_xy, prediction_xy
        Coordinates of the n sites (n, 2), and of a regular square sample of the map (m, 2), m.
    bandwidth_m
        Standard deviation of the kernel, m, the same in all directions; ``None``:
        :func:`sampling_bandwidth`. De Bruin et al. take the width of Cronie and van Lieshout
        (2018, doi:10.1093/biomet/asy001), which one could compute and pass: that for which the sum
        of 1 / intensity over the sites, without correction at the edge, is the area of the map.

    Returns
    -------
    (n,) weights above 0 with mean 1. The density of the sites is that of a Gaussian kernel, over
    the share of the kernel's mass that lies on the map (at least a quarter is taken for granted,
    for sites on a tongue of the map or just off it).

    References
    ----------
    de Bruin et al. (2022), doi:10.1016/j.ecoinf.2022.101665; correction at the edge: Diggle
    (1985), doi:10.2307/2347366.

    """
    sites, points = _planar(train_xy, "train_xy"), _planar(prediction_xy, "prediction_xy")
    width = sampling_bandwidth(sites, points) if bandwidth_m is None else bandwidth_m
    if not (np.isfinite(width) and width > 0):
        raise ContractError(f"bandwidth_m is {bandwidth_m}; a width above 0 m is needed.")
    weight = _share_on_map(sites, points, width) / _intensity(sites, width)
    return weight / weight.mean()


def sampling_bandwidth(train_xy: ArrayLike, prediction_xy: ArrayLike) -> float:
    """Width (m) of the kernel with which a site alone has the mean intensity of the survey.

    Then 2 pi width^2 = area / number of sites: sites out of each other's reach, each standing for
    1 / intensity, fill the map. It is the least width that the criterion of Cronie and van Lieshout
    (2018, doi:10.1093/biomet/asy001) can give, and the one that it gives without clusters; with
    them the criterion widens the kernel until the clusters are smoothed into the surroundings that
    they should weigh as much as. Parameters as for :func:`sampling_intensity_weights`.
    """
    sites, points = _planar(train_xy, "train_xy"), _planar(prediction_xy, "prediction_xy")
    return float(np.sqrt(_area(points) / (2 * np.pi * len(sites))))


def _intensity(sites: NDArray, width: float) -> NDArray:
    """Sites per square metre at each site (n,)."""
    density = KernelDensity(bandwidth=width).fit(sites)
    return len(sites) * np.exp(density.score_samples(sites))


def _share_on_map(sites: NDArray, points: NDArray, width: float) -> NDArray:
    """Share (n,) of the kernel of each site on the squares that the map points stand for."""
    half = _spacing(points) / 2
    share = [
        np.prod(ndtr((points + half - site) / width) - ndtr((points - half - site) / width), axis=1)
        for site in sites
    ]
    return np.maximum(np.sum(share, axis=1), LEAST_SHARE_ON_MAP)


def _area(points: NDArray) -> float:
    """Area of the map (m2) that a regular square sample stands for."""
    return len(points) * _spacing(points) ** 2


def _spacing(points: NDArray) -> float:
    """Distance (m) between neighbours of a regular square sample."""
    distances = KDTree(points).query(points, k=[2])[0][:, 0] if len(points) > 1 else np.zeros(1)
    spacing = float(np.median(distances))
    regular = np.isclose(distances, spacing, rtol=0.01).mean()
    if not spacing > 0 or regular < 0.9:
        raise ContractError(
            f"prediction_xy: {regular:.0%} of {len(points)} points are {spacing:g} m from their "
            "nearest neighbour; a regular square sample of the map is needed, because the area "
            "that a point stands for is that distance squared."
        )
    return spacing


def _planar(xy: ArrayLike, name: str) -> NDArray:
    points = checked_points(xy, name)
    if points.shape[1] != 2:
        raise ContractError(
            f"{name} has {points.shape[1]} columns; easting and northing (m) are needed. "
            "Sampling intensity is one of the landscape, not of predictors."
        )
    return points
