"""A block for which memory is short is done in smaller pieces, or told."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers.applicability import ApplicabilityDomain
from helpers.forest import fit_forest
from helpers.mapping import Task, predicted_blocks
from helpers.storage import ContractError

NAMES = ["PRE", "TDD"]


@pytest.fixture(scope="module")
def task():
    table = pd.DataFrame(np.random.default_rng(5).normal(size=(40, 2)), columns=NAMES)
    forest = fit_forest(table, table.PRE + np.sin(table.TDD), n_trees=20)
    return Task(forest, domain=ApplicabilityDomain(table), shapley=True)


@pytest.fixture(scope="module")
def covariates():
    values = np.random.default_rng(6).normal(size=(2, 40, 50)).astype(np.float32)
    values[:, 3:7, :9] = np.nan
    return xr.Dataset({n: (("y", "x"), layer) for n, layer in zip(NAMES, values, strict=True)})


def layers_of(task, covariates):
    blocks = predicted_blocks(task, covariates, workers=2, block_cells=1000, progress=False)
    return [{n: v.tobytes() for n, v in block.layers.items()} for block in blocks]


def short_of_memory_above(monkeypatch, n_cells):
    """Let the prediction of more cells fail as numpy does; returns the sizes that were tried."""
    original, tried = Task._of_cells, []

    def of_cells(self, cells):
        tried.append(cells.shape[1])
        if cells.shape[1] > n_cells:
            np.empty(2**58)  # more than any machine has
        return original(self, cells)

    monkeypatch.setattr(Task, "_of_cells", of_cells)
    return tried


def test_smaller_pieces_give_the_same_bytes(task, covariates, monkeypatch):
    expected = layers_of(task, covariates)
    tried = short_of_memory_above(monkeypatch, 300)
    assert layers_of(task, covariates) == expected
    assert max(tried) > 900 and min(tried) <= 250


def test_cells_that_do_not_fit_at_all_are_told_with_a_remedy(task, covariates, monkeypatch):
    short_of_memory_above(monkeypatch, 0)
    with pytest.raises(ContractError, match=r"even \d+ cells \(Unable to allocate.*workers=1"):
        layers_of(task, covariates)


@pytest.mark.skipif(os.name == "nt", reason="needs fork and limits of Unix")
def test_a_real_limit_of_memory_is_met_in_smaller_pieces(task, covariates):
    """The child has 40 MB more than it uses; the block at once would need more."""
    import resource

    big = np.tile(covariates.to_dataarray().to_numpy()[:, 10:], (1, 20, 20))[:, :600, :1000]
    bare = Task(task.forest)
    expected = {n: v.tobytes() for n, v in bare.predict(big).items()}
    child = os.fork()
    if child == 0:
        try:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + 40_000_000
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            found = {n: v.tobytes() for n, v in bare.predict(big).items()}
            os._exit(0 if found == expected else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
