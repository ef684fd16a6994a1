"""Maps of what drives the prediction: the effect of each predictor, and which is the largest."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from helpers.figures import in_words, layers, style
from helpers.figures.one_map import finish_map, single_map
from helpers.figures.small_maps import MOST_MAPS, above_map, below_map, legend_below, map_rows
from helpers.figures.style import journal_style, printed_name
from helpers.products import driver_colours
from helpers.study import Study

_MOST_DRIVERS, _OTHERS = 7, "#4d4d4d"


@journal_style
def shapley_maps(study: Study, result: xr.Dataset) -> Figure:
    """Effect of each predictor on the prediction of each cell, all on one scale around 0 deg C.

    Of more than sixteen predictors those with the largest mean absolute effect.

    Parameters
    ----------
    study
        Area and outline.
    result
        Dataset with ``shapley_value`` (predictor, y, x), deg C, and its attribute
        ``base_value_c``; t15 and inside_area_of_applicability for the hatching.

    """
    values = result["shapley_value"]
    n = values.sizes["predictor"]
    if n > MOST_MAPS:
        size = np.abs(values).mean(["y", "x"]).to_numpy()
        values = values.isel(predictor=np.sort(np.argsort(-size, kind="stable")[:MOST_MAPS]))
    names = [str(name) for name in values["predictor"].to_numpy()]
    reach = max(abs(bound) for layer in values for bound in layers.robust_range(layer))
    norm = Normalize(-reach, reach)
    figure, axes = map_rows(study, len(names))
    for one, name, layer in zip(axes, names, values, strict=True):
        image = layers.draw_layer(one, layer, study, style.DIFFERENCE_COLOURS, norm)
        layers.bar_below(one, image, below_map(one, "Effect on the prediction (°C)"), "both")
        one.set_title(above_map(one, printed_name(name)))
        handles = layers.hatch_outside(one, result, study)
    base = style.minus(f"{values.attrs['base_value_c']:.2f}")
    words = f"prediction = {base} °C + effects"
    legend_below(figure, [*handles, Line2D([], [], linestyle="none", label=words)])
    style.letter_panels(axes)
    effects = in_words.lettered(
        [
            f"{style.printed_name(n)} {in_words.median_and_range(v)}"
            for n, v in zip(names, values, strict=True)
        ]
    )
    more = in_words.shown_of(len(names), n, "predictors")
    outside = in_words.outside_numbers(result)
    style.with_numbers(
        figure, in_words.sentence(f"Median effects: {effects}", more, words, outside)
    )
    return style.mark_virtual(figure, study)


@journal_style
def dominant_driver_map(
    study: Study, result: xr.Dataset, covariates: xr.Dataset | None = None
) -> Figure:
    """Which predictor has the largest effect on each cell, warming or cooling, and on what share.

    Of more than seven predictors, which is as many colours as all eyes tell apart, those that have
    it on the smallest share are together one grey.

    Parameters
    ----------
    study
        Area, outline, towns.
    result
        Dataset with ``dominant_driver`` (y, x): 1 for the first of the coordinate ``predictor``,
        NaN where nothing is predicted; t15 and inside_area_of_applicability for the hatching.
    covariates
        Dataset whose ``elevation`` is used for the relief shading.

    """
    names = [str(name) for name in result["predictor"].to_numpy()]
    driver = result["dominant_driver"]
    shares = {name: float((driver == i + 1).sum() / driver.count()) for i, name in enumerate(names)}
    looks = _driver_looks(shares)
    colours = ListedColormap([looks.get(name, _OTHERS) for name in names])
    norm = BoundaryNorm(np.arange(len(names) + 1) + 0.5, colours.N)
    figure, axes = single_map(study, covariates)
    layers.draw_layer(axes, driver, study, colours, norm, whole_cells=True)
    handles = _driver_handles(shares, looks) + layers.hatch_outside(axes, result, study)
    title = "Largest effect on\nthe prediction\n(share of the area)"
    finish_map(axes, study, handles, title=title)
    largest = ", ".join(handle.get_label().replace("\n", " ") for handle in handles)
    style.with_numbers(figure, in_words.sentence(f"Share of the area: {largest}"))
    return style.mark_virtual(figure, study)


def _driver_looks(shares: Mapping[str, float]) -> dict[str, str]:
    """Colours of the predictors, in their order; if they are many, of those with most cells."""
    most = sorted(shares, key=shares.__getitem__, reverse=True)[:_MOST_DRIVERS]
    return driver_colours([name for name in shares if name in most])


def _driver_handles(shares: Mapping[str, float], looks: Mapping[str, str]) -> list[Artist]:
    """Legend entries with the share of the mapped area; all predictors keep their place."""
    entries = [(colour, printed_name(name), shares[name]) for name, colour in looks.items()]
    if rest := [share for name, share in shares.items() if name not in looks]:
        entries.append((_OTHERS, f"{len(rest)} others", sum(rest)))
    edge = {"edgecolor": "black", "linewidth": 0.4}
    return [
        Patch(facecolor=colour, label=textwrap.fill(f"{name} ({100 * share:.0f} %)", 20), **edge)
        for colour, name, share in entries
    ]
