"""What `check` says of studies in order and out of order; each test is a claim."""

from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pyproj import Proj

from helpers import study_check
from helpers.covariates import build_covariates
from helpers.storage import write_dataset
from helpers.study import load_study
from helpers.study_check import (
    DOUBTFUL,
    FINE,
    MISSING,
    WRONG,
    checks,
    cost_rows,
    new_study,
    next_steps,
    status,
)
from helpers.study_check import raster_sample as sampling
from helpers.study_check.look import Look
from helpers.study_check.rows import (
    Row,
    as_argument,
    findings,
    gathered,
    rounded,
    summary,
    table_text,
)

AREA = (118.0, 48.0, 126.0, 53.0)
DEGREES = (np.linspace(118.5, 125.5, 8), np.linspace(48.5, 52.5, 5))


@pytest.fixture
def folder(tmp_path):
    """A small study in order: 40 holes of three depths, cells of 10 km, one raster of climate."""
    path = new_study("mine", tmp_path, AREA)
    edit(path.parent, ("resolution_m = 1000 ", "resolution_m = 10000 "))
    edit(
        path.parent,
        ("n_folds = 10", "n_folds = 5"),
        ('["elevation", "TPI"]', '["elevation", "air"]'),
    )
    edit(path.parent, ("only_period = true", "only_period = false"))
    holes(path.parent)
    add_raster(path.parent, "air", np.linspace(-8, 4, 5 * 40).reshape(5, 40), "degC")
    return path.parent


def edit(folder, *replacements):
    file = folder / "study.toml"
    text = file.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text, f"nothing to replace: {old}"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def holes(folder):
    longitude, latitude = (axis.ravel() for axis in np.meshgrid(*DEGREES))
    rows = [
        (f"H{i:02}", lon, lat, depth, 52 - lat - 2 + 0.02 * depth)
        for i, (lon, lat) in enumerate(zip(longitude, latitude, strict=True))
        for depth in (8.0, 12.0, 16.0)
    ]
    names = ["site", "longitude", "latitude", "depth_m", "temperature_c"]
    table = pd.DataFrame(rows, columns=names).assign(year_start=2010, year_end=2012)
    table.to_csv(folder / "boreholes" / "holes.csv", index=False)
    return table


def add_raster(folder, name, values, units, west=117.0, extra=""):
    """Of 10 x 7 degrees, from 54 N southwards."""
    rows, columns = np.shape(values)
    y, x = 54 - 7 * (np.arange(rows) + 0.5) / rows, west + 10 * (np.arange(columns) + 0.5) / columns
    layer = xr.DataArray(np.asarray(values, np.float32), {"y": y, "x": x}, ("y", "x"))
    layer.rio.write_crs("EPSG:4326").rio.to_raster(folder / f"{name}.tif")
    with (folder / "study.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[covariates.{name}]\nsource = "raster"\npath = "{name}.tif"\n')
        file.write(f'units = "{units}"\n{extra}\n')


def look_at(folder, *names):
    """Rows of some of the checks."""
    look = Look(load_study(folder))
    checked = (findings(name, partial(checks.CHECKS[name], look), look.study) for name in names)
    return gathered(chain.from_iterable(checked))


def found(rows, what):
    rows = [row for row in rows if row.what == what]
    assert rows, f"no row of {what}"
    return rows


def states(rows):
    return {row.state for row in rows}


def test_a_study_in_order_has_status_0_and_stays_as_it_is(folder):
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in folder.rglob("*")}
    rows = study_check.check(folder)
    assert states(rows) == {FINE} and status(rows) == 0
    assert "40 of 40 sites can be used" in found(rows, "expected sites")[0].found
    assert "40 sites have sensors around 15 m" in found(rows, "depth")[0].found
    assert before == {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in folder.rglob("*")}


@pytest.fixture(scope="module")
def embedded(study):
    return study_check.check(study.folder)


def test_the_embedded_study_can_be_run(embedded):
    rows = embedded
    assert status(rows) == 0
    assert "104 of 112 sites can be used" in found(rows, "expected sites")[0].found
    assert "swapped coordinates" in found(rows, "repaired")[0].found


