"""Which format a table has, told by its columns alone."""

from __future__ import annotations

import pandas as pd

from helpers.boreholes.coordinates import DEGREES, PROJECTED, has_coordinates
from helpers.boreholes.headers import OUR_COLUMNS, depth_of, listed, matching
from helpers.boreholes.pangaea import read_pangaea
from helpers.boreholes.positions import site_table_rows
from helpers.boreholes.readers import (
    Read,
    read_gtnp_long,
    read_gtnp_wide,
    read_long,
    read_profiles,
    read_wide,
)
from helpers.boreholes.tables import Table
from helpers.storage import ContractError

WORKBOOK, LONG, PROFILE = "wide workbook", "long table", "profile table"
GTNP, GTNP_LONG = "GTN-P wide csv", "GTN-P long csv"
PANGAEA, SITE_TABLE = "PANGAEA table", "site table"
NEEDED = {
    PROFILE: ("site", "depth_m", "temperature_c"),
    LONG: ("site", "time", "depth_m", "temperature_c"),
    GTNP_LONG: ("site", "time", "depth_m", "temperature_c"),
    WORKBOOK: ("time", "0.5m"),
    GTNP: ("time", "0.5m"),
    PANGAEA: (),
    SITE_TABLE: ("site", *DEGREES),
}
FORMATS = tuple(NEEDED)
WIDE = (WORKBOOK, GTNP)


def recognised(table: Table, otherwise: str | None = None) -> str:
    """Name of the format; of a table that has none, ``otherwise``.

    Raises
    ------
    ContractError
        If it has none, and no other is given; says which headers were found and which expected.

    """
    if table.comment:
        return PANGAEA
    names = set(table.frame.columns)
    first = table.headers[0].lower()
    has_time = bool({"time", "year"} & names)
    if not missing_columns(table, LONG):
        of_gtnp = table.header("site").lower() == "borehole_id" and {"dataset_id", "flag"} & names
        return GTNP_LONG if of_gtnp and not table.sheet else LONG
    if not missing_columns(table, PROFILE) and has_coordinates(table):
        return PROFILE
    if has_time and "temperature_c" not in names and _has_depths(table):
        return GTNP if first == "date/depth" and not table.sheet else WORKBOOK
    if "site" in names and has_coordinates(table) and "temperature_c" not in names:
        return SITE_TABLE
    if otherwise is not None:
        return otherwise
    _explain_what_is_missing(table)
    raise ContractError(
        f"{table.place}: unknown format. Headers found: {listed(table.headers)}. Expected one "
        "of: a date (or year and month) and depths such as 0.5m (rename T_5 to 5m: the 5 may be "
        "the number of a sensor); 'Date/Depth' and depths (GTN-P); "
        f"{', '.join(NEEDED[LONG])}; {', '.join((*NEEDED[PROFILE], *DEGREES))}. Columns are "
        "separated by commas, semicolons or tabs. Other column names are mapped by "
        "boreholes.columns in study.toml; a sheet of notes is left out if it is named 'notes'."
    )


def missing_columns(table: Table, kind: str) -> list[str]:
    """Columns that a format needs and the table has not."""
    found = set(table.frame.columns)
    if {"year", "month"} <= found:
        found.add("time")
    if set(PROJECTED) <= found:
        found |= set(DEGREES)
    if "0.5m" in NEEDED[kind] and _has_depths(table):
        found.add("0.5m")
    return [name for name in NEEDED[kind] if name not in found]


def require_columns(table: Table, kind: str) -> None:
    """Raise an error that names the columns of a format that are missing."""
    missing = missing_columns(table, kind)
    if not missing:
        return
    found, first = table.headers, missing[0]
    names = ", ".join(f"'{name}'" for name in missing)
    verb = "columns {} of a {} are missing" if len(missing) > 1 else "column {} of a {} is missing"
    raise ContractError(
        f"{table.place}: {verb.format(names, kind)}.{matching(first, found)} "
        f"Found: {listed(found)}. Rename the column, or map it in study.toml: "
        f'boreholes.columns = {{{first} = "its name"}}.'
    )


def _explain_what_is_missing(table: Table) -> None:
    """Raise an error if the table is nearly a long or a profile table."""
    found = table.headers
    for kind in (PROFILE, LONG):
        if kind == PROFILE and not has_coordinates(table):
            continue
        missing = missing_columns(table, kind)
        alike = all(matching(name, found) for name in missing)
        if missing and (len(missing) <= len(NEEDED[kind]) / 2 or alike):
            require_columns(table, kind)


def _has_depths(table: Table) -> bool:
    return any(
        depth_of(name) is not None for name in table.frame.columns if name not in OUR_COLUMNS
    )


def _read_sites(table: Table, crs: str | None) -> Read:
    return pd.DataFrame(), site_table_rows(table, crs)


READERS = {
    WORKBOOK: read_wide,
    LONG: read_long,
    GTNP: read_gtnp_wide,
    GTNP_LONG: read_gtnp_long,
    PANGAEA: read_pangaea,
    PROFILE: read_profiles,
    SITE_TABLE: _read_sites,
}
