"""What is left when a run that writes the products is stopped, and what the next one makes of it.

The runs that are killed are processes of their own: one interpreter loads everything and forks
for each case.
"""

import dataclasses
import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.windows import Window

from helpers import mapping, products
from helpers.applicability import ApplicabilityDomain
from helpers.error_model import ErrorModel, load_error_model
from helpers.forest import fit_forest, load_forest
from helpers.products import cog, disk, journal, unfinished
from helpers.residuals import Variogram
from helpers.storage import ContractError, read_dataset, sha256, write_dataset
from helpers.study import load_study

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the cases need fork and limits of Unix")

FINGERPRINT = "forest, levels, domain of applicability or error model"
CELLS = 2200  # five blocks: four of twenty rows, one of eighteen
BLOCKS = 5
CASES = """
import os, resource, signal, sys
from pathlib import Path
import pandas as pd
from helpers.applicability import ApplicabilityDomain
from helpers.error_model import load_error_model
from helpers.forest import load_forest
from helpers.products import cog, unfinished, write_products
from helpers.storage import read_dataset
from helpers.study import load_study

inputs = Path(sys.argv[1])
forest = load_forest(inputs / "forest.skops")
covariates = read_dataset(inputs / "covariates.nc")
domain = ApplicabilityDomain(pd.DataFrame(forest.predictors, columns=list(forest.names)))
errors = load_error_model(inputs / "error_model.json")

def before_call(module, name, number, act):
    calls, original = [], getattr(module, name)
    def counted(*arguments):
        calls.append(1)
        if len(calls) == number:
            act()
        return original(*arguments)
    setattr(module, name, counted)

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def full_at(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def full_at_once():
    full_at(1)

# A block is written to eight rasters; the kill comes after the second one of the fourth block.
prepare = {
    "in a block": lambda: before_call(unfinished, "_write_rows", 3 * 8 + 3, kill),
    "in finishing": lambda: before_call(cog, "make_cog", 4, kill),
    "between products": lambda: before_call(cog, "_publish", 3, kill),
    "full at the start": lambda: full_at(100_000),
    "full in a block": lambda: before_call(unfinished, "_write_rows", 2 * 8 + 1, full_at_once),
    "full in finishing": lambda: before_call(cog, "make_cog", 1, lambda: full_at(30_000)),
}
for folder in map(Path, sys.argv[2:]):
    child = os.fork()
    if child == 0:
        try:
            prepare[folder.name]()
            study = load_study(folder, resolution_m=20_000, n_trees=20)
            settings = {"block_cells": 2200, "progress": False}
            write_products(study, forest, covariates, domain, errors, **settings)
        except Exception as error:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            (folder / "error.txt").write_text(f"{type(error).__name__}: {error}")
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    (folder / "status.txt").write_text(str(os.WTERMSIG(status)))
"""
KILLED = ["in a block", "in finishing", "between products"]
FULL = ["full at the start", "full in a block", "full in finishing"]


def opened(folder):
    return load_study(folder, resolution_m=20_000, n_trees=20)


def with_old_products(folder, study):
    """A study in a folder of its own, in whose output are files of an earlier run."""
    folder.mkdir(parents=True)
    shutil.copy(study.file, folder)
    copied = opened(folder)
    copied.output_dir.mkdir(parents=True)
    for raster in products.product_rasters(copied):
        (copied.output_dir / raster.name).write_text("old")
    return copied


@pytest.fixture(scope="module")
def inputs(study, covariates, tmp_path_factory):
    """Folder with a forest of thirty sites, its error model, and the covariates."""
    folder = tmp_path_factory.mktemp("inputs")
    cells = covariates[study.forest.predictors].to_dataframe()[study.forest.predictors].dropna()
    sites = cells.sample(30, random_state=1)
    fit_forest(sites, (sites["TDD"] - 2700) / 300, n_trees=20).save(folder / "forest.skops")
    errors_of(sites).save(folder / "error_model.json")
    write_dataset(covariates, folder / "covariates.nc")
    return folder


