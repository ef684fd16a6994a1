"""Thaw depth, permafrost and warming, from profiles and monthly means made by hand."""

import numpy as np
import pandas as pd
import pytest

from helpers.boreholes.annual import annual_profile, monthly_records
from helpers.boreholes.thermal_state import thaw_depth, warming_rate


def profile(depth_m, min_c, max_c):
    table = pd.DataFrame({"depth_m": depth_m, "min_c": min_c, "max_c": max_c}, dtype=float)
    return table.assign(site="A", mean_c=(table["min_c"] + table["max_c"]) / 2)


def test_the_ground_thaws_to_where_the_warmest_month_is_at_zero():
    """From +4 at 1 m to -2 at 2 m: a straight line is at 0 at 1 + 4/6 m."""
    found = thaw_depth(profile([0.5, 1, 2, 5], [-15, -12, -8, -3], [9, 4, -2, -2.5]))
    assert found == (pytest.approx(1 + 4 / 6), "yes")


def test_the_thaw_depth_of_an_annual_wave_is_that_of_its_formula():
    """T = M + A exp(-z/d) cos(...) thaws to z = d ln(A / -M)."""
    mean, amplitude, damping = -2.0, 10.0, 2.5
    times, depths = pd.date_range("2023-01-01", "2024-12-31"), np.arange(0.5, 8, 0.1).round(1)
    phase = 2 * np.pi * np.arange(len(times))[:, None] / 365.5 - depths / damping
    values = mean + amplitude * np.exp(-depths / damping) * np.cos(phase)
    records = pd.DataFrame(values, index=times, columns=depths).melt(
        var_name="depth_m", value_name="temperature_c", ignore_index=False
    )
    records = records.rename_axis("time").reset_index().assign(site="A", averaging="day")
    records["depth_m"] = records["depth_m"].astype(float)
    depth_m, permafrost = thaw_depth(annual_profile(records))
    assert -0.15 < depth_m - damping * np.log(5) < 0  # the warmest month is less than the peak
    assert permafrost == "yes"


@pytest.mark.parametrize(
    ("min_c", "max_c", "depth_m", "permafrost"),
    [
        ([-9, -5, -3], [-1, -2, -3], np.nan, "yes"),  # frozen already at the first sensor
        ([-9, -2, -1], [8, 3, 0.5], np.nan, "below the string"),
        ([-9, 1, 2], [12, 5, 4], np.nan, "no"),
        ([-9, 1, -2], [12, 5, -1], 2 + 5 / 6, "under a talik"),
        ([np.nan] * 3, [np.nan] * 3, np.nan, ""),
    ],
)
def test_words_tell_why_there_is_no_thaw_depth_or_what_it_is(min_c, max_c, depth_m, permafrost):
    found = thaw_depth(profile([1, 2, 3], min_c, max_c))
    assert found == (pytest.approx(depth_m, nan_ok=True), permafrost)


def test_of_means_alone_only_frozen_or_not_is_told():
    means = pd.DataFrame({"depth_m": [2.0, 10.0], "min_c": np.nan, "max_c": np.nan})
    assert thaw_depth(means.assign(mean_c=[0.5, -0.5])) == (
        pytest.approx(np.nan, nan_ok=True),
        "yes",
    )
    assert thaw_depth(means.assign(mean_c=[0.5, 0.2]))[1] == "no"


def months(depth_m, years, rate_c_per_year=0.03, site="A"):
    """Monthly means that rise steadily, on top of seasons."""
    time = pd.date_range(f"{years[0]}-01-01", f"{years[1]}-12-01", freq="MS")
    season = 0.2 * np.cos(2 * np.pi * time.month / 12)
    value = -2 + rate_c_per_year * (time.year - 2000) + season
    records = pd.DataFrame({"time": time, "temperature_c": value, "depth_m": float(depth_m)})
    return monthly_records(records.assign(site=site, averaging="month"))


def test_a_steady_rise_is_the_warming_rate():
    assert warming_rate(months(16, (2010, 2019))) == pytest.approx(0.3)


def test_one_wild_year_does_not_tilt_the_trend():
    table = months(16, (2010, 2019))
    table.loc[table["time"].dt.year == 2019, "temperature_c"] += 3
    assert warming_rate(table) == pytest.approx(0.3, abs=0.05)


def test_the_sensor_nearest_to_the_depth_counts_that_lies_below_the_seasons():
    holes = [months(z, (2010, 2020), rate / 10) for z, rate in ((8, 0.9), (12, 0.5), (20, 0.2))]
    assert warming_rate(pd.concat(holes)) == pytest.approx(0.5)
    assert warming_rate(pd.concat(holes), depth_m=19.0) == pytest.approx(0.2)
    assert np.isnan(warming_rate(holes[0]))


def test_nine_complete_years_or_a_gap_of_two_months_are_no_trend():
    """A single month is bridged; a year short of two is not complete."""
    ten = months(15, (2010, 2019))
    assert np.isnan(warming_rate(months(15, (2010, 2018))))
    in_2012 = ten["time"].dt.year == 2012
    one_lost = ten[~(in_2012 & (ten["time"].dt.month == 6))]
    assert warming_rate(one_lost) == pytest.approx(0.3, abs=0.01)
    two_lost = ten[~(in_2012 & ten["time"].dt.month.isin([6, 9]))]
    assert np.isnan(warming_rate(two_lost))


def test_means_over_years_and_thin_months_are_no_trend():
    table = months(15, (2010, 2019))
    assert np.isnan(warming_rate(table.assign(share=0.5)))
    assert np.isnan(warming_rate(table.assign(time=pd.NaT)))
