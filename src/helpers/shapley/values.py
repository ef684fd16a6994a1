"""What each predictor adds to the prediction at a site.

Shapley values share the difference between a prediction and the mean prediction among the
predictors, fairly in the sense that the order in which they become known does not matter
(Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9). They explain the forest, not the ground.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.forest import Forest
from helpers.storage import ContractError
from helpers.trees import contributions, looked_up

MANY_PLACES = 10_000  # from here on it pays to work out all boxes of the trees first


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

    The same as ``shap.TreeExplainer`` gives with all sites as background, for any number of
    places: a million cells take seconds. Only where the tables that make it fast would be too
    large (many sites, many predictors) does ``shap`` itself explain the places: the same values in
    single precision (to about 1e-6 deg C), but with a thousand sites a place takes about a second,
    so for sites, not for maps.

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
    data = forest.complete_matrix(x)
    try:
        tables = forest.shapley_tables
    except ContractError:  # they would be too large
        return _by_shap(forest, data)
    is_worth_it = len(data) >= MANY_PLACES or "shapley_grid" in vars(forest)
    grid = forest.shapley_grid if is_worth_it else None
    if grid is None:
        values = contributions(data, forest.trees, tables)
    else:
        values = looked_up(data, forest.trees, tables, grid)
    return ShapleyValues(values, tables.base_value, forest.names, data)


def _by_shap(forest: Forest, data: NDArray) -> ShapleyValues:
    import shap

    sites = forest.predictors.astype(np.float32)
    # An array of more than 100 sites would be thinned out.
    background = shap.maskers.Independent(sites, max_samples=len(sites))
    explainer = shap.TreeExplainer(forest.model, background)
    values = explainer.shap_values(data) if len(data) else np.empty(data.shape)
    return ShapleyValues(values, float(explainer.expected_value), forest.names, data)
