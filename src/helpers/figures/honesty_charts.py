"""What many virtual surveys of one truth show: whether what is said of the error is right."""

from __future__ import annotations

import numpy as np
import pandas as pd
from cmcrameri import cm
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.figures import in_words, style
from helpers.figures.design_charts import INSIDE_COLOUR, WHOLE_COLOUR
from helpers.figures.style import DOUBLE_COLUMN_MM, journal_style
from helpers.study import Study
from helpers.validation import DESIGNS, goals

OUTSIDE_COLOUR, DESIGN_COLOUR = style.PURPLE, style.BLUE
_TRUTHS = {
    "true_inside": ("true, inside", INSIDE_COLOUR),
    "true_outside": ("true, outside", OUTSIDE_COLOUR),
    "true_whole": ("true, whole map", WHOLE_COLOUR),
}
COVERAGES = {
    "covered_inside": ("calibrated,\ninside", INSIDE_COLOUR),
    "covered_outside": ("calibrated,\noutside", OUTSIDE_COLOUR),
    "raw_covered_inside": ("forest's\nown, inside", "0.5"),
    "raw_covered_outside": ("forest's\nown, outside", "0.5"),
}
_BIN_MARKERS = "os^Dv"
_SEED = 0


@journal_style
def honesty_chart(study: Study, table: pd.DataFrame, profile: pd.DataFrame) -> Figure:
    """Estimated against true error, expected against found, over virtual surveys of one truth.

    Panels: the error that each design reports, beside the true ones (a); error expected and found
    in bins of dissimilarity (b); share of the cells inside the 90 % intervals (c); intervals of
    the area of permafrost (d). A box holds half of the surveys, its line is the median, the
    whiskers hold 90 %; a diamond is the mean. Errors of all surveys together are roots of mean
    squares.

    Parameters
    ----------
    study
        Says that the boreholes are virtual.
    table
        A row for each survey. RMSE in deg C: a column for each design of
        :data:`helpers.validation.DESIGNS` that was tried, true_inside, true_outside, true_whole.
        Shares of cells: covered_inside, covered_outside, raw_covered_inside, raw_covered_outside.
        Areas in 10^4 km2: area_lower, area_upper, true_area.
    profile
        survey, bin (from 1, the least dissimilar), expected and true RMSE in it (deg C).

    """
    figure = style.new_figure(DOUBLE_COLUMN_MM, 168)
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.06)  # inches
    panels = figure.subplots(2, 2, width_ratios=[1.05, 1]).ravel()
    _draw_designs(panels[0], table)
    _draw_profile(panels[1], profile)
    _draw_coverage(panels[2], table)
    _draw_areas(panels[3], table)
    style.letter_panels(panels)
    style.with_numbers(figure, _honesty_numbers(table))
    return style.mark_virtual(figure, study)


def _honesty_numbers(table: pd.DataFrame) -> str:
    """Mean errors, coverages and how many intervals of the area hold the truth."""
    names = {n: label for n, label in DESIGNS.items() if n in table}
    names |= {name: label for name, (label, _) in _TRUTHS.items()}
    means = "; ".join(f"{label} {table[name].mean():.2f} °C" for name, label in names.items())
    covered = "; ".join(
        f"{label.replace(chr(10), ' ')} {table[name].mean():.2f}"
        for name, (label, _) in COVERAGES.items()
        if name in table
    )
    count = f"{holds_truth(table).sum()} of {len(table)} surveys"
    return in_words.sentence(
        f"Mean RMSE: (a) {means}",
        f"mean coverage: (c) {covered}",
        f"(d) the interval of the area holds the truth in {count}",
    )


def _draw_designs(axes: Axes, table: pd.DataFrame) -> None:
    """A row for each design and below them each truth; right, how far the mean is from inside."""
    designs = [name for name in DESIGNS if name in table]
    names = [*designs, *_TRUTHS]
    looks = dict.fromkeys(designs, DESIGN_COLOUR) | {n: c for n, (_, c) in _TRUTHS.items()}
    inside = table["true_inside"].mean()
    for row, name in enumerate(names):
        _draw_distribution(axes, table[name], row, looks[name], name in _TRUTHS)
        if name != "true_inside":
            text = style.minus(f" {100 * (table[name].mean() / inside - 1):+.0f} %")
            axes.text(1, row, text, transform=axes.get_yaxis_transform(), va="center")
    axes.axvline(inside, color=INSIDE_COLOUR, linewidth=0.8, linestyle="--", zorder=0)
    axes.axhline(len(designs) - 0.5, color="0.6", linewidth=0.6)
    labels = [DESIGNS.get(name) or _TRUTHS[name][0] for name in names]
    axes.set_yticks(range(len(names)), labels)
    axes.set(xlim=(0, 1.03 * np.nanmax(table[names])), ylim=(len(names) - 0.4, -0.6))
    axes.set_xlabel("RMSE (°C)")
    axes.set_title("what designs say, and the truth; right:\nmean, against the true one inside")


