"""Figures drawn again from files: all of them, the same bytes, and what is missing by name."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers import boreholes, figures, shapley, validation
from helpers.figures.survey_charts import step_effects
from helpers.redraw import MADE_BY, REGISTRY, Inputs, redraw
from helpers.redraw.__main__ import main
from helpers.run import NOTEBOOKS, PROJECT, load_variant
from helpers.storage import read_table, write_dataset, write_json, write_table
from helpers.study import load_study

FROM_THE_STUDY_FOLDER = "honesty"
OF_OTHER_MAPS = ["comparison_map", "comparison_chart"]


@pytest.fixture
def copied(study_folder):
    """The embedded study on 20 km cells, in a folder of its own, without any run."""
    return load_study(study_folder, resolution_m=20_000, n_trees=20)


@pytest.fixture
def quality_run(copied, embedded_survey):
    """The same after notebook 01."""
    survey, folder = embedded_survey, copied.interim_dir
    write_table(survey.sites, folder / "boreholes.csv")
    write_table(survey.profiles, folder / "borehole_profiles.csv")
    write_table(survey.checked.flags, folder / "borehole_flags.csv")
    hole = boreholes.longest_string(survey.checked.records, survey.sites)
    string = survey.checked.records[survey.checked.records["site"] == hole]
    write_table(string, folder / "longest_string.csv")
    return SimpleNamespace(study=copied, hole=hole, records=survey.checked.records)


def test_every_figure_of_the_catalogue_has_its_function_and_there_is_no_other():
    assert list(REGISTRY) == list(figures.CATALOGUE)
    for name, function in REGISTRY.items():
        assert (function.__name__, function.__module__.rpartition(".")[0]) == (
            name,
            "helpers.redraw",
        )


def test_what_is_missing_is_named_with_its_notebook_and_stops_no_other_figure(copied):
    done = redraw(copied, formats=["png"], progress=False)
    assert [path.name for path in done.paths] == [f"{FROM_THE_STUDY_FOLDER}.png"]
    assert done.left_out == OF_OTHER_MAPS
    assert set(done.missing) == set(REGISTRY) - {FROM_THE_STUDY_FOLDER, *OF_OTHER_MAPS}
    for name, why in done.missing.items():
        made_by = re.search(r"not found. Run notebook (\w+) first: it makes this file", why)[1]
        assert made_by <= figures.CATALOGUE[name].notebook, why
        assert re.search(r"/(interim|output)/.*\.(csv|nc|json|tif) not found", why), why
    assert "Figures drawn: 1" in done.summary() and "Not drawn: 41" in done.summary()
    assert "  tuning of 03_random_forest: /" in done.summary()


def test_a_missing_file_makes_status_1_and_a_complete_set_status_0(copied, monkeypatch, capsys):
    monkeypatch.setattr("helpers.redraw.__main__.load_variant", lambda path, fast: copied)
    assert main([str(copied.folder), "--only", "honesty", "tuning", "--formats", "png"]) == 1
    said = capsys.readouterr().out
    assert "tuning.csv not found. Run notebook 03_random_forest first" in said
    assert (copied.figures_dir / "honesty.png").is_file()
    assert main([str(copied.folder), "--only", "honesty", "--formats", "png"]) == 0
    assert f"Figures drawn: 1\nin {copied.figures_dir}" in capsys.readouterr().out


def test_pdf_does_not_change_the_png(copied):
    redraw(copied, ["honesty"], ["png"], progress=False)
    alone = (copied.figures_dir / "honesty.png").read_bytes()
    redraw(copied, ["honesty"], progress=False)
    assert (copied.figures_dir / "honesty.png").read_bytes() == alone
    assert (copied.figures_dir / "print" / "honesty.pdf").read_bytes().startswith(b"%PDF")


def test_a_figure_that_the_catalogue_does_not_have_is_refused_before_any_is_drawn(copied, capsys):
    with pytest.raises(ValueError, match=r"No figure is called 'nothing'. Choices: study_area"):
        redraw(copied, ["honesty", "nothing"], progress=False)
    assert not copied.figures_dir.exists()
    with pytest.raises(SystemExit):
        main([str(copied.folder), "--only", "nothing"])
    assert "invalid choice: 'nothing'" in capsys.readouterr().err


def test_an_unknown_study_ends_with_a_message_and_status_1(capsys):
    assert main(["no_such_study"]) == 1
    assert "python -m helpers.run new NAME" in capsys.readouterr().err


def test_from_files_and_from_memory_a_figure_has_the_same_bytes(quality_run):
    """Those of notebook 01 that need no step before; all others in the tests of the notebooks."""
    study, run = quality_run.study, quality_run
    sites, folder = Inputs(study).sites, study.figures_dir
    drawn = {
        "error_budget": figures.error_budget(sites, study),
        "t15_histogram": figures.temperature_histogram(sites, study),
        "depth_time": figures.depth_time_image(run.records, run.hole, study),
    }
    wanted = {
        name: figures.save_figure(figure, study, name).read_bytes()
        for name, figure in drawn.items()
    }
    for name in drawn:
        (folder / f"{name}.png").unlink()
    done = redraw(study, list(drawn), ["png"], progress=False)
    assert {path.stem: path.read_bytes() for path in done.paths} == wanted


def test_figures_are_drawn_in_the_order_of_the_catalogue(quality_run):
    done = redraw(quality_run.study, ["t15_histogram", "error_budget"], ["png"], progress=False)
    assert [path.stem for path in done.paths] == ["error_budget", "t15_histogram"]


def test_a_file_of_other_columns_is_named_and_the_old_figure_stays(quality_run):
    study = quality_run.study
    old = redraw(study, ["t15_histogram"], ["png"], progress=False).paths[0]
    before, path = old.read_bytes(), study.interim_dir / "boreholes.csv"
    write_table(read_table(path).drop(columns="t15_c"), path)
    done = redraw(study, ["t15_histogram"], ["png"], progress=False)
    assert "boreholes.csv: column t15_c missing" in done.missing["t15_histogram"]
    assert old.read_bytes() == before


def test_without_monthly_means_there_is_no_figure_of_depth_and_time_and_nothing_is_missing(
    quality_run,
):
    study = quality_run.study
    write_table(quality_run.records.iloc[:0], study.interim_dir / "longest_string.csv")
    done = redraw(study, ["depth_time"], progress=False)
    assert (done.paths, done.left_out, done.missing) == ([], ["depth_time"], {})
    assert "Not part of this study: depth_time" in done.summary()


def test_what_the_study_does_not_ask_for_is_left_out_not_missing(edit_study):
    folder = edit_study(("shapley_maps = true", "shapley_maps = false"), ("truth_seed = ", "# "))
    study = load_variant(folder, fast=True)
    names = ["shapley_maps", "dominant_driver", "truth_comparison", "honesty"]
    done = redraw(study, names, progress=False)
    assert set(done.left_out) == set(names) and not done.missing


def test_each_other_map_has_its_figures(edit_study):
    path = edit_study() / "study.toml"
    reference = '[references.air]\nsource = "raster"\npath = "air.tif"\nunits = "degC"\n'
    path.write_text(path.read_text(encoding="utf-8") + reference, encoding="utf-8")
    done = redraw(load_study(path), OF_OTHER_MAPS, progress=False)
    assert list(done.missing) == ["comparison_map_air", "comparison_chart_air"]


def test_distance_curves_come_back_from_their_table_as_they_were(tmp_path):
    curves = {
        "map to sites": np.array([3.0, 0.1, 2.0]),
        "nndm": np.array([1 / 3, 7.0]),
        "blocks": np.array([5.0]),
    }
    w = {"nndm": 2 / 3, "blocks": 0.7}
    path = write_table(validation.curve_table(curves, w), tmp_path / "curves.csv")
    found, found_w = validation.curves_of(read_table(path, ("distance_m", "w_m"), ("label",)))
    assert list(found) == list(curves) and found_w == w
    for label, distances in curves.items():
        np.testing.assert_array_equal(found[label], distances)


def test_shapley_values_and_interactions_come_back_from_their_files_as_they_were(copied):
    rng = np.random.default_rng(1)
    data = rng.normal(size=(3, 2)).astype(np.float32)
    explained = shapley.ShapleyValues(rng.normal(size=(3, 2)), -1 / 3, ("b", "a"), data)
    pairs = rng.normal(size=(3, 2, 2))
    sites, folder = ["V1", "002", "V3"], copied.interim_dir
    write_dataset(shapley.as_dataset(explained, sites), folder / "shap.nc")
    table = shapley.interactions_as_dataset(pairs, explained.names, sites)
    write_dataset(table, folder / "shap_interactions.nc")
    inputs = Inputs(copied)
    for found, wanted in zip(inputs.explained, explained, strict=True):
        np.testing.assert_array_equal(found, wanted)
        assert np.asarray(found).dtype == np.asarray(wanted).dtype
    np.testing.assert_array_equal(inputs.interactions, pairs)


def test_null_in_the_record_is_a_number_that_is_not_there(copied):
    values = {"designs": [1, np.nan], "truth": {"c": None}, "applicability": {}, "drilling": []}
    write_json(values, copied.interim_dir / "validation.json")
    record = Inputs(copied).record
    assert record["designs"][0] == 1
    assert np.isnan([record["designs"][1], record["truth"]["c"]]).all()


def test_a_record_that_lacks_a_part_is_named_and_stops_no_other_figure(copied):
    write_json({"designs": {}, "truth": {}}, copied.interim_dir / "validation.json")
    done = redraw(copied, ["designs", "confusion", "honesty"], ["png"], progress=False)
    lacks = "validation.json: lacks applicability, drilling. Run notebook 05_validation again."
    assert [why.endswith(lacks) for why in done.missing.values()] == [True, True]
    assert len(done.paths) == 1


def test_the_embedded_effects_of_steps_are_drawn_from_their_file(quality_run):
    """A site without a temperature after a step has an empty field, which is no text."""
    study = quality_run.study
    steps = ["as delivered", "units and labels"]
    effects = pd.DataFrame({"site": ["001"] * 2, "step": steps, "t15_c": [np.nan, -1.5]})
    write_table(effects, study.interim_dir / "step_effects.csv")
    wanted = figures.save_figure(step_effects(effects, study), study, "step_effects").read_bytes()
    done = redraw(study, ["step_effects"], ["png"], progress=False)
    assert done.paths[0].read_bytes() == wanted


def test_notebooks_name_every_file_that_figures_are_drawn_from():
    for name, notebook in MADE_BY.items():
        assert notebook in NOTEBOOKS
        path = PROJECT / "notebooks" / f"{notebook}.ipynb"
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = "".join(cells[0]["source"]).partition("**Outputs**")[2]
        assert re.search(rf"`(interim/)?{name}`", outputs), f"{notebook}: {name}"
