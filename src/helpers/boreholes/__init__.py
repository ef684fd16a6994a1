"""Boreholes: from raw temperature strings to one temperature, with its error, per site.

``read_boreholes`` -> ``check_boreholes`` -> ``site_temperatures``; ``check_study`` does the first
two for the files of a study, one file at a time. The steps between are public as well, for whoever
wants to look at one hole.
"""

from helpers.boreholes.annual import annual_profile, monthly_records, zero_annual_amplitude_depth
from helpers.boreholes.checks import CheckedBoreholes, check_boreholes
from helpers.boreholes.depth import DepthTemperature, HoleRefusedError, temperature_at_depth
from helpers.boreholes.effects import step_effects
from helpers.boreholes.error_models import (
    DepthModel,
    Gradient,
    depth_model,
    extension_error_model,
    geothermal_gradient,
    interpolation_error_model,
    regional_gradients,
)
from helpers.boreholes.formats import BoreholeData, iterate_boreholes, read_boreholes
from helpers.boreholes.look import at_depth, check_study, examples, longest_string, read_study
from helpers.boreholes.report import quality_report, write_quality_report
from helpers.boreholes.sites import extension, site_temperatures
from helpers.boreholes.thermal_state import thaw_depth, warming_rate

__all__ = [
    "BoreholeData",
    "CheckedBoreholes",
    "DepthModel",
    "DepthTemperature",
    "Gradient",
    "HoleRefusedError",
    "annual_profile",
    "at_depth",
    "check_boreholes",
    "check_study",
    "depth_model",
    "examples",
    "extension",
    "extension_error_model",
    "geothermal_gradient",
    "interpolation_error_model",
    "iterate_boreholes",
    "longest_string",
    "monthly_records",
    "quality_report",
    "read_boreholes",
    "read_study",
    "regional_gradients",
    "site_temperatures",
    "step_effects",
    "temperature_at_depth",
    "thaw_depth",
    "warming_rate",
    "write_quality_report",
    "zero_annual_amplitude_depth",
]
