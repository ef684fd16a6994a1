"""The journal of a map that is being made: which of its blocks are finished, and what they hold.

Its first line, the head, says what the map depends on. Each other line notes that a block is
finished, or (without a digest) that it is being done again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from helpers.products.disk import to_disk, writing
from helpers.storage import replacing

_DAMAGED = (ValueError, TypeError, KeyError, OverflowError, RecursionError)


class FinishedBlock(NamedTuple):
    """A block that is in all rasters.

    Attributes
    ----------
    digest
        Of what it was predicted from.
    first_row
        Where it begins.
    written
        Digest of each of its rows, of the cells of all rasters.

    """

    digest: str
    first_row: int
    written: list[str]


def read_journal(path: Path) -> tuple[dict[str, Any], dict[int, FinishedBlock]]:
    """Head and finished blocks by number; both empty if the journal cannot be read.

    What follows the last line end was being written when a run was stopped, and is left out.
    """
    *lines, _ = path.read_bytes().split(b"\n")
    blocks = {}
    try:
        head, *notes = (json.loads(line) for line in lines)
        for note in notes:
            blocks.pop(note["number"], None)
            if note["digest"] is not None:
                rows = [str(row) for row in note["written"]]
                blocks[int(note["number"])] = FinishedBlock(
                    note["digest"], int(note["first_row"]), rows
                )
        return dict(head), blocks
    except _DAMAGED:
        return {}, {}


def write_journal(path: Path, head: Mapping[str, Any], blocks: Mapping[int, FinishedBlock]) -> None:
    """Write a journal anew."""
    notes = [_note(number, block) for number, block in blocks.items()]
    with writing(path), replacing(path) as unfinished:
        unfinished.write_bytes(b"".join(_line(content) for content in (head, *notes)))
        to_disk(unfinished)


def add_note(path: Path, number: int, block: FinishedBlock | None) -> None:
    """Note that a block is finished; None: that it is being done again."""
    with writing(path), path.open("ab") as stream:
        stream.write(_line(_note(number, block)))
        stream.flush()
        os.fsync(stream.fileno())


def _note(number: int, block: FinishedBlock | None) -> dict[str, Any]:
    return {"number": number, **(block._asdict() if block else {"digest": None})}


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"
