"""Checks of readings and sensors: impossible values, spikes, stuck and misplaced sensors.

Each check takes records, sites and study, and gives records and sites back, with the wrong values
missing, and flags. The thresholds are ``boreholes.checks`` of the study.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.boreholes.annual import SENSOR, annual_profile
from helpers.boreholes.flags import Result, flag, without_values
from helpers.study import Study

TO_STANDARD_DEVIATION = 1.4826  # of the median absolute deviation
YEAR_DAYS = 365.25
NEAR_SURFACE_M, AIR_MARGIN_C = 0.5, 35.0
LONG_GAP = 1.6  # times the usual time spanned by four neighbours
ZERO_CURTAIN_C, ZERO_CURTAIN_DAYS = 0.3, 200
FASTEST_DAMPING_M = 1.0
SMALLEST_MOVEMENT_C = 0.1


def impossible(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Values colder or warmer than ground can be; above half a metre, than air can be."""
    checks = study.boreholes.checks
    value, margin = records["temperature_c"], (records["depth_m"] < NEAR_SURFACE_M) * AIR_MARGIN_C
    wrong = (value < checks.coldest_c - margin) | (value > checks.warmest_c + margin)
    found = records[wrong].groupby(SENSOR)["temperature_c"].agg(["size", "min", "max"])
    reason = [
        f"{row.size} values outside {checks.coldest_c:g} to {checks.warmest_c:g} deg C "
        f"({row.min:g} to {row.max:g})"
        for row in found.set_axis(["size", "min", "max"], axis=1).itertuples(index=False)
    ]
    flags = flag(found.reset_index(), "impossible value", "value removed", reason)
    return without_values(records, wrong), sites, flags


