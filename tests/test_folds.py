"""Designs of cross-validation: known answers, a second implementation, invariants."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.decomposition import PCA

from helpers.folds import (
    as_splits,
    design_distances,
    design_w,
    knndm,
    nearest_neighbour_distances,
    random_folds,
    standardised,
)
from helpers.folds.k_fold_matching import _merge_clusters
from helpers.storage import ContractError


def grid(width, spacing):
    steps = np.arange(0, width, spacing, dtype=float)
    return np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)


@pytest.fixture(scope="module")
def roads():
    """60 sites (m) in nine groups, as boreholes lie along roads."""
    random = np.random.default_rng(3)
    return random.uniform(0, 9e5, (9, 2))[random.integers(0, 9, 60)] + random.normal(
        0, 1e4, (60, 2)
    )


@pytest.fixture(scope="module")
def area():
    """Regular points of a map, m."""
    return grid(9e5, 3e4) + 1e3


def area_between_curves(first, second):
    """W by counting: the step curves integrated interval by interval."""
    at = np.unique(np.concatenate([first, second]))
    first_curve = [np.mean(first <= r) for r in at[:-1]]
    second_curve = [np.mean(second <= r) for r in at[:-1]]
    return float(np.abs(np.subtract(first_curve, second_curve)) @ np.diff(at))


def nearest_elsewhere(sites, folds):
    return [
        min(np.hypot(*(a - b)) for b, other in zip(sites, folds, strict=True) if other != fold)
        for a, fold in zip(sites, folds, strict=True)
    ]


def plain_knndm(sites, points, n_folds, max_share):
    """kNNDM in loops, on scikit-learn's clusters: (smallest W, number of clusters)."""
    to_sites = [min(np.hypot(*(point - site)) for site in sites) for point in points]
    along, n, best = PCA(1).fit_transform(sites)[:, 0], len(sites), (np.inf, 0)
    for q in sorted({round(np.exp(s)) for s in np.linspace(np.log(n_folds), np.log(n - 2), 100)}):
        clusters = AgglomerativeClustering(q, linkage="ward").fit_predict(sites)
        ordered = sorted(range(q), key=lambda c: along[clusters == c].mean())
        big = [c for c in ordered if np.sum(clusters == c) >= n / n_folds]
        rest = [c for c in ordered if c not in big]
        fold_of = {c: fold for fold, c in enumerate(big)}
        fold_of |= {c: len(big) + i % (n_folds - len(big)) for i, c in enumerate(rest)}
        folds = np.array([fold_of[c] for c in clusters])
        if max(np.bincount(folds)) <= max_share * n:
            w = area_between_curves(nearest_elsewhere(sites, folds), to_sites)
            best = min(best, (w, q))
    return best


def test_knndm_gives_the_published_answer():
    """Six sites and twenty map points: W = 1.091896 from q = 3 clusters."""
    sites = [(1, 1), (1, 2), (2, 2), (2, 3), (1, 4), (5, 4)]
    steps = 2.23606798
    points = [(0.41901865 + steps * i, 1.48517102 + steps * j) for i in range(5) for j in range(4)]
    found = knndm(sites, points, n_folds=2, max_share=0.8)
    assert found.clustered
    assert found.q == 3
    assert found.w == pytest.approx(1.091896, abs=5e-7)


@pytest.mark.parametrize("n_folds", [3, 10])
def test_knndm_agrees_with_a_plain_implementation(roads, n_folds):
    points = grid(9e5, 9e4)
    found = knndm(roads, points, n_folds=n_folds)
    w, q = plain_knndm(roads, points, n_folds, max_share=0.5)
    assert found.clustered
    assert (found.w, found.q) == (pytest.approx(w, rel=1e-9), q)


@pytest.mark.parametrize("clustering", ["ward", "kmeans"])
def test_knndm_folds_are_nearer_to_the_map_than_random_folds(roads, area, clustering):
    found = knndm(roads, area, n_folds=8, clustering=clustering, seed=1)
    random = design_w(roads, random_folds(60, 8, seed=1), found.prediction_to_site)
    assert found.w < 0.5 * random
    assert np.bincount(found.folds).max() <= 30
    assert set(found.folds) == set(range(8))


