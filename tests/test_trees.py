"""The compiled loops against plain ones, and against independent programs."""

import dataclasses
import itertools
from math import factorial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shap
from numba.core.dispatcher import Dispatcher

from helpers.forest import fit_forest
from helpers.shapley import site_shapley, values
from helpers.storage import ContractError
from helpers.trees import contributions, grid, looked_up, loops, shapley, visits

SETTINGS = {"n_trees": 40, "min_samples_leaf": 2, "max_features": 0.67, "seed": 3}


def forest_of(n_predictors, n_sites=60, **settings):
    rng = np.random.default_rng(n_predictors)
    names = [f"p{i}" for i in range(n_predictors)]
    table = pd.DataFrame(rng.normal(size=(n_sites, n_predictors)), columns=names)
    temperature = 3 * table["p0"] + table.prod(axis=1) + rng.normal(0, 0.3, n_sites)
    return fit_forest(table, temperature, **SETTINGS | settings)


@pytest.fixture(scope="module")
def forest():
    return forest_of(3)


@pytest.fixture(scope="module")
def cells():
    """Some alike, some apart, some twice, some exactly at the sites."""
    rng = np.random.default_rng(9)
    path = np.cumsum(rng.normal(0, 0.01, (300, 3)), axis=0)
    apart = rng.normal(0, 2, (200, 3))
    return np.concatenate([path, apart, apart[:50]]).astype(np.float32)


def table(forest, cells):
    return pd.DataFrame(cells, columns=forest.names)


def plain_distribution(forest, cells, level, at_or_below):
    """Mean, spread, quantile and probability straight from scikit-learn's leaves."""
    sites = forest.predictors.astype(np.float32)
    weights = np.zeros((len(cells), len(sites)))
    for tree, drawn in zip(forest.model.estimators_, forest.model.estimators_samples_, strict=True):
        copies = np.bincount(drawn, minlength=len(sites))
        together = tree.apply(cells)[:, None] == tree.apply(sites)
        weights += copies * together / (together @ copies)[:, None]
    weights /= len(forest.model.estimators_)
    order = np.argsort(forest.temperature_c)
    temperature = forest.temperature_c[order]
    mean = weights @ forest.temperature_c
    spread = np.sqrt((weights * (forest.temperature_c - mean[:, None]) ** 2).sum(axis=1))
    reached = weights[:, order].cumsum(axis=1) >= level - 1e-12
    frozen = weights[:, forest.temperature_c <= at_or_below].sum(axis=1)
    return mean, spread, temperature[reached.argmax(axis=1)], frozen


@pytest.mark.parametrize("n_predictors", [1, 2, 3, 9])
def test_the_distribution_is_that_of_scikit_learns_leaves(n_predictors):
    forest = forest_of(n_predictors)
    rng = np.random.default_rng(4)
    some = rng.normal(size=(400, n_predictors)).astype(np.float32)
    found = forest.distribution(table(forest, some), (0.3,), at_or_below=-0.2)
    mean, spread, quantile, frozen = plain_distribution(forest, some, 0.3, -0.2)
    np.testing.assert_allclose(found.mean, mean, atol=1e-12)
    np.testing.assert_allclose(found.standard_deviation, spread, atol=1e-9)
    np.testing.assert_array_equal(found.quantiles[:, 0], quantile)
    np.testing.assert_allclose(found.probability, frozen, atol=1e-12)


def test_an_answer_does_not_depend_on_the_cells_around_it(forest, cells):
    order = np.random.default_rng(1).permutation(len(cells))
    tables = forest.shapley_tables
    whole = forest.distribution(table(forest, cells))
    mixed = forest.distribution(table(forest, cells[order]))
    alone = forest.distribution(table(forest, cells[-1:]))
    for name in ("mean", "standard_deviation", "quantiles", "probability"):
        values = getattr(whole, name)
        assert values[order].tobytes() == getattr(mixed, name).tobytes(), name
        assert values[-1:].tobytes() == getattr(alone, name).tobytes(), name
    explained = contributions(cells, forest.trees, tables)
    assert explained[order].tobytes() == contributions(cells[order], forest.trees, tables).tobytes()
    assert explained[-1:].tobytes() == contributions(cells[-1:], forest.trees, tables).tobytes()


