"""Choosing covariates: which repeat each other, stand for the map, and lower the held-out error.

``sites`` keeps the sites that know every candidate; ``collinearity`` and ``representativeness``
look at the covariates alone; ``skill`` rates a set of predictors, ``compare`` several of them,
``forward`` looks for one. ``tuning`` does for the knobs of the forest what ``forward`` does for
predictors; ``tree_number`` tells how many trees are enough. What is lost when a predictor is
shuffled, :func:`helpers.shapley.permutation_importance` tells.
"""

from helpers.selection.collinearity import (
    SpearmanClusters,
    mutual_information,
    spearman_clusters,
    variance_inflation,
)
from helpers.selection.compare import compare_sets, skill_by_radius
from helpers.selection.forward import (
    chosen,
    forward_selection,
    knndm_by_seed,
    nested_selection,
    stability,
)
from helpers.selection.representativeness import compare_with_area
from helpers.selection.sites import complete_sites
from helpers.selection.skill import cores, held_out_temperature, settings_of
from helpers.selection.tree_number import error_by_trees
from helpers.selection.tuning import (
    chosen_knobs,
    compare_with_default,
    nested_tuning,
    tune_forest,
    tuning_choices,
    tuning_settings,
)

__all__ = [
    "SpearmanClusters",
    "chosen",
    "chosen_knobs",
    "compare_sets",
    "compare_with_area",
    "compare_with_default",
    "complete_sites",
    "cores",
    "error_by_trees",
    "forward_selection",
    "held_out_temperature",
    "knndm_by_seed",
    "mutual_information",
    "nested_selection",
    "nested_tuning",
    "settings_of",
    "skill_by_radius",
    "spearman_clusters",
    "stability",
    "tune_forest",
    "tuning_choices",
    "tuning_settings",
    "variance_inflation",
]
