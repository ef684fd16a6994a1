"""Values of boreholes by hand: hemispheres, Fahrenheit, limits, runs, neighbours, spans of time."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers.boreholes import read_boreholes
from helpers.boreholes.annual import monthly_records
from helpers.boreholes.coordinates import degrees
from helpers.boreholes.error_models import _rate
from helpers.boreholes.overrides import _covers
from helpers.boreholes.readings import _neighbours, _runs, impossible
from helpers.boreholes.tables import Table
from helpers.boreholes.units import fahrenheit


def study(**checks):
    return SimpleNamespace(boreholes=SimpleNamespace(checks=SimpleNamespace(**checks)))


@pytest.mark.parametrize(
    ("axis", "text", "expected"),
    [
        ("longitude", "121°30'E", 121.5),
        ("longitude", "121°30'W", -121.5),
        ("longitude", "东经121度30分", 121.5),
        ("longitude", "西经121度30分", -121.5),
        ("longitude", "121度30分西", -121.5),
        ("latitude", "52°30'36\"N", 52.51),
        ("latitude", "52°30'36\"S", -52.51),
        ("latitude", "南纬52度30分36秒", -52.51),
        ("latitude", "52度30分36秒南", -52.51),
    ],
)
def test_west_and_south_are_negative_in_both_languages(tmp_path, axis, text, expected):
    table = Table(tmp_path / "sites.csv", "", pd.DataFrame({axis: [text]}))
    assert degrees(table, axis).tolist() == [pytest.approx(expected)]


def test_fahrenheit_is_converted_and_other_holes_are_not():
    """30.2, 32 and 50 degrees Fahrenheit are -1, 0 and 10 deg C."""
    records = pd.DataFrame(
        {
            "site": ["F", "F", "F", "C"],
            "depth_m": [10.0, 10.0, 1.0, 10.0],
            "temperature_c": [30.2, 32.0, 50.0, -1.0],
        }
    )
    found, _, flags = fahrenheit(records, None, study(usual_ground_c=-1.0))
    np.testing.assert_allclose(found["temperature_c"], [-1, 0, 10, -1], atol=1e-12)
    assert flags[["site", "action"]].to_numpy().tolist() == [["F", "repaired"]]


def test_near_the_surface_35_degrees_more_are_possible_and_limits_are():
    """Limits of -20 and 20: at 0.4 m those of -55 and 55."""
    records = pd.DataFrame(
        {
            "site": "A",
            "depth_m": [0.4, 0.4, 0.4, 0.4, 0.5, 0.5, 0.5, 0.5],
            "temperature_c": [-55, -55.1, 55, 55.1, -20, -20.1, 20, 20.1],
        }
    )
    left, _, flags = impossible(records, None, study(coldest_c=-20.0, warmest_c=20.0))
    assert left["temperature_c"].isna().tolist() == [False, True] * 4
    assert flags["depth_m"].tolist() == [0.4, 0.5]


def readings(values):
    time = pd.date_range("2020-01-01", periods=len(values), freq="D")
    return pd.DataFrame({"site": "A", "depth_m": 5.0, "time": time, "temperature_c": values})


def test_a_run_lasts_from_its_first_to_its_last_reading():
    """Three equal readings are one of at least three, the two after them are none."""
    (run,) = _runs(readings([-1.0, -2.0, -2.0, -2.0, -3.0, -3.0]), 3).itertuples()
    assert (run.first, run.n, run.temperature_c) == (1, 3, -2)
    assert (run.time, run.until) == (pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-04"))


def test_the_second_reading_takes_its_third_neighbour_from_the_other_side():
    known = readings([0.0, 10.0, 20.0, 30.0, 40.0]).assign(day=np.arange(5.0), sensor=0)
    beside = np.array([n["temperature_c"].to_numpy() for n in _neighbours(known)])
    assert beside[:, 2].tolist() == [0, 10, 30, 40]
    assert beside[:, 1].tolist() == [40, 0, 20, 30]
    assert beside[:, 3].tolist() == [10, 20, 40, 0]


def test_a_rule_covers_its_first_and_its_last_day_and_its_depth():
    records = readings([-1.0] * 4)
    start, end = records["time"].iloc[[1, 2]]
    rule = SimpleNamespace(site="A", depth_m=5.0, start=start, end=end)
    assert _covers(rule, records).tolist() == [False, True, True, False]
    rule.depth_m = 5.1
    assert not _covers(rule, records).any()


def test_a_mean_over_years_stands_for_a_whole_year():
    records = readings([-1.5]).assign(averaging="mean", time=pd.NaT, year_start=2001, year_end=2003)
    (mean,) = monthly_records(records).itertuples()
    assert (mean.share, mean.days, mean.temperature_c) == (1, 365, -1.5)
    assert (mean.year_start, mean.year_end) == (2001, 2003)


def test_errors_of_a_profile_less_the_part_of_its_sensors():
    """Error 0.5 with sensors of 0.1: sqrt((0.25 - 0.015) / 25^2). Without any, a chance one."""
    seen = np.array([[0.5], [1.5], [25.0]])
    assert _rate(seen, 0.1) == pytest.approx(np.sqrt(0.235) / 25)
    unseen = np.array([[0.0, 0.0], [1.5, 1.5], [25.0, 25.0]])
    by_chance = np.sqrt(2 * (0.015**2 + 0.015**2))
    assert _rate(unseen, 0.1) == pytest.approx(np.sqrt(by_chance / (2 * 25**2)))


def test_places_in_a_table_of_pangaea_come_before_those_of_its_description(tmp_path):
    """The event may be that of the campaign; the row has the hole."""
    event = "/* DATA DESCRIPTION:\nEvent(s):\tA1 * LATITUDE: 51.2 * LONGITUDE: 124.5\n*/\n"
    table = "Event\tLatitude\tLongitude\tDate/Time\tMAGT [°C] (10 m depth)\n"
    file = tmp_path / "p.tab"
    file.write_text(event + table + "A1\t51.7\t124.25\t2010-07-01\t-1.5\n", encoding="utf-8")
    assert read_boreholes(file).sites[["latitude", "longitude"]].to_numpy().tolist() == [
        [51.7, 124.25]
    ]
