"""Small maps side by side: covariates, applicability, and the truth of a virtual study."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import xarray as xr
from cartopy.mpl.geoaxes import GeoAxes
from matplotlib.artist import Artist
from matplotlib.colors import Colormap, Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from helpers.figures import in_words, layers, style
from helpers.figures.base_map import height_over_width, map_axes
from helpers.figures.style import (
    DOUBLE_COLUMN_MM,
    SINGLE_COLUMN_MM,
    journal_style,
    predictor_label,
    unit_text,
)
from helpers.study import Study
from helpers.validation import error_against_truth

MOST_MAPS, _MOST_COLUMNS = 16, 6
_LEFT_MM, _TITLE_MM = 12.5, 6.0  # of each small map, for its parallels and its title
# How much wider than its map a label may be, and the width of a letter in it and in a title.
_BESIDE_MM, _LETTER_MM, _TITLE_LETTER_MM = 8.0, 1.45, 1.65


@journal_style
def covariate_maps(study: Study, covariates: xr.Dataset, names: Sequence[str]) -> Figure:
    """Small maps of covariates, each with its own colour bar.

    Of more than sixteen the first, but predictors before others.

    Parameters
    ----------
    study
        Area and outline.
    covariates
        Dataset on the study grid; attributes give long name and units.
    names
        Covariates to show.

    """
    n = len(names)
    if n > MOST_MAPS:
        names = sorted(names, key=lambda name: name not in study.forest.predictors)[:MOST_MAPS]
    figure, axes = map_rows(study, len(names))
    for one, name in zip(axes, names, strict=True):
        layer = covariates[name]
        units = layer.attrs.get("units", "1")
        colours, norm = _covariate_colours(layer, units)
        image = layers.draw_layer(one, layer, study, colours, norm)
        # No line breaks inside a unit.
        unit = unit_text(units).replace(" ", "\N{NO-BREAK SPACE}")
        words = f"{layer.attrs.get('long_name', name)} ({unit})"
        bar = layers.bar_below(one, image, below_map(one, words[0].upper() + words[1:]), "both")
        bar.locator = MaxNLocator(4)
        one.set_title(above_map(one, predictor_label(name, units)))
    style.letter_panels(axes)
    return style.with_numbers(figure, _covariate_numbers(covariates, names, n))


def _covariate_numbers(covariates: xr.Dataset, names: Sequence[str], n: int) -> str:
    """Median and range of each covariate over the map, and whether there are more."""
    parts = [
        f"{style.printed_name(name)} "
        + in_words.median_and_range(covariates[name], covariates[name].attrs.get("units", "1"))
        for name in names
    ]
    text = f"Medians and ranges: {in_words.lettered(parts)}"
    return in_words.sentence(text, in_words.shown_of(len(names), n, "covariates"))


@journal_style
def applicability_map(study: Study, result: xr.Dataset, threshold: float | None = None) -> Figure:
    """Dissimilarity index and local point density, hatched outside the area of applicability.

    ``threshold`` (of the dissimilarity index) is marked on its colour bar.
    """
    index, density = result["dissimilarity_index"], result["local_point_density"]
    density = density.where(density >= 0)
    # The root spreads the small values, where the threshold lies.
    to_root = PowerNorm(0.5, 0, layers.robust_range(index)[1])
    to_most = Normalize(0, layers.robust_range(density)[1])
    figure, axes = map_rows(study, 2)
    image = layers.draw_layer(axes[0], index, study, style.WIDTH_COLOURS, to_root)
    bar = layers.bar_below(axes[0], image, "Dissimilarity index (–)", "max")
    if threshold is not None:
        bar.ax.plot([threshold] * 2, [-0.4, 1.4], color="black", clip_on=False)
        bar.set_label(f"Dissimilarity index (–); line: threshold {threshold:.2f}")
    image = layers.draw_layer(axes[1], density, study, style.PROBABILITY_COLOURS, to_most)
    layers.bar_below(axes[1], image, "Local point density (sites)", "max")
    for one, title in zip(axes, ("dissimilarity index", "local point density"), strict=True):
        one.set_title(title)
        handles = layers.hatch_outside(one, result, study)
    legend_below(figure, handles)
    style.letter_panels(axes)
    limit = "" if threshold is None else f", threshold {threshold:.2f}"
    parts = [
        f"median dissimilarity {in_words.median_and_range(index, '1')}{limit}",
        f"median local point density {in_words.median_and_range(density, '1', 0)} sites",
    ]
    text, outside = in_words.lettered(parts), in_words.outside_numbers(result)
    style.with_numbers(figure, in_words.sentence(text, outside))
    return style.mark_virtual(figure, study)


@journal_style
def truth_comparison(study: Study, truth: xr.DataArray, result: xr.Dataset) -> Figure:
    """True, predicted, and predicted minus true ground temperature; only for virtual boreholes.

    Parameters
    ----------
    study
        Area, outline, depth.
    truth
        True temperature (y, x) on the grid of the result, deg C.
    result
        Dataset of :func:`helpers.mapping.predict_map` with a domain of applicability.

    """
    difference = result["t15"] - truth
    errors = error_against_truth(result, truth)
    everywhere, inside = (errors[part]["rmse"] for part in ("whole map", "inside"))
    figure, axes = map_rows(study, 3)
    for one, layer, title in zip(axes, (truth, result["t15"]), ("true", "predicted"), strict=False):
        image = layers.draw_temperature(one, layer, study)
        handles = layers.draw_contour(one, layer, study, 0.0, "0 °C isotherm")
        layers.bar_below(one, image, layers.temperature_label(study), "both")
        one.set_title(title)
    handles += layers.hatch_outside(axes[1], result, study)
    words = f"RMSE {everywhere:.2f}, where applicable {inside:.2f} °C"
    draw_difference(axes[2], difference, study, f"Predicted − true (°C)\n{words}")
    layers.hatch_outside(axes[2], result, study)
    axes[2].set_title("difference: (b) − (a)")
    legend_below(figure, handles)
    style.letter_panels(axes)
    parts = [in_words.temperature_numbers(layer) for layer in (truth, result["t15"])]
    parts.append(f"mean difference {errors['whole map']['bias']:+.2f} °C, {words}")
    text, outside = in_words.lettered(parts), in_words.outside_numbers(result)
    style.with_numbers(figure, in_words.sentence(text, outside))
    return style.mark_virtual(figure, study)


def below_map(axes: GeoAxes, label: str) -> str:
    """Label of a colour bar in lines that fit below its map."""
    return textwrap.fill(label, int(_room_mm(axes) / _LETTER_MM))


def above_map(axes: GeoAxes, title: str) -> str:
    """Title, after its letter, that does not reach into the next; the caption has all of it."""
    most = int(_room_mm(axes) / _TITLE_LETTER_MM) - len("(a) ")
    return textwrap.shorten(title, most, placeholder=" …")


def _room_mm(axes: GeoAxes) -> float:
    width_mm = axes.get_position().width * axes.figure.get_figwidth() * style.MM_PER_INCH
    return width_mm + _BESIDE_MM


def draw_difference(axes: GeoAxes, difference: xr.DataArray, study: Study, label: str) -> None:
    """Difference of two temperatures, deg C, in colours that are even around 0, with its bar."""
    reach = max(abs(bound) for bound in layers.robust_range(difference))
    norm, colours = Normalize(-reach, reach), style.DIFFERENCE_COLOURS
    image = layers.draw_layer(axes, difference, study, colours, norm)
    layers.bar_below(axes, image, label, "both")


def map_rows(study: Study, count: int) -> tuple[Figure, list[GeoAxes]]:
    """Figure with small maps row by row; a colour bar and its label fit below each.

    Three stand in a row, more if the page would be too high.
    """
    for most_columns in range(3, _MOST_COLUMNS + 1):
        rows, columns = style.rows_and_columns(count, most_columns)
        width_mm = DOUBLE_COLUMN_MM if columns > 1 else SINGLE_COLUMN_MM
        cell_mm = width_mm / columns
        # Narrow maps need room for the label of the last meridian, and for longer labels below.
        right_mm, below_mm = (2.0, 22.0) if columns <= 3 else (4.0, 25.0)
        map_mm = cell_mm - _LEFT_MM - right_mm
        row_mm = map_mm * height_over_width(study) + below_mm + _TITLE_MM
        height_mm = rows * row_mm + style.NOTE_MM
        if height_mm <= style.TALLEST_MM:
            break
    figure = style.new_figure(width_mm, height_mm, layout=None)
    places = [
        (
            i % columns * cell_mm + _LEFT_MM,
            (rows - 1 - i // columns) * row_mm + below_mm + style.NOTE_MM,
        )
        for i in range(count)
    ]
    return figure, [map_axes(figure, study, (*place, map_mm)) for place in places]


def _covariate_colours(layer: xr.DataArray, units: str) -> tuple[Colormap, Normalize]:
    """Colours by unit; what lies on both sides of 0, as topographic position, is centred there."""
    low, high = layers.robust_range(layer)
    if units not in style.COVARIATE_COLOURS and -low > 0.2 * high > 0:
        return style.DIFFERENCE_COLOURS, Normalize(-max(-low, high), max(-low, high))
    return style.COVARIATE_COLOURS.get(units, style.SEQUENTIAL_COLOURS), Normalize(low, high)


def legend_below(figure: Figure, handles: list[Artist]) -> None:
    """Legend in one line, left of the note."""
    for handle in handles:
        handle.set_label(handle.get_label().replace("\n", " "))
    figure.legend(handles=handles, loc="lower left", ncols=len(handles), borderaxespad=0.3)
