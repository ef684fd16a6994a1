"""The forest over a grid of any size, block of rows by block of rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from tqdm.auto import tqdm

from helpers.applicability import ApplicabilityDomain
from helpers.forest import QUANTILES, Forest
from helpers.storage import ContractError

LAYERS = {
    "t15": ("degC", "mean annual ground temperature at {depth_m:g} m depth"),
    "t15_standard_deviation": ("degC", "standard deviation of t15 in the forest's distribution"),
    "t15_quantile": ("degC", "quantile of t15 in the forest's distribution"),
    "permafrost_probability": ("1", "probability of t15 at or below {at_or_below:g} degC"),
    "dissimilarity_index": ("1", "dissimilarity of the predictors from those at the sites"),
    "inside_area_of_applicability": ("1", "1 inside the area of applicability, 0 outside"),
    "local_point_density": ("1", "number of sites nearer than the threshold of applicability"),
}


def predict_map(
    forest: Forest,
    covariates: xr.Dataset,
    quantiles: Sequence[float] = QUANTILES,
    at_or_below: float = 0.0,
    domain: ApplicabilityDomain | None = None,
    block_rows: int = 64,
    n_threads: int | None = None,
    progress: bool = True,
    depth_m: float = 15.0,
) -> xr.Dataset:
    """Conditional distribution of t15 in every cell whose predictors are all there.

    Parameters
    ----------
    forest
        The fitted forest.
    covariates
        Dataset (y, x) that holds the forest's predictors, in memory or on disk; only one block
        for each thread is read at a time.
    quantiles, at_or_below
        As for :meth:`Forest.distribution`.
    domain
        Adds dissimilarity, area of applicability and local point density.
    block_rows
        Rows of the grid that are predicted together.
    n_threads
        Number of threads; all processors if not given. The result does not depend on it.
    progress
        Whether to show a bar.
    depth_m
        Depth of the temperatures the forest was fitted to, for the names of the layers.

    Returns
    -------
    float32 layers with units and names (``LAYERS``), NaN where a predictor is missing; t15_quantile
    has the dimensions (quantile, y, x). x, y and spatial_ref are those of ``covariates``.

    Raises
    ------
    ContractError
        If a predictor is missing.

    """
    predictors = _predictors(forest, covariates)
    blocks = [
        predictors.isel(y=slice(start, start + block_rows))
        for start in range(0, predictors.sizes["y"], block_rows)
    ]
    with ThreadPoolExecutor(n_threads or os.cpu_count()) as threads:
        done = threads.map(
            lambda block: predict_block(forest, block, quantiles, at_or_below, domain), blocks
        )
        pieces = list(tqdm(done, total=len(blocks), desc="blocks", disable=not progress))
    layers = {name: np.concatenate([p[name] for p in pieces], axis=-2) for name in pieces[0]}
    return _dataset(layers, predictors, quantiles, {"at_or_below": at_or_below, "depth_m": depth_m})


def predict_block(
    forest: Forest,
    block: xr.Dataset,
    quantiles: Sequence[float] = QUANTILES,
    at_or_below: float = 0.0,
    domain: ApplicabilityDomain | None = None,
) -> dict[str, NDArray]:
    """Layers of one block of the grid, float32 (rows, columns) or (quantiles, rows, columns).

    Nothing outside the block is read or changed, so blocks may be done in any order, by threads
    or elsewhere.
    """
    cells = pd.DataFrame({name: block[name].to_numpy().ravel() for name in forest.names})
    complete = np.isfinite(cells.to_numpy()).all(axis=1)
    shape = (block.sizes["y"], block.sizes["x"])
    found = _predict_cells(forest, cells[complete], quantiles, at_or_below, domain)
    return {name: _on_grid(values, complete, shape) for name, values in found.items()}


def _predict_cells(
    forest: Forest,
    cells: pd.DataFrame,
    quantiles: Sequence[float],
    at_or_below: float,
    domain: ApplicabilityDomain | None,
) -> dict[str, NDArray]:
    found = forest.distribution(cells, quantiles, at_or_below)
    layers = {
        "t15": found.mean,
        "t15_standard_deviation": found.standard_deviation,
        "t15_quantile": found.quantiles.T,
        "permafrost_probability": found.probability,
    }
    if domain is not None:
        dissimilarity = domain.dissimilarity(cells)
        layers["dissimilarity_index"] = dissimilarity
        layers["inside_area_of_applicability"] = dissimilarity <= domain.threshold
        layers["local_point_density"] = domain.local_point_density(cells)
    return layers


def _on_grid(values: NDArray, complete: NDArray, shape: tuple[int, int]) -> NDArray:
    grid = np.full((*values.shape[:-1], len(complete)), np.nan, np.float32)
    grid[..., complete] = values
    return grid.reshape(*values.shape[:-1], *shape)


def _predictors(forest: Forest, covariates: xr.Dataset) -> xr.Dataset:
    missing = [name for name in forest.names if name not in covariates.data_vars]
    if missing:
        raise ContractError(
            f"Predictor {', '.join(missing)} missing in the covariates; the forest was fitted to "
            f"{', '.join(forest.names)}. Found: {', '.join(map(str, covariates.data_vars))}."
        )
    return covariates[list(forest.names)].transpose("y", "x")


def _dataset(
    layers: dict[str, NDArray],
    predictors: xr.Dataset,
    quantiles: Sequence[float],
    words: dict[str, float],
) -> xr.Dataset:
    """Layers on the grid of the predictors, with units, names and CRS."""
    kept = {name: predictors.coords[name] for name in predictors.coords}
    levels = xr.Variable("quantile", np.asarray(quantiles, float), {"long_name": "level"})
    result = xr.Dataset(coords=kept | {"quantile": levels})
    for name, values in layers.items():
        units, long_name = LAYERS[name]
        dimensions = ("quantile", "y", "x") if values.ndim == 3 else ("y", "x")
        attributes = {"units": units, "long_name": long_name.format(**words)}
        result[name] = xr.Variable(dimensions, values, attributes)
    if "spatial_ref" in kept:
        result = result.rio.write_grid_mapping("spatial_ref")
    return result
