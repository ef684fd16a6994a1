"""A new study for another region: a commented ``study.toml`` and a folder for boreholes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from helpers.settings import STUDY_NAME, Area, no_device
from helpers.storage import replacing
from helpers.study import StudyError
from helpers.study_check.projection import equal_area_crs
from helpers.study_check.rows import as_argument

_SIDES = ("west", "south", "east", "north")
# Of the name README.md, as no pattern for borehole files (*.csv, *.txt, *.xlsx) matches it.
_BOREHOLES = """# Borehole files of this study

Put your files here. Which of them are read says `files` under `[boreholes]` in `../study.toml`.
What stands here, in README.md, is not data.

The plainest table has a row for each depth of each hole, a mean over one or more years:

    site,longitude,latitude,elevation_m,depth_m,temperature_c,year_start,year_end
    A-01,101.234,50.412,1650,5.0,-1.12,2014,2018
    A-01,101.234,50.412,1650,10.0,-0.95,2014,2018
    A-01,101.234,50.412,1650,15.0,-0.91,2014,2018
    A-02,100.871,49.955,1485,3.0,0.40,2016,2018

Readings of a logger have a row for each value, and the coordinates in a file of their own, which
`sites` under `[boreholes]` names (`setting`: natural, road, town; disturbed ground is left out):

    site,time,depth_m,temperature_c            site,longitude,latitude,elevation_m,setting
    A-01,2017-08-01 12:00,5.0,-1.10            A-01,101.234,50.412,1650,natural
    A-01,2017-08-01 12:00,10.0,-0.95           A-02,100.871,49.955,1485,road

- Longitude and latitude in degrees (WGS 84), west and south negative; or x and y with `sites_crs`.
- Depth downwards and positive, m; temperature in deg C. Kelvin and cm are recognised and flagged.
- `site` is the code of one hole. Two holes need two codes, also at one place.
- Empty means missing. Decimal commas are read if columns are separated by semicolons or tabs.
- Other column names are mapped under `[boreholes.columns]`; sheets with a column for each depth,
  GTN-P and PANGAEA files are read as they are: see "Bring your own data" in the README.
- Holes that end above 15 m are extended downwards; the deepest sensor must lie at 5 m or below.
"""


def new_study(name: str, parent: Path, area: Sequence[float] | None = None) -> Path:
    """Write a commented ``study.toml`` for another region; an existing one is left alone.

    Parameters
    ----------
    name
        Of the study and its folder: lower-case letters, digits and _.
    parent
        Folder in which its folder is made.
    area
        West, south, east, north in degrees. They are filled in, with an equal-area CRS that suits
        them (see :func:`equal_area_crs`); without them those of Northeast China stand there.

    Raises
    ------
    StudyError
        If name or area cannot be used.
    FileExistsError
        If there is such a study.

    """
    if not re.fullmatch(STUDY_NAME, name):
        raise StudyError(f"'{name}': a name has lower-case letters, digits and _ only.")
    try:
        no_device(name)
    except ValueError as error:
        raise StudyError(f"{error}.") from error
    target = parent / name / "study.toml"
    if target.exists():
        raise FileExistsError(f"{target} exists already. Choose another name, or edit it.")
    text = files("helpers").joinpath("new_study.toml").read_text(encoding="utf-8")
    if area is not None:
        text = _of_area(text, area)
    with replacing(target) as unfinished:
        unfinished.write_text(text.replace("NAME", name), encoding="utf-8", newline="\n")
    with replacing(target.parent / "boreholes" / "README.md") as unfinished:
        unfinished.write_text(_BOREHOLES, encoding="utf-8", newline="\n")
    return target


def _of_area(text: str, area: Sequence[float]) -> str:
    """The text with the edges of the area, and a CRS for it, in place of those it has."""
    edges = dict(zip(_SIDES, area, strict=True))
    try:
        Area(**edges)
    except ValidationError as error:
        said = "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
        raise StudyError(
            f"area {' '.join(f'{edge:g}' for edge in area)}: {said}. Give west south east north in "
            "degrees, west and south negative; an area across 180 degrees must be cut there."
        ) from error
    values = {side: f"{edge:.10g}" for side, edge in edges.items()}
    values["crs"] = f'"{equal_area_crs(**edges)}"'
    for key, value in values.items():
        text = re.sub(rf'^{key} = ("[^"]*"|[-\d.]+)', f"{key} = {value}", text, flags=re.M)
    return text


def next_steps(path: Path) -> str:
    """What to do with a new study, for the screen."""
    study = as_argument(path.parent)
    return (
        f"Wrote {path}. Next:\n"
        f"  1. Put borehole files into {path.parent / 'boreholes'} (README.md there shows how they "
        "may\n     look), and decide what study.toml marks with DECIDE.\n"
        f"  2. make check STUDY={study}    says in seconds what is missing or doubtful\n"
        f"  3. make map STUDY={study}      (make fast STUDY={study}: a first look)"
    )
