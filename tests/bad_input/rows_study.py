"""Study files: what stands in study.toml."""

import re

from bad_input.catalogue import row
from bad_input.good_study import append, edit, run_to_covariates, run_to_forest, run_to_sites

from helpers.figures.towns import draw_towns
from helpers.study import load_study

CRS = "+proj=aea +lat_1=48.8333 +lat_2=52.1667 +lat_0=0 +lon_0=122 +datum=WGS84 +units=m"
EQUAL_AREA = "equal-area CRS in metres"


def edited(what, old, new, where, remedy, step=load_study):
    """A row for a text of study.toml in place of another."""
    row("study", what, where, remedy, lambda folder: edit(folder, (old, new)), step)


def appended(what, text, where, remedy, step=load_study):
    """A row for a text at the end of study.toml."""
    row("study", what, where, remedy, lambda folder: append(folder, text), step)


def coded(what, encode, where=r"study\.toml: not valid TOML", remedy="saves it as UTF-8"):
    """A row for other bytes of study.toml."""

    def spoil(folder):
        file = folder / "study.toml"
        file.write_bytes(encode(file.read_text(encoding="utf-8")))

    row("study", what, where, remedy, spoil, load_study)


edited("west and east exchanged", "west = 118", "west = 127", r"study\.toml: area", "west must lie")
edited("area across the date line", "east = 126", "east = -170", r"toml: area", "west must lie")
edited("longitude of 0 to 360", "east = 126", "east = 236", r"toml: area\.east", "less than.*180")
edited("area without height", "north = 53", "north = 48", r"toml: area", "south below north")
edited("no width", "east = 126", "east = 118.0001", "no land", "check area", run_to_covariates)
edited("latitude beyond the pole", "north = 53", "north = 95", r"area\.north", "less than.*90")
edited("an edge that is no number", "west = 118", "west = nan", r"area\.west", "finite number")
edited("an edge as text", "west = 118", 'west = "118"', r"area\.west", "valid number")
edited("a key misspelt", "n_trees =", "n_tree =", r"forest\.n_tree:", "Did you mean 'n_trees'")
edited("a section misspelt", "[forest]", "[forrest]", "forrest: unknown", "Did you mean 'forest'")
edited("true for a number", "n_trees = 20", "n_trees = true", r"forest\.n_trees", "valid integer")
edited("so many trees", "n_trees = 20", "n_trees = 1000000000", r"n_trees", "less than or equal")
edited("a predictor twice", '"air"]', '"air", "air"]', r"forest\.predictors", "named twice")
edited("an unknown predictor", '"air"]', '"rain"]', r"'rain' is not described", "choices: ele")
edited("no predictor", '["elevation", "air"]', "[]", r"forest\.predictors", "at least 1")
edited("quantiles that fall", "0.05, 0.25", "0.25, 0.05", r"forest\.quantiles", "levels that rise")
edited("a quantile of one", "0.75, 0.95", "0.75, 1.0", r"forest\.quantiles\.4", "less than 1")
edited("cells of 1 m", "resolution_m = 20000 ", "resolution_m = 1 ", "resolution_m", "larger cells")
edited("cells of no size", "resolution_m = 20000 ", "resolution_m = 0 ", "resolution_m", "greater")
edited("negative cells", "resolution_m = 20000 ", "resolution_m = -5 ", "resolution_m", "greater")
edited("infinite cells", "resolution_m = 20000 ", "resolution_m = inf ", "resolution_m", "finite")
edited(
    "a cell as large as a land", "resolution_m = 20000 ", "resolution_m = 1e9 ", "m: a", "smaller"
)
edited("degrees as CRS", CRS, "EPSG:4326", r"grid\.crs: found WGS 84", EQUAL_AREA)
edited("an unknown CRS", CRS, "EPSG:999999", r"grid\.crs: pyproj", EQUAL_AREA)
edited("a CRS of Mercator", CRS, "EPSG:3857", r"grid\.crs: .*not equal-area", EQUAL_AREA)
edited("a CRS in feet", "+units=m", "+units=us-ft", r"grid\.crs: found", EQUAL_AREA)
edited("a CRS with heights", CRS, "EPSG:6933+5773", r"grid\.crs: found", EQUAL_AREA)
edited(
    "a CRS that counts westwards", CRS, "+proj=cea +axis=wsu", r"grid\.crs: .*mirror", EQUAL_AREA
)
edited("a CRS of another side", CRS, "+proj=ortho +lat_0=-50", r"grid\.crs: .*reach", EQUAL_AREA)
edited(
    "no CRS of a map, but a name",
    f'crs = "{CRS}"',
    'crs = "EPSG:4326"\ncrs_name = "mine"',
    r"grid\.crs: found",
    EQUAL_AREA,
)
edited("a period that ends first", "end = 2024-12-31", "end = 2020-12-31", "period", "start must")
edited("30 February", "end = 2024-12-31", "end = 2024-02-30", r"toml: .*line \d+", "Correct it")
edited("a year for a day", "start = 2023-01-01", "start = 2023", r"period\.start", "valid date")
edited("a date as text", "start = 2023-01-01", 'start = "2023"', r"period\.start", "valid date")
edited("a name with slashes", 'name = "mine"', 'name = "../mine"', r"about\.name", "match pattern")
edited("a seed out of range", "\nseed = 1", "\nseed = -1", r"about\.seed", "greater")
edited(
    "one fold", "\nn_folds = 5", "\nn_folds = 1", r"validation\.n_folds", "greater than or equal"
)
edited(
    "more folds than sites",
    "\nn_folds = 5",
    "\nn_folds = 60",
    "60 folds found 40 sites",
    "Lower n_folds",
    run_to_forest,
)
edited("a share above all", "max_share = 0.5", "max_share = 1.5", r"n\.max_share", "less than 1")
edited(
    "a depth of nothing", "depth_m = 15.0", "depth_m = 0", r"boreholes\.depth_m", "greater than 0"
)
edited("a colour in words", '"#08306b"', '"blue"', r"classes\.0\.colour", "match pattern")
edited("classes from warm to cold", "below_c = -5.0", "below_c = 5.0", "classes", "cold to warm")
edited(
    "two open classes",
    "below_c = -3.0\n",
    "",
    r"classes",
    "each with a below_c above that of the one before; only the last one has none",
)
edited("elevation of itself", "radius_m = 20000", 'elevation = "TPI"', "TPI", "relief, raster")
edited(
    "a radius of the Earth", "radius_m = 20000", "radius_m = 6e6", "radius_m", "less than or equal"
)
edited(
    "a pattern that leaves",
    "boreholes/*.csv",
    "../*.csv",
    r"boreholes\.files",
    "leaves the study",
    run_to_sites,
)
edited(
    "a pattern of no file",
    "boreholes/*.csv",
    "holes/*.csv",
    "files: no file",
    "files",
    run_to_sites,
)
edited(
    "more sites wanted",
    "fewest_sites = 10",
    "fewest_sites = 100",
    "toml: .* sites",
    "100",
    run_to_sites,
)
appended("a section twice", "\n[forest]\nn_trees = 3\n", r"toml: not valid", "Correct it")
appended("a source misspelt", '\n[covariates.x]\nsource = "rastr"\n', r"covariates\.x", "'raster'")
appended(
    "a raster without units",
    '\n[covariates.x]\nsource = "raster"\npath = "a"\n',
    "x.*units",
    "missing",
)
appended(
    "classes of no fraction",
    '\n[covariates.x]\nsource = "raster"\npath = "a"\nunits = "1"\nclasses = [1]\n',
    r"covariates\.x",
    "belong together",
)
appended("brackets without end", "\nx = " + "[" * 5000, r"toml: not valid", "Correct it")
appended("a number of 9000 digits", "\nx = " + "9" * 9000, r"toml: not valid", "Correct it")
coded("a text of UTF-16", lambda text: text.encode("utf-16"))
coded("a text of GBK", lambda text: text.encode("gbk"))
coded("a zero byte", lambda text: text.replace("west", "we\0st").encode(), remedy="Correct it")
coded("nothing in it", lambda text: b"", r"study\.toml: about", "this key is missing")
for name in ("../x", "a/b", "a*", "x" * 100):
    row(
        "study",
        f"a layer named {name[:9]}",
        r"study\.toml: covariates",
        r"String should match pattern.*found '" + re.escape(name[:9]),
        lambda folder, name=name: append(folder, f'\n[covariates."{name}"]\nsource = "relief"\n'),
        load_study,
    )

