"""Predictions that any forest must beat, all under the same folds.

A forest that is no better than the mean of the sites, a straight line or kriging adds nothing but
effort. ``models`` holds the simple predictions, the forest and its variants; ``comparison`` holds
them all out alike and says which is better.
"""

from helpers.baselines.comparison import baseline_predictions, kriging_verdict, skill_table
from helpers.baselines.models import BASELINES, Baseline, Split, available_baselines

__all__ = [
    "BASELINES",
    "Baseline",
    "Split",
    "available_baselines",
    "baseline_predictions",
    "kriging_verdict",
    "skill_table",
]
