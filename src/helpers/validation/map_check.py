"""Where the forest of a study may be used, and, if its truth is known, how wrong its map is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from helpers.applicability import ApplicabilityDomain
from helpers.storage import ContractError
from helpers.study import Study


def applicability_domain(
    study: Study, training: pd.DataFrame, folds: NDArray, importance: pd.DataFrame
) -> ApplicabilityDomain:
    """Area of applicability of the study's model.

    Predictors count by their mean absolute Shapley value (table of ``importance.csv``: predictor,
    mean_absolute_c): a place may differ in what the forest hardly uses.

    Raises
    ------
    ContractError
        If a predictor is not there exactly once, an importance is no number from 0 on or all are
        0, or a predictor is the same at all sites.

    """
    names = study.forest.predictors
    weights = importance.set_index("predictor")["mean_absolute_c"]
    found = sorted(map(str, weights.index))
    if found != sorted(names) or not (np.isfinite(weights) & (weights >= 0)).all():
        raise ContractError(
            f"{study.interim_dir / 'importance.csv'}: {weights.to_dict()} for {', '.join(found)}; "
            f"one mean_absolute_c from 0 on is needed for each of {', '.join(names)}. Run notebook "
            "04_shap_importance again."
        )
    try:
        return ApplicabilityDomain(training[names], weights, folds)
    except ValueError as error:
        raise ContractError(
            f"{study.interim_dir}: area of applicability from training.csv, folds.csv and "
            f"importance.csv: {error} Then run notebooks 02_covariates to 04_shap_importance again."
        ) from error


def coarse_sample(covariates: xr.Dataset, n_cells: int = 60_000) -> xr.Dataset:
    """Every so many-th cell of the grid, so that about ``n_cells`` remain; a picture of the map."""
    step = max(int(np.sqrt(covariates.sizes["x"] * covariates.sizes["y"] / n_cells)), 1)
    return covariates.isel(x=slice(step // 2, None, step), y=slice(step // 2, None, step))


def frozen_share(temperature: xr.DataArray) -> float:
    """Share of the cells with a value that are at or below 0 deg C."""
    return float((temperature <= 0).sum() / temperature.count())


def applicability_record(result: xr.Dataset, domain: ApplicabilityDomain) -> dict[str, float]:
    """Threshold, share of the map inside, and the error to be expected inside and outside, deg C.

    ``result`` is a map with a domain and an error model. NaN where no cell is.
    """
    known = np.isfinite(result["t15"].to_numpy())
    inside = result["inside_area_of_applicability"].to_numpy() == 1
    expected = result["expected_error"].to_numpy()
    return {
        "threshold": domain.threshold,
        "share_inside": float(inside[known].mean()),
        "expected_error_inside_c": _root_mean_square(expected[known & inside]),
        "expected_error_outside_c": _root_mean_square(expected[known & ~inside]),
    }


def cell_table(result: xr.Dataset, covariates: xr.Dataset, most: int) -> pd.DataFrame:
    """At most so many mapped cells, evenly spread, of a map with an error model.

    Columns x, y (m), the covariates, and doubt: expected error (deg C) times 4 p (1 - p), where p
    is the calibrated probability of permafrost. It is 0 where frozen or not is decided: where p
    is below 0.05 or above 0.95, so that a large expected error alone draws no borehole.
    """
    rows, columns = np.nonzero(result["t15"].notnull().to_numpy())
    every = -(-len(rows) // most)
    rows, columns = rows[::every], columns[::every]
    values = {name: layer.to_numpy()[rows, columns] for name, layer in covariates.items()}
    names = ("expected_error", "permafrost_probability_calibrated")
    expected, probability = (result[name].to_numpy()[rows, columns] for name in names)
    undecided = (probability > 0.05) & (probability < 0.95)
    values["doubt"] = np.where(undecided, expected * 4 * probability * (1 - probability), 0.0)
    return pd.DataFrame({"x": result.x.values[columns], "y": result.y.values[rows], **values})


def with_degrees(study: Study, places: pd.DataFrame) -> pd.DataFrame:
    """Places (x, y, m) with their longitude and latitude, degrees (WGS 84)."""
    longitude, latitude = study.to_grid.transform(places["x"], places["y"], direction="INVERSE")
    return places.assign(longitude=np.round(longitude, 3), latitude=np.round(latitude, 3))


def map_errors(result: xr.Dataset, truth: xr.DataArray) -> pd.DataFrame:
    """Mapped cells: dissimilarity, error and expected_error, deg C; see error_against_truth."""
    known = np.isfinite((result["t15"] - truth).to_numpy())
    return pd.DataFrame(
        {
            "dissimilarity": result["dissimilarity_index"].to_numpy()[known],
            "error": (result["t15"] - truth).to_numpy()[known],
            "expected_error": result["expected_error"].to_numpy()[known],
        }
    )


def error_against_truth(result: xr.Dataset, truth: xr.DataArray) -> dict[str, dict[str, float]]:
    """True error of a map, which only a virtual study can know, over all cells, inside and outside.

    Parameters
    ----------
    result
        Of :func:`helpers.mapping.predict_map` with a domain and, if there is one, an error model.
    truth
        On the same cells, deg C.

    Returns
    -------
    For ``whole map``, ``inside`` and ``outside`` the area of applicability: cells, rmse and bias
    (deg C), coverage (share of the cells whose truth lies within the outermost quantiles), and with
    an error model expected_rmse (deg C) and calibrated_coverage.

    """
    numbers = {"error": (result["t15"] - truth).to_numpy()}
    numbers["covered"] = _covered(result["t15_quantile"], truth)
    if "expected_error" in result:
        numbers["expected"] = result["expected_error"].to_numpy()
        numbers["calibrated"] = _covered(result["t15_calibrated_quantile"], truth)
    inside = result["inside_area_of_applicability"].to_numpy() == 1
    known = np.isfinite(numbers["error"])
    parts = {"whole map": known, "inside": known & inside, "outside": known & ~inside}
    return {
        name: _error_of_part({n: v[part] for n, v in numbers.items()})
        for name, part in parts.items()
    }


def _covered(quantiles: xr.DataArray, truth: xr.DataArray) -> NDArray:
    """Where the truth lies within the outermost quantiles."""
    low, high = quantiles.isel(quantile=[0, -1]).to_numpy()
    return (low <= truth.to_numpy()) & (truth.to_numpy() <= high)


def _error_of_part(numbers: dict[str, NDArray]) -> dict[str, float]:
    """Scores of the cells of one part of the map; NaN if it has none."""
    error = numbers["error"]
    names = {"covered": "coverage", "calibrated": "calibrated_coverage"}
    found = {"cells": int(error.size), "rmse": _root_mean_square(error), "bias": _mean(error)}
    found |= {names[n]: _mean(numbers[n]) for n in names if n in numbers}
    if "expected" in numbers:
        found["expected_rmse"] = _root_mean_square(numbers["expected"])
    return found


def _mean(values: NDArray) -> float:
    return float(values.mean()) if values.size else np.nan


def _root_mean_square(values: NDArray) -> float:
    return float(np.sqrt(_mean(values.astype(float) ** 2)))
