"""One run at a time makes a file."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from helpers.storage.errors import ContractError
from helpers.storage.records import read_known, write_json


@contextlib.contextmanager
def locked(path: str | Path, doing: str) -> Iterator[None]:
    """Hold the lock ``<name>.lock``, so that one run at a time makes what lies at ``path``.

    The operating system frees it when its holder ends, in whatever way. The empty file stays: were
    it removed, two runs could each hold a lock on a file of this name.

    Parameters
    ----------
    path
        File or folder that is being made.
    doing
        What the holder does with it, for the message: "fetching it".

    Raises
    ------
    ContractError
        If another run holds it, or the folder does not take the file.

    """
    path = Path(path)
    lock = path.with_name(f"{path.name}.lock")
    holder = lock.with_name(f"{lock.name}.json")
    with contextlib.ExitStack() as held:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(lock, timeout=0, thread_local=False))
            held.callback(holder.unlink, missing_ok=True)
            write_json({"pid": os.getpid(), "host": platform.node()}, holder)
        except Timeout:
            raise ContractError(
                f"{path}: {_who(read_known(holder))} is {doing}. Wait until it has ended, or end "
                "it, and run again."
            ) from None
        except OSError as error:
            raise ContractError(
                f"{lock}: it could not be written: {error}. See whether the disk is full, the "
                "folder may be written to and nothing else has its name, then run again."
            ) from error
        yield


def _who(holder: dict[str, Any]) -> str:
    if holder.keys() >= {"pid", "host"}:
        return f"process {holder['pid']} on {holder['host']}"
    return "another run"
