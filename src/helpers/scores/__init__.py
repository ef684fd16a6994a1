"""Scores of held-out predictions, each with an interval that says what so few sites can tell.

Predictions of all folds are pooled and scored once: folds differ in size, and a mean of fold
scores would weigh a site by the fold it fell into. Intervals describe the sites at hand. Without a
probability sample of sites every accuracy of a map is an estimate that leans on a model
(Wadoux et al. 2021, doi:10.1016/j.ecolmodel.2021.109692).

``regression`` scores temperatures, ``classes`` what is frozen and the thermal classes,
``probability`` the probability of permafrost, ``intervals`` whole predicted distributions.
"""

from helpers.scores.classes import (
    FROZEN_LABELS,
    MISSING_CLASS,
    classification_scores,
    near_zero_scores,
    thermal_class,
)
from helpers.scores.common import CONFIDENCE
from helpers.scores.intervals import (
    interval_coverage,
    interval_scores,
    pinball_scores,
    probability_integral_transform,
)
from helpers.scores.probability import brier_score, frozen_scores, reliability
from helpers.scores.regression import regression_scores

__all__ = [
    "CONFIDENCE",
    "FROZEN_LABELS",
    "MISSING_CLASS",
    "brier_score",
    "classification_scores",
    "frozen_scores",
    "interval_coverage",
    "interval_scores",
    "near_zero_scores",
    "pinball_scores",
    "probability_integral_transform",
    "regression_scores",
    "reliability",
    "thermal_class",
]
