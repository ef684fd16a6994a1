"""Checks of readings: period, impossible values, spikes, stuck sensors, the zero curtain.

Each check takes records, sites and study, and gives records and sites back, with the wrong values
missing, and flags. The thresholds are ``boreholes.checks`` of the study.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.boreholes.annual import SENSOR
from helpers.boreholes.flags import Result, flag, without_values
from helpers.study import Study
from helpers.units import DAYS_IN_YEAR

TO_STANDARD_DEVIATION = 1.4826  # of the median absolute deviation
NEAR_SURFACE_M, AIR_MARGIN_C = 0.5, 35.0
LONG_GAP = 1.6  # times the usual time spanned by four neighbours
ZERO_CURTAIN_C, ZERO_CURTAIN_DAYS = 0.3, 200
FASTEST_DAMPING_M = 1.0
SMALLEST_MOVEMENT_C = 0.1
# Near the turning points of a sensor readings lie thick without any plateau.
CURTAIN_RANGE_C, TURNING_POINT_C, SWINGS_PAST_C = (-2.5, 1.0), 0.5, 1.5
ANOTHER_SEASON = pd.Timedelta(days=60)
CURTAIN_WIDTH_C, CURTAIN_DAYS, CURTAIN_READINGS, CURTAIN_CONTRAST = 0.1, 15.0, 5, 4.0


def outside_period(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Readings, and means over years, that have nothing in common with the period."""
    if not study.boreholes.only_period:
        return records, sites, flag([], "outside the period", "noted", "")
    start, end = pd.Timestamp(study.period.start), pd.Timestamp(study.period.end)
    first = records["year_start"].fillna(records["time"].dt.year).fillna(records["year_end"])
    last = records["year_end"].fillna(first)
    of_mean = ((last < start.year) | (first > end.year)).fillna(False).astype(bool)
    of_reading = (records["time"] < start) | (records["time"] >= end + pd.Timedelta(days=1))
    outside = of_mean | of_reading
    years = pd.DataFrame({"site": records["site"], "first": first, "last": last})[outside]
    spans = years.groupby("site").agg({"site": "size", "first": "min", "last": "max"})
    wanted = f"{study.period.start} to {study.period.end}"
    reason = [f"{n} values of {a}-{b}, wanted {wanted}" for n, a, b in spans.to_numpy()]
    action = np.where(spans.index.isin(records["site"][~outside]), "value removed", "site refused")
    wider = ((first < start.year) | (last > end.year)).fillna(False).astype(bool) & ~outside
    notes = {"no years stated: taken as inside": first.isna(), "years reach beyond it": wider}
    flags = [flag(spans.index, "outside the period", "", reason).assign(action=action)]
    for note, rows in notes.items():
        flags.append(flag(records["site"][rows].unique(), "outside the period", "noted", note))
    return records[~outside], sites, pd.concat(flags)


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
    0 or of the plateau of freezing of the sensor (see :func:`zero_curtain`), the temperature may
    hold for months: there only a run of 200 days counts, and only the sensors below, which cannot
    swing under ground that does not.
    """
    known = _in_time(records)
    runs = _runs(known, study.boreholes.checks.stuck_readings)
    in_curtain = _in_curtain(runs, known)
    days = (runs["until"] - runs["time"]) / pd.Timedelta(days=1)
    phase = np.pi * (days / DAYS_IN_YEAR).clip(upper=1)
    movement = _least_amplitude(known, runs.assign(in_curtain=in_curtain)) * (1 - np.cos(phase))
    resolution = runs["site"].map(_resolution(known))
    stuck = runs[
        (movement > np.maximum(SMALLEST_MOVEMENT_C, 3 * resolution))
        & (~in_curtain | (days > ZERO_CURTAIN_DAYS))
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
    counts = (pairs["depth_m"] < pairs["depth_m_other"]) | (lower_by > 0) & ~pairs["in_curtain"]
    pairs, lower_by = pairs[counts].copy(), lower_by[counts]
    pairs["least"] = pairs["amplitude"] * np.exp(-lower_by / FASTEST_DAMPING_M)
    return pairs.groupby("index")["least"].max().reindex(runs.index)


def _in_curtain(runs: pd.DataFrame, known: pd.DataFrame) -> pd.Series:
    """Whether a run lies at the freezing point, which salt may lower and an offset may shift."""
    places = runs[SENSOR].drop_duplicates()
    sensors = known.merge(places, on=SENSOR).groupby(SENSOR)
    plateaus = pd.Series({key: _curtain(sensor) for key, sensor in sensors}, dtype=float)
    plateau = plateaus.reindex(pd.MultiIndex.from_frame(runs[SENSOR])).to_numpy()
    value = runs["temperature_c"]
    return (value.abs() <= ZERO_CURTAIN_C) | ((value - plateau).abs() <= ZERO_CURTAIN_C)


def _resolution(known: pd.DataFrame) -> pd.Series:
    """Smallest step between readings of each site, deg C."""
    step = known.groupby(SENSOR, sort=False)["temperature_c"].diff().abs().round(6)
    return step[step > 0].groupby(known["site"]).min()


def zero_curtain(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Sensors whose plateau of freezing lies off 0 deg C: an offset of the sensor.

    While the water around a sensor freezes or thaws, latent heat holds it at the freezing point
    for weeks (Outcalt et al. 1990, doi:10.1029/WR026i007p01509), so that layer is a calibration
    bath. The plateau is where, between -2.5 and 1 deg C and away from the turning points of the
    sensor, the most readings lie within 0.1 deg C. It counts if there are five, for 15 days in
    all, four times as thick as usual in that range, and in more than one season. Noted only: salt
    and fine pores lower the freezing point as well, and the sensors that freeze and thaw lie above
    those that lead to the temperature mapped.
    """
    known = _in_time(records)
    known = known[known["averaging"].isin(["day", "reading"])]
    found = [
        {"site": site, "depth_m": depth, "off": off}
        for (site, depth), sensor in known.groupby(SENSOR)
        if abs(off := _curtain(sensor)) > study.boreholes.checks.curtain_offset_c
    ]
    places = pd.DataFrame(found, columns=["site", "depth_m", "off"])
    reason = [
        f"freezes and thaws at {off:+.2f} deg C: offset of the sensor" for off in places["off"]
    ]
    return records, sites, flag(places, "zero curtain", "noted", reason)


