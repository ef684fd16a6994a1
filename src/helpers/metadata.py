"""The record of the product, in English and Chinese, with the fields of the published one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from helpers.products import VIRTUAL_NOTE, class_areas, class_layer, permafrost_area
from helpers.storage import library_versions, read_json, sha256, write_json
from helpers.study import Study

WEIGHTS = {
    "none": {"en": "", "zh": ""},
    "standard_error": {"en": ", sites weighted by their standard error", "zh": "（按标准误加权）"},
}


def write_metadata(
    study: Study, result: xr.Dataset, validation: Mapping[str, Any], files: list[Path]
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
        The products; their SHA-256 go into the record, so it is written last.

    """
    record = {
        "title": {"en": study.about.title, "zh": study.about.title_zh},
        "abstract": _abstract(study, validation["n_sites"]),
        "sources": _sources(study),
        "process": _process(study),
        "quality": {**_quality(validation), "validation": validation["designs"]},
        "permafrost_area_1e4_km2": permafrost_area(study, result),
        "class_area_1e4_km2": class_areas(study, class_layer(study, result["t15"])),
        **_extent(study),
        "licence": study.about.licence or "to be filled in",
        "contributors": {"en": "to be filled in", "zh": "待填写"},
        "seed": study.about.seed,
        "data_version": study.about.data_version,
        "software": library_versions(),
        "files": {path.name: {"sha256": sha256(path)} for path in files},
    }
    return write_json(record, study.output_dir / "metadata.json")


def _abstract(study: Study, n_sites: int) -> dict[str, str]:
    depth, years = f"{study.boreholes.depth_m:g}", study.years
    predictors = ", ".join(study.forest.predictors)
    virtual = study.about.virtual_boreholes
    return {
        "en": f"Mean annual ground temperature at {depth} m depth, {years}, "
        f"from {n_sites} sites and a random forest on {predictors}; with interval, probability "
        "of permafrost, thermal class and area of applicability."
        + (f" {VIRTUAL_NOTE}" if virtual else ""),
        "zh": f"{depth}米深度年平均地温（{years}），由{n_sites}个站点"
        f"和随机森林模型（预测变量：{predictors}）得到；附预测区间、多年冻土概率、热稳定类型和模型适用范围。"
        + ("钻孔为虚拟数据，并非实测。" if virtual else ""),
    }


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


def _process(study: Study) -> dict[str, str]:
    trees = study.forest.n_trees
    weights = WEIGHTS[study.forest.weights]
    return {
        "en": "Boreholes checked and brought to the mapped depth; covariates on one grid; random "
        f"forest of {trees} trees{weights['en']}; conditional distribution after Meinshausen "
        "(2006); cross-validation with kNNDM (Linnenbrink et al. 2024) and random folds; area of "
        "applicability after Meyer and Pebesma (2021).",
        "zh": "钻孔数据经质量控制并换算到制图深度；协变量统一到同一格网；"
        f"{trees}棵树的随机森林{weights['zh']}；"
        "按Meinshausen（2006）求条件分布；kNNDM（Linnenbrink等2024）与随机交叉验证；"
        "按Meyer和Pebesma（2021）确定模型适用范围。",
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
