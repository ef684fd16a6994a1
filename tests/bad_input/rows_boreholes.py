"""Borehole files in text: what is wrong with the file, its rows, numbers, dates and codes."""

import re
from functools import partial

from bad_input.catalogue import row
from bad_input.good_study import edit, run_to_sites

from helpers import boreholes
from helpers.study import load_study

LONG = "site,time,depth_m,temperature_c\n"
GOOD = LONG + "A1,2023-01-01,1,-2\n"
PROFILE = "site,longitude,latitude,depth_m,temperature_c\n"
MEANS = PROFILE.replace("\n", ",year_start,year_end,n_months,amplitude_c\n")
SITES = "site,longitude,latitude\nA1,124.5,51.2\n"
GTNP = "Date/Depth,0.5\n2023-01-01 00:00:00,-8\n"
METADATA = "Site code: A1\nLongitude: 124.5\nLatitude: 51.2\n"
PANGAEA = "/* DATA DESCRIPTION:\nCitation:\tSomebody (2024)\n*/\n"
KEY = "fewest_sites = 10 "  # a line of study.toml before which others of its section fit


def put(folder, files, setting="", sites=SITES):
    """Write files of boreholes, named in study.toml, beside the good ones; and a site table."""
    for name, content in {"sites.csv": sites, **files}.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / "boreholes" / name).write_bytes(data)
    named = [f'"boreholes/{name}"' for name in files if not name.endswith((".csv", ".txt"))]
    patterns = ", ".join(['"boreholes/*.csv"', *named])
    edit(folder, ('files = ["boreholes/*.csv"]', f"files = [{patterns}]"))
    edit(folder, (KEY, f"{setting}\n{KEY}"))


def reasons(folder):
    """The quality report, as notebook 01 writes it, on one line per finding."""
    study = load_study(folder)
    checked = boreholes.check_study(study)
    sites, _ = boreholes.site_temperatures(checked, study)
    return boreholes.quality_report(checked, sites).to_csv()


def files(what, contents, where, remedy, setting=""):
    spoil = partial(put, files=contents, setting=setting)
    row("boreholes", what, where, remedy, spoil, run_to_sites)


def csv(what, text, where, remedy, setting=""):
    files(what, {"x.csv": text}, r"x\.csv" + where, remedy, setting)


def told(what, where, remedy, *replacements):
    """A fault in the good holes that ends in the quality report."""

    def spoil(folder):
        path = folder / "boreholes" / "holes.csv"
        text = path.read_text()
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)

    row("boreholes", what, where, remedy, spoil, reasons, is_told=True)


def one_file(name, content):
    """Put the only borehole file of the study under a name."""

    def spoil(folder):
        (folder / "boreholes" / "holes.csv").unlink()
        content(folder / "boreholes" / name)
        edit(folder, ("boreholes/*.csv", f"boreholes/{name}"))

    return spoil


# Files
csv("empty", "", ": the file is empty", "a header and rows are needed")
csv("header only", LONG, r": a header \(site, time", "Fill in the rows")
csv("NUL bytes", GOOD + "A1,2023-01-02,1,-\0002\n", ": not readable", "CSV UTF-8")
csv("UTF-16 without mark", GOOD.encode("utf-16-le"), ": not readable", "CSV UTF-8")
csv("no text", b"site,\xff\xff\n", ": not readable as text", "CSV UTF-8")
csv(
    "lines of two encodings",
    LONG.encode() + "漠河,2023-01-01,1,2\n".encode() + "根河,2023-01-01,1,2\n".encode("gb18030"),
    ": some lines are UTF-8",
    "Save each part again",
)
csv("web page", "<html><table><tr><td>1</td></tr></table></html>", ": a web page", "save it as")
csv("blanks between columns", "site time depth\nA1 2023-01 1\n", ": unknown", "by commas, sem")
csv("unknown headers", "a,b\n1,2\n", ": unknown format.*found: a, b", r"boreholes\.columns")
csv("only places", SITES.replace("A1", "C3"), ": a site table", r"Name .* as boreholes\.sites")
files(
    "web page called .xls", {"w.xls": "<html></html>"}, r"w\.xls: a web page", r"save it as \.xlsx"
)
row(
    "boreholes",
    "folder with the name of a file",
    r"study\.toml: boreholes\.files: no file matches 'boreholes/a\.csv'",
    "no file matches",
    one_file("a.csv", lambda path: path.mkdir()),
    run_to_sites,
)
row(
    "boreholes",
    "symbolic link to a file elsewhere",
    r"study\.toml: 'boreholes/a\.csv' leaves",
    "Copy the file into the folder and name it there",
    one_file("a.csv", lambda path: path.symlink_to(__file__)),
    run_to_sites,
)

