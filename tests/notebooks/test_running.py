"""The notebooks as they are run: all in order, again, alone, and without their inputs."""

import re
import shutil

import nbformat
import numpy as np
import pytest
import rasterio

from helpers.executing import NotebookError, run_notebook
from helpers.redraw import redraw
from helpers.run import (
    NOTEBOOKS,
    PROJECT,
    load_variant,
    results_table,
    write_results,
)
from helpers.storage import (
    read_dataset,
    read_json,
    read_table,
    sha256,
    write_dataset,
    write_json,
    write_table,
)

pytestmark = pytest.mark.slow


def parameters_of(study):
    return {
        "study_file": str(study.file),
        "resolution_m": study.grid.resolution_m,
        "n_trees": study.forest.n_trees,
    }


def solutions_of(notebook):
    """Code of the folded solutions, in their order."""
    text = "\n".join(c["source"] for c in notebook.cells if c["cell_type"] == "markdown")
    folded = re.findall(r"<details><summary>Solution</summary>(.*?)</details>", text, re.DOTALL)
    return [code for part in folded for code in re.findall(r"```python\n(.*?)```", part, re.DOTALL)]


def test_all_notebooks_run_and_end_with_a_table(folder, first_run):
    study = load_variant(folder, fast=True)
    table = results_table(study, first_run[0])
    for word in ("Sites", "104 used of 112", "kNNDM", "Permafrost", "t15.tif", "virtual"):
        assert word in table
    assert read_json(study.interim_dir / "validation.json")["n_sites"] == 104
    areas = read_json(study.output_dir / "metadata.json")["area_table_1e4_km2"]["rows"]
    permafrost = areas["at or below 0 degC"]
    assert f"{permafrost['simulated_median']:.1f} (90% interval" in table
    assert f"{permafrost['area']:.1f} x 10^4 km2" in table
    assert "kNNDM" in (study.figures_dir / "README.md").read_text(encoding="utf-8")


def test_a_run_writes_to_its_own_folders_only(folder, first_run):
    assert all("fast_10000m_100trees" in name for name in first_run[1])
    assert sum(name.endswith(".tif") for name in first_run[1]) == 8
    assert sum(name.endswith(".png") for name in first_run[1]) >= 42


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_solutions_of_the_exercises_run_and_show_something(name, folder, first_run, tmp_path):
    """They stand at the end of a copy of the notebook, so this is a second run of each, too."""
    notebook = nbformat.read(PROJECT / "notebooks" / f"{name}.ipynb", as_version=4)
    solutions = solutions_of(notebook)
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in solutions]
    copy, executed = tmp_path / f"{name}.ipynb", tmp_path / "executed.ipynb"
    nbformat.write(notebook, copy)
    run_notebook(copy, executed, parameters_of(load_variant(folder, fast=True)))
    cells = nbformat.read(executed, as_version=4).cells[-len(solutions) :]
    assert len(cells) >= 2
    for cell in cells:
        assert any(out.output_type != "stream" or out.name == "stdout" for out in cell.outputs)


def test_a_second_run_gives_the_same_bytes_and_solutions_write_nothing(
    folder, first_run, checksums
):
    write_results(load_variant(folder, fast=True))
    assert checksums(folder) == first_run[1]


def test_figures_drawn_again_from_the_files_have_the_same_bytes(folder, first_run):
    study = load_variant(folder, fast=True)
    wanted = {path.name: sha256(path) for path in study.figures_dir.glob("*.png")}
    for path in study.figures_dir.glob("*.png"):
        path.unlink()
    done = redraw(study, formats=["png"], progress=False)
    assert not done.missing and len(wanted) >= 42
    assert {path.name: sha256(path) for path in done.paths} == wanted


