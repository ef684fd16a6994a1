import numpy as np
import pandas as pd
import pytest

from helpers.baselines import (
    BASELINES,
    Split,
    available_baselines,
    baseline_predictions,
    kriging_verdict,
    skill_table,
)
from helpers.baselines.models import column_of, ttop_with_fixed_factors
from helpers.climate import top_of_permafrost_temperature as ttop_with_any_factors
from helpers.folds import design_of, random_folds
from helpers.residuals import Variogram, simulate_fields
from helpers.storage import ContractError
from helpers.study import load_study

SETTINGS = {"n_trees": 20, "min_samples_leaf": 2, "max_features": 0.67, "seed": 0}
NAMES = [baseline.name for baseline in BASELINES]


def sites(study, n=60, seed=0):
    """Sites anywhere in the box of the study, with covariates that no place explains."""
    rng, area = np.random.default_rng(seed), study.area
    longitude, latitude = rng.uniform(area.west, area.east, n), rng.uniform(45, area.north, n)
    x, y = study.to_grid.transform(longitude, latitude)
    table = pd.DataFrame({"site": [f"S{i}" for i in range(n)], "x": x, "y": y})
    table["t15_c"], table["standard_error_c"] = rng.normal(-1, 2, n), rng.uniform(0.05, 0.3, n)
    for name in study.covariates:
        table[name] = rng.normal(size=n)
    table["TDD"], table["FDD"] = rng.uniform(1500, 3000, n), rng.uniform(2000, 4000, n)
    return table.assign(latitude=latitude)


@pytest.fixture(scope="module")
def table(study):
    return sites(study)


def rmse(predictions, model):
    return np.sqrt(np.mean((predictions[model] - predictions["observed"]) ** 2))


def only(*names):
    return [baseline for baseline in BASELINES if baseline.name in names]


def test_every_model_predicts_every_site_of_every_design(study, table):
    folds = {"random": random_folds(60, 3), "halves": np.arange(60) % 2}
    found = baseline_predictions(study, table, folds, SETTINGS, progress=False)
    assert list(found.columns) == ["design", "site", "fold", "weight", "observed", *NAMES]
    assert found["design"].tolist() == ["random"] * 60 + ["halves"] * 60
    assert found["site"].tolist() == [*table["site"]] * 2
    assert np.isfinite(found[NAMES]).all(axis=None)
    np.testing.assert_array_equal(found["fold"][60:], np.arange(60) % 2)


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(study, table):
    run = [
        baseline_predictions(study, table, {"a": np.arange(60) % 2}, s, progress=False)
        for s in (SETTINGS, SETTINGS, SETTINGS | {"seed": 1})
    ]
    pd.testing.assert_frame_equal(run[0], run[1])
    assert not np.allclose(run[0]["forest"], run[2]["forest"])


def test_temperatures_of_held_out_sites_change_nothing(study, table):
    """The sites of fold 1 get other temperatures; what is predicted for them stays."""
    fold = np.arange(60) % 2
    other = table.assign(t15_c=table["t15_c"].where(fold == 0, 99.0))
    one, two = (
        baseline_predictions(study, t, {"a": fold}, SETTINGS, progress=False)[fold == 1]
        for t in (table, other)
    )
    pd.testing.assert_frame_equal(one[NAMES], two[NAMES])
    split = Split.of(study, table, (np.arange(30), np.arange(30, 60)), SETTINGS)
    assert not {"t15_c", "standard_error_c"} & set(split.test.columns)


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        ("elevation and latitude", ["elevation", "latitude"]),
        ("air temperature", ["MAAT"]),
        ("linear trend", ["PRE", "TDD", "TPI"]),
    ],
)
def test_a_regression_is_perfect_on_ground_that_follows_it(study, table, model, columns):
    straight = table.assign(t15_c=(table[columns] * [0.5, -0.2, 0.3][: len(columns)]).sum(axis=1))
    folds = {"a": np.arange(60) % 3}
    found = baseline_predictions(
        study, straight, folds, SETTINGS, baselines=only("mean", model), progress=False
    )
    assert rmse(found, model) < 1e-3 * rmse(found, "mean")


