"""The area of a study: its outline on the grid, and the cells that are mapped."""

from __future__ import annotations

from pathlib import Path

import xarray as xr
from rasterio.features import geometry_mask
from shapely import GEOSException, MultiPolygon, Polygon, from_geojson, get_parts, make_valid
from shapely import transform as transform_shape
from shapely.geometry import box
from shapely.ops import unary_union

from helpers.storage import ContractError
from helpers.study import Study


def mapped_area(study: Study, relief: xr.DataArray) -> xr.DataArray:
    """Cells (y, x) of the grid of ``relief`` that are mapped: land inside the outline."""
    inside = ~geometry_mask([study_area(study)], relief.shape, relief.rio.transform())
    mapped = relief.notnull() & inside
    if not mapped.any():
        raise ContractError(f"{study.file}: no land inside the area; check area and outline.")
    return mapped


def study_area(study: Study) -> Polygon | MultiPolygon:
    """Outline of the study, or its bounding box, as shapely polygons in the study's CRS."""
    area = study.area
    polygon = box(area.west, area.south, area.east, area.north).segmentize(0.1)
    if area.outline:
        polygon = _outline(study.path(area.outline))
    return transform_shape(polygon, study.to_grid.transform, interleaved=False)


def _outline(path: Path) -> Polygon | MultiPolygon:
    """Union of the polygons of a GeoJSON file: a geometry, feature or collection of them."""
    try:
        # Drawn outlines cross themselves here and there; what they enclose is meant.
        drawn = make_valid(from_geojson(path.read_text(encoding="utf-8")))
        outline = unary_union([p for p in get_parts(unary_union(drawn)) if p.area > 0])
    except (GEOSException, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: not GeoJSON: {error}.") from error
    if outline.is_empty:
        raise ContractError(f"{path}: holds no polygon.")
    return outline
