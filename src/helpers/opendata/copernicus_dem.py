"""Elevation from the Copernicus DEM GLO-90: one-degree tiles of 3 arc-seconds, WGS 84, EGM2008.

It is a surface model: forest and buildings count, so in a forest it lies metres above the ground.
North of 50 degrees its cells are wider, in steps; tiles of both kinds meet in one study, and each
cell of the grid takes the mean of what lies in it. Tiles that are not in the list of the server
are sea. In tiles of the coast the sea is exactly 0 m. Both are NaN here: a cell takes the mean of
its land, one without land has no elevation, and terrain at the coast is that of the land alone.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS
from shapely import transform as transform_shape
from shapely.geometry import box

from helpers.opendata.download import RemoteFile, fetch
from helpers.opendata.product import Product, margin_m, needed_area
from helpers.opendata.reading import as_layer, open_checked
from helpers.rasters import Source, regrid_tiles
from helpers.settings import OpenLayer
from helpers.storage import ContractError
from helpers.study import Study

_TILE = re.compile(r"Copernicus_DSM_COG_30_([NS])([0-9]{2})_00_([EW])([0-9]{3})_00_DEM")
_LOWEST_M, _HIGHEST_M = -500.0, 9000.0
_SEA_M = 0.0
_METRES_PER_DEGREE = 111_000
_WGS84 = CRS.from_epsg(4326)


def files(study: Study, layer: OpenLayer, cache: Path, server: str) -> list[RemoteFile]:
    """Tiles that touch the mapped area and its margin, from north-west to south-east."""
    listed = fetch(RemoteFile(f"{server}/tileList.txt", cache / "tileList.txt", "text"))
    tiles = {_corner(match): match[0] for match in _TILE.finditer(listed.read_text("utf-8"))}
    if not tiles:
        raise ContractError(
            f"{listed}: names no tile of the Copernicus DEM. Delete it and run again; if it stays "
            "so, put another server into [open_data.mirrors] of study.toml."
        )
    needed = [tiles[corner] for corner in _touching(study, list(tiles))]
    if not needed:
        raise ContractError(
            f"{study.file}: no tile of the Copernicus DEM touches the area: it lies in the sea, "
            "or the area in study.toml is wrong."
        )
    hint = "It is in the list of tiles there, so it is land: run again later."
    return [
        RemoteFile(f"{server}/{name}/{name}.tif", cache / f"{name}.tif", "tiff", hint=hint)
        for name in needed
    ]


def _corner(match: re.Match) -> tuple[int, int]:
    """Longitude and latitude of the south-west corner of a tile, whole degrees."""
    south, west = match[1] == "S", match[3] == "W"
    return int(match[4]) * (-1 if west else 1), int(match[2]) * (-1 if south else 1)


def _touching(study: Study, corners: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those corners whose tile touches the needed area; far ones have no place in the CRS."""
    needed, area = needed_area(study), study.area
    margin = 1 + margin_m(study) / _METRES_PER_DEGREE
    wider = 1 / np.cos(np.radians(min(max(-area.south, area.north) + margin, 85)))
    middle, reach = (area.west + area.east) / 2, (area.east - area.west) / 2 + margin * wider
    found = []
    for longitude, latitude in corners:
        off = (longitude + 0.5 - middle + 180) % 360 - 180
        if abs(off) > reach or not area.south - margin <= latitude <= area.north + margin:
            continue
        tile = box(longitude, latitude, longitude + 1, latitude + 1).segmentize(0.1)
        if needed.intersects(transform_shape(tile, study.to_grid.transform, interleaved=False)):
            found.append((longitude, latitude))
    return sorted(found, key=lambda corner: (-corner[1], corner[0]))


def build(study: Study, layer: OpenLayer, paths: list[Path], geobox: GeoBox) -> xr.DataArray:
    """Mean elevation of the land in each cell, m; NaN where there is only sea."""
    sources = [_checked_tile(path) for path in paths]
    return as_layer(
        regrid_tiles(sources, geobox),
        geobox,
        units="m",
        long_name="elevation",
        source=f"mean of the land in each cell, {len(paths)} tiles; a surface model (forest and "
        "buildings count) above the EGM2008 geoid; heights of exactly 0 m are taken for sea",
    )


def _checked_tile(path: Path) -> Source:
    """A tile that lies where its name says, with heights that exist on Earth."""
    longitude, latitude = _corner(_TILE.search(path.name))
    source = open_checked(path, [_WGS84], (longitude + 0.5, latitude + 0.5), units="m")[0]
    width, height = abs(source.transform.a), abs(source.transform.e)
    west, north = source.transform @ (0, 0)
    east, south = source.transform @ source.shape[::-1]
    found, wanted = [west, south, east, north], [longitude, latitude, longitude + 1, latitude + 1]
    if not np.allclose(found, wanted, rtol=0, atol=max(width, height)):
        raise ContractError(
            f"{path}: spans {west:g} to {east:g} E and {south:g} to {north:g} N, not the degree "
            "of its name. Delete it and run again."
        )

    def read(rows: slice, columns: slice) -> NDArray:
        """Heights of a window, m; sea is missing."""
        values = source.read(rows, columns)
        known = values[np.isfinite(values)]
        if known.size and (known.min() < _LOWEST_M or known.max() > _HIGHEST_M):
            raise ContractError(
                f"{path}: heights from {known.min():g} to {known.max():g} m; {_LOWEST_M:g} to "
                f"{_HIGHEST_M:g} m are possible. Delete it and run again."
            )
        return np.where(values == _SEA_M, np.float32(np.nan), values)

    return replace(source, read=read)


PRODUCT = Product(
    name="copernicus_dem",
    title="Copernicus DEM GLO-90",
    licence="Copernicus DEM licence (free of charge, with attribution: produced using Copernicus "
    "WorldDEM-90, (c) DLR e.V. 2010-2014 and (c) Airbus Defence and Space GmbH 2014-2018, provided "
    "under COPERNICUS by the European Union and ESA; all rights reserved)",
    citation="European Space Agency, Airbus (2022): Copernicus DEM, GLO-90",
    doi="10.5270/ESA-c5d3d65",
    server="https://copernicus-dem-90m.s3.amazonaws.com",
    files=files,
    build=build,
)
