"""Faults of single sensors and readings; :mod:`helpers.virtual.faults` holds the others.

Each takes records, the row of the site and a random generator, and gives records, site and the
places it touched.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from helpers.units import DAYS_IN_YEAR
from helpers.virtual.strings import (
    DAYS,
    Hole,
    sensor_depths,
    string_temperatures,
    with_zero_curtain,
)

MISSING_CODE = -999.0
SWAPPED_APART_M, SWAPPED_APART_C = 2.5, 1.5
MOVING_C = 0.5
FREEZES_AND_THAWS_C = 1.5

Planted = tuple[pd.DataFrame, pd.Series, pd.DataFrame | None]


def repeated_depth(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """A sensor labelled with the depth of the one above, so that a depth comes twice."""
    sensor = _pick_sensor(records, site, rng, 1, 8)
    above = records.loc[records["sensor"] == sensor - 1, "depth_m"].iloc[0]
    depth = records["depth_m"].mask(records["sensor"] == sensor, above)
    return records.assign(depth_m=depth), site, places([above], [pd.NaT])


def disordered_sensor(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """One sensor inside the string 3 to 5 deg C off, so that it no longer fits its neighbours."""
    sensor = _pick_sensor(records, site, rng, 2, 12)
    offset = rng.choice([-1, 1]) * rng.uniform(3, 5)
    return _added(records, site, sensor, offset)


def stuck_sensor(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """One sensor reports the same value for half of the time, that is a year.

    It is one that moves by 0.5 deg C or more: nobody could tell a stuck one in still ground.
    """
    times = times_of(records, site)
    sensor = _pick_sensor(records, site, rng, 1, 8, MOVING_C)
    start = rng.integers(len(times) // 2)
    span = times[start : start + len(times) // 2]
    here = (records["sensor"] == sensor) & records["time"].isin(span)
    value = records.loc[here, "temperature_c"].dropna().iloc[0]
    changed = records["temperature_c"].mask(here, value)
    return records.assign(temperature_c=changed), site, _rows(records, records.index[here])


def spikes(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """Single readings 8 to 15 deg C off: three, or more in a long record, below 2 m.

    Nearer the surface a cold spell looks the same, and nobody could tell them apart.
    """
    times = times_of(records, site)
    n_spikes = max(3, len(times) // 60)
    apart = rng.choice(np.arange(2, len(times) - 2, 5), n_spikes, replace=False)
    deep = records.loc[(records["depth_m"] >= 2) & records["temperature_c"].notna()]
    rows = [rng.choice(deep.index[deep["time"] == times[i]]) for i in apart]
    changed = records["temperature_c"].copy()
    changed.loc[rows] += rng.choice([-1, 1], n_spikes) * rng.uniform(8, 15, n_spikes)
    return records.assign(temperature_c=changed), site, _rows(records, pd.Index(rows))


def missing_code(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """The code -999 instead of every hundredth reading, at least of three."""
    rows = rng.choice(records.index, max(3, len(records) // 100), replace=False)
    changed = records["temperature_c"].copy()
    changed.loc[rows] = MISSING_CODE
    return records.assign(temperature_c=changed), site, _rows(records, pd.Index(rows))


def step(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """One sensor jumps by 1.5 to 3 deg C in the middle half of the record and stays there."""
    times = times_of(records, site)
    sensor = _pick_sensor(records, site, rng, 2, 12)
    jump = rng.choice([-1, 1]) * rng.uniform(1.5, 3)
    first = times[rng.integers(len(times) // 4, len(times) - len(times) // 4)]
    return _added(records, site, sensor, jump * (records["time"] >= first))


def drift(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """One sensor drifts by 1.2 to 2 deg C a year."""
    start = times_of(records, site)[0]
    sensor = _pick_sensor(records, site, rng, 2, 12)
    rate = rng.choice([-1, 1]) * rng.uniform(1.2, 2)
    years = (records["time"] - start) / pd.Timedelta(days=DAYS_IN_YEAR)
    return _added(records, site, sensor, rate * years)


def curtain_offset(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """One sensor that freezes and thaws reads 0.4 to 0.8 deg C off all the time."""
    times_of(records, site)
    depth = rng.choice(curtain_sensors(site))
    offset = rng.choice([-1, 1]) * rng.uniform(0.4, 0.8)
    sensor = records.loc[records["depth_m"] == depth, "sensor"].iloc[0]
    return _added(records, site, sensor, offset)


def curtain_sensors(hole: Hole) -> np.ndarray:
    """Depths (m) of the sensors from 0.5 to 1.5 m that pass 0 deg C by 1.5 deg C either way.

    In a usual year: the weather of the two years is not asked.
    """
    depths = sensor_depths(hole)
    depths = depths[(depths >= 0.5) & (depths <= 1.5)]
    ground = with_zero_curtain(string_temperatures(hole, DAYS, depths), depths)
    coldest, warmest = ground.min(axis=0), ground.max(axis=0)
    return depths[(coldest < -FREEZES_AND_THAWS_C) & (warmest > FREEZES_AND_THAWS_C)]


def swapped_sensors(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """Two sensors between 1 and 8 m, 2.5 m or more apart, wired to each other's channel.

    The upper one swings 1.5 deg C more: what reads nearly the same is not seen, and does no harm.
    """
    depths, swing = _sensors(records)
    pairs = [
        pair
        for pair in combinations(depths.index[depths.between(1, 8)], 2)
        if depths[pair[1]] - depths[pair[0]] >= SWAPPED_APART_M
        and swing[pair[0]] - swing[pair[1]] >= SWAPPED_APART_C
    ]
    upper, lower = (records["sensor"] == sensor for sensor in rng.choice(pairs))
    changed = records["temperature_c"].copy()
    changed[upper] = records["temperature_c"][lower].to_numpy()
    changed[lower] = records["temperature_c"][upper].to_numpy()
    depth = records.loc[upper | lower, "depth_m"].unique()
    return records.assign(temperature_c=changed), site, places(depth, [pd.NaT] * 2)


def _added(
    records: pd.DataFrame, site: pd.Series, sensor: int, extra: float | pd.Series
) -> Planted:
    """Something added to what one sensor reads, which is the place touched."""
    here = records["sensor"] == sensor
    changed = records["temperature_c"] + extra * here
    depth = records.loc[here, "depth_m"].iloc[:1]
    return records.assign(temperature_c=changed), site, places(depth.to_numpy(), [pd.NaT])


def places(depths: object, times: object) -> pd.DataFrame:
    """Table of the places touched: depth_m (as delivered) and time, NaT for a whole sensor."""
    time = pd.Series(times, dtype="datetime64[ns]")
    return pd.DataFrame({"depth_m": pd.Series(depths, dtype=float), "time": time})


def _rows(records: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    return records.loc[index, ["depth_m", "time"]].sort_values(["time", "depth_m"])


def times_of(records: pd.DataFrame, site: pd.Series) -> pd.DatetimeIndex:
    """Times of the records, each once; a mean over years has none and cannot take the fault."""
    if records["time"].isna().any():
        raise ValueError(
            f"{site['site']}: fault '{site['fault']}' needs readings in time; "
            f"format '{site['format']}' holds means over years. Choose another format or fault."
        )
    return pd.DatetimeIndex(records["time"].unique()).sort_values()


def _sensors(records: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Depth (m) and range of the temperatures (deg C) of each sensor."""
    sensors = records.groupby("sensor").agg(
        depth=("depth_m", "first"), low=("temperature_c", "min"), high=("temperature_c", "max")
    )
    return sensors["depth"], sensors["high"] - sensors["low"]


def _pick_sensor(
    records: pd.DataFrame,
    site: pd.Series,
    rng: np.random.Generator,
    top_m: float,
    bottom_m: float,
    swing_c: float = 0.0,
) -> int:
    """One of the sensors between two depths that has others above and below it, and swings so."""
    depths, swing = _sensors(records)
    choices = depths.index[depths.between(top_m, bottom_m) & (swing >= swing_c)]
    choices = choices.intersection(depths.index[1:-1])
    if choices.empty:
        raise ValueError(
            f"{site['site']}: fault '{site['fault']}' needs a sensor between {top_m} and "
            f"{bottom_m} m with others above and below it that swings by {swing_c:g} deg C; "
            "choose another hole."
        )
    return int(rng.choice(choices))
