"""Maps of what drives the prediction: the effect of each predictor, and which is the largest."""

from __future__ import annotations

import numpy as np
import xarray as xr
from cmcrameri import cm
from matplotlib.artist import Artist
from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from helpers.figures import layers, style
from helpers.figures.base_map import height_over_width, map_axes
from helpers.figures.small_maps import legend_below, map_rows
from helpers.figures.style import DOUBLE_COLUMN_MM, journal_style, printed_name
from helpers.figures.towns import draw_towns
from helpers.study import Study

_LEFT_MM, _SIDE_MM = 16.0, 40.0
_MAP_MM = DOUBLE_COLUMN_MM - _LEFT_MM - _SIDE_MM
# Okabe and Ito (2008), which all eyes tell apart; light ones first, as hatching lies on them.
_FEW_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2")


@journal_style
def shapley_maps(study: Study, result: xr.Dataset) -> Figure:
    """Effect of each predictor on the prediction of each cell, all on one scale around 0 deg C.

    Parameters
    ----------
    study
        Area and outline.
    result
        Dataset with ``shapley_value`` (predictor, y, x), deg C, and its attribute
        ``base_value_c``; t15 and inside_area_of_applicability for the hatching.

    """
    values = result["shapley_value"]
    names = [str(name) for name in values["predictor"].to_numpy()]
    reach = max(abs(bound) for layer in values for bound in layers.robust_range(layer))
    norm = Normalize(-reach, reach)
    figure, axes = map_rows(study, len(names))
    for one, name, layer in zip(axes, names, values, strict=True):
        image = layers.draw_layer(one, layer, study, style.TEMPERATURE_COLOURS, norm)
        layers.bar_below(one, image, "Effect on the prediction (°C)", "both")
        one.set_title(printed_name(name))
        handles = layers.hatch_outside(one, result, study)
    base = style.minus(f"{values.attrs['base_value_c']:.2f}")
    words = f"prediction = {base} °C + effects"
    legend_below(figure, [*handles, Line2D([], [], linestyle="none", label=words)])
    style.letter_panels(axes)
    return style.mark_virtual(figure, study)


@journal_style
def dominant_driver_map(
    study: Study, result: xr.Dataset, covariates: xr.Dataset | None = None
) -> Figure:
    """Which predictor has the largest effect on each cell, warming or cooling, and on what share.

    Parameters
    ----------
    study
        Area, outline, towns.
    result
        Dataset with ``dominant_driver`` (y, x): 1 for the first of the coordinate ``predictor``,
        NaN where nothing is predicted; t15 and inside_area_of_applicability for the hatching.
    covariates
        Dataset whose ``elevation`` is used for the relief shading.

    """
    names = [str(name) for name in result["predictor"].to_numpy()]
    enough = len(names) <= len(_FEW_COLOURS)
    colours = ListedColormap((_FEW_COLOURS if enough else cm.batlowS.colors)[: len(names)])
    norm = BoundaryNorm(np.arange(len(names) + 1) + 0.5, colours.N)
    below_mm = 11 + style.NOTE_MM
    height_mm = _MAP_MM * height_over_width(study) + below_mm + 2
    figure = style.new_figure(DOUBLE_COLUMN_MM, height_mm, layout=None)
    elevation = None if covariates is None else covariates.get("elevation")
    axes = map_axes(figure, study, (_LEFT_MM, below_mm, _MAP_MM), elevation)
    axes.set(xlabel="Longitude", ylabel="Latitude")
    layers.draw_layer(axes, result["dominant_driver"], study, colours, norm, whole_cells=True)
    handles = _driver_handles(result["dominant_driver"], names, colours)
    handles += layers.hatch_outside(axes, result, study)
    draw_towns(axes, study, _MAP_MM)
    layers.side_legend(axes, handles, "Largest effect on\nthe prediction\n(share of the area)")
    return style.mark_virtual(figure, study)


def _driver_handles(
    driver: xr.DataArray, names: list[str], colours: ListedColormap
) -> list[Artist]:
    """Legend entries with the share of the mapped area; all predictors keep their place."""
    shares = [100 * float((driver == i + 1).sum() / driver.count()) for i in range(len(names))]
    return [
        Patch(
            facecolor=colours(i), edgecolor="black", linewidth=0.4, label=f"{name} ({share:.0f} %)"
        )
        for i, (name, share) in enumerate(zip(map(printed_name, names), shares, strict=True))
    ]
