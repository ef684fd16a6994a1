"""A STAC Item beside the rasters: what a catalogue needs to know to find and to read them.

SpatioTemporal Asset Catalog 1.1.0 (https://github.com/radiantearth/stac-spec) with the extensions
projection 2.0, raster 2.0, file 2.1 and, for rasters of classes, classification 2.0. The Item is
made from the study and from the rasters themselves and holds no date of making: the same rasters
give the same bytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely

from helpers.area import study_area
from helpers.products.rasters import VIRTUAL_NOTE, climate_years, contents_of
from helpers.storage import ContractError, sha256, write_json
from helpers.study import Study

STAC_VERSION = "1.1.0"
_SCHEMAS = "https://stac-extensions.github.io"
EXTENSIONS = {
    "proj": f"{_SCHEMAS}/projection/v2.0.0/schema.json",
    "raster": f"{_SCHEMAS}/raster/v2.0.0/schema.json",
    "file": f"{_SCHEMAS}/file/v2.1.0/schema.json",
    "classification": f"{_SCHEMAS}/classification/v2.0.0/schema.json",
}
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_PREVIEW = "preview.png"
_SHA256_MULTIHASH = "1220"  # code of SHA-256 (12) and its 32 bytes (20), hexadecimal
_STATISTICS = {
    "minimum": "STATISTICS_MINIMUM",
    "maximum": "STATISTICS_MAXIMUM",
    "mean": "STATISTICS_MEAN",
    "stddev": "STATISTICS_STDDEV",
    "valid_percent": "STATISTICS_VALID_PERCENT",
}
_CLASS_TAG = re.compile(r"[A-Z]+_(\d+)")
_HISTOGRAM = ("HISTOGRAM_MINIMUM", "HISTOGRAM_MAXIMUM", "HISTOGRAM_COUNTS")
# Identifiers of https://spdx.org/licenses that data are given under.
_SPDX = ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "ODbL-1.0")
_DEGREE_DIGITS = 6
_FEWEST_BUCKETS = 3


def write_stac_item(study: Study, files: Sequence[Path]) -> Path:
    """Write ``stac_item.json`` beside the products; it describes every GeoTIFF among the files.

    ``preview.png`` is its thumbnail if it is there already: write that first.

    Statistics and histograms are those in the tags of the bands (``STATISTICS_MINIMUM`` ...,
    ``HISTOGRAM_COUNTS`` ...), classes those in ``CLASS_<value>`` (or another word) and in the
    palette; what a raster does not say is left out. Files that are no GeoTIFF are not described.
    Nobody is named as provider: the study does not say who that is. The Item links to
    ``metadata.json``, which :func:`helpers.metadata.write_metadata` writes after it.

    Parameters
    ----------
    study
        Title, period, area, licence.
    files
        The products, as :func:`helpers.products.write_products` returns them.

    Raises
    ------
    ContractError
        If there is no GeoTIFF among them, or one lies in another CRS than the study.

    """
    rasters = [path for path in files if path.suffix == ".tif"]
    if not rasters:
        found = ", ".join(path.name for path in files) or "no file at all"
        raise ContractError(f"A STAC Item describes GeoTIFFs (.tif); found: {found}.")
    return write_json(_item(study, rasters), study.output_dir / "stac_item.json")


def _item(study: Study, rasters: Sequence[Path]) -> dict[str, Any]:
    assets = {path.stem: _asset(study, path) for path in rasters} | _thumbnail(study)
    classes = any("classification:classes" in asset for asset in assets.values())
    used = [uri for name, uri in EXTENSIONS.items() if classes or name != "classification"]
    footprint = _footprint(study)
    variant = f"_{study.output_dir.name}" if study.is_first_look else ""
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": used,
        "id": f"{study.name}{variant}",
        "geometry": shapely.geometry.mapping(footprint),
        "bbox": list(footprint.bounds),
        "properties": _properties(study),
        "links": [{"rel": "describedby", "href": "./metadata.json", "type": "application/json"}],
        "assets": assets,
    }


def _footprint(study: Study) -> shapely.Geometry:
    """Outline of the mapped area in degrees (WGS 84); its holes and exterior wind as in GeoJSON."""

    def to_degrees(x, y):
        """Longitude and latitude of points of the grid, to a tenth of a metre."""
        return np.round(study.to_grid.transform(x, y, direction="INVERSE"), _DEGREE_DIGITS)

    area = shapely.transform(study_area(study), to_degrees, interleaved=False)
    # Points along straight edges, put there for the projection, say nothing in degrees.
    return shapely.orient_polygons(shapely.simplify(area, 10.0**-_DEGREE_DIGITS))


def _properties(study: Study) -> dict[str, Any]:
    about, period, code = study.about, study.period, study.crs.to_authority()
    depth, predictors = f"{study.boreholes.depth_m:g} m", ", ".join(study.forest.predictors)
    years = climate_years(study)
    description = [
        f"Mean annual ground temperature at {depth} depth by a random forest on {predictors}, "
        "with its distribution, expected error, thermal classes and area of applicability "
        f"({study.period_in_words}).",
        f"Climate of the predictors: station means of {years}." if years else "",
        VIRTUAL_NOTE if about.virtual_boreholes else "",
        f"Licence: {about.licence}." if about.licence else "",
    ]
    return {
        "title": about.title,
        "description": " ".join(text for text in description if text),
        "keywords": ["permafrost", "ground temperature", "random forest", study.name],
        "datetime": None,
        "start_datetime": f"{period.start}T00:00:00Z",
        "end_datetime": f"{period.end}T23:59:59Z",
        **({"climate_years": years} if years else {}),
        **({"license": _licence(about.licence)} if about.licence else {}),
        "gsd": study.grid.resolution_m,
        "proj:code": ":".join(code) if code else None,
        "proj:wkt2": study.crs.to_wkt(),
    }


def _licence(licence: str) -> str:
    """SPDX identifier of a licence, ``other`` if it is none that is known here."""
    written = licence.strip().replace(" ", "-").lower()
    return next((name for name in _SPDX if name.lower() == written), "other")


def _asset(study: Study, path: Path) -> dict[str, Any]:
    with rasterio.open(path) as raster:
        if raster.crs != rasterio.crs.CRS.from_wkt(study.crs.to_wkt()):
            raise ContractError(
                f"{path}: its CRS is {raster.crs}, that of the study {study.crs.name}. "
                "Write the products again."
            )
        described = {
            "title": _title(path, raster.descriptions),
            "proj:shape": list(raster.shape),
            "proj:transform": list(raster.transform)[:6],
            "proj:bbox": list(raster.bounds),
            "raster:spatial_resolution": abs(raster.transform.a),
            "bands": [_band(raster, number) for number in raster.indexes],
        }
        classes = _classes(raster)
    if classes:
        described["classification:classes"] = classes
    return {**_file(study, path, _COG, "data"), **described}


def _thumbnail(study: Study) -> dict[str, Any]:
    """The asset of the picture of the map; empty if there is none."""
    path = study.output_dir / _PREVIEW
    if not path.is_file():
        return {}
    title = _title(path, ())
    return {path.stem: {**_file(study, path, "image/png", "thumbnail"), "title": title}}


def _file(study: Study, path: Path, media_type: str, role: str) -> dict[str, Any]:
    """Where a file is, what kind, and its checksum."""
    here = Path(os.path.relpath(path, study.output_dir)).as_posix()
    return {
        "href": f"./{here}",
        "type": media_type,
        "roles": [role],
        "file:size": path.stat().st_size,
        "file:checksum": _SHA256_MULTIHASH + sha256(path),
    }


def _title(path: Path, descriptions: Sequence[str | None]) -> str:
    """What a file holds: as its only band says, else as its name tells."""
    if len(descriptions) == 1 and descriptions[0]:
        return descriptions[0]
    words = contents_of(path.name)
    return words["en"] if words else path.stem


def _band(raster: rasterio.DatasetReader, number: int) -> dict[str, Any]:
    """What a raster says of a band: name, type, unit, statistics, histogram."""
    place, tags = number - 1, raster.tags(number)
    statistics = {name: float(tags[tag]) for name, tag in _STATISTICS.items() if tag in tags}
    if raster.colorinterp[place].name == "palette":  # a mean of classes means nothing
        statistics = {k: v for k, v in statistics.items() if k not in ("mean", "stddev")}
    band = {
        "name": f"b{number}",
        "description": raster.descriptions[place],
        "data_type": raster.dtypes[place],
        "nodata": _number(raster.nodatavals[place]),
        "unit": raster.units[place],
        "statistics": statistics,
        "raster:histogram": _histogram(tags),
    }
    return {name: value for name, value in band.items() if value not in (None, "", {})}


def _number(value: float | None) -> float | str | None:
    """A value for nodata; json has no NaN, so STAC writes it as text."""
    return "nan" if value is not None and np.isnan(value) else value


def _histogram(tags: dict[str, str]) -> dict[str, Any] | None:
    """Histogram of a band between its outer edges; None without one that STAC takes."""
    if not all(tag in tags for tag in _HISTOGRAM):
        return None
    low, high, counts = (tags[tag] for tag in _HISTOGRAM)
    buckets = [int(count) for count in counts.split(",")]
    if len(buckets) < _FEWEST_BUCKETS:
        return None
    return {"count": len(buckets), "min": float(low), "max": float(high), "buckets": buckets}


def _classes(raster: rasterio.DatasetReader) -> list[dict[str, Any]]:
    """Value, name and colour of each class of the first band; empty if it holds no classes."""
    found = (_CLASS_TAG.fullmatch(tag) for tag in raster.tags(1))
    titles = {int(tag[1]): raster.tags(1)[tag[0]] for tag in found if tag}
    is_coloured = bool(titles) and raster.colorinterp[0].name == "palette"
    palette = raster.colormap(1) if is_coloured else {}
    classes = []
    for value, title in sorted(titles.items()):
        # A name is for machines: letters, digits, - and _ only.
        name = re.sub(r"[^0-9A-Za-z_]+", "-", title).strip("-") or f"class-{value}"
        one = {"value": value, "name": name, "title": title}
        if value in palette:
            one["color_hint"] = "{:02X}{:02X}{:02X}".format(*palette[value])
        classes.append(one)
    return classes
