"""Checks of boreholes: a planted fault is found and repaired, a sound record is left alone."""

import numpy as np
import pandas as pd
import pytest

from helpers.boreholes import BoreholeData, annual_profile, check_boreholes, checks
from helpers.boreholes.checks import (
    PLACE_CHECKS,
    READING_CHECKS,
    SITE_CHECKS,
    STRING_CHECKS,
    UNIT_CHECKS,
    CheckedBoreholes,
    run_checks,
)
from helpers.boreholes.holes import off_the_relief, swapped_coordinates
from helpers.boreholes.overrides import read_overrides
from helpers.storage import ContractError
from helpers.study import load_study

DEPTHS = np.array([0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20])
DAYS = pd.date_range("2023-01-01", "2024-12-31")
STEPS = {"day": 1, "reading": 10}


def wave(times, depths, top_c=-2.0, amplitude_c=12.0, damping_m=2.5):
    """Annual wave in a half-space over a geothermal line; warmest at the surface in late July."""
    phase = 2 * np.pi * (np.asarray((times - times[0]).days) - 205) / 365.25
    damping = depths / damping_m
    swing = amplitude_c * np.exp(-damping) * np.cos(phase[:, None] - damping)
    return top_c + 0.035 * depths + swing


def hole(site="A", averaging="day", seed=0, top_c=-2.0, depths=DEPTHS, digits=2, setting="natural"):
    """Records of one sound hole, and its row in the site table."""
    rng = np.random.default_rng(seed)
    weather_sd = np.hypot(0.02, 3.0 * np.exp(-depths / 0.6))
    daily = wave(DAYS, depths, top_c) + rng.normal(0, weather_sd, (len(DAYS), len(depths)))
    table = pd.DataFrame(daily, index=DAYS)
    table = table.resample("MS").mean() if averaging == "month" else table[:: STEPS[averaging]]
    records = pd.DataFrame(
        {
            "site": site,
            "time": np.repeat(table.index.to_numpy("datetime64[ns]"), len(depths)),
            "depth_m": np.tile(depths, len(table)),
            "temperature_c": table.to_numpy().ravel().round(digits),
            "averaging": averaging,
            "file": "f.csv",
            "sheet": "",
            "row": np.repeat(np.arange(len(table)) + 2, len(depths)),
            "year_start": pd.array([pd.NA] * table.size, dtype="Int64"),
            "year_end": pd.array([pd.NA] * table.size, dtype="Int64"),
        }
    )
    place = {"longitude": 120 + 0.1 * (ord(site[0]) - 65), "latitude": 51.0, "elevation_m": 600.0}
    return records, pd.DataFrame([{"site": site, **place, "setting": setting, "file": "f.csv"}])


def profile(site="A", top_c=-2.0, years=(2023, 2024), depths=DEPTHS):
    """Mean profile of one hole as a profile table gives it."""
    records, sites = hole(site, "month", depths=depths)
    records = records.iloc[: len(depths)].assign(
        time=pd.NaT, averaging="mean", temperature_c=top_c + 0.035 * depths
    )
    records["year_start"], records["year_end"] = (
        pd.array([y] * len(records), "Int64") for y in years
    )
    return records, sites


ALL_CHECKS = (*PLACE_CHECKS, *UNIT_CHECKS, *READING_CHECKS, *STRING_CHECKS, *SITE_CHECKS)


def together(study, *holes, **changes):
    """Records and sites of all holes, and the study with changed borehole settings."""
    records, sites = (pd.concat(part, ignore_index=True) for part in zip(*holes, strict=True))
    settings = study.boreholes.model_copy(update=changes)
    return records, sites, study.model_copy(update={"boreholes": settings})


def check(study, *holes, **changes):
    """All checks on (records, sites) pairs, the records not reduced to months."""
    records, sites, study = together(study, *holes, **changes)
    left, kept, flags = run_checks(ALL_CHECKS, records, sites, study, read_overrides(study))
    every = pd.concat([kept, sites[~sites["site"].isin(kept["site"])]]).sort_index()
    return CheckedBoreholes(left.reset_index(drop=True), every, flags, pd.DataFrame())


