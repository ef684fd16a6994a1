"""What is not known of the errors themselves: their distance, coverage, model, and of an area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from helpers.error_model.groups import BOX
from helpers.products.area_interval import LEVEL
from helpers.report_card.paths import found
from helpers.report_card.words import MISSING, celsius, number, p_value, percent
from helpers.settings import MAPPED, PERMAFROST
from helpers.validation import HEADLINE

SIGNIFICANT = 0.05
MATCHED = "nndm"  # the design that comes closest to the distances of the map

Card = Mapping[str, Any]


def distance_left(card: Card) -> str:
    """How far the headline is from the distances of the map, and why these are not all."""
    designs = {row["design"]: row for row in card["designs"]}
    headline, matched = designs[HEADLINE], designs[MATCHED]
    if headline["w_km"] is None:
        return f"Distance W between kNNDM and the map: {MISSING}."
    words = f"kNNDM is W = {number(0, 'km')(headline['w_km'])} from the distances of the map"
    if matched["w_km"] is not None:
        words += (
            f" (RMSE {celsius(headline['rmse'])}); NNDM, made to match them, "
            f"{number(0, 'km')(matched['w_km'])} (RMSE {celsius(matched['rmse'])})"
        )
    return f"{words}.{_not_enough(card, [headline['rmse'], matched['rmse']])}"


def _not_enough(card: Card, rmse: Sequence[float | None]) -> str:
    """That a match of distances would not do, if the error outside exceeds all of these."""
    known = [value for value in rmse if value is not None]
    outside = card["applicability"]["expected_error_outside_c"]
    if outside is None or not known or outside <= max(known):
        return ""
    return (
        f" The error to be expected outside the area of applicability, {celsius(outside)}, is "
        "larger still: matching distances on the ground is not enough, as the error there comes "
        "from predictors that no site has."
    )


def coverage(card: Card) -> str:
    """Levels of calibrated and raw intervals that the held-out sites contradict."""
    kinds = " ".join(_judged(card, kind) for kind in ("calibrated", "raw"))
    p = card["residuals"]["p_value"]
    if p is None:
        independent = f"whether they are: {MISSING}"
    elif p < SIGNIFICANT:
        independent = f"which Moran's I (p-value {p_value(p)}) denies, so they are too short"
    else:
        independent = f"which Moran's I (p-value {p_value(p)}) does not deny"
    return f"{kinds} The exact intervals take sites as independent, {independent}."


def _judged(card: Card, kind: str) -> str:
    """Each level of one kind that its exact interval does not hold, or that all are held."""
    rows = card["intervals"][kind]["levels"]
    tested = [row for row in rows if None not in (row["coverage_interval"] or [None])]
    unknown = [percent(row["nominal"]) for row in rows if row not in tested]
    missed = [_missed(row) for row in tested if _verdict(row)]
    levels = ", ".join(percent(row["nominal"]) for row in tested)
    kept = [f"held-out sites contradict none of the levels {levels}"]
    lacking = [f"{', '.join(unknown)}: {MISSING}"] if unknown else []
    said = [*(missed or (kept if tested else [])), *lacking]
    return f"{kind.capitalize()} intervals: {'; '.join(said)}."


def _missed(row: Mapping[str, Any]) -> str:
    held = round(row["coverage"] * row["n"])
    # With a digit more: rounded to whole per cent, an end may look like the level it leaves out.
    low, high = (100 * end for end in row["coverage_interval"])
    return (
        f"that of {percent(row['nominal'])} held {held} of {row['n']} held-out sites "
        f"({percent(row['coverage'])}; exact 95 % interval {low:.1f} to {high:.1f} %), "
        f"so it is {_verdict(row)}"
    )


def _verdict(row: Mapping[str, Any]) -> str:
    """To which side the level lies outside the exact interval of its coverage, if it does."""
    low, high = row["coverage_interval"]
    if high < row["nominal"]:
        return "too narrow"
    return "too wide" if low > row["nominal"] else ""


def error_model(card: Card) -> str:
    """What the error model assumes, and how it fares against the truth."""
    share = card["error_model"]["share_of_beyond"]
    if share is None:
        return f"What the error model assumes: {MISSING}."
    low, high = map(percent, BOX)
    return (
        f"The error model: held-out forests missed {percent(share)} of what a straight line "
        f"changes beyond the {low} to {high} quantiles of the sites. It assumes that the ground "
        "goes on along that line and that variance grows linearly with dissimilarity. Outside the "
        "area of applicability calibrated probabilities follow the line, and can point the wrong "
        f"way.{_against_truth(card)}"
    )


def _against_truth(card: Card) -> str:
    """Expected and true RMSE inside and outside, where the truth is known."""
    parts = {row["part"]: row for row in (found(card, "truth", "parts") or [])}
    pairs = [
        f"{name} {celsius(parts[name]['expected_rmse'])} (true: {celsius(parts[name]['rmse'])})"
        for name in ("inside", "outside")
        if name in parts
    ]
    return f" RMSE it expects {', '.join(pairs)}." if pairs else ""


def area(card: Card) -> str:
    """How wide the interval of the area of permafrost is, and what it does not know."""
    rows = {row["class"]: row for row in card["area_1e4_km2"]}
    row = rows.get(PERMAFROST, {})
    ends = [found(row, key) for key in ("simulated_median", "lower", "upper")]
    if None in ends or not ends[0]:
        return f"Interval of the area of permafrost: {MISSING}."
    median, low, high = ends
    return (
        f"The {100 * LEVEL:g} % interval of the area of permafrost, {low:.1f} to {high:.1f} × 10⁴ "
        "km², is "
        f"{percent((high - low) / median)} of its median wide: near cells err alike, so their "
        "errors do not average out. It knows the errors of the map, not those of the error model."
        f"{_true_area(card, found(rows, MAPPED, 'area'), ends)}"
    )


def _true_area(card: Card, mapped: float | None, ends: Sequence[float]) -> str:
    """Where the true area lies in the interval (median, low, high), if the truth is known."""
    if not card["truth"]:
        return ""
    share = card["truth"]["frozen_share"]
    if share is None or mapped is None:
        return f" True area: {MISSING}."
    true, (median, low, high) = share * mapped, ends
    place = "inside" if low <= true <= high else "outside"
    side = "below" if true < median else "above"
    return f" The true area, {true:.1f} × 10⁴ km², lies {place} it, {side} the median."
