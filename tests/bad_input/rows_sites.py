"""Tables of sites, what study.toml says of files, and what a person decides in overrides.csv."""

from functools import partial

from bad_input.catalogue import row
from bad_input.good_study import edit, run_to_sites
from bad_input.rows_boreholes import GOOD, KEY, csv, files, put, reasons

A1 = "A1,124.5,51.2\n"
PLACES = "site,longitude,latitude\n" + A1
PROJECTED = "site,x,y\nA1,5e5,5.7e6\n"


def sites(what, text, where, remedy, setting=""):
    """A wrong table of sites for a borehole that has no place of its own."""
    spoil = partial(put, files={"x.csv": GOOD}, setting=setting, sites=text)
    row("sites", what, where, remedy, spoil, run_to_sites)


def table(what, text, where, remedy, setting=""):
    sites(what, text, r"sites\.csv" + where, remedy, setting)


def exchanged(which):
    """Exchange longitude and latitude of some sites, wherever they stand."""

    def spoil(folder):
        for name in ("holes.csv", "sites.csv"):
            path = folder / "boreholes" / name
            lines = [line.split(",") for line in path.read_text().splitlines()]
            for cells in lines[1:]:
                if which(cells[0]):
                    cells[1:3] = cells[2], cells[1]
            path.write_text("".join(",".join(cells) + "\n" for cells in lines))

    return spoil


def told(what, spoil, where, remedy):
    row("sites", what, where, remedy, spoil, reasons, is_told=True)


def decided(what, text, where, remedy):
    """A wrong table of overrides."""

    def spoil(folder):
        data = text if isinstance(text, bytes) else text.encode()
        (folder / "boreholes" / "overrides.csv").write_bytes(data)
        edit(folder, (KEY, f'overrides = "boreholes/overrides.csv"\n{KEY}'))

    row("sites", f"overrides: {what}", r"overrides\.csv" + where, remedy, spoil, run_to_sites)


# The table
table("empty", "", ": the file is empty", "a header and rows are needed")
table("header only", "site,longitude,latitude\n", ": a header", "Fill in the rows")
table("NUL bytes", PLACES + "B\0,124,51\n", ": not readable as text", "CSV UTF-8")
table("quotation mark not closed", PLACES + '"B2,124,51\n', ": rows of unequal", "Complete the row")
table("no latitude", "site,lon\nA1,124\n", ": column 'latitude' of", "Rename the column")
table("no site", PLACES + ",124,51\n", ": row 3 has no 'site'", "Fill it in or delete the row")
table("site twice", PLACES + A1, ": site 'A1' comes in rows 2, 3", "keep one")
table(
    "site 100,000 times",
    PLACES + A1 * 100_000,
    ": site 'A1' comes in rows 2, 3, .* and 99,971 more",
    "keep one",
)
table(
    "column of latitude twice",
    "site,longitude,lat,lat\nA1,124.5,51.2,51.3\n",
    ": column 'lat' comes twice",
    "rename or remove one",
)
sites(
    "codes in other letters",
    PLACES.replace("A1", "ａ １"),
    r"site 'A1' \(x\.csv\)",
    "Did you mean 'ａ １' for 'A1'\\? If so, write it the same way in both",
)
for text, fault in {
    "=cmd|' /C calc'!A0": "begins with '=': spreadsheet programs would run it as a formula",
    "@SUM(1+1)*cmd": "begins with '@'",
    "forest\u200b": "holds a character that cannot be seen",
    "f" * 101: "is longer than 100 characters",
}.items():
    table(
        f"setting {text[:20]!a}",
        f'site,longitude,latitude,setting\nA1,124.5,51.2,"{text}"\n',
        f": column 'setting': row 2 holds .*{fault}",
        "Write something else",
    )
sites(
    "setting misspelt",
    "site,longitude,latitude,setting\nA1,124.5,51.2,pipelin\n",
    r"sites\.csv: site 'A1' has the setting 'pipelin'",
    "Did you mean 'pipeline'.*Choices",
)
row(
    "sites",
    "symbolic link to nothing",
    r"study\.toml: boreholes\.files: .*sites\.csv links to nothing",
    "Connect its disk or remove it",
    lambda folder: (
        (folder / "boreholes" / "sites.csv").unlink(),
        (folder / "boreholes" / "sites.csv").symlink_to("nothing.csv"),
    ),
    run_to_sites,
)

# Degrees
table("empty latitude", "site,lon,lat\nA1,124,\n", ": row 2 has no 'lat'", "Fill it in")
table("pole passed", "site,lon,lat\nA1,124,91\n", ": column 'lat': row 2", "Correct it")
for value in ("51°75'", "51°5'E", "51,2", "N51.2E", "--51", "x" * 10**5):
    table(
        f"latitude {value[:20]}",
        f'site,lon,lat\nA1,124,"{value}"\n',
        f": column 'lat': row 2 holds '{value[:20]}.*which is no latitude",
        "Write decimal degrees",
    )
for value in ("inf", "1e308", "-1e400"):
    table(
        f"longitude {value}",
        f"site,lon,lat\nA1,{value},51\n",
        ": column 'lon': row 2 holds .*( beyond 360 degrees|no longitude)",
        "Correct it|Write decimal degrees",
    )
for value in ("inf", "1e400"):
    table(
        f"elevation {value}",
        f"site,lon,lat,elevation_m\nA1,124,51,{value}\n",
        ": .*row 2( holds '1e400'|: site 'A1': 'elevation_m' is inf)",
        "Correct it",
    )
