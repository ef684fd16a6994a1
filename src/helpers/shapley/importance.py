"""What a forest loses at sites it has not seen when a predictor is shuffled.

Shapley values tell what a forest listens to; this tells what listening is worth: a predictor
that the forest uses, but whose loss does no harm elsewhere, is a habit or has a stand-in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.held_out import forests_without_fold
from helpers.shapley.groups import check_members
from helpers.skill import Skill, jackknife_error, pooled_skill


def permutation_importance(
    predictors: pd.DataFrame,
    temperature_c: ArrayLike,
    folds: ArrayLike,
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    across_folds: bool = True,
    n_repeats: int = 10,
    standard_error_c: ArrayLike | None = None,
    progress: bool = True,
    **settings,
) -> pd.DataFrame:
    """By how much the held-out RMSE rises when a predictor, or several together, is shuffled.

    The forest is fitted again without each fold, and squared errors are pooled over all sites.
    Correlated predictors stand in for each other: shuffled one by one none seems to matter, so
    give them as a group too.

    Parameters
    ----------
    predictors, temperature_c, folds, standard_error_c, progress, **settings
        As for :func:`helpers.held_out.forests_without_fold`; ``seed`` (0 if it is not given)
        also shuffles.
    groups
        Name -> predictors shuffled together, such as a cluster of
        :func:`helpers.selection.spearman_clusters`; in addition to each predictor alone.
    across_folds
        True: a site takes its value from any site. False: from another site of its own fold;
        these are neighbours, so this hardly touches what varies slowly, as climate does, and
        leaves a fold of a single site as it is.
    n_repeats
        How often everything is shuffled.

    Returns
    -------
    One row per predictor and group, most important first: ``predictor``; ``rmse_c`` before
    anything is shuffled; ``rise_c``, the mean rise over the repeats; ``sd_repeats_c``;
    ``standard_error_c``, jackknife over folds (all deg C). A rise of about 0: the forest does
    not need it here; below 0: it does harm.

    Raises
    ------
    ContractError
        If a group is not made of predictors, or has the name of one.

    """
    check_members(predictors.columns, groups := dict(groups or {}), apart=False)
    shuffled_together = {name: [name] for name in predictors} | groups
    observed, labels = np.asarray(temperature_c, dtype=float), np.asarray(folds)
    orders = _orders(labels, n_repeats, across_folds, settings.get("seed", 0))
    straight = np.full(len(observed), np.nan)
    shuffled = np.full((len(shuffled_together), n_repeats, len(observed)), np.nan)
    settings |= {"standard_error_c": standard_error_c, "progress": progress}
    for _, test, forest in forests_without_fold(predictors, observed, labels, **settings):
        straight[test] = forest.predict(predictors[test])
        for found, members in zip(shuffled, shuffled_together.values(), strict=True):
            mixed = _mixed(predictors, test, members, orders)
            found[:, test] = forest.predict(mixed).reshape(n_repeats, -1)
    before = pooled_skill(observed, straight, labels)
    after = [[pooled_skill(observed, p, labels) for p in repeats] for repeats in shuffled]
    rows = [_row(name, before, a) for name, a in zip(shuffled_together, after, strict=True)]
    return pd.DataFrame(rows).sort_values(
        "rise_c", ascending=False, kind="stable", ignore_index=True
    )


def _orders(folds: NDArray, n_repeats: int, across_folds: bool, seed: int) -> NDArray:
    """Row that each site takes its value from, (repeats, sites)."""
    rng = np.random.default_rng(seed)
    orders = np.tile(np.arange(len(folds)), (n_repeats, 1))
    for fold in [slice(None)] if across_folds else [folds == f for f in np.unique(folds)]:
        orders[:, fold] = rng.permuted(orders[:, fold], axis=1)
    return orders


def _mixed(
    predictors: pd.DataFrame, test: NDArray, members: Sequence[str], orders: NDArray
) -> pd.DataFrame:
    """Held-out sites with shuffled values of ``members``, a row for each (repeat, site)."""
    mixed = pd.concat([predictors[test]] * len(orders), ignore_index=True)
    for member in members:
        mixed[member] = predictors[member].to_numpy()[orders[:, test]].ravel()
    return mixed


def _row(name: str, before: Skill, after: Sequence[Skill]) -> dict[str, object]:
    rise = np.array([skill.rmse for skill in after]) - before.rmse
    rest = np.mean([skill.without_fold for skill in after], axis=0) - before.without_fold
    return {
        "predictor": name,
        "rmse_c": before.rmse,
        "rise_c": rise.mean(),
        "sd_repeats_c": rise.std(ddof=1) if len(after) > 1 else np.nan,
        "standard_error_c": jackknife_error(rest),
    }