# Rows and cells
csv("truncated row", GOOD + "A1,2023-01-02,1", ".*row 3 has 3 cells", "Complete the row")
csv("row too long", GOOD + "A1,2023-01-02,1,-2,5", ".*row 3 has 5 cells", "does not belong")
csv("too many empty cells", GOOD + ",,,,,", ".*row 3 has 6 cells", "remove what does not")
csv("title with a comma", "Mohe, 2023\n" + GOOD, r".*row 2 has 4.*\(row 1\) has 2", "remove")
csv("open quote", GOOD + 'A1,"2023-01-02,1,-2\n' + GOOD * 9000, ": row", "not closed")
csv("10 MB in a cell", GOOD + f"A1,2023-01-02,1,{'9' * 10**7}", ": row 3: not a", "too long")
csv("10 MB in a header", "q" * 10**7 + "," + GOOD, ": row 1: not a table", "too long")
csv(
    "100 kB in a cell",
    LONG + f"A1,2023-01-01,1,{'x' * 10**5}",
    r": column 'temperature_c': row 2 holds 'x{60}\.\.\. \(100,000 characters\)'",
    "Correct it",
)

# Columns
csv(
    "misspelt header",
    LONG.replace("time", "tme") + "A1,2023-01-01,1,-2\n",
    ": column 'time' of a long table is missing",
    "Did you mean 'tme'.*Rename the column, or map it",
)
csv("column twice", "depth_m," + LONG + "1,A1,2023-01-01,1,-2", ": column 'depth_m'", "remove one")
csv(
    "two columns of one meaning",
    "钻孔,孔号,日期,深度,温度\nA1,1,2023-01-01,1,-2\n",
    ": columns '钻孔' and '孔号' both mean 'site'",
    r"Remove one.*boreholes\.columns = \{site = ",
)
csv(
    "depth in feet",
    LONG.replace("depth_m", "depth (ft)") + "A1,2023-01-01,1,2\n",
    r": column 'depth \(ft\)' is in 'ft'",
    "Convert it to m and name the column 'depth_m'",
)
csv("year without month", "Year,1m\n2023,1", ": after 'Year' comes '1m'", "Add a column named")
csv("number of a sensor", "Date,1m,CH3\n2023-01,1,2", ": column 'CH3'", "rename it to 5m")
csv("decimal comma in a header", "Date,0,5m\n2023-01,-2,5\n", ": depths with", "write a point")

# Numbers; 1e400 is infinite to some releases of pandas, and no number to others.
NONE = r": .*row 2( holds|.*is -?inf|.*'depth_m' is)"
for value in ("inf", "-Infinity", "1e400"):
    csv(f"temperature {value}", LONG + f"A1,2023-01-01,1,{value}", NONE, "leave it")
    csv(f"depth {value}", LONG + f"A1,2023-01-01,{value},1", NONE, "Correct it")
for value in ("1.#INF", "1.#QNAN", "-nan(ind)", "#N/A", "#DIV/0!", "ice", "−2", "１２", "0x1F"):
    csv(
        f"temperature {value}",
        LONG + f"A1,2023-01-01,1,{value}",
        f".*row 2.*'{re.escape(value)}'",
        "Correct",
    )