def test_knndm_hands_over_the_distances_of_its_curves(roads, area):
    found = knndm(roads, area)
    to_site, to_map = nearest_neighbour_distances(roads, area)
    np.testing.assert_array_equal(found.site_to_site, to_site)
    np.testing.assert_array_equal(found.prediction_to_site, to_map)
    np.testing.assert_allclose(found.site_to_other_folds, nearest_elsewhere(roads, found.folds))
    assert found.w == pytest.approx(area_between_curves(found.site_to_other_folds, to_map))


def test_sites_farther_from_each_other_than_the_map_is_from_them_get_random_folds():
    """The test is one-sided: only Gj above Gij means clustered."""
    sites = grid(100, 10)
    found = knndm(sites, np.concatenate([sites + 0.5, sites - 0.5]), n_folds=10, seed=7)
    assert not found.clustered
    assert found.q is None
    np.testing.assert_array_equal(found.folds, random_folds(100, 10, seed=7))
    assert found.w == pytest.approx(
        area_between_curves(found.site_to_other_folds, found.prediction_to_site)
    )


def test_random_sites_in_the_whole_area_are_not_clustered(area):
    sites = np.random.default_rng(5).uniform(0, 9e5, (60, 2))
    assert not knndm(sites, area).clustered


def test_big_clusters_keep_a_fold_and_the_rest_are_dealt_out_along_the_axis():
    """Of 12 sites, 4 are enough for one of three folds; clusters 3, 1, 4, 2 follow from west."""
    clusters = np.array([0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 4, 4])
    along = np.array([9, 9, 9, 9, 2, 2, 8, 8, 1, 5, 5, 5])
    fold_of_cluster = {0: 0, 3: 1, 1: 2, 4: 1, 2: 2}
    expected = [fold_of_cluster[cluster] for cluster in clusters]
    assert _merge_clusters(clusters, along, n_folds=3).tolist() == expected


def test_many_sites_and_map_points_raise_no_warning():
    """The exact Kolmogorov-Smirnov test would overflow here and say so."""
    random = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert knndm(random.normal(0, 1, (600, 2)), random.uniform(-5, 5, (900, 2))).clustered


def test_kilometres_or_metres_another_origin_or_order_give_the_same_folds(roads, area):
    found = knndm(roads, area)
    moved = knndm(roads / 1000 - 50, area / 1000 - 50)
    np.testing.assert_array_equal(moved.folds, found.folds)
    assert moved.w == pytest.approx(found.w / 1000)
    order = np.random.default_rng(2).permutation(60)
    np.testing.assert_array_equal(knndm(roads[order], area).folds, found.folds[order])


def test_the_seed_decides_random_folds_and_kmeans_and_nothing_else(roads, area):
    np.testing.assert_array_equal(random_folds(50, 7, seed=4), random_folds(50, 7, seed=4))
    assert (random_folds(50, 7, seed=4) != random_folds(50, 7, seed=5)).any()
    np.testing.assert_array_equal(
        knndm(roads, area, seed=1).folds, knndm(roads, area, seed=2).folds
    )
    first, again = (knndm(roads, area, 10, 0.5, "kmeans", seed=6) for _ in range(2))
    np.testing.assert_array_equal(first.folds, again.folds)


def test_knndm_works_in_feature_space():
    """Three standardised predictors in place of coordinates."""
    random = np.random.default_rng(8)
    found = knndm(random.normal(0, 0.2, (40, 3)), random.normal(0, 2, (300, 3)), n_folds=4)
    assert found.clustered
    assert len(found.folds) == 40


def test_random_folds_are_balanced():
    sizes = np.bincount(random_folds(104, 10))
    assert sorted(sizes) == [10] * 6 + [11] * 4


