"""From the rasters of a finished map to its products: cloud-optimised GeoTIFFs.

Each band has its statistics in tags named as GDAL names them (``STATISTICS_MINIMUM``, ``_MAXIMUM``,
``_MEAN``, ``_STDDEV``, ``_VALID_PERCENT``), so that a GIS need not compute them and leaves no file
beside, and a histogram: ``HISTOGRAM_MINIMUM`` and ``HISTOGRAM_MAXIMUM``, the outer edges, and
``HISTOGRAM_COUNTS``, the cells in bins of equal width between them; for classes a bin each.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.windows import Window
from tqdm.auto import tqdm

from helpers.products.disk import to_disk, write_error, writing
from helpers.products.rasters import COMPARISON_FILES, Raster, product_rasters, provenance
from helpers.products.unfinished import UnfinishedMap
from helpers.storage import replacing
from helpers.study import Study

HISTOGRAM_BINS = 64
# Rasters of one map have the same: a run may be stopped while it puts them beside those of another.
RUN_TAG = "RUN"
# They describe the rasters there were before, with checksums, and are written after these.
RECORDS = ("metadata.json", "stac_item.json")
_CELLS_AT_ONCE = 2**20

Parts = Callable[[], Iterator[NDArray]]


def finish_products(
    study: Study,
    unfinished: UnfinishedMap,
    tags: Mapping[str, Mapping[str, str]],
    progress: bool = True,
) -> list[Path]:
    """Make every GeoTIFF; when all are complete, put them into the output folder.

    A run that is stopped before leaves the products there as they were; one that is stopped while
    they are put there leaves each as it was or as it will be, and ``unfinished`` to go on with.

    Parameters
    ----------
    study
        Where the products go, and what made them.
    unfinished
        The map, all blocks written. It is removed in the end.
    tags
        Tags of single files, by name, beside those of :func:`provenance` and the one of the run.
    progress
        Whether to show a bar.

    Returns
    -------
    Paths of the products, in the order of ``unfinished.rasters``.

    Raises
    ------
    ContractError
        If the disk does not take them.

    """
    folder = unfinished.folder / "finished"
    with writing(folder):
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
    common = provenance(study) | {RUN_TAG: unfinished.run}
    for raster in tqdm(unfinished.rasters, desc="GeoTIFFs", unit="file", disable=not progress):
        own = common | dict(tags.get(raster.name, {}))
        make_cog(unfinished.folder / raster.name, folder / raster.name, raster, own)
    _remove_outdated(study)
    products = [_publish(folder / r.name, study.output_dir) for r in unfinished.rasters]
    unfinished.remove()
    return products


def _remove_outdated(study: Study) -> None:
    """Remove from the output folder what is of an earlier map and would stay beside the new one."""
    made = {raster.name for raster in product_rasters(study)}
    left_out = (r.name for r in product_rasters(study, every=True) if r.name not in made)
    compared = (f for kind in COMPARISON_FILES for f in study.output_dir.glob(kind.format("*")))
    for path in (*(study.output_dir / name for name in (*RECORDS, *left_out)), *compared):
        with writing(path):
            path.unlink(missing_ok=True)


def _publish(path: Path, folder: Path) -> Path:
    target = folder / path.name
    with writing(target):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            path.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # The folders lie on different disks.
            with replacing(target) as unfinished:
                shutil.copyfile(path, unfinished)
                to_disk(unfinished)
    return target


def make_cog(source: Path, target: Path, raster: Raster, tags: Mapping[str, str]) -> None:
    """Write a raster as a cloud-optimised GeoTIFF, with names, units, classes and statistics."""
    # Names and statistics go into a VRT: the source is complete and not written to again.
    contents = target.with_suffix(".vrt")
    with writing(target):
        statistics = band_statistics(source, len(raster.classes))
        with rasterio.open(source) as stored:
            rasterio.shutil.copy(stored, contents, driver="VRT")
        with rasterio.open(contents, "r+") as described:
            _describe(described, raster, tags, statistics)
        with rasterio.open(contents) as described:
            rasterio.shutil.copy(
                described,
                target,
                driver="COG",
                compress="DEFLATE",
                predictor="NO" if raster.classes else "YES",
                overview_resampling="NEAREST" if raster.classes else "AVERAGE",
                bigtiff="IF_SAFER",
                num_threads="ALL_CPUS",  # the bytes do not depend on it
            )
        contents.unlink()
        to_disk(target)
        if not _same_cells(source, target):
            raise write_error(target, "other values are in it than were written")


def _describe(
    described: DatasetWriter,
    raster: Raster,
    tags: Mapping[str, str],
    statistics: list[dict[str, str]],
) -> None:
    described.descriptions = raster.descriptions
    described.units = [raster.units] * len(raster.descriptions)
    described.update_tags(**tags)
    for band, found in enumerate(statistics, start=1):
        described.update_tags(band, **found)
    if raster.classes:
        names = {f"{raster.class_word}_{i}": c[0] for i, c in enumerate(raster.classes, start=1)}
        described.update_tags(1, **names)
        described.write_colormap(1, {i: _rgba(c[1]) for i, c in enumerate(raster.classes, start=1)})


def _rgba(colour: str) -> tuple[int, int, int, int]:
    return (*(int(colour[i : i + 2], 16) for i in (1, 3, 5)), 255)


def _same_cells(source: Path, target: Path) -> bool:
    """Read both again: rasterio says nothing of a write that fails when the file is closed."""
    with rasterio.open(source) as written, rasterio.open(target) as arrived:
        n_overviews = len(arrived.overviews(1))
        for _, tile in arrived.block_windows(1):
            if not np.array_equal(arrived.read(window=tile), written.read(window=tile)):
                return False
    for level in range(n_overviews):
        with rasterio.open(target, overview_level=level) as overview:
            for _, tile in overview.block_windows(1):
                overview.read(window=tile)
    return True


def band_statistics(path: Path, n_classes: int = 0) -> list[dict[str, str]]:
    """Statistics and histogram of each band of a raster, as tags.

    It is read twice and a few rows at a time. What a block of the map is does not matter.

    Parameters
    ----------
    path
        The raster.
    n_classes
        Number of classes if its values are the classes 1, 2, ...; 0 if they are numbers.

    Returns
    -------
    For each band: minimum, maximum, mean, standard deviation (of all cells, not a sample) and share
    of cells with a value, %; and its histogram, of ``HISTOGRAM_BINS`` bins from minimum to maximum
    or of one bin for each class. Only the share if no cell has a value.

    """
    with rasterio.open(path) as raster:
        n_cells = raster.width * raster.height
        return [_statistics(_parts(raster, i), n_cells, n_classes) for i in raster.indexes]


def _parts(raster: DatasetReader, band: int) -> Parts:
    """What gives the values of a band that are not nodata, some rows after the other."""
    height = max(_CELLS_AT_ONCE // raster.width, 1)

    def parts() -> Iterator[NDArray]:
        """Values of some rows at a time, float64 (n,)."""
        for top in range(0, raster.height, height):
            rows = Window(0, top, raster.width, min(height, raster.height - top))
            values = raster.read(band, window=rows)
            yield values[values != raster.nodata].astype(float)

    return parts


def _statistics(parts: Parts, n_cells: int, n_classes: int) -> dict[str, str]:
    filled = [(v.size, v.min(), v.max(), v.sum()) for v in parts() if v.size]
    count = sum(size for size, *_ in filled)
    share = {"STATISTICS_VALID_PERCENT": f"{100 * count / n_cells:.4g}"}
    if not filled:
        return share
    _, lows, highs, sums = (np.array(column, float) for column in zip(*filled, strict=True))
    low, high, mean = float(lows.min()), float(highs.max()), float(sums.sum() / count)
    squares = sum(float(((values - mean) ** 2).sum()) for values in parts())
    return {
        "STATISTICS_MINIMUM": repr(low),
        "STATISTICS_MAXIMUM": repr(high),
        "STATISTICS_MEAN": repr(mean),
        "STATISTICS_STDDEV": repr((squares / count) ** 0.5),
        **share,
        **_histogram(parts, low, high, n_classes),
    }


def _histogram(parts: Parts, low: float, high: float, n_classes: int) -> dict[str, str]:
    n_bins, ends = HISTOGRAM_BINS, (low, high)
    if n_classes:
        n_bins, ends = n_classes, (0.5, n_classes + 0.5)
    # A single value gets bins around it.
    edges = np.histogram_bin_edges([], n_bins, ends)
    counts = sum(np.histogram(values, n_bins, ends)[0] for values in parts())
    return {
        "HISTOGRAM_MINIMUM": repr(float(edges[0])),
        "HISTOGRAM_MAXIMUM": repr(float(edges[-1])),
        "HISTOGRAM_COUNTS": ",".join(str(int(count)) for count in counts),
    }
