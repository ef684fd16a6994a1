"""What error a study has to expect in each cell of its map."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from helpers.applicability import ApplicabilityDomain
from helpers.error_model import ErrorModel, fit_error_model, load_error_model
from helpers.residuals import LONGEST_RANGE
from helpers.storage import ContractError
from helpers.study import Study
from helpers.validation.fitting import forest_settings, quick_trees, site_errors


def study_error_model(
    study: Study,
    training: pd.DataFrame,
    domain: ApplicabilityDomain,
    knndm_folds: ArrayLike,
    progress: bool = True,
) -> tuple[ErrorModel, pd.DataFrame]:
    """The error model of a study and its held-out pairs; see helpers.error_model."""
    settings = forest_settings(study)
    model, pairs = fit_error_model(
        training[study.forest.predictors],
        training["t15_c"],
        training[["x", "y"]],
        domain,
        knndm_folds,
        standard_error_c=site_errors(study, training),
        progress=progress,
        **settings | {"n_trees": quick_trees(study)},
    )
    return replace(model, made_of=_fingerprint(study, training, domain, knndm_folds)), pairs


def load_study_error_model(
    study: Study, training: pd.DataFrame, domain: ApplicabilityDomain, knndm_folds: ArrayLike
) -> ErrorModel:
    """The error model of notebook 05, if it was made of these sites, settings and folds.

    Raises
    ------
    FileNotFoundError, ContractError
        If there is none, or it was made of something else: the error would be of another map.

    """
    made_by = "notebook 05_validation"
    path = study.interim_dir / "error_model.json"
    model = load_error_model(path, made_by)
    if model.made_of != _fingerprint(study, training, domain, knndm_folds):
        raise ContractError(
            f"{path}: made of other sites, folds or settings than those of the training table, "
            f"folds.csv, importance.csv and study.toml as they are now. Run {made_by} again."
        )
    return model


def variogram_record(model: ErrorModel, empirical: pd.DataFrame) -> dict[str, object]:
    """Variogram of an error model, and whether its range is the longest the bins can show."""
    longest = LONGEST_RANGE * empirical["distance_m"].max()
    at_longest = bool(model.variogram.range_m > 0.99 * longest)
    return {**model.variogram.__dict__, "at_longest": at_longest}


def _fingerprint(
    study: Study, training: pd.DataFrame, domain: ApplicabilityDomain, knndm_folds: ArrayLike
) -> str:
    """SHA-256 of all that the error model of a study follows from."""
    names = ["x", "y", "t15_c", "standard_error_c", *study.forest.predictors]
    settings = {**forest_settings(study), "weights": study.forest.weights, "names": names}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for values in (training[names], knndm_folds, *domain.parameters):
        digest.update(np.ascontiguousarray(values, dtype=float))
    return digest.hexdigest()