def test_the_expected_sites_are_those_of_notebook_01(embedded_survey, embedded):
    used = embedded_survey.sites["status"].eq("used").sum()
    row = found(embedded, "expected sites")[0]
    assert f"{used} of {len(embedded_survey.sites)} sites" in row.found


def test_without_a_study_the_row_says_how_to_make_one(tmp_path):
    rows = study_check.check(tmp_path)
    assert [row.state for row in rows] == [MISSING] and "run new NAME" in rows[0].remedy


def test_of_a_new_study_only_the_boreholes_are_missing(tmp_path):
    rows = study_check.check(new_study("mine", tmp_path).parent)
    assert [row.what for row in rows if row.state == MISSING] == ["borehole files"]
    assert WRONG not in states(rows) and status(rows) == 1
    assert "validation" in found(rows, "not looked at")[0].found


def test_all_errors_of_study_toml_are_told_at_once(folder):
    edit(folder, ("resolution_m = 10000", "resolutoin_m = 10000"), ("n_trees = 500", "n_trees = 0"))
    rows = study_check.check(folder)
    text = " ".join(row.found for row in found(rows, "study.toml"))
    assert "Did you mean 'resolution_m'" in text and "n_trees" in text and status(rows) == 1


def test_a_predictor_that_is_no_covariate_is_wrong(folder):
    edit(folder, ('["elevation", "air"]', '["elevation", "ari"]'))
    assert "covariate 'ari' is not described" in study_check.check(folder)[0].found


def test_a_crs_that_is_not_equal_area_is_answered_with_one_that_is(folder):
    edit(folder, ("+proj=aea +lat_1=48.8333 +lat_2=52.1667", "+proj=tmerc +k=0.9"))
    row = study_check.check(folder)[0]
    assert row.state == WRONG and "+proj=aea +lat_1=48.8333 +lat_2=52.1667" in row.remedy


def test_a_study_with_a_byte_order_mark_is_checked_to_the_end(folder):
    """As editors on Windows write it."""
    edit(folder, ("+proj=aea +lat_1=48.8333 +lat_2=52.1667", "+proj=tmerc +k=0.9"))
    path = folder / "study.toml"
    path.write_text(path.read_text("utf-8"), encoding="utf-8-sig")
    row = study_check.check(folder)[0]
    assert row.state == WRONG and "suits this area" in row.remedy


def test_a_crs_of_another_region_is_doubtful(folder):
    edit(folder, ("+lon_0=122", "+lon_0=60"))
    row = found(look_at(folder, "CRS"), "CRS")[0]
    assert row.state == DOUBTFUL and "+lon_0=122" in row.remedy


def test_a_file_that_cannot_be_read_does_not_hide_the_others(folder):
    (folder / "boreholes" / "bad.csv").write_text("site,depth\nA,1\n")
    rows = look_at(folder, "borehole files", "expected sites")
    assert found(rows, "bad.csv")[0].state == WRONG
    assert "40 of 40" in found(rows, "expected sites")[0].found and status(rows) == 1


def test_decimal_commas_between_commas_are_wrong(folder):
    text = (folder / "boreholes" / "holes.csv").read_text().splitlines()
    text[1:] = [line.replace(".", ",") for line in text[1:]]
    (folder / "boreholes" / "holes.csv").write_text("\n".join(text))
    assert (
        "rows of unequal length" in found(look_at(folder, "borehole files"), "holes.csv")[0].found
    )


def test_exchanged_coordinates_are_doubtful(folder):
    table = holes(folder).rename(columns={"longitude": "latitude", "latitude": "longitude"})
    table.to_csv(folder / "boreholes" / "holes.csv", index=False)
    row = found(look_at(folder, "sites"), "repaired")[0]
    assert row.state == DOUBTFUL and "40 x swapped coordinates" in row.found


def test_too_few_sites_are_wrong_and_what_follows_waits(folder):
    table = holes(folder)
    table[table["site"] < "H05"].to_csv(folder / "boreholes" / "holes.csv", index=False)
    rows = look_at(folder, "expected sites", "validation")
    assert found(rows, "expected sites")[0].state == WRONG
    assert found(rows, "not looked at")[0].found == "validation"


def test_years_outside_the_period_are_doubtful(folder):
    edit(folder, ("only_period = false", "only_period = true"))
    row = found(look_at(folder, "sites"), "period")[0]
    assert row.state == DOUBTFUL and "40 of 40 sites" in row.found and "only_period" in row.remedy


