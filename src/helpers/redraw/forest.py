"""Figures of notebooks 03 and 04."""

from __future__ import annotations

from matplotlib.figure import Figure

from helpers import figures
from helpers.redraw.inputs import Inputs


def error_by_trees(inputs: Inputs) -> Figure:
    """Error against the number of trees."""
    numbers = ("min_samples_leaf", "n_trees", "rmse_c", "expected_rmse_c", "noise_c")
    curves = inputs.table("error_by_trees.csv", numbers)
    whole = curves.astype({"min_samples_leaf": int, "n_trees": int})
    settings = inputs.study.forest
    return figures.error_by_trees_chart(
        inputs.study, whole, settings.n_trees, settings.min_samples_leaf
    )


def tuning(inputs: Inputs) -> Figure:
    """Error of every combination of two knobs."""
    table = inputs.table("tuning.csv", ("max_features", "rmse_c", "difference_c"))
    nested = inputs.table("tuning_nested.csv", ("observed",))
    return figures.tuning_chart(inputs.study, table, nested)


def shap_summary(inputs: Inputs) -> Figure:
    """Shapley values at the sites."""
    return figures.shap_summary(inputs.explained, inputs.units, inputs.study)


def shap_dependence(inputs: Inputs) -> Figure:
    """Shapley values against the value of each predictor."""
    return figures.shap_dependence(
        inputs.explained, inputs.units, inputs.study, inputs.interactions
    )


def shap_interactions(inputs: Inputs) -> Figure:
    """Main effects and interactions."""
    names = inputs.explained.names
    return figures.interaction_matrix(inputs.interactions, names, inputs.study)


def shap_stability(inputs: Inputs) -> Figure:
    """Importance in the forests without each fold."""
    by_fold = inputs.table("shap_by_fold.csv", ("mean_absolute_c", "rank"), ("predictor",))
    return figures.shapley_stability(by_fold, inputs.study)
