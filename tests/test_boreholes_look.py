import numpy as np
import pandas as pd
import pytest

from helpers import boreholes
from helpers.study import load_study


@pytest.fixture(scope="module")
def survey(embedded_survey):
    return embedded_survey.sites, embedded_survey.profiles


def test_examples_are_used_sites_half_of_them_deep_from_cold_to_warm(survey):
    sites, _ = survey
    shown = sites.set_index("site").loc[boreholes.examples(sites)]
    assert list(shown["method"]) == ["interpolated"] * 3 + ["extended"] * 3
    assert (shown["status"] == "used").all()
    assert shown["t15_c"].iloc[:3].is_monotonic_increasing


def test_at_the_mapped_depth_a_site_has_its_own_temperature_and_error(study, survey):
    sites, profiles = survey
    alone = sites[(sites["status"] == "used") & (sites["merged_sites"] == "")]
    model = boreholes.extension(profiles, study)
    for row in alone.iloc[::9].itertuples():
        here, words = boreholes.at_depth(profiles, sites, model, row.site, 15.0)
        assert here["t15_c"].iloc[0] == pytest.approx(row.t15_c, abs=1e-9)
        assert here["standard_error_c"].iloc[0] == pytest.approx(row.standard_error_c, abs=1e-6)
        assert f"{row.t15_c:.2f}" in words


def test_deeper_ground_is_warmer_by_the_gradient_where_a_hole_is_extended(study, survey):
    sites, profiles = survey
    site = sites[sites["method"] == "extended"].iloc[0]
    model = boreholes.extension(profiles, study)
    low, high = (
        boreholes.at_depth(profiles, sites, model, site["site"], depth)[0]["t15_c"].iloc[0]
        for depth in (16.0, 18.0)
    )
    assert high - low == pytest.approx(2 * site["gradient_c_per_km"] / 1000)


def test_the_embedded_survey_leaves_exactly_104_sites(survey):
    sites, _ = survey
    assert len(sites) == 112 and (sites["status"] == "used").sum() == 104
    removed = sites[sites["status"] != "used"]
    assert (removed["reason"].str.len() > 10).all()
    assert isinstance(sites, pd.DataFrame) and np.isfinite(sites["longitude"]).all()


def test_after_the_last_step_a_site_has_the_temperature_of_the_table(study, embedded_survey):
    effects = boreholes.step_effects(study, embedded_survey.checked)
    last = effects[effects["step"] == effects["step"].iloc[-1]].set_index("site")["t15_c"]
    table = embedded_survey.sites.set_index("site")
    alone = table.index[(table["status"] == "used") & (table["merged_sites"] == "")]
    common = last.index.intersection(alone)
    assert len(common) > 10
    np.testing.assert_allclose(last[common], table.loc[common, "t15_c"].astype(float), atol=1e-9)
    first = effects[effects["step"] == "as delivered"].set_index("site")["t15_c"]
    assert first.max() > 200  # Kelvin


def test_what_a_person_dropped_is_gone_at_every_step(edit_study, embedded_survey):
    site = embedded_survey.checked.flags.query("check == 'spike'")["site"].iloc[0]
    folder = edit_study(("depth_m = 15.0 ", 'overrides = "o.csv"\ndepth_m = 15.0 '))
    row = f"{site},,,,,drop,hole flooded"
    header = "site,depth_m,start,end,check,decision,reason"
    (folder / "o.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    study = load_study(folder, resolution_m=20_000)
    effects = boreholes.step_effects(study, embedded_survey.checked)
    assert effects.loc[effects["site"] == site, "t15_c"].isna().all()


def test_at_a_depth_a_site_of_several_holes_is_that_of_its_own_code(study, survey):
    """Its t15 is then that of the profile beside it, so no figure may call it a common mean."""
    sites, profiles = survey
    site = sites.loc[sites["merged_sites"] != "", "site"].iloc[0]
    model = boreholes.extension(profiles, study)
    here, _ = boreholes.at_depth(profiles, sites, model, site, 10.0)
    assert list(here["site"]) == [site] and list(here["merged_sites"]) == [""]
