"""What error a study has to expect in each cell of its map."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from helpers.applicability import ApplicabilityDomain
from helpers.error_model import ErrorModel, fit_error_model, load_error_model
from helpers.error_model.groups import trend_and_box
from helpers.storage import ContractError
from helpers.study import Study
from helpers.validation.fitting import forest_settings, site_errors

# More trees change a mean hardly, and there are a hundred forests to fit.
MOST_TREES = 100


def study_error_model(
    study: Study,
    training: pd.DataFrame,
    domain: ApplicabilityDomain,
    knndm_folds: ArrayLike,
    progress: bool = True,
) -> tuple[ErrorModel, pd.DataFrame]:
    """The error model of a study and its held-out pairs; see helpers.error_model."""
    settings = forest_settings(study)
    return fit_error_model(
        training[study.forest.predictors],
        training["t15_c"],
        training[["x", "y"]],
        domain,
        knndm_folds,
        standard_error_c=site_errors(study, training),
        progress=progress,
        **settings | {"n_trees": min(settings["n_trees"], MOST_TREES)},
    )


def load_study_error_model(study: Study, training: pd.DataFrame) -> ErrorModel:
    """The error model of notebook 05, if it is of these predictors and this many sites.

    Raises
    ------
    FileNotFoundError, ContractError
        If there is none, or it is of something else.

    """
    made_by = "notebook 05_validation"
    path = study.interim_dir / "error_model.json"
    model = load_error_model(path, made_by)
    if not _is_of(model, study, training):
        raise ContractError(
            f"{path}: made for {', '.join(model.names)} and other sites than those of the "
            f"training table, or study.toml has changed since. Run {made_by} again."
        )
    return model


def _is_of(model: ErrorModel, study: Study, training: pd.DataFrame) -> bool:
    """Whether the model has the predictors of the study, and the box and trend of its sites."""
    if model.names != tuple(study.forest.predictors):
        return False
    found = trend_and_box(training[study.forest.predictors], training["t15_c"])
    return all(map(np.allclose, found, (model.lower, model.upper, model.slope)))
