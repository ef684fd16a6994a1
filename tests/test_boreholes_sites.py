"""The table of sites: every hole with its fate, holes of one cell, and honest errors."""

import numpy as np
import pandas as pd
import pytest

from helpers.boreholes import BoreholeData, check_boreholes, site_temperatures
from helpers.storage import ContractError, read_table
from helpers.virtual import files, survey, truth


def mean_survey(study, *holes, **changes):
    """Table and profiles of means given as (site, longitude, depths, temperatures)."""
    records = pd.DataFrame(
        [
            {"site": site, "depth_m": float(z), "temperature_c": t, "averaging": "mean"}
            for site, _, depths, values in holes
            for z, t in zip(depths, values, strict=True)
        ]
    ).assign(time=pd.NaT, year_start=2023, year_end=2024, file="p.csv", row=2)
    sites = pd.DataFrame([{"site": s, "longitude": lon} for s, lon, _, _ in holes])
    sites = sites.assign(latitude=51.0, elevation_m=600.0, setting="natural", file="p.csv", row=2)
    boreholes = study.boreholes.model_copy(update={"fewest_sites": 1, **changes})
    study = study.model_copy(update={"boreholes": boreholes})
    return site_temperatures(check_boreholes(BoreholeData(records, sites, {}), study), study)


def test_the_tables_hold_every_site_with_its_fate(study):
    holes = [
        ("deep", 120.0, (10, 14, 16, 20), (-2.0, -1.9, -1.8, -1.7)),
        ("short", 121.0, (2, 8), (-1.0, -1.0)),
        ("stub", 122.0, (1, 3), (-1.0, -1.0)),
    ]
    table, profiles = mean_survey(study, *holes)
    table = table.set_index("site")
    assert table["status"].to_dict() == {"deep": "used", "short": "used", "stub": "refused"}
    assert table.loc["deep", "t15_c"] == pytest.approx(-1.85)
    slope = table.loc["deep", "gradient_c_per_km"]
    assert table.loc["short", "gradient_c_per_km"] == slope == pytest.approx(1600 / 52)
    assert table.loc["short", "t15_c"] == pytest.approx(-1.0 + 7 * slope / 1000)
    assert "median of the deep holes" in table.loc["short", "reason"]
    assert table.loc["stub", "reason"].startswith("too shallow")
    assert np.isnan(table.loc["stub", "t15_c"])
    assert len(profiles) == 8
    assert profiles["mean_c"].tolist()[:4] == [-2.0, -1.9, -1.8, -1.7]


def test_without_deep_holes_the_gradient_of_the_study_is_used_and_named(study):
    table, _ = mean_survey(study, ("A", 120.0, (2, 8), (-1.0, -1.0)))
    assert table.loc[0, "t15_c"] == pytest.approx(-1.0 + 0.035 * 7)
    assert "boreholes.gradient_c_per_km" in table.loc[0, "reason"]


def test_holes_of_one_cell_become_one_by_inverse_variance(study):
    """Of two holes D apart the variance between them is (D2 - s1^2 - s2^2) / 2."""
    holes = [
        ("A", 120.00005, (14, 16, 20), (-2.0, -2.0, -2.0)),
        ("B", 120.00010, (8, 12), (-1.0, -1.0)),
        ("C", 121.0, (14, 16, 20), (-1.0, -1.0, -1.0)),
    ]
    apart, _ = mean_survey(study, *holes, combine_cell_m=0.1)
    assert (apart["status"] == "used").all()
    table, _ = mean_survey(study, *holes, combine_cell_m=100_000)
    table = table.set_index("site")
    assert table["status"].to_dict() == {"A": "used", "B": "combined", "C": "used"}
    assert table.loc["A", "merged_sites"] == "B"
    assert table.loc["A", "longitude"] == 120.00005
    assert table.loc["B", "reason"].endswith("part of A")
    apart_c = apart["t15_c"].iloc[1] - apart["t15_c"].iloc[0]
    expected = f"mean of A and B by inverse variance, {apart_c:.2f} deg C apart"
    assert table.loc["A", "reason"] == expected
    t, s = apart["t15_c"].to_numpy()[:2], apart["standard_error_c"].to_numpy()[:2]
    weight = 1 / (s**2 + ((t[1] - t[0]) ** 2 - (s**2).sum()) / 2)
    assert table.loc["A", "t15_c"] == pytest.approx(np.average(t, weights=weight))
    assert table.loc["A", "standard_error_c"] == pytest.approx(weight.sum() ** -0.5)
    assert table.loc["A", "permafrost"] == "" and np.isnan(table.loc["A", "gradient_c_per_km"])
    like_a = ("B", 120.01, (14, 16, 20), (-2.02, -2.02, -2.02))
    alike, _ = mean_survey(study, holes[0], like_a, combine_cell_m=100_000)
    assert alike["standard_error_c"].min() == pytest.approx(s[0] / np.sqrt(2))


def test_x_and_y_are_metres_of_the_study_grid(study):
    """The central meridian of the grid is 105 E."""
    table, _ = mean_survey(study, ("A", 120.0, (14, 16), (-2.0, -2.0)))
    assert 0.9e6 < table.loc[0, "x"] < 1.2e6
    left, bottom, right, top = study.geobox.boundingbox
    assert left < table.loc[0, "x"] < right
    assert bottom < table.loc[0, "y"] < top


def test_too_few_sites_is_an_error_that_counts_the_reasons(study):
    holes = [(f"S{i}", 118.0 + i, (1, 3), (-1.0, -1.0 - i)) for i in range(4)]
    far = ("F", 100.0, (14, 16), (-2.0, -2.0))
    with pytest.raises(
        ContractError, match=r"only 0 of 5.*10 are needed.*4 x too shallow; 1 x out"
    ):
        mean_survey(study, *holes, far, fewest_sites=10)
    with pytest.raises(ContractError, match=r"only 0 of 1 .*1 x outside the area"):
        mean_survey(study, far)


def test_the_table_says_what_is_known_of_frost_and_warming(study):
    holes = [
        ("deep", 120.0, (10, 14, 16, 20), (-2.0, -1.9, -1.8, -1.7)),
        ("warm", 121.0, (2, 8), (1.0, 1.0)),
    ]
    table, _ = mean_survey(study, *holes)
    assert table["permafrost"].tolist() == ["yes", "no"]
    assert table["hole_gradient_c_per_km"].isna().tolist() == [False, True]
    assert table["warming_c_per_decade"].isna().all()  # two years are no trend


@pytest.mark.slow
def test_t15_is_within_two_standard_errors_of_the_truth_for_95_percent(study, covariates):
    """Eight virtual surveys with all their faults, through all checks; chance is about 0.01."""
    field = truth.true_field(covariates, study.about.truth_seed)
    towns = read_table(study.path("towns.csv"), ("longitude", "latitude"), ("name",))
    found = []
    for seed in range(8):
        holes = survey.draw_holes(field, covariates["elevation"], towns, study, seed)
        data, _ = files.survey_records(holes, seed)
        table, _ = site_temperatures(check_boreholes(data, study), study)
        used = table[table["status"] == "used"]
        found.append(used.merge(holes[["site", "t15_true_c"]], on="site"))
    found = pd.concat(found)
    inside = (found["t15_c"] - found["t15_true_c"]).abs() <= 2 * found["standard_error_c"]
    assert inside.groupby(found["method"]).mean().between(0.92, 0.98).all()
