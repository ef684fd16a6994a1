"""The record of the product, in English and Chinese, with the fields of the published one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from helpers.products import VIRTUAL_NOTE, Comparison, area_table, permafrost_area
from helpers.storage import library_versions, read_json, sha256, write_json
from helpers.study import Study

WEIGHTS = {
    "none": {"en": "", "zh": ""},
    "standard_error": {"en": ", sites weighted by their standard error", "zh": "（按标准误加权）"},
}
RANGES = {
    "en": "The lowest and highest areas are those if the errors of all cells went together (every "
    "cell at the same quantile level): deliberately wide, no confidence interval.",
    "zh": "最小和最大面积假定所有格网的误差完全同步（各格网取同一分位数水平）："
    "范围有意偏宽，不是置信区间。",
}
CONTENTS = {
    "t15.tif": {"en": "mean annual ground temperature", "zh": "年平均地温"},
    "t15_interval.tif": {"en": "quantiles of the temperature", "zh": "地温分位数"},
    "permafrost_probability.tif": {
        "en": "probability of ground at or below 0 degC",
        "zh": "地温不高于0°C的概率",
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
    "stac_item.json": {"en": "STAC Item of the rasters", "zh": "栅格数据的STAC条目"},
    "comparison_": {"en": "comparison with another map", "zh": "与其他地图的比较"},
    "difference_": {"en": "this map minus another one", "zh": "本图与其他地图之差"},
}
"""What a file holds, by its name or the beginning of its name."""


def write_metadata(
    study: Study,
    result: xr.Dataset,
    validation: Mapping[str, Any],
    files: Sequence[Path],
    comparisons: Mapping[str, Comparison] | None = None,
) -> Path:
    """Write ``metadata.json`` beside the products.

    Parameters
    ----------
    study
        Everything that was set.
    result
        The map, for the areas of permafrost.
    validation
        Content of ``validation.json``, for the statement of quality.
    files
        The products, with the STAC Item and the comparisons; their SHA-256 go into the record, so
        it is written last.
    comparisons
        Comparisons with other maps, by name, of :func:`helpers.products.compare_references`.

    """
    explained = any(path.name == "shap.tif" for path in files)
    record = {
        "title": {"en": study.about.title, "zh": study.about.title_zh},
        "abstract": _abstract(study, validation["n_sites"], explained),
        "sources": _sources(study),
        "process": _process(study, explained),
        "quality": {**_quality(validation), "validation": validation["designs"]},
        "permafrost_area_1e4_km2": permafrost_area(study, result),
        **_areas(study, result),
        "comparisons": {name: found.record() for name, found in (comparisons or {}).items()},
        **_extent(study),
        "licence": study.about.licence or "to be filled in",
        "contributors": {"en": "to be filled in", "zh": "待填写"},
        "seed": study.about.seed,
        "data_version": study.about.data_version,
        "software": library_versions(),
        "files": {path.name: _file(path) for path in files},
    }
    return write_json(record, study.output_dir / "metadata.json")


def _abstract(study: Study, n_sites: int, explained: bool) -> dict[str, str]:
    depth, period = f"{study.boreholes.depth_m:g}", study.period
    predictors = ", ".join(study.forest.predictors)
    virtual = study.about.virtual_boreholes
    years_zh = f"{period.start}至{period.end}" if study.boreholes.only_period else "不限年份"
    return {
        "en": f"Mean annual ground temperature at {depth} m depth, {study.years}, "
        f"from {n_sites} sites and a random forest on {predictors}; with interval, probability "
        "of permafrost, thermal class"
        + (", area of applicability and" if explained else " and area of applicability.")
        + (" the contribution of each predictor (Shapley values)." if explained else "")
        + (f" {VIRTUAL_NOTE}" if virtual else ""),
        "zh": f"{depth}米深度年平均地温（{years_zh}），由{n_sites}个站点"
        f"和随机森林模型（预测变量：{predictors}）得到；附预测区间、多年冻土概率、热稳定类型"
        + ("、模型适用范围和各预测变量的贡献（Shapley值）。" if explained else "和模型适用范围。")
        + ("钻孔为虚拟数据，并非实测。" if virtual else ""),
    }


def _areas(study: Study, result: xr.Dataset) -> dict[str, Any]:
    """Area of each class, and the table with ranges, 10^4 km2."""
    table = area_table(study, result)
    rows = {name: row.dropna().to_dict() for name, row in table.iterrows()}
    return {
        "class_area_1e4_km2": {c.name: rows[c.name]["area"] for c in study.classes},
        "area_table_1e4_km2": {"ranges": RANGES, "rows": rows},
    }


def _file(path: Path) -> dict[str, Any]:
    """Checksum of a file, and what it holds if its name tells."""
    content = next((words for name, words in CONTENTS.items() if path.name.startswith(name)), None)
    return {"sha256": sha256(path), **({"content": content} if content else {})}


def _sources(study: Study) -> dict[str, Any]:
    virtual = study.about.virtual_boreholes
    boreholes = VIRTUAL_NOTE if virtual else list(study.boreholes.files)
    archives = {
        name: _provenance(study.open_dir / "boreholes" / f"{name}.json")
        for name in study.open_data.boreholes
    }
    return {
        "boreholes": boreholes,
        "open_boreholes": archives,
        "covariates": {name: _layer_source(study, name) for name in study.covariates},
        "references": {name: _layer_source(study, name) for name in study.references},
    }


def _layer_source(study: Study, name: str) -> dict[str, Any]:
    """What study.toml says of a layer; of an open one also files, licence and citation."""
    settings = {**study.covariates, **study.references}[name]
    source = settings.model_dump(exclude_none=True)
    if settings.source == "open":
        source["provenance"] = _provenance(study.open_dir / f"{name}.json")
    return source


def _provenance(path: Path) -> dict[str, Any] | str:
    """Record of what ``make data`` has left; a reference may be wanted and not be there."""
    return read_json(path) if path.is_file() else "not fetched"


def _process(study: Study, explained: bool) -> dict[str, str]:
    trees = study.forest.n_trees
    weights = WEIGHTS[study.forest.weights]
    return {
        "en": "Boreholes checked and brought to the mapped depth; covariates on one grid; random "
        f"forest of {trees} trees{weights['en']}; conditional distribution after Meinshausen "
        "(2006); cross-validation with kNNDM (Linnenbrink et al. 2024) and random folds; area of "
        "applicability after Meyer and Pebesma (2021)"
        + ("; Shapley values after Lundberg et al. (2020)." if explained else "."),
        "zh": "钻孔数据经质量控制并换算到制图深度；协变量统一到同一格网；"
        f"{trees}棵树的随机森林{weights['zh']}；"
        "按Meinshausen（2006）求条件分布；kNNDM（Linnenbrink等2024）与随机交叉验证；"
        "按Meyer和Pebesma（2021）确定模型适用范围"
        + ("；按Lundberg等（2020）计算Shapley值。" if explained else "。"),
    }


def _quality(validation: Mapping[str, Any]) -> dict[str, str]:
    scores = validation["designs"]["knndm"]["regression"]
    rmse, bias, n = f"{scores['rmse']:.2f}", f"{scores['bias']:.2f}", scores["n"]
    return {
        "en": f"kNNDM cross-validation: RMSE {rmse} degC, bias {bias} degC, n = {n}. Without a "
        "probability sample of sites every accuracy is a model-based estimate (Wadoux 2021).",
        "zh": f"kNNDM交叉验证：均方根误差{rmse}°C，偏差{bias}°C，样本数{n}。"
        "站点并非概率抽样，精度均为基于模型的估计（Wadoux 2021）。",
    }


def _extent(study: Study) -> dict[str, Any]:
    return {
        "extent_degrees": study.area.model_dump(include={"west", "south", "east", "north"}),
        "period": study.years,
        "resolution_m": study.grid.resolution_m,
        "projection": {"name": study.crs.name, "wkt": study.crs.to_wkt()},
    }
