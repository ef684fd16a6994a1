"""Soil from SoilGrids 2.0 in its 1 km version: mean prediction for a depth (Poggio et al. 2021).

The files cover the Earth in the interrupted Goode homolosine projection (equal areas). Water and
towns have no value.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS
from scipy.ndimage import distance_transform_edt

from helpers.opendata.download import RemoteFile
from helpers.opendata.product import Product
from helpers.opendata.reading import as_layer, middle_of, open_checked
from helpers.rasters import regrid
from helpers.settings import OpenLayer
from helpers.study import Study

# Code of the property, units, what the stored value is divided by, long name.
_PROPERTIES = {
    "soil_organic_carbon": ("soc", "g/kg", 10, "organic carbon of the fine earth"),
    "bulk_density": ("bdod", "g/cm3", 100, "bulk density of the fine earth"),
    "clay": ("clay", "%", 10, "clay in the fine earth"),
    "sand": ("sand", "%", 10, "sand in the fine earth"),
    "silt": ("silt", "%", 10, "silt in the fine earth"),
}
_HOMOLOSINE = CRS("+proj=igh +lat_0=0 +lon_0=0 +datum=WGS84 +units=m +no_defs")
_NEXT_CELL = 1.5  # cells; the diagonal neighbour lies 1.41 away


def files(study: Study, layer: OpenLayer, cache: Path, server: str) -> list[RemoteFile]:
    """One file for a property and depth, of the whole Earth."""
    code = _PROPERTIES[layer.quantity][0]
    name = f"{code}_{layer.depth}_mean_1000.tif"
    return [RemoteFile(f"{server}/{code}/{name}", cache / name, "tiff")]


def build(study: Study, layer: OpenLayer, paths: list[Path], geobox: GeoBox) -> xr.DataArray:
    """Soil property on the grid; narrow gaps take the value of the nearest cell."""
    _, units, divisor, long_name = _PROPERTIES[layer.quantity]
    source = open_checked(
        paths[0], [_HOMOLOSINE], middle_of(study), units=units, scale=1 / divisor
    )[0]
    return as_layer(
        fill_narrow_gaps(regrid(source, geobox)),
        geobox,
        units=units,
        long_name=f"{long_name}, {layer.depth}",
        source="regridded from 1 km; cells without soil (water, towns) next to one with soil take "
        "its value, so that gaps up to two cells wide are closed",
    )


def fill_narrow_gaps(values: NDArray) -> NDArray:
    """Give each cell without value (NaN) that touches one with a value that of the nearest.

    Gaps up to two cells wide are closed by it; wider ones become narrower by a cell all round.
    """
    unknown = np.isnan(values)
    if unknown.all():
        return values
    distance, nearest = distance_transform_edt(unknown, return_indices=True)
    return np.where(distance < _NEXT_CELL, values[tuple(nearest)], values)


PRODUCT = Product(
    name="soilgrids",
    title="SoilGrids 2.0, 1 km",
    licence="CC BY 4.0",
    citation="Poggio, L., de Sousa, L. M., Batjes, N. H., Heuvelink, G. B. M., Kempen, B., "
    "Ribeiro, E., Rossiter, D. (2021): SoilGrids 2.0: producing soil information for the globe "
    "with quantified spatial uncertainty. SOIL 7, 217-240",
    doi="10.5194/soil-7-217-2021",
    server="https://files.isric.org/soilgrids/latest/data_aggregated/1000m",
    files=files,
    build=build,
)
