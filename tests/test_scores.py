"""Scores: answers known by hand, scikit-learn and SciPy as second opinion, invariants."""

import json
import math

import numpy as np
import pytest
from scipy.stats import beta, linregress, pearsonr
from sklearn import metrics

from helpers.scores import (
    FROZEN_LABELS,
    brier_score,
    classification_scores,
    interval_coverage,
    near_zero_scores,
    regression_scores,
    thermal_class,
)
from helpers.storage import ContractError

SCORES = (
    "bias",
    "mae",
    "rmse",
    "model_efficiency",
    "squared_correlation",
    "concordance",
    "calibration_slope",
)
THREE = ["cold", "cool", "warm"]


@pytest.fixture(scope="module")
def sites():
    """104 observed and predicted temperatures, deg C."""
    random = np.random.default_rng(1)
    observed = random.normal(-1, 1.2, 104)
    return observed, 0.6 * observed - 0.2 + random.normal(0, 0.5, 104)


def classes_of(matrix):
    """Observed and predicted classes with this confusion matrix (rows predicted)."""
    predicted, observed = np.indices(np.shape(matrix)).reshape(2, -1)
    return np.repeat(observed, np.ravel(matrix)), np.repeat(predicted, np.ravel(matrix))


def test_regression_scores_known_by_hand():
    """Errors 1, 0, -1, 2 of observations 0, 2, 4, 6: bias 0.5, SSE 6, SST 20."""
    scores = regression_scores([0, 2, 4, 6], [1, 2, 3, 8])
    assert scores["n"] == 4
    assert scores["bias"] == 0.5
    assert scores["mae"] == 1
    assert scores["rmse"] == pytest.approx(np.sqrt(1.5))
    assert scores["model_efficiency"] == pytest.approx(1 - 6 / 20)
    # Sums about the means: s_xy = 22, s_x^2 = 20, s_y^2 = 29.
    assert scores["squared_correlation"] == pytest.approx(22**2 / (20 * 29))
    assert scores["concordance"] == pytest.approx(2 * 22 / (20 + 29 + 4 * 0.25))
    assert scores["calibration_slope"] == pytest.approx(22 / 29)


def test_regression_scores_agree_with_independent_programs(sites):
    observed, predicted = sites
    scores = regression_scores(observed, predicted)
    assert scores["rmse"] == pytest.approx(metrics.root_mean_squared_error(observed, predicted))
    assert scores["mae"] == pytest.approx(metrics.mean_absolute_error(observed, predicted))
    assert scores["model_efficiency"] == pytest.approx(metrics.r2_score(observed, predicted))
    correlation = pearsonr(observed, predicted).statistic
    assert scores["squared_correlation"] == pytest.approx(correlation**2)
    assert scores["calibration_slope"] == pytest.approx(linregress(predicted, observed).slope)


def test_a_perfect_model_scores_perfectly(sites):
    scores = regression_scores(sites[0], sites[0])
    for name, best in zip(SCORES, (0, 0, 0, 1, 1, 1, 1), strict=True):
        assert scores[name] == pytest.approx(best, abs=1e-12)
        assert scores[f"{name}_interval"] == pytest.approx([best, best], abs=1e-12)


def test_a_constant_shift_is_all_bias(sites):
    """It leaves correlation, slope and the spread of the errors as they were."""
    observed, predicted = sites
    before, after = (regression_scores(observed, predicted + shift) for shift in (0, 0.7))
    assert after["bias"] == pytest.approx(before["bias"] + 0.7)
    assert after["squared_correlation"] == pytest.approx(before["squared_correlation"])
    assert after["calibration_slope"] == pytest.approx(before["calibration_slope"])
    spread = [s["rmse"] ** 2 - s["bias"] ** 2 for s in (before, after)]
    assert spread[0] == pytest.approx(spread[1])


def test_predicting_the_mean_has_no_skill_and_no_correlation(sites):
    """What is undefined is NaN, the interval too, not a number made of rounding errors."""
    observed = sites[0]
    scores = regression_scores(observed, np.full(104, observed.mean()))
    assert scores["model_efficiency"] == pytest.approx(0, abs=1e-12)
    assert scores["concordance"] == pytest.approx(0, abs=1e-12)
    for name in ("squared_correlation", "calibration_slope"):
        assert np.isnan([scores[name], *scores[f"{name}_interval"]]).all()


