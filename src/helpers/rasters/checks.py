"""What a layer must be to be learnt from: there, of many values, and physically possible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from helpers.rasters.blocks import places
from helpers.rasters.source import Source, apply
from helpers.settings import RasterCovariate
from helpers.storage import ContractError
from helpers.units import check_plausible

_SMALLEST_COVERED_SHARE = 0.99
_SMALLEST_KNOWN_SHARE = 0.5
_CELLS_TO_TEST = 20_000


def check_covers(source: Source, geobox: GeoBox, mapped: NDArray) -> None:
    """Compare the extent of the raster with a sample of the mapped cells."""
    rows, columns = np.nonzero(mapped)
    step = max(len(rows) // _CELLS_TO_TEST, 1)
    column, row = places(source, geobox, columns[::step] + 0.5, rows[::step] + 0.5)
    height, width = source.shape
    inside = (row >= 0) & (row <= height)
    if not source.goes_round:
        inside &= (column >= 0) & (column <= width)
    covered = inside.mean()
    if covered < _SMALLEST_COVERED_SHARE:
        ends = apply(source.transform, np.array([0, width]), np.array([0, height]))
        (west, east), (south, north) = (np.sort(axis) for axis in ends)
        raise ContractError(
            f"{source.name}: covers only {covered:.0%} of the area to be mapped. Its extent is "
            f"{west:g} to {east:g} and {south:g} to {north:g} in {source.crs.to_string()[:60]}. "
            "Use a raster of the whole area or make the area in study.toml smaller."
        )


def check_values(
    values: NDArray, source: Source, settings: RasterCovariate, stored_units: str | None
) -> None:
    """Refuse mapped values that are missing, infinite, all the same or impossible."""
    known = ~np.isnan(values)
    share = known.mean()
    if share < _SMALLEST_KNOWN_SHARE:
        raise ContractError(
            f"{source.name}: only {share:.0%} of the mapped cells have a value; check nodata "
            f"(used: {list(source.nodata)}), the band and the area."
        )
    values = values[known]
    if np.isinf(values).any():
        raise ContractError(
            f"{source.name}: {np.isinf(values).sum()} mapped cells are infinite. Find out what "
            "made them (a division by zero?) and write them as nodata."
        )
    if values.min() == values.max():
        raise ContractError(
            f"{source.name}: all mapped cells are {values[0]:g}: nothing to learn from. Check "
            "band, nodata and scale, or take the layer out of study.toml."
        )
    check_plausible(values, settings.units, source.name, stored_units)
