"""Figures of notebook 05."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from helpers import figures, residuals, validation
from helpers.error_model.groups import KNNDM
from helpers.redraw.inputs import Inputs
from helpers.storage import read_table


def folds(inputs: Inputs) -> Figure:
    """Sites by kNNDM fold."""
    return figures.fold_map(inputs.study, inputs.layers, inputs.training, inputs.knndm)


def distance_curves(inputs: Inputs) -> Figure:
    """Distances of the map and of some designs."""
    table = inputs.table("distance_curves.csv", ("distance_m", "w_m"), ("label",))
    return figures.distance_curves(*validation.curves_of(table), inputs.study)


def designs(inputs: Inputs) -> Figure:
    """What each design says of the error, and the true one if it is known."""
    found = inputs.record["designs"]
    table = pd.DataFrame({name: found[name] for name in validation.DESIGNS if name in found}).T
    compared = validation.comparison_of_designs(found, table).reset_index()
    true = {}
    if inputs.has_truth:
        errors = inputs.record["truth"]
        true = {"true_inside": errors["inside"]["rmse"], "true_whole": errors["whole map"]["rmse"]}
    return figures.design_comparison(inputs.study, compared, **true)


def validation_scatter(inputs: Inputs) -> Figure:
    """Held-out predictions against observations."""
    names = {"random": "random", "kNNDM": "knndm"}
    tables = {label: inputs.held_out(name) for label, name in names.items()}
    found = inputs.record["designs"]
    scores = {label: found[name]["regression"] for label, name in names.items()}
    return figures.validation_scatter(tables, scores, inputs.study)


def skill(inputs: Inputs) -> Figure:
    """The forest and simpler models."""
    numbers = ("rmse", "rmse_lower", "rmse_upper")
    table = inputs.table("baselines.csv", numbers, ("design", "model"))
    return figures.skill_chart(inputs.study, table)


def confusion(inputs: Inputs) -> Figure:
    """Confusion matrices under kNNDM folds."""
    found = inputs.record["designs"]["knndm"]
    return figures.confusion_matrices(found["frozen"], found["classes"], inputs.study)


def error_profile(inputs: Inputs) -> Figure:
    """Error against dissimilarity, and that of the map if its truth is known."""
    cells = None
    if inputs.has_truth:
        cells = validation.map_errors(inputs.map_sample, inputs.map_sample["truth"])
    threshold = inputs.record["applicability"]["threshold"]
    return figures.error_profile_chart(
        inputs.study, inputs.pairs, inputs.error_model, cells, threshold
    )


def coverage(inputs: Inputs) -> Figure:
    """Coverage of the intervals under kNNDM folds."""
    return figures.coverage_chart(inputs.study, inputs.record["designs"]["knndm"]["intervals"])


def reliability(inputs: Inputs) -> Figure:
    """Reliability of the probability under kNNDM folds."""
    found = inputs.record["designs"]["knndm"]["probability"]
    tables = {name: kind["reliability"] for name, kind in found.items()}
    return figures.reliability_chart(inputs.study, tables)


def pit(inputs: Inputs) -> Figure:
    """Observations within their distributions under kNNDM folds."""
    table = inputs.held_out("knndm")
    shares = {"forest": table["pit"], "calibrated": table["calibrated_pit"]}
    return figures.pit_chart(inputs.study, shares)


def variogram(inputs: Inputs) -> Figure:
    """Variogram of the standardised errors under kNNDM folds."""
    label, pairs = "kNNDM, standardised", inputs.pairs
    standardised = pairs[pairs["kind"] == KNNDM].sort_values("site")["residual"]
    empirical = residuals.empirical_variogram(standardised, inputs.training[["x", "y"]])
    return figures.variogram_chart(
        inputs.study, {label: empirical}, {label: inputs.error_model.variogram}, standardised=True
    )


def truth_comparison(inputs: Inputs) -> Figure:
    """The map beside its truth."""
    return figures.truth_comparison(inputs.study, inputs.map_sample["truth"], inputs.map_sample)


def honesty(inputs: Inputs) -> Figure | None:
    """A hundred other surveys; None if ``make honesty`` has not been run."""
    trial, profile = (
        inputs.study.folder / f"virtual_honesty_{name}.csv" for name in ("trial", "profile")
    )
    if not trial.is_file():
        return None
    made_by = "make honesty"
    tables = read_table(trial, made_by=made_by), read_table(profile, made_by=made_by)
    return figures.honesty_chart(inputs.study, *tables)


def drilling(inputs: Inputs) -> Figure:
    """Where to drill next."""
    places = pd.DataFrame(inputs.record["drilling"])
    return figures.drilling_map(inputs.study, inputs.map_sample, inputs.training, places)