def test_bootstrap_interval_matches_theory_for_the_bias(sites):
    """For a mean the percentile interval is close to mean +- 1.96 standard errors."""
    observed, predicted = sites
    error = predicted - observed
    low, high = regression_scores(observed, predicted, n_bootstrap=20_000)["bias_interval"]
    half = 1.96 * error.std(ddof=1) / np.sqrt(104)
    assert (low, high) == (
        pytest.approx(error.mean() - half, abs=0.1 * half),
        pytest.approx(error.mean() + half, abs=0.1 * half),
    )


def test_bootstrap_resamples_pairs_and_every_score(sites):
    """Each interval holds its estimate, and is what scoring the resamples one by one gives."""
    observed, predicted = sites
    scores = regression_scores(observed, predicted, n_bootstrap=200, seed=9)
    rows = np.random.default_rng(9).integers(0, 104, (200, 104))
    efficiency = [metrics.r2_score(observed[r], predicted[r]) for r in rows]
    assert scores["model_efficiency_interval"] == pytest.approx(
        np.percentile(efficiency, [2.5, 97.5]).tolist()
    )
    for name in SCORES:
        low, high = scores[f"{name}_interval"]
        assert low < scores[name] < high


def test_whole_number_weights_are_sites_repeated(sites):
    """Also a weight of 0, and whatever the scale of the weights."""
    observed, predicted = sites
    weight = np.random.default_rng(5).integers(0, 4, 104)
    repeated = regression_scores(np.repeat(observed, weight), np.repeat(predicted, weight))
    weighted = regression_scores(observed, predicted, weight=weight / 7)
    for name in SCORES:
        assert weighted[name] == pytest.approx(repeated[name])


def test_a_site_of_weight_0_cannot_make_equal_observations_differ():
    """All observations that count are 0.1: the model efficiency is undefined, not huge."""
    scores = regression_scores([0.1, 0.1, 0.1, 5], [0, 1, 2, 3], weight=[1, 1, 1, 0])
    assert np.isnan(scores["model_efficiency"])
    assert scores["bias"] == pytest.approx(0.9)


def test_equal_weights_change_nothing(sites):
    """Not the resamples either, to the last bit."""
    plain, weighted = regression_scores(*sites), regression_scores(*sites, weight=np.ones(104))
    assert weighted.pop("n_effective") == 104
    assert weighted == plain


def test_effective_number_of_sites_by_hand():
    """Weights 3, 1, 0: 16 / 10 sites."""
    scores = regression_scores([0, 1, 2], [0, 1, 3], weight=[3, 1, 0])
    assert scores["n_effective"] == pytest.approx(1.6)


@pytest.mark.parametrize("weighted", [False, True])
def test_groups_of_one_site_give_the_site_bootstrap(sites, weighted):
    """The same sites are drawn, so even the same interval."""
    weight = np.random.default_rng(6).uniform(0.5, 2, 104) if weighted else None
    scores = regression_scores(*sites, weight=weight, groups=np.arange(104))
    assert scores["n_groups"] == 104
    for name in SCORES:
        assert scores[f"{name}_group_interval"] == pytest.approx(scores[f"{name}_interval"])


def test_sites_that_err_together_widen_the_group_interval():
    """Two blocks with errors of -1 and +1: their mean is -1, 0 or 1, whatever the sites number."""
    observed, block = np.arange(100.0), np.repeat(["west", "east"], 50)
    predicted = observed + np.where(block == "east", 1, -1)
    scores = regression_scores(observed, predicted, groups=block)
    assert scores["n_groups"] == 2
    assert scores["bias_group_interval"] == [-1, 1]
    low, high = scores["bias_interval"]
    assert -0.25 < low < high < 0.25


def test_group_intervals_are_those_of_whole_groups_drawn_one_by_one(sites):
    observed, predicted = sites
    groups = np.arange(104) % 7
    scores = regression_scores(observed, predicted, 200, 9, groups=groups)
    drawn = np.random.default_rng(9).integers(0, 7, (200, 7))
    rows = [np.concatenate([np.flatnonzero(groups == g) for g in d]) for d in drawn]
    rmse = [metrics.root_mean_squared_error(observed[r], predicted[r]) for r in rows]
    assert scores["rmse_group_interval"] == pytest.approx(np.percentile(rmse, [2.5, 97.5]))
    plain = regression_scores(observed, predicted, 200, 9)
    assert {name: scores[name] for name in plain} == plain


def test_scores_repeat_with_the_seed_and_go_into_json(sites):
    first = json.dumps(regression_scores(*sites, seed=3))
    assert json.dumps(regression_scores(*sites, seed=3)) == first
    assert json.dumps(regression_scores(*sites, seed=4)) != first
    json.dumps(classification_scores([0, 1], [0, 1], ["a", "b"]))


