"""Where the sites lie and in what setting: site table, metadata beside a file, own columns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.boreholes.coordinates import DEGREES, degrees, longitude_latitude
from helpers.boreholes.headers import Column, listed, matching, meaning
from helpers.boreholes.tables import Table, read_tables
from helpers.boreholes.text_files import read_text
from helpers.storage import ContractError

SITE_COLUMNS = ["site", "longitude", "latitude", "elevation_m", "setting", "file", "row"]
NOT_STATED = "not stated"
SAME_DEGREES = 1e-6
METADATA: Mapping[str, str] = {
    "Site code": "site",
    "Longitude": "longitude",
    "Latitude": "latitude",
    "Elevation (m)": "elevation_m",
    "Setting": "setting",
}
BESIDE = ("{stem}.txt", "{stem}_metadata.txt", "{stem}_metadata.csv")  # best first


def site_rows(table: Table, crs: str | None = None) -> pd.DataFrame:
    """Site, longitude, latitude, elevation_m, setting, file and row; each place of a site once."""
    table.require_filled("site")
    longitude, latitude = longitude_latitude(table, crs)
    rows = pd.DataFrame({"site": table.words("site"), "longitude": longitude})
    rows["latitude"] = latitude
    rows["elevation_m"] = table.numbers("elevation_m") if "elevation_m" in table.frame else np.nan
    rows["setting"] = table.words("setting").str.lower() if "setting" in table.frame else None
    rows = rows.assign(file=table.path.name, row=rows.index)
    return rows.drop_duplicates(SITE_COLUMNS[:-1])


def site_table_rows(table: Table, crs: str | None = None) -> pd.DataFrame:
    """The rows of a site table; a site that comes twice is an error."""
    table.require_filled("site")
    site = table.words("site")
    for repeated in site[site.duplicated()]:
        rows = listed(map(str, site.index[site == repeated]))
        raise ContractError(f"{table.place}: site '{repeated}' comes in rows {rows}; keep one.")
    return site_rows(table, crs)


def metadata_beside(path: Path, crs: str | None, site_keys: tuple[str, ...]) -> pd.DataFrame | None:
    """Site rows from the text (lines ``Key: value``) or the csv beside a file; None without one.

    ``site_keys`` are the keys that may hold the code of the site in a text, best first.
    """
    beside = (path.with_name(name.format(stem=path.stem)) for name in BESIDE)
    # Path.is_file raises an error where the name is too long for a file to have.
    found = next((other for other in beside if os.path.isfile(other)), None)  # noqa: PTH113
    if found is None:
        return None
    if found.suffix == ".csv":
        return pd.concat([site_table_rows(table, crs) for table in read_tables(found, {})])
    return _of_lines(found, site_keys)


def _of_lines(path: Path, site_keys: tuple[str, ...]) -> pd.DataFrame:
    """Site row of a text with lines ``Key: value``."""
    parts = [line.partition(":") for line in read_text(path).splitlines()]
    lines = {key.strip(): (row, value.strip()) for row, (key, _, value) in enumerate(parts, 1)}
    frame = pd.DataFrame(index=[1])
    for key, ours in METADATA.items():
        wanted = site_keys if ours == "site" else ()
        named = [k for w in wanted for k in lines if k.lower() == w]
        named += [k for k in lines if meaning(k)[0] == ours]
        found = next((k for k in named if lines[k][1]), None)
        if found is not None:
            frame[ours] = _value(path, ours, found, *lines[found])
        elif ours in ("site", *DEGREES):
            hint = matching(key, set(lines) - set(METADATA))
            raise ContractError(
                f"{path}: the line '{key}: ...' is missing or empty.{hint} Add it or correct it."
            )
    return site_rows(Table(path, "", frame))


def _value(path: Path, ours: str, key: str, row: int, value: str) -> object:
    """Value of one line; what cannot be read is named by its row."""
    column = Column(ours, meaning(key)[1], key)
    line = Table(path, "", pd.DataFrame({ours: [value]}, index=[row]), {ours: column})
    if ours in DEGREES:
        return degrees(line, ours).iloc[0]
    return line.numbers(ours).iloc[0] if ours == "elevation_m" else value


def one_row_per_site(rows: pd.DataFrame) -> pd.DataFrame:
    """Site rows of several parts as one table; a site at two places is an error.

    Coordinates may differ by 1e-6 degrees. The first row of a site counts, completed by what
    later ones know of elevation and setting.

    Parameters
    ----------
    rows
        site, longitude, latitude, elevation_m, setting, file, row.

    Returns
    -------
    pandas.DataFrame
        The same columns, one row per site, in the order of their first appearance.

    """
    rows = rows.assign(setting=rows["setting"].where(rows["setting"] != NOT_STATED))
    one = rows.groupby("site", sort=False).first()
    for column in DEGREES:
        apart = rows[(rows[column] - rows["site"].map(one[column])).abs() > SAME_DEGREES]
        for row in apart.itertuples():
            first = one.loc[row.site]
            raise ContractError(
                f"{row.file}: row {row.row}: site '{row.site}' has {column} "
                f"{getattr(row, column):g}, but {first['file']}, row {first['row']}, says "
                f"{first[column]:g}. Correct one of them, give the holes different codes, or "
                "say which column has the codes: boreholes.columns in study.toml (site = ...)."
            )
    one["setting"] = one["setting"].fillna(NOT_STATED)
    return one.reset_index()[SITE_COLUMNS]
