"""Faults of borehole data, planted on purpose so that the checks have something to find.

A fault takes the records of one site (see :func:`helpers.virtual.strings.delivered_string`), the
row of the site and a random generator, and gives records, site and the places it touched: a
table of depth_m and time, or nothing when the whole site is concerned. The key of the faults is
for tests; it never goes to the data folder.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.virtual.strings import DAYS, DECIMALS, warming_rate

MISSING_CODE = -999.0
KEY_COLUMNS = ["site", "depth_m", "time", "fault"]
OLD_YEARS = (1978, 1985)
MONTHS_BEFORE_STOP = 5

Planted = tuple[pd.DataFrame, pd.Series, pd.DataFrame | None]


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
        return records, site, _key(site, _places([], []))
    if name not in FAULTS:
        raise ValueError(f"{site['site']}: unknown fault '{name}'. Choices: {', '.join(FAULTS)}.")
    records, site, places = FAULTS[name](records, site, rng)
    temperature = records["temperature_c"].round(DECIMALS)
    return (
        records.assign(temperature_c=temperature),
        site,
        _key(site, _places([np.nan], [pd.NaT]) if places is None else places),
    )


def _key(site: pd.Series, places: pd.DataFrame) -> pd.DataFrame:
    return places.assign(site=site["site"], fault=site["fault"])[KEY_COLUMNS]


def _places(depths: object, times: object) -> pd.DataFrame:
    time = pd.Series(times, dtype="datetime64[ns]")
    return pd.DataFrame({"depth_m": pd.Series(depths, dtype=float), "time": time})


def _rows(records: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    return records.loc[index, ["depth_m", "time"]].sort_values(["time", "depth_m"])


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


def repeated_depth(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """A sensor labelled with the depth of the one above, so that a depth comes twice."""
    sensor = _pick_sensor(records, site, rng, 1, 8)
    above = records.loc[records["sensor"] == sensor - 1, "depth_m"].iloc[0]
    depth = records["depth_m"].mask(records["sensor"] == sensor, above)
    return records.assign(depth_m=depth), site, _places([above], [pd.NaT])


def disordered_sensor(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """One sensor inside the string 3 to 5 deg C off, so that it no longer fits its neighbours."""
    sensor = _pick_sensor(records, site, rng, 2, 12)
    offset = rng.choice([-1, 1]) * rng.uniform(3, 5)
    here = records["sensor"] == sensor
    depth = records.loc[here, "depth_m"].iloc[:1]
    changed = records["temperature_c"] + offset * here
    return records.assign(temperature_c=changed), site, _places(depth.to_numpy(), [pd.NaT])


def stuck_sensor(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """One sensor reports the same value for half of the time, that is a year."""
    times = _times(records, site)
    sensor = _pick_sensor(records, site, rng, 1, 8)
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
    times = _times(records, site)
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


def stopped_logger(records: pd.DataFrame, site: pd.Series, rng: np.random.Generator) -> Planted:
    """Five months of data only."""
    times = _times(records, site)
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


def _times(records: pd.DataFrame, site: pd.Series) -> pd.DatetimeIndex:
    """Times of the records, each once; a mean over years has none and cannot take the fault."""
    if records["time"].isna().any():
        raise ValueError(
            f"{site['site']}: fault '{site['fault']}' needs readings in time; "
            f"format '{site['format']}' holds means over years. Choose another format or fault."
        )
    return pd.DatetimeIndex(records["time"].unique()).sort_values()


def _pick_sensor(
    records: pd.DataFrame, site: pd.Series, rng: np.random.Generator, top_m: float, bottom_m: float
) -> int:
    """One of the sensors between two depths that has others above and below it."""
    depths = records.groupby("sensor")["depth_m"].first().iloc[1:-1]
    choices = depths.index[depths.between(top_m, bottom_m)]
    if choices.empty:
        raise ValueError(
            f"{site['site']}: fault '{site['fault']}' needs a sensor between {top_m} and "
            f"{bottom_m} m with others above and below it; choose a deeper hole."
        )
    return int(rng.choice(choices))


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
}
