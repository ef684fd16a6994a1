"""What a layer must be to be learnt from: there, of many values, and physically possible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from helpers.rasters.blocks import places
from helpers.rasters.source import Source, apply
from helpers.settings import RasterCovariate
from helpers.storage import ContractError
from helpers.units import amount_of_step, check_plausible, is_same

_SMALLEST_COVERED_SHARE = 0.99
_SMALLEST_KNOWN_SHARE = 0.5
_CELLS_TO_TEST = 20_000
# Fewer cells may well be equal; shares and classes may be so everywhere (no forest, all steppe).
_MANY_CELLS = 100
_CLASS_METHODS = ("fraction", "mode", "nearest")
# The driest ground with permafrost, in the McMurdo Dry Valleys, has 3 to 50 mm a year (Fountain et
# al. 2010, doi:10.1002/joc.1933); below that, only the core of the Sahara and of the Atacama.
_DRIEST_MM, _WETTEST_MM = 3.0, 10_000.0
# A rate per day taken for the amount of a month ends below this, as no land has 4500 mm and more.
_MAYBE_A_RATE_MM = 150.0
# Usual codes for missing, -9999 to -32768 and 1e20 and more, in units that no range is known of.
_FILL_BELOW, _FILL_ABOVE = -9000.0, 1e19
_MM_IN_M, _LONGEST_DAY = 1000, 1.5


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
            f"(used: {list(source.nodata)}), the band, the area, and valid_range in a netCDF."
        )
    values = values[known]
    if np.isinf(values).any():
        raise ContractError(
            f"{source.name}: {np.isinf(values).sum()} mapped cells are infinite. Find out what "
            "made them (a division by zero?) and write them as nodata."
        )
    must_vary = settings.resampling not in _CLASS_METHODS and len(values) > _MANY_CELLS
    if must_vary and values.min() == values.max():
        raise ContractError(
            f"{source.name}: all mapped cells are {values[0]:g}: nothing to learn from. Check "
            "band, nodata and scale, or take the layer out of study.toml; if it holds classes, "
            'set resampling = "nearest".'
        )
    check_plausible(values, settings.units, source.name, stored_units)
    if values.min() <= _FILL_BELOW or values.max() >= _FILL_ABOVE:
        raise ContractError(
            f"{source.name}: values from {values.min():g} to {values.max():g} {settings.units}: "
            "the outermost look like a code for missing. Set nodata in study.toml to that code, "
            "or, if they are real, state another unit in which they are smaller."
        )
    highest = float(values.max())
    unsaid = settings.over_time in (None, "mean") and settings.stored_units is None
    if unsaid and is_same(settings.units, "mm") and 0 < highest < 1:
        # Grains or a trace of snow may be as small: whoever says stored_units is believed.
        raise ContractError(
            f"{source.name}: no mapped cell has more than {highest:g} mm. If the file holds "
            f'metres, set stored_units = "m" in study.toml (up to {1000 * highest:g} mm); if it '
            'does hold millimetres, stored_units = "mm".'
        )


def check_annual_sum(
    values: NDArray, days: float, source: Source, settings: RasterCovariate, stored: str
) -> None:
    """Refuse annual sums in mm so small that another unit or a rate per day explains them.

    Judged by the median of the cells that have any. Below the driest ground with permafrost it
    is refused. A desert must be confirmed by ``stored_units`` where the file does not tell an
    amount from a rate: without units, or in metres, in which both totals of months and rates per
    day (ERA5 monthly means) are given out. ``days`` is the length of a step.
    """
    some = values[values > 0]
    if not is_same(settings.units, "mm") or not some.size:
        return
    median, one = np.median(some), amount_of_step(np.ones(1), stored, "mm", days)
    unsaid = settings.stored_units is None and (source.units is None or one[0] == _MM_IN_M)
    may_be_rate = unsaid and days > _LONGEST_DAY
    if median >= (_MAYBE_A_RATE_MM if may_be_rate else _DRIEST_MM):
        return
    sums = {
        unit: amount_of_step(median / one, unit, "mm", days)[0]
        for unit in (stored, "m", "m/day", "mm/day")
    }
    fits = [f'"{u}" ({s:.0f} mm)' for u, s in sums.items() if _DRIEST_MM <= s <= _WETTEST_MM]
    remedy = "Check scale, nodata and stored_units in study.toml."
    if fits:
        remedy = f"Set stored_units in study.toml to what a step holds: {' or '.join(fits)}."
    raise ContractError(
        f"{source.name}: a median annual sum of {median:.3g} mm, taken as {stored} a step. {remedy}"
    )
