"""What must hold for any survey: order does not matter, a shift shifts, nothing goes unflagged."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import boreholes
from helpers.boreholes.checks import READING_CHECKS, STRING_CHECKS, UNIT_CHECKS, run_checks
from helpers.boreholes.overrides import read_overrides
from helpers.virtual.strings import delivered_string

FORMATS = ("workbook", "gtnp", "profiles")
bounded = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
seeds = st.integers(0, 2**16)


def survey(seed, n_holes=4):
    """Sound virtual holes of three formats, two of them deep."""
    rng = np.random.default_rng(seed)
    holes = [
        {
            "site": f"S{i}", "format": FORMATS[i % 3], "deepest_m": [20.0, 10.0][i % 2],
            "t15_true_c": rng.uniform(-4, 2), "gradient_c_per_m": 0.035,
            "surface_amplitude_c": 12.0, "damping_depth_m": 2.5, "trend_c_per_a": 0.01,
        }
        for i in range(n_holes)
    ]  # fmt: skip
    parts = [delivered_string(hole, hole["format"], rng) for hole in holes]
    records = pd.concat(parts, ignore_index=True).drop(columns="sensor")
    records = records.assign(file="f.csv", sheet="", row=np.arange(len(records)) + 2)
    places = {"longitude": 120 + 0.2 * np.arange(n_holes), "latitude": 51.0, "elevation_m": 600.0}
    sites = pd.DataFrame({"site": [h["site"] for h in holes], **places})
    return records, sites.assign(setting="natural", file="f.csv", row=sites.index + 2)


def t15(study, records, sites):
    """Temperature and standard error at 15 m by site; fewer than ten sites are allowed here."""
    settings = study.boreholes.model_copy(update={"fewest_sites": 3})
    study = study.model_copy(update={"boreholes": settings})
    checked = boreholes.check_boreholes(boreholes.BoreholeData(records, sites, {}), study)
    table, _ = boreholes.site_temperatures(checked, study)
    return table.set_index("site")[["t15_c", "standard_error_c"]].sort_index()


@bounded
@given(seed=seeds, order=seeds)
def test_the_order_of_rows_depths_and_sites_does_not_matter(study, seed, order):
    records, sites = survey(seed)
    shuffled = records.sample(frac=1, random_state=order, ignore_index=True)
    others = sites.sample(frac=1, random_state=order, ignore_index=True)
    expected, found = t15(study, records, sites), t15(study, shuffled, others)
    pd.testing.assert_frame_equal(expected, found, rtol=0, atol=1e-9)


@bounded
@given(seed=seeds, order=st.permutations(range(4)))
def test_the_order_of_files_does_not_matter(study, seed, order):
    records, sites = survey(seed)
    settings = study.boreholes.model_copy(update={"fewest_sites": 3})
    study = study.model_copy(update={"boreholes": settings})
    found = []
    for names in (sites["site"], sites["site"].iloc[list(order)]):
        parts = (
            boreholes.BoreholeData(records[records["site"] == n], sites[sites["site"] == n], {})
            for n in names
        )
        table, _ = boreholes.site_temperatures(boreholes.check_boreholes(parts, study), study)
        found.append(table.set_index("site").sort_index()[["t15_c", "standard_error_c"]])
    pd.testing.assert_frame_equal(*found, rtol=0, atol=1e-9)


@bounded
@given(seed=seeds, constant=st.floats(-3, 3))
def test_a_constant_added_to_every_reading_is_added_to_t15(study, seed, constant):
    """Up to the choice of the gradient: thawed and frozen ground may have one each."""
    records, sites = survey(seed)
    warmer = records.assign(temperature_c=records["temperature_c"] + constant)
    expected, found = t15(study, records, sites), t15(study, warmer, sites)
    np.testing.assert_allclose(found["t15_c"], expected["t15_c"] + constant, rtol=0, atol=1e-6)


@bounded
@given(
    seed=seeds,
    constant=st.floats(-3, 3),
    slope=st.floats(0, 0.05),
    depth_m=st.floats(5, 20),
)
def test_a_straight_profile_is_met_at_every_depth(seed, constant, slope, depth_m):
    # The uppermost lies where it is wanted; otherwise the hole is refused, and rightly.
    depths = np.sort([2.0, *np.random.default_rng(seed).uniform(1, 30, 7)])
    profile = pd.DataFrame({"depth_m": depths, "mean_c": constant + slope * depths})
    gradient = boreholes.Gradient(slope, "known")
    model = boreholes.DepthModel(frozen=gradient, thawed=gradient)
    found = boreholes.temperature_at_depth(profile, depth_m, model, shallowest_m=1.0)
    assert found.temperature_c == pytest.approx(constant + slope * depth_m, abs=1e-9)


FAULTS = {
    "Kelvin": lambda t, rng: t + 273.15,
    "code": lambda t, rng: t.mask(rng.random(len(t)) < 0.05, -999.0),
    "spikes": lambda t, rng: t + 12 * (rng.random(len(t)) < 0.02),
    "stuck": lambda t, rng: t.mask((np.arange(len(t)) > len(t) // 3) & (len(t) > 3), t.iloc[0]),
    "step": lambda t, rng: t + 2.5 * (np.arange(len(t)) > len(t) // 2),
    "noise": lambda t, rng: t + rng.normal(0, 3, len(t)),
    "sign": lambda t, rng: -t,
    "huge": lambda t, rng: t * 100,
}


@bounded
@given(
    seed=seeds,
    faults=st.lists(st.tuples(st.sampled_from(sorted(FAULTS)), st.integers(0, 3)), max_size=4),
)
def test_no_value_changes_or_goes_without_a_flag_at_its_place(study, seed, faults):
    records, sites = survey(seed)
    rng = np.random.default_rng(seed)
    for name, hole in faults:
        one = (records["site"] == f"S{hole}") & (rng.random() < 0.5 or records["depth_m"].eq(5))
        value = records["temperature_c"]
        records.loc[one, "temperature_c"] = FAULTS[name](value[one], rng)
    checks = (*UNIT_CHECKS, *READING_CHECKS, *STRING_CHECKS)
    left, _, flags = run_checks(checks, records, sites, study, read_overrides(study))
    after = left["temperature_c"].reindex(records.index)
    before = records["temperature_c"]
    changed = records[before.notna() & ~(after == before)]
    acted = flags[flags["action"] != "overruled"]
    until = acted["until"].fillna(acted["time"])
    for row in changed.itertuples():
        here = (acted["site"] == row.site) & acted["depth_m"].isin([np.nan, row.depth_m])
        if row.averaging != "mean":
            here &= acted["time"].isna() | (acted["time"] <= row.time) & (until >= row.time)
        assert here.any(), row
