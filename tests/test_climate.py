from typing import get_args

import numpy as np
import pytest

from helpers import climate
from helpers.settings import ClimateQuantity


def year(mean, amplitude, parts=365_00):
    """Temperature of a sinusoidal year of 365 days in equal parts, and days of each part."""
    phase = 2 * np.pi * (np.arange(parts) + 0.5) / parts
    return mean + amplitude * np.cos(phase), np.full(parts, 365 / parts)


@pytest.fixture
def months():
    """Temperature and precipitation (12, 50) of places from tundra to subtropics."""
    rng = np.random.default_rng(3)
    cycle = -np.cos(2 * np.pi * (np.arange(12) - 0.5) / 12)[:, None]
    temperature = rng.uniform(-8, 12, 50) + rng.uniform(2, 25, 50) * cycle
    return temperature, rng.uniform(0, 120, (12, 50))


SPREAD = [5.2, 4.9, 5.8, 4.4, 4.1, 3.0, 2.4, 2.7, 3.7, 5.1, 6.2, 5.5]


@pytest.mark.parametrize(
    ("mean", "amplitude", "thawing", "freezing"),
    [
        (-3, 20, 1802.353, 2897.353),
        (0, 18, 2091.296, 2091.296),
        (2, 19, 2584.720, 1854.720),
        (-5, 4, 0, 1825),
    ],
)
def test_degree_days_of_a_sinusoid(mean, amplitude, thawing, freezing):
    """Closed form: (365 / pi) (M beta + A sin beta), beta = arccos(-M / A)."""
    found = climate.degree_days(*year(mean, amplitude))
    np.testing.assert_allclose(found, (thawing, freezing), atol=1e-2)


def test_degree_days_with_spread_equal_the_daily_sum_of_normal_days():
    rng = np.random.default_rng(0)
    mean, spread = np.array([-20.0, 1.0, 15.0]), np.array([5.0, 4.0, 3.0])
    days = rng.normal(mean[:, None], spread[:, None], (3, 200_000))
    daily = 30 * np.maximum(days, 0).mean(axis=1).sum()
    thawing, freezing = climate.degree_days(mean, [30, 30, 30], spread)
    assert thawing == pytest.approx(daily, rel=2e-3)
    assert thawing - freezing == pytest.approx(30 * mean.sum())


def test_spread_only_adds_degree_days():
    mean = np.array([-20.0, 0.5, 15.0])
    plain, with_spread = (climate.degree_days(mean, [30] * 3, s)[0] for s in (None, [4.0] * 3))
    assert with_spread > plain == pytest.approx(30 * 15.5)


def test_degree_days_work_on_grids():
    months = np.random.default_rng(0).normal(0, 10, (12, 4, 5))
    thawing, freezing = climate.degree_days(months, climate.DAYS_IN_MONTH, [4.0] * 12)
    assert thawing.shape == freezing.shape == (4, 5)
    one = climate.degree_days(months[:, 2, 3], climate.DAYS_IN_MONTH, [4.0] * 12)
    assert (thawing[2, 3], freezing[2, 3]) == pytest.approx(one)


def test_frost_number_is_half_where_freezing_and_thawing_balance():
    assert climate.frost_number(2000, 2000) == 0.5
    assert climate.frost_number(0, 2000) == 1
    assert climate.frost_number(900, 1600) == pytest.approx(40 / 70)


def test_every_quantity_of_the_settings_is_computed_and_has_units(months):
    found = climate.annual_climate(*months, SPREAD, np.full(50, 50.0))
    assert set(found) == set(climate.QUANTITIES) == set(get_args(ClimateQuantity))
    assert all(values.shape == (50,) for values in found.values())


def test_every_temperature_says_that_it_is_of_the_air():
    names = {q: long_name for q, (units, long_name) in climate.QUANTITIES.items() if units != "mm"}
    assert all("air" in long_name for long_name in names.values()), names


def test_seasons_add_up_to_the_year_and_snow_falls_within_it(months):
    found = climate.annual_climate(*months, SPREAD)
    seasons = sum(found[f"{season}_precipitation"] for season in climate.SEASONS)
    np.testing.assert_allclose(seasons, found["precipitation"])
    snow = found["snow_season_precipitation"]
    assert ((snow >= 0) & (snow <= found["precipitation"])).all()


def test_winter_is_december_to_february():
    seasons = climate.seasonal_precipitation(2.0 ** np.arange(12))
    assert {name: int(mm) for name, mm in seasons.items()} == {
        "winter": 2048 + 1 + 2,
        "spring": 4 + 8 + 16,
        "summer": 32 + 64 + 128,
        "autumn": 256 + 512 + 1024,
    }


def test_a_spline_below_zero_counts_as_dry_in_every_sum(months):
    temperature, rain = months
    rain = rain.copy()
    rain[0] = -20.0
    found = climate.annual_climate(temperature, rain, SPREAD)
    np.testing.assert_allclose(found["precipitation"], rain[1:].sum(axis=0))
    np.testing.assert_allclose(found["winter_precipitation"], rain[[1, 11]].sum(axis=0))


def test_a_month_at_zero_brings_half_its_precipitation_as_snow():
    mean = np.full((12, 1), 30.0)
    mean[3], mean[10] = 0.0, -50.0
    rain = np.full((12, 1), 10.0)
    assert climate.snow_season_precipitation(mean, rain, [4.0] * 12) == pytest.approx(15)
    assert climate.snow_season_precipitation(mean, rain) == 10


def test_continentality_runs_from_the_ocean_to_the_cold_pole():
    """Thorshavn (annual range 7.8, 62.0 N) about 0, Verkhoyansk (65.2, 67.6 N) about 100."""
    np.testing.assert_allclose(climate.continentality([7.8, 65.2], [62.0, 67.6]), [0, 100], atol=1)


def test_range_and_continentality_by_hand():
    months = np.linspace(-25, 20, 12)[:, None]
    found = climate.annual_climate(months, np.ones((12, 1)), SPREAD, latitude=20.0)
    assert found["temperature_range"] == 45
    assert found["continentality"] == pytest.approx(1.7 * 45 / 0.5 - 14)


def test_without_latitude_there_is_no_continentality(months):
    assert "continentality" not in climate.annual_climate(*months, SPREAD)


def test_missing_months_leave_only_what_can_be_known(months):
    temperature, rain = months
    rain = rain.copy()
    rain[5, 7] = np.nan
    found = climate.annual_climate(temperature, rain, SPREAD, 50.0)
    lacking = {name for name, values in found.items() if np.isnan(values[7])}
    assert lacking == {"precipitation", "summer_precipitation", "snow_season_precipitation"}
    assert not any(np.isnan(np.delete(values, 7)).any() for values in found.values())