def errors_of(sites):
    return ErrorModel(
        names=tuple(sites.columns),
        lower=sites.quantile(0.1).to_numpy(),
        upper=sites.quantile(0.9).to_numpy(),
        slope=np.array([0.0, 1 / 300, 0.0]),
        share=0.5,
        variance=np.array([0.04, 0.3]),
        residuals=np.linspace(-2, 2, 61),
        folds=np.zeros(61, dtype=int),
        n_sites=30,
        variogram=Variogram(0.3, 0.7, 100_000.0),
    )


@pytest.fixture(scope="module")
def run(inputs):
    """Write the products of a study, as the killed runs do; returns digests of the files."""
    forest = load_forest(inputs / "forest.skops")
    domain = ApplicabilityDomain(pd.DataFrame(forest.predictors, columns=list(forest.names)))
    errors = load_error_model(inputs / "error_model.json")
    covariates = read_dataset(inputs / "covariates.nc")

    def write(study, forest=forest, covariates=covariates, errors=errors, **settings):
        settings = {"block_cells": CELLS, "progress": False, **settings}
        paths = products.write_products(study, forest, covariates, domain, errors, **settings)
        return [sha256(path) for path in paths]

    write.forest, write.covariates, write.errors = forest, covariates, errors
    return write


@pytest.fixture(scope="module")
def undisturbed(study, run, tmp_path_factory):
    """Digests of the files of a run that nothing disturbs."""
    return run(with_old_products(tmp_path_factory.mktemp("undisturbed") / "a", study))


@pytest.fixture(scope="module")
def stopped(study, inputs, tmp_path_factory):
    """Folder of the studies whose runs were stopped, by case."""
    root = tmp_path_factory.mktemp("stopped")
    folders = [with_old_products(root / case, study).folder for case in KILLED + FULL]
    command = [sys.executable, "-c", CASES, inputs, *folders]
    subprocess.run(command, check=True, timeout=120)  # noqa: S603
    return root


@pytest.fixture
def left_by(stopped, tmp_path):
    """A copy of what a case has left that a test may change."""
    return lambda case: opened(shutil.copytree(stopped / case, tmp_path / case))


@pytest.fixture
def predicted(monkeypatch):
    """Rows of the blocks that are predicted from now on, as they are counted."""
    rows, original = [], mapping.Task.predict

    def counted(task, cells):
        rows.append(cells.shape[1])
        return original(task, cells)

    monkeypatch.setattr(mapping.Task, "predict", counted)
    return rows


def journal_of(study):
    return study.interim_dir / unfinished.FOLDER / unfinished.JOURNAL


def head_of(study):
    return json.loads(journal_of(study).read_text().splitlines()[0])


def finished_blocks(study):
    return len(journal_of(study).read_text().splitlines()) - 1


def products_of(study):
    return {path.name: path.read_bytes() for path in study.output_dir.iterdir()}


@pytest.mark.parametrize("case", KILLED[:2] + FULL)
def test_a_run_that_is_stopped_leaves_the_old_products(left_by, case):
    assert set(products_of(left_by(case)).values()) == {b"old"}


def test_a_run_that_is_stopped_between_products_leaves_whole_ones(left_by, undisturbed):
    study = left_by("between products")
    names = [raster.name for raster in products.product_rasters(study)]
    assert set(products_of(study)) == set(names)
    assert [sha256(study.output_dir / name) for name in names[:2]] == undisturbed[:2]
    assert all((study.output_dir / name).read_bytes() == b"old" for name in names[2:])


@pytest.mark.parametrize(
    ("case", "n_finished"), list(zip(KILLED, (3, BLOCKS, BLOCKS), strict=True))
)
def test_the_next_run_predicts_only_what_is_missing_and_ends_alike(
    left_by, run, undisturbed, predicted, capsys, case, n_finished
):
    study = left_by(case)
    assert (study.folder / "status.txt").read_text() == "9"
    assert finished_blocks(study) == n_finished
    assert run(study) == undisturbed
    assert len(predicted) == BLOCKS - n_finished
    assert f"Going on with the unfinished map in {study.interim_dir}" in capsys.readouterr().out
    assert [path.name for path in study.interim_dir.iterdir()] == ["map_unfinished.lock"]


