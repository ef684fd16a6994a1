"""Maps of the climate stations: how wrong the covariates made from them are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from cartopy.mpl.geoaxes import GeoAxes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from helpers.figures import in_words, layers, style
from helpers.figures.base_map import frame
from helpers.figures.small_maps import legend_below, map_rows
from helpers.figures.style import journal_style, unit_text
from helpers.study import Study

_SIDES = (("^", 1, "predicted too high"), ("v", -1, "predicted too low"))


@journal_style
def station_error_map(study: Study, errors: pd.DataFrame, units: Mapping[str, str]) -> Figure:
    """Where the climate is wrong: error at each station when it is left out, one map a quantity.

    Parameters
    ----------
    study
        Area and outline.
    errors
        Of :func:`helpers.covariates.station_errors`: station, quantity, error (predicted minus
        observed), lon, lat (degrees).
    units
        Quantity -> its unit, in the order of the maps.

    """
    figure, axes = map_rows(study, len(units))
    parts = []
    for one, (quantity, unit) in zip(axes, units.items(), strict=True):
        here = errors[(errors["quantity"] == quantity) & errors["error"].notna()]
        rmse = _draw_errors(one, study, here, unit_text(unit))
        one.set_title(style.printed_name(quantity))
        found = in_words.with_unit(in_words.number(rmse), unit)
        parts.append(f"{style.printed_name(quantity)} {found}, n = {len(here)}")
    handles = [
        layers.marker_handle(marker, label, markerfacecolor="white") for marker, _, label in _SIDES
    ]
    legend_below(figure, handles)
    style.letter_panels(axes)
    return style.with_numbers(figure, in_words.sentence(f"RMSE: {in_words.lettered(parts)}"))


def _draw_errors(axes: GeoAxes, study: Study, here: pd.DataFrame, unit: str) -> float:
    """Stations of one quantity and the colour bar; those off the map count in the RMSE only."""
    x, y = (np.asarray(v) for v in study.to_grid.transform(here["lon"], here["lat"]))
    west, east, south, north = frame(study)
    shown = (x > west) & (x < east) & (y > south) & (y < north)
    error = here["error"].to_numpy()
    reach = np.quantile(np.abs(error), 0.95) if len(error) and error.any() else 1.0
    colours = {"cmap": style.DIFFERENCE_COLOURS, "norm": Normalize(-reach, reach)}
    for marker, sign, _ in _SIDES:
        part = shown & ((error >= 0) == (sign > 0))
        look = {"marker": marker, "s": 20, "edgecolor": "black", "linewidth": 0.5, "zorder": 5}
        axes.scatter(x[part], y[part], c=error[part], **look, **colours)
    rmse = np.sqrt(np.mean(error**2)) if len(error) else np.nan
    words = f"RMSE {rmse:.3g}, n = {len(here)} ({(~shown).sum()} off map)"
    label = f"Predicted − observed ({unit})\n{words}"
    layers.bar_below(axes, ScalarMappable(colours["norm"], colours["cmap"]), label, "both")
    return float(rmse)
