"""What each predictor adds to a prediction, and what it is worth where it was unseen.

``values`` explains single predictions, ``summary`` many of them; ``coalitions`` works out
interactions, and ``groups`` takes correlated predictors together; ``stability`` asks whether the
answer depends on the sites, ``importance`` what a predictor is worth at held-out ones.
"""

from helpers.shapley.coalitions import (
    MOST_PLAYERS,
    coalition_values,
    few_enough,
    group_shapley,
    interaction_values,
)
from helpers.shapley.groups import grouped
from helpers.shapley.importance import permutation_importance
from helpers.shapley.stability import order_kept, shapley_by_fold
from helpers.shapley.summary import (
    as_dataset,
    from_dataset,
    interactions_as_dataset,
    mean_absolute,
)
from helpers.shapley.values import MANY_PLACES, ShapleyValues, site_shapley

__all__ = [
    "MANY_PLACES",
    "MOST_PLAYERS",
    "ShapleyValues",
    "as_dataset",
    "coalition_values",
    "few_enough",
    "from_dataset",
    "group_shapley",
    "grouped",
    "interaction_values",
    "interactions_as_dataset",
    "mean_absolute",
    "order_kept",
    "permutation_importance",
    "shapley_by_fold",
    "site_shapley",
]
