"""Charts of Shapley values: importance, dependence, and one place from base to prediction."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import rankdata

from helpers.figures import in_words, style
from helpers.figures.panel_grid import panel_grid
from helpers.figures.style import (
    DOUBLE_COLUMN_MM,
    journal_style,
    predictor_label,
    printed_name,
)
from helpers.shapley import ShapleyValues, mean_absolute
from helpers.study import Study

_SWARM_BINS = 70
_WATERFALL_HEIGHT_MM = 70.0
_MOST_ROWS, _MOST_PANELS, _MOST_STEPS = 16, 9, 12
_UNKNOWN = "0.6"  # colour of a dot whose predictor has no one value


@journal_style
def shap_summary(
    shapley: ShapleyValues, units: Mapping[str, str], study: Study | None = None
) -> Figure:
    """Mean absolute Shapley values, and every place as a dot in the colour of its predictor.

    ``units`` gives the unit of each predictor. Dots of the same value stand beside each other by
    a rule, not by chance. Dots of a group of predictors, which has no value of its own, are grey.
    Of more than sixteen predictors those with the largest mean are shown.
    """
    table = mean_absolute(shapley)[:_MOST_ROWS][::-1]
    order = [shapley.names.index(name) for name in table["predictor"]]
    height = np.arange(len(order))
    figure = style.new_figure(DOUBLE_COLUMN_MM, 13 * max(len(order), 3) + 24)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1, 2])
    left.barh(height, table["mean_absolute_c"], height=0.55, color=style.FROZEN_COLOUR)
    left.set_yticks(height, [_label(name, units) for name in table["predictor"]])
    left.set(xlabel="Mean |Shapley value| (°C)", title="importance")
    colours = style.SEQUENTIAL_COLOURS.with_extremes(bad=_UNKNOWN)
    for row, index in enumerate(order):
        values, rank = shapley.values[:, index], _percentile(shapley.data[:, index])
        dots = right.scatter(
            values,
            row + 0.4 * swarm(values, shapley.values),
            c=rank,
            cmap=colours,
            norm=Normalize(0, 100),
            plotnonfinite=True,
            s=9,
            linewidth=0.3,
            edgecolor="0.3",  # the palest dots would fade into the paper
        )
    right.axvline(0, color="0.5", linewidth=0.5, zorder=0)
    right.set(xlabel="Shapley value: effect on the prediction (°C)", title="each site")
    right.tick_params(left=False)
    figure.colorbar(dots, ax=right, label="Percentile of the predictor's value (%)", aspect=25)
    style.letter_panels([left, right])
    style.with_numbers(figure, _importance_numbers(table[::-1], shapley))
    return style.mark_virtual(figure, study)


def _importance_numbers(table: pd.DataFrame, shapley: ShapleyValues) -> str:
    """Mean absolute value of each predictor, the largest first."""
    more = in_words.shown_of(len(table), len(shapley.names), "predictors")
    sizes = ", ".join(
        f"{printed_name(row.predictor)} {row.mean_absolute_c:.2f} °C" for row in table.itertuples()
    )
    return in_words.sentence(f"Mean absolute values: {sizes}", more, f"{len(shapley.values)} sites")


def _percentile(values: NDArray) -> NDArray:
    return 100 * (rankdata(values) - 1) / max(len(values) - 1, 1)


def swarm(values: NDArray, everything: NDArray) -> NDArray:
    """Sideways place of each dot, -1 to 1: dots that share a bin alternate around the middle."""
    edges = np.linspace(everything.min(), everything.max(), _SWARM_BINS)
    bins = np.digitize(values, edges)
    in_order = pd.Series(values).groupby(bins).rank(method="first").to_numpy().astype(int) - 1
    steps = (in_order + 1) // 2 * np.where(in_order % 2, 1, -1)
    return steps / max(np.abs(steps).max(), 6)


@journal_style
def shap_dependence(
    shapley: ShapleyValues,
    units: Mapping[str, str],
    study: Study | None = None,
    interactions: NDArray | None = None,
) -> Figure:
    """Shapley value against the value of each predictor, one panel each.

    Of more than nine predictors those with the largest mean absolute value are shown.

    Parameters
    ----------
    shapley, units
        Values of single predictors, and the unit of each.
    study
        Says whether the boreholes are virtual.
    interactions
        Of :func:`helpers.shapley.interaction_values` at the same places. The colour is the
        predictor that interacts most; without them, the one that
        ``shap.utils.approximate_interactions`` guesses from the values.

    """
    names, shown = shapley.names, _largest(shapley)
    rows, columns = style.rows_and_columns(len(shown), 3)
    figure = style.new_figure(DOUBLE_COLUMN_MM, 66 * rows + 6)
    panels = panel_grid(figure, len(shown), rows, columns, sharey=True)
    for index, axes in zip(shown, panels, strict=True):
        partner = _partner(shapley, interactions, index)
        colour = shapley.data[:, partner]
        norm = Normalize(*np.quantile(colour, [0.05, 0.95]))
        look = {"cmap": style.SEQUENTIAL_COLOURS, "norm": norm, "linewidth": 0.2, "s": 11}
        x, y = shapley.data[:, index], shapley.values[:, index]
        axes.scatter(x, y, c=colour, edgecolor="black", **look)
        axes.axhline(0, color="0.5", linewidth=0.5, zorder=0)
        axes.set_xlabel(_label(names[index], units))
        mappable = ScalarMappable(norm, style.SEQUENTIAL_COLOURS)
        bar = {"location": "bottom", "extend": "both", "aspect": 25}
        figure.colorbar(mappable, ax=axes, label=f"colour: {_label(names[partner], units)}", **bar)
        axes.set_title(printed_name(names[index]))
    for axes in panels[::columns]:
        axes.set_ylabel("Shapley value (°C)")
    style.letter_panels(panels)
    style.with_numbers(figure, _range_numbers(shapley, shown))
    return style.mark_virtual(figure, study)


def _largest(shapley: ShapleyValues) -> NDArray:
    """Numbers of the predictors that have a panel, in their order."""
    size = np.abs(shapley.values).mean(axis=0)
    return np.sort(np.argsort(-size, kind="stable")[:_MOST_PANELS])


def _range_numbers(shapley: ShapleyValues, shown: NDArray) -> str:
    """Lowest and highest value of each predictor."""
    parts = [
        f"{printed_name(shapley.names[i])} {values.min():.2f} to {values.max():.2f} °C"
        for i, values in zip(shown, shapley.values.T[shown], strict=True)
    ]
    more = in_words.shown_of(len(shown), len(shapley.names), "predictors")
    ranges = f"Ranges: {in_words.lettered(parts)}"
    return in_words.sentence(ranges, more, f"{len(shapley.values)} sites")


def _partner(shapley: ShapleyValues, interactions: NDArray | None, index: int) -> int:
    """The predictor that interacts most with this one."""
    if interactions is not None:
        size = np.abs(interactions[:, index]).mean(axis=0)
        size[index] = -1
        return int(size.argmax())
    from shap.utils import approximate_interactions  # here, as shap is slow to load

    return int(approximate_interactions(index, shapley.values, shapley.data)[0])


def _label(name: str, units: Mapping[str, str]) -> str:
    """Name with its unit; a group of predictors has none."""
    return predictor_label(name, units[name]) if name in units else printed_name(name)


@journal_style
def site_contributions(
    study: Study, shapley: ShapleyValues, row: int, units: Mapping[str, str]
) -> Figure:
    """From the base value to the prediction at one site, predictor by predictor (a waterfall)."""
    figure = style.new_figure(DOUBLE_COLUMN_MM, _WATERFALL_HEIGHT_MM)
    axes = figure.add_subplot()
    draw_contributions(axes, study, shapley, row, units)
    axes.set_ylabel("Predictor")
    return style.mark_virtual(figure, study)


def draw_contributions(
    axes: Axes, study: Study, shapley: ShapleyValues, row: int, units: Mapping[str, str]
) -> None:
    """Waterfall of one place, the largest contribution on top, with the values of predictors.

    Of more than twelve predictors those that contribute least are one step together.
    """
    values, data = shapley.values[row], shapley.data[row]
    order = np.argsort(-np.abs(values))
    shown = order if len(order) <= _MOST_STEPS else order[: _MOST_STEPS - 1]
    labels = [_value_label(shapley.names[i], data[i], units) for i in shown]
    steps = values[shown]
    if rest := len(order) - len(shown):
        labels.append(f"{rest} others")
        steps = np.append(steps, values[order[len(shown) :]].sum())
    ends = shapley.base_value + np.cumsum(steps)
    starts = np.concatenate([[shapley.base_value], ends[:-1]])
    colours = np.where(steps < 0, style.FROZEN_COLOUR, style.THAWED_COLOUR)
    axes.barh(range(len(steps)), steps, left=starts, color=colours, height=0.6)
    axes.set_yticks(range(len(steps)), labels)
    axes.invert_yaxis()
    # The base value keeps clear of the edge.
    low, high = min(shapley.base_value, *ends), max(shapley.base_value, *ends)
    margin = max(0.05 * (high - low), 0.05)
    axes.set_xlim(low - margin, high + margin)
    axes.axvline(shapley.base_value, color="0.5", lw=0.8, ls=":", label="base value")
    axes.axvline(ends[-1], color="0.1", lw=0.8, label="prediction")
    depth = f"{study.boreholes.depth_m:g} m"
    axes.set_xlabel(f"Predicted ground temperature at {depth} (°C)")
    axes.legend(loc="best")


def _value_label(name: str, value: float, units: Mapping[str, str]) -> str:
    if not np.isfinite(value):
        return printed_name(name)
    # Never in the form 1e+04. An angle stands close to its sign, and what has no unit has none.
    number = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    unit = "" if units[name] == "1" else style.unit_text(units[name])
    space = " " if unit not in ("", "°") else ""
    return f"{printed_name(name)} = {style.minus(number)}{space}{unit}"
