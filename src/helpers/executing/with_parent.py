"""Run in a kernel: it ends, with the workers it has started, when the run that started it is gone.

A kernel would notice that itself, but leave its workers behind for minutes.
"""

import os
import signal
import threading
import time

_LOOK_EVERY_S = 0.1  # the kernel looks every second, and must not be the first to see it


def _end_with(parent: int) -> None:
    """Wait for the parent's end, then end the group of processes that the kernel leads."""
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__" and os.name != "nt" and os.getpgrp() == os.getpid():
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
