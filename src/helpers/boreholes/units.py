"""Checks of units and labels: missing codes, Kelvin, Fahrenheit, sign, depths.

Each check takes records, sites and study, and gives records and sites back, repaired, with flags.
It touches only what is unambiguous.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.boreholes.annual import SENSOR
from helpers.boreholes.flags import Result, flag, without_values
from helpers.study import Study

# Of data centres and loggers (-6999 and -7999: Campbell).
MISSING_CODES = [
    *(-99.0, -99.9, -99.99, -999.0, -999.9, -999.99, -9999.0, -6999.0, 6999.0, -7999.0),
    *(999.0, 999.9, 9999.0),
]
WARM_GROUND_C = 12.0  # deeper ground of permafrost regions is colder
NEAR_SURFACE_M = 1.5
DEEPEST_WAVE_M = 40.0
SMALLEST_SWING_C = 0.5
VERY_DEEP_M, DEEPEST_HOLE_M = 200.0, 1000.0
LEAP_BETWEEN_UNITS = 20.0
# Heat flow of the coldest shields; a hole in centimetres shows a hundredth of the usual 0.03.
SMALLEST_GRADIENT_C_PER_M = 0.008


def missing_codes(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Numbers such as -999 stand for a missing value."""
    coded = records["temperature_c"].isin(MISSING_CODES)
    found = records[coded].groupby([*SENSOR, "temperature_c"]).size().reset_index(name="n")
    reason = [
        f"{n} x {t:g}: missing" for n, t in zip(found["n"], found["temperature_c"], strict=True)
    ]
    return without_values(records, coded), sites, flag(found, "missing code", "noted", reason)


