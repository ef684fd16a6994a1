"""Where each number of the card lies in ``validation.json``; a key that moves is changed here.

What is not there is None on the card, and "not computed" on its page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

RANDOM = "random"
KINDS = ("raw", "calibrated")  # distributions: the forest's own, and after calibration
LEVELS = (0.5, 0.8, 0.9, 0.95)

Paths = Mapping[str, tuple[str, ...]]


def _with_intervals(*names: str) -> dict[str, tuple[str, ...]]:
    """Regression scores, each with its 95 % intervals, by sites and by groups of sites."""
    ends = ("", "_interval", "_group_interval")
    return {f"{name}{end}": ("regression", f"{name}{end}") for name in names for end in ends}


def _here(*names: str) -> dict[str, tuple[str, ...]]:
    return {name: (name,) for name in names}


# Relative to one design.
SCORES = (
    "rmse",
    "bias",
    "mae",
    "model_efficiency",
    "squared_correlation",
    "concordance",
    "calibration_slope",
)
DESIGN: Paths = {
    **_here("n_folds", "w_km", "median_km", "warnings"),
    **_with_intervals("rmse", "bias", "model_efficiency"),
}
REGRESSION: Paths = {"n": ("regression", "n"), **_with_intervals(*SCORES)}
INTERVALS = {kind: ("intervals", kind) for kind in KINDS}
OUTERMOST = {"raw": ("interval",), "calibrated": ("calibrated_interval",)}
PROBABILITY = {kind: ("probability", kind) for kind in KINDS}
CLASSIFICATIONS = ("frozen", "classes", "near_zero")
DISTRIBUTION: dict[str, Paths] = {
    kind: {
        "pinball_mean_loss": ("pinball", kind, "mean_loss"),
        "crps": ("pinball", kind, "crps"),
        "pit_mean": ("pit", kind, "mean"),
        "pit_variance": ("pit", kind, "variance"),
        "pit_p_value": ("pit", kind, "ks_p_value"),
    }
    for kind in KINDS
}

# Relative to one interval, one probability, one confusion matrix, one row of a table.
INTERVAL: Paths = _here("nominal", "n", "coverage", "coverage_interval", "mean_width")
OF_PROBABILITY: Paths = {
    **_here("auc", "auc_interval", "brier_score", "brier_score_interval"),
    **_here("brier_skill", "brier_skill_interval", "reliability"),
}
CLASSIFICATION: Paths = {
    **_here("n", "labels", "confusion_matrix", "overall_accuracy", "overall_accuracy_interval"),
    **_here("no_information_rate", "kappa", "users_accuracy", "producers_accuracy", "within_c"),
    "p_value": ("p_value_above_no_information",),
}
BASELINE: Paths = _here(
    "design", "model", "rmse", "rmse_lower", "rmse_upper", "bias", "model_efficiency", "skill"
)
TRUTH: Paths = _here("cells", "rmse", "expected_rmse", "bias", "coverage", "calibrated_coverage")

# From the top.
BASELINES, DRILLING = ("baselines",), ("drilling",)
APPLICABILITY: Paths = {
    "threshold": ("applicability", "threshold"),
    "share_inside": ("applicability", "share_inside"),
    "expected_error_inside_c": ("applicability", "expected_error_inside_c"),
    "expected_error_outside_c": ("applicability", "expected_error_outside_c"),
}
RESIDUALS: Paths = {
    "morans_i": ("residuals", "morans_i", "statistic"),
    "morans_i_expected": ("residuals", "morans_i", "expected"),
    "p_value": ("residuals", "morans_i", "p_value"),
    "nugget": ("residuals", "variogram", "nugget"),
    "partial_sill": ("residuals", "variogram", "sill"),
    "range_m": ("residuals", "variogram", "range_m"),
    "at_longest": ("residuals", "variogram", "at_longest"),
}
ERROR_MODEL: Paths = {"share_of_beyond": ("error_model", "share_of_beyond")}
KRIGING: Paths = {name: ("kriging", name) for name in ("gain_c2", "standard_error_c2", "helps")}
# Columns of helpers.products.area_table, 10^4 km2.
AREA = (
    "area",
    "inside_applicability",
    "outside_applicability",
    "sum_of_probability",
    "sum_of_calibrated_probability",
    "of_shifted_mean",
    "simulated_median",
    "lower",
    "upper",
)


def plain(content: object) -> Any:
    """Content as json would give it back: lists and plain numbers, None for what is no number."""
    text = json.dumps(content, default=lambda value: value.tolist())
    return json.loads(text, parse_constant=lambda _: None)


def found(source: object, *path: str) -> Any:
    """What lies at a path of keys; None where a key is absent, or holds nothing."""
    for key in path:
        if not isinstance(source, Mapping):
            return None
        source = source.get(key)
    return source


def taken(source: object, paths: Paths) -> dict[str, Any]:
    """What lies at each of the paths, by its name on the card."""
    return {name: found(source, *path) for name, path in paths.items()}


def rows_of(source: object, *path: str) -> list[Any]:
    """Rows of a table that lies at a path; none if it is not there."""
    rows = found(source, *path)
    return list(rows) if isinstance(rows, Sequence) and not isinstance(rows, str) else []
