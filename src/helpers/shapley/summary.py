"""Shapley values of many places in one table or file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from helpers.shapley.values import ShapleyValues


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
    """Importance of each predictor, largest first: predictor, mean_absolute_c (deg C), share.

    Equal ones stay in the order of the predictors. If no tree splits, all shares are 0.
    """
    size = np.abs(shapley.values).mean(axis=0)
    share = np.divide(size, size.sum(), out=np.zeros_like(size), where=size.sum() > 0)
    table = pd.DataFrame({"predictor": shapley.names, "mean_absolute_c": size, "share": share})
    return table.sort_values("mean_absolute_c", ascending=False, kind="stable", ignore_index=True)
