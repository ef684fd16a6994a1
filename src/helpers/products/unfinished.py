"""A map that is being made: one raster for each product, written in place block by block.

They lie in ``map_unfinished`` of the interim folder, uncompressed and at their full size from the
start, so that a disk that is too small is noticed before hours of work. A journal beside them has
a line for every block that is in all of them, with the digest of what it was predicted from. So a
run that is stopped goes on with the next block, and a block whose covariates were changed is done
again. The first line of the journal says what else the map depends on; if that differs, the map is
started anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.windows import Window

from helpers.products.rasters import Raster, class_bounds, product_rasters, raster_profile
from helpers.storage import ContractError, locked, replacing
from helpers.study import Study

FOLDER, JOURNAL = "map_unfinished", "journal.jsonl"
# Raise it when the rasters or the journal are laid out in another way than before.
FORMAT = 1
# rasterio takes this in bytes, GDAL itself in megabytes; without it GDAL takes 5 % of the memory.
CACHE_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class UnfinishedMap:
    """Rasters under way and their journal; made by :func:`unfinished_map`.

    Attributes
    ----------
    folder
        Where they lie.
    rasters
        What is in them; each has the name its product will have.
    digests
        Digest of each block that is finished, by its number; None while it is written again.

    """

    folder: Path
    rasters: tuple[Raster, ...]
    digests: dict[int, str | None]

    def has(self, number: int, digest: str) -> bool:
        """Whether a block is finished, and was predicted from cells with this digest."""
        return self.digests.get(number) == digest

    def write(self, number: int, rows: slice, digest: str, layers: Mapping[str, NDArray]) -> None:
        """Write all layers of a block, and only then note in the journal that it is finished.

        Raises
        ------
        ContractError
            If the disk does not take them.

        """
        if number in self.digests:
            # Its rows are about to be those of neither the old cells nor the new.
            self._note(number, None)
        for raster in self.rasters:
            _write_rows(self.folder / raster.name, raster.bands(layers), rows)
        self._note(number, digest)

    def remove(self) -> None:
        """Remove the folder; the journal first, as without it nothing is taken for finished."""
        _remove(self.folder)

    def _note(self, number: int, digest: str | None) -> None:
        self.digests[number] = digest
        with (self.folder / JOURNAL).open("ab") as stream:
            stream.write(_line({"number": number, "digest": digest}))
            stream.flush()
            os.fsync(stream.fileno())


@contextlib.contextmanager
def unfinished_map(study: Study, fingerprint: str, block_cells: int) -> Iterator[UnfinishedMap]:
    """Go on with the map that an earlier run has left, or begin one; no other run may meanwhile.

    What is left of it is kept when an error ends the block under ``with``.

    Parameters
    ----------
    study
        Its grid, products and folders.
    fingerprint
        Of everything but the cells that the map depends on.
    block_cells
        Cells of a block, about: the blocks of the journal are numbered by it.

    Raises
    ------
    ContractError
        If another process is writing this map, or the disk is too small.

    """
    folder = study.interim_dir / FOLDER
    head = _head(study, fingerprint, block_cells)
    with locked(folder, "writing the map"):
        digests = _left_by_earlier_run(folder, head)
        if digests is None:
            digests = {}
            _begin(study, folder)
        _write_journal(folder / JOURNAL, head, digests)
        yield UnfinishedMap(folder, product_rasters(study), digests)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Keep GDAL's cache small, and let an error of GDAL or of the disk name the file."""
    try:
        with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
            yield
    except (RasterioError, CPLE_BaseError, OSError) as error:
        raise write_error(path, str(error)) from error


def write_error(path: Path, reason: str) -> ContractError:
    """The error of a file that could not be written."""
    return ContractError(
        f"{path}: it could not be written: {reason}. See whether the disk is full or the folder "
        "may not be written to, then run again: blocks that are finished are kept."
    )