def test_sites_on_one_side_of_0_are_doubtful(folder):
    table = holes(folder)
    table["temperature_c"] -= 10
    table.to_csv(folder / "boreholes" / "holes.csv", index=False)
    assert found(look_at(folder, "expected sites"), "temperature at 15 m")[0].state == DOUBTFUL


def test_a_site_table_that_is_not_there_is_missing_once(folder):
    edit(folder, ("# sites = ", "sites = "))
    rows = look_at(folder, "borehole files", "sites")
    assert [row.what for row in rows if row.state == MISSING] == ["site table"]


def test_a_site_table_alone_is_no_borehole_file(folder):
    edit(folder, ("# sites = ", "sites = "))
    file = folder / "boreholes" / "holes.csv"
    file.rename(file.with_name("sites.csv"))
    assert found(look_at(folder, "borehole files"), "borehole files")[0].state == MISSING


def test_a_large_borehole_file_is_left_out_and_named(folder, monkeypatch):
    table = holes(folder)
    table.assign(site="B" + table["site"]).to_csv(folder / "boreholes" / "big.csv", index=False)
    monkeypatch.setattr("helpers.study_check.survey._BYTES_READ", 10)
    rows = study_check.check(folder)
    assert found(rows, "borehole files")[0] == Row(
        "borehole files",
        DOUBTFUL,
        "large, so not opened, to stay within seconds: big.csv",
        "To read them too, add --whole.",
    )
    assert "at least 40 of 40" in found(rows, "expected sites")[0].found
    assert "of 80 sites" in found(study_check.check(folder, whole=True), "expected sites")[0].found


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("H00,,,,,drop,why", None),
        ("H99,,,,,drop,why", "no site 'H99' came in"),
        ("H00,,,,,throw,why", "decision 'throw'"),
    ],
)
def test_overrides_that_fit_no_site_are_wrong_and_the_sites_are_counted(folder, row, message):
    edit(folder, ("# overrides = ", "overrides = "))
    path = folder / "boreholes" / "overrides.csv"
    assert (
        found(look_at(folder, "borehole files", "overrides", "expected sites"), "overrides")[
            0
        ].state
        == MISSING
    )
    path.write_text("site,depth_m,start,end,check,decision,reason\n" + row + "\n")
    edit(folder, ('"boreholes/*.csv"', '"boreholes/holes.csv"'))
    rows = look_at(folder, "borehole files", "overrides", "expected sites")
    wrong = [r.found for r in rows if r.state == WRONG]
    assert (not wrong) if message is None else message in wrong[0]
    assert f"{40 if message else 39} of 40" in found(rows, "expected sites")[0].found


def test_tenths_of_a_degree_are_wrong_and_the_unit_is_named(folder):
    add_raster(folder, "tenths", np.linspace(-200, 60, 200).reshape(5, 40), "degC")
    rows = look_at(folder, "covariates")
    row = found(rows, "covariate tenths")[0]
    assert row.state == WRONG and 'stored_units = "0.1 degC"' in row.found
    assert found(rows, "covariate air")[0].state == FINE


def test_a_raster_beside_the_area_is_wrong(folder):
    add_raster(folder, "beside", np.linspace(0, 1, 200).reshape(5, 40), "1", west=121.0)
    row = found(look_at(folder, "covariates"), "covariate beside")[0]
    assert row.state == WRONG and "of the area to be mapped" in row.found


def test_a_raster_that_is_not_there_is_missing_and_a_text_is_wrong(folder):
    add_raster(folder, "gone", np.ones((5, 5)), "1")
    add_raster(folder, "text", np.ones((5, 5)), "1")
    (folder / "gone.tif").unlink()
    (folder / "text.tif").write_text("<html>")
    rows = look_at(folder, "covariates")
    assert found(rows, "covariate gone")[0].state == MISSING
    assert found(rows, "covariate text")[0].state == WRONG


def test_codes_of_an_index_and_gaps_are_doubtful(folder):
    values = np.linspace(0, 250, 20 * 40).reshape(20, 40)
    values[:, :12] = np.nan
    add_raster(folder, "ndvi", values, "1")
    row = found(look_at(folder, "covariates"), "covariate ndvi")[0]
    assert row.state == DOUBTFUL and "scale and offset" in row.remedy and "gaps" in row.remedy


