"""MODIS land-surface temperature: mean annual value, degree-days and frost number at 1 km.

8-day composites of Terra (MOD11A2) and Aqua (MYD11A2), version 6.1, as cloud-optimised GeoTIFFs
of the Planetary Computer (:mod:`helpers.opendata.modis`). Temperature is that of the surface under
a clear sky, too cold in winter: see :mod:`helpers.opendata.modis_daily`, which makes daily means
of the overpasses and fills gaps. Degree-days of 8-day means fall 1 % short of those of days
(measured on daily air temperature of Mohe, 1971-2000).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import rioxarray  # noqa: F401  (registers .rio)
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely import Polygon

from helpers import climate, rasters
from helpers.opendata import modis
from helpers.opendata.modis_daily import daily_mean, departures, fill_gaps, season_of
from helpers.opendata.modis_tiles import (
    COMPOSITE_DAYS,
    OVERPASSES,
    SENSORS,
    SINUSOIDAL,
    Composite,
    TileFiles,
    composite_lengths,
    composite_of,
    composite_starts,
    listed,
    open_tile,
    to_sinusoidal,
)
from helpers.opendata.product import OF_A_WINTER, Product, needed_area, whole_years
from helpers.opendata.reading import as_layer
from helpers.settings import OpenLayer
from helpers.study import Study

QUANTITIES = {
    "mean_annual_surface_temperature": ("degC", "mean annual land-surface temperature"),
    "thawing_degree_days": ("degC d", "thawing degree-days of land-surface temperature"),
    "freezing_degree_days": ("degC d", "freezing degree-days of land-surface temperature"),
    "frost_number": ("1", "frost number of land-surface temperature"),
}


def build(study: Study, layer: OpenLayer, paths: list[Path], geobox: GeoBox) -> xr.DataArray:
    """One quantity of the daily mean land-surface temperature on a grid (float32)."""
    years = whole_years(study, layer)
    area = to_sinusoidal(needed_area(study), study.crs)
    by_tile = defaultdict(list)
    for path in sorted(paths):
        by_tile[composite_of(path.name)[0].tile].append(path)
    tiles = [
        _tile_quantities(tile, tuple(map(_stamped, of_tile)), years, area)
        for tile, of_tile in by_tile.items()
    ]
    sources = [
        rasters.array_source(tile.layers[layer.quantity], tile.transform, SINUSOIDAL)
        for tile in tiles
    ]
    values = rasters.regrid_tiles(sources, geobox)
    units, long_name = QUANTITIES[layer.quantity]
    return as_layer(
        values,
        geobox,
        units=units,
        long_name=f"{long_name} (satellite, clear sky)",
        source=_source(paths, years, tiles, layer.quantity),
    )


PRODUCT = Product(
    name="modis_lst",
    title="MODIS/Terra and Aqua Land Surface Temperature 8-Day L3 Global 1km V061",
    licence="NASA open data: no restriction, to be cited",
    citation=(
        "Wan, Z., Hook, S., Hulley, G. (2021): MODIS/Terra and MODIS/Aqua Land Surface "
        "Temperature/Emissivity 8-Day L3 Global 1km SIN Grid V061 (MOD11A2, MYD11A2), NASA LP "
        "DAAC, doi:10.5067/MODIS/MOD11A2.061, doi:10.5067/MODIS/MYD11A2.061"
    ),
    doi="10.5067/MODIS/MOD11A2.061",
    server="https://planetarycomputer.microsoft.com/api/stac/v1",
    files=modis.files,
    build=build,
)


@dataclass(frozen=True)
class _Tile:
    """Quantities of one tile, where they lie, and what they rest on."""

    layers: dict[str, np.ndarray]
    transform: Affine
    years: dict[str, tuple[int, ...]]
    seen: int
    together: int
    assumed_crs: int


def _stamped(path: Path) -> tuple[Path, int, int]:
    state = path.stat()
    return path, state.st_size, state.st_mtime_ns


# All quantities of a tile cost no more than one: the next layer of a run finds them here.
@lru_cache(maxsize=64)
def _tile_quantities(tile: str, stamped: tuple, years: range, area: Polygon) -> _Tile:
    """All quantities of one tile, from its files row by row.

    ``stamped`` holds path, size and time of change of each file.
    """
    paths, starts = [path for path, *_ in stamped], composite_starts(years)
    of_tile = open_tile(tile, paths, starts, area)
    middle = [start + timedelta(COMPOSITE_DAYS / 2) for start in starts]
    season = season_of(np.array([day.month for day in middle]))
    day = np.array([(m - date(years.start, 1, 1)).days for m in middle])
    elsewhere = _mean_departures(of_tile, season)
    shape = (len(of_tile.rows), len(of_tile.columns))
    layers = {name: np.full(shape, np.nan, "float32") for name in _possible(years)}
    seen = together = 0
    for rows, lst in of_tile.chunks():
        mean = daily_mean(lst, season, elsewhere)
        series = fill_gaps(mean, day, season)
        annual, of_years = _annual(series, starts, years, tile)
        for name, values in annual.items():
            layers[name][rows] = values
        known = np.isfinite(series).all(axis=0)
        seen += int(np.isfinite(mean[:, known]).sum())
        together += known.sum() * len(starts)
    return _Tile(layers, of_tile.transform, of_years, seen, int(together), of_tile.assumed_crs)


def _possible(years: range) -> list[str]:
    return [name for name in QUANTITIES if len(years) > 1 or name not in OF_A_WINTER]


def _mean_departures(tile: TileFiles, season: np.ndarray) -> np.ndarray:
    """Departure of each overpass from the mean of four (season, overpass), of the whole tile.

    NaN in a season in which no cell has all four overpasses.
    """
    n_overpasses = len(OVERPASSES)
    sums, counts = np.zeros((4, n_overpasses)), np.zeros((4, 1))
    for _, lst in tile.chunks():
        of_cells, n_of_cells = departures(lst, season)
        sums += of_cells.sum(axis=(2, 3), dtype=float)
        counts += n_of_cells.sum(axis=(1, 2))[:, None]
    nothing = np.full_like(sums, np.nan)
    return np.divide(sums, counts, out=nothing, where=counts > 0)


def _annual(
    series: np.ndarray, starts: list[date], years: range, place: str
) -> tuple[dict[str, np.ndarray], dict[str, tuple[int, ...]]]:
    """All quantities of a series of composites, and the years each is a mean of."""
    lengths = composite_lengths(starts)
    names = {"mean_annual_surface_temperature": "mean"}
    found = {
        name: climate.annual_from_series(
            series, np.array(starts, "datetime64[D]"), lengths, names.get(name, name), place=place
        )
        for name in _possible(years)
        if name != "frost_number"
    }
    values = {name: annual.values for name, annual in found.items()}
    of_years = {name: annual.years for name, annual in found.items()}
    if "freezing_degree_days" in values:
        both = [values[name] for name in ("thawing_degree_days", "freezing_degree_days")]
        values["frost_number"] = climate.frost_number(*both)
    return values, of_years


def _source(paths: list[Path], years: range, tiles: list[_Tile], quantity: str) -> str:
    """What a layer rests on, in words."""
    there = {composite_of(path.name)[0] for path in paths}
    names = sorted({composite.tile for composite in there})
    missing = sorted(
        composite
        for tile in names
        for start in composite_starts(years)
        for sensor in SENSORS
        if (composite := Composite(tile, start, sensor)) not in there
    )
    seen = sum(tile.seen for tile in tiles) / max(sum(tile.together for tile in tiles), 1)
    no_crs = sum(tile.assumed_crs for tile in tiles)
    text = (
        f"MOD11A2 and MYD11A2 v6.1, {_period(tiles[0].years, quantity)}, tiles "
        f"{', '.join(names)}: temperature of the surface under a clear sky, not of the air; mean "
        f"of day and night overpasses; {seen:.0%} of the 8-day means seen, the rest filled in time"
    )
    if missing:
        text += f"; {len(missing)} composites missing and filled: {listed(missing)}"
    if no_crs:
        text += f"; {no_crs} files without a CRS taken as MODIS sinusoidal (sphere 6371007.181 m)"
    return text


def _period(of_years: dict[str, tuple[int, ...]], quantity: str) -> str:
    """Years of a quantity; freezing degree-days are of other ones than the rest."""
    name = "freezing_degree_days"
    winters = [f"July {year} to June {year + 1}" for year in of_years.get(name, ())]
    if quantity == name:
        return ", ".join(winters)
    years = ", ".join(map(str, of_years["thawing_degree_days"]))
    return f"{years} (freezing: {', '.join(winters)})" if quantity == "frost_number" else years
