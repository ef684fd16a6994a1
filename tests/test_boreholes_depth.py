"""From sensors to 15 m: annual means, zero annual amplitude, interpolation, extension, error."""

import numpy as np
import pandas as pd
import pytest

from helpers.boreholes import (
    BoreholeData,
    HoleRefusedError,
    annual_profile,
    check_boreholes,
    extension_error_model,
    geothermal_gradient,
    regional_gradient,
    site_temperatures,
    temperature_at_depth,
    zero_annual_amplitude_depth,
)
from helpers.storage import ContractError

DAYS = pd.date_range("2023-01-01", "2024-12-31")


def wave(times, depth_m, mean_c=-2.0, amplitude_c=10.0, damping_m=2.5):
    phase = 2 * np.pi * ((times - DAYS[0]).days.to_numpy() - 205) / 365.25
    damping = depth_m / damping_m
    return mean_c + 0.03 * depth_m + amplitude_c * np.exp(-damping) * np.cos(phase - damping)


def readings(depths, times=DAYS, site="A", averaging="day"):
    parts = [
        pd.DataFrame({"time": times, "depth_m": float(z), "temperature_c": wave(times, z)})
        for z in depths
    ]
    return pd.concat(parts, ignore_index=True).assign(site=site, averaging=averaging)


def line(site="A", depths=(5, 10, 14, 16, 20), at_15_m=-2.0, gradient=0.03):
    depths = np.array(depths, dtype=float)
    mean = at_15_m + gradient * (depths - 15)
    return pd.DataFrame({"site": site, "depth_m": depths, "mean_c": mean})


def mean_survey(study, *holes, **changes):
    """Table and profiles of means given as (site, longitude, depths, temperatures)."""
    records = pd.DataFrame(
        [
            {"site": site, "depth_m": float(z), "temperature_c": t, "averaging": "mean"}
            for site, _, depths, values in holes
            for z, t in zip(depths, values, strict=True)
        ]
    ).assign(time=pd.NaT, year_start=2023, year_end=2024)
    sites = pd.DataFrame([{"site": s, "longitude": lon} for s, lon, _, _ in holes])
    sites = sites.assign(latitude=51.0, elevation_m=600.0, setting="natural", file="p.csv")
    boreholes = study.boreholes.model_copy(update={"fewest_sites": 1, **changes})
    study = study.model_copy(update={"boreholes": boreholes})
    return site_temperatures(check_boreholes(BoreholeData(records, sites, {}), study), study)


@pytest.mark.parametrize(
    ("averaging", "times"),
    [
        ("day", DAYS),
        ("reading", DAYS[::10]),
        ("month", pd.date_range("2023-01-01", periods=24, freq="MS") + pd.Timedelta(days=14)),
    ],
)
def test_the_annual_mean_of_a_wave_is_its_mean(averaging, times):
    profile = annual_profile(readings([1, 5, 15], times, averaging=averaging))
    np.testing.assert_allclose(profile["mean_c"], [-1.97, -1.85, -1.55], atol=0.035)
    assert profile["n_months"].tolist() == [12, 12, 12]
    assert profile.loc[0, "max_c"] - profile.loc[0, "min_c"] == pytest.approx(13.4, abs=0.5)


def test_uneven_sampling_does_not_lean_to_a_season():
    """Winter every day, summer every tenth: still the mean of the year."""
    times = DAYS[(DAYS.month <= 3) | (DAYS.day % 10 == 5)]
    records = readings([1], times, averaging="reading")
    assert records["temperature_c"].mean() < -3.5
    monthly = records.groupby([records.time.dt.year, records.time.dt.month])["temperature_c"].mean()
    expected = monthly.groupby(level=1).mean().mean()
    records = pd.concat([records, readings([20])])  # another rhythm in the same hole
    # The usual step of this sensor is a day, so a month with three readings is not complete.
    assert np.isnan(annual_profile(records)["mean_c"].iloc[0])
    assert annual_profile(records, 0.95)["mean_c"].iloc[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("kept", "valid"),
    [
        (DAYS.month != 7, True),
        (~DAYS.month.isin([7, 8]), False),
        (DAYS.day <= 25, True),  # up to 19 % missing
        (DAYS.day <= 23, False),  # up to 26 %
        ((DAYS.month != 7) | (DAYS.year == 2024), True),
        (DAYS.year == 2024, True),
        (DAYS < "2023-12-01", True),
        (DAYS < "2023-11-01", False),
    ],
)
def test_an_annual_mean_needs_eleven_whole_months_and_four_fifths_of_the_values(kept, valid):
    profile = annual_profile(readings([2], DAYS[kept]))
    assert profile["mean_c"].notna().tolist() == [valid]
    if valid:
        assert profile["mean_c"].iloc[0] == pytest.approx(-1.94, abs=0.08)


