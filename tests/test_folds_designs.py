"""Splitters, NNDM, blocks, sampling weights and what is reported of a design."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, check_cv, cross_val_predict, cross_val_score
from sklearn.model_selection.tests.test_split import check_cv_coverage, check_valid_split

from helpers.folds import (
    Design,
    KNearestNeighbourMatching,
    LeaveOneOut,
    NearestNeighbourMatching,
    RandomFolds,
    RepeatedRandomFolds,
    SpatialBlocks,
    as_splits,
    balanced_folds,
    design_distances,
    design_of,
    design_w,
    fold_warnings,
    knndm,
    nearest_neighbour_distances,
    nndm,
    random_folds,
    sampling_bandwidth,
    sampling_intensity_weights,
    spatial_block_folds,
)
from helpers.folds.blocks import block_numbers
from helpers.storage import ContractError


def grid(width, spacing):
    steps = np.arange(spacing / 2, width, spacing, dtype=float)
    return np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)


AREA = grid(9e5, 3e4)
_random = np.random.default_rng(3)
ROADS = _random.uniform(0, 9e5, (9, 2))[_random.integers(0, 9, 60)] + _random.normal(
    0, 1e4, (60, 2)
)
PREDICTORS = np.column_stack([ROADS / 1e5, _random.normal(size=60)])
TARGET = PREDICTORS @ [1.0, -0.5, 0.2] + _random.normal(0, 0.1, 60)
SPLITTERS = {
    "random": lambda seed: RandomFolds(10, seed),
    "repeated": lambda seed: RepeatedRandomFolds(10, 3, seed),
    "leave_one_out": lambda seed: LeaveOneOut(),
    "blocks": lambda seed: SpatialBlocks(ROADS, 2e5, 5, seed),
    "nndm": lambda seed: NearestNeighbourMatching(ROADS, AREA),
    "knndm": lambda seed: KNearestNeighbourMatching(ROADS, AREA, 8, seed=seed),
    "kmeans": lambda seed: KNearestNeighbourMatching(ROADS, AREA, 8, 0.5, "kmeans", seed),
}
ONCE = [name for name in SPLITTERS if name != "repeated"]


@pytest.mark.parametrize("name", SPLITTERS)
def test_splitters_pass_the_checks_of_scikit_learn(name):
    splitter, n = SPLITTERS[name](0), len(ROADS)
    n_splits = splitter.get_n_splits(PREDICTORS)
    if name == "nndm":  # train and test together are not all sites, on purpose
        tested = []
        for train, test in splitter.split(PREDICTORS):
            check_valid_split(train, test)
            tested += test.tolist()
        assert tested == list(range(n_splits)) == list(range(n))
    else:
        check_cv_coverage(splitter, PREDICTORS, TARGET, None, expected_n_splits=n_splits)
    assert check_cv(splitter) is splitter


@pytest.mark.parametrize("name", SPLITTERS)
def test_splitters_serve_as_cv_of_scikit_learn(name):
    """The grid search scores as many splits as the splitter says, and copies it."""
    splitter = SPLITTERS[name](0)
    search = GridSearchCV(
        Ridge(), {"alpha": [0.1, 1]}, cv=splitter, scoring="neg_root_mean_squared_error"
    ).fit(PREDICTORS, TARGET)
    assert search.n_splits_ == splitter.get_n_splits(PREDICTORS)
    scores = cross_val_score(
        Ridge(alpha=0.1), PREDICTORS, TARGET, cv=splitter, scoring=search.scoring
    )
    assert scores.mean() == pytest.approx(search.cv_results_["mean_test_score"][0])


@pytest.mark.parametrize("name", ONCE)
def test_held_out_predictions_are_those_of_a_model_that_has_not_seen_them(name):
    splitter = SPLITTERS[name](0)
    found = cross_val_predict(LinearRegression(), PREDICTORS, TARGET, cv=splitter)
    for train, test in design_of(name, splitter, 60).splits:
        model = LinearRegression().fit(PREDICTORS[train], TARGET[train])
        np.testing.assert_allclose(found[test], model.predict(PREDICTORS[test]))


@pytest.mark.parametrize("name", SPLITTERS)
def test_the_same_seed_gives_the_same_splits(name):
    first, again = (list(SPLITTERS[name](5).split(PREDICTORS)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.parametrize("name", ["random", "repeated", "blocks"])
def test_another_seed_gives_other_splits(name):
    first, other = (list(SPLITTERS[name](seed).split(PREDICTORS)) for seed in (5, 6))
    assert any(set(a[1]) != set(b[1]) for a, b in zip(first, other, strict=True))


def test_what_is_done_to_splits_does_not_change_the_splitter():
    splitter = SpatialBlocks(ROADS, 2e5, 5)
    for train, _ in splitter.split(PREDICTORS):
        train[:] = 0
    assert design_of("blocks", splitter, 60).n_sites == 60


def test_a_splitter_shows_its_settings_and_not_its_coordinates():
    assert repr(RandomFolds(10, 3)) == "RandomFolds(n_folds=10, seed=3)"
    assert repr(RepeatedRandomFolds(5, 2)) == "RepeatedRandomFolds(n_folds=5, n_repeats=2, seed=0)"
    assert repr(SpatialBlocks(ROADS, 2e5, 5, 1)) == (
        "SpatialBlocks(<60 sites>, block_m=200000.0, n_folds=5, seed=1)"
    )
    assert repr(SPLITTERS["nndm"](0)) == "NearestNeighbourMatching(<60 sites>, min_train=0.5)"
    assert "clustering='kmeans', seed=2, same_point='error')" in repr(SPLITTERS["kmeans"](2))


def test_predictors_of_other_sites_are_refused():
    with pytest.raises(ContractError, match=r"X has 59 rows; SpatialBlocks.* made for 60 sites"):
        next(SPLITTERS["blocks"](0).split(PREDICTORS[1:]))


def test_splitters_give_the_folds_of_their_functions():
    pairs = [
        (RandomFolds(7, 4), random_folds(60, 7, 4)),
        (RepeatedRandomFolds(7, 3, 4).repeats[2], random_folds(60, 7, 6)),
        (SpatialBlocks(ROADS, 1e5, 4, 2), spatial_block_folds(ROADS, 1e5, 4, 2)),
        (KNearestNeighbourMatching(ROADS, AREA, 6), knndm(ROADS, AREA, 6).folds),
    ]
    for splitter, folds in pairs:
        np.testing.assert_array_equal(design_of("", splitter, 60).fold, folds)


@pytest.mark.parametrize(("n_folds", "max_share"), [(3, 0.4), (5, 0.25), (10, 0.2)])
def test_no_fold_of_knndm_is_above_the_largest_share(n_folds, max_share):
    fold = design_of("", KNearestNeighbourMatching(ROADS, AREA, n_folds, max_share), 60).fold
    assert np.bincount(fold).max() <= max_share * 60


# Spatial blocks


places = st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=2, max_size=40)


@given(places, st.floats(1e4, 1e6), st.integers(2, 6), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_no_block_straddles_folds_and_folds_are_balanced(xy, block_m, n_folds, seed):
    block = block_numbers(xy, block_m)
    if block.max() + 1 < n_folds:
        with pytest.raises(ContractError, match=f"{n_folds} folds of blocks"):
            spatial_block_folds(xy, block_m, n_folds, seed)
        return
    fold = spatial_block_folds(xy, block_m, n_folds, seed)
    assert all(len(set(fold[block == b])) == 1 for b in block)
    sizes = np.bincount(fold, minlength=n_folds)
    assert sizes.min() > 0
    assert sizes.max() - sizes.min() <= np.bincount(block).max()


def test_blocks_are_squares_from_the_south_western_site():
    """Blocks of 10 m from (3, 5): the site 9.9 m east is in the first, that of 10 m not."""
    xy = [(3, 5), (12.9, 5), (13, 5), (3, 14.9), (3, 15), (13, 15)]
    assert block_numbers(xy, 10).tolist() == [0, 0, 2, 0, 1, 3]


def test_blocks_do_not_match_the_map_as_knndm_does():
    to_map = nearest_neighbour_distances(ROADS, AREA)[1]
    w = {
        name: design_of(name, SPLITTERS[name](0), 60).w(ROADS, to_map)
        for name in ("random", "blocks", "knndm")
    }
    assert w["knndm"] < w["blocks"] < w["random"]


def test_blocks_that_cannot_be_dealt_out_are_errors():
    with pytest.raises(ContractError, match=r"the 60 sites lie in 1 block. .* lower block_m"):
        SpatialBlocks(ROADS, 1e7, 5)
    with pytest.raises(ContractError, match="block_m is 0; a side above 0 m"):
        SpatialBlocks(ROADS, 0, 5)


def test_groups_are_dealt_out_largest_first():
    """Groups of 5, 3, 2, 1 and 1 sites make folds of 6 and 6."""
    groups = np.repeat(list("abcde"), [5, 3, 2, 1, 1])
    fold = balanced_folds(groups, 2, seed=8)
    assert np.bincount(fold).tolist() == [6, 6]
    assert all(len(set(fold[groups == g])) == 1 for g in groups)
    with pytest.raises(ContractError, match="6 folds of 5 groups"):
        balanced_folds(groups, 6)


# Nearest neighbour distance matching


def plain_nndm(sites, points, min_train):
    """NNDM as published, in loops: the pair at the shortest distance first."""
    apart = cdist(sites, sites)
    np.fill_diagonal(apart, np.nan)
    to_site, n, reach = cdist(points, sites).min(axis=1), len(sites), 0.0
    while True:
        nearest = np.nanmin(apart, axis=1)
        reach = min((d for d in nearest if d > reach), default=None)
        if reach is None:
            return ~np.isnan(apart)
        for site in np.flatnonzero(nearest == reach):
            while np.nanmin(apart[site]) == reach:
                share = np.sum(np.nanmin(apart, axis=1) <= reach) - 1
                enough = np.sum(~np.isnan(apart[site])) - 1 >= min_train * n
                if share / n < np.mean(to_site <= reach) or not enough:
                    break
                apart[site, np.nanargmin(apart[site])] = np.nan


def test_nndm_on_a_line_known_by_hand():
    """Two pairs of sites 1 m apart, with 9 m between them; at most one more may be left out."""
    sites = [(0, 0), (1, 0), (10, 0), (11, 0)]
    far = nndm(sites, [(-3, 0), (4, 0), (20, 0), (-9, 0)])  # 3, 3, 9 and 9 m from a site
    assert [np.flatnonzero(row).tolist() for row in far] == [[2, 3], [2, 3], [0, 1], [0, 1]]
    # Half of the map is within 1 m of a site: half of the sites keep their neighbour.
    half = nndm(sites, [(0.5, 0), (10.5, 0), (20, 0), (-9, 0)])
    assert [np.flatnonzero(row).tolist() for row in half] == [
        [2, 3],
        [2, 3],
        [0, 1, 3],
        [0, 1, 2],
    ]
    near = nndm(sites, [(0.5, 0), (10.5, 0)])
    np.testing.assert_array_equal(near, ~np.eye(4, dtype=bool))


def test_a_second_neighbour_at_the_same_distance_still_counts_as_near():
    """Sites at 0, 1, 2 and 10 m; one in four points of the map is nearer than 1 m, the rest 5 m.

    At 1 m the first and the third site lose the second, which loses the first. It has the third
    at 1 m still and may keep it, as one in four is as near as that on the map. At 2 m the first
    and the third lose each other.
    """
    sites = [(0, 0), (1, 0), (2, 0), (10, 0)]
    stays = nndm(sites, [(0.5, 0), (-5, 0), (15, 0), (0, 5)], min_train=0)
    assert [np.flatnonzero(row).tolist() for row in stays] == [[3], [2, 3], [3], [0, 1, 2]]


@pytest.mark.parametrize("min_train", [0, 0.5, 0.9])
def test_nndm_agrees_with_a_plain_implementation(min_train):
    found = nndm(ROADS[:30], AREA[::7], min_train)
    np.testing.assert_array_equal(found, plain_nndm(ROADS[:30], AREA[::7], min_train))


def test_nndm_of_a_regular_sample_is_leave_one_out():
    np.testing.assert_array_equal(nndm(grid(9e5, 1e5), AREA), ~np.eye(81, dtype=bool))


def test_nndm_is_nearer_to_the_map_than_leave_one_out_and_keeps_enough_sites():
    to_map = nearest_neighbour_distances(ROADS, AREA)[1]
    plain = design_of("leave_one_out", LeaveOneOut(), 60).w(ROADS, to_map)
    for min_train in (0.3, 0.5, 0.8):
        design = design_of("nndm", NearestNeighbourMatching(ROADS, AREA, min_train), 60)
        assert design.w(ROADS, to_map) < 0.8 * plain
        assert min(len(train) for train, _ in design.splits) >= min_train * 60


@given(st.integers(0, 99), st.floats(0, 0.99))
@settings(max_examples=30, deadline=None)
def test_nndm_leaves_out_nearest_neighbours_and_no_others(seed, min_train):
    random = np.random.default_rng(seed)
    sites, points = random.normal(0, 1, (15, 2)), random.uniform(-5, 5, (40, 2))
    stays, apart = nndm(sites, points, min_train), cdist(sites, sites)
    assert not stays.diagonal().any()
    assert stays.sum(axis=1).min() >= max(min(min_train * 15, 14), 1) - 1e-9
    for site in range(15):
        assert apart[site, ~stays[site]].max() <= apart[site, stays[site]].min()


def test_nndm_needs_a_share():
    with pytest.raises(ContractError, match=r"min_train is 1\.0; a share"):
        nndm(ROADS, AREA, 1.0)


# Designs


def test_a_design_measures_to_the_sites_that_stay():
    """Sites at 0, 1, 4 m; the first is tested without the second: 4 m instead of 1."""
    splits = (([2], [0]), ([0, 2], [1]), ([0, 1], [2]))
    design = design_of("by hand", splits, 3)
    assert design.fold.tolist() == [0, 1, 2]
    assert design.distances([(0, 0), (1, 0), (4, 0)]).tolist() == [4, 1, 3]
    assert design.w([(0, 0), (1, 0), (4, 0)], [1, 3, 5]) == pytest.approx(1 / 3)
    assert design.trains.tolist() == [[0, 0, 1], [1, 0, 1], [1, 1, 0]]


def test_sites_count_in_the_curve_by_their_weight():
    """Distances 1, 1, 3 with weights 1 : 1 : 2, against 1 and 3."""
    xy, to_map = [(0, 0), (1, 0), (4, 0)], [1, 3]
    assert design_of("", LeaveOneOut(), 3, [1, 1, 2]).w(xy, to_map) == pytest.approx(0)
    assert design_of("", LeaveOneOut(), 3).w(xy, to_map) == pytest.approx(1 / 3)
    assert design_of("", LeaveOneOut(), 3, [1, 1, 2]).weight.mean() == 1


@pytest.mark.parametrize("name", ["random", "leave_one_out", "blocks", "knndm"])
def test_a_design_of_folds_has_their_distances(name):
    design = design_of(name, SPLITTERS[name](0), 60)
    to_map = nearest_neighbour_distances(ROADS, AREA)[1]
    np.testing.assert_allclose(design.distances(ROADS), design_distances(ROADS, design.fold))
    assert design.w(ROADS, to_map) == pytest.approx(design_w(ROADS, design.fold, to_map))


def test_stored_folds_are_a_design():
    folds = random_folds(60, 7)
    np.testing.assert_array_equal(design_of("random", as_splits(folds), 60).fold, folds)


@pytest.mark.parametrize(
    ("splitter", "weight", "message"),
    [
        (RepeatedRandomFolds(2, 3), None, "site 0 is tested 3 times, .* design of each repeat"),
        ([([0, 1], [2]), ([2, 3], [0, 1])], None, "site 3 is tested 0 times, and 1 of 4 sites"),
        ([([0, 1], [2, 3]), ([1, 2, 3], [0, 1])], None, "split 1 trains on 3 sites, 1 of which"),
        ([([], [2, 3]), ([2, 3], [0, 1])], None, "split 0 trains on 0 sites"),
        ([], None, "'wrong': 0 splits found; at least 1"),
        ([([0, 1], []), ([2, 3], [])], None, "site 0 is tested 0 times, and 4 of 4 sites"),
        ([([0, 4], [2, 3]), ([2, 3], [0, 1])], None, "0 trains on row 4; .* 4 sites are 0 to 3"),
        ([([0, 1], [2, 3]), ([2, -4], [0, 1])], None, "split 1 trains on row -4; .* 0 to 3"),
        ([([0, 1], [2, 3]), ([2, 2], [0, 1])], None, "split 1 trains on row 2 2 times; .* once"),
        ([([0, 1], [2, 3, 4]), ([2, 3], [0, 1])], None, "split 0 tests row 4; rows of the 4"),
        ([([0, 1], [2, -1]), ([2, 3], [0, 1])], None, "split 0 tests row -1; rows of the 4"),
        ([([0, 1], [2, 3]), ([2.0, 3.0], [0, 1])], None, "1 trains on rows .* type float64; whole"),
        (LeaveOneOut(), [1, 1, 0, 2], "a least value of 0.0; a finite number above 0"),
        (LeaveOneOut(), [1, 1], r"shape \(2,\) .* each of the 4 sites"),
    ],
)
def test_what_does_not_hold_out_every_site_once_is_no_design(splitter, weight, message):
    with pytest.raises(ContractError, match=message):
        design_of("wrong", splitter, 4, weight)


def test_distances_of_other_sites_are_refused():
    with pytest.raises(ContractError, match="xy has 3 rows; design 'random' holds 60 sites out"):
        design_of("random", RandomFolds(), 60).distances([(0, 0), (1, 0), (4, 0)])


# Sampling intensity


def test_sites_of_a_regular_sample_weigh_nearly_the_same():
    weight = sampling_intensity_weights(grid(9e5, 1e5), AREA)
    assert weight.mean() == pytest.approx(1)
    assert weight.min() > 0.85
    assert weight.max() < 1.15


@pytest.mark.parametrize("bandwidth_m", [None, 5e4])
def test_ten_sites_of_a_cluster_weigh_as_much_as_a_lone_one(bandwidth_m):
    """Twelve places, one in each square of the map; ten sites at a place in the middle."""
    steps = np.arange(4) * 2e5 + 1e5
    lone = np.stack(np.meshgrid(steps, steps[:3]), axis=-1).reshape(-1, 2)
    cluster = lone[5] + np.random.default_rng(1).normal(0, 100, (10, 2))
    sites = np.concatenate([np.delete(lone, 5, axis=0), cluster])
    area = grid(8e5, 2e4)
    weight = sampling_intensity_weights(sites, area[area[:, 1] < 6e5], bandwidth_m)
    assert weight[11:].sum() / np.median(weight[:11]) == pytest.approx(1, abs=0.2)
    np.testing.assert_allclose(weight[11:] / np.median(weight[:11]), 0.1, atol=0.02)


def test_a_site_at_the_edge_stands_for_as_much_as_one_inside():
    """Half of the kernel of the one, a quarter of that of the other are on the map."""
    sites = [(4.5e5, 4.5e5), (0, 4.5e5), (9e5, 9e5)]
    weight = sampling_intensity_weights(sites, AREA, bandwidth_m=3e4)
    np.testing.assert_allclose(weight / weight[0], [1, 0.5, 0.25], rtol=1e-6)


def test_of_many_sites_at_random_the_edge_does_not_stand_out():
    """Without the correction sites within a bandwidth of the edge would weigh 1.5 times more."""
    sites = np.random.default_rng(4).uniform(0, 9e5, (1500, 2))
    weight = sampling_intensity_weights(sites, AREA, bandwidth_m=6e4)
    edge = (np.minimum(sites, 9e5 - sites) < 6e4).any(axis=1)
    assert weight[edge].mean() / weight[~edge].mean() == pytest.approx(1, abs=0.1)


def test_the_bandwidth_of_sites_without_neighbours_is_known():
    """Four sites out of each other's reach: 4 * 2 pi width^2 is the area, 1e8 m2."""
    sites = np.array([(0, 0), (1e6, 0), (0, 1e6), (1e6, 1e6)])
    assert sampling_bandwidth(sites, grid(1e4, 1e3)) == pytest.approx(
        np.sqrt(1e8 / 4 / (2 * np.pi))
    )


