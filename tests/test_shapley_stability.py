import numpy as np
import pandas as pd
import pytest

from helpers.held_out import forests_without_fold
from helpers.shapley import mean_absolute, order_kept, shapley_by_fold, site_shapley
from helpers.storage import ContractError

FOREST = {"n_trees": 10, "min_samples_leaf": 2, "seed": 1, "progress": False}
FOLDS = np.arange(48) % 4


@pytest.fixture(scope="module")
def sites():
    table = pd.DataFrame(np.random.default_rng(2).normal(size=(48, 3)), columns=list("abc"))
    return table, 0.5 * table["a"] + 3 * table["b"]


@pytest.fixture(scope="module")
def by_fold(sites):
    return shapley_by_fold(*sites, FOLDS, **FOREST)


def test_each_forest_is_asked_at_all_sites(sites, by_fold):
    fold, _, forest = next(iter(forests_without_fold(*sites, FOLDS, **FOREST)))
    found = by_fold[by_fold["fold"] == fold].set_index("predictor")
    expected = mean_absolute(site_shapley(forest, sites[0])).set_index("predictor")
    for column in ("mean_absolute_c", "share"):
        pd.testing.assert_series_equal(found[column].sort_index(), expected[column].sort_index())
    assert found["n_sites"].to_list() == [12] * 3


def test_the_ranks_follow_the_size_in_every_fold(by_fold):
    assert by_fold["predictor"].to_list() == list("abc") * 4
    for _, table in by_fold.groupby("fold"):
        order = (-table["mean_absolute_c"]).argsort()
        assert table["rank"].iloc[order].to_list() == [1, 2, 3]
    assert (by_fold["rank"][by_fold["predictor"] == "b"] == 1).all()


def test_the_kept_order_is_counted_by_hand():
    """Three folds: abc, bac, abc."""
    ranks = [1, 2, 3, 2, 1, 3, 1, 2, 3]
    table = pd.DataFrame(
        {"fold": np.repeat([0, 1, 2], 3), "predictor": list("abc") * 3, "rank": ranks}
    )
    assert order_kept(table, ["a", "b", "c"]) == pytest.approx(2 / 3)
    assert order_kept(table, ["b", "a", "c"]) == pytest.approx(1 / 3)
    assert order_kept(table, ["c", "a", "b"]) == 0


def test_an_order_of_other_predictors_is_refused(by_fold):
    with pytest.raises(ContractError, match="Order of a, b; the table ranks a, b, c"):
        order_kept(by_fold, ["a", "b"])


def test_of_many_sites_every_so_many_th_is_asked(sites, monkeypatch):
    monkeypatch.setattr("helpers.shapley.stability.MOST_PLACES", 20)
    found = shapley_by_fold(*sites, FOLDS, **FOREST).query("fold == 0").set_index("predictor")
    _, _, forest = next(iter(forests_without_fold(*sites, FOLDS, **FOREST)))
    expected = mean_absolute(site_shapley(forest, sites[0][::3])).set_index("predictor")
    sizes = (table["mean_absolute_c"].sort_index() for table in (found, expected))
    pd.testing.assert_series_equal(*sizes)
