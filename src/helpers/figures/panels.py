"""Figures behind the interactive panels: one place, one site, one threshold at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from helpers.figures.style import (
    DOUBLE_COLUMN_MM,
    FROZEN_COLOUR,
    THAWED_COLOUR,
    journal_style,
    mark_virtual,
    new_figure,
    unit_text,
)
from helpers.forest import Forest
from helpers.shapley import ShapleyValues
from helpers.study import Study

_HEIGHT_MM = 70.0


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
    weights, order = forest.leaf_weights(place)[0], np.argsort(forest.temperature_c)
    temperature, cumulative = forest.temperature_c[order], np.cumsum(weights[order])
    found = forest.distribution(place, study.forest.quantiles)
    figure = new_figure(DOUBLE_COLUMN_MM, _HEIGHT_MM)
    axes = figure.add_subplot()
    axes.step(
        temperature, cumulative, where="post", color="0.2", label="cumulative weight of sites"
    )
    low, high = found.quantiles[0, [0, -1]]
    axes.axvspan(low, high, color=FROZEN_COLOUR, alpha=0.15, lw=0, label="outermost quantiles")
    axes.axvline(found.mean[0], color=FROZEN_COLOUR, label="mean")
    if observed_c is not None:
        axes.axvline(observed_c, color=THAWED_COLOUR, ls="--", label="observed")
    axes.axvline(0, color="0.6", lw=0.6)
    depth = f"Ground temperature at {study.boreholes.depth_m:g} m (°C)"
    axes.set(xlabel=depth, ylabel="Share at or below (1)", ylim=(0, 1))
    axes.set_title(f"Distribution {label}: probability of permafrost {found.probability[0]:.2f}")
    axes.legend(loc="upper left")
    return mark_virtual(figure, study)


@journal_style
def site_contributions(
    study: Study, shapley: ShapleyValues, row: int, units: Mapping[str, str]
) -> Figure:
    """From the base value to the prediction at one site, predictor by predictor (a waterfall)."""
    values, data = shapley.values[row], shapley.data[row]
    order = np.argsort(-np.abs(values))
    ends = shapley.base_value + np.cumsum(values[order])
    starts = np.concatenate([[shapley.base_value], ends[:-1]])
    figure = new_figure(DOUBLE_COLUMN_MM, _HEIGHT_MM)
    axes = figure.add_subplot()
    colours = np.where(values[order] < 0, FROZEN_COLOUR, THAWED_COLOUR)
    axes.barh(range(len(order)), values[order], left=starts, color=colours, height=0.6)
    names = [shapley.names[i] for i in order]
    labels = [
        f"{n} = {data[i]:.4g} {unit_text(units[n])}" for n, i in zip(names, order, strict=True)
    ]
    axes.set_yticks(range(len(order)), labels)
    axes.invert_yaxis()
    axes.use_sticky_edges = False
    axes.axvline(shapley.base_value, color="0.5", lw=0.8, ls=":", label="base value")
    axes.axvline(ends[-1], color="0.1", lw=0.8, label="prediction")
    depth = f"{study.boreholes.depth_m:g} m"
    axes.set(xlabel=f"Predicted ground temperature at {depth} (°C)", ylabel="Predictor")
    axes.legend(loc="best")
    return mark_virtual(figure, study)


@journal_style
def area_curve(study: Study, result: xr.Dataset, threshold_c: float) -> Figure:
    """Area at or below each temperature, with a threshold marked; area in 10^4 km2."""
    temperature = np.sort(result["t15"].to_numpy()[np.isfinite(result["t15"].to_numpy())])
    area = np.arange(1, len(temperature) + 1) * study.grid.resolution_m**2 / 1e10
    shown = np.linspace(0, len(area) - 1, 1000).astype(int)
    here = np.searchsorted(temperature, threshold_c, side="right")
    figure = new_figure(DOUBLE_COLUMN_MM, _HEIGHT_MM)
    axes = figure.add_subplot()
    axes.plot(temperature[shown], area[shown], color="0.2")
    axes.axvline(threshold_c, color=THAWED_COLOUR, label=f"threshold {threshold_c:+.1f} °C")
    below = shown[shown < here]
    axes.fill_between(temperature[below], area[below], color=FROZEN_COLOUR, alpha=0.2, lw=0)
    axes.set(
        xlabel=f"Predicted ground temperature at {study.boreholes.depth_m:g} m (°C)",
        ylabel="Area at or below ($10^4$ km$^2$)",
        ylim=(0, None),
    )
    axes.legend(loc="upper left")
    return mark_virtual(figure, study)