def test_sampling_weights_need_a_regular_sample_of_the_landscape():
    with pytest.raises(ContractError, match="a regular square sample of the map is needed"):
        sampling_intensity_weights(ROADS, np.random.default_rng(0).uniform(0, 9e5, (500, 2)))
    with pytest.raises(ContractError, match="train_xy has 3 columns; easting and northing"):
        sampling_intensity_weights(PREDICTORS, AREA)
    with pytest.raises(ContractError, match="bandwidth_m is -1; a width above 0 m"):
        sampling_intensity_weights(ROADS, AREA, -1)


# Warnings


def test_a_sound_design_gets_no_warning():
    design = design_of("random", RandomFolds(10), 60)
    assert fold_warnings(design, ROADS, np.arange(60), PREDICTORS) == []
    assert fold_warnings(design_of("leave_one_out", LeaveOneOut(), 60), ROADS) == []


def test_lopsided_folds_are_reported():
    """Folds of 41, 2 and nine times 3 sites: mean 6.4."""
    fold = np.repeat(np.arange(11), [41, 2, *[3] * 9])
    xy = np.random.default_rng(0).normal(size=(70, 2))
    large, small = fold_warnings(design_of("blocks", as_splits(fold), 70), xy)
    assert "fold 1 has 41 of 70 sites (0, 1, 2, 3, 4 and 36 more), 6.4 times the mean" in large
    assert "Lower max_share" in large
    assert "1 of 11 folds have fewer than 3 sites (41, 42)" in small
    assert "Lower n_folds" in small


