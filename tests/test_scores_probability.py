"""Scores of probabilities and distributions: by hand, by an independent program, invariants."""

import json
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binom, norm
from sklearn import metrics

from helpers.scores import (
    brier_score,
    frozen_scores,
    interval_coverage,
    interval_scores,
    pinball_scores,
    probability_integral_transform,
    reliability,
)
from helpers.scores.common import times_drawn
from helpers.scores.probability import _area_under_curve
from helpers.storage import ContractError

LEVELS = [0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975]


@pytest.fixture(scope="module")
def sites():
    """Observed temperature, prediction (deg C; error normal, sd 0.9), probability of frozen."""
    random = np.random.default_rng(1)
    observed = random.normal(-0.5, 1.2, 104)
    predicted = observed + random.normal(0, 0.9, 104)
    return observed, predicted, norm.cdf(-predicted / 0.9)


def normal_quantiles(centre, sd):
    return np.asarray(centre)[:, np.newaxis] + sd * norm.ppf(LEVELS)


def test_auc_and_brier_by_hand():
    """Frozen 0.9, 0.5, 0.3; thawed 0.5, 0.1: of six pairs four right, one even. SSE 1.01."""
    scores = frozen_scores([-1, -2, 0, 1, 0.1], [0.9, 0.5, 0.3, 0.5, 0.1])
    assert scores["n"] == 5
    assert scores["observed_share"] == 0.6
    assert scores["auc"] == pytest.approx(4.5 / 6)
    assert scores["brier_score"] == pytest.approx(1.01 / 5)
    assert scores["brier_reference"] == pytest.approx(0.24)
    assert scores["brier_skill"] == pytest.approx(1 - 0.202 / 0.24)


def test_frozen_scores_agree_with_the_other_scores(sites):
    observed, _, probability = sites
    scores = frozen_scores(observed, probability)
    frozen = observed <= 0
    assert scores["auc"] == pytest.approx(metrics.roc_auc_score(frozen, probability))
    assert scores["brier_score"] == pytest.approx(brier_score(frozen, probability))
    share = np.full(104, frozen.mean())
    assert scores["brier_reference"] == pytest.approx(brier_score(frozen, share))
    assert scores["reliability"] == reliability(frozen, probability)
    assert json.loads(json.dumps(scores)) == scores


def test_intervals_of_resamples_agree_with_scikit_learn_one_by_one(sites):
    """From sites and from whole groups."""
    observed, _, probability = sites
    frozen, groups = observed <= 0, np.arange(104) // 13
    scores = frozen_scores(observed, probability, n_bootstrap=100, seed=4, groups=groups)
    rows = np.random.default_rng(4).integers(0, 104, (100, 104))
    drawn = np.random.default_rng(4).integers(0, 8, (100, 8))
    in_groups = [np.concatenate([np.flatnonzero(groups == g) for g in d]) for d in drawn]
    for kind, samples in (("interval", rows), ("group_interval", in_groups)):
        auc = [metrics.roc_auc_score(frozen[r], probability[r]) for r in samples]
        brier = [brier_score(frozen[r], probability[r]) for r in samples]
        skill = [1 - b / np.var(frozen[r]) for b, r in zip(brier, samples, strict=True)]
        for name, values in (("auc", auc), ("brier_score", brier), ("brier_skill", skill)):
            expected = np.percentile(values, [2.5, 97.5])
            assert scores[f"{name}_{kind}"] == pytest.approx(expected)


def test_a_perfect_probability_scores_perfectly_and_the_observed_share_has_no_skill(sites):
    observed = sites[0]
    frozen = (observed <= 0).astype(float)
    perfect = frozen_scores(observed, frozen)
    assert (perfect["auc"], perfect["brier_score"], perfect["brier_skill"]) == (1, 0, 1)
    assert [b["observed_share"] for b in perfect["reliability"]] == [0, 1]
    idle = frozen_scores(observed, np.full(104, frozen.mean()))
    assert idle["auc"] == 0.5
    assert idle["brier_skill"] == pytest.approx(0, abs=1e-12)


