import dataclasses

import numpy as np
import pandas as pd
import pytest
import shap

from helpers.forest import fit_forest
from helpers.shapley import site_shapley
from helpers.storage import ContractError

NAMES = ["PRE", "TDD", "TPI"]
SETTINGS = {"n_trees": 30, "min_samples_leaf": 2}


@pytest.fixture(scope="module")
def sites():
    """104 sites, more than shap keeps of a background; TPI has nothing to say."""
    random = np.random.default_rng(5)
    table = pd.DataFrame(random.normal(size=(104, 3)), columns=NAMES)
    temperature = 2 * table.PRE + table.TDD * table.PRE + table.TDD + random.normal(0, 0.2, 104)
    return table, temperature


@pytest.fixture(scope="module")
def forest(sites):
    return fit_forest(*sites, **SETTINGS, seed=1)


def test_values_add_up_to_the_prediction(forest, sites):
    found = site_shapley(forest, sites[0])
    total = found.base_value + found.values.sum(axis=1)
    np.testing.assert_allclose(total, forest.predict(sites[0]), atol=1e-6)
    assert found.base_value == pytest.approx(forest.predict(sites[0]).mean(), abs=1e-6)


def test_all_sites_are_background_where_an_array_would_be_cut(forest, sites):
    cut = shap.TreeExplainer(forest.model, forest.predictors)
    assert len(cut.data) == 100
    found = site_shapley(forest, sites[0].iloc[:6])
    assert np.abs(cut.shap_values(sites[0].to_numpy()[:6]) - found.values).max() > 1e-3


def test_where_tables_are_too_large_shap_explains_with_every_site_as_background(
    forest, sites, monkeypatch
):
    by_tables = site_shapley(forest, sites[0])
    monkeypatch.setattr("helpers.trees.shapley.LARGEST_TABLES", 1000)
    again = dataclasses.replace(forest)
    with pytest.raises(ContractError, match="predictors on one path"):
        again.shapley_tables  # noqa: B018
    by_shap = site_shapley(again, sites[0])
    # shap adds up in single precision.
    np.testing.assert_allclose(by_shap.values, by_tables.values, atol=2e-6)
    assert by_shap.base_value == pytest.approx(by_tables.base_value, abs=2e-6)
    assert by_shap.names == by_tables.names
    np.testing.assert_array_equal(by_shap.data, by_tables.data)


def test_a_background_that_would_take_hours_is_drawn_and_the_warning_says_so(
    forest, sites, monkeypatch
):
    monkeypatch.setattr("helpers.trees.shapley.LARGEST_TABLES", 1000)
    monkeypatch.setattr("helpers.shapley.values.MOST_PAIRS", 5 * 102)
    again = dataclasses.replace(forest)
    with pytest.warns(UserWarning, match="5 places: the background are 102 drawn .* of 104"):
        found = site_shapley(again, sites[0][:5])
    total = found.base_value + found.values.sum(axis=1)
    np.testing.assert_allclose(total, forest.predict(sites[0][:5]), atol=1e-5)


@pytest.mark.parametrize("largest", [2**30, 1000])
def test_no_places_have_no_values(forest, sites, monkeypatch, largest):
    monkeypatch.setattr("helpers.trees.shapley.LARGEST_TABLES", largest)
    found = site_shapley(dataclasses.replace(forest), sites[0][:0])
    assert found.values.shape == found.data.shape == (0, 3)
    assert found.base_value == pytest.approx(site_shapley(forest, sites[0]).base_value, abs=2e-6)


def test_columns_are_matched_by_name(forest, sites):
    places = sites[0].iloc[:4]
    swapped = site_shapley(forest, places[["TPI", "PRE", "TDD"]])
    assert swapped.names == tuple(NAMES)
    np.testing.assert_array_equal(swapped.values, site_shapley(forest, places).values)
    np.testing.assert_array_equal(swapped.data, places.to_numpy(np.float32))


def test_a_row_that_cannot_be_predicted_is_named(forest, sites):
    holes = sites[0].iloc[:4].rename(index={2: "Mohe"})
    holes.loc["Mohe", "TDD"] = np.nan
    with pytest.raises(ContractError, match="1 of 4 rows lack a predictor, the first is Mohe"):
        site_shapley(forest, holes)
