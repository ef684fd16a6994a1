"""Run in a kernel: it ends when the run that started it is gone, and its workers end with it.

A kernel notices the end of its parent by itself, but leaves its workers behind for minutes; and
whatever kills a kernel leaves them, too. So a small process of its own waits for the kernel's end.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

_LOOK_EVERY_S = 0.1
_GRACE_S = 2  # in which the tracker of shared memory removes what the workers have left


def _end_with(parent: int) -> None:
    """Wait for the parent's end, then end this kernel."""
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _end_workers_after(kernel: int) -> None:
    """Wait for the end of the kernel that has started this, then end its group of processes."""
    while os.getppid() == kernel:
        time.sleep(_LOOK_EVERY_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(kernel, signal.SIGTERM)
        time.sleep(_GRACE_S)
        os.killpg(kernel, signal.SIGKILL)


def _watch() -> None:
    """Start both watches of this kernel."""
    command = [sys.executable, "-I", "-S", __file__, "after", str(os.getpid())]
    nowhere = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
    subprocess.Popen(command, start_new_session=True, **nowhere)  # noqa: S603
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


if __name__ == "__main__" and os.name != "nt":
    if sys.argv[1:2] == ["after"]:
        _end_workers_after(int(sys.argv[2]))
    elif os.getpgrp() == os.getpid():
        _watch()
