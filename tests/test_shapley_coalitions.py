"""Coalitions against their definition, games with known answers, and two independent programs."""

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
import shap

from helpers.forest import fit_forest
from helpers.shapley import (
    ShapleyValues,
    coalition_values,
    few_enough,
    group_shapley,
    grouped,
    interaction_values,
    site_shapley,
)
from helpers.shapley.coalitions import interactions_of, shapley_of
from helpers.storage import ContractError

NAMES = ["PRE", "TDD", "TPI", "slope"]


@pytest.fixture(scope="module")
def sites():
    random = np.random.default_rng(5)
    table = pd.DataFrame(random.normal(size=(60, 4)), columns=NAMES)
    return table, 2 * table.PRE + table.TDD * table.PRE * table.TPI + random.normal(0, 0.2, 60)


@pytest.fixture(scope="module")
def forest(sites):
    return fit_forest(*sites, n_trees=10, min_samples_leaf=2, seed=1)


@pytest.fixture(scope="module")
def games():
    """Worth of all coalitions of five players in three arbitrary games."""
    return np.random.default_rng(3).normal(size=(3, 2**5))


def subsets(players):
    return (s for size in range(len(players) + 1) for s in combinations(players, size))


def number(coalition):
    return sum(1 << player for player in coalition)


def shapley_by_definition(worth, player, n):
    """Mean marginal contribution over all orders."""
    return sum(
        factorial(len(s)) * factorial(n - len(s) - 1) / factorial(n)
        * (worth[number((*s, player))] - worth[number(s)])
        for s in subsets([p for p in range(n) if p != player])
    )  # fmt: skip


def interaction_by_definition(worth, i, j, n):
    """Half of the Shapley interaction index, as TreeSHAP writes it."""
    return sum(
        factorial(len(s)) * factorial(n - len(s) - 2) / (2 * factorial(n - 1))
        * (worth[number((*s, i, j))] - worth[number((*s, i))] - worth[number((*s, j))]
           + worth[number(s)])
        for s in subsets([p for p in range(n) if p not in (i, j)])
    )  # fmt: skip


def test_a_coalition_is_the_mean_prediction_with_the_rest_from_all_sites(forest, sites):
    found = coalition_values(forest, sites[0].iloc[:3])
    mixed = sites[0].assign(TDD=sites[0]["TDD"][2], slope=sites[0]["slope"][2])
    assert found[2, 0b1010] == pytest.approx(forest.predict(mixed).mean(), abs=1e-12)
    np.testing.assert_allclose(found[:, 0], forest.predict(sites[0]).mean())
    np.testing.assert_allclose(found[:, -1], forest.predict(sites[0].iloc[:3]))


def test_chunks_make_no_difference(forest, sites, monkeypatch):
    whole = coalition_values(forest, sites[0].iloc[:3])
    monkeypatch.setattr("helpers.shapley.coalitions._ROWS_AT_ONCE", 7 * 60)
    np.testing.assert_allclose(coalition_values(forest, sites[0].iloc[:3]), whole, atol=1e-12)


def test_shapley_values_are_the_mean_over_all_orders(games):
    expected = [[shapley_by_definition(game, p, 5) for p in range(5)] for game in games]
    np.testing.assert_allclose(shapley_of(games), expected, atol=1e-12)


def test_the_order_of_the_numbers_in_memory_does_not_matter(games):
    kept = np.asfortranarray(games)
    np.testing.assert_array_equal(interactions_of(kept), interactions_of(games))
    assert np.array_equal(kept, games)


def test_no_places_have_no_interactions(forest, sites):
    nowhere = sites[0][:0]
    assert interaction_values(forest, nowhere).shape == (0, 4, 4)
    assert group_shapley(forest, nowhere, {"both": NAMES[:2]}).values.shape == (0, 3)


def test_interactions_are_those_of_the_definition_and_add_up(games):
    found = interactions_of(games)
    for game, values in zip(games, found, strict=True):
        for i, j in combinations(range(5), 2):
            assert values[i, j] == pytest.approx(interaction_by_definition(game, i, j, 5))
    np.testing.assert_array_equal(found, found.transpose(0, 2, 1))
    np.testing.assert_allclose(found.sum(axis=2), shapley_of(games), atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), games[:, -1] - games[:, 0], atol=1e-12)


def test_coalitions_are_an_oracle_of_the_fast_values(forest, sites):
    fast = site_shapley(forest, sites[0])
    worth = coalition_values(forest, sites[0])
    np.testing.assert_allclose(fast.values, shapley_of(worth), atol=1e-8)
    assert fast.base_value == pytest.approx(worth[0, 0], abs=1e-8)


def test_interactions_of_one_tree_of_independent_predictors_are_those_of_treeshap():
    """On a full grid what shap weighs along the paths is the mean over all sites."""
    grid = pd.DataFrame(np.indices((3, 3, 3)).reshape(3, -1).T.astype(float), columns=list("abc"))
    worth = grid["a"] * grid["b"] * grid["c"] + grid["a"] ** 2 - 2 * grid["b"] * grid["c"]
    tree = fit_forest(grid, worth, n_trees=1, min_samples_leaf=1, bootstrap=False)
    expected = shap.TreeExplainer(tree.model).shap_interaction_values(grid.to_numpy())
    found = interaction_values(tree, grid)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found[:, 0, 1]).max() > 0.3


