"""The knobs of the forest: which are worth turning, and the honest error of having turned them.

Two knobs are turned here: the smallest number of sites in a leaf and the share of the predictors
tried at each split; a forest depends little on either as a rule (Probst et al. 2019,
doi:10.1002/widm.1301). The number of trees is no such knob: more trees only take noise away
(:func:`helpers.selection.error_by_trees`).

**The smallest error of the grid is optimistic**: the folds that measure it have chosen it. So
:func:`nested_tuning` tunes once more without each fold and predicts the fold by what it chose
(Schratz et al. 2019, doi:10.1016/j.ecolmodel.2019.06.002). That error belongs to tuning and fitting
together, and stands beside that of the untuned forest in the same folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from helpers.folds import knndm
from helpers.selection.skill import cores, on_all_cores, settings_of
from helpers.selection.tree_number import held_out_by_tree, rmse_without_tree
from helpers.skill import Skill, jackknife_error, pooled_skill
from helpers.storage import ContractError
from helpers.study import Study
from helpers.validation import fit_study_forest

KNOBS = ["min_samples_leaf", "max_features"]
_FIRST_LOOK_TREES = 25
_PREDICTIONS = {"default": "predicted_default", "tuned": "predicted", "best": "predicted_best"}


def tuning_settings(study: Study) -> dict[str, Any]:
    """Arguments of :func:`tune_forest` from the study; its default is the forest of the study.

    In a first look every other value of each knob is tried, with 25 trees at most.
    """
    tuning, forest, step = study.tuning, study.forest, 2 if study.is_first_look else 1
    n_trees = min(tuning.n_trees, _FIRST_LOOK_TREES) if study.is_first_look else tuning.n_trees
    return settings_of(study, n_trees) | {
        "n_jobs": cores(study),
        "min_samples_leaf": tuning.min_samples_leaf[::step],
        "max_features": tuning.max_features[::step],
        "default": (forest.min_samples_leaf, forest.max_features),
    }


def tune_forest(
    training: pd.DataFrame,
    predictors: Sequence[str],
    folds: ArrayLike,
    *,
    min_samples_leaf: Sequence[int],
    max_features: Sequence[float],
    default: tuple[int, float] = (2, 0.67),
    n_trees: int = 50,
    n_jobs: int = -1,
    progress: bool = True,
    **settings,
) -> pd.DataFrame:
    """Held-out error of every combination of two knobs, and the one to use.

    The best combination is chosen only if its RMSE lies below that of the default by more than
    one standard error of their difference; otherwise the default stays. Among a hundred sites
    differences are mostly noise, and of a dozen combinations one always looks better. This is the
    one-standard-error rule (Breiman et al. 1984, Classification and regression trees, section
    3.4.3: of the models that the best is not clearly ahead of, take the one to prefer) with the
    default to prefer, and on paired differences, in which the sites that all forests miss cancel
    out.

    Other sites would give other errors, and so would another seed. So a standard error adds two
    variances: of the sites by a jackknife over folds, of the seed by one over trees, the same left
    out of both forests of a difference. The first holds most of the second, as each fold has trees
    of its own; the sum is a little too large, in favour of the default.

    Parameters
    ----------
    training, predictors, folds, **settings
        As for :func:`helpers.selection.held_out_temperature`: seed and by_standard_error. With the
        same seed all combinations draw the same sites into their trees.
    min_samples_leaf, max_features
        Values to combine: smallest number of sites in a leaf; share of the predictors at a split.
    default
        The two values to beat; tried as well if they are not among the combinations.
    n_trees
        Of each trial, 2 or more. Few make errors a little larger and noisier, many take time.
    n_jobs, progress
        Cores, -1 all of them; whether to show a bar. The result does not depend on them.

    Returns
    -------
    One row per combination: ``min_samples_leaf``, ``max_features``, ``predictors_per_split`` (how
    many that share comes to), ``n_trees``, ``rmse_c`` of the pooled held-out predictions and its
    ``standard_error_c``, ``model_efficiency``, ``difference_c`` of the RMSE from the default and
    its ``difference_error_c``, of which ``difference_noise_c`` is the part of the seed (jackknife
    over trees), and which row is the ``default``, the ``best`` and the ``chosen`` one.

    Raises
    ------
    ContractError
        If a predictor is missing, the folds do not fit the sites, or there is only one tree.

    """
    if n_trees < 2:
        raise ContractError(
            f"n_trees: {n_trees} in a trial of tuning; at least 2 are needed to see what trees "
            "add to the error, and 50 or more to tune by (tuning.n_trees of study.toml)."
        )
    grid = sorted({*product(min_samples_leaf, max_features), tuple(default)})
    settings |= {"n_trees": n_trees}
    rate = partial(_trial, training, list(predictors), np.asarray(folds), settings)
    with tqdm(total=len(grid), desc="tuning", disable=not progress) as bar:
        trials = on_all_cores(rate, grid, n_jobs, bar)
    table = pd.DataFrame(grid, columns=KNOBS)
    table["predictors_per_split"] = _per_split(table["max_features"], len(predictors))
    table["n_trees"] = n_trees
    first = trials[grid.index(tuple(default))]
    table = pd.concat([table, pd.DataFrame([_trial_scores(t, first) for t in trials])], axis=1)
    table["default"] = [combination == tuple(default) for combination in grid]
    return _with_choice(table)


def _trial(
    training: pd.DataFrame,
    predictors: list[str],
    folds: NDArray,
    settings: dict[str, Any],
    combination: tuple[int, float],
) -> tuple[Skill, NDArray]:
    """Skill of one combination, and its RMSE without each tree, deg C (trees,)."""
    knobs = dict(zip(KNOBS, combination, strict=True))
    by_tree = held_out_by_tree(training, predictors, folds, **settings | knobs)
    observed = training["t15_c"].to_numpy(dtype=float)
    skill = pooled_skill(observed, by_tree.mean(axis=1), folds)
    return skill, rmse_without_tree(by_tree, observed)


def _per_split(share: pd.Series, n_predictors: int) -> pd.Series:
    """How scikit-learn reads the share: rounded down, at least one."""
    return (share * n_predictors).astype(int).clip(lower=1)


def _trial_scores(trial: tuple[Skill, NDArray], first: tuple[Skill, NDArray]) -> dict[str, float]:
    """Scores of a trial; their errors are those of the sites and of the seed together."""
    (skill, without_tree), (first_skill, first_without_tree) = trial, first
    scores, noise = _scores(skill, first_skill), jackknife_error(without_tree - first_without_tree)
    return scores | {
        "standard_error_c": np.hypot(scores["standard_error_c"], jackknife_error(without_tree)),
        "difference_error_c": np.hypot(scores["difference_error_c"], noise),
        "difference_noise_c": noise,
    }


def _scores(skill: Skill, first: Skill) -> dict[str, float]:
    return {
        "rmse_c": skill.rmse,
        "standard_error_c": skill.standard_error,
        "model_efficiency": skill.model_efficiency,
        "difference_c": skill.rmse - first.rmse,
        "difference_error_c": jackknife_error(skill.without_fold - first.without_fold),
    }


def _with_choice(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the best row and the chosen one marked."""
    best = table["rmse_c"].idxmin()
    difference, error = table.loc[best, ["difference_c", "difference_error_c"]]
    chosen = best if difference < -error else table["default"].idxmax()
    return table.assign(best=table.index == best, chosen=table.index == chosen)


