"""Maps made by the workers of a Dask scheduler on this machine."""

import os
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from distributed import Client, LocalCluster

from helpers.applicability import ApplicabilityDomain
from helpers.error_model import ErrorModel
from helpers.forest import fit_forest
from helpers.mapping import Task, predict_map, predicted_blocks, workers
from helpers.residuals import Variogram
from helpers.storage import ContractError, write_dataset

NAMES = ["PRE", "TDD", "TPI"]


@pytest.fixture(scope="module")
def task():
    random = np.random.default_rng(7)
    table = pd.DataFrame(random.normal(size=(50, 3)), columns=NAMES)
    forest = fit_forest(table, table.PRE + np.sin(table.TDD), n_trees=40)
    errors = ErrorModel(
        names=tuple(NAMES),
        lower=np.full(3, -1.0),
        upper=np.full(3, 1.0),
        slope=np.array([1.0, 0.5, -0.25]),
        share=0.5,
        variance=np.array([0.09, 0.4]),
        residuals=np.linspace(-2, 2, 41),
        folds=np.zeros(41, dtype=int),
        n_sites=40,
        variogram=Variogram(0.3, 0.7, 50_000.0),
    )
    return Task(forest, domain=ApplicabilityDomain(table), shapley=True, error_model=errors)


@pytest.fixture(scope="module")
def covariates():
    """60 x 50 cells, in blocks of five rows twelve of them."""
    values = np.random.default_rng(8).normal(size=(3, 60, 50)).astype(np.float32)
    values[:, :7, :9] = np.nan
    layers = {name: (("y", "x"), layer) for name, layer in zip(NAMES, values, strict=True)}
    axes = {"y": 5e6 - 1000.0 * np.arange(60), "x": 1e6 + 1000.0 * np.arange(50)}
    return xr.Dataset(layers, axes).rio.write_crs("EPSG:32651")


