"""Held-out predictions of all baselines under the same folds, their skill, and a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from helpers.baselines.models import (
    FOREST,
    FOREST_KRIGED,
    MEAN,
    Baseline,
    Split,
    available_baselines,
)
from helpers.folds import Design, as_splits, design_of
from helpers.scores import regression_scores
from helpers.skill import jackknife_error
from helpers.storage import ContractError
from helpers.study import Study

_KEYS = ["design", "site", "fold", "weight", "observed"]


# The last digit of a regression of many sites depends on how many threads share it.
@threadpool_limits.wrap(limits=1, user_api="blas")
def baseline_predictions(
    study: Study,
    training: pd.DataFrame,
    designs: Mapping[str, Design | ArrayLike],
    forest_settings: Mapping[str, Any],
    *,
    baselines: Sequence[Baseline] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Predict every site by every baseline without the sites that its split holds out.

    Parameters
    ----------
    study
        Names the predictors, the covariates and the CRS.
    training
        site, x, y (m), t15_c, standard_error_c (deg C) and the covariates of the study.
    designs
        Ways of holding sites out by name: a Design, or a fold label for each site (sites,).
    forest_settings
        Of :func:`helpers.forest.fit_forest`; 100 trees are enough to tell models apart.
    baselines
        By default all that the study has the covariates for: :func:`available_baselines`.
    progress
        Whether to show a bar.

    Returns
    -------
    A row for each design and site: design, site, fold (number of the split), weight (of the site
    in the scores), observed (deg C), and a column for each baseline (deg C).

    Raises
    ------
    ContractError
        If a design does not test every site of the table once, or a predictor is missing.

    """
    if baselines is None:
        baselines, _ = available_baselines(study, training)
    checked = {name: _design(name, design, len(training)) for name, design in designs.items()}
    count = sum(len(design.splits) for design in checked.values())
    # Leaving one out, some splits of two designs are the same.
    known: dict[tuple[bytes, bytes], NDArray] = {}
    parts = []
    with tqdm(total=count, desc="splits of all designs", disable=not progress) as bar:
        for name, design in checked.items():
            predicted = np.empty((len(training), len(baselines)))
            for rows in design.splits:
                key = rows[0].tobytes(), rows[1].tobytes()
                if key not in known:
                    split = Split.of(study, training, rows, forest_settings)
                    known[key] = np.column_stack([b.predict(split) for b in baselines])
                predicted[rows[1]] = known[key]
                bar.update()
            models = pd.DataFrame(predicted, columns=[b.name for b in baselines])
            parts.append(pd.concat([_keys(name, design, training), models], axis=1))
    return pd.concat(parts, ignore_index=True)


def _design(name: str, design: Design | ArrayLike, n_sites: int) -> Design:
    """Checked design of folds given either way."""
    if isinstance(design, Design):
        return design_of(name, design.splits, n_sites, design.weight)
    return design_of(name, as_splits(design), n_sites)


def _keys(name: str, design: Design, training: pd.DataFrame) -> pd.DataFrame:
    weight = np.ones(len(training)) if design.weight is None else design.weight
    columns = (name, training["site"].to_numpy(), design.fold, weight, training["t15_c"].to_numpy())
    return pd.DataFrame(dict(zip(_KEYS, columns, strict=True)))


def skill_table(predictions: pd.DataFrame, n_bootstrap: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Skill of each model under each design.

    Parameters
    ----------
    predictions
        Of :func:`baseline_predictions`.
    n_bootstrap, seed
        Resamples of single sites behind the 95 % interval of the RMSE. It takes sites as
        independent; :func:`kriging_verdict` does not.

    Returns
    -------
    A row for each design and model: n_sites; rmse with rmse_lower and rmse_upper, and bias
    (predicted minus observed), deg C; model_efficiency, 1 - SSE/SST; and skill, 1 - MSE / MSE of
    the mean of the other sites under the same folds: at or below 0 a model is of no use, and NaN
    where that mean makes no error, as at sites that are all alike. A weighted design has weighted
    scores.

    Raises
    ------
    ContractError
        If the mean is not among the models.

    """
    if MEAN not in predictions:
        raise ContractError(
            f"predictions: no column '{MEAN}'; skill is measured against it. Found: "
            f"{', '.join(predictions.columns)}. Keep it among the baselines."
        )
    return pd.DataFrame(list(_skill_rows(predictions, n_bootstrap, seed)))


def _skill_rows(
    predictions: pd.DataFrame, n_bootstrap: int, seed: int
) -> Iterator[dict[str, object]]:
    for design, table in predictions.groupby("design", sort=False):
        weight = None if (table["weight"] == 1).all() else table["weight"]
        found = {
            model: regression_scores(
                table["observed"], table[model], n_bootstrap, seed, weight=weight
            )
            for model in predictions.columns.drop(_KEYS)
        }
        # Of equal numbers the mean may be rounded: its error then is no measure.
        alike = np.ptp(table["observed"]) == 0
        mean_rmse = np.nan if alike else found[MEAN]["rmse"] or np.nan
        for model, scores in found.items():
            lower, upper = scores["rmse_interval"]
            yield {
                "design": design,
                "model": model,
                "n_sites": scores["n"],
                "rmse": scores["rmse"],
                "rmse_lower": lower,
                "rmse_upper": upper,
                "bias": scores["bias"],
                "model_efficiency": scores["model_efficiency"],
                "skill": 1 - (scores["rmse"] / mean_rmse) ** 2,
            }


def kriging_verdict(
    predictions: pd.DataFrame,
    design: str = "knndm",
    model: str = FOREST_KRIGED,
    reference: str = FOREST,
) -> dict[str, Any]:
    """Whether kriged residuals make the forest better, beyond one standard error.

    The squared errors of the two are subtracted site by site, so that what is hard for both does
    not blur the comparison; the error of the mean difference is the jackknife over the folds
    (:func:`helpers.skill.jackknife_error`), whose sites err together.

    Parameters
    ----------
    predictions
        Of :func:`baseline_predictions`.
    design, model, reference
        Folds to judge by, what is judged and against what.

    Returns
    -------
    ``design``, ``model``, ``reference``; ``gain_c2``: squared error of the reference minus that of
    the model, mean of the sites, deg C squared; ``standard_error_c2``; ``helps``: whether the gain
    exceeds its standard error.

    Raises
    ------
    ContractError
        If the design or a model is not among the predictions.

    """
    designs = list(predictions["design"].unique())
    lacking = {model, reference} - set(predictions.columns)
    if design not in designs or lacking:
        raise ContractError(
            f"verdict on '{model}' against '{reference}' under '{design}': the predictions have "
            f"the designs {', '.join(designs)} and the columns {', '.join(predictions.columns)}."
        )
    table = predictions[predictions["design"] == design]
    weight = table["weight"].to_numpy()
    squared = table[[reference, model]].sub(table["observed"], axis=0) ** 2
    total = weight * (squared[reference] - squared[model]).to_numpy()
    _, fold = np.unique(table["fold"], return_inverse=True)
    without_fold = (total.sum() - np.bincount(fold, weights=total)) / (
        weight.sum() - np.bincount(fold, weights=weight)
    )
    gain, error = float(total.sum() / weight.sum()), jackknife_error(without_fold)
    return {
        "design": design,
        "model": model,
        "reference": reference,
        "gain_c2": gain,
        "standard_error_c2": error,
        "helps": gain > error,
    }
