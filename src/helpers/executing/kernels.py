"""One notebook after another, each in a kernel that was started while the one before it ran."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import papermill
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient.exceptions import DeadKernelError

_WATCH = Path(__file__).with_name("with_parent.py").as_posix()
# The kernel watches its parent, then imports what all notebooks import first, so that it is there
# when the first cell asks for it. Nothing gets a name in the notebook.
_FIRST = f"__import__('runpy').run_path({_WATCH!r}, run_name='__main__')"
_IMPORTED = "__import__('helpers.figures')"
# Errors of cells come back as exceptions; the log of the kernel is noise.
_ARGUMENTS = ["--log-level=CRITICAL", f"--IPKernelApp.exec_lines={_FIRST}; {_IMPORTED}"]
# What jupyter_client says of a kernel has no type of its own.
_OF_KERNELS = {DeadKernelError: "its kernel ended", RuntimeError: "its kernel did not answer"}
_MEMORY = "Was memory short? Larger cells (resolution_m) need less."


class NotebookError(RuntimeError):
    """A notebook stopped; the message is that of its cell."""


class Kernel(AsyncKernelManager):
    """A kernel that only its owner ends.

    On Ctrl-C or SIGTERM nbclient would shut it down, forget it, and then wait for its answer for
    ever. Raised here, in a task of the event loop, KeyboardInterrupt ends that wait.
    """

    async def shutdown_kernel(self, now: bool = False, restart: bool = False) -> None:
        """Stop the run that has asked for it."""
        raise KeyboardInterrupt

    async def end(self) -> None:
        """End the kernel and the workers it has started at once.

        All is saved by now. Asked politely, a kernel with workers takes half a minute: it waits for
        their resource tracker, which minds no signal, and ends itself when the kernel is gone.
        """
        await self.signal_kernel(signal.SIGTERM)
        await super().shutdown_kernel()


def run_notebook(
    notebook: Path,
    executed: Path,
    parameters: Mapping[str, object],
    kernel: Kernel | None = None,
) -> None:
    """Run one notebook; what goes wrong in a cell is a NotebookError with the notebook's name.

    Parameters
    ----------
    notebook, executed
        The notebook, and where its executed copy goes. Until the notebook is done the copy is
        ``<name>.unfinished.ipynb`` and grows cell by cell; it stays when a cell stops.
    parameters
        Values for the cell tagged ``parameters``.
    kernel
        A kernel that runs in the folder of the notebook; None: one of its own.

    Raises
    ------
    NotebookError
        If a cell stops, or the kernel ends.
    KeyboardInterrupt
        If the process was asked to stop meanwhile, by Ctrl-C or SIGTERM.

    """
    growing = executed.with_suffix(f".unfinished{executed.suffix}")
    try:
        papermill.execute_notebook(
            notebook,
            growing,
            parameters=dict(parameters),
            cwd=notebook.parent,
            kernel_name="python3",
            progress_bar=False,
            km=kernel,
            extra_arguments=_ARGUMENTS,
        )
        growing.replace(executed)
    except papermill.PapermillExecutionError as error:
        place = f"notebook {notebook.stem}, cell {error.exec_count}"
        hint = f"\n{_MEMORY}" if "MemoryError" in error.ename else ""
        raise NotebookError(f"{error.evalue}\n({error.ename} in {place}){hint}") from error
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(growing)):
            raise
        raise NotebookError(
            f"{growing}: the executed copy could not be written: {error}. See whether the disk is "
            "full and the folder may be written to, then run again."
        ) from error
    except RuntimeError as error:
        if type(error) not in _OF_KERNELS:
            raise
        raise NotebookError(
            f"{error}\n(notebook {notebook.stem}: {_OF_KERNELS[type(error)]}. {_MEMORY})"
        ) from error


def run_in_order(
    notebooks: Sequence[Path], executed: Path, parameters: Sequence[Mapping[str, object]]
) -> Iterator[Path]:
    """Run notebooks in order, and name each when it is done; copies go to the folder ``executed``.

    While one runs, the kernel of the next starts and imports what it needs. ``parameters`` has
    those of each notebook.

    Raises
    ------
    NotebookError
        As of :func:`run_notebook`; the notebooks after it are not run.

    """
    with closing(_kernels([notebook.parent for notebook in notebooks])) as kernels:
        for notebook, values, kernel in zip(notebooks, parameters, kernels, strict=True):
            run_notebook(notebook, executed / notebook.name, values, kernel)
            yield notebook


def _kernels(folders: Sequence[Path]) -> Iterator[Kernel]:
    """A kernel in each folder; the next starts when one is asked for, and all end in the end."""
    started: list[Kernel] = []
    try:
        for position in range(len(folders)):
            for folder in folders[len(started) : position + 2]:
                started.append(Kernel(kernel_name="python3"))
                run_sync(started[-1].start_kernel)(cwd=str(folder), extra_arguments=_ARGUMENTS)
            yield started[position]
            run_sync(started[position].end)()
    finally:
        for kernel in started:
            if kernel.has_kernel:
                run_sync(kernel.end)()
