"""The sections of the page, each made of its part of the card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helpers.products.area_interval import LEVEL
from helpers.report_card.markup import (
    bullets,
    lines,
    paragraph,
    section,
    side_by_side,
    table,
    terms,
)
from helpers.report_card.paths import found
from helpers.report_card.score_sections import classes, design, intervals, scores
from helpers.report_card.terms import TERMS
from helpers.report_card.words import (
    celsius,
    count,
    entry,
    number,
    p_value,
    percent,
    plain_number,
    span,
    text,
)
from helpers.settings import MAPPED, PERMAFROST

Card = Mapping[str, Any]


def sections(card: Card) -> list[str]:
    """All sections in their order, that on the truth only if it is known, and what words mean."""
    makers = (
        what,
        data,
        design,
        scores,
        intervals,
        classes,
        applicability,
        residuals,
        area,
        limits,
    )
    made = [make(card) for make in makers]
    if card["truth"]:
        made.append(truth(card))
    return [*made, section("Words", terms(TERMS))]


def what(card: Card) -> str:
    """Section 1: what the map is."""
    of, model, edge = (card["what"], card["what"]["model"], card["what"]["extent_degrees"])
    software = of["software"] or {}
    map_of = {
        "Study": f"{of['study']}, data version {of['data_version']}",
        "Quantity": f"mean annual ground temperature at {of['depth_m']:g} m depth, °C",
        "Period": of["period"],
        "Region": f"{edge['west']:g} to {edge['east']:g}° E, {edge['south']:g} to "
        f"{edge['north']:g}° N (WGS 84)",
        "Grid": f"{' × '.join(map(str, of['rows_and_columns']))} cells of {of['cell_m']:g} m "
        f"(rows × columns), {of['crs']}",
    }
    made_by = {
        "Model": f"{model['kind']}, {model['n_trees']} trees, smallest leaf "
        f"{model['min_samples_leaf']}, share of predictors tried at a split "
        f"{model['max_features']:g}, fit weights: {model['weights'].replace('_', ' ')}",
        "Seed": str(of["seed"]),
        "Software": text(", ".join(f"{name} {v}" for name, v in software.items())),
    }
    return section("1. What", side_by_side(lines(map_of), lines(made_by)))


def data(card: Card) -> str:
    """Section 2: sites and predictors."""
    of, t15 = card["data"], card["data"]["t15_c"]
    predictors = table(
        "Predictors",
        {
            "Predictor": entry("name"),
            "Quantity": lambda row: text(row["quantity"]).replace("_", " "),
            "Source": entry("source"),
            "Years": lambda row: row["years"] or "not stated",
        },
        of["predictors"],
    )
    numbers = {
        "Holes": f"{of['holes']}: {of['used']} used, {of['combined']} combined with another, "
        f"{of['refused']} refused",
        "Sites validated": count(of["sites_validated"]),
        "Temperature of the sites": f"{celsius(t15['lowest'])} to {celsius(t15['highest'])}, "
        f"median {celsius(t15['median'])}",
        "Standard error of a site, median": celsius(of["median_standard_error_c"]),
        "Extended from shallower holes": percent(of["share_extended"]),
    }
    return section("2. Data", side_by_side(lines(numbers), predictors), paragraph(of["statement"]))


def applicability(card: Card) -> str:
    """Section 7: where the model may be used, and where to drill next."""
    of = card["applicability"]
    numbers = {
        "Threshold of the dissimilarity index": number(3)(of["threshold"]),
        "Share of the map inside": percent(of["share_inside"]),
        "Share of the permafrost outside": percent(of["share_of_permafrost_outside"]),
        "Error to be expected inside": celsius(of["expected_error_inside_c"]),
        "Error to be expected outside": celsius(of["expected_error_outside_c"]),
    }
    places = [{"order": i, **row} for i, row in enumerate(of["drilling"], 1)]
    columns = {
        "Order": entry("order", count),
        "Longitude, °": entry("longitude", plain_number),
        "Latitude, °": entry("latitude", plain_number),
        "Dissimilarity there": entry("dissimilarity_index", plain_number),
        "Map inside afterwards": entry("share_inside", percent),
    }
    caption = "Where to drill next: places that would lower the dissimilarity of the map most"
    return section(
        "7. Applicability", side_by_side(lines(numbers), table(caption, columns, places))
    )


def residuals(card: Card) -> str:
    """Section 8: whether near sites err alike."""
    of = card["residuals"]
    nugget, sill, length = (of[key] for key in ("nugget", "partial_sill", "range_m"))
    longest = " (at the longest the bins can show)" if of["at_longest"] else ""
    known = None not in (nugget, sill) and nugget + sill > 0
    numbers = {
        "Moran's I of raw errors": f"{plain_number(of['morans_i'])} (expected "
        f"{plain_number(of['morans_i_expected'])}), p-value {p_value(of['p_value'])}",
        "Variogram of standardised errors, range": number(0, "km")(
            None if length is None else length / 1000
        )
        + longest
        + ", where correlation falls to 1/e",
        "Share of the nugget in its variance": percent(nugget / (nugget + sill) if known else None),
    }
    each = (lines({label: value}) for label, value in numbers.items())
    return section("8. Residuals", side_by_side(*each))


def area(card: Card) -> str:
    """Section 9: how much permafrost there is."""
    one, with_unit = number(1), number(1, "× 10⁴ km²")
    rows = {row["class"]: row for row in card["area_1e4_km2"]}
    frozen = rows.get(PERMAFROST, {})
    totals = {
        "Mapped": with_unit(found(rows, MAPPED, "area")),
        "Sum of raw probability": with_unit(frozen.get("sum_of_probability")),
        "Sum of calibrated probability": with_unit(frozen.get("sum_of_calibrated_probability")),
    }
    columns = {
        "Ground": lambda row: row["class"].replace("degC", "°C"),
        "Predicted": entry("area", one),
        "Inside": entry("inside_applicability", one),
        "Outside": entry("outside_applicability", one),
        "Shifted": entry("of_shifted_mean", one),
        "Simulated median": entry("simulated_median", one),
        f"{100 * LEVEL:g} % interval": lambda row: span((row["lower"], row["upper"]), one),
    }
    caption = (
        "Area, 10⁴ km²: cells whose prediction lies in the class, inside and outside the area of "
        "applicability; the same of the prediction moved by the error to be expected; maps with "
        "simulated errors that are alike at near cells"
    )
    parts = [row for name, row in rows.items() if name != MAPPED]
    areas = table(caption, columns, parts)
    return section("9. Area of permafrost", side_by_side(areas, lines(totals)))


def limits(card: Card) -> str:
    """Section 10: what the numbers do not allow."""
    return section("10. Limits", bullets(card["limits"]))


def truth(card: Card) -> str:
    """Section 11: the true error, of virtual boreholes only."""
    of = card["truth"]
    columns = {
        "Part": entry("part"),
        "Cells": entry("cells", count),
        "True RMSE": entry("rmse", celsius),
        "Expected RMSE": entry("expected_rmse", celsius),
        "True bias": entry("bias", celsius),
        "Raw interval holds": entry("coverage", percent),
        "Calibrated interval holds": entry("calibrated_coverage", percent),
    }
    return section(
        "11. Virtual truth",
        table("True error of the map against the invented field", columns, of["parts"]),
        paragraph(f"Truly at or below 0 °C: {percent(of['frozen_share'])} of the map."),
    )
