"""Whether a grid can carry a study: its CRS keeps areas, its cells fit area and memory."""

from __future__ import annotations

import numpy as np
from pyproj import CRS, Proj, Transformer
from pyproj.exceptions import CRSError, ProjError

from helpers.settings.sections import Area, GridSettings

_LARGEST_AREA_ERROR = 0.01
_MOST_CELLS = 2**30  # layers of more fit into no memory; 25 million is a large study
_TAKE = "Take an Albers or a Lambert azimuthal equal-area CRS in metres, made for the area."


def check_grid(grid: GridSettings, area: Area) -> None:
    """Refuse a CRS that is not equal-area in metres, and cells too large or too many.

    Raises
    ------
    ValueError
        Begins with the key.

    """
    try:
        crs = CRS.from_user_input(grid.crs)
    except CRSError as error:
        raise ValueError(f"grid.crs: pyproj cannot read it: {error}. {_TAKE}") from error
    if not crs.is_projected or crs.is_compound or crs.axis_info[0].unit_name != "metre":
        raise ValueError(f"grid.crs: found {crs.name}; one in metres is needed. {_TAKE}")
    if "west" in [axis.direction for axis in crs.axis_info]:
        raise ValueError(f"grid.crs: {crs.name} counts westwards: maps are mirrored. {_TAKE}")
    _check_areas(crs, area)
    _check_cells(crs, area, grid.resolution_m)


def _check_areas(crs: CRS, area: Area) -> None:
    longitude, latitude = np.meshgrid(
        np.linspace(area.west, area.east, 5), np.linspace(area.south, area.north, 5)
    )
    try:
        scale = Proj(crs).get_factors(longitude, latitude, errcheck=True).areal_scale
    except ProjError as error:
        raise ValueError(f"grid.crs: {crs.name} does not reach area: {error}. {_TAKE}") from error
    error = np.abs(np.subtract(scale, 1)).max()
    if not error <= _LARGEST_AREA_ERROR:  # also of what is no number
        raise ValueError(
            f"grid.crs: {crs.name} is not equal-area here (areas are off by up to {error:.0%}), "
            f"so the area of permafrost would be wrong. {_TAKE}"
        )


def _check_cells(crs: CRS, area: Area, size: float) -> None:
    to_grid = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    edges = to_grid.transform_bounds(area.west, area.south, area.east, area.north, 101)
    width, height = np.subtract(edges[2:], edges[:2])
    if not size <= min(width, height):
        raise ValueError(
            f"grid.resolution_m: a cell of {size:g} m is larger than the area of {width:g} x "
            f"{height:g} m. Take smaller cells; or are the edges of [area] wrong?"
        )
    if not width * height <= _MOST_CELLS * size * size:
        raise ValueError(
            f"grid.resolution_m: cells of {size:g} m make {width / size:.3g} x {height / size:.3g} "
            f"of the area, more than {_MOST_CELLS:.1e}, for which no memory is enough. Take larger "
            "cells or a smaller area."
        )
