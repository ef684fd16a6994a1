"""Units of layers: spellings of real files understood, conversion, physically possible ranges.

A depth of water and its mass per area are the same thing here: 1 kg m-2 of water is 1 mm.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pint
from numpy.typing import ArrayLike, NDArray

DAYS_IN_YEAR = 365.25
# CF writes powers without a sign for them: "kg m-2".
_POWER = re.compile(r"(?<=[A-Za-z])(?=[-+]?\d+\b)")
_FACTOR = re.compile(r"^(\d*\.?\d+(?:[eE][-+]?\d+)?)\s*\*?\s*(?=[A-Za-z°%])")
_SPELLINGS = {
    re.compile(r"\bdeg(?:ree)?s?[ _.]*(?:C|celsius|Celsius)\b|°\s*C\b|^C$|\bCelsius\b"): "degC",
    re.compile(r"\bdeg(?:ree)?s?[ _.]*(?:K|kelvin|Kelvin)\b|\bKelvin\b"): "kelvin",
    re.compile(r"\bdeg(?:ree)?s?[ _.]*(?:F|fahrenheit|Fahrenheit)\b|°\s*F\b|^F$"): "degF",
    re.compile(r"\bdegrees?_(?:north|east|true|N|E)\b|^deg$|^°$"): "degree",
    re.compile(r"\s*of water(?: equivalent)?"): "",
    re.compile(r"^(?:-|none|unitless|dimensionless)$"): "",
}
_MONTHLY = re.compile(r"\s*(?:/\s*months?|\bmonths?\s*(?:\*\*|\^)?\s*-1)$")

# Lowest and highest value that exists on land, and units a file may silently hold instead.
POSSIBLE = {
    "degC": (-95.0, 70.0, ("K", "degF", "0.1 degC", "0.01 degC", "0.02 K", "0.1 K")),
    "K": (178.0, 343.0, ("degC", "degF", "0.02 K", "0.1 K")),
    "mm": (0.0, 15_000.0, ("0.1 mm", "0.01 mm")),
    # Distances too, so only what is missing (-9999) can be told by the range.
    "m": (-500.0, 1e6, ()),
    "degC d": (0.0, 20_000.0, ("0.1 degC d",)),
    "degree": (-180.0, 360.0, ("0.1 degree", "0.01 degree")),
    "%": (0.0, 100.0, ("0.1 %", "0.01 %")),
}
_ROUNDING = 1e-5


class UnitError(ValueError):
    """Units that are not understood or do not fit together, or values that contradict them."""


def convert(values: ArrayLike, stored: str, wanted: str) -> NDArray:
    """Values from one unit to another; temperatures are levels, not differences.

    Parameters
    ----------
    values
        Any shape; float32 stays float32.
    stored, wanted
        Units as files write them: ``kg m-2``, ``degC d``, ``deg C``, ``%``, ``dg/kg``, also with
        a factor before them (``0.1 mm``). Any text may stand for a unit of the user's own as long
        as both are the same.

    Raises
    ------
    UnitError
        If one of the two is not understood, or they measure different things; names both.

    """
    values = np.asarray(values)
    if not np.issubdtype(values.dtype, np.floating):
        values = values.astype(float)
    if stored.strip() == wanted.strip():
        return values
    slope, intercept = _line(stored, wanted)
    kind = values.dtype.type
    return values if (slope, intercept) == (1, 0) else values * kind(slope) + kind(intercept)


def is_convertible(stored: str, wanted: str) -> bool:
    """Whether :func:`convert` can bring one unit to the other."""
    try:
        convert(0.0, stored, wanted)
    except UnitError:
        return False
    return True


def is_same(first: str, second: str) -> bool:
    """Whether two texts are spellings of one unit; those of the user's own are none."""
    try:
        return _parse(first) == _parse(second)
    except UnitError:
        return False


def amount_of_step(values: NDArray, stored: str, wanted: str, days: float) -> NDArray:
    """What falls during a step of so many days: stored as amount, amount per month, or rate.

    Raises
    ------
    UnitError
        As :func:`convert`.

    """
    if is_convertible(stored, wanted):
        return convert(values, stored, wanted)
    if _MONTHLY.search(stored):
        return convert(values, _MONTHLY.sub("", stored), wanted)
    return convert(values, stored, f"{wanted} / day") * values.dtype.type(days)