def two_units(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Holes whose unit changes within a file: from one month to another they leap by 20 degrees.

    Neither unit can be told from the median then, so the site is refused.
    """
    lower = _lower_half(records)
    month = lower["time"].dt.strftime("%Y-%m")
    level = lower.groupby(["site", month])["temperature_c"].median()
    ends = level.groupby("site").agg(["min", "max"])
    wrong = ends[ends["max"] - ends["min"] > LEAP_BETWEEN_UNITS].index
    reason = [
        f"two units in one file? From month to month the lower half goes from {low:.0f} to "
        f"{high:.0f}, most in {level[site].diff().abs().idxmax()}"
        for site, low, high in ends.loc[wrong].itertuples()
    ]
    return records, sites, flag(wrong, "temperature unit", "site refused", reason)


def kelvin(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Temperatures in Kelvin: no ground is at 200 deg C."""
    level = _level(records)
    return _converted(records, sites, level[level > 200], "Kelvin", lambda t: t - 273.15)


def fahrenheit(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Temperatures in degrees Fahrenheit.

    Concluded if the lower half of a hole is warm for ground and would be, once converted, less
    than half as far from what is usual in the region (``usual_ground_c``). Other warm holes are
    noted.
    """
    level, usual = _level(records), study.boreholes.checks.usual_ground_c
    warm = level[level.between(WARM_GROUND_C, 100)]
    wrong = ((warm - 32) / 1.8 - usual).abs() < (warm - usual).abs() / 2
    reason = [f"median of the lower half {t:.1f} deg C: warm for ground" for t in warm[~wrong]]
    noted = flag(warm.index[~wrong], "temperature unit", "noted", reason)
    records, sites, flags = _converted(
        records, sites, warm[wrong], "degrees Fahrenheit", lambda t: (t - 32) / 1.8
    )
    return records, sites, pd.concat([flags, noted])


def _level(records: pd.DataFrame) -> pd.Series:
    """Median temperature of the lower half of each hole, where weather and spikes matter least."""
    return _lower_half(records).groupby("site")["temperature_c"].median()


def _lower_half(records: pd.DataFrame) -> pd.DataFrame:
    depth = records["depth_m"]
    return records[depth >= depth.groupby(records["site"]).transform("median")]


def _converted(
    records: pd.DataFrame, sites: pd.DataFrame, level: pd.Series, unit: str, to_celsius: object
) -> Result:
    wrong, value = records["site"].isin(level.index), records["temperature_c"]
    reason = [f"median of the lower half {t:.1f}: {unit}, converted to deg C" for t in level]
    flags = flag(level.index, "temperature unit", "repaired", reason)
    return records.assign(temperature_c=value.mask(wrong, to_celsius(value))), sites, flags


def sign(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """A hole that is colder in summer than in winter near the surface has its sign turned."""
    month, near = records["time"].dt.month, records["depth_m"] <= NEAR_SURFACE_M
    warm, cold = (
        records[near & month.isin(pair)].groupby(SENSOR)["temperature_c"].mean()
        for pair in ((7, 8), (1, 2))
    )
    northern = study.area.north + study.area.south > 0
    swing = (warm - cold).dropna() * (1 if northern else -1)
    extremes = swing.groupby("site").agg(["min", "max"])
    turned = extremes["min"][(extremes["max"] < 0) & (extremes["min"] < -2)]
    reason = [f"near the surface summer was {-t:.1f} deg C colder than winter" for t in turned]
    value = records["temperature_c"]
    value = value.mask(records["site"].isin(turned.index), -value)
    flags = flag(turned.index, "sign", "repaired", reason)
    return records.assign(temperature_c=value), sites, flags


def negative_depth(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Depths counted upwards, so that no depth of the hole is positive."""
    depth = records["depth_m"]
    wrong = (depth.groupby(records["site"]).transform("max") <= 0) & (depth < 0)
    flags = flag(records["site"][wrong].unique(), "negative depth", "repaired", "sign turned")
    return records.assign(depth_m=depth.mask(wrong, -depth)), sites, flags


def depth_in_centimetres(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Depths in centimetres under a header that says metres.

    Concluded if readings labelled deeper than 40 m swing with the seasons, or if a hole labelled
    deeper than 1000 m hardly gets warmer downwards. One of more than 200 m that hardly does is
    noted: there is ground of so low a heat flow.
    """
    deepest = records.groupby("site")["depth_m"].max()
    holes = records[records["site"].isin(deepest.index[deepest > DEEPEST_WAVE_M])]
    holes = dict(list(holes.dropna(subset="temperature_c").groupby("site")))
    steady = [s for s, hole in holes.items() if deepest[s] > VERY_DEEP_M and _too_steady(hole)]
    wrong = [
        site
        for site, hole in holes.items()
        if _swings_too_deep(hole) or (site in steady and deepest[site] > DEEPEST_HOLE_M)
    ]
    here, depth = records["site"].isin(wrong), records["depth_m"]
    reason = [f"labelled down to {deepest[site]:g} m: centimetres, converted" for site in wrong]
    doubtful = [site for site in steady if site not in wrong]
    doubt = [f"hardly warmer down to {deepest[site]:g} m: centimetres?" for site in doubtful]
    flags = [
        flag(wrong, "depth unit", "repaired", reason),
        flag(doubtful, "depth unit", "noted", doubt),
    ]
    records = records.assign(depth_m=depth.mask(here, (depth / 100).round(4)))
    return records, sites, pd.concat(flags)


def _swings_too_deep(hole: pd.DataFrame) -> bool:
    deep = hole[hole["depth_m"] > DEEPEST_WAVE_M].groupby("depth_m")["temperature_c"]
    # Half the range between quartiles is 0.7 of the amplitude of a sinusoid, and no spike moves it.
    return bool(((deep.quantile(0.75) - deep.quantile(0.25)) / 2 > SMALLEST_SWING_C).any())


def _too_steady(hole: pd.DataFrame) -> bool:
    means = hole.groupby("depth_m")["temperature_c"].mean()
    return len(means) >= 3 and bool(
        np.polyfit(means.index, means, 1)[0] < SMALLEST_GRADIENT_C_PER_M
    )


def depth_order(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Depths that are not sorted in the file are noted: nothing here depends on their order."""
    when = ["time", "year_start", "year_end"]
    above = records[["site", "depth_m", *when]].shift()
    same = [(records[c] == above[c]) | records[c].isna() & above[c].isna() for c in when]
    same_time = np.logical_and.reduce([part.fillna(False).astype(bool) for part in same])
    together = same_time & (records["site"] == above["site"])
    unsorted = records["site"][together & (records["depth_m"] < above["depth_m"])].unique()
    return records, sites, flag(unsorted, "depth order", "noted", "depths not in order: sorted")


def repeated_depth(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Several values of one site, time and depth are averaged."""
    key = ["site", "time", "depth_m", "year_start", "year_end"]
    repeated = records.duplicated(key, keep=False)
    mean = records[repeated].groupby(key, dropna=False)["temperature_c"].transform("mean")
    places = records.loc[repeated, SENSOR].value_counts(sort=False).reset_index(name="n")
    reason = [f"depth comes more than once ({n} values): averaged" for n in places["n"]]
    value = mean.reindex(records.index).where(repeated, records["temperature_c"])
    flags = flag(places, "repeated depth", "noted", reason)
    return records.assign(temperature_c=value)[~records.duplicated(key)], sites, flags
