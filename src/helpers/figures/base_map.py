"""The ground of every map: frame in the study's CRS, relief, outline, graticule, scale bar.

All comes from the study, the covariates, the relief table inside pvlib and, if the user has them,
the lines of Natural Earth; nothing is ever downloaded. Up is north of the grid; the graticule and
the arrow show true north.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import cartopy.crs as ccrs
import numpy as np
import xarray as xr
from cartopy.mpl.geoaxes import GeoAxes
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import LightSource, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage

from helpers import terrain
from helpers.area import study_area
from helpers.figures.natural_earth import draw_lines
from helpers.figures.style import MM_PER_INCH, SINGLE_COLUMN_MM
from helpers.study import Study

SEA, LAND = "#dde4ea", "#f3f3f1"
HALO = (patheffects.withStroke(linewidth=1.8, foreground="white", alpha=0.9),)
_MARGIN = 0.03
_MOST_CELLS = 250  # of a coarse map along its longer side
_LOWEST_SHAPE = 0.75  # height over width
_DISPLAY_DPI = 200  # of layers; lines and text are as sharp as the print
_DARKEST_SHADE, _SHADE_STEPS = 0.5, 20
_MOST_LINES, _FEWEST_LINES, _NARROW_MM = 7, 4, 40.0  # of the graticule, by the width of the map
_ROUND_LENGTHS = [n * 10.0**power for power in range(8) for n in (1, 2, 5)]  # m


def frame(study: Study) -> tuple[float, float, float, float]:
    """West, east, south, north of the maps, m in the CRS of the grid: the outline and a margin.

    A wide area gets more margin above and below: the legend beside it needs the height.
    """
    west, south, east, north = study_area(study).bounds
    margin = _MARGIN * max(east - west, north - south)
    width, height = east - west + 2 * margin, north - south + 2 * margin
    above = margin + max(_LOWEST_SHAPE * width - height, 0) / 2
    return west - margin, east + margin, south - above, north + above


def height_over_width(study: Study) -> float:
    """Shape of the maps, to size a figure that leaves nothing empty."""
    west, east, south, north = frame(study)
    return (north - south) / (east - west)


def map_axes(
    figure: Figure,
    study: Study,
    place_mm: tuple[float, float, float],
    elevation: xr.DataArray | None = None,
) -> GeoAxes:
    """Axes with relief, outline, graticule and scale bar, ready for a layer and for sites.

    Parameters
    ----------
    figure, place_mm
        Where the map stands: left edge, lower edge and width in mm of the print.
    study
        Gives area, outline and CRS.
    elevation
        Elevation (y, x), m, for the shadow of slopes that face away from the light; where it is
        missing, and without it, that of the coarse relief table. Small maps have no shadow.

    """
    west, east, south, north = frame(study)
    projection = ccrs.Projection(study.crs)
    # Cartopy needs bounds, and would warp images that reach beyond them by one cell.
    width, height = east - west, north - south
    projection.bounds = (west - width, east + width, south - height, north + height)
    left, bottom, width_mm = place_mm
    box = np.array([left, bottom, width_mm, width_mm * height / width]) / MM_PER_INCH
    axes = figure.add_axes(box / np.tile(figure.get_size_inches(), 2), projection=projection)
    axes.spines["geo"].set_linewidth(0.6)
    _draw_relief(axes, study, width_mm, elevation)
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    draw_lines(axes, study, (west, east, south, north))
    for line in _outline(study):
        axes.plot(*line, color="black", linewidth=0.7, zorder=4)
    _draw_graticule(axes, study, width_mm)
    _draw_scale_bar(axes, study)
    return axes


def draw_plain_map(axes: Axes, study: Study) -> None:
    """Outline and frame of the study on plain axes in km, which is quick."""
    for line in _outline(study):
        axes.plot(*np.divide(line, 1000), color="black", linewidth=0.7)
    west, east, south, north = (edge / 1000 for edge in frame(study))
    axes.set(xlim=(west, east), ylim=(south, north), aspect="equal")
    axes.set(xlabel="Easting (km)", ylabel="Northing (km)")


def on_display(
    layer: xr.DataArray, study: Study, width_mm: float, whole_cells: bool = False
) -> xr.DataArray:
    """Part of a layer inside the frame, in blocks no finer than a print this wide can show.

    Numbers are averaged over a block; of true and false it is the share that is true. With
    ``whole_cells`` (classes, which have no mean) a block shows one of its cells.
    """
    west, east, south, north = frame(study)
    part = layer.sel(x=slice(west, east), y=slice(north, south)).astype(np.float32)
    step = max(round(part.sizes["x"] / (width_mm / MM_PER_INCH * _DISPLAY_DPI)), 1)
    if whole_cells:
        return part[step // 2 :: step, step // 2 :: step]
    return part.coarsen(x=step, y=step, boundary="trim").mean() if step > 1 else part


def extent_of(layer: xr.DataArray) -> tuple[float, float, float, float]:
    """Outer edges of the cells: west, east, south, north, m."""
    half, x, y = terrain.cell_size(layer) / 2, layer.x.values, layer.y.values
    return x[0] - half, x[-1] + half, y[-1] - half, y[0] + half


def coarse(layer: xr.DataArray) -> xr.DataArray:
    """Every so many-th cell of a layer (y, x): enough for a panel, and quick."""
    step = max(max(layer.sizes["x"], layer.sizes["y"]) // _MOST_CELLS, 1)
    return layer[step // 2 :: step, step // 2 :: step].transpose("y", "x")


def smoothed(layer: xr.DataArray, radius_m: float) -> NDArray:
    """Layer under a Gaussian of this radius, missing where it was, so that contours are calm."""
    values = layer.to_numpy()
    known = np.isfinite(values)
    cells = radius_m / terrain.cell_size(layer)
    weight = ndimage.gaussian_filter(known.astype(np.float32), cells)
    total = ndimage.gaussian_filter(np.where(known, values, 0).astype(np.float32), cells)
    return np.where(known, total / np.maximum(weight, 1e-6), np.nan)


@lru_cache(maxsize=4)
def _relief(box: GeoBox) -> xr.DataArray:
    """Relief of a frame; kept, as all maps of a study have the same. For reading only."""
    return terrain.relief(box)


def _draw_relief(
    axes: GeoAxes, study: Study, width_mm: float, elevation: xr.DataArray | None
) -> None:
    """Sea, land, and a soft shadow where slopes face away from the light."""
    west, east, south, north = frame(study)
    size = (east - west) / (width_mm / MM_PER_INCH * _DISPLAY_DPI)
    box = GeoBox.from_bbox((west, south, east, north), crs=study.crs, resolution=size)
    relief = _relief(box)
    ground = np.where(np.isfinite(relief.values)[..., None], to_rgb(LAND), to_rgb(SEA))
    axes.imshow(ground, extent=extent_of(relief), interpolation="nearest", zorder=0)
    if width_mm < SINGLE_COLUMN_MM:
        return  # on a small map relief would be mere noise
    if elevation is not None:
        # Not beyond its edges, whose cells would be drawn out to streaks.
        near = {"method": "nearest", "tolerance": max(terrain.cell_size(elevation), size)}
        relief = elevation.reindex_like(relief, **near).fillna(relief)
    metres = np.nan_to_num(relief.values)
    light = LightSource(azdeg=315, altdeg=45).hillshade(metres, vert_exag=20, dx=size, dy=size)
    shadow = np.zeros((*light.shape, 4))
    # In few steps: they look the same and keep the file small.
    steps = np.rint(_SHADE_STEPS * np.clip(np.median(light) - light, 0, 1)) / _SHADE_STEPS
    shadow[..., 3] = _DARKEST_SHADE * steps
    axes.imshow(shadow, extent=extent_of(relief), interpolation="nearest", zorder=2)


def _outline(study: Study) -> Iterator[NDArray]:
    """Easting and northing, m, along each part of the outline."""
    area = study_area(study)
    for polygon in getattr(area, "geoms", [area]):
        yield np.array(polygon.exterior.xy)


def _draw_graticule(axes: GeoAxes, study: Study, width_mm: float) -> None:
    """Meridians and parallels, labelled in degrees where they meet the lower and left edge."""
    most = _MOST_LINES if width_mm >= _NARROW_MM else _FEWEST_LINES
    west, east, south, north = frame(study)
    x, y = np.linspace(west, east, 101), np.linspace(south, north, 101)
    degrees = np.array(study.to_grid.transform(*np.meshgrid(x, y), direction="INVERSE"))
    # Corners far from the middle of a projection may lie nowhere on Earth.
    longitude, latitude = np.where(np.isfinite(degrees), degrees, np.nan)
    # Counted on from the middle of the map, so that nothing jumps at the date line.
    middle = longitude[50, 50]
    longitude = middle + (longitude - middle + 180) % 360 - 180
    for axis, position, degrees, edge, signs in (
        (axes.xaxis, x, longitude, longitude[0], "EW"),
        (axes.yaxis, y, latitude, latitude[:, 0], "NS"),
    ):
        lowest, highest = np.nanmin(degrees), np.nanmax(degrees)
        lines = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(lowest, highest)
        style = {"colors": "0.2", "linewidths": 0.3, "alpha": 0.6, "zorder": 3}
        axes.contour(x, y, degrees, levels=lines, **style)
        known = np.isfinite(edge)
        edge, position = edge[known], position[known]
        shown = lines[(lines >= edge.min()) & (lines <= edge.max())]
        around = (shown + 180) % 360 - 180
        labels = [f"{abs(value):g}°{signs[int(value < 0)]}" for value in around]
        axis.set_visible(True)
        axis.set_ticks(np.interp(shown, edge, position), labels=labels)


def _draw_scale_bar(axes: GeoAxes, study: Study) -> None:
    """Bar of a round length in the lower right corner, and an arrow to true north."""
    west, east, south, north = frame(study)
    width, height = east - west, north - south
    length = max(step for step in _ROUND_LENGTHS if step <= 0.22 * width)
    right, bottom = east - 0.03 * width, south + 0.05 * height
    ends = [right - length, right]
    axes.plot(ends, [bottom] * 2, color="black", linewidth=2.2, solid_capstyle="butt", zorder=7)
    text = {"ha": "right", "va": "bottom", "path_effects": HALO, "zorder": 7}
    axes.text(right, bottom + 0.012 * height, f"{length / 1000:g} km", **text)
    above = bottom + (0.02 + 4 / _height_mm(axes)) * height
    _draw_north_arrow(axes, study, (right - length / 2, above), 0.07 * height)


def _height_mm(axes: GeoAxes) -> float:
    return axes.get_position().height * axes.figure.get_figheight() * MM_PER_INCH


def _draw_north_arrow(axes: GeoAxes, study: Study, foot: tuple[float, float], size: float) -> None:
    longitude, latitude = study.to_grid.transform(*foot, direction="INVERSE")
    ahead = study.to_grid.transform(longitude, latitude + 0.01)
    step = np.subtract(ahead, foot)
    tip = foot + step / np.hypot(*step) * size
    arrow = {"arrowstyle": "-|>,head_width=0.25,head_length=0.5", "facecolor": "black", "lw": 0.8}
    axes.annotate("", tip, foot, arrowprops={**arrow, "shrinkA": 0, "shrinkB": 0}, zorder=7)
    axes.text(*tip, "N", ha="center", va="bottom", path_effects=HALO, zorder=7)
