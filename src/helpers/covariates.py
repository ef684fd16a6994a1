"""Covariates: one Dataset on the study grid, and its values at the boreholes.

Stations, relief, terrain and rasters fill the same Dataset: float32 layers (y, x) with units,
long name and source, NaN outside the mapped area (land inside the outline).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from rasterio.features import geometry_mask
from shapely import GEOSException, Polygon, from_geojson
from shapely import transform as transform_shape
from shapely.geometry import box
from shapely.ops import unary_union
from tqdm.auto import tqdm

from helpers import climate, terrain
from helpers.rasters import raster_on_grid
from helpers.settings import TerrainCovariate
from helpers.storage import ContractError, read_table
from helpers.study import Study

STATION_QUANTITIES = {
    "precipitation": ("mm", "mean annual precipitation"),
    "mean_annual_air_temperature": ("degC", "mean annual air temperature"),
    "thawing_degree_days": ("degC d", "thawing degree-days of air temperature"),
    "freezing_degree_days": ("degC d", "freezing degree-days of air temperature"),
    "frost_number": ("1", "air frost number"),
}
_CELLS_AT_ONCE = 200_000


def build_covariates(study: Study, progress: bool = True) -> xr.Dataset:
    """All covariates of a study on its grid.

    Returns
    -------
    Dataset (y, x), float32, rows from north to south, CRS in ``spatial_ref``. Attributes of each
    layer say unit, long name and source.

    """
    relief = terrain.relief(study.geobox.pad(_margin(study)))
    mapped = mapped_area(study, relief)
    layers: dict[str, xr.DataArray] = {}
    from_stations = None
    for name in tqdm(_in_order(study), desc="covariates", disable=not progress):
        settings = study.covariates[name]
        if settings.source == "relief":
            layers[name] = relief
        elif settings.source == "raster":
            layers[name] = raster_on_grid(study.path(settings.path), settings, mapped)
        elif settings.source == "terrain":
            layers[name] = _terrain_layer(layers[settings.elevation], settings)
        else:
            height = layers.get("elevation", relief)
            from_stations = from_stations or _station_layers(study, height, mapped)
            layers[name] = from_stations[settings.quantity]
    return _as_dataset(study, {name: layers[name] for name in study.covariates}, mapped)


def _margin(study: Study) -> int:
    """Cells around the grid that terrain needs, so that its edge has all its neighbours."""
    radii = [c.radius_m or 0 for c in study.covariates.values() if c.source == "terrain"]
    return int(np.ceil(max(radii, default=0) / study.grid.resolution_m)) + 1


def _in_order(study: Study) -> list[str]:
    """Names of the covariates, those computed from others last; stations need elevation."""
    rank = {"relief": 0, "raster": 0, "stations": 1, "terrain": 2}
    return sorted(study.covariates, key=lambda name: rank[study.covariates[name].source])


def _as_dataset(study: Study, layers: dict[str, xr.DataArray], mapped: xr.DataArray) -> xr.Dataset:
    arrays = {
        name: layer.where(mapped).astype(np.float32).assign_attrs(layer.attrs)
        for name, layer in layers.items()
    }
    attributes = {"title": f"Covariates of {study.name}", "Conventions": "CF-1.11"}
    if study.climate:
        attributes["comment"] = f"Station climate: mean of {study.climate.years}."
    inset = zip(_inset(study, mapped), study.geobox.shape, strict=True)
    rows, columns = (slice(first, first + count) for first, count in inset)
    inner = xr.Dataset(arrays, attrs=attributes).isel(y=rows, x=columns)
    dataset = inner.rio.write_crs(study.crs)
    for axis, direction in (("x", "easting"), ("y", "northing")):
        dataset[axis].attrs = {
            "units": "m",
            "standard_name": f"projection_{axis}_coordinate",
            "long_name": direction,
        }
    return dataset


def mapped_area(study: Study, relief: xr.DataArray) -> xr.DataArray:
    """Cells (y, x) of the grid of ``relief`` that are mapped: land inside the outline."""
    inside = ~geometry_mask([study_area(study)], relief.shape, relief.rio.transform())
    mapped = relief.notnull() & inside
    if not mapped.any():
        raise ContractError(f"{study.file}: no land inside the area; check area and outline.")
    return mapped


def study_area(study: Study) -> Polygon:
    """Outline of the study, or its bounding box, as a shapely polygon in the study's CRS."""
    area = study.area
    polygon = box(area.west, area.south, area.east, area.north).segmentize(0.1)
    if area.outline:
        polygon = _outline(study.path(area.outline))
    return transform_shape(polygon, study.to_grid.transform, interleaved=False)


