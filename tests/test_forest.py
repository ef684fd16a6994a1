import dataclasses

import numpy as np
import pandas as pd
import pytest
import skops.io
from quantile_forest import RandomForestQuantileRegressor
from sklearn.ensemble import RandomForestRegressor

from helpers.forest import fit_forest, load_forest
from helpers.held_out import cross_validated, quantile_name
from helpers.storage import ContractError
from helpers.weights import (
    LEAST_UNEXPLAINED_C,
    compare_fits,
    standard_error_weights,
    unexplained_variance,
)

SETTINGS = {"n_trees": 60, "min_samples_leaf": 2, "max_features": 0.67, "seed": 3}


@pytest.fixture(scope="module")
def sites():
    random = np.random.default_rng(1)
    table = pd.DataFrame(random.normal(size=(70, 3)), columns=["PRE", "TDD", "TPI"])
    table.index = [f"site{i:02d}" for i in range(70)]
    temperature = table.PRE + np.sin(2 * table.TDD) + random.normal(0, 0.5, 70)
    return table, temperature.rename("t15_c")


@pytest.fixture(scope="module")
def forest(sites):
    return fit_forest(*sites, **SETTINGS)


@pytest.fixture(scope="module")
def places():
    cells = np.random.default_rng(2).normal(size=(150, 3))
    return pd.DataFrame(cells, columns=["PRE", "TDD", "TPI"])


@pytest.fixture
def two_leaves():
    """One tree from all sites: (-3, -2, -1) where PRE is low and (1, 2, 6) where it is high."""
    predictors = pd.DataFrame({"PRE": [1.0, 2, 3, 11, 12, 13]})
    return fit_forest(
        predictors, [-3.0, -2, -1, 1, 2, 6], n_trees=1, min_samples_leaf=3, bootstrap=False
    )


@pytest.mark.parametrize("weight", [[1.0] * 69, [np.nan] * 70, [-1.0] * 70, [1.0, np.inf] * 35])
def test_weights_that_mean_nothing_are_refused(sites, weight):
    with pytest.raises(ValueError, match="70 finite numbers of 0 or more"):
        fit_forest(*sites, **SETTINGS, sample_weight=weight)


def test_mean_is_the_prediction_of_the_forest(forest, places):
    predicted = forest.model.predict(places.to_numpy())
    np.testing.assert_allclose(forest.distribution(places).mean, predicted, atol=1e-10)
    np.testing.assert_array_equal(forest.predict(places), predicted)


def test_weights_are_the_mean_share_of_bootstrap_copies_in_the_leaf(forest, places):
    expected = np.zeros((len(places), 70))
    for tree, drawn in zip(forest.model.estimators_, forest.model.estimators_samples_, strict=True):
        leaves = tree.apply(forest.predictors[drawn].astype(np.float32))
        for row, leaf in enumerate(tree.apply(places.to_numpy(np.float32))):
            members = drawn[leaves == leaf]
            np.add.at(expected[row], members, 1 / len(members) / len(forest.model.estimators_))
    np.testing.assert_allclose(forest.leaf_weights(places), expected, atol=1e-14)


def test_weights_sum_to_one_and_their_moments_are_those_of_the_distribution(forest, places):
    weights, found = forest.leaf_weights(places), forest.distribution(places, at_or_below=-0.5)
    deviation = forest.temperature_c - found.mean[:, None]
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(weights @ forest.temperature_c, found.mean, atol=1e-12)
    np.testing.assert_allclose((weights * deviation**2).sum(1), found.standard_deviation**2)
    frozen = weights[:, forest.temperature_c <= -0.5].sum(axis=1)
    np.testing.assert_allclose(found.probability, frozen, atol=1e-12)


def test_one_tree_without_bootstrap_returns_its_leaves(two_leaves):
    """Known answer: thirds of a leaf. PRE = 7, the threshold itself, still goes left."""
    found = two_leaves.distribution(
        pd.DataFrame({"PRE": [7.0, 7.1]}), (0.05, 1 / 3, 0.34, 2 / 3, 0.95), at_or_below=-2
    )
    np.testing.assert_allclose(found.mean, [-2, 3])
    np.testing.assert_allclose(found.standard_deviation, np.sqrt([2 / 3, 14 / 3]))
    np.testing.assert_allclose(found.probability, [2 / 3, 0])
    np.testing.assert_array_equal(found.quantiles, [[-3, -3, -2, -2, -1], [1, 1, 2, 2, 6]])


