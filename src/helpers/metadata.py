"""The record of the product, in English and Chinese, with the fields of the published one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from helpers.products import VIRTUAL_NOTE, Comparison, area_table, permafrost_area
from helpers.products.areas import MAPPED
from helpers.products.rasters import climate_years, contents_of
from helpers.storage import library_versions, read_json, sha256, write_json
from helpers.study import Study

WEIGHTS = {
    "none": {"en": "", "zh": ""},
    "standard_error": {"en": ", sites weighted by their standard error", "zh": "（按标准误加权）"},
}
RANGES = {
    "en": "lowest_of_levels and highest_of_levels: the smallest and the largest area among those "
    "of the mean and of the quantile levels {levels}, each taken in every cell at once from the "
    "forest's own raw (uncalibrated) distribution. Not the worst case of all ways in which errors "
    "may depend on each other, and no confidence interval; bias and undercoverage are not in it.",
    "zh": "lowest_of_levels和highest_of_levels：所有格网同取均值或同一分位数水平（{levels}）时"
    "所得面积的最小值和最大值；分位数取自随机森林未经校准的原始分布。"
    "它不是误差各种相关情形中的最坏情况，也不是置信区间，不含偏差和区间覆盖率不足的影响。",
}
RAW = {
    "en": "Quantiles of the forest's own distribution, not calibrated; nominal and coverage are "
    "shares of 1.",
    "zh": "随机森林自身分布的分位数，未经校准；"
    "nominal（名义覆盖率）和coverage（实际覆盖率）以1为满值。",
}


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
        The map, for the areas of permafrost and, with ``shap.tif``, the base value.
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
        "model": _model(study),
        **({"shapley": _shapley(result, validation["n_sites"])} if explained else {}),
        "quality": {**_quality(validation), "validation": validation["designs"]},
        "interval": _interval(study, validation),
        "permafrost_area_1e4_km2": permafrost_area(study, result),
        **_areas(study, result, validation["applicability"]["threshold"]),
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
    climate = climate_years(study)
    return {
        "en": f"Mean annual ground temperature at {depth} m depth, {study.years}, "
        f"from {n_sites} sites and a random forest on {predictors}; with interval, probability "
        "of permafrost, thermal class"
        + (", area of applicability and" if explained else " and area of applicability.")
        + (" the contribution of each predictor (Shapley values)." if explained else "")
        + (f" Climate of the predictors: station means of {climate}." if climate else "")
        + (f" {VIRTUAL_NOTE}" if virtual else ""),
        "zh": f"{depth}米深度年平均地温（{years_zh}），由{n_sites}个站点"
        f"和随机森林模型（预测变量：{predictors}）得到；附预测区间、多年冻土概率、热稳定类型"
        + ("、模型适用范围和各预测变量的贡献（Shapley值）。" if explained else "和模型适用范围。")
        + (f"预测变量中的气候为站点多年平均（年份：{climate}）。" if climate else "")
        + ("钻孔为虚拟数据，并非实测。" if virtual else ""),
    }


def _areas(study: Study, result: xr.Dataset, threshold: float) -> dict[str, Any]:
    """Area of each class, the table with ranges, 10^4 km2, and how much of it is applicable."""
    table = area_table(study, result)
    rows = {name: row.dropna().to_dict() for name, row in table.iterrows()}
    levels = [float(level) for level in result["quantile"].values]
    listed = ", ".join(f"{level:g}" for level in levels)
    ranges = {language: words.format(levels=listed) for language, words in RANGES.items()}
    inside, mapped = (rows[MAPPED][column] for column in ("inside_applicability", "area"))
    return {
        "class_area_1e4_km2": {c.name: rows[c.name]["area"] for c in study.classes},
        "area_table_1e4_km2": {"ranges": ranges, "levels": levels, "rows": rows},
        "area_of_applicability": {
            "dissimilarity_threshold": threshold,
            "share_inside": inside / mapped,
        },
    }


def _model(study: Study) -> dict[str, Any]:
    """Settings of the forest."""
    kept = {"predictors", "n_trees", "min_samples_leaf", "max_features", "weights"}
    return {"kind": "random forest", **study.forest.model_dump(include=kept)}


def _shapley(result: xr.Dataset, n_sites: int) -> dict[str, Any]:
    """What the contributions are relative to."""
    return {
        "background": {"en": f"all {n_sites} training sites", "zh": f"全部{n_sites}个训练站点"},
        "base_value_c": result["shapley_value"].attrs["base_value_c"],
    }


def _interval(study: Study, validation: Mapping[str, Any]) -> dict[str, Any]:
    """Levels of the quantiles, and how often the outermost interval holds what was not seen."""
    levels = study.forest.quantiles
    designs, truth = validation["designs"], validation["truth"]
    record = {
        "levels": levels,
        "outermost": [min(levels), max(levels)],
        "meaning": RAW,
        "held_out": {name: found["interval"] for name, found in designs.items()},
    }
    if truth:
        kept = ("cells", "coverage")
        record["virtual_truth"] = {n: {k: row[k] for k in kept} for n, row in truth.items()}
    return record


def _file(path: Path) -> dict[str, Any]:
    """Checksum of a file, and what it holds if its name tells."""
    content = contents_of(path.name)
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
    """What study.toml says of a layer; of stations or open data also file, years, licence ..."""
    settings = {**study.covariates, **study.references}[name]
    source = settings.model_dump(exclude_none=True)
    if settings.source == "stations":
        source |= study.climate.model_dump(include={"stations", "years", "interpolation"})
    if settings.source == "open":
        source["provenance"] = _provenance(study.open_dir / f"{name}.json")
    return source


def _provenance(path: Path) -> dict[str, Any] | str:
    """Record of what ``make data`` has left; a reference may be wanted and not be there."""
    return read_json(path) if path.is_file() else "not fetched"


def _process(study: Study, explained: bool) -> dict[str, str]:
    trees, leaf = study.forest.n_trees, study.forest.min_samples_leaf
    share = f"{study.forest.max_features:g}"
    weights = WEIGHTS[study.forest.weights]
    return {
        "en": "Boreholes checked and brought to the mapped depth; covariates on one grid; random "
        f"forest of {trees} trees (smallest leaf {leaf}, share of predictors tried at a split "
        f"{share}){weights['en']}; conditional distribution after Meinshausen "
        "(2006); cross-validation with kNNDM (Linnenbrink et al. 2024) and random folds; area of "
        "applicability after Meyer and Pebesma (2021)"
        + ("; Shapley values after Lundberg et al. (2020)." if explained else "."),
        "zh": "钻孔数据经质量控制并换算到制图深度；协变量统一到同一格网；"
        f"{trees}棵树的随机森林（叶节点最小样本数{leaf}，每次分裂尝试的变量比例{share}）{weights['zh']}；"
        "按Meinshausen（2006）求条件分布；kNNDM（Linnenbrink等2024）与随机交叉验证；"
        "按Meyer和Pebesma（2021）确定模型适用范围"
        + ("；按Lundberg等（2020）计算Shapley值。" if explained else "。"),
    }


def _quality(validation: Mapping[str, Any]) -> dict[str, str]:
    scores = validation["designs"]["knndm"]["regression"]
    rmse, bias, n = f"{scores['rmse']:.2f}", f"{scores['bias']:.2f}", scores["n"]
    interval, truth = validation["designs"]["knndm"]["interval"], validation["truth"]
    nominal, held = f"{interval['nominal']:.0%}", f"{interval['coverage']:.0%}"
    true = f"{truth['whole map']['coverage']:.0%}" if truth else ""
    return {
        "en": f"kNNDM cross-validation: RMSE {rmse} degC, bias {bias} degC, n = {n}. The {nominal} "
        f"interval holds {held} of the held-out observations"
        + (f" and {true} of the virtual truth over the whole map" if true else "")
        + ". Without a probability sample of sites every accuracy is a model-based estimate "
        "(Wadoux 2021).",
        "zh": f"kNNDM交叉验证：均方根误差{rmse}°C，偏差{bias}°C，样本数{n}。"
        f"{nominal}区间包含{held}的留出观测"
        + (f"和全图{true}的虚拟真值。" if true else "。")
        + "站点并非概率抽样，精度均为基于模型的估计（Wadoux 2021）。",
    }


def _extent(study: Study) -> dict[str, Any]:
    climate = climate_years(study)
    return {
        "extent_degrees": study.area.model_dump(include={"west", "south", "east", "north"}),
        "period": study.years,
        **({"climate_years": climate} if climate else {}),
        "resolution_m": study.grid.resolution_m,
        "projection": {"name": study.crs.name, "wkt": study.crs.to_wkt()},
    }
