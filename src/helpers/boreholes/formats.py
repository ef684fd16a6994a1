"""Borehole files, as they come, to two tidy tables: records and sites.

The formats are told apart by their content, not by the name of the file:

* ``wide workbook``: .xlsx (or csv) with a date (or year and month) and depths such as ``0.5m`` as
  columns; one sheet per hole, named by its code, or several holes with a column for the site;
* ``long table``: site, time, depth and temperature in each row;
* ``GTN-P wide csv``: first header ``Date/Depth``, the others depths in m; beside it a .txt with
  lines ``Site code:``, ``Longitude:``, ``Latitude:``, ``Elevation (m):``, ``Setting:``, or a csv
  named like it with ``_metadata``;
* ``GTN-P long csv``: id, date, depth, temperature, flag, dataset_id, borehole_id, site_id;
* ``PANGAEA table``: text with tabs after a ``/* ... */`` description;
* ``profile table``: site, longitude, latitude, depth and temperature; means over years;
* ``site table``: site and coordinates; a sheet of a workbook, or the file of the whole survey.

Headers may be English or Chinese and state a unit; see :mod:`headers`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.boreholes.contracts import RECORD_TYPES, require_records, require_sites
from helpers.boreholes.headers import MOST_LISTED, OUR_COLUMNS, listed, matching
from helpers.boreholes.positions import BESIDE, one_row_per_site, site_table_rows
from helpers.boreholes.readers import ignored_columns
from helpers.boreholes.recognition import (
    FORMATS,
    READERS,
    SITE_TABLE,
    WIDE,
    recognised,
    require_columns,
)
from helpers.boreholes.tables import Table, is_note, read_tables
from helpers.storage import ContractError

SKIPPED, IGNORED = "skipped: a note", "ignored: no depth"
Paths = str | Path | Iterable[str | Path]


@dataclass(frozen=True)
class BoreholeData:
    """What the borehole files say, before any check; contract in :mod:`contracts`.

    Attributes
    ----------
    records
        One row per value: site, time (NaT for a mean over years), depth_m, temperature_c (NaN if
        missing; -999 and the like are still there), averaging (reading, day, month or mean), file,
        sheet ('' in a text file), row (1-based row in the file); for means also year_start,
        year_end, n_months (calendar months that went in) and amplitude_c (half the range of the
        monthly means), where the file has them. Times with a zone are in UTC.
    sites
        One row per site: site, longitude, latitude (degrees; latitude up to 180 where both may
        have been exchanged), elevation_m, setting, and the file and row they are from.
    formats
        Name of the format of each file; of several, if its sheets differ, separated by commas.
        A sheet or a column of a wide table that was not used has an entry of its own.

    """

    records: pd.DataFrame
    sites: pd.DataFrame
    formats: dict[str, str]


def read_boreholes(
    paths: Paths,
    sites: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    formats: Mapping[str, str] | None = None,
    sites_crs: str | None = None,
) -> BoreholeData:
    """Read borehole files of any of the formats into one :class:`BoreholeData`.

    Parameters
    ----------
    paths
        One file or several.
    sites
        Site table (csv or xlsx: site, longitude, latitude, or x and y; if known, elevation_m and
        setting) for the formats that carry no coordinates.
    columns
        Other column names, as ``{our name: name in the file}``, for the tables that have them.
    formats
        Formats that are told instead of recognised, as ``{file name or pattern: format}``.
    sites_crs
        CRS of coordinates in columns x (easting) and y (northing); anything pyproj reads.

    Raises
    ------
    FileNotFoundError
        If a file, or what belongs beside a GTN-P file, is missing.
    ContractError
        If two files have one name, a file is empty or of no known format, a column is missing, a
        cell cannot be read, or a site has no coordinates or two different ones. Says where, and
        what to do.

    """
    parts = list(iterate_boreholes(paths, sites, columns, formats, sites_crs))
    of_files = parts if sites is None else parts[1:]
    found = {name: kind for part in of_files for name, kind in part.formats.items()}
    rows = pd.concat([part.sites for part in parts], ignore_index=True)
    return BoreholeData(_tidy([part.records for part in parts]), one_row_per_site(rows), found)


def iterate_boreholes(
    paths: Paths,
    sites: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    formats: Mapping[str, str] | None = None,
    sites_crs: str | None = None,
) -> Iterator[BoreholeData]:
    """Read one file after the other, so that no more than one is in memory.

    Parameters and errors are those of :func:`read_boreholes`.

    Yields
    ------
    If there is a site table, first its sites, without records. Then, for each file, its records
    and the sites of these, completed from the site table. A file is read only when it is asked
    for.

    """
    mapped = _checked_columns(columns or {})
    files = _files(paths, sites)
    told = _told(files, formats or {})
    known = None
    if sites is not None:
        known = one_row_per_site(_site_table(Path(sites), mapped, sites_crs))
        yield BoreholeData(_tidy([]), require_sites(known), {Path(sites).name: SITE_TABLE})
    for path in files:
        records, rows, found = _read(path, mapped, told.get(path), sites_crs)
        where = "a site table (boreholes.sites in study.toml)" if sites is None else str(sites)
        its_sites = _located(records, rows, known, where)
        yield BoreholeData(require_records(records), require_sites(its_sites), found)


def _files(paths: Paths, sites: str | Path | None) -> list[Path]:
    """The files, without the site table and without those named as metadata of another."""
    listed = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    beside = {path.with_name(name.format(stem=path.stem)) for path in listed for name in BESIDE[1:]}
    files = [path for path in listed if path not in beside]
    if sites is not None:
        files = [path for path in files if path.resolve() != Path(sites).resolve()]
    if not files:
        raise ContractError("No borehole file was given; name at least one.")
    places = {path.name: path for path in reversed(files)}
    for path in files:
        if places[path.name] != path:
            raise ContractError(
                f"{path} and {places[path.name]} have the same name, and records and flags tell "
                "files by their names. Rename one, say with its year."
            )
    return files


def _told(files: list[Path], formats: Mapping[str, str]) -> dict[Path, str]:
    """Format of each file that the user tells."""
    told = {}
    for pattern, kind in formats.items():
        if kind not in FORMATS:
            raise ContractError(
                f"study.toml: boreholes.formats: '{pattern}' is told to be '{kind}', which is no "
                f"format.{matching(kind, FORMATS)} Choices: {', '.join(FORMATS)}."
            )
        matches = [path for path in files if pattern and path.match(pattern)]
        if not matches:
            raise ContractError(
                f"study.toml: boreholes.formats: no borehole file matches '{pattern}'. Files: "
                f"{listed(path.name for path in files)}. Correct the pattern or remove it."
            )
        told |= dict.fromkeys(matches, kind)
    return told


def _checked_columns(columns: Mapping[str, str]) -> Mapping[str, str]:
    for name in columns:
        if name not in OUR_COLUMNS:
            raise ContractError(
                f"study.toml: boreholes.columns: '{name}' is none of our columns."
                f"{matching(name, OUR_COLUMNS)} Choices: {', '.join(sorted(OUR_COLUMNS))}."
            )
    return columns


def _site_table(path: Path, mapped: Mapping[str, str], crs: str | None) -> pd.DataFrame:
    tables = [table for table in read_tables(path, mapped) if not is_note(table)]
    for table in tables:
        require_columns(table, SITE_TABLE)
    return pd.concat([site_table_rows(table, crs) for table in tables])


def _read(
    path: Path, mapped: Mapping[str, str], told: str | None, crs: str | None
) -> tuple[pd.DataFrame, list[pd.DataFrame], dict[str, str]]:
    """Records and site rows of a file, its formats, and the sheets and columns left out."""
    records, rows, kinds, left_out = [], [], [], {}
    for table in read_tables(path, mapped):
        where = f"{path.name}: sheet '{table.sheet}'" if table.sheet else path.name
        if is_note(table):
            left_out[where] = SKIPPED
            continue
        kind = _kind(table, told)
        ignored = ignored_columns(table) if kind in WIDE else []
        left_out |= {f"{where}: column '{name}'": IGNORED for name in ignored}
        of_table, its_sites = READERS[kind](table, crs)
        records.append(of_table.assign(file=path.name, sheet=table.sheet))
        rows.append(its_sites)
        kinds.append(kind)
    if set(kinds) <= {SITE_TABLE}:
        raise ContractError(
            f"{path}: a site table, or nothing but notes: no temperatures. Name a site table as "
            "boreholes.sites in study.toml and leave the file out of boreholes.files."
        )
    found = {path.name: ", ".join(dict.fromkeys(kinds))}
    return _tidy(records), [part for part in rows if len(part)], found | left_out


def _kind(table: Table, told: str | None) -> str:
    """Format of a table; sheets of sites among those of holes are always recognised."""
    if told is None or (table.sheet and recognised(table, otherwise=told) == SITE_TABLE):
        return recognised(table)
    require_columns(table, told)
    return told


def _tidy(records: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in records if len(part)]
    tidy = pd.concat(filled, ignore_index=True) if len(filled) > 1 else pd.DataFrame(*filled)
    return tidy.reset_index(drop=True).reindex(columns=list(RECORD_TYPES)).astype(RECORD_TYPES)


def _located(
    records: pd.DataFrame, rows: list[pd.DataFrame], known: pd.DataFrame | None, where: str
) -> pd.DataFrame:
    """Sites of a file, each once, completed from the site table; one without place is an error."""
    codes = records["site"].unique()
    from_table = [] if known is None else [known[known["site"].isin(codes)]]
    all_rows = [part for part in (*from_table, *rows) if len(part)]
    its_sites = one_row_per_site(pd.concat(all_rows)) if all_rows else pd.DataFrame({"site": []})
    homeless = codes[~pd.Series(codes).isin(its_sites["site"])].tolist()
    if homeless:
        file = records["file"].iloc[0]
        names = listed(f"'{code}' ({file})" for code in homeless)
        there = [*its_sites["site"], *(() if known is None else known["site"])]
        raise ContractError(
            f"No coordinates for site {names}.{_alike(homeless, there)} Add a row for each "
            f"to {where}: site,longitude,latitude,elevation_m,setting."
        )
    return its_sites


def _alike(codes: list[str], known: list[str]) -> str:
    """' Did you mean ...?' for codes that differ from a known one by case, blanks or hyphens."""
    alike = {_bare(code): code for code in known}
    found = [(code, alike[_bare(code)]) for code in codes[:MOST_LISTED] if _bare(code) in alike]
    hints = "".join(f" Did you mean '{other}' for '{code}'?" for code, other in found)
    return hints + " If so, write it the same way in both; if not:" * bool(found)


def _bare(code: str) -> str:
    return re.sub(r"[\s_\-‐-―−]", "", unicodedata.normalize("NFKC", code)).casefold()
