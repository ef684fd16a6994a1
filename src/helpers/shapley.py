"""What each predictor adds to the prediction at a site, and what it is worth where it was unseen.

Shapley values share the difference between a prediction and the mean prediction among the
predictors, fairly in the sense that the order in which they become known does not matter
(Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9). They explain the forest, not the ground.
Permutation importance asks another question: how much worse do held-out predictions become
without the predictor?
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from helpers.forest import Forest
from helpers.held_out import forests_without_fold
from helpers.storage import ContractError


class ShapleyValues(NamedTuple):
    """Shapley values of n places.

    Attributes
    ----------
    values
        Contribution of each predictor to each prediction, deg C, (n, predictors).
    base_value
        Mean prediction over the training sites, deg C. Base value plus the contributions of a
        place is its prediction.
    names
        Names of the predictors.
    data
        Their values at the places, (n, predictors).

    """

    values: NDArray
    base_value: float
    names: tuple[str, ...]
    data: NDArray


def site_shapley(forest: Forest, x: pd.DataFrame) -> ShapleyValues:
    """Exact Shapley values; a predictor not yet known takes its values at all training sites.

    Parameters
    ----------
    forest
        The fitted forest.
    x
        Places to explain, with the predictors as columns, in any order.

    Raises
    ------
    ContractError
        If a predictor is missing in the table or in a row.

    """
    data = forest.matrix(x)
    incomplete = x.index[~np.isfinite(data).all(axis=1)]
    if len(incomplete):
        raise ContractError(
            f"{len(incomplete)} of {len(x)} rows lack a predictor, the first is {incomplete[0]}; "
            "leave them out: what is not predicted cannot be explained."
        )
    import shap  # only here: it takes a second to import, and most notebooks do without

    # Every site as background: a plain array would silently be cut to 100 rows.
    sites = forest.predictors.astype(np.float32)
    background = shap.maskers.Independent(sites, max_samples=len(sites))
    explainer = shap.TreeExplainer(forest.model, background)
    values = explainer.shap_values(data)
    return ShapleyValues(values, float(explainer.expected_value), forest.names, data)


def as_dataset(shapley: ShapleyValues, sites: ArrayLike) -> xr.Dataset:
    """Shapley values and data (site, predictor) with names and units, for a file."""
    place = {"site": np.asarray(sites, dtype=str), "predictor": list(shapley.names)}
    return xr.Dataset(
        {
            "shapley_value": (tuple(place), shapley.values, {"units": "degC"}),
            "data": (tuple(place), shapley.data, {"long_name": "value of the predictor"}),
            "base_value": ((), shapley.base_value, {"units": "degC"}),
        },
        coords=place,
        attrs={"title": "Shapley values of the forest's predictions at the sites"},
    )


def mean_absolute(shapley: ShapleyValues) -> pd.DataFrame:
    """Importance of each predictor, largest first: predictor, mean_absolute_c (deg C), share."""
    size = np.abs(shapley.values).mean(axis=0)
    table = pd.DataFrame(
        {"predictor": shapley.names, "mean_absolute_c": size, "share": size / size.sum()}
    )
    return table.sort_values("mean_absolute_c", ascending=False, ignore_index=True)


def permutation_importance_by_fold(
    predictors: pd.DataFrame,
    temperature_c: ArrayLike,
    folds: ArrayLike,
    *,
    n_repeats: int = 20,
    seed: int = 0,
    progress: bool = True,
    **settings,
) -> pd.DataFrame:
    """Rise of the error of held-out predictions when a predictor is shuffled.

    The forest is fitted again without each fold. A predictor is shuffled over all sites, not
    within a fold: folds of near sites, or of a single one, would hardly change.

    Parameters
    ----------
    predictors, temperature_c, folds, progress, **settings
        As for :func:`helpers.held_out.forests_without_fold`.
    n_repeats
        Number of times each predictor is shuffled.
    seed
        Of the forests and of the shuffling.

    Returns
    -------
    One row per fold and predictor: fold, predictor, n_sites, rmse_c, rmse_shuffled_c, rise_c
    (deg C).

    """
    orders = _shuffled_orders(len(predictors), predictors.columns, n_repeats, seed)
    observed = np.asarray(temperature_c, dtype=float)
    rows = []
    for fold, test, forest in forests_without_fold(
        predictors, observed, folds, progress=progress, seed=seed, **settings
    ):
        rmse = _rmse(forest.predict(predictors[test]), observed[test])
        for name, order in orders.items():
            drawn = order[:, test].ravel()
            shuffled = pd.concat([predictors[test]] * n_repeats, ignore_index=True)
            shuffled[name] = predictors[name].to_numpy()[drawn]
            worse = _rmse(forest.predict(shuffled), np.tile(observed[test], n_repeats))
            rows.append((fold, name, test.sum(), rmse, worse, worse - rmse))
    columns = ["fold", "predictor", "n_sites", "rmse_c", "rmse_shuffled_c", "rise_c"]
    return pd.DataFrame(rows, columns=columns)


def pooled_importance(by_fold: pd.DataFrame) -> pd.DataFrame:
    """The rise over all sites, largest first: predictor, rmse_c, rmse_shuffled_c, rise_c (deg C).

    Squared errors are pooled over the folds of :func:`permutation_importance_by_fold`; a mean of
    the folds' rises would count small folds too much.
    """
    errors = ["rmse_c", "rmse_shuffled_c"]
    sums = by_fold[errors].pow(2).mul(by_fold["n_sites"], axis=0).groupby(by_fold["predictor"])
    sites = by_fold.groupby("predictor")["n_sites"].sum()
    pooled = sums.sum().div(sites, axis=0).pow(0.5)
    pooled["rise_c"] = pooled["rmse_shuffled_c"] - pooled["rmse_c"]
    return pooled.sort_values("rise_c", ascending=False).reset_index()


def _shuffled_orders(
    n_sites: int, names: pd.Index, n_repeats: int, seed: int
) -> dict[str, NDArray]:
    random = np.random.default_rng(seed)
    rows = np.tile(np.arange(n_sites), (n_repeats, 1))
    return {name: random.permuted(rows, axis=1) for name in names}


def _rmse(predicted: NDArray, observed: NDArray) -> float:
    return float(np.sqrt(np.mean((predicted - observed) ** 2)))
