"""What a forest loses at sites it has not seen when a predictor is shuffled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.forest import Forest
from helpers.held_out import forests_without_fold
from helpers.selection.sites import columns_of
from helpers.selection.skill import Skill, jackknife_error, pooled_skill
from helpers.storage import ContractError


def permutation_importance_in_folds(
    training: pd.DataFrame,
    names: Sequence[str],
    folds: ArrayLike,
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    across_folds: bool = False,
    n_repeats: int = 10,
    by_standard_error: bool = False,
    progress: bool = True,
    **settings,
) -> pd.DataFrame:
    """By how much the held-out RMSE rises when a predictor, or several together, is shuffled.

    Correlated predictors stand in for each other: shuffled one by one none seems to matter, so
    give them as a group too.

    Parameters
    ----------
    training, by_standard_error, **settings
        As for :func:`helpers.selection.held_out_temperature`; ``seed`` (0 if it is not given)
        also shuffles.
    names, folds
        Predictors of the forest; label of the fold of each site.
    groups
        Name -> predictors shuffled together, such as a cluster of
        :func:`helpers.selection.spearman_clusters`.
    across_folds
        False: a site takes its value from another site of its own fold. Sites of a fold are
        neighbours, so this tells what a predictor does at their distance, and hardly touches
        what varies slowly, as climate does. True: from any site.
    n_repeats
        How often everything is shuffled.
    progress
        Whether to show a bar.

    Returns
    -------
    Table by predictor and group, most important first: ``increase_c``, the mean over repeats;
    ``sd_repeats_c``; ``standard_error_c``, jackknife over folds. About 0: the forest does not
    need it here; below 0: it does harm.

    """
    groups = _all_groups(training, names, groups or {})
    x = columns_of(training.set_index("site"), names)
    orders = _orders(np.asarray(folds), n_repeats, across_folds, settings.get("seed", 0))
    errors = training["standard_error_c"] if by_standard_error else None
    straight = np.full(len(x), np.nan)
    shuffled = np.full((len(groups), n_repeats, len(x)), np.nan)
    for _, test, forest in forests_without_fold(
        x, training["t15_c"], folds, standard_error_c=errors, progress=progress, **settings
    ):
        straight[test] = forest.predict(x[test])
        shuffled[:, :, test] = _shuffled(forest, x, test, list(groups.values()), orders)
    before = pooled_skill(training["t15_c"], straight, folds)
    after = [[pooled_skill(training["t15_c"], p, folds) for p in group] for group in shuffled]
    rows = {name: _row(before, skills) for name, skills in zip(groups, after, strict=True)}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("predictor")
    return table.sort_values("increase_c", ascending=False, kind="stable")


def _all_groups(
    training: pd.DataFrame, names: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Each predictor alone, then the groups."""
    predictors = columns_of(training, names)
    for name, members in groups.items():
        if name in names:
            raise ContractError(f"Group '{name}' has the name of a predictor; give it another.")
        columns_of(predictors, members)
    return {name: [name] for name in names} | {k: list(v) for k, v in groups.items()}


def _orders(folds: NDArray, n_repeats: int, across_folds: bool, seed: int) -> NDArray:
    """Row that each site takes its value from, (repeats, sites)."""
    rng = np.random.default_rng(seed)
    orders = np.tile(np.arange(len(folds)), (n_repeats, 1))
    for fold in [slice(None)] if across_folds else [folds == f for f in np.unique(folds)]:
        orders[:, fold] = rng.permuted(orders[:, fold], axis=1)
    return orders


def _shuffled(
    forest: Forest,
    x: pd.DataFrame,
    test: NDArray,
    groups: Sequence[Sequence[str]],
    orders: NDArray,
) -> NDArray:
    """Predictions of the held-out sites, (groups, repeats, sites), in one call of the forest."""
    values, names = x.to_numpy(dtype=float), list(x.columns)
    n_repeats, n_test = len(orders), int(test.sum())
    copies = np.tile(values[test], (len(groups), n_repeats, 1, 1))
    for copy, members in zip(copies, groups, strict=True):
        columns = [names.index(member) for member in members]
        copy[:, :, columns] = values[orders[:, test]][:, :, columns]
    table = pd.DataFrame(copies.reshape(-1, len(names)), columns=names)
    return forest.predict(table).reshape(len(groups), n_repeats, n_test)


def _row(before: Skill, after: Sequence[Skill]) -> dict[str, float]:
    increase = np.array([skill.rmse for skill in after]) - before.rmse
    rest = np.mean([skill.without_fold for skill in after], axis=0) - before.without_fold
    return {
        "increase_c": increase.mean(),
        "sd_repeats_c": increase.std(ddof=1) if len(after) > 1 else np.nan,
        "standard_error_c": jackknife_error(rest),
    }
