"""The error profile: how errors grow with dissimilarity, at held-out sites and on the map."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from helpers.error_model import ErrorModel
from helpers.error_model.groups import KNNDM, PLACES, PREDICTORS
from helpers.figures import in_words, style
from helpers.figures.style import DOUBLE_COLUMN_MM, SINGLE_COLUMN_MM, journal_style
from helpers.study import Study

# Okabe and Ito (2008), which all eyes tell apart.
KINDS = {
    PREDICTORS: ("groups of predictors", "s", style.BLUE),
    PLACES: ("groups of places", "^", style.VERMILION),
    KNNDM: ("kNNDM folds", "o", style.GREEN),
}
_BINS, _FEWEST_SITES = 5, 5
_DRAWS, _SEED = 1_000, 0
_DODGE = 0.015  # of the widest dissimilarity; kinds stand side by side


@journal_style
def error_profile_chart(
    study: Study,
    pairs: pd.DataFrame,
    model: ErrorModel,
    truth: pd.DataFrame | None = None,
    threshold: float | None = None,
) -> Figure:
    """RMSE against dissimilarity: of held-out sites (a), and of the whole map if it is known (b).

    A point stands for one of five bins of equal numbers of pairs, or of cells: a filled one for
    the errors that were found there, with the 95 % bootstrap interval over sites, an open one for
    those to be expected.

    Parameters
    ----------
    study
        Says whether the boreholes are virtual.
    pairs
        Of :func:`helpers.error_model.held_out_pairs`: kind, site, dissimilarity, observed,
        predicted and beyond (deg C).
    model
        The error model fitted to them; the line is its standard deviation.
    truth
        Cells of the map of a virtual study: dissimilarity, error and expected_error (deg C).
    threshold
        Largest dissimilarity in the area of applicability.

    """
    width_mm = SINGLE_COLUMN_MM if truth is None else DOUBLE_COLUMN_MM
    figure = style.new_figure(width_mm, 82)
    panels = figure.subplots(1, 1 if truth is None else 2, squeeze=False)[0]
    _draw_held_out(panels[0], pairs, model, _edges(pairs))
    if threshold is not None:
        _mark_threshold(panels[0], threshold, threshold)
    if truth is not None:
        bounds = _edges(truth)
        _draw_map_errors(panels[1], truth, bounds)
        if threshold is not None:
            place = np.interp(threshold, bounds, np.arange(len(bounds)) - 0.5)
            _mark_threshold(panels[1], place, threshold)
    figure.legend(handles=_profile_handles(pairs), loc="outside upper left", ncols=1 + len(panels))
    style.letter_panels(panels)
    style.with_numbers(figure, _profile_numbers(pairs, model, truth))
    return style.mark_virtual(figure, study)


def _profile_numbers(pairs: pd.DataFrame, model: ErrorModel, truth: pd.DataFrame | None) -> str:
    """RMSE found and expected, of each kind of group and of the map."""
    spread = model.standard_deviation(pairs["dissimilarity"])
    table = pairs.assign(
        error=pairs["predicted"] - pairs["observed"],
        expected_error=model.expected_error(model.share * pairs["beyond"], spread),
    )
    groups = {label: table[table["kind"] == kind] for kind, (label, *_) in KINDS.items()}
    held = ", ".join(f"{label} {_found_and_expected(g)}" for label, g in groups.items() if len(g))
    parts = [f"RMSE found and expected: {held}"]
    parts += [] if truth is None else [f"of the map {_found_and_expected(truth)}"]
    return in_words.sentence(in_words.lettered(parts))


def _found_and_expected(table: pd.DataFrame) -> str:
    found, expected = (_root_mean_square(table[name]) for name in ("error", "expected_error"))
    return f"{found:.2f} and {expected:.2f} °C"


def _edges(table: pd.DataFrame) -> NDArray:
    """Bounds of the bins: quantiles of the dissimilarity."""
    return np.unique(np.quantile(table["dissimilarity"], np.linspace(0, 1, _BINS + 1)))


def _bin_of(table: pd.DataFrame, edges: NDArray) -> NDArray:
    """Number of the bin of each row, from 0; the outermost bins are open."""
    return np.digitize(table["dissimilarity"], edges[1:-1])


def _root_mean_square(values: ArrayLike) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _draw_held_out(axes: Axes, pairs: pd.DataFrame, model: ErrorModel, edges: NDArray) -> None:
    """Found and expected errors of each kind of group, and the model's line."""
    spread = model.standard_deviation(pairs["dissimilarity"])
    shift = model.share * pairs["beyond"]
    pairs = pairs.assign(
        bin=_bin_of(pairs, edges),
        error=pairs["predicted"] - pairs["observed"],
        expected=model.expected_error(shift, spread),
    )
    apart = _DODGE * pairs["dissimilarity"].max()
    for position, (kind, (_, marker, colour)) in enumerate(KINDS.items()):
        for _, group in pairs[pairs["kind"] == kind].groupby("bin"):
            if group["site"].nunique() < _FEWEST_SITES:
                continue
            x = group["dissimilarity"].mean() + (position - 1) * apart
            found, expected = (_root_mean_square(group[name]) for name in ("error", "expected"))
            look = {"color": colour, "zorder": 3}
            axes.vlines(x, *site_interval(group), linewidth=1.0, **look)
            axes.plot(x, found, marker, markersize=4, **look)
            axes.plot(x, expected, marker, markersize=6.5, markerfacecolor="none", **look)
    line = np.linspace(0, pairs["dissimilarity"].max(), 100)
    axes.plot(line, model.standard_deviation(line), color="black", zorder=2)
    axes.set(xlabel="Dissimilarity index (–)", ylabel="RMSE in the bin (°C)")
    axes.set(xlim=(0, None), ylim=(0, None), title="sites held out in groups")


