"""Charts of the knobs of the forest: number of trees, leaf size, share of the predictors."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import offset_copy
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import isotonic_regression

from helpers.figures import in_words, style
from helpers.figures.style import DOUBLE_COLUMN_MM, journal_style
from helpers.selection import compare_with_default
from helpers.storage import ContractError
from helpers.study import Study

_MARKERS = "os^DvP<>X*"
_LABEL_GAP = 0.06
_DODGE = 0.5
_STAR_LIFT_PT = 10


@journal_style
def error_by_trees_chart(
    study: Study, table: pd.DataFrame, n_trees: int, min_samples_leaf: int
) -> Figure:
    """Held-out error against the number of trees, a curve for each smallest leaf size.

    Curves are the error expected of so many trees; the chosen leaf size has a band of one standard
    deviation over seeds, and the chosen forest a ring at the error of this seed.

    Parameters
    ----------
    study
        Says whether the boreholes are virtual.
    table
        Of :func:`helpers.selection.error_by_trees`.
    n_trees, min_samples_leaf
        The forest to mark; a row of the table.

    Raises
    ------
    ContractError
        If the table has no such row.

    """
    here = _row(table, n_trees, min_samples_leaf)
    figure = style.new_figure(DOUBLE_COLUMN_MM, 80)
    axes = figure.subplots()
    leaf_sizes = np.unique(table["min_samples_leaf"])
    colours = dict(zip(leaf_sizes, cycle(style.LINE_COLOURS), strict=False))
    for leaf, marker in zip(leaf_sizes, cycle(_MARKERS), strict=False):
        curve = table[table["min_samples_leaf"] == leaf]
        _draw_curve(axes, curve, colours[leaf], marker, leaf == min_samples_leaf)
    ring = {"marker": "o", "s": 90, "facecolor": "none", "edgecolor": "black", "zorder": 4}
    label = f"{n_trees} trees, leaves of {_sites(min_samples_leaf)}: {here['rmse_c']:.2f} °C"
    axes.scatter(n_trees, here["rmse_c"], label=label, **ring)
    _finish_trees(axes, table)
    _label_ends(axes, table[table["n_trees"] == table["n_trees"].max()], colours)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    most = table[table["n_trees"] == table["n_trees"].max()]
    ends = ", ".join(
        f"{_sites(row.min_samples_leaf)} {row.expected_rmse_c:.2f} °C" for row in most.itertuples()
    )
    text = f"expected of {most['n_trees'].iloc[0]} trees: {ends}"
    style.with_numbers(figure, in_words.sentence(f"Marked: {label}", text))
    return style.mark_virtual(figure, study)


def _row(table: pd.DataFrame, n_trees: int, leaf: int) -> pd.Series:
    found = table[(table["n_trees"] == n_trees) & (table["min_samples_leaf"] == leaf)]
    if found.empty:
        raise ContractError(
            f"No forest of {n_trees} trees and leaves of at least {leaf} in the table; it has "
            f"{', '.join(map(str, table['n_trees'].unique()))} trees and leaves of at least "
            f"{', '.join(map(str, table['min_samples_leaf'].unique()))}."
        )
    return found.iloc[0]


def _sites(leaf: int) -> str:
    return f"≥ {leaf} site{'s' if leaf > 1 else ''}"


def _draw_curve(axes: Axes, curve: pd.DataFrame, colour: str, marker: str, is_chosen: bool) -> None:
    n, expected, noise = (curve[c] for c in ("n_trees", "expected_rmse_c", "noise_c"))
    width = 1.8 if is_chosen else 0.9
    axes.plot(n, expected, color=colour, marker=marker, markersize=4, linewidth=width, zorder=3)
    if is_chosen:
        band = {"color": colour, "alpha": 0.18, "linewidth": 0, "zorder": 1}
        axes.fill_between(n, expected - noise, expected + noise, label="± sd of seeds", **band)


def _finish_trees(axes: Axes, table: pd.DataFrame) -> None:
    numbers = np.unique(table["n_trees"])
    axes.set_xscale("log")
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.minorticks_off()
    # Room at the right for the labels of the curves.
    axes.set_xlim(0.85 * numbers[0], 2.8 * numbers[-1])
    axes.set(xlabel="Trees (n)", ylabel="Held-out RMSE (°C)")
    axes.grid(axis="y", color="0.92", linewidth=0.5)


def _label_ends(axes: Axes, ends: pd.DataFrame, colours: dict[int, str]) -> None:
    """Name each curve at its right end, in its colour; where names meet they move apart."""
    ends = ends.sort_values("expected_rmse_c")
    low, high = axes.get_ylim()
    gap = _LABEL_GAP * (high - low)
    heights = spread(ends["expected_rmse_c"], gap, low + gap / 2, high - gap / 2)
    to_curve = {"arrowstyle": "-", "linewidth": 0.7, "relpos": (0, 0.5), "shrinkA": 1}
    for end, height in zip(ends.itertuples(), heights, strict=True):
        colour = colours[end.min_samples_leaf]
        axes.annotate(
            _sites(end.min_samples_leaf),
            (end.n_trees, end.expected_rmse_c),
            (1.35 * end.n_trees, height),
            va="center",
            color=style.as_ink(colour),
            arrowprops=to_curve | {"color": colour},
        )


def spread(
    values: ArrayLike, gap: float, least: float = -np.inf, greatest: float = np.inf
) -> NDArray:
    """Rising values moved as little as keeps them ``gap`` apart, none below or above the ends.

    Least squares: values that are too close move up and down around their mean.
    """
    steps = gap * np.arange(np.size(values))
    moved = np.asarray(values, dtype=float) - steps
    return isotonic_regression(moved, y_min=least, y_max=greatest - steps[-1]) + steps


@journal_style
def tuning_chart(study: Study, table: pd.DataFrame, nested: pd.DataFrame | None = None) -> Figure:
    """Held-out error of all combinations of two knobs (a), and how far from the default (b).

    Bars are one standard error, of sites and seed. In (b) it is that of the difference, in which
    the sites that all forests miss cancel out: a combination is chosen if it is the best and its
    bar ends below 0. The default and the chosen combination have rings, the best a star.

    Parameters
    ----------
    study
        Says whether the boreholes are virtual, and how many trees the nested forests have.
    table
        Of :func:`helpers.selection.tune_forest`.
    nested
        Of :func:`helpers.selection.nested_tuning`; its honest errors become lines.

    """
    figure = style.new_figure(DOUBLE_COLUMN_MM, 88 if nested is None else 94)
    left, right = figure.subplots(1, 2)
    place = _places(table)
    for axes, value, error in (
        (left, "rmse_c", "standard_error_c"),
        (right, "difference_c", "difference_error_c"),
    ):
        _draw_grid(axes, table, place, value, error)
        _mark(axes, table, place, value)
        leaf_sizes = np.unique(table["min_samples_leaf"])
        axes.set_xticks(range(len(leaf_sizes)), [str(leaf) for leaf in leaf_sizes])
        axes.set_xlabel("Smallest number of sites in a leaf (n)")
    right.axhline(0, color="0.4", linewidth=0.6, zorder=0)
    right.yaxis.set_major_formatter(lambda value, _: style.minus(f"{value:.2f}"))
    title = f"{table['n_trees'].iloc[0]} trees; the best is optimistic in these folds"
    left.set(ylabel="Held-out RMSE (°C)", title=title)
    right.set(ylabel="RMSE minus that of the default (°C)", title="difference from the default")
    style.letter_panels([left, right])
    handles = left.get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper left", ncols=2, labelspacing=0.7)
    lines = [] if nested is None else _draw_honest(left, nested)
    if lines:
        title = f"Tuned without the fold, {study.forest.n_trees} trees"
        figure.legend(handles=lines, loc="outside upper right", title=title)
    style.with_numbers(figure, _tuning_numbers(table, lines))
    return style.mark_virtual(figure, study)


def _tuning_numbers(table: pd.DataFrame, lines: list[Line2D]) -> str:
    """Error of the default, the best and the chosen combination, and the honest errors."""
    parts = []
    for name in ("default", "best", "chosen"):
        row = table[table[name].astype(bool)].iloc[0]
        knobs = f"leaves {_sites(row['min_samples_leaf'])}, {100 * row['max_features']:.0f} %"
        error = f"{row['rmse_c']:.2f} ± {row['standard_error_c']:.2f} °C"
        parts.append(f"{name} ({knobs}) {error}")
    honest = ", ".join(str(line.get_label()) for line in lines)
    honest = f"tuned without the fold: {honest}" if lines else ""
    return in_words.sentence(f"RMSE: {', '.join(parts)}", honest)


def _places(table: pd.DataFrame) -> NDArray:
    """Horizontal place of each combination: by leaf size, side by side by share."""
    leaf = np.unique(table["min_samples_leaf"], return_inverse=True)[1]
    shares, share = np.unique(table["max_features"], return_inverse=True)
    return leaf + _DODGE * ((share + 0.5) / len(shares) - 0.5)


def _draw_grid(axes: Axes, table: pd.DataFrame, place: NDArray, value: str, error: str) -> None:
    shares = np.unique(table["max_features"])
    for share, colour, marker in zip(
        shares, cycle(style.LINE_COLOURS), cycle(_MARKERS), strict=False
    ):
        here = (table["max_features"] == share).to_numpy()
        n = table.loc[here, "predictors_per_split"].iloc[0]
        label = f"{100 * share:.0f} % of the predictors ({n}) a split"
        look = {"fmt": marker, "color": colour, "markersize": 4.5, "elinewidth": 0.8, "capsize": 2}
        axes.errorbar(place[here], table.loc[here, value], table.loc[here, error], **look)
        axes.plot([], [], marker, color=colour, markersize=4.5, label=label)


def _mark(axes: Axes, table: pd.DataFrame, place: NDArray, value: str) -> None:
    """Rings around the default and the chosen combination, a star above the best."""
    ring = {"facecolor": "none", "edgecolor": "black", "linewidth": 0.9}
    star = {"facecolor": "black", "edgecolor": "white", "linewidth": 0.4, "zorder": 4}
    # Above its dot, or the rings would hide it where the default is the best and chosen.
    above = offset_copy(axes.transData, axes.figure, y=_STAR_LIFT_PT, units="points")
    for name, marker, size, look in (
        ("default", "s", 60, ring),
        ("chosen", "o", 130, ring),
        ("best", "*", 60, star | {"transform": above}),
    ):
        here = table[name].to_numpy(dtype=bool)
        axes.scatter(place[here], table.loc[here, value], marker=marker, s=size, label=name, **look)


def _draw_honest(axes: Axes, nested: pd.DataFrame) -> list[Line2D]:
    """Lines of the errors of forests that were tuned without the fold, or not at all."""
    found, lines = compare_with_default(nested), []
    for name, label, line, colour, width in (
        ("default", "not at all (default)", "-", "0.65", 2.6),
        ("tuned", "by the rule", "--", "black", 1.0),
        ("best", "always the best", ":", "black", 1.4),
    ):
        rmse, error = found.loc[name, ["rmse_c", "standard_error_c"]]
        look = {"linestyle": line, "color": colour, "linewidth": width, "zorder": 1}
        lines.append(axes.axhline(rmse, label=f"{label}: {rmse:.2f} ± {error:.2f} °C", **look))
    return lines
