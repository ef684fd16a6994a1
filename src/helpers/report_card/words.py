"""Numbers of the card in words; what is None reads "not computed"."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

MISSING = "not computed"
_SMALLEST_P = 0.001

Show = Callable[[Any], str]


def number(digits: int = 2, unit: str = "") -> Show:
    """How to show a number: so many decimals, and its unit."""
    end = f" {unit}" if unit else ""

    def show(value: float | None) -> str:
        """The number, without a minus before zero."""
        return MISSING if value is None else f"{value:z.{digits}f}{end}"

    return show


celsius, plain_number, count = number(2, "°C"), number(2), number(0)


def percent(share: float | None) -> str:
    """A share of 1 as per cent."""
    return MISSING if share is None else f"{share:.0%}".replace("%", " %")


def bare_percent(share: float | None) -> str:
    """The same without the sign, for the ends of an interval."""
    return percent(share).removesuffix(" %")


def p_value(value: float | None) -> str:
    """A p-value to three decimals."""
    if value is None:
        return MISSING
    return f"< {_SMALLEST_P}" if value < _SMALLEST_P else f"{value:.3f}"


def text(value: object) -> str:
    """A text, or that it is not there."""
    return MISSING if value in (None, "") else str(value)


def span(ends: Sequence[float | None] | None, show: Show) -> str:
    """Both ends of an interval."""
    if not ends or None in ends:
        return MISSING
    low, high = ends
    return f"{show(low)} to {show(high)}"


def scored(row: Mapping[str, Any], name: str, show: Show, bare: Show | None = None) -> str:
    """A score with its 95 % interval, if it has one; ``bare`` shows the ends."""
    ends = row.get(f"{name}_interval")
    if row.get(name) is None or not ends or None in ends:
        return show(row.get(name))
    return f"{show(row[name])} ({span(ends, bare or show)})"


def entry(key: str, show: Show = text) -> Show:
    """How a column of a table shows what lies under a key of its row."""
    return lambda row: show(row.get(key))


def scored_entry(key: str, show: Show, bare: Show = plain_number) -> Show:
    """How a column of a table shows a score of its row, with the interval."""
    return partial(scored, name=key, show=show, bare=bare)
