"""Covariates: one Dataset on the study grid, and its values at the boreholes.

Stations, relief, terrain, rasters and open data fill the same Dataset: float32 layers (y, x) with
units, long name and source, NaN outside the mapped area (land inside the outline).
"""

from helpers.covariates.build import (
    background,
    build_covariates,
    covariate_layers,
    open_layer,
    position_at_radii,
    position_predictor,
    reference_layer,
    write_covariates,
)
from helpers.covariates.sites import sample_at, training_table
from helpers.covariates.stations import (
    compare_station_climate,
    read_stations,
    station_errors,
    station_units,
)

__all__ = [
    "background",
    "build_covariates",
    "compare_station_climate",
    "covariate_layers",
    "open_layer",
    "position_at_radii",
    "position_predictor",
    "read_stations",
    "reference_layer",
    "sample_at",
    "station_errors",
    "station_units",
    "training_table",
    "write_covariates",
]
