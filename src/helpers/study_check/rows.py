"""What a check says: rows of a table, its text, and the one sentence at its end."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple
from unicodedata import east_asian_width

from helpers.project import PROJECT
from helpers.storage import ContractError
from helpers.study import Study, StudyError
from helpers.units import UnitError

FINE, MISSING, DOUBTFUL, WRONG = "fine", "missing", "doubtful", "wrong"
WAITING = "waiting"  # of a check that another one has to pass first; ends as one doubtful row
HEADER = ("what", "state", "what was found", "what to do")
_NARROWEST, _WIDEST, _GAP = 80, 140, 2
_STUDIES = PROJECT / "data"
_EXPECTED = (ContractError, StudyError, UnitError, OSError)


class Row(NamedTuple):
    """One finding: what was looked at, its state, what was found, what to do about it."""

    what: str
    state: str
    found: str
    remedy: str = ""


class NotInOrderError(Exception):
    """Something that a check builds on is not in order; its own row says why."""


def findings(what: str, check: Callable[[], Iterable[Row]], study: Study) -> list[Row]:
    """Rows of one check; an error it raises becomes a row, so that the other checks go on.

    Errors of the program's own contracts speak for themselves; any other is named by its type.
    """
    rows: list[Row] = []
    try:
        rows.extend(check())
    except NotInOrderError as error:
        rows.append(Row(what, WAITING, str(error)))
    except _EXPECTED as error:
        rows.append(wrong(what, error, study))
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        rows.append(Row(what, WRONG, found, "If this is not plain, report it with the message."))
    return rows


def gathered(rows: Iterable[Row]) -> list[Row]:
    """The rows, with those that wait for the same thing as one doubtful row at the end."""
    kept, waiting = [], {}
    for row in rows:
        if row.state == WAITING:
            waiting.setdefault(row.found, []).append(row.what)
        else:
            kept.append(row)
    ends = [
        Row("not looked at", DOUBTFUL, ", ".join(dict.fromkeys(names)), f"First {reason}.")
        for reason, names in waiting.items()
    ]
    return kept + ends


def rounded(number: float) -> str:
    """A large number in two digits, as people write it: 14,000,000."""
    return f"{float(f'{number:.2g}'):,.0f}"


def as_argument(folder: Path) -> str:
    """A study as a command takes it: its name under ``data`` of the project, else its path."""
    return shlex.quote(folder.name if folder.parent == _STUDIES else str(folder))


def wrong(
    what: str, error: Exception, study: Study, remedy: str = "See the end of the message."
) -> Row:
    """Row of an error; paths inside the study are named from its folder on."""
    text = str(error).replace(f"{study.file}: ", "").replace(f"{study.folder}{os.sep}", "")
    return Row(what, WRONG, text, remedy)


def status(rows: Iterable[Row]) -> int:
    """Exit status: 0 if nothing is missing or wrong, else 1."""
    return int(any(row.state in (MISSING, WRONG) for row in rows))


def summary(rows: Iterable[Row]) -> str:
    """The outcome in one sentence."""
    states = [row.state for row in rows]
    counts = [f"{states.count(s)} {s}" for s in (MISSING, WRONG, DOUBTFUL) if s in states]
    said = ", ".join(counts) or "nothing missing, wrong or doubtful"
    ending = (
        "a run would stop or go astray: mend what is missing or wrong, then check again."
        if {MISSING, WRONG} & set(states)
        else "a run can start" + ("; read first what is doubtful." if counts else ".")
    )
    return f"{len(states)} things looked at: {said}; {ending}"


def table_text(rows: Iterable[Row]) -> str:
    """The rows as a table as wide as the terminal, long cells in several lines."""
    terminal = shutil.get_terminal_size((120, 24)).columns
    width = min(max(terminal, _NARROWEST), _WIDEST)
    listed = [HEADER, *rows]
    first = min(max(_columns(row[0]) for row in listed), 22)
    left = width - first - len(DOUBTFUL) - 3 * _GAP
    widths = (first, len(DOUBTFUL), left - left * 2 // 5, left * 2 // 5)
    lines = [line for row in listed for line in _lines(row, widths)]
    return "\n".join([lines[0], "-" * width, *lines[1:]])


def _columns(text: str) -> int:
    """Columns that a text takes on a screen, where a Chinese letter takes two."""
    return len(text) + sum(east_asian_width(letter) in "WF" for letter in text)


def _lines(row: Iterable[str], widths: tuple[int, ...]) -> Iterator[str]:
    """Lines of one row."""
    cells = [_wrapped(text, size) for text, size in zip(row, widths, strict=True)]
    for parts in zip_longest(*cells, fillvalue=""):
        padded = (
            part + " " * (size + _GAP - _columns(part))
            for part, size in zip(parts, widths, strict=True)
        )
        yield "".join(padded).rstrip()


def _wrapped(text: str, size: int) -> list[str]:
    """Text in lines of so many columns; a word longer than these (a path) is broken."""
    lines, line = [], ""
    for word in text.split():
        joined = f"{line} {word}".lstrip()
        if _columns(joined) <= size:
            line = joined
            continue
        lines += [line] if line else []
        line = ""
        for letter in word:
            if _columns(line + letter) > size:
                lines.append(line)
                line = ""
            line += letter
    return [*lines, line]
