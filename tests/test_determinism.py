"""The same bytes in every process: hash seed, folder, language, time zone, threads, order of files.

The code of notebooks 01 to 06 runs on a small study in two processes that differ in all of these,
with empty figures, and every file they write is compared. What is not compared is named, with its
reason, in ``EXCEPTIONS`` and ``NOT_HERE``. Across releases of libraries less can be promised:

- pictures (PNG, PDF), and the report card that shows three, depend on how FreeType and Matplotlib
  draw letters;
- ``metadata.json`` names the releases, and checksums of all rasters;
- rasters, netCDF and models may be packed in another way by other releases of GDAL, HDF5 and skops,
  or differ in the last digit by those of NumPy, SciPy and scikit-learn.
"""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from bad_input.good_study import append, write_good_study
from distributed import LocalCluster

from helpers import products, validation
from helpers.storage import read_dataset, read_table, sha256
from helpers.study import load_study

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("0[1-6]_*.ipynb"))
N_TREES = 12
EXCEPTIONS = {
    r".*\.lock": "empty, or who holds it",
    r"interim/(.*/)?notebooks/.*\.ipynb": "executed notebooks hold their running times",
}
# Compared by tests/notebooks, which run all of the embedded study twice.
NOT_HERE = {
    "interpolations.csv": "the small study has no stations",
    "station_errors.csv": "the small study has no stations",
    "selection_nested.csv": "a first look, which it is, leaves it out",
    "radius_skill.csv": "topographic position is no predictor of it",
    "comparison_NAME.json": "it names no reference",
    "difference_NAME.tif": "it names no reference",
}
RUN = """
import json, os, sys
from pathlib import Path

file, files = sys.argv[1:3]
threads, block_cells, N_TREES = map(int, sys.argv[3:6])
if files == "backwards":
    def backwards(found):
        return lambda *given, **more: iter(sorted(found(*given, **more), reverse=True))

    for name in ("glob", "rglob", "iterdir"):
        setattr(Path, name, backwards(getattr(Path, name)))
    os.listdir = lambda path=".", found=os.listdir: sorted(found(path), reverse=True)

import joblib
from matplotlib.figure import Figure
from helpers import figures, products, widgets

class Empty:
    CATALOGUE, save_preview = figures.CATALOGUE, staticmethod(figures.save_preview)

    def __getattr__(self, name):
        return lambda *given, **more: Figure()

write = products.write_products
products.write_products = lambda *given: write(*given, workers=threads, block_cells=block_cells)
widgets.show, widgets.panel = figures.save_figure, lambda *given, **more: None
joblib.parallel_config(backend="threading")
for notebook in sys.argv[6:]:
    names = {"display": lambda *given: None}
    for cell in json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
            names["figures"] = Empty()
            if "study" not in names:
                names |= {"study_file": file, "n_trees": N_TREES}
"""


def small_study(parent):
    """The good study, its holes in three files."""
    folder = write_good_study(parent)
    holes = pd.read_csv(folder / "boreholes" / "holes.csv")
    for number, (_, part) in enumerate(holes.groupby(holes.index // 48)):
        part.to_csv(folder / "boreholes" / f"part{number}.csv", index=False)
    (folder / "boreholes" / "holes.csv").unlink()
    append(folder, "\n[tuning]\nn_trees = 4\n")
    return folder


def digests(folder):
    """SHA-256 of every file below a folder but the exceptions, by its path there."""
    paths = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    return {
        n: sha256(p) for n, p in paths.items() if not any(re.fullmatch(e, n) for e in EXCEPTIONS)
    }


def run(folder, where, files, threads, block_cells, **environment):
    """Run the notebooks on a study; returns the digests."""
    arguments = [folder / "study.toml", files, threads, block_cells, N_TREES, *NOTEBOOKS]
    limits = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", RUN, *map(str, arguments)],
        cwd=where,
        env=os.environ | dict.fromkeys(limits, str(threads)) | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return digests(folder)


def chinese():
    """The language of a Chinese computer, if it is installed here."""
    found = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout  # noqa: S607
    return "zh_CN.utf8" if "zh_CN.utf8" in found.split() else "C.UTF-8"


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Folders and digests of two runs, of one thread and of four."""
    one, four = (small_study(tmp_path_factory.mktemp(name)) for name in ("one", "four"))
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    plain["PYTHONIOENCODING"] = "utf-8"  # of what is printed, as Jupyter has it everywhere
    with ThreadPoolExecutor(2) as both:
        first = both.submit(
            run, one, one, "forwards", 1, 10**6,
            PYTHONHASHSEED="1", LC_ALL=chinese(), TZ="Asia/Shanghai",
        )  # fmt: skip
        second = both.submit(
            run, four, "/", "backwards", 4, 100, PYTHONHASHSEED="2", TZ="America/New_York", **plain
        )
        return (one, first.result()), (four, second.result())


def test_all_files_of_both_runs_have_the_same_bytes(studies):
    (_, one), (_, four) = studies
    assert one.keys() == four.keys()
    assert [name for name in one if one[name] != four[name]] == []


def test_every_file_that_a_run_writes_is_compared_or_named(studies):
    """Whatever notebooks put into the interim folder, and the products."""
    code = "".join(p.read_text(encoding="utf-8") for p in NOTEBOOKS)
    written = set(re.findall(r"interim(?:_dir)? / \\\"([\w.]+)\\\"", code))
    compared = {Path(name).name for name in studies[0][1]}
    assert len(written) > 20
    assert written - compared == {name for name in NOT_HERE if name in written}
    assert not NOT_HERE.keys() & compared
    assert {"t15.tif", "metadata.json", "stac_item.json", "report_card.html"} <= compared


def test_the_map_has_the_same_bytes_by_dask_and_in_small_blocks(studies, tmp_path):
    folder, before = studies[0]
    copy = shutil.copytree(folder, tmp_path / "mine", ignore=shutil.ignore_patterns("output"))
    study = load_study(copy / "study.toml", n_trees=N_TREES)
    training, knndm = validation.read_training(study), validation.read_folds(study)["knndm"]
    importance = read_table(study.interim_dir / "importance.csv")
    forest = validation.load_study_forest(study, training)
    domain = validation.applicability_domain(study, training, knndm.to_numpy(), importance)
    errors = validation.load_study_error_model(study, training, domain, knndm.to_numpy())
    layers = read_dataset(study.interim_dir / "covariates.nc", tuple(study.forest.predictors))
    threads = {"n_workers": 1, "threads_per_worker": 2, "processes": False}
    with LocalCluster(**threads, dashboard_address=None) as workers:
        settings = {"workers": workers, "block_cells": 50, "progress": False}
        products.write_products(study, forest, layers, domain, errors, **settings)
    found = digests(copy)
    rasters = [name for name in before if name.endswith(".tif")]
    assert len(rasters) == 9  # eight of the map, one of the covariates
    assert [name for name in rasters if found[name] != before[name]] == []
