"""Held-out predictions of a study and all their scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.error_model import ErrorModel, calibrated_held_out
from helpers.held_out import Splits, cross_validated, quantile_name
from helpers.scores import (
    FROZEN_LABELS,
    brier_score,
    classification_scores,
    frozen_scores,
    interval_coverage,
    interval_scores,
    near_zero_scores,
    pinball_scores,
    probability_integral_transform,
    regression_scores,
    thermal_class,
)
from helpers.study import Study
from helpers.validation.designs import HEADLINE
from helpers.validation.fitting import forest_settings, site_errors

# Ends of the intervals whose coverage is looked at: 50, 80, 90 and 95 %.
LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)


def levels_of(study: Study) -> tuple[float, ...]:
    """Levels of the quantiles of held-out predictions: those of the map, and ``LEVELS``."""
    return tuple(sorted({*LEVELS, *study.forest.quantiles}))


def hold_out(
    study: Study,
    training: pd.DataFrame,
    folds: ArrayLike | Splits,
    n_trees: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Predict every site by a forest that has not seen its fold; see held_out.cross_validated.

    ``n_trees``: at most so many trees, where many forests are fitted; None: as the study has.
    """
    settings = forest_settings(study)
    held_out = cross_validated(
        training[study.forest.predictors],
        training["t15_c"],
        folds,
        quantiles=levels_of(study),
        standard_error_c=site_errors(study, training),
        progress=progress,
        **settings | ({} if n_trees is None else {"n_trees": min(n_trees, settings["n_trees"])}),
    )
    held_out.insert(0, "site", training["site"].to_numpy())
    return held_out


def calibrated(
    study: Study, error_model: ErrorModel, pairs: pd.DataFrame, held_out: pd.DataFrame
) -> pd.DataFrame:
    """Calibrated distribution of each site held out under kNNDM; see helpers.error_model."""
    table = calibrated_held_out(error_model, pairs, held_out, levels_of(study))
    table.insert(0, "site", held_out["site"].to_numpy())
    return table


def design_scores(
    study: Study,
    held_out: pd.DataFrame,
    calibrated: pd.DataFrame | None = None,
    weight: NDArray | None = None,
) -> dict[str, Any]:
    """All scores of one design from its pooled held-out predictions.

    Parameters
    ----------
    study
        Thermal classes, quantiles, what counts as near 0 deg C, seed.
    held_out
        Of :func:`hold_out`.
    calibrated
        Of :func:`calibrated`, for the same sites.
    weight
        How much each site counts in the scores of temperature (sites,); None: all alike.

    Returns
    -------
    ``regression``, with intervals from sites and, where a fold holds several, from folds;
    ``frozen`` (at or below 0 deg C, or not), ``near_zero`` (the same near 0 deg C) and ``classes``
    (thermal classes) with confusion matrices; ``interval`` (coverage of the outermost quantiles of
    the map), ``brier``; and by ``raw`` and, if given, ``calibrated`` distribution ``intervals``,
    ``probability``, ``pinball`` and ``pit``. With ``calibrated`` also ``calibrated_interval``.
    ``weight`` counts in ``regression`` only.

    """
    observed, predicted = held_out["observed"], held_out["predicted"]
    fold = held_out["fold"].to_numpy() if "fold" in held_out else np.arange(len(held_out))
    groups = fold if len(np.unique(fold)) < len(fold) else None
    scores = regression_scores(
        observed, predicted, seed=study.about.seed, weight=weight, groups=groups
    )
    tables = {"raw": held_out} | ({} if calibrated is None else {"calibrated": calibrated})
    found = {name: _distribution_scores(study, table, groups) for name, table in tables.items()}
    both = {
        kind: {name: found[name][kind] for name in tables}
        for kind in ("intervals", "probability", "pinball", "pit")
    }
    outermost = {name: _outermost(study, table) for name, table in tables.items()}
    return {
        "regression": scores,
        "frozen": classification_scores(observed > 0, predicted > 0, FROZEN_LABELS),
        "near_zero": near_zero_scores(observed, predicted, study.validation.near_zero_c),
        "classes": classification_scores(
            thermal_class(observed, study.class_bounds),
            thermal_class(predicted, study.class_bounds),
            [c.name for c in study.classes],
        ),
        "interval": outermost["raw"],
        **({} if calibrated is None else {"calibrated_interval": outermost["calibrated"]}),
        "brier": brier_score(observed <= 0, held_out["probability"]),
        **both,
    }


def _distribution_scores(
    study: Study, table: pd.DataFrame, groups: NDArray | None
) -> dict[str, Any]:
    """Scores of quantiles and probabilities, those of the forest or calibrated ones."""
    levels = [level for level in levels_of(study) if quantile_name(level) in table]
    quantiles = table[[quantile_name(level) for level in levels]]
    observed = table["observed"]
    return {
        "intervals": interval_scores(observed, quantiles, levels),
        "probability": frozen_scores(
            observed, table["probability"], seed=study.about.seed, groups=groups
        ),
        "pinball": pinball_scores(observed, quantiles, levels),
        "pit": probability_integral_transform(table["pit"]) if "pit" in table else None,
    }


def _outermost(study: Study, table: pd.DataFrame) -> dict[str, Any]:
    """Coverage of the interval between the outermost quantiles of the map."""
    low, high = min(study.forest.quantiles), max(study.forest.quantiles)
    coverage = interval_coverage(
        table["observed"], table[quantile_name(low)], table[quantile_name(high)]
    )
    return {"nominal": round(high - low, 10), **coverage}


def score_table(designs: Mapping[str, dict[str, Any]]) -> pd.DataFrame:
    """Scores of each design (columns) as numbers, with the interval of the RMSE, for reading."""
    columns = {}
    for name, found in designs.items():
        scores, interval = found["regression"], found["interval"]
        column = {k: v for k, v in scores.items() if not k.endswith("_interval")}
        column["rmse, lower"], column["rmse, upper"] = scores["rmse_interval"]
        column[f"coverage of the {interval['nominal']:.0%} interval"] = interval["coverage"]
        columns[name] = column | {"brier": found["brier"]}
    return pd.DataFrame(columns)


def comparison_of_designs(
    scores: Mapping[str, dict[str, Any]], table: pd.DataFrame
) -> pd.DataFrame:
    """RMSE with its interval from sites (deg C) and W of each design, for table and figure.

    ``table`` is that of :func:`helpers.validation.design_table`; its rows give the order.
    """
    rows = {}
    for name in table.index:
        found = scores[name]["regression"]
        low, high = found["rmse_interval"]
        rows[name] = {"rmse": found["rmse"], "rmse_lower": low, "rmse_upper": high}
    columns = table[["w_km", "median_km", "n_folds"]].astype(float)
    return pd.DataFrame(rows).T.join(columns).rename_axis("design")


def validation_record(
    n_sites: int,
    scores: Mapping[str, dict[str, Any]],
    table: pd.DataFrame,
    rmse_of_repeats: list[float],
    **more: object,
) -> dict[str, Any]:
    """Content of ``validation.json``: scores and distances of all designs, and ``more``.

    ``scores`` and ``table`` by name of the design; the random design is that of the first repeat,
    with the RMSE of every repeat beside it.
    """
    designs = {name: {**scores[name], **table.loc[name].to_dict()} for name in scores}
    designs["random"]["rmse_of_repeats"] = rmse_of_repeats
    return {"n_sites": n_sites, "headline": HEADLINE, "designs": designs, **more}