def check_plausible(values: ArrayLike, units: str, place: str, stored: str | None = None) -> None:
    """Refuse values that cannot exist in their unit; units not listed are not judged.

    Parameters
    ----------
    values, units
        Numbers, NaN missing, and what they are in.
    place
        File and layer, for the message.
    stored
        Unit they were converted from, if another one.

    Raises
    ------
    UnitError
        Says the range found and expected, and which ``stored_units`` would make it possible.

    """
    kind = next((k for k in POSSIBLE if is_same(units, k)), None)
    values = np.asarray(values)
    if kind is None or not np.isfinite(values).any():
        return
    found = np.array([np.nanmin(values), np.nanmax(values)], dtype=float)
    lowest, highest, others = POSSIBLE[kind]
    if _within(found, lowest, highest):
        return
    raw = convert(found, units, stored or units)
    fits = [u for u in (kind, *others) if _within(convert(raw, u, kind), lowest, highest)]
    low, high = convert(raw, fits[0], kind) if fits else found
    remedy = "Check nodata, scale, offset and stored_units in study.toml"
    if fits:
        remedy = (
            f'As stored_units = "{fits[0]}" they would be {low:g} to {high:g}: set that in '
            "study.toml, unless nodata or scale is wrong"
        )
    raise UnitError(
        f"{place}: values from {found[0]:g} to {found[1]:g} {units} cannot be: {lowest:g} to "
        f"{highest:g} {kind} are expected. {remedy}."
    )


def _within(found: NDArray, lowest: float, highest: float) -> bool:
    slack = _ROUNDING * (highest - lowest)
    return bool(found[0] >= lowest - slack and found[1] <= highest + slack)


@cache
def _line(stored: str, wanted: str) -> tuple[float, float]:
    """Slope and intercept of the straight line from one unit to another."""
    (factor, source), (target_factor, target) = _parse(stored), _parse(wanted)
    registry = _registry()
    ends, water = registry.Quantity(np.array([0.0, factor]), source), _water()
    # An angle is no ratio, though pint takes a radian for 1: compare what is left of the units.
    source_kind, target_kind = _root(source), _root(target)
    density = _root(water.units)
    if source_kind == target_kind * density:
        ends = ends / water
    elif source_kind * density == target_kind:
        ends = ends * water
    elif source_kind != target_kind:
        raise UnitError(f"units '{stored}' cannot be converted to '{wanted}'")
    try:
        zero, one = ends.to(target).magnitude / target_factor
    except (pint.PintError, ArithmeticError) as error:  # degrees times another unit, say
        raise UnitError(f"units '{stored}' cannot be converted to '{wanted}'") from error
    # Adding 273.15 and taking it away leaves a rounding error that is no part of the line.
    return float(f"{one - zero:.12g}"), float(f"{zero:.12g}")


def _root(unit: pint.Unit) -> pint.Unit:
    return _registry().get_root_units(unit)[1]


@cache
def _registry() -> pint.UnitRegistry:
    """All units pint knows; reading them takes a while, so only when they are needed."""
    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


def _water() -> pint.Quantity:
    return _registry().Quantity(1000.0, "kg / m**3")


@cache
def _parse(text: str) -> tuple[float, pint.Unit]:
    """Factor and pint unit of a text."""
    rest = text.strip()
    factor = _FACTOR.match(rest)
    rest = rest[factor.end() :] if factor else rest
    for pattern, spelling in _SPELLINGS.items():
        rest = pattern.sub(spelling, rest)
    for spelt in (rest, rest.lower()):
        try:
            unit = _registry().parse_units(_POWER.sub("**", spelt.replace("^", "**")))
            return float(factor[1]) if factor else 1.0, unit
        except Exception as error:  # pint raises tokenizer, syntax, value and attribute errors
            cause = error
    raise UnitError(
        f"units '{text}' are not understood; write them like 'degC', 'mm', 'kg m-2', '1'"
    ) from cause