table(
    "metres among degrees",
    PLACES + "B2,500000,5700000\n",
    ": column 'longitude': row 3 holds '500000",
    "projected coordinates belong into columns x and y",
)
table(
    "degrees in one row, metres in another",
    "site,longitude,latitude,x,y\nA1,124.5,51.2,,\nB2,,,5e5,5.7e6\n",
    ": row 3 has no 'longitude'",
    "Fill it in or delete the row",
)
told(
    "coordinates of one site exchanged",
    exchanged(lambda site: site == "H07"),
    "H07,used.*swapped coordinates,.*repaired,longitude and latitude were exchanged",
    '"H07,,,,swapped coordinates,keep,why"',
)
told(
    "coordinates of all sites exchanged",
    exchanged(lambda site: True),
    "H00,used.*swapped coordinates.*H39,used.*swapped coordinates",
    '"H39,,,,swapped coordinates,keep,why"',
)
told(
    "longitudes west instead of east",
    partial(
        put,
        files={"x.csv": GOOD.replace(",1,", ",8,")},
        sites=PLACES.replace("124.5", "124.5W"),
    ),
    "A1,refused.*outside the area",
    r"at -124\.5 E, 51\.2 N; the study spans 118 to 126 E",
)

# Easting and northing
CRS = 'sites_crs = "EPSG:32651"'
table("no CRS", PROJECTED, ": columns 'x' and 'y'", "Set boreholes.sites_crs")
for code, words in {
    "?": "pyproj cannot read",
    "EPSG:4978": "Geocentric",
    "EPSG:5773": "Vert",
}.items():
    sites(
        f"CRS {code}",
        PROJECTED,
        rf"study\.toml: boreholes\.sites_crs: .*{words}",
        "Give a code such as",
        f'sites_crs = "{code}"',
    )
table(
    "outside the projection",
    "site,x,y\nA1,9e99,5e5\n",
    r": row 2: x 9e\+99",
    r"exchange them in boreholes\.columns",
    CRS,
)
table("easting inf", "site,x,y\nA1,inf,5.7e6\n", ": row 2: x inf, y 5700000", "Correct", CRS)
table("no northing", "site,x,y\nA1,5e5,\n", ": row 2 has no 'y'", "Fill it in or delete", CRS)
table(
    "easting and northing exchanged",
    "site,x,y\nA1,5.7e6,5e5\n",
    ": row 2: x 5700000, y 500000",
    r'boreholes\.columns = \{x = "y", y = "x"\}',
    CRS,
)
table(
    "easting with the number of another zone",
    PROJECTED + "B2,21500000,5700000\n",
    ": row 3: x 21500000",
    "another zone, or one whose eastings begin with its number",
    CRS,
)
told(
    "degrees where metres belong",
    partial(
        put,
        files={"x.csv": GOOD.replace(",1,", ",8,")},
        sites="site,x,y\nA1,124.5,51.2\n",
        setting=CRS,
    ),
    "A1,refused.*outside the area",
    "at 118.5.* E, 0.0004.* N; the study spans 118 to 126 E",
)

# What study.toml says of the files
files(
    "mapping of no column of ours",
    {"x.csv": GOOD},
    r"study\.toml: boreholes\.columns: 'temprature_c' is none of our columns",
    "mean 'temperature_c'.*Choices: ",
    'columns = {temprature_c = "T"}',
)
files(
    "no such format",
    {"x.csv": GOOD},
    r"study\.toml: boreholes\.formats: 'x\.csv' is told to be 'lng table'",
    "mean 'long table'.*Choices: ",
    'formats = {"x.csv" = "lng table"}',
)
for pattern in ("y.csv", ""):
    files(
        f"format of the file '{pattern}'",
        {"x.csv": GOOD},
        rf"study\.toml: boreholes\.formats: no borehole file matches '{pattern}'\. Files: .*x\.csv",
        "Correct the pattern or remove it",
        f'formats = {{"{pattern}" = "long table"}}',
    )
csv(
    "another format told",
    GOOD,
    ": column '0.5m' of a wide workbook is missing",
    "Rename the column",
    'formats = {"x.csv" = "wide workbook"}',
)

# What a person decides
HEADER = "site,depth_m,start,end,check,decision,reason\n"
decided("no header", "H00,,,,,keep,why\n", ": column site, start.* missing", "Found: H00")
decided("decision of another word", HEADER + "H00,,,,,maybe,why\n", ": row 2: dec", "Choices: keep")
decided("no reason", HEADER + "H00,,,,,keep,\n", ": row 2 has no site or no", "Both are needed")
decided("unknown site", HEADER + "H99,,,,,drop,why\n", ": row 2: no site 'H99'", "Correct the code")
decided("unknown check", HEADER + "H00,,,,spikes,keep,why\n", ": row 2: no ch", "mean 'spike'.*Ch")
decided("depth with unit", HEADER + "H00,8 m,,,,drop,why\n", ": .*'depth_m': row 2", "Correct it")
for value in ("01/02/2023", "2023-02-29", "9999-01-01"):
    decided(
        f"start {value}",
        HEADER + f"H00,,{value},,,drop,why\n",
        f": column 'start': row 2 holds '{value}'",
        "Write year-month-day",
    )
decided(
    "times with and without a zone",
    HEADER + "H00,,2023-01-01T00:00+08:00,,,drop,why\nH01,,2023-01-01,,,drop,why\n",
    ": column 'start': row 2 .* with a time zone, row 3",
    "Write all times with their zone, or none",
)
