"""Whether the sites stand for the map: each covariate at the sites and over the whole area."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from helpers.selection.sites import columns_of
from helpers.storage import ContractError

_LEVELS = (0.05, 0.5, 0.95)


def compare_with_area(
    training: pd.DataFrame, covariates: xr.Dataset, names: Sequence[str]
) -> pd.DataFrame:
    """Each covariate at the sites and over all mapped cells, in its own unit.

    Returns
    -------
    Table by name: ``units``; quantiles 0.05, 0.5 and 0.95 at the sites (``sites_q05`` ...) and
    over the map (``map_q05`` ...); ``distance``, that of Kolmogorov and Smirnov, the largest gap
    between both cumulative shares, 0 to 1; ``share_below`` and ``share_above``, of mapped cells
    beyond the coldest or driest ... site, where a forest can only repeat its nearest leaf.

    Raises
    ------
    ContractError
        If a covariate is missing, or has no value at the sites or on the map.

    """
    columns_of(training, names)
    rows = {}
    for name in names:
        sites, area = known_values(training, covariates, name)
        quantiles = {
            f"{place}_q{100 * level:02.0f}": float(np.quantile(values.astype(float), level))
            for place, values in (("sites", sites), ("map", area))
            for level in _LEVELS
        }
        rows[name] = {
            "units": covariates[name].attrs.get("units", "1"),
            **quantiles,
            "distance": ks_2samp(sites, area, method="asymp").statistic,
            "share_below": np.mean(area < sites.min()),
            "share_above": np.mean(area > sites.max()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("covariate")


def known_values(
    training: pd.DataFrame, covariates: xr.Dataset, name: str
) -> tuple[NDArray, NDArray]:
    """Values of a covariate at the sites and in the mapped cells, without the gaps, as float32.

    Sites and cells share one precision, so that a site is never outside its own cell.
    """
    if name not in covariates:
        raise ContractError(
            f"Covariates: layer '{name}' missing. Found: {', '.join(covariates.data_vars)}."
        )
    found = {
        "the sites": training[name].to_numpy(np.float32),
        "the map": covariates[name].to_numpy().astype(np.float32, copy=False).ravel(),
    }
    found = {place: values[np.isfinite(values)] for place, values in found.items()}
    for place, values in found.items():
        if not values.size:
            raise ContractError(f"Covariate '{name}' has no value at {place}; leave it out.")
    return found["the sites"], found["the map"]
