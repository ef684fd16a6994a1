import json
import os
import platform
import subprocess
import sys

import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers.storage import (
    ContractError,
    layers,
    locked,
    opened_dataset,
    read_dataset,
    read_json,
    read_table,
    replacing,
    require,
    sha256,
    write_dataset,
    write_json,
    write_table,
)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(RuntimeError), replacing(file) as unfinished:
        unfinished.write_text("half")
        raise RuntimeError
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_finished_write_replaces_the_file(tmp_path):
    with replacing(tmp_path / "new" / "a.txt") as unfinished:
        unfinished.write_text("whole")
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"


def test_a_table_comes_back_as_it_was(tmp_path):
    table = pd.DataFrame({"site": ["甲", "b"], "t15_c": [0.1 + 0.2, np.nan]})
    back = read_table(write_table(table, tmp_path / "t.csv"), ("t15_c",), ("site",))
    pd.testing.assert_frame_equal(back, table, check_dtype=False)


def test_a_missing_column_is_named_with_what_was_found(tmp_path):
    write_table(pd.DataFrame({"t15": [1]}), tmp_path / "t.csv")
    with pytest.raises(ContractError, match=r"t\.csv: column t15_c missing\. Found: t15\."):
        read_table(tmp_path / "t.csv", ("t15_c",))


def test_text_among_numbers_is_named_with_its_row(tmp_path):
    (tmp_path / "t.csv").write_text('site,t15_c\na,1\nb,\nc,"-2,5"\n')
    with pytest.raises(ContractError, match=r"column 't15_c': row 4 holds '-2,5'"):
        read_table(tmp_path / "t.csv", ("t15_c",))


def test_a_missing_file_says_what_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"not found\. Run 01_borehole_qc first"):
        require(tmp_path / "t.csv", "01_borehole_qc")


def test_json_has_no_nan_and_keeps_chinese(tmp_path):
    content = {"a": np.float64("nan"), "b": np.arange(2), "中": (1, np.int64(2))}
    back = read_json(write_json(content, tmp_path / "a.json"))
    assert back == {"a": None, "b": [0, 1], "中": [1, 2]}
    assert "中" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_a_dataset_keeps_values_units_and_crs_and_has_the_same_bytes_twice(tmp_path, covariates):
    first = write_dataset(covariates, tmp_path / "a.nc")
    second = write_dataset(covariates, tmp_path / "b.nc")
    back = read_dataset(first, ("PRE",))
    np.testing.assert_array_equal(back["PRE"], covariates["PRE"])
    assert back["PRE"].attrs["units"] == "mm"
    assert back.rio.crs == covariates.rio.crs
    assert sha256(first) == sha256(second)


def test_a_dataset_without_crs_or_variable_is_refused(tmp_path):
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(ContractError, match="no CRS"):
        read_dataset(tmp_path / "a.nc")
    with pytest.raises(ContractError, match=r"variable b missing\. Found: a"):
        read_dataset(tmp_path / "a.nc", ("b",))


