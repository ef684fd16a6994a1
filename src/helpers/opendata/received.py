"""Whether what a server has sent is the file that was asked for, and can be read to its end."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio
import xarray as xr
from rasterio.errors import RasterioError

from helpers.opendata.transfer import Answer, without_secrets
from helpers.storage import ContractError

if TYPE_CHECKING:
    from helpers.opendata.download import RemoteFile

_FIRST_BYTES = {
    "tiff": (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    "netcdf": (b"\x89HDF\r\n\x1a\n",),
}
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<error")
_ROWS_AT_ONCE = 1024


def check_received(part: Path, file: RemoteFile, answer: Answer) -> None:
    """Check length, kind and checksum of a finished transfer; without a length read it.

    Raises
    ------
    ContractError
        If it is empty, shorter or longer than stated, a web page, of another kind, has another
        MD5 than is published, or cannot be read to its end.

    """
    place = without_secrets(file.url)
    found = part.stat().st_size
    if answer.size not in (None, found):
        raise ContractError(
            f"{place}: {found} bytes arrived, {answer.size} are stated. Run again; if it stays so, "
            "the server or a proxy on the way cuts files off."
        )
    if not found:
        raise ContractError(f"{place}: the server gives an empty file. Try later.")
    _check_kind(part, file.kind, place)
    if answer.md5 and (md5 := _md5(part)) != answer.md5:
        raise ContractError(
            f"{place}: MD5 is {md5}, published is {answer.md5}: the file was damaged on the way "
            "or exchanged. Run again."
        )
    if answer.size is None and (fault := fault_of(part, file.kind)):
        raise ContractError(
            f"{place}: cut off, or damaged on the way ({fault}); the server does not say how long "
            "it is. Run again."
        )


def fault_of(path: Path, kind: str) -> str:
    """Why a file cannot be read to its end, or nothing. Text must end with a whole line."""
    try:
        if kind == "tiff":
            _read_tiff(path)
        elif kind == "netcdf":
            _read_netcdf(path)
        elif not path.read_bytes().endswith(b"\n"):
            return "its last line has no end"
    except (RasterioError, OSError, RuntimeError) as error:
        return str(error)
    return ""


def _read_tiff(path: Path) -> None:
    with rasterio.open(path) as raster:
        for _, window in raster.block_windows(1):
            raster.read(window=window)


def _read_netcdf(path: Path) -> None:
    """Read all variables, some rows at a time; opening alone tells that the end is missing."""
    with xr.open_dataset(path, engine="netcdf4", decode_cf=False, cache=False) as dataset:
        for variable in dataset.variables.values():
            if variable.ndim < 2:
                _ = variable.values
                continue
            *steps, n_rows, _ = variable.shape
            for step in np.ndindex(*steps):
                for top in range(0, n_rows, _ROWS_AT_ONCE):
                    _ = variable[(*step, slice(top, top + _ROWS_AT_ONCE))].values


def _check_kind(part: Path, kind: str, place: str) -> None:
    with part.open("rb") as stream:
        start = stream.read(1024)
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGES):
        words = " ".join(start.decode("utf-8", "replace").split())[:120]
        raise ContractError(
            f"{place}: the server sends a web page instead of the file ('{words}'). It may want a "
            "login or be under repair, or the network asks you to log in: open the address in a "
            "browser."
        )
    is_text = b"\x00" not in start
    if not (is_text if kind == "text" else start.startswith(_FIRST_BYTES[kind])):
        raise ContractError(
            f"{place}: not {kind} (its first bytes are {start[:8]!r}). The address may give "
            "another file now; put the right one into [open_data.mirrors] of study.toml."
        )


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
