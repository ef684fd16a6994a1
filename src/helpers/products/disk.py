"""Writing to a disk that may be full or closed: what an error says, and whether there is room."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from helpers.storage import ContractError

# rasterio takes this in bytes, GDAL itself in megabytes; without it GDAL takes 5 % of the memory.
CACHE_BYTES = 64 * 2**20


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Keep GDAL's cache small, and let an error of GDAL or of the disk name the file."""
    try:
        with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
            yield
    except (RasterioError, CPLE_BaseError, OSError) as error:
        raise write_error(path, str(error)) from error


def write_error(path: Path, reason: str) -> ContractError:
    """The error of a file or folder that could not be written."""
    return ContractError(
        f"{path}: it could not be written: {reason}. See whether the disk is full, the folder may "
        "not be written to or a file has its name, then run again: blocks that are finished are "
        "kept."
    )


def to_disk(path: Path) -> None:
    """Wait until a file is on the disk and not only in the memory of the machine."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def check_room(folder: Path, output: Path, map_bytes: int, remedy: str) -> None:
    """See that an unfinished map and its products can be written, before work is put into them.

    Parameters
    ----------
    folder
        Where the unfinished map lies or will lie, and its products are made; what is in it already
        is part of what it will need, or is removed.
    output
        Where the products go.
    map_bytes
        Size of the unfinished map. The products take as much at most; by how much compression
        makes them smaller is not known before.
    remedy
        What else than making room the user can do; ends the message.

    Raises
    ------
    ContractError
        If a disk has too little room for this, or nothing can be written to ``output``.

    """
    with writing(output):
        interim, products = _there(folder), _there(output)
        with tempfile.TemporaryFile(dir=products) as trial:
            trial.write(bytes(1))
    taken = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    _expect_free(interim, 2 * map_bytes - taken, remedy)
    if not _on_one_disk(interim, products):
        _expect_free(products, map_bytes, remedy)


def _on_one_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def _there(folder: Path) -> Path:
    """A folder or the nearest above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _expect_free(folder: Path, needed: int, remedy: str) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ContractError(
            f"{folder}: {free / 1e9:.3g} GB are free on its disk; up to {needed / 1e9:.3g} GB are "
            f"needed for the map and its products. Make room, or {remedy}."
        )
