"""Figures of notebook 01."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from helpers import boreholes, figures
from helpers.redraw.inputs import Inputs


def study_area(inputs: Inputs) -> Figure:
    """Elevation, towns and boreholes."""
    return figures.study_area_map(inputs.study, inputs.ground, inputs.sites)


def site_status(inputs: Inputs) -> Figure:
    """What became of every site."""
    flags = inputs.table("borehole_flags.csv", texts=("site", "action"))
    return figures.site_status_map(inputs.study, inputs.ground, inputs.sites, flags)


def borehole_profiles(inputs: Inputs) -> Figure:
    """Profiles of example boreholes."""
    numbers = ("depth_m", "mean_c", "min_c", "max_c")
    profiles = inputs.table("borehole_profiles.csv", numbers, ("site",))
    shown, depth_m = boreholes.examples(inputs.sites), inputs.study.boreholes.depth_m
    return figures.borehole_profiles(profiles, inputs.sites, shown, depth_m)


def depth_time(inputs: Inputs) -> Figure | None:
    """Monthly means of one hole; None if only means over years came in."""
    numbers, texts = ("depth_m", "temperature_c"), ("site", "time", "averaging")
    records = inputs.table("longest_string.csv", numbers, texts)
    if records.empty:
        return None
    records["time"] = pd.to_datetime(records["time"])
    return figures.depth_time_image(records, records["site"].iloc[0], inputs.study)


def step_effects(inputs: Inputs) -> Figure:
    """What each step of the checks changes."""
    effects = inputs.table("step_effects.csv", ("t15_c",), ("site", "step"))
    return figures.step_effects(effects, inputs.study)


def error_budget(inputs: Inputs) -> Figure:
    """Parts of the standard error."""
    return figures.error_budget(inputs.sites, inputs.study)


def t15_histogram(inputs: Inputs) -> Figure:
    """Distribution of the temperatures."""
    return figures.temperature_histogram(inputs.sites, inputs.study)
