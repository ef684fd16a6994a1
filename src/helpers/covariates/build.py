"""The layers of a study, one after another, on its grid."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
import xarray as xr
from rasterio.features import geometry_mask
from scipy.ndimage import binary_dilation
from tqdm.auto import tqdm

from helpers import terrain
from helpers.area import mapped_area, study_area
from helpers.covariates.stations import station_layers
from helpers.opendata.record import check_current
from helpers.rasters import raster_on_grid
from helpers.settings import RasterCovariate, TerrainCovariate
from helpers.storage import ContractError, write_layers
from helpers.study import Study

_SMALLEST_KNOWN_SHARE = 0.9
# Slope, which radiation needs, looks at the next cell in all eight directions.
_CELLS_AROUND = 2


class _Ground(NamedTuple):
    """Coarse relief and the mapped cells, on the grid with the margin that terrain needs."""

    relief: xr.DataArray
    mapped: xr.DataArray


def _ground(study: Study, margin_cells: int) -> _Ground:
    relief = terrain.relief(study.geobox.pad(margin_cells))
    return _Ground(relief, mapped_area(study, relief))


def covariate_layers(study: Study, progress: bool = True) -> Iterator[xr.Dataset]:
    """Every covariate as a Dataset of one layer, made when its turn comes.

    So only few layers are in memory at once. Those that others are computed from come first. See
    :func:`build_covariates` for what they hold.
    """
    ground = _ground(study, study.margin_cells)
    heights: dict[str, xr.DataArray] = {}
    notes: dict[str, str] = {}
    elevation = elevation_name(study)
    wanted = {c.elevation for c in study.covariates.values() if c.source == "terrain"}
    stations: dict[str, xr.DataArray] = {}
    for name in tqdm(_in_order(study), desc="covariates", disable=not progress):
        settings = study.covariates[name]
        if settings.source == "stations":
            height = heights.get(elevation, ground.relief)
            stations = stations or station_layers(study, height, ground.mapped)
            layer = stations[settings.quantity]
        elif settings.source == "terrain":
            layer = terrain.terrain_layer(_height_for(settings, heights, ground.mapped), settings)
            note = notes[settings.elevation]
            layer = layer.assign_attrs(source=f"{layer.attrs['source']}{note and '; '}{note}")
        else:
            layer = _layer(study, name, ground)
        if name in {*wanted, elevation}:
            heights[name] = layer
        if name in wanted:
            notes[name] = _margin_note(study, name, layer, ground)
        yield _finished(study, name, layer, ground.mapped)


def elevation_name(study: Study) -> str | None:
    """Covariate that holds elevation: that of the first terrain, or the one called so; or none."""
    terrains = (c.elevation for c in study.covariates.values() if c.source == "terrain")
    return next(terrains, "elevation" if "elevation" in study.covariates else None)


def _margin_note(study: Study, name: str, layer: xr.DataArray, ground: _Ground) -> str:
    """Warn if an elevation ends at the mapped area; what to say of terrain from it, or empty."""
    reach = study.margin_cells * study.grid.resolution_m
    around = ~geometry_mask([study_area(study).buffer(reach)], layer.shape, layer.rio.transform())
    land = ground.relief.notnull().to_numpy() & around & ~ground.mapped.to_numpy()
    known = np.isfinite(layer.to_numpy()[land]).mean() if land.any() else 1.0
    if known >= _SMALLEST_KNOWN_SHARE:
        return ""
    note = (
        f"'{name}' is known in only {known:.0%} of the land within {reach / 1000:g} km around the "
        "mapped area: near its edge terrain sees one side only"
    )
    remedy = "Give a raster that reaches farther, or a smaller area or radius_m."
    warnings.warn(f"{study.file}: {note}. {remedy}", stacklevel=3)
    return note


def _height_for(
    settings: TerrainCovariate, heights: dict[str, xr.DataArray], mapped: xr.DataArray
) -> xr.DataArray:
    """Elevation for a shape of the terrain; for radiation, which is slow, near mapped cells."""
    height = heights[settings.elevation]
    if settings.quantity != "clear_sky_radiation":
        return height
    return height.where(binary_dilation(mapped, iterations=_CELLS_AROUND))


def _layer(study: Study, name: str, ground: _Ground) -> xr.DataArray:
    """A layer that is computed from no other: relief, raster or open data."""
    settings = study.covariates[name]
    if settings.source == "relief":
        return ground.relief
    if settings.source == "open":
        return open_layer(study, name, ground.mapped)
    return _raster_layer(study, f"covariates.{name}", settings, ground.mapped)


def _raster_layer(
    study: Study, place: str, settings: RasterCovariate, mapped: xr.DataArray
) -> xr.DataArray:
    """A raster of the user's on the grid of ``mapped``; ``place`` is its section in study.toml."""
    paths = [settings.path] if isinstance(settings.path, str) else settings.path
    try:
        return raster_on_grid(
            [study.path(path) for path in paths],
            settings,
            mapped,
            period=(study.period.start, study.period.end),
            within_month_sd_c=study.climate.within_month_sd_c if study.climate else None,
        )
    except ContractError as error:
        raise ContractError(f"{study.file}: {place}: {error}") from error


