"""Forests at their limits: a file of another survey, one level, ends of the distribution."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from helpers.forest import fit_forest, load_forest
from helpers.storage import ContractError

PREDICTORS = pd.DataFrame({"PRE": [1.0, 2, 3, 11, 12, 13]})
TEMPERATURE = np.array([-3.0, -2, -1, 1, 2, 6])


@pytest.fixture(scope="module")
def two_leaves():
    """One tree from all sites: (-3, -2, -1) where PRE is low and (1, 2, 6) where it is high."""
    settings = {"n_trees": 1, "min_samples_leaf": 3, "bootstrap": False}
    return fit_forest(PREDICTORS, TEMPERATURE, **settings)


def test_a_file_with_the_sites_of_another_forest_is_refused(two_leaves, tmp_path):
    """Of the same shape, so that only the trees can tell."""
    other = dataclasses.replace(two_leaves, predictors=two_leaves.predictors[[0, 1, 3, 2, 4, 5]])
    path = other.save(tmp_path / "forest.skops")
    with pytest.raises(ContractError, match=r"forest\.skops: .*belong together"):
        load_forest(path)


def test_probability_and_moments_of_a_leaf_by_hand(two_leaves):
    """At or below: a site of just that temperature counts. Variance 2/3 and 14/3."""
    found = two_leaves.distribution(pd.DataFrame({"PRE": [2.0, 12.0]}), at_or_below=-2.0)
    np.testing.assert_allclose(found.mean, [-2, 3])
    np.testing.assert_allclose(found.standard_deviation, np.sqrt([2 / 3, 14 / 3]))
    np.testing.assert_allclose(found.probability, [2 / 3, 0])
    frozen = two_leaves.distribution(pd.DataFrame({"PRE": [2.0, 12.0]}))
    np.testing.assert_allclose(frozen.probability, [1, 0])
    assert frozen.quantiles.tolist() == [[-3, -3, -2, -1, -1], [1, 1, 2, 6, 6]]


def test_one_level_alone_is_a_quantile(two_leaves):
    found = two_leaves.distribution(pd.DataFrame({"PRE": [2.0]}), quantiles=[0.5])
    assert found.quantiles.tolist() == [[-2]]


@pytest.mark.parametrize("levels", [[0.0, 0.5], [0.5, 1.0], [0.5, 0.5]])
def test_ends_of_the_levels_are_refused(two_leaves, levels):
    with pytest.raises(ValueError, match="above 0 and below 1"):
        two_leaves.distribution(PREDICTORS, quantiles=levels)


def test_defaults_and_lists_of_whole_numbers_make_the_forest_that_is_described():
    """Weights are kept as numbers with decimals, whatever they are given as."""
    forest = fit_forest(PREDICTORS, [-3, -2, -1, 1, 2, 6], sample_weight=[1, 2, 1, 1, 1, 1])
    chosen = {"n_estimators": 500, "min_samples_leaf": 2, "max_features": 0.67, "random_state": 0}
    assert chosen.items() <= forest.model.get_params().items()
    assert forest.sample_weight.tolist() == [1, 2, 1, 1, 1, 1]
    assert {forest.predictors.dtype, forest.temperature_c.dtype, forest.sample_weight.dtype} == {
        np.dtype(float)
    }
