"""Held-out error against the number of trees: where more of them stop to matter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from helpers.forest import Forest
from helpers.held_out import forests_without_fold
from helpers.selection.sites import columns_of
from helpers.selection.skill import on_all_cores
from helpers.storage import ContractError

TREE_NUMBERS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
_REDRAWN = 200


def error_by_trees(
    training: pd.DataFrame,
    predictors: Sequence[str],
    folds: ArrayLike,
    *,
    min_samples_leaf: Sequence[int] = (1, 2, 5, 10, 20),
    n_trees: int = 500,
    n_jobs: int = -1,
    progress: bool = True,
    **settings,
) -> pd.DataFrame:
    """Held-out error of a forest as trees are added, for several smallest leaf sizes.

    A forest of n trees is the mean of the first n trees of a larger one, so one fit per fold and
    leaf size gives the whole curve. On average over the order of the trees it can only fall, as
    the noise of single trees averages out, and levels off (Probst and Boulesteix 2018, J. Mach.
    Learn. Res. 18(181)): the number of trees is no knob to tune, only one to make large enough.

    Parameters
    ----------
    training, predictors, folds, **settings
        As for :func:`helpers.selection.held_out_temperature`: seed, max_features and
        by_standard_error.
    min_samples_leaf
        Smallest numbers of sites in a leaf.
    n_trees
        Trees of the largest forest; the table also has 1, 2, 3, 5, 10, 20, 50 ... below it.
    n_jobs, progress
        Cores, -1 all of them; whether to show a bar. The result does not depend on them.

    Returns
    -------
    One row per leaf size and number of trees: ``min_samples_leaf``, ``n_trees``; ``rmse_c`` of the
    pooled held-out predictions of the first so many trees, the forest of this seed;
    ``expected_rmse_c``, the root of its mean square over all choices of so many of the trees; and
    ``noise_c``, the standard deviation of the RMSE over forests of so many trees drawn, with
    replacement, from those that were grown: what another seed would change, to about a tenth.
    From the few trees of a small ``n_trees`` it is too small, by about half of 1 / ``n_trees``.

    Raises
    ------
    ContractError
        If a leaf size comes twice or none is given, a predictor is missing, or the folds do not
        fit the sites.

    """
    leaf_sizes = list(min_samples_leaf)
    if not leaf_sizes or len(set(leaf_sizes)) < len(leaf_sizes):
        raise ContractError(f"min_samples_leaf: {leaf_sizes}; each size once, at least one.")
    numbers = [n for n in TREE_NUMBERS if n < n_trees] + [n_trees]
    work = partial(_curve, training, list(predictors), np.asarray(folds), numbers, settings)
    with tqdm(total=len(leaf_sizes), desc="leaf sizes", disable=not progress) as bar:
        return pd.concat(on_all_cores(work, leaf_sizes, n_jobs, bar), ignore_index=True)


def _curve(
    training: pd.DataFrame,
    predictors: list[str],
    folds: NDArray,
    numbers: list[int],
    settings: dict[str, Any],
    leaf_size: int,
) -> pd.DataFrame:
    """Rows of one leaf size."""
    by_tree = held_out_by_tree(
        training, predictors, folds, n_trees=numbers[-1], min_samples_leaf=leaf_size, **settings
    )
    observed = training["t15_c"].to_numpy()[:, None]
    count = np.array(numbers)
    first = np.cumsum(by_tree, axis=1)[:, count - 1] / count
    rng = np.random.default_rng(settings.get("seed", 0))
    columns = {
        "n_trees": numbers,
        "rmse_c": np.sqrt(np.mean((first - observed) ** 2, axis=0)),
        "expected_rmse_c": _expected(by_tree, observed, count),
        "noise_c": [_noise(by_tree, observed, n, rng) for n in numbers],
    }
    return pd.DataFrame({"min_samples_leaf": leaf_size, **columns})


def held_out_by_tree(
    training: pd.DataFrame,
    predictors: list[str],
    folds: NDArray,
    *,
    n_trees: int,
    by_standard_error: bool = False,
    **settings,
) -> NDArray:
    """Temperature of each site by each tree that has not seen its fold, deg C (sites, trees).

    Arguments as for :func:`helpers.selection.held_out_temperature`, which is the mean over the
    trees.
    """
    x = columns_of(training.set_index("site"), predictors)
    errors = training["standard_error_c"] if by_standard_error else None
    found = np.full((len(x), n_trees), np.nan)
    for _, test, forest in forests_without_fold(
        x,
        training["t15_c"],
        folds,
        standard_error_c=errors,
        progress=False,
        n_trees=n_trees,
        **settings,
    ):
        found[test] = _by_tree(forest, x[test])
    return found


def _by_tree(forest: Forest, x: pd.DataFrame) -> NDArray:
    cells = forest.matrix(x)
    return np.column_stack([t.tree_.predict(cells).ravel() for t in forest.model.estimators_])


def rmse_without_tree(by_tree: NDArray, observed: NDArray) -> NDArray:
    """RMSE of the forest without each tree in turn, deg C (trees,), for the jackknife.

    ``by_tree`` of :func:`held_out_by_tree`, ``observed`` (sites,), both deg C; two trees or more.
    """
    rest = (by_tree.sum(axis=1, keepdims=True) - by_tree) / (by_tree.shape[1] - 1)
    return np.sqrt(np.mean((rest - observed[:, None]) ** 2, axis=0))


def _expected(by_tree: NDArray, observed: NDArray, count: NDArray) -> NDArray:
    """Root of the mean squared error over all choices of so many trees, deg C (counts,).

    The mean of n out of N trees scatters around that of all by variance / n * (N - n) / (N - 1).
    """
    n_grown = by_tree.shape[1]
    left = (n_grown - count) / max(n_grown - 1, 1) / count
    of_all = np.mean((by_tree.mean(axis=1, keepdims=True) - observed) ** 2)
    return np.sqrt(of_all + by_tree.var(axis=1).mean() * left)


def _noise(by_tree: NDArray, observed: NDArray, n: int, rng: np.random.Generator) -> float:
    """Standard deviation of the RMSE of forests of n trees drawn with replacement, deg C."""
    n_grown = by_tree.shape[1]
    share = rng.multinomial(n, np.full(n_grown, 1 / n_grown), _REDRAWN) / n
    # Not a matrix product, whose last digit depends on how many cores it uses.
    drawn = np.einsum("st,dt->sd", by_tree, share)
    squared = np.mean((drawn - observed) ** 2, axis=0)
    return float(np.std(np.sqrt(squared), ddof=1))
