"""Maps of the error to be expected, and of where further boreholes would help most."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from cartopy.mpl.geoaxes import GeoAxes
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.figure import Figure

from helpers.figures import in_words, layers, style
from helpers.figures.base_map import HALO, frame
from helpers.figures.one_map import finish_map, single_map
from helpers.figures.style import MM_PER_INCH, journal_style
from helpers.figures.towns import place_labels
from helpers.storage import ContractError
from helpers.study import Study

_SIDES = {-1: "right", 0: "center", 1: "left"}, {-1: "top", 0: "center", 1: "bottom"}
_GAP_PT = 4.5  # from the middle of a star to its number
_SITE = {"color": "white", "markeredgecolor": "black", "markeredgewidth": 0.5, "markersize": 3}
_STAR = {
    "color": style.SKY_BLUE,
    "markeredgecolor": "black",
    "markeredgewidth": 0.6,
    "markersize": 8,
}


@journal_style
def expected_error_map(study: Study, result: xr.Dataset) -> Figure:
    """Root mean square error to be expected in each cell, deg C, hatched where not applicable.

    Parameters
    ----------
    study
        Area, outline, towns, depth.
    result
        Dataset of :func:`helpers.mapping.predict_map` with ``expected_error`` and a domain of
        applicability.

    Raises
    ------
    ContractError
        If the map was made without an error model.

    """
    error = _layer(result, "expected_error")
    figure, axes = single_map(study)
    norm = Normalize(*layers.robust_range(error))
    image = layers.draw_layer(axes, error, study, style.WIDTH_COLOURS, norm)
    depth = f"{study.boreholes.depth_m:g} m"
    layers.side_bar(axes, image, f"Expected error at {depth} (RMSE, °C)", "both")
    finish_map(axes, study, layers.hatch_outside(axes, result, study))
    _write_below(figure, expected_error_text(result))
    text = f"median {in_words.median_and_range(error)}"
    outside = in_words.outside_numbers(result)
    style.with_numbers(figure, in_words.sentence(expected_error_text(result), text, outside))
    return style.mark_virtual(figure, study)


def expected_error_text(result: xr.Dataset) -> str:
    """What :func:`expected_error_map` shows, in words: RMSE over all cells, and by side.

    Root mean squares, because they can be held against an RMSE; in a side without cells a dash.
    """
    squared = np.square(_layer(result, "expected_error"))
    inside = result["inside_area_of_applicability"] == 1
    means = (squared, squared.where(inside), squared.where(~inside))
    whole, within, beyond = (_root_of_mean(part) for part in means)
    return f"Expected RMSE (°C): whole map {whole}, where applicable {within}, outside {beyond}"


def _root_of_mean(squared: xr.DataArray) -> str:
    return f"{np.sqrt(float(squared.mean())):.2f}" if squared.notnull().any() else "–"


@journal_style
def drilling_map(
    study: Study, result: xr.Dataset, training: pd.DataFrame, places: pd.DataFrame
) -> Figure:
    """Where the next boreholes would help most, over the dissimilarity that they would lower.

    Parameters
    ----------
    study
        Area, outline, towns.
    result
        Dataset of :func:`helpers.mapping.predict_map` with a domain of applicability.
    training
        The sites there are: x, y (m).
    places
        Of :func:`helpers.drilling.next_sites`; numbered from 1 in its order.

    """
    index = _layer(result, "dissimilarity_index")
    figure, axes = single_map(study)
    # The root spreads the small values, where the threshold lies.
    norm = PowerNorm(0.5, 0, layers.robust_range(index)[1])
    image = layers.draw_layer(axes, index, study, style.WIDTH_COLOURS, norm)
    layers.side_bar(axes, image, "Dissimilarity index (–)", "max")
    axes.plot(training["x"], training["y"], "o", zorder=5, **_SITE)
    axes.plot(places["x"], places["y"], "*", zorder=6, **_STAR)
    handles = [
        layers.marker_handle("*", f"next boreholes,\nin order (n = {len(places)})", **_STAR),
        layers.marker_handle("o", f"sites so far\n(n = {len(training)})", **_SITE),
        *layers.hatch_outside(axes, result, study),
    ]
    _number(axes, study, training, places)
    finish_map(axes, study, handles, _kept_free(axes, study, training, places))
    _write_below(figure, drilling_text(places))
    text = f"{len(training)} sites so far; {in_words.outside_numbers(result)}"
    style.with_numbers(figure, in_words.sentence(drilling_text(places), text))
    return style.mark_virtual(figure, study)


def drilling_text(places: pd.DataFrame) -> str:
    """What the new boreholes of :func:`helpers.drilling.next_sites` do together, in words."""
    if places.empty:
        return "No further borehole would lower the dissimilarity where it counts"
    first, last = places.iloc[0], places.iloc[-1]
    before = first["mean_dissimilarity"] + first["gain"]
    return (
        f"With {len(places)} more: mean dissimilarity {before:.2f} → "
        f"{last['mean_dissimilarity']:.2f}, {100 * last['share_inside']:.0f} % of the cells inside"
    )


def _number(axes: GeoAxes, study: Study, training: pd.DataFrame, places: pd.DataFrame) -> None:
    """Numbers beside the stars, off each other and as far as possible off the sites."""
    metres_per_mm = _metres_per_mm(axes, study)
    west, east, south, north = frame(study)
    stars = places[["x", "y"]].to_numpy()
    names = [f"{number}" for number in range(1, len(places) + 1)]
    found = place_labels(
        names,
        stars / metres_per_mm,
        training[["x", "y"]].to_numpy() / metres_per_mm,
        np.array([west, south, east, north]) / metres_per_mm,
    )
    sides = {name: side for name, _, side in found}
    for name, star in zip(names, stars, strict=True):
        # Where no side is free the number is needed all the same.
        side = sides.get(name, (1, 1))
        ha, va = (_SIDES[i][side[i]] for i in range(2))
        offset = tuple(_GAP_PT * (0.8 if all(side) else 1.0) * step for step in side)
        look = {"fontweight": "bold", "path_effects": HALO, "zorder": 7}
        axes.annotate(name, star, offset, textcoords="offset points", ha=ha, va=va, **look)


def _kept_free(
    axes: GeoAxes, study: Study, training: pd.DataFrame, places: pd.DataFrame
) -> pd.DataFrame:
    """Points that the names of towns should not cover: sites, and often round each new place."""
    steps = np.stack(np.meshgrid(*[np.arange(-4.0, 4.5)] * 2), axis=-1).reshape(-1, 2)
    stars = places[["x", "y"]].to_numpy()[:, np.newaxis] + steps * _metres_per_mm(axes, study)
    around = pd.DataFrame(stars.reshape(-1, 2), columns=["x", "y"])
    return pd.concat([training[["x", "y"]], around], ignore_index=True)


def _metres_per_mm(axes: GeoAxes, study: Study) -> float:
    west, east, *_ = frame(study)
    figure = axes.figure
    return (east - west) / (axes.get_position().width * figure.get_figwidth() * MM_PER_INCH)


def _layer(result: xr.Dataset, name: str) -> xr.DataArray:
    if name not in result:
        raise ContractError(
            f"The map has no layer {name}. Found: {', '.join(map(str, result))}. Make it with an "
            "error model and a domain of applicability: run 06_map_export again."
        )
    return result[name]


def _write_below(figure: Figure, text: str) -> None:
    """A line in the lower left corner, left of the note on virtual boreholes."""
    height = 0.15 * style.NOTE_MM / (figure.get_figheight() * MM_PER_INCH)
    figure.text(0.005, height, text, va="bottom")