def _draw_distribution(
    axes: Axes, values: pd.Series, place: float, colour: str, filled: bool, upright: bool = False
) -> None:
    """A dot for each survey, a box of the middle half and whiskers to 90 %, and the mean."""
    known = values.dropna().to_numpy()
    aside = place + np.random.default_rng(_SEED).uniform(-0.3, 0.3, len(known))
    order = (aside, known) if upright else (known, aside)
    axes.plot(*order, ".", color=colour, markersize=2.5, alpha=0.45, zorder=1)
    line = {"color": "black", "linewidth": 0.8}
    axes.boxplot(
        [known],
        positions=[place],
        orientation="vertical" if upright else "horizontal",
        widths=0.55,
        whis=(5, 95),
        showfliers=False,
        showmeans=True,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": (colour, 0.55 if filled else 0.15), "edgecolor": colour},
        medianprops={"color": "black", "linewidth": 1.2},
        whiskerprops=line,
        capprops=line,
        meanprops={"marker": "D", "markerfacecolor": "white", "markeredgecolor": "black"}
        | {"markersize": 3.5, "markeredgewidth": 0.8},
        zorder=3,
    )


def _draw_profile(axes: Axes, profile: pd.DataFrame) -> None:
    """Bins of each survey, of all together large, the 1:1 line and the goal round it."""
    reach = 1.05 * profile[["expected", "true"]].to_numpy().max()
    ends = np.array([0, reach])
    low, high = goals.PROFILE_RATIO
    axes.fill_between(ends, low * ends, high * ends, color="0.9", linewidth=0, zorder=0)
    axes.plot(ends, ends, color="black", linewidth=0.6, zorder=1)
    groups = list(profile.groupby("bin"))
    colours = cm.batlow(np.linspace(0, 0.85, len(groups)))
    for position, (number, cells) in enumerate(groups):
        marker = _BIN_MARKERS[position % len(_BIN_MARKERS)]
        look = {"marker": marker, "color": colours[position], "linestyle": "none"}
        small = {"markersize": 2.5, "markeredgewidth": 0, "alpha": 0.4, "zorder": 2}
        axes.plot(cells["expected"], cells["true"], **look | small)
        mean = np.sqrt(cells[["expected", "true"]].pow(2).mean())
        ratio = mean["expected"] / mean["true"]
        large = {"markersize": 7, "markeredgecolor": "black", "markeredgewidth": 0.8, "zorder": 4}
        label = f"{number:g}: {style.minus(f'{100 * (ratio - 1):+.0f}')} %"
        axes.plot(mean["expected"], mean["true"], label=label, **look | large)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.set(xlabel="Expected RMSE (°C)", ylabel="True RMSE (°C)")
    grey = f"grey: within {100 * (high - 1):.0f} %"
    axes.set_title(f"bins of dissimilarity, large: in\nall surveys; {grey}")
    title = "bin: expected\nagainst true"
    axes.legend(title=title, loc="upper left", borderaxespad=0.5, handletextpad=0.2)


def _draw_coverage(axes: Axes, table: pd.DataFrame) -> None:
    """Share of the cells whose truth lies inside the interval, by kind of interval and side."""
    names = [name for name in COVERAGES if name in table]
    axes.axhspan(*goals.COVERAGE, color="0.9", linewidth=0, zorder=0)
    axes.axhline(goals.LEVEL, color="0.3", linewidth=0.6, zorder=0)
    for place, name in enumerate(names):
        _draw_distribution(axes, table[name], place, COVERAGES[name][1], True, upright=True)
    means = [f"{COVERAGES[name][0]}\nmean {table[name].mean():.2f}" for name in names]
    axes.set_xticks(range(len(names)), means)
    axes.tick_params(axis="x", length=0)
    axes.set(ylabel="Share of cells covered (–)", ylim=(None, 1.02))
    axes.set_title("coverage of the 90 % intervals;\ngrey: {} to {}".format(*goals.COVERAGE))


def _draw_areas(axes: Axes, table: pd.DataFrame) -> None:
    """Interval of the area in each survey, from the lowest to the highest, and the truth."""
    middle = (table["area_lower"] + table["area_upper"]) / 2
    ranked = table.loc[middle.sort_values(kind="stable").index]
    rank = np.arange(1, len(ranked) + 1)
    holds = holds_truth(ranked)
    for part, colour, line, label in (
        (holds, "0.55", "-", "holds it"),
        (~holds, WHOLE_COLOUR, "--", "misses it"),
    ):
        ends = ranked.loc[part, ["area_lower", "area_upper"]].to_numpy().T
        axes.vlines(rank[part], *ends, color=colour, linestyle=line, linewidth=1.0, label=label)
    axes.step(rank, ranked["true_area"], where="mid", color="black", label="true area")
    count = f"{holds.sum()} of {len(table)}"
    axes.set_title(f"area of permafrost: 90 % interval\nholds the truth in {count} surveys")
    axes.set(xlabel="Surveys, sorted by their interval (n)", ylabel="Area (10⁴ km²)")
    low, high = axes.get_ylim()
    axes.set_ylim(top=high + 0.16 * (high - low))
    axes.legend(loc="upper left", ncols=3, borderaxespad=0.5, handlelength=1.2, columnspacing=0.8)


def holds_truth(table: pd.DataFrame) -> NDArray:
    """Whether the interval of the area holds the true area, for each survey."""
    return table["true_area"].between(table["area_lower"], table["area_upper"]).to_numpy()