def test_an_elevation_unlike_the_relief_is_doubtful(folder):
    edit(folder, ('[covariates.elevation]\nsource = "relief"\n', ""))
    add_raster(folder, "elevation", np.linspace(0, 3000, 200).reshape(5, 40), "m")
    rows = found(look_at(folder, "covariates"), "covariate elevation")
    assert [row.state for row in rows] == [FINE, DOUBTFUL] and "correlation" in rows[1].found


def test_a_large_layer_of_several_steps_without_values_is_wrong(folder, monkeypatch):
    add_raster(folder, "empty", np.full((5, 40), np.nan), "degC")
    edit(folder, ('path = "empty.tif"', 'path = ["empty.tif", "empty.tif"]\nover_time = "mean"'))
    monkeypatch.setattr(sampling, "LARGEST_CELLS", 0)
    (row,) = found(look_at(folder, "covariates"), "covariate empty")
    assert row.state == WRONG and row.found.startswith("no value") and "nodata" in row.remedy


@pytest.mark.parametrize("pattern", ["", "**.csv"])
def test_what_is_no_pattern_is_missing_once_and_what_follows_waits(folder, pattern):
    edit(folder, ('files = ["boreholes/*.csv"]', f'files = ["{pattern}"]'))
    rows = look_at(folder, "borehole files", "sites", "depth")
    assert [row.state for row in rows] == [MISSING, DOUBTFUL]
    # From Python 3.13 two stars may stand before other characters: no file has such a name.
    expected = (
        ("is no pattern of files", "no file matches") if pattern else "is no pattern of files"
    )
    assert any(words in rows[0].found for words in np.atleast_1d(expected))


def test_a_new_study_keeps_all_digits_of_its_area(tmp_path):
    path = new_study("exact", tmp_path, (118.1234567, 48.0, 126.0, 53.0))
    assert load_study(path).area.west == 118.1234567


@pytest.mark.parametrize("units", ["degC", "0.1 degC"])
def test_a_sample_of_a_large_raster_knows_its_range_and_refuses_its_units(
    folder, monkeypatch, units
):
    values = np.linspace(-200, 60, 35 * 50).reshape(35, 50)
    add_raster(folder, "large", values, "degC", extra=f'stored_units = "{units}"')
    monkeypatch.setattr(sampling, "LARGEST_CELLS", 0)
    row = found(look_at(folder, "covariates"), "covariate large")[0]
    assert row.state == (WRONG if units == "degC" else FINE)
    if row.state == FINE:
        low, high = (float(row.found.split()[i]) for i in (0, 2))
        # Rows of the area, from 53 to 48 N, hold these; a point may miss the outermost cells.
        assert low == pytest.approx(values[5].min() / 10, abs=1)
        assert high == pytest.approx(values[29].max() / 10, abs=1)
        assert "only 400 points" in row.found


def test_an_open_layer_not_fetched_is_missing(folder):
    with (folder / "study.toml").open("a", encoding="utf-8") as file:
        file.write('[references.cci]\nsource = "open"\nproduct = "esa_cci_permafrost"\n')
        file.write('quantity = "temperature_10m"\n')
    row = found(look_at(folder, "references"), "reference cci")[0]
    assert row.state == MISSING and f"make data STUDY={folder}, with" in row.remedy


def test_stations_that_are_few_are_doubtful(study_folder):
    table = pd.read_csv(study_folder / "climate_stations.csv")
    inside = table["lon"].between(111, 136) & table["lat"].between(38, 54)
    pd.concat([table[~inside], table[inside].head(3)]).to_csv(
        study_folder / "climate_stations.csv", index=False
    )
    assert found(look_at(study_folder, "climate stations"), "climate stations")[0].state == DOUBTFUL


