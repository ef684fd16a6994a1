"""The map, predicted and written block by block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from helpers.applicability import ApplicabilityDomain
from helpers.error_model import ErrorModel
from helpers.forest import Forest
from helpers.mapping import BLOCK_CELLS, Block, Task, predicted_blocks
from helpers.mapping.workers import Workers
from helpers.products.cog import finish_products
from helpers.products.rasters import shapley_tags, thermal_classes
from helpers.products.unfinished import UnfinishedMap, unfinished_map
from helpers.storage import ContractError
from helpers.study import Study
from helpers.validation import check_grid

FROZEN_AT_OR_BELOW_C = 0.0


def write_products(
    study: Study,
    forest: Forest,
    covariates: xr.Dataset,
    domain: ApplicabilityDomain,
    error_model: ErrorModel,
    *,
    workers: Workers = None,
    block_cells: int = BLOCK_CELLS,
    progress: bool = True,
) -> list[Path]:
    """Predict the map and write its rasters into the output folder of the study.

    Blocks go to the interim folder as they are predicted, so memory holds a few of them and not
    the map. A run that is stopped goes on where it was when the same call is made again: with the
    same forest, domain and error model on the same grid it predicts only the blocks that are
    missing and those whose covariates have changed. The products there are before stay until all
    new ones are complete; those that the study no longer makes are removed then. Neither
    ``workers`` nor ``block_cells`` changes a byte of them.

    Parameters
    ----------
    study
        Grid, levels, classes, folders, whether there are Shapley maps; what the tags of the
        rasters say.
    forest
        Fitted to the predictors of the study, in its order.
    covariates
        Dataset (y, x) on the grid of the study that holds the predictors, in memory or on disk.
    domain, error_model
        Area of applicability of the forest, and what error to expect of it: no map without.
    workers, block_cells, progress
        As for :func:`helpers.mapping.predicted_blocks`.

    Returns
    -------
    Paths of the rasters of :func:`product_rasters`, t15.tif first.

    Raises
    ------
    ContractError
        If forest, error model, covariates or ``block_cells`` are not what is needed, the tables of
        Shapley values are too large, no scheduler answers, another process is writing the map, or
        a disk does not take it: all this before anything is written, as far as it can be known.

    """
    _check_forest(study, forest)
    check_grid(study, covariates, "The covariates")
    _check_block_cells(block_cells)
    _check_error_model(error_model)
    task = _task(study, forest, domain, error_model)
    # Tables that are too large are an error here, and not after the rasters are there.
    base_value_c = task.base_value if task.shapley else np.nan
    # The covariates are looked at now; the rest is done as blocks are asked for.
    blocks = predicted_blocks(
        task,
        covariates,
        workers=workers,
        block_cells=block_cells,
        finished=lambda number, digest: unfinished.has(number, digest),
        progress=progress,
    )
    with unfinished_map(study, task.fingerprint(), block_cells, progress) as unfinished:
        # An error in writing must end the workers too.
        with closing(blocks):
            _write_blocks(study, blocks, unfinished, base_value_c)
        tags = shapley_tags(base_value_c, len(forest.temperature_c)) if task.shapley else {}
        return finish_products(study, unfinished, tags, progress)


def _check_error_model(error_model: ErrorModel) -> None:
    if not isinstance(error_model, ErrorModel):
        raise ContractError(
            f"error_model is {error_model!r}; a map goes with its error. Run notebook "
            "05_validation and give the error model it writes."
        )


def _task(
    study: Study, forest: Forest, domain: ApplicabilityDomain, error_model: ErrorModel
) -> Task:
    return Task(
        forest,
        quantiles=tuple(study.forest.quantiles),
        at_or_below=FROZEN_AT_OR_BELOW_C,
        domain=domain,
        error_model=error_model,
        shapley=study.forest.shapley_maps,
        depth_m=study.boreholes.depth_m,
    )


def _write_blocks(
    study: Study, blocks: Iterable[Block], unfinished: UnfinishedMap, base_value_c: float
) -> None:
    for block in blocks:
        if block.layers["t15"] is not None:
            layers = _with_derived(study, block.layers, base_value_c)
            unfinished.write(block.number, block.rows, block.digest, layers)


def _with_derived(
    study: Study, layers: Mapping[str, NDArray], base_value_c: float
) -> dict[str, NDArray]:
    """Layers of a block, and those that follow from them."""
    t15 = layers["t15"]
    base = np.where(np.isnan(t15), np.nan, base_value_c)
    return {**layers, "thermal_class": thermal_classes(study, t15), "base_value": base}


def _check_block_cells(block_cells: int) -> None:
    if not isinstance(block_cells, int) or block_cells < 1:
        raise ContractError(f"block_cells is {block_cells!r}; a whole number from 1 on is needed.")


def _check_forest(study: Study, forest: Forest) -> None:
    if forest.names != tuple(study.forest.predictors):
        raise ContractError(
            f"The forest was fitted to {', '.join(forest.names)}; {study.file} names the "
            f"predictors {', '.join(study.forest.predictors)}. Fit it again: run notebook "
            "03_random_forest."
        )