def test_auc_sees_only_the_order_of_the_probabilities(sites):
    observed, _, probability = sites
    before, after = (frozen_scores(observed, p) for p in (probability, probability**3))
    assert before["auc"] == after["auc"]
    assert before["brier_score"] != after["brier_score"]


def test_the_area_under_the_curve_is_that_of_scikit_learn_in_resamples_too(sites):
    """With ties, and sites that are drawn several times or never."""
    observed, _, probability = sites
    frozen, rounded = observed <= 0, probability.round(1)
    times = times_drawn(np.arange(104), 104, 50, seed=2)
    expected = [metrics.roc_auc_score(frozen, rounded, sample_weight=each) for each in times]
    np.testing.assert_allclose(_area_under_curve(frozen, rounded, times), expected, rtol=1e-12)


def test_one_class_alone_has_no_auc_and_no_skill():
    scores = frozen_scores([-1, -2, -3], [0.9, 0.8, 0.7])
    assert np.isnan([scores["auc"], *scores["auc_interval"], scores["brier_skill"]]).all()
    assert scores["brier_score"] == pytest.approx(0.14 / 3)


def test_reliability_by_hand():
    """Six sites in two bins of three: 1 of 3 at 0.2 on average, 2 of 3 at 0.8."""
    low, high = reliability([0, 1, 0, 1, 1, 0], [0.1, 0.2, 0.3, 0.7, 0.8, 0.9], n_bins=2)
    assert (low["n"], high["n"]) == (3, 3)
    assert low["mean_probability"] == pytest.approx(0.2)
    assert (high["lowest_probability"], high["highest_probability"]) == (0.7, 0.9)
    assert (low["observed_share"], high["observed_share"]) == (1 / 3, 2 / 3)
    # R: binom.test(1, 3)
    assert low["observed_share_interval"] == pytest.approx([0.008403759, 0.9057007], abs=5e-8)


def test_reliability_bins_are_alike_in_number_and_keep_equal_probabilities_together(sites):
    observed, _, probability = sites
    assert {b["n"] for b in reliability(observed <= 0, probability)} <= {20, 21}
    many_zeros = np.where(np.arange(104) < 60, 0.0, probability)
    table = reliability(observed <= 0, many_zeros)
    assert sum(b["n"] for b in table) == 104
    assert (table[0]["n"], table[0]["highest_probability"]) == (60, 0)
    ends = [e for b in table for e in (b["lowest_probability"], b["highest_probability"])]
    assert ends == sorted(ends)
    assert all(a["highest_probability"] < b["lowest_probability"] for a, b in pairwise(table))


def test_intervals_of_a_reliable_probability_hold_it():
    """In 95 % of the bins or more; exact intervals are never too short."""
    random = np.random.default_rng(3)
    held = []
    for _ in range(200):
        probability = random.beta(0.5, 0.5, 104)
        for found in reliability(random.random(104) < probability, probability):
            low, high = found["observed_share_interval"]
            held.append(low <= found["mean_probability"] <= high)
    assert np.mean(held) > 0.95


def test_interval_scores_by_hand():
    """Quantiles 0 and 1 at 5 and 95 %: two of four inside; no other interval in the table."""
    (found,) = interval_scores([0, 0.5, 2, -1], [[0, 1], [0, 1], [0, 3], [0, 2]], [0.05, 0.95])
    assert (found["nominal"], found["n"], found["coverage"]) == (0.9, 4, 0.75)
    assert (found["mean_width"], found["median_width"]) == (1.75, 1.5)
    assert found["honest_band"] == [0.5, 1]  # P(at most 1 of 4) = 0.0037, P(at most 2) = 0.052


