"""Figures of notebook 06."""

from __future__ import annotations

from matplotlib.figure import Figure

from helpers import figures
from helpers.redraw.inputs import Inputs


def t15_map(inputs: Inputs) -> Figure:
    """The map, with the boreholes."""
    return figures.temperature_map(inputs.study, inputs.result, inputs.sites, inputs.predictors)


def expected_error(inputs: Inputs) -> Figure:
    """The error to be expected in each cell."""
    return figures.expected_error_map(inputs.study, inputs.result)


def permafrost_probability(inputs: Inputs) -> Figure:
    """Calibrated probability of permafrost."""
    return figures.probability_map(inputs.study, inputs.result, calibrated=True)


def interval_width(inputs: Inputs) -> Figure:
    """Width of the calibrated interval."""
    return figures.interval_width_map(inputs.study, inputs.result, calibrated=True)


def thermal_class_map(inputs: Inputs) -> Figure:
    """Thermal classes."""
    classes = inputs.result["thermal_class"]
    return figures.thermal_class_map(inputs.study, classes, inputs.result)


def applicability(inputs: Inputs) -> Figure:
    """Where the forest may speak."""
    threshold = inputs.record["applicability"]["threshold"]
    return figures.applicability_map(inputs.study, inputs.result, threshold)


def shapley_maps(inputs: Inputs) -> Figure:
    """Effect of each predictor in every cell."""
    return figures.shapley_maps(inputs.study, inputs.result)


def dominant_driver(inputs: Inputs) -> Figure:
    """Which predictor has the largest effect."""
    return figures.dominant_driver_map(inputs.study, inputs.result, inputs.predictors)


def comparison_map(inputs: Inputs, of: str) -> Figure | None:
    """The map beside another map; None if it is not there or has no temperature."""
    comparison = inputs.comparisons.get(of)
    if comparison is None:
        return None
    return figures.comparison_map(inputs.study, inputs.result, comparison)


def comparison_chart(inputs: Inputs, of: str) -> Figure | None:
    """The map against another map; None if it is not there or has no temperature."""
    comparison = inputs.comparisons.get(of)
    if comparison is None:
        return None
    return figures.comparison_chart(inputs.study, inputs.result, comparison)
