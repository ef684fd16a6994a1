"""The trial of the checks: it counts right, and the checks find what is planted."""

from pathlib import Path

import pandas as pd
import pytest

from helpers.virtual import __main__ as command
from helpers.virtual import trial
from helpers.virtual.faults import FAULTS

SEEDS = [2026, 7]
EMBEDDED = Path(__file__).resolve().parents[1] / "data" / "northeast_china"


@pytest.fixture(scope="module")
def tables(study, covariates):
    return trial.fault_trial(study, covariates, SEEDS, progress=False)


def with_checks(study, **thresholds):
    """The study with other thresholds of its borehole checks."""
    checks = study.boreholes.checks.model_copy(update=thresholds)
    boreholes = study.boreholes.model_copy(update={"checks": checks})
    return study.model_copy(update={"boreholes": boreholes})


def test_every_fault_has_a_check_that_should_find_it(tables):
    assert set(trial.EXPECTED) == set(FAULTS)
    per_kind, _ = tables
    planted = per_kind[per_kind["fault"] != "none"]
    assert (planted["planted"] > 0).all() and len(planted) == len(SEEDS) * len(FAULTS)


def test_what_is_planted_is_found_or_missed(tables):
    per_kind, _ = tables
    assert (per_kind["planted"] == per_kind["found"] + per_kind["missed"]).all()
    assert (per_kind["by_another"] <= per_kind["found"]).all()
    assert (per_kind["missed"] >= 0).all()


def test_the_checks_find_95_percent_and_flag_1_percent_of_what_is_sound(tables):
    per_kind, _ = tables
    by_unit = per_kind.groupby("unit")[["found", "planted"]].sum()
    assert (by_unit["found"] >= 0.95 * by_unit["planted"]).all(), by_unit
    assert (per_kind["false_alarms"] <= 0.01 * per_kind["sound"]).all()


def test_the_same_seed_gives_the_same_tables(tables, study, covariates):
    again = trial.fault_trial(study, covariates, SEEDS[1:], progress=False)
    for first, second in zip(tables, again, strict=True):
        same = first[first["seed"] == SEEDS[1]].reset_index(drop=True)
        pd.testing.assert_frame_equal(same, second)


def test_a_blind_check_misses_and_a_nervous_one_raises_false_alarms(study, covariates):
    changed = with_checks(study, step_c=100.0, disorder_c=100.0, envelope_c=100.0, spike_robust_z=1)
    per_kind, _ = trial.fault_trial(changed, covariates, SEEDS[1:], progress=False)
    counts = per_kind.set_index("fault")
    assert (
        counts.loc[["step", "drift", "swapped_sensors", "disordered_sensor"], "found"] == 0
    ).all()
    assert counts.loc["spikes", "false_alarms"] > 10
    readings = counts[(counts["check"] == "any") & (counts["unit"] == "reading")]
    assert readings["false_alarms"].item() > 10


def place(site, depth=float("nan"), time=None, **columns):
    return {"site": site, "depth_m": depth, "time": pd.Timestamp(time), **columns}


def test_a_place_and_a_finding_meet_at_the_same_sensor_and_time():
    key = pd.DataFrame([place("A"), place("A", 2.0), place("A", 3.0, "2023-05-01")])
    found = [
        place("A", 2.0, "2023-01-01", until=pd.NaT),
        place("A", 3.0, "2023-04-01", until=pd.Timestamp("2023-06-01")),
        place("A", 3.0, "2023-04-01", until=pd.NaT),
        place("B", until=pd.NaT),
        place("A", until=pd.NaT),
    ]
    met = trial._meeting(key, pd.DataFrame(found))
    assert set(zip(met["place"], met["finding"], strict=True)) == {(0, 4), (1, 0), (2, 1)}


def test_summaries_keep_the_committed_survey_apart(tables):
    per_kind, errors = tables
    faults = trial.fault_summary(per_kind, committed=2026)
    assert faults["surveys"].value_counts().to_dict() == {"committed": 25, "others": 25}
    assert faults["planted"].sum() == per_kind["planted"].sum()
    honest = pd.DataFrame(
        {
            "seed": 1, "site": list("abcd"), "method": "extended", "t15_true_c": 0.0,
            "t15_c": [0.05, -0.15, 0.15, 0.3], "standard_error_c": 0.1,
        }
    )  # fmt: skip
    row = trial.error_summary(honest, committed=2026).iloc[0]
    assert (row["surveys"], row["n"], row["within_1"], row["within_2"]) == ("others", 4, 0.25, 0.75)
    assert row["rmse_c"] == pytest.approx(0.1854, abs=1e-4)
    assert set(errors["method"]) == {"interpolated", "extended"}


def test_the_command_writes_two_tables_of_the_committed_survey_and_twenty_others(
    tables, study, tmp_path, monkeypatch
):
    asked = []
    monkeypatch.setattr(command, "fault_trial", lambda *args: asked.append(args) or tables)
    command.write_trial(study, tmp_path)
    assert list(asked[0][2]) == list(range(2026, 2047))
    faults = pd.read_csv(tmp_path / "virtual_fault_trial.csv")
    assert list(faults["n_surveys"].unique()) == [1]
    planted = faults[faults["fault"] != "none"]
    assert (planted["found_share"] == (planted["found"] / planted["planted"]).round(4)).all()
    errors = pd.read_csv(tmp_path / "virtual_error_trial.csv")
    assert errors["n"].sum() == len(tables[1])


def test_the_committed_trial_finds_95_percent_flags_1_percent_and_errs_as_it_says():
    """What `make trial` wrote for 20 surveys of other seeds than the committed one."""
    faults, errors = (
        pd.read_csv(EMBEDDED / f"virtual_{name}_trial.csv").query("surveys == 'others'")
        for name in ("fault", "error")
    )
    planted = faults[faults["planted"] > 0]
    assert set(planted["fault"]) == set(FAULTS) and (faults["n_surveys"] == 20).all()
    assert (planted["found"] / planted["planted"]).min() >= 0.95
    assert (faults["false_alarms"] / faults["sound"]).max() <= 0.01
    assert errors["within_2"].between(0.93, 0.97).all() and len(errors) == 2
