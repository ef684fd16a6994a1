"""Covariates at the boreholes: what the model learns from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from helpers import terrain
from helpers.storage import ContractError
from helpers.study import Study

_STRIP_ROWS = 512


def sample_at(covariates: xr.Dataset, x: ArrayLike, y: ArrayLike) -> pd.DataFrame:
    """Values of every layer in the cells that hold the points; NaN outside the mapped area.

    Of layers in a file only strips that hold points are read, and none is kept in memory.

    Parameters
    ----------
    covariates
        Dataset on the study grid.
    x, y
        Easting and northing in the CRS of the grid, m.

    """
    size = terrain.cell_size(covariates)
    column = np.floor((np.asarray(x) - covariates.x.values[0]) / size + 0.5).astype(int)
    row = np.floor((covariates.y.values[0] - np.asarray(y)) / size + 0.5).astype(int)
    inside = (column >= 0) & (column < covariates.sizes["x"])
    inside &= (row >= 0) & (row < covariates.sizes["y"])
    column, row = np.where(inside, column, 0), np.where(inside, row, 0)
    return pd.DataFrame(
        {
            name: np.where(inside, _in_cells(layer, row, column), np.nan)
            for name, layer in covariates.data_vars.items()
        }
    )


def _in_cells(layer: xr.DataArray, row: NDArray, column: NDArray) -> NDArray:
    """Values of a layer (y, x) in the cells of these rows and columns."""
    values = np.empty(row.shape, layer.dtype)
    strip = row // _STRIP_ROWS
    for number in np.unique(strip):
        here, top = strip == number, number * _STRIP_ROWS
        cells = layer.isel(y=slice(top, top + _STRIP_ROWS)).to_numpy()
        values[here] = cells[row[here] - top, column[here]]
    return values


def training_table(boreholes: pd.DataFrame, covariates: xr.Dataset, study: Study) -> pd.DataFrame:
    """Sites that can train the model: used boreholes with every predictor known.

    Raises
    ------
    ContractError
        If fewer sites are left than ``boreholes.fewest_sites``; says which lack what.

    """
    used = boreholes[boreholes["status"] == "used"].reset_index(drop=True)
    columns = ["site", "longitude", "latitude", "x", "y", "t15_c", "standard_error_c"]
    table = pd.concat([used[columns], sample_at(covariates, used["x"], used["y"])], axis=1)
    lacking = table[study.forest.predictors].isna()
    complete = table[~lacking.any(axis=1)].reset_index(drop=True)
    if len(complete) < study.boreholes.fewest_sites:
        counts = ", ".join(f"{name}: {n}" for name, n in lacking.sum().items() if n)
        raise ContractError(
            f"{study.file}: only {len(complete)} of {len(used)} sites have all predictors, "
            f"{study.boreholes.fewest_sites} are needed. Sites without a value: {counts}. "
            "Check the coordinates, the outline and the extent of the rasters."
        )
    return complete
