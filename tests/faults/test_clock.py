"""A clock that jumps, and times of files in the future, change nothing."""

import ast
import os
import random
import time
from pathlib import Path

import pytest
from bad_input import good_study
from tqdm import tqdm

import helpers
from helpers.forest_file import write_trusted
from helpers.storage import ContractError, sha256

SOURCE = Path(helpers.__file__).parent
CLOCK = {
    "time",
    "localtime",
    "now",
    "today",
    "utcnow",
    "st_mtime",
    "st_mtime_ns",
    "st_ctime_ns",
    "getmtime",
}
# Who looks at clocks of the day or times of files, and why that decides nothing of a result.
LOOKS = {
    "forest_file.py": "refuses years before those of ZIP files",
    "executing/journal.py": "compared for being the same only",
    "figures/natural_earth.py": "key of a cache of this process",
    "opendata/download.py": "written down: when a file was fetched",
    "opendata/modis.py": "written down, and how long a list of files serves",
    "opendata/modis_lst.py": "key of a cache of this process",
    "opendata/terraclimate.py": "key of a cache of this process",
    "study_check/leftovers.py": "a doubt on the screen",
}


def looks_at_a_clock(node):
    """time.time and the like, or a time of a file; not the seconds that have passed."""
    if not isinstance(node, ast.Attribute) or node.attr not in CLOCK:
        return False
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    return node.attr.startswith("st_") or owner in ("time", "datetime", "date", "path")


def test_only_these_look_at_clocks_and_none_decides_by_them():
    found = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if any(map(looks_at_a_clock, ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == set(LOOKS)


def digests(folder):
    results = [p for kind in ("interim", "output") for p in (folder / kind).rglob("*")]
    return {str(p.relative_to(folder)): sha256(p) for p in results if p.is_file()}


@pytest.fixture
def jumping(monkeypatch):
    """1981, 2100 and all between, at random, for whoever asks for the time of day."""
    chance = random.Random(4)  # noqa: S311
    monkeypatch.setattr(time, "time", lambda: chance.uniform(3.5e8, 4.1e9))


def test_a_run_with_a_jumping_clock_writes_the_same_bytes(tmp_path, request):
    calm, wild = (tmp_path / name for name in ("calm", "wild"))
    for parent in (calm, wild):
        parent.mkdir()
        good_study.write_good_study(parent)
    good_study.run_whole(calm / "mine")
    request.getfixturevalue("jumping")
    for path in (wild / "mine").rglob("*"):
        os.utime(path, (4.1e9, 4.1e9))
    good_study.run_whole(wild / "mine")
    assert digests(wild / "mine") == digests(calm / "mine")


def test_a_bar_does_not_mind_a_jumping_clock(jumping):
    assert sum(tqdm(range(1000), mininterval=0)) == 499_500


def test_a_clock_before_the_years_of_zip_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(0))
    with pytest.raises(ContractError, match=r"a\.skops: the clock .* before 1980.* Set it right"):
        write_trusted({"a": 1}, tmp_path / "a.skops")