@pytest.mark.parametrize(
    ("case", "file"),
    list(zip(FULL, ("t15_interval.tif", "t15.tif", "t15_interval.tif"), strict=True)),
)
def test_a_full_disk_is_an_error_that_names_the_file(left_by, case, file):
    study = left_by(case)
    assert (study.folder / "status.txt").read_text() == "0"
    error = (study.folder / "error.txt").read_text()
    assert error.startswith("ContractError") and "disk is full" in error
    assert error.split(": ")[1].endswith(f"/{file}")


def test_a_file_that_does_not_arrive_on_the_disk_is_no_product(left_by, run, monkeypatch):
    """GDAL may lose the end of a file and say nothing."""
    study = left_by("in finishing")
    original = cog.to_disk

    def cut(path):
        if path.name == "shap.tif":
            os.truncate(path, path.stat().st_size - 500)
        original(path)

    monkeypatch.setattr(cog, "to_disk", cut)
    with pytest.raises(ContractError, match=r"shap\.tif: it could not be written"):
        run(study)
    assert set(products_of(study).values()) == {b"old"}


def test_a_block_that_does_not_arrive_on_the_disk_is_not_finished(left_by, run, monkeypatch):
    study = left_by("full in a block")

    def lose(path):
        if path.name == "shap.tif":
            with rasterio.open(path, "r+") as raster:
                raster.write(np.zeros((4, 1, 106), np.float32), window=Window(0, 45, 106, 1))

    monkeypatch.setattr(unfinished, "to_disk", lose)
    with pytest.raises(ContractError, match=r"shap\.tif: it could not be written: other values"):
        run(study)
    assert finished_blocks(study) == 2


def test_what_was_finished_before_the_disk_was_full_is_kept(left_by, run, undisturbed, predicted):
    study = left_by("full in a block")
    assert finished_blocks(study) == 2
    assert run(study) == undisturbed
    assert len(predicted) == BLOCKS - 2
    assert run(left_by("full in finishing")) == undisturbed
    assert len(predicted) == BLOCKS - 2


def test_a_line_that_was_being_written_to_the_journal_is_ignored(
    left_by, run, undisturbed, predicted
):
    study = left_by("in a block")
    with journal_of(study).open("a") as stream:
        stream.write('{"number": 3, "dig')
    assert run(study) == undisturbed
    assert len(predicted) == BLOCKS - 3


def add_line(text):
    """What adds a line to a journal."""
    return lambda path: path.write_text(f"{path.read_text()}{text}\n")


NO_JOURNAL = [
    lambda path: path.write_text("{}\nno json\n"),
    lambda path: path.write_bytes(b"\xff\xfe\n"),
    lambda path: path.write_text("[1]\n"),
    lambda path: path.write_text(""),
    add_line("1"),
    add_line('{"number": 1e999, "digest": "a", "first_row": 0, "written": []}'),
    add_line('{"number": 1, "digest": "a", "first_row": null, "written": []}'),
    add_line('{"number": [1], "digest": null}'),
]


@pytest.mark.parametrize("spoil", NO_JOURNAL)
def test_a_journal_that_is_damaged_is_told_in_one_line(left_by, capsys, spoil):
    study = left_by("in a block")
    fingerprint = head_of(study)[FINGERPRINT]
    spoil(journal_of(study))
    with unfinished.unfinished_map(study, fingerprint, CELLS) as found:
        assert not found.blocks and not found.is_begun
    out = capsys.readouterr().out
    assert "is of no use, its journal cannot be read: the map is started anew." in out


def smaller(path):
    """Another raster in place of the one there."""
    with rasterio.open(path) as raster:
        profile = raster.profile | {"height": 50}
    with rasterio.open(path, "w", **profile):
        pass


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "is gone"),
        (lambda path: path.write_text("junk"), "cannot be read"),
        (lambda path: os.truncate(path, 100), "cannot be read"),
        (smaller, "has other bands or cells"),
    ],
)
def test_a_raster_that_is_none_of_this_map_is_told_in_one_line(left_by, capsys, spoil, reason):
    study = left_by("in a block")
    fingerprint = head_of(study)[FINGERPRINT]
    spoil(journal_of(study).with_name("t15.tif"))
    with unfinished.unfinished_map(study, fingerprint, CELLS) as found:
        assert not found.blocks and not found.is_begun
    assert f"is of no use, t15.tif {reason}: the map is started anew." in capsys.readouterr().out


