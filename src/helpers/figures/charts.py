"""Charts of the boreholes, the predictors and their Shapley values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import rankdata
from shap.utils import approximate_interactions

from helpers.figures import style
from helpers.figures.style import (
    DOUBLE_COLUMN_MM,
    SINGLE_COLUMN_MM,
    journal_style,
    predictor_label,
)
from helpers.shapley import ShapleyValues, mean_absolute
from helpers.study import Study

_BIN_C = 0.5
_SWARM_BINS = 70


@journal_style
def borehole_profiles(
    profiles: pd.DataFrame, boreholes: pd.DataFrame, sites: Sequence[str], depth_m: float = 15.0
) -> Figure:
    """Trumpet curves of some sites: mean, range of the monthly means, and t15 with its error.

    Parameters
    ----------
    profiles
        site, depth_m, mean_c, min_c, max_c (deg C; min and max NaN where only a mean is known).
    boreholes
        site, t15_c, standard_error_c (deg C), method.
    sites
        Codes of the sites to show.
    depth_m
        Depth that is mapped, m.

    """
    rows, columns = style.rows_and_columns(len(sites), 4)
    width_mm = DOUBLE_COLUMN_MM if columns > 1 else SINGLE_COLUMN_MM
    figure = style.new_figure(width_mm, 60 * rows + (18 if columns > 1 else 30))
    panels = _panels(figure, len(sites), rows, columns, sharex=True, sharey=True)
    entries = {}
    for position, (axes, site) in enumerate(zip(panels, sites, strict=True)):
        borehole = boreholes[boreholes["site"] == site].iloc[0]
        profile = profiles[profiles["site"] == site].sort_values("depth_m")
        _draw_profile(axes, profile, borehole, depth_m)
        handles, labels = axes.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
        if position + columns >= len(sites):
            axes.set_xlabel("Ground temperature (°C)")
            axes.tick_params(labelbottom=True)
    for axes in panels[::columns]:
        axes.set_ylabel("Depth (m)")
    panels[0].invert_yaxis()
    style.letter_panels(panels)
    figure.legend(
        entries.values(), entries.keys(), loc="outside upper left", ncols=3 if columns > 1 else 2
    )
    return figure


def _panels(figure: Figure, count: int, rows: int, columns: int, **sharing: bool) -> list[Axes]:
    """Panels row by row; the last row may be short."""
    panels = figure.subplots(rows, columns, squeeze=False, **sharing).ravel()
    for axes in panels[count:]:
        axes.remove()
    return list(panels[:count])


def _draw_profile(axes: Axes, profile: pd.DataFrame, borehole: pd.Series, depth_m: float) -> None:
    depth, mean = profile["depth_m"], profile["mean_c"]
    t15, error, method = borehole["t15_c"], 2 * borehole["standard_error_c"], borehole["method"]
    colour = style.FROZEN_COLOUR
    spread = {"color": colour, "alpha": 0.2, "linewidth": 0, "label": "range of the monthly means"}
    axes.fill_betweenx(depth, profile["min_c"], profile["max_c"], **spread)
    axes.plot(mean, depth, ".-", color=colour, markersize=3, label="mean of the period")
    if depth.max() < depth_m:
        axes.plot([mean.iloc[-1], t15], [depth.iloc[-1], depth_m], ":", color=colour)
    axes.axvline(0, color="0.5", linewidth=0.5, label="0 °C")
    axes.axhline(depth_m, color="0.5", linewidth=0.5, linestyle="--", label=f"{depth_m:g} m")
    point = {"fmt": style.METHOD_MARKERS[method], "markersize": 3.5, "capsize": 2, "zorder": 4}
    label = f"t15 ± 2 standard errors, {method}"
    axes.errorbar(t15, depth_m, xerr=error, color="black", label=label, **point)
    axes.set_title(style.minus(f"{borehole['site']}\n{t15:.2f} ± {error:.2f} °C"))


@journal_style
def temperature_histogram(boreholes: pd.DataFrame, study: Study) -> Figure:
    """t15 of the sites used, stacked by method, with the thermal classes.

    ``boreholes`` holds t15_c (deg C), method and status.
    """
    used = boreholes[boreholes["status"] == "used"]
    figure = style.new_figure(SINGLE_COLUMN_MM, 68)
    axes = figure.subplots()
    first, last = used["t15_c"].min() // _BIN_C, used["t15_c"].max() // _BIN_C + 1
    edges = np.arange(first, last + 1) * _BIN_C
    by_method = {m: used.loc[used["method"] == m, "t15_c"] for m in style.METHOD_MARKERS}
    _, _, bars = axes.hist(
        list(by_method.values()),
        edges,
        stacked=True,
        color=[style.METHOD_COLOURS[m] for m in by_method],
        label=[f"{style.METHOD_LABELS[m]} (n = {len(t)})" for m, t in by_method.items()],
        edgecolor="black",
        linewidth=0.5,
    )
    for patch in bars[1]:
        patch.set_hatch("////")
    _draw_classes(axes, study, edges[0], edges[-1])
    axes.set(xlabel=f"Ground temperature at {study.boreholes.depth_m:g} m (°C)", ylabel="Sites (n)")
    figure.legend(loc="outside upper left")
    return style.mark_virtual(figure, study)


def _draw_classes(axes: Axes, study: Study, low: float, high: float) -> None:
    """Strip of the classes along the top, with names; lines at their bounds."""
    axes.set_xlim(low, high)
    axes.set_ylim(top=1.6 * axes.get_ylim()[1])
    bounds = [low, *(c.below_c for c in study.classes[:-1]), high]
    place = axes.get_xaxis_transform()
    for c, left, right in zip(study.classes, bounds[:-1], bounds[1:], strict=True):
        left, right = max(left, low), min(right, high)
        if left >= right:
            continue
        axes.axvline(left, color="0.4", linewidth=0.5, linestyle="--")
        axes.axvspan(left, right, ymin=0.965, color=c.colour, linewidth=0)
        middle = (left + right) / 2
        look = {"ha": "center", "va": "top", "rotation": 90, "transform": place}
        axes.text(middle, 0.945, c.name, **look)


@journal_style
def correlation_matrix(training: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Spearman rank correlation of the columns ``names`` over the sites of ``training``."""
    correlation = training[list(names)].corr(method="spearman").to_numpy()
    lower = np.where(np.tri(len(names), dtype=bool), correlation, np.nan)
    width = SINGLE_COLUMN_MM if len(names) <= 5 else DOUBLE_COLUMN_MM
    figure = style.new_figure(width, 8 * len(names) + 20)
    axes = figure.subplots()
    colours = style.DIFFERENCE_COLOURS
    image = axes.imshow(lower, cmap=colours, norm=Normalize(-1, 1), aspect="auto")
    for row, column in zip(*np.nonzero(np.isfinite(lower)), strict=True):
        value = lower[row, column]
        ink = "white" if abs(value) > 0.6 else "black"
        axes.text(column, row, style.minus(f"{value:.2f}"), ha="center", va="center", color=ink)
    labels = [style.printed_name(name) for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), labels)
    axes.spines[:].set_visible(False)
    place = axes.inset_axes((0.52, 0.86, 0.46, 0.05))
    label = f"Spearman correlation (–), n = {len(training)}"
    figure.colorbar(image, cax=place, label=label, orientation="horizontal")
    return figure