def test_classification_scores_known_answer():
    scores = classification_scores(*classes_of([[3, 1, 0], [0, 5, 1], [1, 0, 4]]), THREE)
    assert scores["confusion_matrix"] == [[3, 1, 0], [0, 5, 1], [1, 0, 4]]
    assert scores["n"] == 15
    assert scores["overall_accuracy"] == 0.8
    assert scores["overall_accuracy_interval"] == pytest.approx([0.5191, 0.9567], abs=5e-5)
    assert scores["kappa"] == pytest.approx(0.6959459, abs=5e-8)
    assert scores["no_information_rate"] == pytest.approx(6 / 15)
    assert scores["users_accuracy"] == pytest.approx({"cold": 3 / 4, "cool": 5 / 6, "warm": 4 / 5})
    assert scores["producers_accuracy"] == pytest.approx(
        {"cold": 3 / 4, "cool": 5 / 6, "warm": 4 / 5}
    )


def test_overall_accuracy_of_77_in_104_is_between_0_645_and_0_821():
    scores = classification_scores(*classes_of([[40, 20], [7, 37]]), ["frozen", "thawed"])
    assert scores["overall_accuracy"] == pytest.approx(77 / 104)
    assert scores["overall_accuracy_interval"] == pytest.approx([0.645, 0.821], abs=5e-4)
    assert scores["no_information_rate"] == pytest.approx(57 / 104)


def test_classification_scores_agree_with_scikit_learn():
    """Users' accuracy is precision, producers' accuracy is recall."""
    observed, predicted = np.random.default_rng(2).integers(0, 4, (2, 80))
    scores = classification_scores(observed, predicted, list("abcd"))
    matrix = metrics.confusion_matrix(observed, predicted).T
    assert scores["confusion_matrix"] == matrix.tolist()
    assert scores["kappa"] == pytest.approx(metrics.cohen_kappa_score(observed, predicted))
    precision, recall, _, _ = metrics.precision_recall_fscore_support(observed, predicted)
    assert list(scores["users_accuracy"].values()) == pytest.approx(precision.tolist())
    assert list(scores["producers_accuracy"].values()) == pytest.approx(recall.tolist())


def test_accuracy_above_no_information_as_caret_tests_it():
    """77 of 104 with 57 in the commonest class; the binomial tail added up by hand."""
    scores = classification_scores(*classes_of([[40, 20], [7, 37]]), ["frozen", "thawed"])
    p = 57 / 104
    tail = sum(math.comb(104, k) * p**k * (1 - p) ** (104 - k) for k in range(77, 105))
    assert scores["p_value_above_no_information"] == pytest.approx(tail)
    one_colour = classification_scores([0, 0, 1], [0, 0, 0], ["frozen", "thawed"])
    assert one_colour["p_value_above_no_information"] > 0.5


@pytest.mark.parametrize(("right", "n"), [(0, 9), (4, 9), (12, 15), (77, 104), (5, 5)])
def test_exact_intervals_are_quantiles_of_the_beta_distribution(right, n):
    """The formula of Clopper and Pearson; at 0 and at n the end is 0 or 1."""
    observed = np.zeros(n, int)
    scores = classification_scores(observed, np.arange(n) >= right, ["a", "b"])
    low = beta.ppf(0.025, right, n - right + 1) if right else 0
    high = beta.ppf(0.975, right + 1, n - right) if right < n else 1
    assert scores["overall_accuracy_interval"] == pytest.approx([low, high])


def test_near_zero_only_sites_observed_there_are_scored():
    """Of six sites those at -0.5, 0, 0.2 and 0.5; what was predicted does not choose."""
    observed = [-3.0, -0.5, 0.0, 0.2, 0.5, 0.51]
    predicted = [0.1, -2.0, 0.1, 2.0, -0.1, -0.1]
    scores = near_zero_scores(observed, predicted)
    assert scores["within_c"] == 0.5
    assert scores["n"] == 4
    assert scores["confusion_matrix"] == [[1, 1], [1, 1]]
    assert scores["overall_accuracy"] == 0.5
    assert scores["kappa"] == 0
    assert scores["no_information_rate"] == 0.5


def test_near_zero_with_all_sites_is_the_score_of_all_sites(sites):
    observed, predicted = sites
    scores = near_zero_scores(observed, predicted, within_c=100)
    assert scores.pop("within_c") == 100
    assert scores == classification_scores(observed > 0, predicted > 0, FROZEN_LABELS)


