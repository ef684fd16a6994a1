"""Tables with one column per quantity or per depth, to records and site rows.

A reader takes a table and the CRS of projected coordinates, and gives records (site, time,
depth_m, temperature_c, averaging, row and, for means over years, what is known of them) and the
site rows the file itself has, if any.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from helpers.boreholes.cells import YEARS, number_block, texts, times, words
from helpers.boreholes.coordinates import has_coordinates
from helpers.boreholes.headers import SYNONYMS, depth_of, listed
from helpers.boreholes.positions import BESIDE, METADATA, metadata_beside, site_rows
from helpers.boreholes.tables import Table
from helpers.storage import ContractError

OF_MEANS = ("year_start", "year_end", "n_months", "amplitude_c")
_UNIT = re.compile(r"\d\s*(?:c?m\b|米|厘米)", re.IGNORECASE)
Read = tuple[pd.DataFrame, pd.DataFrame]
"""Records and site rows."""


def read_long(table: Table, crs: str | None) -> Read:
    """Site, time, depth and temperature in every row."""
    records = _values(table).assign(time=_time(table))
    averaging = {site: _averaging(time) for site, time in records.groupby("site")["time"]}
    return records.assign(averaging=records["site"].map(averaging)), own_sites(table, crs)


def read_gtnp_long(table: Table, crs: str | None) -> Read:
    """GTN-P since 2026: the site is the borehole_id; site_id and dataset_id are not used.

    The column flag is not used either: the format does not say what its values mean, so every
    value is kept and judged by the checks.
    """
    records, sites = read_long(table, crs)
    beside = metadata_beside(table.path, crs, ("borehole id", "borehole_id"))
    return records, sites if beside is None else beside


def read_profiles(table: Table, crs: str | None) -> Read:
    """Means over years; a column year stands for the first and the last of them."""
    given = {name: _of_means(table, name) for name in OF_MEANS if name in table.frame}
    if "year" in table.frame and "year_start" not in given:
        given["year_start"] = given["year_end"] = _of_means(table, "year")
    records = _values(table).assign(averaging="mean", time=pd.NaT, **given)
    return records, own_sites(table, crs)


def read_wide(table: Table, crs: str | None) -> Read:
    """A row per time and a column per depth: one hole, or several with a column for the site."""
    if "site" in table.frame:
        table.require_filled("site")
        site = table.words("site")
    else:
        name = table.sheet.strip() or table.path.stem
        site = words(pd.Series(name, table.frame.index, name="(its name)"), table.place)
    return _of_holes(table, site), own_sites(table, crs)


def read_gtnp_wide(table: Table, crs: str | None) -> Read:
    """GTN-P before 2026: one hole; its code and place are in the text or csv beside it."""
    beside = metadata_beside(table.path, crs, ("site code",))
    if beside is None:
        raise FileNotFoundError(
            f"{table.path.with_suffix('.txt')} not found. A GTN-P file needs this text beside it, "
            f"with the lines {', '.join(key + ': ...' for key in METADATA)}; or a csv of that "
            f"content named {BESIDE[-1].format(stem=table.path.stem)}."
        )
    if len(beside) != 1:
        raise ContractError(
            f"{beside['file'].iloc[0]}: {len(beside)} sites found, but {table.path.name} is one "
            "hole. Leave one row."
        )
    return _of_holes(table, pd.Series(beside["site"].iloc[0], table.frame.index)), beside


def ignored_columns(table: Table) -> list[str]:
    """Columns of a wide table that are no depth and have no digit: battery, remarks and the like.

    A column without a header, or with a digit in it, could be a depth: it is not ignored.
    """
    others = [name for name in table.frame if name not in SYNONYMS and depth_of(name) is None]
    return [name for name in others if name and not re.search(r"\d", name)]


def own_sites(table: Table, crs: str | None) -> pd.DataFrame:
    """Site rows of a table that has sites and coordinates; otherwise nothing."""
    has_sites = "site" in table.frame and has_coordinates(table)
    return site_rows(table, crs) if has_sites else pd.DataFrame()


def _of_holes(table: Table, site: pd.Series) -> pd.DataFrame:
    """Records of a wide table in the order of its cells; ``site`` has the code of each row."""
    time = _time(table)
    averaging = site.map({name: _averaging(of_site) for name, of_site in time.groupby(site)})
    left_out = {*SYNONYMS, *ignored_columns(table)}
    cells = table.frame.loc[:, [name not in left_out for name in table.frame]]
    if not table.sheet:
        _require_units_alike(list(cells), table.place)
    of_rows = {"site": site, "time": time, "averaging": averaging, "row": cells.index}
    return one_depth_per_row(pd.DataFrame(of_rows), cells, table.place)


def one_depth_per_row(of_rows: pd.DataFrame, cells: pd.DataFrame, place: str) -> pd.DataFrame:
    """Columns of depths below one another in the order of the cells, beside what is of each row."""
    depths = [_depth(header, place) for header in cells.columns]
    return of_rows.loc[np.repeat(cells.index, len(depths))].assign(
        depth_m=np.tile(depths, len(cells)), temperature_c=number_block(cells, place).ravel()
    )


def _of_means(table: Table, name: str) -> pd.Series:
    """Numbers of a column about means; years as whole ones that can be."""
    values = table.numbers(name)
    if not name.startswith("year"):
        return values
    for row, value in values[values.notna() & ~values.between(*YEARS)].items():
        raise ContractError(
            f"{table.place}: column '{table.header(name)}': row {row} holds {value:g}, which "
            f"is no year from {YEARS[0]} to {YEARS[1]}. Correct it or leave it empty."
        )
    return values.round()


def _values(table: Table) -> pd.DataFrame:
    """Site, depth in metres, temperature and row of a table with a value per row."""
    table.require_filled("site", "depth_m")
    return pd.DataFrame(
        {
            "site": table.words("site"),
            "depth_m": table.numbers("depth_m"),
            "temperature_c": table.numbers("temperature_c"),
            "row": table.frame.index,
        }
    )


def _time(table: Table) -> pd.Series:
    """Time of each row, from one column or from year, month and, if there is one, day."""
    if "time" in table.frame:
        table.require_filled("time")
        return times(table.cells("time"), table.place)
    if "month" not in table.frame:
        names = list(table.frame.columns)
        after = table.header(names[(names.index("year") + 1) % len(names)])
        raise ContractError(
            f"{table.place}: after '{table.header('year')}' comes '{after}', but a month is "
            f"expected. Add a column named one of {', '.join(SYNONYMS['month'])}."
        )
    parts = [name for name in ("year", "month", "day") if name in table.frame]
    written = [texts(table.frame[name]).fillna("?") for name in parts]
    name = " and ".join(table.header(part) for part in parts)
    return times(written[0].str.cat(written[1:], sep="-").rename(name), table.place)


def _require_units_alike(headers: list[str], place: str) -> None:
    """Raise an error if depths stand with and without a unit: 0,5m may be two columns or one."""
    bare = [name for name in headers if name.strip().isdigit()]
    if bare and any(_UNIT.search(name) for name in headers):
        raise ContractError(
            f"{place}: depths with and without a unit: {listed(headers)}. If '{bare[0]}' is a "
            "depth, add its unit; if it is part of one with a decimal comma, write a point."
        )


def _depth(header: str, place: str) -> float:
    depth = depth_of(header)
    if depth is None:
        raise ContractError(
            f"{place}: column '{header}' is no depth. Name it like 0.5m (the 5 of T_5 or CH5 may "
            "be the number of a sensor: rename it to 5m), or remove the column."
        )
    return depth


def _averaging(time: pd.Series) -> str:
    """What a value stands for, told by the usual step: a day, a month, else a single reading."""
    steps = np.diff(np.unique(time.to_numpy())) / np.timedelta64(1, "D")
    usual = np.median(steps) if steps.size else 0.0
    return "day" if 0.9 < usual < 1.1 else "month" if 27 < usual < 32 else "reading"
