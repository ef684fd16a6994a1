"""The user's rasters as one layer of a study: brought to its grid, to its units, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from helpers import climate
from helpers.rasters.blocks import Block, Plan, blocks, footprint, make_plan
from helpers.rasters.checks import check_annual_sum, check_covers, check_values
from helpers.rasters.dates import Timeline, timeline
from helpers.rasters.files import open_sources
from helpers.rasters.regrid import block_values
from helpers.rasters.source import Source
from helpers.settings import RasterCovariate
from helpers.storage import ContractError
from helpers.units import UnitError, amount_of_step, check_plausible, convert

_DEGREE_DAYS = ("thawing_degree_days", "freezing_degree_days")


def raster_on_grid(
    paths: Path | Sequence[Path],
    settings: RasterCovariate,
    mapped: xr.DataArray,
    *,
    period: tuple[date, date] | None = None,
    within_month_sd_c: Sequence[float] | None = None,
) -> xr.DataArray:
    """Bring a raster, or the steps of a year, to the grid of ``mapped``, block by block.

    Parameters
    ----------
    paths
        GeoTIFF and what else GDAL reads, netCDF, or folders of Zarr; of any CRS.
    settings
        Units, and what the files do not say themselves; see ``RasterCovariate``.
    mapped
        (y, x) boolean, True where the study is mapped; carries the grid and its CRS.
    period
        First and last day of the study; of steps with dates only those inside count.
    within_month_sd_c
        Standard deviation of daily temperature within each month (12), deg C, for degree-days
        from monthly means.

    Returns
    -------
    (y, x) float32 in the units of the settings, NaN where the raster has no value. Attributes:
    units, long_name, source (file, method, years).

    Raises
    ------
    ContractError
        If a file cannot be used (see ``open_sources``), has several bands and none is chosen,
        does not reach over the mapped cells, has no value in half of them, holds values that
        cannot be in its unit, sums so small that a rate may be meant, or one value everywhere.

    """
    sources = open_sources(paths, settings)
    place = ", ".join(dict.fromkeys(source.name for source in sources[:3]))
    try:
        layer = _Layer(place, settings, _stored_units(sources, settings), within_month_sd_c)
        return _make(sources, layer, mapped, period)
    except UnitError as error:
        if str(error).startswith(place):
            raise ContractError(str(error)) from error
        raise ContractError(
            f"{place}: {error}. Correct units or set stored_units in study.toml."
        ) from error
    finally:
        for source in sources:
            source.close()


class _Layer(NamedTuple):
    place: str
    settings: RasterCovariate
    stored_units: str
    within_month_sd_c: Sequence[float] | None


def _make(
    sources: list[Source],
    layer: _Layer,
    mapped: xr.DataArray,
    period: tuple[date, date] | None,
) -> xr.DataArray:
    place, settings, stored_units, _ = layer
    if len(sources) > 1 and settings.over_time is None:
        raise ContractError(
            f"{place}: has {len(sources)} bands or times; say which with band = 1 in study.toml, "
            'or make one layer of all with over_time = "mean".'
        )
    geobox = GeoBox(mapped.shape, mapped.rio.transform(), mapped.rio.crs)
    for source in {source.grid: source for source in sources}.values():
        check_covers(source, geobox, mapped.to_numpy())
    steps = Timeline(sources, None, np.ones(1))
    if settings.over_time is not None:
        steps = timeline(sources, settings.over_time, period, place)
    values, years = _on_grid(steps, geobox, layer)
    stored = stored_units if settings.over_time in (None, "mean") else None
    check_values(values[mapped.to_numpy()], sources[0], settings, stored)
    if settings.over_time == "annual_sum":
        days = float(np.mean(steps.days))
        check_annual_sum(values[mapped.to_numpy()], days, sources[0], settings, stored_units)
    on_grid = xr.DataArray(values, coords={"y": mapped.y, "x": mapped.x}, dims=("y", "x"))
    on_grid = on_grid.rio.write_crs(mapped.rio.crs).rio.write_nodata(np.nan)
    on_grid.attrs = {
        "units": settings.units,
        "long_name": settings.long_name or _own_name(sources, layer),
        "source": _words(layer, steps, make_plan(sources[0], geobox, settings.resampling), years),
    }
    return on_grid


def _own_name(sources: list[Source], layer: _Layer) -> str:
    """What the files say of all their steps alike; the name of the first if nothing fits."""
    stated, settings = {source.long_name for source in sources}, layer.settings
    same_quantity = settings.over_time in (None, "mean") and settings.resampling != "fraction"
    own = stated.pop() if same_quantity and len(stated) == 1 else None
    return own or Path(sources[0].name.split(":")[0]).stem


def _stored_units(sources: list[Source], settings: RasterCovariate) -> str:
    """Those of the settings, else of the file, else what the layer is to have."""
    stated = sorted({source.units for source in sources if source.units})
    if settings.resampling == "fraction":
        return "1"
    if settings.stored_units is not None:
        return settings.stored_units
    if len(stated) > 1:
        raise ContractError(
            f"{sources[0].name}: the files state different units: {', '.join(stated)}."
        )
    if stated:
        return stated[0]
    return "degC" if settings.over_time in _DEGREE_DAYS else settings.units


def _on_grid(steps: Timeline, geobox: GeoBox, layer: _Layer) -> tuple[NDArray, tuple[int, ...]]:
    """Values of the layer on the whole grid, and the years they are of."""
    grids = {source.grid: source for source in steps.sources}
    settings = layer.settings
    plans = {
        grid: make_plan(source, geobox, settings.resampling, settings.classes)
        for grid, source in grids.items()
    }
    values, years = np.full(geobox.shape, np.nan, np.float32), ()
    for block in blocks(steps.sources[0], geobox, len(steps.sources)):
        stack = _stack(steps.sources, geobox, block, plans)
        if not np.isnan(stack).all():  # infinite ones go on, to be refused
            values[block], years = _combine(stack, steps, layer)
    return values, years


def _stack(
    sources: list[Source], geobox: GeoBox, block: Block, plans: dict[tuple, Plan]
) -> NDArray:
    """All steps of a block (steps, rows, columns); places are worked out once per grid."""
    shape = [part.stop - part.start for part in block]
    stack = np.full((len(sources), *shape), np.nan, np.float32)
    located: dict = {}
    for i, source in enumerate(sources):
        plan = plans[source.grid]
        if source.grid not in located:
            located[source.grid] = footprint(source, geobox, block, plan)
        place = located[source.grid]
        if place is not None:
            stack[i] = block_values(source, place, plan)
    return stack


def _combine(stack: NDArray, steps: Timeline, layer: _Layer) -> tuple[NDArray, tuple[int, ...]]:
    """One layer of the steps of a block, in the units wanted."""
    over_time, units, stored = layer.settings.over_time, layer.settings.units, layer.stored_units
    if over_time is None:
        return convert(stack[0], stored, units), ()
    spread = None
    if over_time in _DEGREE_DAYS:
        stack, stored = convert(stack, stored, "degC"), "degC d"
        check_plausible(stack, "degC", layer.place, layer.stored_units)
        spread = layer.within_month_sd_c if steps.is_monthly else None
    elif over_time == "annual_sum":
        amounts = zip(stack, steps.days, strict=True)
        stack = np.stack([amount_of_step(v, stored, units, days) for v, days in amounts])
        stored = units
    annual = climate.annual_from_series(
        stack, steps.start, steps.days, over_time, spread, layer.place
    )
    return convert(annual.values, stored, units), annual.years


def _words(layer: _Layer, steps: Timeline, plan: Plan, years: tuple[int, ...]) -> str:
    """What the layer was made of, for its ``source``."""
    settings = layer.settings
    method = "fraction of classes" if settings.classes else plan.method
    words = [f"{layer.place}, resampled: {method}"]
    if layer.stored_units != settings.units and settings.over_time not in _DEGREE_DAYS:
        words.append(f"from {layer.stored_units}")
    if settings.over_time is not None:
        words.append(f"{settings.over_time} of {len(steps.sources)} steps")
    if years and settings.over_time == "freezing_degree_days":
        words.append(f"winters July to June {', '.join(f'{y}/{y + 1}' for y in years)}")
    elif years:
        words.append(f"years {', '.join(map(str, years))}")
    if settings.over_time in _DEGREE_DAYS:
        spread = steps.is_monthly and layer.within_month_sd_c is not None
        words.append("with" if spread else "without")
        words[-1] += " spread of daily temperature within the steps"
    return "; ".join(words)
