"""Downloaded rasters as sources, and layers as they leave a product."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

from helpers.rasters import Source, open_sources
from helpers.settings import RasterCovariate
from helpers.storage import ContractError
from helpers.study import Study

_SAME_PLACE_M = 1.0


def open_checked(
    path: Path, allowed: Sequence[CRS], place: tuple[float, float], **settings
) -> list[Source]:
    """Open a file of a product and check its CRS.

    Parameters
    ----------
    path
        GeoTIFF or netCDF.
    allowed, place
        CRS it may have, and longitude and latitude of a place where they are compared.
    **settings
        Of ``RasterCovariate``: units, and what the file does not say itself.

    Raises
    ------
    ContractError
        If it cannot be read or has another CRS.

    """
    sources = open_sources(path, RasterCovariate(source="raster", path=path.name, **settings))
    found = sources[0].crs
    if not any(_alike(found, crs, place) for crs in allowed):
        raise ContractError(
            f"{path}: its CRS is {_name(found)}, {' or '.join(map(_name, allowed))} is expected. "
            "Delete it and run again; if it stays so, the product has changed."
        )
    return sources


def _alike(one: CRS, other: CRS, place: tuple[float, float]) -> bool:
    """Whether both put a place (degrees) at the same point; spellings of one CRS differ by file."""
    if one.is_geographic or other.is_geographic:
        return one.is_geographic and other.is_geographic
    points = [
        Transformer.from_crs("EPSG:4326", c, always_xy=True).transform(*place) for c in (one, other)
    ]
    return np.allclose(*points, rtol=0, atol=_SAME_PLACE_M)


def _name(crs: CRS) -> str:
    return ":".join(crs.to_authority() or [crs.to_string()[:60]])


def middle_of(study: Study) -> tuple[float, float]:
    """Longitude and latitude of the middle of the bounding box, degrees."""
    area = study.area
    return (area.west + area.east) / 2, (area.south + area.north) / 2


def as_layer(values: NDArray, geobox: GeoBox, **attributes: str) -> xr.DataArray:
    """Layer (y, x), float32, with the CRS of its grid."""
    coordinates = {axis: geobox.coordinates[axis].values for axis in ("y", "x")}
    layer = xr.DataArray(np.asarray(values, np.float32), coordinates, ("y", "x"), attrs=attributes)
    return layer.rio.write_crs(str(geobox.crs))
