"""Rasters of any kind (file format, CRS, resolution, units, steps of time) on a study's grid."""

from helpers.rasters.files import open_sources
from helpers.rasters.layer import raster_on_grid
from helpers.rasters.regrid import regrid, regrid_tiles
from helpers.rasters.source import Source, array_source

__all__ = [
    "Source",
    "array_source",
    "open_sources",
    "raster_on_grid",
    "regrid",
    "regrid_tiles",
]
