"""Tuning: a clear gain is taken, luck is not, held-out sites have no say, cores change nothing."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from helpers import selection
from helpers.held_out import cross_validated, forests_without_fold
from helpers.selection import tree_number, tuning
from helpers.settings import Tuning
from helpers.skill import jackknife_error, pooled_skill
from helpers.storage import ContractError
from helpers.validation import hold_out

NAMES = ["PRE", "TDD", "TPI"]
FOLDS = np.arange(60) % 5
QUIET = {"n_jobs": 1, "progress": False}
GRID = {"min_samples_leaf": [1, 10], "max_features": [0.34, 1.0]}
FAST = {**GRID, **QUIET, "default": (10, 0.34), "n_trees": 12, "seed": 1}


def sites(seed, signal=2.0, noise=0.1):
    """60 sites; t15 follows two of three predictors without a jump, as far as ``signal`` goes."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(60, 3)), columns=NAMES)
    table["t15_c"] = signal * (table["PRE"] - table["TDD"]) + rng.normal(0, noise, 60)
    table["standard_error_c"] = rng.uniform(0.02, 0.5, 60)
    xy = rng.normal(0, 2e4, (60, 2)) + 4e5 * rng.integers(0, 4, (60, 1))
    return table.assign(site=[f"S{i}" for i in range(60)], x=xy[:, 0], y=xy[:, 1])


@pytest.fixture(scope="module")
def training():
    return sites(0)


@pytest.fixture(scope="module")
def small(study):
    """The study with few trees and combinations."""
    few = Tuning(**GRID, n_trees=12, n_folds=3)
    forest = study.forest.model_copy(update={"min_samples_leaf": 10, "max_features": 0.34})
    return study.model_copy(update={"tuning": few, "forest": forest})


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(1).uniform(-1e6, 2e6, (300, 2))


def by_standard_error(study):
    weighted = study.forest.model_copy(update={"weights": "standard_error"})
    return study.model_copy(update={"forest": weighted})


def test_only_a_first_look_tries_less_and_on_one_core(study):
    whole = study.model_copy()
    whole._variant = ""
    less, all_of_it = selection.tuning_settings(study), selection.tuning_settings(whole)
    for knob in tuning.KNOBS:
        assert all_of_it[knob] == getattr(study.tuning, knob)
        assert less[knob] == all_of_it[knob][::2]
    assert (less["n_trees"], less["n_jobs"]) == (25, 1)
    assert (all_of_it["n_trees"], all_of_it["n_jobs"]) == (study.tuning.n_trees, -1)


def test_a_default_that_is_clearly_worse_is_left(training):
    table = selection.tune_forest(training, NAMES, FOLDS, **FAST)
    assert selection.chosen_knobs(table)["min_samples_leaf"] == 1
    assert table[["default", "best", "chosen"]].sum().to_list() == [1, 1, 1]
    assert (table["chosen"] == table["best"]).all()
    assert selection.chosen_knobs(table, "default") == {
        "min_samples_leaf": 10,
        "max_features": 0.34,
    }


def test_of_choices_made_by_luck_the_rule_prevents_many():
    """Pure noise: how many predictors a split tries is all the same, yet one share looks best."""
    settings = FAST | {"min_samples_leaf": [5], "default": (5, 0.67)}
    tables = [
        selection.tune_forest(sites(seed, signal=0, noise=1), NAMES, FOLDS, **settings)
        for seed in range(15)
    ]
    default = pd.concat([table[table["default"]] for table in tables])
    lucky, taken = (~default["best"]).sum(), (~default["chosen"]).sum()
    assert lucky >= 8 and taken <= 0.67 * lucky


def test_the_best_must_be_ahead_by_a_standard_error_of_the_difference():
    columns = ["rmse_c", "difference_c", "difference_error_c", "default"]
    for error, expected in ((0.09, [False, True]), (0.11, [True, False])):
        rows = [(1.0, 0.0, 0.0, True), (0.9, -0.1, error, False)]
        table = tuning._with_choice(pd.DataFrame(rows, columns=columns))
        assert table["chosen"].to_list() == expected
        assert table["best"].to_list() == [False, True]


def test_of_equal_combinations_the_default_stays(training):
    """Of one predictor every share is one predictor: all forests are the same."""
    settings = FAST | {"min_samples_leaf": [2], "default": (2, 1.0)}
    table = selection.tune_forest(training, ["PRE"], FOLDS, **settings)
    assert table["predictors_per_split"].to_list() == [1, 1]
    differences = ["difference_c", "difference_error_c", "difference_noise_c"]
    assert (table[differences] == 0).all(axis=None) and table.loc[table["default"], "chosen"].item()


