"""Validation of a study: designs, held-out predictions and their scores, expected error.

``files`` reads what notebooks hand over, ``fitting`` has the forest of a study, ``designs`` ways of
holding sites out, ``scoring`` what the held-out predictions are worth, ``errors`` what to expect in
each cell, ``map_check`` where the forest may be used and how wrong a virtual map is; ``goals``
what all this is held to where the truth is known.
"""

from helpers.validation.designs import (
    DESIGNS,
    HEADLINE,
    curve_table,
    curves_of,
    design_table,
    distance_curves,
    distance_to_map,
    knndm_folds,
    prediction_points,
    regular_sample,
    repeated_random_folds,
    study_designs,
)
from helpers.validation.errors import (
    load_study_error_model,
    study_error_model,
    variogram_record,
)
from helpers.validation.files import (
    check_grid,
    opened_layers,
    read_folds,
    read_held_out,
    read_layers,
    read_training,
    read_validation,
)
from helpers.validation.fitting import (
    fit_study_forest,
    fit_weights,
    forest_settings,
    load_study_forest,
    quick_trees,
    site_errors,
)
from helpers.validation.map_check import (
    applicability_domain,
    applicability_record,
    cell_table,
    coarse_sample,
    error_against_truth,
    frozen_share,
    map_errors,
    with_degrees,
)
from helpers.validation.scoring import (
    LEVELS,
    calibrated,
    comparison_of_designs,
    design_scores,
    hold_out,
    levels_of,
    score_table,
    validation_record,
)

__all__ = [
    "DESIGNS",
    "HEADLINE",
    "LEVELS",
    "applicability_domain",
    "applicability_record",
    "calibrated",
    "cell_table",
    "check_grid",
    "coarse_sample",
    "comparison_of_designs",
    "curve_table",
    "curves_of",
    "design_scores",
    "design_table",
    "distance_curves",
    "distance_to_map",
    "error_against_truth",
    "fit_study_forest",
    "fit_weights",
    "forest_settings",
    "frozen_share",
    "hold_out",
    "knndm_folds",
    "levels_of",
    "load_study_error_model",
    "load_study_forest",
    "map_errors",
    "opened_layers",
    "prediction_points",
    "quick_trees",
    "read_folds",
    "read_held_out",
    "read_layers",
    "read_training",
    "read_validation",
    "regular_sample",
    "repeated_random_folds",
    "score_table",
    "site_errors",
    "study_designs",
    "study_error_model",
    "validation_record",
    "variogram_record",
    "with_degrees",
]
