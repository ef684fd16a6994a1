"""A folder that may not be written to is an error that names it; what is there can be read."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from bad_input.good_study import write_good_study

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs the permissions of Unix")

# Everything is done once before, so that nobody has to read what belongs to the administrator.
STEPS = """
import os, shutil, sys
from pathlib import Path
from bad_input import good_study
folder, closed = map(Path, sys.argv[1:])
good_study.run_whole(folder)
shutil.copytree(folder, closed)
for path in (closed / "interim", closed / "output"):
    path.chmod(0o555)
if os.geteuid() == 0:
    os.seteuid(65534)
names = ("sites", "covariates", "training", "forest", "errors", "map")
for name in names:
    try:
        getattr(good_study, f"run_to_{name}")(closed)
        print(f"{name}: nothing")
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {' '.join(str(error).split())}")
"""


@pytest.fixture(scope="module")
def told():
    """What each step says whose results have no place."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder, closed = write_good_study(Path(parent)), Path(parent) / "closed"
        paths = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", STEPS, str(folder), str(closed)],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": paths},
        )
        same = [
            (folder / p).read_bytes() == (closed / p).read_bytes()
            for kind in ("interim", "output")
            for p in (q.relative_to(folder) for q in (folder / kind).iterdir())
        ]
        for kind in ("interim", "output"):
            (closed / kind).chmod(0o755)  # or it could not be removed
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    return lines, same


@pytest.mark.parametrize(
    ("step", "file"),
    [
        ("sites", "closed/interim/boreholes.csv"),
        ("covariates", "closed/interim/covariates.nc"),
        ("training", "closed/interim/training.csv"),
        ("forest", "closed/interim/forest.skops"),
        ("errors", "closed/interim/importance.csv"),
        ("map", "closed/interim/map_unfinished.lock"),
    ],
)
def test_the_error_names_the_file_and_the_remedy(told, step, file):
    lines, _ = told
    assert lines[step].startswith("ContractError"), lines[step]
    assert file in lines[step]
    assert "written" in lines[step]


def test_the_old_files_are_as_they_were(told):
    assert all(told[1]) and told[1]
