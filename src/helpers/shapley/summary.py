"""Shapley values of many places in one table or file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

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


def from_dataset(table: xr.Dataset) -> ShapleyValues:
    """The Shapley values of :func:`as_dataset`, as they were, without the names of the sites."""
    return ShapleyValues(
        values=table["shapley_value"].to_numpy(),
        base_value=float(table["base_value"]),
        names=tuple(map(str, table["predictor"].to_numpy())),
        data=table["data"].to_numpy(),
    )


def interactions_as_dataset(values: NDArray, names: Sequence[str], sites: ArrayLike) -> xr.Dataset:
    """Interaction values (site, predictor, other), deg C, with names and units, for a file."""
    place = {
        "site": np.asarray(sites, dtype=str),
        "predictor": list(names),
        "other": list(names),
    }
    return xr.Dataset(
        {"interaction_value": (tuple(place), values, {"units": "degC"})},
        coords=place,
        attrs={"title": "Shapley interaction values of the forest's predictions at the sites"},
    )


def mean_absolute(shapley: ShapleyValues) -> pd.DataFrame:
    """Importance of each predictor, largest first: predictor, mean_absolute_c (deg C), share.

    Equal ones stay in the order of the predictors. If no tree splits, all shares are 0.
    """
    size = np.abs(shapley.values).mean(axis=0)
    share = np.divide(size, size.sum(), out=np.zeros_like(size), where=size.sum() > 0)
    table = pd.DataFrame({"predictor": shapley.names, "mean_absolute_c": size, "share": share})
    return table.sort_values("mean_absolute_c", ascending=False, kind="stable", ignore_index=True)
