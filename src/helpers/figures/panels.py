"""Figures behind the interactive panels: one place, one site, one threshold at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.figures.layers import temperature_label
from helpers.figures.map_panels import draw_coarse_map
from helpers.figures.shapley_charts import draw_contributions
from helpers.figures.style import (
    DOUBLE_COLUMN_MM,
    FROZEN_COLOUR,
    TEMPERATURE_COLOURS,
    THAWED_COLOUR,
    journal_style,
    letter_panels,
    mark_virtual,
    minus,
    new_figure,
    temperature_norm,
    with_numbers,
)
from helpers.forest import Forest
from helpers.shapley import ShapleyValues
from helpers.storage import ContractError
from helpers.study import Study

_HEIGHT_MM, _PLACE_HEIGHT_MM = 70.0, 105.0
_SET_ROW_MM, _AROUND_SETS_MM = 7.0, 26.0
# Below the label of an axis (in heights of a letter), where no line can meet it.
_BELOW = {
    "loc": "upper center",
    "bbox_to_anchor": (0.5, 0),
    "borderaxespad": 4.2,
    "ncols": 4,
    "columnspacing": 1.2,
    "handlelength": 1.4,
}


@journal_style
def conditional_distribution(
    study: Study,
    forest: Forest,
    place: pd.DataFrame,
    label: str,
    observed_c: float | None = None,
) -> Figure:
    """Weighted distribution of the temperature at one place, with interval and observation.

    Parameters
    ----------
    study
        Gives the levels of the interval.
    forest
        The forest asked.
    place
        One row with the predictors.
    label
        Where this is, for the title.
    observed_c
        Observed temperature, deg C, if there is one.

    """
    figure = new_figure(DOUBLE_COLUMN_MM, _HEIGHT_MM)
    axes = figure.add_subplot()
    probability = _draw_distribution(axes, study, forest, place, observed_c)
    axes.set_title(f"Distribution {label}: probability of permafrost {probability:.2f}")
    return mark_virtual(figure, study)


def _draw_distribution(
    axes: Axes, study: Study, forest: Forest, place: pd.DataFrame, observed_c: float | None
) -> float:
    """Draw the weighted distribution at one place; returns the probability of permafrost."""
    weights, order = forest.leaf_weights(place)[0], np.argsort(forest.temperature_c)
    temperature, cumulative = forest.temperature_c[order], np.cumsum(weights[order])
    found = forest.distribution(place, study.forest.quantiles)
    axes.step(
        [temperature[0], *temperature],
        [0, *cumulative],
        where="post",
        color="0.2",
        label="weighted sites",
    )
    low, high = found.quantiles[0, [0, -1]]
    levels = f"{_outermost(study, ' to ')} quantile"
    axes.axvspan(low, high, color=FROZEN_COLOUR, alpha=0.15, lw=0, label=levels)
    axes.axvline(found.mean[0], color=FROZEN_COLOUR, label="mean")
    if observed_c is not None:
        axes.axvline(observed_c, color=THAWED_COLOUR, ls="--", label="observed")
    axes.axvline(0, color="0.6", lw=0.6)
    axes.set(xlabel=temperature_label(study), ylabel="Share at or below (1)", ylim=(0, 1))
    axes.legend(**_BELOW)
    return float(found.probability[0])


def _outermost(study: Study, between: str) -> str:
    """Lowest and highest level of the study."""
    levels = study.forest.quantiles
    return f"{levels[0]:g}{between}{levels[-1]:g}"


@journal_style
def place_explained(
    study: Study,
    result: xr.Dataset,
    forest: Forest,
    place: pd.DataFrame,
    explained: ShapleyValues,
    units: Mapping[str, str],
    x_m: float,
    y_m: float,
) -> Figure:
    """One place of the map: where it is, what may be there, and what makes the prediction.

    Quick enough to be drawn again for every place that is picked.

    Parameters
    ----------
    study
        Area, depth, colours and levels of the interval.
    result
        Map with ``t15`` (y, x), deg C, drawn from every so many-th cell, and
        ``inside_area_of_applicability`` and ``dissimilarity_index``, read in the nearest cell.
    forest
        The forest asked.
    place
        One row with the predictors.
    explained
        Shapley values of that row.
    units
        Unit of each predictor.
    x_m, y_m
        Easting and northing of the place in the CRS of the grid, m.

    """
    figure = new_figure(DOUBLE_COLUMN_MM, _PLACE_HEIGHT_MM)
    panels = figure.subplot_mosaic([["map", "above"], ["map", "below"]])
    _draw_place(panels["map"], study, result["t15"], x_m, y_m)
    probability = _draw_distribution(panels["above"], study, forest, place, None)
    panels["above"].set_title(f"probability of permafrost {probability:.2f}")
    draw_contributions(panels["below"], study, explained, 0, units)
    predicted = explained.base_value + explained.values[0].sum()
    panels["below"].set_title(f"prediction {minus(f'{predicted:.2f}')} °C")
    letter_panels([panels[name] for name in ("map", "above", "below")])
    figure.suptitle(_applicability_of(result, x_m, y_m), x=0.01, ha="left", fontweight="bold")
    return mark_virtual(figure, study)


def _applicability_of(result: xr.Dataset, x_m: float, y_m: float) -> str:
    """Whether the model may be used in the cell nearest to a place."""
    names = ["inside_area_of_applicability", "dissimilarity_index"]
    cell = result[names].sel(x=x_m, y=y_m, method="nearest")
    index = float(cell["dissimilarity_index"])
    if not np.isfinite(index):
        return "Not mapped here"
    side = "Inside" if cell["inside_area_of_applicability"] == 1 else "Outside"
    return f"{side} the area of applicability (dissimilarity index {index:.2f})"


def _draw_place(axes: Axes, study: Study, t15: xr.DataArray, x_m: float, y_m: float) -> None:
    """Coarse map with plain axes in km, which is quick, and a ring around the place."""
    look = TEMPERATURE_COLOURS, temperature_norm(study)
    draw_coarse_map(axes, study, t15, *look, temperature_label(study), "both")
    ring = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "markeredgecolor": "black"}
    axes.plot(x_m / 1000, y_m / 1000, markeredgewidth=1.5, **ring)
    axes.plot(x_m / 1000, y_m / 1000, "+", color="black", markersize=9)
    axes.set_title(f"{x_m / 1000:.0f} km east, {y_m / 1000:.0f} km north")


@journal_style
def area_curve(study: Study, curve: pd.DataFrame, threshold_c: float) -> Figure:
    """Area at or below each temperature, 10^4 km2; a dot and a bar at one threshold.

    Parameters
    ----------
    study
        Says depth and levels, and whether the boreholes are virtual.
    curve
        Of :func:`helpers.products.area_below`, by rising temperature: of the mean, and with every
        cell at its outermost quantiles.
    threshold_c
        deg C, within the curve.

    Raises
    ------
    ContractError
        If the curve does not reach to the threshold.

    """
    temperature, low, high = curve.index.to_numpy(), curve.columns[-1], curve.columns[1]
    figure = new_figure(DOUBLE_COLUMN_MM, _HEIGHT_MM)
    axes = figure.add_subplot()
    levels = f"every cell at its {_outermost(study, ' / ')} quantile"
    axes.fill_between(temperature, curve[low], curve[high], color="0.85", lw=0, label=levels)
    axes.plot(temperature, curve["mean"], color="0.2", label="every cell at its mean")
    here = _at_threshold(curve, threshold_c)
    mark = {"color": THAWED_COLOUR, "zorder": 3}
    axes.vlines(threshold_c, here[low], here[high], linewidth=2, **mark)
    axes.hlines(here["mean"], temperature[0], threshold_c, linewidth=0.6, **mark)
    label = f"at or below {_signed(threshold_c)} °C"
    axes.plot(threshold_c, here["mean"], "o", markersize=4, label=label, **mark)
    axes.set(
        xlabel=f"Threshold (°C) of ground temperature at {study.boreholes.depth_m:g} m",
        ylabel="Area at or below (10⁴ km²)",
        xlim=temperature[[0, -1]],
        ylim=(0, None),
    )
    axes.legend(**_BELOW)
    return mark_virtual(figure, study)


def area_text(study: Study, curve: pd.DataFrame, threshold_c: float) -> str:
    """What :func:`area_curve` shows at its threshold, in words; parameters are the same."""
    here = _at_threshold(curve, threshold_c)
    low, high = here[curve.columns[-1]], here[curve.columns[1]]
    coldest, *_, warmest = study.forest.quantiles
    return (
        f"At or below {_signed(threshold_c)} °C: {here['mean']:.1f} ({low:.1f} to {high:.1f}) × "
        f"10⁴ km² (with every cell at its {warmest:g} or {coldest:g} quantile)"
    )


@journal_style
def predictor_sets(study: Study, table: pd.DataFrame) -> Figure:
    """Held-out error of sets of predictors, the last of them the one to be looked at.

    Parameters
    ----------
    study
        Says whether the boreholes are virtual.
    table
        Of :func:`helpers.selection.compare_sets`, all in the same folds with the same seed, a row
        or more. The first row is what the last is compared with. Bars are one standard error
        over folds.

    """
    figure = new_figure(DOUBLE_COLUMN_MM, _SET_ROW_MM * len(table) + _AROUND_SETS_MM)
    axes, rmse, error = figure.add_subplot(), table["rmse_c"], table["standard_error_c"]
    rows = np.arange(len(table))
    axes.errorbar(rmse, rows, xerr=error, fmt="o", color="0.3", markersize=5, capsize=2)
    axes.plot(rmse.iloc[-1], rows[-1], "o", color=THAWED_COLOUR, markersize=6, zorder=3)
    axes.axvline(rmse.iloc[0], color="0.6", linewidth=0.6, zorder=0)
    labels = [f"{name} ({n})" for name, n in table["predictors"].items()]
    axes.set_yticks(rows, labels)
    axes.set(xlabel="Held-out RMSE (°C), ± standard error", ylim=(len(table) - 0.5, -0.5))
    axes.set_title("sets of predictors (how many)")
    with_numbers(figure, _sets_words(table))
    return mark_virtual(figure, study)


def _sets_words(table: pd.DataFrame) -> str:
    first, last = table.iloc[0], table.iloc[-1]
    change, count = last["rmse_c"] - first["rmse_c"], int(last["predictors"])
    return (
        f"{count} predictor{'s' if count > 1 else ''}: RMSE {last['rmse_c']:.2f} ± "
        f"{last['standard_error_c']:.2f} °C at sites held out, {change:+.2f} °C against the set "
        f"{first.name}."
    )


def _at_threshold(curve: pd.DataFrame, threshold_c: float) -> pd.Series:
    """The areas at a threshold, on the straight lines that are drawn."""
    temperature = curve.index.to_numpy()
    if not temperature[0] <= threshold_c <= temperature[-1]:
        raise ContractError(
            f"Threshold {threshold_c:g} degC: the curve of areas goes from {temperature[0]:g} to "
            f"{temperature[-1]:g} degC. Ask helpers.products.area_below for more."
        )
    return curve.apply(lambda areas: np.interp(threshold_c, temperature, areas))


def _signed(temperature_c: float) -> str:
    """Temperature to the hundredth with a true minus sign; no sign before 0."""
    return minus(f"{round(temperature_c, 2) + 0.0:g}")
