"""From the annual profile of a hole to its temperature at one depth, with a standard error.

A hole with sensors on both sides of the depth is interpolated. A shallow one is extended downwards
with the geothermal gradient of the deep ones, and its error grows with the distance extended, as
fast as leave-one-out on the deep holes says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

# Leave-one-out on the 47 Russian boreholes of GTN-P (gtnp.arcticportal.org) that reach 15 m.
USUAL_EXTENSION_ERROR_C_PER_M = 0.065
FEWEST_DEEP_HOLES = 3


class HoleRefusedError(ValueError):
    """A hole that cannot tell the temperature at the depth wanted; the message says why."""


@dataclass(frozen=True)
class DepthTemperature:
    """Mean annual temperature at one depth.

    Attributes
    ----------
    temperature_c, standard_error_c
        deg C; the standard error is the root of the sum of squares of its three parts.
    sensor_error_c, sampling_error_c, depth_error_c
        Parts: calibration, missing months or years, and interpolation or extension.
    method
        "interpolated" or "extended".
    depth_m, deepest_m, n_depths, extended_m
        Depth wanted, deepest valid sensor, number of valid sensors, distance extended (m).

    """

    temperature_c: float
    standard_error_c: float
    sensor_error_c: float
    sampling_error_c: float
    depth_error_c: float
    method: str
    depth_m: float
    deepest_m: float
    n_depths: int
    extended_m: float


def geothermal_gradient(profile: pd.DataFrame, below_m: float = 10.0) -> float:
    """Least-squares slope of mean_c at and below ``below_m``, deg C per m, downwards positive.

    NaN with fewer than three sensors there.
    """
    deep = profile[profile["mean_c"].notna() & (profile["depth_m"] >= below_m)]
    if len(deep) < 3:
        return np.nan
    return float(np.polyfit(deep["depth_m"], deep["mean_c"], 1)[0])


def regional_gradient(
    profiles: pd.DataFrame, depth_m: float = 15.0, below_m: float = 10.0
) -> float:
    """Median geothermal gradient of the holes that reach ``depth_m``, deg C per m; NaN if none.

    Parameters
    ----------
    profiles
        Profiles of many holes (site, depth_m, mean_c).
    depth_m, below_m
        A hole counts if it has sensors on both sides of the first; its slope is taken below the
        second (m).

    """
    return float(np.median(list(_gradients(profiles, depth_m, below_m).values()) or [np.nan]))


def _gradients(profiles: pd.DataFrame, depth_m: float, below_m: float) -> dict[str, float]:
    slopes = {s: geothermal_gradient(p, below_m) for s, p in _deep_holes(profiles, depth_m).items()}
    return {site: slope for site, slope in slopes.items() if np.isfinite(slope)}


def _deep_holes(profiles: pd.DataFrame, depth_m: float) -> dict[str, pd.DataFrame]:
    """Valid sensors of the holes that have some at or above the depth and at or below it."""
    valid = profiles.dropna(subset="mean_c").sort_values("depth_m", kind="stable")
    return {
        site: profile
        for site, profile in valid.groupby("site")
        if profile["depth_m"].iloc[0] <= depth_m <= profile["depth_m"].iloc[-1]
    }


def extension_error_model(
    profiles: pd.DataFrame,
    depth_m: float = 15.0,
    shallowest_m: float = 5.0,
    usual_gradient_c_per_m: float = 0.035,
    below_m: float = 10.0,
) -> float:
    """Standard error of an extension, deg C per metre extended, by leave-one-out.

    Each deep hole is cut at each of its sensors between ``shallowest_m`` and ``depth_m`` and
    extended with the median gradient of the others. The error is taken as proportional to the
    distance, rate = root of (sum of squared errors / sum of squared distances). With fewer than
    three deep holes to cut the rate is ``USUAL_EXTENSION_ERROR_C_PER_M``.
    """
    gradients = _gradients(profiles, depth_m, below_m)
    errors, distances, n_holes = [], [], 0
    for site, profile in _deep_holes(profiles, depth_m).items():
        others = [slope for name, slope in gradients.items() if name != site]
        gradient = np.median(others or [usual_gradient_c_per_m])
        cut = profile[profile["depth_m"].between(shallowest_m, depth_m, inclusive="left")]
        distance = depth_m - cut["depth_m"].to_numpy()
        known = np.interp(depth_m, profile["depth_m"], profile["mean_c"])
        errors.append(cut["mean_c"].to_numpy() + gradient * distance - known)
        distances.append(distance)
        n_holes += len(cut) > 0
    if n_holes < FEWEST_DEEP_HOLES:
        return USUAL_EXTENSION_ERROR_C_PER_M
    return float(np.linalg.norm(np.concatenate(errors)) / np.linalg.norm(np.concatenate(distances)))


def temperature_at_depth(
    profile: pd.DataFrame,
    depth_m: float = 15.0,
    gradient_c_per_m: float = 0.035,
    extension_error_c_per_m: float = USUAL_EXTENSION_ERROR_C_PER_M,
    sensor_error_c: float = 0.05,
    shallowest_m: float = 5.0,
) -> DepthTemperature:
    """Mean annual ground temperature at one depth.

    Linear between the two nearest sensors if there are some on both sides; otherwise the deepest
    annual mean plus gradient x distance. A hole whose sensors all lie deeper is extended upwards
    in the same way.

    Parameters
    ----------
    profile
        Profile of one hole: depth_m, mean_c and, if known, sampling_error_c. Sensors without a
        mean are not used.
    depth_m
        Depth wanted, m.
    gradient_c_per_m
        See :func:`regional_gradient`; the default is the median of 77 rows of the Global Heat
        Flow Database (doi:10.5880/fidgeo.2024.014) north of 46 N in China.
    extension_error_c_per_m
        See :func:`extension_error_model`. Interpolating counts as extending from both sides and
        averaging by inverse variance.
    sensor_error_c
        Standard error of one sensor, deg C.
    shallowest_m
        Deepest sensor a hole must at least have.

    Raises
    ------
    HoleRefusedError
        If no sensor has an annual mean, or none near enough; a ValueError.

    """
    valid = profile.dropna(subset="mean_c").sort_values("depth_m")
    depths = valid["depth_m"].to_numpy()
    _refuse_too_far(profile, depths, depth_m, shallowest_m)
    near, weights = _nearest(depths, depth_m)
    distance = np.abs(depth_m - depths[near])
    interpolated = depths[0] <= depth_m <= depths[-1]
    offset = 0.0 if interpolated else gradient_c_per_m * (depth_m - depths[near[0]])
    sampling = valid.get("sampling_error_c", pd.Series(0.0, valid.index)).to_numpy()
    parts = {
        "sensor_error_c": sensor_error_c * float(np.linalg.norm(weights)),
        "sampling_error_c": float(weights @ sampling[near]),
        "depth_error_c": _depth_error(distance, extension_error_c_per_m),
    }
    return DepthTemperature(
        temperature_c=float(weights @ valid["mean_c"].to_numpy()[near] + offset),
        standard_error_c=float(np.linalg.norm(list(parts.values()))),
        **parts,
        method="interpolated" if interpolated else "extended",
        depth_m=depth_m,
        deepest_m=float(depths[-1]),
        n_depths=len(depths),
        extended_m=0.0 if interpolated else float(distance[0]),
    )


def _refuse_too_far(
    profile: pd.DataFrame, depths: np.ndarray, depth_m: float, shallowest_m: float
) -> None:
    if not len(depths):
        months = int(np.nan_to_num(profile.get("n_months", pd.Series(dtype=float)).max()))
        raise HoleRefusedError(
            f"incomplete year: no sensor has an annual mean (best: {months} of 12 months)"
        )
    if depths[-1] < min(shallowest_m, depth_m):
        raise HoleRefusedError(
            f"too shallow: deepest annual mean at {depths[-1]:g} m, {shallowest_m:g} m needed"
        )
    if depths[0] - depth_m > max(depth_m - shallowest_m, 0):
        raise HoleRefusedError(
            f"too deep: uppermost annual mean at {depths[0]:g} m, {depth_m:g} m wanted"
        )


def _nearest(depths: np.ndarray, depth_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the one or two sensors that count, and their weights."""
    below = int(np.searchsorted(depths, depth_m))
    if below == len(depths) or below == 0 or depths[below] == depth_m:
        return np.array([min(below, len(depths) - 1)]), np.array([1.0])
    upper, lower = depths[below - 1], depths[below]
    share = (depth_m - upper) / (lower - upper)
    return np.array([below - 1, below]), np.array([1 - share, share])


def _depth_error(distance: np.ndarray, error_c_per_m: float) -> float:
    """Error of an extension; of two from both sides, combined by inverse variance."""
    if distance.min() == 0:
        return 0.0
    return float(np.sum((error_c_per_m * distance) ** -2.0) ** -0.5) if error_c_per_m > 0 else 0.0