@pytest.mark.parametrize("weighted", [False, True])
def test_errors_of_the_grid_are_those_of_the_validation(training, weighted):
    table = selection.tune_forest(training, NAMES, FOLDS, by_standard_error=weighted, **FAST)
    row = table[(table["min_samples_leaf"] == 1) & (table["max_features"] == 1)].iloc[0]
    settings = {"n_trees": 12, "min_samples_leaf": 1, "max_features": 1.0, "seed": 1}
    if weighted:
        settings["standard_error_c"] = training["standard_error_c"]
    sites = training[NAMES], training["t15_c"], FOLDS
    table = cross_validated(*sites, progress=False, **settings)
    found = pooled_skill(table["observed"], table["predicted"], FOLDS)
    assert row["rmse_c"] == pytest.approx(found.rmse, rel=1e-9)
    without_tree = []
    forests = list(forests_without_fold(*sites, progress=False, **settings))
    for left_out in range(12):
        squared = []
        for _, test, forest in forests:
            cells, trees = forest.matrix(training[test]), list(forest.model.estimators_)
            del trees[left_out]
            off = np.mean([t.predict(cells) for t in trees], axis=0) - training["t15_c"][test]
            squared.extend(off**2)
        without_tree.append(np.sqrt(np.mean(squared)))
    both = np.hypot(found.standard_error, jackknife_error(np.array(without_tree)))
    assert row["standard_error_c"] == pytest.approx(both, rel=1e-7)
    assert row["predictors_per_split"] == 3


def test_the_error_of_a_difference_adds_that_of_sites_and_of_trees(training):
    """Against both jackknives, of the sites from the predictions, of the trees as tabulated."""
    settings = FAST | {"min_samples_leaf": [2]}
    table = selection.tune_forest(training, NAMES, FOLDS, **settings)
    trial = {"n_trees": 12, "seed": 1}
    skills = []
    for knobs in table[tuning.KNOBS].to_dict("records"):
        predicted = selection.held_out_temperature(training, NAMES, FOLDS, **trial, **knobs)
        skills.append(pooled_skill(training["t15_c"], predicted, FOLDS).without_fold)
    default = skills[table["default"].idxmax()]
    of_sites = np.array([jackknife_error(skill - default) for skill in skills])
    both = np.sqrt(of_sites**2 + table["difference_noise_c"] ** 2)
    np.testing.assert_allclose(table["difference_error_c"], both, rtol=1e-7)
    others = ~table["default"]
    assert (table.loc[others, "difference_noise_c"] > 0).all()


def test_the_forest_without_a_tree_is_the_mean_of_the_others():
    """Trees 1, 2, 6 at a site of 0 and 0, 3, 3 at one of 1: means of two by hand."""
    found = tree_number.rmse_without_tree(np.array([[1.0, 2, 6], [0, 3, 3]]), np.array([0.0, 1]))
    expected = np.sqrt([(4**2 + 2**2) / 2, (3.5**2 + 0.5**2) / 2, (1.5**2 + 0.5**2) / 2])
    np.testing.assert_allclose(found, expected)


def test_noise_of_a_difference_tells_what_other_seeds_do():
    """Ground that the predictors explain in part; noise off by a third would be seen."""
    settings = FAST | {"min_samples_leaf": [2], "max_features": [0.34], "n_trees": 15}
    rough = sites(5, noise=1.0)
    runs = pd.concat(
        selection.tune_forest(rough, NAMES, FOLDS, **settings | {"default": (2, 1.0), "seed": seed})
        for seed in range(30)
    )
    other = runs[~runs["default"]]
    noise = np.sqrt((other["difference_noise_c"] ** 2).mean())
    assert other["difference_c"].std() == pytest.approx(noise, rel=0.25)
    # Known closely enough to judge by: it hardly depends on the seed itself.
    assert other["difference_noise_c"].std() < 0.3 * noise


def test_a_default_outside_the_grid_is_tried_too(training):
    table = selection.tune_forest(training, NAMES, FOLDS, **FAST | {"default": (3, 0.67)})
    assert len(table) == 5 and table.loc[table["default"], "min_samples_leaf"].item() == 3
    assert table.loc[table["default"], "difference_c"].item() == 0


