"""Temperature strings of virtual boreholes: the true temperatures and what a logger delivers.

The ground is a half-space that conducts heat: a straight geothermal line, the annual wave that
dies out downwards, and a slow warming. The zero curtain of the layer that freezes and thaws is
imitated on top of that (:func:`with_zero_curtain`), not solved for; below 3 m conduction is all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

Hole = Mapping[str, Any] | pd.Series

DAYS = pd.date_range("2023-01-01", "2024-12-31", freq="D")
MIDDLE = DAYS.mean()
WARMEST_DAY = pd.Timestamp("2023-07-20")  # of the ground surface
DAYS_PER_YEAR = 365.25
REFERENCE_DEPTH_M = 15.0
WARMING_DEPTH_M = 40.0  # the trend falls to 1/e here

# Chains of the region carry 14 and 16 m but no 15 m sensor; pipeline chains are thinner.
CHAIN_M = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 25, 30, 35, 40)
PIPELINE_CHAIN_M = (0.5, 1, 2, 3, 5, 8, 12, 14, 16, 20, 25)

CALIBRATION_SD_C = 0.05  # one offset per sensor
READING_SD_C = 0.02
WEATHER_SD_C = 2.5  # of daily values at the surface, falls to 1/e in WEATHER_DEPTH_M
WEATHER_DEPTH_M = 0.5
CURTAIN_C = (
    2.0  # what latent heat takes off the curve at the surface, falls to 0 at CURTAIN_DEPTH_M
)
CURTAIN_DEPTH_M = 3.0
DECIMALS = 3

AVERAGING = {"workbook": "month", "pipeline": "day", "gtnp": "reading", "profiles": "mean"}
DAYS_BETWEEN_READINGS = 10  # of the gtnp format


def sensor_depths(hole: Hole) -> np.ndarray:
    """Depths of the sensors (m), shallow to deep: a usual chain, cut at ``deepest_m``.

    A hole that ends above 14 m has a last sensor at its bottom. A deeper one ends with the last
    sensor of the usual chain, so that none sits at 15 m.
    """
    deepest = float(hole["deepest_m"])
    chain = np.array(PIPELINE_CHAIN_M if hole["format"] == "pipeline" else CHAIN_M, dtype=float)
    if deepest >= 14:
        return chain[chain <= deepest]
    return np.append(chain[chain <= deepest - 0.5], deepest)


def string_temperatures(hole: Hole, times: pd.DatetimeIndex, depths: np.ndarray) -> np.ndarray:
    """Temperature that conduction alone gives a hole; below 3 m the true one.

    Sum of ``t15_true_c`` + gradient x (depth - 15 m), the annual wave of a half-space
    A exp(-z/d) cos(omega (t - t_warm) - z/d) (Carslaw and Jaeger 1959, section 2.6), whose mean
    over a year is zero, and a trend about the middle of 2023-2024 that weakens with depth.

    Parameters
    ----------
    hole
        Row with t15_true_c, gradient_c_per_m, surface_amplitude_c, damping_depth_m, trend_c_per_a.
    times
        Times, any span.
    depths
        Depths in m, positive downwards.

    Returns
    -------
    numpy.ndarray
        Temperatures in deg C, shape (times, depths).

    """
    depths = np.asarray(depths, dtype=float)
    damping = depths / hole["damping_depth_m"]
    phase = 2 * np.pi / DAYS_PER_YEAR * _days(times, WARMEST_DAY)
    line = hole["t15_true_c"] + hole["gradient_c_per_m"] * (depths - REFERENCE_DEPTH_M)
    wave = hole["surface_amplitude_c"] * np.exp(-damping) * np.cos(phase[:, None] - damping)
    years = _days(times, MIDDLE)[:, None] / DAYS_PER_YEAR
    return line + wave + years * warming_rate(hole, depths)


def warming_rate(hole: Hole, depths: np.ndarray) -> np.ndarray:
    """Trend of the ground temperature at each depth (m), deg C per year."""
    return hole["trend_c_per_a"] * np.exp(-np.asarray(depths, dtype=float) / WARMING_DEPTH_M)


def _days(times: pd.DatetimeIndex, origin: pd.Timestamp) -> np.ndarray:
    return ((times - origin) / pd.Timedelta(days=1)).to_numpy()


def with_zero_curtain(temperature: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """Temperatures held at 0 deg C for weeks, where the ground freezes and thaws.

    Latent heat keeps wet ground at the freezing point until all water has frozen, or all ice
    melted: the zero curtain (Outcalt, Nelson and Hinkel 1990, doi:10.1029/WR026i007p01509). This
    is an imitation, not a solution of heat conduction with phase change: the departure from 0 deg C
    shrinks by a width w, sign(T) max(abs(T) - w, 0), where w falls linearly from 2 deg C at the
    surface to 0 at 3 m. Deeper temperatures come out as they went in.

    Parameters
    ----------
    temperature
        Of conduction and weather, deg C, shape (times, depths).
    depths
        Depths in m, positive downwards.

    """
    width = CURTAIN_C * (1 - np.asarray(depths, dtype=float) / CURTAIN_DEPTH_M).clip(min=0)
    return np.sign(temperature) * (np.abs(temperature) - width).clip(min=0)


def measured(
    hole: Hole, times: pd.DatetimeIndex, depths: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Temperatures as the sensors report them, deg C, shape (times, depths), to 0.001.

    The weather of single days, independent from day to day, is felt only near the surface, and
    the zero curtain holds it back too. The sensors add an offset each and noise of each reading.
    """
    depths = np.asarray(depths, dtype=float)
    offset = rng.normal(0, CALIBRATION_SD_C, depths.size)
    weather, noise = rng.normal(0, 1, (2, len(times), depths.size))
    weather *= WEATHER_SD_C * np.exp(-depths / WEATHER_DEPTH_M)
    ground = with_zero_curtain(string_temperatures(hole, times, depths) + weather, depths)
    return np.round(ground + offset + READING_SD_C * noise, DECIMALS)


