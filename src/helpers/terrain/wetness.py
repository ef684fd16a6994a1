"""Topographic wetness: where water gathers, from the area above and the slope."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from helpers.terrain.ground import (
    CELLS_AT_ONCE,
    NEIGHBOURS,
    as_layer,
    cell_size,
    ground_axes,
    ground_gradient,
    projection_of,
    row_blocks,
    shifted,
    windows,
)

LEAST_SLOPE = 0.001  # m per m: flatter ground counts as this steep
# Multiples of 2^-10 m below 8 km keep sums and differences exact in single precision, so that a
# filled depression is level with its outlet.
_STEPS_PER_METRE = 1024
_UNITS_AND_NAME = "ln(m)", "topographic wetness index"


def topographic_wetness(elevation: xr.DataArray) -> xr.DataArray:
    """Topographic wetness index ln(a / tan(slope)), a in m.

    After Beven and Kirkby (1979), doi:10.1080/02626667909491834. ``a`` is the area above and of
    the cell itself over the width of the cell (ground metres); the slope is that of the ground
    as given (``ground_gradient``), at least ``LEAST_SLOPE``. Water goes from each cell to its
    neighbour of steepest descent (D8) after depressions are filled to their outlet (Wang and Liu
    2006, doi:10.1080/13658810500433453), so that it leaves over the rim of the grid or into
    missing cells; across filled ground it follows the filling.

    D8 on cells of a kilometre only tells valleys from ridges: real channels are narrower, coarse
    relief dams valleys, and areas that drain in from beyond the grid are not counted. Missing
    where the slope is: on the rim and next to missing cells.
    """
    import pyflwdir  # here, as it is slow to load

    if elevation.isnull().all():
        return as_layer(elevation, elevation.to_numpy(), *_UNITS_AND_NAME)
    steepness = np.maximum(np.hypot(*ground_gradient(elevation)), LEAST_SLOPE)
    area = _ground_area(elevation)
    width = np.sqrt(area, dtype=np.float32)
    flow = pyflwdir.from_array(flow_directions(elevation), ftype="d8", check_ftype=False)
    above = flow.accuflux(area)
    return as_layer(elevation, np.log(above / width / steepness), *_UNITS_AND_NAME)


def _ground_area(elevation: xr.DataArray) -> NDArray:
    """True area of each cell, m2."""
    projection = projection_of(elevation)
    area = np.full(elevation.shape, cell_size(elevation) ** 2)
    if projection is not None:
        for rows in row_blocks(area.shape, CELLS_AT_ONCE):
            east, north = ground_axes(elevation, rows, projection)
            area[rows] /= np.abs(east[0] * north[1] - east[1] * north[0])
    return area


def flow_directions(elevation: xr.DataArray) -> NDArray:
    """D8 codes (y, x) of the steepest descent; on level ground those of the filling.

    The directions of the filling alone would not do: they lead to whichever neighbour the flood
    came from, not down the steepest way, and on a plane that is the same corner for all cells.
    """
    from pyflwdir.dem import fill_depressions  # here, as it is slow to load

    steps = np.rint(elevation.to_numpy() * _STEPS_PER_METRE) / _STEPS_PER_METRE
    filled, directions = fill_depressions(steps.astype(np.float32), nodata=np.nan)
    for rows, block in windows(filled):
        steepest = _steepest_descent(block)
        directions[rows] = np.where(steepest > 0, steepest, directions[rows])
    return directions


def _steepest_descent(block: NDArray) -> NDArray:
    """D8 code of the neighbour with the largest drop for its distance; 0 where none is lower."""
    centre = shifted(block, 0, 0)
    steepest, code = np.zeros(centre.shape), np.zeros(centre.shape, np.uint8)
    for row, column, towards in NEIGHBOURS:
        drop = (centre - shifted(block, row, column)) / np.hypot(row, column)
        better = drop > steepest
        steepest[better], code[better] = drop[better], towards
    return code
