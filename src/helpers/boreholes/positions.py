"""Where the sites lie and in what setting: site table, GTN-P metadata, columns of a profile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from helpers.boreholes.cells import Table, matching, numbers, read_text, texts
from helpers.storage import ContractError

SITE_COLUMNS = ["site", "longitude", "latitude", "elevation_m", "setting", "file"]
NOT_STATED = "not stated"
METADATA: Mapping[str, str] = {
    "Site code": "site",
    "Longitude": "longitude",
    "Latitude": "latitude",
    "Elevation (m)": "elevation_m",
    "Setting": "setting",
}


def require_filled(table: Table, *columns: str) -> None:
    """Raise an error that names the first row in which one of the columns is empty."""
    for column in columns:
        empty = table.frame.index[table.frame[column].isna()]
        if len(empty):
            raise ContractError(
                f"{table.place}: row {empty[0]} has no '{column}'. Fill it in or delete the row."
            )


def site_rows(table: Table) -> pd.DataFrame:
    """Site, longitude, latitude, elevation_m and setting of every row, and the row itself."""
    require_filled(table, "site", "longitude", "latitude")
    frame = table.frame.reindex(columns=[*SITE_COLUMNS[:-1]])
    numeric = {c: numbers(frame[c], table.place) for c in ("longitude", "latitude", "elevation_m")}
    names = {"site": texts(frame["site"]), "setting": texts(frame["setting"]).str.lower()}
    rows = frame.assign(**numeric, **names, file=table.path.name, row=frame.index)
    return rows.drop_duplicates(SITE_COLUMNS)


def site_table_rows(table: Table) -> pd.DataFrame:
    """The rows of a site table; a site that comes twice is an error."""
    require_filled(table, "site")
    site = texts(table.frame["site"])
    for repeated in site[site.duplicated()]:
        rows = ", ".join(map(str, site.index[site == repeated]))
        raise ContractError(f"{table.place}: site '{repeated}' comes in rows {rows}; keep one.")
    return site_rows(table)


def gtnp_metadata(path: Path) -> pd.DataFrame:
    """Site row from the text beside a GTN-P file."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} not found. A GTN-P file needs this text beside it, with the lines "
            f"{', '.join(key + ': ...' for key in METADATA)}."
        )
    lines = [line.partition(":") for line in read_text(path).splitlines()]
    found = {key.strip(): value.strip() or None for key, _, value in lines}
    for key in ("Site code", "Longitude", "Latitude"):
        if found.get(key) is None:
            hint = matching(key, set(found) - set(METADATA))
            raise ContractError(f"{path}: the line '{key}: ...' is missing or empty.{hint}")
    for row, (key, _, _) in enumerate(lines, 1):
        if key.strip() in ("Longitude", "Latitude", "Elevation (m)"):
            numbers(pd.Series([found[key.strip()]], [row], name=key.strip()), str(path))
    row = {column: found.get(key) for key, column in METADATA.items()}
    return site_rows(Table(path, "", pd.DataFrame([row], index=[1], dtype=object)))


def one_row_per_site(rows: pd.DataFrame, records: pd.DataFrame, site_file: str) -> pd.DataFrame:
    """Site rows of all files as one table; a site without coordinates or with two is an error."""
    one = rows.groupby("site", sort=False).first()
    for column in ("longitude", "latitude"):
        apart = rows[(rows[column] - rows["site"].map(one[column])).abs() > 1e-6]
        for row in apart.itertuples():
            first = one.loc[row.site]
            raise ContractError(
                f"{row.file}: row {row.row}: site '{row.site}' has {column} "
                f"{getattr(row, column):g}, but {first['file']}, row {first['row']}, says "
                f"{first[column]:g}. Correct one of them, give the holes different codes, or "
                "say which column has the codes: boreholes.columns in study.toml (site = ...)."
            )
    homeless = records.loc[~records["site"].isin(one.index)].drop_duplicates("site")
    if len(homeless):
        names = ", ".join(f"'{row.site}' ({row.file})" for row in homeless.itertuples())
        raise ContractError(
            f"No coordinates for site {names}. Add a row for each to {site_file}: "
            "site,longitude,latitude,elevation_m,setting."
        )
    one["setting"] = one["setting"].fillna(NOT_STATED)
    return one.reset_index()[SITE_COLUMNS]
