"""Held-out skill of sets of predictors: many forests, told apart by one number each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.parallel import Parallel, delayed
from tqdm.auto import tqdm

from helpers.held_out import forests_without_fold
from helpers.selection.sites import columns_of
from helpers.skill import Skill, pooled_skill
from helpers.study import Study
from helpers.validation import forest_settings


def settings_of(study: Study, n_trees: int = 50) -> dict[str, Any]:
    """Settings of the study's forest for choosing predictors, which takes hundreds of forests.

    Fewer trees than the map has are enough to tell sets apart; the errors they report are a
    little larger.
    """
    weighted = study.forest.weights == "standard_error"
    return forest_settings(study) | {"n_trees": n_trees, "by_standard_error": weighted}


def cores(study: Study) -> int:
    """Cores for choosing predictors and tuning: all (-1); one in a first look.

    There the work is done before workers have started. The results do not depend on it.
    """
    return 1 if study.is_first_look else -1


def held_out_temperature(
    training: pd.DataFrame,
    predictors: Sequence[str],
    folds: ArrayLike,
    *,
    by_standard_error: bool = False,
    **settings,
) -> NDArray:
    """Temperature of each site by a forest that has not seen its fold, deg C (sites,).

    As :func:`helpers.held_out.cross_validated`, the mean only.

    Parameters
    ----------
    training
        site, t15_c (deg C), the predictors and, if it is used, standard_error_c (deg C).
    predictors, folds
        Columns to predict from; label of the fold of each site.
    by_standard_error
        Whether sites of small standard error count more, see
        :func:`helpers.weights.standard_error_weights`.
    **settings
        Of :func:`helpers.forest.fit_forest`.

    """
    x = columns_of(training.set_index("site"), predictors)
    errors = training["standard_error_c"] if by_standard_error else None
    predicted = np.full(len(x), np.nan)
    for _, test, forest in forests_without_fold(
        x, training["t15_c"], folds, standard_error_c=errors, progress=False, **settings
    ):
        predicted[test] = forest.predict(x[test])
    return predicted


def set_skill(
    training: pd.DataFrame, predictors: Sequence[str], folds: ArrayLike, **settings
) -> Skill:
    """Skill of one set of predictors; arguments as for :func:`held_out_temperature`.

    A forest draws predictors by their place, so they go in the order of the table: the same set
    has one error, however it was put together.
    """
    in_order = [name for name in training.columns if name in set(predictors)]
    predicted = held_out_temperature(training, in_order, folds, **settings)
    return pooled_skill(training["t15_c"], predicted, folds)


def on_all_cores(
    function: Callable[[Any], Any], jobs: Sequence[Any], n_jobs: int = -1, bar: tqdm | None = None
) -> list[Any]:
    """``function`` of every job, in their order whatever is finished first; ``bar`` counts them."""
    results = []
    work = (delayed(function)(job) for job in jobs)
    for result in Parallel(n_jobs=n_jobs, return_as="generator")(work):
        results.append(result)
        if bar is not None:
            bar.update()
    return results