def test_shares_of_every_leaf_sum_to_the_whole_exactly(forest):
    trees = forest.trees
    sums = np.add.reduceat(trees.share, trees.first[:-1][trees.predictor < 0])
    assert (sums == trees.whole).all()
    assert len(trees.roots) * trees.whole <= 2**62


def test_no_quantile_is_a_site_without_weight():
    """Even at a level below the rounding that is allowed for."""
    sites = pd.DataFrame({"p0": [0.0, 0.1, 9.0, 9.1]})
    forest = fit_forest(
        sites, [-5.0, -4, 3, 4], n_trees=1, min_samples_leaf=2, bootstrap=False, max_features=1.0
    )
    found = forest.distribution(pd.DataFrame({"p0": [9.0]}), (1e-13, 0.9))
    assert found.quantiles.tolist() == [[3, 4]]


def test_a_cell_on_a_threshold_goes_left_and_one_just_above_goes_right():
    """Thresholds are doubles, cells floats: the rank must compare as scikit-learn does."""
    forest = forest_of(1)
    thresholds = forest.trees.thresholds.astype(np.float32)
    around = [np.nextafter(thresholds, np.float32(end)) for end in (-np.inf, np.inf)]
    cells = np.concatenate([thresholds, *around])[:, None]
    expected = forest.model.predict(cells)
    found = forest.distribution(table(forest, cells)).mean
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_an_order_of_visits_has_every_cell_once_and_keeps_alike_cells_together(cells):
    forest = forest_of(3)
    ranks, counts = forest.trees.ranks(cells), np.diff(forest.trees.first_threshold)
    order = visits.visiting_order(ranks, counts)
    np.testing.assert_array_equal(np.sort(order), np.arange(len(cells)))

    def jumps(rows):
        return np.abs(np.diff(ranks[rows], axis=0)).sum()

    assert jumps(order) < 0.7 * jumps(np.random.default_rng(0).permutation(len(cells)))


def test_a_hundred_predictors_can_be_ordered():
    """More predictors than bits in a code."""
    ranks = np.random.default_rng(0).integers(0, 5, (50, 100)).astype(np.int32)
    order = visits.visiting_order(ranks, np.full(100, 4))
    np.testing.assert_array_equal(np.sort(order), np.arange(50))


def by_all_coalitions(forest, cells):
    """Shapley values from their definition; unknown predictors take the values of all sites."""
    n = len(forest.names)

    def worth(known):
        mixed = np.repeat(forest.predictors.astype(np.float32)[None], len(cells), axis=0)
        mixed[:, :, known] = cells[:, None, known]
        flat = mixed.reshape(-1, n)
        return forest.model.predict(flat).reshape(len(cells), -1).mean(axis=1)

    worths = {
        known: worth(list(known))
        for k in range(n + 1)
        for known in itertools.combinations(range(n), k)
    }
    values = np.zeros(cells.shape)
    for known, low in worths.items():
        share = (
            factorial(len(known)) * factorial(n - len(known) - 1) / factorial(n)
            if len(known) < n
            else 0
        )
        for i in set(range(n)) - set(known):
            values[:, i] += share * (worths[tuple(sorted((*known, i)))] - low)
    return values


@pytest.mark.parametrize("n_predictors", [1, 2, 3, 5])
def test_shapley_values_are_those_of_all_coalitions(n_predictors):
    forest = forest_of(n_predictors, n_sites=40, n_trees=20)
    cells = np.random.default_rng(2).normal(size=(25, n_predictors)).astype(np.float32)
    found = contributions(cells, forest.trees, forest.shapley_tables)
    np.testing.assert_allclose(found, by_all_coalitions(forest, cells), atol=1e-8)


def test_shapley_values_are_those_of_the_shap_library(forest, cells):
    sites = forest.predictors.astype(np.float32)
    background = shap.maskers.Independent(sites, max_samples=len(sites))
    explainer = shap.TreeExplainer(forest.model, background)
    found = contributions(cells[::20], forest.trees, forest.shapley_tables)
    np.testing.assert_allclose(found, explainer.shap_values(cells[::20]), atol=1e-6)
    assert forest.shapley_tables.base_value == pytest.approx(explainer.expected_value, abs=1e-6)