def test_distances_on_a_line_known_by_hand():
    """Sites at 0, 1 and 4 m; the map at 2 and 10 m."""
    sites = [(0, 0), (1, 0), (4, 0)]
    to_site, to_map = nearest_neighbour_distances(sites, [(2, 0), (10, 0)])
    assert to_site.tolist() == [1, 1, 3]
    assert to_map.tolist() == [1, 6]
    assert design_distances(sites, [0, 1, 2]).tolist() == [1, 1, 3]
    assert design_distances(sites, [0, 0, 1]).tolist() == [4, 3, 3]


def test_w_is_the_area_between_the_curves():
    sites = [(0, 0), (1, 0), (4, 0)]
    assert design_w(sites, [0, 1, 2], [3, 1, 1]) == 0
    assert design_w(sites, [0, 1, 2], [2, 2, 4]) == pytest.approx(1)
    assert design_w(sites, [0, 0, 1], [1, 1, 3]) == pytest.approx((4 + 3 + 3 - 5) / 3)


def test_splits_hold_out_every_site_once_and_never_train_on_it():
    folds = random_folds(23, 5)
    splits = list(as_splits(folds))
    assert len(splits) == 5
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(23))
    assert all(sorted([*train, *test]) == list(range(23)) for train, test in splits)
    assert all(len(set(folds[test])) == 1 for _, test in splits)


def test_a_point_without_finite_coordinates_is_named(area):
    with pytest.raises(ValueError, match=r"train_xy: row 1 holds \[nan, 2\.0\]; 1 of 2 rows"):
        nearest_neighbour_distances([(1, 1), (np.nan, 2)], area)
    with pytest.raises(ValueError, match="prediction_xy: row 0"):
        nearest_neighbour_distances([(1, 1), (2, 2)], [(np.inf, 0)])


def test_sites_at_the_same_place_are_named(area):
    with pytest.raises(ValueError, match=r"rows 0, 3 are the same point .* Combine them"):
        knndm([(1, 1), (2, 1), (3, 1), (1, 1), (5, 5)], area, n_folds=2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_folds": 59}, "59 folds found 60 sites; .* 2 sites more than folds"),
        ({"n_folds": 1}, "at least 2 folds"),
        ({"n_folds": 4, "max_share": 0.25}, "max_share is 0.25; with 4 folds .* above 0.25"),
        ({"clustering": "single"}, "clustering is 'single'; choices: ward, kmeans"),
    ],
)
def test_settings_that_cannot_be_met_are_errors(roads, area, settings, message):
    with pytest.raises(ValueError, match=message):
        knndm(roads, area, **settings)


def test_no_candidate_within_the_largest_share_is_an_error(area):
    """Three sites together and one apart make two clusters, 3 and 1: none is within 0.6."""
    sites = [(0, 0), (1, 0), (0, 1), (500, 500)]
    with pytest.raises(ValueError, match=r"more than 0\.6 of the 4 sites\. Raise max_share"):
        knndm(sites, area, n_folds=2, max_share=0.6)


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        ([0, 1], r"shape \(2,\) .* each of the 3 sites"),
        ([0.0, 1.0, np.nan], "type float64; one whole number"),
        ([4, 4, 4], "All sites are in one fold"),
    ],
)
def test_folds_that_do_not_fit_the_sites_are_errors(folds, message):
    with pytest.raises(ValueError, match=message):
        design_distances([(0, 0), (1, 0), (4, 0)], folds)


def test_impossible_designs_are_errors(area):
    with pytest.raises(ValueError, match="6 folds of 5 sites"):
        random_folds(5, 6)
    with pytest.raises(ValueError, match="train_xy has 3 columns and prediction_xy 2"):
        nearest_neighbour_distances([(0, 0, 0), (1, 1, 1)], area)
    with pytest.raises(ValueError, match=r"train_xy has shape \(3,\)"):
        design_distances([1, 2, 3], [0, 1, 2])
    with pytest.raises(ValueError, match="train_xy holds 1 site"):
        nearest_neighbour_distances([(0, 0)], area)


def with_twins(random, n_places, spread):
    """Sites of three predictors, the last 12 in the same cells as the first 12."""
    places = random.normal(0, spread, (n_places, 3))
    return np.concatenate([places, places[:12]])


