"""A raster of the user's on few cells: all of it if it is small, else a sample of points."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from helpers.rasters import Source, open_sources, raster_on_grid
from helpers.rasters.blocks import places
from helpers.rasters.checks import check_covers, check_values
from helpers.settings import RasterCovariate
from helpers.units import convert

# Read in about a second; and points, each of which may unpack a whole tile.
LARGEST_CELLS, _POINTS = 30_000_000, 400


def raster_sample(
    paths: Sequence[Path],
    settings: RasterCovariate,
    mapped: xr.DataArray,
    period: tuple[date, date],
    within_month_sd_c: Sequence[float] | None,
) -> tuple[xr.DataArray, str]:
    """A raster on a coarse grid, with all checks of a run, and what was not looked at.

    Parameters
    ----------
    paths, settings, period, within_month_sd_c
        As for :func:`helpers.rasters.raster_on_grid`.
    mapped
        (y, x) boolean on a coarse grid, True where the study is mapped.

    Returns
    -------
    Layer (y, x) in the units of the settings, NaN where nothing is known or looked at; and a
    remark, empty if the whole raster was read.

    Raises
    ------
    ContractError, UnitError
        If a run would refuse the raster.

    """
    sources = open_sources(paths, settings)
    geobox = GeoBox(mapped.shape, mapped.rio.transform(), mapped.rio.crs)
    try:
        if _cells_under(sources[0], geobox) * len(sources) <= LARGEST_CELLS:
            steps = {"period": period, "within_month_sd_c": within_month_sd_c}
            return raster_on_grid(paths, settings, mapped, **steps), ""
        check_covers(sources[0], geobox, mapped.to_numpy())
        values = _of_points(sources[0], mapped.to_numpy(), geobox)
        remark = f"large: only {_POINTS} points looked at"
        if len(sources) == 1 and not settings.classes:
            stored = settings.stored_units or sources[0].units or settings.units
            values = convert(values, stored, settings.units)
            looked_at = values[np.isfinite(values) | _looked_at(mapped.to_numpy())]
            check_values(looked_at, sources[0], settings, stored)
        else:
            remark += f" of the first of {len(sources)} steps, as they are stored"
        return mapped.copy(data=values), remark
    finally:
        for source in sources:
            source.close()


def _cells_under(source: Source, geobox: GeoBox) -> float:
    """About how many cells of a source lie under a grid."""
    rows, columns = geobox.shape
    column, row = places(
        source,
        geobox,
        np.linspace(0, columns, 9)[np.newaxis, :],
        np.linspace(0, rows, 9)[:, np.newaxis],
    )
    if not np.isfinite(column).any():
        return 0.0
    return float(np.prod([np.nanmax(axis) - np.nanmin(axis) for axis in (column, row)]))


def _looked_at(mapped: NDArray) -> NDArray:
    """Cells (y, x) that a sample of points takes: so many mapped ones, evenly spread."""
    chosen = np.zeros(mapped.shape, bool)
    rows, columns = np.nonzero(mapped)
    step = max(len(rows) // _POINTS, 1)
    chosen[rows[::step], columns[::step]] = True
    return chosen


def _of_points(source: Source, mapped: NDArray, geobox: GeoBox) -> NDArray:
    """Values (y, x) of the source cells at the points, NaN elsewhere."""
    values = np.full(mapped.shape, np.nan, np.float32)
    rows, columns = np.nonzero(_looked_at(mapped))
    column, row = places(source, geobox, columns + 0.5, rows + 0.5)
    inside = np.isfinite(row) & (row >= 0) & (row < source.shape[0])
    if not source.goes_round:
        inside &= (column >= 0) & (column < source.shape[1])
    for i in np.flatnonzero(inside):
        r, c = int(row[i]), int(np.floor(column[i]))
        values[rows[i], columns[i]] = source.read_around(slice(r, r + 1), slice(c, c + 1))[0, 0]
    return values