csv("depth 1e308", LONG + "A1,2023-01-01,1e308,1", ": row 2.*'depth_m' is 1e", "Correct it")
csv("truth for number", GOOD + "A1,2023-01-01,1,True\n", ".*row 3.*'True'", "number is needed")
csv("all truth", LONG + "A1,2023-01-01,1,True\n", ".*row 2.*'True'", "number is needed")
csv("decimal comma, unquoted", LONG + "A1,2023-01-01,1,-2,5\n", ".*row 2 has 5 cells", "Complete")
csv("decimal comma, quoted", LONG + 'A1,2023-01-01,1,"-2,5"\n', ".*row 2 holds '-2,5'", "Correct")
csv("thousands in quotes", LONG + 'A1,2023-01-01,1,"1,234.5"', ".*row 2 holds '1,234", "Correct")
csv(
    "both decimal signs",
    GOOD.replace(",", ";").replace("-2", "-2,5") + "A1;2023-01-02;1;-2.5\n",
    ": column 'temperature_c': row 3 holds '-2.5'",
    "Write all decimals with the same sign",
)
csv(
    "thousands separator",
    LONG.replace(",", ";") + "A1;2023-01-01;1;1.234,56\n",
    ": column 'temperature_c': row 2 holds '1.234,56'",
    "Correct it",
)
csv("no depth", GOOD + "A1,2023-01-01,,2", ": row 3 has no 'depth_m'", "Fill it in or delete")
told("temperature 1e308", "H00.*impossible value", "H00,8.0.*keep", ("8.0,1.66", "8.0,1e308"))

# Times
NO_DAY = "such as 2023-07-01 or 2023-07"
for value in ("2023-02-29", "2023-02-30", "9999-01-01", "20230105", "2023-01-01 24:00", "45000"):
    csv(f"time {value}", LONG + f"A1,{value},1,2", f": column 'time': row 2 .*{value}", NO_DAY)
csv("day first", LONG + "A1,02/03/2023,1,2", ": column 'time': row 2", "Write year-month-day")
csv(
    "year of two digits",
    LONG + "A1,23-01-05,1,2",
    ": column 'time': row 2 holds '23-01-05'",
    "2005-01-23 if the day is first, 2023-01-05 if the year is first",
)
csv("no time", LONG + "A1,,1,2", ": row 2 has no 'time'", "Fill it in or delete the row")
csv(
    "times with and without a zone",
    LONG + "A1,2023-01-01T08:00+08:00,1,2\nA1,2023-01-02T08:00,1,2",
    r": column 'time': row 2 holds .*\+08:00' with a time zone, row 3",
    "Write all times with their zone, or none",
)


def repeat_an_hour(folder):
    """An hour comes twice where clocks are put back, and no zone tells which is which."""
    hours = [0, 1, 1, 2, 3]
    rows = [f"A1,2023-10-29 {hour:02}:30,{z},-2\n" for hour in hours for z in (8, 12, 16)]
    put(folder, {"x.csv": LONG + "".join(rows)})


row(
    "boreholes",
    "hour repeated where clocks are put back",
    "A1.*repeated depth,8.0",
    r"comes more than once \(2 values\): averaged",
    repeat_an_hour,
    reasons,
    is_told=True,
)
told(
    "hole copied under another code",
    "ZZ.*duplicate site.*H00 lies 0 m away",
    "ZZ,,,,duplicate site,keep",
    ("H01,119.5,48.5,", "ZZ,118.5,48.5,"),
)
csv(
    "years exchanged",
    MEANS + "A1,124.5,51.2,1,2,2024,2023,12,1\n",
    ": row 2: site 'A1': 'year_start' is 2024",
    "Exchange or correct the years",
)
for value in ("inf", "1e300", "-999", "202"):
    csv(
        f"year {value}",
        MEANS + f"A1,124.5,51.2,1,2,{value},2023,12,1\n",
        ": column 'year_start': row 2",
        "Correct it or leave it empty",
    )
