"""Charts of the cross-validation: scatter, distance curves, confusion matrices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from helpers.figures import in_words, style
from helpers.figures.design_charts import design_label, draw_distance_curves
from helpers.figures.panel_grid import write_cells
from helpers.figures.style import DOUBLE_COLUMN_MM, SINGLE_COLUMN_MM, journal_style
from helpers.held_out import quantile_name
from helpers.study import Study


@journal_style
def validation_scatter(
    held_out: Mapping[str, pd.DataFrame], scores: Mapping[str, Mapping[str, Any]], study: Study
) -> Figure:
    """Held-out predictions against observations, one panel for each design, on the same axes.

    Parameters
    ----------
    held_out
        Design -> table with observed, predicted and the outermost quantiles (deg C).
    scores
        Design -> scores of :func:`helpers.scores.regression_scores`.
    study
        Gives the depth and the quantiles.

    """
    figure = style.new_figure(DOUBLE_COLUMN_MM, DOUBLE_COLUMN_MM / len(held_out) + 12)
    panels = figure.subplots(1, len(held_out), sharex=True, sharey=True, squeeze=False)[0]
    depth = f"temperature at {study.boreholes.depth_m:g} m (°C)"
    levels = [min(study.forest.quantiles), max(study.forest.quantiles)]
    columns = ["observed", "predicted", *map(quantile_name, levels)]
    values = np.concatenate([table[columns].to_numpy().ravel() for table in held_out.values()])
    limits = np.floor(values.min()), np.ceil(values.max())
    for axes, (design, table) in zip(panels, held_out.items(), strict=True):
        _draw_scatter(axes, table, limits, levels)
        # Above the panel, where it covers no site.
        axes.set_title(f"{design_label(design)}\n{_score_text(scores[design])}")
        axes.set_xlabel(f"Observed {depth}")
    panels[0].set_ylabel(f"Predicted {depth}")
    style.letter_panels(panels)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=5)
    parts = [
        f"{design_label(design)}: {_score_text(scores[design])}".replace("\n", " ")
        for design in held_out
    ]
    style.with_numbers(figure, in_words.sentence(in_words.lettered(parts)))
    return style.mark_virtual(figure, study)


def _draw_scatter(
    axes: Axes, table: pd.DataFrame, limits: tuple[float, float], levels: list[float]
) -> None:
    low, high = limits
    observed, predicted = table["observed"], table["predicted"]
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    grey = {"facecolor": "0.92", "linewidth": 0, "zorder": 0}
    axes.add_patch(Rectangle((low, 0), -low, high, label="wrong side of 0 °C", **grey))
    axes.add_patch(Rectangle((0, low), high, -low, **grey))
    axes.plot(limits, limits, color="black", linewidth=0.6, zorder=2, label="1:1 line")
    label = f"{100 * (levels[1] - levels[0]):.0f} % interval"
    light = {"color": "0.72", "linewidth": 0.7, "zorder": 1, "label": label}
    axes.vlines(observed, *(table[quantile_name(level)] for level in levels), **light)
    for part, marker, colour, label in (
        (observed <= 0, "o", style.FROZEN_COLOUR, "observed frozen"),
        (observed > 0, "^", style.THAWED_COLOUR, "observed unfrozen"),
    ):
        look = {"s": 13, "marker": marker, "color": colour, "edgecolor": "white", "linewidth": 0.3}
        axes.scatter(observed[part], predicted[part], zorder=3, label=label, **look)


def _score_text(scores: Mapping[str, Any]) -> str:
    low, high = scores["rmse_interval"]
    text = (
        f"n = {scores['n']}, RMSE {scores['rmse']:.2f} °C ({low:.2f} to {high:.2f}),\n"
        f"bias {scores['bias']:+.2f} °C, model efficiency {scores['model_efficiency']:.2f}"
    )
    return style.minus(text)


@journal_style
def distance_curves(
    distances: Mapping[str, ArrayLike], w: Mapping[str, float], study: Study | None = None
) -> Figure:
    """Cumulative nearest-neighbour distances: of the map to the sites, and of the designs.

    Parameters
    ----------
    distances
        Label -> distances, m; the map first, as a heavy line.
    w
        Label -> area W between the curve and that of the map, m, for the labels that have one.
    study
        Says whether the boreholes are virtual.

    """
    figure = style.new_figure(SINGLE_COLUMN_MM, 85)
    axes = figure.subplots()
    draw_distance_curves(axes, distances, w)
    # All curves rise to 1, which leaves the lower right corner free.
    white = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 0.8}
    axes.legend(loc="lower right", borderaxespad=0.5, handlelength=1.8, **white)
    parts = [
        f"{design_label(label)} {np.median(metres) / 1000:.0f} km"
        + (f" (W {w[label] / 1000:.1f} km)" if label in w else "")
        for label, metres in distances.items()
    ]
    style.with_numbers(figure, in_words.sentence(f"Median distances: {', '.join(parts)}"))
    return style.mark_virtual(figure, study)


@journal_style
def confusion_matrices(
    frozen_scores: Mapping[str, Any],
    class_scores: Mapping[str, Any],
    study: Study | None = None,
) -> Figure:
    """Confusion matrices of held-out predictions: frozen or not, and the thermal classes.

    Both are results of :func:`helpers.scores.classification_scores`. Rows are predicted, columns
    observed; user's accuracy stands to the right, producer's accuracy below.
    """
    both = (frozen_scores, class_scores)
    sizes = [len(scores["labels"]) + 1 for scores in both]
    figure = style.new_figure(DOUBLE_COLUMN_MM, 9 * max(sizes) + 42)
    panels = figure.subplots(1, 2, width_ratios=[max(size, 3.5) for size in sizes])
    for axes, scores, title in zip(panels, both, ("frozen or not", "thermal classes"), strict=True):
        _draw_confusion(axes, scores)
        low, high = scores["overall_accuracy_interval"]
        accuracy = f"overall accuracy {scores['overall_accuracy']:.2f}"
        axes.set_title(f"{title} (n = {scores['n']})\n{accuracy} ({low:.2f} to {high:.2f})")
    style.letter_panels(panels)
    parts = [
        "overall accuracy "
        + in_words.with_interval(s["overall_accuracy"], *s["overall_accuracy_interval"], "1")
        for s in both
    ]
    text = f"{in_words.lettered(parts)}; n = {frozen_scores['n']}"
    style.with_numbers(figure, in_words.sentence(text))
    return style.mark_virtual(figure, study)


def _draw_confusion(axes: Axes, scores: Mapping[str, Any]) -> None:
    labels, counts = scores["labels"], np.asarray(scores["confusion_matrix"])
    n = len(labels)
    image = axes.imshow(counts, cmap=style.PROBABILITY_COLOURS, vmin=0, aspect="auto")
    write_cells(image, counts, "{:.0f}".format, bold_diagonal=True)
    for i, label in enumerate(labels):
        margin = {"ha": "center", "va": "center", "fontstyle": "italic"}
        axes.text(n, i, _share_text(scores["users_accuracy"][label]), **margin)
        axes.text(i, n, _share_text(scores["producers_accuracy"][label]), **margin)
    axes.set(xlim=(-0.5, n + 0.5), ylim=(n + 0.5, -0.5))
    axes.set_xticks(range(n + 1), [*labels, "user's\naccuracy"], rotation=45, ha="right")
    axes.set_yticks(range(n + 1), [*labels, "producer's\naccuracy"])
    axes.set(xlabel="Observed class (sites)", ylabel="Predicted class (sites)")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _share_text(share: float | None) -> str:
    """Share with two decimals; a dash where no site is in the class."""
    return "–" if share is None or np.isnan(share) else f"{share:.2f}"