def test_with_a_raster_cut_off_the_map_is_started_anew(left_by, run, undisturbed, predicted):
    study = left_by("in a block")
    path = journal_of(study).with_name("t15.tif")
    os.truncate(path, path.stat().st_size // 2)
    assert run(study) == undisturbed
    assert len(predicted) == BLOCKS


def test_blocks_that_no_longer_hold_what_was_written_are_done_again(
    left_by, run, undisturbed, predicted, capsys
):
    study = left_by("in finishing")
    for name, row in (("t15.tif", 0), ("shap.tif", 39)):
        with rasterio.open(journal_of(study).with_name(name), "r+") as raster:
            zeros = np.zeros((raster.count, 1, raster.width), np.float32)
            raster.write(zeros, window=Window(0, row, raster.width, 1))
    assert run(study) == undisturbed
    assert len(predicted) == 2
    assert "3 blocks are finished, 2 no longer hold what was written" in capsys.readouterr().out


def test_a_hole_in_a_raster_is_filled(left_by, run, undisturbed, predicted):
    """As after a crash of the machine: the end was cut off and made again, of zeros."""
    study = left_by("in a block")
    path = journal_of(study).with_name("t15.tif")
    size = path.stat().st_size
    os.truncate(path, size // 4)
    os.truncate(path, size)
    assert run(study) == undisturbed
    assert BLOCKS - 3 < len(predicted) <= BLOCKS


def test_an_unfinished_map_is_kept_until_there_is_a_block_of_the_next(left_by, run, capsys):
    study = left_by("in a block")
    with pytest.raises(ContractError, match="No Dask scheduler"):
        run(study, workers="tcp://nowhere", block_cells=1000)
    assert "another size of blocks: the map is started anew" in capsys.readouterr().out
    assert finished_blocks(study) == 3


def test_only_blocks_whose_covariates_have_changed_are_done_again(
    left_by, study, run, predicted, tmp_path
):
    warmer = run.covariates.copy(deep=True)
    warmer["TDD"][45] += 300
    fresh = run(with_old_products(tmp_path / "fresh", study), covariates=warmer)
    predicted.clear()
    assert run(left_by("in finishing"), covariates=warmer) == fresh
    assert len(predicted) == 1


def test_another_forest_or_grid_of_blocks_starts_the_map_anew(left_by, run, predicted, capsys):
    study = left_by("in finishing")
    other = run.forest
    other = fit_forest(
        pd.DataFrame(other.predictors, columns=list(other.names)),
        other.temperature_c + 1,
        n_trees=20,
    )
    run(study, forest=other)
    assert len(predicted) == BLOCKS
    assert "begun with another forest, levels, domain of" in capsys.readouterr().out
    assert float(products.read_products(study)["t15"].mean()) > 0


def test_blocks_of_other_libraries_are_not_put_beside_new_ones(left_by, run, monkeypatch, capsys):
    study = left_by("in finishing")
    now = unfinished.releases()
    monkeypatch.setattr(unfinished, "releases", lambda: now | {"numba": "0.1"})
    run(study)
    assert "begun with another release of the libraries" in capsys.readouterr().out


def test_another_error_model_starts_the_map_anew(left_by, run, predicted, capsys):
    """With a share of 0.75 for 0.5 every shift is 1.5 times that of the map before."""
    study = left_by("in finishing")
    run(study)
    before = products.read_products(study)["expected_shift"].to_numpy()
    study = left_by("in a block")
    predicted.clear()
    run(study, errors=dataclasses.replace(run.errors, share=0.75))
    assert len(predicted) == BLOCKS
    assert "error model: the map is started anew" in capsys.readouterr().out
    after = products.read_products(study)["expected_shift"].to_numpy()
    np.testing.assert_allclose(after, 1.5 * before, rtol=1e-6)
    assert np.nanmax(abs(after)) > 0.1


def test_the_journal_names_what_else_the_map_depends_on(left_by, run, capsys):
    study = left_by("in finishing")
    with unfinished.unfinished_map(study, "x", 50) as found:
        assert not found.blocks
    out = capsys.readouterr().out
    assert f"another {FINGERPRINT}, another size of blocks:" in out


def test_a_block_that_is_being_done_again_does_not_count_as_finished(left_by):
    """Its rows may be half new: neither digest may be trusted until it is written."""
    study = left_by("in finishing")
    old = json.loads(journal_of(study).read_text().splitlines()[1])["digest"]
    fingerprint = head_of(study)[FINGERPRINT]
    with (
        pytest.raises(KeyError),
        unfinished.unfinished_map(study, fingerprint, CELLS) as found,
    ):
        assert found.has(0, old) and not found.has(0, "new")
        found.write(0, slice(0, 20), "new", {"t15": np.zeros((20, 106), np.float32)})
    with unfinished.unfinished_map(study, fingerprint, CELLS) as found:
        assert not found.has(0, old) and not found.has(0, "new")
        assert found.has(4, found.blocks[4].digest)


def test_folders_on_different_disks_are_no_obstacle(tmp_path, monkeypatch):
    made, output = tmp_path / "finished", tmp_path / "output"
    made.mkdir()
    (made / "t15.tif").write_text("cells")
    original = Path.replace

    def across_disks(path, target):
        if path.parent == made:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return original(path, target)

    monkeypatch.setattr(Path, "replace", across_disks)
    assert cog._publish(made / "t15.tif", output).read_text() == "cells"
    assert [path.name for path in output.iterdir()] == ["t15.tif"]


def test_two_runs_cannot_write_one_map(left_by, run):
    study = left_by("in a block")
    with (
        unfinished.unfinished_map(study, "x", CELLS),
        pytest.raises(ContractError, match=rf"process {os.getpid()} .* is writing the map\. Wait"),
    ):
        run(study)


def test_a_disk_too_small_is_told_with_numbers_before_work_begins(
    left_by, study, run, predicted, tmp_path, monkeypatch
):
    """Uncompressed, a cell has 23 float32 and 2 bytes; the products may take as much again."""
    size = 98 * 106 * (4 * 23 + 2)
    free = SimpleNamespace(free=2 * size - 1)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: free)
    fresh = with_old_products(tmp_path / "fresh", study)
    message = r"0\.00195 GB are free on its disk; up to 0\.00195 GB are needed .* Make room, or "
    with pytest.raises(ContractError, match=message):
        run(fresh)
    assert predicted == [] and set(products_of(fresh).values()) == {b"old"}
    free.free = size  # what is there already needs no more room
    run(left_by("in a block"))


def test_an_output_on_another_disk_needs_room_of_its_own(tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    room = {tmp_path: 2e6, other: 1e6}
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: SimpleNamespace(free=room[path]))
    monkeypatch.setattr(disk, "_on_one_disk", lambda *folders: folders != (tmp_path, other))
    disk.check_room(tmp_path / "map_unfinished", other, 1_000_000, "")
    room[other] -= 1
    with pytest.raises(ContractError, match=r"other: 0\.001 GB are free"):
        disk.check_room(tmp_path / "map_unfinished", other, 1_000_000, "")
    monkeypatch.setattr(disk, "_on_one_disk", lambda *folders: True)
    disk.check_room(tmp_path / "map_unfinished", other, 1_000_000, "")


@pytest.mark.parametrize("name", ["interim", "output"])
def test_a_file_in_place_of_a_folder_is_named(study, run, predicted, tmp_path, name):
    copied = with_old_products(tmp_path / "a", study)
    shutil.rmtree(copied.folder / "output")
    (copied.folder / name).write_text("")
    message = rf"/{name}/.*: it could not be written: .* See whether the disk is full"
    with pytest.raises(ContractError, match=message):
        run(copied)
    assert predicted == []


def test_a_journal_that_cannot_be_written_is_named(left_by, run, monkeypatch):
    study = left_by("in a block")

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal.os, "fsync", full)
    monkeypatch.setattr(unfinished, "to_disk", lambda path: None)
    monkeypatch.setattr(journal, "to_disk", lambda path: None)
    with pytest.raises(ContractError, match=r"journal\.jsonl: .* No space left .* disk is full"):
        run(study)
    assert set(products_of(study).values()) == {b"old"}


def test_the_unfinished_rasters_take_their_whole_place_at_once(left_by):
    study = left_by("in a block")
    for path in (study.interim_dir / unfinished.FOLDER).glob("*.tif"):
        status = path.stat()
        assert status.st_blocks * 512 >= status.st_size > 98 * 106
