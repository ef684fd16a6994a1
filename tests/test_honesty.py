from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.honesty import trial
from helpers.honesty.survey import _bins, assess_survey
from helpers.honesty.trial import (
    design_summary,
    honesty_trial,
    make_world,
    profile_summary,
    verdicts,
)
from helpers.study import load_study

EMBEDDED = Path(__file__).resolve().parents[1] / "data" / "northeast_china"


@pytest.fixture
def rows():
    """Four surveys; kNNDM is right, random folds say half, blocks 0.8 of the true 1 deg C."""
    return pd.DataFrame(
        {
            "survey": range(4),
            "random": 0.5,
            "blocks": 0.8,
            "knndm": [0.9, 1.1, 1.0, 1.0],
            "true_inside": 1.0,
            "covered_inside": [0.9, 0.9, 0.88, 0.92],
            "area_lower": [20.0, 20, 20, 31],
            "area_upper": 40.0,
            "true_area": 30.0,
        }
    )


@pytest.fixture
def profiles():
    return pd.DataFrame(
        {"survey": [1, 1, 2, 2], "bin": [1, 2, 1, 2], "dissimilarity": [0.1, 0.9, 0.3, 1.1],
         "expected": [3.0, 1.0, 4.0, 1.0], "true": [5.0, 1.0, 5.0, 0.5]}
    )  # fmt: skip


def test_designs_are_summed_up_against_the_truth(rows):
    found = design_summary(rows)
    assert list(found.index) == ["random", "blocks", "knndm"]
    assert found["ratio"].tolist() == pytest.approx([0.5, 0.8, 1])
    assert found.loc["knndm", "mean_difference"] == pytest.approx(0.05)


def test_errors_of_a_bin_are_averaged_as_squares(profiles):
    """sqrt((9 + 16) / 2) expected, 5 found."""
    found = profile_summary(profiles)
    assert found.loc[1, "expected"] == pytest.approx(np.sqrt(12.5))
    assert found.loc[1, "ratio"] == pytest.approx(np.sqrt(0.5))
    assert found.loc[1, "dissimilarity"] == pytest.approx(0.2)


def test_verdicts_say_what_was_reached(rows, profiles):
    found = verdicts(rows, profiles)
    assert found["reached"].tolist() == [True, True, True, False, True, False, ""]
    assert found["found"].tolist()[-2:] == [0.75, 0.25]
    assert found["surveys"].tolist()[:5] == [1, 1, 1, 0, 1]
    worse = verdicts(rows.assign(knndm=0.6), profiles)
    assert not worse["reached"].iloc[0] and not worse["reached"].iloc[2]


def test_bins_hold_equal_numbers_and_rise_with_dissimilarity():
    dissimilarity = np.random.default_rng(0).exponential(size=103)
    bins = _bins(dissimilarity)
    assert set(np.bincount(bins)[1:]) <= {20, 21}
    assert dissimilarity[bins == 1].max() <= dissimilarity[bins == 2].min()
    assert (_bins(np.zeros(10)) == np.repeat([1, 2, 3, 4, 5], 2)).all()


@pytest.fixture(scope="module")
def world():
    study = load_study(EMBEDDED, resolution_m=20_000, n_trees=5)
    return make_world(study)


def test_a_survey_is_laid_beside_the_truth(world):
    found = assess_survey(world, 2027)
    row = found.row
    assert row["n_sites"] >= 90 and 0 < row["share_inside"] < 1
    assert row["area_lower"] < row["area_median"] < row["area_upper"]
    cells = 0.04 * float((world.sample_truth <= 0).sum())
    assert row["true_area"] == pytest.approx(cells)
    whole = row["share_inside"] * row["true_inside"] ** 2
    whole += (1 - row["share_inside"]) * row["true_outside"] ** 2
    assert row["true_whole"] == pytest.approx(np.sqrt(whole))
    assert (found.profile["true"] > 0).all() and found.profile["bin"].tolist() == [1, 2, 3, 4, 5]
    again = assess_survey(world, 2027)
    assert again.row == row
    pd.testing.assert_frame_equal(again.profile, found.profile)


def test_a_trial_that_was_stopped_goes_on_where_it_was(world, tmp_path, monkeypatch):
    asked = []

    def assess(_, seed):
        asked.append(seed)
        profile = pd.DataFrame({"bin": [1], "expected": [1.0], "true": [1.0], "survey": [seed]})
        return trial.Assessment({"survey": seed, "knndm": 1.0}, profile)

    monkeypatch.setattr(trial, "assess_survey", assess)
    here = world.study.model_copy()
    here._file, here._variant = tmp_path / "study.toml", ""
    here = world._replace(study=here)
    monkeypatch.setattr(trial, "_trial_key", lambda world: "key")
    honesty_trial(here, [1, 2], progress=False)
    rows, profiles = honesty_trial(here, [1, 2, 3], progress=False)
    assert asked == [1, 2, 3]
    assert rows["survey"].tolist() == profiles["survey"].tolist() == [1, 2, 3]


def test_other_settings_are_another_trial(world):
    study = world.study
    other = study.model_copy(update={"forest": study.forest.model_copy(update={"n_trees": 6})})
    other._file, other._variant = study._file, study._variant
    assert trial._trial_key(world._replace(study=other)) != trial._trial_key(world)


@pytest.mark.parametrize("part", ["covariates", "truth", "towns"])
def test_another_world_is_another_trial(world, part):
    """Rasters, outline, stations and towns come in by what they hold."""
    assert trial._trial_key(world._replace()) == trial._trial_key(world)
    changed = getattr(world, part).copy(deep=True)
    if part == "towns":
        changed.loc[0, "longitude"] += 0.01
    else:
        layer = changed if part == "truth" else changed["TPI"]
        layer[10, 10] = layer[10, 10].fillna(0) + 1
    assert trial._trial_key(world._replace(**{part: changed})) != trial._trial_key(world)
