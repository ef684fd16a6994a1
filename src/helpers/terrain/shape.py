"""Shape of the terrain: topographic position, slope and aspect, local relief, ruggedness."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage, signal

from helpers.storage import ContractError
from helpers.terrain.ground import (
    NEIGHBOURS,
    as_layer,
    cell_size,
    empty_like,
    ground_gradient,
    row_blocks,
    shifted,
    windows,
)

_AROUND = np.array([[1.0, 1, 1], [1, 0, 1], [1, 1, 1]]) / 8
# The fast Fourier transforms of a block take about 60 bytes for each of its cells.
_CELLS_IN_TRANSFORM = 5_000_000


def topographic_position(
    elevation: xr.DataArray, radius_m: float | None = None, inner_radius_m: float | None = None
) -> xr.DataArray:
    """Topographic position index: elevation minus the mean elevation around, m.

    Negative in valleys, positive on ridges, 0 on a plane (Weiss 2001).

    Parameters
    ----------
    elevation
        (y, x) in m, on a metric grid; missing values do not count as neighbours of a disc or
        ring. Distances are those of the grid.
    radius_m
        Radius of the disc of neighbours, m, at least a cell; the centre itself is left out.
        ``None`` takes the 8 neighbours: missing on the rim and where one of them is missing.
    inner_radius_m
        Leaves out what lies within this distance, so that the disc becomes a ring; it is at
        least a cell wide.

    Raises
    ------
    ContractError
        If there is an inner radius without a radius, or not below it.

    """
    if radius_m is None and inner_radius_m is None:
        long_name = "topographic position index, mean of the 8 neighbours"
        return as_layer(elevation, _above_neighbours(elevation), "m", long_name)
    inner = inner_radius_m or 0.0
    if radius_m is None or inner >= radius_m:
        raise ContractError(
            f"topographic position: inner_radius_m = {inner:g} needs a radius_m above it, "
            f"found {radius_m}."
        )
    size = cell_size(elevation)
    radius_m = max(radius_m, inner + size)
    position = _above_mean(elevation, _ring(radius_m / size, inner / size))
    scale = f"{inner / 1000:g} to {radius_m / 1000:g} km away" if inner else _within(radius_m)
    return as_layer(elevation, position, "m", f"topographic position index, mean {scale}")


def _within(radius_m: float) -> str:
    return f"within {radius_m / 1000:g} km"


def _above_neighbours(elevation: xr.DataArray) -> NDArray:
    position = empty_like(elevation)
    for rows, block in windows(elevation.to_numpy()):
        mean = ndimage.convolve(block, _AROUND, mode="constant", cval=np.nan)
        position[rows] = shifted(block - mean, 0, 0)
    return position


def _above_mean(elevation: xr.DataArray, kernel: NDArray) -> NDArray:
    """Elevation minus the mean of the known elevations under a kernel."""
    values, position = elevation.to_numpy(), empty_like(elevation)
    known = np.isfinite(values)
    level = values[known].mean() if known.any() else 0.0
    reach, height = kernel.shape[0] // 2, len(values)
    for rows in row_blocks(values.shape, _CELLS_IN_TRANSFORM):
        wide = slice(max(rows.start - reach, 0), min(rows.stop + reach, height))
        inner = slice(rows.start - wide.start, rows.stop - wide.start)
        mean = _mean_around(values[wide], known[wide], kernel, level)
        position[rows] = values[rows] - mean[inner]
    return position


def _mean_around(values: NDArray, known: NDArray, kernel: NDArray, level: float) -> NDArray:
    """Mean of the known values under a kernel, by FFT; NaN where there is none."""
    # Taking the mean out first keeps the rounding of the FFT far below a millimetre.
    total = signal.oaconvolve(np.where(known, values - level, 0.0), kernel, mode="same")
    count = np.rint(signal.oaconvolve(known.astype(float), kernel, mode="same"))
    return level + np.divide(total, count, out=np.full(values.shape, np.nan), where=count > 0)


def _ring(radius_cells: float, inner_cells: float) -> NDArray:
    """Cells farther than the inner and up to the outer radius from the centre (1, others 0)."""
    reach = int(radius_cells)
    row, column = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    square = row**2 + column**2
    return ((square <= radius_cells**2) & (square > inner_cells**2)).astype(float)


def slope(elevation: xr.DataArray) -> xr.DataArray:
    """Slope, degrees, of the gradient in ground metres (see ``ground_gradient``)."""
    degrees = np.degrees(np.arctan(np.hypot(*ground_gradient(elevation))))
    return as_layer(elevation, degrees, "degree", "slope")


def northness(elevation: xr.DataArray) -> xr.DataArray:
    """cos(aspect) sin(slope): 1 on a wall that faces true north, 0 on flat ground, -1 south.

    The aspect is the direction downslope from true north (see ``ground_gradient``). Unlike the
    angle, it has no jump at north and is defined on flat ground.
    """
    eastward, northward = ground_gradient(elevation)
    values = -northward / np.sqrt(1 + eastward**2 + northward**2)
    return as_layer(elevation, values, "1", "northness: cos(aspect) sin(slope)")


def eastness(elevation: xr.DataArray) -> xr.DataArray:
    """sin(aspect) sin(slope): 1 on a wall that faces true east; see :func:`northness`."""
    eastward, northward = ground_gradient(elevation)
    values = -eastward / np.sqrt(1 + eastward**2 + northward**2)
    return as_layer(elevation, values, "1", "eastness: sin(aspect) sin(slope)")


def ruggedness(elevation: xr.DataArray) -> xr.DataArray:
    """Terrain ruggedness index: root of the summed squared steps to the 8 neighbours, m.

    After Riley, DeGloria and Elliot (1999), Intermountain Journal of Sciences 5, 23-27. Missing
    on the rim of the grid and where one of the nine cells is missing. It grows with the cell.
    """
    values = empty_like(elevation)
    for rows, block in windows(elevation.to_numpy()):
        centre = shifted(block, 0, 0)
        steps = ((shifted(block, row, column) - centre) ** 2 for row, column, _ in NEIGHBOURS)
        values[rows] = np.sqrt(sum(steps))
    return as_layer(elevation, values, "m", "terrain ruggedness index")


def local_relief(elevation: xr.DataArray, radius_m: float) -> xr.DataArray:
    """Highest minus lowest elevation in a square that reaches ``radius_m`` each way, m.

    Missing where the elevation is; missing cells around do not count.
    """
    z, radius_m = elevation.to_numpy(), max(radius_m, cell_size(elevation))
    width = 2 * round(radius_m / cell_size(elevation)) + 1
    span = ndimage.maximum_filter(np.where(np.isnan(z), -np.inf, z), width)
    span -= ndimage.minimum_filter(np.where(np.isnan(z), np.inf, z), width)
    span[np.isnan(z)] = np.nan
    return as_layer(elevation, span, "m", f"local relief {_within(radius_m)}")
