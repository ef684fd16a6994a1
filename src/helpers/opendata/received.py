"""Whether what a server has sent is the file that was asked for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.opendata.transfer import Answer, without_secrets
from helpers.storage import ContractError

if TYPE_CHECKING:
    from helpers.opendata.download import RemoteFile

_FIRST_BYTES = {
    "tiff": (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    "netcdf": (b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x02", b"CDF\x05"),
}
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<error")


def check_received(part: Path, file: RemoteFile, answer: Answer) -> None:
    """Check length, kind and checksum of a finished transfer.

    Raises
    ------
    ContractError
        If it is empty, shorter or longer than stated, a web page, of another kind, or has another
        MD5 than is published.

    """
    place = without_secrets(file.url)
    found = part.stat().st_size
    for stated in (answer.size, file.size):
        if stated is not None and stated != found:
            raise ContractError(
                f"{place}: {found} bytes arrived, {stated} are stated. Run again; if it stays so, "
                "the server or a proxy on the way cuts files off."
            )
    if not found:
        raise ContractError(f"{place}: the server gives an empty file. Try later.")
    _check_kind(part, file.kind, place)
    for wanted in (file.md5, answer.md5):
        if wanted and (md5 := _md5(part)) != wanted.lower():
            raise ContractError(
                f"{place}: MD5 is {md5}, published is {wanted}: the file was damaged on the way "
                "or exchanged. Run again."
            )


def _check_kind(part: Path, kind: str, place: str) -> None:
    with part.open("rb") as stream:
        start = stream.read(1024)
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGES):
        words = " ".join(start.decode("utf-8", "replace").split())[:120]
        raise ContractError(
            f"{place}: the server sends a web page instead of the file ('{words}'). It may want a "
            "login or be under repair, or the network asks you to log in: open the address in a "
            "browser."
        )
    if not _is_of_kind(part, start, kind):
        raise ContractError(
            f"{place}: not {kind} (its first bytes are {start[:8]!r}). The address may give "
            "another file now; put the right one into [open_data.mirrors] of study.toml."
        )


def _is_of_kind(part: Path, start: bytes, kind: str) -> bool:
    if kind in _FIRST_BYTES:
        return start.startswith(_FIRST_BYTES[kind])
    if kind == "json":
        return _is_json(part)
    return b"\x00" not in start


def _is_json(part: Path) -> bool:
    try:
        json.loads(part.read_bytes())
    except ValueError:
        return False
    return True


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
