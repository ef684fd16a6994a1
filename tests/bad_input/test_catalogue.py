"""Each row of the catalogue: the message names file, place and remedy, and nothing else changes."""

import hashlib
import importlib
import shutil
from collections import Counter
from pathlib import Path

import pytest
from bad_input import good_study
from bad_input.catalogue import ROWS

HERE = Path(__file__).parent
for rows in sorted(HERE.glob("rows_*.py")):
    importlib.import_module(f"bad_input.{rows.stem}")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A small study in order, run to its map."""
    folder = good_study.write_good_study(tmp_path_factory.mktemp("in order"))
    good_study.run_whole(folder)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    target = tmp_path / "data" / "mine"
    shutil.copytree(finished, target)
    return target


def outputs(folder):
    """Digest of every file an earlier run left: the tables and layers, and the map."""
    found = (p for name in ("interim", "output") for p in (folder / name).rglob("*"))
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_wrong_is_told_with_file_place_and_remedy(folder, row):
    row.spoil(folder)
    before = outputs(folder)
    row.check(row.message(folder))
    assert row.is_told or outputs(folder) == before, "the last good files have changed"


def test_the_study_of_the_catalogue_is_in_order(folder):
    """Without a fault every step of the catalogue ends well, so what it tells is of the fault."""
    good_study.run_whole(folder)


def test_the_same_bytes_come_from_the_same_study(folder):
    before = outputs(folder)
    good_study.run_whole(folder)
    assert outputs(folder) == before


def test_there_are_many_rows_and_none_twice():
    names = Counter(row.name for row in ROWS)
    assert len(names) >= 400
    assert names.most_common(1)[0][1] == 1
