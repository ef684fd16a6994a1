"""Overrides: a person keeps or drops a record with a reason, and it shows."""

import pandas as pd
import pytest

from helpers import boreholes
from helpers.boreholes.overrides import read_overrides
from helpers.storage import ContractError
from helpers.study import load_study

HEADER = "site,depth_m,start,end,check,decision,reason\n"


@pytest.fixture
def decide(edit_study):
    """A study with these overrides."""

    def write(*rows):
        folder = edit_study(("depth_m = 15.0 ", 'overrides = "overrides.csv"\ndepth_m = 15.0 '))
        (folder / "overrides.csv").write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
        return load_study(folder, resolution_m=20_000, n_trees=20)

    return write


@pytest.fixture(scope="module")
def survey(embedded_survey):
    return embedded_survey.data


@pytest.fixture(scope="module")
def plain(embedded_survey):
    """Flags of the embedded survey without any override."""
    return embedded_survey.checked.flags


@pytest.fixture
def check(survey):
    """The checks of a study on some sites of the embedded survey."""

    def run(study, *sites):
        parts = (table[table["site"].isin(sites)] for table in (survey.records, survey.sites))
        return boreholes.check_boreholes(boreholes.BoreholeData(*parts, {}), study)

    return run


def flagged(plain, check):
    return plain[plain["check"] == check].iloc[0]


def keys(flags):
    return flags[["site", "depth_m", "time", "check"]].apply(tuple, axis=1).map(str)


def test_a_spike_kept_stays_in_the_record_and_its_flag_says_so(decide, check, study, plain):
    flag = flagged(plain, "spike")
    site, day = flag["site"], f"{flag['time']:%Y-%m-%d}"
    row = f"{site},{flag['depth_m']:g},{day},{day},spike,keep,warm water in the hole"
    without, checked = check(study, site), check(decide(row), site)
    same = (checked.flags["depth_m"] == flag["depth_m"]) & (checked.flags["time"] == flag["time"])
    found = checked.flags[same & (checked.flags["check"] == "spike")].iloc[0]
    assert found["action"] == "overruled"
    assert found["reason"].startswith(flag["reason"])
    assert found["reason"].endswith("keep by overrides.csv, row 2: warm water in the hole")
    place = (site, flag["depth_m"], flag["time"].to_period("M").to_timestamp())
    before, after = (
        c.records.set_index(["site", "depth_m", "time"])["temperature_c"]
        for c in (without, checked)
    )
    assert place in after
    assert place not in before or abs(after[place] - before[place]) > 0.1


def test_no_flag_vanishes_when_others_are_overruled(decide, check, plain):
    one, other = flagged(plain, "stuck sensor")["site"], flagged(plain, "spike")["site"]
    checked = check(decide(f"{one},,,,,keep,looked at by hand"), one, other)
    before = plain[plain["site"].isin([one, other])]
    assert set(keys(before)) <= set(keys(checked.flags))
    overruled = checked.flags["action"] == "overruled"
    assert (checked.flags["site"][overruled] == one).all() and overruled.any()


def test_a_refused_site_can_be_kept(decide, check, study, plain):
    site = flagged(plain, "disturbed ground")["site"]
    row = f"{site},,,,disturbed ground,keep,the road is 2 km away"
    assert check(study, site).records.empty
    assert not check(decide(row), site).records.empty


def test_swapped_coordinates_kept_leave_the_site_where_the_file_says(decide, check, plain):
    site = flagged(plain, "swapped coordinates")["site"]
    checked = check(decide(f"{site},,,,swapped coordinates,keep,that is where it is"), site)
    assert checked.sites["longitude"].iloc[0] < checked.sites["latitude"].iloc[0]
    assert checked.flags["action"].tolist()[-2:] == ["overruled", "site refused"]


