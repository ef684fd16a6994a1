"""A map that is being made: one raster for each product, written in place block by block.

They lie in ``map_unfinished`` of the interim folder, uncompressed and at their full size from the
first block on; whether there is room for them and for the products is looked at before. A journal
beside them has a line for every block that is in all of them: the digest of what it was predicted
from, and of what was written. So a run that is stopped goes on where it was; blocks whose
covariates were changed are done again, and so are those whose rows no longer hold what was
written. The first line of the journal says what else the map depends on; if that differs, the map
is started anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window
from tqdm.auto import tqdm

from helpers.mapping.task import releases
from helpers.products.disk import CACHE_BYTES, check_room, to_disk, write_error, writing
from helpers.products.journal import FinishedBlock, add_note, read_journal, write_journal
from helpers.products.rasters import Raster, product_rasters, raster_profile
from helpers.storage import locked
from helpers.study import Study

FOLDER, JOURNAL = "map_unfinished", "journal.jsonl"
# Raise it when the rasters or the journal are laid out in another way than before.
FORMAT = 2
_TASK = "forest, levels, domain of applicability or error model"


@dataclass(eq=False)
class UnfinishedMap:
    """Rasters under way and their journal; made by :func:`unfinished_map`.

    Attributes
    ----------
    study
        Whose map it is.
    head
        First line of the journal.
    blocks
        Those that are finished, by number.
    is_begun
        Whether the rasters are there; else they are made for the first block.

    """

    study: Study
    head: dict[str, Any]
    blocks: dict[int, FinishedBlock]
    is_begun: bool

    @property
    def folder(self) -> Path:
        """Where the rasters lie."""
        return self.study.interim_dir / FOLDER

    @property
    def rasters(self) -> tuple[Raster, ...]:
        """What is in them; each has the name its product will have."""
        return product_rasters(self.study)

    @property
    def run(self) -> str:
        """What tells this map from others: digest of the task and of all cells, 16 characters.

        It does not depend on how the rows are cut into blocks.
        """
        known = hashlib.sha256(self.head[_TASK].encode())
        for _, block in sorted(self.blocks.items()):
            known.update("".join(block.written).encode())
        return known.hexdigest()[:16]

    def has(self, number: int, digest: str) -> bool:
        """Whether a block is finished, and was predicted from cells with this digest."""
        return number in self.blocks and self.blocks[number].digest == digest

    def write(self, number: int, rows: slice, digest: str, layers: Mapping[str, NDArray]) -> None:
        """Write all layers of a block, and only then note in the journal that it is finished.

        Raises
        ------
        ContractError
            If the disk does not take them.

        """
        if not self.is_begun:
            self._begin()
        if self.blocks.pop(number, None):
            # Its rows are about to be those of neither the old cells nor the new.
            add_note(self.folder / JOURNAL, number, None)
        bands = [raster.bands(layers) for raster in self.rasters]
        for raster, values in zip(self.rasters, bands, strict=True):
            _write_rows(self.folder / raster.name, values, rows)
        self.blocks[number] = FinishedBlock(digest, rows.start, _row_digests(bands))
        add_note(self.folder / JOURNAL, number, self.blocks[number])

    def remove(self) -> None:
        """Remove the folder; the journal first, as without it nothing is taken for finished."""
        with writing(self.folder):
            if self.folder.is_dir():
                (self.folder / JOURNAL).unlink(missing_ok=True)
                shutil.rmtree(self.folder)

    def _begin(self) -> None:
        """Make rasters of full size that hold nothing yet."""
        self.remove()
        with writing(self.folder):
            self.folder.mkdir(parents=True)
        self.is_begun = True
        for raster in self.rasters:
            _allocate(self.folder / raster.name, raster, self.study)
        write_journal(self.folder / JOURNAL, self.head, self.blocks)


@contextlib.contextmanager
def unfinished_map(
    study: Study, fingerprint: str, block_cells: int, progress: bool = True
) -> Iterator[UnfinishedMap]:
    """Go on with the map that an earlier run has left, or begin one; no other run may meanwhile.

    What is finished of it is kept when an error ends the block under ``with``.

    Parameters
    ----------
    study
        Its grid, products and folders.
    fingerprint
        Of everything but the cells that the map depends on.
    block_cells
        Cells of a block, about: the blocks of the journal are numbered by it.
    progress
        Whether to show a bar while the blocks of an earlier run are looked at.

    Raises
    ------
    ContractError
        If another process is writing this map, or a disk does not take it or its products.

    """
    head = _head(study, fingerprint, block_cells)
    with locked(study.interim_dir / FOLDER, "writing the map"):
        _check_room(study)
        blocks = _left_by_earlier_run(study, head, progress)
        unfinished = UnfinishedMap(study, head, blocks or {}, is_begun=blocks is not None)
        if unfinished.is_begun:
            write_journal(unfinished.folder / JOURNAL, head, unfinished.blocks)
        try:
            yield unfinished
        finally:
            if unfinished.is_begun and not unfinished.blocks:
                unfinished.remove()


def _check_room(study: Study) -> None:
    rasters, (rows, columns) = product_rasters(study), study.geobox.shape
    cell_bytes = sum(len(r.descriptions) * np.dtype(r.dtype).itemsize for r in rasters)
    remedy = f"choose larger cells or fewer layers (forest.shapley_maps) in {study.file}"
    folders = study.interim_dir / FOLDER, study.output_dir
    check_room(*folders, map_bytes=rows * columns * cell_bytes, remedy=remedy)


def _head(study: Study, fingerprint: str, block_cells: int) -> dict[str, Any]:
    """First line of the journal; its keys are words for the message."""
    head = {
        "format": FORMAT,
        _TASK: fingerprint,
        "coordinate reference system": study.crs.to_wkt(),
        "grid": [*study.geobox.shape, *study.geobox.affine[:6]],
        "size of blocks": block_cells,
        "bounds of classes": study.class_bounds,
        "release of the libraries": releases(),
        "set of rasters": {
            r.name: [np.dtype(r.dtype).name, *r.descriptions] for r in product_rasters(study)
        },
    }
    return json.loads(json.dumps(head))


def _left_by_earlier_run(
    study: Study, head: dict[str, Any], progress: bool
) -> dict[int, FinishedBlock] | None:
    """Blocks that an earlier run has finished; None if its rasters are of no use."""
    folder = study.interim_dir / FOLDER
    if not (folder / JOURNAL).is_file():
        return None
    found, noted = read_journal(folder / JOURNAL)
    if reason := _no_use(study, head, found):
        print(f"The unfinished map in {folder} is of no use, {reason}: the map is started anew.")
        return None
    sound = _sound_blocks([folder / r.name for r in product_rasters(study)], noted, progress)
    again = f", {len(noted) - len(sound)} no longer hold what was written and are done again"
    lost = again if len(sound) < len(noted) else ""
    print(f"Going on with the unfinished map in {folder}: {len(sound)} blocks are finished{lost}.")
    return sound


def _no_use(study: Study, head: dict[str, Any], found: dict[str, Any]) -> str:
    """Why nothing can be made of what lies there; empty if something can."""
    other = [key for key, value in head.items() if found.get(key) != value]
    if not found:
        return "its journal cannot be read"
    if other:
        return f"it was begun with another {', another '.join(other)}"
    folder = study.interim_dir / FOLDER
    faults = (_fault(folder / r.name, raster_profile(study, r)) for r in product_rasters(study))
    return next(filter(None, faults), "")


def _fault(path: Path, profile: Mapping[str, Any]) -> str:
    """What keeps a raster from being written to; empty if nothing does."""
    if not path.is_file():
        return f"{path.name} is gone"
    wanted = (profile["count"], profile["height"], profile["width"])
    try:
        with rasterio.open(path) as stored:
            if (stored.count, *stored.shape) != wanted or set(stored.dtypes) != {
                np.dtype(profile["dtype"]).name
            }:
                return f"{path.name} has other bands or cells"
            # It lies at the end, so that the raster is whole if it is there.
            stored.read(window=Window(0, stored.height - 1, stored.width, 1))
    except (RasterioError, CPLE_BaseError):
        return f"{path.name} cannot be read"
    return ""


def _sound_blocks(
    paths: Sequence[Path], noted: Mapping[int, FinishedBlock], progress: bool
) -> dict[int, FinishedBlock]:
    """The blocks whose rows in all rasters are as they were written."""
    bar = tqdm(noted.items(), desc="looking at blocks", disable=not progress, leave=False)
    with contextlib.ExitStack() as stack:
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES))
        rasters = [stack.enter_context(rasterio.open(path)) for path in paths]
        return {number: block for number, block in bar if _is_as_written(rasters, block)}


def _is_as_written(rasters: Sequence[DatasetReader], block: FinishedBlock) -> bool:
    rows = Window(0, block.first_row, rasters[0].width, len(block.written))
    try:
        return _row_digests([raster.read(window=rows) for raster in rasters]) == block.written
    except (RasterioError, CPLE_BaseError):
        return False


def _row_digests(bands: Sequence[NDArray]) -> list[str]:
    """Digest of each row, of all bands (bands, rows, columns) of all rasters."""
    digests = []
    for row in range(bands[0].shape[1]):
        known = hashlib.blake2b(digest_size=16)
        for values in bands:
            known.update(np.ascontiguousarray(values[:, row]))
        digests.append(known.hexdigest())
    return digests


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
