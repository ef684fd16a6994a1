"""Tiles of the MODIS sinusoidal grid, the composites they come in, and reading them by rows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
import shapely
from affine import Affine
from pyproj import CRS, Transformer
from rasterio.errors import RasterioError
from shapely import Polygon, box

from helpers.opendata.modis_daily import KELVIN_PER_STEP, keep_reliable, to_celsius
from helpers.storage import ContractError

# Sphere of the grid and its 36 x 18 tiles of 10 degrees (MODLAND sinusoidal grid).
SPHERE_RADIUS_M = 6_371_007.181
SINUSOIDAL = CRS.from_proj4(f"+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R={SPHERE_RADIUS_M} +units=m")
TILE_M = math.pi * SPHERE_RADIUS_M / 18
TERRA, AQUA = "MOD", "MYD"
SENSORS = {TERRA: "Terra", AQUA: "Aqua"}
QUALITY_OF = {"LST_Day_1km": "QC_Day", "LST_Night_1km": "QC_Night"}
ASSETS = (*QUALITY_OF, *QUALITY_OF.values())
OVERPASSES = tuple((sensor, asset) for sensor in SENSORS for asset in QUALITY_OF)
COMPOSITE_DAYS = 8
_STORED_AS = {asset: "uint16" if asset in QUALITY_OF else "uint8" for asset in ASSETS}
# Of an item, or of a file of it. What matches in full may be a part of a path.
_NAME = re.compile(
    r"(MOD|MYD)11A2\.A([12][0-9]{3})([0-9]{3})\.(h[0-9]{2}v[0-9]{2})\.061(?:\.([0-9]{1,20}))?"
    rf"(?:_(?:{'|'.join(ASSETS)})\.tif)?"
)
_STEP_M = 10_000.0  # between points of an outline that is projected
# Stored temperature read at once, and temperature (float32) computed with at once.
_STRIPE_BYTES, _CHUNK_BYTES = 1 << 28, 1 << 25
_AGAIN = "Remove it from the cache and fetch it again; if it stays so, the product has changed."


class Composite(NamedTuple):
    """Eight days of one satellite over one tile."""

    tile: str
    start: date
    sensor: str

    def __str__(self) -> str:
        return f"{self.start} {self.tile} {SENSORS[self.sensor]}"


def composite_of(name: str) -> tuple[Composite, str] | None:
    """What an item or file of that name holds, and when it was produced (text that sorts).

    Terra and Aqua are told apart by the name: the property ``platform`` is missing in many items.

    Raises
    ------
    ContractError
        If the name is right and its date is none.

    """
    found = _NAME.fullmatch(name)
    if not found:
        return None
    sensor, year, day, tile, produced = found.groups()
    start = date(int(year), 1, 1) + timedelta(int(day) - 1)
    if start.year != int(year):
        raise ContractError(f"{name}: there is no day {day} of {year}.")
    return Composite(tile, start, sensor), produced or ""


def listed(composites: list[Composite], n: int = 12) -> str:
    """The first of some composites, in words."""
    more = [f"{len(composites) - n} more"] if len(composites) > n else []
    return ", ".join([*map(str, composites[:n]), *more])


def composite_starts(years: range) -> list[date]:
    """First days of the composites of whole years; the first begins on 1 January."""
    offsets = range(0, 365, COMPOSITE_DAYS)
    return [date(year, 1, 1) + timedelta(offset) for year in years for offset in offsets]


def composite_lengths(starts: list[date]) -> list[int]:
    """Days of each composite: the last of a year is cut at its end."""
    ends = (min(s + timedelta(COMPOSITE_DAYS), date(s.year + 1, 1, 1)) for s in starts)
    return [(end - start).days for start, end in zip(starts, ends, strict=True)]


def tile_box(tile: str) -> Polygon:
    """Square of a tile (``h26v04``) in the sinusoidal CRS, m."""
    column, row = int(tile[1:3]) - 18, 9 - int(tile[4:6])
    return box(column * TILE_M, (row - 1) * TILE_M, (column + 1) * TILE_M, row * TILE_M)


def to_sinusoidal(area: Polygon, crs: CRS) -> Polygon:
    """An area in the CRS of a study (m), on the sinusoidal grid."""
    transformer = Transformer.from_crs(crs, SINUSOIDAL, always_xy=True)
    return shapely.transform(area.segmentize(_STEP_M), transformer.transform, interleaved=False)


def tiles_touching(area: Polygon) -> list[str]:
    """Tiles that share ground with an area of the sinusoidal grid."""
    names = (f"h{h:02d}v{v:02d}" for h in range(36) for v in range(18))
    return [name for name in names if area.intersection(tile_box(name)).area > 0]


@dataclass(frozen=True)
class TileFiles:
    """The files of one tile: path by (sensor, first day, asset), all of one shape.

    ``rows`` and ``columns`` are the part that is read, ``assumed_crs`` counts files without a CRS.
    """

    tile: str
    paths: Mapping[tuple[str, date, str], Path]
    starts: list[date]
    shape: tuple[int, int]
    rows: range
    columns: range
    assumed_crs: int

    @cached_property
    def transform(self) -> Affine:
        """From columns and rows of the part that is read to the sinusoidal CRS."""
        west, _, _, north = tile_box(self.tile).bounds
        height, width = (TILE_M / n for n in self.shape)
        corner = (west + self.columns.start * width, north - self.rows.start * height)
        return Affine.translation(*corner) @ Affine.scale(width, -height)

    def chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows of the part, and their temperature (overpass, composite, row, column), deg C."""
        n_stripe = max(1, _STRIPE_BYTES // self._bytes_of_row)
        n_chunk = max(1, _CHUNK_BYTES // (2 * self._bytes_of_row))
        for top in range(0, len(self.rows), n_stripe):
            rows = self.rows[top : top + n_stripe]
            stripe = self._all_rows if rows == self.rows else self._read(rows)
            for begin in range(0, len(rows), n_chunk):
                part = stripe[:, :, begin : begin + n_chunk]
                yield slice(top + begin, top + begin + part.shape[2]), to_celsius(part)
            # Released before the next one is read, or two would be held.
            del part, stripe

    @property
    def _bytes_of_row(self) -> int:
        return len(OVERPASSES) * len(self.starts) * len(self.columns) * 2

    @cached_property
    def _all_rows(self) -> np.ndarray:
        """Read once where it may be held at once: chunks are asked for twice."""
        return self._read(self.rows)

    def _read(self, rows: range) -> np.ndarray:
        """Reliable stored temperature (overpass, composite, row, column); 0 for a missing file."""
        shape = (len(OVERPASSES), len(self.starts), len(rows), len(self.columns))
        stored = np.zeros(shape, "uint16")
        for i, (sensor, asset) in enumerate(OVERPASSES):
            for j, start in enumerate(self.starts):
                key = (sensor, start, asset)
                if key in self.paths:
                    quality = self.paths[sensor, start, QUALITY_OF[asset]]
                    both = [self._part(path, rows) for path in (self.paths[key], quality)]
                    stored[i, j] = keep_reliable(*both)
        return stored

    def _part(self, path: Path, rows: range) -> np.ndarray:
        window = ((rows.start, rows.stop), (self.columns.start, self.columns.stop))
        try:
            with rasterio.open(path) as raster:
                return raster.read(1, window=window)
        except RasterioError as error:
            raise _unreadable(path, error) from error


def open_tile(tile: str, paths: list[Path], starts: list[date], area: Polygon) -> TileFiles:
    """Check the files of a tile, and find the part of it that lies in ``area`` (sinusoidal, m).

    Raises
    ------
    ContractError
        If a file cannot be read, has several bands, another type, scale, CRS or extent than the
        product, or another shape than the others.

    """
    by_key, shape, assumed = {}, None, 0
    for path in paths:
        composite, _ = composite_of(path.name)
        asset = next(a for a in ASSETS if path.stem.endswith(a))
        found, has_crs = _check_file(path, tile, asset)
        shape = shape or found
        if found != shape:
            raise ContractError(f"{path}: {found} cells, {paths[0].name} has {shape}. {_AGAIN}")
        assumed += not has_crs
        by_key[composite.sensor, composite.start, asset] = path
    rows, columns = _part_of_tile(tile, shape, area)
    return TileFiles(tile, by_key, starts, shape, rows, columns, assumed)


def _check_file(path: Path, tile: str, asset: str) -> tuple[tuple[int, int], bool]:
    """Shape of a file, and whether it states a CRS."""
    try:
        with rasterio.open(path) as raster:
            found = {"bands": raster.count, "type": raster.dtypes[0]}
            scale, offset = raster.scales[0], raster.offsets[0]
            crs, shape, bounds = raster.crs, raster.shape, raster.bounds
    except RasterioError as error:
        raise _unreadable(path, error) from error
    wanted = {"bands": 1, "type": _STORED_AS[asset]}
    if found != wanted:
        raise ContractError(f"{path}: found {found}, expected {wanted}. {_AGAIN}")
    scales = (1.0, KELVIN_PER_STEP) if asset in QUALITY_OF else (1.0,)
    if offset or not np.isclose(scale, scales, rtol=1e-6).any():
        raise ContractError(
            f"{path}: scale {scale:g} and offset {offset:g}; expected {scales[-1]:g} (or none "
            f"stated) and 0. {_AGAIN}"
        )
    if crs and not _is_sinusoidal(crs.to_wkt(), tile):
        raise ContractError(f"{path}: CRS {crs.to_string()}, not the MODIS sinusoidal. {_AGAIN}")
    off = np.abs(np.subtract(bounds, tile_box(tile).bounds)).max()
    if off > 0.1 * TILE_M / max(shape):
        raise ContractError(
            f"{path}: covers {tuple(bounds)}, tile {tile} is {tile_box(tile).bounds}. {_AGAIN}"
        )
    return shape, bool(crs)


@lru_cache
def _is_sinusoidal(wkt: str, tile: str) -> bool:
    """Whether a CRS puts the corners of a tile where the sinusoidal does, to a metre."""
    crs = CRS.from_wkt(wkt)
    if not crs.is_projected:
        return False
    west, south, east, north = tile_box(tile).bounds
    x, y = np.array([[west, south], [west, north], [east, south], [east, north]]).T
    there = Transformer.from_crs(SINUSOIDAL, crs, always_xy=True).transform(x, y)
    return bool(np.abs(np.subtract(there, (x, y))).max() < 1.0)


def _unreadable(path: Path, error: Exception) -> ContractError:
    return ContractError(f"{path}: cannot be read ({error}); it was damaged or cut off. {_AGAIN}")


def _part_of_tile(tile: str, shape: tuple[int, int], area: Polygon) -> tuple[range, range]:
    """Rows and columns of a tile that hold an area, and one more on each side where there is."""
    west, _, _, north = tile_box(tile).bounds
    left, bottom, right, top = area.intersection(tile_box(tile)).bounds
    height, width = (TILE_M / n for n in shape)
    edges = (north - top) / height, (north - bottom) / height
    sides = (left - west) / width, (right - west) / width
    return _whole(*edges, shape[0]), _whole(*sides, shape[1])


def _whole(first: float, last: float, n: int) -> range:
    return range(max(0, math.floor(first) - 1), min(n, math.ceil(last) + 1))
