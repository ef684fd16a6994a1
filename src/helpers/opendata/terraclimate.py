"""Climate from TerraClimate: monthly, 1/24 degree, from 1958 (Abatzoglou et al. 2018).

Its mean temperature is the middle between the means of the daily highest and lowest, which lies
above the true daily mean (at Mohe by about 0.5 deg C over the year).
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
from helpers.opendata.product import Product, needed_area, years_of
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
        for year in years_of(study, layer)
        for variable in _VARIABLES
    ]
    return [RemoteFile(f"{server}/{name}", cache / name, "netcdf", hint=hint) for name in names]


def build(study: Study, layer: OpenLayer, paths: list[Path], geobox: GeoBox) -> xr.DataArray:
    """Annual quantity, mean over the years, from the cells of TerraClimate by bilinear weights."""
    spread = tuple(study.climate.within_month_sd_c) if study.climate else None
    stamps = tuple(path.stat().st_mtime_ns for path in paths)
    quantities, transform = annual_means(tuple(paths), stamps, _bounds(study), spread)
    source = array_source(quantities[layer.quantity], transform, "EPSG:4326", "TerraClimate")
    units, long_name = climate.QUANTITIES[layer.quantity]
    years = years_of(study, layer)
    days = "normal days within months" if spread else "all days of a month alike"
    return as_layer(
        regrid(source, geobox, resampling="bilinear"),
        geobox,
        units=units,
        long_name=f"{long_name}, {years[0]} to {years[-1]}",
        source=f"months of {years[0]} to {years[-1]}, temperature as the middle of daily highest "
        f"and lowest (about 0.5 deg C above the daily mean), {days}; bilinear from 1/24 degree",
    )


def _bounds(study: Study) -> Bounds:
    """West, south, east and north of the needed part of the grid, degrees."""
    west, south, east, north = needed_area(study).bounds
    return study.to_grid.transform_bounds(west, south, east, north, 101, direction="INVERSE")


@lru_cache(maxsize=1)
def annual_means(
    paths: tuple[Path, ...],
    stamps: tuple[int, ...],
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
    bounds
        West, south, east and north of the window, degrees.
    within_month_sd_c
        Standard deviation of daily temperature within each month, or ``None``.

    Returns
    -------
    quantities, transform
        As :data:`helpers.climate.QUANTITIES`; affine of the window, degrees.

    """
    of_years = [
        _annual(paths[first : first + len(_VARIABLES)], bounds, within_month_sd_c)
        for first in range(0, len(paths), len(_VARIABLES))
    ]
    quantities, transforms = zip(*of_years, strict=True)
    if len(set(transforms)) > 1:
        raise ContractError(f"{paths[0]} and other years lie on different grids.")
    means = {name: np.mean([of[name] for of in quantities], axis=0) for name in quantities[0]}
    return means, transforms[0]


def _annual(
    paths: tuple[Path, ...], bounds: Bounds, within_month_sd_c: tuple[float, ...] | None
) -> tuple[dict[str, NDArray], Affine]:
    """All quantities of one year (rows, columns), and the affine of the window."""
    files = zip(paths, _VARIABLES, strict=True)
    months, transforms = zip(*[_months(p, v, bounds) for p, v in files], strict=True)
    if len(set(transforms)) > 1 or len({values.shape for values in months}) > 1:
        raise ContractError(f"{paths[0]}: its grid is not that of the other variables.")
    rain, highest, lowest = months
    shape, transform = rain.shape[1:], transforms[0]
    latitude = transform.f + (np.arange(shape[0]) + 0.5) * transform.e
    quantities = climate.annual_climate(
        ((highest + lowest) / 2).reshape(12, -1),
        rain.reshape(12, -1),
        within_month_sd_c,
        np.repeat(latitude, shape[1]),
    )
    return {name: values.reshape(shape) for name, values in quantities.items()}, transform


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