def _curtain(sensor: pd.DataFrame) -> float:
    """Temperature of the plateau of freezing of one sensor, deg C; 0 if it has none."""
    coldest, warmest = sensor["temperature_c"].min(), sensor["temperature_c"].max()
    low, high = CURTAIN_RANGE_C
    low, high = max(low, coldest + TURNING_POINT_C), min(high, warmest - TURNING_POINT_C)
    near = sensor[sensor["temperature_c"].between(low, high)].sort_values("temperature_c")
    value = near["temperature_c"].to_numpy()
    if len(value) < CURTAIN_READINGS or max(coldest, -warmest) > -SWINGS_PAST_C:
        return 0.0
    within = np.searchsorted(value, value + CURTAIN_WIDTH_C, side="right") - np.arange(len(value))
    thickest, most = int(within.argmax()), int(within.max())
    plateau = near.iloc[thickest : thickest + most]
    days = most * sensor["time"].diff().median() / pd.Timedelta(days=1)
    usual = len(value) * CURTAIN_WIDTH_C / (high - low)
    seasons = plateau["time"].sort_values().diff() > ANOTHER_SEASON
    if days < CURTAIN_DAYS or most < max(CURTAIN_READINGS, CURTAIN_CONTRAST * usual):
        return 0.0
    return float(plateau["temperature_c"].median()) if seasons.any() else 0.0
