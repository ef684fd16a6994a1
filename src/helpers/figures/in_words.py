"""Numbers of the data drawn, in words: what captions and alternative texts are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from helpers.figures.style import panel_letter, unit_text


def known(values: ArrayLike | xr.DataArray) -> NDArray:
    """Values that are there, in one row."""
    values = np.asarray(values, dtype=np.float64).ravel()
    return values[np.isfinite(values)]


def percent(share: float) -> str:
    """Share of 1 in whole per cent; what is not quite nothing or all does not become it."""
    if np.isnan(share):
        return "– %"
    if 0 < share <= 0.005:
        return "< 1 %"
    return "> 99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def number(value: float, decimals: int | None = None) -> str:
    """Number with three digits, or so many decimals, never in powers of ten; a dash for none."""
    if not np.isfinite(value):
        return "–"
    text = f"{value:.{_decimals(value) if decimals is None else decimals}f}"
    return text if float(text) else text.removeprefix("-")


def _decimals(value: float) -> int:
    """Decimals that show three digits of a value; two of 0."""
    return 2 if value == 0 else int(np.clip(2 - np.floor(np.log10(abs(value))), 0, 4))


def with_unit(text: str, units: str) -> str:
    """Number and its unit as it is printed; an angle stands close, and no unit is left out."""
    unit = unit_text(units)
    return text if units == "1" else f"{text}{'' if unit == '°' else ' '}{unit}"


def median_and_range(
    values: ArrayLike | xr.DataArray, units: str = "degC", decimals: int | None = None
) -> str:
    """Median with its unit, and lowest and highest value in brackets, with the same decimals.

    Two of deg C, else as many as show three digits of the largest value.
    """
    values = known(values)
    if not len(values):
        return "no value"
    found = np.array([np.median(values), values.min(), values.max()])
    if decimals is None:
        decimals = 2 if units == "degC" else _decimals(np.abs(found).max())
    middle, low, high = (number(value, decimals) for value in found)
    return f"{with_unit(middle, units)} ({low} to {high})"


def share_frozen(temperature: ArrayLike | xr.DataArray) -> str:
    """Share of the values that are at or below 0 deg C."""
    values = known(temperature)
    return f"{percent(np.mean(values <= 0) if len(values) else np.nan)} at or below 0 °C"


def temperature_numbers(temperature: ArrayLike | xr.DataArray) -> str:
    """Median, range and frozen share of temperatures, deg C."""
    return f"median {median_and_range(temperature)}, {share_frozen(temperature)}"


def share_outside(result: xr.Dataset) -> float:
    """Share of the mapped cells outside the area of applicability."""
    inside = result["inside_area_of_applicability"].to_numpy()[np.isfinite(result["t15"])]
    return float(np.mean(inside != 1)) if inside.size else np.nan


def outside_numbers(result: xr.Dataset) -> str:
    """Share outside the area of applicability, in words."""
    return f"{percent(share_outside(result))} of the area outside the area of applicability"


def survey_numbers(used: pd.DataFrame) -> str:
    """Number of the sites used by method, and their t15."""
    count = used["method"].value_counts()
    methods = ", ".join(f"{n} {method}" for method, n in count.sort_index(ascending=False).items())
    return f"{len(used)} sites used ({methods}); t15 {temperature_numbers(used['t15_c'])}"


def with_interval(value: float, lower: float, upper: float, units: str = "degC") -> str:
    """Value with two decimals and its interval, if it has one."""
    text = with_unit(f"{value:.2f}", units)
    return f"{text} ({lower:.2f} to {upper:.2f})" if np.isfinite([lower, upper]).all() else text


def lettered(parts: Sequence[str]) -> str:
    """Parts of the panels, each with its letter, if there is more than one."""
    if len(parts) == 1:
        return parts[0]
    return "; ".join(f"({panel_letter(i)}) {part}" for i, part in enumerate(parts))


def shown_of(n_shown: int, n: int, what: str) -> str:
    """How many are shown, if not all; empty if all are."""
    return f"{n_shown} of {n} {what}" if n_shown < n else ""


def sentence(*parts: str) -> str:
    """Parts that say something, joined to one line that ends with a stop."""
    text = "; ".join(part for part in parts if part)
    return f"{text}." if text else ""
