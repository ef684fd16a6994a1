"""Paths and folders: names in study.toml, symbolic links, folders in the place of files."""

import shutil

from bad_input.catalogue import row
from bad_input.good_study import edit, run_to_covariates, run_to_sites

from helpers.study import load_study

AIR = "rasters/air.tif"
LEAVES = "leaves the study folder.*Copy the file"


def named(what, path, where, remedy):
    """A row for another path of the raster in study.toml."""
    row(
        "path",
        what,
        where,
        remedy,
        lambda folder: edit(folder, (f'path = "{AIR}"', f"path = '{path}'")),
        run_to_covariates,
    )


def changed(what, change, where, remedy, step=run_to_covariates):
    """A row for a change of the raster's place in the folder."""
    row("path", what, where, remedy, lambda folder: change(folder / AIR), step)


def linked(target):
    """Put a symbolic link in the place of the raster."""

    def change(path):
        path.unlink()
        path.symlink_to(target)

    return change


def as_folder(path):
    path.unlink()
    path.mkdir()


named("a file of the system", "../../../../../../../etc/passwd", r"toml: .*passwd", LEAVES)
named("an absolute path", "/etc/passwd", r"study\.toml: '/etc/passwd'", LEAVES)
named("an address", "https://example.org/a.tif", r"toml: .*example\.org", "Put it there")
named("a bucket", "s3://bucket/a.tif", r"study\.toml: file 's3:", "Put it there")
named("GDAL's prefix of addresses", "/vsicurl/http://localhost/a.tif", "toml: '/vsicurl", LEAVES)
named("GDAL's prefix of archives", "/vsizip/a.zip/a.tif", r"toml: '/vsizip", LEAVES)
named("a database", "PG:dbname=a", r"study\.toml: file 'PG:", "Put it there")
named("a map service", "WMS:http://localhost/?", r"study\.toml: file 'WMS:", "Put it there")
named("backslashes", r"rasters\air.tif", r"toml: file 'rasters\\air", "Put it there, or correct")
named("another case", "rasters/AIR.tif", r"toml: file 'rasters/AIR", "Put it there, or correct")
named("a name too long", "a" * 5000, r"study\.toml: 'aaa", "Correct it in study.toml")
named("the study folder itself", ".", r"study\.toml: file '\.'", "Put it there, or correct")
changed("a link out of the folder", linked("/etc/passwd"), r"toml: 'rasters/air\.tif'", LEAVES)
changed(
    "a link to itself",
    linked("air.tif"),
    r"toml: (file )?'rasters/air",
    "link must end at a file|Put it",
)
changed("a link to nothing", linked("gone.tif"), r"toml: file 'rasters/air", "Put it there")
changed("a folder for the raster", as_folder, r"toml: file 'rasters/air", "Put it there")
row(
    "path",
    "a study that is not there",
    r"No study at .*mine",
    r"helpers\.run new",
    lambda folder: shutil.move(folder / "study.toml", folder / "study.txt"),
    load_study,
)
row(
    "path",
    "a folder for study.toml",
    r"No study at .*study\.toml",
    r"helpers\.run new",
    lambda folder: as_folder(folder / "study.toml"),
    load_study,
)
row(
    "path",
    "a borehole file that links to nothing",
    r"study\.toml: boreholes\.files: 'boreholes/\*\.csv': unplugged\.csv links to nothing",
    "Connect its disk or remove it",
    lambda folder: (folder / "boreholes" / "unplugged.csv").symlink_to("/mnt/disk/holes.csv"),
    run_to_sites,
)


def two_of_one_name(folder):
    """Put one hole's next year beside it under the same name, as loggers name their files."""
    edit(folder, ('files = ["boreholes/*.csv"]', 'files = ["boreholes/**/*.csv"]'))
    (folder / "boreholes" / "2024").mkdir()
    shutil.copy(folder / "boreholes" / "holes.csv", folder / "boreholes" / "2024")


row(
    "path",
    "two borehole files of one name",
    r"2024.holes\.csv and .*boreholes.holes\.csv|holes\.csv and .*2024.holes\.csv",
    "Rename one",
    two_of_one_name,
    run_to_sites,
)