def test_an_outline_in_wrong_order_is_wrong_and_a_missing_one_missing(folder):
    edit(folder, ("# outline = ", "outline = "), ("# towns = ", "towns = "))
    rows = look_at(folder, "area", "towns")
    assert {row.what for row in rows if row.state == MISSING} == {"outline", "towns"}
    corners = "[[[50,119],[50,125],[52,125],[52,119],[50,119]]]"
    text = '{"type":"Polygon","coordinates":' + corners + "}"
    (folder / "outline.geojson").write_text(text)
    (folder / "towns.csv").write_text("name,longitude,latitude\nMohe,53,122.5\n")
    rows = look_at(folder, "area", "towns")
    assert found(rows, "outline")[0].state == WRONG and found(rows, "towns")[0].state == DOUBTFUL


def test_folds_of_one_number_are_told_with_both_their_purposes(folder):
    look = Look(load_study(folder))
    assert look.study.validation.matched_folds == look.study.validation.n_folds
    (row,) = found(look_at(folder, "validation"), "validation")
    assert "folds to choose predictors and for errors" in row.found


def test_folds_that_the_sites_do_not_allow_are_wrong(folder):
    edit(folder, ("n_folds = 5", "n_folds = 39"))
    rows = found(look_at(folder, "validation"), "validation")
    assert rows[0].state == WRONG and "39 folds" in rows[0].found


def test_drawn_boreholes_that_are_called_measured_are_wrong(edit_study):
    folder = edit_study(
        ("virtual_boreholes = true", "virtual_boreholes = false"), ("truth_seed", "#")
    )
    assert found(look_at(folder, "virtual or real"), "virtual or real")[0].state == WRONG


def test_what_an_earlier_run_of_other_settings_left_is_doubtful(folder):
    study = load_study(folder)
    write_dataset(build_covariates(study, progress=False), study.interim_dir / "covariates.nc")
    assert found(look_at(folder, "earlier run"), "earlier run")[0].state == FINE
    edit(
        folder, ("resolution_m = 10000", "resolution_m = 30000"), ("covariates.TPI", "covariates.P")
    )
    row = found(look_at(folder, "earlier run"), "earlier run")[0]
    assert row.state == DOUBTFUL
    assert "(P, TPI)" in row.found and "cells" in row.found and "was changed" in row.found


