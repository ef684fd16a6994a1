"""Scores where one step more would change the answer: ends included, ties, one class, one bin."""

import json

import numpy as np
import pytest

from helpers.scores import (
    frozen_scores,
    interval_scores,
    near_zero_scores,
    pinball_scores,
    probability_integral_transform,
    regression_scores,
    reliability,
    thermal_class,
)
from helpers.storage import ContractError

TWO = [[0, 1], [0, 1]]


def test_a_prediction_of_exactly_0_is_frozen():
    """Two sites are enough."""
    near = near_zero_scores([-0.1, 0.1], [0.0, 0.2])
    assert near["confusion_matrix"] == [[1, 0], [0, 1]]
    assert near["overall_accuracy"] == 1


def test_one_probability_for_all_sites_is_an_area_under_the_curve_of_one_half():
    """Each pair is a tie, in every resample with sites of both kinds."""
    scores = frozen_scores([-1, -2, 1, 2, 3], [0.4] * 5)
    assert scores["auc"] == 0.5
    assert scores["auc_interval"] == [0.5, 0.5]


def test_one_bin_of_reliability_holds_all_sites_and_ten_hold_one_each():
    probability = np.arange(10) / 10
    (whole,) = reliability([0] * 5 + [1] * 5, probability, n_bins=1)
    assert whole["n"] == 10
    assert whole["mean_probability"] == pytest.approx(0.45)
    assert whole["observed_share"] == 0.5
    assert [row["n"] for row in reliability([0] * 5 + [1] * 5, probability, 10)] == [1] * 10


def test_two_bins_of_the_pit_part_at_one_half():
    assert probability_integral_transform([0.1, 0.49, 0.5], n_bins=2)["counts"] == [2, 1]


def test_an_interval_with_one_of_its_ends_is_left_out():
    assert interval_scores([1, 2], TWO, [0.05, 0.5], nominal=[0.9]) == []
    assert interval_scores([1, 2], TWO, [0.5, 0.95], nominal=[0.9]) == []


def test_a_site_of_weight_0_is_as_if_it_were_not_there():
    """Errors 1 and 0 of observations 0 and 2: SSE 1, SST 2."""
    scores = regression_scores([0, 2, 7], [1, 2, 3], weight=[1, 1, 0])
    assert scores["model_efficiency"] == pytest.approx(0.5)
    lower = regression_scores([0.1, 0.1, 0.1, -5], [0, 1, 2, 3], weight=[1, 1, 1, 0])
    assert np.isnan(lower["model_efficiency"])


def test_resamples_of_one_value_are_left_out_of_the_interval():
    """The mean of three times 0.1, or 0.7, is rounded; a spread made of that would be no spread."""
    observed, predicted = np.array([0.1, 0.1, 0.7]), np.array([0.2, 0.3, 0.4])
    low, high = regression_scores(observed, predicted, 500, 2)["model_efficiency_interval"]
    rows = np.random.default_rng(2).integers(0, 3, (500, 3))
    rows = rows[np.ptp(observed[rows], axis=1) > 0]
    error = ((predicted - observed)[rows] ** 2).mean(axis=1)
    expected = np.quantile(1 - error / observed[rows].var(axis=1), [0.025, 0.975])
    assert [low, high] == pytest.approx(expected.tolist())


def test_unless_asked_otherwise_2000_resamples_are_drawn_with_seed_0():
    """Published intervals follow from these."""
    observed, predicted = np.random.default_rng(3).normal(size=(2, 30))
    plain = regression_scores(observed, predicted)
    assert plain == regression_scores(observed, predicted, n_bootstrap=2000, seed=0)
    chances = np.random.default_rng(4).uniform(size=30)
    assert frozen_scores(observed, chances) == frozen_scores(
        observed, chances, n_bootstrap=2000, seed=0
    )


def test_every_kind_of_score_goes_into_json():
    pit = probability_integral_transform([0.2, 0.7])
    tables = [interval_scores([1, 2], TWO, [0.05, 0.95]), pinball_scores([1, 2], TWO, [0.1, 0.9])]
    near = [near_zero_scores([-9, 9], [1, 1]), near_zero_scores([0, 0], [0, 1])]
    frozen = frozen_scores([-1, 1], [0.9, 0.1], groups=["a", "b"])
    again = json.loads(json.dumps([pit, tables, near, frozen]))
    assert again[0]["edges"] == pytest.approx(np.linspace(0, 1, 11).tolist())
    assert again[2][0]["n"] == 0


@pytest.mark.parametrize("bounds", [[], [0, 0], [1, 0], [[0, 1]]])
def test_bounds_of_classes_rise_in_one_row(bounds):
    with pytest.raises(ContractError, match="numbers that rise are needed"):
        thermal_class([0.0], bounds)


@pytest.mark.parametrize("levels", [[0, 0.9], [0.1, 1], [-0.1, 0.9], [0.5, 0.5]])
def test_levels_are_above_0_below_1_and_different(levels):
    with pytest.raises(ContractError, match="rise from above 0 to below 1"):
        interval_scores([1, 2], TWO, levels)


@pytest.mark.parametrize(("quantiles", "levels"), [([[], []], []), ([1, 2], 0.5)])
def test_a_table_without_levels_is_an_error(quantiles, levels):
    with pytest.raises(ContractError, match="a column for each level"):
        pinball_scores([1, 2], quantiles, levels)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: probability_integral_transform([-0.1, 0.5]), "pit lies in -0.1"),
        (lambda: reliability([0, 1], [-0.5, 0.5]), "probability in -0.5"),
        (lambda: reliability([0, 1], [0.5, 0.5], n_bins=11), "n_bins is 11"),
        (lambda: regression_scores([[1, 2]], [[1, 2]]), "one value each"),
    ],
)
def test_what_lies_outside_or_has_no_single_row_is_an_error(call, message):
    with pytest.raises(ContractError, match=message):
        call()
