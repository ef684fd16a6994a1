"""Opening rasters: what GDAL reads here, netCDF and Zarr in ``gridded``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from helpers.rasters.gridded import open_gridded
from helpers.rasters.local import DRIVERS, check_block, check_crs, check_local
from helpers.rasters.scaling import decode, scaling
from helpers.rasters.source import Source
from helpers.settings import RasterCovariate
from helpers.storage import ContractError

_GRIDDED = (".nc", ".nc4", ".cdf", ".zarr")


def open_sources(paths: Path | Sequence[Path], settings: RasterCovariate) -> list[Source]:
    """Open rasters without reading their values.

    Parameters
    ----------
    paths
        GeoTIFF, cloud-optimised GeoTIFF and what else GDAL reads; netCDF (``.nc``); folders of
        Zarr. Several are steps of time, or tiles for ``regrid_tiles``.
    settings
        Variable, band, scale, offset and nodata where they are not those of the file.

    Returns
    -------
    The band chosen, or all bands or times of all files in their order. Files of netCDF stay open
    until their sources are closed or forgotten.

    Raises
    ------
    ContractError
        If a file cannot be read, has no CRS, no regular axes, not the band or variable asked
        for, or states another scale than the settings.

    """
    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    sources: list[Source] = []
    for path in map(Path, listed):
        gridded = path.is_dir() or path.suffix.lower() in _GRIDDED
        steps = open_gridded(path, settings) if gridded else _open_bands(path, settings)
        sources += _chosen(path, steps, settings.band)
    return sources


def _chosen(path: Path, steps: list[Source], number: int | None) -> list[Source]:
    if number is None:
        return steps
    if number > len(steps):
        raise ContractError(f"{path}: band {number} is asked for, but it has {len(steps)}.")
    return [steps[number - 1]]


def _open_bands(path: Path, settings: RasterCovariate) -> list[Source]:
    check_local(path)
    try:
        raster = _open_local(path)
    except (RasterioError, ValueError) as error:
        raise ContractError(
            f"{path}: GDAL cannot read it as a raster ({error}). A download that was cut off, or "
            "a web page saved in its place? Get the file again."
        ) from error
    with raster:
        if raster.crs is None:
            raise ContractError(
                f"{path}: the raster has no CRS. Write one into it, for instance with "
                "gdal_edit.py -a_srs EPSG:4326 FILE."
            )
        _check_readable(path, raster)
        crs = CRS.from_user_input(raster.crs)
        check_crs(path, crs)
        return [
            Source(
                crs,
                raster.transform,
                raster.shape,
                _band_reader(path, band, scaling(path, scale, offset, settings), settings),
                name=path.name if raster.count == 1 else f"{path.name} band {band}",
                nodata=tuple(n for n in (nodata, settings.nodata) if n is not None),
                units=units or None,
                long_name=words or None,
            )
            for band, scale, offset, units, words, nodata in zip(
                raster.indexes,
                raster.scales,
                raster.offsets,
                raster.units,
                raster.descriptions,
                raster.nodatavals,
                strict=True,
            )
        ]


def _open_local(path: Path) -> DatasetReader:
    """Open with the formats that hold their own values; ``rasterio.open`` takes one name only."""
    with rasterio.Env():
        return DatasetReader(str(path), driver=DRIVERS)


def _check_readable(path: Path, raster: DatasetReader) -> None:
    """Refuse numbers that are no values, and what does not lie on a regular grid."""
    kinds = {np.dtype(kind).kind for kind in raster.dtypes}
    if not kinds <= set("iuf"):
        raise ContractError(
            f"{path}: its bands are {', '.join(sorted(set(raster.dtypes)))}; real numbers are "
            "needed. Write the part you mean as a band of float32."
        )
    numbers = (*raster.transform[:6], *raster.scales, *raster.offsets)
    if raster.transform.is_identity or raster.transform.determinant == 0:
        raise ContractError(
            f"{path}: it does not say where it lies (no geotransform). Write the edges into it, "
            "for instance with gdal_edit.py -a_ullr WEST NORTH EAST SOUTH FILE."
        )
    if not np.isfinite(numbers).all() or 0 in raster.scales:
        raise ContractError(
            f"{path}: geotransform, scale or offset is no number that can be used: {numbers}. "
            "Correct it, for instance with gdal_edit.py."
        )
    for shape, kind in zip(raster.block_shapes, raster.dtypes, strict=True):
        check_block(path, shape, np.dtype(kind).itemsize)


def _band_reader(path: Path, band: int, line: tuple[float, float], settings: RasterCovariate):
    """Reader of windows of a band; the file is open only while it reads."""
    also = [] if settings.nodata is None else [settings.nodata]

    def read(rows: slice, columns: slice) -> NDArray:
        """Values of a window of the band, missing as NaN."""
        window = Window.from_slices(rows, columns)
        try:
            with _open_local(path) as raster:
                stored = raster.read(band, window=window, masked=True)
        except RasterioError as error:
            raise ContractError(
                f"{path}: band {band} breaks off within rows {rows.start} to {rows.stop} "
                f"({error}). Get the file again."
            ) from error
        missing = np.ma.getmaskarray(stored)
        return decode(stored.data, missing, also, *line)

    return read
