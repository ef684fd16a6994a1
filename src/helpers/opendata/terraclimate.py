"""Climate from TerraClimate: monthly, 1/24 degree, from 1958 (Abatzoglou et al. 2018).

Its mean temperature is the middle between the means of the daily highest and lowest, which lies
above the true daily mean (at Mohe by about 0.5 deg C over the year).

Freezing degree-days, and the frost number, are of freezing years, July to June, as everywhere
here: of the winters that the years of a layer hold whole. All else is of calendar years.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS

from helpers import climate
from helpers.opendata.download import RemoteFile
from helpers.opendata.product import OF_A_WINTER, Product, needed_area, whole_years
from helpers.opendata.reading import as_layer, open_checked
from helpers.rasters import Source, array_source, regrid
from helpers.settings import OpenLayer
from helpers.storage import ContractError
from helpers.study import Study
from helpers.units import UnitError, check_plausible, convert

_VARIABLES = {"ppt": "mm", "tmax": "degC", "tmin": "degC"}
_MARGIN_CELLS = 2
_WGS84 = CRS.from_epsg(4326)
Bounds = tuple[float, float, float, float]


def files(study: Study, layer: OpenLayer, cache: Path, server: str) -> list[RemoteFile]:
    """One file per variable and year, of the whole Earth (about 100 MB each)."""
    hint = "TerraClimate is published about half a year after the end of a year: set years."
    names = [
        f"TerraClimate_{variable}_{year}.nc"
        for year in whole_years(study, layer)
        for variable in _VARIABLES
    ]
    return [RemoteFile(f"{server}/{name}", cache / name, "netcdf", hint=hint) for name in names]


def build(study: Study, layer: OpenLayer, paths: list[Path], geobox: GeoBox) -> xr.DataArray:
    """Annual quantity, mean over the years, from the cells of TerraClimate by bilinear weights."""
    spread = tuple(study.climate.within_month_sd_c) if study.climate else None
    stamps = tuple(path.stat().st_mtime_ns for path in paths)
    years = whole_years(study, layer)
    quantities, transform = annual_means(tuple(paths), stamps, years, _bounds(study), spread)
    source = array_source(quantities[layer.quantity], transform, "EPSG:4326", "TerraClimate")
    units, long_name = climate.QUANTITIES[layer.quantity]
    span = _span(years, layer.quantity)
    days = "normal days within months" if spread else "all days of a month alike"
    return as_layer(
        regrid(source, geobox, resampling="bilinear"),
        geobox,
        units=units,
        long_name=f"{long_name}, {span}",
        source=f"months of {span}, temperature as the middle of daily highest "
        f"and lowest (about 0.5 deg C above the daily mean), {days}; bilinear from 1/24 degree",
    )


def _span(years: range, quantity: str) -> str:
    """Years of a quantity in words; those that freezing degree-days are of begin in July."""
    span = f"{years[0]} to {years[-1]}"
    winters = f"July {years[0]} to June {years[-1]}"
    if quantity == "freezing_degree_days":
        return winters
    return f"{span} (freezing: {winters})" if quantity == "frost_number" else span


def _bounds(study: Study) -> Bounds:
    """West, south, east and north of the needed part of the grid, degrees."""
    west, south, east, north = needed_area(study).bounds
    return study.to_grid.transform_bounds(west, south, east, north, 101, direction="INVERSE")


@lru_cache(maxsize=1)
def annual_means(
    paths: tuple[Path, ...],
    stamps: tuple[int, ...],
    years: range,
    bounds: Bounds,
    within_month_sd_c: tuple[float, ...] | None,
) -> tuple[dict[str, NDArray], Affine]:
    """All quantities of climate (rows, columns), each the mean of its values of single years.

    The last result is kept, as several layers of a study come from the same files.

    Parameters
    ----------
    paths
        Precipitation, highest and lowest temperature of each year.
    stamps
        Times of the files, so that changed ones are read again.
    years
        Of the files. One alone holds no winter: freezing degree-days and frost number are
        missing then.
    bounds
        West, south, east and north of the window, degrees.
    within_month_sd_c
        Standard deviation of daily temperature within each month, or ``None``.

    Returns
    -------
    quantities, transform
        As :data:`helpers.climate.QUANTITIES`; affine of the window, degrees.

    """
    of_years, temperatures, transforms = [], [], set()
    for first in range(0, len(paths), len(_VARIABLES)):
        temperature, rain, transform = _year(paths[first : first + len(_VARIABLES)], bounds)
        of_years.append(_annual(temperature, rain, transform, within_month_sd_c))
        temperatures.append(temperature.astype(np.float32))
        transforms.add((transform, rain.shape))
    if len(transforms) > 1:
        raise ContractError(f"{paths[0]} and other years lie on different grids.")
    means = {name: np.mean([of[name] for of in of_years], axis=0) for name in of_years[0]}
    for name in OF_A_WINTER:
        del means[name]
    if len(years) > 1:
        freezing = _freezing(np.concatenate(temperatures), years, within_month_sd_c, paths[0])
        frost_number = climate.frost_number(means["thawing_degree_days"], freezing)
        means |= {"freezing_degree_days": freezing, "frost_number": frost_number}
    return means, transform


def _freezing(
    temperature: NDArray, years: range, spread: tuple[float, ...] | None, path: Path
) -> NDArray:
    """Freezing degree-days of the whole winters in the months of some years, mean of them."""
    months = np.arange(f"{years.start}-01", f"{years.stop}-01", dtype="datetime64[M]")
    start, end = ((months + later).astype("datetime64[D]") for later in (0, 1))
    days = (end - start).astype(int)
    place = f"{path} and the other years"
    quantity = "freezing_degree_days"
    return climate.annual_from_series(temperature, start, days, quantity, spread, place).values


def _year(paths: tuple[Path, ...], bounds: Bounds) -> tuple[NDArray, NDArray, Affine]:
    """Temperature and precipitation of one year (12, rows, columns), and the affine."""
    files = zip(paths, _VARIABLES, strict=True)
    months, transforms = zip(*[_months(p, v, bounds) for p, v in files], strict=True)
    if len(set(transforms)) > 1 or len({values.shape for values in months}) > 1:
        raise ContractError(f"{paths[0]}: its grid is not that of the other variables.")
    rain, highest, lowest = months
    return (highest + lowest) / 2, rain, transforms[0]


def _annual(
    temperature: NDArray, rain: NDArray, transform: Affine, spread: tuple[float, ...] | None
) -> dict[str, NDArray]:
    """All quantities of one calendar year (rows, columns)."""
    shape = rain.shape[1:]
    latitude = transform.f + (np.arange(shape[0]) + 0.5) * transform.e
    quantities = climate.annual_climate(
        temperature.reshape(12, -1), rain.reshape(12, -1), spread, np.repeat(latitude, shape[1])
    )
    return {name: values.reshape(shape) for name, values in quantities.items()}


def _months(path: Path, variable: str, bounds: Bounds) -> tuple[NDArray, Affine]:
    """Twelve months (12, rows, columns) of the window around the bounds, and its affine."""
    units = _VARIABLES[variable]
    middle = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    steps = open_checked(path, [_WGS84], middle, variable=variable, units=units)
    if len(steps) != 12:
        raise ContractError(
            f"{path}: {len(steps)} months found, 12 expected. If the year is not over, set years "
            "of the layer in study.toml."
        )
    rows, columns = _window(path, steps[0], bounds)
    values = np.stack([step.read(rows, columns) for step in steps])
    try:
        values = convert(values, steps[0].units or units, units)
        check_plausible(values, units, f"{path}, {variable}", steps[0].units)
    except UnitError as error:
        raise ContractError(f"{path}: {error}") from error
    return values, steps[0].transform * Affine.translation(columns.start, rows.start)


def _window(path: Path, source: Source, bounds: Bounds) -> tuple[slice, slice]:
    """Rows and columns around the bounds; all of them must lie in the raster."""
    column, row = source.cell_of(bounds[::2], bounds[1::2])
    found = []
    for (low, high), length in zip((sorted(row), sorted(column)), source.shape, strict=True):
        if not (low >= 0 and high <= length):
            raise ContractError(
                f"{path}: does not reach over the study ({bounds[0]:.2f} to {bounds[2]:.2f} E, "
                f"{bounds[1]:.2f} to {bounds[3]:.2f} N)."
            )
        margin = _MARGIN_CELLS
        found.append(slice(max(int(low) - margin, 0), min(int(high) + 1 + margin, length)))
    return tuple(found)


PRODUCT = Product(
    name="terraclimate",
    title="TerraClimate",
    licence="CC0 1.0",
    citation="Abatzoglou, J. T., Dobrowski, S. Z., Parks, S. A., Hegewisch, K. C. (2018): "
    "TerraClimate, a high-resolution global dataset of monthly climate and climatic water balance "
    "from 1958-2015. Scientific Data 5, 170191",
    doi="10.1038/sdata.2017.191",
    server="https://climate.northwestknowledge.net/TERRACLIMATE-DATA",
    files=files,
    build=build,
)