def test_ttop_by_hand_and_against_the_formula_with_any_factors():
    """Surface: 0.8 * 1000 thawing, 0.5 * 3000 freezing; rk 0.76329 where frozen."""
    ratio = (0.57 / 2.2) ** 0.2
    assert ratio == pytest.approx(0.76329, abs=1e-5)
    found = ttop_with_fixed_factors([1000, 3000], [3000, 1000])
    assert found[0] == pytest.approx((ratio * 800 - 1500) / 365.25)
    assert found[1] == pytest.approx((2400 - 500 / ratio) / 365.25)
    thawing, freezing = np.meshgrid(np.linspace(0, 4000, 9), np.linspace(0, 6000, 9))
    np.testing.assert_allclose(
        ttop_with_fixed_factors(thawing, freezing),
        ttop_with_any_factors(thawing, freezing, 0.8, 0.5, ratio),
    )


def test_the_offset_of_ttop_is_the_mean_residual_of_the_training_sites(study, table):
    ttop = ttop_with_fixed_factors(table["TDD"], table["FDD"])
    shifted = table.assign(t15_c=ttop + 1.7)
    found = baseline_predictions(
        study,
        shifted,
        {"a": np.arange(60) % 2},
        SETTINGS,
        baselines=only("TTOP, fixed factors"),
        progress=False,
    )
    assert rmse(found, "TTOP, fixed factors") < 1e-9


def test_kriging_of_a_smooth_field_beats_the_mean_and_helps_a_blind_forest(study, table):
    """Predictors are noise here, so that all there is to know lies in the places."""
    smooth = simulate_fields(table[["x", "y"]], Variogram(0, 4, 600_000), 1, 1)[0]
    found = baseline_predictions(
        study, table.assign(t15_c=smooth), {"a": random_folds(60, 6)}, SETTINGS, progress=False
    )
    skill = skill_table(found).set_index("model")["skill"]
    assert skill["kriging"] > 0.5
    assert skill["forest and kriged residuals"] > skill["forest"] + 0.3
    assert skill["forest with coordinates"] > skill["forest"]
    verdict = kriging_verdict(found, "a")
    assert verdict["helps"]
    assert verdict["gain_c2"] > 2 * verdict["standard_error_c2"]


def test_kriging_does_not_help_where_residuals_are_noise(study, table):
    noise = table.assign(t15_c=np.random.default_rng(5).normal(size=60))
    found = baseline_predictions(
        study,
        noise,
        {"knndm": random_folds(60, 6)},
        SETTINGS,
        baselines=only("forest", "forest and kriged residuals"),
        progress=False,
    )
    assert not kriging_verdict(found)["helps"]


def test_the_verdict_by_hand():
    """Gains 3, 1 | 1 | -1 in folds 0, 1, 2: mean 1; without the folds 0, 1, 5/3."""
    found = pd.DataFrame(
        {
            "design": "a",
            "fold": [0, 0, 1, 2],
            "weight": 1.0,
            "observed": 0.0,
            "forest": np.sqrt([4, 2, 1, 0]),
            "other": [1, -1, 0, 1],
        }
    )
    verdict = kriging_verdict(found, "a", "other")
    assert verdict["gain_c2"] == pytest.approx(1)
    error = np.sqrt(2 * np.var([0, 1, 5 / 3]))
    assert verdict["standard_error_c2"] == pytest.approx(error)
    assert verdict["helps"]
    assert error == pytest.approx(0.9686, abs=1e-4)
    heavy = kriging_verdict(found.assign(weight=[1, 1, 1, 0.0]), "a", "other")
    assert heavy["gain_c2"] == pytest.approx(5 / 3)


def test_skill_by_hand_with_and_without_weights():
    """Errors of the mean 2, 2, of the model 1, 0; weights 3, 1."""
    found = pd.DataFrame(
        {
            "design": ["a"] * 2,
            "site": ["S1", "S2"],
            "fold": [0, 1],
            "weight": 1.0,
            "observed": [0.0, 4.0],
            "mean": [2.0, 2.0],
            "model": [1.0, 4.0],
        }
    )
    row = skill_table(found).set_index("model").loc["model"]
    assert row["rmse"] == pytest.approx(np.sqrt(1 / 2))
    assert row["bias"] == pytest.approx(1 / 2)
    assert row["skill"] == pytest.approx(1 - 1 / 8)
    assert row["model_efficiency"] == pytest.approx(1 - 1 / 8)
    assert row["rmse_lower"] <= row["rmse"] <= row["rmse_upper"]
    row = skill_table(found.assign(weight=[1.5, 0.5])).set_index("model").loc["model"]
    assert row["rmse"] == pytest.approx(np.sqrt(3 / 4))
    assert row["skill"] == pytest.approx(1 - 3 / 16)


