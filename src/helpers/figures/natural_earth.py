"""Coastlines and borders of Natural Earth, if the user has them; nothing is ever downloaded.

Looked for are the shapefiles of cartopy's own folders (the variable ``CARTOPY_DATA_DIR``, or
``cartopy.config``), 1:50 million before 1:110 million. Borders are the user's choice of a file:
the package draws none of its own beyond the outline of the study.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path

import cartopy
import matplotlib as mpl
import numpy as np
import shapely
from cartopy.io import Downloader
from cartopy.io.shapereader import Reader
from cartopy.mpl.geoaxes import GeoAxes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from numpy.typing import NDArray
from shapefile import ShapefileException

from helpers.storage import ContractError
from helpers.study import Study

_RESOLUTIONS = ("50m", "110m")
_LINES = {
    "coastlines": ("physical", "coastline", {"color": "0.25", "linewidth": 0.5}),
    "borders": (
        "cultural",
        "admin_0_boundary_lines_land",
        {"color": "0.25", "linewidth": 0.5, "linestyle": (0, (4, 2))},
    ),
}
_SOURCE = "Natural Earth "


def local_shapefile(category: str, name: str) -> Path | None:
    """Finest shapefile of this kind on this machine; None if there is none."""
    for resolution in _RESOLUTIONS:
        wanted = {"config": cartopy.config, "category": category, "name": name}
        wanted["resolution"] = resolution
        keys = ("shapefiles", "natural_earth", resolution, category, name)
        source = Downloader.from_config(keys)
        # Its method ``path`` would download what neither of these has.
        for path in (source.pre_downloaded_path(wanted), source.target_path(wanted)):
            if path is not None and Path(path).is_file():
                return Path(path)
    return None


def read_lines(path: Path) -> NDArray:
    """Longitude and latitude (n, 2) along the lines of a shapefile, with gaps (NaN) between them.

    Raises
    ------
    ContractError
        If the file, or one of those beside it, cannot be read.

    """
    return _read_once(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=len(_LINES))
def _read_once(path: Path, _changed: int) -> NDArray:
    """The same, kept, as a figure may have twenty maps; read again once it has changed."""
    try:
        lines = list(Reader(path).geometries())
    except (ShapefileException, struct.error, KeyError, ValueError, OSError) as error:
        raise ContractError(
            f"{path}: no readable shapefile ({type(error).__name__}: {error}). Put it there anew, "
            "with its .shx and .dbf, or take it away: maps then go without its lines."
        ) from error
    gap = [[np.nan, np.nan]]
    parts = [shapely.get_coordinates(part) for line in lines for part in shapely.get_parts(line)]
    return np.concatenate([gap, *(points for part in parts for points in (part, gap))])


def draw_lines(axes: GeoAxes, study: Study, frame: tuple[float, float, float, float]) -> None:
    """Draw lines that are there and seen; the frame of the map is west, east, south, north, m."""
    for label, (category, name, look) in _LINES.items():
        path = local_shapefile(category, name)
        if path is not None:
            x, y = _in_frame(study, path, frame)
            if _is_seen(x, y, frame):
                axes.plot(x, y, gid=_SOURCE + label, zorder=3.2, **look)


def _is_seen(x: NDArray, y: NDArray, frame: tuple[float, float, float, float]) -> bool:
    """Whether lines with gaps (NaN) cross the frame: no caption names what is not there."""
    west, east, south, north = frame
    lines = mpl.path.Path(np.column_stack([x, y]))
    return lines.intersects_bbox(Bbox.from_extents(west, south, east, north), filled=False)


def source_of_lines(figure: Figure) -> str:
    """What of Natural Earth a figure shows, as a sentence; empty if nothing."""
    found = {str(artist.get_gid()) for axes in figure.axes for artist in axes.lines}
    shown = [label for label in _LINES if _SOURCE + label in found]
    return f"{' and '.join(shown).capitalize()}: Natural Earth." if shown else ""


def _in_frame(
    study: Study, path: Path, frame: tuple[float, float, float, float]
) -> tuple[NDArray, NDArray]:
    """Lines in the CRS of the grid, m, with gaps between them and where they leave the map."""
    degrees = read_lines(path)
    x, y = (np.array(axis) for axis in study.to_grid.transform(*degrees.T))
    west, east, south, north = frame
    width, height = east - west, north - south
    near = (np.abs(x - (west + east) / 2) < 1.5 * width) & (
        np.abs(y - (south + north) / 2) < 1.5 * height
    )
    return np.where(near, x, np.nan), np.where(near, y, np.nan)
