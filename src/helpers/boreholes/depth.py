"""From the annual profile of a hole to its temperature at one depth, with a standard error.

A hole with sensors on both sides of the depth is interpolated. A shallow one is extended downwards
with the geothermal gradient of the deep ones. How wrong both are is measured on the survey itself
(:mod:`helpers.boreholes.error_models`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.boreholes.error_models import USUAL_MODEL, DepthModel


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


def temperature_at_depth(
    profile: pd.DataFrame,
    depth_m: float = 15.0,
    model: DepthModel = USUAL_MODEL,
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
    model
        Gradients and errors, see :func:`helpers.boreholes.error_models.depth_model`. The error of
        an extension grows with the distance, that of an interpolation with the product of the
        distances to both sensors.
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
    interpolated = depths[0] <= depth_m <= depths[-1]
    down_m = 0.0 if interpolated else float(depth_m - depths[near[0]])
    sampling = valid.get("sampling_error_c", pd.Series(0.0, valid.index)).to_numpy()
    depth_error = (
        model.interpolation_error_c_per_m2 * np.prod(depth_m - depths[near])
        if interpolated
        else model.extension_error_c_per_m * down_m
    )
    parts = {
        "sensor_error_c": model.sensor_error_c * float(np.linalg.norm(weights)),
        "sampling_error_c": float(weights @ sampling[near]),
        "depth_error_c": abs(float(depth_error)),
    }
    here = float(weights @ valid["mean_c"].to_numpy()[near])
    return DepthTemperature(
        temperature_c=here + model.gradient(valid, depth_m).c_per_m * down_m,
        standard_error_c=float(np.linalg.norm(list(parts.values()))),
        **parts,
        method="interpolated" if interpolated else "extended",
        depth_m=depth_m,
        deepest_m=float(depths[-1]),
        n_depths=len(depths),
        extended_m=abs(down_m),
    )


def _refuse_too_far(
    profile: pd.DataFrame, depths: np.ndarray, depth_m: float, shallowest_m: float
) -> None:
    if not len(depths):
        raise HoleRefusedError(
            f"incomplete year: no sensor has an annual mean ({_best(profile)}), and none is known "
            f"to lie below the annual wave (deepest: {profile['depth_m'].max():g} m)"
        )
    if depths[-1] < min(shallowest_m, depth_m):
        deeper = profile[profile["depth_m"] > depths[-1]]
        but = f"; {len(deeper)} deeper without one ({_best(deeper)})" if len(deeper) else ""
        raise HoleRefusedError(
            f"too shallow: deepest annual mean at {depths[-1]:g} m, {shallowest_m:g} m needed{but}"
        )
    if depths[0] - depth_m > max(depth_m - shallowest_m, 0):
        raise HoleRefusedError(
            f"too deep: uppermost annual mean at {depths[0]:g} m, {depth_m:g} m wanted"
        )


def _best(profile: pd.DataFrame) -> str:
    months = np.nan_to_num(profile.get("n_months", pd.Series(dtype=float)).max())
    return f"best: {months:.0f} of 12 months" if months else "no value passed the checks"


def _nearest(depths: np.ndarray, depth_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the one or two sensors that count, and their weights."""
    below = int(np.searchsorted(depths, depth_m))
    if below == len(depths) or below == 0 or depths[below] == depth_m:
        return np.array([min(below, len(depths) - 1)]), np.array([1.0])
    upper, lower = depths[below - 1], depths[below]
    share = (depth_m - upper) / (lower - upper)
    return np.array([below - 1, below]), np.array([1 - share, share])
