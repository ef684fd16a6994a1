"""Modelled ground temperature at 10 m of ESA Permafrost CCI: yearly, about 1 km, north of 30 N.

From a model of the ground (CryoGrid) driven by satellite land surface temperature. It is a map of
permafrost itself, so it is a reference to compare with and never a covariate.
"""

from __future__ import annotations

from pathlib import Path

import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS

from helpers.opendata.download import RemoteFile
from helpers.opendata.product import Product, years_of
from helpers.opendata.reading import as_layer, middle_of, open_checked
from helpers.rasters import Source, regrid
from helpers.settings import OpenLayer
from helpers.storage import ContractError
from helpers.study import Study
from helpers.units import UnitError, convert

_VARIABLE, _UNITS = "T10m", "degC"
_FIRST_YEAR, _FIRST_OF_MODIS, _LAST_YEAR = 1997, 2003, 2023
_KINDS = {False: "ERA5_MODISLST_BIASCORRECTED", True: "MODISLST_CRYOGRID"}
# Version 3 was polar stereographic; a regular grid of degrees would do as well.
_CRS = [CRS.from_epsg(3995), CRS.from_epsg(4326)]


def files(study: Study, layer: OpenLayer, cache: Path, server: str) -> list[RemoteFile]:
    """One file per published year (1997 to 2023) among those of the layer."""
    names = [
        f"ESACCI-PERMAFROST-L4-GTD-{_KINDS[year >= _FIRST_OF_MODIS]}-AREA4_PP-{year}-fv05.0.nc"
        for year in _published(study, layer)
    ]
    return [
        RemoteFile(f"{server}/{year}/{name}", cache / name, "netcdf")
        for year, name in zip(_published(study, layer), names, strict=True)
    ]


def _published(study: Study, layer: OpenLayer) -> list[int]:
    years = [y for y in years_of(study, layer) if _FIRST_YEAR <= y <= _LAST_YEAR]
    if not years:
        raise ContractError(
            f"{study.file}: ESA Permafrost CCI has {_FIRST_YEAR} to {_LAST_YEAR}, none of the "
            f"years of the layer ({years_of(study, layer)[0]} to {years_of(study, layer)[-1]}). "
            "Set its years."
        )
    return years


def build(study: Study, layer: OpenLayer, paths: list[Path], geobox: GeoBox) -> xr.DataArray:
    """Temperature at 10 m on the grid, mean over the published years, deg C."""
    total = sum(_on_grid(path, study, geobox) for path in paths)
    used, wanted = _published(study, layer), years_of(study, layer)
    absent = [str(year) for year in wanted if year not in used]
    note = f" ({', '.join(absent)} not published)" if absent else ""
    span = str(used[0]) if len(used) == 1 else f"{used[0]} to {used[-1]}"
    return as_layer(
        total / len(paths),
        geobox,
        units=_UNITS,
        long_name=f"modelled ground temperature at 10 m, {span}",
        source=f"mean of {span}{note}, regridded from about 1 km",
    )


def _on_grid(path: Path, study: Study, geobox: GeoBox) -> NDArray:
    """The temperature in a file on the grid, deg C."""
    source = _open(path, middle_of(study))
    try:
        return convert(regrid(source, geobox), source.units or _UNITS, _UNITS)
    except UnitError as error:
        raise ContractError(f"{path}: {_VARIABLE}: {error}.") from error


def _open(path: Path, middle: tuple[float, float]) -> Source:
    sources = open_checked(path, _CRS, middle, variable=_VARIABLE, units=_UNITS)
    if len(sources) != 1:
        raise ContractError(f"{path}: {len(sources)} times of {_VARIABLE} found, one is expected.")
    return sources[0]


PRODUCT = Product(
    name="esa_cci_permafrost",
    title="ESA Permafrost CCI ground temperature 5.0",
    licence="ESA CCI terms (free of charge, with attribution)",
    citation="Permafrost_cci: Permafrost Ground Temperature for the Northern Hemisphere, v5.0. "
    "NERC EDS Centre for Environmental Data Analysis, "
    "https://catalogue.ceda.ac.uk/uuid/5675b0be944f45a8af0e7ddbeb47a011",
    doi="",
    server="https://dap.ceda.ac.uk/neodc/esacci/permafrost/data/ground_temperature/L4/area4/pp/"
    "v05.0/northern_hemisphere",
    files=files,
    build=build,
)
