"""The numbers of the report card, gathered from what the notebooks have written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from helpers.report_card import paths
from helpers.report_card.limits import limits
from helpers.report_card.paths import found, plain, rows_of, taken
from helpers.settings import PERMAFROST
from helpers.study import Study
from helpers.validation import DESIGNS, HEADLINE

NO_PROBABILITY_SAMPLE = (
    "The sites are no probability sample; without one every accuracy is a model-based estimate "
    "(Wadoux et al. 2021, doi:10.1016/j.ecolmodel.2021.109692)."
)
OF_NO_YEAR = ("relief", "terrain")


def report_card(
    study: Study,
    checks: Mapping[str, Any],
    metadata: Mapping[str, Any],
    boreholes: pd.DataFrame,
    areas: pd.DataFrame,
) -> dict[str, Any]:
    """Gather what a reviewer of the map wants to know, under the names of the page's sections.

    Parameters
    ----------
    study
        Everything that was set.
    checks
        Content of ``validation.json``.
    metadata
        Content of ``metadata.json``: software, sources and years of the predictors.
    boreholes
        Table of ``boreholes.csv``: site, status, method, t15_c, standard_error_c (deg C).
    areas
        Table of :func:`helpers.products.area_table`, 10^4 km2, with whatever columns it has.

    Returns
    -------
    Plain dicts, lists, texts and numbers as json would give them back. A number that the inputs
    lack is None, its key stays. Shares are of 1, temperatures deg C, areas 10^4 km2, intervals
    [low, high] of 95 % unless their name says otherwise. No clock is read: the same inputs give
    the same card.

    """
    checks, metadata = plain(checks), plain(metadata)
    headline = found(checks, "designs", HEADLINE)
    card = {
        "what": _what(study, metadata),
        "data": _data(study, checks, metadata, boreholes),
        "designs": _designs(checks),
        "scores": taken(headline, paths.REGRESSION),
        "skill": _skill(checks),
        "intervals": _intervals(headline),
        "classes": _classes(headline),
        "applicability": _applicability(checks, areas),
        "residuals": taken(checks, paths.RESIDUALS),
        "error_model": taken(checks, paths.ERROR_MODEL),
        "area_1e4_km2": _areas(areas),
        "truth": _truth(checks),
    }
    return plain({**card, "limits": limits(card)})


def _what(study: Study, metadata: Mapping[str, Any]) -> dict[str, Any]:
    area, forest = study.area, study.forest
    kept = {"n_trees", "min_samples_leaf", "max_features", "weights"}
    return {
        "study": study.name,
        "title": study.about.title,
        "title_zh": study.about.title_zh,
        "virtual_boreholes": study.about.virtual_boreholes,
        "first_look": study.is_first_look,
        "data_version": study.about.data_version,
        "extent_degrees": area.model_dump(include={"west", "south", "east", "north"}),
        "depth_m": study.boreholes.depth_m,
        "period": study.period_in_words,
        "cell_m": study.grid.resolution_m,
        "rows_and_columns": list(study.geobox.shape),
        "crs": study.crs.name,
        "model": {"kind": "random forest", **forest.model_dump(include=kept)},
        "seed": study.about.seed,
        "software": found(metadata, "software"),
    }


def _data(
    study: Study, checks: Mapping[str, Any], metadata: Mapping[str, Any], boreholes: pd.DataFrame
) -> dict[str, Any]:
    status = boreholes["status"].value_counts()
    used = boreholes[boreholes["status"] == "used"]
    t15 = used["t15_c"]
    return {
        "holes": len(boreholes),
        **{name: int(status.get(name, 0)) for name in ("used", "combined", "refused")},
        "sites_validated": found(checks, "n_sites"),
        "t15_c": {"lowest": t15.min(), "median": t15.median(), "highest": t15.max()},
        "median_standard_error_c": used["standard_error_c"].median(),
        "share_extended": (used["method"] == "extended").mean(),
        "predictors": [_predictor(name, metadata) for name in study.forest.predictors],
        "climate_years": found(metadata, "climate_years"),
        "period": study.period_in_words,
        "probability_sample": False,
        "statement": NO_PROBABILITY_SAMPLE,
    }


def _predictor(name: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Name of a predictor, what it is, where it comes from and of which years."""
    of = found(metadata, "sources", "covariates", name)
    source = [found(of, key) for key in ("source", "product", "stations")]
    files = found(of, "path") or []
    source += files if isinstance(files, list) else [files]
    years = found(of, "years") or found(of, "provenance", "settings", "years")
    if source[0] in OF_NO_YEAR:
        years = "of no year"
    return {
        "name": name,
        "quantity": found(of, "quantity") or found(of, "long_name"),
        "source": ", ".join(filter(None, source)) or None,
        "years": " to ".join(map(str, years)) if isinstance(years, list) else years,
    }


