"""What lies on a map: a layer in colours, contours, hatching, sites, colour bars and legend."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from cartopy.mpl.geoaxes import GeoAxes
from matplotlib.artist import Artist
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, Normalize
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from helpers.figures import in_words, style
from helpers.figures.base_map import extent_of, on_display, smoothed
from helpers.study import Study

_CONTOUR_RADIUS_M = 5_000
_HATCH = "////"
# Letters of 8 points, and how far a label may reach beyond its bar.
_MM_PER_LETTER, _LONGEST_LABEL = 1.45, 1.3


def draw_layer(
    axes: GeoAxes,
    layer: xr.DataArray,
    study: Study,
    colours: Colormap,
    norm: Normalize,
    whole_cells: bool = False,
) -> AxesImage:
    """Layer (y, x) in colours, no finer than the map can show; see :func:`on_display`."""
    shown = on_display(layer, study, _width_mm(axes), whole_cells)
    return axes.imshow(
        shown.to_numpy(),
        extent=extent_of(shown),
        cmap=colours,
        norm=norm,
        interpolation="nearest",
        zorder=1,
    )


def draw_temperature(axes: GeoAxes, layer: xr.DataArray, study: Study) -> AxesImage:
    """Ground temperature in the colours and the range that all its maps share."""
    norm = style.temperature_norm(study)
    return draw_layer(axes, layer, study, style.TEMPERATURE_COLOURS, norm)


def temperature_label(study: Study) -> str:
    """Name and unit of the mapped temperature."""
    return f"Ground temperature at {study.boreholes.depth_m:g} m (°C)"


def _width_mm(axes: GeoAxes) -> float:
    return axes.get_position().width * axes.figure.get_figwidth() * style.MM_PER_INCH


def draw_contour(
    axes: GeoAxes, layer: xr.DataArray, study: Study, level: float, label: str
) -> list[Artist]:
    """Black line at a level of the smoothed layer; returns its entry for the legend."""
    shown = on_display(layer, study, style.SINGLE_COLUMN_MM)
    calm = smoothed(shown, _CONTOUR_RADIUS_M)
    if np.nanmin(calm) < level < np.nanmax(calm):
        axes.contour(shown.x, shown.y, calm, [level], colors="black", linewidths=0.7, zorder=3.5)
    return [Line2D([], [], color="black", linewidth=0.7, label=label)]


def hatch_outside(axes: GeoAxes, result: xr.Dataset, study: Study) -> list[Artist]:
    """Hatch mapped cells outside the area of applicability; returns the entry for the legend.

    The edge is smoothed like the contours. The share in the legend counts every cell.
    """
    mapped = np.isfinite(result["t15"])
    outside = (mapped & (result["inside_area_of_applicability"] != 1)).where(mapped)
    shown = on_display(outside, study, style.SINGLE_COLUMN_MM)
    calm = smoothed(shown, _CONTOUR_RADIUS_M)
    if np.nanmax(calm) > 0.5:
        # White lines under the black ones, which would not be seen on dark colours.
        for colour, width in (("white", 0.9), ("0.1", 0.4)):
            with mpl.rc_context({"hatch.linewidth": width}):
                hatched = axes.contourf(
                    shown.x, shown.y, calm, [0.5, 2], colors="none", hatches=[_HATCH], zorder=3
                )
            hatched.set(edgecolor=colour, linewidth=0)
    label = f"outside area of\napplicability ({in_words.percent(float(outside.mean()))})"
    return [Patch(facecolor="none", edgecolor="0.1", linewidth=0.3, hatch=_HATCH, label=label)]


def draw_sites(axes: GeoAxes, study: Study, used: pd.DataFrame) -> ScalarMappable:
    """Used boreholes in the colours of ground temperature; the marker says how t15 was found."""
    colours = {"cmap": style.TEMPERATURE_COLOURS, "norm": style.temperature_norm(study)}
    for method, marker in style.METHOD_MARKERS.items():
        sites = used[used["method"] == method]
        axes.scatter(
            sites["x"],
            sites["y"],
            c=sites["t15_c"],
            s=15,
            marker=marker,
            edgecolor="black",
            linewidth=0.5,
            zorder=5,
            **colours,
        )
    return ScalarMappable(**colours)


def site_handles(used: pd.DataFrame) -> list[Artist]:
    """Entries of the legend for the markers of :func:`draw_sites`."""
    return [
        marker_handle(
            style.METHOD_MARKERS[method],
            f"{style.METHOD_LABELS[method]}\n(n = {(used['method'] == method).sum()})",
            markerfacecolor="white",
        )
        for method in style.METHOD_MARKERS
    ]


def marker_handle(marker: str, label: str, **settings) -> Line2D:
    """Entry of the legend for a marker."""
    look = {"color": "black", "markersize": 4, "markeredgewidth": 0.6, **settings}
    return Line2D([], [], linestyle="none", marker=marker, label=label, **look)


def side_bar(
    axes: GeoAxes,
    mappable: ScalarMappable,
    label: str,
    extend: str = "neither",
    span: tuple[float, float] = (0, 0.55),
) -> None:
    """Colour bar to the right of a map, from ``span[0]`` to ``span[1]`` of its height.

    A label that would reach far beyond a short bar goes on two lines.
    """
    map_mm = axes.get_position().height * axes.figure.get_figheight() * style.MM_PER_INCH
    if len(label) * _MM_PER_LETTER > _LONGEST_LABEL * map_mm * (span[1] - span[0]):
        label = textwrap.fill(label, len(label) // 2 + 3)
    place = axes.inset_axes((1.03, span[0], 0.03, span[1] - span[0]))
    axes.figure.colorbar(mappable, cax=place, label=label, extend=extend)


def bar_below(
    axes: GeoAxes, mappable: ScalarMappable, label: str, extend: str = "neither"
) -> Colorbar:
    """Colour bar 7 mm below a map, 2 mm high."""
    height_mm = axes.get_position().height * axes.figure.get_figheight() * style.MM_PER_INCH
    place = axes.inset_axes((0.02, -9 / height_mm, 0.96, 2 / height_mm))
    bar = axes.figure.colorbar(mappable, cax=place, extend=extend, orientation="horizontal")
    bar.set_label(label, labelpad=2)
    return bar


def side_legend(axes: GeoAxes, handles: Sequence[Artist], title: str | None = None) -> None:
    """Legend to the right of a map, at its top."""
    axes.legend(
        handles=handles,
        title=title,
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        alignment="left",
        handlelength=1.6,
        labelspacing=0.7,
    )


def robust_range(layer: xr.DataArray) -> tuple[float, float]:
    """Quantiles 0.02 and 0.98: a few extreme cells shall not flatten all the others."""
    values = layer.to_numpy()
    low, high = np.quantile(values[np.isfinite(values)], [0.02, 0.98])
    return float(low), float(high) if high > low else float(low) + 1.0
