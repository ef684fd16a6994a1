"""Elevation offline: the coarse altitude table inside pvlib, on a grid and at points."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pvlib
import rioxarray  # noqa: F401  (registers .rio)
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from odc.geo.geobox import GeoBox
from pvlib.location import lookup_altitude
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.warp import reproject

RELIEF_SOURCE = (
    "pvlib Altitude.h5: 5 arc-minute altitude in 28 m steps, from open terrain tiles "
    "aggregated by Mapzen (tilezen/joerd)"
)
_SEA = 255
_STEP_M, _LOWEST_M = 28.0, -450.0
# Along coasts the table holds a fringe of sea floor; land this low (Turpan, the Caspian and
# Dead Sea shores) is given up to keep it out of the map.
_SEA_FLOOR_M = -20.0
_CELLS_PER_DEGREE = 12
_DEGREES = "EPSG:4326"


def relief(geobox: GeoBox) -> xr.DataArray:
    """Elevation (m) on a grid from the coarse table inside pvlib; NaN over sea.

    A cubic B-spline brings 5 arc-minutes and 28 m steps to the grid without their stairs. Errors
    of 100 m and more at a point are to be expected (pvlib's own words); it is for a first look
    and for teaching. GDAL's warp leaves positions true to 1/8 of a cell of the table: compared
    with exact positions, elevation differs by 1.7 m rms and a topographic position of 20 km by
    1.3 m rms.
    """
    table, transform, crs = _altitude_table(geobox)
    metres = (table * _STEP_M + _LOWEST_M).astype(np.float32)
    sea = (table == _SEA) | (metres < _SEA_FLOOR_M)
    metres[sea] = 0
    smooth = _to_grid(metres, transform, crs, geobox, Resampling.cubic_spline)
    land = _to_grid((~sea).astype(np.float32), transform, crs, geobox, Resampling.bilinear)
    values = np.where(land >= 0.5, smooth, np.nan).astype(np.float32)
    attributes = {"units": "m", "long_name": "elevation", "source": RELIEF_SOURCE}
    coordinates = {name: axis.values for name, axis in geobox.coordinates.items()}
    elevation = xr.DataArray(values, coords=coordinates, dims=("y", "x"), attrs=attributes)
    return elevation.rio.write_crs(str(geobox.crs))


def relief_at(longitude: ArrayLike, latitude: ArrayLike) -> NDArray:
    """Elevation (m) of points from the same table, in steps of 28 m; 0 over sea."""
    return np.array(
        [lookup_altitude(lat, lon) for lon, lat in zip(longitude, latitude, strict=True)]
    )


def _altitude_table(geobox: GeoBox) -> tuple[NDArray, object, str]:
    """Window of the altitude table around a grid, with its affine transform and CRS (degrees)."""
    meridian = _meridian(geobox)
    crs = f"+proj=longlat +datum=WGS84 +pm={meridian}" if meridian else _DEGREES
    west, south, east, north = _bounds(geobox, crs)
    rows = _window(90 - north, 90 - south, 180)
    columns = _window(west + 180, east + 180, 360)
    with h5py.File(Path(pvlib.__file__).parent / "data" / "Altitude.h5") as stored:
        table = np.roll(stored["Altitude"][rows], -meridian * _CELLS_PER_DEGREE, axis=1)[:, columns]
    corner = columns.start / _CELLS_PER_DEGREE - 180, 90 - rows.start / _CELLS_PER_DEGREE
    return table, from_origin(*corner, 1 / _CELLS_PER_DEGREE, 1 / _CELLS_PER_DEGREE), crs


def _meridian(geobox: GeoBox) -> int:
    """Whole degree that longitudes are counted from, so that none of the grid jumps by 360.

    Across the date line GDAL would take the whole table as what lies under a few cells, and
    smooth over as much. Round a pole there is a jump wherever one counts from.
    """
    west, _, east, _ = geobox.extent.to_crs(_DEGREES, resolution=10_000).boundingbox
    if east - west <= 180 or _poles(geobox):
        return 0
    left, bottom, right, top = geobox.boundingbox
    to_degrees = Transformer.from_crs(str(geobox.crs), _DEGREES, always_xy=True)
    return round(to_degrees.transform((left + right) / 2, (bottom + top) / 2)[0])


def _bounds(geobox: GeoBox, crs: str) -> tuple[float, float, float, float]:
    """West, south, east and north of a grid, degrees; the outline round a pole does not hold it."""
    west, south, east, north = geobox.extent.to_crs(crs, resolution=10_000).boundingbox
    for pole in _poles(geobox):
        west, south, east, north = -180.0, min(south, pole), 180.0, max(north, pole)
    return west, south, east, north


def _poles(geobox: GeoBox) -> list[float]:
    """Latitudes of the poles that lie on a grid, degrees."""
    to_grid = Transformer.from_crs(_DEGREES, str(geobox.crs), always_xy=True)
    left, bottom, right, top = geobox.boundingbox
    places = {pole: to_grid.transform(0.0, pole) for pole in (-90.0, 90.0)}
    return [pole for pole, (x, y) in places.items() if left <= x <= right and bottom <= y <= top]


def _window(first_deg: float, last_deg: float, whole_deg: float) -> slice:
    """Cells between two angles, one degree wider for the spline."""
    first, last = max(first_deg - 1, 0), min(last_deg + 1, whole_deg)
    return slice(int(first * _CELLS_PER_DEGREE), int(np.ceil(last * _CELLS_PER_DEGREE)))


def _to_grid(
    values: NDArray, transform: object, crs: str, geobox: GeoBox, method: Resampling
) -> NDArray:
    result = np.empty(geobox.shape, np.float32)
    reproject(
        values,
        result,
        src_transform=transform,
        src_crs=crs,
        dst_transform=geobox.affine,
        dst_crs=str(geobox.crs),
        resampling=method,
    )
    return result
