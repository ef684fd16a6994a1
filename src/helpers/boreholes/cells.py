"""Tables of csv files and workbooks, and their cells as text, numbers and times."""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Iterable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from openpyxl import load_workbook

from helpers.storage import ContractError, numeric, require

MISSING_TEXTS = ["", "NaN", "nan", "NAN", "NA", "N/A", "null", "NULL", "None", "-", "--", "—", "/"]
_DATE = re.compile(r"(\d{4})\s*[-/年]\s*(\d{1,2})(?:\s*[-/月]\s*(\d{1,2})?日?)?(.*)")


class Table(NamedTuple):
    """A sheet or csv: headers are the columns, the index holds the 1-based rows of the file."""

    path: Path
    sheet: str
    frame: pd.DataFrame

    @property
    def place(self) -> str:
        """File and sheet, for messages."""
        return f"{self.path}: sheet '{self.sheet}'" if self.sheet else str(self.path)


def read_tables(path: Path) -> list[Table]:
    """Every sheet of a workbook that is not empty, or the one table of a csv, as it stands."""
    with require(path).open("rb") as stream:
        start = stream.read(4)
    if start == b"\xd0\xcf\x11\xe0":
        raise ContractError(f"{path}: an old Excel file (.xls); save it as .xlsx.")
    sheets = _workbook_cells(path) if start == b"PK\x03\x04" else {"": _csv_cells(path)}
    tables = [_under_header(path, name, cells) for name, cells in sheets.items() if cells.size]
    if not tables:
        raise ContractError(f"{path}: the file is empty; a header and rows are needed.")
    return tables


def read_text(path: Path) -> str:
    """Text of a UTF-8 file with or without byte-order mark."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContractError(f"{path}: not UTF-8; save it again as 'CSV UTF-8'.") from error


def _csv_cells(path: Path) -> pd.DataFrame:
    text = read_text(path)
    if not text.strip():
        return pd.DataFrame()
    separator = max(",;\t", key=text.lstrip().split("\n", 1)[0].count)
    empty = {"keep_default_na": False, "na_values": MISSING_TEXTS, "skip_blank_lines": False}
    try:
        cells = pd.read_csv(io.StringIO(text), sep=separator, header=None, dtype=str, **empty)
    except pd.errors.ParserError as error:
        raise ContractError(f"{path}: rows of unequal length ({error}).") from error
    return _without_blanks(cells.astype(object))


def _workbook_cells(path: Path) -> dict[str, pd.DataFrame]:
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, KeyError, ValueError) as error:
        raise ContractError(f"{path}: not a readable .xlsx workbook ({error}).") from error
    with closing(book):
        rows = {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}
    sheets = {name: pd.DataFrame(cells, dtype=object) for name, cells in rows.items()}
    return {name: _without_blanks(cells.map(_cleaned)) for name, cells in sheets.items()}


def _without_blanks(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells without empty rows and columns; the index becomes the rows of the file."""
    cells.index = cells.index + 1
    return cells.dropna(how="all").dropna(how="all", axis=1)


def _cleaned(cell: Any) -> Any:
    return None if isinstance(cell, str) and cell.strip() in MISSING_TEXTS else cell


def _under_header(path: Path, sheet: str, cells: pd.DataFrame) -> Table:
    """The table under its header, which is the first row with two or more cells filled."""
    filled = cells.notna().sum(axis=1) >= min(2, cells.shape[1])
    start = int(filled.to_numpy().argmax())
    names = texts(cells.iloc[start]).fillna("")
    table = Table(path, sheet, cells.iloc[start + 1 :].set_axis(list(names), axis=1))
    if table.frame.empty:
        raise ContractError(f"{table.place}: a header ({', '.join(names)}) but no rows below it.")
    return table


def texts(cells: pd.Series) -> pd.Series:
    """Text of each cell; a code that Excel holds as the number 12.0 is '12'; missing stays."""
    whole = cells.map(lambda c: int(c) if isinstance(c, float) and c.is_integer() else c)
    return whole.map(lambda c: str(c).strip(), na_action="ignore").astype("string")


def numbers(cells: pd.Series, place: str) -> pd.Series:
    """Numbers of a column, missing as NaN; text is an error that names row and column."""
    if cells.empty:
        return cells.astype(float)
    # With the empty rows back in their places, a position in the column is a row of the file.
    first, last = cells.index[0], cells.index[-1]
    column = cells.reindex(range(first, last + 1))
    return numeric(column, f"{place}: column '{cells.name}'", first)[cells.index]


def number_block(cells: pd.DataFrame, place: str) -> np.ndarray:
    """Like :func:`numbers` for many columns at once, as an array."""
    flat = pd.Series(cells.to_numpy(dtype=object).ravel())
    values = pd.to_numeric(flat, errors="coerce").to_numpy(dtype=float)
    if np.isnan(values[flat.notna()]).any():
        for _, column in cells.items():
            numbers(column, place)
    return values.reshape(cells.shape)


def times(cells: pd.Series, place: str) -> pd.Series:
    """Times of date cells or of text that begins with year and month, as ``datetime64[ns]``.

    The day may be missing (the first is meant). Text that begins with the day or the month is
    refused, because nothing tells 1 February from 2 January; so is a date that does not exist.
    """
    codes, unique = pd.factorize(cells)
    iso = pd.Series([_iso(cell) for cell in unique], dtype=str)
    parsed = pd.to_datetime(iso, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
    known = np.append(parsed.to_numpy("datetime64[ns]"), np.datetime64("NaT", "ns"))
    result = pd.Series(known[codes], index=cells.index)
    wrong = cells.index[result.isna() & cells.notna()]
    if len(wrong):
        raise ContractError(
            f"{place}: column '{cells.name}': row {wrong[0]} holds '{cells[wrong[0]]}', which "
            "cannot be read as a date. Write year-month-day, such as 2023-07-01 or 2023-07."
        )
    return result


def _iso(cell: Any) -> str:
    """ISO 8601 of a date, or of text that begins with year and month; '' of anything else."""
    if isinstance(cell, date):
        return cell.isoformat()
    match = _DATE.fullmatch(cell.strip()) if isinstance(cell, str) else None
    if match is None:
        return ""
    year, month, day, clock = match.groups()
    clock = re.sub(r"^[ T]+(\d):", r" 0\1:", clock)
    return f"{year}-{int(month):02}-{int(day or 1):02}{clock}"


def matching(name: str, choices: Iterable[str]) -> str:
    """' Did you mean ...?' if one of the choices looks like the name, otherwise nothing."""
    close = difflib.get_close_matches(name, sorted(choices), n=1, cutoff=0.7)
    return f" Did you mean '{close[0]}'?" if close else ""
