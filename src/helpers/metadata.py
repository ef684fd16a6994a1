"""The record of the product, in English and Chinese, with the fields of the published one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from helpers.error_model import ErrorModel
from helpers.products import VIRTUAL_NOTE, Comparison, area_table, permafrost_area
from helpers.products.area_interval import LEVEL
from helpers.products.rasters import climate_years, contents_of
from helpers.settings import MAPPED
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
CALIBRATED = {
    "en": "Quantiles of the error model; the coverage is that of sites in folds that the "
    "calibration has not seen.",
    "zh": "误差模型给出的校准分位数；覆盖率由未参与校准的交叉验证折得到。",
}
SIMULATED = {
    "en": "lower to upper holds {level:.0%} of the areas of {n} simulated maps: t15 moved by the "
    "expected shift, plus Gaussian error fields with the expected standard deviation and the "
    "variogram of held-out residuals, so that near cells err alike (Wadoux and Heuvelink 2023, "
    "doi:10.1111/2041-210X.14106). of_shifted_mean: the area of the map moved by the shift alone. "
    "The interval is as good as the error model, whose own uncertainty is not in it.",
    "zh": "lower至upper包含{n}幅模拟图中{level:.0%}的面积：模拟图为t15加预期偏移和高斯误差场；"
    "误差场的标准差由误差模型给出，空间相关性由留出残差的变异函数给出（Wadoux和Heuvelink 2023，"
    "doi:10.1111/2041-210X.14106）。of_shifted_mean为只加预期偏移时的面积。"
    "该区间依赖误差模型，不含误差模型自身的不确定性。",
}
ERRORS = {
    "en": "truth - t15 = share_of_beyond * beyond + error. beyond: by how much a straight line "
    "(slope_c_per_unit) changes from the box of the sites (their 10 % and 90 % quantiles) to the "
    "place, as a forest levels off towards its outermost sites. Variance of the error: at_sites + "
    "per_dissimilarity * dissimilarity index. Learned from sites held out in groups; the variogram "
    "is that of the standardised errors.",
    "zh": "真值-t15=share_of_beyond×beyond+误差。beyond为拟合直线（斜率slope_c_per_unit）"
    "从站点取值范围（box，10%和90%分位数）边缘到该处的变化量，随机森林在最外侧站点附近趋于不变。"
    "误差方差=at_sites+per_dissimilarity×相异度指数。参数由成组留出的站点得到；"
    "变异函数为标准化误差的变异函数。",
}


def write_metadata(
    study: Study,
    result: xr.Dataset,
    validation: Mapping[str, Any],
    files: Sequence[Path],
    comparisons: Mapping[str, Comparison] | None = None,
    error_model: ErrorModel | None = None,
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
    error_model
        That of the map: with it the areas have an interval, and the record says what it is.

    """
    explained = any(path.name == "shap.tif" for path in files)
    record = {
        "title": {"en": study.about.title, "zh": study.about.title_zh},
        "abstract": _abstract(study, validation["n_sites"], explained),
        "sources": _sources(study),
        "process": _process(study, explained, error_model is not None),
        "model": _model(study),
        **({"shapley": _shapley(result, validation["n_sites"])} if explained else {}),
        "quality": {**_quality(validation), "validation": validation["designs"]},
        "interval": _interval(study, validation),
        **({"error_model": {"meaning": ERRORS, **error_model.record()}} if error_model else {}),
        "permafrost_area_1e4_km2": permafrost_area(study, result),
        **_areas(study, result, validation["applicability"]["threshold"], error_model),
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
        "en": f"Mean annual ground temperature at {depth} m depth, {study.period_in_words}, "
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


def _areas(
    study: Study, result: xr.Dataset, threshold: float, error_model: ErrorModel | None
) -> dict[str, Any]:
    """Area of each class, the table with ranges, 10^4 km2, and how much of it is applicable."""
    table = area_table(study, result, error_model)
    rows = {name: row.dropna().to_dict() for name, row in table.iterrows()}
    levels = [float(level) for level in result["quantile"].values]
    listed = ", ".join(f"{level:g}" for level in levels)
    ranges = {language: words.format(levels=listed) for language, words in RANGES.items()}
    simulated = _simulated(study) if error_model else {}
    inside, mapped = (rows[MAPPED][column] for column in ("inside_applicability", "area"))
    return {
        "class_area_1e4_km2": {c.name: rows[c.name]["area"] for c in study.classes},
        "area_table_1e4_km2": {"ranges": ranges, "levels": levels, **simulated, "rows": rows},
        "area_of_applicability": {
            "dissimilarity_threshold": threshold,
            "share_inside": inside / mapped,
        },
    }


def _simulated(study: Study) -> dict[str, Any]:
    """What the interval of the areas is."""
    n = study.validation.n_simulations
    words = {language: text.format(level=LEVEL, n=n) for language, text in SIMULATED.items()}
    return {"simulated": words, "simulated_level": LEVEL, "n_simulations": n}


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
    levels, truth = study.forest.quantiles, validation["truth"]
    raw, calibrated = (
        {name: found[key] for name, found in validation["designs"].items() if key in found}
        for key in ("interval", "calibrated_interval")
    )
    record = {
        "levels": levels,
        "outermost": [min(levels), max(levels)],
        "meaning": RAW,
        "held_out": raw,
        **({"calibrated": {"meaning": CALIBRATED, "held_out": calibrated}} if calibrated else {}),
    }
    if truth:
        kept = ("cells", "coverage", "calibrated_coverage")
        rows = {name: {k: row[k] for k in kept if k in row} for name, row in truth.items()}
        record["virtual_truth"] = rows
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


def _process(study: Study, explained: bool, with_error: bool) -> dict[str, str]:
    trees, leaf = study.forest.n_trees, study.forest.min_samples_leaf
    share = f"{study.forest.max_features:g}"
    weights = WEIGHTS[study.forest.weights]
    return {
        "en": "Boreholes checked and brought to the mapped depth; covariates on one grid; random "
        f"forest of {trees} trees (smallest leaf {leaf}, share of predictors tried at a split "
        f"{share}){weights['en']}; conditional distribution after Meinshausen "
        "(2006); cross-validation with kNNDM (Linnenbrink et al. 2024) and random folds; area of "
        "applicability after Meyer and Pebesma (2021)"
        + ("; expected error learned from sites held out in groups" if with_error else "")
        + ("; Shapley values after Lundberg et al. (2020)." if explained else "."),
        "zh": "钻孔数据经质量控制并换算到制图深度；协变量统一到同一格网；"
        f"{trees}棵树的随机森林（叶节点最小样本数{leaf}，每次分裂尝试的变量比例{share}）{weights['zh']}；"
        "按Meinshausen（2006）求条件分布；kNNDM（Linnenbrink等2024）与随机交叉验证；"
        "按Meyer和Pebesma（2021）确定模型适用范围"
        + ("；由成组留出的站点估计预期误差" if with_error else "")
        + ("；按Lundberg等（2020）计算Shapley值。" if explained else "。"),
    }


def _quality(validation: Mapping[str, Any]) -> dict[str, str]:
    headline, truth = validation["designs"]["knndm"], validation["truth"]
    scores, interval = headline["regression"], headline["interval"]
    rmse, bias, n = f"{scores['rmse']:.2f}", f"{scores['bias']:.2f}", scores["n"]
    whole = truth["whole map"] if truth else {}
    nominal, held = f"{interval['nominal']:.0%}", f"{interval['coverage']:.0%}"
    after = _percent(headline.get("calibrated_interval", {}).get("coverage"))
    true, true_after = (_percent(whole.get(c)) for c in ("coverage", "calibrated_coverage"))
    return {
        "en": f"kNNDM cross-validation: RMSE {rmse} degC, bias {bias} degC, n = {n}. The {nominal} "
        f"interval holds {held} of the held-out observations"
        + (f" ({after} when calibrated)" if after else "")
        + (f" and {true} of the virtual truth over the whole map" if true else "")
        + (f" ({true_after} when calibrated)" if true_after else "")
        + ". Without a probability sample of sites every accuracy is a model-based estimate "
        "(Wadoux 2021).",
        "zh": f"kNNDM交叉验证：均方根误差{rmse}°C，偏差{bias}°C，样本数{n}。"
        f"{nominal}区间包含{held}的留出观测"
        + (f"（校准后{after}）" if after else "")
        + (f"和全图{true}的虚拟真值" if true else "")
        + (f"（校准后{true_after}）" if true_after else "")
        + "。站点并非概率抽样，精度均为基于模型的估计（Wadoux 2021）。",
    }


def _percent(share: float | None) -> str:
    """A share in words; empty where there is none."""
    return "" if share is None else f"{share:.0%}"


def _extent(study: Study) -> dict[str, Any]:
    climate = climate_years(study)
    return {
        "extent_degrees": study.area.model_dump(include={"west", "south", "east", "north"}),
        "period": study.period_in_words,
        **({"climate_years": climate} if climate else {}),
        "resolution_m": study.grid.resolution_m,
        "projection": {"name": study.crs.name, "wkt": study.crs.to_wkt()},
    }
