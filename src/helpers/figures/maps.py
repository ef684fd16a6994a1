"""Full-width maps: study area, folds, and what the forest says about each cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from cartopy.mpl.geoaxes import GeoAxes
from cmcrameri import cm
from matplotlib.artist import Artist
from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from helpers.boreholes.flags import REMOVED, REPAIRED
from helpers.figures import layers, style
from helpers.figures.base_map import frame, height_over_width, map_axes
from helpers.figures.design_charts import FOLD_MARKERS
from helpers.figures.style import DOUBLE_COLUMN_MM, journal_style
from helpers.figures.towns import draw_towns
from helpers.products import CLASS_NODATA, class_areas
from helpers.study import Study

_LEFT_MM, _SIDE_MM = 16.0, 40.0
_MAP_MM = DOUBLE_COLUMN_MM - _LEFT_MM - _SIDE_MM
_STATUS_LOOKS = {
    "used": ("used as delivered", "o", "#56b4e9"),
    "flagged": ("used, values repaired\nor removed", "s", "#f0c400"),
    "combined": ("combined with one\nof the same cell", "D", "white"),
    "refused": ("refused", "X", "#c1272d"),
}


@journal_style
def study_area_map(study: Study, covariates: xr.Dataset, boreholes: pd.DataFrame) -> Figure:
    """Where the study lies and where its boreholes are.

    Parameters
    ----------
    study
        Area, outline, towns.
    covariates
        Dataset on the study grid; ``elevation`` is drawn if it is there.
    boreholes
        All sites: x, y (m), t15_c, method, status. Those used are coloured by their temperature,
        the others are crosses.

    """
    used = boreholes[boreholes["status"] == "used"]
    others = _inside_frame(boreholes[boreholes["status"] != "used"], study)
    figure, axes = single_map(study, covariates)
    _draw_elevation(axes, study, covariates)
    axes.plot(others["x"], others["y"], "x", color="black", markersize=4, zorder=5.5)
    markers = layers.draw_sites(axes, study, used)
    layers.side_bar(axes, markers, layers.temperature_label(study), "both", (0.38, 0.75))
    crosses = layers.marker_handle("x", f"not used\n(n = {len(others)}, in view)")
    finish_map(axes, study, [*layers.site_handles(used), crosses], used)
    return style.mark_virtual(figure, study)


@journal_style
def site_status_map(
    study: Study, covariates: xr.Dataset, boreholes: pd.DataFrame, flags: pd.DataFrame
) -> Figure:
    """What became of every site: used as delivered, used with flags, combined, refused.

    Parameters
    ----------
    study, covariates
        Area, outline, towns; ``elevation`` is drawn if it is there.
    boreholes
        All sites: site, x, y (m), status. The legend counts all of them, also those off the map.
    flags
        site, action. Flags that repaired or removed values count; mere notes do not.

    """
    touched = boreholes["site"].isin(flags["site"][flags["action"].isin([REPAIRED, REMOVED])])
    status = boreholes["status"].mask(touched & (boreholes["status"] == "used"), "flagged")
    figure, axes = single_map(study, covariates)
    _draw_elevation(axes, study, covariates)
    handles = []
    for name, (label, marker, colour) in _STATUS_LOOKS.items():
        sites = boreholes[status == name]
        look = {"marker": marker, "color": colour, "markersize": 4.5}
        look |= {"markeredgecolor": "black", "markeredgewidth": 0.5}
        shown = _inside_frame(sites, study)
        axes.plot(shown["x"], shown["y"], linestyle="none", zorder=5, **look)
        count, beyond = f"\n(n = {len(sites)}", len(sites) - len(shown)
        count += f", {beyond} outside)" if beyond else ")"
        handles.append(layers.marker_handle(label=label + count, **look))
    finish_map(axes, study, handles, _inside_frame(boreholes, study))
    return style.mark_virtual(figure, study)


@journal_style
def temperature_map(
    study: Study,
    result: xr.Dataset,
    boreholes: pd.DataFrame | None = None,
    covariates: xr.Dataset | None = None,
) -> Figure:
    """Predicted ground temperature with the 0 deg C isotherm, hatched where not applicable.

    Parameters
    ----------
    study
        Area, outline, towns, depth.
    result
        Dataset of :func:`helpers.mapping.predict_map`.
    boreholes
        Table with x, y (m), t15_c, method and status; those used are drawn in the colours of
        the map.
    covariates
        Dataset whose ``elevation`` is used for the relief shading.

    """
    figure, axes = single_map(study, covariates)
    image = layers.draw_temperature(axes, result["t15"], study)
    layers.side_bar(axes, image, layers.temperature_label(study), "both")
    handles = layers.draw_contour(axes, result["t15"], study, 0.0, "0 °C isotherm")
    handles += layers.hatch_outside(axes, result, study)
    used = None
    if boreholes is not None:
        used = boreholes[boreholes["status"] == "used"]
        layers.draw_sites(axes, study, used)
        handles = layers.site_handles(used) + handles
    finish_map(axes, study, handles, used)
    return style.mark_virtual(figure, study)


@journal_style
def interval_width_map(
    study: Study,
    result: xr.Dataset,
    covariates: xr.Dataset | None = None,
    calibrated: bool = False,
) -> Figure:
    """Width of the interval between the outermost quantiles, deg C (90 % for q05 and q95).

    Of the forest's own quantiles, or of the calibrated ones of a map with an error model.
    """
    quantiles = result["t15_calibrated_quantile" if calibrated else "t15_quantile"]
    low, high = float(quantiles["quantile"].min()), float(quantiles["quantile"].max())
    width = quantiles.sel(quantile=high) - quantiles.sel(quantile=low)
    figure, axes = single_map(study, covariates)
    norm = Normalize(*layers.robust_range(width))
    image = layers.draw_layer(axes, width, study, style.WIDTH_COLOURS, norm)
    kind = "calibrated" if calibrated else "forest's own"
    label = f"Width of the {kind} {100 * (high - low):.0f} % interval (°C)"
    layers.side_bar(axes, image, label, "both")
    finish_map(axes, study, layers.hatch_outside(axes, result, study))
    return style.mark_virtual(figure, study)


@journal_style
def probability_map(
    study: Study,
    result: xr.Dataset,
    covariates: xr.Dataset | None = None,
    calibrated: bool = False,
) -> Figure:
    """Probability that the ground at the mapped depth is at or below 0 deg C, with its 0.5 line.

    The forest's own, or the calibrated one of a map with an error model.
    """
    name = "permafrost_probability"
    probability = result[f"{name}_calibrated" if calibrated else name]
    figure, axes = single_map(study, covariates)
    colours = style.PROBABILITY_COLOURS
    image = layers.draw_layer(axes, probability, study, colours, Normalize(0, 1))
    depth = f"{study.boreholes.depth_m:g} m"
    label = "Calibrated probability" if calibrated else "Probability"
    layers.side_bar(axes, image, f"{label} of ≤ 0 °C at {depth} (–)")
    handles = layers.draw_contour(axes, probability, study, 0.5, "probability 0.5")
    finish_map(axes, study, handles + layers.hatch_outside(axes, result, study))
    return style.mark_virtual(figure, study)


@journal_style
def thermal_class_map(
    study: Study,
    classes: xr.DataArray,
    result: xr.Dataset | None = None,
    covariates: xr.Dataset | None = None,
) -> Figure:
    """Thermal classes with their names and areas.

    Parameters
    ----------
    study
        Names and colours of the classes.
    classes
        Layer of :func:`helpers.products.class_layer`: 1 the coldest class, 255 nodata.
    result
        If given, cells outside its area of applicability are hatched.
    covariates
        Dataset whose ``elevation`` is used for the relief shading.

    """
    figure, axes = single_map(study, covariates)
    colours = ListedColormap([c.colour for c in study.classes])
    norm = BoundaryNorm(np.arange(len(study.classes) + 1) + 0.5, colours.N)
    layers.draw_layer(axes, classes.where(classes != CLASS_NODATA), study, colours, norm, True)
    handles = _class_handles(study, classes)
    if result is not None:
        handles += layers.hatch_outside(axes, result, study)
    finish_map(axes, study, handles, title="Thermal class,\nbounds (°C): area (10$^4$ km$^2$)")
    return style.mark_virtual(figure, study)


@journal_style
def fold_map(
    study: Study, covariates: xr.Dataset, training: pd.DataFrame, folds: ArrayLike
) -> Figure:
    """Sites by their cross-validation fold, in colour and shape.

    Parameters
    ----------
    study, covariates
        Area, outline, towns; ``elevation`` for the relief shading.
    training
        Table with x and y (m).
    folds
        Fold of each site (n,), from 0.

    """
    folds = np.asarray(folds)
    figure, axes = single_map(study, covariates)
    numbers = np.unique(folds)
    handles = []
    for position, fold in enumerate(numbers):
        held = training[folds == fold]
        look = {
            "marker": FOLD_MARKERS[position % len(FOLD_MARKERS)],
            "markerfacecolor": cm.batlowS(position),
            "markeredgecolor": "black",
            "markeredgewidth": 0.4,
            "markersize": 4.5,
        }
        axes.plot(held["x"], held["y"], linestyle="none", zorder=5, **look)
        handles.append(layers.marker_handle(label=f"fold {fold + 1} (n = {len(held)})", **look))
    finish_map(axes, study, handles, training, title="Held out together")
    return style.mark_virtual(figure, study)


def single_map(study: Study, covariates: xr.Dataset | None) -> tuple[Figure, GeoAxes]:
    """Full-width figure with one map, and room for legend and colour bar to its right."""
    below_mm = 11 + style.NOTE_MM
    height_mm = _MAP_MM * height_over_width(study) + below_mm + 2
    figure = style.new_figure(DOUBLE_COLUMN_MM, height_mm, layout=None)
    elevation = None if covariates is None else covariates.get("elevation")
    axes = map_axes(figure, study, (_LEFT_MM, below_mm, _MAP_MM), elevation)
    axes.set(xlabel="Longitude", ylabel="Latitude")
    return figure, axes


def _draw_elevation(axes: GeoAxes, study: Study, covariates: xr.Dataset) -> None:
    if "elevation" in covariates:
        elevation = covariates["elevation"]
        norm = Normalize(*layers.robust_range(elevation))
        image = layers.draw_layer(axes, elevation, study, style.ELEVATION_COLOURS, norm)
        layers.side_bar(axes, image, "Elevation (m)", "both", (0, 0.3))


def _inside_frame(sites: pd.DataFrame, study: Study) -> pd.DataFrame:
    west, east, south, north = frame(study)
    return sites[sites["x"].between(west, east) & sites["y"].between(south, north)]


def _class_handles(study: Study, classes: xr.DataArray) -> list[Artist]:
    """Legend entries with bounds and areas; classes that do not occur keep their place."""
    areas = class_areas(study, classes)
    lower = [None, *(c.below_c for c in study.classes[:-1])]
    return [
        Patch(
            facecolor=c.colour,
            edgecolor="black",
            linewidth=0.4,
            label=f"{c.name}\n{_bounds(low, c.below_c)}: {areas[c.name]:.1f}",
        )
        for low, c in zip(lower, study.classes, strict=True)
    ]


def _bounds(low: float | None, high: float | None) -> str:
    if low is None:
        text = f"< {high:g}"
    else:
        text = f"≥ {low:g}" if high is None else f"{low:g} to {high:g}"
    return style.minus(text)


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