def test_a_level_missed_by_rounding_only_counts_as_reached():
    """Eight tenths add up to 0.7999999999999999."""
    predictors = pd.DataFrame({"PRE": np.ones(10)})
    forest = fit_forest(predictors, np.arange(1.0, 11), n_trees=1, bootstrap=False)
    assert forest.distribution(predictors[:1], (0.8,)).quantiles == 8


def test_probability_at_or_below_the_warmest_site_is_one(forest, places):
    found = forest.distribution(places, at_or_below=forest.temperature_c.max())
    np.testing.assert_allclose(found.probability, 1, atol=1e-12)
    assert found.probability.max() <= 1


def test_quantiles_are_those_of_quantile_forest(forest, sites, places):
    """Its leaves must be weighted. Its level q of T bootstrap copies lies at (T - 1) q + 1, as in
    numpy's default, ours at T q, as in numpy's inverted_cdf: the levels are shifted to agree.
    They are chosen so that no sum of shares hits one exactly, where it takes the next site."""
    levels = (0.0513, 0.2517, 0.5031, 0.7489, 0.9471)
    reference = RandomForestQuantileRegressor(
        60, min_samples_leaf=2, max_features=0.67, random_state=3, max_samples_leaf=None
    ).fit(sites[0].to_numpy(), sites[1])
    cells, expected = places.to_numpy(), np.empty((len(places), len(levels)))
    for row, leaves in enumerate(reference.apply(cells)):
        copies = sum(
            tree.tree_.weighted_n_node_samples[leaf]
            for tree, leaf in zip(reference.estimators_, leaves, strict=True)
        )
        expected[row] = reference.predict(
            cells[row : row + 1],
            [(q * copies - 1) / (copies - 1) for q in levels],
            interpolation="higher",
            weighted_leaves=True,
        )
    np.testing.assert_array_equal(forest.distribution(places, levels).quantiles, expected)


def test_quantiles_rise_with_the_level_and_are_observed_temperatures(forest, places):
    quantiles = forest.distribution(places, np.linspace(0.01, 0.99, 50)).quantiles
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert np.isin(quantiles, forest.temperature_c).all()


@pytest.mark.parametrize("level", [0.0, 1.0, 5.0, np.nan])
def test_a_level_outside_zero_and_one_is_refused(forest, places, level):
    with pytest.raises(ValueError, match="above 0 and below 1"):
        forest.distribution(places, (0.5, level))


def test_levels_that_do_not_rise_are_refused(forest, places):
    for levels in ((0.5, 0.5), (0.9, 0.1)):
        with pytest.raises(ValueError, match="and above the one before"):
            forest.distribution(places, levels)


@pytest.mark.parametrize("temperature", [np.nan, np.inf])
def test_the_probability_of_no_temperature_is_refused(forest, places, temperature):
    with pytest.raises(ValueError, match=f"at_or_below is {temperature}; a temperature"):
        forest.distribution(places, at_or_below=temperature)


def test_predictors_are_compared_as_float32(sites):
    """0.150000001 lies below the threshold, but the nearest float32 lies above, as sklearn sees."""
    predictors = pd.DataFrame({"PRE": [0.1, 0.1, 0.2, 0.2]})
    forest = fit_forest(predictors, [-1.0, -1, 1, 1], n_trees=1, bootstrap=False)
    assert forest.model.estimators_[0].tree_.threshold[0] > 0.150000001
    near = pd.DataFrame({"PRE": [0.150000001]})
    assert forest.distribution(near).mean == forest.predict(near) == 1


def test_a_row_with_a_missing_predictor_is_never_predicted(forest, places):
    holes = places.copy()
    holes.loc[3, "TPI"], holes.loc[7, "PRE"] = np.nan, np.inf
    found = forest.distribution(holes)
    missing = np.isin(np.arange(len(places)), [3, 7])
    for values in (
        *dataclasses.astuple(found),
        forest.predict(holes),
        forest.leaf_weights(holes),
    ):
        rows = np.isnan(values.reshape(len(places), -1))
        np.testing.assert_array_equal(rows.all(axis=1), missing)
        np.testing.assert_array_equal(rows.any(axis=1), missing)
    np.testing.assert_array_equal(found.mean[~missing], forest.distribution(places).mean[~missing])


def test_rows_that_all_lack_a_predictor_give_nothing_but_nan(forest, places):
    nothing = places.assign(TDD=np.nan)
    assert np.isnan(forest.distribution(nothing).quantiles).all()
    assert np.isnan(forest.predict(nothing)).all()


