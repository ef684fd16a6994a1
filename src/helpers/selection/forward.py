"""Choosing predictors one after the other by held-out error, and how far to trust the choice.

After Meyer et al. (2018, doi:10.1016/j.envsoft.2017.12.001): a predictor is kept only if it lowers
the error where whole folds of neighbouring sites are held out; here the path begins with the best
single one, not with the best pair. So a covariate that merely tells
places apart does not get in, as it does by random folds or by its importance.

**The smallest error on the way is optimistic**: the folds that measure it have chosen the set. The
names say so (``selection_rmse_c``), and :func:`nested_selection` measures the error of the whole
procedure, choosing included, at sites that had no part in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from helpers.folds import knndm
from helpers.forest import Forest, fit_forest
from helpers.selection.sites import columns_of
from helpers.selection.skill import on_all_cores, set_skill
from helpers.skill import Skill
from helpers.storage import ContractError
from helpers.study import Study
from helpers.weights import standard_error_weights

# Twice the standard deviation that another seed makes with 50 trees and a hundred sites.
TOLERANCE_C = 0.05


def forward_selection(
    training: pd.DataFrame,
    candidates: Sequence[str],
    folds: ArrayLike,
    *,
    tolerance_c: float = TOLERANCE_C,
    most: int | None = None,
    n_jobs: int = -1,
    progress: bool = True,
    **settings,
) -> pd.DataFrame:
    """Add the predictor that lowers the held-out error most, until none lowers it enough.

    Parameters
    ----------
    training, folds, **settings
        As for :func:`helpers.selection.held_out_temperature`. The same seed serves all sets.
    candidates
        Covariates to choose from. Of equally good ones the first is taken.
    tolerance_c
        An addition must lower the RMSE by more than this, deg C; less is no more than another
        seed of a forest of 50 trees changes.
    most
        Largest number of predictors; None: no limit.
    n_jobs
        Cores, -1 all of them; the result does not depend on it.
    progress
        Whether to show a bar.

    Returns
    -------
    One row per predictor, in the order added: ``step``, ``added``, ``selection_rmse_c`` of the set
    so far and ``selection_error_c``, its standard error (jackknife over folds),
    ``selection_efficiency``, ``gain_c`` (RMSE lowered by; NaN in the first row) and ``kept``. The
    last row, not kept, is the best of the additions that did not help enough, if there was one.
    All these errors are optimistic: these folds chose the set.

    """
    candidates = list(candidates)
    columns_of(training, candidates)
    rate = partial(set_skill, training, folds=folds, **settings)
    chosen: list[str] = []
    path: list[tuple[str, Skill]] = []
    with tqdm(desc="forward selection", unit=" sets", disable=not progress) as bar:
        while len(chosen) < min(len(candidates), most or len(candidates)):
            options = [name for name in candidates if name not in chosen]
            found = on_all_cores(rate, [[*chosen, name] for name in options], n_jobs, bar)
            best = min(range(len(options)), key=lambda i: found[i].rmse)
            path.append((options[best], found[best]))
            if chosen and path[-2][1].rmse - found[best].rmse <= tolerance_c:
                break
            chosen.append(options[best])
    return _steps(path, len(chosen))


def _steps(path: Sequence[tuple[str, Skill]], n_kept: int) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "step": np.arange(1, len(path) + 1),
            "added": [name for name, _ in path],
            "selection_rmse_c": [skill.rmse for _, skill in path],
            "selection_error_c": [skill.standard_error for _, skill in path],
            "selection_efficiency": [skill.model_efficiency for _, skill in path],
        }
    )
    table["gain_c"] = -table["selection_rmse_c"].diff()
    return table.assign(kept=table["step"] <= n_kept)


def chosen(steps: pd.DataFrame) -> list[str]:
    """Predictors that :func:`forward_selection` kept, in the order added."""
    return steps.loc[steps["kept"], "added"].to_list()


def nested_selection(
    training: pd.DataFrame,
    candidates: Sequence[str],
    folds: ArrayLike,
    *,
    n_jobs: int = -1,
    progress: bool = True,
    tolerance_c: float = TOLERANCE_C,
    most: int | None = None,
    **settings,
) -> pd.DataFrame:
    """Predict each fold by a forest whose predictors were chosen without it: the honest error.

    For every fold :func:`forward_selection` runs in the other folds alone; the forest of its
    choice, fitted to their sites, predicts the fold. So the error is that of choosing and fitting
    together. It takes about as many selections as there are folds.

    Returns
    -------
    One row per site, in the order of ``training``: site, fold, observed, predicted (deg C), and
    ``predictors``, those chosen without its fold, in the order added, joined by commas. For
    :func:`helpers.scores.regression_scores`.

    Raises
    ------
    ContractError
        If there are fewer than three folds: none would be left to choose by.

    """
    labels = np.asarray(folds)
    numbers = np.unique(labels)
    if len(numbers) < 3:
        raise ContractError(f"folds: {len(numbers)} found; choosing without one needs at least 3.")
    rules = {"tolerance_c": tolerance_c, "most": most, **settings}
    work = partial(_without, training, list(candidates), labels, rules)
    with tqdm(total=len(numbers), desc="nested selection", disable=not progress) as bar:
        found = on_all_cores(work, numbers, n_jobs, bar)
    table = pd.DataFrame(
        {"site": training["site"].to_numpy(), "fold": labels, "observed": training["t15_c"]}
    )
    for number, (predicted, names) in zip(numbers, found, strict=True):
        table.loc[labels == number, "predicted"] = predicted
        table.loc[labels == number, "predictors"] = ", ".join(names)
    return table


def _without(
    training: pd.DataFrame,
    candidates: Sequence[str],
    folds: NDArray,
    rules: Mapping[str, Any],
    fold: int,
) -> tuple[NDArray, list[str]]:
    """Predictions of one fold, and the predictors that the other folds chose."""
    test = folds == fold
    rest = training[~test]
    names = chosen(
        forward_selection(rest, candidates, folds[~test], n_jobs=1, progress=False, **rules)
    )
    in_order = [name for name in candidates if name in names]
    settings = {k: v for k, v in rules.items() if k not in ("tolerance_c", "most")}
    return _fit(rest, in_order, **settings).predict(training.loc[test, in_order]), names


def _fit(
    training: pd.DataFrame, predictors: Sequence[str], by_standard_error: bool = False, **settings
) -> Forest:
    sites = training[predictors], training["t15_c"]
    weight = None
    if by_standard_error:
        weight = standard_error_weights(*sites, training["standard_error_c"], **settings)
    return fit_forest(*sites, sample_weight=weight, **settings)


def knndm_by_seed(
    study: Study, training: pd.DataFrame, points: NDArray, seeds: Sequence[int]
) -> dict[int, NDArray]:
    """KNNDM folds that differ by seed, for :func:`stability`: seed -> fold of each site.

    Ward's clusters know no chance, so these are put together from k-means clusters; number of
    folds and largest share are those of the study. ``points`` are those of
    :func:`helpers.validation.prediction_points`.
    """
    xy, settings = training[["x", "y"]].to_numpy(), study.validation
    return {
        seed: knndm(xy, points, settings.n_folds, settings.max_share, "kmeans", seed).folds
        for seed in seeds
    }


def stability(
    training: pd.DataFrame,
    candidates: Sequence[str],
    folds_by_seed: Mapping[int, ArrayLike],
    *,
    n_jobs: int = -1,
    progress: bool = True,
    **settings,
) -> pd.DataFrame:
    """How often each candidate is chosen when only chance changes: seed of forest and of folds.

    A predictor that comes and goes with the seed owes its place to luck or to a neighbour that
    says the same.

    Parameters
    ----------
    training, candidates, **settings
        As for :func:`forward_selection`; the seeds replace its seed.
    folds_by_seed
        Seed of the forest -> fold of each site, as of :func:`knndm_by_seed`.
    n_jobs, progress
        Cores, -1 all of them; whether to show a bar.

    Returns
    -------
    Table by candidate, the most often chosen first: ``chosen`` (times), ``runs``, ``share``, and
    ``mean_step`` at which it came in (NaN: never).

    """
    candidates = list(candidates)
    work = partial(_choice, training, candidates, settings)
    with tqdm(total=len(folds_by_seed), desc="stability", disable=not progress) as bar:
        runs = on_all_cores(work, list(folds_by_seed.items()), n_jobs, bar)
    steps = pd.DataFrame(
        [{name: i + 1 for i, name in enumerate(run)} for run in runs], columns=candidates
    )
    table = pd.DataFrame({"chosen": steps.notna().sum(), "runs": len(runs)})
    table["share"], table["mean_step"] = table["chosen"] / table["runs"], steps.mean()
    ordered = table.sort_values(["chosen", "mean_step"], ascending=[False, True], kind="stable")
    return ordered.rename_axis("covariate")


def _choice(
    training: pd.DataFrame,
    candidates: Sequence[str],
    settings: Mapping[str, Any],
    run: tuple[int, ArrayLike],
) -> list[str]:
    seed, folds = run
    rules = {**settings, "seed": seed, "n_jobs": 1, "progress": False}
    return chosen(forward_selection(training, candidates, folds, **rules))
