"""A fast run of all notebooks on a copy of the embedded study, made once for all tests here."""

import shutil
from pathlib import Path

import pytest

from helpers.run import PROJECT, load_variant, run_notebooks, write_results
from helpers.storage import sha256

EMBEDDED = Path(PROJECT) / "data" / "northeast_china"


def _checksums(folder):
    files = [f for kind in ("interim", "output", "figures") for f in folder.rglob(f"{kind}/**/*")]
    return {
        str(f.relative_to(folder)): sha256(f) for f in files if f.is_file() and f.suffix != ".ipynb"
    }


@pytest.fixture(scope="session")
def checksums():
    """Of everything a run writes but the executed notebooks, which hold their running times."""
    return _checksums


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A copy of the embedded study in a data folder of its own."""
    target = tmp_path_factory.mktemp("project") / "data" / "northeast_china"
    shutil.copytree(EMBEDDED, target, ignore=shutil.ignore_patterns("interim", "output"))
    return target


@pytest.fixture(scope="session")
def first_run(folder):
    """Seconds of each notebook in the fast mode, and checksums of all that was written."""
    seconds = run_notebooks(folder, fast=True)
    write_results(load_variant(folder, fast=True))
    return seconds, _checksums(folder)
