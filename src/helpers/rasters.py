"""The user's own rasters, brought to the study grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rioxarray
import xarray as xr
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError

from helpers.settings import RasterCovariate
from helpers.storage import ContractError

_SMALLEST_COVERED_SHARE = 0.99
_SMALLEST_KNOWN_SHARE = 0.5
_CELLS_TO_TEST = 20_000
_MARGIN_CELLS, _MARGIN_SHARE = 3, 0.02
_ROWS_TO_TRANSFORM = 200


def raster_on_grid(path: Path, settings: RasterCovariate, mapped: xr.DataArray) -> xr.DataArray:
    """Bring one band of a raster to the grid of ``mapped``; only its part there is read.

    Parameters
    ----------
    path
        Any raster GDAL reads; with a CRS.
    settings
        Band, scale, offset (those of the file if unset), nodata (besides that of the file),
        units, name, resampling.
    mapped
        (y, x) boolean, True where the study is mapped; carries the grid and its CRS.

    Returns
    -------
    (y, x) float32 in the units stated, NaN where the raster has no value. Positions are true to
    an eighth of a raster cell: so far GDAL lets its warp be off.

    Raises
    ------
    ContractError
        If the file is no raster, has no CRS, has several bands and none is chosen, states
        another scale than the settings, does not reach over the mapped cells, or has no value in
        half of them.

    """
    with _open_raster(path) as raster:
        _check_covers(path, raster, mapped)
        band = _band(path, raster, settings.band)
        nodata = [float(n) for n in (settings.nodata, raster.rio.nodata) if n is not None]
        scale, offset = _scaling(path, raster, settings)
        stored = _part(band, mapped).astype(np.float32)
    known = stored.where(~stored.isin(nodata))
    values = (known * scale + offset).rio.write_nodata(np.nan)
    method = Resampling[settings.resampling]
    on_grid = values.rio.reproject_match(mapped, resampling=method)
    on_grid = on_grid.assign_coords(x=mapped.x, y=mapped.y)
    _check_known(path, on_grid, mapped, nodata)
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
        raise ContractError(
            f"{path}: GDAL cannot read it as a raster ({error}). A download that was cut off, or "
            "a web page saved in its place? Get the file again."
        ) from error
    if raster.rio.crs is None:
        raise ContractError(
            f"{path}: the raster has no CRS. Write one into it, for instance with "
            "gdal_edit.py -a_srs EPSG:4326 FILE."
        )
    return raster


def _band(path: Path, raster: xr.DataArray, number: int | None) -> xr.DataArray:
    count = raster.sizes["band"]
    if number is None and count > 1:
        raise ContractError(f"{path}: has {count} bands; say which with band = 1 in study.toml.")
    if number is not None and number > count:
        raise ContractError(f"{path}: band {number} is asked for, but it has {count}.")
    return raster.isel(band=(number or 1) - 1, drop=True)


def _scaling(path: Path, raster: xr.DataArray, settings: RasterCovariate) -> tuple[float, float]:
    """Scale and offset, from the settings or the file; both, and different, is an error."""
    result = []
    for name, wanted, key, neutral in (
        ("scale", settings.scale, "scale_factor", 1.0),
        ("offset", settings.offset, "add_offset", 0.0),
    ):
        stated = float(raster.attrs.get(key, neutral))
        if wanted is not None and stated not in (neutral, wanted):
            raise ContractError(
                f"{path}: the file states {name} {stated:g}, study.toml {wanted:g}. "
                "Take it out of study.toml if the file is right."
            )
        result.append(stated if wanted is None else wanted)
    return tuple(result)


def _part(band: xr.DataArray, mapped: xr.DataArray) -> xr.DataArray:
    """Window of the band around the mapped cells and their surroundings, in memory.

    Corners of a grid may lie nowhere on Earth, so it is the places that exist that count.
    """
    to_raster = Transformer.from_crs(mapped.rio.crs, band.rio.crs, always_xy=True)
    step = max(max(mapped.shape) // _ROWS_TO_TRANSFORM, 1)
    x, y = np.meshgrid(_ends(mapped.x.values, step), _ends(mapped.y.values, step))
    x, y = to_raster.transform(x, y)
    known = np.isfinite(x) & np.isfinite(y)
    return band.isel(x=_window(band.x.values, x[known]), y=_window(band.y.values, y[known])).load()


def _ends(axis: NDArray, step: int) -> NDArray:
    return np.append(axis[::step], axis[-1])


def _window(axis: NDArray, places: NDArray) -> slice:
    """Cells of an axis from the first to the last place, with a margin for what lies between."""
    margin = _MARGIN_CELLS * abs(axis[1] - axis[0]) + np.ptp(places) * _MARGIN_SHARE
    inside = (axis >= places.min() - margin) & (axis <= places.max() + margin)
    found = np.flatnonzero(inside)
    return slice(int(found[0]), int(found[-1]) + 1)


def _check_covers(path: Path, raster: xr.DataArray, mapped: xr.DataArray) -> None:
    """Compare the extent of the raster with a sample of the mapped cells."""
    rows, columns = np.nonzero(mapped.to_numpy())
    step = max(len(rows) // _CELLS_TO_TEST, 1)
    to_raster = Transformer.from_crs(mapped.rio.crs, raster.rio.crs, always_xy=True)
    x, y = to_raster.transform(mapped.x.values[columns[::step]], mapped.y.values[rows[::step]])
    west, south, east, north = raster.rio.bounds()
    covered = np.mean((x >= west) & (x <= east) & (y >= south) & (y <= north))
    if covered < _SMALLEST_COVERED_SHARE:
        crs_name = raster.rio.crs.to_string()[:60]
        raise ContractError(
            f"{path}: covers only {covered:.0%} of the area to be mapped. Its extent is "
            f"{west:g} to {east:g} and {south:g} to {north:g} in {crs_name}. "
            "Use a raster of the whole area or make the area in study.toml smaller."
        )


def _check_known(
    path: Path, on_grid: xr.DataArray, mapped: xr.DataArray, nodata: list[float]
) -> None:
    known = np.isfinite(on_grid.to_numpy())[mapped.to_numpy()].mean()
    if known < _SMALLEST_KNOWN_SHARE:
        raise ContractError(
            f"{path}: only {known:.0%} of the mapped cells have a value; check nodata "
            f"(used: {nodata}), the band and the area."
        )
