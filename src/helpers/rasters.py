"""The user's own rasters, brought to the study grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rioxarray
import xarray as xr
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError

from helpers.settings import RasterCovariate
from helpers.storage import ContractError

_SMALLEST_COVERED_SHARE = 0.99
_CELLS_TO_TEST = 20_000


def raster_on_grid(path: Path, settings: RasterCovariate, mapped: xr.DataArray) -> xr.DataArray:
    """Bring the first band of a raster to the grid of ``mapped``.

    Parameters
    ----------
    path
        Any raster GDAL reads; with a CRS.
    settings
        Scale, offset, nodata (that of the file if unset), units, name and way of resampling.
    mapped
        (y, x) boolean, True where the study is mapped; carries the grid and its CRS.

    Returns
    -------
    (y, x) float32 in the units stated, NaN where the raster has no value.

    Raises
    ------
    ContractError
        If the file is no raster, has no CRS, holds no value, or covers less than 99 % of the
        mapped cells.

    """
    raster = _open_raster(path)
    _check_covers(path, raster, mapped)
    nodata = settings.nodata if settings.nodata is not None else raster.rio.nodata
    stored = raster.isel(band=0, drop=True).astype(np.float32)
    known = stored.where(stored != nodata) if nodata is not None else stored
    values = (known * settings.scale + settings.offset).rio.write_nodata(np.nan)
    on_grid = values.rio.reproject_match(mapped, resampling=Resampling[settings.resampling])
    on_grid = on_grid.assign_coords(x=mapped.x, y=mapped.y)
    if not np.isfinite(on_grid.where(mapped)).any():
        raise ContractError(f"{path}: no value in the area; check nodata (used: {nodata}).")
    on_grid.attrs = {
        "units": settings.units,
        "long_name": settings.long_name or path.stem,
        "source": f"{path.name}, resampled: {settings.resampling}",
    }
    return on_grid


def _open_raster(path: Path) -> xr.DataArray:
    try:
        raster = rioxarray.open_rasterio(path)
    except RasterioIOError as error:
        raise ContractError(f"{path}: GDAL cannot read it as a raster: {error}.") from error
    if raster.rio.crs is None:
        raise ContractError(
            f"{path}: the raster has no CRS. Write one into it, for instance with "
            "gdal_edit.py -a_srs EPSG:4326 FILE."
        )
    return raster


def _check_covers(path: Path, raster: xr.DataArray, mapped: xr.DataArray) -> None:
    """Compare the extent of the raster with a sample of the mapped cells."""
    rows, columns = np.nonzero(mapped.to_numpy())
    step = max(len(rows) // _CELLS_TO_TEST, 1)
    to_raster = Transformer.from_crs(mapped.rio.crs, raster.rio.crs, always_xy=True)
    x, y = to_raster.transform(mapped.x.values[columns[::step]], mapped.y.values[rows[::step]])
    west, south, east, north = raster.rio.bounds()
    crs_name = raster.rio.crs.to_string()[:60]
    covered = np.mean((x >= west) & (x <= east) & (y >= south) & (y <= north))
    if covered < _SMALLEST_COVERED_SHARE:
        raise ContractError(
            f"{path}: covers only {covered:.0%} of the area to be mapped. Its extent is "
            f"{west:g} to {east:g} and {south:g} to {north:g} in {crs_name}. "
            "Use a raster of the whole area or make the area in study.toml smaller."
        )
