"""What an open product is: where its files lie, what may be done with them, how they are built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr
from odc.geo.geobox import GeoBox
from shapely import Polygon

from helpers.area import study_area
from helpers.settings import OpenLayer
from helpers.storage import ContractError
from helpers.study import Study

if TYPE_CHECKING:
    from helpers.opendata.download import RemoteFile

# Cells kept around a layer beyond the margin terrain needs: a coarser first look rounds outwards.
SPARE_CELLS = 20
OF_A_WINTER = ("freezing_degree_days", "frost_number")
_OF_THE_EXTRA = ("planetary_computer", "pystac_client")


@dataclass(frozen=True)
class Origin:
    """What may be said of any open data.

    Attributes
    ----------
    name, title
        Its name in study.toml, and the one its makers give it.
    licence, citation, doi
        What may be done with it, how it is cited, and its DOI (without the resolver).
    server
        Base URL of its files; ``open_data.mirrors`` of a study may name another.

    """

    name: str
    title: str
    licence: str
    citation: str
    doi: str
    server: str


@dataclass(frozen=True)
class Product(Origin):
    """One open product of which layers are made.

    Attributes
    ----------
    files
        ``files(study, layer, cache, server)``: the files a layer needs, to be stored below
        ``cache`` (the folder of this product). A small index may be fetched to tell which.
    build
        ``build(study, layer, paths, geobox)``: the layer, float32 on that grid, NaN where nothing
        is known, with attributes units, long_name and source (what was done to it). ``paths`` are
        those of ``files``, in its order.

    """

    files: Callable[[Study, OpenLayer, Path, str], list[RemoteFile]]
    build: Callable[[Study, OpenLayer, list[Path], GeoBox], xr.DataArray]


@dataclass(frozen=True)
class OpenBoreholes(Origin):
    """Boreholes of an archive: ``files(cache, server)`` in a format the boreholes package reads."""

    files: Callable[[Path, str], list[RemoteFile]]


def product(name: str) -> Product | OpenBoreholes:
    """The product of that name; ``PRODUCT`` of the module that is called as it is.

    Raises
    ------
    ContractError
        If it needs libraries of the extra ``open`` that are not installed.

    """
    try:
        return import_module(f"helpers.opendata.{name}").PRODUCT
    except ModuleNotFoundError as error:
        if error.name not in _OF_THE_EXTRA:
            raise
        raise ContractError(
            f"{name} needs the library {error.name}, which is not installed. Run: "
            'pip install "permafrost-notebooks[open]" (in this folder: pip install -e ".[open]").'
        ) from error


def years_of(study: Study, layer: OpenLayer) -> range:
    """Years of a layer: those it sets, otherwise those of the study period."""
    first, last = layer.years or (study.period.start.year, study.period.end.year)
    return range(first, last + 1)


def whole_years(study: Study, layer: OpenLayer) -> range:
    """Years of a layer; for a quantity of the winter at least two."""
    years = years_of(study, layer)
    if layer.quantity in OF_A_WINTER and len(years) < 2:
        raise ContractError(
            f"{study.file}: {layer.quantity} of {layer.product} is of a freezing year, July to "
            f"June, which {years.start} alone does not hold. Set years = [{years.start - 1}, "
            f"{years.start}]."
        )
    return years


def layer_geobox(study: Study) -> GeoBox:
    """Grid of an open layer: that of the study and a margin, in which terrain has neighbours."""
    return study.geobox.pad(study.margin_cells + SPARE_CELLS)


def needed_area(study: Study) -> Polygon:
    """Mapped area and the margin around it, in the CRS of the study: data farther off is unused."""
    return study_area(study).buffer(margin_m(study))


def margin_m(study: Study) -> float:
    """Width of the margin of :func:`layer_geobox`, m."""
    return (study.margin_cells + SPARE_CELLS) * study.grid.resolution_m
