"""One virtual survey: what the program says about its error, and what the error is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from helpers import validation
from helpers.boreholes import check_boreholes, site_temperatures
from helpers.covariates import training_table
from helpers.mapping import predict_map
from helpers.products import simulated_areas
from helpers.products.area_rows import cell_area
from helpers.settings import PERMAFROST
from helpers.shapley import mean_absolute, site_shapley
from helpers.study import Study
from helpers.terrain import cell_size
from helpers.validation import goals
from helpers.virtual.files import survey_records
from helpers.virtual.survey import draw_holes

BINS = 5


class World(NamedTuple):
    """What all surveys share.

    Attributes
    ----------
    study
        Settings, and the seed of the truth.
    covariates, truth
        On the study grid: the layers and the true temperature, deg C (y, x).
    towns
        Ends of the roads along which holes are drilled.
    sample, sample_truth
        Every so many-th cell of both, on which maps are predicted and judged.

    """

    study: Study
    covariates: xr.Dataset
    truth: xr.DataArray
    towns: pd.DataFrame
    sample: xr.Dataset
    sample_truth: xr.DataArray


class Assessment(NamedTuple):
    """What was found of one survey: numbers by name, and a row for each bin of dissimilarity."""

    row: dict[str, Any]
    profile: pd.DataFrame


def drawn_sites(world: World, seed: int) -> pd.DataFrame:
    """Draw a survey, check it and bring it to depth: the training table, as notebooks 01 and 02."""
    elevation = world.covariates["elevation"]
    holes = draw_holes(world.truth, elevation, world.towns, world.study, seed)
    data, _ = survey_records(holes, seed)
    checked = check_boreholes(data, world.study, elevation=elevation)
    sites, _ = site_temperatures(checked, world.study)
    return training_table(sites, world.covariates, world.study)


def assess_survey(world: World, seed: int) -> Assessment:
    """Run the chain on one survey, and compare what it says of its error with the truth.

    Returns
    -------
    row
        survey (the seed), n_sites; the RMSE of every cross-validation design (deg C); true_inside,
        true_outside and true_whole (deg C); expected_inside ... by the error model (deg C);
        share_inside of the map; covered_... and raw_covered_...: share of the cells whose truth
        lies in the calibrated and in the forest's own 90 % interval; area_lower, area_median,
        area_upper, area_of_mean, true_area (10^4 km2).
    profile
        survey, bin (1 to 5, of equal numbers of cells by rising dissimilarity), dissimilarity
        (mean), expected and true RMSE (deg C).

    """
    study, training = world.study, drawn_sites(world, seed)
    points = validation.prediction_points(study, world.covariates)
    knndm = validation.knndm_folds(study, training, points).folds
    random = validation.repeated_random_folds(study, training)[0]
    folds = pd.DataFrame({"random_0": random, "knndm": knndm})
    forest = validation.fit_study_forest(study, training)
    importance = mean_absolute(site_shapley(forest, training))
    domain = validation.applicability_domain(study, training, knndm, importance)
    model, _ = validation.study_error_model(study, training, domain, knndm, progress=False)
    result = predict_map(
        forest,
        world.sample,
        study.forest.quantiles,
        domain=domain,
        error_model=model,
        workers=1,
        progress=False,
    )
    designs, _ = validation.study_designs(study, training, world.covariates, folds)
    row = {"survey": seed, "n_sites": len(training)}
    row |= _design_errors(study, training, designs)
    row |= _true_errors(study, result, world.sample_truth)
    row |= _areas(study, result, model, world.sample_truth)
    return Assessment(row, _profile(result, world.sample_truth).assign(survey=seed))


def _design_errors(study: Study, training: pd.DataFrame, designs: dict) -> dict[str, float]:
    """RMSE that each design reports, deg C."""
    errors = {}
    for name, design in designs.items():
        held_out = validation.hold_out(study, training, design.splits, progress=False)
        squared = (held_out["predicted"] - held_out["observed"]) ** 2
        errors[name] = float(np.sqrt(np.average(squared, weights=design.weight)))
    return errors


def _true_errors(study: Study, result: xr.Dataset, truth: xr.DataArray) -> dict[str, float]:
    """True and expected RMSE and coverage, over the map, inside and outside."""
    found = validation.error_against_truth(result, truth)
    row = {"share_inside": found["inside"]["cells"] / found["whole map"]["cells"]}
    for where, numbers in found.items():
        name = where.split()[0]
        row[f"true_{name}"] = numbers["rmse"]
        row[f"expected_{name}"] = numbers["expected_rmse"]
        row[f"covered_{name}"] = numbers["calibrated_coverage"]
        row[f"raw_covered_{name}"] = numbers["coverage"]
    return row


def _areas(study: Study, result: xr.Dataset, model: Any, truth: xr.DataArray) -> dict[str, float]:
    """Interval of the area of permafrost, and its true value, 10^4 km2."""
    simulated = simulated_areas(study, result, model, level=goals.LEVEL).loc[PERMAFROST]
    known = result["t15"].notnull().to_numpy()
    # The study's cells are smaller than those of the sample.
    larger = (cell_size(result) / study.grid.resolution_m) ** 2
    counted = {
        "area_lower": simulated["lower"],
        "area_median": simulated["simulated_median"],
        "area_upper": simulated["upper"],
        "area_of_mean": int((result["t15"] <= 0).sum()) * cell_area(study),
        "true_area": int((truth.to_numpy()[known] <= 0).sum()) * cell_area(study),
    }
    return {name: float(area) * larger for name, area in counted.items()}


def _profile(result: xr.Dataset, truth: xr.DataArray) -> pd.DataFrame:
    """Expected and true RMSE in bins of dissimilarity with equal numbers of cells."""
    known = result["t15"].notnull().to_numpy()
    names = ["t15", "dissimilarity_index", "expected_error"]
    cells = pd.DataFrame({name: result[name].to_numpy()[known] for name in names})
    squared = {
        "expected": cells["expected_error"] ** 2,
        "true": (cells["t15"] - truth.to_numpy()[known]) ** 2,
    }
    cells = cells.assign(**squared, bin=_bins(cells["dissimilarity_index"].to_numpy()))
    table = cells.groupby("bin")[["dissimilarity_index", "expected", "true"]].mean()
    table[["expected", "true"]] = np.sqrt(table[["expected", "true"]])
    return table.rename(columns={"dissimilarity_index": "dissimilarity"}).reset_index()


def _bins(dissimilarity: NDArray) -> NDArray:
    """Bin of each cell, 1 to ``BINS``, by its rank."""
    rank = np.argsort(np.argsort(dissimilarity, kind="stable"), kind="stable")
    return rank * BINS // len(rank) + 1
