"""Indices of a year of climate: degree-days, frost number, seasons, continentality."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr
from scipy.stats import norm

from helpers.units import DAYS_IN_YEAR

MONTHS = tuple(f"{month:02d}" for month in range(1, 13))
DAYS_IN_MONTH = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
SEASONS = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11)}

# Name -> units, long name; every temperature is that of the air.
QUANTITIES = {
    "precipitation": ("mm", "mean annual precipitation"),
    "winter_precipitation": ("mm", "precipitation of December to February"),
    "spring_precipitation": ("mm", "precipitation of March to May"),
    "summer_precipitation": ("mm", "precipitation of June to August"),
    "autumn_precipitation": ("mm", "precipitation of September to November"),
    "snow_season_precipitation": ("mm", "precipitation on days of freezing air temperature"),
    "mean_annual_air_temperature": ("degC", "mean annual air temperature"),
    "thawing_degree_days": ("degC d", "thawing degree-days of air temperature"),
    "freezing_degree_days": ("degC d", "freezing degree-days of air temperature"),
    "frost_number": ("1", "air frost number"),
    "temperature_range": ("degC", "air temperature, warmest minus coldest month"),
    "continentality": ("1", "Conrad's continentality, of air temperature"),
}


def degree_days(
    mean_c: ArrayLike, days: ArrayLike, within_month_sd_c: ArrayLike | None = None
) -> tuple[NDArray, NDArray]:
    """Thawing and freezing degree-days from means over parts of a year.

    Parameters
    ----------
    mean_c
        Mean temperature of each part (usually 12 months), deg C; parts along the first axis.
        Whether it is air, land-surface or ground-surface temperature is up to the caller.
    days
        Length of each part, d.
    within_month_sd_c
        Standard deviation of daily temperature within each part, deg C. Days are then taken as
        normal about the mean, so that a month near 0 deg C has both kinds of days. Without it
        the signs within a part cancel: on daily data of Mohe this loses 3 % of thawing.

    Returns
    -------
    thawing, freezing
        Sum of positive and minus the sum of negative daily temperatures, deg C d, both >= 0.

    """
    mean = np.asarray(mean_c, dtype=float)
    length = _along_first_axis(days, mean)
    positive = np.maximum(mean, 0)
    if within_month_sd_c is not None:
        spread = _along_first_axis(within_month_sd_c, mean)
        positive = mean * norm.cdf(mean / spread) + spread * norm.pdf(mean / spread)
    thawing = np.sum(length * positive, axis=0)
    freezing = thawing - np.sum(length * mean, axis=0)
    return thawing, np.maximum(freezing, 0)


def frost_number(thawing: ArrayLike, freezing: ArrayLike) -> NDArray:
    """Frost number sqrt(FDD) / (sqrt(FDD) + sqrt(TDD)), between 0 and 1.

    Of air indices it is the air frost number. At 0.5 freezing and thawing balance (Nelson and
    Outcalt 1987, doi:10.2307/1551363).
    """
    freezing, thawing = np.sqrt(freezing), np.sqrt(thawing)
    return freezing / (freezing + thawing)


def seasonal_precipitation(monthly_mm: ArrayLike) -> dict[str, NDArray]:
    """Precipitation (mm) of winter (DJF), spring, summer and autumn from (12, ...) mm per month.

    Winter joins December with January and February of the same mean year; the four add up to
    the annual sum.
    """
    monthly = np.asarray(monthly_mm, dtype=float)
    return {season: monthly[np.array(months) - 1].sum(axis=0) for season, months in SEASONS.items()}


def snow_season_precipitation(
    monthly_c: ArrayLike, monthly_mm: ArrayLike, within_month_sd_c: ArrayLike | None = None
) -> NDArray:
    """Precipitation that falls while the air freezes, mm a year: a measure of the snow cover.

    Each month's precipitation (12, ...) mm counts by the share of its days below 0 deg C, from
    the normal law about the month's mean (12, ...) deg C. Precipitation is taken as even over
    the days, though wet days of spring and autumn are milder than dry ones; so it is rather too
    much. Without the spread of the days a month counts whole if its mean is below 0 deg C.
    """
    mean = np.asarray(monthly_c, dtype=float)
    share = np.where(np.isnan(mean), np.nan, mean < 0)
    if within_month_sd_c is not None:
        share = ndtr(-mean / _along_first_axis(within_month_sd_c, mean))
    return np.sum(share * np.asarray(monthly_mm, dtype=float), axis=0)


def temperature_range(monthly_c: ArrayLike) -> NDArray:
    """Mean of the warmest minus mean of the coldest month (12, ...), a difference in deg C."""
    return np.ptp(np.asarray(monthly_c, dtype=float), axis=0)


def continentality(range_c: ArrayLike, latitude: ArrayLike) -> NDArray:
    """Continentality 1.7 A / sin(latitude + 10 deg) - 14 of the annual temperature range A.

    Near 0 on oceanic coasts (Thorshavn), near 100 in the interior of Siberia (Verkhoyansk);
    after Conrad 1946, doi:10.1029/TR027i005p00663. For latitudes north of the equator.
    """
    return 1.7 * np.asarray(range_c) / np.sin(np.radians(np.asarray(latitude) + 10)) - 14


def annual_climate(
    monthly_temperature_c: NDArray,
    monthly_precipitation_mm: NDArray,
    within_month_sd_c: ArrayLike | None,
    latitude: ArrayLike | None = None,
) -> dict[str, NDArray]:
    """All of :data:`QUANTITIES` from monthly means of air temperature and precipitation.

    Parameters
    ----------
    monthly_temperature_c, monthly_precipitation_mm
        (12, n), January first: deg C and mm per month. A surface may dip below zero
        precipitation where a dry month is extrapolated; such months count as dry.
    within_month_sd_c
        Standard deviation of daily temperature within each month (12), deg C, or ``None``.
    latitude
        (n), degrees north. Without it there is no continentality.

    """
    temperature = monthly_temperature_c
    rain = np.maximum(monthly_precipitation_mm, 0)
    thawing, freezing = degree_days(temperature, DAYS_IN_MONTH, within_month_sd_c)
    seasons = seasonal_precipitation(rain)
    annual_range = temperature_range(temperature)
    quantities = {
        "precipitation": rain.sum(axis=0),
        **{f"{season}_precipitation": sums for season, sums in seasons.items()},
        "snow_season_precipitation": snow_season_precipitation(
            temperature, rain, within_month_sd_c
        ),
        "mean_annual_air_temperature": np.average(temperature, axis=0, weights=DAYS_IN_MONTH),
        "thawing_degree_days": thawing,
        "freezing_degree_days": freezing,
        "frost_number": frost_number(thawing, freezing),
        "temperature_range": annual_range,
    }
    if latitude is not None:
        quantities["continentality"] = continentality(annual_range, latitude)
    return quantities


def _along_first_axis(values: ArrayLike, like: NDArray) -> NDArray:
    return np.reshape(np.asarray(values, dtype=float), (-1,) + (1,) * (like.ndim - 1))


def top_of_permafrost_temperature(
    thawing: ArrayLike,
    freezing: ArrayLike,
    thawing_factor: ArrayLike,
    freezing_factor: ArrayLike,
    conductivity_ratio: ArrayLike,
) -> NDArray:
    """Mean annual temperature at the top of permafrost, or of seasonal frost, deg C (TTOP).

    Smith and Riseborough (1996, Permafrost and Periglacial Processes 7, 301-309): frozen ground
    conducts better than thawed, so the season that rules at depth counts more.

    Parameters
    ----------
    thawing, freezing
        Degree-days of the air, deg C d.
    thawing_factor, freezing_factor
        n-factors, the ratio of ground-surface to air degree-days.
    conductivity_ratio
        Thermal conductivity of thawed over that of frozen ground.

    """
    thaw, freeze = thawing_factor * np.asarray(thawing), freezing_factor * np.asarray(freezing)
    frozen = (conductivity_ratio * thaw - freeze) / DAYS_IN_YEAR
    return np.where(frozen <= 0, frozen, (thaw - freeze / conductivity_ratio) / DAYS_IN_YEAR)
