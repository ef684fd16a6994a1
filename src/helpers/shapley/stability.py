"""Whether the importance of predictors depends on which sites happen to be there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from helpers.held_out import forests_without_fold
from helpers.shapley.summary import mean_absolute
from helpers.shapley.values import site_shapley
from helpers.storage import ContractError

MOST_PLACES = 1000  # explained by the forest of each fold


def shapley_by_fold(
    predictors: pd.DataFrame, temperature_c: ArrayLike, folds: ArrayLike, **settings
) -> pd.DataFrame:
    """Mean absolute Shapley value of each predictor for the forest fitted without each fold.

    Every forest is asked at all sites (of more than 1,000 at every so many-th), those it was fitted
    to and those it was not. So only the forest changes from fold to fold. At the held-out sites
    alone the places would change with it: the sites of a fold are neighbours, and in a cold corner
    the cold predictor is always the largest, whatever the forest has learnt.

    Parameters
    ----------
    predictors, temperature_c, folds, **settings
        As for :func:`helpers.held_out.forests_without_fold`.

    Returns
    -------
    One row per fold and predictor: fold; n_sites, of the fold; predictor, in the order of the
    columns; mean_absolute_c (deg C); share of the sum of all; rank, 1 the largest.

    """
    tables, places = [], predictors[:: -(-len(predictors) // MOST_PLACES)]
    for fold, test, forest in forests_without_fold(predictors, temperature_c, folds, **settings):
        table = mean_absolute(site_shapley(forest, places))
        table["rank"] = np.arange(1, len(table) + 1)
        table = table.set_index("predictor").loc[list(predictors.columns)].reset_index()
        table.insert(0, "fold", fold)
        table.insert(1, "n_sites", int(test.sum()))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def order_kept(by_fold: pd.DataFrame, order: Sequence[str]) -> float:
    """Share of the folds (0 to 1) without which the predictors keep this order, largest first.

    Parameters
    ----------
    by_fold
        Of :func:`shapley_by_fold`.
    order
        The predictors as the forest of all sites ranks them; see
        :func:`helpers.shapley.mean_absolute`.

    Raises
    ------
    ContractError
        If the order is not one of the predictors of the table.

    """
    ranks = by_fold.pivot(index="fold", columns="predictor", values="rank")
    if sorted(order) != sorted(ranks.columns):
        raise ContractError(
            f"Order of {', '.join(order)}; the table ranks {', '.join(ranks.columns)}: give each "
            "of these once."
        )
    return float((ranks[list(order)] == np.arange(1, len(ranks.columns) + 1)).all(axis=1).mean())
