"""Towns on the maps, with labels that do not cover each other."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from cartopy.mpl.geoaxes import GeoAxes
from matplotlib.textpath import TextPath
from numpy.typing import ArrayLike, NDArray

from helpers.figures.base_map import HALO, frame
from helpers.figures.style import MM_PER_INCH, SMALLEST_TEXT_PT
from helpers.storage import read_table
from helpers.study import Study

_POINT_MM = MM_PER_INCH / 72
_GAP_MM = 0.9
# Sides of the dot where a label may stand, the best first.
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
_ALIGNMENTS = ("center", "left", "right"), ("center", "bottom", "top")
_Side = tuple[int, int]


def draw_towns(
    axes: GeoAxes, study: Study, map_width_mm: float, sites: ArrayLike | None = None
) -> None:
    """Draw the towns of the study inside the frame; a label that finds no free place is left out.

    Parameters
    ----------
    axes, study
        Map, and the study that names the file of towns; without one nothing is drawn.
    map_width_mm
        Width of the map in print, which says how large a label is on the ground.
    sites
        Easting and northing (n, 2), m, of markers that labels should rather not cover.

    """
    if not study.area.towns:
        return
    west, east, south, north = frame(study)
    metres_per_mm = (east - west) / map_width_mm
    towns = _towns(study)
    dots = towns[["x", "y"]].to_numpy() / metres_per_mm
    sites = np.empty((0, 2)) if sites is None else np.asarray(sites) / metres_per_mm
    edges = np.array([west, south, east, north]) / metres_per_mm
    square = {"marker": "s", "markersize": 2.6, "color": "black", "markeredgewidth": 0.4}
    axes.plot(towns["x"], towns["y"], linestyle="none", markeredgecolor="white", zorder=6, **square)
    for name, dot, side in place_labels(towns["name"], dots, sites, edges):
        x, y = _corner(dot, side) * metres_per_mm
        ha, va = (_ALIGNMENTS[i][side[i]] for i in range(2))
        axes.text(x, y, name, ha=ha, va=va, path_effects=HALO, zorder=6.5)


def _towns(study: Study) -> pd.DataFrame:
    towns = read_table(study.path(study.area.towns), ("longitude", "latitude"), ("name",))
    x, y = study.to_grid.transform(towns["longitude"], towns["latitude"])
    west, east, south, north = frame(study)
    towns = towns.assign(x=x, y=y)
    return towns[towns["x"].between(west, east) & towns["y"].between(south, north)]


def place_labels(
    names: ArrayLike, dots: NDArray, sites: NDArray, edges: NDArray
) -> list[tuple[str, NDArray, _Side]]:
    """Name, dot and side of each label that finds a place, in the order of the names.

    A label stays inside the edges (left, bottom, right, top) and off all dots and earlier labels;
    of the free sides the one where it covers the fewest sites is taken. Everything in mm.
    """
    placed, boxes = [], []
    for name, dot in zip(names, dots, strict=True):
        candidates = [(side, label_box(name, dot, side)) for side in _SIDES]
        free = [
            (int(_inside(sites, box).sum()), position)
            for position, (_, box) in enumerate(candidates)
            if (box[:2] >= edges[:2]).all()
            and (box[2:] <= edges[2:]).all()
            and not _inside(dots, box).any()
            and not any(_overlap(box, other) for other in boxes)
        ]
        if free:
            side, box = candidates[min(free)[1]]
            placed.append((name, dot, side))
            boxes.append(box)
    return placed


def label_box(name: str, dot: NDArray, side: _Side) -> NDArray:
    """Left, bottom, right, top of a label on this side of its dot, mm."""
    size = np.array([_width_mm(name), 1.25 * SMALLEST_TEXT_PT * _POINT_MM])
    lower_left = _corner(dot, side) + size * (np.array(side) - 1) / 2
    return np.concatenate([lower_left, lower_left + size])


@lru_cache(maxsize=1024)
def _width_mm(name: str) -> float:
    """Width of a label; kept, as measuring takes longer than all the rest of its placing."""
    return TextPath((0, 0), name, size=SMALLEST_TEXT_PT).get_extents().width * _POINT_MM


def _corner(dot: NDArray, side: _Side) -> NDArray:
    """Point of the label that is nearest to its dot."""
    return dot + np.array(side) * _GAP_MM * (0.6 if all(side) else 1.0)


def _inside(points: NDArray, box: NDArray) -> NDArray:
    return ((points > box[:2]) & (points < box[2:])).all(axis=1)


def _overlap(one: NDArray, other: NDArray) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())