def check_whole(study, *holes, elevation=None, **changes):
    """The same through check_boreholes."""
    records, sites, study = together(study, *holes, **changes)
    return check_boreholes(BoreholeData(records, sites.assign(row=1), {}), study, elevation)


def the_flag(checked):
    assert len(checked.flags) == 1, checked.flags.to_string()
    return checked.flags.iloc[0]


def at(records, depth_m):
    return records["depth_m"] == depth_m


@pytest.mark.parametrize("averaging", ["day", "reading", "month"])
@pytest.mark.parametrize("digits", [3, 1])
def test_sound_records_are_not_flagged(study, averaging, digits):
    """Noisy days, coarse digits, flat deep sensors and a zero curtain are no faults."""
    names = "ABCDEF"
    holes = [
        hole(name, averaging, seed, top_c=seed - 4.0, digits=digits)
        for seed, name in enumerate(names)
    ]
    for records, _ in holes[3:]:
        value, near = records["temperature_c"], records["depth_m"] < 3
        frozen = value.where(value < 0, (value - 3).clip(lower=0))
        records["temperature_c"] = value.mask(near, frozen)
    checked = check(study, *holes)
    assert checked.flags.empty, checked.flags.to_string()
    pd.testing.assert_frame_equal(
        checked.records, pd.concat([h[0] for h in holes], ignore_index=True), check_dtype=False
    )


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("temperature unit", lambda t: t + 273.15),
        ("temperature unit", lambda t: t * 1.8 + 32),
        ("sign", lambda t: -t),
    ],
)
@pytest.mark.parametrize("averaging", ["reading", "month"])
def test_units_and_sign_are_repaired(study, name, spoil, averaging):
    records, sites = hole("A", averaging)
    spoilt = records.assign(temperature_c=spoil(records["temperature_c"]))
    checked = check(study, (spoilt, sites), hole("B", averaging, 1))
    flag = the_flag(checked)
    assert (flag["site"], flag["check"], flag["action"]) == ("A", name, "repaired")
    repaired = checked.records.loc[checked.records["site"] == "A", "temperature_c"]
    np.testing.assert_allclose(repaired, records["temperature_c"], atol=1e-9)


def test_one_sensor_upside_down_does_not_turn_the_hole(study):
    records, sites = hole("A", "month")
    value = records["temperature_c"]
    records["temperature_c"] = value.mask(at(records, 0.5), -value)
    assert "sign" not in check(study, (records, sites)).flags["check"].tolist()


def test_warm_ground_in_the_south_is_not_taken_for_fahrenheit(study):
    flag = the_flag(check(study, hole("A", "month", top_c=13.0), hole("B", "month")))
    assert flag[["site", "action"]].tolist() == ["A", "noted"]


def test_cold_ground_in_fahrenheit_is_told_by_what_is_usual_in_the_region(study):
    records, sites = hole("A", "month", top_c=-9.0)
    records["temperature_c"] = records["temperature_c"] * 1.8 + 32  # some 15 degrees
    checks = study.boreholes.checks.model_copy(update={"usual_ground_c": -7.0})
    flag = the_flag(check(study, (records, sites), checks=checks))
    assert flag["reason"].endswith("degrees Fahrenheit, converted to deg C")
    flag = the_flag(check(study, (records, sites)))
    assert flag["action"] == "noted" and "warm for ground" in flag["reason"]


@pytest.mark.parametrize("factor", [100, -1])
@pytest.mark.parametrize("make", [hole, profile])
def test_depths_in_centimetres_or_upwards_are_repaired(study, make, factor):
    records, sites = make("A")
    checked = check(study, (records.assign(depth_m=records["depth_m"] * factor), sites))
    assert the_flag(checked)["action"] == "repaired"
    np.testing.assert_allclose(checked.records["depth_m"], records["depth_m"])