def full_tree(formula, levels=4, names="ab"):
    """A forest of one tree that knows ``formula`` on a grid of the predictors by heart."""
    grid = np.indices((levels,) * len(names)).reshape(len(names), -1).T.astype(float)
    table = pd.DataFrame(grid, columns=list(names))
    tree = {"n_trees": 1, "min_samples_leaf": 1, "max_features": 1.0, "bootstrap": False}
    return fit_forest(table, formula(table), **tree), table


def test_what_is_additive_does_not_interact():
    forest, grid = full_tree(lambda t: t["a"] ** 2 - 3 * t["b"])
    found = interaction_values(forest, grid)
    np.testing.assert_allclose(found[:, 0, 1], 0, atol=1e-10)
    main = grid["a"] ** 2 - (grid["a"] ** 2).mean()
    np.testing.assert_allclose(found[:, 0, 0], main, atol=1e-10)


def test_a_product_interacts_by_the_product_of_both_deviations():
    """Of ab: main effect (a - 1.5) 1.5, and half of (a - 1.5)(b - 1.5) for each of the pair."""
    forest, grid = full_tree(lambda t: t["a"] * t["b"])
    found, a, b = interaction_values(forest, grid), grid["a"] - 1.5, grid["b"] - 1.5
    np.testing.assert_allclose(found[:, 0, 1], a * b / 2, atol=1e-10)
    np.testing.assert_allclose(found[:, 0, 0], 1.5 * a, atol=1e-10)
    np.testing.assert_allclose(found[:, 1, 1], 1.5 * b, atol=1e-10)


def test_members_of_a_group_are_added_up_and_the_others_stay():
    values = ShapleyValues(np.array([[1.0, 2, 4]]), -1.0, tuple("abc"), np.array([[7.0, 8, 9]]))
    found = grouped(values, {"warm": ["c", "a"]})
    assert found.names == ("warm", "b") and found.base_value == -1
    np.testing.assert_array_equal(found.values, [[5, 2]])
    np.testing.assert_array_equal(found.data, [[np.nan, 8]])
    assert grouped(values, {}).names == values.names


def test_a_group_as_one_player_equals_the_sum_unless_three_interact():
    """Of deviations ABC each player gets a third, A and B two; as one player they get half."""
    forest, grid = full_tree(lambda t: (t - 0.5).prod(axis=1), levels=2, names="abc")
    product = (grid - 0.5).prod(axis=1)
    group = {"both": ["a", "b"]}
    added = grouped(site_shapley(forest, grid), group)
    alone = group_shapley(forest, grid, group)
    np.testing.assert_allclose(added.values[:, 0], 2 / 3 * product, atol=1e-8)
    np.testing.assert_allclose(alone.values[:, 0], product / 2, atol=1e-10)
    assert alone.names == added.names == ("both", "c")
    np.testing.assert_array_equal(alone.data, added.data)
    pairs, grid = full_tree(lambda t: t["a"] * t["c"] + t["b"] * t["c"], 3, "abc")
    added, alone = grouped(site_shapley(pairs, grid), group), group_shapley(pairs, grid, group)
    np.testing.assert_allclose(alone.values, added.values, atol=1e-8)


def test_everything_in_one_group_is_prediction_minus_base(forest, sites):
    found = group_shapley(forest, sites[0].iloc[:5], {"all": NAMES})
    total = forest.predict(sites[0].iloc[:5]) - found.base_value
    np.testing.assert_allclose(found.values[:, 0], total, atol=1e-10)


def test_more_than_ten_players_are_refused_and_groups_help():
    names = [f"c{i}" for i in range(11)]
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 11)), columns=names)
    forest = fit_forest(table, table["c0"], n_trees=2)
    with pytest.raises(ContractError, match=r"11 players .* 2048 coalitions; at most 10 .*groups"):
        coalition_values(forest, table)
    assert coalition_values(forest, table[:1], {"most": names[1:]}).shape == (1, 4)


MISTAKES = {
    "1 of 60 rows lack a predictor, the first is 7": lambda f, x: coalition_values(
        f, x.assign(TDD=x["TDD"].where(x.index != 7))
    ),
    "Predictor slope missing": lambda f, x: coalition_values(f, x.drop(columns="slope")),
    "TPI in more than one group": lambda f, x: coalition_values(
        f, x, {"one": ["TPI", "PRE"], "two": ["TPI", "slope"]}
    ),
    "Group 'one': snow found": lambda f, x: coalition_values(f, x, {"one": ["snow"]}),
    "Group 'PRE' has the name": lambda f, x: coalition_values(f, x, {"PRE": ["TPI", "slope"]}),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_what_cannot_be_worked_out_is_said(forest, sites, message):
    with pytest.raises(ContractError, match=message):
        MISTAKES[message](forest, sites[0])


def test_more_predictions_than_can_be_made_are_refused_and_fewer_places_offered(
    forest, sites, monkeypatch
):
    x = sites[0]
    assert few_enough(forest, x) is not None and len(few_enough(forest, x)) == len(x)
    monkeypatch.setattr("helpers.shapley.coalitions.MOST_PREDICTIONS", 20_000)
    with pytest.raises(ContractError, match=r"60 places, 60 training sites and 16 .* 57,600 pred"):
        coalition_values(forest, x)
    few = few_enough(forest, x)
    assert list(few.index) == list(range(0, 60, 3))
    assert coalition_values(forest, few).shape == (20, 16)
