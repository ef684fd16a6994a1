"""A disk that is full at any step is an error that says where; the old files stay as they are.

One interpreter loads everything and forks for each step, in a process whose files cannot grow.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.storage import sha256

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs fork and limits of Unix")

STEPS = """
import os, resource, signal, sys, traceback
from pathlib import Path
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
from bad_input import good_study
from helpers.figures.files import save_figure
from helpers.storage import write_json
from helpers.study import load_study

def draw(folder):
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    save_figure(figure, load_study(folder), "tuning")

def metadata(folder):
    write_json({"values": list(range(2000))}, load_study(folder).output_dir / "metadata.json")

names = ("sites", "covariates", "training", "forest", "errors", "map")
steps = {name: getattr(good_study, f"run_to_{name}") for name in names}
steps |= {"draw": draw, "metadata": metadata}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for folder in map(Path, sys.argv[3:]):
    child = os.fork()
    if child == 0:
        text = "nothing"
        try:
            if sys.argv[2] != "free":
                resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
            chosen = steps if sys.argv[1] == "all" else [folder.parent.name]
            for name in chosen:
                steps[name](folder)
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
            folder.with_suffix(".told").write_text(text)
            os._exit(0)
    os.waitpid(child, 0)
"""
# The file each step fails at.
FAILS_AT = {
    "sites": "boreholes.csv",
    "covariates": "covariates.nc",
    "training": "training.csv",
    "forest": "forest.skops",
    "errors": "error_model.json",
    "map": "map_unfinished",
    "draw": "tuning.png",
    "metadata": "metadata.json",
}


def steps_done(which, n_bytes, folders):
    """Do steps in processes of their own; what each has told."""
    command = [sys.executable, "-c", STEPS, which, str(n_bytes), *map(str, folders)]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    # Bars go to a pipe: a file would be full, too.
    variables = os.environ | {"PYTHONPATH": paths}
    subprocess.run(command, check=True, capture_output=True, env=variables)  # noqa: S603
    return [folder.with_suffix(".told").read_text(encoding="utf-8") for folder in folders]


def digests(folder):
    files = (p for p in folder.rglob("*") if p.is_file() and ".lock" not in p.name)
    # The record of a map is removed when the map is made again; another step writes it.
    return {str(p.relative_to(folder)): sha256(p) for p in files if p.name != "metadata.json"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study with all its results."""
    from bad_input.good_study import write_good_study

    folder = write_good_study(tmp_path_factory.mktemp("project"))
    assert steps_done("all", "free", [folder]) == ["nothing"]
    return folder


@pytest.fixture(scope="module")
def full(finished, tmp_path_factory):
    """Copies in which each step met a full disk, what was told, and what was there afterwards."""
    parent = tmp_path_factory.mktemp("full")
    folders = [parent / name / finished.name for name in FAILS_AT]
    for folder in folders:
        shutil.copytree(finished, folder)
    told = steps_done("each", 500, folders)
    left = [digests(folder) for folder in folders]
    again = steps_done("each", "free", folders)
    return dict(zip(FAILS_AT, zip(folders, told, left, again, strict=True), strict=True))


@pytest.mark.parametrize("step", FAILS_AT)
def test_the_error_names_the_file(full, step):
    assert FAILS_AT[step] in full[step][1]


@pytest.mark.parametrize("step", FAILS_AT)
def test_the_old_files_stay_and_nothing_is_left_behind(full, finished, step):
    assert full[step][1] != "nothing"
    assert full[step][2] == digests(finished)


@pytest.mark.parametrize("step", FAILS_AT)
def test_with_space_again_the_step_ends_right(full, finished, step):
    assert full[step][3] == "nothing"
    assert digests(full[step][0]) == digests(finished)