def _designs(checks: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each design that is known or was computed."""
    computed = found(checks, "designs") or {}
    rows = []
    for name in dict.fromkeys([*DESIGNS, *computed]):
        numbers = taken(computed.get(name), paths.DESIGN)
        label = DESIGNS.get(name, name.replace("_", " "))
        rows.append(
            {
                "design": name,
                "label": label,
                "headline": name == HEADLINE,
                "computed": name in computed,
                **numbers,
            }
        )
    return rows


def _skill(checks: Mapping[str, Any]) -> dict[str, Any]:
    """Simpler models under the folds of the headline, and whether kriging helps the forest."""
    rows = [taken(row, paths.BASELINE) for row in rows_of(checks, *paths.BASELINES)]
    return {
        "baselines": [row for row in rows if row["design"] == HEADLINE],
        "kriged_residuals": taken(checks, paths.KRIGING),
    }


def _intervals(headline: object) -> dict[str, Any]:
    """Coverage and width at each level, and what is said of the whole distribution."""
    return {
        kind: {
            "levels": [_interval(headline, kind, level) for level in paths.LEVELS],
            **taken(headline, paths.DISTRIBUTION[kind]),
        }
        for kind in paths.KINDS
    }


def _interval(headline: object, kind: str, level: float) -> dict[str, Any]:
    """Coverage of one level; if there is no table of levels, that of the outermost interval."""
    outermost = found(headline, *paths.OUTERMOST[kind])
    rows = [*rows_of(headline, *paths.INTERVALS[kind]), outermost]
    same = (row for row in rows if _is_level(found(row, "nominal"), level))
    return {**taken(next(same, None), paths.INTERVAL), "nominal": level}


def _is_level(nominal: float | None, level: float) -> bool:
    return nominal is not None and abs(nominal - level) < 1e-6


def _classes(headline: object) -> dict[str, Any]:
    matrices = {
        name: taken(found(headline, name), paths.CLASSIFICATION) for name in paths.CLASSIFICATIONS
    }
    probability = {
        kind: taken(found(headline, *path), paths.OF_PROBABILITY)
        for kind, path in paths.PROBABILITY.items()
    }
    return {**matrices, "probability": probability}


def _applicability(checks: Mapping[str, Any], areas: pd.DataFrame) -> dict[str, Any]:
    outside, whole = (_area(areas, PERMAFROST, c) for c in ("outside_applicability", "area"))
    known = outside is not None and whole
    return {
        **taken(checks, paths.APPLICABILITY),
        "share_of_permafrost_outside": outside / whole if known else None,
        "drilling": rows_of(checks, *paths.DRILLING),
    }


def _areas(areas: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each class, for permafrost and for everything mapped."""
    return [
        {"class": str(name), **{column: _area(areas, name, column) for column in paths.AREA}}
        for name in areas.index
    ]


def _area(areas: pd.DataFrame, row: str, column: str) -> float | None:
    """An entry of the table of areas; None if it has no such row or column, or no number there."""
    if row not in areas.index or column not in areas:
        return None
    value = areas.loc[row, column]
    return None if pd.isna(value) else float(value)


def _truth(checks: Mapping[str, Any]) -> dict[str, Any] | None:
    """True errors, which only a virtual study knows; None for a real one."""
    truth = found(checks, "truth")
    if not truth:
        return None
    parts = [{"part": name, **taken(row, paths.TRUTH)} for name, row in truth.items()]
    return {"parts": parts, "frozen_share": found(checks, "true_frozen_share")}
