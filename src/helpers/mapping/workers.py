"""Who predicts the blocks: threads of this process, or the workers of a Dask scheduler."""

from __future__ import annotations

import concurrent.futures
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar, Union

from numpy.typing import NDArray

from helpers.mapping.task import Task
from helpers.storage import ContractError

if TYPE_CHECKING:
    from distributed import Client, Future
    from distributed.deploy import Cluster

Workers: TypeAlias = Union[int, str, "Client", "Cluster", None]
# A block's cells -> what waits for its layers.
Start: TypeAlias = Callable[[NDArray], Callable[[], dict[str, NDArray]]]
Workforce: TypeAlias = tuple[Start, Callable[[], int]]

ADDRESS = "DASK_SCHEDULER_ADDRESS"
CONNECT_S = 10.0
WITHOUT_WORKERS_S = 60.0
_LOOK_EVERY_S = 2.0
T = TypeVar("T")


@contextmanager
def workforce(workers: Workers, task: Task) -> Iterator[Workforce]:
    """Give what starts a block, and what counts how many can run at once.

    Parameters
    ----------
    workers
        As for :func:`helpers.mapping.predicted_blocks`.
    task
        What to predict; it is sent once, not with each block.

    Raises
    ------
    ContractError
        If ``workers`` is something else, or no scheduler answers within ``CONNECT_S`` seconds.

    """
    if workers is None:
        workers = os.environ.get(ADDRESS) or os.cpu_count() or 1
    if not isinstance(workers, int):
        with _dask_client(workers) as client:
            yield _on_dask(client, task)
    elif workers < 1:
        raise ContractError(f"workers is {workers}; at least 1 thread is needed.")
    else:
        predict, threads = task.prepared().predict, concurrent.futures.ThreadPoolExecutor(workers)
        try:
            yield lambda cells: threads.submit(predict, cells).result, lambda: workers
        finally:
            threads.shutdown(cancel_futures=True)


def _dask_client(workers: str | Client | Cluster) -> closing[Client] | nullcontext[Client]:
    """A client that is closed at the end, unless it was given."""
    from distributed import Client
    from distributed.deploy import Cluster

    if isinstance(workers, Client):
        return nullcontext(workers)
    if not isinstance(workers, str | Cluster):
        raise ContractError(
            f"workers is {workers!r}; None, a number of threads, the address of a Dask scheduler, "
            "or a Client or Cluster of distributed is needed."
        )
    # Not the default client: other work of this process stays where it is.
    connect = partial(Client, workers, timeout=CONNECT_S, set_as_default=False)
    try:
        return closing(_in_background(connect).result(1.5 * CONNECT_S))
    except Exception as error:  # distributed has many for what is one to the user
        raise ContractError(
            f"No Dask scheduler answers at {workers} (tried for about {CONNECT_S:g} s at most; "
            f"{error!r}). Start one ('dask scheduler', then 'dask worker tcp://host:8786'), or "
            f"correct the address in workers= or {ADDRESS}; without either, threads of this "
            "machine predict."
        ) from error


def _in_background(call: Callable[[], T]) -> concurrent.futures.Future[T]:
    """What a call gives, once it is there.

    distributed sometimes waits without limit: for the first words of a server that is no
    scheduler, such as its own dashboard, or for data of the last worker, lost on their way. The
    thread that waits may then be left behind; it does not keep the process alive.
    """
    answer: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        """Call, and keep what comes of it."""
        try:
            answer.set_result(call())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return answer


def _on_dask(client: Client, task: Task) -> Workforce:
    # A result of its own rather than scattered: the scheduler can make it again elsewhere when
    # the workers that hold it are lost. Every worker gets it now, or the first would be sent all
    # the blocks and the others have to take them over.
    shipped = _submit(client, Task.prepared, task.bare())
    _awaited(client, partial(client.replicate, [shipped]))

    def start(cells: NDArray) -> Callable[[], dict[str, NDArray]]:
        """Send a block."""
        if client.status in ("closing", "closed"):
            raise _lost(client, "is gone")
        return partial(_awaited, client, _submit(client, Task.predict, shipped, cells).result)

    return start, lambda: max(_n_threads(client), 1)


def _submit(client: Client, function: Callable, *arguments: object) -> Future:
    import dask

    # Above 10 MB distributed advises to load the data where they are needed; to send them is
    # the purpose here.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
        return client.submit(function, *arguments, pure=False)


def _awaited(client: Client, call: Callable[[], T]) -> T:
    """What a call to the workers gives, or an error if nobody is left to answer.

    While a worker is left, distributed repeats on it the blocks of those that were lost.
    """
    from distributed import CancelledError, KilledWorker

    answer, last_seen = _in_background(call), time.monotonic()
    while not concurrent.futures.wait([answer], _LOOK_EVERY_S).done:
        if _n_threads(client):
            last_seen = time.monotonic()
        elif time.monotonic() - last_seen > WITHOUT_WORKERS_S:
            raise _lost(client, f"has had no worker for {WITHOUT_WORKERS_S:g} s")
    try:
        return answer.result()
    except CancelledError as error:
        raise _lost(client, "is gone, or the blocks were cancelled there") from error
    except KilledWorker as error:
        raise _lost(client, f"lost every worker that took a block: {error}") from error


def _n_threads(client: Client) -> int:
    """Blocks that can be predicted at once; 0 without workers or scheduler."""
    try:
        return sum(client.nthreads().values())
    except OSError:
        return 0


def _lost(client: Client, what: str) -> ContractError:
    address = client.scheduler.address if client.scheduler else "a closed client"
    return ContractError(
        f"The Dask scheduler at {address} {what}. The map is not complete; look at the logs of "
        "scheduler and workers (a worker may have run out of memory: take smaller blocks or "
        "give it more), start them again, and repeat the map."
    )
