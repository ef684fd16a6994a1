import numpy as np
import pandas as pd
import pytest

from helpers.applicability import ApplicabilityDomain
from helpers.error_model import (
    ErrorModel,
    calibrated_held_out,
    fit_error_model,
    fit_to_pairs,
    held_out_pairs,
    load_error_model,
)
from helpers.error_model.groups import trend_and_box
from helpers.error_model.model import beyond
from helpers.forest import fit_forest
from helpers.held_out import cross_validated
from helpers.residuals import Variogram
from helpers.storage import ContractError

SETTINGS = {"n_trees": 10, "seed": 1}


@pytest.fixture
def model():
    """Warmer by 2 deg C for each unit of a beyond 1, colder by 1 for each unit of b beyond 5."""
    return ErrorModel(
        names=("a", "b"),
        lower=np.array([0.0, 0.0]),
        upper=np.array([1.0, 5.0]),
        slope=np.array([2.0, -1.0]),
        share=0.5,
        variance=np.array([0.04, 0.6]),
        residuals=np.array([-3.0, -1.0, 0.0, 1.0, 3.0]),
        folds=np.zeros(5, dtype=int),
        n_sites=99,
        variogram=Variogram(0.2, 0.8, 50_000.0),
    )


def sites(n=60, seed=0):
    """Sites along a line of 900 km; the ground warms from west to east, as the predictor says."""
    random = np.random.default_rng(seed)
    xy = np.column_stack([np.sort(random.uniform(0, 900e3, n)), random.uniform(0, 50e3, n)])
    table = pd.DataFrame({"warmth": xy[:, 0] / 1e5, "noise": random.normal(size=n)})
    temperature = table["warmth"].to_numpy() - 4 + random.normal(0, 0.3, n)
    folds = np.arange(n) * 6 // n
    return table, temperature, xy, ApplicabilityDomain(table, [1.0, 0.1], folds), folds


def test_inside_the_box_nothing_is_beyond():
    inside = np.random.default_rng(0).uniform(0, 1, (50, 2))
    assert not beyond(inside, [0, 0], [1, 1], [3, -7]).any()


def test_the_shift_by_hand(model):
    """Half of 2 x (3 - 1) above a, half of -1 x (7 - 5) above b, half of 2 x (-1 - 0) below a."""
    places = pd.DataFrame({"b": [2, 7, 2], "a": [3, 0.5, -1], "other": 0})
    np.testing.assert_allclose(model.expected_shift(places), [2, -1, -1])
    np.testing.assert_allclose(model.expected_shift(places[["a", "b"]].to_numpy()), [2, -1, -1])


def test_spread_and_expected_error_by_hand(model):
    assert model.standard_deviation(0.2) == pytest.approx(0.4)
    assert model.expected_error(0.3, 0.4) == pytest.approx(0.5)


def test_the_spread_is_at_least_a_tenth_of_a_degree(model):
    assert model.standard_deviation(-10.0) == pytest.approx(0.1)


def test_quantiles_are_those_of_the_residuals_round_the_shifted_prediction(model):
    found = model.quantiles(np.array([1.0, 2.0]), np.array([0.5, 0.0]), np.array([2.0, 1.0]), [0.5])
    np.testing.assert_allclose(found, [[1.5], [2.0]])
    levels = (0.05, 0.19, 0.3, 0.5, 0.7, 0.95)
    np.testing.assert_allclose(
        model.quantiles(np.zeros(1), np.zeros(1), np.ones(1), levels)[0], [-3, -3, -1, 0, 1, 3]
    )


def test_levels_move_outwards_by_what_the_sites_can_tell(model):
    """Of 19 sites the lowest and the highest bound 90 %: a new one is below or above with 1/20."""
    numbers = {"residuals": np.arange(1.0, 20), "folds": np.zeros(19), "n_sites": 19}
    few = ErrorModel(**(model.__dict__ | numbers))
    found = few.quantiles(np.zeros(1), np.zeros(1), np.ones(1), (0.01, 0.05, 0.1, 0.9, 0.95, 0.99))
    np.testing.assert_array_equal(found, [[1, 1, 2, 18, 19, 19]])


def test_intervals_of_few_sites_hold_what_they_promise(model):
    """Residuals and truth of the same law: 90 % at least, and hardly more than 92 %, are held."""
    random = np.random.default_rng(0)
    held = []
    for _ in range(2000):
        values = random.normal(size=40)
        numbers = {"residuals": np.sort(values[1:]), "folds": np.zeros(39), "n_sites": 39}
        few = ErrorModel(**(model.__dict__ | numbers))
        low, high = few.quantiles(np.zeros(1), np.zeros(1), np.ones(1), (0.05, 0.95))[0]
        held.append(low <= values[0] <= high)
    assert 0.88 < np.mean(held) < 0.93


