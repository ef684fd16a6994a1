import numpy as np
import pandas as pd
import pytest

from helpers.held_out import cross_validated
from helpers.shapley import permutation_importance
from helpers.storage import ContractError

FOREST = {"n_trees": 8, "min_samples_leaf": 2, "max_features": 0.67, "seed": 1, "progress": False}
FOLDS = np.arange(60) % 5


@pytest.fixture(scope="module")
def sites():
    """60 sites; the temperature needs warmth, which is there twice, and valley; never noise."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(60, 3)), columns=["warmth", "valley", "noise"])
    temperature = 2 * table["warmth"] - 1.5 * table["valley"] + rng.normal(0, 0.1, 60)
    table["warmth_again"] = np.exp(table["warmth"] + rng.normal(0, 0.01, 60))
    return table, temperature


def test_shuffling_what_the_forest_needs_hurts_and_noise_does_not(sites):
    groups = {"both": ["warmth", "warmth_again"]}
    found = permutation_importance(*sites, FOLDS, groups=groups, **FOREST).set_index("predictor")
    rise = found["rise_c"]
    assert abs(rise["noise"]) < 0.1 and rise["valley"] > 0.3
    assert rise["both"] > 1.5 * max(rise["warmth"], rise["warmth_again"])
    assert found.index[0] == "both" and rise.is_monotonic_decreasing
    assert (found[["sd_repeats_c", "standard_error_c"]] > 0).all(axis=None)


def test_the_error_before_is_that_of_the_validation_with_its_weights(sites):
    errors = np.random.default_rng(1).uniform(0.02, 0.5, 60)
    rest = {"standard_error_c": errors, **FOREST}
    found = permutation_importance(*sites, FOLDS, n_repeats=1, **rest)
    held = cross_validated(*sites, FOLDS, **rest)
    expected = np.sqrt(((held["predicted"] - held["observed"]) ** 2).mean())
    np.testing.assert_allclose(found["rmse_c"], expected, rtol=1e-6)
    assert found["sd_repeats_c"].isna().all()


def test_the_rise_is_that_of_predictions_from_shuffled_sites(sites):
    """One predictor, one repeat, in folds of one: each site is predicted from another's value."""
    few = sites[0][["warmth"]][:12], sites[1][:12]
    order = np.random.default_rng(1).permuted(np.arange(12)[None], axis=1)[0]
    found = permutation_importance(*few, np.arange(12), n_repeats=1, **FOREST).loc[0]
    # The same as held-out prediction of each site at the place of another.
    swapped = np.empty(12)
    for site, other in enumerate(order):
        moved = few[0].copy()
        moved.loc[site, "warmth"] = few[0].loc[other, "warmth"]
        swapped[site] = cross_validated(moved, few[1], np.arange(12), **FOREST)["predicted"][site]
    expected = np.sqrt(((swapped - few[1]) ** 2).mean())
    assert found["rmse_c"] + found["rise_c"] == pytest.approx(expected, rel=1e-6)


def test_what_is_the_same_within_each_fold_changes_only_across_folds(sites):
    table = sites[0][["warmth"]].assign(fold_climate=np.array([0.0, 1, 2, 3, 4])[FOLDS])
    temperature = table["fold_climate"] + table["warmth"]
    within, across = (
        permutation_importance(table, temperature, FOLDS, across_folds=across, **FOREST).set_index(
            "predictor"
        )["rise_c"]
        for across in (False, True)
    )
    assert within["fold_climate"] == 0 != across["fold_climate"]


def test_importance_follows_from_its_seed(sites):
    first, again, other = (
        permutation_importance(*sites, FOLDS, n_repeats=3, **FOREST | {"seed": seed})
        for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert not np.allclose(first["rise_c"], other["rise_c"])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"valley": ["valley", "noise"]}, "Group 'valley' has the name of a predictor"),
        ({"snow": ["valley", "snow"]}, "Group 'snow': snow found; each member once, of warmth"),
        ({"nothing": []}, "Group 'nothing': no predictor"),
    ],
)
def test_groups_of_something_else_are_refused(sites, groups, message):
    with pytest.raises(ContractError, match=message):
        permutation_importance(*sites, FOLDS, groups=groups, **FOREST)
