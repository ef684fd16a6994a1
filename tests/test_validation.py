import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers import validation
from helpers.applicability import ApplicabilityDomain
from helpers.covariates import training_table
from helpers.folds import knndm, nearest_neighbour_distances
from helpers.held_out import cross_validated
from helpers.mapping import predict_map
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
    mapped = covariates["TDD"].notnull()
    np.testing.assert_array_equal(validation.regular_sample(mapped, study), points)
    n = int(mapped.sum())
    for wanted, at_least in ((n // 9, 0.9), (n // 4, 0.9), (n // 3, 0.9), (n, 1.0), (9 * n, 0.1)):
        few = study.changed(validation={"n_prediction_points": wanted})
        taken = len(validation.regular_sample(mapped, few)) / wanted
        assert at_least <= taken < 4.1 and taken * wanted <= n


@pytest.mark.parametrize("shape", [(2, 20_000), (20_000, 2), (5, 40_000), (1, 300)])
def test_a_map_narrower_than_the_steps_is_sampled_along_it(study, shape):
    axes = {name: 1000.0 * np.arange(size) for name, size in zip("yx", shape, strict=True)}
    narrow = xr.DataArray(np.ones(shape, bool), axes, ("y", "x"))
    points = validation.regular_sample(narrow, study)
    wanted = min(study.validation.n_prediction_points, narrow.size)
    assert wanted / 2 <= len(points) <= 4 * wanted
    assert len(np.unique(points, axis=0)) == len(points)
    middle = [narrow[axis].mean() for axis in "xy"]
    np.testing.assert_allclose(points.mean(axis=0), middle, rtol=0.01, atol=1000)


def test_random_folds_differ_between_repeats_and_return_with_the_seed(study, study_folder):
    training = pd.DataFrame({"x": range(40)})
    first = validation.repeated_random_folds(study, training)
    assert len(first) == 2, "a first look repeats at most twice"
    whole = load_study(study_folder)
    assert len(validation.repeated_random_folds(whole, training)) == whole.validation.n_repeats == 5
    assert not np.array_equal(first[0], first[1])
    again = validation.repeated_random_folds(study, training)
    np.testing.assert_array_equal(first, again)


def test_knndm_takes_its_settings_from_the_study(study, covariates):
    rng = np.random.default_rng(0)
    points = validation.prediction_points(study, covariates)
    xy = points[0] + rng.normal(0, 20_000, (60, 2))
    training = pd.DataFrame(xy, columns=["x", "y"])
    found = validation.knndm_folds(study, training, points)
    expected = knndm(xy, points, 5, 0.5, "ward", study.about.seed)
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


def test_the_record_names_every_design_its_distances_and_the_repeats(study, held_out):
    scores = {name: validation.design_scores(study, held_out) for name in ("random", "knndm")}
    table = pd.DataFrame({"w_km": [9.0, 4.0], "n_folds": [5, 5]}, index=["random", "knndm"])
    found = validation.validation_record(50, scores, table, [0.1, 0.2], truth=None)
    assert set(found["designs"]) == {"random", "knndm"} and found["n_sites"] == 50
    assert found["designs"]["random"]["rmse_of_repeats"] == [0.1, 0.2]
    assert found["designs"]["knndm"]["w_km"] == 4
    assert found["truth"] is None and found["headline"] == "knndm"


def test_calibrated_scores_stand_beside_those_of_the_forest(study, held_out):
    wide = held_out.assign(q05=held_out["observed"] + 1, q95=held_out["observed"] + 2, pit=0.0)
    found = validation.design_scores(study, held_out.assign(pit=0.5), wide)
    assert found["interval"]["coverage"] == 1 and found["calibrated_interval"]["coverage"] == 0
    for kind in ("intervals", "probability", "pinball", "pit"):
        assert set(found[kind]) == {"raw", "calibrated"}
    assert found["pit"]["calibrated"]["mean"] == 0


def test_errors_are_resampled_by_fold_only_where_a_fold_holds_several_sites(study, held_out):
    in_folds = validation.design_scores(study, held_out.assign(fold=np.arange(50) % 5))
    alone = validation.design_scores(study, held_out.assign(fold=np.arange(50)))
    assert "rmse_group_interval" in in_folds["regression"]
    assert "rmse_group_interval" not in alone["regression"]


@pytest.fixture(scope="module")
def survey(study, covariates, embedded_survey):
    """Sites of the embedded study, some of which share a cell of 20 km, and their folds."""
    training = training_table(embedded_survey.sites, covariates, study)
    points = validation.prediction_points(study, covariates)
    folds = {
        "random_0": validation.repeated_random_folds(study, training)[0],
        "knndm": validation.knndm_folds(study, training, points).folds,
    }
    return training, pd.DataFrame(folds), points


def test_every_design_tests_every_site_once(study, covariates, survey):
    training, folds, points = survey
    designs, left_out = validation.study_designs(study, training, covariates, folds)
    assert not left_out
    assert list(designs) == list(validation.DESIGNS)
    for design in designs.values():
        tested = np.concatenate([test for _, test in design.splits])
        np.testing.assert_array_equal(np.sort(tested), np.arange(len(training)))
    assert designs["intensity"].weight.mean() == pytest.approx(1)
    np.testing.assert_array_equal(designs["knndm"].fold, folds["knndm"])
    _, to_map = nearest_neighbour_distances(training[["x", "y"]], points)
    table = validation.design_table(study, designs, training, to_map)
    assert "same grid cell" in " ".join(table.loc["leave_one_out", "warnings"])
    assert table["n_folds"].to_dict()["nndm"] == len(training)
    assert table.loc["nndm", "w_km"] < table.loc["knndm", "w_km"] < table.loc["random", "w_km"]
    curves, w = validation.distance_curves(training, designs, to_map)
    assert list(curves) == ["map to sites", *designs] and w["nndm"] > 0


def test_designs_are_compared_by_error_and_distance(study, survey, held_out):
    table = pd.DataFrame({"w_km": [9.0], "median_km": [3.0], "n_folds": [5], "warnings": [[]]})
    table.index = ["blocks"]
    scores = {"blocks": validation.design_scores(study, held_out)}
    found = validation.comparison_of_designs(scores, table)
    assert found.loc["blocks"].to_dict() == {
        "rmse": 0, "rmse_lower": 0, "rmse_upper": 0, "w_km": 9, "median_km": 3, "n_folds": 5,
    }  # fmt: skip


def test_held_out_sites_have_the_levels_of_all_intervals(study, survey):
    training, folds, _ = survey
    found = validation.hold_out(study, training, folds["knndm"], n_trees=5, progress=False)
    assert {"q02.5", "q97.5", "q10", "q90", "pit"} <= set(found)
    settings = validation.forest_settings(study) | {"n_trees": 5}
    expected = cross_validated(
        training[study.forest.predictors],
        training["t15_c"],
        folds["knndm"],
        quantiles=validation.levels_of(study),
        progress=False,
        **settings,
    )
    pd.testing.assert_frame_equal(found.drop(columns="site"), expected)


@pytest.fixture(scope="module")
def errors(study, survey):
    training, folds, _ = survey
    predictors = study.forest.predictors
    importance = pd.DataFrame({"predictor": predictors, "mean_absolute_c": 1.0})
    domain = validation.applicability_domain(study, training, folds["knndm"], importance)
    model, pairs = validation.study_error_model(
        study, training, domain, folds["knndm"], progress=False
    )
    return domain, model, pairs


def test_the_error_model_of_a_study_is_read_back_for_what_it_was_made_of_only(
    study_folder, survey, errors
):
    study = load_study(study_folder, resolution_m=20_000, n_trees=20)
    (training, folds, _), (domain, model, _) = survey, errors
    model.save(study.interim_dir / "error_model.json")
    loaded = validation.load_study_error_model(study, training, domain, folds["knndm"])
    np.testing.assert_array_equal(loaded.residuals, model.residuals)
    other_domain = ApplicabilityDomain(training[study.forest.predictors], [1, 2, 3])
    for changed in (
        (study, training.assign(t15_c=training["t15_c"] + 0.1), domain, folds["knndm"]),
        (study, training.assign(x=training["x"] + 1e5), domain, folds["knndm"]),
        (study, training, domain, folds["random_0"]),
        (study, training, other_domain, folds["knndm"]),
        (with_forest(study, min_samples_leaf=9), training, domain, folds["knndm"]),
        (with_forest(study, weights="standard_error"), training, domain, folds["knndm"]),
    ):
        with pytest.raises(ContractError, match=r"error_model\.json: made of other sites"):
            validation.load_study_error_model(*changed)


def test_designs_that_the_sites_do_not_allow_are_left_out_with_the_reason(
    study, covariates, survey
):
    training, folds, _ = survey
    near = training.assign(x=1.2e6 + training.index * 100.0, y=5.6e6 + training.index * 90.0)
    designs, left_out = validation.study_designs(study, near, covariates, folds)
    assert set(left_out) >= {"blocks"} and "knndm" in designs and "random" in designs
    assert "spatial blocks left out" in left_out["blocks"]


def test_what_is_to_be_expected_of_a_map(study, covariates, survey, errors):
    training, domain, model = survey[0], *errors[:2]
    forest = validation.fit_study_forest(study, training)
    result = predict_map(forest, covariates, domain=domain, error_model=model, progress=False)
    found = validation.applicability_record(result, domain)
    assert found["threshold"] == domain.threshold and 0 < found["share_inside"] < 1
    assert found["expected_error_inside_c"] < found["expected_error_outside_c"]
    cells = validation.cell_table(result, covariates[study.forest.predictors], most=500)
    assert 250 < len(cells) <= 500 and cells["doubt"].between(0, 20).all()
    p = result["permafrost_probability_calibrated"].sel(
        x=cells.x.to_xarray(), y=cells.y.to_xarray()
    )
    assert (cells["doubt"] > 0).equals(pd.Series(((p > 0.05) & (p < 0.95)).to_numpy()))
    assert cells["TDD"].notna().all()
    truth = result["t15"] - 1
    known = validation.map_errors(result, truth)
    np.testing.assert_allclose(known["error"], 1, atol=1e-5)
    whole = validation.error_against_truth(result, truth)["whole map"]
    assert whole["expected_rmse"] == pytest.approx(
        np.sqrt((known["expected_error"].astype(float) ** 2).mean())
    )
    assert 0 <= whole["calibrated_coverage"] <= 1


def test_places_get_their_degrees_back(study):
    x, y = study.to_grid.transform([120.0, 125.5], [50.0, 45.25])
    found = validation.with_degrees(study, pd.DataFrame({"x": x, "y": y}))
    assert found["longitude"].tolist() == [120, 125.5] and found["latitude"].tolist() == [50, 45.25]


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
        *sites,
        folds,
        quantiles=validation.levels_of(study),
        standard_error_c=training["standard_error_c"],
        progress=False,
        **settings,
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
