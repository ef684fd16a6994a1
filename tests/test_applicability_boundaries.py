"""Applicability where one step more would change the answer: two sites, a tie, no number."""

import numpy as np
import pytest

from helpers.applicability import ApplicabilityDomain


def test_two_sites_are_as_far_from_each_other_as_sites_are_on_average():
    """At 0 and 2: standard deviation and distance sqrt(2). Nearer than the threshold is neither."""
    domain = ApplicabilityDomain([[0.0], [2.0]])
    assert domain.mean_distance == pytest.approx(np.sqrt(2))
    assert domain.threshold == pytest.approx(1)
    assert domain.train_lpd.tolist() == [0, 0]
    assert domain.local_point_density([[0.0], [1.0], [-0.1]]).tolist() == [1, 2, 1]
    assert domain.inside([[4.0], [4.1], [-2.1]]).tolist() == [True, False, False]


def test_the_parameters_give_the_distances_back():
    random = np.random.default_rng(1)
    train, new = random.normal(3, 2, (20, 2)), random.normal(3, 4, (5, 2))
    domain = ApplicabilityDomain(train, weights=[1.0, 0.5])
    centre, scale, sites = domain.parameters
    np.testing.assert_allclose(centre, train.mean(axis=0))
    np.testing.assert_allclose(sites, (train - centre) * scale)
    apart = np.linalg.norm((new - centre)[:, None] * scale - sites, axis=2)
    np.testing.assert_allclose(domain.dissimilarity(new), apart.min(axis=1))


@pytest.mark.parametrize(
    ("train", "settings", "message"),
    [
        ([[1.0], [np.nan]], {}, "row 1, predictor column 0 is nan; 1 of 2 sites"),
        ([[1.0], [1.0]], {}, "predictor column 0 has the same value at all 2 sites"),
        (np.empty((3, 0)), {}, r"train has shape \(3, 0\)"),
        ([[0.0], [2.0]], {"weights": [np.inf]}, r"weights are \[inf\]"),
        ([[0.0], [2.0]], {"weights": [np.nan]}, r"weights are \[nan\]"),
        ([[0.0], [2.0], [3.0]], {"folds": [0, 1, np.nan]}, "one fold for each of the 3 sites"),
    ],
)
def test_what_is_no_number_is_named(train, settings, message):
    with pytest.raises(ValueError, match=message):
        ApplicabilityDomain(train, **settings)