def _outline(path: Path) -> Polygon:
    """Union of the polygons of a GeoJSON file: a geometry, feature or collection of them."""
    try:
        outline = unary_union(from_geojson(path.read_text(encoding="utf-8")))
    except (GEOSException, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: not GeoJSON: {error}.") from error
    if outline.is_empty or outline.area == 0:
        raise ContractError(f"{path}: holds no polygon.")
    return outline


def background(study: Study) -> xr.Dataset:
    """Elevation of the mapped area from the coarse relief, as ground for a map of sites."""
    relief = terrain.relief(study.geobox)
    return _as_dataset(study, {"elevation": relief}, mapped_area(study, relief))


def _terrain_layer(elevation: xr.DataArray, settings: TerrainCovariate) -> xr.DataArray:
    if settings.quantity == "topographic_position":
        return terrain.topographic_position(elevation, settings.radius_m)
    if settings.quantity == "slope":
        return terrain.slope(elevation)
    return terrain.local_relief(elevation, settings.radius_m)


def read_stations(study: Study) -> tuple[pd.DataFrame, NDArray]:
    """Station table, and easting, northing, elevation (n, 3) in m.

    A station without elevation takes that of the coarse relief.
    """
    months = tuple(f"{kind}{m}" for kind in "tp" for m in climate.MONTHS)
    stations = read_table(
        study.path(study.climate.stations), ("lon", "lat", "elevation_m", *months), ("station",)
    )
    x, y = study.to_grid.transform(stations["lon"], stations["lat"])
    elevation = stations["elevation_m"].to_numpy().copy()
    blank = np.isnan(elevation)
    elevation[blank] = terrain.relief_at(stations["lon"][blank], stations["lat"][blank])
    return stations, np.column_stack([x, y, elevation])


def station_errors(study: Study) -> pd.DataFrame | None:
    """Leave-one-station-out errors (see climate.leave_one_station_out) with their positions.

    ``None`` if the study takes no climate from stations.
    """
    if study.climate is None:
        return None
    stations, position = read_stations(study)
    errors = climate.leave_one_station_out(position, stations, study.climate.within_month_sd_c)
    return errors.merge(stations[["station", "lon", "lat", "elevation_m"]], on="station")


def _inset(study: Study, padded: xr.DataArray) -> tuple[int, int]:
    """Rows and columns by which a padded grid is larger than that of the study, on each side."""
    shape = study.geobox.shape
    return (padded.sizes["y"] - shape.y) // 2, (padded.sizes["x"] - shape.x) // 2


def _station_layers(
    study: Study, relief: xr.DataArray, mapped: xr.DataArray
) -> dict[str, xr.DataArray]:
    """Every climate quantity on the grid, in pieces so that memory stays bounded."""
    stations, position = read_stations(study)
    model = climate.StationClimate.fit(position, stations, study.climate.within_month_sd_c)
    rows, columns = np.nonzero(mapped.to_numpy())
    cells = np.column_stack(
        [relief.x.values[columns], relief.y.values[rows], relief.values[rows, columns]]
    )
    pieces = [model(cells[i : i + _CELLS_AT_ONCE]) for i in range(0, len(cells), _CELLS_AT_ONCE)]
    layers = {}
    for quantity, (units, long_name) in STATION_QUANTITIES.items():
        values = np.full(relief.shape, np.nan, np.float32)
        values[rows, columns] = np.concatenate([piece[quantity] for piece in pieces])
        layers[quantity] = relief.copy(data=values)
        layers[quantity].attrs = {
            "units": units,
            "long_name": long_name,
            "source": f"{study.climate.stations}: trend with elevation and thin-plate spline",
        }
    return layers


def sample_at(covariates: xr.Dataset, x: ArrayLike, y: ArrayLike) -> pd.DataFrame:
    """Values of every layer in the cells that hold the points; NaN outside the mapped area.

    Parameters
    ----------
    covariates
        Dataset on the study grid.
    x, y
        Easting and northing in the CRS of the grid, m.

    """
    size = terrain.cell_size(covariates)
    column = np.floor((np.asarray(x) - covariates.x.values[0]) / size + 0.5).astype(int)
    row = np.floor((covariates.y.values[0] - np.asarray(y)) / size + 0.5).astype(int)
    inside = (column >= 0) & (column < covariates.sizes["x"])
    inside &= (row >= 0) & (row < covariates.sizes["y"])
    column, row = np.where(inside, column, 0), np.where(inside, row, 0)
    return pd.DataFrame(
        {
            name: np.where(inside, layer.to_numpy()[row, column], np.nan)
            for name, layer in covariates.data_vars.items()
        }
    )


def training_table(boreholes: pd.DataFrame, covariates: xr.Dataset, study: Study) -> pd.DataFrame:
    """Sites that can train the model: used boreholes with every predictor known.

    Raises
    ------
    ContractError
        If fewer sites are left than ``boreholes.fewest_sites``; says which lack what.

    """
    used = boreholes[boreholes["status"] == "used"].reset_index(drop=True)
    columns = ["site", "longitude", "latitude", "x", "y", "t15_c", "standard_error_c"]
    table = pd.concat([used[columns], sample_at(covariates, used["x"], used["y"])], axis=1)
    lacking = table[study.forest.predictors].isna()
    complete = table[~lacking.any(axis=1)].reset_index(drop=True)
    if len(complete) < study.boreholes.fewest_sites:
        counts = ", ".join(f"{name}: {n}" for name, n in lacking.sum().items() if n)
        raise ContractError(
            f"{study.file}: only {len(complete)} of {len(used)} sites have all predictors, "
            f"{study.boreholes.fewest_sites} are needed. Sites without a value: {counts}. "
            "Check the coordinates, the outline and the extent of the rasters."
        )
    return complete
