"""Area of applicability: examples by hand, a plain implementation in loops, invariants."""

import numpy as np
import pandas as pd
import pytest

from helpers.applicability import ApplicabilityDomain


@pytest.fixture(scope="module")
def survey():
    """Training table, map table and folds; units as different as mm and m."""
    random = np.random.default_rng(4)
    scale = {"PRE": 80.0, "TDD": 300.0, "TPI": 0.02}
    train, new = (
        pd.DataFrame({name: random.normal(5, sd, n) for name, sd in scale.items()})
        for n in (30, 200)
    )
    return train, new, random.integers(0, 4, 30)


def plain_domain(train, new, weights, folds):
    """DI, density and threshold in loops: (threshold, train DI, train density, DI, density)."""
    mean, sd = np.mean(train, axis=0), np.std(train, axis=0, ddof=1)
    sites, places = ((np.asarray(x) - mean) / sd * weights for x in (train, new))
    n = len(sites)
    distance = [[np.sqrt(((a - b) ** 2).sum()) for b in sites] for a in sites]
    unit = np.mean([sum(row) / (n - 1) for row in distance])
    others = [[distance[i][j] / unit for j in range(n) if folds[i] != folds[j]] for i in range(n)]
    train_di = [min(row) for row in others]
    q25, q75 = np.percentile(train_di, [25, 75])
    threshold = min(q75 + 1.5 * (q75 - q25), max(train_di))
    train_density = [sum(d < threshold for d in row) for row in others]
    to_sites = [[np.sqrt(((p - s) ** 2).sum()) / unit for s in sites] for p in places]
    density = [sum(d < threshold for d in row) for row in to_sites]
    return threshold, train_di, train_density, [min(row) for row in to_sites], density


def test_three_sites_on_a_line_by_hand():
    """Sites 0, 1, 3: mean distances 2, 1.5, 2.5, so the unit is 2 of the predictor's own."""
    domain = ApplicabilityDomain([[0], [1], [3]])
    assert domain.mean_distance == pytest.approx(2 / np.sqrt(7 / 3))
    assert domain.train_di == pytest.approx([0.5, 0.5, 1])
    assert domain.threshold == pytest.approx(1)
    assert domain.train_lpd.tolist() == [1, 1, 0]
    new = [[1.5], [4], [6], [1]]
    assert domain.dissimilarity(new) == pytest.approx([0.25, 0.5, 1.5, 0])
    assert domain.inside(new).tolist() == [True, True, False, True]
    assert domain.local_point_density(new).tolist() == [3, 1, 0, 2]


def test_the_threshold_is_the_upper_whisker_not_the_outlier():
    """Sites 0 ... 4 and 10: unit 4, DI 1/4 five times and 6/4 once; the whisker is 1/4."""
    domain = ApplicabilityDomain([[0], [1], [2], [3], [4], [10]])
    assert domain.train_di == pytest.approx([0.25] * 5 + [1.5])
    assert domain.threshold == pytest.approx(0.25)
    assert domain.inside([[10.5], [6]]).tolist() == [True, False]


def test_a_place_as_dissimilar_as_the_threshold_is_inside(survey):
    train, new, _ = survey
    domain = ApplicabilityDomain(train)
    domain.threshold = domain.dissimilarity(new)[7]
    assert domain.inside(new)[7]


def test_four_corners_by_hand():
    """With y weighted 0 the corners are two pairs; only sites of other folds count."""
    corners = [[0, 0], [2, 0], [0, 2], [2, 2]]
    even = ApplicabilityDomain(corners)
    assert even.train_di == pytest.approx([2 / ((4 + 2 * np.sqrt(2)) / 3)] * 4)
    flat = ApplicabilityDomain(corners, weights=[1, 0])
    assert flat.train_di.tolist() == [0] * 4
    folded = ApplicabilityDomain(corners, weights=[1, 0], folds=[0, 1, 0, 1])
    assert folded.train_di == pytest.approx([1.5] * 4)
    assert folded.dissimilarity([[1, 99], [2, -99]]) == pytest.approx([0.75, 0])


@pytest.mark.parametrize("weights", [[1, 1, 1], [0.6, 0.3, 0.1], [2, 0, 5]])
@pytest.mark.parametrize("with_folds", [False, True])
def test_agrees_with_a_plain_implementation(survey, weights, with_folds):
    train, new, folds = survey
    domain = ApplicabilityDomain(train, weights, folds if with_folds else None)
    threshold, train_di, train_density, di, density = plain_domain(
        train.to_numpy(), new.to_numpy(), weights, folds if with_folds else range(30)
    )
    assert domain.threshold == pytest.approx(threshold)
    assert domain.train_di == pytest.approx(train_di)
    assert domain.train_lpd.tolist() == train_density
    assert domain.dissimilarity(new) == pytest.approx(di)
    assert domain.inside(new).tolist() == [d <= threshold for d in di]
    assert domain.local_point_density(new).tolist() == density


