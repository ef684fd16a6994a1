"""Climate: indices of a year, annual values of a series, station climate brought to a grid."""

from helpers.climate.comparison import compare_interpolations, regional_regressions
from helpers.climate.indices import (
    DAYS_IN_MONTH,
    MONTHS,
    QUANTITIES,
    SEASONS,
    annual_climate,
    continentality,
    degree_days,
    frost_number,
    seasonal_precipitation,
    snow_season_precipitation,
    temperature_range,
    top_of_permafrost_temperature,
)
from helpers.climate.series import AnnualMean, AnnualQuantity, annual_from_series
from helpers.climate.stations import (
    StationClimate,
    leave_one_station_out,
    observed_climate,
    station_months,
)
from helpers.climate.surfaces import INTERPOLATIONS, Interpolation, StationSurface, krige

__all__ = [
    "DAYS_IN_MONTH",
    "INTERPOLATIONS",
    "MONTHS",
    "QUANTITIES",
    "SEASONS",
    "AnnualMean",
    "AnnualQuantity",
    "Interpolation",
    "StationClimate",
    "StationSurface",
    "annual_climate",
    "annual_from_series",
    "compare_interpolations",
    "continentality",
    "degree_days",
    "frost_number",
    "krige",
    "leave_one_station_out",
    "observed_climate",
    "regional_regressions",
    "seasonal_precipitation",
    "snow_season_precipitation",
    "station_months",
    "temperature_range",
    "top_of_permafrost_temperature",
]
