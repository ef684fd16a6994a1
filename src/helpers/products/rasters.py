"""Which GeoTIFFs there are, and what is in each: layers, bands, units, classes, colours.

All lie on the grid of the study, in its CRS, with nodata, units, band descriptions and tags that
say where they come from. Nothing in them depends on the clock, so the same run gives the same
bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from cmcrameri import cm
from matplotlib.colors import to_hex
from numpy.typing import ArrayLike, NDArray
from rasterio.crs import CRS

from helpers.scores import thermal_class
from helpers.study import Study

FLOAT_NODATA = -9999.0
CLASS_NODATA = 255
VIRTUAL_NOTE = "Virtual boreholes: drawn from a known, invented field; not measured."
_FEW_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2")
COMPARISON_FILES = "comparison_{}.json", "difference_{}.tif"
BASE_VALUE_TAG, BACKGROUND_TAG = "BASE_VALUE_DEGC", "SHAPLEY_BACKGROUND"
CONTENTS = {
    "t15.tif": {"en": "mean annual ground temperature", "zh": "年平均地温"},
    "t15_interval.tif": {
        "en": "quantiles and standard deviation of the temperature",
        "zh": "地温的分位数和标准差",
    },
    "t15_error.tif": {
        "en": "expected error (RMSE) and shift, and calibrated quantiles of the temperature",
        "zh": "地温的预期误差（均方根误差）、预期偏移和校准后的分位数",
    },
    "permafrost_probability.tif": {
        "en": "probability of ground at or below 0 degC: raw forest, and calibrated",
        "zh": "地温不高于0°C的概率：随机森林原始值和校准值",
    },
    "thermal_class.tif": {"en": "thermal classes", "zh": "热稳定类型"},
    "applicability.tif": {"en": "area of applicability", "zh": "模型适用范围"},
    "shap.tif": {
        "en": "contribution of each predictor to the temperature (Shapley values)",
        "zh": "各预测变量对地温的贡献（Shapley值）",
    },
    "dominant_driver.tif": {
        "en": "predictor with the largest contribution",
        "zh": "贡献最大的预测变量",
    },
    "preview.png": {"en": "picture of the map", "zh": "地温图预览"},
    "stac_item.json": {"en": "STAC Item of the rasters", "zh": "栅格数据的STAC条目"},
    "comparison_": {"en": "comparison with another map", "zh": "与其他地图的比较"},
    "difference_": {"en": "this map minus another one", "zh": "本图与其他地图之差"},
}
"""What a file holds, by its name or the beginning of its name."""


class Raster(NamedTuple):
    """What one GeoTIFF holds.

    Attributes
    ----------
    name
        Name of the file.
    units
        Of all its bands.
    layers
        The layers of the map it holds, each with the descriptions of its bands, in order.
    classes
        Name and colour (#rrggbb) of the values 1, 2, ...; empty if the values are numbers.
    class_word
        The name of class 1 is in the tag ``<class_word>_1`` of the band.

    """

    name: str
    units: str
    layers: Mapping[str, tuple[str, ...]]
    classes: tuple[tuple[str, str], ...] = ()
    class_word: str = ""

    @property
    def descriptions(self) -> tuple[str, ...]:
        """One for each band."""
        return sum(self.layers.values(), ())

    @property
    def dtype(self) -> type[np.generic]:
        """Type of the cells."""
        return np.uint8 if self.classes else np.float32

    @property
    def nodata(self) -> float:
        """Value of cells without one."""
        return CLASS_NODATA if self.classes else FLOAT_NODATA

    def bands(self, layers: Mapping[str, NDArray]) -> NDArray:
        """Values as they are stored, (bands, rows, columns), of layers (rows, columns) or more."""
        parts = [layers[name] for name in self.layers]
        stacked = np.concatenate([part.reshape(-1, *part.shape[-2:]) for part in parts])
        return np.where(np.isfinite(stacked), stacked, self.nodata).astype(self.dtype)


def raster_profile(study: Study, raster: Raster) -> dict[str, object]:
    """What rasterio needs to create a raster on the grid of the study."""
    rows, columns = study.geobox.shape
    return {
        "dtype": raster.dtype,
        "count": len(raster.descriptions),
        "height": rows,
        "width": columns,
        "crs": CRS.from_wkt(study.crs.to_wkt()),
        "transform": study.geobox.affine,
        "nodata": raster.nodata,
    }


def product_rasters(study: Study, every: bool = False) -> tuple[Raster, ...]:
    """The GeoTIFFs of a study, in the order they are written; t15.tif comes first.

    With ``every`` also those that the study leaves out (``forest.shapley_maps``).
    """
    shapley = _shapley_rasters(study) if study.forest.shapley_maps or every else ()
    return (*_temperature_rasters(study), _applicability_raster(), *shapley)


def _temperature_rasters(study: Study) -> tuple[Raster, ...]:
    depth = f"{study.boreholes.depth_m:g}"
    distribution = {
        "t15_quantile": tuple(f"{level:g} quantile of t15" for level in study.forest.quantiles),
        "t15_standard_deviation": ("standard deviation of t15",),
    }
    probability = {
        "permafrost_probability": ("probability that t15 <= 0 degC, raw forest",),
        "permafrost_probability_calibrated": ("probability that t15 <= 0 degC, calibrated",),
    }
    classes = tuple((c.name, c.colour) for c in study.classes)
    return (
        Raster("t15.tif", "degC", {"t15": (f"ground temperature at {depth} m",)}),
        Raster("t15_interval.tif", "degC", distribution),
        _error_raster(study),
        Raster("permafrost_probability.tif", "1", probability),
        Raster(
            "thermal_class.tif", "1", {"thermal_class": ("thermal class of t15",)}, classes, "CLASS"
        ),
    )


def _error_raster(study: Study) -> Raster:
    levels = study.forest.quantiles
    layers = {
        "expected_error": ("expected error of t15 (RMSE)",),
        "expected_shift": ("expected shift (truth minus t15)",),
        "t15_calibrated_quantile": tuple(f"{p:g} calibrated quantile of t15" for p in levels),
    }
    return Raster("t15_error.tif", "degC", layers)


def _applicability_raster() -> Raster:
    inside = "1 inside the area of applicability, 0 outside"
    layers = {
        "dissimilarity_index": ("dissimilarity index",),
        "inside_area_of_applicability": (inside,),
        "local_point_density": ("local point density (training sites)",),
    }
    return Raster("applicability.tif", "1", layers)


def _shapley_rasters(study: Study) -> tuple[Raster, ...]:
    contributions = {
        "shapley_value": tuple(f"contribution of {p} to t15" for p in study.forest.predictors),
        "base_value": ("base value",),
    }
    driver = {"dominant_driver": ("predictor with the largest absolute contribution to t15",)}
    colours = tuple(driver_colours(study.forest.predictors).items())
    return (
        Raster("shap.tif", "degC", contributions),
        Raster("dominant_driver.tif", "1", driver, colours, "DRIVER"),
    )


def contents_of(name: str) -> dict[str, str] | None:
    """What a file of the products holds, in English and Chinese; None if its name does not tell."""
    return next((words for start, words in CONTENTS.items() if name.startswith(start)), None)


def driver_colours(names: Sequence[str]) -> dict[str, str]:
    """Colour (#rrggbb) of each predictor, which all eyes tell apart; light ones come first.

    Those of Okabe and Ito (2008) but black; for more predictors batlowS (Crameri, Shephard and
    Heron 2020, doi:10.1038/s41467-020-19160-7).
    """
    enough = len(names) <= len(_FEW_COLOURS)
    colours = _FEW_COLOURS if enough else [to_hex(cm.batlowS(i)) for i in range(len(names))]
    return dict(zip(names, colours, strict=False))


def class_layer(study: Study, temperature: xr.DataArray) -> xr.DataArray:
    """Thermal class (y, x) as uint8: 1 for the coldest class of the study, 255 for nodata."""
    values = thermal_classes(study, temperature.to_numpy())
    return temperature.copy(data=values).assign_attrs(units="1", long_name="thermal class")


def thermal_classes(study: Study, temperature_c: ArrayLike) -> NDArray:
    """Thermal class of each temperature as uint8: 1 the coldest of the study, 255 for NaN."""
    index = thermal_class(temperature_c, study.class_bounds)
    return np.where(index < 0, CLASS_NODATA, index + 1).astype(np.uint8)


def provenance(study: Study) -> dict[str, str]:
    """Tags of every raster: what made it, from what, of which years."""
    forest, years = study.forest, climate_years(study)
    return {
        "STUDY": study.name,
        "TITLE": study.about.title,
        "DATA_VERSION": study.about.data_version,
        "BOREHOLES": VIRTUAL_NOTE if study.about.virtual_boreholes else "measured",
        "PERIOD": study.period_in_words,
        **({"CLIMATE_YEARS": years} if years else {}),
        "DEPTH_M": f"{study.boreholes.depth_m:g}",
        "MODEL": f"random forest, {forest.n_trees} trees, predictors {' '.join(forest.predictors)}",
        "FIT_WEIGHTS": forest.weights,
        "SEED": str(study.about.seed),
        "LICENCE": study.about.licence or "not stated",
    }


def climate_years(study: Study) -> str | None:
    """Years that the station climate among the predictors is a mean of; None without any."""
    sources = {study.covariates[name].source for name in study.forest.predictors}
    return study.climate.years if "stations" in sources else None


def shapley_tags(base_value_c: float, n_sites: int) -> dict[str, dict[str, str]]:
    """Tags of the rasters that hold or follow from Shapley values, by name of the file.

    A contribution is relative to the base value, the mean prediction over the background.
    """
    background = {BACKGROUND_TAG: f"all {n_sites} training sites"}
    base = {BASE_VALUE_TAG: repr(float(base_value_c))}
    return {"shap.tif": base | background, "dominant_driver.tif": background}