def test_a_hole_of_a_hundred_metres_is_not_taken_for_centimetres(study):
    deep = np.array([5, 10, 15, 20, 50, 100, 300.0])
    assert check(study, profile("A", depths=deep)).flags.empty


def test_unsorted_and_repeated_depths_are_noted_and_averaged(study):
    records, sites = profile("A")
    order = [1, 0, *range(2, len(DEPTHS))]
    again = records.iloc[[5]].assign(temperature_c=records["temperature_c"].iloc[5] + 0.2)
    checked = check(study, (pd.concat([records.iloc[order], again], ignore_index=True), sites))
    assert checked.flags["check"].tolist() == ["depth order", "repeated depth"]
    assert (checked.flags["action"] == "noted").all()
    mean = checked.records.loc[at(checked.records, DEPTHS[5]), "temperature_c"]
    assert mean.tolist() == pytest.approx([records["temperature_c"].iloc[5] + 0.1])


def test_missing_codes_become_missing_and_are_noted(study):
    records, sites = hole("A", "month")
    records.loc[[3, 16], "temperature_c"] = -999.0  # the same sensor twice
    checked = check(study, (records, sites))
    assert the_flag(checked)[["depth_m", "action", "reason"]].tolist() == [
        3,
        "noted",
        "2 x -999: missing",
    ]
    assert checked.records["temperature_c"].isna().sum() == 2


@pytest.mark.parametrize(
    ("averaging", "position"), [("day", 300), ("reading", 5), ("month", 1), ("month", -2)]
)
def test_a_spike_goes_and_its_neighbours_stay(study, averaging, position):
    records, sites = hole("A", averaging)
    row = records.index[at(records, 3)][position]
    records.loc[row, "temperature_c"] += 9
    checked = check(study, (records, sites))
    flag = the_flag(checked)
    assert (flag["check"], flag["action"], flag["depth_m"]) == ("spike", "value removed", 3)
    assert flag["time"] == records.loc[row, "time"]
    assert checked.records.index[checked.records["temperature_c"].isna()].tolist() == [row]


def test_a_step_is_no_spike(study):
    records, sites = hole("A", depths=np.array([3.0, 5, 10, 16]))
    late = at(records, 3) & (records["time"] >= "2024-02-01")
    records.loc[late, "temperature_c"] += 1.9
    assert "spike" not in check(study, (records, sites)).flags["check"].tolist()


@pytest.mark.parametrize(
    ("averaging", "n", "value"),
    [("day", 60, -3.21), ("day", 250, 0.0), ("reading", 25, -3.21), ("month", 10, 0.0)],
)
def test_a_stuck_sensor_loses_the_run(study, averaging, n, value):
    records, sites = hole("A", averaging)
    rows = records.index[at(records, 3)][5 : 5 + n]
    records.loc[rows, "temperature_c"] = value
    checked = check(study, (records, sites))
    flag = the_flag(checked)
    assert (flag["check"], flag["depth_m"]) == ("stuck sensor", 3)
    assert f"{n} readings of {value:g} deg C" in flag["reason"]
    assert checked.records.index[checked.records["temperature_c"].isna()].tolist() == list(rows)


@pytest.mark.parametrize("depth_m", [1.0, 6.0, 14.0])
def test_a_sensor_out_of_order_is_removed_whole(study, depth_m):
    records, sites = hole("A", "month")
    records.loc[at(records, depth_m), "temperature_c"] += 4
    checked = check(study, (records, sites))
    flag = the_flag(checked)
    assert (flag["check"], flag["depth_m"]) == ("misplaced sensor", depth_m)
    gone = checked.records["temperature_c"].isna()
    assert gone.equals(at(checked.records, depth_m))