def test_interval_scores_agree_with_interval_coverage(sites):
    observed, predicted, _ = sites
    quantiles = normal_quantiles(predicted, 0.6)
    table = interval_scores(observed, quantiles, LEVELS)
    assert [found["nominal"] for found in table] == [0.5, 0.8, 0.9, 0.95]
    ends = [(3, 5), (2, 6), (1, 7), (0, 8)]
    for found, (low, high) in zip(table, ends, strict=True):
        expected = interval_coverage(observed, quantiles[:, low], quantiles[:, high])
        assert {name: found[name] for name in expected} == expected
        assert found["mean_width"] == pytest.approx(2 * 0.6 * norm.ppf(LEVELS[high]))
    assert json.loads(json.dumps(table)) == table


def test_levels_are_found_in_spite_of_rounding_but_not_near_ones():
    quantiles, observed = [[0, 1, 2]] * 3, [0.5, 1, 3]
    rounded = interval_scores(observed, quantiles, [0.1 * 3 - 0.2, 0.5, 1 - 0.1 - 1e-16])
    assert [found["nominal"] for found in rounded] == [0.8]
    assert interval_scores(observed, quantiles, [0.1001, 0.5, 0.9]) == []


@pytest.mark.parametrize("nominal", [0.5, 0.8, 0.9, 0.95])
def test_the_honest_band_holds_at_least_95_percent_and_less_when_narrowed(nominal):
    levels = [(1 - nominal) / 2, (1 + nominal) / 2]
    (found,) = interval_scores(np.zeros(104), np.tile([-1, 1], (104, 1)), levels, [nominal])
    low, high = np.rint(np.array(found["honest_band"]) * 104)
    assert binom.cdf(high, 104, nominal) - binom.cdf(low - 1, 104, nominal) >= 0.95
    assert binom.cdf(high - 1, 104, nominal) < 0.975
    assert binom.sf(low, 104, nominal) < 0.975


def pinball_loss(observed, quantile, level):
    """Of one level alone."""
    return pinball_scores(observed, np.reshape(quantile, (-1, 1)), [level])["loss"][0]


def test_pinball_loss_by_hand():
    """Above by 1 and 3 costs a quarter of it, below by 2 three quarters: (0.25+0.75+1.5+0)/4."""
    assert pinball_loss([1, 3, -2, 0], [0, 0, 0, 0], 0.25) == pytest.approx(2.5 / 4)
    assert pinball_loss([1, 3, -2, 0], [0, 0, 0, 0], 0.5) == pytest.approx(6 / 4 / 2)


def test_pinball_loss_is_smallest_for_the_true_quantile():
    observed = norm.ppf((np.arange(1000) + 0.5) / 1000)
    loss = {shift: pinball_loss(observed, np.full(1000, norm.ppf(0.9) + shift), 0.9)
            for shift in (-0.2, 0, 0.2)}  # fmt: skip
    assert loss[0] < min(loss[-0.2], loss[0.2])


def test_pinball_scores_estimate_the_crps():
    """Of standard normal errors it is 1 / sqrt(pi); of a value the absolute error."""
    observed = norm.ppf((np.arange(2000) + 0.5) / 2000)
    exact = 1 / np.sqrt(np.pi)
    nine = pinball_scores(observed, normal_quantiles(np.zeros(2000), 1), LEVELS)
    assert 0.96 * exact < nine["crps"] < exact
    even = (np.arange(99) + 1) / 100
    many = pinball_scores(observed, np.tile(norm.ppf(even), (2000, 1)), even)
    assert many["crps"] == pytest.approx(exact, rel=2e-3)
    assert 2 * many["mean_loss"] == pytest.approx(exact, rel=0.011)
    value = pinball_scores(observed, np.zeros((2000, 99)), even)
    assert value["crps"] == pytest.approx(np.abs(observed).mean(), rel=0.011)


def test_pinball_scores_are_those_of_each_level(sites):
    observed, predicted, _ = sites
    quantiles = normal_quantiles(predicted, 0.9)
    scores = pinball_scores(observed, quantiles, LEVELS)
    pairs = zip(quantiles.T, LEVELS, strict=True)
    loss = [pinball_loss(observed, quantile, level) for quantile, level in pairs]
    assert scores["levels"] == LEVELS
    assert scores["loss"] == loss
    assert scores["mean_loss"] == pytest.approx(np.mean(loss))
    assert json.loads(json.dumps(scores)) == scores


