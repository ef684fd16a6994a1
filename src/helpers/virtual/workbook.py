"""The workbook of the virtual survey: a sheet per hole, each in one of six dialects.

Dates, order and compression are fixed, so that the same records give the same bytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import canonicalize

import pandas as pd
from openpyxl import Workbook
from openpyxl.packaging.core import DocumentProperties
from openpyxl.writer.excel import ExcelWriter

from helpers.storage import replacing
from helpers.virtual.sensor_faults import MISSING_CODE

NOTE = "virtual borehole, made by helpers.virtual"
WORKBOOK = "ncdc_boreholes.xlsx"
SAVED = datetime(2025, 1, 1)  # date of the workbook, fixed so that its bytes are


class Dialect(NamedTuple):
    """How one sheet writes its time columns, depth headers and lost values."""

    time_headers: tuple[str, ...]
    time_cells: Callable[[pd.Timestamp], tuple[Any, ...]]
    depth_header: Callable[[float], Any]
    lost: str | None


DIALECTS = (
    Dialect(("Date",), lambda t: (t.date(),), "{:g}m".format, None),
    Dialect(("Date",), lambda t: (f"{t:%Y-%m}",), "{:g} m".format, "NaN"),
    Dialect(("日期",), lambda t: (f"{t.year}/{t.month}",), "深度{:g}m".format, None),
    Dialect(("年份", "月份"), lambda t: (t.year, t.month), "{:g}m".format, "NaN"),
    Dialect(("Year", "Month"), lambda t: (t.year, t.month), float, None),
    Dialect(("年", "月"), lambda t: (t.year, t.month), "深度{:g}m".format, MISSING_CODE),
)


def dialect_of(position: int) -> Dialect:
    """Dialect of the sheet at a position in the workbook."""
    return DIALECTS[position % len(DIALECTS)]


def write_workbook(sheets: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write records of several holes, by code, a sheet each; they take turns in their dialects."""
    workbook = Workbook()
    workbook.remove(workbook.active)
    workbook.properties = DocumentProperties(
        creator="helpers.virtual",
        title="Virtual boreholes",
        description=f"Each sheet is a {NOTE}.",
        created=SAVED,
        modified=SAVED,
    )
    for position, (site, records) in enumerate(sheets.items()):
        sheet = workbook.create_sheet(site)
        for line in _sheet_lines(records, dialect_of(position)):
            sheet.append(line)
    with replacing(path) as unfinished:
        unfinished.write_bytes(_fixed_bytes(workbook))


def _sheet_lines(records: pd.DataFrame, dialect: Dialect) -> list[list[Any]]:
    table, depths = wide_table(records)
    cells = table.astype(object).where(table.notna(), dialect.lost)
    lines = [[*dialect.time_headers, *map(dialect.depth_header, depths)]]
    rows = zip(table.index, cells.to_numpy(), strict=True)
    return lines + [[*dialect.time_cells(time), *values] for time, values in rows]


def _fixed_bytes(workbook: Workbook) -> bytes:
    """The xlsx with fixed dates, uncompressed and in canonical XML.

    So neither the clock nor the versions of zlib, lxml or the operating system matter.
    """
    written, fixed = io.BytesIO(), io.BytesIO()
    # Not workbook.save, which puts the time of now over our date.
    ExcelWriter(workbook, zipfile.ZipFile(written, "w")).save()
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(fixed, "w") as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, date_time=SAVED.timetuple()[:6])
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            text = canonicalize(source.read(name).decode())
            target.writestr(entry, '<?xml version="1.0" encoding="UTF-8"?>\n' + text)
    return fixed.getvalue()


def wide_table(records: pd.DataFrame) -> tuple[pd.DataFrame, list[float]]:
    """Temperatures (times x sensors, as delivered) and depths, of which one may come twice."""
    order = records["sensor"].drop_duplicates()
    table = records.pivot(index="time", columns="sensor", values="temperature_c")[order]
    return table, records.loc[order.index, "depth_m"].to_list()
