"""Products: GeoTIFFs of the map and its error, and the area of permafrost.

All rasters are cloud-optimised GeoTIFFs in the CRS of the study, with nodata, units, band
descriptions and tags that say where they come from. Nothing in them depends on the clock, so
the same run gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
import xarray as xr
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from helpers.scores import thermal_class
from helpers.storage import replacing
from helpers.study import Study

FLOAT_NODATA = -9999.0
CLASS_NODATA = 255
VIRTUAL_NOTE = "Virtual boreholes: drawn from a known, invented field; not measured."


def write_products(study: Study, result: xr.Dataset) -> list[Path]:
    """Write the five rasters into the output folder of the study.

    Parameters
    ----------
    study
        Names, CRS, classes, seed.
    result
        Dataset of :func:`helpers.mapping.predict_map` with a domain of applicability.

    Returns
    -------
    Paths of the rasters.

    """
    quantiles = result["t15_quantile"].transpose("quantile", "y", "x")
    levels = [f"{level:g} quantile of t15" for level in result["quantile"].values]
    applicability = {
        "dissimilarity index": result["dissimilarity_index"],
        "1 inside the area of applicability, 0 outside": result["inside_area_of_applicability"],
        "local point density (training sites)": result["local_point_density"],
    }
    probability = {"probability that t15 <= 0 degC": result["permafrost_probability"]}
    mean = {f"ground temperature at {study.boreholes.depth_m:g} m": result["t15"]}
    return [
        _write_floats(study, "t15.tif", mean, "degC"),
        _write_floats(study, "t15_interval.tif", dict(zip(levels, quantiles, strict=True)), "degC"),
        _write_floats(study, "permafrost_probability.tif", probability, "1"),
        _write_classes(study, class_layer(study, result["t15"])),
        _write_floats(study, "applicability.tif", applicability, "1"),
    ]


def class_layer(study: Study, temperature: xr.DataArray) -> xr.DataArray:
    """Thermal class (y, x) as uint8: 1 for the coldest class of the study, 255 for nodata."""
    bounds = [c.below_c for c in study.classes[:-1]]
    index = thermal_class(temperature.to_numpy(), bounds)
    values = np.where(index < 0, CLASS_NODATA, index + 1).astype(np.uint8)
    return temperature.copy(data=values).assign_attrs(units="1", long_name="thermal class")


def permafrost_area(study: Study, result: xr.Dataset) -> dict[str, float]:
    """Area of permafrost (at or below 0 deg C at the mapped depth) in two ways, 10^4 km2.

    ``where_mean_at_or_below_0`` counts cells whose predicted mean is at or below 0 deg C;
    ``sum_of_probability`` adds up the probability of each cell, and is right only if those
    probabilities are calibrated. ``inside_applicability`` is the first, only where the model may
    be used.
    """
    cell = study.grid.resolution_m**2 / 1e10
    frozen = result["t15"].to_numpy() <= 0
    inside = result["inside_area_of_applicability"].to_numpy() == 1
    return {
        "where_mean_at_or_below_0": float(frozen.sum() * cell),
        "sum_of_probability": float(np.nansum(result["permafrost_probability"].to_numpy()) * cell),
        "inside_applicability": float((frozen & inside).sum() * cell),
        "mapped": float(np.isfinite(result["t15"].to_numpy()).sum() * cell),
    }


def class_areas(study: Study, classes: xr.DataArray) -> dict[str, float]:
    """Area of each thermal class, 10^4 km2."""
    cell = study.grid.resolution_m**2 / 1e10
    counts = np.bincount(classes.to_numpy().ravel(), minlength=256)
    return {c.name: float(counts[i] * cell) for i, c in enumerate(study.classes, start=1)}


def provenance(study: Study) -> dict[str, str]:
    """Tags of every raster: what made it, from what."""
    forest = study.forest
    return {
        "STUDY": study.name,
        "TITLE": study.about.title,
        "DATA_VERSION": study.about.data_version,
        "BOREHOLES": VIRTUAL_NOTE if study.about.virtual_boreholes else "measured",
        "PERIOD": study.years,
        "DEPTH_M": f"{study.boreholes.depth_m:g}",
        "MODEL": f"random forest, {forest.n_trees} trees, predictors {' '.join(forest.predictors)}",
        "FIT_WEIGHTS": forest.weights,
        "SEED": str(study.about.seed),
        "LICENCE": study.about.licence or "not stated",
    }


def _write_floats(study: Study, name: str, layers: Mapping[str, xr.DataArray], units: str) -> Path:
    bands = [np.where(np.isfinite(a), a, FLOAT_NODATA).astype(np.float32) for a in layers.values()]
    return _write_cog(study, name, np.stack(bands), list(layers), units, FLOAT_NODATA)


def _write_classes(study: Study, classes: xr.DataArray) -> Path:
    names = {f"CLASS_{i}": c.name for i, c in enumerate(study.classes, start=1)}
    palette = {i: _rgba(c.colour) for i, c in enumerate(study.classes, start=1)}
    values = classes.to_numpy()[np.newaxis]
    return _write_cog(
        study,
        "thermal_class.tif",
        values,
        ["thermal class of t15"],
        "1",
        CLASS_NODATA,
        palette=palette,
        tags=names,
    )


def _rgba(colour: str) -> tuple[int, int, int, int]:
    return (*(int(colour[i : i + 2], 16) for i in (1, 3, 5)), 255)


def _write_cog(
    study: Study,
    name: str,
    values: NDArray,
    descriptions: list[str],
    units: str,
    nodata: float,
    palette: Mapping[int, tuple] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Path:
    """Write (band, y, x) as a cloud-optimised GeoTIFF; it appears only when complete."""
    path = study.output_dir / name
    floating = np.issubdtype(values.dtype, np.floating)
    with MemoryFile() as memory, replacing(path) as unfinished:
        with memory.open(**_profile(study, values, nodata)) as raster:
            raster.write(values)
            raster.descriptions = descriptions
            raster.units = [units] * len(values)
            raster.update_tags(**provenance(study))
            if palette:
                raster.write_colormap(1, palette)
                raster.update_tags(1, **tags)
        with memory.open() as raster:
            rasterio.shutil.copy(
                raster,
                unfinished,
                driver="COG",
                compress="DEFLATE",
                predictor="YES" if floating else "NO",
                overview_resampling="AVERAGE" if floating else "NEAREST",
            )
    return path


def _profile(study: Study, values: NDArray, nodata: float) -> dict[str, object]:
    return {
        "driver": "GTiff",
        "dtype": values.dtype,
        "count": len(values),
        "height": values.shape[1],
        "width": values.shape[2],
        "crs": rasterio.crs.CRS.from_wkt(study.crs.to_wkt()),
        "transform": study.geobox.affine,
        "nodata": nodata,
    }