def test_shapley_values_of_every_cell_add_up_to_its_prediction(forest, cells):
    tables = forest.shapley_tables
    total = contributions(cells, forest.trees, tables).sum(axis=1) + tables.base_value
    np.testing.assert_allclose(total, forest.model.predict(cells), atol=1e-9)


@pytest.mark.parametrize("n_predictors", [1, 2, 4])
def test_values_looked_up_are_those_summed_to_the_last_bit(n_predictors):
    forest = forest_of(n_predictors)
    boxes, tables = forest.shapley_grid, forest.shapley_tables
    rng = np.random.default_rng(6)
    thresholds = rng.choice(forest.trees.thresholds, (100, n_predictors))
    cells = np.concatenate([rng.normal(0, 2, (400, n_predictors)), thresholds]).astype(np.float32)
    found = looked_up(cells, forest.trees, tables, boxes)
    assert found.tobytes() == contributions(cells, forest.trees, tables).tobytes()
    assert found[::-1].tobytes() == looked_up(cells[::-1], forest.trees, tables, boxes).tobytes()


def test_many_places_are_explained_as_few_are(forest, monkeypatch):
    """Also where the boxes would not fit."""
    places = pd.DataFrame(np.random.default_rng(1).normal(size=(200, 3)), columns=forest.names)
    few = site_shapley(forest, places).values
    monkeypatch.setattr(values, "MANY_PLACES", 100)
    assert site_shapley(forest, places).values.tobytes() == few.tobytes()
    monkeypatch.setattr(grid, "LARGEST_GRID", 100)
    again = dataclasses.replace(forest)
    assert again.shapley_grid is None
    assert site_shapley(again, places).values.tobytes() == few.tobytes()


def test_a_predictor_no_tree_asks_for_adds_nothing():
    """A constant predictor cannot be split on."""
    rng = np.random.default_rng(0)
    sites = pd.DataFrame({"PRE": rng.normal(size=30), "flat": np.ones(30)})
    forest = fit_forest(sites, sites["PRE"], n_trees=10)
    found = contributions(forest.matrix(sites), forest.trees, forest.shapley_tables)
    assert (found[:, 1] == 0).all() and (found[:, 0] != 0).any()
    again = looked_up(
        forest.matrix(sites), forest.trees, forest.shapley_tables, forest.shapley_grid
    )
    assert again.tobytes() == found.tobytes()


def test_a_forest_of_single_leaves_has_nothing_to_explain():
    sites = pd.DataFrame({"PRE": [1.0, 2, 3]})
    forest = fit_forest(sites, [1.0, 2, 6], n_trees=1, min_samples_leaf=3, bootstrap=False)
    assert (
        contributions(forest.matrix(sites), forest.trees, forest.shapley_tables).tolist()
        == [[0.0]] * 3
    )
    assert forest.shapley_tables.base_value == pytest.approx(3)


def test_tables_that_would_not_fit_are_refused_with_a_remedy(forest, monkeypatch):
    monkeypatch.setattr(shapley, "LARGEST_TABLES", 1000)
    with pytest.raises(ContractError, match=r"up to 3 predictors on one path.*min_samples_leaf"):
        shapley.shapley_tables(forest.trees, forest.predictors.astype(np.float32))


def test_compiled_functions_call_only_those_of_their_own_file():
    """Numba keeps what it has compiled until the file of a function changes, whatever it calls."""
    for module in (loops, shapley):
        own = {n: f for n, f in vars(module).items() if isinstance(f, Dispatcher)}
        assert own
        for function in own.values():
            if function.__module__ == module.__name__:
                called = {getattr(module, n, None) for n in function.py_func.__code__.co_names}
                files = {f.__module__ for f in called if isinstance(f, Dispatcher)}
                assert files <= {module.__name__}, function.__name__
    compiled = {
        p.stem for p in Path(loops.__file__).parent.glob("*.py") if "@njit" in p.read_text()
    }
    assert compiled == {"loops", "shapley"}