def spikes(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Single readings far off the course of their sensor.

    A reading is compared with four guesses from its neighbours in time: the line of the two
    before, the line of the two after, the line between both sides and a cubic through all four.
    It is a spike only if it is far from the best of them, so neither a step, nor the kink where
    the zero curtain ends, nor the neighbour of a spike is taken for one. *Far* is measured by the
    usual departure of the sensor from the cubic (median absolute deviation), which is large near
    the surface where days are noisy. The first and the last reading and those beside a long gap
    cannot be judged.
    """
    checks = study.boreholes.checks
    known = _in_time(records)
    day = (known["time"] - known["time"].min()) / pd.Timedelta(days=1)
    known = known.assign(day=day, sensor=known.groupby(SENSOR, sort=False).ngroup())
    before2, before, after, after2 = _neighbours(known)
    cubic = _polynomial(day, (before2, before, after, after2))
    pairs = ((before2, before), (after, after2), (before, after))
    guesses = pd.concat([cubic, *(_polynomial(day, pair) for pair in pairs)], axis=1)
    value = known["temperature_c"]
    span = pd.Series(
        np.ptp([n["day"] for n in (before2, before, after, after2)], axis=0), day.index
    )
    departure = guesses.sub(value, axis=0).abs().min(axis=1)
    usual, usual_span = (
        part.groupby(known["sensor"]).transform("median") for part in ((value - cubic).abs(), span)
    )
    z = departure / (usual * TO_STANDARD_DEVIATION).clip(lower=study.boreholes.sensor_error_c)
    judged = cubic.notna() & (span < LONG_GAP * usual_span)
    spike = judged & (z > checks.spike_robust_z) & (departure > checks.spike_at_least_c)
    reason = [
        f"{t:g} deg C is {d:.1f} off its neighbours in time"
        for t, d in zip(value[spike], departure[spike], strict=True)
    ]
    wrong = pd.Series(records.index.isin(known.index[spike]), records.index)
    return (
        without_values(records, wrong),
        sites,
        flag(known[spike], "spike", "value removed", reason),
    )


def _neighbours(known: pd.DataFrame) -> list[pd.DataFrame]:
    """Day and value of the two readings before and the two after each reading of its sensor.

    The second and the last but one, which have one reading on one side, take a third of the other.
    """
    shifted = known.groupby("sensor")[["day", "temperature_c"]].shift
    return [shifted(2).fillna(shifted(-3)), shifted(1), shifted(-1), shifted(-2).fillna(shifted(3))]


def _polynomial(day: pd.Series, nodes: tuple[pd.DataFrame, ...]) -> pd.Series:
    """Lagrange's polynomial through the nodes (day and value), at ``day``."""
    return sum(
        node["temperature_c"]
        * np.prod(
            [(day - n["day"]) / (node["day"] - n["day"]) for n in nodes if n is not node], axis=0
        )
        for node in nodes
    )


def _in_time(records: pd.DataFrame) -> pd.DataFrame:
    """Readings that are there, by sensor and time."""
    known = records[records["temperature_c"].notna() & records["time"].notna()]
    return known.sort_values([*SENSOR, "time"], kind="stable")


def stuck_sensor(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Runs of identical readings while the ground around must have moved.

    The annual wave weakens downwards, so a sensor moves at least as much as any below it. With
    amplitude A it cannot stay within less than A (1 - cos(pi t / year)) during a time t, not even
    at a turning point. So deep sensors, which do stand still, are left alone. Within 0.3 deg C of
    the freezing point the zero curtain may hold the temperature for months: there only a run of
    200 days counts, and only the sensors below, which cannot swing under ground that does not.
    """
    known = _in_time(records)
    runs = _runs(known, study.boreholes.checks.stuck_readings)
    days = (runs["until"] - runs["time"]) / pd.Timedelta(days=1)
    phase = np.pi * (days / YEAR_DAYS).clip(upper=1)
    movement = _least_amplitude(known, runs) * (1 - np.cos(phase))
    resolution = runs["site"].map(_resolution(known))
    stuck = runs[
        (movement > np.maximum(SMALLEST_MOVEMENT_C, 3 * resolution))
        & (~_in_curtain(runs) | (days > ZERO_CURTAIN_DAYS))
    ]
    reason = [
        f"{row.n} readings of {row.temperature_c:g} deg C until {row.until:%Y-%m-%d}"
        for row in stuck.itertuples()
    ]
    wrong = pd.Series(False, records.index)
    for first, n in zip(stuck["first"], stuck["n"], strict=True):
        wrong[known.index[first : first + n]] = True
    return (
        without_values(records, wrong),
        sites,
        flag(stuck, "stuck sensor", "value removed", reason),
    )


def _runs(known: pd.DataFrame, shortest: int) -> pd.DataFrame:
    """Runs of identical readings of a sensor: where they begin in ``known``, and how many."""
    sensor = known.groupby(SENSOR, sort=False)["temperature_c"]
    begins = np.flatnonzero(sensor.diff().to_numpy() != 0)
    lengths = np.diff(np.append(begins, len(known)))
    begins, lengths = begins[lengths >= shortest], lengths[lengths >= shortest]
    runs = known.iloc[begins][[*SENSOR, "time", "temperature_c"]].reset_index(drop=True)
    until = known["time"].to_numpy()[begins + lengths - 1]
    return runs.assign(first=begins, n=lengths, until=until)


def _least_amplitude(known: pd.DataFrame, runs: pd.DataFrame) -> pd.Series:
    """Amplitude a sensor must have by what the other sensors of its hole do, deg C.

    Those below count in full, those above as if the wave died out within a metre (which is
    quicker than it does anywhere).
    """
    sensor = known.groupby(SENSOR)["temperature_c"]
    amplitude = ((sensor.quantile(0.975) - sensor.quantile(0.025)) / 2).rename("amplitude")
    pairs = runs.reset_index().merge(amplitude.reset_index(), on="site", suffixes=("", "_other"))
    lower_by = (pairs["depth_m"] - pairs["depth_m_other"]).clip(lower=0)
    counts = (pairs["depth_m"] < pairs["depth_m_other"]) | (lower_by > 0) & ~_in_curtain(pairs)
    pairs, lower_by = pairs[counts].copy(), lower_by[counts]
    pairs["least"] = pairs["amplitude"] * np.exp(-lower_by / FASTEST_DAMPING_M)
    return pairs.groupby("index")["least"].max().reindex(runs.index)


def _in_curtain(runs: pd.DataFrame) -> pd.Series:
    return runs["temperature_c"].abs() <= ZERO_CURTAIN_C


def _resolution(known: pd.DataFrame) -> pd.Series:
    """Smallest step between readings of each site, deg C."""
    step = known.groupby(SENSOR, sort=False)["temperature_c"].diff().abs().round(6)
    return step[step > 0].groupby(known["site"]).min()


def misplaced_sensor(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Sensors whose annual mean is out of line with those above and below.

    Holes with one or two sensors are noted, because nothing in them can be compared.
    """
    checks = study.boreholes.checks
    profile = annual_profile(records, checks.largest_missing_share, checks.zero_amplitude_c)
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
    sensors, wrong = (pd.MultiIndex.from_frame(table[SENSOR]) for table in (records, places))
    misplaced = pd.Series(sensors.isin(wrong), records.index)
    return without_values(records, misplaced), sites, pd.concat(flags)


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
