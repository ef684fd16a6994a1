"""A grid cut into blocks of rows: read one by one, predicted side by side, given in order."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from tqdm.auto import tqdm

from helpers.mapping.task import Task
from helpers.mapping.workers import Workers, workforce
from helpers.storage import ContractError

BLOCK_CELLS = 131_072


@dataclass(frozen=True, eq=False)
class Block:
    """A predicted block of rows.

    Attributes
    ----------
    number
        0 for the northernmost block.
    rows
        Rows of the grid that it holds, all columns of them.
    digest
        SHA-256 of its predictors, as hexadecimal text.
    layers
        As of :meth:`Task.predict`; None in place of each layer if the block was done before.

    """

    number: int
    rows: slice
    digest: str
    layers: dict[str, NDArray | None]


def _none_finished(number: int, digest: str) -> bool:
    """No block was done before."""
    return False


def predicted_blocks(
    task: Task,
    covariates: xr.Dataset,
    *,
    workers: Workers = None,
    block_cells: int = BLOCK_CELLS,
    finished: Callable[[int, str], bool] = _none_finished,
    progress: bool = True,
) -> Iterator[Block]:
    """Predict a grid block by block.

    Parameters
    ----------
    task
        What to predict.
    covariates
        Dataset that holds the forest's predictors (y, x), in memory or opened from disk. Only
        the blocks under way are read, here and not where they are predicted, so other machines
        need no access to the files.
    workers
        Who predicts: None for threads of this process, one for each processor it may use, unless
        the environment variable DASK_SCHEDULER_ADDRESS names a scheduler; a number of threads; the
        address of a Dask scheduler; or a Client or Cluster of distributed. The layers are the
        same whichever. At most about two blocks for each worker are under way.
    block_cells
        Cells that are predicted together, about: a block is whole rows, at least one.
    finished
        Asked with number and digest of a block whether it was done before and can be left out.
    progress
        Whether to show a bar.

    Returns
    -------
    The blocks, in the order of their number.

    Raises
    ------
    ContractError
        If a predictor is missing or has other dimensions; if Shapley values are asked for and
        their tables would be too large; if no scheduler answers, a worker has other releases of
        what the numbers depend on, or all workers are lost. An error in the prediction of a block
        comes as it is.

    """
    if block_cells < 1:
        raise ContractError(f"block_cells is {block_cells}; at least 1 is needed.")
    predictors = _predictors(task.forest.names, covariates)
    return _predicted(task, predictors, workers, block_cells, finished, progress)


def _predicted(
    task: Task,
    predictors: xr.Dataset,
    workers: Workers,
    block_cells: int,
    finished: Callable[[int, str], bool],
    progress: bool,
) -> Iterator[Block]:
    n_rows, n_columns = predictors.sizes["y"], predictors.sizes["x"]
    row_blocks = _row_blocks(n_rows, n_columns, block_cells)
    skipped = dict.fromkeys(task.layer_specs)
    under_way: deque[tuple[int, slice, str, Callable[[], dict]]] = deque()
    with (
        tqdm(total=n_rows * n_columns, unit="cell", unit_scale=True, disable=not progress) as bar,
        workforce(workers, task, n_rows * n_columns) as (start, count),
    ):

        def oldest() -> Block:
            """Wait for the block that was started first."""
            number, rows, digest, result = under_way.popleft()
            block = Block(number, rows, digest, result())
            bar.update((rows.stop - rows.start) * n_columns)
            return block

        for number, rows in enumerate(row_blocks):
            cells = _read(predictors, rows)
            digest = _digest(cells)
            result = (lambda: dict(skipped)) if finished(number, digest) else start(cells)
            under_way.append((number, rows, digest, result))
            if len(under_way) >= 2 * count():
                yield oldest()
        while under_way:
            yield oldest()


def _row_blocks(n_rows: int, n_columns: int, block_cells: int) -> list[slice]:
    height = max(block_cells // max(n_columns, 1), 1)
    return [slice(top, min(top + height, n_rows)) for top in range(0, n_rows, height)]


def _read(predictors: xr.Dataset, rows: slice) -> NDArray:
    """Predictors of a block, float32 (predictors, rows, columns)."""
    # Dask arrays are computed here too: a scheduler elsewhere might not reach their files, and
    # netCDF must not be read by several threads.
    block = predictors.isel(y=rows).compute(scheduler="synchronous")
    layers = [layer.transpose("y", "x").to_numpy() for layer in block.data_vars.values()]
    return np.stack([layer.astype(np.float32) for layer in layers])


def _digest(cells: NDArray) -> str:
    digest = hashlib.sha256(str(cells.shape).encode())
    digest.update(cells)
    return digest.hexdigest()


def _predictors(names: tuple[str, ...], covariates: xr.Dataset) -> xr.Dataset:
    """The forest's predictors in its order, without coordinates that would be read in vain."""
    missing = [name for name in names if name not in covariates.data_vars]
    if missing:
        raise ContractError(
            f"Predictor {', '.join(missing)} missing in the covariates; the forest was fitted to "
            f"{', '.join(names)}. Found: {', '.join(map(str, covariates.data_vars))}."
        )
    for name in names:
        found = covariates[name].dims
        if set(found) != {"y", "x"}:
            raise ContractError(
                f"Predictor {name} has the dimensions ({', '.join(map(str, found))}); (y, x) is "
                "needed. Rename them, or choose one step of any other, as by isel(time=0)."
            )
    return covariates[list(names)].reset_coords(drop=True)
