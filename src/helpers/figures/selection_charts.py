"""Charts of the choice of predictors: the steps, how firm they are, and the radius."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.figures import in_words, style
from helpers.figures.style import DOUBLE_COLUMN_MM, journal_style
from helpers.study import Study

_MOST_ROWS = 30
_LINES = (("--", style.BLACK), (":", style.VERMILION), ("-.", style.GREEN), ("-", style.PURPLE))


@journal_style
def forward_selection_chart(
    steps: pd.DataFrame,
    comparison: pd.DataFrame,
    stability: pd.DataFrame,
    study: Study | None = None,
    nested_rmse_c: float | None = None,
) -> Figure:
    """Held-out error as predictors are added (a), and how often chance chooses each (b).

    Of more than thirty covariates those chosen most often are shown in (b).

    Parameters
    ----------
    steps
        Of :func:`helpers.selection.forward_selection`. Bars are one standard error; an open
        circle is the addition that did not help enough.
    comparison
        Of :func:`helpers.selection.compare_sets`; sets that are not optimistic become lines.
    stability
        Of :func:`helpers.selection.stability`.
    study
        Says whether the boreholes are virtual.
    nested_rmse_c
        RMSE of :func:`helpers.selection.nested_selection`, deg C: the honest error of choosing.

    """
    lines = comparison.loc[~comparison["optimistic"].astype(bool), "rmse_c"].to_dict()
    if nested_rmse_c is not None:
        lines["chosen without the fold (nested)"] = nested_rmse_c
    more = in_words.shown_of(_MOST_ROWS, len(stability), "covariates in (b)")
    stability = stability[:_MOST_ROWS]
    height = max(78, 5 * len(stability) + 30)
    figure = style.new_figure(DOUBLE_COLUMN_MM, height + 5 * (len(lines) // 2))
    left, right = figure.subplots(1, 2, width_ratios=[1.3, 1])
    _draw_steps(left, steps, lines)
    _draw_shares(right, stability)
    style.letter_panels([left, right])
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=3)
    style.with_numbers(figure, _selection_numbers(steps, lines, stability, more))
    return style.mark_virtual(figure, study)


def _selection_numbers(
    steps: pd.DataFrame, lines: Mapping[str, float], stability: pd.DataFrame, more: str
) -> str:
    """Error after each step and of the other sets, and how often each covariate is chosen."""
    added = ", ".join(
        f"+ {style.printed_name(row.added)} {row.selection_rmse_c:.2f} °C"
        + ("" if row.kept else " (not kept)")
        for row in steps.itertuples()
    )
    others = ", ".join(f"{name} {value:.2f} °C" for name, value in lines.items())
    chosen = ", ".join(
        f"{style.printed_name(name)} {row.chosen} of {row.runs}"
        for name, row in zip(stability.index, stability.itertuples(), strict=True)
        if row.chosen
    )
    parts = [f"RMSE {added.removeprefix('+ ')}" + (f"; {others}" if others else "")]
    return in_words.sentence(in_words.lettered([*parts, f"chosen: {chosen or 'none'}"]), more)


def _draw_steps(axes: Axes, steps: pd.DataFrame, lines: Mapping[str, float]) -> None:
    x, rmse, error = steps["step"], steps["selection_rmse_c"], steps["selection_error_c"]
    colour, kept = style.FROZEN_COLOUR, steps["kept"].to_numpy()
    axes.plot(x, rmse, color=colour, linewidth=0.8, zorder=2)
    for part, fill, label in ((kept, colour, "kept"), (~kept, "white", "not kept")):
        if part.any():
            look = {"fmt": "o", "color": colour, "markerfacecolor": fill, "markersize": 5}
            label = f"{label} (± standard error)"
            axes.errorbar(x[part], rmse[part], error[part], label=label, zorder=3, **look)
    for (name, value), (line, colour) in zip(lines.items(), cycle(_LINES), strict=False):
        label = f"{name}: {value:.2f} °C"
        axes.axhline(value, color=colour, linestyle=line, linewidth=1.2, label=label, zorder=1)
    names = [style.printed_name(name) for name in steps["added"]]
    axes.set_xticks(x, [names[0], *(f"+ {name}" for name in names[1:])], rotation=30, ha="right")
    axes.set(xlim=(0.5, len(steps) + 0.5), ylabel="Held-out RMSE (°C)")
    axes.set_title("error in the folds that choose: optimistic")


def _draw_shares(axes: Axes, stability: pd.DataFrame) -> None:
    table = stability[::-1]
    height = np.arange(len(table))
    axes.barh(height, 100 * table["share"], height=0.6, color=style.FROZEN_COLOUR)
    for row, (times, runs) in enumerate(zip(table["chosen"], table["runs"], strict=True)):
        axes.text(100 * times / runs + 2, row, f"{times} of {runs}", va="center")
    axes.set_yticks(height, [style.printed_name(name) for name in table.index])
    axes.set(xlim=(0, 122), xticks=[0, 25, 50, 75, 100], xlabel="Chosen (% of seeds)")
    axes.set_title("how firm the choice is")


@journal_style
def radius_skill_chart(
    table: pd.DataFrame, chosen_m: float | None = None, study: Study | None = None
) -> Figure:
    """Held-out error (a) and correlation with t15 (b) against the radius of the index.

    Parameters
    ----------
    table
        Of :func:`helpers.selection.skill_by_radius`. Bars are the standard deviation over seeds;
        the dotted line is the error without the index.
    chosen_m
        Radius the study uses, m, marked by a line.
    study
        Says whether the boreholes are virtual.

    """
    figure = style.new_figure(DOUBLE_COLUMN_MM, 68)
    left, right = figure.subplots(1, 2)
    kilometres = table["radius_m"] / 1000
    draw_radius_skill(left, table, "with the index (± sd of seeds)", "without it")
    right.axhline(0, color="0.5", linewidth=0.5)
    right.plot(kilometres, table["correlation"], "o-", color=style.FROZEN_COLOUR, markersize=4)
    left.set(title="skill")
    right.set(ylabel="Spearman's ρ with t15 (–)", title="correlation at the sites")
    draw_radius_axis(right, kilometres)
    for axes in (left, right):
        _mark_radius(axes, chosen_m)
    style.letter_panels([left, right])
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=3)
    style.with_numbers(figure, _radius_numbers(table))
    return style.mark_virtual(figure, study)


def _radius_numbers(table: pd.DataFrame) -> str:
    """Best and worst radius, the error without the index, and the correlations."""
    best, worst = (table.loc[i] for i in (table["rmse_c"].idxmin(), table["rmse_c"].idxmax()))
    ends = [f"{row['rmse_c']:.2f} °C at {row['radius_m'] / 1000:g} km" for row in (best, worst)]
    without = table["rmse_without_c"].iloc[0]
    text = f"RMSE from {ends[0]} to {ends[1]}"
    text += f", without the index {without:.2f} °C" if np.isfinite(without) else ""
    low, high = table["correlation"].min(), table["correlation"].max()
    return in_words.sentence(in_words.lettered([text, f"correlation {low:.2f} to {high:.2f}"]))


def draw_radius_skill(axes: Axes, table: pd.DataFrame, with_index: str, without: str) -> None:
    """Held-out error against the radius of the index, with a line of the error without it.

    Parameters
    ----------
    axes
        Where to draw.
    table
        Of :func:`helpers.selection.skill_by_radius`.
    with_index, without
        Words for the legend.

    """
    kilometres = table["radius_m"] / 1000
    look = {"fmt": "o-", "color": style.FROZEN_COLOUR, "markersize": 4, "capsize": 2}
    axes.errorbar(kilometres, table["rmse_c"], table["sd_seeds_c"], label=with_index, **look)
    if table["rmse_without_c"].notna().any():
        look = {"color": style.THAWED_COLOUR, "linestyle": ":", "label": without}
        axes.axhline(table["rmse_without_c"].iloc[0], **look)
    axes.set_ylabel("Held-out RMSE (°C)")
    draw_radius_axis(axes, kilometres)


def _mark_radius(axes: Axes, chosen_m: float | None) -> None:
    if chosen_m is not None:
        label = f"radius of the study: {chosen_m / 1000:g} km"
        axes.axvline(chosen_m / 1000, color="0.4", linestyle="--", linewidth=0.8, label=label)


def draw_radius_axis(axes: Axes, kilometres: Sequence[float]) -> None:
    """Logarithmic axis of the radii that were tried, km, and of no others."""
    axes.set_xscale("log")
    axes.set_xticks(kilometres, [f"{k:g}" for k in kilometres])
    axes.minorticks_off()
    axes.set_xlabel("Radius of topographic position (km)")