@pytest.mark.parametrize("observed", [[-3, 3, 4], [-3, 0.1, 4]])
def test_near_zero_none_or_one_site_is_no_score_and_no_error(observed):
    """The keys are those of a score, so that whoever reads them finds them."""
    scores = near_zero_scores(observed, [1, 1, 1])
    assert scores["n"] == np.sum(scores["confusion_matrix"]) == sum(np.abs(observed) < 1)
    assert np.isnan(
        [
            scores["overall_accuracy"],
            *scores["overall_accuracy_interval"],
            scores["kappa"],
            scores["no_information_rate"],
            scores["p_value_above_no_information"],
            *scores["users_accuracy"].values(),
            *scores["producers_accuracy"].values(),
        ]
    ).all()
    assert scores.keys() == near_zero_scores([0, 0], [0, 1]).keys()


def test_a_class_without_sites_has_no_accuracy():
    scores = classification_scores([0, 0, 1], [0, 1, 1], THREE)
    assert np.isnan(scores["users_accuracy"]["warm"])
    assert np.isnan(scores["producers_accuracy"]["warm"])
    assert np.isnan(classification_scores([0, 0], [0, 0], THREE)["kappa"])


def test_thermal_classes_of_cheng():
    bounds = [-5, -3, -1.5, -0.5, 0.5]
    temperature = [[-7, -5, -3.01, -1.5], [-0.51, 0, 0.5, np.nan]]
    assert thermal_class(temperature, bounds).tolist() == [[0, 1, 1, 3], [3, 4, 5, -1]]


def test_interval_coverage_known_answer():
    """9 of 10, ends included; the exact interval is that of R's binom.test(9, 10)."""
    observed = np.arange(10.0)
    upper = observed.copy()
    upper[3] = 2.5
    found = interval_coverage(observed, np.floor(observed / 2) * 2, upper)
    assert found["n"] == 10
    assert found["coverage"] == 0.9
    assert found["coverage_interval"] == pytest.approx([0.5549839, 0.9974714], abs=5e-8)


def test_brier_score_known_answers():
    assert brier_score([1, 0, 1], [1, 0, 1]) == 0
    assert brier_score([True, False], [0.5, 0.5]) == 0.25
    occurred = np.random.default_rng(1).integers(0, 2, 50)
    probability = np.random.default_rng(2).uniform(size=50)
    expected = metrics.brier_score_loss(occurred, probability)
    assert brier_score(occurred, probability) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: regression_scores([1, 2, 3], [1, np.nan, 3]),
            "predicted: row 1 holds nan; 1 of 3",
        ),
        (lambda: regression_scores([1, 2, 3], [1, 2]), r"'observed': \(3,\), 'predicted': \(2,\)"),
        (lambda: regression_scores([], []), "one value each"),
        (lambda: regression_scores([1], [1]), "1 site found; scores need at least 2"),
        (lambda: classification_scores([0, -1], [0, 1], THREE), "observed: row 1 holds class -1"),
        (lambda: classification_scores([0, 1], [3, 1], THREE), "predicted: row 0 .* 0 ... 2"),
        (lambda: classification_scores([0], [0], ["a", "a"]), "class name repeats: a, a"),
        (lambda: thermal_class([0], [1, -1]), r"upper_bounds are \[1.0, -1.0\]"),
        (lambda: thermal_class([0], [-1, None]), "numbers that rise"),
        (lambda: interval_coverage([0, 0], [-1, 2], [1, 1]), "row 1: lower 2 is above upper 1"),
        (lambda: regression_scores([1, 2], [1, 2], weight=[1, -1]), r"weight lies in -1 \.\.\. 1"),
        (lambda: regression_scores([1, 2], [1, 2], weight=[0, 0]), "one of them above 0"),
        (lambda: regression_scores([1, 2], [1, 2], weight=[1]), r"'weight': \(1,\)"),
        (lambda: regression_scores([1, 2], [1, 2], groups=[1, 1]), "all 2 sites are in one, 1"),
        (lambda: regression_scores([1, 2], [1, 2], groups=[1]), r"shape \(1,\), 0 .* the 2 sites"),
        (lambda: regression_scores([1, 2], [1, 2], groups=["a", None]), "1 of them missing"),
        (lambda: near_zero_scores([1, 2], [1, 2], 0), "within_c is 0; a distance above 0"),
        (lambda: near_zero_scores([1, np.nan], [1, 2]), "observed: row 1 holds nan"),
        (lambda: brier_score([0, 2], [0.1, 0.2]), r"occurred lies in 0 \.\.\. 2"),
        (lambda: brier_score([0, 1], [0.1, 1.2]), r"0\.1 \.\.\. 1\.2; needed"),
    ],
)
def test_input_that_cannot_be_scored_is_an_error(call, message):
    with pytest.raises(ContractError, match=message):
        call()
