"""The forest of a study, and the tables it is fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.forest import Forest, fit_forest, load_forest
from helpers.storage import ContractError
from helpers.study import Study
from helpers.weights import standard_error_weights

# At most so many trees where a hundred forests are fitted: more change a mean hardly.
_QUICK_TREES, _FIRST_LOOK_TREES = 100, 15


def quick_trees(study: Study) -> int:
    """Trees where a hundred forests are fitted: 100 at most, 15 in a first look."""
    most = _FIRST_LOOK_TREES if study.is_first_look else _QUICK_TREES
    return min(most, study.forest.n_trees)


def forest_settings(study: Study) -> dict[str, Any]:
    """Arguments of :func:`helpers.forest.fit_forest` from the study."""
    forest = study.forest
    return {
        "n_trees": forest.n_trees,
        "min_samples_leaf": forest.min_samples_leaf,
        "max_features": forest.max_features,
        "seed": study.about.seed,
    }


def site_errors(study: Study, training: pd.DataFrame) -> pd.Series | None:
    """Standard errors (deg C) that the study weighs its sites by; None if it does not."""
    return training["standard_error_c"] if study.forest.weights == "standard_error" else None


def fit_weights(study: Study, training: pd.DataFrame) -> NDArray | None:
    """Fit weights of the sites (sites,), found from these sites alone; None if all count alike."""
    errors, predictors = site_errors(study, training), training[study.forest.predictors]
    if errors is None:
        return None
    return standard_error_weights(predictors, training["t15_c"], errors, **forest_settings(study))


def fit_study_forest(study: Study, training: pd.DataFrame) -> Forest:
    """Fit the forest of the study, with its settings and fit weights, to these sites."""
    return fit_forest(
        training[study.forest.predictors],
        training["t15_c"],
        sample_weight=fit_weights(study, training),
        **forest_settings(study),
    )


def load_study_forest(study: Study, training: pd.DataFrame) -> Forest:
    """The forest of notebook 03, if it was fitted to this training table with these settings.

    Raises
    ------
    FileNotFoundError, ContractError
        If there is none, or it was fitted to something else: the map would then be of another
        model than its tags say.

    """
    made_by = "notebook 03_random_forest"
    path = study.interim_dir / "forest.skops"
    forest = load_forest(path, made_by)
    if not _fitted_to(forest, study, training):
        low, high = forest.sample_weight.min(), forest.sample_weight.max()
        raise ContractError(
            f"{path}: fitted to {', '.join(forest.names)} of {len(forest.temperature_c)} sites "
            f"with {len(forest.model.estimators_)} trees and fit weights {low:.3g} to {high:.3g}, "
            f"but the training table or study.toml has changed since. Run {made_by} again."
        )
    return forest


def _fitted_to(forest: Forest, study: Study, training: pd.DataFrame) -> bool:
    settings, used = study.forest, forest.model.get_params()
    same = forest.names == tuple(settings.predictors) and (
        used["n_estimators"] == settings.n_trees
        and used["min_samples_leaf"] == settings.min_samples_leaf
        and used["max_features"] == settings.max_features
        and used["random_state"] == study.about.seed
        and np.array_equal(forest.temperature_c, training["t15_c"])
        and np.array_equal(forest.predictors, training[settings.predictors])
    )
    if not same:
        return False
    weight = fit_weights(study, training)
    return np.allclose(forest.sample_weight, 1.0 if weight is None else weight)
