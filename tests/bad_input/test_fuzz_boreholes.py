"""Whatever is done to a good file of any format, its reader refuses it or reads the rest as it was.

Never another exception than those of the program, and never a value that changes unseen.
"""

import csv
import io
import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pandas as pd
import pytest
from bad_input.catalogue import ERRORS
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils.exceptions import IllegalCharacterError

from helpers.boreholes import read_boreholes
from helpers.boreholes.cells import MISSING_TEXTS
from helpers.boreholes.overrides import read_overrides

MONTHS = ("2023-01-01", "2023-02-01", "2023-03-01")
LONG = [
    [site, time, depth, round(start - 0.25 * i, 2)]
    for site, start in (("A1", -1.5), ("B2", 1.25))
    for i, (time, depth) in enumerate((t, z) for t in MONTHS for z in (8, 12))
]
WIDE = [[a[0], a[1], a[3], b[3]] for a, b in zip(LONG[::2], LONG[1::2], strict=True)]
PLACES = {"A1": (124.5, 51.2), "B2": (120.25, 47.75)}
EVENTS = "/* DATA DESCRIPTION:\nEvent(s):\t" + "\n\t".join(
    f"{site} (Mohe) * LATITUDE: {y} * LONGITUDE: {x}" for site, (x, y) in PLACES.items()
)
# Name of the file, separator ("" for a workbook), text above, rows with their header.
KINDS = {
    "long": ("x.csv", ",", "", [["site", "time", "depth_m", "temperature_c"], *LONG]),
    "long, semicolons": ("x.csv", ";", "", [["孔号", "日期", "深度（m）", "地温（℃）"], *LONG]),
    "wide": ("x.csv", ",", "", [["Site", "Date", "8m", "12m"], *WIDE]),
    "GTN-P wide": ("x.csv", ",", "", [["Date/Depth", "8", "12"], *(row[1:] for row in WIDE[:3])]),
    "GTN-P long": (
        *("x.csv", ",", ""),
        [
            ["id", "date", "depth", "temperature", "flag", "dataset_id", "borehole_id", "site_id"],
            *([i, *row[1:], 0, 7, row[0], 9] for i, row in enumerate(LONG)),
        ],
    ),
    "PANGAEA": (
        *("x.tab", "\t", EVENTS + "\n*/\n"),
        [
            ["Event", "Year", "MAGT 8 m [°C]", "MAGT 12 m [°C]"],
            *([r[0], 2010, *r[2:]] for r in WIDE),
        ],
    ),
    "profile": (
        *("x.csv", ",", ""),
        [
            ["site", "lon", "lat", "depth_m", "temperature_c", "year_start", "year_end"],
            *([row[0], *PLACES[row[0]], *row[2:], 2010, 2012] for row in LONG),
        ],
    ),
    "workbook": ("x.xlsx", "", "", [["Site", "Date", "8m", "12m"], *WIDE]),
    "long workbook": ("x.xlsx", "", "", [["site", "time", "depth_m", "temperature_c"], *LONG]),
}
SITES = [
    ["site", "lon", "lat", "elevation_m", "setting"],
    *([s, *p, 610, "natural"] for s, p in PLACES.items()),
]
OVERRIDES = [
    ["site", "depth_m", "start", "end", "check", "decision", "reason"],
    ["A1", "8", "2023-01-01", "2023-02-01", "spike", "keep", "seen"],
    ["B2", "", "", "", "", "drop", "why"],
]
KEY = ["site", "time", "depth_m", "temperature_c", "year_start", "year_end", "row"]

NUMBERS = [
    "inf",
    "1e308",
    "1e400",
    "-999",
    "1,5",
    "1_0",
    "0x1F",
    "１２",
    "−2",
    "True",
    "1e-400",
    "00",
]
DATES = [
    "45000.5",
    "2023",
    "2023-02-29",
    "2024-02-29",
    "9999-01-01",
    "1/2/23",
    "23-01-05",
    "2023-01",
]
CLOCKS = ["2023-01-01T00:00Z", "2023-01-01 24:00", "2023-01-01 1:00 +0800", "12:00"]
WORDS = [
    "#N/A",
    "=1+1",
    "@x",
    "+A",
    "A1",
    "B2",
    "a1",
    "51°30'",
    "124E",
    "N",
    "\u200b",
    "漠河",
    "a\nb",
]
ODD = [*MISSING_TEXTS, *NUMBERS, *DATES, *CLOCKS, *WORDS, "\t", ";", ",", '"', "/*", "*/", "<a>"]
odd_text = st.one_of(
    st.sampled_from(ODD),
    st.text(max_size=6),
    st.floats().map(str),
    st.integers().map(str),
)
odd_cell = st.one_of(
    odd_text,
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(min_value=pd.Timestamp("1901-01-01"), max_value=pd.Timestamp("2100-01-01")),
    st.timedeltas(min_value=pd.Timedelta(0), max_value=pd.Timedelta(days=900)),
)
place = st.floats(0, 1, exclude_max=True)
cuts = st.lists(st.tuples(place, st.integers(0, 9), st.binary(max_size=6)), min_size=1, max_size=4)


