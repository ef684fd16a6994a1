"""Quick maps of the interactive panels: coarse, on plain axes in km, without relief and towns.

The line of numbers that each figure keeps (:func:`helpers.figures.numbers_of`) is the text of its
panel.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure

from helpers.figures import in_words, layers, style
from helpers.figures.base_map import coarse, draw_plain_map, extent_of, height_over_width
from helpers.figures.selection_charts import draw_radius_skill
from helpers.figures.style import DOUBLE_COLUMN_MM, journal_style
from helpers.storage import ContractError
from helpers.study import Study

MAP_LAYERS = ("temperature", "width of the interval", "probability of permafrost")
"""What :func:`map_layer` can show."""

_MAP_MM, _AROUND_MM, _RADIUS_HEIGHT_MM = 92.0, 32.0, 95.0


@journal_style
def map_layer(study: Study, result: xr.Dataset, layer: str) -> Figure:
    """One layer of a map to choose from, quick; hatched outside the area of applicability.

    The paper figures of the same are :func:`helpers.figures.temperature_map`,
    :func:`~helpers.figures.interval_width_map` and :func:`~helpers.figures.probability_map`.

    Parameters
    ----------
    study
        Area, depth, range of the temperature.
    result
        Dataset of :func:`helpers.mapping.predict_map` with a domain of applicability.
    layer
        One of :data:`MAP_LAYERS`; width and probability are the forest's own.

    Raises
    ------
    ContractError
        If there is no such layer.

    """
    figure = style.new_figure(DOUBLE_COLUMN_MM, _MAP_MM * height_over_width(study) + _AROUND_MM)
    axes = figure.add_subplot()
    if layer == MAP_LAYERS[0]:
        shown, line, words = _temperature(axes, study, result)
    elif layer == MAP_LAYERS[1]:
        shown, line, words = _width(axes, study, result)
    elif layer == MAP_LAYERS[2]:
        shown, line, words = _probability(axes, study, result)
    else:
        raise ContractError(f"Layer '{layer}': choose from {', '.join(MAP_LAYERS)}.")
    if line is not None and np.nanmin(shown) < line < np.nanmax(shown):
        look = {"colors": "black", "linewidths": 0.7}
        axes.contour(shown.x / 1000, shown.y / 1000, shown, [line], **look)
    _hatch_outside(axes, result)
    axes.set_title(f"{layer}; hatched: outside the area of applicability")
    style.with_numbers(figure, in_words.sentence(words, in_words.outside_numbers(result)))
    return style.mark_virtual(figure, study)


_Drawn = tuple[xr.DataArray, float | None, str]


def _temperature(axes: Axes, study: Study, result: xr.Dataset) -> _Drawn:
    """Draw the mean; the coarse layer, the value of its black line, and its numbers."""
    look, t15 = (style.TEMPERATURE_COLOURS, style.temperature_norm(study)), result["t15"]
    label = f"{layers.temperature_label(study)}; line: 0 °C"
    shown = draw_coarse_map(axes, study, t15, *look, label, "both")
    return shown, 0.0, f"Temperature: {in_words.temperature_numbers(t15)}"


def _width(axes: Axes, study: Study, result: xr.Dataset) -> _Drawn:
    """Draw the distance of the outermost quantiles; as above."""
    quantiles = result["t15_quantile"]
    low, *_, high = sorted(quantiles["quantile"].to_numpy())
    width = quantiles.sel(quantile=high) - quantiles.sel(quantile=low)
    norm = Normalize(*layers.robust_range(coarse(width)))
    label = f"Width of the {100 * (high - low):.0f} % interval (°C)"
    shown = draw_coarse_map(axes, study, width, style.WIDTH_COLOURS, norm, label, "both")
    return shown, None, f"Width of the interval: median {in_words.median_and_range(width)}"


def _probability(axes: Axes, study: Study, result: xr.Dataset) -> _Drawn:
    """Draw the probability of at most 0 deg C; as above."""
    probability = result["permafrost_probability"]
    label = f"Probability of ≤ 0 °C at {study.boreholes.depth_m:g} m (–); line: 0.5"
    look = style.PROBABILITY_COLOURS, Normalize(0, 1)
    shown = draw_coarse_map(axes, study, probability, *look, label)
    share = np.mean(in_words.known(probability) >= 0.5)
    return shown, 0.5, f"Probability at least 0.5: {in_words.percent(share)} of the area"


def _hatch_outside(axes: Axes, result: xr.Dataset) -> None:
    """Hatch mapped cells outside the area of applicability."""
    names = ["t15", "inside_area_of_applicability"]
    t15, inside = (coarse(result[name]) for name in names)
    outside = np.isfinite(t15) & (inside != 1)
    if outside.any():
        x, y = outside.x / 1000, outside.y / 1000
        hatched = axes.contourf(x, y, outside, [0.5, 2], colors="none", hatches=["////"])
        hatched.set(edgecolor="0.1", linewidth=0)


@journal_style
def radius_panel(
    study: Study, position: xr.DataArray, skill: pd.DataFrame, radius_m: float
) -> Figure:
    """Topographic position of one radius (a), and what the forest gains by it (b).

    Parameters
    ----------
    study
        Area and outline.
    position
        The index of this radius, (y, x), m.
    skill
        Of :func:`helpers.selection.skill_by_radius`; this radius is one of its rows.
    radius_m
        The radius, m.

    Raises
    ------
    ContractError
        If the table has no such radius.

    """
    here = skill[skill["radius_m"] == radius_m]
    if here.empty:
        found = ", ".join(f"{radius:g}" for radius in skill["radius_m"])
        raise ContractError(f"Radius {radius_m:g} m is not in the table, which has {found} m.")
    figure = style.new_figure(DOUBLE_COLUMN_MM, _RADIUS_HEIGHT_MM)
    left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
    reach = max(abs(bound) for bound in layers.robust_range(coarse(position)))
    look = style.DIFFERENCE_COLOURS, Normalize(-reach, reach)
    draw_coarse_map(left, study, position, *look, "Topographic position (m)", "both")
    left.set_title(f"within {radius_m / 1000:g} km")
    _draw_skill(right, skill, radius_m, float(here["rmse_c"].iloc[0]))
    style.letter_panels([left, right])
    return style.mark_virtual(style.with_numbers(figure, _radius_words(here.iloc[0])), study)


def _draw_skill(axes: Axes, skill: pd.DataFrame, radius_m: float, rmse_c: float) -> None:
    """Held-out error against the radius, a ring at the one shown, a line without the index."""
    draw_radius_skill(axes, skill, "± sd of seeds", "without the index")
    ring = {"facecolor": "none", "edgecolor": "black", "s": 90, "zorder": 4}
    axes.scatter(radius_m / 1000, rmse_c, label="shown", **ring)
    axes.set_title("held-out error")
    axes.margins(y=0.25)
    axes.legend(loc="best", ncols=3, columnspacing=1.0, borderaxespad=0.4)


def _radius_words(row: pd.Series) -> str:
    text = f"Within {row['radius_m'] / 1000:g} km: RMSE {row['rmse_c']:.2f} °C at sites held out"
    if np.isfinite(row["rmse_without_c"]):
        text += f" ({row['rmse_without_c']:.2f} °C without the index)"
    return f"{text}; rank correlation with t15 {row['correlation']:.2f}."


def draw_coarse_map(
    axes: Axes,
    study: Study,
    layer: xr.DataArray,
    colours: Colormap,
    norm: Normalize,
    label: str,
    extend: str = "neither",
) -> xr.DataArray:
    """Outline, and every so many-th cell with its colour bar below; returns these cells."""
    shown = coarse(layer)
    extent = [edge / 1000 for edge in extent_of(shown)]
    image = axes.imshow(
        shown.to_numpy(), extent=extent, cmap=colours, norm=norm, interpolation="nearest"
    )
    draw_plain_map(axes, study)
    bar = {"location": "bottom", "aspect": 40, "fraction": 0.05, "shrink": 0.7}
    axes.figure.colorbar(image, ax=axes, label=label, extend=extend, **bar)
    return shown
