"""The sections of a ``study.toml``: what each key means, its default, and what it may hold."""

from helpers.settings.layers import (
    SOIL_DEPTHS,
    Climate,
    ClimateQuantity,
    Covariate,
    OpenData,
    OpenLayer,
    RasterCovariate,
    ReliefCovariate,
    StationCovariate,
    TerrainCovariate,
)
from helpers.settings.section import Section
from helpers.settings.sections import (
    STUDY_NAME,
    About,
    Area,
    BoreholeChecks,
    Boreholes,
    Figures,
    ForestSettings,
    GridSettings,
    Period,
    ThermalClass,
    Validation,
)

__all__ = [
    "SOIL_DEPTHS",
    "STUDY_NAME",
    "About",
    "Area",
    "BoreholeChecks",
    "Boreholes",
    "Climate",
    "ClimateQuantity",
    "Covariate",
    "Figures",
    "ForestSettings",
    "GridSettings",
    "OpenData",
    "OpenLayer",
    "Period",
    "RasterCovariate",
    "ReliefCovariate",
    "Section",
    "StationCovariate",
    "TerrainCovariate",
    "ThermalClass",
    "Validation",
]
