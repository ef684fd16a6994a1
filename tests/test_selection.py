"""Choosing covariates: known answers, no leak from held-out sites, the same bytes on any core."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers import selection
from helpers.held_out import cross_validated
from helpers.storage import ContractError
from helpers.terrain import topographic_position

FOREST = {"n_trees": 8, "min_samples_leaf": 2, "max_features": 0.67, "seed": 1}
FAST = {**FOREST, "n_jobs": 1, "progress": False}


@pytest.fixture(scope="module")
def training():
    """60 sites; t15 depends on ``warmth`` and ``valley``, and on none of four noises."""
    rng = np.random.default_rng(0)
    n = 60
    table = pd.DataFrame({f"noise{i}": rng.normal(size=n) for i in range(4)})
    table["valley"], table["warmth"] = rng.normal(size=n), rng.normal(size=n)
    table["warmth_again"] = np.exp(table["warmth"] + rng.normal(0, 0.01, n))
    table["t15_c"] = 2 * table["warmth"] - 1.5 * table["valley"] + rng.normal(0, 0.1, n)
    table["standard_error_c"] = rng.uniform(0.02, 0.5, n)
    return table.assign(site=[f"S{i}" for i in range(n)], x=rng.uniform(0, 1e5, n), y=0.0)


FOLDS = np.arange(60) % 5
CANDIDATES = ["noise0", "noise1", "valley", "noise2", "warmth", "noise3"]


def test_variance_inflation_of_independent_columns_is_one():
    contrasts = pd.DataFrame({"a": [1, 1, -1, -1], "b": [1, -1, 1, -1]})
    found = selection.variance_inflation(contrasts, ["a", "b"])
    np.testing.assert_allclose(found["variance_inflation"], 1)


def test_variance_inflation_is_the_diagonal_of_the_inverse_correlation_matrix(training):
    names = ["noise0", "warmth", "warmth_again", "t15_c"]
    found = selection.variance_inflation(training, names)["variance_inflation"]
    inverse = np.linalg.inv(training[names].corr())
    np.testing.assert_allclose(found, np.diag(inverse), rtol=1e-8)
    assert found["warmth"] > 4


def test_an_exact_relation_inflates_without_bound_and_says_of_whom(training):
    """Mean temperature is thawing minus freezing degree-days over 365, also as float32."""
    rng = np.random.default_rng(1)
    layers = {"TDD": rng.normal(2500, 300, 60), "FDD": rng.normal(2800, 300, 60)}
    table = training.assign(**layers, MAAT=(layers["TDD"] - layers["FDD"]) / 365.25)
    table = table.astype({"TDD": np.float32, "FDD": np.float32, "MAAT": np.float32})
    found = selection.variance_inflation(table, ["TDD", "FDD", "MAAT", "noise0"])
    assert np.isinf(found["variance_inflation"]).to_list() == [True, True, True, False]
    assert found.loc["MAAT", "determined_by"] == "TDD, FDD"
    assert found.loc["noise0", "determined_by"] == ""


def test_clusters_join_what_rises_or_falls_together_and_nothing_else(training):
    table = training.assign(cold=-(training["warmth"] ** 3))
    names = ["noise0", "warmth", "valley", "cold", "warmth_again"]
    found = selection.spearman_clusters(table, names)
    assert found.labels["warmth"] == found.labels["cold"] == found.labels["warmth_again"]
    assert found.labels.nunique() == 3
    assert found.correlation.loc["warmth", "cold"] == pytest.approx(-1)
    assert sorted(found.order) == sorted(names)
    assert found.labels[found.order].is_monotonic_increasing
    everything = selection.spearman_clusters(table, names, threshold=0)
    assert everything.labels.nunique() == 1


def test_a_single_name_is_a_cluster_and_gaps_are_left_out_by_pair(training):
    assert selection.spearman_clusters(training, ["valley"]).labels.to_dict() == {"valley": 1}
    holed = training.assign(valley=training["valley"].where(training.index > 9))
    found = selection.spearman_clusters(holed, ["valley", "warmth"]).correlation
    expected = training[10:][["valley", "warmth"]].corr("spearman")
    np.testing.assert_allclose(found, expected)


def test_mutual_information_tells_a_parabola_from_noise():
    """The rank correlation with a parabola is about 0; its information is not."""
    rng = np.random.default_rng(2)
    x = rng.uniform(-1, 1, 400)
    table = pd.DataFrame({"x": x, "noise": rng.normal(size=400), "t15_c": x**2})
    found = selection.mutual_information(table, ["noise", "x"])
    assert found.index.to_list() == ["x", "noise"]
    assert found.loc["x", "information"] > 1 > 10 * found.loc["noise", "information"]
    assert abs(found.loc["noise", "information"]) < 0.06
    pd.testing.assert_frame_equal(found, selection.mutual_information(table, ["noise", "x"]))


def test_mutual_information_of_normal_variables_is_known():
    """-ln(1 - r2) / 2 of a bivariate normal distribution with correlation r."""
    rng = np.random.default_rng(3)
    x, y = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 2000).T
    found = selection.mutual_information(pd.DataFrame({"x": x, "t15_c": y}), ["x"], n_seeds=2)
    assert found.loc["x", "information"] == pytest.approx(-np.log(1 - 0.64) / 2, abs=0.06)


def test_the_map_beyond_the_sites_is_counted():
    """Sites 2 ... 4, map 0 ... 9: two cells below, five above; a missing cell does not count."""
    layer = xr.DataArray(np.arange(11.0).reshape(1, 11), dims=("y", "x"), attrs={"units": "mm"})
    layer = layer.where(layer < 10)
    training = pd.DataFrame({"PRE": [2.0, 3.0, 4.0, np.nan]})
    found = selection.compare_with_area(training, xr.Dataset({"PRE": layer}), ["PRE"]).loc["PRE"]
    assert (found["share_below"], found["share_above"]) == (0.2, 0.5)
    assert (found["sites_q50"], found["map_q50"], found["units"]) == (3, 4.5, "mm")
    assert found["distance"] == pytest.approx(0.5)


def test_sites_that_are_all_cells_represent_the_map():
    layer = xr.DataArray(np.random.default_rng(0).normal(size=(5, 5)), dims=("y", "x"))
    training = pd.DataFrame({"a": layer.to_numpy().ravel()})
    found = selection.compare_with_area(training, xr.Dataset({"a": layer}), ["a"]).loc["a"]
    assert found["distance"] == found["share_below"] == found["share_above"] == 0


@pytest.mark.parametrize("weighted", [False, True])
def test_held_out_temperatures_are_those_of_the_validation(training, weighted):
    names = ["warmth", "valley"]
    found = selection.held_out_temperature(
        training, names, FOLDS, by_standard_error=weighted, **FOREST
    )
    errors = training["standard_error_c"] if weighted else None
    expected = cross_validated(
        training[names],
        training["t15_c"],
        FOLDS,
        standard_error_c=errors,
        progress=False,
        **FOREST,
    )
    np.testing.assert_allclose(found, expected["predicted"], rtol=1e-9)


def test_held_out_targets_do_not_touch_their_own_predictions(training):
    changed = training.assign(t15_c=training["t15_c"] + 50 * (FOLDS == 2))
    before, after = (
        selection.held_out_temperature(t, ["warmth", "valley"], FOLDS, **FOREST)
        for t in (training, changed)
    )
    np.testing.assert_array_equal(before[FOLDS == 2], after[FOLDS == 2])
    assert (before[FOLDS != 2] != after[FOLDS != 2]).all()


def test_forward_selection_finds_the_two_true_predictors(training):
    steps = selection.forward_selection(training, CANDIDATES, FOLDS, **FAST)
    assert selection.chosen(steps) == ["warmth", "valley"]
    assert steps["kept"].to_list() == [True, True, False]
    last = steps["selection_rmse_c"]
    assert last[1] < last[0] - 0.05 and last[2] >= last[1] - 0.05
    np.testing.assert_allclose(steps["gain_c"][1:], -np.diff(last))


def test_the_path_is_that_of_the_sets_themselves(training):
    steps = selection.forward_selection(training, CANDIDATES, FOLDS, **FAST)
    predicted = selection.held_out_temperature(training, ["valley", "warmth"], FOLDS, **FOREST)
    expected = np.sqrt(np.mean((predicted - training["t15_c"]) ** 2))
    assert steps["selection_rmse_c"][1] == pytest.approx(expected, rel=1e-12)


def test_a_set_has_one_error_whatever_the_order_of_its_names(training):
    sets = {"one way": ["warmth", "noise0", "valley"], "other": ["valley", "warmth", "noise0"]}
    found = selection.compare_sets(training, sets, FOLDS, [1, 2], **FAST)
    assert found["difference_c"].to_list() == [0, 0]


def test_cores_do_not_change_the_steps(training):
    one = selection.forward_selection(training, CANDIDATES, FOLDS, **FAST)
    two = selection.forward_selection(training, CANDIDATES, FOLDS, **{**FAST, "n_jobs": 2})
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_of_two_equal_candidates_the_first_is_taken(training):
    twin = training.assign(twin=training["warmth"])
    for order in (["twin", "warmth"], ["warmth", "twin"]):
        steps = selection.forward_selection(twin, order, FOLDS, most=1, **FAST)
        assert selection.chosen(steps) == order[:1]


def test_a_single_candidate_is_chosen_and_the_limit_is_kept(training):
    steps = selection.forward_selection(training, ["noise0"], FOLDS, **FAST)
    assert selection.chosen(steps) == ["noise0"] and len(steps) == 1
    steps = selection.forward_selection(training, CANDIDATES, FOLDS, most=1, **FAST)
    assert selection.chosen(steps) == ["warmth"] and len(steps) == 1


def test_nested_selection_never_sees_the_fold_it_predicts(training):
    changed = training.assign(t15_c=training["t15_c"] + 50 * (FOLDS == 2))
    names = ["noise0", "valley", "warmth"]
    before, after = (
        selection.nested_selection(t, names, FOLDS, **FAST) for t in (training, changed)
    )
    held = before["fold"] == 2
    pd.testing.assert_series_equal(before["predicted"][held], after["predicted"][held])
    assert (before["predictors"][held] == after["predictors"][held]).all()
    assert (before["predictors"] == "warmth, valley").all()
    assert list(before["site"]) == list(training["site"])


def test_choosing_among_noise_looks_better_than_it_is():
    """Twelve noises, no signal: the best in these folds beats the honest error of choosing it."""
    rng = np.random.default_rng(4)
    table = pd.DataFrame(rng.normal(size=(60, 12)), columns=[f"n{i}" for i in range(12)])
    table = table.assign(t15_c=rng.normal(size=60), site=np.arange(60).astype(str))
    names = [f"n{i}" for i in range(12)]
    steps = selection.forward_selection(table, names, FOLDS, most=1, **FAST)
    nested = selection.nested_selection(table, names, FOLDS, most=1, **FAST)
    honest = np.sqrt(np.mean((nested["observed"] - nested["predicted"]) ** 2))
    assert steps["selection_rmse_c"].min() < honest - 0.05


def test_stability_counts_what_every_seed_finds(training):
    folds = {seed: np.random.default_rng(seed).permutation(FOLDS) for seed in range(3)}
    found = selection.stability(training, CANDIDATES[2:], folds, **FAST)
    assert found.index[:2].to_list() == ["warmth", "valley"]
    assert found.loc[["warmth", "valley"], "share"].to_list() == [1, 1]
    assert found.loc["warmth", "mean_step"] == 1 and (found["runs"] == 3).all()
    never = found[found["chosen"] == 0]
    assert never["mean_step"].isna().all()


def test_folds_by_seed_differ_and_come_back(study):
    rng = np.random.default_rng(5)
    xy = rng.normal(0, 2e4, (60, 2)) + 4e5 * rng.integers(0, 4, (60, 1))
    training = pd.DataFrame(xy, columns=["x", "y"])
    points = rng.uniform(-1e6, 2e6, (300, 2))
    found = selection.knndm_by_seed(study, training, points, range(3))
    again = selection.knndm_by_seed(study, training, points, [2])
    np.testing.assert_array_equal(found[2], again[2])
    assert len({tuple(folds) for folds in found.values()}) > 1


def test_sets_are_compared_site_by_site_and_the_chosen_one_is_called_optimistic(training):
    sets = {"true": ["warmth", "valley"], "same": ["warmth", "valley"], "noise": ["noise0"]}
    found = selection.compare_sets(training, sets, FOLDS, [0, 1], chosen_here=["true"], **FAST)
    assert found["optimistic"].to_list() == [True, False, False]
    assert found.loc["same", ["difference_c", "difference_error_c"]].to_list() == [0, 0]
    assert found.loc["noise", "difference_c"] > 3 * found.loc["noise", "difference_error_c"] > 0
    assert (found["sd_seeds_c"] > 0).all() and found["predictors"].to_list() == [2, 2, 1]


def test_skill_peaks_at_the_radius_the_ground_depends_on(study):
    rng = np.random.default_rng(6)
    coordinates = {"y": 1000.0 * np.arange(80)[::-1], "x": 1000.0 * np.arange(80)}
    relief = xr.DataArray(rng.normal(0, 100, (80, 80)), coordinates, ("y", "x"))
    relief = relief.rio.write_crs(study.crs)
    positions = {r: topographic_position(relief, r) for r in (2000.0, 5000.0, 12000.0)}
    rows, columns = rng.integers(15, 65, (2, 90))
    t15 = positions[5000.0].to_numpy()[rows, columns] / 20
    training = pd.DataFrame({"x": 1000.0 * columns, "y": 1000.0 * (79 - rows), "t15_c": t15})
    training = training.assign(site="S", TPI=0.0, PRE=rng.normal(size=90))
    found = selection.skill_by_radius(
        training, positions, ["PRE", "TPI"], "TPI", np.arange(90) % 5, [0, 1], **FAST
    )
    assert found["radius_m"].to_list() == [2000, 5000, 12000]
    assert found["rmse_c"].idxmin() == 1 and found["correlation"].idxmax() == 1
    assert found.loc[1, "correlation"] == pytest.approx(1)
    assert found.loc[1, "rmse_c"] < 0.7 * found.loc[1, "rmse_without_c"]


def test_sites_that_lack_a_candidate_are_left_out_and_counted(training):
    holed = training.assign(valley=training["valley"].where(training.index > 9))
    found = selection.complete_sites(holed, ["warmth", "valley"])
    assert len(found) == 50 and found.index[0] == 0 and found["site"][0] == "S10"
    with pytest.raises(ContractError, match=r"0 of 60 sites .* valley: 60.*Leave such a candidate"):
        selection.complete_sites(training.assign(valley=np.nan), ["valley", "warmth"])


MESSAGES = {
    "slope missing": lambda t: selection.spearman_clusters(t, ["valley", "slope"]),
    "valley, valley": lambda t: selection.forward_selection(t, ["valley"] * 2, FOLDS, **FAST),
    "no column missing among those asked for": lambda t: selection.complete_sites(t, []),
    "flat has one value at all 60": lambda t: selection.spearman_clusters(
        t.assign(flat=1.0), ["valley", "flat"]
    ),
    "3 sites know all 3": lambda t: selection.variance_inflation(t[:3], CANDIDATES[:3]),
    "2 found; choosing without one": lambda t: selection.nested_selection(
        t, ["valley"], FOLDS % 2, **FAST
    ),
    "Site S4: valley is missing": lambda t: selection.forward_selection(
        t.assign(valley=t["valley"].where(t.index != 4)), ["valley", "warmth"], FOLDS, **FAST
    ),
    "ours not among those to compare": lambda t: selection.compare_sets(
        t, {"a": ["valley"]}, FOLDS, [0], chosen_here=["ours"]
    ),
    "layer 'valley' missing": lambda t: selection.compare_with_area(t, xr.Dataset(), ["valley"]),
    "'TPI' is not among warmth": lambda t: selection.skill_by_radius(
        t, {}, ["warmth"], "TPI", FOLDS, [0]
    ),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_what_cannot_be_done_is_said(training, message):
    with pytest.raises(ContractError, match=message):
        MESSAGES[message](training)


def test_one_name_of_each_cluster_goes_on_and_the_temperature_has_no_say(training):
    names = [*CANDIDATES, "warmth_again"]
    clusters = selection.spearman_clusters(training, names)
    members = list(clusters.members().values())
    assert ["warmth", "warmth_again"] in members and len(members) == len(names) - 1
    assert clusters.representatives() == CANDIDATES
    assert clusters.representatives(keep=["warmth_again"]) == [
        *(name for name in names if name != "warmth")
    ]
    shuffled = training.assign(t15_c=training["t15_c"].to_numpy()[::-1])
    assert selection.spearman_clusters(shuffled, names).representatives() == CANDIDATES