def written(path, separator, above, rows):
    """Write the rows as text or, without a separator, as a workbook."""
    if separator:
        text = io.StringIO()
        csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
        path.write_bytes((above + text.getvalue()).encode("utf-8", "surrogatepass"))
        return
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def read(folder, kind, sites=SITES):
    """What the files of a folder hold; the readers check the contracts of both tables."""
    written(folder / "sites.csv", ",", "", sites)
    (folder / "x.txt").write_text("Site code: A1\nLongitude: 124.5\nLatitude: 51.2\n")
    return read_boreholes(folder / KINDS[kind][0], folder / "sites.csv")


@cache
def in_order(kind):
    """Records of the file without a fault."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / KINDS[kind][0]
        written(path, *KINDS[kind][1:])
        return read(path.parent, kind).records


def with_cell(rows, at, cell, below=1):
    """The rows with one cell changed, and where that is; a header is changed if below is 0."""
    i = below + int(at[0] * (len(rows) - below))
    j = int(at[1] * len(rows[i]))
    return (
        [
            [cell if (a, b) == (i, j) else old for b, old in enumerate(row)]
            for a, row in enumerate(rows)
        ],
        i,
        j,
    )


def check_a_cell(kind, at, cell):
    """The other rows come back as they were, and the cell as the number that it is."""
    name, separator, above, rows = KINDS[kind]
    cell = str(cell) if separator else cell
    spoiled, i, j = with_cell(rows, at, cell)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        try:
            written(path, separator, above, spoiled)
            found = read(path.parent, kind).records
        except ERRORS:
            return
        except IllegalCharacterError:  # openpyxl writes no such cell
            return
    good = in_order(kind)
    row = good["row"].min() + i - 1
    others = [table.loc[table["row"] != row, KEY].reset_index(drop=True) for table in (good, found)]
    pd.testing.assert_frame_equal(*others, check_dtype=False)
    here = found.loc[found["row"] == row, ["depth_m", "temperature_c"]].to_numpy().ravel()
    is_value = not isinstance(rows[i][j], str)
    if is_value and kind not in ("GTN-P long", "profile", "PANGAEA"):
        number = pd.to_numeric(str(cell).strip().replace(",", "."), errors="coerce")
        assert np.isclose(here, number, rtol=1e-12, atol=0, equal_nan=True).any(), here


def check_bytes(kind, changes):
    """Bytes cut out and put in anywhere."""
    name, separator, above, rows = KINDS[kind]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        written(path, separator, above, rows)
        path.write_bytes(changed(path.read_bytes(), changes))
        refused_or_read(lambda: read(path.parent, kind))


def changed(data, changes):
    for at, n, new in changes:
        start = int(at * len(data))
        data = data[:start] + new + data[start + n :]
    return data


def check_part(kind, part, changes):
    """The same within a part of a workbook, which stays a zip in order."""
    name, _, _, rows = KINDS[kind]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        written(path, "", "", rows)
        with ZipFile(path) as parts:
            content = {name: parts.read(name) for name in parts.namelist()}
        chosen = sorted(content)[int(part * len(content))]
        content[chosen] = changed(content[chosen], changes)
        with ZipFile(path, "w", ZIP_STORED) as parts:
            for member, data in content.items():
                parts.writestr(member, data)
        refused_or_read(lambda: read(path.parent, kind))


def check_sites(at, cell):
    """One cell of the table of sites, its header included."""
    spoiled, i, _ = with_cell(SITES, at, cell, below=0)
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder) / "x.csv", *KINDS["long"][1:])
        data = refused_or_read(lambda: read(Path(folder), "long", spoiled))
    if data is not None and i > 0:
        other = "B2" if i == 1 else "A1"
        assert (
            tuple(data.sites.set_index("site").loc[other, ["longitude", "latitude"]])
            == PLACES[other]
        )


def check_overrides(at, cell, changes):
    """One cell of the table of overrides, and bytes anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "overrides.csv"
        written(path, ",", "", with_cell(OVERRIDES, at, cell, below=0)[0])
        path.write_bytes(changed(path.read_bytes(), changes))
        study = SimpleNamespace(
            path=lambda name: path, boreholes=SimpleNamespace(overrides=path.name)
        )
        overrides = refused_or_read(lambda: read_overrides(study))
    if overrides is not None:
        assert overrides.table["decision"].isin(["keep", "drop"]).all()


def refused_or_read(action):
    try:
        return action()
    except ERRORS as error:
        assert len(str(error)) < 5000
        return None


def few(n):
    return settings(max_examples=n, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize("kind", KINDS)
@given(at=st.tuples(place, place), cell=odd_cell)
@few(15)
def test_a_cell_is_refused_or_read_and_the_others_are_as_before(kind, at, cell):
    check_a_cell(kind, at, cell)


@pytest.mark.parametrize("kind", KINDS)
@given(changes=cuts)
@few(10)
def test_changed_bytes_are_refused_or_read(kind, changes):
    check_bytes(kind, changes)


@given(kind=st.sampled_from(["workbook", "long workbook"]), part=place, changes=cuts)
@few(30)
def test_changed_parts_of_a_workbook_are_refused_or_read(kind, part, changes):
    check_part(kind, part, changes)


@given(at=st.tuples(place, place), cell=odd_text)
@few(30)
def test_a_cell_of_the_sites_is_refused_or_read_and_the_others_are_as_before(at, cell):
    check_sites(at, cell)


@given(at=st.tuples(place, place), cell=odd_text, changes=st.one_of(st.just([]), cuts))
@few(30)
def test_overrides_are_refused_or_read(at, cell, changes):
    check_overrides(at, cell, changes)
