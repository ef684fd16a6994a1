"""Whether what a model leaves is alike at near sites: Moran's I, variogram, fields, kriging.

Places are easting and northing in m, (n, 2). Residuals are deg C, or standardised; a variogram
has the square of their unit.
"""

from helpers.residuals.autocorrelation import morans_i
from helpers.residuals.kriging import kriged_residuals
from helpers.residuals.variogram import (
    LONGEST_RANGE,
    Variogram,
    empirical_variogram,
    fit_variogram,
    simulate_fields,
)

__all__ = [
    "LONGEST_RANGE",
    "Variogram",
    "empirical_variogram",
    "fit_variogram",
    "kriged_residuals",
    "morans_i",
    "simulate_fields",
]