@pytest.fixture(scope="module")
def cluster():
    """Two processes of one thread, each restarted if it dies."""
    with LocalCluster(2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0") as found:
        yield found


def one_thread():
    """A scheduler with one worker in this process, reached as one elsewhere would be."""
    return LocalCluster(
        1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0"
    )


@pytest.fixture(scope="module")
def in_this_process():
    with one_thread() as found:
        yield found


def blocks_by(task, covariates, workers, **settings):
    settings = {"block_cells": 250, "progress": False} | settings
    return predicted_blocks(task, covariates, workers=workers, **settings)


def numbers(blocks):
    """All layers of all blocks, as bytes."""
    return [(b.number, {name: v.tobytes() for name, v in b.layers.items()}) for b in blocks]


@pytest.fixture(scope="module")
def by_threads(task, covariates):
    return numbers(blocks_by(task, covariates, 2))


def test_distributed_is_only_imported_when_it_is_needed():
    program = "import sys, helpers.mapping; print('distributed' in sys.modules)"
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert found.stdout.strip() == "False"


def test_workers_elsewhere_give_the_same_bytes_from_a_file_they_need_not_reach(
    task, covariates, cluster, by_threads, tmp_path
):
    """Even if the caller's own Client would compute chunks of the file on the workers."""
    path = write_dataset(covariates, tmp_path / "covariates.nc")
    with Client(cluster), xr.open_dataset(path) as opened:
        path.unlink()
        assert numbers(blocks_by(task, opened.chunk(y=20), cluster)) == by_threads


@pytest.mark.parametrize("n_victims", [1, 2])
def test_workers_killed_in_the_middle_change_nothing(
    task, covariates, cluster, by_threads, n_victims
):
    """One, or all there are: each is started again."""
    with Client(cluster) as client:
        victims = list(client.run(os.getpid).values())[:n_victims]
        blocks = blocks_by(task, covariates, client)
        first = next(blocks)
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        assert numbers([first, *blocks]) == by_threads
        assert client.status == "running"


def test_the_variable_of_the_environment_names_the_scheduler(
    task, covariates, in_this_process, by_threads, monkeypatch
):
    monkeypatch.setenv(workers.ADDRESS, in_this_process.scheduler_address)
    blocks = blocks_by(task, covariates, None)
    first = next(blocks)
    assert len(in_this_process.scheduler.clients) == 2
    assert numbers([first, *blocks]) == by_threads


def test_a_client_of_our_own_is_closed_and_a_given_one_stays(task, covariates, in_this_process):
    address = in_this_process.scheduler_address
    with Client(address, set_as_default=False) as given:
        for choice in (address, in_this_process, given):
            list(blocks_by(task, covariates, choice))
        assert given.submit(sum, [1, 2]).result(timeout=10) == 3
        ours = set(in_this_process.scheduler.clients) - {given.id}
        assert all("Client-" not in name for name in ours)


def test_a_map_in_memory_is_made_by_the_workers_too(task, covariates, in_this_process):
    settings = {"block_cells": 250, "progress": False, "shapley": True}
    by_dask = predict_map(task.forest, covariates, workers=in_this_process, **settings)
    assert by_dask.identical(predict_map(task.forest, covariates, workers=1, **settings))


def test_an_error_on_a_worker_reaches_the_caller_as_it_is(task, covariates, in_this_process):
    falling = Task(task.forest, quantiles=(0.9, 0.1))
    with pytest.raises(ValueError, match="above the one before"):
        list(blocks_by(falling, covariates, in_this_process))


def test_blocks_done_before_are_not_sent(task, covariates, in_this_process):
    blocks = list(blocks_by(task, covariates, in_this_process, finished=lambda n, digest: n != 4))
    computed = [b.number for b in blocks if b.layers["t15"] is not None]
    assert (len(blocks), computed) == (12, [4])


def test_an_address_where_nobody_listens_is_named_with_a_remedy(task, covariates, monkeypatch):
    monkeypatch.setattr(workers, "CONNECT_S", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # taken, but nobody listens
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ContractError, match=rf"No Dask scheduler answers at {address}.*Start"):
            list(blocks_by(task, covariates, address))


def test_an_address_that_is_none_is_named_too(task, covariates):
    with pytest.raises(ContractError, match=r"answers at nonsense.*missing port number"):
        list(blocks_by(task, covariates, "nonsense"))


def test_a_server_that_is_no_scheduler_is_named_too(task, covariates, monkeypatch):
    monkeypatch.setattr(workers, "CONNECT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(ContractError, match=r"No Dask scheduler answers at .*; no answer that"):
            list(blocks_by(task, covariates, address))


@pytest.mark.parametrize("by_address", [True, False])
def test_a_scheduler_that_goes_away_is_an_error(task, covariates, monkeypatch, by_address):
    monkeypatch.setattr(workers, "CONNECT_S", 1.0)
    with one_thread() as ours:
        blocks = blocks_by(task, covariates, ours.scheduler_address if by_address else ours)
        next(blocks)
        ours.close()
        with pytest.raises(ContractError, match=r"Dask scheduler at .* is gone.*repeat the map"):
            list(blocks)


CLUSTER = """
from distributed import LocalCluster
cluster = LocalCluster(
    1, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1",
    dashboard_address=":0",
)
print(cluster.scheduler_address, flush=True)
input()
"""
MAP = """
import os, signal, sys
import numpy as np, pandas as pd, xarray as xr
from helpers.forest import fit_forest
from helpers.mapping import Task, predicted_blocks, workers
workers.CONNECT_S = 0.5
sites = pd.DataFrame({"PRE": np.arange(20.0)})
covariates = xr.Dataset({"PRE": (("y", "x"), np.ones((40, 5)))})
task = Task(fit_forest(sites, sites["PRE"], n_trees=3))
blocks = predicted_blocks(
    task, covariates, workers=sys.argv[1], block_cells=1, progress=False
)
next(blocks)
os.kill(int(sys.argv[2]), signal.SIGKILL)
list(blocks)
"""


FROZEN = MAP.replace(
    "workers.CONNECT_S = 0.5",
    "workers.CONNECT_S = 0.5; workers.WITHOUT_WORKERS_S = 1.0; workers._LOOK_EVERY_S = 0.2",
).replace("SIGKILL", "SIGSTOP")


def test_a_scheduler_that_is_frozen_is_an_error_and_no_endless_wait():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", CLUSTER], **pipes) as cluster:  # noqa: S603
        address = cluster.stdout.readline().strip()
        command = [sys.executable, "-c", FROZEN, address, str(cluster.pid)]
        found = subprocess.run(command, capture_output=True, text=True, timeout=120)  # noqa: S603
        cluster.kill()
    assert found.returncode == 1
    assert f"The Dask scheduler at {address} has had no worker, or no answer" in found.stderr


def test_after_a_scheduler_is_killed_the_error_is_the_last_thing_on_the_screen():
    """Not the client that tries to say good-bye while the process ends."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", CLUSTER], **pipes) as cluster:  # noqa: S603
        address = cluster.stdout.readline().strip()
        command = [sys.executable, "-c", MAP, address, str(cluster.pid)]
        found = subprocess.run(command, capture_output=True, text=True, timeout=240)  # noqa: S603
    assert found.returncode == 1
    last = found.stderr.strip().splitlines()[-1]
    assert last.startswith(f"helpers.storage.ContractError: The Dask scheduler at {address} is")
    assert "Exception ignored" not in found.stderr


def test_workers_of_another_release_are_refused_with_what_differs(
    task, covariates, cluster, monkeypatch
):
    monkeypatch.setattr("helpers.mapping.task.FORMAT", 99)
    message = r"Dask worker on .* has format of blocks 1; this process has format of blocks 99\. "
    with pytest.raises(ContractError, match=message + ".*same releases"):
        list(blocks_by(task, covariates, cluster))


def test_a_client_that_cannot_be_closed_is_left_alone(monkeypatch):
    """It would be closed once more, and wait, when the process ends."""
    monkeypatch.setattr(workers, "CONNECT_S", 0.1)
    asked = []

    def close(timeout):
        asked.append(timeout)
        raise TimeoutError(f"timed out after {timeout} s.")

    client = SimpleNamespace(status="closing", close=close)
    workers._close(client)
    assert (asked, client.status) == ([0.1], "closed")


def test_a_scheduler_left_without_workers_is_an_error(task, covariates, monkeypatch):
    monkeypatch.setattr(workers, "WITHOUT_WORKERS_S", 0.5)
    monkeypatch.setattr(workers, "_LOOK_EVERY_S", 0.1)
    with one_thread() as ours:
        blocks = blocks_by(task, covariates, ours)
        next(blocks)
        ours.scale(0)
        with pytest.raises(ContractError, match=r"has had no worker, or no answer, for 0.5 s.*map"):
            list(blocks)
