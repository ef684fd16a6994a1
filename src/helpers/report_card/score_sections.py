"""The sections on scores: designs, scores of temperature, intervals, classes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from helpers.report_card.markup import bullets, grid, paragraph, section, side_by_side, table
from helpers.report_card.paths import KINDS
from helpers.report_card.words import (
    MISSING,
    bare_percent,
    celsius,
    count,
    entry,
    number,
    p_value,
    percent,
    plain_number,
    scored_entry,
    span,
)

Card = Mapping[str, Any]
SCORES = {
    "rmse": ("Root mean square error", celsius),
    "bias": ("Bias (predicted − observed)", celsius),
    "mae": ("Mean absolute error", celsius),
    "model_efficiency": ("Model efficiency", plain_number),
    "squared_correlation": ("Squared correlation", plain_number),
    "concordance": ("Lin's concordance", plain_number),
    "calibration_slope": ("Calibration slope", plain_number),
}
MATRICES = {
    "frozen": "Frozen or not",
    "classes": "Thermal classes",
    "near_zero": "Frozen or not, near 0 °C",
}


def design(card: Card) -> str:
    """Section 3: all designs of validation side by side."""
    columns = {
        "Design": lambda row: row["label"] + (" (headline)" if row["headline"] else ""),
        "Folds": entry("n_folds", count),
        "W, km": entry("w_km", count),
        "Median distance, km": entry("median_km", count),
        "RMSE, °C": entry("rmse", plain_number),
        "95 % by sites": entry("rmse_interval", partial(span, show=plain_number)),
        "95 % by groups": entry("rmse_group_interval", partial(span, show=plain_number)),
        "Bias, °C": entry("bias", plain_number),
        "Model efficiency": entry("model_efficiency", plain_number),
        "Warnings": lambda row: MISSING if row["warnings"] is None else count(len(row["warnings"])),
    }
    rows = [
        [show(row) for show in columns.values()]
        if row["computed"]
        else [columns["Design"](row), MISSING]
        for row in card["designs"]
    ]
    caption = (
        "Designs of validation. W: mean difference between the distances a design predicts over "
        "(from a held-out site to the nearest site that stays) and those of the map (from a cell "
        "to the nearest site); median distance: the former"
    )
    return section("3. Design", grid(caption, list(columns), rows), _warnings(card))


def _warnings(card: Card) -> str:
    """Warnings of the headline's folds in full; those of the others are in the JSON."""
    warnings = next(row["warnings"] for row in card["designs"] if row["headline"])
    if warnings is None:
        return paragraph(f"Warnings on the folds of the headline: {MISSING}.")
    if not warnings:
        return paragraph("Warnings on the folds of the headline: none were needed.")
    return paragraph("Warnings on the folds of the headline:") + bullets(warnings)


def scores(card: Card) -> str:
    """Section 4: all scores of the headline, and skill against simpler models."""
    of = card["scores"]
    rows = [
        [
            label,
            show(of[name]),
            span(of[f"{name}_interval"], plain_number),
            span(of[f"{name}_group_interval"], plain_number),
        ]
        for name, (label, show) in SCORES.items()
    ]
    baselines = table(
        "Models under the same kNNDM folds; skill: 1 − MSE / MSE of the mean of the other sites",
        {
            "Model": entry("model"),
            "RMSE, °C": entry("rmse", plain_number),
            "95 % by sites": lambda row: span((row["rmse_lower"], row["rmse_upper"]), plain_number),
            "Bias, °C": entry("bias", plain_number),
            "Skill": entry("skill", plain_number),
        },
        card["skill"]["baselines"],
    )
    caption = f"Held-out predictions under kNNDM; sites: {count(of['n'])}"
    return section(
        "4. Scores",
        side_by_side(
            grid(caption, ["Score", "Value", "95 % by sites", "95 % by groups"], rows), baselines
        ),
        paragraph(_kriging(card["skill"]["kriged_residuals"])),
    )


def _kriging(of: Mapping[str, Any]) -> str:
    """Whether kriged residuals help, and by how much."""
    if of["helps"] is None:
        return f"Kriged residuals added to the forest: {MISSING}."
    verdict = "they help" if of["helps"] else "they do not help"
    gain, error = (number(3, "°C²")(of[name]) for name in ("gain_c2", "standard_error_c2"))
    return (
        f"Kriged residuals added to the forest: {verdict} (mean squared error lowered by {gain}, "
        f"standard error {error})."
    )


