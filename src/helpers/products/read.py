"""The map as its GeoTIFFs hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import rasterio
import rioxarray
import xarray as xr
from odc.geo.xr import xr_coords
from pyproj import CRS
from pyproj.exceptions import ProjError
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from helpers.mapping import LAYERS, flags_of
from helpers.products.cog import RUN_TAG, band_statistics
from helpers.products.rasters import BASE_VALUE_TAG, Raster, product_rasters
from helpers.products.write import FROZEN_AT_OR_BELOW_C
from helpers.storage import ContractError, require
from helpers.study import Study

MADE_BY = "notebook 06_map_export"
_MOST_ALONG_A_TILE = 1024  # they have 512


def read_products(study: Study, chunks: int | None = None) -> xr.Dataset:
    """Layers of the map, from the rasters in the output folder of the study.

    Parameters
    ----------
    study
        Names, grid and levels; rasters that were written under others are an error.
    chunks
        Cells along a side of a chunk, to have Dask work on a map that is larger than the memory.
        Without it a layer is read as a whole, when it is first used.

    Returns
    -------
    The layers of :func:`helpers.mapping.predict_map` with a domain, an error model and, unless the
    study leaves them out (``forest.shapley_maps``), Shapley values, float32, NaN where there is
    none, and thermal_class as :func:`class_layer` gives it; coordinates as in the covariates.

    Raises
    ------
    FileNotFoundError
        If a raster is missing.
    ContractError
        If one is not of this study as it is now, or they are of different maps.

    """
    rasters = product_rasters(study)
    paths = {r.name: require(study.output_dir / r.name, MADE_BY) for r in rasters}
    tags = {r.name: _checked_tags(study, r, paths[r.name]) for r in rasters}
    _check_run(study, {name: found.get(RUN_TAG, "none") for name, found in tags.items()})
    result = xr.Dataset(coords=_coordinates(study))
    for raster in rasters:
        result = result.assign(_layers(study, raster, paths[raster.name], chunks))
    if study.forest.shapley_maps:
        base_value_c = _base_value(paths["shap.tif"], tags["shap.tif"])
        result["shapley_value"].attrs["base_value_c"] = base_value_c
        result["dominant_driver"].attrs |= flags_of(study.forest.predictors)
    return result.rio.write_crs(study.crs.to_wkt())


def _base_value(path: Path, tags: Mapping[str, str]) -> float:
    try:
        return float(tags[BASE_VALUE_TAG])
    except (KeyError, ValueError) as error:
        raise ContractError(
            f"{path}: its tag {BASE_VALUE_TAG} is {tags.get(BASE_VALUE_TAG, 'missing')}, a number "
            f"is needed. Run {MADE_BY} again."
        ) from error


def _check_run(study: Study, runs: Mapping[str, str]) -> None:
    if len(set(runs.values())) > 1:
        found = ", ".join(f"{run} in {name}" for name, run in runs.items())
        raise ContractError(
            f"{study.output_dir}: the rasters are of different maps (their tag {RUN_TAG} is "
            f"{found}), as a run was stopped while it put them there. Run {MADE_BY} again: it goes "
            "on where it was."
        )


def _coordinates(study: Study) -> dict[str, xr.Variable]:
    """Those of the covariates, and the names of the bands."""
    grid = xr_coords(study.geobox)
    levels = np.asarray(study.forest.quantiles, float)
    names = {"x": "easting", "y": "northing"}
    predictors = xr.Variable("predictor", list(study.forest.predictors))
    return {
        "quantile": xr.Variable("quantile", levels, {"long_name": "level"}),
        **({"predictor": predictors} if study.forest.shapley_maps else {}),
        **{
            axis: xr.Variable(axis, grid[axis].to_numpy(), {"units": "m", "long_name": name})
            for axis, name in names.items()
        },
    }


def _checked_tags(study: Study, raster: Raster, path: Path) -> dict[str, str]:
    """Tags of a raster; an error unless its cells are as written, on the grid of the study."""
    try:
        with rasterio.open(path) as stored:
            _expect(path, "Grid", [*stored.shape, *stored.transform[:6]], _grid(study))
            _expect(path, "Bands", stored.descriptions, raster.descriptions)
            _expect(path, "Numbers", stored.dtypes, [np.dtype(raster.dtype).name] * stored.count)
            crs = CRS.from_user_input(stored.crs) if stored.crs else None
            _expect(path, "CRS", [crs], [study.crs])
            _expect(path, "No data", stored.nodatavals, [raster.nodata] * stored.count)
            # A tile gets its memory by what the file claims of it.
            largest = max(max(shape) for shape in stored.block_shapes)
            _expect(path, "Cells along a tile", [largest], [min(largest, _MOST_ALONG_A_TILE)])
            bands = [stored.tags(band) for band in stored.indexes]
            tags = stored.tags()
        # GDAL does not compare the checksums of what it unpacks: damage may look like numbers.
        _expect_statistics(path, bands, band_statistics(path, len(raster.classes)))
    except ContractError:
        raise
    except (RasterioError, CPLE_BaseError, ProjError, ValueError) as error:
        raise ContractError(
            f"{path}: damaged or cut off, as it cannot be read ({error.__cause__ or error}). Run "
            f"{MADE_BY} again."
        ) from error
    return tags


def _expect_statistics(path: Path, tags: Sequence[Mapping[str, str]], found: Sequence) -> None:
    """Raise unless the cells have the statistics and histogram that were written beside them."""
    for band, (written, here) in enumerate(zip(tags, found, strict=True), start=1):
        for name, value in here.items():
            if not _alike(value, written.get(name, "")):
                raise ContractError(
                    f"{path}: damaged or edited: {name} of band {band} is {value}, "
                    f"{written.get(name, 'nothing')} was written. Run {MADE_BY} again."
                )


def _alike(text: str, other: str) -> bool:
    """Whether two lists of numbers are the same but for bits that processors differ in."""
    try:
        one, two = ([float(number) for number in t.split(",")] for t in (text, other))
    except ValueError:
        return False
    return len(one) == len(two) and np.allclose(one, two, rtol=1e-9, atol=1e-12)


def _grid(study: Study) -> list[float]:
    """Rows and columns, and the six numbers of the affine transformation."""
    return [*study.geobox.shape, *study.geobox.affine[:6]]


def _expect(path: Path, what: str, found: Sequence, wanted: Sequence) -> None:
    if tuple(found) != tuple(wanted):
        here, needed = ("; ".join(map(str, values)) for values in (found, wanted))
        raise ContractError(
            f"{path}: it was written under other settings than those of the study now. {what} "
            f"found: {here}; needed: {needed}. Run {MADE_BY} again."
        )


def _layers(
    study: Study, raster: Raster, path: Path, chunks: int | None
) -> dict[str, xr.DataArray]:
    """Layers of one raster, not yet read."""
    sizes = None if chunks is None else {"x": chunks, "y": chunks}
    # thermal_class stays an integer, as its users expect; all others have NaN for nodata.
    masked = "thermal_class" not in raster.layers
    stored = rioxarray.open_rasterio(path, chunks=sizes, masked=masked)
    bare = stored.drop_vars(list(stored.coords)).drop_attrs().drop_encoding()
    layers, first = {}, 0
    for name, descriptions in raster.layers.items():
        if name != "base_value":
            layers[name] = _named(study, name, bare[first : first + len(descriptions)])
        first += len(descriptions)
    return layers


def _named(study: Study, name: str, bands: xr.DataArray) -> xr.DataArray:
    """A layer with its dimensions, units and long name."""
    if name == "thermal_class":
        return bands[0].assign_attrs(units="1", long_name="thermal class")
    spec = LAYERS[name]
    words = {"depth_m": study.boreholes.depth_m, "at_or_below": FROZEN_AT_OR_BELOW_C}
    layer = bands[0] if spec.dimension is None else bands.rename(band=spec.dimension)
    return layer.assign_attrs(units=spec.units, long_name=spec.long_name.format(**words))
