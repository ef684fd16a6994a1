"""Charts of the covariates before any forest: how alike, how representative, and in pairs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.cluster.hierarchy import dendrogram

from helpers.figures import in_words, layers, style
from helpers.figures.panel_grid import panel_grid, write_cells
from helpers.figures.style import (
    DOUBLE_COLUMN_MM,
    SINGLE_COLUMN_MM,
    journal_style,
    predictor_label,
    unit_text,
)
from helpers.selection.collinearity import SpearmanClusters
from helpers.selection.representativeness import compare_with_area, known_values
from helpers.study import Study

_BINS = 24
_MOST_PANELS, _MOST_PAIRS, _MOST_NAMES = 16, 12, 27
_WIDE_PANELS = 5  # of no more in a row, labels need no turning
_WIDE_CELLS = 11  # of no more in a row, numbers have room for all digits
_MAP_COLOUR, _SITES_COLOUR = "0.8", style.FROZEN_COLOUR


@journal_style
def correlation_clusters(
    clusters: SpearmanClusters, n_sites: int, study: Study | None = None
) -> Figure:
    """Spearman correlations in the order of their clusters, and the tree that joins them.

    Boxes hold the clusters; the dashed line in the tree is where it was cut. ``n_sites`` is the
    number of sites behind the correlations. Of more than 27 covariates not all have their name,
    and the cells no numbers.
    """
    order = clusters.order
    n, every = len(order), -(-len(order) // _MOST_NAMES)
    longest = max(len(name) for name in order)
    height_mm = 7 * min(n, _MOST_NAMES) + 34 + longest
    figure = style.new_figure(DOUBLE_COLUMN_MM, min(height_mm, style.TALLEST_MM))
    left, right = figure.subplots(1, 2, width_ratios=[2.6, 1])
    matrix = clusters.correlation.loc[order, order].to_numpy()
    lower = np.where(np.tri(n, dtype=bool), matrix, np.nan)
    norm = Normalize(-1, 1)
    image = left.imshow(lower, cmap=style.DIFFERENCE_COLOURS, norm=norm, aspect="auto")
    if every == 1:
        short = n > _WIDE_CELLS
        write_cells(image, lower, lambda value: _correlation_text(value, short))
    _box_clusters(left, clusters.labels[order].to_numpy())
    labels = [style.printed_name(name) for name in order[::every]]
    left.set_xticks(range(0, n, every), labels, rotation=45, ha="right")
    left.set_yticks(range(0, n, every), labels)
    left.spines[:].set_visible(False)
    left.set_title("rank correlation" + (f"; every {every}th is named" if every > 1 else ""))
    label = f"Spearman's ρ (–), n = {n_sites}"
    figure.colorbar(image, ax=left, label=label, location="bottom", aspect=30, shrink=0.7)
    _draw_tree(right, clusters)
    style.letter_panels([left, right])
    text = f"{n} covariates in {clusters.labels.nunique()} clusters, {n_sites} sites"
    style.with_numbers(figure, in_words.sentence(text, _strongest(clusters.correlation)))
    return style.mark_virtual(figure, study)


def _correlation_text(value: float, short: bool) -> str:
    text = style.minus(f"{value:.2f}")
    return text.replace("0.", ".").replace("1.00", "1") if short else text


def _strongest(correlation: pd.DataFrame) -> str:
    """The pair that is most alike; nothing if there is no pair."""
    pairs = correlation.where(np.tri(len(correlation), k=-1, dtype=bool)).stack().dropna()
    if pairs.empty:
        return ""
    one, other = pairs.abs().idxmax()
    names = f"{style.printed_name(one)} and {style.printed_name(other)}"
    return f"strongest correlation {pairs[one, other]:.2f}, {names}"


def _box_clusters(axes: Axes, labels: NDArray) -> None:
    """A box around each block of equal labels on the diagonal."""
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        corner, size = rows[0] - 0.5, len(rows)
        box = Rectangle((corner, corner), size, size, fill=False, linewidth=1.2, clip_on=False)
        axes.add_patch(box)


def _draw_tree(axes: Axes, clusters: SpearmanClusters) -> None:
    """Tree whose leaves stand beside the rows of the matrix."""
    n = len(clusters.order)
    if n > 1:
        dendrogram(
            clusters.linkage,
            orientation="right",
            ax=axes,
            no_labels=True,
            color_threshold=0,
            above_threshold_color="0.2",
        )
    cut = 1 - clusters.threshold
    axes.axvline(cut, color=style.THAWED_COLOUR, linestyle="--")
    # Leaves of scipy stand at 5, 15, 25 ...
    axes.set(xlim=(0, 1), ylim=(10 * n, 0), xlabel="Distance 1 − |ρ| (–)")
    axes.set_yticks([])
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.set_title(f"clusters, cut at {cut:.2g}")


@journal_style
def site_distributions(
    training: pd.DataFrame, covariates: xr.Dataset, names: Sequence[str], study: Study
) -> Figure:
    """Each covariate at the sites and over the mapped area, as shares of sites and of cells.

    Dashed lines stand at the lowest and highest site; above each panel is the share of the map
    beyond them and the distance of Kolmogorov and Smirnov. Of more than sixteen covariates those
    with the largest distance are shown.
    """
    n, table = len(names), compare_with_area(training, covariates, list(names))
    if n > _MOST_PANELS:
        largest = table["distance"].nlargest(_MOST_PANELS).index
        table = table[table.index.isin(largest)]
    names = list(table.index)
    rows, columns = style.rows_and_columns(len(names), 4)
    width = DOUBLE_COLUMN_MM if columns > 1 else SINGLE_COLUMN_MM
    figure = style.new_figure(width, 46 * rows + 14)
    panels = panel_grid(figure, len(names), rows, columns, sharey=True)
    for axes, name in zip(panels, names, strict=True):
        row = table.loc[name]
        _draw_distributions(axes, *known_values(training, covariates, name))
        axes.set_xlabel(predictor_label(name, row["units"]))
        beyond = row["share_below"] + row["share_above"]
        axes.set_title(f"beyond sites {100 * beyond:.0f} %\nK–S {row['distance']:.2f}")
    for axes in panels[::columns]:
        axes.set_ylabel("Share (%)")
    style.letter_panels(panels)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3)
    shares = (table["share_below"] + table["share_above"]).loc[names]
    parts = [f"{style.printed_name(name)} {in_words.percent(s)}" for name, s in shares.items()]
    text = f"{len(training)} sites; share of the map beyond them: {in_words.lettered(parts)}"
    more = in_words.shown_of(len(names), n, "covariates, those least alike")
    style.with_numbers(figure, in_words.sentence(text, more))
    return style.mark_virtual(figure, study)


def _draw_distributions(axes: Axes, sites: NDArray, area: NDArray) -> None:
    low, high = np.quantile(area, [0.002, 0.998])
    edges = np.linspace(min(low, sites.min()), max(high, sites.max()), _BINS + 1)
    edges = edges if edges[-1] > edges[0] else edges[0] + np.array([-0.5, 0.5])
    for values, label, look in (
        (area, "mapped area", {"histtype": "stepfilled", "color": _MAP_COLOUR}),
        (sites, "sites", {"histtype": "step", "color": _SITES_COLOUR, "linewidth": 1.2}),
    ):
        # What lies beyond the edges counts in the outermost bins.
        inside = np.clip(np.asarray(values, dtype=float), edges[0], edges[-1])
        weights = np.full(len(values), 100 / len(values))
        axes.hist(inside, edges, weights=weights, label=label, **look)
    for position, value in enumerate((sites.min(), sites.max())):
        label = None if position else "lowest, highest site"
        axes.axvline(value, color="black", linestyle="--", linewidth=0.7, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(4))


@journal_style
def pair_plot(
    training: pd.DataFrame, names: Sequence[str], study: Study, units: Mapping[str, str]
) -> Figure:
    """Every two covariates against each other at the sites, in the colours of t15.

    Circles are frozen, triangles unfrozen; on the diagonal, how many sites have which value. A
    site without one of the two values is not drawn. ``units`` gives the unit of each covariate.
    Of more than twelve the first are shown.
    """
    more = in_words.shown_of(_MOST_PAIRS, len(names), "covariates")
    names = list(names)[:_MOST_PAIRS]
    n = len(names)
    width = DOUBLE_COLUMN_MM if n > 1 else SINGLE_COLUMN_MM
    figure = style.new_figure(width, min(60 * n, DOUBLE_COLUMN_MM) + 10)
    panels = figure.subplots(n, n, sharex="col", squeeze=False)
    for row, column in np.ndindex(n, n):
        axes = panels[row, column]
        if column > row:
            axes.remove()
        elif column == row:
            axes.hist(training[names[row]].dropna(), 12, color="0.75", edgecolor="0.3", lw=0.4)
            axes.set_yticks([] if n > 1 else axes.get_yticks())
        else:
            _draw_pair(axes, training, names[column], names[row], study)
            if column:
                axes.sharey(panels[row, 0])
                axes.tick_params(labelleft=False)
    _label_pairs(panels, names, units)
    if n > 1:
        _pair_legend(figure, training, study)
    temperature = in_words.temperature_numbers(training["t15_c"])
    style.with_numbers(figure, in_words.sentence(f"{len(training)} sites; t15 {temperature}", more))
    return style.mark_virtual(figure, study)


def _draw_pair(axes: Axes, training: pd.DataFrame, x: str, y: str, study: Study) -> None:
    frozen = training["t15_c"] <= 0
    for part, marker in ((frozen, "o"), (~frozen, "^")):
        axes.scatter(
            training.loc[part, x],
            training.loc[part, y],
            c=training.loc[part, "t15_c"],
            cmap=style.TEMPERATURE_COLOURS,
            norm=style.temperature_norm(study),
            marker=marker,
            s=9,
            edgecolor="black",
            linewidth=0.25,
        )


def _wrapped(name: str, units: Mapping[str, str], width: int) -> str:
    """Label of a covariate in lines no longer than ``width`` where words allow it."""
    unit = unit_text(units.get(name, "1"))
    return f"{textwrap.fill(style.printed_name(name), width, break_long_words=False)}\n({unit})"


def _label_pairs(panels: NDArray, names: Sequence[str], units: Mapping[str, str]) -> None:
    """Names and few numbers along the left and lower side; turned if there are many panels."""
    many = len(names) > _WIDE_PANELS
    turn = 90 if many else 0
    beside = {"rotation": 0, "ha": "right", "va": "center", "ma": "center"} if many else {}
    for position, name in enumerate(names):
        below, left = panels[-1, position], panels[position, 0]
        below.set_xlabel(_wrapped(name, units, 20), rotation=turn)
        below.xaxis.set_major_locator(MaxNLocator(2))
        below.tick_params(axis="x", rotation=turn)
        if position:
            left.set_ylabel(_wrapped(name, units, 11), **beside)
            left.yaxis.set_major_locator(MaxNLocator(2))
    panels[0, 0].set_ylabel("Sites (n)" if len(names) == 1 else "")
    panels[0, 0].figure.align_xlabels(panels[-1])


def _pair_legend(figure: Figure, training: pd.DataFrame, study: Study) -> None:
    """Colour bar and markers in the empty upper right."""
    colours = ScalarMappable(style.temperature_norm(study), style.TEMPERATURE_COLOURS)
    place = figure.add_axes((0.62, 0.93, 0.35, 0.015))
    label = layers.temperature_label(study)
    figure.colorbar(colours, cax=place, label=label, orientation="horizontal", extend="both")
    count = (training["t15_c"] <= 0).sum()
    handles = [
        layers.marker_handle("o", f"frozen (n = {count})", markerfacecolor="white"),
        layers.marker_handle("^", f"unfrozen (n = {len(training) - count})", markerfacecolor="w"),
    ]
    figure.legend(handles=handles, loc="upper right", bbox_to_anchor=(0.98, 0.86))
