"""Tables of csv files and workbooks, under our column names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from helpers.boreholes import cells as cell
from helpers.boreholes.headers import (
    PER_METRE,
    SYNONYMS,
    Column,
    columns_of,
    is_numeric,
    listed,
    says_date,
)
from helpers.boreholes.text_files import layout_of, parse, read_text
from helpers.boreholes.units import MISSING_CODES
from helpers.boreholes.workbooks import Sheet, read_sheets
from helpers.storage import ContractError, require

NOTES = re.compile(r"read.?me|notes?|remarks?|info|说明|备注|注释|图.*|charts?.*", re.IGNORECASE)


class Table(NamedTuple):
    """A sheet or csv.

    Attributes
    ----------
    frame
        Cells under our names, or the header of the file where we have none; the index holds the
        1-based rows of the file.
    columns
        Our name -> what the file says about the column.
    comment
        Text between /* and */ above the table.

    """

    path: Path
    sheet: str
    frame: pd.DataFrame
    columns: Mapping[str, Column] = {}
    comment: str = ""

    @property
    def place(self) -> str:
        """File and sheet, for messages."""
        return f"{self.path}: sheet '{self.sheet}'" if self.sheet else str(self.path)

    @property
    def headers(self) -> list[str]:
        """Headers as the file has them."""
        return [self.header(name) for name in self.frame.columns]

    def header(self, name: str) -> str:
        """Header of a column as the file has it."""
        return self.columns[name].header if name in self.columns else name

    def cells(self, name: str) -> pd.Series:
        """Cells of a column, under the header of the file, which messages quote."""
        return self.frame[name].rename(self.header(name))

    def numbers(self, name: str) -> pd.Series:
        """Numbers of a column in our unit: lengths in m, temperatures in deg C."""
        values = cell.numbers(self.cells(name), self.place).rename(name)
        unit = self.columns[name].unit if name in self.columns else ""
        if name.endswith("_m") or name in ("x", "y"):
            self._require_unit(name, unit, PER_METRE, "m")
            return values / PER_METRE[unit]
        if name.endswith("_c"):
            self._require_unit(name, unit, ("", "c", "k", "f"), "deg C")
            return _in_celsius(values, unit, is_range=name == "amplitude_c")
        return values

    def require_filled(self, *names: str) -> None:
        """Raise an error that names the first row in which one of the columns is empty."""
        for name in names:
            empty = self.frame.index[self.frame[name].isna()]
            if len(empty):
                raise ContractError(
                    f"{self.place}: row {empty[0]} has no '{self.header(name)}'. Fill it in or "
                    "delete the row."
                )

    def words(self, name: str) -> pd.Series:
        """Text of a column that goes into the tables that are written: site or setting."""
        return cell.words(self.cells(name), self.place)

    def _require_unit(self, name: str, unit: str, known: Any, ours: str) -> None:
        if unit not in known:
            raise ContractError(
                f"{self.place}: column '{self.header(name)}' is in '{unit}', a unit that is not "
                f"known here. Convert it to {ours} and name the column '{name}'."
            )


def read_tables(path: Path, mapped: Mapping[str, str]) -> list[Table]:
    """Every sheet of a workbook that is not empty, or the one table of a text file.

    ``mapped`` says which columns have other names: our name -> header in the file.
    """
    with require(path).open("rb") as stream:
        start = stream.read(4)
    if start == b"\xd0\xcf\x11\xe0":
        raise ContractError(
            f"{path}: an old Excel file (.xls), or one protected by a password; save it as .xlsx "
            "without a password."
        )
    if start == b"PK\x03\x04":
        tables = [_of_sheet(path, sheet, mapped) for sheet in read_sheets(path)]
    else:
        text = read_text(path)
        if text.lstrip().startswith("<"):
            raise ContractError(
                f"{path}: a web page or XML, whatever its name says. Open it in a spreadsheet "
                "program and save it as .xlsx or 'CSV UTF-8'."
            )
        tables = [_of_text(path, text, mapped)] if text.strip() else []
    if not tables:
        raise ContractError(f"{path}: the file is empty; a header and rows are needed.")
    return tables


def is_note(table: Table) -> bool:
    """Whether a sheet is called a note and holds no column that we know."""
    return bool(NOTES.fullmatch(table.sheet.strip())) and not table.columns


def _of_text(path: Path, text: str, mapped: Mapping[str, str]) -> Table:
    layout = layout_of(text, path)
    columns = columns_of(layout.names, mapped, str(path))
    frame = parse(text, layout, [is_numeric(column) for column in columns], path)
    return _table(path, "", columns, frame, layout.comment)


def _of_sheet(path: Path, sheet: Sheet, mapped: Mapping[str, str]) -> Table:
    """The table under its header, which is the first row with two or more cells filled."""
    cells, place = sheet.cells, f"{path}: sheet '{sheet.name}'"
    filled = cells.notna().sum(axis=1) >= min(2, cells.shape[1])
    start = int(filled.to_numpy().argmax())
    headers = cell.texts(cells.iloc[start]).fillna("").tolist()
    columns = columns_of(headers, mapped, place)
    table = _table(path, sheet.name, columns, cells.iloc[start + 1 :])
    if sheet.is_hidden and not is_note(table):
        raise ContractError(
            f"{place} is hidden, so its values would count unseen. Show it (right-click on the tab "
            "of a sheet, Unhide) or delete it."
        )
    if sheet.counts_from_1904:
        _require_no_day_numbers(table)
    return table


def _require_no_day_numbers(table: Table) -> None:
    """Raise an error if a workbook that counts days from 1904 has dates as plain numbers."""
    if "time" not in table.frame or not says_date(table.header("time")):
        return
    for row, value in table.frame["time"].items():
        if isinstance(value, int | float) and value == value:
            raise ContractError(
                f"{table.place}: column '{table.header('time')}': row {row} holds the number "
                f"{value:g}, and this workbook counts its days from 1904. Give the column the "
                "format of a date."
            )


def _table(
    path: Path, sheet: str, columns: list[Column], frame: pd.DataFrame, comment: str = ""
) -> Table:
    empty = frame.isna().all().to_numpy()
    # A header that lost its name to another column goes; so does an empty column without header.
    kept = [c.name != "" or (not c.header and not e) for c, e in zip(columns, empty, strict=True)]
    frame = frame.set_axis([column.name for column in columns], axis=1).loc[:, kept]
    known = {column.name: column for column in columns if column.name in SYNONYMS}
    table = Table(path, sheet, frame, known, comment)
    if frame.empty and not is_note(table):
        headers = listed(column.header for column in columns)
        raise ContractError(
            f"{table.place}: a header ({headers}) but no rows below it. Fill in the rows, or take "
            "the file or sheet away."
        )
    return table


def _in_celsius(values: pd.Series, unit: str, is_range: bool) -> pd.Series:
    """Values of a column in Kelvin or Fahrenheit in deg C; codes for missing stay as they are."""
    if unit in ("", "c"):
        return values
    scale, zero = {"k": (1.0, 273.15), "f": (1.8, 32.0)}[unit]
    converted = (values - (0 if is_range else zero)) / scale
    return values.where(values.isin(MISSING_CODES), converted)
