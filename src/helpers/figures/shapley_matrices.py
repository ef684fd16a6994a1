"""Charts of Shapley values by pair and by fold: interactions, stability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.figures import in_words, style
from helpers.figures.panel_grid import write_cells
from helpers.figures.shapley_charts import swarm
from helpers.figures.style import (
    DOUBLE_COLUMN_MM,
    SINGLE_COLUMN_MM,
    journal_style,
    printed_name,
)
from helpers.study import Study

_MOST_ROWS = 20


@journal_style
def interaction_matrix(
    interactions: NDArray, names: tuple[str, ...], study: Study | None = None
) -> Figure:
    """Mean absolute main effect of each predictor, and mean absolute interaction of each pair.

    The number of a pair is the sum of both its halves, which stand on either side of the diagonal
    of the interactions: so much the pair adds together, as the number of a single predictor is
    what it adds alone.

    Parameters
    ----------
    interactions
        Of :func:`helpers.shapley.interaction_values`, deg C, (places, predictors, predictors).
    names
        Names of the predictors.
    study
        Says whether the boreholes are virtual.

    """
    size = np.abs(interactions).mean(axis=0)
    whole = size + np.where(np.eye(len(size)), 0, size)
    shown = np.where(np.tri(len(size)), whole, np.nan)
    side = min(11.0 * len(size) + 40, DOUBLE_COLUMN_MM)
    figure = style.new_figure(max(side + 10, SINGLE_COLUMN_MM), side)
    axes = figure.add_subplot()
    image = axes.imshow(shown, cmap=style.WIDTH_COLOURS, norm=Normalize(0, whole.max() or 1))
    write_cells(image, shown, "{:.2f}".format)
    labels = [printed_name(name) for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), labels)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("diagonal: alone; below: in pairs (both halves)")
    figure.colorbar(image, ax=axes, label="Mean |effect on the prediction| (°C)", shrink=0.9)
    style.with_numbers(figure, _interaction_numbers(whole, names))
    return style.mark_virtual(figure, study)


def _interaction_numbers(whole: NDArray, names: Sequence[str]) -> str:
    """What each predictor adds alone, and the pair that adds most."""
    alone = ", ".join(
        f"{printed_name(name)} {value:.2f}"
        for name, value in zip(names, whole.diagonal(), strict=True)
    )
    text = f"Alone (°C): {alone}"
    if len(names) == 1:
        return in_words.sentence(text)
    pairs = np.where(np.tri(len(whole), k=-1), whole, -1)
    one, other = np.unravel_index(pairs.argmax(), pairs.shape)
    pair = f"{printed_name(names[other])} and {printed_name(names[one])}"
    return in_words.sentence(text, f"largest pair {pair} {whole[one, other]:.2f} °C")


@journal_style
def shapley_stability(by_fold: pd.DataFrame, study: Study | None = None) -> Figure:
    """Importance of each predictor in the forests without each fold (a), and its rank there (b).

    Of more than twenty predictors those with the largest mean are shown.

    Parameters
    ----------
    by_fold
        Of :func:`helpers.shapley.shapley_by_fold`. Each dot is a fold left out, the bar the mean.
    study
        Says whether the boreholes are virtual.

    """
    size = by_fold.pivot(index="predictor", columns="fold", values="mean_absolute_c")
    n = len(size)
    order = size.mean(axis=1).sort_values(ascending=False, kind="stable").index
    size = size.loc[order[:_MOST_ROWS]]
    ranks = by_fold.pivot(index="predictor", columns="fold", values="rank").loc[size.index]
    figure = style.new_figure(DOUBLE_COLUMN_MM, 9 * len(size) + 34)
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    for row, values in enumerate(size.to_numpy()):
        look = {"facecolor": "white", "edgecolor": style.FROZEN_COLOUR, "linewidth": 0.7, "s": 14}
        left.scatter(values, row + 0.25 * swarm(values, size.to_numpy()), **look)
        left.vlines(values.mean(), row - 0.4, row + 0.4, color="0.1", linewidth=1.5)
    left.set_yticks(range(len(size)), [printed_name(name) for name in size.index])
    left.set(ylim=(len(size) - 0.5, -0.5), xlim=(0, None), xlabel="Mean |Shapley value| (°C)")
    left.set_title(f"without each of {size.shape[1]} folds")
    _draw_ranks(right, ranks)
    style.letter_panels([left, right])
    style.with_numbers(figure, _stability_numbers(size, ranks, n))
    return style.mark_virtual(figure, study)


def _stability_numbers(size: pd.DataFrame, ranks: pd.DataFrame, n: int) -> str:
    """Mean and range of each predictor's importance over the folds, and how often it is first."""
    parts = [
        f"{printed_name(name)} {in_words.with_interval(row.mean(), row.min(), row.max())}, "
        f"first in {(ranks.loc[name] == 1).sum()} of {size.shape[1]}"
        for name, row in size.iterrows()
    ]
    more = in_words.shown_of(len(size), n, "predictors")
    return in_words.sentence(f"Mean (range over the folds): {'; '.join(parts)}", more)


def _draw_ranks(axes: Axes, ranks: pd.DataFrame) -> None:
    """Share of the folds in which each predictor (row) has each rank (column)."""
    places = np.arange(1, len(ranks) + 1)
    share = np.array([100 * (ranks == place).mean(axis=1) for place in places]).T
    colours = {"cmap": style.PROBABILITY_COLOURS, "norm": Normalize(0, 100)}
    image = axes.imshow(share, aspect="auto", **colours)
    write_cells(image, np.where(share > 0, share, np.nan), "{:.0f}".format)
    every = 1 + (len(places) > 12)  # all labels of more would touch each other
    axes.set_xticks(places[::every] - 1, places[::every])
    axes.set_yticks([])
    axes.set(xlabel="Rank (1: largest)", title="folds with this rank (%)")