def test_columns_are_matched_by_name(forest, places):
    shuffled = places.assign(elevation=1.0)[["TPI", "elevation", "TDD", "PRE"]]
    np.testing.assert_array_equal(forest.predict(shuffled), forest.predict(places))


def test_a_missing_column_is_named_with_the_choices(forest, places):
    with pytest.raises(ContractError, match=r"Predictor TDD missing.*PRE, TDD, TPI.*PRE, TPI"):
        forest.distribution(places.drop(columns="TDD"))


def test_predictors_of_one_name_are_refused_in_the_fit_and_later(sites, forest, places):
    with pytest.raises(ContractError, match="More than one predictor has the name TDD"):
        fit_forest(sites[0].rename(columns={"TPI": "TDD"}), sites[1])
    twice = pd.concat([places, places[["TDD"]]], axis=1)
    with pytest.raises(ContractError, match="Predictor TDD missing, or there twice"):
        forest.predict(twice)


def test_a_share_of_one_tries_all_predictors_also_as_a_whole_number(sites, places):
    one, whole = (fit_forest(*sites, **SETTINGS | {"max_features": m}) for m in (1, 1.0))
    np.testing.assert_array_equal(one.predict(places), whole.predict(places))
    assert one.model.estimators_[0].max_features_ == 3


def test_a_complete_matrix_names_the_first_row_that_is_not(forest, places):
    np.testing.assert_array_equal(forest.complete_matrix(places), forest.matrix(places))
    holes = places.assign(TDD=places["TDD"].where(~places.index.isin([3, 7])))
    with pytest.raises(ContractError, match="2 of 150 rows lack a predictor, the first is 3"):
        forest.complete_matrix(holes)


def test_same_seed_same_forest_other_seed_another(sites, forest, places):
    again, other = (fit_forest(*sites, **SETTINGS | {"seed": seed}) for seed in (3, 4))
    np.testing.assert_array_equal(again.predict(places), forest.predict(places))
    assert not np.allclose(other.predict(places), forest.predict(places))


def test_a_site_of_no_weight_is_never_drawn(sites, places):
    weight = np.ones(70)
    weight[5] = 0
    forest = fit_forest(*sites, **SETTINGS, sample_weight=weight)
    weights = forest.leaf_weights(places)
    assert weights[:, 5].max() == 0
    np.testing.assert_allclose(weights @ forest.temperature_c, forest.predict(places))


@pytest.fixture(scope="module")
def weighted(sites):
    """Weights from 0.2 to 3."""
    return fit_forest(*sites, **SETTINGS, sample_weight=np.geomspace(0.2, 3, 70))


def test_with_weights_too_the_mean_is_the_prediction_before_and_after_saving(
    weighted, places, tmp_path
):
    loaded = load_forest(weighted.save(tmp_path / "forest.skops"))
    np.testing.assert_array_equal(loaded.sample_weight, weighted.sample_weight)
    for forest in (weighted, loaded):
        predicted = forest.model.predict(places.to_numpy())
        np.testing.assert_allclose(forest.distribution(places).mean, predicted, atol=1e-10)
        mean = forest.leaf_weights(places) @ forest.temperature_c
        np.testing.assert_allclose(mean, predicted, atol=1e-10)


def test_a_site_is_drawn_in_proportion_to_its_weight(weighted):
    """4200 draws; five standard deviations of the binomial count are allowed."""
    drawn = np.bincount(np.concatenate(weighted.model.estimators_samples_), minlength=70)
    share = weighted.sample_weight / weighted.sample_weight.sum()
    expected, spread = 4200 * share, np.sqrt(4200 * share * (1 - share))
    assert drawn.sum() == 4200 and (np.abs(drawn - expected) < 5 * spread).all()


def test_weights_without_bootstrap_are_refused(sites):
    with pytest.raises(ValueError, match="no meaning"):
        fit_forest(*sites, sample_weight=np.ones(70), bootstrap=False)


def test_a_site_without_a_predictor_is_named_before_fitting(sites):
    holes = sites[0].copy()
    holes.loc["site08", "TPI"] = np.nan
    with pytest.raises(ContractError, match="site08: TPI is missing"):
        fit_forest(holes, sites[1])
    with pytest.raises(ContractError, match="70 rows of predictors"):
        fit_forest(sites[0], sites[1][:60])