def test_a_map_named_as_reference_is_compared(folder, first_run, tmp_path):
    """Here the mean annual air temperature; the difference is that of the two layers."""
    target = tmp_path / "data" / "northeast_china"
    shutil.copytree(folder, target)
    interim = load_variant(target, fast=True).interim_dir
    read_dataset(interim / "covariates.nc", ("MAAT",))["MAAT"].rio.to_raster(target / "air.tif")
    with (target / "study.toml").open("a", encoding="utf-8") as text:
        text.write('[references.air]\nsource = "raster"\npath = "air.tif"\nunits = "degC"\n')
    study = load_variant(target, fast=True)
    notebook = PROJECT / "notebooks" / "06_map_export.ipynb"
    run_notebook(notebook, tmp_path / "06.ipynb", parameters_of(study))
    record = read_json(study.output_dir / "comparison_air.json")
    with rasterio.open(study.output_dir / "t15.tif") as ours, rasterio.open(
        target / "air.tif"
    ) as other:  # fmt: skip
        difference = ours.read(1, masked=True).filled(np.nan) - other.read(1)
    assert record["mean_difference_c"] == pytest.approx(np.nanmean(difference), abs=1e-4)
    assert (study.output_dir / "difference_air.tif").is_file()
    assert (study.figures_dir / "comparison_map_air.png").is_file()
    assert "comparison_air.json" in read_json(study.output_dir / "metadata.json")["files"]
    drawn = sha256(study.figures_dir / "comparison_map_air.png")
    again = redraw(study, ["comparison_map"], ["png"], progress=False)
    assert [sha256(path) for path in again.paths] == [drawn]


def test_scores_are_of_the_size_the_virtual_survey_allows(folder, first_run):
    """A forest that scored 0.1 deg C would prove a leak from the truth."""
    designs = read_json(load_variant(folder, fast=True).interim_dir / "validation.json")["designs"]
    random, knndm = (designs[d]["regression"]["rmse"] for d in ("random", "knndm"))
    assert 0.4 < random < knndm < 2


def edit_layer(interim):
    """The file that notebook 02 would leave, had a setting of TPI been another one."""
    layers = read_dataset(interim / "covariates.nc")
    write_dataset(layers.assign(TPI=layers["TPI"] + 10), interim / "covariates.nc")


def edit_record(interim):
    """Record of a run with other errors, as one that stopped within notebook 05 leaves."""
    record = read_json(interim / "validation.json")
    record["error_model"]["share_of_beyond"] = -1.0
    write_json(record, interim / "validation.json")


def edit_held_out(interim):
    """Temperatures of a survey before its last correction."""
    table = read_table(interim / "held_out.csv", texts=("design", "site"))
    write_table(table.assign(observed=table["observed"] + 0.1), interim / "held_out.csv")


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        *(
            (n, edit_layer, r"covariates\.nc: layer 'TPI' holds .* Run notebook 02")
            for n in (NOTEBOOKS[3], NOTEBOOKS[6])
        ),
        (NOTEBOOKS[6], edit_record, r"validation\.json: key error_model: .* Run notebook 05"),
        (NOTEBOOKS[6], edit_held_out, r"held_out\.csv: .* Run notebook 05"),
    ],
)
def test_files_of_other_runs_are_refused_and_the_map_stays(
    name, edit, message, folder, first_run, tmp_path, checksums
):
    target = tmp_path / "data" / "northeast_china"
    shutil.copytree(folder, target)
    study = load_variant(target, fast=True)
    edit(study.interim_dir)
    before = checksums(target)
    notebook = PROJECT / "notebooks" / f"{name}.ipynb"
    with pytest.raises(NotebookError, match=message):
        run_notebook(notebook, tmp_path / "out.ipynb", parameters_of(study))
    after = checksums(target)
    maps = [name for name in before if name.endswith(".tif")]
    assert len(maps) == 8 and all(after[name] == before[name] for name in maps)


@pytest.mark.parametrize("name", NOTEBOOKS[1:])
def test_without_its_inputs_a_notebook_names_the_one_to_run(name, study_folder, tmp_path):
    if name == "01_borehole_qc":
        (study_folder / "boreholes" / "sites.csv").unlink()
        expected = "sites.csv"
    else:
        expected = "Run notebook 0"
    parameters = {"study_file": str(study_folder), "resolution_m": 50_000, "n_trees": 10}
    with pytest.raises(NotebookError, match=expected) as caught:
        run_notebook(PROJECT / "notebooks" / f"{name}.ipynb", tmp_path / "out.ipynb", parameters)
    assert name in str(caught.value)
    assert not list(study_folder.rglob("*unfinished*"))
