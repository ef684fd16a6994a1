"""A map as wide as a page: frame, place for its legend and colour bar, towns."""

from __future__ import annotations

import pandas as pd
import xarray as xr
from cartopy.mpl.geoaxes import GeoAxes
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from helpers.figures import layers, style
from helpers.figures.base_map import height_over_width, map_axes
from helpers.figures.style import DOUBLE_COLUMN_MM
from helpers.figures.towns import draw_towns
from helpers.study import Study

_LEFT_MM, _SIDE_MM = 16.0, 40.0
_MAP_MM = DOUBLE_COLUMN_MM - _LEFT_MM - _SIDE_MM


def single_map(study: Study, covariates: xr.Dataset | None = None) -> tuple[Figure, GeoAxes]:
    """Full-width figure with one map, and room for legend and colour bar to its right."""
    below_mm = 11 + style.NOTE_MM
    height_mm = _MAP_MM * height_over_width(study) + below_mm + 2
    figure = style.new_figure(DOUBLE_COLUMN_MM, height_mm, layout=None)
    elevation = None if covariates is None else covariates.get("elevation")
    axes = map_axes(figure, study, (_LEFT_MM, below_mm, _MAP_MM), elevation)
    axes.set(xlabel="Longitude", ylabel="Latitude")
    return figure, axes


def finish_map(
    axes: GeoAxes,
    study: Study,
    handles: list[Artist],
    sites: pd.DataFrame | None = None,
    title: str | None = None,
) -> None:
    """Towns, whose labels avoid the sites, and the legend."""
    draw_towns(axes, study, _MAP_MM, None if sites is None else sites[["x", "y"]])
    layers.side_legend(axes, handles, title)