def test_a_site_without_a_temperature_is_named_whatever_the_depth(sites):
    """A predictor of the same name is looked at as well."""
    measured = np.where(sites[0].index == "site08", np.nan, sites[1])
    with pytest.raises(ContractError, match="site08: temperature is missing"):
        fit_forest(sites[0], measured)
    alike = sites[0].rename(columns={"TPI": "temperature"})
    alike.loc["site09", "temperature"] = np.nan
    with pytest.raises(ContractError, match="site09: temperature is missing"):
        fit_forest(alike, sites[1])


def test_trees_and_training_table_must_belong_together(forest, places):
    other = dataclasses.replace(forest, temperature_c=forest.temperature_c[::-1])
    with pytest.raises(ValueError, match="do not belong together"):
        other.distribution(places)


def test_a_loaded_forest_predicts_the_same(forest, places, tmp_path):
    loaded = load_forest(forest.save(tmp_path / "forest.skops"))
    assert loaded.names == forest.names
    for found, expected in zip(
        dataclasses.astuple(loaded.distribution(places)),
        dataclasses.astuple(forest.distribution(places)),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


def test_the_same_forest_gives_the_same_bytes(sites, forest, tmp_path):
    first = forest.save(tmp_path / "first.skops")
    fitted_again = fit_forest(*sites, **SETTINGS).save(tmp_path / "second.skops")
    loaded_and_saved = load_forest(first).save(tmp_path / "third.skops")
    assert first.read_bytes() == fitted_again.read_bytes() == loaded_and_saved.read_bytes()


class Hostile:
    awake = False

    def __init__(self):
        self.state = 1

    def __setstate__(self, state):
        Hostile.awake = True


def test_a_file_with_a_foreign_type_is_refused_unread(forest, tmp_path):
    skops.io.dump({"model": forest.model, "names": Hostile()}, tmp_path / "hostile.skops")
    with pytest.raises(ContractError, match="Hostile, which no forest needs"):
        load_forest(tmp_path / "hostile.skops")
    assert not Hostile.awake


def test_a_tree_whose_nodes_lead_nowhere_is_refused(sites, tmp_path):
    """scikit-learn would read beyond its memory."""
    forest = fit_forest(*sites, **SETTINGS)
    tree = forest.model.estimators_[2].tree_
    state = tree.__getstate__()
    state["nodes"]["left_child"][0] = 1_000_000
    tree.__setstate__(state)
    with pytest.raises(ContractError, match="tree 2 has nodes that lead nowhere"):
        load_forest(forest.save(tmp_path / "forest.skops"))


def test_what_is_no_forest_is_refused(forest, tmp_path):
    path = tmp_path / "forest.skops"
    path.write_text("not a zip")
    with pytest.raises(ContractError, match="not a forest"):
        load_forest(path)
    skops.io.dump({"model": forest.model}, path)
    with pytest.raises(ContractError, match="not a forest"):
        load_forest(path)
    cut = dataclasses.replace(forest, predictors=forest.predictors[:, :2]).save(path)
    with pytest.raises(ContractError, match=r"shape \(70, 2\).*\(70, 3\)"):
        load_forest(cut)
    with pytest.raises(FileNotFoundError, match="Run notebook 03 first"):
        load_forest(tmp_path / "none.skops", made_by="notebook 03")


def test_held_out_sites_are_predicted_by_forests_that_have_not_seen_them(sites):
    folds = np.arange(70) % 5
    found = cross_validated(*sites, folds, quantiles=(0.025, 0.5), progress=False, **SETTINGS)
    unseen = fit_forest(sites[0][folds != 2], sites[1][folds != 2], **SETTINGS)
    expected = unseen.distribution(sites[0][folds == 2], (0.025, 0.5))
    held_out = found[folds == 2]
    np.testing.assert_array_equal(held_out["predicted"], expected.mean)
    np.testing.assert_array_equal(held_out["standard_deviation"], expected.standard_deviation)
    np.testing.assert_array_equal(held_out["probability"], expected.probability)
    np.testing.assert_array_equal(held_out[["q02.5", "q50"]], expected.quantiles)
    np.testing.assert_array_equal(found["fold"], folds)
    pd.testing.assert_series_equal(found["observed"], sites[1], check_names=False)


def test_held_out_prediction_does_not_depend_on_the_held_out_temperature(sites):
    folds, changed = np.arange(70) % 5, sites[1].copy()
    changed[folds == 1] += 100
    first, second = (
        cross_validated(sites[0], t, folds, progress=False, **SETTINGS) for t in (sites[1], changed)
    )
    in_fold = folds == 1
    pd.testing.assert_series_equal(first["predicted"][in_fold], second["predicted"][in_fold])
    assert (second["predicted"][~in_fold] > first["predicted"][~in_fold] + 1).all()


@pytest.mark.parametrize("folds", [np.zeros(70, int), np.arange(69)])
def test_folds_that_do_not_fit_are_refused(sites, folds):
    with pytest.raises(ContractError, match="each of the 70 sites and at least 2 folds"):
        cross_validated(*sites, folds, progress=False)


def test_quantile_columns_sort_by_level():
    names = [quantile_name(level) for level in (0.025, 0.05, 0.25, 0.5, 0.95, 0.975)]
    assert names == ["q02.5", "q05", "q25", "q50", "q95", "q97.5"]


def test_out_of_bag_predictions_are_those_of_scikit_learn(sites, forest):
    reference = RandomForestRegressor(
        60, min_samples_leaf=2, max_features=0.67, random_state=3, oob_score=True
    ).fit(sites[0].to_numpy(), sites[1])
    np.testing.assert_allclose(forest.out_of_bag(), reference.oob_prediction_, atol=1e-12)


def test_a_site_that_every_tree_drew_has_no_out_of_bag_prediction(sites):
    forest = fit_forest(*sites, **SETTINGS | {"n_trees": 1})
    drawn = np.isin(np.arange(70), forest.model.estimators_samples_[0])
    np.testing.assert_array_equal(np.isnan(forest.out_of_bag()), drawn)


def test_unexplained_variance_of_known_cases():
    """1/v + 9/(v + 8) = 2 at v = 1; with equal standard errors the plain difference of variances:
    (9 + 16 + 25) / 3 - 4."""
    assert unexplained_variance([1, -3], [0, np.sqrt(8)]) == pytest.approx(1)
    assert unexplained_variance([3, -4, np.nan, 5], [2, 2, 2, 2]) == pytest.approx(50 / 3 - 4)
    assert unexplained_variance([0.5, -0.5], [1, 1]) == LEAST_UNEXPLAINED_C**2


def test_one_site_said_to_be_very_poor_does_not_hide_the_unexplained_variance():
    residual, error = np.tile([0.6, -0.6], 20), np.full(40, 0.05)
    error[3] = 10.0  # the mean of the squares is now above that of the residuals
    assert np.mean(error**2) > np.mean(residual**2)
    assert unexplained_variance(residual, error) == pytest.approx(0.36, rel=0.05)


def test_without_an_out_of_bag_residual_there_is_no_unexplained_variance():
    with pytest.raises(ContractError, match="more trees"):
        unexplained_variance([np.nan, np.nan], [1, 1])


def test_weights_are_inverse_to_both_variances_and_one_on_average(sites, forest):
    error = np.linspace(0.05, 2, 70)
    weight = standard_error_weights(*sites, error, **SETTINGS)
    v = unexplained_variance(forest.temperature_c - forest.out_of_bag(), error)
    np.testing.assert_allclose(weight / weight[0], (v + error[0] ** 2) / (v + error**2))
    assert weight.mean() == pytest.approx(1)


@pytest.mark.parametrize("error", [0.0, 0.3, 5.0])
def test_equal_standard_errors_change_nothing(sites, forest, places, error):
    weight = standard_error_weights(*sites, np.full(70, error), **SETTINGS)
    np.testing.assert_allclose(weight, 1)
    same = fit_forest(*sites, **SETTINGS, sample_weight=weight)
    np.testing.assert_array_equal(same.predict(places), forest.predict(places))


def test_a_site_of_huge_standard_error_hardly_counts_even_at_itself(sites):
    wrong, error = sites[1].copy(), np.full(70, 0.05)
    wrong.iloc[20], error[20] = wrong.iloc[20] + 30, 30
    weight = standard_error_weights(sites[0], wrong, error, **SETTINGS)
    here, others = sites[0].iloc[[20]], np.arange(70) != 20
    without = fit_forest(sites[0][others], wrong[others], **SETTINGS).predict(here)
    off, on = (fit_forest(sites[0], wrong, **SETTINGS, sample_weight=w) for w in (None, weight))
    assert off.predict(here) > without + 5
    assert abs(on.predict(here) - without) < 0.5


def test_splits_may_leave_out_more_than_they_test(sites):
    """As NNDM does: the forest then knows neither the site nor what was left out with it."""
    splits = [(np.arange(20, 70), np.arange(10)), (np.arange(10), np.arange(10, 70))]
    found = cross_validated(*sites, splits, progress=False, **SETTINGS)
    assert found["fold"].tolist() == [0] * 10 + [1] * 60
    alone = fit_forest(sites[0][20:], sites[1][20:], **SETTINGS).predict(sites[0][:10])
    np.testing.assert_allclose(found["predicted"][:10], alone)


def test_the_integral_transform_is_the_weight_below_and_half_of_that_at_the_observation(sites):
    folds = np.arange(70) % 5
    observed = np.round(sites[1], 1).to_numpy()
    found = cross_validated(sites[0], observed, folds, progress=False, **SETTINGS)
    test = folds == 2
    forest = fit_forest(sites[0][~test], observed[~test], **SETTINGS)
    weights = forest.leaf_weights(sites[0][test])
    row = np.flatnonzero(test)[3]
    known = forest.temperature_c
    by_hand = weights[3][known < observed[row]].sum() + weights[3][known == observed[row]].sum() / 2
    assert found["pit"].iloc[row] == pytest.approx(by_hand)


def test_weights_of_a_fold_know_nothing_of_the_sites_held_out(sites):
    folds, error = np.arange(70) % 5, np.linspace(0.05, 1, 70)
    hidden = folds == 1
    warmer, worse = sites[1] + 100 * hidden, np.where(hidden, 50, error)
    first, second, off = (
        cross_validated(sites[0], t, folds, standard_error_c=e, progress=False, **SETTINGS)
        for t, e in ((sites[1], error), (warmer, worse), (sites[1], None))
    )
    found, changed = (table.drop(columns=["observed", "pit"]) for table in (first, second))
    pd.testing.assert_frame_equal(found[hidden], changed[hidden])
    assert not np.allclose(found["predicted"], off["predicted"])


def test_with_a_few_very_noisy_sites_weights_lower_the_true_error():
    """Mean of 12 simulations; 10 of 100 sites have a standard error of 3 deg C, the others 0.05.
    Seen: 0.55 without weights, 0.49 with them; in two other dozens of seeds they gained more."""
    rmse = np.array([true_error_without_and_with_weights(seed) for seed in range(12)])
    off, on = rmse.mean(axis=0)
    assert on < off - 0.03


def true_error_without_and_with_weights(seed):
    random = np.random.default_rng(seed)
    x = pd.DataFrame(random.normal(size=(500, 3)), columns=["PRE", "TDD", "TPI"])
    truth = (x.PRE + np.sin(2 * x.TDD)).to_numpy()
    error = np.where(np.arange(100) < 10, 3, 0.05)
    measured = truth[:100] + random.normal(0, 0.4, 100) + random.normal(0, error)
    weight = standard_error_weights(x[:100], measured, error, **SETTINGS)
    forests = (fit_forest(x[:100], measured, **SETTINGS, sample_weight=w) for w in (None, weight))
    return [np.sqrt(np.mean((f.predict(x[100:]) - truth[100:]) ** 2)) for f in forests]


@pytest.mark.parametrize("error", [np.nan, -0.1, np.inf])
def test_a_site_without_a_standard_error_is_named(sites, error):
    errors = np.full(70, 0.1)
    errors[8] = error
    with pytest.raises(ContractError, match=f"site08: standard error {error}.*leave the site out"):
        standard_error_weights(*sites, errors, **SETTINGS)
    with pytest.raises(ContractError, match=r"70 sites.*shape \(69,\)"):
        standard_error_weights(*sites, errors[1:], **SETTINGS)


def test_fits_are_compared_with_the_first(sites, forest, weighted):
    found = compare_fits({"off": forest, "again": fit_forest(*sites, **SETTINGS), "on": weighted})
    change = np.abs(weighted.predict(sites[0]) - forest.predict(sites[0]))
    assert list(found.index) == ["off", "again", "on"]
    assert (found.loc[["off", "again"]].iloc[:, 1:] == 0).all(axis=None)
    assert found.loc["on", "mean change at sites"] == change.mean()
    assert found.loc["on", "largest change at sites"] == change.max()
    rmse = np.sqrt(np.mean((forest.temperature_c - forest.out_of_bag()) ** 2))
    assert found.loc["off", "out-of-bag RMSE"] == rmse