def test_upper_quantiles_mirror_lower_ones(model):
    random = np.random.default_rng(1)
    numbers = {"residuals": np.sort(random.normal(size=90)), "folds": np.arange(90) % 4}
    here = ErrorModel(**(model.__dict__ | numbers))
    turned = {"residuals": -numbers["residuals"][::-1], "folds": numbers["folds"][::-1]}
    there = ErrorModel(**(model.__dict__ | turned))
    unit = np.zeros(1), np.zeros(1), np.ones(1)
    levels = np.array([0.025, 0.2, 0.5, 0.7, 0.95])
    np.testing.assert_allclose(
        here.quantiles(*unit, levels)[0], -there.quantiles(*unit, 1 - levels[::-1])[0][::-1]
    )


def test_no_single_fold_makes_the_intervals_narrow(model):
    """Without the second fold the lowest residual is -1, without the first it is -3."""
    folds = np.array([0, 1, 1, 1, 0])
    two = ErrorModel(**(model.__dict__ | {"folds": folds}))
    found = two.quantiles(np.zeros(1), np.zeros(1), np.ones(1), (0.1, 0.9))
    np.testing.assert_array_equal(found, [[-3, 3]])
    middle = ErrorModel(**(model.__dict__ | {"folds": np.array([0, 0, 1, 1, 1])}))
    found = middle.quantiles(np.zeros(1), np.zeros(1), np.ones(1), (0.3, 0.5, 0.7))
    np.testing.assert_array_equal(found, [[-3, -0.5, 3]])


def test_quantiles_rise_with_the_level(model):
    random = np.random.default_rng(0)
    args = random.normal(size=20), random.normal(size=20), random.uniform(0.2, 2, 20)
    assert (np.diff(model.quantiles(*args, np.linspace(0.01, 0.99, 33))) >= 0).all()


def test_probability_is_the_share_of_the_residuals_that_lead_below_and_never_certain(model):
    """Shifted prediction 1, spread 1: below 0 with residuals at or below -1, two of five."""
    assert model.probability(0.5, 0.5, 1.0) == pytest.approx(3 / 7)
    assert model.probability(0.5, 0.5, 1.0, at_or_below=10) == pytest.approx(6 / 7)
    assert model.probability(0.5, 0.5, 1.0, at_or_below=-10) == pytest.approx(1 / 7)


def test_what_is_missing_stays_missing(model):
    places = pd.DataFrame({"a": [np.nan, 0.5], "b": [1.0, 1.0]})
    shift = model.expected_shift(places)
    assert np.isnan(shift[0]) and shift[1] == 0
    spread = model.standard_deviation(np.array([np.nan, 1.0]))
    prediction = np.array([np.nan, 0.0])
    assert np.isnan(model.probability(prediction, shift, spread)).tolist() == [True, False]
    assert np.isnan(model.quantiles(prediction, shift, spread, [0.5]))[:, 0].tolist() == [
        True,
        False,
    ]


def test_it_comes_back_from_its_file_and_gives_the_same_bytes(model, tmp_path):
    path = model.save(tmp_path / "error_model.json")
    again = load_error_model(path)
    assert again.names == model.names and again.variogram == model.variogram
    for here, there in zip(again.parameters, model.parameters, strict=True):
        np.testing.assert_array_equal(here, there)
    assert again.save(tmp_path / "b.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "old, new",
    [
        ('"share"', '"part"'),
        ("0.04,", ""),
        ('"range_m"', '"range"'),
        ("0.04,", "-0.04,"),
        ('"share": 0.5', '"share": 50.0'),
        ('"n_sites": 99', '"n_sites": 0'),
        ("-3.0,", "9.0,"),
        ("5.0", "-5.0"),
        (
            "{",
            "",
        ),
    ],
)
def test_another_file_is_refused_with_the_remedy(model, tmp_path, old, new):
    path = model.save(tmp_path / "error_model.json")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    what = "the json" if old == "{" else "an error model"
    with pytest.raises(ContractError, match=rf"error_model.json: not {what} .* notebook 05"):
        load_error_model(path, "notebook 05_validation")


def test_share_and_variance_come_back_from_pairs_made_with_them():
    random = np.random.default_rng(3)
    n = 4000
    pairs = pd.DataFrame(
        {
            "kind": np.repeat(["predictors", "places", "knndm"], [2000, 1000, 1000]),
            "site": np.arange(n) % 100,
            "fold": np.arange(n) % 100 // 20,
            "dissimilarity": random.exponential(0.4, n),
            "beyond": random.normal(0, 2, n) * (random.uniform(size=n) < 0.3),
            "predicted": random.normal(size=n),
        }
    )
    spread = np.sqrt(0.3 + 1.2 * pairs["dissimilarity"])
    pairs["observed"] = pairs["predicted"] + 0.7 * pairs["beyond"] + random.normal(0, spread)
    table, temperature, xy, *_ = sites(100)
    found = fit_to_pairs(pairs, table, temperature, xy)
    assert found.share == pytest.approx(0.7, abs=0.05)
    np.testing.assert_allclose(found.variance, [0.3, 1.2], rtol=0.15)
    assert found.n_sites == 100 and len(found.residuals) == 2000
    inside = np.mean(np.abs(found.residuals) < 1.645)
    assert inside == pytest.approx(0.9, abs=0.02)


