"""Checks of whole strings: sensors that contradict the others of their hole.

Each check takes records, sites and study, and gives records and sites back, with the values of
the wrong sensors missing, and flags. They work on the means of months, which is enough to see
what is wrong for a year.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.boreholes.annual import SENSOR, merged_months, monthly_records, study_profile
from helpers.boreholes.flags import NOTED, REFUSED, REMOVED, Result, flag, without_values
from helpers.boreholes.thermal_state import BELOW_SEASONS_M
from helpers.study import Study

BELOW_GRASS_M, BELOW_SNOW_M = 0.5, 2.0
FEWEST_COMMON_MONTHS = 6  # half a year of both, so that no single month decides
FEWEST_SENSORS = 3  # of two nobody can tell which is wrong
WHOLE_SHARE = 0.8  # months cut between files are no overlap
ENVELOPE_SHARE = 1.1  # extremes of monthly means scatter by some percent
SHORTEST_RECORD_MONTHS = 18  # so that half a year follows the first
TWO_STRINGS = "two strings under one code?"


def overlapping_records(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Whole months that come from more than one file: averaged if alike, else two strings.

    They are alike if, at depths without weather, their usual difference is within
    ``duplicate_c``. Otherwise nobody can tell which of them the code means.
    """
    known = records[records["time"].notna() & (records["depth_m"] >= BELOW_SNOW_M)]
    known = known[known.get("share", pd.Series(1.0, known.index)) >= WHOLE_SHARE]
    twice = known[known.duplicated([*SENSOR, "time"], keep=False)]
    months = twice.groupby([*SENSOR, "time"])["temperature_c"].agg(["min", "max"])
    apart = (months["max"] - months["min"]).groupby("site").median()
    alike = apart <= study.boreholes.checks.duplicate_c
    flags = [
        flag(
            some.index,
            "overlapping records",
            action,
            [f"{c:.2f} deg C apart: {what}" for c in some],
        )
        for some, action, what in (
            (apart[alike], NOTED, "averaged"),
            (apart[~alike], REFUSED, TWO_STRINGS),
        )
    ]
    merged = merged_months(records) if "share" in records else records
    return merged, sites, pd.concat(flags)