@pytest.mark.parametrize("content", [b"", b"no netCDF", b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_a_map_of_covariates_that_cannot_be_read_is_doubtful_as_a_run_makes_it_again(
    folder, content
):
    path = load_study(folder).interim_dir / "covariates.nc"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    row = found(look_at(folder, "earlier run"), "earlier run")[0]
    assert row.state == DOUBTFUL and "covariates.nc, which a run makes again" in row.found
    assert "make map" in row.remedy


def test_sites_that_the_checks_refuse_are_told_once(folder):
    table = holes(folder)
    table.loc[table["site"] == "H00", "longitude"] = 10.0
    table.loc[table["site"] == "H01", "depth_m"] /= 10
    table.to_csv(folder / "boreholes" / "holes.csv", index=False)
    rows = look_at(folder, "sites", "expected sites")
    assert "1 x outside the area (H00" in found(rows, "refused sites")[0].found
    text = found(rows, "expected sites")[0].found
    assert text == "38 of 40 sites can be used (not: 1 refused; 1 x too shallow)"


def test_a_site_that_several_checks_refuse_counts_once(folder):
    """A third of the sites lie elsewhere, and each of them fails two checks."""
    table = holes(folder)
    far = table["site"].isin([f"H{i:02d}" for i in range(14)])
    table.loc[far, "longitude"] = 10.0
    table.to_csv(folder / "boreholes" / "holes.csv", index=False)
    look = Look(load_study(folder))
    checked = look.survey.checked
    twice = pd.concat([checked.flags, checked.flags.assign(check="another")])
    look.survey = replace(look.survey, checked=replace(checked, flags=twice))
    rows = gathered(findings("sites", partial(checks.CHECKS["sites"], look), look.study))
    assert found(rows, "refused sites")[0].state == DOUBTFUL


def test_of_many_files_that_cannot_be_read_twenty_are_named(folder):
    for number in range(25):
        (folder / "boreholes" / f"bad{number}.csv").write_text(f"site,depth{number}\nA,1\n")
    rows = [row for row in look_at(folder, "borehole files") if row.state == WRONG]
    assert len(rows) == 21 and rows[-1].found == "5 more cannot be read"


def test_an_unexpected_error_becomes_a_row_and_the_others_go_on(folder, monkeypatch):
    def fails(look):
        yield Row("towns", FINE, "before")
        raise ZeroDivisionError("by nought")

    monkeypatch.setitem(checks.CHECKS, "towns", fails)
    rows = study_check.check(folder)
    assert [row.found for row in found(rows, "towns")] == ["before", "ZeroDivisionError: by nought"]
    assert found(rows, "towns")[1].state == WRONG and found(rows, "classes")[0].state == FINE


@pytest.mark.parametrize(
    ("area", "crs"),
    [
        ((100, 50, 120, 62), "+proj=aea +lat_1=52 +lat_2=60 +lat_0=0 +lon_0=110"),
        ((-75, -50, -65, -20), "+proj=aea +lat_1=-45 +lat_2=-25 +lat_0=0 +lon_0=-70"),
        ((-180, 50, 180, 90), "+proj=laea +lat_0=90 +lon_0=0"),
        ((30, -12, 40, 12), "+proj=cea +lon_0=35 +lat_ts=8"),
    ],
)
def test_the_crs_of_an_area_has_its_parallels_a_sixth_inside_and_is_equal_area(area, crs):
    text = study_check.equal_area_crs(*area)
    assert text == f"{crs} +datum=WGS84 +units=m"
    west, south, east, north = area
    longitude, latitude = np.meshgrid(
        np.linspace(west, east, 5), np.linspace(south, min(north, 89), 5)
    )
    assert Proj(text).get_factors(longitude, latitude).areal_scale == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("letter", "columns"), [("x", 1), ("冻", 2)])
def test_the_table_keeps_to_its_width_and_breaks_long_paths(monkeypatch, letter, columns):
    """A Chinese letter takes two columns of a screen."""
    monkeypatch.setenv("COLUMNS", "90")
    text = table_text([Row("a", FINE, letter * 300, "y" * 99), Row(letter * 9, FINE, "b")])
    lines = text.splitlines()
    wide = [len(line) + (columns - 1) * line.count(letter) for line in lines]
    assert max(wide) <= 90 and text.count(letter) == 309
    starts = {line.find("y") + (columns - 1) * line.count(letter) for line in lines[2:6]}
    assert len(starts) == 1, "the last column stands straight"


def test_a_study_is_named_as_a_command_takes_it(tmp_path):
    project = Path(study_check.__file__).parents[3]
    assert as_argument(project / "data" / "mine") == "mine"
    assert as_argument(tmp_path / "my study") == f"'{tmp_path}/my study'"
    assert f"make map STUDY={tmp_path}/mine " in next_steps(tmp_path / "mine" / "study.toml")


def test_the_summary_counts_what_is_not_fine():
    rows = [Row("a", FINE, ""), Row("b", DOUBTFUL, ""), Row("c", WRONG, ""), Row("d", MISSING, "")]
    assert summary(rows).startswith(
        "4 things looked at: 1 missing, 1 wrong, 1 doubtful; a run would"
    )
    assert summary(rows[:1]).endswith("nothing missing, wrong or doubtful; a run can start.")
    assert rounded(13_712_345) == "14,000,000"


def test_minutes_grow_with_the_sites_and_those_of_shapley_values_can_be_saved(folder, monkeypatch):
    edit(folder, ("resolution_m = 10000 ", "resolution_m = 500 "))
    look = Look(load_study(folder))
    assert found([*cost_rows.cost_rows(look)], "time")[0][1] == "fine"
    many = SimpleNamespace(used=pd.DataFrame(index=range(5000)))
    monkeypatch.setattr(Look, "survey", many)
    what = found([*cost_rows.cost_rows(Look(look.study))], "time")[0]
    assert what[1] == "doubtful" and "shapley_maps = false" in what[3]
    edit(folder, ("shapley_maps = true", "shapley_maps = false"))
    assert found([*cost_rows.cost_rows(Look(load_study(folder)))], "time")[0][1] == "fine"


def test_a_folder_that_may_not_be_written_to_is_wrong(folder, monkeypatch):
    (folder / "output").mkdir()
    monkeypatch.setattr(cost_rows.os, "access", lambda path, mode: path.name != "output")
    what = found([*cost_rows.cost_rows(Look(load_study(folder)))], "disk")[0]
    assert what[1] == "wrong" and "output may not be written to" in what[2]