def test_the_trend_of_a_straight_ground_is_its_slope_and_a_constant_predictor_has_none():
    table = pd.DataFrame({"a": np.arange(30.0), "b": np.arange(30.0) % 7, "same": 4.0})
    lower, upper, slope = trend_and_box(table, 3 * table["a"] - 2 * table["b"])
    np.testing.assert_allclose(slope, [3, -2, 0], atol=1e-3)
    np.testing.assert_allclose([lower[0], upper[0]], [2.9, 26.1])


def test_a_forest_has_not_seen_the_group_it_is_asked_about():
    table, temperature, xy, domain, folds = sites()
    pairs = held_out_pairs(table, temperature, xy, domain, folds, progress=False, **SETTINGS)
    alone = pairs[pairs["grouping"] == "knndm"].set_index("site")
    expected = cross_validated(table, temperature, folds, progress=False, **SETTINGS)
    np.testing.assert_allclose(alone["predicted"].sort_index(), expected["predicted"])
    np.testing.assert_allclose(alone["dissimilarity"].sort_index(), domain.train_di)


def test_held_out_groups_reach_farther_than_the_folds():
    table, temperature, xy, domain, folds = sites()
    pairs = held_out_pairs(table, temperature, xy, domain, folds, progress=False, **SETTINGS)
    farthest = pairs.groupby("kind")["dissimilarity"].max()
    assert farthest["places"] > 2 * farthest["knndm"]
    assert set(pairs.groupby("grouping").size()) <= {60} | set(range(10, 60))


def test_beyond_its_sites_the_shift_goes_on_as_the_ground_does():
    """The ground warms by 1 deg C per unit; the forest stays at its warmest sites."""
    table, temperature, xy, domain, folds = sites(80)
    found, pairs = fit_error_model(
        table, temperature, xy, domain, folds, progress=False, **SETTINGS
    )
    assert 0.7 < found.share <= 1
    far = pd.DataFrame({"warmth": [12.0, 14.0], "noise": 0.0})
    prediction = fit_forest(table, temperature, **SETTINGS).predict(far)
    shifted = prediction + found.expected_shift(far)
    assert (
        np.abs(shifted - (far["warmth"] - 4)) < 0.4 * np.abs(prediction - far["warmth"] + 4)
    ).all()
    assert pairs["residual"].std() == pytest.approx(1, abs=0.3)


def test_the_same_sites_give_the_same_model(tmp_path):
    found = [fit_error_model(*sites(40), progress=False, **SETTINGS)[0] for _ in range(2)]
    first, second = (m.save(tmp_path / f"{i}.json").read_bytes() for i, m in enumerate(found))
    assert first == second


def test_too_few_sites_are_an_error():
    table, temperature, xy, domain, folds = sites(6)
    with pytest.raises(ContractError, match="6 sites are too few for an error model"):
        held_out_pairs(table, temperature, xy, domain, folds, progress=False, **SETTINGS)


def test_the_calibration_of_a_fold_knows_nothing_of_its_errors():
    table, temperature, xy, domain, folds = sites()
    model, pairs = fit_error_model(
        table, temperature, xy, domain, folds, progress=False, **SETTINGS
    )
    held_out = cross_validated(table, temperature, folds, progress=False, **SETTINGS)
    here = folds == 2
    changed = pairs.assign(observed=pairs["observed"] + 50 * here[pairs["site"]])
    first, second = (
        calibrated_held_out(model, p, held_out).drop(columns="pit")[here] for p in (pairs, changed)
    )
    pd.testing.assert_frame_equal(first, second)


def test_calibrated_intervals_of_held_out_sites_hold_about_what_they_promise():
    table, temperature, xy, domain, folds = sites(100, seed=4)
    model, pairs = fit_error_model(
        table, temperature, xy, domain, folds, progress=False, **SETTINGS
    )
    held_out = cross_validated(table, temperature, folds, progress=False, **SETTINGS)
    found = calibrated_held_out(model, pairs, held_out, (0.05, 0.95))
    covered = found["observed"].between(found["q05"], found["q95"])
    assert 0.8 <= covered.mean() <= 1
    assert found["pit"].between(0, 1).all()
    assert list(found.index) == list(held_out.index)
