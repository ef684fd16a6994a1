"""Full-width maps of what the forest says about each cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from helpers.figures import in_words, layers, style
from helpers.figures.one_map import finish_map, single_map
from helpers.figures.style import journal_style
from helpers.products import CLASS_NODATA, class_areas
from helpers.study import Study


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
    text = f"Over the map {in_words.temperature_numbers(result['t15'])}"
    survey = "" if used is None else in_words.survey_numbers(used)
    style.with_numbers(figure, in_words.sentence(text, in_words.outside_numbers(result), survey))
    return style.mark_virtual(figure, study)


@journal_style
def interval_width_map(study: Study, result: xr.Dataset, calibrated: bool = False) -> Figure:
    """Width of the interval between the outermost quantiles, deg C (90 % for q05 and q95).

    Of the forest's own quantiles, or of the calibrated ones of a map with an error model.
    """
    quantiles = result["t15_calibrated_quantile" if calibrated else "t15_quantile"]
    low, high = float(quantiles["quantile"].min()), float(quantiles["quantile"].max())
    width = quantiles.sel(quantile=high) - quantiles.sel(quantile=low)
    figure, axes = single_map(study)
    norm = Normalize(*layers.robust_range(width))
    image = layers.draw_layer(axes, width, study, style.WIDTH_COLOURS, norm)
    kind = "calibrated" if calibrated else "forest's own"
    label = f"Width of the {kind} {100 * (high - low):.0f} % interval (°C)"
    layers.side_bar(axes, image, label, "both")
    finish_map(axes, study, layers.hatch_outside(axes, result, study))
    text = f"Median width {in_words.median_and_range(width)}"
    style.with_numbers(figure, in_words.sentence(text, in_words.outside_numbers(result)))
    return style.mark_virtual(figure, study)


@journal_style
def probability_map(study: Study, result: xr.Dataset, calibrated: bool = False) -> Figure:
    """Probability that the ground at the mapped depth is at or below 0 deg C, with its 0.5 line.

    The forest's own, or the calibrated one of a map with an error model.
    """
    name = "permafrost_probability"
    probability = result[f"{name}_calibrated" if calibrated else name]
    figure, axes = single_map(study)
    colours = style.PROBABILITY_COLOURS
    image = layers.draw_layer(axes, probability, study, colours, Normalize(0, 1))
    depth = f"{study.boreholes.depth_m:g} m"
    label = "Calibrated probability" if calibrated else "Probability"
    layers.side_bar(axes, image, f"{label} of ≤ 0 °C at {depth} (–)")
    handles = layers.draw_contour(axes, probability, study, 0.5, "probability 0.5")
    finish_map(axes, study, handles + layers.hatch_outside(axes, result, study))
    values = in_words.known(probability)
    likely = f"Probability 0.5 or more on {in_words.percent(np.mean(values >= 0.5))} of the area"
    mean = f"mean probability {values.mean():.2f}"
    style.with_numbers(figure, in_words.sentence(likely, mean, in_words.outside_numbers(result)))
    return style.mark_virtual(figure, study)


@journal_style
def thermal_class_map(study: Study, classes: xr.DataArray, result: xr.Dataset) -> Figure:
    """Thermal classes with their names and areas.

    Parameters
    ----------
    study
        Names and colours of the classes.
    classes
        Layer of :func:`helpers.products.class_layer`: 1 the coldest class, 255 nodata.
    result
        Cells outside its area of applicability are hatched.

    """
    figure, axes = single_map(study)
    colours = ListedColormap([c.colour for c in study.classes])
    norm = BoundaryNorm(np.arange(len(study.classes) + 1) + 0.5, colours.N)
    layers.draw_layer(axes, classes.where(classes != CLASS_NODATA), study, colours, norm, True)
    handles = _class_handles(study, classes) + layers.hatch_outside(axes, result, study)
    finish_map(axes, study, handles, title="Thermal class,\nbounds (°C):\narea (10⁴ km²)")
    areas = class_areas(study, classes).items()
    text = ", ".join(f"{name} {area:.1f}" for name, area in areas)
    outside = in_words.outside_numbers(result)
    style.with_numbers(figure, in_words.sentence(f"Area in 10⁴ km²: {text}", outside))
    return style.mark_virtual(figure, study)


def _class_handles(study: Study, classes: xr.DataArray) -> list[Artist]:
    """Legend entries with bounds and areas; classes that do not occur keep their place."""
    areas = class_areas(study, classes)
    lower = [None, *study.class_bounds]
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
