"""Rasters of any CRS, resolution and orientation brought to a grid, block by block.

Values between cells are taken at exact places, not at those of GDAL's warp, which is off by up
to an eighth of a source cell; averages weigh the source by its share of the target cell's area.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from helpers.rasters.blocks import Footprint, Plan, blocks, footprint, make_plan
from helpers.rasters.kernel import area_mean, area_mode
from helpers.rasters.source import Source


def regrid(
    source: Source, geobox: GeoBox, resampling: str = "as_fits", classes: Sequence[int] = ()
) -> NDArray:
    """Bring one source to a grid.

    Parameters
    ----------
    source
        See :class:`~helpers.rasters.source.Source`.
    geobox
        The grid; an equal-area CRS, so that averages conserve areas.
    resampling
        ``bilinear``: between the four nearest cells, missing ones left out; missing where the
        source cell around the point is missing. ``nearest``: the source cell around the point.
        ``average``: mean of the known part of the cell. ``mode``: the most frequent value in the
        cell, the lowest of equals. ``fraction``: share (0 to 1) of ``classes`` in the known part
        of the cell. ``as_fits``: average of a source finer than the grid, else bilinear.
    classes
        Codes, for ``fraction``.

    Returns
    -------
    (rows, columns) float32, NaN where the source has no value or does not reach.

    Cells through which an edge of the source's own projection runs (the date line of a
    sinusoidal world map, say) are missing in averages and modes.

    """
    plan = make_plan(source, geobox, resampling, classes)
    result = np.full(geobox.shape, np.nan, np.float32)
    for block in blocks(source, geobox):
        place = footprint(source, geobox, block, plan)
        if place is not None:
            result[block] = block_values(source, place, plan)
    return result


def regrid_tiles(
    sources: Sequence[Source],
    geobox: GeoBox,
    resampling: str = "as_fits",
    classes: Sequence[int] = (),
) -> NDArray:
    """Bring tiles side by side, also of differing cell size or CRS, to a grid as one raster.

    A cell that straddles tiles is the mean of its parts in each, weighed by area; interpolation
    runs on over the seam. Arguments and result as for :func:`regrid`, without ``mode``.
    """
    if resampling == "mode":
        raise ValueError("the most frequent value cannot be put together from tiles")
    sums = np.zeros((3, *geobox.shape), np.float32)
    for source in sources:
        plan = make_plan(source, geobox, resampling, classes)
        for block in blocks(source, geobox):
            place = footprint(source, geobox, block, plan)
            if place is None:
                continue
            part = shares(source.read_around(place.rows, place.columns), place, plan)
            if plan.method == "nearest":
                part *= sums[1][block] == 0
            sums[(slice(None), *block)] += part
    return _mean_of(sums)


def block_values(source: Source, place: Footprint, plan: Plan) -> NDArray:
    """Values (float32) of a block of the grid from its window of the source."""
    return _mean_of(shares(source.read_around(place.rows, place.columns), place, plan))


def shares(values: NDArray, place: Footprint, plan: Plan) -> NDArray:
    """Sum of weighted values, sum of weights, and whether there is a value: (3, rows, columns).

    The weights of an average are shares of the cell's area, those of an interpolation add up to
    one over all sources that touch; so sums of several tiles can be added.
    """
    if plan.classes:
        values = np.where(np.isfinite(values), np.isin(values, plan.classes), values)
    values = np.asarray(values, dtype=np.float32)
    if plan.method == "average":
        total, weight = area_mean(values, place.column, place.row, plan.widest)
        return np.stack([total, weight, weight > 0])
    if plan.method == "mode":
        mode = area_mode(values, place.column, place.row, plan.widest)
        known = ~np.isnan(mode)
        return np.stack([np.where(known, mode, 0), known, known])
    own, known = _look_up(values, np.floor(place.column), np.floor(place.row))
    if plan.method == "nearest":
        return np.stack([own, known, known])
    return np.stack([*_between(values, place), known])


def _between(values: NDArray, place: Footprint) -> tuple[NDArray, NDArray]:
    """Weighted sum and weights of the four cells around each point, missing ones left out."""
    column, row = place.column - 0.5, place.row - 0.5
    west, north = np.floor(column), np.floor(row)
    total, weight = np.zeros(column.shape), np.zeros(column.shape)
    for right in (0, 1):
        for down in (0, 1):
            value, known = _look_up(values, west + right, north + down)
            share = np.abs(1 - right - (column - west)) * np.abs(1 - down - (row - north))
            share = np.where(known, share, 0)
            total += np.multiply(share, value, out=np.zeros_like(total), where=share > 0)
            weight += share
    return total, weight


def _look_up(values: NDArray, column: NDArray, row: NDArray) -> tuple[NDArray, NDArray]:
    """Value at whole columns and rows, 0 where there is none, and whether there is one."""
    inside = (column >= 0) & (column < values.shape[1]) & (row >= 0) & (row < values.shape[0])
    column, row = (np.where(inside, place, 0).astype(int) for place in (column, row))
    found = np.where(inside, values[row, column], np.nan).astype(float)
    known = ~np.isnan(found)
    return np.where(known, found, 0), known


def _mean_of(sums: NDArray) -> NDArray:
    total, weight, known = sums
    there = known > 0
    mean = np.full(total.shape, np.nan, np.float32)
    mean[there] = total[there] / weight[there]
    return mean
