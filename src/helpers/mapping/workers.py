"""Who predicts the blocks: threads of this process, or the workers of a Dask scheduler."""

from __future__ import annotations

import concurrent.futures
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, TypeAlias, TypeVar, Union

from numpy.typing import NDArray

from helpers.mapping.task import Task, releases
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
def workforce(workers: Workers, task: Task, n_cells: int) -> Iterator[Workforce]:
    """Give what starts a block, and what counts how many can run at once.

    Parameters
    ----------
    workers
        As for :func:`helpers.mapping.predicted_blocks`.
    task
        What to predict; it is sent once, not with each block.
    n_cells
        Cells of the map.

    Raises
    ------
    ContractError
        If ``workers`` is something else, no scheduler answers within ``CONNECT_S`` seconds, or a
        worker has other releases of what the numbers depend on.

    """
    if workers is None:
        workers = os.environ.get(ADDRESS) or _cpu_count()
    if isinstance(workers, bool) or not isinstance(workers, Integral):
        with _dask_client(workers) as client:
            yield _on_dask(client, task, n_cells)
    elif workers < 1:
        raise ContractError(f"workers is {workers}; at least 1 thread is needed.")
    else:
        predict = task.prepared(n_cells).predict
        threads = concurrent.futures.ThreadPoolExecutor(int(workers))
        try:
            yield lambda cells: threads.submit(predict, cells).result, lambda: workers
        finally:
            threads.shutdown(cancel_futures=True)


def _cpu_count() -> int:
    """Processors this process may use: affinity and limits of a container count too."""
    from dask.system import cpu_count

    return cpu_count()


@contextmanager
def _dask_client(workers: str | Client | Cluster) -> Iterator[Client]:
    """A client that is closed at the end, unless it was given."""
    from distributed import Client
    from distributed.deploy import Cluster

    if isinstance(workers, Client):
        yield workers
        return
    if not isinstance(workers, str | Cluster):
        raise ContractError(
            f"workers is {workers!r}; None, a number of threads, the address of a Dask scheduler, "
            "or a Client or Cluster of distributed is needed."
        )
    client = _connected(workers)
    try:
        yield client
    finally:
        _close(client)


def _connected(workers: str | Cluster) -> Client:
    from distributed import Client

    # Not the default client: other work of this process stays where it is.
    connect = partial(Client, workers, timeout=CONNECT_S, set_as_default=False)
    try:
        return _in_background(connect).result(1.5 * CONNECT_S)
    except Exception as error:  # distributed has many for what is one to the user
        why = (
            f"{type(error).__name__}: {error}" if str(error) else "no answer that a scheduler gives"
        )
        raise ContractError(
            f"No Dask scheduler answers at {workers} (tried for about {CONNECT_S:g} s at most; "
            f"{why}). Start one ('dask scheduler', then 'dask worker tcp://host:8786'), or "
            f"correct the address in workers= or {ADDRESS}; without either, threads of this "
            "machine predict."
        ) from error


def _close(client: Client) -> None:
    """Close a client in bounded time, and quietly if its scheduler is gone.

    Without a scheduler it gives up by itself after ``CONNECT_S``. Closed before that, or never, it
    leaves tracebacks on the screen that hide the error that matters.
    """
    patience = time.monotonic() + 2 * CONNECT_S
    while client.status in ("connecting", "closing") and time.monotonic() < patience:
        time.sleep(0.05)
    try:
        client.close(CONNECT_S)
    except Exception:  # a connection that nobody needs any more; it would be tried again at exit
        client.status = "closed"


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


def _on_dask(client: Client, task: Task, n_cells: int) -> Workforce:
    # A result of its own rather than scattered: the scheduler can make it again elsewhere when
    # the workers that hold it are lost. Every worker gets it now, or the first would be sent all
    # the blocks and the others have to take them over.
    shipped = _submit(client, Task.prepared, task.bare(), n_cells)
    _awaited(client, partial(client.replicate, [shipped]))

    asked_s, found = 0.0, 1

    def count() -> int:
        """How many threads there are; workers come and go, but to ask for each block is slow."""
        nonlocal asked_s, found
        if time.monotonic() - asked_s > _LOOK_EVERY_S:
            asked_s, found = time.monotonic(), max(_n_threads(client), 1)
        return found

    def start(cells: NDArray) -> Callable[[], dict[str, NDArray]]:
        """Send a block."""
        if client.status in ("closing", "closed"):
            raise _lost(client, "is gone")
        return partial(_awaited, client, _submit(client, Task.predict, shipped, cells).result)

    return start, count


def _submit(client: Client, function: Callable, *arguments: object) -> Future:
    import dask

    # Above 10 MB distributed advises to load the data where they are needed; to send them is
    # the purpose here.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
        return client.submit(_with_releases, releases(), function, *arguments, pure=False)


def _with_releases(needed: dict[str, str], function: Callable[..., T], *arguments: object) -> T:
    """Call on a worker, unless its releases differ: blocks of one map must fit together."""
    found = releases()
    differing = [name for name in needed if found.get(name) != needed[name]]
    if differing:
        raise ContractError(
            f"Dask worker on {socket.gethostname()} has "
            f"{', '.join(f'{name} {found.get(name)}' for name in differing)}; this process has "
            f"{', '.join(f'{name} {needed[name]}' for name in differing)}. The numbers of a map "
            "depend on these: install the same releases on all machines, and start the workers "
            "again."
        )
    return function(*arguments)


def _awaited(client: Client, call: Callable[[], T]) -> T:
    """What a call to the workers gives, or an error if nobody is left to answer.

    While a worker is left, distributed repeats on it the blocks of those that were lost. Looks in
    vain are counted, not seconds: a computer that has slept is no reason to give up.
    """
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    answer, in_vain = _in_background(call), 0
    while not concurrent.futures.wait([answer], _LOOK_EVERY_S).done:
        in_vain = 0 if _n_threads(client) else in_vain + 1
        if in_vain * _LOOK_EVERY_S > WITHOUT_WORKERS_S:
            raise _lost(client, f"has had no worker, or no answer, for {WITHOUT_WORKERS_S:g} s")
    try:
        return answer.result()
    except (CancelledError, CommClosedError) as error:
        raise _lost(client, "is gone, or the blocks were cancelled there") from error
    except KilledWorker as error:
        raise _lost(client, f"lost every worker that took a block: {error}") from error


def _n_threads(client: Client) -> int:
    """Blocks that can be predicted at once; 0 without workers, or a scheduler that answers."""
    if client.status != "running":
        return 0
    try:
        return sum(_in_background(client.nthreads).result(_LOOK_EVERY_S).values())
    except (OSError, concurrent.futures.CancelledError):  # a timeout is an OSError, too
        return 0


def _lost(client: Client, what: str) -> ContractError:
    address = client.scheduler.address if client.scheduler else "a closed client"
    return ContractError(
        f"The Dask scheduler at {address} {what}. The map is not complete; look at the logs of "
        "scheduler and workers (a worker may have run out of memory: take smaller blocks or "
        "give it more), start them again, and repeat the map."
    )
