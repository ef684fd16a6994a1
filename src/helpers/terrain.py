"""Relief and its shape: elevation offline, topographic position, slope, local relief."""

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
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.warp import reproject
from scipy import ndimage, signal

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


def relief(geobox: GeoBox) -> xr.DataArray:
    """Elevation (m) on a grid from the coarse table inside pvlib; NaN over sea.

    A cubic B-spline brings 5 arc-minutes and 28 m steps to the grid without their stairs. Errors
    of 100 m and more at a point are to be expected (pvlib's own words); it is for a first look
    and for teaching.
    """
    table, transform = _altitude_table(geobox)
    metres = (table * _STEP_M + _LOWEST_M).astype(np.float32)
    sea = (table == _SEA) | (metres < _SEA_FLOOR_M)
    metres[sea] = 0
    smooth = _to_grid(metres, transform, geobox, Resampling.cubic_spline)
    land = _to_grid((~sea).astype(np.float32), transform, geobox, Resampling.bilinear)
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


def _altitude_table(geobox: GeoBox) -> tuple[NDArray, object]:
    """Window of the altitude table around a grid, with its affine transform (EPSG:4326)."""
    west, south, east, north = geobox.extent.to_crs("EPSG:4326", resolution=10_000).boundingbox
    rows = _window(90 - north, 90 - south, 180)
    columns = _window(west + 180, east + 180, 360)
    with h5py.File(Path(pvlib.__file__).parent / "data" / "Altitude.h5") as stored:
        table = stored["Altitude"][rows, columns]
    corner = columns.start / _CELLS_PER_DEGREE - 180, 90 - rows.start / _CELLS_PER_DEGREE
    return table, from_origin(*corner, 1 / _CELLS_PER_DEGREE, 1 / _CELLS_PER_DEGREE)


def _window(first_deg: float, last_deg: float, whole_deg: float) -> slice:
    """Cells between two angles, one degree wider for the spline."""
    first, last = max(first_deg - 1, 0), min(last_deg + 1, whole_deg)
    return slice(int(first * _CELLS_PER_DEGREE), int(np.ceil(last * _CELLS_PER_DEGREE)))


def _to_grid(values: NDArray, transform, geobox: GeoBox, method: Resampling) -> NDArray:
    result = np.empty(geobox.shape, np.float32)
    reproject(
        values,
        result,
        src_transform=transform,
        src_crs="EPSG:4326",
        dst_transform=geobox.affine,
        dst_crs=str(geobox.crs),
        resampling=method,
    )
    return result


def topographic_position(elevation: xr.DataArray, radius_m: float | None = None) -> xr.DataArray:
    """Topographic position index: elevation minus the mean elevation around, m.

    Negative in valleys, positive on ridges, 0 on a plane (Weiss 2001).

    Parameters
    ----------
    elevation
        (y, x) in m, on a metric grid; missing values do not count as neighbours.
    radius_m
        Radius of the disc of neighbours, m, at least a cell; the centre itself is left out.
        ``None`` takes the 8 neighbours and leaves the rim of the grid missing.

    """
    if radius_m is None:
        around = np.array([[1.0, 1, 1], [1, 0, 1], [1, 1, 1]])
        mean = ndimage.convolve(
            elevation.to_numpy().astype(float), around / 8, mode="constant", cval=np.nan
        )
    else:
        radius_m = max(radius_m, cell_size(elevation))
        mean = _mean_around(elevation.to_numpy(), _disc(radius_m / cell_size(elevation)))
    position = (elevation - mean).astype(elevation.dtype)
    scale = "of the 8 neighbours" if radius_m is None else f"within {radius_m / 1000:g} km"
    return position.assign_attrs(
        units="m", long_name=f"topographic position index, mean {scale}", source="terrain"
    )


def _mean_around(values: NDArray, kernel: NDArray) -> NDArray:
    """Mean of the finite values under a kernel, by FFT; NaN where there is none."""
    known = np.isfinite(values)
    # Taking the mean out first keeps the rounding of the FFT far below a millimetre.
    level = values[known].mean() if known.any() else 0.0
    total = signal.oaconvolve(np.where(known, values - level, 0.0), kernel, mode="same")
    count = np.rint(signal.oaconvolve(known.astype(float), kernel, mode="same"))
    return level + np.divide(total, count, out=np.full(values.shape, np.nan), where=count > 0)


def _disc(radius_cells: float) -> NDArray:
    reach = int(radius_cells)
    row, column = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = (row**2 + column**2 <= radius_cells**2).astype(float)
    disc[reach, reach] = 0
    return disc


def slope(elevation: xr.DataArray) -> xr.DataArray:
    """Slope in degrees after Horn (1981), doi:10.1109/PROC.1981.11918; the rim is missing."""
    z, size = elevation.to_numpy().astype(float), cell_size(elevation)
    horn = np.array([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]) / (8 * size)
    eastward = ndimage.convolve(z, horn, mode="constant", cval=np.nan)
    southward = ndimage.convolve(z, horn.T, mode="constant", cval=np.nan)
    degrees = np.degrees(np.arctan(np.hypot(eastward, southward)))
    return elevation.copy(data=degrees.astype(elevation.dtype)).assign_attrs(
        units="degree", long_name="slope", source="terrain"
    )


def local_relief(elevation: xr.DataArray, radius_m: float) -> xr.DataArray:
    """Highest minus lowest elevation in a square that reaches ``radius_m`` each way, m."""
    z, radius_m = elevation.to_numpy(), max(radius_m, cell_size(elevation))
    width = 2 * round(radius_m / cell_size(elevation)) + 1
    highest = ndimage.maximum_filter(np.where(np.isnan(z), -np.inf, z), width)
    lowest = ndimage.minimum_filter(np.where(np.isnan(z), np.inf, z), width)
    span = np.where(np.isnan(z), np.nan, highest - lowest).astype(z.dtype)
    return elevation.copy(data=span).assign_attrs(
        units="m", long_name=f"local relief within {radius_m / 1000:g} km", source="terrain"
    )


def cell_size(grid: xr.DataArray) -> float:
    """Cell size of a square grid, m."""
    return float(abs(grid.x[1] - grid.x[0]))
