"""A whole map in memory, with units, names and CRS."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import rioxarray  # noqa: F401  (registers .rio)
import xarray as xr
from numpy.typing import NDArray

from helpers.applicability import ApplicabilityDomain
from helpers.error_model import ErrorModel
from helpers.forest import QUANTILES, Forest
from helpers.mapping.blocks import BLOCK_CELLS, predicted_blocks
from helpers.mapping.task import Task
from helpers.mapping.workers import Workers


def predict_map(
    forest: Forest,
    covariates: xr.Dataset,
    quantiles: Sequence[float] = QUANTILES,
    at_or_below: float = 0.0,
    domain: ApplicabilityDomain | None = None,
    *,
    error_model: ErrorModel | None = None,
    shapley: bool = False,
    workers: Workers = None,
    block_cells: int = BLOCK_CELLS,
    progress: bool = True,
    depth_m: float = 15.0,
) -> xr.Dataset:
    """Conditional distribution of t15 in every cell whose predictors are all there.

    Parameters
    ----------
    forest, quantiles, at_or_below, domain, error_model, shapley, depth_m
        As for :class:`Task`.
    covariates, workers, block_cells, progress
        As for :func:`predicted_blocks`; the map does not depend on the last three.

    Returns
    -------
    float32 layers with units and names (``LAYERS``), NaN where a predictor is missing; t15_quantile
    and t15_calibrated_quantile have the dimensions (quantile, y, x), shapley_value (predictor, y,
    x), with the attribute base_value_c: base value plus the contributions of a cell is its t15.
    dominant_driver counts the predictors from 1; its flag_meanings are their names. x, y and
    spatial_ref are those of ``covariates``.

    Raises
    ------
    ContractError
        As :func:`predicted_blocks` and :class:`Task`.

    """
    task = Task(forest, tuple(quantiles), at_or_below, domain, shapley, depth_m, error_model)
    blocks = predicted_blocks(
        task, covariates, workers=workers, block_cells=block_cells, progress=progress
    )
    shape = (covariates.sizes["y"], covariates.sizes["x"])
    layers = {
        name: np.empty((*task.sizes_of_bands(name), *shape), np.float32)
        for name in task.layer_specs
    }
    for block in blocks:
        for name, values in block.layers.items():
            layers[name][..., block.rows, :] = values
    return _dataset(task, layers, covariates[list(forest.names)])


def _dataset(task: Task, layers: dict[str, NDArray], predictors: xr.Dataset) -> xr.Dataset:
    """Layers on the grid of the predictors, with units, names and CRS."""
    result = xr.Dataset(coords=dict(predictors.coords))
    result["quantile"] = ("quantile", np.asarray(task.quantiles, float), {"long_name": "level"})
    if task.shapley:
        result["predictor"] = ("predictor", list(task.forest.names))
    for name, spec in task.layer_specs.items():
        dimensions = ("y", "x") if spec.dimension is None else (spec.dimension, "y", "x")
        attributes = {"units": spec.units, "long_name": spec.long_name}
        result[name] = xr.Variable(dimensions, layers[name], attributes)
    if task.shapley:
        result["shapley_value"].attrs["base_value_c"] = task.base_value
        result["dominant_driver"].attrs |= flags_of(task.forest.names)
    if "spatial_ref" in result.coords:
        result = result.rio.write_grid_mapping("spatial_ref")
    return result


def flags_of(names: Sequence[str]) -> dict[str, object]:
    """Names of the values 1, 2, ... as the CF conventions write them: apart by blanks."""
    words = " ".join("_".join(name.split()) for name in names)
    return {"flag_values": np.arange(1, len(names) + 1, dtype=np.float32), "flag_meanings": words}