def test_a_wrong_sensor_at_the_end_is_blamed_not_its_neighbour(study):
    records, sites = profile("A")
    records.loc[0, "temperature_c"] = 14.0
    assert the_flag(check(study, (records, sites)))["depth_m"] == DEPTHS[0]


def test_a_bend_of_the_profile_is_no_disorder(study):
    records, sites = profile("A", depths=np.array([1, 2, 5, 10, 20.0]))
    records["temperature_c"] = [-9.3, -8.4, -4.0, -4.0, -3.8]
    assert check(study, (records, sites)).flags.empty


def test_impossible_values_go_but_the_surface_may_be_as_cold_as_air(study):
    records, sites = hole("A", "month", depths=np.array([0.0, 1, 2, 5, 16]))
    records.loc[[0, 5], "temperature_c"] = [-38.0, -37.0]  # at the surface
    records.loc[11, "temperature_c"] = 60.0
    flags = check(study, (records, sites)).flags
    assert flags.loc[flags["check"] == "impossible value", "depth_m"].tolist() == [1]


@pytest.mark.parametrize(
    ("place", "action"),
    [((51.0, 120.0), "repaired"), ((120.0, 58.0), "site refused"), ((58.0, 120.0), "site refused")],
)
def test_only_a_swap_that_falls_in_the_area_is_undone(study, place, action):
    records, sites = hole("A", "month")
    sites[["longitude", "latitude"]] = place
    checked = check(study, (records, sites), hole("B", "month", 1))
    assert the_flag(checked)["action"] == action
    kept = ["A", "B"] if action == "repaired" else ["B"]
    assert sorted(checked.records["site"].unique()) == kept
    if action == "repaired":
        assert checked.sites.loc[0, ["longitude", "latitude"]].tolist() == [120.0, 51.0]


def test_exchanged_headers_concern_every_site_of_the_file(edit_study):
    """Where latitudes reach as far as longitudes, a swapped site may lie inside either way."""
    folder = edit_study(("west = 111.15", "west = 50.0"), ("north = 53.556111", "north = 75.0"))
    wide = load_study(folder, resolution_m=100_000)
    sites = pd.DataFrame({"site": ["A", "B"], "longitude": [52.0, 45.0], "latitude": [60.0, 120.0]})
    _, repaired, flags = swapped_coordinates(None, sites.assign(file="s.csv"), wide)
    assert repaired["longitude"].tolist() == [60.0, 120.0] and len(flags) == 2
    _, kept, flags = swapped_coordinates(None, sites.assign(file=["a.csv", "b.csv"]), wide)
    assert kept["longitude"].tolist() == [52.0, 120.0] and len(flags) == 1


def test_disturbed_ground_is_refused_and_a_misspelt_setting_is_an_error(study):
    checked = check(study, hole("A", "month", setting="road"), hole("B", "month", 1))
    assert the_flag(checked)[["site", "action"]].tolist() == ["A", "site refused"]
    assert checked.sites["site"].tolist() == ["A", "B"]
    with pytest.raises(ContractError, match=r"'A' has the setting 'pipline'.*mean 'pipeline'"):
        check_whole(study, hole("A", "month", setting="pipline"))


def test_readings_outside_the_period_go_and_an_old_profile_is_refused(study):
    records, sites = hole("A", "month")
    records["time"] -= pd.Timedelta(days=365)
    old = profile("B", years=(1978, 1985))
    checked = check(study, (records, sites), old)
    assert checked.flags["action"].tolist() == ["value removed", "site refused"]
    assert "1978-1985" in checked.flags["reason"].iloc[1]
    assert checked.records["time"].min() >= pd.Timestamp(study.period.start)
    assert check(study, old, only_period=False).flags.empty


def test_a_mean_without_years_or_with_more_is_kept_and_noted(study):
    unknown, longer = profile("A", years=(pd.NA, pd.NA)), profile("B", top_c=-3, years=(2015, 2023))
    flags = check(study, unknown, longer).flags
    assert flags["action"].tolist() == ["noted", "noted"]
    assert flags["site"].tolist() == ["A", "B"]