def intervals(card: Card) -> str:
    """Section 5: coverage and width, raw and calibrated."""
    shows = (scored_entry("coverage", percent, bare_percent), entry("mean_width", celsius))
    levels = zip(*(card["intervals"][kind]["levels"] for kind in KINDS), strict=True)
    rows = [
        [percent(both[0]["nominal"]), *(show(row) for row in both for show in shows)]
        for both in levels
    ]
    heads = ["Interval", "Raw coverage", "Mean width", "Calibrated coverage", "Mean width"]
    caption = "Held-out sites inside their interval, with exact 95 % interval"
    distribution = {
        "CRPS": ("crps", celsius),
        "Pinball loss, mean": ("pinball_mean_loss", number(3, "°C")),
        "PIT, mean (right: 0.5)": ("pit_mean", plain_number),
        "PIT, variance (right: 0.083)": ("pit_variance", number(3)),
        "PIT, p-value of evenness": ("pit_p_value", p_value),
    }
    whole = [
        [label, *(show(card["intervals"][kind][key]) for kind in KINDS)]
        for label, (key, show) in distribution.items()
    ]
    return section(
        "5. Intervals",
        side_by_side(
            grid(caption, heads, rows),
            grid("Whole distribution", ["Score", *map(str.capitalize, KINDS)], whole),
        ),
    )


def classes(card: Card) -> str:
    """Section 6: confusion matrices and the probability of permafrost."""
    of = card["classes"]
    heads = ["", *MATRICES.values()]
    shown = {
        "Sites": entry("n", count),
        "Overall accuracy": scored_entry("overall_accuracy", percent, bare_percent),
        "No-information rate": entry("no_information_rate", percent),
        "p-value above it": entry("p_value", p_value),
        "Kappa": entry("kappa", plain_number),
    }
    rows = [[label, *(show(of[name]) for name in MATRICES)] for label, show in shown.items()]
    accuracies = grid("Accuracy of classes, with exact 95 % interval", heads, rows)
    frozen, thermal, near_zero = (_matrix(title, of[name]) for name, title in MATRICES.items())
    return section(
        "6. Classes",
        side_by_side(accuracies, frozen),
        side_by_side(thermal, near_zero),
        side_by_side(*_probability(of["probability"])),
        paragraph(_better_probability(of["probability"])),
    )


def _matrix(title: str, of: Mapping[str, Any]) -> str:
    """Confusion matrix with the user's and producer's accuracy at its rim."""
    within = f" (within {of['within_c']:g} °C)" if of["within_c"] else ""
    caption = f"{title}{within}: sites predicted (rows) and observed (columns), accuracies"
    labels, matrix = of["labels"], of["confusion_matrix"]
    if not labels or not matrix:
        return grid(caption, ["Predicted"], [[MISSING]])
    users, producers = (of[key] or {} for key in ("users_accuracy", "producers_accuracy"))
    rows = [
        [label, *map(count, counts), _rate(users.get(label), sum(counts))]
        for label, counts in zip(labels, matrix, strict=True)
    ]
    observed = [sum(column) for column in zip(*matrix, strict=True)]
    ends = [_rate(producers.get(k), n) for k, n in zip(labels, observed, strict=True)]
    heads = ["Predicted", *labels, "User's"]
    return grid(caption, heads, [*rows, ["Producer's", *ends, ""]])


def _rate(share: float | None, n_sites: float) -> str:
    """An accuracy of a class; a class without sites has none."""
    return "no site" if n_sites == 0 else percent(share)


def _probability(of: Mapping[str, Any]) -> list[str]:
    """Tables on the probability of permafrost: scores, and reliability before and after."""
    shown = {
        "AUC": scored_entry("auc", plain_number),
        "Brier score": scored_entry("brier_score", number(3), number(3)),
        "Brier skill": scored_entry("brier_skill", plain_number),
    }
    rows = [[label, *(show(of[kind]) for kind in KINDS)] for label, show in shown.items()]
    heads = ["Score", *map(str.capitalize, KINDS)]
    reliability = [_reliability(kind, of[kind]["reliability"]) for kind in KINDS]
    return [grid("Probability of permafrost, with 95 % interval", heads, rows), *reliability]


def _better_probability(of: Mapping[str, Any]) -> str:
    """Whether calibration lowers the Brier score at the sites."""
    raw, calibrated = (of[kind]["brier_score"] for kind in KINDS)
    if raw is None or calibrated is None:
        return f"Whether calibration lowers the Brier score: {MISSING}."
    verdict = "has the smaller" if calibrated < raw else "does not have the smaller"
    return (
        f"At the held-out sites the calibrated probability {verdict} Brier score "
        f"({number(3)(calibrated)}; raw: {number(3)(raw)})."
    )


def _reliability(kind: str, rows: list[Mapping[str, Any]] | None) -> str:
    columns = {
        "Said": entry("mean_probability", percent),
        "Sites": entry("n", count),
        "Truly frozen": scored_entry("observed_share", percent, bare_percent),
    }
    return table(f"Reliability, {kind}", columns, rows or [])
