"""Boreholes: from raw temperature strings to one temperature, with its error, per site.

``read_boreholes`` -> ``check_boreholes`` -> ``site_temperatures``. The steps between are public as
well, for whoever wants to look at one hole.
"""

from helpers.boreholes.annual import annual_profile, zero_annual_amplitude_depth
from helpers.boreholes.checks import CheckedBoreholes, check_boreholes
from helpers.boreholes.depth import (
    DepthTemperature,
    HoleRefusedError,
    extension_error_model,
    geothermal_gradient,
    regional_gradient,
    temperature_at_depth,
)
from helpers.boreholes.formats import BoreholeData, read_boreholes
from helpers.boreholes.look import at_depth, examples, read_study
from helpers.boreholes.sites import site_temperatures

__all__ = [
    "BoreholeData",
    "CheckedBoreholes",
    "DepthTemperature",
    "HoleRefusedError",
    "annual_profile",
    "at_depth",
    "check_boreholes",
    "examples",
    "extension_error_model",
    "geothermal_gradient",
    "read_boreholes",
    "read_study",
    "regional_gradient",
    "site_temperatures",
    "temperature_at_depth",
    "zero_annual_amplitude_depth",
]
