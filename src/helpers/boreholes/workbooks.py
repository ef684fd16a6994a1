"""Workbooks (.xlsx): the cells of every sheet, within bounds of memory and time.

A workbook is a zip of XML files, and a small one can claim to be huge: by what it unpacks to, by
entities that XML expands, or by a cell far out in its sheet. All of it is met before or while it
is read, and nothing in a workbook is calculated, run or fetched.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

import pandas as pd
from openpyxl import load_workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from helpers.boreholes.cells import MISSING_TEXTS
from helpers.storage import ContractError

MOST_UNPACKED = 300_000_000  # bytes; a full record of 20 years, 2-hourly, 30 sensors, has 100 MB
MOST_ROWS = 1_048_576  # of a sheet, by the format
MOST_CELLS = 10_000_000  # of a sheet
# What zipfile, expat and openpyxl raise where a file is not what its parts say.
DAMAGED = (
    *(ArithmeticError, AttributeError, BadZipFile, EOFError, LookupError, OSError, ParseError),
    *(RuntimeError, TypeError, ValueError, zlib.error),
)
_AT_ONCE, _LONGEST_FORMULA = 2**20, 2**16
# An empty text (t="str") is a result; none at all is what programs leave that do not calculate.
_FORMULA_WITHOUT_VALUE = re.compile(
    rb'<c(?![^<>]*t="str")\b[^<>]*>\s*<f[^<>]*(?:/>|>[^<]*</f>)\s*'
    rb"(?:<v\s*/>|<v>\s*</v>|</c>)"
)


class Sheet(NamedTuple):
    """A sheet that is not empty; the index of the cells holds the rows of the file."""

    name: str
    cells: pd.DataFrame
    is_hidden: bool
    counts_from_1904: bool


def read_sheets(path: Path) -> list[Sheet]:
    """Every sheet of a workbook that is not empty.

    Raises
    ------
    ContractError
        If the file is no readable workbook, is larger than the limits above, declares XML
        entities, or has a formula without its result.

    """
    with path.open("rb") as stream, _readable(path):
        with ZipFile(stream) as parts:
            _require_harmless(path, parts)
        book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        with closing(book):
            from_1904 = book.epoch == CALENDAR_MAC_1904
            sheets = [
                Sheet(page.title, _cells(path, page), page.sheet_state != "visible", from_1904)
                for page in book.worksheets
            ]
    return [sheet for sheet in sheets if sheet.cells.size]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except ContractError:
        raise
    except DAMAGED as error:
        words = (str(error) or type(error).__name__).splitlines()[0]
        raise ContractError(
            f"{path}: not a readable .xlsx workbook ({words}). Open it in a spreadsheet program "
            "and save it again as .xlsx."
        ) from error


def _require_harmless(path: Path, parts: ZipFile) -> None:
    """Raise an error about what would not end well, or would be taken for a missing value."""
    unpacked = sum(part.file_size for part in parts.infolist())
    if unpacked > MOST_UNPACKED:
        raise ContractError(
            f"{path}: unpacks to {unpacked / 1e6:,.0f} MB; the limit is {MOST_UNPACKED / 1e6:.0f} "
            "MB. Take out what is no table, or save its sheets as CSV UTF-8."
        )
    for name in parts.namelist():
        if name.startswith("xl/media/"):
            continue
        with parts.open(name) as part:
            _require_harmless_part(path, name, part)


def _require_harmless_part(path: Path, name: str, part: IO[bytes]) -> None:
    tail = b""
    while block := part.read(_AT_ONCE):
        window = tail + block
        if b"<!DOCTYPE" in window or b"<!ENTITY" in window:
            raise ContractError(
                f"{path}: {name} declares XML entities, which no workbook needs and which can "
                "fill the memory. Open it in a spreadsheet program and save it again as .xlsx."
            )
        if name.startswith("xl/worksheets/") and _FORMULA_WITHOUT_VALUE.search(window):
            raise ContractError(
                f"{path}: {Path(name).name} has a formula without its result. Open the workbook "
                "in a spreadsheet program and save it, or paste the values."
            )
        tail = window[max(window.rfind(b"<c "), len(window) - _LONGEST_FORMULA) :]


def _cells(path: Path, page: Any) -> pd.DataFrame:
    """Cells of a sheet without its empty rows and columns."""
    # The size a sheet claims may be too small, which loses cells, or far too large.
    page.reset_dimensions()
    rows: dict[int, list[Any]] = {}
    seen = width = 0
    for number, values in enumerate(page.iter_rows(values_only=True), 1):
        seen += len(values)
        cells = _filled(values)
        if cells:
            rows[number] = cells
            width = max(width, len(cells))
        if number > MOST_ROWS or max(seen, len(rows) * width) > MOST_CELLS:
            raise ContractError(
                f"{path}: sheet '{page.title}': row {number}: the sheet reaches beyond "
                f"{MOST_CELLS:,} cells or {MOST_ROWS:,} rows. Delete what stands far from the "
                "table, or save the sheet as CSV UTF-8."
            )
    filled_up = [cells + [None] * (width - len(cells)) for cells in rows.values()]
    frame = pd.DataFrame(filled_up, index=list(rows), dtype=object)
    return frame.dropna(how="all", axis=1)


def _filled(values: tuple[Any, ...]) -> list[Any]:
    """Cells of a row up to the last one that is filled."""
    if values.count(None) == len(values):
        return []
    cells = [_cleaned(value) for value in values]
    while cells and cells[-1] is None:
        cells.pop()
    return cells


def _cleaned(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value)
    return None if isinstance(value, str) and value.strip() in MISSING_TEXTS else value
