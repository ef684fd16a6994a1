"""Choosing covariates: which repeat each other, stand for the map, and lower the held-out error.

``sites`` keeps the sites that know every candidate; ``collinearity`` and ``representativeness``
look at the covariates alone; ``skill`` rates a set of predictors, ``compare`` several of them,
``forward`` looks for one, ``importance`` shuffles what was chosen.
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
from helpers.selection.importance import permutation_importance_in_folds
from helpers.selection.representativeness import compare_with_area
from helpers.selection.sites import complete_sites
from helpers.selection.skill import held_out_temperature, settings_of

__all__ = [
    "SpearmanClusters",
    "chosen",
    "compare_sets",
    "compare_with_area",
    "complete_sites",
    "forward_selection",
    "held_out_temperature",
    "knndm_by_seed",
    "mutual_information",
    "nested_selection",
    "permutation_importance_in_folds",
    "settings_of",
    "skill_by_radius",
    "spearman_clusters",
    "stability",
    "variance_inflation",
]
