"""From the settings of a terrain covariate to its layer."""

from __future__ import annotations

import xarray as xr

from helpers.settings import TerrainCovariate
from helpers.terrain import radiation, shape, wetness

_PLAIN = {
    "slope": shape.slope,
    "northness": shape.northness,
    "eastness": shape.eastness,
    "ruggedness": shape.ruggedness,
    "topographic_wetness": wetness.topographic_wetness,
}


def terrain_layer(elevation: xr.DataArray, settings: TerrainCovariate) -> xr.DataArray:
    """The quantity that the settings name, computed from elevation (y, x) in m.

    Its attributes say units, long name and source. The elevation should reach beyond the mapped
    area by the largest radius, at least a cell (``Study.margin_cells``).
    """
    if settings.quantity == "topographic_position":
        return shape.topographic_position(elevation, settings.radius_m, settings.inner_radius_m)
    if settings.quantity == "local_relief":
        return shape.local_relief(elevation, settings.radius_m)
    if settings.quantity == "clear_sky_radiation":
        return radiation.clear_sky_radiation(elevation, settings.month)
    return _PLAIN[settings.quantity](elevation)