@pytest.mark.parametrize("clustering", ["ward", "kmeans"])
@pytest.mark.parametrize("spread", [0.2, 4])
def test_sites_with_identical_predictors_stay_in_one_fold(clustering, spread):
    """Spread 0.2 is clustered, 4 is not: both ways to make folds keep twins together."""
    random = np.random.default_rng(9)
    sites, cells = with_twins(random, 40, spread), random.normal(0, 2, (500, 3))
    found = knndm(sites, cells, 4, 0.5, clustering, seed=3, same_point="together")
    assert found.clustered == (spread < 1)
    np.testing.assert_array_equal(found.folds[:12], found.folds[40:])
    assert found.site_to_other_folds.min() > 0
    assert found.site_to_site.min() > 0
    np.testing.assert_array_equal(found.site_to_site[:12], found.site_to_site[40:])
    assert np.bincount(found.folds, minlength=4).max() <= 26


@pytest.mark.parametrize("clustering", ["ward", "kmeans"])
def test_without_identical_sites_together_changes_nothing(roads, area, clustering):
    plain, together = (
        knndm(roads, area, clustering=clustering, same_point=same) for same in ("error", "together")
    )
    np.testing.assert_array_equal(together.folds, plain.folds)
    assert (together.w, together.q) == (plain.w, plain.q)


def test_a_site_counts_as_often_as_it_is_there():
    """Of 40 sites 21 have the same predictors: no fold of half of them can hold these."""
    random = np.random.default_rng(2)
    sites = np.concatenate([random.normal(0, 4, (19, 2)), np.zeros((21, 2))])
    with pytest.raises(ContractError, match=r"21 of 40 sites are in one fold, .* 21 of them have"):
        knndm(sites, random.normal(0, 1, (90, 2)), 3, same_point="together")
    with pytest.raises(ContractError, match=r"more than 0\.5 of the 40 sites"):
        knndm(sites, random.normal(0, 90, (90, 2)), 3, same_point="together")


def test_same_point_has_two_choices(roads, area):
    with pytest.raises(ContractError, match="same_point is 'apart'; choices: error, together"):
        knndm(roads, area, same_point="apart")
    with pytest.raises(ContractError, match="all 3 sites are the same point"):
        nearest_neighbour_distances([(1, 1)] * 3, area, "together")


def test_standardised_predictors_are_in_standard_deviations_of_the_sites():
    """Sites 1, 2, 3 have sd 1 and 10, 20, 60 sd 26.457513; columns of tables go by name."""
    train = pd.DataFrame({"PRE": [1.0, 2.0, 3.0], "TDD": [10.0, 20.0, 60.0]})
    cells = pd.DataFrame({"TDD": [30.0], "TPI": [0.0], "PRE": [5.0]})
    sites, points = standardised(train, cells)
    np.testing.assert_allclose(sites[:, 0], [-1, 0, 1])
    np.testing.assert_allclose(sites.std(axis=0, ddof=1), 1)
    np.testing.assert_allclose(points, [[3, 0]], atol=1e-12)
    np.testing.assert_allclose(sites[2, 1], 30 / 26.457513)
    weighted, _ = standardised(train.to_numpy(), cells[["PRE", "TDD"]].to_numpy(), [2, 0.5])
    np.testing.assert_allclose(weighted, sites * [2, 0.5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"train": pd.DataFrame({"PRE": [1, 1], "TDD": [1, 2]})},
            "PRE has the same value at all 2",
        ),
        ({"prediction": pd.DataFrame({"PRE": [1]})}, "column TDD missing. Found: PRE"),
        ({"prediction": [[1, 2, 3]]}, "train has 2 predictors, prediction 3"),
        ({"weights": [1, -1]}, "a weight of 0 or more"),
        ({"prediction": [[1, np.nan]]}, "prediction: row 0"),
    ],
)
def test_predictors_that_cannot_be_standardised_are_errors(change, message):
    tables = {"train": pd.DataFrame({"PRE": [1, 2], "TDD": [1, 2]}), "prediction": [[1, 2]]}
    with pytest.raises(ContractError, match=message):
        standardised(**(tables | change))
