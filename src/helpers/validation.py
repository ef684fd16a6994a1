"""Validation of a forest: both designs, their held-out predictions, and the scores of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from helpers.applicability import ApplicabilityDomain
from helpers.folds import KnndmFolds, design_distances, design_w, knndm, random_folds
from helpers.forest import Forest, fit_forest, load_forest
from helpers.held_out import cross_validated, quantile_name
from helpers.scores import (
    brier_score,
    classification_scores,
    interval_coverage,
    regression_scores,
    thermal_class,
)
from helpers.storage import ContractError, read_table
from helpers.study import Study
from helpers.weights import standard_error_weights

FROZEN_LABELS = ("frozen", "not frozen")


def forest_settings(study: Study) -> dict[str, Any]:
    """Arguments of :func:`helpers.forest.fit_forest` from the study."""
    forest = study.forest
    return {
        "n_trees": forest.n_trees,
        "min_samples_leaf": forest.min_samples_leaf,
        "max_features": forest.max_features,
        "seed": study.about.seed,
    }


def site_errors(study: Study, training: pd.DataFrame) -> pd.Series | None:
    """Standard errors (deg C) that the study weighs its sites by; None if it does not."""
    return training["standard_error_c"] if study.forest.weights == "standard_error" else None


def fit_weights(study: Study, training: pd.DataFrame) -> NDArray | None:
    """Fit weights of the sites (sites,), found from these sites alone; None if all count alike."""
    errors, predictors = site_errors(study, training), training[study.forest.predictors]
    if errors is None:
        return None
    return standard_error_weights(predictors, training["t15_c"], errors, **forest_settings(study))


def fit_study_forest(study: Study, training: pd.DataFrame) -> Forest:
    """Fit the forest of the study, with its settings and fit weights, to these sites."""
    return fit_forest(
        training[study.forest.predictors],
        training["t15_c"],
        sample_weight=fit_weights(study, training),
        **forest_settings(study),
    )


def prediction_points(study: Study, covariates: xr.Dataset) -> NDArray:
    """Regular sample (n, 2) of the cells that get a prediction: easting and northing, m.

    Every so many-th cell along the rows of the map, ``validation.n_prediction_points`` or a few
    more; kNNDM compares their distances to the sites.
    """
    known = np.logical_and.reduce(
        [np.isfinite(covariates[p].to_numpy()) for p in study.forest.predictors]
    )
    step = max(int(np.sqrt(known.sum() / study.validation.n_prediction_points)), 1)
    rows, columns = np.nonzero(known[step // 2 :: step, step // 2 :: step])
    x, y = covariates.x.values[step // 2 :: step], covariates.y.values[step // 2 :: step]
    return np.column_stack([x[columns], y[rows]])


def knndm_folds(study: Study, training: pd.DataFrame, points: NDArray) -> KnndmFolds:
    """Folds as far from each other as the map is from the sites; settings from the study."""
    settings = study.validation
    return knndm(
        training[["x", "y"]].to_numpy(),
        points,
        n_folds=settings.n_folds,
        max_share=settings.max_share,
        clustering=settings.clustering,
        seed=study.about.seed,
    )


def repeated_random_folds(study: Study, training: pd.DataFrame) -> list[NDArray]:
    """Random folds, once for each repeat."""
    settings, seed = study.validation, study.about.seed
    return [
        random_folds(len(training), settings.n_folds, seed + repeat)
        for repeat in range(settings.n_repeats)
    ]


def hold_out(study: Study, training: pd.DataFrame, folds: NDArray) -> pd.DataFrame:
    """Predict every site by a forest that has not seen its fold; see held_out.cross_validated."""
    held_out = cross_validated(
        training[study.forest.predictors],
        training["t15_c"],
        folds,
        quantiles=study.forest.quantiles,
        standard_error_c=site_errors(study, training),
        **forest_settings(study),
    )
    held_out.insert(0, "site", training["site"].to_numpy())
    return held_out


def design_scores(study: Study, held_out: pd.DataFrame) -> dict[str, Any]:
    """All scores of one design from its pooled held-out predictions.

    Returns
    -------
    ``regression``; ``frozen`` (at or below 0 deg C, or not) and ``classes`` (thermal classes of
    the study) with confusion matrices; ``interval`` (coverage of the outermost quantiles);
    ``brier`` of the probability of permafrost.

    """
    observed, predicted = held_out["observed"], held_out["predicted"]
    bounds = [c.below_c for c in study.classes[:-1]]
    low, high = min(study.forest.quantiles), max(study.forest.quantiles)
    coverage = interval_coverage(
        observed, held_out[quantile_name(low)], held_out[quantile_name(high)]
    )
    return {
        "regression": regression_scores(observed, predicted, seed=study.about.seed),
        "frozen": classification_scores(observed > 0, predicted > 0, FROZEN_LABELS),
        "classes": classification_scores(
            thermal_class(observed, bounds),
            thermal_class(predicted, bounds),
            [c.name for c in study.classes],
        ),
        "interval": {"nominal": round(high - low, 10), **coverage},
        "brier": brier_score(observed <= 0, held_out["probability"]),
    }


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


def distance_to_map(training: pd.DataFrame, folds: NDArray, to_map: NDArray) -> dict[str, float]:
    """How far a design lies from the situation of the map.

    ``w_km`` is the area between the nearest-neighbour curves, ``median_km`` the median distance
    from a held-out site to the sites that stay.
    """
    xy = training[["x", "y"]].to_numpy()
    return {
        "w_km": design_w(xy, folds, to_map) / 1000,
        "median_km": float(np.median(design_distances(xy, folds))) / 1000,
    }


def distance_curves(
    training: pd.DataFrame, designs: Mapping[str, NDArray], to_map: NDArray
) -> tuple[dict[str, NDArray], dict[str, float]]:
    """Distances (m) whose curves show how far each design is from the map, and W of each (m).

    The first curve is that of the map; ``designs`` are folds by name.
    """
    xy = training[["x", "y"]].to_numpy()
    curves = {name: design_distances(xy, folds) for name, folds in designs.items()}
    w = {name: design_w(xy, folds, to_map) for name, folds in designs.items()}
    return {"map to sites": to_map, **curves}, w


def validation_record(
    training: pd.DataFrame,
    folds: pd.DataFrame,
    designs: Mapping[str, dict[str, Any]],
    to_map: NDArray,
    **more: object,
) -> dict[str, Any]:
    """Content of ``validation.json``: scores and distances of both designs, and ``more``.

    The random design is that of the first repeat, with the RMSE of every repeat beside it.
    """
    first = {"random": "random_0", "knndm": "knndm"}
    both = {
        name: {**designs[column], **distance_to_map(training, folds[column].to_numpy(), to_map)}
        for name, column in first.items()
    }
    repeats = [name for name in designs if name.startswith("random_")]
    both["random"]["rmse_of_repeats"] = [designs[r]["regression"]["rmse"] for r in repeats]
    return {"n_sites": len(training), "designs": both, **more}


def read_folds(study: Study) -> pd.DataFrame:
    """Folds written by notebook 03, whole numbers: site, random_0, random_1, ..., knndm."""
    made_by = "notebook 03_random_forest"
    table = read_table(study.interim_dir / "folds.csv", ("knndm",), ("site",), made_by)
    return table.astype({name: int for name in table.columns.drop("site")})


def read_training(study: Study) -> pd.DataFrame:
    """Training table written by notebook 02, with numbers in every predictor."""
    numbers = ("x", "y", "t15_c", "standard_error_c", *study.forest.predictors)
    path = study.interim_dir / "training.csv"
    return read_table(path, numbers, ("site",), "notebook 02_covariates")


def load_study_forest(study: Study, training: pd.DataFrame) -> Forest:
    """The forest of notebook 03, if it was fitted to this training table with these settings.

    Raises
    ------
    FileNotFoundError, ContractError
        If there is none, or it was fitted to something else: the map would then be of another
        model than its tags say.

    """
    made_by = "notebook 03_random_forest"
    path = study.interim_dir / "forest.skops"
    forest = load_forest(path, made_by)
    if not _fitted_to(forest, study, training):
        low, high = forest.sample_weight.min(), forest.sample_weight.max()
        raise ContractError(
            f"{path}: fitted to {', '.join(forest.names)} of {len(forest.temperature_c)} sites "
            f"with {len(forest.model.estimators_)} trees and fit weights {low:.3g} to {high:.3g}, "
            f"but the training table or study.toml has changed since. Run {made_by} again."
        )
    return forest


def _fitted_to(forest: Forest, study: Study, training: pd.DataFrame) -> bool:
    settings, used = study.forest, forest.model.get_params()
    same = forest.names == tuple(settings.predictors) and (
        used["n_estimators"] == settings.n_trees
        and used["min_samples_leaf"] == settings.min_samples_leaf
        and used["max_features"] == settings.max_features
        and used["random_state"] == study.about.seed
        and np.array_equal(forest.temperature_c, training["t15_c"])
        and np.array_equal(forest.predictors, training[settings.predictors])
    )
    if not same:
        return False
    weight = fit_weights(study, training)
    return np.allclose(forest.sample_weight, 1.0 if weight is None else weight)


def applicability_domain(
    study: Study, training: pd.DataFrame, folds: NDArray, importance: pd.DataFrame
) -> ApplicabilityDomain:
    """Area of applicability of the study's model.

    Predictors count by their mean absolute Shapley value (table of ``importance.csv``: predictor,
    mean_absolute_c): a place may differ in what the forest hardly uses.
    """
    weights = importance.set_index("predictor")["mean_absolute_c"]
    return ApplicabilityDomain(training[study.forest.predictors], weights, folds)


def coarse_sample(covariates: xr.Dataset, n_cells: int = 60_000) -> xr.Dataset:
    """Every so many-th cell of the grid, so that about ``n_cells`` remain; a picture of the map."""
    step = max(int(np.sqrt(covariates.sizes["x"] * covariates.sizes["y"] / n_cells)), 1)
    return covariates.isel(x=slice(step // 2, None, step), y=slice(step // 2, None, step))


def frozen_share(temperature: xr.DataArray) -> float:
    """Share of the cells with a value that are at or below 0 deg C."""
    return float((temperature <= 0).sum() / temperature.count())


def error_against_truth(result: xr.Dataset, truth: xr.DataArray) -> dict[str, Any]:
    """True error of a map, which only a virtual study can know: RMSE and bias, deg C.

    Over all cells, and inside and outside the area of applicability; with the share of cells
    whose truth lies inside the outermost quantiles (``coverage``).
    """
    error = (result["t15"] - truth).to_numpy()
    inside = result["inside_area_of_applicability"].to_numpy() == 1
    low, high = result["t15_quantile"].isel(quantile=[0, -1]).to_numpy()
    covered = (low <= truth.to_numpy()) & (truth.to_numpy() <= high)
    known = np.isfinite(error)
    return {
        name: {
            "cells": int(here.sum()),
            "rmse": float(np.sqrt(np.mean(error[here] ** 2))) if here.any() else np.nan,
            "bias": float(np.mean(error[here])) if here.any() else np.nan,
            "coverage": float(np.mean(covered[here])) if here.any() else np.nan,
        }
        for name, here in (
            ("whole map", known),
            ("inside", known & inside),
            ("outside", known & ~inside),
        )
    }
