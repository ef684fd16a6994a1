"""Files of open servers: under its name a file is complete and of the right kind, or not there.

A download is written to ``<name>.part`` and goes on from there after a break, if the server still
holds the same file. What arrives is checked: its length (or, where none is stated, that it can be
read to its end), its first bytes (a login page is no raster), its MD5 where the server states one.
Then it is renamed, and ``<name>.json`` beside it says where it came from. The next run finds it
finished. A lock, ``<name>.lock``, keeps other runs away meanwhile; its empty file stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Literal

import requests
from tqdm.auto import tqdm

from helpers.opendata.received import check_received, fault_of
from helpers.opendata.transfer import TIMEOUT_S, fetch_part, open_session, without_secrets
from helpers.storage import ContractError, locked, read_known, sha256, write_json

FILES_AT_ONCE = 4
_FAILURES_SHOWN = 10


@dataclass(frozen=True)
class RemoteFile:
    """A file of a server and its place in the cache.

    Attributes
    ----------
    url
        Its address, without signature; ``sign`` makes the one that is asked for, when it is.
    path
        Where it goes.
    kind
        What its first bytes must show: ``tiff``, ``netcdf`` (4) or ``text``, and for none a web
        page.
    hint
        What to say if the server does not have it.

    """

    url: str
    path: Path
    kind: Literal["tiff", "netcdf", "text"]
    sign: Callable[[str], str] | None = None
    hint: str = ""

    @property
    def signed_url(self) -> str:
        """The address to ask for; it may hold a token and belongs into no file or message."""
        return self.sign(self.url) if self.sign else self.url

    @property
    def sidecar(self) -> Path:
        """Where its origin is written down."""
        return self.path.with_name(f"{self.path.name}.json")

    @property
    def is_finished(self) -> bool:
        """Whether it was fetched: it is there, as long as its sidecar says."""
        known = read_known(self.sidecar)
        return (
            self.path.is_file()
            and known.keys() >= {"url", "bytes", "sha256"}
            and known["bytes"] == self.path.stat().st_size
        )


def fetch(
    file: RemoteFile,
    session: requests.Session | None = None,
    on_bytes: Callable[[int], object] = lambda count: None,
) -> Path:
    """Fetch a file unless it is finished already, and return its path.

    ``on_bytes`` is told of every piece that arrives.

    Raises
    ------
    ContractError
        If the server cannot be reached, does not give the file, or gives something else; the
        message says what to do. Nothing is left under the name of the file then.

    """
    if file.is_finished:
        return file.path
    file.path.parent.mkdir(parents=True, exist_ok=True)
    if session is None:
        with open_session() as own:
            return fetch(file, own, on_bytes)
    with locked(file.path, "fetching it"):
        # Another run may have fetched it just now.
        if not file.is_finished:
            _fetch_checked(session, file, on_bytes)
    return file.path


def _fetch_checked(
    session: requests.Session, file: RemoteFile, on_bytes: Callable[[int], object]
) -> None:
    part, answer = fetch_part(session, file, on_bytes)
    try:
        check_received(part, file, answer)
        origin = {
            "url": without_secrets(file.url),
            "bytes": part.stat().st_size,
            "sha256": sha256(part),
            "etag": answer.etag,
            "last_modified": answer.last_modified,
            "retrieved": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        # The sidecar first: without its file it means nothing, a file without it is fetched again.
        write_json(origin, file.sidecar)
        part.replace(file.path)
    finally:
        part.unlink(missing_ok=True)


def remove_broken(files: Sequence[RemoteFile]) -> list[Path]:
    """Remove those of the fetched files that cannot be read or are not what had arrived.

    A server, too, may hold a broken file: then its length is right, and only reading it tells.
    """
    return _removed([file for file in files if file.is_finished and _is_broken(file)])


def expect_as_arrived(files: Sequence[RemoteFile]) -> None:
    """Raise if a fetched file no longer holds what had arrived, and remove it."""
    changed = _removed([file for file in files if file.is_finished and _is_changed(file)])
    if changed:
        raise ContractError(
            f"Changed since they were fetched, and therefore removed: "
            f"{', '.join(map(str, changed))}. Run again: only these are fetched."
        )


def _removed(files: Sequence[RemoteFile]) -> list[Path]:
    for file in files:
        file.path.unlink()
        file.sidecar.unlink()
    return [file.path for file in files]


def _is_changed(file: RemoteFile) -> bool:
    return sha256(file.path) != read_known(file.sidecar)["sha256"]


def _is_broken(file: RemoteFile) -> bool:
    return _is_changed(file) or (file.kind != "text" and bool(fault_of(file.path, file.kind)))


def fetch_all(files: Sequence[RemoteFile], progress: bool = True) -> list[Path]:
    """Fetch several files, a few at a time; finished ones are not asked for again.

    All are tried. Those that fail are one :class:`ContractError` at the end, so that the next run
    fetches only what is missing.
    """
    missing = list({file.path: file for file in files if not file.is_finished}.values())
    bar = tqdm(
        desc=f"fetching {len(missing)} files",
        unit="B",
        unit_scale=True,
        disable=not progress or not missing,
        leave=False,
    )
    with bar, open_session() as session, ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        tasks = [pool.submit(fetch, file, session, bar.update) for file in missing]
        there = count(1)
        for task in tasks:
            task.add_done_callback(
                lambda done: _done(done) and bar.set_postfix_str(f"{next(there)} there")
            )
        try:
            failures = [message for task in tasks if (message := _failure(task))]
        finally:
            pool.shutdown(cancel_futures=True)
    if failures:
        raise ContractError(_together(failures, len(files)))
    return [file.path for file in files]


def _done(task: Future[Path]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _failure(task: Future[Path]) -> str:
    """What went wrong in one download, or nothing; other errors than of the contract are raised."""
    try:
        task.result()
    except ContractError as error:
        return str(error)
    return ""


def _together(failures: list[str], n_files: int) -> str:
    if n_files == 1:
        return failures[0]
    lines = failures[:_FAILURES_SHOWN]
    if len(failures) > len(lines):
        lines.append(f"and {len(failures) - len(lines)} more")
    return "\n- ".join(
        [
            f"{len(failures)} of {n_files} files could not be fetched (the others are kept, so "
            "that the next run asks only for these):",
            *lines,
        ]
    )


def remote_sizes(files: Sequence[RemoteFile]) -> list[int | None]:
    """Bytes of each file, as its server or the cache says; ``None`` where it does not say."""
    with open_session() as session, ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        return list(pool.map(lambda file: _size(session, file), files))


def _size(session: requests.Session, file: RemoteFile) -> int | None:
    if file.is_finished:
        return file.path.stat().st_size
    try:
        answer = session.head(file.signed_url, allow_redirects=True, timeout=TIMEOUT_S)
    except requests.RequestException:
        # Only the plan asks; fetching the file says what is wrong with it.
        return None
    length = answer.headers.get("Content-Length", "")
    return int(length) if answer.ok and length.isdigit() else None
