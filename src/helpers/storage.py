"""Reading with a contract, writing without half-written files, and provenance.

A file appears under its name only when it is complete: it is written beside its place and then
renamed, which the operating system does in one step. So a reader sees the old file or the new
one, never a part.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pandas as pd
import rioxarray  # noqa: F401  (registers .rio)
import xarray as xr
from filelock import FileLock, Timeout

_STRIP_CELLS = 65_536
_CHUNK_CACHE = 2**22  # bytes
LIBRARIES = ("numpy", "pandas", "xarray", "scikit-learn", "shap", "rasterio", "numba")


class ContractError(ValueError):
    """A file or table that is not what the next step needs; the message says where and what."""


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a path to write to; on success it becomes ``path``, on an error it is removed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.unfinished-{os.getpid()}{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: str | Path, doing: str) -> Iterator[None]:
    """Hold the lock ``<name>.lock``, so that one run at a time makes what lies at ``path``.

    The operating system frees it when its holder ends, in whatever way. The empty file stays: were
    it removed, two runs could each hold a lock on a file of this name.

    Parameters
    ----------
    path
        File or folder that is being made.
    doing
        What the holder does with it, for the message: "fetching it".

    Raises
    ------
    ContractError
        If another run holds it, or the folder does not take the file.

    """
    path = Path(path)
    lock = path.with_name(f"{path.name}.lock")
    holder = lock.with_name(f"{lock.name}.json")
    with contextlib.ExitStack() as held:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(lock, timeout=0, thread_local=False))
            held.callback(holder.unlink, missing_ok=True)
            write_json({"pid": os.getpid(), "host": platform.node()}, holder)
        except Timeout:
            raise ContractError(
                f"{path}: {_who(read_known(holder))} is {doing}. Wait until it has ended, or end "
                "it, and run again."
            ) from None
        except OSError as error:
            raise ContractError(
                f"{lock}: it could not be written: {error}. See whether the disk is full, the "
                "folder may be written to and nothing else has its name, then run again."
            ) from error
        yield


def _who(holder: dict[str, Any]) -> str:
    if holder.keys() >= {"pid", "host"}:
        return f"process {holder['pid']} on {holder['host']}"
    return "another run"


def write_table(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table as UTF-8 csv with full float precision and Unix line ends."""
    with replacing(path) as unfinished:
        table.to_csv(unfinished, index=False, lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%S")
    return Path(path)


def read_table(
    path: str | Path, numbers: tuple[str, ...] = (), texts: tuple[str, ...] = (), made_by: str = ""
) -> pd.DataFrame:
    """Read a csv and check that it has the columns named, numeric where numbers are expected.

    Parameters
    ----------
    path
        The csv (UTF-8, with or without byte-order mark).
    numbers, texts
        Columns that must be there; those in ``numbers`` must hold numbers or nothing.
    made_by
        What makes the file, for the message when it is missing.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ContractError
        If a column is missing or holds text where a number belongs; names file, row, column.

    """
    path = require(path, made_by)
    # Only an empty field is missing: "NA" may be the code of a site.
    kinds = dict.fromkeys(texts, str)
    table = pd.read_csv(
        path, encoding="utf-8-sig", dtype=kinds, keep_default_na=False, na_values=""
    )
    missing = [c for c in (*texts, *numbers) if c not in table]
    if missing:
        raise ContractError(
            f"{path}: column {', '.join(missing)} missing. Found: {', '.join(table.columns)}."
        )
    for column in numbers:
        table[column] = numeric(table[column], place=f"{path}: column '{column}'")
    return table


def numeric(values: pd.Series, place: str, first_row: int = 2) -> pd.Series:
    """Numbers of a column, empty as NaN; text is a :class:`ContractError` that names its row."""
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    text = values.astype(str).str.strip().str.lower()
    wrong = numbers.isna() & values.notna() & ~text.isin(["", "nan", "na", "null"])
    if wrong.any():
        position = int(np.flatnonzero(wrong)[0])
        raise ContractError(
            f"{place}: row {position + first_row} holds '{values.iloc[position]}', "
            "a number is needed. Correct it or leave it empty."
        )
    return numbers


def require(path: str | Path, made_by: str = "") -> Path:
    """Return the path if the file is there; otherwise say what makes it."""
    path = Path(path)
    if not path.is_file():
        remedy = f" Run {made_by} first: it makes this file." if made_by else ""
        raise FileNotFoundError(f"{path} not found.{remedy}")
    return path


def write_json(content: Mapping[str, Any], path: str | Path) -> Path:
    """Write json, UTF-8, keys in the order given; NaN becomes null, as json has no NaN."""
    text = json.dumps(_plain(content), ensure_ascii=False, indent=2, allow_nan=False)
    with replacing(path) as unfinished:
        unfinished.write_text(text + "\n", encoding="utf-8")
    return Path(path)


def read_json(path: str | Path, made_by: str = "") -> dict[str, Any]:
    """Read a json file; a missing one is an error that says what makes it."""
    return json.loads(require(path, made_by).read_text(encoding="utf-8"))


def read_known(path: Path) -> dict[str, Any]:
    """Content of a json that a run may have left damaged; empty if it holds nothing of use."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_dataset(dataset: xr.Dataset, path: str | Path) -> Path:
    """Write a Dataset as netCDF 4, compressed, keeping the CRS of its layers."""
    return write_layers([dataset], path)


def write_layers(parts: Iterable[xr.Dataset], path: str | Path) -> Path:
    """Write Datasets on one grid into one netCDF 4, each as it comes, so that memory holds one."""
    with replacing(path) as unfinished:
        for part in parts:
            encoding = {name: {"zlib": True, "complevel": 1} for name in part.data_vars}
            for name, layer in part.data_vars.items():
                if layer.dims[-2:] == ("y", "x"):
                    encoding[name]["chunksizes"] = _strips(layer.shape)
                if "grid_mapping" in layer.encoding:
                    encoding[name]["grid_mapping"] = layer.encoding["grid_mapping"]
            part.to_netcdf(unfinished, mode="a", engine="netcdf4", encoding=encoding)
    return Path(path)


def _strips(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Whole rows, about as many cells as a map is made of at a time: each is unpacked once."""
    rows = min(max(_STRIP_CELLS // max(shape[-1], 1), 1), shape[-2])
    return (*(1 for _ in shape[:-2]), rows, shape[-1])


@contextlib.contextmanager
def _small_chunk_cache() -> Iterator[None]:
    """Files opened meanwhile keep a few strips in memory; by default it is 64 MiB a variable."""
    before = netCDF4.get_chunk_cache()
    netCDF4.set_chunk_cache(_CHUNK_CACHE, *before[1:])
    try:
        yield
    finally:
        netCDF4.set_chunk_cache(*before)


@contextlib.contextmanager
def opened_dataset(
    path: str | Path, variables: tuple[str, ...] = (), made_by: str = ""
) -> Iterator[xr.Dataset]:
    """Variables (all if none are named) of a netCDF that has a CRS, read only where they are used.

    For maps larger than memory; the file is closed at the end of the ``with`` block.
    """
    with _small_chunk_cache():
        stored = xr.open_dataset(require(path, made_by), decode_coords="all")
    with stored as dataset:
        missing = [v for v in variables if v not in dataset]
        if missing:
            found = ", ".join(dataset.data_vars)
            raise ContractError(f"{path}: variable {', '.join(missing)} missing. Found: {found}.")
        if dataset.rio.crs is None:
            raise ContractError(f"{path}: no CRS found; it needs a grid_mapping variable.")
        yield dataset[list(variables or dataset.data_vars)]


def read_dataset(
    path: str | Path, variables: tuple[str, ...] = (), made_by: str = ""
) -> xr.Dataset:
    """The same as :func:`opened_dataset`, read into memory."""
    with opened_dataset(path, variables, made_by) as dataset:
        return dataset.load()


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that results depend on."""
    found = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **found}