def test_the_same_hole_under_two_codes_counts_once(study):
    """The record that stands for more days is kept; another hole beside it is no duplicate."""
    daily, spot = hole("A", "day", 1), hole("B", "reading", 1)
    other = hole("C", "day", 2, top_c=-1.5)
    for i, (_, sites) in enumerate((spot, other)):
        sites[["longitude", "latitude"]] = [120.0003 + 0.0001 * i, 51.0]
    checked = check(study, daily, spot, other)
    flag = the_flag(checked)
    assert flag[["site", "check", "action"]].tolist() == ["B", "duplicate site", "site refused"]
    assert "A lies 2" in flag["reason"]


def test_identical_profiles_half_a_kilometre_apart_are_one_hole(study):
    one, two = profile("A"), profile("B")
    two[1]["longitude"] = 120.007
    assert the_flag(check(study, one, two))["site"] == "B"


def test_a_site_without_any_value_is_refused(study):
    records, sites = hole("A", "month")
    empty = sites.assign(site="Z", longitude=121.0)
    flag = the_flag(check(study, (records, pd.concat([sites, empty], ignore_index=True))))
    assert flag[["site", "check", "action"]].tolist() == ["Z", "no values", "site refused"]


def test_a_string_of_two_sensors_is_noted(study):
    flag = the_flag(check(study, profile("A", depths=np.array([10.0, 20.0]))))
    assert flag["action"] == "noted"
    assert "cannot be checked" in flag["reason"]


@pytest.mark.parametrize("averaging", ["day", "reading", "month"])
@pytest.mark.parametrize("depth_m", [2.0, 8.0, 20.0])
def test_a_sensor_that_steps_or_drifts_alone_is_removed(study, averaging, depth_m):
    records, sites = hole("A", averaging)
    years = (records["time"] - records["time"].min()) / pd.Timedelta(days=365.25)
    for change in (1.5 * (years > 1.2), -1.3 * years):
        off = records["temperature_c"] + change * at(records, depth_m)
        checked = check_whole(study, (records.assign(temperature_c=off), sites))
        flag = the_flag(checked)
        assert flag[["check", "depth_m"]].tolist() == ["step or drift", depth_m]
        assert "from 2023 to 2024 off what its neighbours let expect" in flag["reason"]
        left = checked.records.dropna(subset="temperature_c")
        assert sorted(left["depth_m"].unique()) == [d for d in DEPTHS if d != depth_m]


def test_a_warm_year_is_no_step(study):
    """The whole ground warms, most at the top, as after a winter of deep snow."""
    records, sites = hole("A", "month")
    warm = 2.5 * np.exp(-records["depth_m"] / 5) * (records["time"] >= "2024-01-01")
    records["temperature_c"] += warm
    assert check_whole(study, (records, sites)).flags.empty


@pytest.mark.parametrize("pair", [(2.0, 5.0), (3.0, 6.0), (2.0, 3.0)])
def test_two_sensors_with_exchanged_labels_break_the_envelope(study, pair):
    records, sites = hole("A", "reading")
    exchanged = records["depth_m"].replace(dict(zip(pair, reversed(pair), strict=True)))
    checked = check_whole(study, (records.assign(depth_m=exchanged), sites))
    found = checked.flags[checked.flags["check"] == "envelope"]
    assert tuple(found["depth_m"]) == pair
    assert (found["action"] == "value removed").all()


def freezing(records, offset_c=0.0, depth_m=1.0):
    """Records with a plateau at 0 deg C above 2 m, and one sensor off by an offset."""
    value, near = records["temperature_c"], records["depth_m"] < 2
    noise = np.random.default_rng(1).normal(0, 0.02, len(records))
    held = np.sign(value) * (value.abs() - 2).clip(lower=0) + noise
    return records.assign(
        temperature_c=value.mask(near, held) + offset_c * (records["depth_m"] == depth_m)
    )


