"""Tab-separated text of PANGAEA: a description between /* and */, then the table.

Columns are such as Event, Latitude, Longitude, Date/Time, Depth [m] and MAGT [°C], or one column
per standard depth such as MAGT 10 m [°C]. Sites that only the description names (lines
``Event(s): CODE * LATITUDE: ... * LONGITUDE: ...``) are taken from there.
"""

from __future__ import annotations

import re

import pandas as pd

from helpers.boreholes.cells import times
from helpers.boreholes.coordinates import DEGREES
from helpers.boreholes.headers import SYNONYMS, depth_of, listed, shortened
from helpers.boreholes.positions import site_rows
from helpers.boreholes.readers import Read, one_depth_per_row, read_long, read_profiles
from helpers.boreholes.tables import Table
from helpers.storage import ContractError

_ITEM = re.compile(r"(LATITUDE|LONGITUDE|ELEVATION):[ \t]*(\S+)")
_YEAR = r"\s*\d{4}\s*"


def read_pangaea(table: Table, crs: str | None) -> Read:
    """Means over years (only years are stated, or the column is MAGT) or readings, and sites.

    Several years of a site and depth are several records. Columns without a meaning here are not
    used.
    """
    events = _events(table)
    by_depth = [name for name in table.frame if name not in SYNONYMS and depth_of(name) is not None]
    if not by_depth and not {"depth_m", "temperature_c"} <= set(table.frame):
        raise ContractError(
            f"{table.place}: neither 'Depth [m]' and a temperature such as 'MAGT [°C]' nor columns "
            f"such as 'MAGT 10 m [°C]' found. Found: {listed(table.headers)}. Map them in "
            'study.toml: boreholes.columns = {temperature_c = "its name"}.'
        )
    of_means = table.header((by_depth or ["temperature_c"])[0]).upper().startswith("MAGT")
    table = _with_years_or_times(_with_site(table, events), of_means)
    read = read_long if "time" in table.frame else read_profiles
    records, sites = read(_long(table, by_depth) if by_depth else table, crs)
    if sites.empty and len(events):
        sites = site_rows(Table(table.path, "", events), crs)
    return records, sites


def _events(table: Table) -> pd.DataFrame:
    """Site, latitude, longitude and elevation of the events in the description."""
    found = []
    for row, line in enumerate(table.comment.split("\n"), 1):
        name, _, items = line.partition("*")
        if not items.lstrip().startswith("LAT"):
            continue
        site = name.strip().removeprefix("Event(s):").strip()
        site = site.partition("(")[0].strip() if site.endswith(")") else site
        found.append({"row": row, "site": site} | _place(items, f"{table.place}: row {row}"))
    columns = {"elevation": "elevation_m"}
    return pd.DataFrame(found).rename(columns=columns).set_index("row") if found else pd.DataFrame()


def _place(items: str, row: str) -> dict[str, float]:
    """Latitude, longitude and, if it is known, elevation in the line of an event."""
    found = {name.lower(): value for name, value in _ITEM.findall(items)}
    numbers = pd.to_numeric(pd.Series(found, dtype=str), errors="coerce")
    if not set(DEGREES) <= set(found) or numbers.isna().any():
        raise ContractError(
            f"{row}: the event has no LATITUDE and LONGITUDE in numbers: '{shortened(items)}'. "
            "Write them such as LATITUDE: 51.2 * LONGITUDE: 124.5."
        )
    return numbers.to_dict()


def _with_site(table: Table, events: pd.DataFrame) -> Table:
    if "site" in table.frame:
        return table
    if len(events) != 1:
        raise ContractError(
            f"{table.place}: no column 'Event', and the description names {len(events)} events, "
            "so the hole of each row is not known. Add a column 'Event'."
        )
    return table._replace(frame=table.frame.assign(site=events["site"].iloc[0]))


def _with_years_or_times(table: Table, of_means: bool) -> Table:
    """The table with a column year for means over years, or a column time for readings."""
    frame = table.frame
    if "time" not in frame and not (of_means or "year" in frame):
        raise ContractError(
            f"{table.place}: no column 'Date/Time' or 'Year', so it is not known when the "
            "temperatures were measured. Add one."
        )
    if "time" not in frame:
        return table
    if frame["time"].dropna().astype(str).str.fullmatch(_YEAR).all():
        return table._replace(frame=frame.rename(columns={"time": "year"}))
    table.require_filled("time")
    time = times(table.cells("time"), table.place)
    if of_means:
        return table._replace(frame=frame.drop(columns="time").assign(year=time.dt.year))
    return table._replace(frame=frame.assign(time=time))


def _long(table: Table, by_depth: list[str]) -> Table:
    """The table with its columns of standard depths below one another."""
    known = table.frame[[name for name in table.frame if name in SYNONYMS]]
    long = one_depth_per_row(known, table.frame[by_depth], table.place)
    columns = {k: v for k, v in table.columns.items() if k not in ("depth_m", "temperature_c")}
    return table._replace(frame=long, columns=columns)
