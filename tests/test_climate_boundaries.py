"""Climate by hand: the length of each month, signs of indices, steps of a year, scales, gaps."""

import numpy as np
import pandas as pd
import pytest

from helpers import climate
from helpers.climate.comparison import _regression
from helpers.climate.stations import error_table
from helpers.storage import ContractError

DAYS = [31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def test_a_month_of_one_degree_counts_by_its_days():
    """Place i has 1 deg C in month i and 0 in all others; a mean year has 365.25 days."""
    found = climate.annual_climate(np.eye(12), np.ones((12, 12)), None)
    assert found["thawing_degree_days"].tolist() == DAYS
    np.testing.assert_allclose(found["mean_annual_air_temperature"], np.divide(DAYS, 365.25))


def test_the_frost_number_of_a_place_that_never_thaws_is_1():
    """And 0 of one that never freezes."""
    months = np.stack([np.full(12, -5.0), np.full(12, 5.0)], axis=1)
    found = climate.annual_climate(months, np.ones((12, 2)), None)
    np.testing.assert_allclose(found["frost_number"], [1, 0], atol=1e-6)
    assert found["freezing_degree_days"][0] == pytest.approx(5 * 365.25)


def test_whole_numbers_of_degrees_are_degrees():
    """A spread is not cut to whole numbers either."""
    whole = climate.degree_days([-20, 1, 15], [30, 30, 30], [5.5, 4.5, 3.5])
    assert whole == climate.degree_days([-20.0, 1.0, 15.0], [30.0] * 3, [5.5, 4.5, 3.5])


def test_a_series_may_have_one_step_a_year():
    found = climate.annual_from_series(
        [3.0, 5.0], ["2001-01-01", "2002-01-01"], [365, 365], "mean", place="years"
    )
    assert found.years == (2001, 2002)
    assert found.values == 4


def months_of_2001(february):
    starts = np.arange("2001-01", "2002-01", dtype="datetime64[M]")
    days = np.diff(np.arange("2001-01", "2002-02", dtype="datetime64[M]").astype("M8[D]"))
    lengths = days.astype(float)
    lengths[1] = february
    return climate.annual_from_series(np.ones(12), starts, lengths, "annual_sum", place="rain")


def test_a_step_may_reach_one_day_into_the_next_and_no_farther():
    """As the February of 28.25 days does, or one of 29 in a year of 365."""
    assert months_of_2001(29.0).values == 12
    with pytest.raises(ContractError, match="not overlap"):
        months_of_2001(29.5)


@pytest.mark.parametrize("length", [0, -1])
def test_a_step_without_length_is_an_error(length):
    with pytest.raises(ContractError, match="one length above 0 days"):
        climate.annual_from_series([1.0, 1.0], None, [365.25 - length, length], "mean")


def test_kriging_does_not_depend_on_the_unit():
    """Residuals of precipitation are a thousand times those of temperature, or a thousandth."""
    rng = np.random.default_rng(1)
    place = rng.normal(size=(40, 2))
    field = np.sin(2 * place[:, :1]) + rng.normal(0, 0.1, (40, 1))
    at = rng.normal(size=(5, 2))
    plain = climate.krige(place, field)(at)
    for scale in (1e-3, 1e3):
        scaled = climate.krige(place, field * scale)(at)
        np.testing.assert_allclose(scaled, plain * scale, rtol=1e-3)


def test_errors_are_told_station_by_station_whatever_the_index():
    """A station without an observation is left out of that quantity alone."""
    table = error_table(
        pd.Series(["b", "a"], index=[9, 4]),
        {"warm": np.array([1.0, 2.0]), "wet": np.array([3.0, np.nan])},
        {"warm": np.array([2.0, 4.0]), "wet": np.array([2.0, 8.0])},
    )
    assert table["station"].tolist() == ["b", "b", "a"]
    assert table["quantity"].tolist() == ["warm", "wet", "warm"]
    assert table["error"].tolist() == [1, -1, 2]


def test_a_regression_of_as_many_stations_as_coefficients_leaves_none_out():
    design = np.column_stack([np.ones(5), np.arange(5.0)])
    few = np.array([1.0, np.nan, 2.0, np.nan, np.nan])
    assert np.isnan(_regression(design, few)).all()
    fitted, left_out = _regression(design, np.array([1.0, 2.0, 3.0, np.nan, np.nan]))
    np.testing.assert_allclose(fitted[:3], [1, 2, 3])
    np.testing.assert_allclose(left_out[:3], [1, 2, 3])


def test_a_subset_may_be_marked_by_0_and_1(network):
    position, stations, spread = network
    north = (stations["lat"] > stations["lat"].median()).to_numpy()
    first, second = (
        climate.compare_interpolations(position, stations, spread, (), ("north", mask))
        for mask in (north, north.astype(int))
    )
    pd.testing.assert_frame_equal(first, second)
    assert set(first["method"]) == {"regression north"}


@pytest.fixture(scope="module")
def network():
    """Position (m), table of stations, and spread within the months (deg C) of 12 stations."""
    rng = np.random.default_rng(2)
    lat, lon, height = rng.uniform(40, 53, 12), rng.uniform(110, 130, 12), rng.uniform(0, 900, 12)
    months = {f"t{m}": 20 - lat + rng.normal(0, 1, 12) for m in climate.MONTHS}
    months |= {f"p{m}": rng.uniform(0, 90, 12) for m in climate.MONTHS}
    stations = pd.DataFrame({"station": list("abcdefghijkl"), "lat": lat, "lon": lon, **months})
    return np.column_stack([lon * 7e4, lat * 1.1e5, height]), stations, [4.0] * 12
