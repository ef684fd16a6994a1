"""Malformed borehole files: each gets a message that names the place and the remedy."""

import re
from datetime import date
from typing import Any, NamedTuple

import pytest
from openpyxl import Workbook

from helpers.boreholes import read_boreholes
from helpers.storage import ContractError

SITES = "site,longitude,latitude\nA1,124.5,51.2\n"
LONG = "site,time,depth_m,temperature_c\n"
PROFILE = "site,longitude,latitude,depth_m,temperature_c\n"
GTNP = "Date/Depth,0.5\n2023-01-01 00:00:00,-8\n"
METADATA = "Site code: A1\nLongitude: 124.5\nLatitude: 51.2\n"
PANGAEA = "/* DATA DESCRIPTION:\nCitation:\tSomebody (2024)\n*/\n"
GOOD = LONG + "A1,2023-01-01,1,-2\n"


class Case(NamedTuple):
    """A survey with one fault: files by name (text, bytes, or sheets of rows), and its message."""

    name: str
    files: dict[str, Any]
    place: str
    remedy: str
    arguments: dict[str, Any] = {}


def csv(name, text, place, remedy, **arguments):
    return Case(name, {"x.csv": text}, r"x\.csv" + place, remedy, arguments)


def sheet(name, rows, place, remedy):
    return Case(name, {"w.xlsx": {"A1": rows}}, r"w\.xlsx" + place, remedy)


def sites(name, text, place, remedy, **arguments):
    return Case(name, {"x.csv": GOOD, "sites.csv": text}, place, remedy, arguments)


