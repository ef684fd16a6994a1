"""What each predictor adds to the prediction at a site.

Shapley values share the difference between a prediction and the mean prediction among the
predictors, fairly in the sense that the order in which they become known does not matter
(Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9). They explain the forest, not the ground.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.forest import Forest
from helpers.storage import ContractError
from helpers.trees import contributions, looked_up

MANY_PLACES = 10_000  # from here on it pays to work out all boxes of the trees first
# For shap: places times sites of the background, which take minutes; and the fewest such sites.
MOST_PAIRS, FEWEST_SITES = 200_000, 100


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
    single precision (to about 1e-6 deg C), for sites, not for maps. If places times training sites
    are more than 200,000, so many drawn sites (100 at least) are the background, and a warning says
    so: contributions and base value still add up to the prediction, but mean "compared with these".

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
    most = max(MOST_PAIRS // max(len(data), 1), FEWEST_SITES)
    if most < len(sites):
        warnings.warn(
            f"Shapley values of {len(data):,} places: the background are {most:,} drawn training "
            f"sites of {len(sites):,}, as all would take hours. Fewer predictors or places allow "
            "more of them.",
            stacklevel=3,
        )
    # An array of more than 100 sites would be thinned out; these are drawn, always the same.
    background = shap.maskers.Independent(sites, max_samples=min(most, len(sites)))
    explainer = shap.TreeExplainer(forest.model, background)
    values = explainer.shap_values(data) if len(data) else np.empty(data.shape)
    return ShapleyValues(values, float(explainer.expected_value), forest.names, data)
