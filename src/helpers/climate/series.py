"""Annual quantities of a series of any step: daily, 8-day composites, months; several years."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.climate.indices import degree_days
from helpers.storage import ContractError
from helpers.units import DAYS_IN_YEAR

AnnualQuantity = Literal["mean", "annual_sum", "thawing_degree_days", "freezing_degree_days"]

# A calendar of 365 days lacks one day in four years; more than one is a gap.
_LACKING_DAYS = 1.0


class AnnualMean(NamedTuple):
    """Mean of a quantity over complete years, and the years they begin in.

    ``years`` is empty where the series is a mean year and not dated.
    """

    values: NDArray
    years: tuple[int, ...]


def annual_from_series(
    values: ArrayLike,
    start: ArrayLike | None,
    days: ArrayLike,
    quantity: AnnualQuantity,
    within_sd_c: ArrayLike | None = None,
    place: str = "series",
) -> AnnualMean:
    """Mean annual value of a series, over its complete years.

    Thawing degree-days, means and sums are of calendar years; freezing degree-days are of
    freezing years, July to June, so that no winter is cut in two at New Year. A step that lies
    in two years counts in each by its days there. Years of the northern hemisphere.

    Parameters
    ----------
    values
        (n, ...): mean of each step (deg C where degree-days are asked for), or its amount for
        ``annual_sum``. A cell that is NaN in a step of a complete year is NaN.
    start
        First day of each step (n), datetime64, in order. ``None``: the steps are those of one
        mean year (a climatology), January first; then nothing has to be cut at New Year.
    days
        Length of each step (n), d; that of the last 8-day composite of a year is 5 or 6.
    quantity
        ``mean``, ``annual_sum``, ``thawing_degree_days`` or ``freezing_degree_days`` (deg C d).
    within_sd_c
        Standard deviation of daily temperature within the steps, deg C, for each month of the
        year (12, January first); see :func:`degree_days`.
    place
        What the series is of (file, layer), for messages.

    Raises
    ------
    ContractError
        If no year is complete, if steps overlap, or if lengths do not fit together.

    """
    values = np.asarray(values)
    if quantity not in get_args(AnnualQuantity):
        choices = ", ".join(get_args(AnnualQuantity))
        raise ContractError(f"{place}: no annual quantity '{quantity}'; choices: {choices}.")
    days = _checked_days(days, values, place)
    begin = _mean_year(days, place) if start is None else _checked_start(start, days, place)
    spread = None if within_sd_c is None else _spread_of_steps(within_sd_c, begin, days, place)
    if start is None:
        return AnnualMean(_one_year(values, days, days, quantity, spread), ())
    years = _complete_years(begin, days, quantity, place)
    each = []
    for inside in years.values():
        steps = inside > 0
        within = None if spread is None else spread[steps]
        each.append(_one_year(values[steps], inside[steps], days[steps], quantity, within))
    return AnnualMean(np.mean(each, axis=0), tuple(years))


def _one_year(
    values: NDArray, inside: NDArray, days: NDArray, quantity: str, spread: NDArray | None
) -> NDArray:
    """The quantity of one year, of whose steps ``inside`` of their ``days`` lie in it."""
    if quantity == "mean":
        return np.average(values, axis=0, weights=inside)
    if quantity == "annual_sum":
        return np.tensordot(inside / days, values, axes=1)
    thawing, freezing = degree_days(values, inside, spread)
    return thawing if quantity == "thawing_degree_days" else freezing


def _complete_years(begin: NDArray, days: NDArray, quantity: str, place: str) -> dict[int, NDArray]:
    """Of each complete year, by the year it begins in, how many days of each step it holds."""
    freezing = quantity == "freezing_degree_days"
    first, last = (int(_calendar(day, "Y")) + 1970 for day in (begin[0], begin[-1] + days[-1]))
    covered, complete = {}, {}
    for year in range(first - freezing, last + 1):
        opens, closes = (_day_number(f"{y}-{7 if freezing else 1:02d}") for y in (year, year + 1))
        inside = np.minimum(begin + days, closes) - np.maximum(begin, opens)
        inside = np.maximum(inside, 0)
        covered[year] = inside.sum()
        if covered[year] >= closes - opens - _LACKING_DAYS:
            complete[year] = inside
    if not complete:
        kind = "freezing year (July to June)" if freezing else "calendar year"
        best = max(covered, key=covered.get)
        raise ContractError(
            f"{place}: no complete {kind} for {quantity}: of the one that begins in {best}, the "
            f"fullest, {covered[best]:.0f} days are there. Add the missing steps, or give a mean "
            "year (climatology) without dates."
        )
    return complete


def _checked_days(days: ArrayLike, values: NDArray, place: str) -> NDArray:
    days = np.asarray(days, dtype=float)
    if values.ndim == 0 or days.shape != values.shape[:1] or not (days > 0).all():
        raise ContractError(
            f"{place}: values of shape {values.shape} and lengths of steps of shape {days.shape}; "
            "one length above 0 days is needed for each step along the first axis."
        )
    return days


def _checked_start(start: ArrayLike, days: NDArray, place: str) -> NDArray:
    dates = np.asarray(start, dtype="datetime64[s]")
    if dates.shape != days.shape or np.isnat(dates).any():
        raise ContractError(f"{place}: {len(days)} steps need a date each; found {dates}.")
    begin = _day_number(dates)
    # A mean February of 28.25 days may reach into March, a composite not into the next.
    early = np.flatnonzero(begin[:-1] + days[:-1] > begin[1:] + _LACKING_DAYS)
    if early.size:
        i = early[0]
        raise ContractError(
            f"{place}: the step from {dates[i]} is {days[i]:g} days long, the next one begins on "
            f"{dates[i + 1]}. Steps must be in order and not overlap; the last 8-day composite of "
            "a year has 5 days, 6 in a leap year."
        )
    return begin


def _mean_year(days: NDArray, place: str) -> NDArray:
    """First days of the steps of a mean year, counted in a year of 365 days."""
    if abs(days.sum() - DAYS_IN_YEAR) > _LACKING_DAYS:
        raise ContractError(
            f"{place}: {len(days)} steps without dates are {days.sum():g} days long together; a "
            f"mean year of {DAYS_IN_YEAR} is needed. Give the dates of a longer series."
        )
    return _day_number("2001-01") + np.cumsum(days) - days


def _spread_of_steps(within: ArrayLike, begin: NDArray, days: NDArray, place: str) -> NDArray:
    within = np.asarray(within, dtype=float)
    if within.shape != (12,):
        raise ContractError(
            f"{place}: spread within steps of shape {within.shape}; 12 values are needed, one "
            "for each month of the year."
        )
    return within[_calendar(begin + days / 2, "M") % 12]


def _day_number(date: ArrayLike) -> NDArray:
    """Days since 1970-01-01, with parts of a day."""
    return np.asarray(date, dtype="datetime64[s]").astype(float) / 86_400


def _calendar(day_number: ArrayLike, unit: str) -> NDArray:
    """Whole months ("M") or years ("Y") since January 1970."""
    days = np.floor(day_number).astype("datetime64[D]")
    return days.astype(f"datetime64[{unit}]").astype(int)
