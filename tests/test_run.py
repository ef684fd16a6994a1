from types import SimpleNamespace

import pandas as pd
import pytest

from helpers import run
from helpers.boreholes import read_boreholes
from helpers.settings import PERMAFROST
from helpers.storage import write_json
from helpers.study import StudyError, load_study


def test_a_new_study_is_valid_and_commented(tmp_path):
    path = run.new_study("my_region", tmp_path)
    study = load_study(path)
    assert study.name == "my_region" and not study.about.virtual_boreholes
    assert (path.parent / "boreholes").is_dir()
    text = path.read_text(encoding="utf-8")
    assert text.count("#") > 40 and "NAME" not in text


def test_a_new_study_has_the_area_that_is_given_and_a_crs_for_it(tmp_path):
    study = load_study(run.new_study("alaska", tmp_path, (-168, 60, -141, 72)))
    assert study.area.model_dump() == {
        **dict(west=-168, south=60, east=-141, north=72),
        **dict(outline=None, towns=None),
    }
    assert study.grid.crs == (
        "+proj=aea +lat_1=62 +lat_2=70 +lat_0=0 +lon_0=-154.5 +datum=WGS84 +units=m"
    )


def test_the_area_that_stands_in_a_new_study_has_the_crs_that_is_worked_out_for_it(tmp_path):
    study = load_study(run.new_study("as_it_is", tmp_path))
    edges = study.area.west, study.area.south, study.area.east, study.area.north
    again = load_study(run.new_study("worked_out", tmp_path, edges))
    assert again.grid.crs == study.grid.crs and again.area == study.area


@pytest.mark.parametrize("area", [(170, 60, -170, 70), (0, 60, 10, 91), (0, 60, 10, float("nan"))])
def test_an_area_that_is_none_is_refused(tmp_path, area):
    with pytest.raises(StudyError, match="west south east north"):
        run.new_study("my_region", tmp_path, area)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("pattern", ["*.csv", "*.txt", "*.xlsx"])
def test_the_example_of_borehole_tables_is_no_data(tmp_path, pattern):
    path = run.new_study("my_region", tmp_path)
    examples = list((path.parent / "boreholes").iterdir())
    assert [p.name for p in examples] == ["README.md"]
    assert not list((path.parent / "boreholes").glob(pattern))


def test_the_first_table_of_the_example_can_be_read(tmp_path):
    """Whoever copies it must not be told that it is wrong."""
    folder = run.new_study("my_region", tmp_path).parent / "boreholes"
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    first = lines.index(
        "    site,longitude,latitude,elevation_m,depth_m,temperature_c,year_start,year_end"
    )
    table = [line.strip() for line in lines[first : lines.index("", first)]]
    (folder / "mine.csv").write_text("\n".join(table), encoding="utf-8")
    data = read_boreholes(folder / "mine.csv")
    assert len(data.records) == len(table) - 1 and list(data.sites["site"]) == ["A-01", "A-02"]


def test_the_command_new_names_the_next_three_steps(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "PROJECT", tmp_path)
    assert run.main(["new", "mine", "--area", "-168", "60", "-141", "72"]) == 0
    said = capsys.readouterr().out
    folder = tmp_path / "data" / "mine"  # not of this project, so its path is needed
    assert f"make check STUDY={folder}" in said and f"make map STUDY={folder}" in said
    assert str(folder / "boreholes") in said
    assert run.main(["new", "mine"]) == 1 and "exists already" in capsys.readouterr().err


def test_the_command_check_prints_the_table_and_ends_with_its_status(tmp_path, capsys):
    path = run.new_study("mine", tmp_path)
    assert run.main(["check", str(path.parent)]) == 1
    said = capsys.readouterr().out
    assert "what to do" in said.splitlines()[0]
    assert "1 missing" in said.splitlines()[-1]


def test_an_existing_study_is_left_alone(tmp_path):
    path = run.new_study("my_region", tmp_path)
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="exists already"):
        run.new_study("my_region", tmp_path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["../up", "My Region", "1st", ""])
def test_a_name_that_is_no_name_is_refused(tmp_path, name):
    with pytest.raises(StudyError, match="lower-case letters"):
        run.new_study(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_study_is_found_by_name_and_by_path(tmp_path):
    assert run.find_study("northeast_china") == run.PROJECT / "data" / "northeast_china"
    assert run.find_study(str(tmp_path)) == tmp_path


def test_an_unknown_study_ends_with_a_message_and_status_1(capsys):
    assert run.main(["map", "no_such_study"]) == 1
    assert "python -m helpers.run new NAME" in capsys.readouterr().err


def a_finished_run(folder, number):
    """Study whose files hold ``number`` wherever a score may be undefined."""
    design = {
        "regression": {
            **dict.fromkeys(("rmse", "bias", "model_efficiency"), number),
            "rmse_interval": [number, number],
        },
        "frozen": {"overall_accuracy": number},
        "interval": {"nominal": 0.9, "coverage": number},
        "calibrated_interval": {"nominal": 0.9, "coverage": number},
    }
    sides = ("share_inside", "expected_error_inside_c", "expected_error_outside_c")
    validation = {
        "n_sites": 12,
        "designs": {"random": design, "knndm": design},
        "truth": {"whole map": {"cells": 9, "rmse": number}, "outside": {"cells": 0}},
        "applicability": dict.fromkeys(sides, number),
        "true_frozen_share": number,
    }
    area = ("where_mean_at_or_below_0", "inside_applicability")
    row = dict.fromkeys(("simulated_median", "lower", "upper"), number)
    metadata = {
        "permafrost_area_1e4_km2": {**dict.fromkeys(area, number), "mapped": 144.0},
        "area_table_1e4_km2": {"rows": {PERMAFROST: row}, "simulated_level": 0.9},
    }
    write_json(validation, folder / "validation.json")
    write_json(metadata, folder / "metadata.json")
    sites = pd.DataFrame({"site": [*"abc"], "status": "used", "t15_c": -1.0})
    sites.to_csv(folder / "boreholes.csv", index=False)
    return SimpleNamespace(
        interim_dir=folder,
        output_dir=folder,
        grid=SimpleNamespace(resolution_m=1000.0),
        about=SimpleNamespace(virtual_boreholes=True),
    )


def test_numbers_of_the_results_are_rounded(tmp_path):
    rows = run.results(a_finished_run(tmp_path, 0.256))
    assert rows["kNNDM"] == (
        "RMSE 0.26 (0.26-0.26) degC, bias +0.26, model efficiency 0.26, frozen or not 26%, "
        "forest's 90% interval covers 26%"
    )
    assert rows["Permafrost, with its error"] == "0.3 (90% interval 0.3-0.3) x 10^4 km2"
    assert rows["Permafrost, virtual truth"] == "36.9 x 10^4 km2"


def test_an_undefined_number_of_the_results_is_a_dash(tmp_path):
    """Of sites that are all alike, say, the model efficiency is null in the file."""
    rows = run.results(a_finished_run(tmp_path, None))
    assert rows["kNNDM"] == (
        "RMSE - (---) degC, bias -, model efficiency -, frozen or not -, "
        "forest's 90% interval covers -"
    )
    assert rows["True RMSE (virtual truth)"] == "whole map -"
    assert rows["Expected RMSE of the map"] == "inside -, outside - degC"
    assert rows["Area of applicability"] == "- of the map"
    assert rows["Permafrost, mean <= 0 degC"] == "- x 10^4 km2"
    assert rows["Permafrost, with its error"] == "- (90% interval ---) x 10^4 km2"
    assert "Permafrost, virtual truth" not in rows
