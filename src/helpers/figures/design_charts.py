"""Charts of the validation designs: what each says of the error, and what each holds out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from cmcrameri import cm
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from helpers.figures import in_words, style
from helpers.figures.base_map import coarse, draw_plain_map, extent_of
from helpers.figures.style import DOUBLE_COLUMN_MM, journal_style
from helpers.study import Study
from helpers.validation import DESIGNS

FOLD_MARKERS = "o^sDvP<X>*"
INSIDE_COLOUR, WHOLE_COLOUR = style.GREEN, style.VERMILION
_LINES = ("-", "--", ":", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)))
_ESTIMATE = ["rmse", "rmse_lower", "rmse_upper"]
_ROW_MM, _PANEL_HEIGHT_MM = 7.0, 92.0


def design_label(design: str) -> str:
    """Name of a design as it is printed; a name of another kind stays as it is."""
    return DESIGNS.get(design.lower(), design)


@journal_style
def design_comparison(
    study: Study,
    table: pd.DataFrame,
    *,
    true_inside: float | None = None,
    true_whole: float | None = None,
) -> Figure:
    """Error that each design reports (a), and how far its distances are from those of the map (b).

    Parameters
    ----------
    study
        Says whether the boreholes are virtual.
    table
        A row for each design, from the top: design, rmse, rmse_lower, rmse_upper (deg C; the ends
        may be missing), w_km (km; missing for a design without distances).
    true_inside, true_whole
        True RMSE of the map inside the area of applicability and everywhere, deg C, which only
        a virtual study knows.

    """
    n, marked = len(table), true_inside is not None or true_whole is not None
    figure = style.new_figure(DOUBLE_COLUMN_MM, _ROW_MM * (n + 2 * marked) + 24)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.8, 1])
    rows = np.arange(n)
    _draw_estimates(left, table, rows)
    _draw_truths(left, true_inside, true_whole)
    right.barh(rows, table["w_km"], height=0.45, color="0.7")
    for row, w_km in zip(rows, table["w_km"], strict=True):
        known = np.isfinite(w_km)
        text = f" {w_km:.1f}" if known else " –"
        right.text(w_km if known else 0, row, text, va="center")
    right.set_xlim(0, 1.3 * max(table["w_km"].max(), 1))
    right.set(xlabel="W between design and map (km)", title="distances held out")
    left.set_yticks(rows, [design_label(design) for design in table["design"]])
    left.set_ylim(n - 0.5, -2.7 if marked else -0.6)
    for axes in (left, right):
        axes.grid(axis="y", color="0.9", linewidth=0.5)
        axes.tick_params(axis="y", length=0)
    style.letter_panels([left, right])
    style.with_numbers(figure, _design_numbers(table, true_inside, true_whole))
    return style.mark_virtual(figure, study)


def _design_numbers(
    table: pd.DataFrame, true_inside: float | None, true_whole: float | None
) -> str:
    """RMSE of each design with its interval, and the true ones."""
    errors = (in_words.with_interval(*row) for row in table[_ESTIMATE].to_numpy(dtype=float))
    labels = map(design_label, table["design"])
    said = "; ".join(map(" ".join, zip(labels, errors, strict=True)))
    truths = (("true RMSE where applicable", true_inside), ("of the whole map", true_whole))
    known = ", ".join(f"{name} {rmse:.2f} °C" for name, rmse in truths if rmse is not None)
    return in_words.sentence(f"RMSE: {said}", known)


def _draw_estimates(axes: Axes, table: pd.DataFrame, rows: ArrayLike) -> None:
    """RMSE and its interval, with the number beside it."""
    rmse = table["rmse"].to_numpy()
    lower, upper = (table[f"rmse_{end}"].fillna(table["rmse"]) for end in ("lower", "upper"))
    axes.hlines(rows, lower, upper, color="0.45", linewidth=1.6, zorder=2)
    axes.plot(rmse, rows, "o", color="black", markersize=4.5, zorder=3)
    for row, value, end in zip(rows, rmse, upper, strict=True):
        place = {"xytext": (5, 0), "textcoords": "offset points", "va": "center"}
        # White, as the line of a true error may pass there.
        axes.annotate(f"{value:.2f}", (end, row), bbox=style.WHITE_BOX, **place)
    axes.set_xlim(0, 1.12 * max(upper))
    axes.set(xlabel="Held-out RMSE (°C)", title="estimated error, with its 95 % interval")


def _draw_truths(axes: Axes, true_inside: float | None, true_whole: float | None) -> None:
    """A line for each true error, and its name in a row of its own above the designs."""
    truths = [
        (true_inside, "true, inside", INSIDE_COLOUR, "-"),
        (true_whole, "true, whole map", WHOLE_COLOUR, "--"),
    ]
    known = [truth for truth in truths if truth[0] is not None]
    axes.set_xlim(0, max(axes.get_xlim()[1], *(1.1 * truth[0] for truth in known), 0))
    for row, (value, name, colour, line) in enumerate(known):
        axes.axvline(value, color=colour, linestyle=line, linewidth=1.2, zorder=1)
        # On the side where there is room for it; white, as the other line may pass there.
        is_left = value > 0.48 * axes.get_xlim()[1]
        axes.annotate(
            f"{name}: {value:.2f} °C",
            (value, row - 2.1),
            (-4 if is_left else 4, 0),
            textcoords="offset points",
            color=style.as_ink(colour),
            ha="right" if is_left else "left",
            va="center",
            fontweight="bold",
            bbox=style.WHITE_BOX,
        )


@journal_style
def design_panel(
    study: Study,
    covariates: xr.Dataset | None,
    training: pd.DataFrame,
    fold: ArrayLike,
    distances: Mapping[str, ArrayLike],
    w: Mapping[str, float],
    text: str,
) -> Figure:
    """One design: its folds on the map, its distance curves, and what it says of the error.

    Quick enough to be drawn again for every design that is picked.

    Parameters
    ----------
    study, covariates
        Area, outline, and ``elevation`` (m) for the ground, if it is there.
    training
        Table with x and y (m).
    fold
        Number of the split in which each site is tested (n,).
    distances, w
        As for :func:`helpers.figures.distance_curves`: distances (m) by label, the map first, and
        W (m) of those that have one.
    text
        Title: the design and its scores.

    """
    figure = style.new_figure(DOUBLE_COLUMN_MM, _PANEL_HEIGHT_MM)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.1])
    draw_plain_map(left, study)
    if covariates is not None and "elevation" in covariates:
        _draw_ground(left, covariates["elevation"])
    left.set_title(_draw_folds(left, training, np.asarray(fold)))
    draw_distance_curves(right, distances, w)
    right.set_title("distances to the nearest site")
    right.legend(loc="lower right")
    style.letter_panels([left, right])
    figure.suptitle(text, x=0.01, ha="left", fontweight="bold")
    return style.mark_virtual(figure, study)


def _draw_ground(axes: Axes, elevation: xr.DataArray) -> None:
    """Elevation in grey, from every so many-th cell."""
    shown = coarse(elevation)
    extent = [edge / 1000 for edge in extent_of(shown)]
    limits = axes.axis()
    look = {"cmap": style.ELEVATION_COLOURS, "interpolation": "nearest", "zorder": 0}
    axes.imshow(shown.to_numpy(), extent=extent, **look)
    axes.axis(limits)


def _draw_folds(axes: Axes, training: pd.DataFrame, fold: np.ndarray) -> str:
    """Sites in colour and shape by fold; returns how many folds there are.

    If every site is a fold of its own, one look does for all. More folds than shapes go through
    shapes and colours again and again, out of step, so that neighbours differ.
    """
    numbers, x, y = np.unique(fold), training["x"] / 1000, training["y"] / 1000
    look = {"linestyle": "none", "markersize": 4.5, "zorder": 5}
    look |= {"markeredgecolor": "black", "markeredgewidth": 0.4}
    if len(numbers) == len(fold):
        axes.plot(x, y, "o", color="0.45", **look)
        return f"each of {len(fold)} sites held out alone"
    for position, number in enumerate(numbers):
        held = fold == number
        again = position // len(FOLD_MARKERS)
        marker = FOLD_MARKERS[(position + again) % len(FOLD_MARKERS)]
        axes.plot(x[held], y[held], marker, color=cm.batlowS(position % 100), **look)
    return f"{len(fold)} sites in {len(numbers)} folds, by colour and shape"


def draw_distance_curves(
    axes: Axes, distances: Mapping[str, ArrayLike], w: Mapping[str, float]
) -> None:
    """Cumulative nearest-neighbour distances, the first a heavy line; see :func:`design_panel`."""
    colours = style.SEQUENTIAL_COLOURS(np.linspace(0, 0.75, len(distances)))
    for position, (label, metres) in enumerate(distances.items()):
        name = design_label(label)
        axes.ecdf(
            np.asarray(metres) / 1000,
            label=f"{name} (W = {w[label] / 1000:.1f} km)" if label in w else name,
            linestyle=_LINES[position % len(_LINES)],
            linewidth=1.4 if position else 2.0,
            color=colours[position],
        )
    axes.set(xlabel="Distance to the nearest site (km)", ylabel="Cumulative share (–)")
    axes.set_xlim(0, max(np.quantile(metres, 0.99) for metres in distances.values()) / 1000)