@pytest.mark.parametrize("averaging", ["day", "reading"])
@pytest.mark.parametrize("offset", [-0.5, 0.4])
def test_a_zero_curtain_off_zero_is_noted_with_its_offset(study, averaging, offset):
    records, sites = hole("A", averaging, top_c=0.0)
    flag = the_flag(check(study, (freezing(records, offset), sites)))
    assert flag[["check", "depth_m", "action"]].tolist() == ["zero curtain", 1.0, "noted"]
    found = float(flag["reason"].split(" deg C")[0].split()[-1])
    assert found == pytest.approx(offset, abs=0.05)
    assert check(study, (freezing(records), sites)).flags.empty


def test_an_elevation_in_feet_is_noted_with_the_relief_around(study, covariates):
    _, sites = hole("A")
    here = sites.iloc[[0, 0, 0]].assign(site=["A", "B", "C"])
    x, y = study.to_grid.transform(120.0, 51.0)
    true = float(covariates["elevation"].sel(x=x, y=y, method="nearest"))
    here["elevation_m"] = [true, true / 0.3048, np.nan]
    _, _, flags = off_the_relief(None, here, study, covariates["elevation"])
    assert flags["site"].tolist() == ["B"]
    assert flags["reason"].str.endswith("feet?").all()


@pytest.fixture(params=[1, 300_000], ids=["one by one", "together"])
def rows_at_once(request, monkeypatch):
    """Files are checked one by one, or small ones together."""
    monkeypatch.setattr(checks, "ROWS_AT_ONCE", request.param)


def test_a_hole_given_in_two_files_is_not_refused_for_the_old_one(study, rows_at_once):
    old, sites = hole("A", "month")
    old["time"] -= pd.Timedelta(days=3650)
    new, _ = hole("A", "month")
    parts = [
        BoreholeData(r.assign(file=f), sites.assign(file=f, row=1), {f: "long table"})
        for f, r in {"old.csv": old, "new.csv": new}.items()
    ]
    checked = check_boreholes(iter(parts), study)
    assert checked.flags["action"].tolist() == ["value removed"]
    assert len(checked.records) == 24 * len(DEPTHS)
    assert checked.files["file"].tolist() == ["old.csv", "new.csv"]
    alone = check_boreholes(iter(parts[:1]), study)
    assert alone.flags["action"].tolist() == ["site refused"] and alone.records.empty


def yearly(study, *changes, averaging=("day", "day")):
    """One hole in a file a year, each changed in its own way."""
    parts = []
    for year, change, kind in zip((2023, 2024), changes, averaging, strict=True):
        records, sites = hole("A", kind)
        records = records[records["time"].dt.year == year].reset_index(drop=True)
        file = f"{year}.csv"
        records = records.assign(file=file, temperature_c=change(records["temperature_c"]))
        parts.append(BoreholeData(records, sites.assign(file=file, row=1), {file: "long table"}))
    checked = check_boreholes(iter(parts), study)
    profile = annual_profile(checked.records).set_index("depth_m")["mean_c"]
    return checked, profile


def test_each_file_of_a_hole_has_its_own_unit(study, rows_at_once):
    _, plain = yearly(study, lambda t: t, lambda t: t)
    for change in (lambda t: t + 273.15, lambda t: t * 1.8 + 32):
        checked, profile = yearly(study, lambda t: t, change)
        np.testing.assert_allclose(profile, plain, atol=1e-9)
        assert the_flag(checked)["action"] == "repaired"


def test_a_year_of_days_after_a_year_of_monthly_means_is_whole(study, rows_at_once):
    _, days = yearly(study, lambda t: t, lambda t: t)
    checked, mixed = yearly(study, lambda t: t, lambda t: t, averaging=("month", "day"))
    assert checked.flags.empty
    np.testing.assert_allclose(mixed, days, atol=0.05)