def test_same_seed_same_tables_on_any_number_of_cores(training, small, points):
    two = {"n_jobs": 2, "progress": False}
    pd.testing.assert_frame_equal(
        selection.tune_forest(training, NAMES, FOLDS, **FAST),
        selection.tune_forest(training, NAMES, FOLDS, **FAST | two),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(
        selection.nested_tuning(small, training, FOLDS, points, **QUIET),
        selection.nested_tuning(small, training, FOLDS, points, **two),
        check_exact=True,
    )
    one, other = (
        selection.error_by_trees(training, NAMES, FOLDS, n_trees=30, seed=2, **cores)
        for cores in (QUIET, two)
    )
    pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.mark.parametrize("weighted", [False, True])
def test_nested_tuning_never_sees_the_fold_it_predicts(training, small, points, weighted):
    study = by_standard_error(small) if weighted else small
    held = FOLDS == 2
    changed = training.assign(
        t15_c=training["t15_c"] + 50 * held * np.arange(60),
        standard_error_c=training["standard_error_c"].where(~held, 9.0),
    )
    before, after = (
        selection.nested_tuning(study, t, FOLDS, points, **QUIET) for t in (training, changed)
    )
    pd.testing.assert_frame_equal(
        before[held].drop(columns="observed"), after[held].drop(columns="observed")
    )
    assert (before["predicted"] != after["predicted"])[~held].all()


def test_the_nested_choice_is_that_of_tuning_in_the_rest(training, small, points):
    nested = selection.nested_tuning(small, training, FOLDS, points, **QUIET)
    rest = training[FOLDS != 3]
    inner = tuning._inner_folds(small, rest, points, 3)
    assert len(np.unique(inner)) == 3
    settings = selection.tuning_settings(small) | QUIET
    table = selection.tune_forest(rest, NAMES, inner, **settings)
    choice = nested.loc[nested["fold"] == 3, tuning.KNOBS].drop_duplicates().to_dict("records")
    assert choice == [selection.chosen_knobs(table)] and choice[0]["min_samples_leaf"] == 1
    turned = small.model_copy(update={"forest": small.forest.model_copy(update=choice[0])})
    for study, column in ((small, "predicted_default"), (turned, "predicted_best")):
        expected = hold_out(study, training, FOLDS)["predicted"]
        np.testing.assert_allclose(nested[column][FOLDS == 3], expected[FOLDS == 3], rtol=1e-9)


def test_nested_rows_keep_the_order_of_the_sites(training, small, points):
    expected = selection.nested_tuning(small, training, FOLDS, points, **QUIET)
    again = selection.nested_tuning(
        small, training.set_axis(range(60, 0, -1)), FOLDS, points, **QUIET
    )
    pd.testing.assert_frame_equal(expected, again)
    assert expected["site"].to_list() == training["site"].to_list()
    assert expected["fold"].to_list() == FOLDS.tolist()


def test_both_ways_to_tune_stand_beside_the_default():
    """By hand: errors 1, 1 | 2 untuned, 1, 1 | 4 by the best; the choice took it in fold b."""
    nested = pd.DataFrame(
        {
            "site": list("pqr"),
            "fold": list("aab"),
            "observed": [1.0, 2, 3],
            "predicted": [2.0, 1, 7],
            "predicted_default": [2.0, 1, 5],
            "predicted_best": [2.0, 3, 7],
            "min_samples_leaf": [2, 2, 1],
            "max_features": 0.67,
            "best_min_samples_leaf": 1,
            "best_max_features": 0.67,
        }
    )
    found = selection.compare_with_default(nested)
    assert found["rmse_c"].to_list() == pytest.approx([2**0.5, 6**0.5, 6**0.5])
    assert found["difference_c"].to_list() == pytest.approx([0, 6**0.5 - 2**0.5, 6**0.5 - 2**0.5])
    # RMSE without fold a: 2 and 4, without b: 1 and 1; the jackknife error of 2 and 0 is 1.
    assert found["difference_error_c"].to_list() == pytest.approx([0, 1, 1])
    choices = selection.tuning_choices(nested)
    assert choices["sites"].to_list() == [2, 1]
    assert choices["min_samples_leaf"].to_list() == [2, 1]
    assert choices["rmse_default_c"].to_list() == pytest.approx([1, 2])
    assert choices["rmse_c"].to_list() == pytest.approx([1, 4])


@pytest.mark.parametrize("weighted", [False, True])
def test_the_whole_forest_has_the_error_of_the_validation(training, weighted):
    settings = {"max_features": 0.67, "seed": 3}
    found = selection.error_by_trees(
        training, NAMES, FOLDS, n_trees=25, by_standard_error=weighted, **settings, **QUIET
    )
    errors = {"standard_error_c": training["standard_error_c"]} if weighted else {}
    for (leaf, n), row in found.set_index(["min_samples_leaf", "n_trees"]).iterrows():
        if n in (3, 25) and not (weighted and n == 3):
            table = cross_validated(
                training[NAMES], training["t15_c"], FOLDS,
                n_trees=n, min_samples_leaf=leaf, progress=False, **settings, **errors,
            )  # fmt: skip
            error = np.sqrt(np.mean((table["predicted"] - table["observed"]) ** 2))
            assert row["rmse_c"] == pytest.approx(error, rel=1e-9)
    whole = found[found["n_trees"] == 25]
    np.testing.assert_allclose(whole["rmse_c"], whole["expected_rmse_c"], rtol=1e-12)
    assert found["n_trees"][:6].to_list() == [1, 2, 3, 5, 10, 20]
    assert (found.groupby("min_samples_leaf")["expected_rmse_c"].diff().dropna() <= 0).all()


def test_the_expected_error_is_the_mean_over_all_choices_of_trees():
    by_tree, observed = np.random.default_rng(0).normal(size=(7, 6)), np.zeros((7, 1))
    found = tree_number._expected(by_tree, observed, np.arange(1, 7))
    for n in range(1, 7):
        squared = [by_tree[:, list(c)].mean(axis=1) ** 2 for c in combinations(range(6), n)]
        assert found[n - 1] == pytest.approx(np.sqrt(np.mean(squared)))
    assert tree_number._expected(by_tree[:, :1], observed, np.array([1])) == pytest.approx(
        np.sqrt(np.mean(by_tree[:, 0] ** 2))
    )


def test_the_noise_of_a_mean_of_trees_is_known():
    """Trees off by +1 or -1 at every site alike: the RMSE of one is 1, of two 1 or 0, half each."""
    by_tree = np.tile([1.0, -1.0] * 50, (5, 1))
    noise = [
        tree_number._noise(by_tree, np.zeros((5, 1)), n, np.random.default_rng(0)) for n in (1, 2)
    ]
    assert noise[0] == pytest.approx(0, abs=1e-12) and noise[1] == pytest.approx(0.5, abs=0.02)


def test_noise_tells_what_other_seeds_do(training):
    """200 trees foretell the scatter of 60 small forests; a noise too low by a quarter fails."""
    settings = {"min_samples_leaf": [2], "max_features": 0.67, **QUIET}
    foretold = selection.error_by_trees(training, NAMES, FOLDS, n_trees=200, seed=100, **settings)
    runs = pd.concat(
        selection.error_by_trees(training, NAMES, FOLDS, n_trees=10, seed=seed, **settings)
        for seed in range(60)
    )
    ratio = runs.groupby("n_trees")["rmse_c"].std() / foretold.set_index("n_trees")["noise_c"]
    assert ratio.dropna().index.to_list() == [1, 2, 3, 5, 10]
    assert ratio.dropna().between(0.7, 1.4).all()
    assert ratio.mean() == pytest.approx(1, abs=0.2)


MESSAGES = {
    "Fold 0: no 3 inner folds .tuning.n_folds.* of the 4 sites": lambda s, t, p: (
        selection.nested_tuning(s, t[:6], np.array([0, 0, 1, 1, 2, 2]), p, **QUIET)
    ),
    "n_trees: 1 in a trial of tuning; at least 2": lambda s, t, p: selection.tune_forest(
        t, NAMES, FOLDS, **FAST | {"n_trees": 1}
    ),
    "slope missing": lambda s, t, p: selection.tune_forest(t, ["slope"], FOLDS, **FAST),
    "folds: 1 different": lambda s, t, p: selection.tune_forest(t, NAMES, FOLDS * 0, **FAST),
    r"min_samples_leaf: \[2, 2\]; each size once": lambda s, t, p: selection.error_by_trees(
        t, NAMES, FOLDS, min_samples_leaf=[2, 2], **QUIET
    ),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_what_cannot_be_done_is_said(training, small, points, message):
    with pytest.raises(ContractError, match=message):
        MESSAGES[message](small, training, points)
