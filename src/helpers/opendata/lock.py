"""One run at a time fetches a file, also where several share a cache."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.opendata.record import read_known
from helpers.storage import ContractError


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold ``<name>.lock``; that of a process of this machine that has ended is taken over.

    Raises
    ------
    ContractError
        If another process holds it, or one of another machine, of which nothing can be told.

    """
    lock = path.with_name(f"{path.name}.lock")
    if _is_dead(read_known(lock)):
        lock.unlink(missing_ok=True)
    try:
        with lock.open("x", encoding="utf-8") as stream:
            json.dump({"pid": os.getpid(), "host": platform.node()}, stream)
    except FileExistsError:
        holder = read_known(lock)
        raise ContractError(
            f"{path}: process {holder.get('pid', '(unknown)')} on {holder.get('host', 'a machine')}"
            f" is fetching it. Wait until it has ended and run again; if there is none, delete "
            f"{lock}."
        ) from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _is_dead(holder: dict[str, Any]) -> bool:
    # On Windows signal 0 is not a question but Ctrl+C.
    if holder.get("host") != platform.node() or os.name == "nt":
        return False
    try:
        os.kill(int(holder["pid"]), 0)
    except ProcessLookupError:
        return True
    except (KeyError, TypeError, ValueError, OverflowError, PermissionError):
        return False
    return False
