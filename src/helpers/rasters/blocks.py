"""Where the cells of a grid lie in a source, block by block so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

from helpers.rasters.source import Source, apply

# Cells: of the source read at once, of the grid worked on at once, of the grid times steps.
LARGEST_WINDOW, LARGEST_BLOCK, LARGEST_STACK = 4_000_000, 262_144, 8_000_000
_SMALLEST_BLOCK = 4096
_SMALLEST_SHARE_INSIDE = 0.25
_LATTICE = 16
_FINER = 1.01
_TORN = 10
POINT_METHODS = ("bilinear", "nearest")

Block = tuple[slice, slice]


class Plan(NamedTuple):
    """How the cells of one source become those of a grid.

    Attributes
    ----------
    method
        ``bilinear``, ``nearest``, ``average`` or ``mode``.
    widest
        Source cells a target cell reaches over unless the source's projection tears it.
    classes
        Codes whose share is averaged; empty for the values themselves.

    """

    method: str
    widest: float
    classes: tuple[int, ...]


class Footprint(NamedTuple):
    """Window of a source under a block, and where the block's cells lie in it.

    ``column`` and ``row`` count cells from the outer corner of the window; of cell centres for
    points (rows, columns), of corners (rows + 1, columns + 1) for averages and modes.
    """

    rows: slice
    columns: slice
    column: NDArray
    row: NDArray


def make_plan(
    source: Source, geobox: GeoBox, resampling: str = "as_fits", classes: Sequence[int] = ()
) -> Plan:
    """Method, and reach of a cell, from the cell sizes of source and grid.

    ``as_fits`` averages a source whose cells are smaller than those of the grid, and interpolates
    between those of a coarser one.
    """
    ratio, longest = _cells_per_cell(source, geobox)
    method = {"fraction": "average"}.get(resampling, resampling)
    if resampling == "as_fits":
        method = "average" if ratio > _FINER else "bilinear"
    return Plan(method, _TORN * (1 + longest), tuple(classes))


def blocks(source: Source, geobox: GeoBox, steps: int = 1) -> Iterator[Block]:
    """Parts of a grid that the source reaches, each small enough to be worked on at once."""
    rows, columns = geobox.shape
    open_blocks = [(slice(0, rows), slice(0, columns))]
    while open_blocks:
        block = open_blocks.pop()
        cells = _length(block[0]) * _length(block[1])
        window, share_inside = _estimate(source, geobox, block)
        if window == 0:
            continue
        too_large = window > LARGEST_WINDOW or cells > min(LARGEST_BLOCK, LARGEST_STACK // steps)
        mostly_outside = share_inside < _SMALLEST_SHARE_INSIDE and cells > _SMALLEST_BLOCK
        if (too_large or mostly_outside) and cells > 1:
            open_blocks += _halves(block)
        else:
            yield block


def footprint(source: Source, geobox: GeoBox, block: Block, plan: Plan) -> Footprint | None:
    """Exact places of the cells of a block; ``None`` where the source does not reach them."""
    corners = plan.method not in POINT_METHODS
    shift, more = (0.0, 1) if corners else (0.5, 0)
    row, column = (np.arange(part.start, part.stop + more) + shift for part in block)
    column, row = places(source, geobox, column[np.newaxis, :], row[:, np.newaxis])
    usable = _untorn(column, row, plan.widest) if corners else np.isfinite(column)
    if not usable.any():
        return None
    columns = _window(column[usable], source.shape[1], source.goes_round)
    rows = _window(row[usable], source.shape[0], False)
    if _length(rows) <= 0 or _length(columns) <= 0:
        return None
    return Footprint(rows, columns, column - columns.start, row - rows.start)


def places(
    source: Source, geobox: GeoBox, column: NDArray, row: NDArray
) -> tuple[NDArray, NDArray]:
    """Column and row in a source of columns and rows (with parts of a cell) of a grid."""
    column, row = np.broadcast_arrays(column, row)
    x, y = apply(geobox.affine, column, row)
    x, y = transformer(geobox.crs.proj, source.crs).transform(x, y)
    column, row = source.cell_of(x, y)
    known = np.isfinite(column)
    if source.goes_round and known.any():
        # One turn for the whole block, so that its columns have no leap at the date line.
        first = column[known][0]
        column = column - source.period * np.round((column - first) / source.period)
    return column, row


@cache
def transformer(source: CRS, target: CRS) -> Transformer:
    """Transformer between two CRS, easting or longitude first."""
    return Transformer.from_crs(source, target, always_xy=True)


def _estimate(source: Source, geobox: GeoBox, block: Block) -> tuple[float, float]:
    """Cells of the source's window under a block, and share of the block that lies in it."""
    row, column = (np.linspace(part.start, part.stop, _LATTICE + 1) for part in block)
    column, row = places(source, geobox, column[np.newaxis, :], row[:, np.newaxis])
    if not np.isfinite(column).any():
        return 0, 0
    inside = (row >= 0) & (row <= source.shape[0])
    spans = [_span(row, source.shape[0])]
    if source.goes_round:
        spans.append(np.nanmax(column) - np.nanmin(column) + 4)
    else:
        inside &= (column >= 0) & (column <= source.shape[1])
        spans.append(_span(column, source.shape[1]))
    return float(np.prod(spans)), float(inside.mean())