DEVICE, OTHER = "is a device of Windows", "choose another"
SOURCE = '\nsource = "raster"\npath = "rasters/air.tif"\nunits = "degC"\n'
edited("a name of a device", 'name = "mine"', 'name = "con"', rf"about\.name: .*{DEVICE}", OTHER)
appended("a layer named as a device", f"\n[covariates.Nul]{SOURCE}", rf"Nul.*{DEVICE}", OTHER)
appended(
    "two layers on one file of some disks",
    f"\n[covariates.AIR]{SOURCE}",
    "covariates: 'air' and 'AIR' differ",
    "rename one",
)


def towns(what, content, where, remedy):
    """A row for a table of towns."""

    def spoil(folder):
        edit(folder, ("# towns =", "towns ="))
        (folder / "towns.csv").write_text(content, encoding="utf-8")

    def drawn(folder):
        draw_towns(None, load_study(folder), 180)

    row("towns", what, where, remedy, spoil, drawn)


towns("a column misspelt", "nam,longitude,latitude\nA,120,50\n", r"towns\.csv: column name", "add")
towns("words", "name,longitude,latitude\nA,x,50\n", r"towns\.csv: .*longitude.*row 2", "Correct")
towns("nothing in it", "", r"towns\.csv: not readable", "Save it again")
towns("rows too long", "name,longitude,latitude\nA,120,50,7\n", r"towns\.csv: rows", "Remove")