@journal_style
def shap_summary(
    shapley: ShapleyValues, units: Mapping[str, str], study: Study | None = None
) -> Figure:
    """Mean absolute Shapley values, and every place as a dot in the colour of its predictor.

    ``units`` gives the unit of each predictor. Dots of the same value stand beside each other by
    a rule, not by chance.
    """
    table = mean_absolute(shapley)[::-1]
    order = [shapley.names.index(name) for name in table["predictor"]]
    height = np.arange(len(order))
    figure = style.new_figure(DOUBLE_COLUMN_MM, 13 * len(order) + 24)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1, 2])
    left.barh(height, table["mean_absolute_c"], height=0.55, color=style.FROZEN_COLOUR)
    labels = [predictor_label(name, units.get(name, "1")) for name in table["predictor"]]
    left.set_yticks(height, labels)
    left.set(xlabel="Mean |Shapley value| (°C)", title="importance")
    for row, index in enumerate(order):
        values, rank = shapley.values[:, index], _percentile(shapley.data[:, index])
        dots = right.scatter(
            values,
            row + 0.4 * _swarm(values, shapley.values),
            c=rank,
            cmap=style.SEQUENTIAL_COLOURS,
            norm=Normalize(0, 100),
            s=7,
            linewidth=0,
        )
    right.axvline(0, color="0.5", linewidth=0.5, zorder=0)
    right.set(xlabel="Shapley value: effect on the prediction (°C)", title="each site")
    right.tick_params(left=False)
    figure.colorbar(dots, ax=right, label="Percentile of the predictor's value (%)", aspect=25)
    style.letter_panels([left, right])
    return style.mark_virtual(figure, study)


def _percentile(values: NDArray) -> NDArray:
    return 100 * (rankdata(values) - 1) / max(len(values) - 1, 1)


def _swarm(values: NDArray, everything: NDArray) -> NDArray:
    """Sideways place of each dot, -1 to 1: dots that share a bin alternate around the middle."""
    edges = np.linspace(everything.min(), everything.max(), _SWARM_BINS)
    bins = np.digitize(values, edges)
    in_order = pd.Series(values).groupby(bins).rank(method="first").to_numpy().astype(int) - 1
    steps = (in_order + 1) // 2 * np.where(in_order % 2, 1, -1)
    return steps / max(np.abs(steps).max(), 6)


@journal_style
def shap_dependence(
    shapley: ShapleyValues, units: Mapping[str, str], study: Study | None = None
) -> Figure:
    """Shapley value against the value of each predictor, one panel each.

    The colour is the predictor that interacts most with it, as
    ``shap.utils.approximate_interactions`` ranks them. ``units`` gives the unit of each.
    """
    names = shapley.names
    rows, columns = style.rows_and_columns(len(names), 3)
    figure = style.new_figure(DOUBLE_COLUMN_MM, 66 * rows + 6)
    panels = _panels(figure, len(names), rows, columns, sharey=True)
    for index, axes in enumerate(panels):
        partner = int(approximate_interactions(index, shapley.values, shapley.data)[0])
        colour = shapley.data[:, partner]
        norm = Normalize(*np.quantile(colour, [0.05, 0.95]))
        look = {"cmap": style.SEQUENTIAL_COLOURS, "norm": norm, "linewidth": 0.2, "s": 11}
        x, y = shapley.data[:, index], shapley.values[:, index]
        axes.scatter(x, y, c=colour, edgecolor="black", **look)
        axes.axhline(0, color="0.5", linewidth=0.5, zorder=0)
        axes.set_xlabel(predictor_label(names[index], units.get(names[index], "1")))
        label = predictor_label(names[partner], units.get(names[partner], "1"))
        mappable = ScalarMappable(norm, style.SEQUENTIAL_COLOURS)
        bar = {"location": "bottom", "extend": "both", "aspect": 25}
        figure.colorbar(mappable, ax=axes, label=f"colour: {label}", **bar)
        axes.set_title(style.printed_name(names[index]))
    for axes in panels[::columns]:
        axes.set_ylabel("Shapley value (°C)")
    style.letter_panels(panels)
    return style.mark_virtual(figure, study)
