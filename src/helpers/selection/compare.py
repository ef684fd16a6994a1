"""Sets of predictors side by side, and the radius of the topographic position index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from tqdm.auto import tqdm

from helpers.covariates import sample_at
from helpers.selection.skill import on_all_cores, set_skill
from helpers.skill import Skill, jackknife_error
from helpers.storage import ContractError


def compare_sets(
    training: pd.DataFrame,
    sets: Mapping[str, Sequence[str]],
    folds: ArrayLike,
    seeds: Sequence[int],
    *,
    chosen_here: Sequence[str] = (),
    n_jobs: int = -1,
    progress: bool = True,
    **settings,
) -> pd.DataFrame:
    """Held-out error of sets of predictors in the same folds, over seeds of the forest.

    Parameters
    ----------
    training, folds, **settings
        As for :func:`helpers.selection.held_out_temperature`.
    seeds
        Of the forest, in place of the one among the settings.
    sets
        Name -> predictors. The first set is what the others are compared with.
    chosen_here
        Names of the sets that were chosen by their error in these very folds. Their error is too
        small by an unknown amount: the smallest of many errors is small by luck too. The table
        says so in ``optimistic``; :func:`helpers.selection.nested_selection` has an honest one.
    n_jobs, progress
        Cores, -1 all of them; whether to show a bar.

    Returns
    -------
    Table by set: ``predictors`` (number); ``rmse_c``, mean over the seeds, ``sd_seeds_c``, its
    spread, and ``standard_error_c``, jackknife over folds; ``model_efficiency``; ``difference_c``
    from the first set and its ``difference_error_c``, jackknife over folds, which is smaller than
    that of either RMSE as both miss the same sites; ``optimistic``.

    """
    _check_sets(sets, chosen_here)
    seeds = list(seeds)
    jobs = list(product(sets.values(), seeds))
    rate = partial(_seed_skill, training, folds, settings)
    with tqdm(total=len(jobs), desc="sets", disable=not progress) as bar:
        found = on_all_cores(rate, jobs, n_jobs, bar)
    by_set = [found[i * len(seeds) : (i + 1) * len(seeds)] for i in range(len(sets))]
    first = _mean_skill(by_set[0])
    rows = {
        name: {"predictors": len(sets[name]), **_set_row(skills, first)}
        | {"optimistic": name in chosen_here}
        for name, skills in zip(sets, by_set, strict=True)
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("set")


def _check_sets(sets: Mapping[str, Sequence[str]], chosen_here: Sequence[str]) -> None:
    unknown = set(chosen_here) - set(sets)
    if not sets or unknown:
        raise ContractError(
            f"Sets of predictors: {', '.join(sorted(unknown)) or 'no set'} not among those to "
            f"compare. Found: {', '.join(sets) or 'none'}."
        )


def _seed_skill(
    training: pd.DataFrame, folds: ArrayLike, settings: dict, job: tuple[Sequence[str], int]
) -> Skill:
    predictors, seed = job
    return set_skill(training, predictors, folds, **settings | {"seed": seed})


def _mean_skill(skills: Sequence[Skill]) -> Skill:
    """Mean over seeds of each score."""
    return Skill(
        rmse=float(np.mean([s.rmse for s in skills])),
        without_fold=np.mean([s.without_fold for s in skills], axis=0),
        model_efficiency=float(np.mean([s.model_efficiency for s in skills])),
    )


def _spread(skills: Sequence[Skill]) -> float:
    """Standard deviation of the RMSE over seeds, deg C; unknown (NaN) from a single one."""
    return float(np.std([s.rmse for s in skills], ddof=1)) if len(skills) > 1 else np.nan


def _set_row(skills: Sequence[Skill], first: Skill) -> dict[str, float]:
    mean = _mean_skill(skills)
    return {
        "rmse_c": mean.rmse,
        "sd_seeds_c": _spread(skills),
        "standard_error_c": mean.standard_error,
        "model_efficiency": mean.model_efficiency,
        "difference_c": mean.rmse - first.rmse,
        "difference_error_c": jackknife_error(mean.without_fold - first.without_fold),
    }


def skill_by_radius(
    training: pd.DataFrame,
    positions: Mapping[float, xr.DataArray],
    predictors: Sequence[str],
    position_name: str,
    folds: ArrayLike,
    seeds: Sequence[int],
    *,
    n_jobs: int = -1,
    progress: bool = True,
    **settings,
) -> pd.DataFrame:
    """Held-out error against the radius of the topographic position index.

    One predictor is replaced by the index of each radius in turn, all else stays. The radius with
    the smallest error is chosen by these folds, so its error is optimistic.

    Parameters
    ----------
    training, folds, seeds, **settings
        As for :func:`compare_sets`; x and y (m) of the sites.
    positions
        Radius in m -> index (y, x) on a grid in the CRS of x and y, m.
    predictors
        All predictors of the forest, ``position_name`` among them.
    position_name
        The predictor that is replaced.
    n_jobs, progress
        As for :func:`compare_sets`.

    Returns
    -------
    Table by ``radius_m``, rising: ``rmse_c`` (mean over seeds), ``sd_seeds_c``,
    ``standard_error_c`` (jackknife over folds), ``model_efficiency``, ``correlation`` (Spearman's
    with t15); and, the same in every row, ``rmse_without_c``, the error of the other predictors
    alone (NaN if there is none).

    Raises
    ------
    ContractError
        If ``position_name`` is not a predictor, or a site has no value at some radius.

    """
    if position_name not in predictors:
        raise ContractError(f"'{position_name}' is not among {', '.join(predictors)}.")
    radii = sorted(positions)
    table, names = _with_radii(training, positions, radii)
    others = [name for name in predictors if name != position_name]
    sets = {name: [name if p == position_name else p for p in predictors] for name in names} | (
        {"without": others} if others else {}
    )
    found = compare_sets(table, sets, folds, seeds, n_jobs=n_jobs, progress=progress, **settings)
    columns = ["rmse_c", "sd_seeds_c", "standard_error_c", "model_efficiency"]
    result = found.loc[names, columns].set_axis(pd.Index(radii, name="radius_m"))
    result["correlation"] = table[names].corrwith(table["t15_c"], method="spearman").to_numpy()
    result["rmse_without_c"] = found["rmse_c"].get("without", np.nan)
    return result.reset_index()


def _with_radii(
    training: pd.DataFrame, positions: Mapping[float, xr.DataArray], radii: Sequence[float]
) -> tuple[pd.DataFrame, list[str]]:
    """Training table with the index of each radius as a further column, and their names."""
    names = [f"position within {radius:g} m" for radius in radii]
    layers = xr.Dataset({n: positions[r] for n, r in zip(names, radii, strict=True)})
    values = sample_at(layers, training["x"], training["y"]).set_axis(training.index)
    lacking = values.isna()
    if lacking.to_numpy().any():
        row = lacking.any(axis=1).idxmax()
        raise ContractError(
            f"Site {training.loc[row, 'site']}: {names[lacking.loc[row].argmax()]} is missing "
            f"({lacking.any(axis=1).sum()} of {len(training)} sites). Pad the elevation by the "
            "largest radius before the index is computed, or leave such radii or sites out."
        )
    return pd.concat([training, values], axis=1), names
