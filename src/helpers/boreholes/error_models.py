"""What the holes of a survey tell about the way from a sensor to the depth wanted.

The geothermal gradient by which shallow holes are extended, and two errors measured by
leave-one-out: of the extension, per metre, and of the straight line between two sensors. What the
calibration of the sensors contributes is taken off both, because it is counted on its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, t

# Both as measured by the functions below on Russian boreholes of GTN-P (gtnp.arcticportal.org,
# CC BY 4.0): 47 holes that reach 15 m, 115 sensors between neighbours. Two standard errors hold
# there for 93 % of the extensions, and for 89 % of the interpolations: few profiles bend much.
USUAL_EXTENSION_ERROR_C_PER_M = 0.065
USUAL_INTERPOLATION_ERROR_C_PER_M2 = 0.004
FEWEST_DEEP_HOLES = 3
FEWEST_DEEP_HOLES_OF_A_STATE = 5
FEWEST_TRIPLETS = 10
STATES = FROZEN, THAWED = "frozen", "thawed"


class Gradient(NamedTuple):
    """A geothermal gradient (deg C per m, downwards positive) and where it comes from."""

    c_per_m: float
    origin: str


# Median of 77 rows of the Global Heat Flow Database north of 46 N in China
# (doi:10.5880/fidgeo.2024.014).
USUAL_GRADIENT = Gradient(0.035, "usual in Northeast China")


@dataclass(frozen=True)
class DepthModel:
    """What brings the temperature of a sensor to another depth; made by :func:`depth_model`.

    Attributes
    ----------
    frozen, thawed
        Gradients that extend holes in frozen and in thawed ground.
    extension_error_c_per_m
        Standard error of an extension per metre.
    interpolation_error_c_per_m2
        Standard error of the straight line between two sensors, per product of the distances to
        both.
    sensor_error_c
        Standard error of one sensor, deg C.

    """

    frozen: Gradient = USUAL_GRADIENT
    thawed: Gradient = USUAL_GRADIENT
    extension_error_c_per_m: float = USUAL_EXTENSION_ERROR_C_PER_M
    interpolation_error_c_per_m2: float = USUAL_INTERPOLATION_ERROR_C_PER_M2
    sensor_error_c: float = 0.05

    def gradient(self, profile: pd.DataFrame, depth_m: float = 15.0) -> Gradient:
        """Gradient that extends this hole to a depth."""
        return self.frozen if ground_state(profile, depth_m) == FROZEN else self.thawed


USUAL_MODEL = DepthModel()


def depth_model(
    profiles: pd.DataFrame,
    depth_m: float = 15.0,
    shallowest_m: float = 5.0,
    sensor_error_c: float = 0.05,
    usual: Gradient = USUAL_GRADIENT,
) -> DepthModel:
    """Learn gradients and errors from the profiles of a survey.

    Parameters
    ----------
    profiles
        Profiles of many holes: site, depth_m, mean_c (deg C; NaN where a sensor has no mean).
    depth_m, shallowest_m
        Depth wanted, and deepest sensor a shallow hole must at least have.
    sensor_error_c
        Standard error of one sensor.
    usual
        Gradient where no deep hole gives one.

    """
    gradients = regional_gradients(profiles, depth_m, usual=usual)
    return DepthModel(
        **gradients,
        extension_error_c_per_m=extension_error_model(
            profiles, depth_m, shallowest_m, usual.c_per_m, sensor_error_c=sensor_error_c
        ),
        interpolation_error_c_per_m2=interpolation_error_model(profiles, depth_m, sensor_error_c),
        sensor_error_c=sensor_error_c,
    )


def ground_state(profile: pd.DataFrame, depth_m: float = 15.0) -> str:
    """Whether a hole is "frozen" or "thawed", by its deepest valid sensor down to ``depth_m``.

    Deeper sensors do not count: a hole may leave the permafrost far below. If all lie deeper, the
    uppermost decides.
    """
    valid = profile[["depth_m", "mean_c"]].dropna().sort_values("depth_m")
    depth, mean = valid.to_numpy().T
    deepest = max(int(np.searchsorted(depth, depth_m, side="right")) - 1, 0)
    return FROZEN if mean[deepest] <= 0 else THAWED


def geothermal_gradient(profile: pd.DataFrame, below_m: float = 10.0) -> float:
    """Least-squares slope of mean_c at and below ``below_m``, deg C per m, downwards positive.

    NaN with fewer than three sensors there.
    """
    deep = profile[profile["mean_c"].notna() & (profile["depth_m"] >= below_m)]
    if len(deep) < 3:
        return np.nan
    return float(np.polyfit(deep["depth_m"], deep["mean_c"], 1)[0])


def regional_gradients(
    profiles: pd.DataFrame,
    depth_m: float = 15.0,
    below_m: float = 10.0,
    usual: Gradient = USUAL_GRADIENT,
) -> dict[str, Gradient]:
    """Gradients of frozen and of thawed ground: the medians of the holes that reach ``depth_m``.

    The two are kept apart if there are five such holes of each; otherwise both are the median of
    all, or ``usual`` if there is none. A hole counts if it has sensors on both sides of
    ``depth_m`` and three or more at or below ``below_m``, where its slope is taken.
    """
    slopes = _slopes(profiles, depth_m, below_m)
    apart = _kept_apart(slopes)
    return {state: _median(slopes, state, apart, usual) for state in STATES}


def _slopes(profiles: pd.DataFrame, depth_m: float, below_m: float) -> pd.DataFrame:
    """Gradient and state of the deep holes, by site."""
    holes = _deep_holes(profiles, depth_m)
    rows = {
        s: (geothermal_gradient(p, below_m), ground_state(p, depth_m)) for s, p in holes.items()
    }
    slopes = pd.DataFrame.from_dict(rows, orient="index", columns=["c_per_m", "state"])
    return slopes.dropna(subset="c_per_m")


def _deep_holes(profiles: pd.DataFrame, depth_m: float) -> dict[str, pd.DataFrame]:
    """Valid sensors of the holes that have some at or above the depth and at or below it."""
    valid = profiles.dropna(subset="mean_c").sort_values("depth_m", kind="stable")
    return {
        site: profile
        for site, profile in valid.groupby("site")
        if profile["depth_m"].iloc[0] <= depth_m <= profile["depth_m"].iloc[-1]
    }


def _kept_apart(slopes: pd.DataFrame) -> bool:
    counts = slopes["state"].value_counts()
    return len(counts) == 2 and counts.min() >= FEWEST_DEEP_HOLES_OF_A_STATE


def _median(slopes: pd.DataFrame, state: str, apart: bool, usual: Gradient) -> Gradient:
    """Median of the slopes, of one state if the two are kept apart."""
    chosen = slopes[slopes["state"] == state] if apart else slopes
    if chosen.empty:
        return usual
    kind = f"{state} " if apart else ""
    origin = f"median of the {kind}deep holes (n = {len(chosen)})"
    return Gradient(float(chosen["c_per_m"].median()), origin)


def extension_error_model(
    profiles: pd.DataFrame,
    depth_m: float = 15.0,
    shallowest_m: float = 5.0,
    usual_gradient_c_per_m: float = USUAL_GRADIENT.c_per_m,
    below_m: float = 10.0,
    sensor_error_c: float = 0.05,
) -> float:
    """Standard error of an extension, deg C per metre extended, by leave-one-out.

    Each deep hole is cut at each of its sensors between ``shallowest_m`` and ``depth_m`` and
    extended with the gradient of the others. The error is taken as proportional to the distance:
    rate^2 = (sum of squared errors - what the sensors contribute) / sum of squared distances.

    A rate known from few holes is itself uncertain. It is widened by Student's t, so that two
    standard errors hold 95 % of the cases also then (n - 1 degrees of freedom, because the errors
    within a hole go together): x 2.3 with three holes, x 1.03 with forty. With fewer than three
    the rate is ``USUAL_EXTENSION_ERROR_C_PER_M``.
    """
    usual = Gradient(usual_gradient_c_per_m, "")
    slopes = _slopes(profiles, depth_m, below_m)
    apart = _kept_apart(slopes)
    parts = []
    for site, profile in _deep_holes(profiles, depth_m).items():
        others = slopes.drop(site, errors="ignore")
        frozen, thawed = (_median(others, state, apart, usual).c_per_m for state in STATES)
        part = _extension_errors(profile, depth_m, shallowest_m, frozen, thawed)
        if part.shape[1]:
            parts.append(part)
    if len(parts) < FEWEST_DEEP_HOLES:
        return USUAL_EXTENSION_ERROR_C_PER_M
    return _rate(np.hstack(parts), sensor_error_c) * _widening(len(parts))


def _extension_errors(
    profile: pd.DataFrame, depth_m: float, shallowest_m: float, frozen: float, thawed: float
) -> NDArray:
    """Errors of extending a deep hole from each of its sensors, as :func:`_rate` takes them."""
    depth, mean = (profile[column].to_numpy() for column in ("depth_m", "mean_c"))
    cut = (depth >= shallowest_m) & (depth < depth_m)
    each = np.eye(len(depth))
    # The sensor extended is often one of the two that tell the temperature at the depth.
    weights = each[cut] - [np.interp(depth_m, depth, one) for one in each]
    distance = depth_m - depth[cut]
    error = weights @ mean + np.where(mean[cut] <= 0, frozen, thawed) * distance
    return np.array([error, (weights**2).sum(axis=1), distance])


def interpolation_error_model(
    profiles: pd.DataFrame, depth_m: float = 15.0, sensor_error_c: float = 0.05
) -> float:
    """Standard error of linear interpolation, deg C per m2, by leave-one-out.

    A straight line between two points of a smooth curve is off by half the curvature times the
    product of the distances to both. So every inner sensor is compared with the line between its
    neighbours, where all three lie between a third and 5/3 of ``depth_m`` (5 to 25 m for 15 m):
    higher up the annual wave and the warming of the last years bend the profile more, further down
    less, and the wide gaps usual there would make the curve look straight.
    c^2 = (sum of squared departures - what the three sensors contribute) / sum of squared products.
    With fewer than ten such sensors it is ``USUAL_INTERPOLATION_ERROR_C_PER_M2``.
    """
    near = profiles["depth_m"].between(depth_m / 3, depth_m * 5 / 3)
    valid = profiles[near].dropna(subset="mean_c").sort_values("depth_m", kind="stable")
    parts = [_departures(hole) for _, hole in valid.groupby("site")]
    departures = np.hstack([np.empty((3, 0)), *parts])
    if departures.shape[1] < FEWEST_TRIPLETS:
        return USUAL_INTERPOLATION_ERROR_C_PER_M2
    return _rate(departures, sensor_error_c)


def _departures(profile: pd.DataFrame) -> NDArray:
    """Departures of inner sensors from the line between their neighbours, for :func:`_rate`."""
    depth, mean = (profile[column].to_numpy() for column in ("depth_m", "mean_c"))
    above, below = np.diff(depth)[:-1], np.diff(depth)[1:]
    share = above / (above + below)
    error = mean[1:-1] - (1 - share) * mean[:-2] - share * mean[2:]
    return np.array([error, 1 + share**2 + (1 - share) ** 2, above * below])


def _rate(errors: NDArray, sensor_error_c: float) -> float:
    """Errors per unit of what they are proportional to, without the part of the sensors.

    Where not even theirs is seen, because they are better than stated, one standard deviation of
    what chance makes of it stands in: no profile proves an error of 0.
    Rows of ``errors``: error (deg C), variance that sensors of variance 1 add, proportional to.
    """
    error, sensor_variance, scale = errors
    of_sensors = sensor_error_c**2 * sensor_variance
    excess = np.sum(error**2 - of_sensors)
    if excess <= 0:
        excess = np.sqrt(2 * np.sum(of_sensors**2))
    return float(np.sqrt(excess / np.sum(scale**2)))


def _widening(n_holes: int) -> float:
    return float(t.ppf(norm.cdf(2), n_holes - 1) / 2)