def leaks(design, **found):
    return fold_warnings(design, np.arange(12.0).reshape(6, 2) ** 2, sites=list("abcdef"), **found)


def test_sites_of_one_cell_in_different_folds_are_named():
    design = design_of("random", as_splits(np.array([0, 1, 1, 0, 0, 1])), 6)
    (message,) = leaks(design, cells=[7, 7, 8, 9, 9, 10])
    assert "2 sites lie in the same grid cell" in message
    assert ": a and b. The error comes out too small" in message
    assert "Combine such sites into one" in message


def test_each_pair_is_reported_once_and_by_the_plainest_reason():
    xy = [(0, 0), (0, 0), (5, 5), (5, 6), (7, 0), (9, 9)]
    predictors = [[1], [1], [2], [2], [3], [3]]
    design = design_of("leave_one_out", LeaveOneOut(), 6)
    found = fold_warnings(design, xy, ["p", "p", "q", "q", "r", "s"], predictors)
    assert len(found) == 3
    expected = {"at the same place": "0 and 1", "grid cell": "2 and 3", "identical": "4 and 5"}
    for message, (reason, pair) in zip(found, expected.items(), strict=True):
        assert reason in message
        assert f": {pair}. " in message


def test_twins_that_are_held_out_together_do_not_leak():
    cells = [0, 0, 1, 1, 2, 2]
    assert leaks(design_of("knndm", as_splits(np.array([0, 0, 0, 1, 1, 1])), 6), cells=cells) != []
    together = design_of("blocks", as_splits(np.array([0, 0, 1, 1, 1, 0])), 6)
    assert [m for m in leaks(together, cells=[0, 0, 1, 1, 1, 2]) if "cell" in m] == []
    left_out = [(np.flatnonzero(np.array(cells) != cells[site]), [site]) for site in range(6)]
    assert leaks(design_of("nndm", left_out, 6), cells=cells) == []