def test_below_the_annual_wave_any_reading_is_valid():
    """The wave is 0.1 deg C wide at 13.2 m; two readings at 14 m are a mean, at 12 m are not."""
    records = readings([2, 13, 13.5, 16])
    few = readings([12, 14], DAYS[[40, 44]], averaging="reading")
    profile = annual_profile(pd.concat([records, few])).set_index("depth_m")
    assert profile.loc[14, "mean_c"] == pytest.approx(-1.58, abs=0.04)
    assert np.isnan(profile.loc[12, "mean_c"])


def test_zero_annual_amplitude_is_where_the_range_is_a_tenth_of_a_degree():
    """2 A exp(-z/d) = 0.1 at z = d ln(20 A), here 13.25 m."""
    profile = annual_profile(readings(np.arange(10, 18, 0.5)))
    found = zero_annual_amplitude_depth(profile)
    assert found == pytest.approx(2.5 * np.log(200), abs=0.1)
    assert np.isnan(zero_annual_amplitude_depth(annual_profile(readings([2, 5]))))


def test_zero_annual_amplitude_is_interpolated_between_sensors():
    profile = pd.DataFrame({"depth_m": [8, 10, 12], "min_c": 0.0, "max_c": [0.5, 0.3, 0.05]})
    assert zero_annual_amplitude_depth(profile) == pytest.approx(10 + 2 * 0.2 / 0.25)
    assert zero_annual_amplitude_depth(profile, 0.6) == 8


def test_a_missing_year_adds_to_the_sampling_error():
    """Two years 1 deg C apart: sd of the months 0.71; one year of two leaves 0.71 sqrt(1 - 1/2)."""
    full = readings([3])
    full["temperature_c"] += (full["time"].dt.year == 2024) * 1.0
    half = readings([3], DAYS[DAYS.year == 2023], "B")
    profile = annual_profile(pd.concat([full, half]), period_years=2).set_index("site")
    assert profile.loc["A", "sampling_error_c"] == pytest.approx(0, abs=0.01)
    assert profile.loc["B", "sampling_error_c"] == pytest.approx(0.5, abs=0.03)


def test_a_mean_over_few_months_passes_with_the_error_of_the_wave_it_missed():
    """A sinusoid 2 deg C wide has the sd 2 / sqrt(8); three of twelve months are known."""
    given = {"site": "A", "depth_m": [5.0, 6.0], "temperature_c": [-1.5, -1.6], "averaging": "mean"}
    records = pd.DataFrame(given).assign(time=pd.NaT, n_months=[3, 12], amplitude_c=2.0)
    profile = annual_profile(records)
    assert profile["mean_c"].tolist() == [-1.5, -1.6]
    expected = [2 / np.sqrt(8) * np.sqrt(1 / 3 - 1 / 12), 0]
    assert profile["sampling_error_c"].tolist() == pytest.approx(expected)


def test_the_gradient_is_a_least_squares_slope_below_ten_metres():
    profile = line(depths=(2, 10, 15, 20), gradient=0.035)
    profile.loc[0, "mean_c"] = 9.0
    assert geothermal_gradient(profile) == pytest.approx(0.035)
    assert np.isnan(geothermal_gradient(profile, below_m=12))