csv("-999 months", MEANS + "A1,124.5,51.2,1,2,,,-999,1", ": row 2.*'n_months' is -999", "leave it")
csv("amplitude of -1", MEANS + "A1,124.5,51.2,1,2,,,12,-1", ": row 2.*'amplitude_c' is", "leave")

# Codes and places
csv("no site", GOOD + ",2023-01-01,1,2", ": row 3 has no 'site'", "Fill it in or delete")
csv("nowhere", LONG + "B7,2023-01-01,1,2\n", r"\)\. Add", r"'B7' .*Add a row for each to .*sites")
csv(
    "20,000 codes without a place",
    LONG + "".join(f"B{i},2023-01-01,1,2\n" for i in range(20_000)),
    r"\) and 19,970 more\.",
    "'B0' .*Add a row for each to .*sites",
)
csv(
    "two places",
    PROFILE + "A1,124.5,51.2,1,-2\nA1,124.9,51.2,2,-2\n",
    r": row 3: site 'A1' has longitude 124\.9, but sites\.csv, row 2",
    "Correct one of them, give the holes different codes",
)
for code in ("=cmd|' /C calc'!A0", "@SUM(1)", "+1+cmd", "A\x1b[2J", "A\u202e1", "A" * 101):
    csv(f"code {code[:20]!a}", LONG + f'"{code}",2023-01-01,1,2', ".*'site': row 2", "else")
files(
    "formula for a file name",
    {"=cmd.csv": "Date,1m\n2023-01,2\n"},
    r"=cmd\.csv: .*holds '=cmd', which begins with '='",
    "Write something else",
)

# GTN-P and PANGAEA
files("no metadata", {"g.csv": GTNP}, r"g\.txt not found", "the lines Site code: ")
files("name of 250 characters", {"n" * 246 + ".csv": GTNP}, r"n\.txt not found", "Site code: ")
files(
    "metadata key misspelt",
    {"g.csv": GTNP, "g.txt": METADATA.replace("Longitude", "Longitud")},
    r"g\.txt: the line 'Longitude: \.\.\.' is missing",
    "Did you mean 'Longitud'",
)
files(
    "metadata with a comma",
    {"g.csv": GTNP, "g.txt": METADATA.replace("51.2", "51,2")},
    r"g\.txt: column 'Latitude': row 3 holds '51,2'",
    "Write decimal degrees",
)
files(
    "metadata of two holes",
    {"g.csv": GTNP, "g_metadata.csv": SITES + "B2,125,52\n"},
    r"g_metadata\.csv: 2 sites found",
    "Leave one row",
)
csv("comment only", PANGAEA, ": no header .* after the comment", "write the table there")
csv("comment without end", "/* DATA\na\tb\n1\t2\n", ": the comment that begins", r"add \*/")
csv("no hole", PANGAEA + "Year\tMAGT 1 m [°C]\n2010\t1", ": no col.*0 events", "Add a col")
csv("no value", PANGAEA + "Event\tYear\nA1\t2010", ": neither 'Depth", "Map them in study")
csv("no date", PANGAEA + "Event\tT 1 m [°C]\nA1\t-1", ": no column 'Date/Time'", "Add one")
csv(
    "year of one row that is no year",
    PANGAEA.replace("*/", "Event(s):\tA1 * LATITUDE: 51.2 * LONGITUDE: 124.5\n*/")
    + "Year\tMAGT 8 m [°C]\tMAGT 12 m [°C]\n0.5\t-1\t-1\n",
    r": column 'Year': row 6 holds 0\.5, which is no year",
    "Correct it or leave it empty",
)
csv(
    "event with a place that is no number",
    "/*\nEvent(s):\tA1 * LATITUDE: 51.2.3 * LONGITUDE: 124\n*/\nYear\tMAGT 1 m [°C]\n2010\t1\n",
    r": row 2: the event has no LATITUDE and LONGITUDE in numbers: ' LATITUDE: 51\.2\.3",
    r"Write them such as LATITUDE: 51\.2",
)
