"""The grid on the ground: true directions, true metres, and blocks that keep memory small.

No projection keeps directions and lengths. On the Albers grid of Northeast China the y axis
leaves true north by up to 18 degrees and metres along and across the meridian are up to 4 % off,
so gradients are turned and scaled, cell by cell, by the derivatives of the projection.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import rioxarray  # noqa: F401  (registers .rio)
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS, Proj

from helpers.storage import ContractError

CELLS_AT_ONCE = 200_000
# Row and column to the 8 neighbours, each with its code of a D8 flow direction.
NEIGHBOURS = (
    (0, 1, 1), (1, 1, 2), (1, 0, 4), (1, -1, 8),
    (0, -1, 16), (-1, -1, 32), (-1, 0, 64), (-1, 1, 128),
)  # fmt: skip


def cell_size(grid: xr.DataArray) -> float:
    """Cell size of a square grid, m."""
    return float(abs(grid.x[1] - grid.x[0]))


def projection_of(grid: xr.DataArray) -> Proj | None:
    """Projection of a grid; ``None`` if it names no CRS and so counts as plain metres.

    Raises
    ------
    ContractError
        If the grid is one of longitude and latitude.

    """
    if grid.rio.crs is None:
        return None
    crs = CRS.from_user_input(grid.rio.crs)
    if not crs.is_projected:
        raise ContractError(
            f"terrain: elevation lies on a grid in '{crs.name}', a projected CRS in metres is "
            "needed. Bring the elevation to the grid of the study first."
        )
    return Proj(crs)


def latitude(grid: xr.DataArray) -> NDArray:
    """Latitude of the cells (y, x), degrees.

    Raises
    ------
    ContractError
        If the grid names no CRS.

    """
    projection = projection_of(grid)
    if projection is None:
        raise ContractError(
            "terrain: the elevation names no CRS, so the latitude of its cells is unknown. "
            "Give it one with .rio.write_crs(...)."
        )
    degrees = np.empty(grid.shape, np.float32)
    for rows in row_blocks(grid.shape, CELLS_AT_ONCE):
        degrees[rows] = _positions(grid, rows, projection)[1]
    return degrees


def _positions(grid: xr.DataArray, rows: slice, projection: Proj) -> tuple[NDArray, NDArray]:
    """Longitude and latitude of the cells in some rows."""
    x, y = np.meshgrid(grid.x.values, grid.y.values[rows])
    return projection(x, y, inverse=True)


def ground_axes(grid: xr.DataArray, rows: slice, projection: Proj) -> tuple[NDArray, NDArray]:
    """Grid metres per ground metre to true east and to true north, each (2, rows, columns).

    The first of each pair is along x, the second along y. They come from the derivatives of the
    projection on its ellipsoid: directions from dx, dy; lengths from the scale factors along
    the parallel and the meridian, which hold at a pole too.
    """
    factors = projection.get_factors(*_positions(grid, rows, projection))
    east = np.stack([factors.dx_dlam, factors.dy_dlam])
    north = np.stack([factors.dx_dphi, factors.dy_dphi])
    east *= factors.parallel_scale / np.hypot(*east)
    north *= factors.meridional_scale / np.hypot(*north)
    return east, north


def windows(values: NDArray) -> Iterator[tuple[slice, NDArray]]:
    """Some rows after the other, each with a frame one cell wide, missing outside the grid.

    Yields the rows and the block (rows + 2, columns + 2) in double precision.
    """
    height, width = values.shape
    for rows in row_blocks(values.shape, CELLS_AT_ONCE):
        top, bottom = max(rows.start - 1, 0), min(rows.stop + 1, height)
        block = np.full((rows.stop - rows.start + 2, width + 2), np.nan)
        first = top - rows.start + 1
        block[first : first + bottom - top, 1:-1] = values[top:bottom]
        yield rows, block


def row_blocks(shape: tuple[int, int], cells: int) -> Iterator[slice]:
    """Slices of whole rows, about ``cells`` cells each."""
    height, width = shape
    step = max(cells // width, 1)
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))


def shifted(block: NDArray, row: int, column: int) -> NDArray:
    """The cells inside the frame of a block, moved by some rows down and columns right."""
    height, width = block.shape
    return block[1 + row : height - 1 + row, 1 + column : width - 1 + column]


def ground_gradient(elevation: xr.DataArray) -> tuple[NDArray, NDArray]:
    """Rise of the ground to true east and to true north, m per m, each (y, x).

    Gradient after Horn (1981), doi:10.1109/PROC.1981.11918, missing on the rim of the grid and
    wherever one of the nine cells is missing. Without a CRS, x is east and y north.
    """
    projection, size = projection_of(elevation), cell_size(elevation)
    eastward, northward = empty_like(elevation), empty_like(elevation)
    for rows, block in windows(elevation.to_numpy()):
        along_x, along_y = _horn(block, size)
        if projection is not None:
            east, north = ground_axes(elevation, rows, projection)
            along_x, along_y = (along_x * axis[0] + along_y * axis[1] for axis in (east, north))
        eastward[rows], northward[rows] = along_x, along_y
    return eastward, northward


def _horn(block: NDArray, size: float) -> tuple[NDArray, NDArray]:
    """Rise along x and y per metre, both missing where one of the nine cells is."""
    whole = shifted(block, 0, 0) * 0 + sum(shifted(block, r, c) * 0 for r, c, _ in NEIGHBOURS)
    across = block[:-2] + 2 * block[1:-1] + block[2:]
    along = block[:, :-2] + 2 * block[:, 1:-1] + block[:, 2:]
    return (
        (across[:, 2:] - across[:, :-2]) / (8 * size) + whole,
        (along[:-2] - along[2:]) / (8 * size) + whole,
    )


def empty_like(elevation: xr.DataArray) -> NDArray:
    """An array to fill, in the precision of the elevation."""
    return np.empty(elevation.shape, np.result_type(elevation.dtype, np.float32))


def as_layer(elevation: xr.DataArray, values: NDArray, units: str, long_name: str) -> xr.DataArray:
    """Values on the grid of the elevation as a layer that says what it holds."""
    layer = elevation.copy(data=values.astype(empty_like(elevation[:0]).dtype, copy=False))
    layer.attrs = {"units": units, "long_name": long_name, "source": "terrain"}
    return layer
