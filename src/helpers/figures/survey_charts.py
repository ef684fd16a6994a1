"""Charts of t15 in the survey: its distribution, and what each step does to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.figures import in_words, style
from helpers.figures.style import (
    DOUBLE_COLUMN_MM,
    SINGLE_COLUMN_MM,
    journal_style,
)
from helpers.study import Study

_BIN_C = 0.5
_SMALLEST_CHANGE_C, _MOST_SITES = 0.01, 40
_STEP_MARKERS = "os^DvP<>X*"
_STEP_COLOURS = (
    style.BLUE,
    style.ORANGE,
    style.GREEN,
    style.PURPLE,
    style.VERMILION,
    style.SKY_BLUE,
    style.BLACK,
)


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
    style.with_numbers(figure, in_words.sentence(in_words.survey_numbers(used)))
    return style.mark_virtual(figure, study)


def _draw_classes(axes: Axes, study: Study, low: float, high: float) -> None:
    """Strip of the classes along the top, with names; lines at their bounds."""
    axes.set_xlim(low, high)
    axes.set_ylim(top=1.6 * axes.get_ylim()[1])
    bounds = [low, *study.class_bounds, high]
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
def step_effects(effects: pd.DataFrame, study: Study) -> Figure:
    """How much each step changes t15, a row per site; and which sites gain or lose t15 by it.

    Shown are sites that change by at least 0.01 deg C, gain or lose; if they are more than 40,
    those that change most, and the title says so.

    Parameters
    ----------
    effects
        site, step, t15_c (deg C after the step; NaN: none). Steps count in the order in which
        they come first; the first is what the others start from.
    study
        Says whether the boreholes are virtual.

    """
    order = effects["step"].drop_duplicates().to_list()
    events = _step_events(effects, order)
    largest = events.groupby("site")["change_c"].agg(
        lambda c: np.inf if c.hasnans else c.abs().max()
    )
    shown, counts = largest.nlargest(_MOST_SITES).index, events["step"].value_counts()
    events = events[events["site"].isin(shown)].sort_values(["position", "change_c"])
    rows = {site: row for row, site in enumerate(events["site"].unique())}
    figure = style.new_figure(DOUBLE_COLUMN_MM, 4.2 * len(rows) + 32)
    panels = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
    for step, marker, colour in zip(order[1:], cycle(_STEP_MARKERS), cycle(_STEP_COLOURS)):
        here = events[events["step"] == step]
        look = {"marker": marker, "color": colour, "markersize": 4.5, "linestyle": "none"}
        label = f"{step} (n = {counts.get(step, 0)})"
        _draw_step(panels, here, here["site"].map(rows), label, look)
    _finish_steps(panels, rows)
    more = f", the {len(rows)} largest shown" if len(rows) < len(largest) else ""
    panels[0].set_title(f"t15 changes at {len(largest)} of {effects['site'].nunique()} sites{more}")
    style.letter_panels(panels)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=5)
    style.with_numbers(figure, _step_numbers(events, counts, len(largest), order))
    return style.mark_virtual(figure, study)


def _step_numbers(
    events: pd.DataFrame, counts: Mapping[str, int], n_sites: int, order: Sequence[str]
) -> str:
    """Sites each step touches, the largest change, and how many sites gain or lose t15."""
    steps = ", ".join(f"{step} {counts.get(step, 0)}" for step in order[1:])
    changes = events.dropna(subset="change_c")
    gained, lost = (
        int((events["change_c"].isna() & events[end].notna()).sum()) for end in ("after", "before")
    )
    parts = [f"t15 changes at {n_sites} sites, by step: {steps}"]
    if len(changes):
        most = changes.loc[changes["change_c"].abs().idxmax()]
        change = in_words.number(most["change_c"])
        parts.append(f"largest change {change} °C ({most['site']}, {most['step']})")
    return in_words.sentence(*parts, f"t15 gained at {gained}, lost at {lost}")


def _step_events(effects: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """What steps did: site, step, its position, before and after (deg C), change_c (or NaN)."""
    after = effects.pivot(index="site", columns="step", values="t15_c")[order]
    table = after.melt(ignore_index=False, value_name="after").reset_index()
    table["before"] = after.shift(axis=1).melt()["value"]
    table["change_c"] = table["after"] - table["before"]
    table["position"] = table["step"].map(order.index)
    appears = table["after"].isna() != table["before"].isna()
    happens = appears | (table["change_c"].abs() >= _SMALLEST_CHANGE_C)
    return table[happens & (table["position"] > 0)]


def _draw_step(
    panels: Sequence[Axes], events: pd.DataFrame, row: pd.Series, label: str, look: dict
) -> None:
    left, right = panels
    left.hlines(row, 0, events["change_c"], color="0.6", linewidth=0.7, zorder=1)
    left.plot(events["change_c"], row, label=label, **look)
    for place, column in enumerate(("after", "before")):
        alone = events["change_c"].isna() & events[column].notna()
        for value, height in zip(events[column][alone], row[alone], strict=True):
            right.plot(place, height, **look)
            right.text(place + 0.15, height, style.minus(f"{value:.2f}"), va="center")


def _finish_steps(panels: Sequence[Axes], rows: Mapping[str, int]) -> None:
    left, right = panels
    left.set_xscale("symlog", linthresh=_SMALLEST_CHANGE_C, linscale=0.6)
    left.xaxis.set_major_formatter(lambda value, _: style.minus(f"{value:g}"))
    left.axvline(0, color="0.3", linewidth=0.6)
    left.set_yticks(range(len(rows)), rows)
    left.set(ylim=(len(rows) - 0.4, -0.6), xlabel="Change of t15 by the step (°C)")
    right.set_xticks([0, 1], ["gains t15", "loses t15"])
    right.set(xlim=(-0.3, 1.8), xlabel="beside the mark: t15 (°C)", title="t15 appears or goes")
    for axes in panels:
        axes.grid(axis="y", color="0.9", linewidth=0.5)
