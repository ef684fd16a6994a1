"""Relief and its shape: elevation offline, position, slope, wetness and radiation."""

from helpers.terrain.ground import cell_size, latitude
from helpers.terrain.layer import terrain_layer
from helpers.terrain.radiation import clear_sky_radiation
from helpers.terrain.relief import RELIEF_SOURCE, relief, relief_at
from helpers.terrain.shape import (
    eastness,
    local_relief,
    northness,
    ruggedness,
    slope,
    topographic_position,
)
from helpers.terrain.wetness import topographic_wetness

__all__ = [
    "RELIEF_SOURCE",
    "cell_size",
    "clear_sky_radiation",
    "eastness",
    "latitude",
    "local_relief",
    "northness",
    "relief",
    "relief_at",
    "ruggedness",
    "slope",
    "terrain_layer",
    "topographic_position",
    "topographic_wetness",
]