def test_entries_that_do_not_fit_the_design_are_errors():
    design = design_of("random", RandomFolds(10), 60)
    with pytest.raises(ContractError, match="one entry for each of the 60 sites"):
        fold_warnings(design, ROADS, cells=[1, 2])
    with pytest.raises(ContractError, match="predictors has 2 rows"):
        fold_warnings(design, ROADS, predictors=PREDICTORS[:2])


def test_parted_twins_are_at_distance_zero():
    """Said by a warning, not hidden by an error, so that the curve shows it."""
    design = Design("random", tuple(as_splits([0, 1, 1])))
    assert design.distances([(1, 1), (1, 1), (4, 5)]).tolist() == [0, 0, 5]


def test_designs_of_many_sites_raise_no_warning_of_python():
    random = np.random.default_rng(0)
    sites, points = random.normal(0, 1, (200, 2)), random.uniform(-5, 5, (900, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        design_of("nndm", NearestNeighbourMatching(sites, points), 200)
        cells = np.round(sites[:90], 1)
        KNearestNeighbourMatching(cells, points, 10, 0.5, "kmeans", same_point="together")


def test_leaving_out_one_of_thousands_is_refused_before_anything_is_computed():
    many = np.arange(2002.0).reshape(-1, 2)
    with pytest.raises(ContractError, match=r"'leave_one_out': 1,001 splits .* up to 1,000"):
        design_of("leave_one_out", LeaveOneOut(), 1001)
    with pytest.raises(ContractError, match=r"'nndm': 1,001 splits .* kNNDM in place of NNDM"):
        NearestNeighbourMatching(many, AREA)