def test_the_regional_gradient_is_the_median_of_the_holes_that_reach_15_m():
    holes = [line("A", gradient=0.02), line("B", gradient=0.03), line("C", gradient=0.07)]
    shallow = line("D", depths=(10, 11, 12), gradient=0.5)
    assert regional_gradient(pd.concat([*holes, shallow])) == pytest.approx(0.03)
    assert np.isnan(regional_gradient(shallow))


def test_leave_one_out_gives_the_error_per_metre():
    """Slopes 20, 30, 40: the others' medians 35, 30, 25 miss by 15, 0, -15 deg C/km."""
    holes = pd.concat([line(str(g), gradient=g / 1000) for g in (20, 30, 40)])
    expected = 0.015 * np.sqrt(2 / 3)
    assert extension_error_model(holes) == pytest.approx(expected)
    assert extension_error_model(line()) == 0.065


@pytest.mark.parametrize("depths", [(14, 16), (10, 15, 20), (3.2, 20), (14.9, 15.3, 40)])
def test_between_sensors_the_temperature_is_that_of_numpy_interp(depths):
    rng = np.random.default_rng(1)
    profile = pd.DataFrame({"depth_m": depths, "mean_c": rng.normal(-2, 1, len(depths))})
    shuffled = profile.sample(frac=1, random_state=0)
    found = temperature_at_depth(shuffled)
    assert found.temperature_c == pytest.approx(np.interp(15, depths, profile["mean_c"]), abs=1e-12)
    assert (found.method, found.extended_m) == ("interpolated", 0)


def test_a_shallow_hole_is_extended_with_the_gradient_and_says_how_sure_that_is():
    profile = line(depths=(2, 6, 8), at_15_m=-1.0, gradient=0.0).assign(sampling_error_c=0.03)
    found = temperature_at_depth(profile, 15, 0.04, extension_error_c_per_m=0.02)
    assert found.temperature_c == pytest.approx(-1.0 + 0.04 * 7)
    assert found.depth_error_c == pytest.approx(0.14)
    assert found.standard_error_c == pytest.approx(np.sqrt(0.05**2 + 0.03**2 + 0.14**2))
    assert (found.method, found.deepest_m, found.extended_m) == ("extended", 8, 7)


def test_the_error_shrinks_with_depth_and_is_least_between_near_sensors():
    bottoms = [6, 8, 10, 12, 14]
    errors = [temperature_at_depth(line(depths=(2, z))).standard_error_c for z in bottoms]
    errors += [temperature_at_depth(line(depths=(14, 16))).standard_error_c]
    assert errors == sorted(errors, reverse=True)
    exact = temperature_at_depth(line(depths=(10, 15, 20)))
    assert (exact.depth_error_c, exact.sensor_error_c) == (0, 0.05)
    halfway = temperature_at_depth(line(depths=(14, 16)), extension_error_c_per_m=0.02)
    assert halfway.sensor_error_c == pytest.approx(0.05 / np.sqrt(2))
    assert halfway.depth_error_c == pytest.approx(0.02 / np.sqrt(2))


def test_a_hole_that_cannot_tell_is_refused_with_the_reason():
    with pytest.raises(HoleRefusedError, match="deepest annual mean at 4 m, 5 m needed"):
        temperature_at_depth(line(depths=(1, 4)))
    with pytest.raises(HoleRefusedError, match="uppermost annual mean at 40 m"):
        temperature_at_depth(line(depths=(40, 60)))
    empty = line(depths=(10, 20)).assign(mean_c=np.nan, n_months=5)
    with pytest.raises(ValueError, match=r"incomplete year.*best: 5 of 12 months"):
        temperature_at_depth(empty)


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
    """Weights 1/s2; the standard error is the spread of the two if that is more."""
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
    t, s = apart["t15_c"].to_numpy()[:2], apart["standard_error_c"].to_numpy()[:2]
    mean = np.average(t, weights=s**-2)
    assert table.loc["A", "t15_c"] == pytest.approx(mean)
    spread = np.sqrt(np.average((t - mean) ** 2, weights=s**-2))
    assert table.loc["A", "standard_error_c"] == pytest.approx(spread)


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
