"""Maps of the survey: where the boreholes are, what became of them, and their folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from cartopy.mpl.geoaxes import GeoAxes
from cmcrameri import cm
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from helpers.boreholes.flags import REMOVED, REPAIRED
from helpers.figures import in_words, layers, style
from helpers.figures.base_map import frame
from helpers.figures.design_charts import FOLD_MARKERS
from helpers.figures.one_map import finish_map, single_map
from helpers.figures.style import journal_style
from helpers.study import Study

_STATUS_LOOKS = {
    "used": ("used as delivered", "o", style.SKY_BLUE),
    "flagged": ("used, values repaired\nor removed", "s", "#f0c400"),
    "combined": ("combined with one\nof the same cell", "D", "white"),
    "refused": ("refused", "X", "#c1272d"),
}


@journal_style
def study_area_map(study: Study, covariates: xr.Dataset, boreholes: pd.DataFrame) -> Figure:
    """Where the study lies and where its boreholes are.

    Parameters
    ----------
    study
        Area, outline, towns.
    covariates
        Dataset on the study grid; ``elevation`` is drawn if it is there.
    boreholes
        All sites: x, y (m), t15_c, method, status. Those used are coloured by their temperature,
        the others are crosses.

    """
    used = boreholes[boreholes["status"] == "used"]
    others = _inside_frame(boreholes[boreholes["status"] != "used"], study)
    figure, axes = single_map(study, covariates)
    _draw_elevation(axes, study, covariates)
    axes.plot(others["x"], others["y"], "x", color="black", markersize=4, zorder=5.5)
    markers = layers.draw_sites(axes, study, used)
    layers.side_bar(axes, markers, layers.temperature_label(study), "both", (0.38, 0.75))
    crosses = layers.marker_handle("x", f"not used\n(n = {len(others)}, in view)")
    finish_map(axes, study, [*layers.site_handles(used), crosses], used)
    survey = in_words.survey_numbers(used)
    style.with_numbers(figure, in_words.sentence(survey, f"{len(others)} not used in view"))
    return style.mark_virtual(figure, study)


@journal_style
def site_status_map(
    study: Study, covariates: xr.Dataset, boreholes: pd.DataFrame, flags: pd.DataFrame
) -> Figure:
    """What became of every site: used as delivered, used with flags, combined, refused.

    Parameters
    ----------
    study, covariates
        Area, outline, towns; ``elevation`` is drawn if it is there.
    boreholes
        All sites: site, x, y (m), status. The legend counts all of them, also those off the map.
    flags
        site, action. Flags that repaired or removed values count; mere notes do not.

    """
    touched = boreholes["site"].isin(flags["site"][flags["action"].isin([REPAIRED, REMOVED])])
    status = boreholes["status"].mask(touched & (boreholes["status"] == "used"), "flagged")
    figure, axes = single_map(study, covariates)
    _draw_elevation(axes, study, covariates)
    handles = []
    for name, (label, marker, colour) in _STATUS_LOOKS.items():
        sites = boreholes[status == name]
        look = {"marker": marker, "color": colour, "markersize": 4.5}
        look |= {"markeredgecolor": "black", "markeredgewidth": 0.5}
        shown = _inside_frame(sites, study)
        axes.plot(shown["x"], shown["y"], linestyle="none", zorder=5, **look)
        count, beyond = f"\n(n = {len(sites)}", len(sites) - len(shown)
        count += f", {beyond} outside)" if beyond else ")"
        handles.append(layers.marker_handle(label=label + count, **look))
    finish_map(axes, study, handles, _inside_frame(boreholes, study))
    labels = [handle.get_label().replace("\n", " ") for handle in handles]
    style.with_numbers(figure, in_words.sentence(f"{len(boreholes)} sites", *labels))
    return style.mark_virtual(figure, study)


@journal_style
def fold_map(
    study: Study, covariates: xr.Dataset, training: pd.DataFrame, folds: ArrayLike
) -> Figure:
    """Sites by their cross-validation fold, in colour and shape.

    Parameters
    ----------
    study, covariates
        Area, outline, towns; ``elevation`` for the relief shading.
    training
        Table with x and y (m).
    folds
        Fold of each site (n,), from 0.

    """
    folds = np.asarray(folds)
    figure, axes = single_map(study, covariates)
    numbers = np.unique(folds)
    handles = []
    for position, fold in enumerate(numbers):
        held = training[folds == fold]
        look = {
            "marker": FOLD_MARKERS[position % len(FOLD_MARKERS)],
            "markerfacecolor": cm.batlowS(position),
            "markeredgecolor": "black",
            "markeredgewidth": 0.4,
            "markersize": 4.5,
        }
        axes.plot(held["x"], held["y"], linestyle="none", zorder=5, **look)
        handles.append(layers.marker_handle(label=f"fold {fold + 1} (n = {len(held)})", **look))
    finish_map(axes, study, handles, training, title="Held out together")
    sizes = ", ".join(f"{np.sum(folds == fold)}" for fold in numbers)
    text = f"{len(training)} sites in {len(numbers)} folds of {sizes}"
    style.with_numbers(figure, in_words.sentence(text))
    return style.mark_virtual(figure, study)


def _draw_elevation(axes: GeoAxes, study: Study, covariates: xr.Dataset) -> None:
    if "elevation" in covariates:
        elevation = covariates["elevation"]
        norm = Normalize(*layers.robust_range(elevation))
        image = layers.draw_layer(axes, elevation, study, style.ELEVATION_COLOURS, norm)
        layers.side_bar(axes, image, "Elevation (m)", "both", (0, 0.3))


def _inside_frame(sites: pd.DataFrame, study: Study) -> pd.DataFrame:
    west, east, south, north = frame(study)
    return sites[sites["x"].between(west, east) & sites["y"].between(south, north)]
