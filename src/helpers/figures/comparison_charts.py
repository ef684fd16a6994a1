"""The map beside another map of ground temperature: three maps, and cell against cell."""

from __future__ import annotations

import textwrap

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullFormatter

from helpers.figures import in_words, layers, style
from helpers.figures.panel_grid import write_cells
from helpers.figures.small_maps import below_map, draw_difference, legend_below, map_rows
from helpers.figures.style import DOUBLE_COLUMN_MM, journal_style
from helpers.products import Comparison
from helpers.study import Study

_MOST_BINS = 120


@journal_style
def comparison_map(study: Study, result: xr.Dataset, comparison: Comparison) -> Figure:
    """The map, the other map, and their difference, where not applicable hatched.

    Parameters
    ----------
    study
        Area, outline, depth.
    result
        Dataset of :func:`helpers.mapping.predict_map` with a domain of applicability.
    comparison
        Result of :func:`helpers.products.compare_with` for that map.

    """
    figure, axes = map_rows(study, 3)
    name = style.printed_name(comparison.name)
    shown = (
        (result["t15"], "this map", layers.temperature_label(study)),
        (comparison.other, name, _other_label(comparison)),
    )
    for one, (layer, title, label) in zip(axes, shown, strict=False):
        image = layers.draw_temperature(one, layer, study)
        handles = layers.draw_contour(one, layer, study, 0.0, "0 °C isotherm")
        layers.bar_below(one, image, below_map(one, label), "both")
        one.set_title(title)
    words = f"Difference (°C)\n{_difference_text(comparison)}"
    draw_difference(axes[2], comparison.difference, study, words)
    handles += layers.hatch_outside(axes[0], result, study)
    layers.hatch_outside(axes[2], result, study)
    axes[2].set_title("difference: (a) − (b)")
    legend_below(figure, handles)
    style.letter_panels(axes)
    parts = [f"{title} {in_words.temperature_numbers(layer)}" for layer, title, _ in shown]
    parts.append(_difference_text(comparison))
    text, outside = in_words.lettered(parts), in_words.outside_numbers(result)
    style.with_numbers(figure, in_words.sentence(text, outside))
    return style.mark_virtual(figure, study)


@journal_style
def comparison_chart(study: Study, result: xr.Dataset, comparison: Comparison) -> Figure:
    """The two maps cell against cell (a), and the area of each pair of thermal classes (b).

    Grey quadrants in (a): one map is frozen and the other is not. Parameters are those of
    :func:`comparison_map`.
    """
    n = len(study.classes)
    figure = style.new_figure(DOUBLE_COLUMN_MM, 84)
    figure.get_layout_engine().set(w_pad=0.12)  # inches; labels of the panels keep apart
    left, right = figure.subplots(1, 2)
    _draw_cells(left, study, result["t15"], comparison)
    _draw_class_areas(right, study, comparison)
    frozen, classes = comparison.frozen, comparison.classes
    r = _two_digits(comparison.numbers["correlation"])
    agreement = f"frozen or not: agreement {frozen['overall_agreement']:.2f}"
    maps = f"this map − {style.printed_name(comparison.name)}:"
    left.set_title(f"{maps}\n{_difference_text(comparison)}\nr = {r}; {agreement}")
    words = f"agreement {classes['overall_agreement']:.2f}, kappa {_two_digits(classes['kappa'])}"
    right.set_title(f"{n} thermal classes:\n{words}")
    style.letter_panels([left, right])
    parts = [
        f"{maps} {_difference_text(comparison)}, r = {r}, {agreement}",
        f"{n} classes: {words}",
    ]
    style.with_numbers(figure, in_words.sentence(in_words.lettered(parts)))
    return style.mark_virtual(figure, study)


def _draw_cells(axes: Axes, study: Study, ours: xr.DataArray, comparison: Comparison) -> None:
    """Number of cells by both temperatures, with the 1:1 line."""
    values, others = ours.to_numpy(), comparison.other.to_numpy()
    both = np.isfinite(values) & np.isfinite(others)
    values, others = values[both], others[both]
    limits = np.floor(min(values.min(), others.min())), np.ceil(max(values.max(), others.max()))
    low, high = limits
    if low < 0 < high:
        grey = {"facecolor": "0.92", "linewidth": 0, "zorder": 0}
        axes.add_patch(Rectangle((low, 0), -low, high, **grey))
        axes.add_patch(Rectangle((0, low), high, -low, **grey))
    edges = np.linspace(low, high, int(min(_MOST_BINS, np.sqrt(len(values)))) + 1)
    counts = np.histogram2d(others, values, [edges, edges])[0].T
    image = axes.pcolormesh(
        edges,
        edges,
        np.where(counts, counts, np.nan),
        cmap=style.SEQUENTIAL_COLOURS,
        norm=LogNorm(1, max(counts.max(), 10)),
        rasterized=True,
        zorder=1,
    )
    axes.plot(limits, limits, color="black", linewidth=0.6, zorder=2)
    bar = axes.figure.colorbar(image, ax=axes, label="Cells (n)", aspect=25, format="{x:,.0f}")
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    label = textwrap.fill(_other_label(comparison), 48)
    axes.set(xlabel=label, ylabel=f"This map: {study.boreholes.depth_m:g} m (°C)")


def _draw_class_areas(axes: Axes, study: Study, comparison: Comparison) -> None:
    """Matrix of areas (10^4 km2): rows this map, columns the other."""
    labels = comparison.classes["labels"]
    areas = np.asarray(comparison.classes["cells"]) * study.grid.resolution_m**2 / 1e10
    image = axes.imshow(areas, cmap=style.PROBABILITY_COLOURS, vmin=0, aspect="auto")
    write_cells(image, areas, _area_text, bold_diagonal=True)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    name = style.printed_name(comparison.name)
    axes.set(xlabel=f"Class in {name} (area, 10⁴ km²)", ylabel="Class in this map")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _area_text(area: float) -> str:
    """Area in 10^4 km2 with one decimal; nothing where there is none."""
    if area == 0:
        return ""
    return f"{area:.1f}" if area >= 0.05 else "< 0.1"


def _difference_text(comparison: Comparison) -> str:
    numbers = comparison.numbers
    mean, root = numbers["mean_difference_c"], numbers["root_mean_square_difference_c"]
    return style.minus(f"mean difference {mean:+.2f}, RMSD {root:.2f} °C")


def _other_label(comparison: Comparison) -> str:
    """What the other map shows, with its unit; one word is a bare name and needs another."""
    words = comparison.long_name
    if len(words.split()) == 1:
        words = f"other map: {style.printed_name(words)}"
    return f"{_capital(words)} (°C)"


def _two_digits(value: float) -> str:
    """Number with two decimals; a dash where it is undefined."""
    return "–" if np.isnan(value) else style.minus(f"{value:.2f}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
