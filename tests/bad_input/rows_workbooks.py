"""Workbooks: what is wrong with the file, its sheets and its cells, and what is meant to harm.

The limits are those of :mod:`helpers.boreholes.workbooks`; each bomb here is refused before it
fills the memory.
"""

import re
from datetime import date, datetime, timedelta
from functools import partial
from zipfile import ZIP_DEFLATED, ZipFile

from bad_input.catalogue import row
from bad_input.good_study import run_to_sites
from bad_input.rows_boreholes import put
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

SHEET = "xl/worksheets/sheet1.xml"
TABLE = [["Date", "1m"], ["2023-01", -1], ["2023-02", -2]]


def write_book(path, sheets, change=None):
    """Write a workbook of sheets (name -> rows); ``change`` is a last word on it."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for values in rows:
            page.append(values)
    if change is not None:
        change(book)
    book.save(path)


def edit_part(path, name, old, new):
    """Replace text in a part of a workbook, by a regular expression; None makes a new part."""
    with ZipFile(path) as parts:
        content = {part: parts.read(part) for part in parts.namelist()}
    found = content.get(name, b"")
    content[name] = new if old is None else re.sub(old, lambda _: new, found, count=1)
    assert content[name] != found, "nothing to replace"
    with ZipFile(path, "w", ZIP_DEFLATED) as parts:
        for part, data in content.items():
            parts.writestr(part, data)


def book(what, sheets, where, remedy, change=None):
    def spoil(folder):
        put(folder, {"w.xlsx": b""})
        write_book(folder / "boreholes" / "w.xlsx", sheets, change)

    row("boreholes", f"workbook: {what}", r"w\.xlsx" + where, remedy, spoil, run_to_sites)


def sheet(what, rows, where, remedy, change=None):
    book(what, {"A1": rows}, where, remedy, change)


def part(what, name, old, new, where, remedy):
    """A workbook in order but for one of its parts."""

    def spoil(folder):
        put(folder, {"w.xlsx": b""})
        path = folder / "boreholes" / "w.xlsx"
        write_book(path, {"A1": TABLE})
        edit_part(path, name, old, new)

    row("boreholes", f"workbook: {what}", r"w\.xlsx" + where, remedy, spoil, run_to_sites)


def data(what, name, content, where, remedy):
    spoil = partial(put, files={name: content})
    row("boreholes", f"workbook: {what}", re.escape(name) + where, remedy, spoil, run_to_sites)


def archive(what, members, where, remedy):
    def spoil(folder):
        put(folder, {"w.xlsx": b""})
        with ZipFile(folder / "boreholes" / "w.xlsx", "w", ZIP_DEFLATED) as parts:
            for name, content in members.items():
                parts.writestr(name, content)

    row("boreholes", f"workbook: {what}", r"w\.xlsx" + where, remedy, spoil, run_to_sites)


# Files
OLE = b"\xd0\xcf\x11\xe0.."  # the container of old Excel files, and of those with a password
AGAIN = "save it again as .xlsx"
data("old Excel", "w.xls", OLE, ": an old Excel", r"save it as \.xlsx")
data("password", "w.xlsx", OLE, ": an old .* protected by a password", "without a password")
data("empty file", "w.xlsx", b"", ": the file is empty", "a header and rows are needed")
data("damaged", "w.xlsx", b"PK\x03\x04....", ": not a readable", AGAIN)
archive("zip of something else", {"a.txt": "1"}, ": not a readable", AGAIN)
archive("ods", {"mimetype": "application/x", "content.xml": "<a/>"}, ": not a readable", AGAIN)
part("a sheet cut short", SHEET, rb"</sheetData>.*", b"", ": not a readable", AGAIN)
part(
    "a text that is not there",
    SHEET,
    b't="inlineStr"><is><t>Date</t></is>',
    b't="s"><v>99</v>',
    ": not a readable .xlsx workbook",
    AGAIN,
)
part("no list of types", "[Content_Types].xml", rb"(?s).+", b"", ": not a readable", AGAIN)

# Harm
LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
BILLION = f'<!DOCTYPE x [<!ENTITY l0 "lol">{LAUGHS}]>'.encode()
OUTSIDE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
FAR, LONG_ROW = (
    b'<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>',
    b'<row><c r="XFD%d"/></row>',
)
part("billion laughs", SHEET, b"<worksheet", BILLION + b"<worksheet", ": .*entities", AGAIN)
part(
    "billion laughs beside the sheets",
    "xl/workbook.xml",
    b"<workbook",
    BILLION + b"<workbook",
    r": xl/workbook\.xml declares XML entities, .* fill the memory",
    AGAIN,
)
part(
    "billion laughs in UTF-16",
    SHEET,
    rb"(?s).+",
    (BILLION.decode() + "<worksheet>&l9;</worksheet>").encode("utf-16"),
    ": not a readable .xlsx workbook",
    AGAIN,
)
part("a file elsewhere as entity", SHEET, b"<worksheet", OUTSIDE + b"<worksheet", ": .*ent", AGAIN)


def bomb(folder):
    """400 MB in 2 MB, in a part that nothing needs."""
    put(folder, {"w.xlsx": b""})
    path = folder / "boreholes" / "w.xlsx"
    write_book(path, {"A1": TABLE})
    with (
        ZipFile(path, "a", ZIP_DEFLATED, compresslevel=1) as parts,
        parts.open("xl/more.xml", "w", force_zip64=True) as more,
    ):
        for _ in range(400):
            more.write(bytes(1_000_000))


row(
    "boreholes",
    "workbook: zip bomb",
    r"w\.xlsx: unpacks to 400 MB; the limit is 300 MB",
    "Take out what is no table, or save its sheets as CSV",
    bomb,
    run_to_sites,
)
part(
    "a cell in row 99999999999",
    SHEET,
    b"</sheetData>",
    FAR + b"</sheetData>",
    ": sheet 'A1': row 1048577: .* beyond .* 1,048,576 rows",
    "Delete what stands far from the table",
)
part(
    "2,000 empty rows of 16,384 cells",
    SHEET,
    b"</sheetData>",
    b"".join(LONG_ROW % i for i in range(4, 2004)) + b"</sheetData>",
    ": sheet 'A1': row [0-9]+: .* beyond 10,000,000 cells",
    "Delete what stands far from the table",
)
sheet(
    "1 MB in a cell",
    [*TABLE, ["2023-03", "9" * 10**6 + "x"]],
    r": sheet 'A1': column '1m': row 4 holds '9{60}\.\.\.",
    "a number is needed",
)

# Sheets
sheet("no table", [["made by"], ["somebody"]], ": sheet 'A1': unknown", "named 'notes'")
sheet("sheet without rows", [["Date", "1m"]], ": sheet 'A1': a header", "take the file or sheet")
book("nothing but empty sheets", {"A1": [], "A2": []}, ": the file is empty", "a header and rows")
book("nothing but notes", {"notes": [["made by", "us"]]}, ": .*nothing but notes", "leave the file")
sheet(
    "hidden sheet",
    TABLE,
    ": sheet 'A1' is hidden",
    "Show it .*or delete it",
    lambda book: (
        setattr(book.create_sheet("notes"), "title", "notes")
        or setattr(book["A1"], "sheet_state", "hidden")
    ),
)
sheet(
    "header merged over two columns",
    [["Date", "Temperature", None], [None, "1m", "2m"], ["2023-01", -1, -2]],
    ": sheet 'A1': ",
    "Expected|missing",
    lambda book: book["A1"].merge_cells("B1:C1"),
)
sheet(
    "codes merged over their rows",
    [["Site", "Date", "1m"], ["H00", "2023-01", -1], [None, "2023-02", -1]],
    ": sheet 'A1': row 3 has no 'Site'",
    "Fill it in or delete the row",
    lambda book: book["A1"].merge_cells("A2:A3"),
)
sheet(
    "day numbers counted from 1904",
    [["Date", "1m"], [43000, -1]],
    ": sheet 'A1': column 'Date': row 2 holds the number 43000.*counts its days from 1904",
    "Give the column the format of a date",
    lambda book: setattr(book, "epoch", CALENDAR_MAC_1904),
)

# Cells
DATED = [["Date", "1m"], ["2023-01", -1]]
sheet(
    "formula without its result",
    [["Date", "1m"], ["2023-01", "=1+1"]],
    ": sheet1.*formula",
    "paste",
)
sheet(
    "link to another workbook", [["Date", "1m"], ["2023-01", "=[1]B!A1"]], ": sheet1.*form", "paste"
)
part(
    "formula without text or result",
    SHEET,
    b"<v>-1</v>",
    b'<f t="shared" si="0"/>',
    ": sheet1.*formula without its result",
    "paste the values",
)
for value in ("#REF!", "#N/A", "#DIV/0!", True, datetime(2023, 1, 2), timedelta(days=1)):
    sheet(
        f"{value} for a number",
        [["Date", "1m"], ["2023-01", value]],
        f": sheet 'A1': column '1m': row 2 holds '{re.escape(str(value))}",
        "a number is needed. Correct it",
    )
sheet(
    "number turned into a date",
    [*DATED, ["2023-02", date(2023, 1, 2)]],
    ": sheet 'A1': column '1m': row 3 holds '2023-01-02",
    "a number is needed. Correct it",
)
for value in (2023, 5e9, True, timedelta(days=1), datetime(1904, 1, 1).time()):
    sheet(
        f"{value} for a date",
        [["Date", "1m"], [value, -1]],
        ": sheet 'A1': column 'Date': row 2 .* cannot be read as a date",
        "Write year-month-day",
    )