CASES = [
    csv("year 9999", LONG + "A1,9999-01-01,1,2", ": column 'time': row 2", "Write year-month-day"),
    csv("too many empty cells", GOOD + ",,,,,", ".*row 3 has 6 cells", "remove what does not"),
    csv("empty", "", ": the file is empty", "a header and rows are needed"),
    csv("header only", LONG, r": a header \(site, time", "Fill in the rows"),
    csv("truncated row", GOOD + "A1,2023-01-02,1", ".*row 3 has 3 cells", "Complete the row"),
    csv("row too long", GOOD + "A1,2023-01-02,1,-2,5", ".*row 3 has 5 cells", "does not belong"),
    csv("title with a comma", "Mohe, 2023\n" + GOOD, r".*row 2 has 4.*\(row 1\) has 2", "remove"),
    csv("open quote", GOOD + 'A1,"2023-01-02,1,-2\n' + GOOD * 9000, ": row", "not closed"),
    csv("blanks between columns", "site time depth\nA1 2023-01 1\n", ": unknown", "by commas, sem"),
    csv("unknown headers", "a,b\n1,2\n", ": unknown format.*found: a, b", r"boreholes\.columns"),
    csv(
        "misspelt header",
        LONG.replace("time", "tme") + "A1,2023-01-01,1,-2\n",
        ": column 'time' of a long table is missing",
        "Did you mean 'tme'.*Rename the column, or map it",
    ),
    csv(
        "column twice",
        "depth_m," + LONG + "1,A1,2023-01-01,1,-2",
        ": column 'depth_m'",
        "remove one",
    ),
    csv(
        "two columns of one meaning",
        "钻孔,孔号,日期,深度,温度\nA1,1,2023-01-01,1,-2\n",
        ": columns '钻孔' and '孔号' both mean 'site'",
        r"Remove one.*boreholes\.columns = \{site = ",
    ),
    csv(
        "word for number",
        LONG + "A1,2023-01-01,1,ice",
        ": column 'temp.*row 2 holds 'ice'",
        "Correct",
    ),
    csv(
        "truth for number",
        LONG + "A1,2023-01-01,1,True\nA1,2023-01-02,1,\n",
        ".*row 2 holds 'True'",
        "number is needed",
    ),
    csv(
        "infinite value",
        LONG + "A1,2023-01-01,1,inf",
        ": row 2: .*'temperature_c' is inf",
        "leave it",
    ),
    csv(
        "infinite depth",
        LONG + "A1,2023-01-01,-inf,1",
        ": row 2: site 'A1': 'depth_m'",
        "Correct it",
    ),
    csv(
        "both decimal signs",
        GOOD.replace(",", ";").replace("-2", "-2,5") + "A1;2023-01-02;1;-2.5\n",
        ": column 'temperature_c': row 3 holds '-2.5'",
        "Write all decimals with the same sign",
    ),
    csv(
        "thousands separator",
        LONG.replace(",", ";") + "A1;2023-01-01;1;1.234,56\n",
        ": column 'temperature_c': row 2 holds '1.234,56'",
        "Correct it",
    ),
    csv("day first", LONG + "A1,02/03/2023,1,2", ": column 'time': row 2", "Write year-month-day"),
    csv(
        "no such day", LONG + "A1,2023-02-30,1,2", ": column 'time': row 2", "Write year-month-day"
    ),
    csv("no time", LONG + "A1,,1,2", ": row 2 has no 'time'", "Fill it in or delete the row"),
    csv("no site", GOOD + ",2023-01-01,1,2", ": row 3 has no 'site'", "Fill it in or delete"),
    csv("no depth", GOOD + "A1,2023-01-01,,2", ": row 3 has no 'depth_m'", "Fill it in or delete"),
    csv(
        "depth in feet",
        LONG.replace("depth_m", "depth (ft)") + "A1,2023-01-01,1,2\n",
        r": column 'depth \(ft\)' is in 'ft'",
        "Convert it to m and name the column 'depth_m'",
    ),
    csv("year without month", "Year,1m\n2023,1", ": after 'Year' comes '1m'", "Add a column named"),
    csv("number of a sensor", "Date,1m,CH3\n2023-01,1,2", ": column 'CH3'", "rename it to 5m"),
    csv(
        "years exchanged",
        PROFILE.replace("\n", ",year_start,year_end\n") + "A1,124.5,51.2,1,2,2024,2023\n",
        ": row 2: site 'A1': 'year_start' is 2024",
        "Exchange or correct the years",
    ),
    csv(
        "two places",
        PROFILE + "A1,124.5,51.2,1,-2\nA1,124.9,51.2,2,-2\n",
        r": row 3: site 'A1' has longitude 124\.9, but sites\.csv, row 2",
        "Correct one of them, give the holes different codes",
    ),
    csv("nowhere", LONG + "B7,2023-01-01,1,2\n", r"\)\. Add", r"'B7' .*Add a row for each"),
    csv("only places", SITES.replace("A1", "C3"), ": a site table", r"Name .* as boreholes\.sites"),
    csv("comment only", PANGAEA, ": no header .* after the comment", "write the table there"),
    csv("comment without end", "/* DATA\na\tb\n1\t2\n", ": the comment that begins", r"add \*/"),
    Case("NUL bytes", {"x.csv": GOOD.encode("utf-16-le")}, r"x\.csv: not readable", "CSV UTF-8"),
    Case("no text", {"x.csv": b"site,\xff\xff\n"}, r"x\.csv: not readable as text", "CSV UTF-8"),
    Case(
        "old Excel", {"w.xls": b"\xd0\xcf\x11\xe0.."}, r"w\.xls: an old Excel", r"save it as \.xlsx"
    ),
    Case("damaged", {"w.xlsx": b"PK\x03\x04...."}, r"w\.xlsx: not a readable", "save it again"),
    sheet(
        "formula", [["Date", "1m"], ["2023-01", "=1+1"]], ": sheet1.*formula", "paste the values"
    ),
    sheet("Excel error", [["Date", "1m"], ["2023-01", "#REF!"]], ".*'A1': .*row 2 ", "Correct it"),
    sheet("truth", [["Date", "1m"], ["2023-01", True]], ".*'A1': column '1m': row 2", "Correct it"),
    sheet(
        "number turned into a date",
        [["Date", "1m"], ["2023-01", -1], ["2023-02", date(2023, 1, 2)]],
        ": sheet 'A1': column '1m': row 3 holds '2023-01-02",
        "a number is needed. Correct it",
    ),
    sheet("no table", [["made by"], ["somebody"]], ": sheet 'A1': unknown", "named 'notes'"),
    sheet(
        "sheet without rows", [["Date", "1m"]], ": sheet 'A1': a header", "take the file or sheet"
    ),
    Case("no metadata", {"g.csv": GTNP}, r"g\.txt not found", "the lines Site code: "),
    Case(
        "metadata key misspelt",
        {"g.csv": GTNP, "g.txt": METADATA.replace("Longitude", "Longitud")},
        r"g\.txt: the line 'Longitude: \.\.\.' is missing",
        "Did you mean 'Longitud'",
    ),
    Case(
        "metadata with a comma",
        {"g.csv": GTNP, "g.txt": METADATA.replace("51.2", "51,2")},
        r"g\.txt: column 'Latitude': row 3 holds '51,2'",
        "Write decimal degrees",
    ),
    Case(
        "metadata of two holes",
        {"g.csv": GTNP, "g_metadata.csv": SITES + "B2,125,52\n"},
        r"g_metadata\.csv: 2 sites found",
        "Leave one row",
    ),
    sites(
        "site twice", SITES + "A1,124.5,51.2\n", r"sites\.csv: site 'A1' comes in rows 2, 3", "keep"
    ),
    sites(
        "no latitude",
        "site,lon\nA1,124\n",
        r"sites\.csv: column 'latitude' of",
        "Rename the column",
    ),
    sites(
        "empty latitude", "site,lon,lat\nA1,124,\n", r"sites\.csv: row 2 has no 'lat'", "Fill it in"
    ),
    sites(
        "pole passed", "site,lon,lat\nA1,124,91\n", r"sites\.csv: column 'lat': row 2", "Correct it"
    ),
    sites(
        "75 minutes", "site,lon,lat\nA1,124,51°75'\n", r"column 'lat': row 2 holds '51°75'", "Write"
    ),
    sites(
        "east latitude", "site,lon,lat\nA1,124,51°5'E\n", "'lat': row 2", "Write decimal degrees"
    ),
    sites(
        "no CRS",
        "site,x,y\nA1,5e5,5e6\n",
        r"sites\.csv: columns 'x' and 'y'",
        "Set boreholes.sites",
    ),
    sites(
        "no such CRS", "site,x,y\nA1,5e5,5e6\n", "sites_crs: pyproj", "Give a code", sites_crs="?"
    ),
    sites(
        "outside the projection",
        "site,x,y\nA1,9e99,5e5\n",
        r"sites\.csv: row 2: x 9e\+99",
        r"exchange them in boreholes\.columns",
        sites_crs="EPSG:32651",
    ),
    csv(
        "PANGAEA, no hole",
        PANGAEA + "Year\tMAGT 1 m [°C]\n2010\t1",
        ": no col.*0 events",
        "Add a col",
    ),
    csv(
        "PANGAEA, no value",
        PANGAEA + "Event\tYear\nA1\t2010",
        ": neither 'Depth",
        "Map them in study",
    ),
    csv(
        "PANGAEA, no date",
        PANGAEA + "Event\tT 1 m [°C]\nA1\t-1",
        ": no column 'Date/Time'",
        "Add one",
    ),
    Case(
        "mapping of no column of ours",
        {"x.csv": GOOD},
        "boreholes.columns: 'temprature_c' is none of our columns",
        "mean 'temperature_c'.*Choices: ",
        {"columns": {"temprature_c": "T"}},
    ),
    csv("no such format", GOOD, "", "mean 'long table'.*Choices: ", formats={"x.csv": "lng table"}),
    csv(
        "no such file",
        GOOD,
        r"\. Correct",
        r"matches 'y\.csv'.*Correct",
        formats={"y.csv": "long table"},
    ),
    csv(
        "another format told",
        GOOD,
        ": column '0.5m' of a wide workbook is missing",
        "Rename the column",
        formats={"*.csv": "wide workbook"},
    ),
]


def write(path, content):
    if isinstance(content, dict):
        book = Workbook()
        book.remove(book.active)
        for name, rows in content.items():
            added = book.create_sheet(name)
            for row in rows:
                added.append(row)
        book.save(path)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_malformed_file_is_refused_with_place_and_remedy(tmp_path, case):
    files = {"sites.csv": SITES, **case.files}
    written = {name: write(tmp_path / name, content) for name, content in files.items()}
    paths = [path for name, path in written.items() if name not in ("sites.csv", "g.txt")]
    with pytest.raises((ContractError, FileNotFoundError)) as refusal:
        read_boreholes(paths, written["sites.csv"], **case.arguments)
    message = " ".join(str(refusal.value).split())
    assert re.search(case.place, message), message
    assert re.search(case.remedy, message), message


def test_the_same_survey_without_a_fault_is_read(tmp_path):
    path, place = write(tmp_path / "x.csv", GOOD), write(tmp_path / "sites.csv", SITES)
    assert len(read_boreholes(path, place).records) == 1
