import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers import validation
from helpers.folds import knndm


@pytest.fixture(scope="module")
def held_out(study):
    """A perfect model with an interval of half a degree each way."""
    observed = np.linspace(-4, 3, 50)
    table = pd.DataFrame({"observed": observed, "predicted": observed})
    table["probability"] = (observed <= 0).astype(float)
    names = ["q05", "q25", "q50", "q75", "q95"]
    for name, offset in zip(names, [-0.5, -0.2, 0, 0.2, 0.5], strict=True):
        table[name] = observed + offset
    return table


def test_a_perfect_model_scores_perfectly(study, held_out):
    found = validation.design_scores(study, held_out)
    assert found["regression"]["rmse"] == 0
    assert found["frozen"]["overall_accuracy"] == found["classes"]["overall_accuracy"] == 1
    assert found["interval"]["coverage"] == 1 and found["interval"]["nominal"] == 0.9
    assert found["brier"] == 0


def test_a_temperature_of_zero_counts_as_frozen(study, held_out):
    table = held_out.assign(observed=0.0, predicted=-0.1, q05=-0.2, q95=0.1, probability=1.0)
    found = validation.design_scores(study, table.iloc[[0, 1]])
    assert found["frozen"]["overall_accuracy"] == 1


def test_prediction_points_are_a_regular_sample_of_the_mapped_cells(study, covariates):
    points = validation.prediction_points(study, covariates)
    assert len(points) >= study.validation.n_prediction_points
    known = covariates["TDD"].notnull().to_numpy()
    x, y = (a[known] for a in np.meshgrid(covariates.x, covariates.y))
    cells = set(zip(x, y, strict=True))
    assert set(map(tuple, points)) <= cells
    assert np.abs(points.mean(axis=0) - [x.mean(), y.mean()]).max() < 10_000


def test_random_folds_differ_between_repeats_and_return_with_the_seed(study):
    training = pd.DataFrame({"x": range(40)})
    first = validation.repeated_random_folds(study, training)
    assert len(first) == study.validation.n_repeats
    assert not np.array_equal(first[0], first[1])
    again = validation.repeated_random_folds(study, training)
    np.testing.assert_array_equal(first, again)


def test_knndm_takes_its_settings_from_the_study(study, covariates):
    rng = np.random.default_rng(0)
    points = validation.prediction_points(study, covariates)
    xy = points[0] + rng.normal(0, 20_000, (60, 2))
    training = pd.DataFrame(xy, columns=["x", "y"])
    found = validation.knndm_folds(study, training, points)
    expected = knndm(xy, points, 10, 0.5, "ward", study.about.seed)
    np.testing.assert_array_equal(found.folds, expected.folds)


def test_a_coarse_sample_keeps_every_layer_and_about_the_number_of_cells(covariates):
    sample = validation.coarse_sample(covariates, 1000)
    assert list(sample.data_vars) == list(covariates.data_vars)
    assert 500 < sample.sizes["x"] * sample.sizes["y"] < 2000


def test_error_against_truth_of_a_known_case():
    """Errors 1, 1 inside and 3 outside: RMSE sqrt(11 / 3), 1 and 3; the last is not covered."""
    layer = {"t15": [[1.0, 1.0, 3.0, np.nan]], "inside_area_of_applicability": [[1, 1, 0, np.nan]]}
    result = xr.Dataset({k: (("y", "x"), v) for k, v in layer.items()})
    low_high = np.array([[[-1.0, -1, 2, 0]], [[1.0, 1, 4, 0]]])
    result["t15_quantile"] = (("quantile", "y", "x"), low_high)
    found = validation.error_against_truth(result, xr.zeros_like(result["t15"]))
    assert found["whole map"]["rmse"] == pytest.approx(np.sqrt(11 / 3))
    assert found["inside"] == pytest.approx({"cells": 2, "rmse": 1, "bias": 1, "coverage": 1})
    assert found["outside"] == pytest.approx({"cells": 1, "rmse": 3, "bias": 3, "coverage": 0})