@pytest.mark.parametrize("observed", [[-1.3] * 3, [1.0, 1.0, 5.0]])
def test_where_the_mean_makes_no_error_there_is_no_skill(observed):
    """Of three equal temperatures, and of sites each with its twin: undefined, not an error."""
    base = {"design": "a", "site": list("abc"), "fold": [0, 1, 2], "weight": 1.0}
    rounded = np.nextafter(observed, 0) if np.ptp(observed) == 0 else observed
    models = {"observed": observed, "mean": rounded, "model": [0.0, 1.0, 2.0]}
    rows = skill_table(pd.DataFrame(base | models)).set_index("model")
    assert rows["skill"].isna().all()
    assert rows.loc["model", "rmse"] > 0


def test_a_design_trains_on_its_own_sites_only_and_brings_its_weights(study, table):
    """Trained without the warm sites, which it does not test, the mean is that of the cold."""
    two = table[:4].assign(t15_c=[0.0, 1.0, 50.0, 51.0])
    splits = [([1], [0]), ([0], [1]), ([3], [2]), ([2], [3])]
    design = design_of("own", splits, 4, weight=[1, 1, 2, 4])
    found = baseline_predictions(
        study, two, {"own": design}, SETTINGS, baselines=only("mean"), progress=False
    )
    assert found["mean"].tolist() == [1, 0, 51, 50]
    assert found["weight"].tolist() == [0.5, 0.5, 1, 2]


def test_a_baseline_without_its_covariate_is_left_out_with_the_reason(edit_study, study, table):
    folder = edit_study(
        ('[covariates.MAAT]\nsource = "stations"\nquantity = "mean_annual_air_temperature"\n', "")
    )
    gap = table.assign(FDD=table["FDD"].where(table.index > 2)).drop(columns="elevation")
    found, left_out = available_baselines(load_study(folder), gap)
    assert left_out == {
        "air temperature": "no covariate of the study is mean annual air temperature",
        "TTOP, fixed factors": "FDD is missing at 3 of 60 sites",
        "elevation and latitude": "the training table has no column elevation",
    }
    assert {b.name for b in found} == set(NAMES) - set(left_out)
    assert available_baselines(study, table) == (BASELINES, {})


def test_covariates_are_found_by_what_they_are(edit_study):
    study = load_study(
        edit_study(
            ("[covariates.MAAT]", "[covariates.air]"),
            (
                '[covariates.elevation]\nsource = "relief"\n',
                '[covariates.elevation]\nsource = "raster"\npath = "dem.tif"\nunits = "m"\n',
            ),
        )
    )
    assert column_of(study, "mean_annual_air_temperature") == "air"
    assert column_of(study, "elevation") == "elevation"
    assert column_of(study, "soil") is None


def test_fit_weights_of_the_study_reach_the_forest(edit_study, study, table):
    weighted = load_study(edit_study(('weights = "none"', 'weights = "standard_error"')))
    rows = np.arange(50), np.arange(50, 60)
    unlike = table.assign(standard_error_c=np.geomspace(0.01, 9, 60))
    split = Split.of(weighted, unlike, rows, SETTINGS)
    assert np.ptp(split.forest.sample_weight) > 0.5
    assert np.ptp(Split.of(study, table, rows, SETTINGS).forest.sample_weight) == 0


def test_messages_say_what_is_amiss(study, table):
    found = pd.DataFrame({"design": ["a"], "forest": [0.0]})
    with pytest.raises(ContractError, match="no column 'mean'"):
        skill_table(found)
    with pytest.raises(ContractError, match=r"under 'knndm': the predictions have the designs a"):
        kriging_verdict(found)
    with pytest.raises(ContractError, match="site 2 is tested 0 times, and 58 of 60"):
        baseline_predictions(study, table, {"a": [0, 1]}, SETTINGS, progress=False)