def chosen_knobs(table: pd.DataFrame, which: str = "chosen") -> dict[str, Any]:
    """Values of the knobs in the chosen row of :func:`tune_forest`, or the ``best``, as a dict."""
    row = table.loc[table[which], KNOBS].iloc[0]
    return {"min_samples_leaf": int(row.iloc[0]), "max_features": float(row.iloc[1])}


def nested_tuning(
    study: Study,
    training: pd.DataFrame,
    folds: ArrayLike,
    points: NDArray,
    *,
    n_jobs: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Predict each fold by a forest that was tuned without it: the honest error of tuning.

    For every fold the other sites get kNNDM folds of their own (``tuning.n_folds``, against the
    same points of the map), :func:`tune_forest` runs in these, and the forest of its choice, with
    all trees of the study and fitted to all other sites, predicts the fold. So do the default and
    the plain best, to see what the rule is good for.

    Parameters
    ----------
    study
        Gives the forest, the combinations, and the settings of kNNDM.
    training, folds
        Training table (x, y in m) and label of the fold of each site.
    points
        Of the map, m (n, 2), as of :func:`helpers.validation.prediction_points`.
    n_jobs, progress
        Cores, -1 all of them, None those of :func:`tuning_settings`; whether to show a bar. The
        result does not depend on them.

    Returns
    -------
    One row per site, in the order of ``training``: ``site``, ``fold``, ``observed`` (deg C), and
    predictions without its fold, deg C: ``predicted`` (by the choice), ``predicted_default`` and
    ``predicted_best``; the knobs of the choice, ``min_samples_leaf`` and ``max_features``, and of
    the best, ``best_min_samples_leaf`` and ``best_max_features``.

    Raises
    ------
    ContractError
        If the sites that remain without a fold cannot be put into inner folds.

    """
    labels = np.asarray(folds)
    numbers = np.unique(labels)
    work = partial(_tuned_without, study, training, labels, points)
    with tqdm(total=len(numbers), desc="nested tuning", disable=not progress) as bar:
        parts = on_all_cores(work, numbers, n_jobs or cores(study), bar)
    return pd.concat(parts).loc[training.index].reset_index(drop=True)


def _tuned_without(
    study: Study, training: pd.DataFrame, folds: NDArray, points: NDArray, fold: int
) -> pd.DataFrame:
    """Rows of one fold, predicted by a forest that was tuned and fitted in the others."""
    rest, held_out = training[folds != fold], training[folds == fold]
    table = tune_forest(
        rest,
        study.forest.predictors,
        _inner_folds(study, rest, points, fold),
        progress=False,
        **tuning_settings(study) | {"n_jobs": 1},
    )
    by_default = fit_study_forest(study, rest).predict(held_out)
    best, chosen = chosen_knobs(table, "best"), chosen_knobs(table)
    turned = study.model_copy(update={"forest": study.forest.model_copy(update=best)})
    by_best = fit_study_forest(turned, rest).predict(held_out)
    return pd.DataFrame(
        {
            "site": held_out["site"],
            "fold": fold,
            "observed": held_out["t15_c"],
            "predicted": by_best if chosen == best else by_default,
            "predicted_default": by_default,
            "predicted_best": by_best,
            **chosen,
            **{f"best_{name}": value for name, value in best.items()},
        }
    )


def _inner_folds(study: Study, rest: pd.DataFrame, points: NDArray, fold: int) -> NDArray:
    settings, n_folds = study.validation, study.tuning.n_folds
    rule = (n_folds, settings.max_share, settings.clustering, study.about.seed)
    try:
        return knndm(rest[["x", "y"]].to_numpy(), points, *rule).folds
    except ValueError as error:
        raise ContractError(
            f"Fold {fold}: no {n_folds} inner folds (tuning.n_folds of study.toml) of the "
            f"{len(rest)} sites of the other folds. {error}"
        ) from error


def tuning_choices(nested: pd.DataFrame) -> pd.DataFrame:
    """What was chosen without each fold, and what it did there.

    ``nested`` is the table of :func:`nested_tuning`. One row per fold: ``fold``, ``sites``, the
    knobs of the choice and of the best, named as there, and the RMSE in the fold, deg C:
    ``rmse_c`` of the choice, ``rmse_default_c`` and ``rmse_best_c``.
    """
    knobs = [*KNOBS, *(f"best_{name}" for name in KNOBS)]
    parts = nested.groupby("fold")
    table = parts[knobs].first()
    table.insert(0, "sites", parts.size())
    for name, column in _PREDICTIONS.items():
        squared = (nested[column] - nested["observed"]) ** 2
        suffix = "_c" if name == "tuned" else f"_{name}_c"
        table[f"rmse{suffix}"] = np.sqrt(squared.groupby(nested["fold"]).mean())
    return table.reset_index()


def compare_with_default(nested: pd.DataFrame) -> pd.DataFrame:
    """Held-out error of the untuned forest and of both ways to tune it, in the same folds.

    ``nested`` is the table of :func:`nested_tuning`. Rows ``default``, ``tuned`` (by the rule of
    :func:`tune_forest`) and ``best`` (always the best): ``rmse_c``, ``standard_error_c``,
    ``model_efficiency``, ``difference_c`` from the default and its ``difference_error_c``; both
    errors are jackknives over folds only: these forests have all trees of the study.
    No RMSE is optimistic: a site had no part in the choice of the knobs that predict it. (If the
    predictors were chosen with these sites, that choice is not repeated here.)
    """
    skills = {
        name: pooled_skill(nested["observed"], nested[column], nested["fold"])
        for name, column in _PREDICTIONS.items()
    }
    rows = {name: _scores(skill, skills["default"]) for name, skill in skills.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("forest")
