import numpy as np
import pytest

from helpers import climate
from helpers.storage import ContractError

SPREAD = np.array([5.2, 4.9, 5.8, 4.4, 4.1, 3.0, 2.4, 2.7, 3.7, 5.1, 6.2, 5.5])


def daily(first, last):
    """First days (n) of a daily series, and ones."""
    start = np.arange(first, last, dtype="datetime64[D]")
    return start, np.ones(len(start))


def composites(years):
    """8-day composites that begin anew each year; the last has 5 or 6 days."""
    start = [np.arange(f"{y}-01-01", f"{y + 1}-01-01", 8, dtype="datetime64[D]") for y in years]
    start = np.concatenate(start)
    end = np.append(start[1:], np.datetime64(f"{years[-1] + 1}-01-01"))
    return start, (end - start).astype(int)


def step_means(days_c, start, steps):
    """Means of a daily series over the steps that begin on ``steps``."""
    step = np.searchsorted(steps, start, side="right") - 1
    return np.bincount(step, days_c) / np.bincount(step)


def annual(values, start, days, quantity, within=None):
    return climate.annual_from_series(values, start, days, quantity, within).values


@pytest.mark.parametrize(
    ("mean", "amplitude", "thawing", "freezing"),
    [(-3, 20, 1802.353, 2897.353), (2, 19, 2584.720, 1854.720), (-5, 4, 0, 1825)],
)
def test_a_daily_sinusoid_gives_the_closed_form(mean, amplitude, thawing, freezing):
    start, days = daily("2001-01-01", "2003-01-01")  # two years of 365 days
    values = mean + amplitude * np.cos(2 * np.pi * (np.arange(len(start)) - 14.5) / 365)
    # Daily steps follow the curve to 0.2 degree-days.
    assert annual(values, start, days, "thawing_degree_days") == pytest.approx(thawing, abs=0.2)
    assert annual(values, start, days, "freezing_degree_days") == pytest.approx(freezing, abs=0.2)
    assert annual(values, start, days, "mean") == pytest.approx(mean)


@pytest.mark.parametrize("within", [None, SPREAD])
def test_a_mean_year_agrees_with_degree_days(within):
    values = np.random.default_rng(0).normal(0, 12, (12, 3))
    thawing, freezing = climate.degree_days(values, climate.DAYS_IN_MONTH, within)
    for quantity, expected in (("thawing", thawing), ("freezing", freezing)):
        found = climate.annual_from_series(
            values, None, climate.DAYS_IN_MONTH, f"{quantity}_degree_days", within
        )
        np.testing.assert_array_equal(found.values, expected)
        assert found.years == ()


def test_months_that_repeat_over_years_agree_with_the_mean_year():
    values = np.random.default_rng(1).normal(0, 12, 12)
    start = np.arange("2021-01", "2024-01", dtype="datetime64[M]").astype("datetime64[D]")
    days = np.diff(np.append(start, np.datetime64("2024-01-01"))).astype(int)
    repeated, common_year = np.tile(values, 3), days[:12]
    thawing, freezing = climate.degree_days(values, common_year, SPREAD)
    found = [
        annual(repeated, start, days, f"{q}_degree_days", SPREAD) for q in ("thawing", "freezing")
    ]
    np.testing.assert_allclose(found, (thawing, freezing))


def test_a_cold_winter_is_one_winter():
    """-30 deg C from October 2021 to March 2022, else 0: 182 days, not the 91 of each year."""
    start, days = daily("2021-01-01", "2023-01-01")
    cold = (start >= np.datetime64("2021-10-01")) & (start < np.datetime64("2022-04-01"))
    found = climate.annual_from_series(
        np.where(cold, -30.0, 0), start, days, "freezing_degree_days"
    )
    assert found.values == 30 * 182
    assert found.years == (2021,)


def test_only_complete_years_count_and_are_named():
    start, days = daily("2020-03-01", "2023-06-01")
    values = np.where(start < np.datetime64("2021-01-01"), 99.0, 5.0)
    found = climate.annual_from_series(values, start, days, "mean")
    assert (found.values, found.years) == (5.0, (2021, 2022))
    freezing = climate.annual_from_series(-values, start, days, "freezing_degree_days")
    assert freezing.years == (2020, 2021)


def test_a_step_across_new_year_is_shared_by_its_days():
    start = np.arange("2020-12-29", "2023-01-10", 8, dtype="datetime64[D]")
    steps = np.arange(len(start)) % 7
    found = climate.annual_from_series(steps, start, np.full(len(start), 8), "mean")
    each_day = np.repeat(steps, 8)
    dates = start[0] + np.arange(len(each_day))
    by_year = [
        each_day[dates.astype("datetime64[Y]") == np.datetime64(y)].mean() for y in ("2021", "2022")
    ]
    assert found.values == pytest.approx(np.mean(by_year))


