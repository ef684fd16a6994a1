"""Folds where one step more would change the answer: ends, signs, one point, what is not given."""

import inspect

import numpy as np
import pandas as pd
import pytest

from helpers import folds
from helpers.folds.k_fold_matching import _first_component
from helpers.storage import ContractError

LINE = np.stack([np.arange(10.0), np.zeros(10)], axis=1)
SQUARE = np.stack(np.meshgrid(np.arange(4.0), np.arange(4.0)), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize("degrees", range(0, 360, 30))
def test_the_first_component_points_to_where_its_larger_coordinate_rises(degrees):
    """Eastward or northward, however the singular vectors come out, so that folds keep numbers."""
    angle = np.radians(degrees + 10)
    direction = np.array([np.cos(angle), np.sin(angle)])
    steps = np.array([-3.0, -1.0, 0.5, 3.5])
    expected = steps * np.sign(direction[np.abs(direction).argmax()])
    np.testing.assert_allclose(_first_component(np.outer(steps, direction)), expected)


def test_a_strip_of_any_spacing_is_a_map_of_that_area():
    """Ten squares of 0.5 m for two sites: 2 pi width^2 = 10 * 0.25 / 2."""
    width = folds.sampling_bandwidth(SQUARE[:2], LINE / 2)
    assert width == pytest.approx(np.sqrt(2.5 / 2 / (2 * np.pi)))


def test_one_point_in_ten_may_lie_apart_and_two_may_not():
    one_apart, two_apart = LINE.copy(), LINE.copy()
    one_apart[9] = 20, 0
    two_apart[8:] = [[20, 0], [30, 0]]
    width = folds.sampling_bandwidth(SQUARE[:2], one_apart)
    assert width == pytest.approx(np.sqrt(10 / 2 / (2 * np.pi)))
    with pytest.raises(ContractError, match="80% of 10 points"):
        folds.sampling_bandwidth(SQUARE[:2], two_apart)


def test_a_list_of_folds_has_splits_too():
    splits = [(train.tolist(), test.tolist()) for train, test in folds.as_splits([0, 1, 0])]
    assert splits == [([1], [0, 2]), ([0, 2], [1])]


def test_predictors_without_names_are_matched_by_place():
    """Sites 0 and 2 have mean 1 and standard deviation sqrt(2)."""
    sites, points = folds.standardised([[0.0], [2.0]], pd.DataFrame({"any name": [1.0, 3.0]}))
    np.testing.assert_allclose(sites[:, 0], [-np.sqrt(0.5), np.sqrt(0.5)])
    np.testing.assert_allclose(points[:, 0], [0, np.sqrt(2)])


def test_ten_folds_and_seed_0_unless_asked_otherwise():
    """A splitter and the function that it stands for agree, too."""
    for name in folds.__all__:
        if not callable(vars(folds)[name]):
            continue
        settings = inspect.signature(vars(folds)[name]).parameters
        defaults = {k: s.default for k, s in settings.items() if s.default is not s.empty}
        expected = {"n_folds": 10, "seed": 0, "n_repeats": 10, "max_share": 0.5, "min_train": 0.5}
        for setting in expected.keys() & defaults.keys():
            assert defaults[setting] == expected[setting], (name, setting)


def test_one_repeat_is_the_random_folds_of_its_seed():
    repeated = folds.RepeatedRandomFolds(3, 1, seed=4)
    (once,) = repeated.repeats
    assert repeated.get_n_splits() == 3
    for left, right in zip(repeated.split(LINE), folds.RandomFolds(3, 4).split(LINE), strict=True):
        np.testing.assert_array_equal(left[1], right[1])
    assert once.seed == 4


def test_all_sites_but_those_of_one_fold_may_be_in_the_other():
    """A largest share of 1 is allowed, 1.01 is not."""
    found = folds.knndm(SQUARE[:6] / 100, SQUARE * 10, n_folds=2, max_share=1)
    assert set(found.folds) == {0, 1}
    with pytest.raises(ContractError, match=r"max_share is 1\.01"):
        folds.knndm(SQUARE[:6] / 100, SQUARE * 10, n_folds=2, max_share=1.01)


def test_a_predictor_of_weight_0_does_not_count():
    sites, points = folds.standardised([[0, 5], [2, 9]], [[1, 100]], weights=[1, 0])
    np.testing.assert_allclose(sites, [[-np.sqrt(0.5), 0], [np.sqrt(0.5), 0]])
    np.testing.assert_allclose(points, [[0, 0]])


@pytest.mark.parametrize(("largest", "said"), [(9, False), (10, True)])
def test_a_fold_of_three_times_the_mean_is_no_warning_and_more_is(largest, said):
    """Beside three folds of one site the mean is 3, or 3.25."""
    labels = np.array([0] * largest + [1, 2, 3])
    lopsided = folds.design_of("lopsided", folds.as_splits(labels), len(labels))
    sites = np.stack([np.arange(len(labels)), np.arange(len(labels)) ** 2], axis=1)
    messages = folds.fold_warnings(lopsided, sites)
    assert any("times the mean" in message for message in messages) is said


def design():
    return folds.design_of("pairs", folds.as_splits([0, 0, 1, 1]), 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: folds.spatial_block_folds(LINE, np.inf, 2), "block_m is inf"),
        (lambda: folds.RepeatedRandomFolds(n_repeats=0), "n_repeats is 0; at least 1"),
        (lambda: folds.sampling_intensity_weights(LINE, SQUARE, np.inf), "bandwidth_m is inf"),
        (lambda: folds.sampling_bandwidth(LINE, LINE[:1]), "regular square sample"),
        (
            lambda: folds.sampling_intensity_weights(LINE, np.ones((4, 3)), 1.0),
            "prediction_xy has 3 columns",
        ),
        (lambda: folds.sampling_bandwidth(np.ones((4, 3)), SQUARE), "train_xy has 3 columns"),
        (lambda: folds.nearest_neighbour_distances(LINE, np.empty((0, 2))), r"shape \(0, 2\)"),
        (lambda: folds.fold_warnings(design(), [[0, np.nan], *LINE[:3]]), "xy: row 0 holds"),
        (lambda: list(folds.as_splits([0.5, 1.5])), "type float64"),
        (
            lambda: folds.design_of("table", [(np.array([[1]]), np.array([0]))], 2),
            r"trains on rows of shape \(1, 1\)",
        ),
    ],
)
def test_what_is_no_distance_no_place_or_no_row_is_an_error(call, message):
    with pytest.raises(ContractError, match=message):
        call()