def test_sha256_of_a_known_text(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_a_lock_keeps_others_away_and_is_free_afterwards(tmp_path):
    folder = tmp_path / "new" / "map"
    with locked(folder, "writing the map"):
        message = rf"map: process {os.getpid()} on .* is writing the map\. Wait .* run again"
        with pytest.raises(ContractError, match=message), locked(folder, "writing the map"):
            pass
    with pytest.raises(RuntimeError), locked(folder, "writing the map"):
        raise RuntimeError
    with locked(folder, "writing the map"):
        pass
    assert [path.name for path in folder.parent.iterdir()] == ["map.lock"]


def in_other_process(code, path):
    """A process that runs code with ``locked`` and ``path`` and stops at its input()."""
    code = f"import sys\nfrom helpers.storage import locked\npath = sys.argv[1]\n{code}"
    command, pipe = [sys.executable, "-c", code, path], subprocess.PIPE
    other = subprocess.Popen(command, stdin=pipe, stdout=pipe)  # noqa: S603
    other.stdout.readline()
    return other


def test_the_lock_of_a_process_that_is_killed_is_free_at_once(tmp_path):
    path = tmp_path / "a.tif"
    other = in_other_process("with locked(path, 'x'):\n    print(flush=True)\n    input()", path)
    message = rf"a\.tif: process {other.pid} on .* is fetching it"
    with pytest.raises(ContractError, match=message), locked(path, "fetching it"):
        pass
    other.kill()
    other.communicate()
    with locked(path, "fetching it"):
        assert json.loads((tmp_path / "a.tif.lock.json").read_text())["pid"] == os.getpid()


def test_a_lock_file_without_a_holder_is_free_whatever_is_in_it(tmp_path):
    """Such as one that names a process number that another process has by now."""
    lock = tmp_path / "a.tif.lock"
    for left in ("", "{", json.dumps({"pid": os.getppid(), "host": platform.node()})):
        lock.write_text(left)
        lock.with_name("a.tif.lock.json").write_text(left)
        with locked(tmp_path / "a.tif", "fetching it"):
            pass


def test_a_holder_that_is_not_known_is_another_run(tmp_path):
    with locked(tmp_path / "a.tif", "fetching it"):
        (tmp_path / "a.tif.lock.json").write_text("{")
        with (
            pytest.raises(ContractError, match=r"a\.tif: another run is fetching it"),
            locked(tmp_path / "a.tif", "fetching it"),
        ):
            pass


def test_a_lock_that_cannot_be_written_is_named_with_its_remedy(tmp_path):
    (tmp_path / "interim").write_text("")
    (tmp_path / "b.lock").mkdir()
    for path in (tmp_path / "interim" / "map", tmp_path / "b"):
        message = rf"{path.name}\.lock: it could not be written: .* See whether the disk is full"
        with pytest.raises(ContractError, match=message), locked(path, "writing the map"):
            pass


RACE = """
import multiprocessing, os, signal, sys
from helpers.storage import ContractError, locked
fork = multiprocessing.get_context("fork")

def die(path):
    with locked(path, "x"):
        os.kill(os.getpid(), signal.SIGKILL)

def race(path, start, end, holders):
    start.wait()
    try:
        with locked(path, "x"):
            with holders:
                holders.value += 1
            end.wait()  # until all have tried
    except ContractError:
        end.wait()

for number in range(40):
    dead = fork.Process(target=die, args=(sys.argv[1],))
    dead.start()
    dead.join()
    holders = fork.Value("i", 0)
    start, end = fork.Barrier(4, timeout=10), fork.Barrier(4, timeout=10)
    four = [fork.Process(target=race, args=(sys.argv[1], start, end, holders)) for _ in range(4)]
    for one in four:
        one.start()
    for one in four:
        one.join()
    print(dead.exitcode, holders.value, *(one.exitcode for one in four))
"""


@pytest.mark.skipif(os.name == "nt", reason="needs fork")
def test_of_four_processes_that_find_the_lock_of_a_dead_one_just_one_gets_it(tmp_path):
    command = [sys.executable, "-c", RACE, tmp_path / "a"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)  # noqa: S603
    assert found.stdout.splitlines() == ["-9 1 0 0 0 0"] * 40


def test_layers_are_stored_in_strips_of_whole_rows_and_opened_with_a_small_cache(tmp_path):
    """So that a map is read block by block, each part of the file unpacked once."""
    values = np.zeros((300, 1000), np.float32)
    axes = {"y": np.arange(300.0)[::-1], "x": np.arange(1000.0)}
    dataset = xr.Dataset({"PRE": (("y", "x"), values)}, axes).rio.write_crs("EPSG:32651")
    path = write_dataset(dataset, tmp_path / "a.nc")
    before = netCDF4.get_chunk_cache()
    with opened_dataset(path) as found:
        assert found["PRE"].encoding["chunksizes"] == (65, 1000)
    assert netCDF4.get_chunk_cache() == before
    with netCDF4.Dataset(path) as plain:
        usual = plain["PRE"].get_var_chunk_cache()[0]
    with layers._small_chunk_cache(), netCDF4.Dataset(path) as small:
        assert small["PRE"].get_var_chunk_cache()[0] < usual