def delivered_string(hole: Hole, delivery_format: str, rng: np.random.Generator) -> pd.DataFrame:
    """The two years of one hole as its data centre delivers them.

    Monthly means (workbook), days (pipeline), every tenth day (gtnp) or one mean over both years
    (profiles). Of monthly means and ten-day readings one is lost (NaN), as there always is one.

    Returns
    -------
    pandas.DataFrame
        site, time (NaT for the mean over both years; a month is its first day), sensor (0 is the
        uppermost), depth_m, temperature_c, averaging, year_start, year_end; by time, then sensor.

    """
    depths = sensor_depths(hole)
    daily = pd.DataFrame(measured(hole, DAYS, depths, rng), index=DAYS)
    wide = _REDUCTIONS[delivery_format](daily).round(DECIMALS)
    temperature = wide.to_numpy().ravel()
    if delivery_format in ("workbook", "gtnp"):
        temperature[rng.integers(temperature.size)] = np.nan
    is_mean = delivery_format == "profiles"
    records = {
        "site": hole["site"],
        "time": np.repeat(wide.index.to_numpy("datetime64[ns]"), depths.size),
        "sensor": np.tile(np.arange(depths.size), len(wide)),
        "depth_m": np.tile(depths, len(wide)),
        "temperature_c": temperature,
        "averaging": AVERAGING[delivery_format],
    }
    years = {"year_start": DAYS[0].year, "year_end": DAYS[-1].year}
    table = pd.DataFrame(records).assign(**{k: v if is_mean else pd.NA for k, v in years.items()})
    return table.astype(dict.fromkeys(years, "Int64"))


_REDUCTIONS = {
    "workbook": lambda daily: daily.resample("MS").mean(),
    "pipeline": lambda daily: daily,
    "gtnp": lambda daily: daily.iloc[::DAYS_BETWEEN_READINGS],
    "profiles": lambda daily: daily.mean().to_frame(pd.NaT).T,
}