def _span(place: NDArray, size: int) -> float:
    """Cells of an axis that a lattice of places reaches over, with one mesh more around it."""
    lowest, highest = np.nanmin(place), np.nanmax(place)
    margin = 2 + (highest - lowest) / _LATTICE
    if highest + margin < 0 or lowest - margin > size:
        return 0
    return min(highest + 2, size) - max(lowest - 2, 0)


def _window(place: NDArray, size: int, goes_round: bool) -> slice:
    """Cells of an axis from the first to the last place and their neighbours."""
    first, last = int(np.floor(place.min())) - 1, int(np.floor(place.max())) + 2
    return slice(first, last) if goes_round else slice(max(first, 0), min(last, size))


def _untorn(column: NDArray, row: NDArray, widest: float) -> NDArray:
    """Corners that belong to a cell which exists and is not torn."""
    whole = np.ones(np.subtract(column.shape, 1), bool)
    for place in (column, row):
        corners = np.stack([place[:-1, :-1], place[:-1, 1:], place[1:, :-1], place[1:, 1:]])
        # Also False where a corner is NaN.
        whole &= corners.max(axis=0) - corners.min(axis=0) <= widest
    usable = np.zeros(column.shape, bool)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            usable[rows, columns] |= whole
    return usable


def _cells_per_cell(source: Source, geobox: GeoBox) -> tuple[float, float]:
    """Source cells along a cell of the grid: of a square of the same area, and at most."""
    lattice = [np.unique(np.linspace(0, n - 1, 4 * _LATTICE).astype(int)) for n in geobox.shape]
    row, column = lattice[0][:, np.newaxis], lattice[1][np.newaxis, :]
    shifts = [(0, 0), (0, 1), (1, 0)]
    (c0, r0), (c1, r1), (c2, r2) = (
        places(source, geobox, column + right, row + down) for down, right in shifts
    )
    # A leap around the Earth is no length.
    along_x = np.hypot(_shortest(c1 - c0, source), r1 - r0)
    along_y = np.hypot(_shortest(c2 - c0, source), r2 - r0)
    area = np.abs(_shortest(c1 - c0, source) * (r2 - r0) - _shortest(c2 - c0, source) * (r1 - r0))
    known = np.isfinite(area)
    inside = known & (r0 >= 0) & (r0 <= source.shape[0]) & (c0 >= 0) & (c0 <= source.shape[1])
    chosen = inside if inside.any() else known
    if not chosen.any():
        return 1.0, 1.0
    longest = np.maximum(along_x, along_y)[chosen]
    return float(np.sqrt(np.median(area[chosen]))), float(np.quantile(longest, 0.95))


def _shortest(columns: NDArray, source: Source) -> NDArray:
    if not np.isfinite(source.period):
        return columns
    return columns - source.period * np.round(columns / source.period)


def _halves(block: Block) -> list[Block]:
    """The block cut in two across its longer side, the north or west half last."""
    rows, columns = block
    if _length(rows) >= _length(columns):
        first, second = _cut(rows)
        return [(second, columns), (first, columns)]
    first, second = _cut(columns)
    return [(rows, second), (rows, first)]


def _cut(part: slice) -> tuple[slice, slice]:
    middle = (part.start + part.stop) // 2
    return slice(part.start, middle), slice(middle, part.stop)


def _length(part: slice) -> int:
    return part.stop - part.start