def test_a_month_cut_between_two_files_counts_once_by_its_days(study, rows_at_once):
    records, sites = hole("A", "day")
    whole = check_whole(study, (records, sites)).records
    late = records["time"] >= "2023-07-31"
    parts = [
        BoreholeData(r.reset_index(drop=True).assign(file=f), sites.assign(file=f, row=1), {})
        for f, r in {"a": records[~late], "b": records[late]}.items()
    ]
    cut = check_boreholes(iter(parts), study).records
    order = ["depth_m", "time"]
    whole, cut = (t.sort_values(order, ignore_index=True) for t in (whole, cut))
    pd.testing.assert_frame_equal(whole[[*order, "temperature_c"]], cut[[*order, "temperature_c"]])
    assert (cut["share"] > 0.99).all()


def test_a_unit_that_changes_within_a_file_is_refused(study):
    records, sites = hole("A", "day")
    late = records["time"] >= "2023-10-01"
    value = records["temperature_c"]
    for other in (value + 273.15, value * 1.8 + 32):
        checked = check_whole(study, (records.assign(temperature_c=value.mask(late, other)), sites))
        flag = the_flag(checked)
        assert flag["action"] == "site refused" and "most in 2023-10" in flag["reason"]


def test_two_strings_under_one_code_are_refused_and_a_copy_is_noted(study, rows_at_once):
    for other, action in ((1.5, "site refused"), (0.0, "noted")):
        parts = []
        for file, shift in {"a.csv": 0.0, "b.csv": other}.items():
            records, sites = hole("A", "month")
            records = records.assign(file=file, temperature_c=records["temperature_c"] + shift)
            parts.append(BoreholeData(records, sites.assign(file=file, row=1), {}))
        flag = the_flag(check_boreholes(iter(parts), study))
        assert flag[["check", "action"]].tolist() == ["overlapping records", action]
        assert f"{other:.2f} deg C apart" in flag["reason"]


def test_a_step_of_the_whole_string_at_depth_is_refused(study):
    records, sites = hole("A", "month")
    records["temperature_c"] += 1.0 * (records["time"] >= "2024-01-01")
    flag = the_flag(check_whole(study, (records, sites)))
    assert flag[["check", "action"]].tolist() == ["step or drift", "site refused"]