def test_pit_by_hand():
    """0 and 1 are inside; an edge belongs to the bin above it."""
    found = probability_integral_transform([0, 0.1, 0.15, 0.5, 1])
    assert found["counts"] == [1, 2, 0, 0, 0, 1, 0, 0, 0, 1]
    assert found["edges"] == pytest.approx(np.arange(11) / 10)
    assert (found["n"], found["expected_count"], found["mean"]) == (5, 0.5, 0.35)
    # Largest distance of the steps 1/5 ... 5/5 from the diagonal: 3/5 - 0.15.
    assert found["ks_statistic"] == pytest.approx(0.45)


@pytest.fixture(scope="module")
def pit():
    """PIT of 400 normal values under a right, a too narrow, a too wide and a biased model."""
    observed = np.random.default_rng(2).normal(size=400)
    models = {"right": (0, 1), "narrow": (0, 0.6), "wide": (0, 1.7), "biased": (0.7, 1)}
    return {
        name: probability_integral_transform(norm.cdf(observed, *model))
        for name, model in models.items()
    }


def test_the_pit_of_a_right_model_is_uniform_and_that_of_a_wrong_one_is_not(pit):
    assert pit["right"]["ks_p_value"] > 0.05
    assert max(pit[name]["ks_p_value"] for name in ("narrow", "wide", "biased")) < 1e-3
    low, high = pit["right"]["band"]
    assert np.sum([low <= c <= high for c in pit["right"]["counts"]]) >= 8


def test_the_form_of_the_pit_histogram_tells_what_is_wrong(pit):
    assert pit["wide"]["variance"] < 0.07 < 1 / 12 < 0.1 < pit["narrow"]["variance"]
    assert pit["right"]["variance"] == pytest.approx(1 / 12, abs=0.01)
    assert pit["biased"]["mean"] < 0.4 < 0.45 < pit["right"]["mean"] < 0.55
    counts = pit["narrow"]["counts"]
    assert min(counts[0], counts[-1]) > pit["narrow"]["band"][1]


TWO = [[0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frozen_scores([1], [0.5]), "1 site found"),
        (lambda: frozen_scores([1, np.nan], [0.5, 0.5]), "observed: row 1 holds nan"),
        (lambda: frozen_scores([1, 2], [0.5, 50]), r"probability in 0\.5 \.\.\. 50"),
        (lambda: frozen_scores([1, -2], [0.5, 0.5], groups=[1, 1]), "all 2 sites are in one"),
        (lambda: reliability([0, 1], [0.5, 0.5], n_bins=0), "n_bins is 0; 1 to 10"),
        (lambda: reliability([0, 3], [0.5, 0.5]), "needed: 0 or 1"),
        (lambda: interval_scores([1, 2], TWO, [0.05]), r"shape \(2, 2\) and levels \(1,\)"),
        (lambda: interval_scores([1, 2], TWO, [0.95, 0.05]), "rise from above 0 to below 1"),
        (lambda: interval_scores([1, 2], TWO, [5, 95]), r"levels are \[5.0, 95.0\]"),
        (lambda: interval_scores([1, 2], [[0, 1], [2, 1]], [0.1, 0.9]), "row 1: lower 2 is above"),
        (lambda: interval_scores([1, 2], [[0, 1], [0, np.nan]], [0.1, 0.9]), "quantile 0.9: row 1"),
        (lambda: pinball_scores([1, 2], [1, 2], [0.5]), r"shape \(2,\)"),
        (lambda: probability_integral_transform([0.2, 1.2]), r"pit lies in 0\.2 \.\.\. 1\.2"),
        (lambda: probability_integral_transform([0.2], 1), "at least 2 bins"),
    ],
)
def test_input_that_cannot_be_scored_is_an_error(call, message):
    with pytest.raises(ContractError, match=message):
        call()