def to_disk(path: Path) -> None:
    """Wait until a file is on the disk and not only in the memory of the machine."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _head(study: Study, fingerprint: str, block_cells: int) -> dict[str, Any]:
    """First line of the journal; its keys are words for the message."""
    head = {
        "format": FORMAT,
        "forest, levels or domain of applicability": fingerprint,
        "coordinate reference system": study.crs.to_wkt(),
        "grid": [*study.geobox.shape, *study.geobox.affine[:6]],
        "size of blocks": block_cells,
        "bounds of classes": class_bounds(study),
        "set of rasters": {
            r.name: [np.dtype(r.dtype).name, *r.descriptions] for r in product_rasters(study)
        },
    }
    return json.loads(json.dumps(head))


def _left_by_earlier_run(folder: Path, head: dict[str, Any]) -> dict[int, str | None] | None:
    """Digests of the finished blocks of an earlier run; None if its rasters are of no use."""
    if not (folder / JOURNAL).is_file():
        return None
    found, digests = _read_journal(folder / JOURNAL)
    other = [key for key, value in head.items() if found.get(key) != value]
    if not found:
        reason = "its journal cannot be read"
    elif other:
        reason = f"it was begun with another {', another '.join(other)}"
    elif not all((folder / name).is_file() for name in head["set of rasters"]):
        reason = "some of its rasters are gone"
    else:
        print(f"Going on with the unfinished map in {folder}: {len(digests)} blocks are finished.")
        return digests
    print(f"The unfinished map in {folder} is of no use, {reason}: the map is started anew.")
    return None


def _read_journal(path: Path) -> tuple[dict[str, Any], dict[int, str | None]]:
    """Head and digests by number; two empty ones if the journal cannot be read.

    What follows the last line end was being written when a run was stopped, and is left out.
    """
    *lines, _ = path.read_bytes().split(b"\n")
    try:
        head, *notes = (json.loads(line) for line in lines)
        return dict(head), {int(note["number"]): note["digest"] for note in notes}
    except (ValueError, TypeError, KeyError):
        return {}, {}


def _write_journal(path: Path, head: dict[str, Any], digests: dict[int, str | None]) -> None:
    notes = ({"number": number, "digest": digest} for number, digest in digests.items())
    with replacing(path) as unfinished:
        unfinished.write_bytes(b"".join(_line(content) for content in (head, *notes)))
        to_disk(unfinished)


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _remove(folder: Path) -> None:
    (folder / JOURNAL).unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)


def _begin(study: Study, folder: Path) -> None:
    """Rasters of full size that hold nothing yet."""
    _remove(folder)
    folder.mkdir(parents=True)
    for raster in product_rasters(study):
        _allocate(folder / raster.name, raster, study)


def _allocate(path: Path, raster: Raster, study: Study) -> None:
    profile = raster_profile(study, raster)
    last_row = np.full((profile["count"], 1, profile["width"]), raster.nodata)
    # A strip is a row: blocks share none, so that writing one cannot damage another.
    layout = {"interleave": "band", "tiled": False, "blockysize": 1, "sparse_ok": "FALSE"}
    with writing(path):
        with rasterio.open(path, "w", driver="GTiff", bigtiff="YES", **layout, **profile):
            pass
        to_disk(path)
        _expect(path, last_row, profile["height"] - 1)


def _write_rows(path: Path, values: NDArray, rows: slice) -> None:
    """Replace rows of all bands, (bands, rows, columns)."""
    with writing(path):
        with rasterio.open(path, "r+") as raster:
            raster.write(values, window=_window(values, rows.start))
        to_disk(path)
        _expect(path, values, rows.start)


def _expect(path: Path, values: NDArray, first_row: int) -> None:
    """Read rows again: rasterio says nothing of a write that fails when the file is closed."""
    with rasterio.open(path) as raster:
        found = raster.read(window=_window(values, first_row))
    if not np.array_equal(found, values):
        raise write_error(path, "other values are in it than were written")


def _window(values: NDArray, first_row: int) -> Window:
    _, n_rows, n_columns = values.shape
    return Window(0, first_row, n_columns, n_rows)
