"""Borehole files, as they come, to two tidy tables: records and sites.

Four formats are told apart by their content, not by the name of the file:

* ``wide workbook``: .xlsx (or csv), one sheet per hole, named by its code; the first column is a
  date (or the first two are year and month), every other one a depth such as ``0.5m``;
* ``long table``: site, time, depth_m (or depth_cm), temperature_c;
* ``GTN-P wide csv``: first header ``Date/Depth``, the others depths in m, and beside it a .txt
  with lines ``Site code:``, ``Longitude:``, ``Latitude:``, ``Elevation (m):``, ``Setting:``;
* ``profile table``: site, longitude, latitude, depth_m, temperature_c; means over years.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.boreholes.cells import (
    Table,
    matching,
    number_block,
    numbers,
    read_tables,
    texts,
    times,
)
from helpers.boreholes.positions import (
    gtnp_metadata,
    one_row_per_site,
    require_filled,
    site_rows,
    site_table_rows,
)
from helpers.storage import ContractError

WORKBOOK, LONG, GTNP, PROFILE = "wide workbook", "long table", "GTN-P wide csv", "profile table"
SITE_TABLE = "site table"
NEEDED = {
    PROFILE: ("site", "longitude", "latitude", "depth_m", "temperature_c"),
    LONG: ("site", "time", "depth_m", "temperature_c"),
    SITE_TABLE: ("site", "longitude", "latitude"),
}
OF_MEANS = ("year_start", "year_end", "n_months", "amplitude_c")
OUR_COLUMNS = {*NEEDED[PROFILE], "time", "depth_cm", "elevation_m", "setting", *OF_MEANS}
DATE_HEADERS = ("date", "time", "日期", "时间", "date/depth")
YEAR_HEADERS, MONTH_HEADERS = ("year", "年份", "年"), ("month", "月份", "月")
DEPTH_HEADER = re.compile(r"(?:深度|depth)?\s*(-?\d+(?:\.\d+)?)\s*(m|米|cm|厘米)?", re.IGNORECASE)
RECORD_TYPES = {
    "site": str,
    "time": "datetime64[ns]",
    "depth_m": float,
    "temperature_c": float,
    "averaging": str,
    "file": "category",
    "sheet": str,
    "row": int,
    "year_start": "Int64",
    "year_end": "Int64",
    "n_months": float,
    "amplitude_c": float,
}


@dataclass(frozen=True)
class BoreholeData:
    """What the borehole files say, before any check.

    Attributes
    ----------
    records
        One row per value: site, time (NaT for a mean over years), depth_m, temperature_c (NaN if
        missing), averaging (reading, day, month or mean), file, sheet, row (1-based row in the
        file); for means also year_start, year_end, n_months (calendar months that went in) and
        amplitude_c (range of the monthly means), where the file has them.
    sites
        One row per site: site, longitude, latitude (degrees), elevation_m, setting, file.
    formats
        Name of the format of each file.

    """

    records: pd.DataFrame
    sites: pd.DataFrame
    formats: dict[str, str]


def read_boreholes(
    paths: str | Path | Iterable[str | Path],
    sites: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> BoreholeData:
    """Read borehole files of any of the four formats.

    Parameters
    ----------
    paths
        One file or several.
    sites
        Site table (csv or xlsx: site, longitude, latitude and, if known, elevation_m, setting)
        for the formats that carry no coordinates.
    columns
        Other column names, as ``{our name: name in the file}``, for the tables that have them.

    Raises
    ------
    FileNotFoundError
        If a file, or the .txt of a GTN-P file, is missing.
    ContractError
        If a file is empty or of no known format, a column is missing, a number or a date cannot
        be read, or a site has no coordinates or two different ones.

    """
    columns = _checked_columns(columns or {})
    records, rows, formats = [], [], {}
    if sites is not None:
        rows += [_site_table(_renamed(table, columns)) for table in read_tables(Path(sites))]
    for path in _without_site_table(paths, sites):
        for table in read_tables(path):
            table = _renamed(table, columns)
            kind = formats[path.name] = _recognised(table)
            of_table, its_sites = _READERS[kind](table)
            records.append(of_table.assign(file=path.name, sheet=table.sheet))
            rows.append(its_sites)
    tidy = pd.concat(records, ignore_index=True).reindex(columns=list(RECORD_TYPES))
    tidy = tidy.astype(RECORD_TYPES)
    where = "a site table (boreholes.sites in study.toml)" if sites is None else str(sites)
    return BoreholeData(tidy, one_row_per_site(pd.concat(rows), tidy, where), formats)


def _without_site_table(
    paths: str | Path | Iterable[str | Path], sites: str | Path | None
) -> list[Path]:
    listed = map(Path, [paths] if isinstance(paths, str | Path) else paths)
    files = [path for path in listed if sites is None or path.resolve() != Path(sites).resolve()]
    if not files:
        raise ContractError("No borehole file was given; name at least one.")
    return files


def _checked_columns(columns: Mapping[str, str]) -> Mapping[str, str]:
    for name in columns:
        if name not in OUR_COLUMNS:
            raise ContractError(
                f"boreholes.columns: '{name}' is none of our columns."
                f"{matching(name, OUR_COLUMNS)} Choices: {', '.join(sorted(OUR_COLUMNS))}."
            )
    return columns


def _renamed(table: Table, columns: Mapping[str, str]) -> Table:
    """The table with our column names; a column of that name that means another thing goes."""
    found = list(table.frame.columns)
    ours = {theirs: name for name, theirs in columns.items() if theirs in found}
    kept = [name in ours or name not in ours.values() for name in found]
    return table._replace(frame=table.frame.loc[:, kept].rename(columns=ours))


def _recognised(table: Table) -> str:
    """Name of the format, or an error that says which headers were found and which expected."""
    found = list(table.frame.columns)
    first = found[0].lower()
    kinds = (PROFILE, LONG)
    for kind in kinds:
        if not _missing(found, kind):
            _require_unique(table)
            return kind
    if first in (*DATE_HEADERS, *YEAR_HEADERS) and any(map(DEPTH_HEADER.fullmatch, found[1:])):
        return GTNP if first == "date/depth" and not table.sheet else WORKBOOK
    for kind in kinds:
        missing = _missing(found, kind)
        if len(missing) <= len(NEEDED[kind]) / 2 or all(matching(n, found) for n in missing):
            _require_columns(table, kind)
    raise ContractError(
        f"{table.place}: unknown format. Headers found: {', '.join(found)}. Expected one of: "
        "a date (or year and month) and depths such as 0.5m; 'Date/Depth' and depths (GTN-P); "
        f"{', '.join(NEEDED[LONG])}; {', '.join(NEEDED[PROFILE])}. "
        "Other column names are mapped by boreholes.columns in study.toml."
    )


def _missing(found: list[str], kind: str) -> list[str]:
    also = {"depth_m"} if "depth_cm" in found else set()
    return [name for name in NEEDED[kind] if name not in {*found, *also}]


def _require_columns(table: Table, kind: str) -> None:
    found = list(table.frame.columns)
    for name in _missing(found, kind):
        raise ContractError(
            f"{table.place}: column '{name}' of a {kind} is missing.{matching(name, found)} "
            f"Found: {', '.join(found)}. Rename the column, or map it in study.toml: "
            f'boreholes.columns = {{{name} = "its name"}}.'
        )


def _require_unique(table: Table) -> None:
    repeated = table.frame.columns[table.frame.columns.duplicated()].intersection(OUR_COLUMNS)
    if len(repeated):
        raise ContractError(
            f"{table.place}: column '{repeated[0]}' comes twice; rename or remove one."
        )


def _site_table(table: Table) -> pd.DataFrame:
    _require_columns(table, SITE_TABLE)
    return site_table_rows(table)


def _read_long(table: Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    require_filled(table, "time")
    records = _values(table).assign(time=times(table.frame["time"], table.place))
    averaging = {site: _averaging(time) for site, time in records.groupby("site")["time"]}
    return records.assign(averaging=records["site"].map(averaging)), pd.DataFrame()


def _read_profiles(table: Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    given = [name for name in OF_MEANS if name in table.frame]
    of_means = {name: numbers(table.frame[name], table.place) for name in given}
    years = {name: of_means[name].round() for name in given if name.startswith("year")}
    records = _values(table).assign(averaging="mean", time=pd.NaT, **{**of_means, **years})
    return records, site_rows(table)


def _values(table: Table) -> pd.DataFrame:
    """Site, depth in metres, temperature and row of a long or a profile table."""
    frame, place = table.frame, table.place
    depth, per_metre = ("depth_m", 1) if "depth_m" in frame else ("depth_cm", 100)
    require_filled(table, "site", depth)
    return pd.DataFrame(
        {
            "site": texts(frame["site"]),
            "depth_m": numbers(frame[depth], place) / per_metre,
            "temperature_c": numbers(frame["temperature_c"], place),
            "row": frame.index,
        }
    )


def _read_workbook(table: Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    return _read_wide(table, table.sheet or table.path.stem), pd.DataFrame()


def _read_gtnp(table: Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    site = gtnp_metadata(table.path.with_suffix(".txt"))
    return _read_wide(table, site["site"].iloc[0]), site


def _read_wide(table: Table, site: str) -> pd.DataFrame:
    """Records of a table with a row per time and a column per depth, in the order of the cells."""
    time, n_time_columns = _time_columns(table)
    cells = table.frame.iloc[:, n_time_columns:]
    depths = [_depth(header, table.place) for header in cells.columns]
    records = {
        "site": site,
        "time": np.repeat(time.to_numpy(), len(depths)),
        "depth_m": np.tile(depths, len(time)),
        "temperature_c": number_block(cells, table.place).ravel(),
        "averaging": _averaging(time),
        "row": np.repeat(table.frame.index, len(depths)),
    }
    return pd.DataFrame(records)


def _time_columns(table: Table) -> tuple[pd.Series, int]:
    """Time of each row, and how many of the first columns hold it."""
    names = list(table.frame.columns[:2])
    if names[0].lower() not in YEAR_HEADERS:
        require_filled(table, names[0])
        return times(table.frame.iloc[:, 0], table.place), 1
    if names[1].lower() not in MONTH_HEADERS:
        raise ContractError(
            f"{table.place}: after '{names[0]}' comes '{names[1]}', but a month is expected "
            f"({', '.join(MONTH_HEADERS)})."
        )
    year, month = (texts(table.frame.iloc[:, i]).fillna("?") for i in (0, 1))
    return times(year.str.cat(month, sep="-").rename(" and ".join(names)), table.place), 2


def _depth(header: str, place: str) -> float:
    match = DEPTH_HEADER.fullmatch(header)
    if match is None:
        raise ContractError(
            f"{place}: column '{header}' is no depth. Name it like 0.5m, or remove the column."
        )
    number, unit = match.groups()
    return float(number) / (100 if unit and unit.lower() in ("cm", "厘米") else 1)


def _averaging(time: pd.Series) -> str:
    """What a value stands for, told by the usual step: a day, a month, else a single reading."""
    steps = np.diff(np.unique(time.to_numpy())) / np.timedelta64(1, "D")
    usual = np.median(steps) if steps.size else 0.0
    return "day" if 0.9 < usual < 1.1 else "month" if 27 < usual < 32 else "reading"


_READERS = {WORKBOOK: _read_workbook, LONG: _read_long, GTNP: _read_gtnp, PROFILE: _read_profiles}
