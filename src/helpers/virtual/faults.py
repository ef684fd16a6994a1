"""Faults of borehole data, planted on purpose so that the checks have something to find.

A fault takes the records of one site (see :func:`helpers.virtual.strings.delivered_string`), the
row of the site and a random generator, and gives records, site and the places it touched: a
table of depth_m and time, or nothing when the whole site is concerned. Those of whole sites are
here, those of sensors in :mod:`helpers.virtual.sensor_faults`. The key of the faults is for tests
and the trial of the checks; it never goes to the data folder.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.virtual.sensor_faults import (
    FREEZES_AND_THAWS_C,
    Planted,
    curtain_offset,
    curtain_sensors,
    disordered_sensor,
    drift,
    missing_code,
    places,
    repeated_depth,
    spikes,
    step,
    stuck_sensor,
    swapped_sensors,
    times_of,
)
from helpers.virtual.strings import DAYS, DECIMALS, warming_rate

KEY_COLUMNS = ["site", "depth_m", "time", "fault"]
OLD_YEARS = (1978, 1985)
MONTHS_BEFORE_STOP = 5
FEET_PER_METRE = 3.28084
LOWEST_IN_FEET_M = 250.0  # below, feet taken for metres are within what a relief may vary


def plant(
    records: pd.DataFrame, site: pd.Series, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame]:
    """Plant the fault named in ``site["fault"]`` ("" for none).

    Returns
    -------
    records, site, key
        Both as delivered with the fault, and what was planted: site, depth_m (as delivered), time,
        fault; one row per reading touched, or one row with NaN and NaT for the whole site or, with
        a depth, the whole sensor.

    Raises
    ------
    ValueError
        If the fault is unknown or cannot befall this site.

    """
    name = site["fault"]
    if not name:
        return records, site, _key(site, places([], []))
    if name not in FAULTS:
        raise ValueError(f"{site['site']}: unknown fault '{name}'. Choices: {', '.join(FAULTS)}.")
    if not suits(name, site):
        needed = NEEDS[name][1]
        raise ValueError(f"{site['site']}: fault '{name}' needs {needed}; choose another hole.")
    records, site, touched = FAULTS[name](records, site, rng)
    temperature = records["temperature_c"].round(DECIMALS)
    touched = places([np.nan], [pd.NaT]) if touched is None else touched
    return records.assign(temperature_c=temperature), site, _key(site, touched)


def suits(fault: str, hole: pd.Series) -> bool:
    """Whether the ground or the place of a hole can show the fault."""
    return fault not in NEEDS or bool(NEEDS[fault][0](hole))


def _key(site: pd.Series, touched: pd.DataFrame) -> pd.DataFrame:
    return touched.assign(site=site["site"], fault=site["fault"])[KEY_COLUMNS]


def kelvin(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """Temperatures in Kelvin."""
    return records.assign(temperature_c=records["temperature_c"] + 273.15), site, None


def fahrenheit(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """Temperatures in degrees Fahrenheit."""
    return records.assign(temperature_c=records["temperature_c"] * 1.8 + 32), site, None


def sign_flipped(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """Temperatures with the wrong sign: warm in winter, cold in summer."""
    return records.assign(temperature_c=-records["temperature_c"]), site, None


def swapped_coordinates(
    records: pd.DataFrame, site: pd.Series, rng: np.random.Generator
) -> Planted:
    """Longitude and latitude exchanged."""
    exchanged = {"longitude": site["latitude"], "latitude": site["longitude"]}
    return records, pd.Series({**site, **exchanged}), None


def elevation_in_feet(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """Elevation of the site in feet under a heading that says metres."""
    feet = round(site["elevation_m"] * FEET_PER_METRE, 1)
    return records, pd.Series({**site, "elevation_m": feet}), None


def depth_in_cm(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """Depths in centimetres under a heading that says metres."""
    return records.assign(depth_m=records["depth_m"] * 100), site, None


def unsorted_depths(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """Sensors in an arbitrary order."""
    order = rng.permutation(records["sensor"].max() + 1)
    if (np.diff(order) > 0).all():
        order = order[::-1]
    place = pd.Series(order[records["sensor"]], index=records.index)
    shuffled = records.assign(place=place).sort_values(["time", "place"], kind="stable")
    return shuffled.drop(columns="place").reset_index(drop=True), site, None


def stopped_logger(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """Five months of data only."""
    times = times_of(records, site)
    month = (times.year - times[0].year) * 12 + times.month - 1
    first = rng.integers(month.max() + 2 - MONTHS_BEFORE_STOP)
    kept = times[(month >= first) & (month < first + MONTHS_BEFORE_STOP)]
    return records.loc[records["time"].isin(kept)].reset_index(drop=True), site, None


def outside_period(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """A mean profile of 1978-1985, colder by the trend since then."""
    if site["format"] != "profiles":
        raise ValueError(
            f"{site['site']}: an old profile needs format 'profiles', found '{site['format']}'."
        )
    years = DAYS.year.to_numpy().mean() - np.mean(OLD_YEARS)
    colder = records["temperature_c"] - years * warming_rate(site, records["depth_m"])
    old = dict(zip(("year_start", "year_end"), OLD_YEARS, strict=True))
    years_of_record = {k: pd.array([v] * len(records), dtype="Int64") for k, v in old.items()}
    return records.assign(temperature_c=colder, **years_of_record), site, None


def as_drilled(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """Nothing to do: the row of the hole itself is the fault (its place, depth or setting)."""
    return records, site, None


FAULTS = {
    "kelvin": kelvin,
    "fahrenheit": fahrenheit,
    "sign_flipped": sign_flipped,
    "swapped_coordinates": swapped_coordinates,
    "depth_in_cm": depth_in_cm,
    "unsorted_depths": unsorted_depths,
    "repeated_depth": repeated_depth,
    "disordered_sensor": disordered_sensor,
    "stuck_sensor": stuck_sensor,
    "spikes": spikes,
    "missing_code": missing_code,
    "stopped_logger": stopped_logger,
    "outside_period": outside_period,
    # The survey places these, or (duplicate) drills the string of the neighbour once more.
    "outside_area": as_drilled,
    "duplicate": as_drilled,
    "shallow": as_drilled,
    "same_cell": as_drilled,
    "disturbed": as_drilled,
    "step": step,
    "drift": drift,
    "swapped_sensors": swapped_sensors,
    "curtain_offset": curtain_offset,
    "elevation_in_feet": elevation_in_feet,
}
NEEDS = {
    "curtain_offset": (
        lambda hole: curtain_sensors(hole).size,
        f"a sensor from 0.5 to 1.5 m that passes 0 deg C by {FREEZES_AND_THAWS_C:g} either way",
    ),
    "elevation_in_feet": (
        lambda hole: hole["elevation_m"] > LOWEST_IN_FEET_M,
        f"an elevation above {LOWEST_IN_FEET_M:g} m",
    ),
}
