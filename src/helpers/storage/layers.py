"""Layers as netCDF."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import netCDF4
import rioxarray  # noqa: F401  (registers .rio)
import xarray as xr
from rasterio.errors import CRSError
from rioxarray.exceptions import RioXarrayError

from helpers.storage.errors import ContractError
from helpers.storage.files import replacing, require

_STRIP_CELLS = 65_536
_CHUNK_CACHE = 2**22  # bytes
# What netCDF4 and xarray raise where a file is damaged or something else.
_UNREADABLE = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError)


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
            _append(part, unfinished, encoding)
    return Path(path)


def _append(part: xr.Dataset, unfinished: Path, encoding: Mapping[Hashable, Any]) -> None:
    """Write a part; where HDF5 cannot, say so as the operating system does."""
    try:
        part.to_netcdf(unfinished, mode="a", engine="netcdf4", encoding=encoding)
    except RuntimeError as error:
        raise OSError(errno.EIO, str(error), str(unfinished)) from error


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

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ContractError
        If it cannot be read, there or later in the block, lacks a variable, or has no CRS.

    """
    again = f"Run {made_by} again: it makes this file." if made_by else "Make it again."
    with _readable(require(path, made_by), again) as stored, stored as dataset:
        missing = [v for v in variables if v not in dataset]
        if missing:
            found = ", ".join(map(str, dataset.data_vars))
            raise ContractError(
                f"{path}: variable {', '.join(missing)} missing. Found: {found}. {again}"
            )
        try:
            crs = dataset.rio.crs
        except (ValueError, RioXarrayError, CRSError) as error:
            raise ContractError(f"{path}: its CRS cannot be read ({error}). {again}") from error
        if crs is None:
            raise ContractError(f"{path}: no CRS found; it needs a grid_mapping variable. {again}")
        yield dataset[list(variables or dataset.data_vars)]


@contextlib.contextmanager
def _readable(path: Path, again: str) -> Iterator[xr.Dataset]:
    """A netCDF, opened; what netCDF cannot read of it, now or later, is a ContractError."""
    try:
        with _small_chunk_cache():
            dataset = xr.open_dataset(path, engine="netcdf4", decode_coords="all")
    except _UNREADABLE as error:
        raise ContractError(f"{path}: not readable as netCDF ({error}). {again}") from error
    try:
        yield dataset
    except RuntimeError as error:
        if not str(error).startswith("NetCDF"):
            raise
        raise ContractError(f"{path}: damaged, as it cannot be read ({error}). {again}") from error


def read_dataset(
    path: str | Path, variables: tuple[str, ...] = (), made_by: str = ""
) -> xr.Dataset:
    """The same as :func:`opened_dataset`, read into memory."""
    with opened_dataset(path, variables, made_by) as dataset:
        return dataset.load()