def _in_order(study: Study) -> list[str]:
    """Names of the covariates, those computed from others last; stations need elevation."""
    rank = {"relief": 0, "raster": 0, "open": 0, "stations": 1, "terrain": 2}
    return sorted(study.covariates, key=lambda name: rank[study.covariates[name].source])


def build_covariates(study: Study, progress: bool = True) -> xr.Dataset:
    """All covariates of a study on its grid, in memory.

    Returns
    -------
    Dataset (y, x), float32, rows from north to south, CRS in ``spatial_ref``. Attributes of each
    layer say unit, long name and source.

    """
    layers = xr.merge(
        covariate_layers(study, progress), join="exact", compat="override", combine_attrs="override"
    )
    return layers[list(study.covariates)]


def write_covariates(study: Study, path: str | Path, progress: bool = True) -> Path:
    """Write all covariates as netCDF, one at a time, so that fine grids fit into memory."""
    return write_layers(covariate_layers(study, progress), path)


def _finished(study: Study, name: str, layer: xr.DataArray, mapped: xr.DataArray) -> xr.Dataset:
    """The layer without its margin, missing outside the mapped area, with units and CRS."""
    inner = layer.where(mapped).astype(np.float32).assign_attrs(layer.attrs)
    attributes = {"title": f"Covariates of {study.name}", "Conventions": "CF-1.11"}
    if study.climate and study.climate.stations:
        attributes["comment"] = f"Station climate: mean of {study.climate.years}."
    inset = zip(_inset(study, mapped), study.geobox.shape, strict=True)
    rows, columns = (slice(first, first + count) for first, count in inset)
    inner = inner.isel(y=rows, x=columns).drop_vars("spatial_ref", errors="ignore")
    dataset = inner.to_dataset(name=name).assign_attrs(attributes).rio.write_crs(study.crs)
    for axis, direction in (("x", "easting"), ("y", "northing")):
        dataset[axis].attrs = {
            "units": "m",
            "standard_name": f"projection_{axis}_coordinate",
            "long_name": direction,
        }
    return dataset


def _inset(study: Study, padded: xr.DataArray) -> tuple[int, int]:
    """Rows and columns by which a padded grid is larger than that of the study, on each side."""
    shape = study.geobox.shape
    return (padded.sizes["y"] - shape.y) // 2, (padded.sizes["x"] - shape.x) // 2


def background(study: Study) -> xr.Dataset:
    """Elevation of the mapped area from the coarse relief, as ground for a map of sites."""
    ground = _ground(study, 0)
    return _finished(study, "elevation", ground.relief, ground.mapped)


def open_layer(study: Study, name: str, mapped: xr.DataArray) -> xr.DataArray:
    """An open covariate or reference on the grid of ``mapped``, with its licence and citation.

    Raises
    ------
    StudyError
        If ``make data`` has not prepared it, or study.toml asks for something else now.

    """
    path = study.open_layer(name)
    check_current(study, name)
    with rasterio.open(path) as raster:
        tags = raster.tags()
    # It lies on the grid already, or on a finer one that a first look averages.
    settings = RasterCovariate(
        source="raster", path=path.name, units=tags["units"], stored_units=tags["units"]
    )
    layer = raster_on_grid(path, settings, mapped)
    known = {key: tags[key] for key in ("units", "long_name", "source", "licence", "citation")}
    return layer.assign_attrs(known)


def reference_layer(study: Study, name: str) -> xr.DataArray:
    """Another map of permafrost (``[references]`` of study.toml) on the study grid.

    Float32 (y, x) with units, long name and source; NaN where it is unknown or not mapped.

    Raises
    ------
    StudyError
        If it is an open layer that ``make data`` has not prepared.
    ContractError
        If the raster cannot be read as study.toml describes it.

    """
    settings, mapped = study.references[name], _ground(study, 0).mapped
    if settings.source == "open":
        layer = open_layer(study, name, mapped)
    else:
        layer = _raster_layer(study, f"references.{name}", settings, mapped)
    return _finished(study, name, layer, mapped)[name]


def position_predictor(study: Study) -> tuple[str | None, float | None]:
    """Name and radius (m) of the first predictor that is a topographic position of a disc."""
    for name in study.forest.predictors:
        settings = study.covariates[name]
        disc = getattr(settings, "radius_m", None) and not settings.inner_radius_m
        if disc and settings.quantity == "topographic_position":
            return name, max(settings.radius_m, study.grid.resolution_m)
    return None, None


def position_at_radii(study: Study, radii_m: Sequence[float]) -> dict[float, xr.DataArray]:
    """Topographic position (m) at several radii, to choose one by looking and by its skill.

    From the covariate that holds elevation with a margin of the largest radius. Radii below a
    cell are left out: they would all be the same.
    """
    radii_m = [radius for radius in radii_m if radius >= study.grid.resolution_m]
    if not radii_m:
        return {}
    ground = _ground(study, int(np.ceil(max(radii_m) / study.grid.resolution_m)) + 1)
    name = elevation_name(study)
    elevation = _layer(study, name, ground) if name else ground.relief
    return {
        radius: _finished(
            study, "position", terrain.topographic_position(elevation, radius), ground.mapped
        )["position"]
        for radius in radii_m
    }