def step_or_drift(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Sensors that change from one year to the next as the others of the hole do not.

    The change is the mean over the calendar months that both years have. A snowy winter or a warm
    summer changes the ground most at the top and less and less downwards, so a sensor is sound
    whose change lies, give or take ``step_c``, between those of the two sensors above and the two
    below, or between 0 and those above if it is the last. The one furthest out goes first, then
    the others are looked at again; sensors above 2 m are not judged. When in the record the step
    came, or whether the sensor was right before or after, cannot be told: all its values go.

    Where all sensors from 10 m down change by more than ``step_c`` one way, the logger or the
    calibration of the whole string was changed: no natural ground does that in a year.
    """
    change = _yearly_changes(monthly_records(records))
    found, whole = [], []
    for (site, year), hole in change.groupby(["site", "year"]):
        step_c, place = study.boreholes.checks.step_c, {"site": site, "year": year}
        deep = hole.loc[hole["depth_m"] >= BELOW_SEASONS_M, "change"]
        if len(deep) > 1 and ((deep > step_c).all() or (deep < -step_c).all()):
            whole.append(place | {"off": deep.median()})
            continue
        found += [place | {"depth_m": z, "off": off} for z, off in _off_the_others(hole, step_c)]
    places = pd.DataFrame(found, columns=["site", "year", "depth_m", "off"])
    places = places.sort_values([*SENSOR, "year"]).drop_duplicates(SENSOR)
    strings = pd.DataFrame(whole, columns=["site", "year", "off"]).drop_duplicates("site")
    flags = [
        flag(
            places, "step or drift", REMOVED, _years(places, "off what its neighbours let expect")
        ),
        flag(strings, "step or drift", REFUSED, _years(strings, "at 10 m and below together")),
    ]
    return _without_sensors(records, places), sites, pd.concat(flags)


def _years(places: pd.DataFrame, what: str) -> list[str]:
    return [
        f"{row.off:+.2f} deg C from {row.year:g} to {row.year + 1:g} {what}"
        for row in places.itertuples()
    ]


def heat_of_drilling(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Records that begin warm at depth and cool down together: heat that drilling left behind.

    It dies out with the logarithm of time (Lachenbruch and Brewer 1959, USGS Bulletin 1083-C), so
    that the first three months of all sensors from 10 m down lie above the rest of the first year,
    and these above the last year, in all by ``drilling_c`` or more. Noted: whoever knows when the
    hole was drilled drops the first months.
    """
    months = monthly_records(records)
    deep = months[months["time"].notna() & (months["depth_m"] >= BELOW_SEASONS_M)]
    found = []
    for site, hole in deep.groupby("site"):
        age = (hole["time"] - hole["time"].min()).dt.days / 30.4
        if age.max() < SHORTEST_RECORD_MONTHS:
            continue
        means = hole.groupby(["depth_m", pd.cut(age, [-1, 2.5, 11.5, np.inf])], observed=True)
        course = means["temperature_c"].mean().unstack().dropna()
        falls = (course.diff(axis=1).iloc[:, 1:] < 0).all(axis=1)
        excess = course.iloc[:, 0] - course.iloc[:, -1]
        if len(course) > 1 and (falls & (excess > study.boreholes.checks.drilling_c)).all():
            found.append({"site": site, "excess": excess.min()})
    places = pd.DataFrame(found, columns=["site", "excess"])
    reason = [f"all sensors from 10 m down cooled by {c:.2f} deg C or more" for c in places.excess]
    return records, sites, flag(places, "heat of drilling", NOTED, reason)


def _yearly_changes(months: pd.DataFrame) -> pd.DataFrame:
    """Change of each sensor from a year to the next: site, depth_m, year, change (deg C)."""
    known = months[months["averaging"] != "mean"]
    time = known["time"].dt
    keys = known.assign(year=time.year, month=time.month)
    mean = keys.groupby([*SENSOR, "month", "year"])["temperature_c"].mean().rename("value")
    earlier = mean.reset_index()
    later = earlier.assign(year=earlier["year"] - 1)
    both = earlier.merge(later, on=[*SENSOR, "month", "year"], suffixes=("", "_later")).dropna()
    both["change"] = both["value_later"] - both["value"]
    change = both.groupby([*SENSOR, "year"])["change"].agg(["mean", "size"])
    change = change[change["size"] >= FEWEST_COMMON_MONTHS]
    return change.rename(columns={"mean": "change"}).reset_index()


def _off_the_others(hole: pd.DataFrame, step_c: float) -> list[tuple[float, float]]:
    """Depth and departure of the sensors that changed alone, the furthest out first."""
    depth, change = hole["depth_m"].to_numpy(), hole["change"].to_numpy()
    found = []
    while len(depth) >= FEWEST_SENSORS:
        off = np.array([_out_of_reach(change, i) for i in range(len(depth))])
        off[depth < BELOW_SNOW_M] = 0
        worst = int(np.argmax(np.abs(off)))
        if abs(off[worst]) <= step_c:
            break
        found.append((float(depth[worst]), float(off[worst])))
        depth, change = np.delete(depth, worst), np.delete(change, worst)
    return found


def _out_of_reach(change: np.ndarray, i: int) -> float:
    """How far the change of sensor i lies outside those of its neighbours, deg C."""
    above, below = change[max(i - 2, 0) : i], change[i + 1 : i + 3]
    others = np.concatenate([above, below if len(below) else [0.0]])
    return float(change[i] - np.clip(change[i], others.min(), others.max()))


def envelope(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Sensors that swing more than sensors above them: the trumpet must narrow downwards.

    Conduction lets no annual wave grow with depth (Carslaw and Jaeger 1959, section 2.6), so
    sensors that break the order are labelled with a wrong depth, are faulty, or their means come
    from different years. As few sensors as possible go; where it cannot be told which of two is
    wrong, both go. In the uppermost half metre grass and snow differ within a step: not judged.
    """
    profile = study_profile(records, study).dropna(subset=["mean_c", "min_c", "max_c"])
    profile = profile[profile["depth_m"] >= BELOW_GRASS_M].copy()
    profile["range_c"] = profile["max_c"] - profile["min_c"]
    found = [
        {"site": site, "depth_m": hole["depth_m"].iloc[i], "range_c": hole["range_c"].iloc[i]}
        for site, hole in profile.groupby("site")
        for i in _breaking(hole["range_c"].to_numpy(), study.boreholes.checks.envelope_c)
    ]
    places = pd.DataFrame(found, columns=["site", "depth_m", "range_c"])
    reason = [
        f"swings by {r:.2f} deg C in a year, out of order with the sensors around: wrong depth, "
        "faulty, or means of other years"
        for r in places["range_c"]
    ]
    return (
        _without_sensors(records, places),
        sites,
        flag(places, "envelope", "value removed", reason),
    )


def _breaking(swing: np.ndarray, slack_c: float) -> list[int]:
    """Positions (downwards) that are not in every longest series of swings that narrows."""
    longest = _longest_narrowing(swing, slack_c)
    if longest == len(swing):
        return []
    return [
        i for i in range(len(swing)) if _longest_narrowing(np.delete(swing, i), slack_c) == longest
    ]


def _longest_narrowing(swing: np.ndarray, slack_c: float) -> int:
    """Length of the longest series, downwards, in which no swing exceeds one above it."""
    length = np.ones(len(swing), dtype=int)
    for i in range(1, len(swing)):
        fits = swing[i] <= ENVELOPE_SHARE * swing[:i] + slack_c
        length[i] = 1 + (length[:i][fits]).max(initial=0)
    return int(length.max(initial=0))


def misplaced_sensor(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Sensors whose annual mean is out of line with those above and below.

    Holes with one or two sensors are noted, because nothing in them can be compared.
    """
    checks = study.boreholes.checks
    profile = study_profile(records, study)
    holes = profile.dropna(subset="mean_c").groupby("site")
    found = [
        {"site": site, "depth_m": depth, "off": off}
        for site, hole in holes
        for depth, off in _out_of_line(hole, checks.disorder_c)
    ]
    places = pd.DataFrame(found, columns=["site", "depth_m", "off"])
    reason = [
        f"annual mean {off:.1f} deg C out of line with its neighbours" for off in places["off"]
    ]
    sparse = holes.size()[holes.size() < 3]
    notes = [f"{n} sensor(s) only: their order with depth cannot be checked" for n in sparse]
    flags = [
        flag(places, "misplaced sensor", "value removed", reason),
        flag(sparse.index, "few sensors", "noted", notes),
    ]
    return _without_sensors(records, places), sites, pd.concat(flags)


def _without_sensors(records: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """Records without any value of the sensors at these places (site, depth_m)."""
    sensors, wrong = (pd.MultiIndex.from_frame(table[SENSOR]) for table in (records, places))
    return without_values(records, pd.Series(sensors.isin(wrong), records.index))


def _out_of_line(hole: pd.DataFrame, disorder_c: float) -> list[tuple[float, float]]:
    """Depth and departure of the sensors to leave out, until all others are in line."""
    depth, mean = hole["depth_m"].to_numpy(), hole["mean_c"].to_numpy()
    found = []
    while (worst := _worst_sensor(depth, mean, disorder_c)) is not None:
        position, off = worst
        found.append((float(depth[position]), off))
        depth, mean = np.delete(depth, position), np.delete(mean, position)
    return found


def _worst_sensor(
    depth: np.ndarray, mean: np.ndarray, disorder_c: float
) -> tuple[int, float] | None:
    """Position of the sensor most out of line, and by how much; None if all are in line.

    A wrong sensor puts its neighbours off the line too, and at an end of the string only they are
    seen to be off. So of a sensor off the line and its two neighbours that one is blamed without
    which the rest is smoothest (sum of differences between neighbours). Leaving out a wrong sensor
    takes at least its departure off that sum; a bend of the profile hardly changes it.
    """
    share = np.diff(depth)[:-1] / (depth[2:] - depth[:-2])
    off = np.abs(mean[1:-1] - (mean[:-2] + share * (mean[2:] - mean[:-2])))
    rough = np.abs(np.diff(mean)).sum()
    for middle in np.argsort(-off, kind="stable"):
        if off[middle] <= disorder_c:
            break
        without = [np.abs(np.diff(np.delete(mean, middle + i))).sum() for i in range(3)]
        if rough - min(without) >= off[middle]:
            return int(middle + np.argmin(without)), float(off[middle])
    return None