def site_interval(group: pd.DataFrame) -> NDArray:
    """95 % bootstrap interval of the RMSE; sites are drawn, with all their pairs."""
    squares = group["error"].pow(2).groupby(group["site"]).agg(["sum", "size"]).to_numpy()
    rng, n = np.random.default_rng(_SEED), len(squares)
    sums = rng.multinomial(n, np.full(n, 1 / n), size=_DRAWS) @ squares
    return np.quantile(np.sqrt(sums[:, 0] / sums[:, 1]), [0.025, 0.975])


def _draw_map_errors(axes: Axes, truth: pd.DataFrame, edges: NDArray) -> None:
    """True and expected RMSE of the cells of each bin, and the ratio of the two above them."""
    by_bin = truth[["error", "expected_error"]].groupby(_bin_of(truth, edges))
    found = by_bin.agg(_root_mean_square)
    x = found.index.to_numpy()
    axes.vlines(x, found["error"], found["expected_error"], color="0.6", zorder=1)
    axes.plot(x, found["error"], "D", color="black", markersize=4.5)
    ring = {"markerfacecolor": "none", "markeredgewidth": 1.2, "markersize": 7}
    axes.plot(x, found["expected_error"], "D", color="black", **ring)
    for row in found.itertuples():
        ratio, top = row.expected_error / row.error, max(row.error, row.expected_error)
        place = {"xytext": (0, 8), "textcoords": "offset points", "ha": "center"}
        place["bbox"] = style.WHITE_BOX
        axes.annotate(f"{ratio:.2f}", (row.Index, top), **place)
    bounds = [f"{low:.2f}–\n{high:.2f}" for low, high in pairwise(edges)]
    axes.set_xticks(range(len(bounds)), bounds)
    axes.set(xlim=(-0.5, len(bounds) - 0.5), ylim=(0, 1.15 * found.to_numpy().max()))
    axes.set(xlabel="Dissimilarity index, bins (–)", ylabel="RMSE of the map (°C)")
    axes.set_title("the whole map; numbers: expected / true")


def _mark_threshold(axes: Axes, place: float, threshold: float) -> None:
    axes.axvline(place, color="0.3", linestyle="--", linewidth=0.8, zorder=0)
    look = {"rotation": 90, "ha": "right", "va": "bottom", "color": "0.3"}
    look |= {"transform": axes.get_xaxis_transform()}
    axes.text(place, 0.02, f"threshold {threshold:.2f} ", **look)


def _profile_handles(pairs: pd.DataFrame) -> list[Line2D]:
    """Entries of the legend: markers by kind, then what filled and open means."""
    present = [look for kind, look in KINDS.items() if (pairs["kind"] == kind).any()]
    dot = {"linestyle": "none", "markersize": 4.5}
    handles = [Line2D([], [], marker=m, color=c, label=label, **dot) for label, m, c in present]
    grey = {"color": "0.3", "marker": "D", **dot}
    return [
        *handles,
        Line2D([], [], label="filled: found (95 % interval)", **grey),
        Line2D([], [], label="open: expected", markerfacecolor="none", **grey),
        Line2D([], [], color="black", label="expected in the sites' range"),
    ]
