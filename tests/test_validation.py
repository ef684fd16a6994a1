import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers import validation
from helpers.folds import knndm
from helpers.held_out import cross_validated
from helpers.storage import ContractError
from helpers.study import load_study
from helpers.weights import standard_error_weights


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


def test_distance_to_the_map_is_in_kilometres():
    """Two pairs 10 km apart, 100 km between the pairs; the map lies 50 km from a site."""
    training = pd.DataFrame({"x": [0.0, 10e3, 110e3, 120e3], "y": 0.0})
    found = validation.distance_to_map(training, np.array([0, 0, 1, 1]), np.array([50e3]))
    assert found == pytest.approx({"w_km": (110 + 100 + 100 + 110) / 4 - 50, "median_km": 105})


def test_importance_weighs_the_predictors_of_the_domain(study, covariates):
    rng = np.random.default_rng(1)
    predictors = study.forest.predictors
    training = pd.DataFrame(rng.normal(size=(20, 3)), columns=predictors)
    importance = pd.DataFrame({"predictor": predictors, "mean_absolute_c": [0.0, 1.0, 0.0]})
    domain = validation.applicability_domain(study, training, np.arange(20) % 4, importance)
    near = training.assign(PRE=100.0, TPI=-50.0)
    np.testing.assert_allclose(domain.dissimilarity(near), 0, atol=1e-12)


def test_the_record_names_both_designs_and_every_repeat(study, held_out):
    training = pd.DataFrame(np.random.default_rng(0).uniform(0, 1e5, (50, 2)), columns=["x", "y"])
    names = ["random_0", "random_1", "knndm"]
    folds = pd.DataFrame({name: np.arange(50) % 5 for name in names})
    designs = {name: validation.design_scores(study, held_out) for name in names}
    found = validation.validation_record(training, folds, designs, np.array([1e4]), truth=None)
    assert set(found["designs"]) == {"random", "knndm"} and found["n_sites"] == 50
    assert found["designs"]["random"]["rmse_of_repeats"] == [0, 0]
    assert found["truth"] is None


@pytest.fixture
def training():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(12, 3)), columns=["PRE", "TDD", "TPI"])
    return table.assign(
        site=[f"site{i}" for i in range(12)],
        t15_c=table["TDD"] + rng.normal(0, 0.3, 12),
        standard_error_c=np.linspace(0.05, 1, 12),
    )


def with_forest(study, **settings):
    """The study with other settings of the forest, in the same folders."""
    changed = study.model_copy(update={"forest": study.forest.model_copy(update=settings)})
    changed._file, changed._variant = study._file, study._variant
    return changed


def test_weights_are_off_unless_the_study_asks_for_them(study, training):
    assert study.forest.weights == "none"
    assert validation.fit_weights(study, training) is None
    assert (validation.fit_study_forest(study, training).sample_weight == 1).all()
    without = training.drop(columns="standard_error_c")
    np.testing.assert_array_equal(
        validation.fit_study_forest(study, without).predict(training),
        validation.fit_study_forest(study, training).predict(training),
    )


def test_every_fit_of_a_study_uses_its_weights(study, training):
    study, folds = with_forest(study, weights="standard_error"), np.arange(12) % 3
    settings = validation.forest_settings(study)
    sites = training[study.forest.predictors], training["t15_c"]
    weight = standard_error_weights(*sites, training["standard_error_c"], **settings)
    forest = validation.fit_study_forest(study, training)
    np.testing.assert_array_equal(forest.sample_weight, weight)
    held_out = validation.hold_out(study, training, folds)
    expected = cross_validated(
        *sites, folds, standard_error_c=training["standard_error_c"], progress=False, **settings
    )
    pd.testing.assert_frame_equal(held_out.drop(columns="site"), expected)


def test_a_forest_of_other_weights_is_refused(study_folder, training):
    off = load_study(study_folder, resolution_m=50_000, n_trees=20)
    on = with_forest(off, weights="standard_error")
    for study, other in ((off, on), (on, off)):
        fitted = validation.fit_study_forest(study, training)
        fitted.save(study.interim_dir / "forest.skops")
        loaded = validation.load_study_forest(study, training)
        np.testing.assert_array_equal(loaded.sample_weight, fitted.sample_weight)
        with pytest.raises(ContractError, match=r"fit weights .* to .*has changed since"):
            validation.load_study_forest(other, training)
    validation.fit_study_forest(on, training).save(on.interim_dir / "forest.skops")
    with pytest.raises(ContractError, match="has changed since"):
        validation.load_study_forest(on, training.assign(standard_error_c=0.1))


def test_a_forest_fitted_to_something_else_is_refused(study_folder, training):
    study = load_study(study_folder, resolution_m=50_000, n_trees=5)
    forest = validation.fit_study_forest(study, training)
    forest.save(study.interim_dir / "forest.skops")
    assert validation.load_study_forest(study, training).names == ("PRE", "TDD", "TPI")
    with pytest.raises(ContractError, match=r"training table or study\.toml has changed.*Run"):
        validation.load_study_forest(study, training.assign(t15_c=0.0))
    for changed in ({"n_trees": 6}, {"min_samples_leaf": 3}, {"max_features": 0.5}):
        with pytest.raises(ContractError, match="with 5 trees"):
            validation.load_study_forest(with_forest(study, **changed), training)


def test_frozen_share_counts_cells_with_a_value():
    assert validation.frozen_share(xr.DataArray([-1.0, 0.0, 1.0, 2.0, np.nan])) == 0.5
