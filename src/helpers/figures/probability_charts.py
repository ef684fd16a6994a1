"""Charts of predicted distributions: reliability, coverage and width of intervals, and PIT."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from helpers.figures import in_words, style
from helpers.figures.panel_grid import panel_grid
from helpers.figures.style import DOUBLE_COLUMN_MM, SINGLE_COLUMN_MM, journal_style
from helpers.scores import probability_integral_transform
from helpers.storage import ContractError
from helpers.study import Study

_PRINTED = dict.fromkeys(("raw", "forest", "raw forest"), "forest's own")
Records = Sequence[Mapping[str, Any]]

_MARKERS, _LINES = "os^Dv", ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_BAND = {"color": "0.85", "linewidth": 0}
_BAND_LABEL = "95 % of honest models"
_DODGE = 1.0  # per cent of nominal coverage between marks side by side
_PANEL_MM, _TOP_MM = 58.0, 22.0


def distribution_label(name: str) -> str:
    """Name of a predicted distribution as it is printed."""
    return _PRINTED.get(name, name)


@journal_style
def reliability_chart(study: Study, tables: Mapping[str, Records]) -> Figure:
    """Share of sites that are frozen against the probability they were given; sites below.

    A reliable probability lies on the line, as far as the exact 95 % intervals can tell.

    Parameters
    ----------
    study
        Says whether the boreholes are virtual.
    tables
        Label (raw forest, calibrated) -> table of :func:`helpers.scores.reliability`.

    Raises
    ------
    ContractError
        If there is no table, or more than five.

    """
    figure = style.new_figure(SINGLE_COLUMN_MM, 112)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color="black", linewidth=0.6, label="reliable (1:1)")
    gaps = []
    for label, look, table in _with_looks(tables):
        place, share = table["mean_probability"], table["observed_share"]
        reach = np.abs(np.array(table["observed_share_interval"].to_list()).T - share.to_numpy())
        bars = {"capsize": 1.5, "elinewidth": 0.7, "capthick": 0.7}
        n = f"{label} (n = {table['n'].sum()})"
        above.errorbar(place, share, reach, label=n, **bars, **look)
        below.plot(place, table["n"], **look | {"linestyle": "none"})
        gap = np.average(np.abs(place - share), weights=table["n"])
        gaps.append(f"{label} {gap:.2f} (n = {table['n'].sum()})")
    above.set(ylabel="Observed share frozen (–)", ylim=(-0.03, 1.03), xlim=(-0.03, 1.03))
    below.set(xlabel="Mean predicted probability of permafrost (–)", ylabel="Sites in bin (n)")
    below.set_ylim(bottom=0, top=1.15 * below.get_ylim()[1])
    above.set_title("observed against predicted")
    below.set_title("sites behind it")
    style.letter_panels([above, below])
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper left")
    text = f"Mean distance from the line: {', '.join(gaps)}"
    style.with_numbers(figure, in_words.sentence(text))
    return style.mark_virtual(figure, study)


@journal_style
def coverage_chart(study: Study, tables: Mapping[str, Records]) -> Figure:
    """Coverage of prediction intervals against the nominal one, and what they cost in width.

    Grey bars hold the coverage of 95 % of honest models with so many independent sites. Marks of
    one nominal coverage stand side by side.

    Parameters
    ----------
    study
        Says whether the boreholes are virtual.
    tables
        Label -> table of :func:`helpers.scores.interval_scores`.

    Raises
    ------
    ContractError
        If there is no table, more than five, or one without intervals.

    """
    figure = style.new_figure(DOUBLE_COLUMN_MM, 80)
    left, right = figure.subplots(1, 2)
    parts = []
    for position, (label, look, table) in enumerate(_with_looks(tables)):
        nominal = 100 * table["nominal"].astype(float)
        place = nominal + _DODGE * (position - (len(tables) - 1) / 2)
        low, high = 100 * np.array(table["honest_band"].to_list()).T
        left.bar(place, high - low, 0.8 * _DODGE, low, **_BAND)
        left.plot(place, 100 * table["coverage"], label=f"{label} (n = {table['n'].max()})", **look)
        right.plot(place, table["mean_width"], **look)
        parts.append(f"{label} {_coverage_numbers(table)}")
        for axes in (left, right):
            axes.set_xticks(nominal.to_list())
    ends = left.get_xlim()
    left.plot(
        ends, ends, color="black", linewidth=0.6, zorder=1, label="honest (1:1)", scalex=False
    )
    left.set(ylabel="Sites inside their interval (%)", title="coverage")
    right.set(ylabel="Mean width of the interval (°C)", title="width", xlim=ends)
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.set_xlabel("Nominal coverage (%)")
    style.letter_panels([left, right])
    handles = [*left.get_legend_handles_labels()[0], Patch(label=_BAND_LABEL, **_BAND)]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    style.with_numbers(figure, in_words.sentence(f"Inside: {'; '.join(parts)}"))
    return style.mark_virtual(figure, study)


def _coverage_numbers(table: pd.DataFrame) -> str:
    """Coverage found and nominal, and width, of each interval."""
    found, nominal = (
        ", ".join(f"{100 * share:.0f}" for share in table[name]) for name in ("coverage", "nominal")
    )
    width = ", ".join(f"{width:.2f}" for width in table["mean_width"])
    return f"{found} % of the sites at nominal {nominal} %, mean width {width} °C"


@journal_style
def pit_chart(study: Study, tables: Mapping[str, ArrayLike]) -> Figure:
    """Histograms of the probability integral transform: even, if the distributions are right.

    Heaped at both ends: too narrow; in the middle: too wide; at one end: biased. The grey band
    holds a bin 95 times in 100, so of ten bins one is often outside. p is that of the
    Kolmogorov-Smirnov test against even; too small where sites near each other err together.

    Parameters
    ----------
    study
        Says whether the boreholes are virtual.
    tables
        Label -> PIT values (n,), 0 ... 1.

    Raises
    ------
    ContractError
        If there is nothing to draw, more than five labels, or values are not PIT values.

    """
    _check_count(tables)
    rows, columns = style.rows_and_columns(len(tables), 3)
    width = DOUBLE_COLUMN_MM if columns > 1 else SINGLE_COLUMN_MM
    figure = style.new_figure(width, _PANEL_MM * rows + _TOP_MM)
    panels = panel_grid(figure, len(tables), rows, columns, sharey=True)
    parts = []
    for axes, (label, pit) in zip(panels, tables.items(), strict=True):
        parts.append(
            _draw_pit(axes, distribution_label(label), probability_integral_transform(pit))
        )
    style.letter_panels(panels)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    style.with_numbers(figure, in_words.sentence(in_words.lettered(parts)))
    return style.mark_virtual(figure, study)


def _draw_pit(axes: Axes, label: str, found: Mapping[str, Any]) -> str:
    """Bars of one distribution, the band of honest ones; returns the fullest ends in words."""
    edges = np.array(found["edges"])
    axes.axhspan(*found["band"], label=_BAND_LABEL, zorder=0, **_BAND)
    for end in found["band"]:
        # Once more above the bars, which hide the lower part of the band.
        axes.axhline(end, color="0.55", linewidth=0.6, zorder=2)
    look = {"color": style.FROZEN_COLOUR, "edgecolor": "white", "linewidth": 0.5, "zorder": 1}
    axes.bar(edges[:-1], found["counts"], np.diff(edges), align="edge", label="sites", **look)
    expected = {"color": "black", "linewidth": 0.8, "linestyle": "--", "zorder": 2}
    axes.axhline(found["expected_count"], label="expected", **expected)
    p = found["ks_p_value"]
    text = f"uniform: p = {p:.2f}" if p >= 0.01 else "uniform: p < 0.01"
    axes.set_title(f"{label}\nn = {found['n']}, {text}")
    axes.set(xlabel="PIT of the observed value (–)", ylabel="Sites in bin (n)", xlim=(0, 1))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    axes.tick_params(labelleft=True)
    first, last = found["counts"][0], found["counts"][-1]
    ends = f"{first} of {found['n']} sites in the lowest bin, {last} in the highest"
    return f"{label}: {ends}, {found['expected_count']:.1f} expected in each, {text}"


def _with_looks(
    tables: Mapping[str, Records],
) -> Iterator[tuple[str, dict[str, Any], pd.DataFrame]]:
    """Label, colour with marker and line, and the records as a table."""
    _check_count(tables)
    colours = style.SEQUENTIAL_COLOURS(np.linspace(0.05, 0.65, len(tables)))
    for position, (label, records) in enumerate(tables.items()):
        table = pd.DataFrame(records)
        if table.empty:
            raise ContractError(
                f"'{label}': its table has no rows; leave it out, or score it with levels that "
                "hold the intervals wanted."
            )
        look = {"marker": _MARKERS[position], "linestyle": _LINES[position]}
        name = distribution_label(label)
        yield name, look | {"color": colours[position], "markersize": 4.5, "linewidth": 0.8}, table


def _check_count(tables: Mapping[str, Any]) -> None:
    if not 1 <= len(tables) <= len(_MARKERS):
        raise ContractError(
            f"{len(tables)} tables found ({', '.join(tables) or 'none'}); one chart shows 1 to "
            f"{len(_MARKERS)}. Choose among them."
        )