def test_dropping_takes_a_sensor_a_time_or_a_whole_site(decide, check, survey, plain):
    monthly = survey.records.loc[survey.records["averaging"] == "month", "site"]
    a, b, c = monthly[~monthly.isin(plain["site"])].unique()[-3:]
    study = decide(
        f"{a},2,,,,drop,cable cut", f"{b},,2023-03-05,2023-06-30,,drop,logger moved",
        f"{c},,,,,drop,hole flooded",
    )  # fmt: skip
    checked = check(study, a, b, c)
    of_a, of_b, of_c = (checked.records[checked.records["site"] == site] for site in (a, b, c))
    assert 2.0 not in of_a["depth_m"].tolist() and 3.0 in of_a["depth_m"].tolist()
    months = of_b["time"].dt.strftime("%Y-%m").tolist()
    assert "2023-03" in months and "2023-07" in months
    assert not {"2023-04", "2023-05", "2023-06"} & set(months)
    assert of_c.empty
    mine = checked.flags[checked.flags["check"] == "override"].set_index("site")["action"]
    assert mine.to_dict() == {a: "value removed", b: "value removed", c: "site refused"}


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("2024-02", "2024-02-29 23:59:59.999"),
        ("2023年2月", "2023-02-28 23:59:59.999"),
        ("2023年10月01日", "2023-10-01 23:59:59.999"),
        ("2023-02-05", "2023-02-05 23:59:59.999"),
        ("2023-02-05 00:00", "2023-02-05 00:00"),
        ("2023-02-05T12:30:00", "2023-02-05 12:30"),
        ("", "NaT"),
    ],
)
def test_an_end_without_clock_or_day_is_the_last_of_them(decide, end, last):
    table = read_overrides(decide(f"A,,2023-01,{end},,drop,so")).table
    assert table["start"].tolist() == [pd.Timestamp("2023-01-01")]
    assert table["end"].equals(pd.Series(pd.DatetimeIndex([last]).as_unit("ns"), [2]))


def test_a_code_for_missing_is_no_temperature_whatever_a_person_keeps(decide, check, plain):
    site = flagged(plain, "missing code")["site"]
    checked = check(decide(f"{site},,,,,keep,looked at by hand"), site)
    assert checked.records["temperature_c"].min() > -60
    assert "missing code" in checked.flags.loc[checked.flags["action"] == "noted", "check"].tolist()


@pytest.mark.parametrize(("name", "action"), [("", "repaired"), ("temperature unit", "overruled")])
def test_a_unit_is_kept_only_if_it_is_named(decide, check, plain, name, action):
    site = flagged(plain, "temperature unit")["site"]
    flags = check(decide(f"{site},,,,{name},keep,it is so"), site).flags
    assert flags.loc[flags["check"] == "temperature unit", "action"].tolist() == [action]


def test_of_a_run_kept_in_part_the_rest_stays_removed_and_flagged(decide, check, plain):
    flag = flagged(plain, "stuck sensor")
    start = flag["time"] + pd.Timedelta(days=40)
    span = f"{start:%Y-%m-%d},{start + pd.Timedelta(days=40):%Y-%m-%d}"
    site, depth = flag["site"], flag["depth_m"]
    flags = check(decide(f"{site},{depth:g},{span},stuck sensor,keep,ice"), site).flags
    mine = flags[flags["check"] == "stuck sensor"].set_index("action")
    assert set(mine.index) == {"value removed", "overruled"}
    assert mine.loc["value removed", "time"] == flag["time"]
    assert mine.loc["overruled", "time"] >= start


def test_a_depth_in_the_table_is_the_repaired_one(decide, check, plain):
    """Of a hole labelled in centimetres the sensor at 2 m is dropped, not one at 200 m."""
    site = flagged(plain, "depth unit")["site"]
    checked = check(decide(f"{site},2,,,,drop,cable cut"), site)
    left = checked.records.dropna(subset="temperature_c")["depth_m"].unique()
    assert 2.0 not in left and 3.0 in left


def test_a_row_that_changes_nothing_is_noted(decide, check, survey, plain):
    site = survey.sites.loc[~survey.sites["site"].isin(plain["site"]), "site"].iloc[0]
    flag = check(decide(f"{site},,,,spike,keep,just in case"), site).flags.iloc[0]
    assert flag[["check", "action"]].tolist() == ["override", "noted"]
    assert "row 2 of overrides.csv changes nothing" in flag["reason"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("V0001,,,,,drop,why", r"row 2: no site 'V0001' came in. Did you mean 'V001'"),
        ("V001,,,,,remove,why", r"row 2: decision 'remove'. Choices: keep, drop"),
        ("V001,,,,,drop,", r"row 2 has no site or no reason"),
        ("V001,deep,,,,drop,why", r"column 'depth_m': row 2 holds 'deep'"),
        ("V001,,1 May,,,drop,why", r"column 'start': row 2 holds '1 May'"),
        ("V001,,,,spike,drop,why", r"leave the column 'check' empty"),
        ("V001,,,,spikes,keep,why", r"row 2: no check is called 'spikes'. Did you mean 'spike'"),
    ],
)
def test_a_wrong_row_is_named_with_its_remedy(decide, check, row, message):
    with pytest.raises(ContractError, match=message):
        check(decide(row), "V001", "V002")


def test_a_study_without_overrides_has_none(study):
    overrides = read_overrides(study)
    assert overrides.table.empty and overrides.unused().empty
    assert isinstance(overrides.table, pd.DataFrame)