def test_units_and_origin_of_predictors_do_not_matter(survey):
    train, new, folds = survey
    plain = ApplicabilityDomain(train, folds=folds)
    other = ApplicabilityDomain(train * [10, 0.001, -7] + [5, -900, 3], folds=folds)
    moved = new * [10, 0.001, -7] + [5, -900, 3]
    assert other.threshold == pytest.approx(plain.threshold)
    assert other.mean_distance == pytest.approx(plain.mean_distance)
    assert other.dissimilarity(moved) == pytest.approx(plain.dissimilarity(new))


def test_a_common_factor_of_the_weights_does_not_matter(survey):
    train, new, _ = survey
    one, ten = (ApplicabilityDomain(train, np.array([0.5, 0.3, 0.2]) * f) for f in (1, 10))
    assert ten.dissimilarity(new) == pytest.approx(one.dissimilarity(new))


def test_folds_of_neighbours_widen_the_area(survey):
    """Held out with its neighbours a site is less like the rest."""
    train, _, _ = survey
    order = np.argsort(np.argsort(train["PRE"].to_numpy()))
    blocks = ApplicabilityDomain(train, weights=[1, 0, 0], folds=order // 10)
    single = ApplicabilityDomain(train, weights=[1, 0, 0])
    assert (blocks.train_di >= single.train_di).all()
    assert blocks.threshold > single.threshold


def test_training_sites_are_not_dissimilar_to_themselves(survey):
    train, _, folds = survey
    domain = ApplicabilityDomain(train, folds=folds)
    assert domain.dissimilarity(train) == pytest.approx(np.zeros(30), abs=1e-12)
    assert domain.inside(train).all()


def test_tables_are_matched_by_name_and_threads_change_nothing(survey):
    train, new, folds = survey
    domain = ApplicabilityDomain(train, {"TPI": 1, "PRE": 2, "TDD": 3}, folds)
    shuffled = new.assign(elevation=7.0)[["elevation", "TPI", "PRE", "TDD"]]
    expected = domain.dissimilarity(new.to_numpy())
    np.testing.assert_array_equal(domain.dissimilarity(shuffled), expected)
    np.testing.assert_array_equal(domain.dissimilarity(new, workers=2), expected)
    by_position = ApplicabilityDomain(train.to_numpy(), [2, 3, 1], folds)
    np.testing.assert_array_equal(by_position.dissimilarity(new), expected)


def test_missing_values_never_get_a_value(survey):
    train, new, _ = survey
    domain = ApplicabilityDomain(train)
    gaps = pd.concat([train.head(3), new.head(1)])
    gaps.iloc[1, 0], gaps.iloc[2, 2] = np.nan, np.inf
    assert np.isnan(domain.dissimilarity(gaps)).tolist() == [False, True, True, False]
    assert domain.inside(gaps).tolist()[:3] == [True, False, False]
    density = domain.local_point_density(gaps)
    assert density[1:3].tolist() == [-1, -1]
    assert density[0] >= 1
    assert np.isnan(domain.dissimilarity(gaps.iloc[1:2])).all()


TABLE = pd.DataFrame({"PRE": [400.0, 500, 600], "TDD": [2000.0, 2100, 1900]})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((TABLE.assign(TPI=3.0),), "predictor TPI has the same value at all 3 sites"),
        ((TABLE.mask(TABLE == 500),), "row 1, predictor PRE is nan; 1 of 3 sites are incomplete"),
        ((TABLE.head(1),), r"train has shape \(1, 2\)"),
        (([1, 2, 3],), r"train has shape \(3,\)"),
        ((TABLE, [1, -0.1]), r"weights are \[1.0, -0.1\]; .* pass 0 for it"),
        ((TABLE, [0, 0]), "not all 0"),
        ((TABLE, [1]), r"weights has shape \(1,\); 2 numbers"),
        ((TABLE, {"PRE": 1}), "no weight for predictor TDD"),
        ((TABLE, None, [0, 1]), r"folds has shape \(2,\) .* each of the 3 sites"),
        ((TABLE, None, [1, 1, 1]), "at least 2 folds"),
    ],
)
def test_a_training_set_that_cannot_be_used_is_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        ApplicabilityDomain(*arguments)


def test_places_without_a_predictor_are_an_error():
    domain = ApplicabilityDomain(TABLE)
    with pytest.raises(ValueError, match=r"new: column TDD missing\. Found: PRE, tdd"):
        domain.dissimilarity(TABLE.rename(columns={"TDD": "tdd"}))
    with pytest.raises(ValueError, match=r"new has 3 columns; the 2 predictors .*: PRE, TDD"):
        domain.inside(np.zeros((4, 3)))


def test_numbers_of_sites_do_not_depend_on_how_many_are_compared_at_once(survey, monkeypatch):
    train, _, folds = survey
    whole = ApplicabilityDomain(train, folds=folds)
    monkeypatch.setattr("helpers.applicability._ROWS_AT_ONCE", 7)
    parts = ApplicabilityDomain(train, folds=folds)
    assert parts.mean_distance == pytest.approx(whole.mean_distance, rel=1e-14)
    np.testing.assert_allclose(parts.train_di, whole.train_di, rtol=1e-13)
    np.testing.assert_array_equal(parts.train_lpd, whole.train_lpd)