@pytest.mark.parametrize("depths", [DEPTHS, np.array([2.0, 3, 5, 10])])
def test_snow_rich_and_snow_poor_winters_cost_no_sensor(study, depths):
    """The change from year to year dies out downwards exponentially, or lags behind and turns."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        records, sites = hole("A", "month", seed, depths=depths)
        reach, lag, size = rng.uniform(3, 6), rng.uniform(0, 1), rng.normal(0, 1)
        z = records["depth_m"] / reach
        change = size * np.exp(-z) * np.cos(lag * z)
        records["temperature_c"] += change * (records["time"] >= "2024-01-01")
        assert check_whole(study, (records, sites)).flags.empty


def test_salty_ground_that_freezes_lower_is_not_stuck(study):
    """Plateaus at -1.8 deg C each autumn and spring, in a logger of tenths of a degree."""
    records, sites = hole("A", "day", digits=1)
    value, near = records["temperature_c"] + 1.8, records["depth_m"] < 2
    held = (np.sign(value) * (value.abs() - 2).clip(lower=0) - 1.8).round(1)
    records["temperature_c"] = records["temperature_c"].mask(near, held)
    flags = check(study, (records, sites)).flags
    assert "stuck sensor" not in flags["check"].tolist()


def test_a_deep_hole_of_low_heat_flow_is_noted_not_divided_by_a_hundred(study):
    depths = np.array([5, 10, 15, 20, 50, 100, 300.0])
    records, sites = profile("A", depths=depths)
    records["temperature_c"] = -6 + 0.006 * records["depth_m"]
    flag = the_flag(check(study, (records, sites)))
    assert flag[["check", "action"]].tolist() == ["depth unit", "noted"]


def test_two_years_of_a_profile_are_in_order(study):
    first, sites = profile("A", years=(2023, 2023))
    second, _ = profile("A", years=(2024, 2024))
    both = pd.concat([first, second], ignore_index=True)
    assert check(study, (both, sites)).flags.empty


def test_a_setting_of_another_language_is_natural_ground(study):
    flag = the_flag(check(study, hole("A", "month", setting="林地")))
    assert flag[["check", "action"]].tolist() == ["setting", "noted"]


def test_refused_sites_keep_their_repaired_place(study):
    records, sites = hole("A", "month", setting="road")
    sites[["longitude", "latitude"]] = [51.0, 120.0]
    checked = check_whole(study, (records, sites), hole("B", "month", 1))
    assert checked.sites.set_index("site").loc["A", "longitude"] == 120.0


def test_of_three_alike_only_those_like_one_kept_are_duplicates(study):
    """A and B are alike, and B and C, but A and C are not: with B refused, C stays."""
    holes = [profile(name, top_c=-2.0 - 0.08 * i) for i, name in enumerate("ABC")]
    for i, (_, sites) in enumerate(holes):
        sites["longitude"] = 120.0 + 0.0002 * i
    assert the_flag(check(study, *holes))["site"] == "B"


def test_depths_that_differ_by_rounding_are_one_sensor(study):
    records, sites = hole("A", "month")
    depth = records["depth_m"].mask(at(records, 3) & (records["time"] > "2024-01-01"), 3.0000000004)
    checked = check_whole(study, (records.assign(depth_m=depth), sites))
    assert sorted(checked.records["depth_m"].unique()) == list(DEPTHS)


def test_file_by_file_gives_the_same_as_all_at_once(study, rows_at_once):
    holes = [hole(name, averaging, i) for i, (name, averaging) in enumerate(
        [("A", "day"), ("B", "month"), ("C", "reading")])]  # fmt: skip
    spoilt = holes[1][0].assign(temperature_c=lambda t: t["temperature_c"] + 273.15)
    holes[1] = (spoilt, holes[1][1])
    at_once = check_whole(study, *holes)
    parts = (BoreholeData(r, s.assign(row=1), {}) for r, s in holes)
    apart = check_boreholes(parts, study)
    pd.testing.assert_frame_equal(at_once.records, apart.records)
    pd.testing.assert_frame_equal(at_once.flags, apart.flags)


def test_nothing_to_check_is_an_error(study):
    with pytest.raises(ContractError, match="No borehole file was given"):
        check_boreholes(iter([]), study)


@pytest.mark.parametrize("averaging", ["day", "month"])
def test_heat_of_drilling_is_noted_and_a_warm_first_year_is_not(study, averaging):
    """An excess that dies out with ln(1 + s / t), as after three weeks of drilling."""
    records, sites = hole("A", averaging)
    days = (records["time"] - records["time"].min()).dt.days + 30
    heat = 2.0 * np.log1p(20 / days)
    drilled = records.assign(temperature_c=records["temperature_c"] + heat)
    flags = check_whole(study, (drilled, sites)).flags
    assert flags.loc[flags["check"] == "heat of drilling", "action"].tolist() == ["noted"]
    snow = 0.8 * np.exp(-records["depth_m"] / 4) * (records["time"] < "2024-01-01")
    warm = records.assign(temperature_c=records["temperature_c"] + snow)
    assert check_whole(study, (warm, sites)).flags.empty


def test_of_two_deep_sensors_the_one_that_steps_goes_and_the_site_stays(study):
    records, sites = hole("A", "month", depths=np.array([2.0, 4, 6, 8, 10, 12]))
    records["temperature_c"] += 2.0 * (at(records, 10) & (records["time"] >= "2024-01-01"))
    flag = the_flag(check_whole(study, (records, sites)))
    assert flag[["action", "depth_m"]].tolist() == ["value removed", 10]
