"""Boreholes where one step more would change the answer: sensors, codes, shares and relief."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers.boreholes.annual import merged_months
from helpers.boreholes.depth import temperature_at_depth
from helpers.boreholes.error_models import DepthModel
from helpers.boreholes.holes import off_the_relief
from helpers.boreholes.overrides import _restored
from helpers.boreholes.text_files import layout_of, parse
from helpers.boreholes.thermal_state import warming_rate
from helpers.boreholes.units import missing_codes

# The study is asked for its grid and one setting; places are given in metres of the grid.
STUDY = SimpleNamespace(
    to_grid=SimpleNamespace(transform=lambda x, y: (x.to_numpy(), y.to_numpy())),
    boreholes=SimpleNamespace(checks=SimpleNamespace(elevation_off_m=50.0)),
)
COARSE = xr.DataArray(
    [[100.0, 200.0, 300.0]] * 3,
    coords={"y": [60_000.0, 40_000.0, 20_000.0], "x": [0.0, 20_000.0, 40_000.0]},
    dims=("y", "x"),
)


@pytest.mark.parametrize(("depth_m", "mean_c"), [(5, -2.0), (10, -1.5), (15, -1.0)])
def test_at_a_sensor_or_between_two_nothing_is_extended(depth_m, mean_c):
    """Sensors at 5 and 15 m; half-way both count half: 0.05 / sqrt(2)."""
    profile = pd.DataFrame({"depth_m": [5.0, 15.0], "mean_c": [-2.0, -1.0]})
    found = temperature_at_depth(profile, depth_m, DepthModel(interpolation_error_c_per_m2=0.01))
    assert found.temperature_c == pytest.approx(mean_c)
    assert found.method == "interpolated"
    assert found.extended_m == 0
    assert found.depth_error_c == pytest.approx(0.25 if depth_m == 10 else 0)
    assert found.sensor_error_c == pytest.approx(0.05 / (np.sqrt(2) if depth_m == 10 else 1))


def test_parts_of_a_month_become_one_row_weighted_by_their_shares():
    """A quarter at -1 and a half at -4: (-0.25 - 2) / 0.75 = -3. Other months stay."""
    month = pd.Timestamp("2020-01-01")
    records = pd.DataFrame(
        {
            "site": "A",
            "depth_m": 5.0,
            "time": [month, month, pd.Timestamp("2020-02-01")],
            "temperature_c": [-1.0, -4.0, -7.0],
            "share": [0.25, 0.5, 1.0],
            "days": [8.0, 15.0, 29.0],
            "averaging": "month",
        }
    )
    merged = merged_months(records).sort_values("time")
    assert merged["temperature_c"].tolist() == [-3, -7]
    assert merged["share"].tolist() == [0.75, 1]
    assert merged["days"].tolist() == [23, 29]


def test_merged_months_and_those_of_other_sites_keep_the_labels_of_their_rows():
    """A person's decision brings rows back by their labels: they must not be another site's."""
    time = pd.to_datetime(["2024-01-01", "2024-01-01", "2024-02-01", "2024-01-01"])
    records = pd.DataFrame(
        {
            "site": ["A", "A", "A", "B"],
            "depth_m": 15.0,
            "time": time,
            "temperature_c": [-2.0, -4, -5, 1],
            "share": 0.5,
            "days": 15.0,
            "averaging": "month",
        }
    )
    merged = merged_months(records)
    assert merged["site"].to_dict() == {0: "A", 2: "A", 3: "B"}
    kept = _restored(merged, records, records.index[records["site"] == "A"])
    assert kept["site"].to_dict() == records["site"].to_dict()


@pytest.mark.parametrize("title", ["", "a title\n", '"a title\nof two lines"\n', '\n"one\n\n"\n'])
def test_a_title_of_several_lines_takes_no_row_with_it(title):
    text = f"{title}depth,value\n1,-1\n2,-2\n"
    layout = layout_of(text, Path("hole.csv"))
    cells = parse(text, layout, [True, True], Path("hole.csv"))
    assert cells[1].tolist() == [-1, -2]
    assert cells.index.tolist() == [title.count("\n") + 2, title.count("\n") + 3]


@pytest.mark.parametrize(("share", "rate"), [(0.8, 0.3), (0.79, np.nan)])
def test_a_month_counts_with_four_fifths_of_its_values_and_not_with_less(share, rate):
    """Ten years that rise by 0.03 deg C each; eleven months of a year are enough."""
    time = pd.date_range("2010-01-01", "2019-12-01", freq="MS")
    temperature = -2 + 0.03 * (time.year - 2010)
    table = pd.DataFrame({"time": time, "depth_m": 15.0, "temperature_c": temperature})
    table["share"] = np.where(time.month == 6, 0.5, share)
    assert warming_rate(table) == pytest.approx(rate, nan_ok=True)


@pytest.mark.parametrize("code", [-99, -99.9, -999, -9999, -6999, 6999, -7999, 999, 999.9, 9999])
def test_the_codes_of_loggers_are_missing_values_and_their_neighbours_are_not(code):
    temperature = [code, -1.5, -code if code in (-99, -99.9) else code + 1]
    records = pd.DataFrame({"site": "A", "depth_m": 5.0, "temperature_c": temperature})
    left, _, flags = missing_codes(records.astype({"temperature_c": float}), None, None)
    assert left["temperature_c"].isna().tolist() == [True, False, False]
    assert flags["reason"].tolist() == [f"1 x {code:g}: missing"]


def places(elevation_m, x_m=9_000.0):
    return pd.DataFrame(
        {"site": ["A"], "longitude": [x_m], "latitude": [40_000.0], "elevation_m": [elevation_m]}
    )


@pytest.mark.parametrize(("stated_m", "found"), [(50, 0), (49, 1), (250, 0), (251, 1)])
def test_relief_of_a_coarse_grid_reaches_one_cell(stated_m, found):
    """Within 20 km of x = 9 km lie 100 and 200 m; 50 m off are allowed, no more."""
    _, _, flags = off_the_relief(None, places(float(stated_m)), STUDY, COARSE)
    assert len(flags) == found


def test_without_a_stated_elevation_or_off_the_grid_nothing_is_wrong():
    for sites in (places(np.nan), places(5_000.0, x_m=9e6)):
        _, _, flags = off_the_relief(None, sites, STUDY, COARSE)
        assert flags.empty