def test_amounts_across_new_year_are_shared_too():
    start = np.arange("2020-12-29", "2022-01-10", 8, dtype="datetime64[D]")
    found = annual(np.full(len(start), 16.0), start, np.full(len(start), 8), "annual_sum")
    assert found == pytest.approx(2 * 365)


def test_the_short_last_composite_counts_by_its_days():
    start, days = composites([2023, 2024])
    assert set(days) == {8, 5, 6}
    found = climate.annual_from_series(np.full(len(start), 2.0), start, days, "thawing_degree_days")
    assert (found.values, found.years) == (2 * (365 + 366) / 2, (2023, 2024))


def test_a_composite_longer_than_the_year_has_left_is_an_error():
    start, _ = composites([2023, 2024])
    message = r"lst\.tif: the step from 2023-12-27.* is 8 days long, the next .* 2024-01-01"
    with pytest.raises(ContractError, match=message):
        climate.annual_from_series(
            np.zeros(len(start)), start, np.full(len(start), 8), "mean", place="lst.tif"
        )


def weather_of_mohe():
    """Thirty synthetic years of days: yearly wave, and weather of sd 4.3 that lasts some days."""
    start, ones = daily("1971-01-01", "2001-01-01")
    weather = np.random.default_rng(7).normal(size=len(start))
    for day in range(1, len(weather)):
        weather[day] = 0.7 * weather[day - 1] + np.sqrt(1 - 0.7**2) * weather[day]
    season = -4.3 - 24.5 * np.cos(2 * np.pi * (np.arange(len(start)) - 14) / 365.25)
    return season + 4.3 * weather, start, ones


@pytest.mark.parametrize(
    ("quantity", "eight_day_loss", "monthly_loss"),
    [("thawing_degree_days", (0.3, 2), (1.5, 5)), ("freezing_degree_days", (0.2, 1.5), (0.8, 4))],
)
def test_coarse_steps_lose_degree_days_and_spread_restores_them(
    quantity, eight_day_loss, monthly_loss
):
    """Days of the real Mohe: 8-day means lose 1.0 / 0.6 %, months 3.0 / 1.8, with spread 0.3."""
    temperature, start, ones = weather_of_mohe()
    eight, eight_days = composites(range(1971, 2001))
    months = np.arange("1971-01", "2001-02", dtype="datetime64[M]").astype("datetime64[D]")
    months, lengths = months[:-1], np.diff(months).astype(int)
    monthly = step_means(temperature, start, months)
    departure = temperature - np.repeat(monthly, lengths)
    calendar_month = start.astype("datetime64[M]").astype(int) % 12
    spread = [departure[calendar_month == month].std() for month in range(12)]
    true = annual(temperature, start, ones, quantity)
    found = [
        annual(step_means(temperature, start, eight), eight, eight_days, quantity),
        annual(monthly, months, lengths, quantity),
        annual(monthly, months, lengths, quantity, spread),
    ]
    losses = 100 * (1 - np.array(found) / true)
    assert eight_day_loss[0] < losses[0] < eight_day_loss[1]
    assert monthly_loss[0] < losses[1] < monthly_loss[1]
    assert abs(losses[2]) < 0.5


def test_a_missing_value_stays_missing_in_its_cell_alone():
    start, days = daily("2021-01-01", "2023-01-01")
    values = np.ones((len(start), 2, 3))
    values[400, 1, 2] = np.nan
    found = annual(values, start, days, "thawing_degree_days")
    assert np.isnan(found[1, 2])
    assert np.isnan(found).sum() == 1


def test_a_value_missing_outside_the_complete_years_does_not_matter():
    start, days = daily("2020-12-01", "2022-01-01")
    values = np.where(start < np.datetime64("2021-01-01"), np.nan, 3.0)
    assert annual(values, start, days, "mean") == 3


@pytest.mark.parametrize(
    ("quantity", "message"),
    [
        ("mean", r"no complete calendar year for mean.*begins in 2021.* 334 days"),
        ("freezing_degree_days", r"no complete freezing year \(July to June\).* 181 days"),
    ],
)
def test_without_a_complete_year_there_is_no_annual_value(quantity, message):
    start, days = daily("2021-01-01", "2021-12-01")
    with pytest.raises(ContractError, match=message):
        climate.annual_from_series(np.zeros(len(start)), start, days, quantity)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantity": "median"}, "no annual quantity 'median'; choices: mean, annual_sum"),
        ({"days": np.full(11, 30)}, r"shape \(12,\) and lengths of steps of shape \(11,\)"),
        ({"days": np.full(12, 20)}, "12 steps without dates are 240 days long"),
        ({"start": ["2021-01-01"] * 3}, "12 steps need a date each"),
        ({"within_sd_c": [4.0]}, "12 values are needed"),
    ],
)
def test_what_does_not_fit_together_is_named(changes, message):
    series = {"start": None, "days": climate.DAYS_IN_MONTH, "quantity": "mean", **changes}
    with pytest.raises(ContractError, match=f"series: .*{message}"):
        climate.annual_from_series(np.zeros(12), **series)
