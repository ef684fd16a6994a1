"""Temperature strings of virtual boreholes: the true temperatures and what a logger delivers.

The ground is a half-space that conducts heat: a straight geothermal line, the annual wave and
slower ones of good and bad snow years that die out downwards, and a slow warming. What latent heat
does is imitated on top of that and not solved for: it keeps the waves from moving the freezing
front deeper than a few metres (:func:`latent_share`) and holds the layer that freezes and thaws at
0 deg C for weeks (:func:`with_zero_curtain`). Left out: that neighbouring holes share winters, that
frozen ground conducts better than thawed, and that a late freeze-up changes the next thaw.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from helpers.units import DAYS_IN_YEAR

Hole = Mapping[str, Any] | pd.Series

DAYS = pd.date_range("2023-01-01", "2024-12-31", freq="D")
MIDDLE = DAYS.mean()
WARMEST_DAY = pd.Timestamp("2023-07-20")  # of the ground surface
REFERENCE_DEPTH_M = 15.0
WARMING_DEPTH_M = 40.0  # the trend falls to 1/e here

# Chains of the region carry 14 and 16 m but no 15 m sensor; pipeline chains are thinner.
CHAIN_M = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 25, 30, 35, 40)
PIPELINE_CHAIN_M = (0.5, 1, 2, 3, 5, 8, 12, 14, 16, 20, 25)

CALIBRATION_SD_C = 0.05  # one offset per sensor
READING_SD_C = 0.02
WEATHER_SD_C = 2.5  # of daily values at the surface, falls to 1/e in WEATHER_DEPTH_M
WEATHER_DEPTH_M = 0.5
CURTAIN_C = 2.0  # what latent heat takes off the curve at the surface, ...
CURTAIN_DEPTH_M = 3.0  # ... and no more from here on
YEARS_SD_C = 0.8  # of the ground surface, between snow-rich and snow-poor years
YEARS_PERIODS_A = (2.0, 6.0)
YEARS_WAVES = 3
EVERY_YEAR_ALIKE = np.empty((0, 3))
FRONT_C = 15.0  # amplitude that latent heat leaves the surface of ground at 0 deg C
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


def draw_years(rng: np.random.Generator) -> np.ndarray:
    """Waves slower than a year at the ground surface, which make years differ: mostly their snow.

    Returns
    -------
    numpy.ndarray
        Shape (waves, 3): amplitude (deg C), period (years), phase (radians). Over all draws their
        sum has the standard deviation 0.8 deg C; annual means at 2 m then differ by about 0.5.

    """
    amplitude = np.full(YEARS_WAVES, YEARS_SD_C * np.sqrt(2 / YEARS_WAVES))
    period = rng.uniform(*YEARS_PERIODS_A, YEARS_WAVES)
    return np.column_stack([amplitude, period, rng.uniform(0, 2 * np.pi, YEARS_WAVES)])


def string_temperatures(
    hole: Hole, times: pd.DatetimeIndex, depths: np.ndarray, years: np.ndarray = EVERY_YEAR_ALIKE
) -> np.ndarray:
    """Temperature of a hole without weather and zero curtain; below 3 m the true one.

    Sum of ``t15_true_c`` + gradient x (depth - 15 m), a trend about the middle of 2023-2024 that
    weakens with depth, and the waves of a half-space a exp(-z/d) cos(omega t - phase - z/d), where
    d grows with the root of the period (Carslaw and Jaeger 1959, section 2.6), as far as latent
    heat lets them through (:func:`latent_share`). The mean of the waves over 2023-2024 at 15 m is
    taken off the whole string, so that ``t15_true_c`` is the mean of these years there.

    Parameters
    ----------
    hole
        Row with t15_true_c, gradient_c_per_m, surface_amplitude_c, damping_depth_m, trend_c_per_a.
    times
        Times, any span.
    depths
        Depths in m, positive downwards.
    years
        Waves slower than a year, as :func:`draw_years` gives them; by default none.

    Returns
    -------
    numpy.ndarray
        Temperatures in deg C, shape (times, depths).

    """
    depths = np.asarray(depths, dtype=float)
    of_the_years = _waves(hole, DAYS, np.array([REFERENCE_DEPTH_M]), years).mean()
    trend = _days(times, MIDDLE)[:, None] / DAYS_IN_YEAR * warming_rate(hole, depths)
    return _line(hole, depths) + trend + _waves(hole, times, depths, years) - of_the_years


def latent_share(
    hole: Hole, depths: np.ndarray, years: np.ndarray = EVERY_YEAR_ALIKE
) -> np.ndarray:
    """Share of each wave (the annual one first) that latent heat lets through at each depth (m).

    Ground that freezes and thaws spends the heat of the wave on its water, so the front comes to
    rest after 1 to 3 m, and what goes on below stays on one side of 0 deg C. This is an imitation,
    not a solution of the Stefan problem: down to one damping depth d (it and the depth of the front
    both grow with the root of the conductivity) the amplitudes of all waves together are at most
    abs(line) + 15 deg C x (1 - z/d), where the line is the mean at that depth. Half of that goes to
    the waves of the years, as far as they need it. Below, the ground conducts what is left: the
    shares stay as they are. So ground near 0 deg C is nearly isothermal, and no mean over whole
    years changes but by what differs between the years.

    Returns
    -------
    numpy.ndarray
        0 to 1, shape (waves, depths).

    """
    above = np.minimum(depths, hole["damping_depth_m"])
    amplitude, damping, _ = _conducted(hole, above, years)
    annual, slow = np.split(amplitude * np.exp(-damping), [1])
    slow = slow.sum(axis=0, keepdims=True)
    room = np.abs(_line(hole, above)) + FRONT_C * (1 - above / hole["damping_depth_m"])
    left = room - np.minimum(slow, room / 2)
    shares = [left / np.maximum(annual, left), room / np.maximum(2 * slow, room)]
    return np.repeat(np.vstack(shares), [1, len(years)], axis=0)


def _line(hole: Hole, depths: np.ndarray) -> np.ndarray:
    return hole["t15_true_c"] + hole["gradient_c_per_m"] * (depths - REFERENCE_DEPTH_M)


def _waves(
    hole: Hole, times: pd.DatetimeIndex, depths: np.ndarray, years: np.ndarray
) -> np.ndarray:
    """Sum of the annual wave and those of the years, deg C, shape (times, depths)."""
    amplitude, damping, (period, phase) = _conducted(hole, depths, years)
    turns = _days(times, WARMEST_DAY)[:, None, None] / DAYS_IN_YEAR / period
    wave = amplitude * np.exp(-damping) * np.cos(2 * np.pi * turns - phase - damping)
    return (latent_share(hole, depths, years) * wave).sum(axis=1)


def _conducted(hole: Hole, depths: np.ndarray, years: np.ndarray) -> tuple[np.ndarray, ...]:
    """Amplitude at the surface, damping (waves, depths) and (period, phase) of all waves."""
    annual = [hole["surface_amplitude_c"], 1.0, 0.0]
    amplitude, period, phase = np.vstack([annual, years]).T[..., None]
    return amplitude, depths / (hole["damping_depth_m"] * np.sqrt(period)), (period, phase)


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
    The years of the hole come from a stream of their own.
    """
    depths = np.asarray(depths, dtype=float)
    years = draw_years(rng.spawn(1)[0])
    offset = rng.normal(0, CALIBRATION_SD_C, depths.size)
    weather, noise = rng.normal(0, 1, (2, len(times), depths.size))
    weather *= WEATHER_SD_C * np.exp(-depths / WEATHER_DEPTH_M)
    ground = with_zero_curtain(string_temperatures(hole, times, depths, years) + weather, depths)
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
