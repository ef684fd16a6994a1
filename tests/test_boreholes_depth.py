"""From sensors to 15 m: annual means, zero annual amplitude, interpolation, extension, error."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.boreholes.annual import annual_profile, zero_annual_amplitude_depth
from helpers.boreholes.depth import HoleRefusedError, temperature_at_depth
from helpers.boreholes.error_models import (
    USUAL_EXTENSION_ERROR_C_PER_M,
    USUAL_INTERPOLATION_ERROR_C_PER_M2,
    DepthModel,
    Gradient,
    depth_model,
    extension_error_model,
    geothermal_gradient,
    ground_state,
    interpolation_error_model,
    regional_gradients,
)

CHAIN = np.array([2, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20])
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


def test_a_mean_over_eleven_months_passes_with_the_error_of_the_wave_it_missed():
    """A sinusoid 2 deg C wide has the sd 2 / sqrt(8); three months are no year above its end."""
    given = {"site": "A", "depth_m": [4.0, 5.0, 6.0], "averaging": "mean"}
    records = pd.DataFrame(given | {"temperature_c": [-1.4, -1.5, -1.6]})
    profile = annual_profile(records.assign(time=pd.NaT, n_months=[3, 11, 12], amplitude_c=1.0))
    assert np.isnan(profile["mean_c"][0]) and profile["mean_c"][1:].tolist() == [-1.5, -1.6]
    expected = [2 / np.sqrt(8) * np.sqrt(1 / 11 - 1 / 12), 0]
    assert profile["sampling_error_c"][1:].tolist() == pytest.approx(expected)
    assert profile["max_c"][2] == pytest.approx(-0.6)


def test_a_mean_of_few_months_counts_below_the_end_of_the_wave():
    """Half ranges of 0.4 and 0.1 at 5 and 10 m: the range falls to 0.1 deg C at 12.5 m."""
    given = {"site": "A", "depth_m": [5.0, 10.0, 12.0, 13.0], "averaging": "mean"}
    records = pd.DataFrame(given | {"temperature_c": -1.0, "n_months": [12, 12, 3, 3]})
    records = records.assign(time=pd.NaT, amplitude_c=[0.4, 0.1, np.nan, np.nan])
    known = annual_profile(records)["mean_c"].notna()
    assert known.tolist() == [True, True, False, True]


def test_the_gradient_is_a_least_squares_slope_below_ten_metres():
    profile = line(depths=(2, 10, 15, 20), gradient=0.035)
    profile.loc[0, "mean_c"] = 9.0
    assert geothermal_gradient(profile) == pytest.approx(0.035)
    assert np.isnan(geothermal_gradient(profile, below_m=12))


def test_the_regional_gradient_is_the_median_of_the_holes_that_reach_15_m():
    holes = [line("A", gradient=0.02), line("B", gradient=0.03), line("C", gradient=0.07)]
    shallow = line("D", depths=(10, 11, 12), gradient=0.5)
    found = regional_gradients(pd.concat([*holes, shallow]))
    assert [gradient.c_per_m for gradient in found.values()] == pytest.approx([0.03, 0.03])
    usual = Gradient(0.01, "usual")
    assert regional_gradients(shallow, usual=usual)["frozen"] is usual


@pytest.mark.parametrize(("n_thawed", "frozen", "thawed"), [(5, 0.02, 0.06), (4, 0.02, 0.02)])
def test_frozen_and_thawed_ground_are_kept_apart_from_five_deep_holes_of_each(
    n_thawed, frozen, thawed
):
    cold = [line(f"F{i}", at_15_m=-1.0, gradient=0.02) for i in range(5)]
    warm = [line(f"T{i}", at_15_m=1.0, gradient=0.06) for i in range(n_thawed)]
    model = depth_model(pd.concat([*cold, *warm]))
    assert model.frozen.c_per_m == pytest.approx(frozen)
    assert model.thawed.c_per_m == pytest.approx(thawed)
    shallow = line(depths=(2, 6), at_15_m=1.0, gradient=0)
    assert temperature_at_depth(shallow, model=model).temperature_c == pytest.approx(1 + 9 * thawed)
    assert ("thawed" in model.gradient(shallow).origin) == (n_thawed == 5)


def test_a_hole_is_frozen_or_thawed_by_its_deepest_sensor_down_to_the_depth_wanted():
    """A hole that leaves the permafrost at 50 m is frozen at 15 m."""
    profile = line(depths=(5, 10, 14, 60), at_15_m=-1.0, gradient=0.03)
    assert profile["mean_c"].iloc[-1] > 0
    assert ground_state(profile) == "frozen"
    assert ground_state(profile, 60) == "thawed"
    assert ground_state(line(depths=(20, 60), at_15_m=-1.0)) == "frozen"


def test_leave_one_out_gives_the_error_per_metre():
    """Slopes 20, 30, 40: the others' medians 35, 30, 25 miss by 15, 0, -15 deg C/km.

    A rate from three holes is widened, for t of two degrees of freedom at 2 standard errors.
    """
    holes = pd.concat([line(str(g), gradient=g / 1000) for g in (20, 30, 40)])
    expected = 0.015 * np.sqrt(2 / 3) * stats.t(2).ppf(stats.norm.cdf(2)) / 2
    assert extension_error_model(holes, sensor_error_c=0) == pytest.approx(expected)
    assert extension_error_model(line()) == USUAL_EXTENSION_ERROR_C_PER_M


@pytest.mark.parametrize("bend", [0.002, -0.01])
def test_the_error_of_the_straight_line_is_the_bend_of_the_profile(bend):
    """A parabola a z^2 is off the line between two of its points by a d1 d2, exactly."""
    depths = np.array([8, 9, 11, 12, 14, 16, 20, 25.0])
    hole = pd.DataFrame({"depth_m": depths, "mean_c": bend * depths**2})
    holes = pd.concat([hole.assign(site=site) for site in "AB"])
    assert interpolation_error_model(holes, sensor_error_c=0) == pytest.approx(abs(bend))
    assert interpolation_error_model(hole.assign(site="A")) == USUAL_INTERPOLATION_ERROR_C_PER_M2


def test_what_the_sensors_do_is_not_taken_for_a_bend_or_a_gradient():
    """Straight profiles of one gradient under sensors 0.05 deg C off: no other error is found."""
    rng = np.random.default_rng(0)
    depths = (5, 6, 8, 10, 12, 14, 16, 18, 20, 25)
    holes = pd.concat([line(f"{i}", depths) for i in range(200)])
    holes["mean_c"] += rng.normal(0, 0.05, len(holes))
    taken_off = [extension_error_model(holes), interpolation_error_model(holes)]
    left_in = [
        extension_error_model(holes, sensor_error_c=0),
        interpolation_error_model(holes, sensor_error_c=0),
    ]
    assert taken_off == pytest.approx([0, 0], abs=0.003)
    assert (np.array(left_in) > 0.008).all()


@pytest.mark.parametrize(("n_deep", "n_surveys", "most"), [(3, 90, 0.985), (30, 16, 0.97)])
def test_two_standard_errors_hold_for_95_percent_with_few_deep_holes_or_many(
    n_deep, n_surveys, most
):
    """Gradients differ by 10 deg C/km, sensors by 0.05 deg C; shallow holes end at 6 to 14 m.

    From three deep holes the error is rather too wide than too narrow.
    """
    rng = np.random.default_rng(5)
    bottoms = [20] * n_deep + [6, 8, 10, 12, 14] * 2
    inside = {"interpolated": [], "extended": []}
    for _ in range(n_surveys):
        holes = [
            line(f"{i:03d}", CHAIN[bottom >= CHAIN], gradient=rng.normal(0.035, 0.01))
            for i, bottom in enumerate(bottoms)
        ]
        survey = pd.concat(holes)
        survey["mean_c"] += rng.normal(0, 0.05, len(survey))
        model = depth_model(survey)
        for _, hole in survey.groupby("site"):
            found = temperature_at_depth(hole, model=model)
            error = found.temperature_c + 2
            inside[found.method].append(abs(error) <= 2 * found.standard_error_c)
    assert 0.93 <= np.mean(inside["interpolated"]) <= most
    assert 0.93 <= np.mean(inside["extended"]) <= most


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
    model = DepthModel(frozen=Gradient(0.04, "told"), extension_error_c_per_m=0.02)
    found = temperature_at_depth(profile, 15, model)
    assert found.temperature_c == pytest.approx(-1.0 + 0.04 * 7)
    assert found.depth_error_c == pytest.approx(0.14)
    assert found.standard_error_c == pytest.approx(np.sqrt(0.05**2 + 0.03**2 + 0.14**2))
    assert (found.method, found.deepest_m, found.extended_m) == ("extended", 8, 7)
    upwards = temperature_at_depth(line(depths=(18, 20), at_15_m=-1.0, gradient=0), 15, model)
    assert upwards.temperature_c == pytest.approx(-1.0 - 0.04 * 3)
    assert (upwards.depth_error_c, upwards.extended_m) == pytest.approx((0.06, 3))


def test_the_error_shrinks_with_depth_and_is_least_between_near_sensors():
    bottoms = [6, 8, 10, 12, 14]
    errors = [temperature_at_depth(line(depths=(2, z))).standard_error_c for z in bottoms]
    errors += [temperature_at_depth(line(depths=(14, 16))).standard_error_c]
    assert errors == sorted(errors, reverse=True)
    exact = temperature_at_depth(line(depths=(10, 15, 20)))
    assert (exact.depth_error_c, exact.sensor_error_c) == (0, 0.05)
    between = temperature_at_depth(
        line(depths=(12, 16)), model=DepthModel(interpolation_error_c_per_m2=0.02)
    )
    assert between.sensor_error_c == pytest.approx(0.05 * np.hypot(1, 3) / 4)
    assert between.depth_error_c == pytest.approx(0.02 * 3 * 1)


def test_a_hole_that_cannot_tell_is_refused_with_the_reason():
    with pytest.raises(HoleRefusedError, match="deepest annual mean at 4 m, 5 m needed"):
        temperature_at_depth(line(depths=(1, 4)))
    with pytest.raises(HoleRefusedError, match="uppermost annual mean at 40 m"):
        temperature_at_depth(line(depths=(40, 60)))
    empty = line(depths=(10, 20)).assign(mean_c=np.nan, n_months=5)
    with pytest.raises(ValueError, match=r"incomplete year.*best: 5 of 12 months.*deepest: 20 m"):
        temperature_at_depth(empty)
    partly = line(depths=(3, 8, 12)).assign(n_months=[12, 4, 2])
    partly.loc[1:, "mean_c"] = np.nan
    with pytest.raises(
        HoleRefusedError, match=r"3 m, 5 m needed; 2 deeper without one.*best: 4 of 12"
    ):
        temperature_at_depth(partly)
    with pytest.raises(
        HoleRefusedError, match=r"2 deeper without one \(no value passed the checks"
    ):
        temperature_at_depth(partly.assign(n_months=[12, 0, 0]))
