"""Cells of a column as text, numbers and times; whatever cannot be read is named by its row."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from helpers.boreholes.headers import says_date, shortened
from helpers.storage import ContractError

MISSING_TEXTS = ["", "NaN", "nan", "NAN", "NA", "N/A", "null", "NULL", "None", "-", "--", "—", "/"]
USUAL_TIME = "%Y-%m-%d %H:%M:%S"
EXCEL_DAY_ZERO = pd.Timestamp("1899-12-30")
YEARS = (1800, 2200)
LONGEST_WORD = 100
EXCEL_DAYS = (20_000, 60_000)  # 1954 to 2064
_DATE = re.compile(r"(\d{4})\s*[-/年]\s*(\d{1,2})(?:\s*[-/月]\s*(\d{1,2})?日?)?(.*)")
_DAY_OR_MONTH_FIRST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?!\d).*")
_ZONE = re.compile(r":\d\d(?:[.,]\d+)?\s*(?:Z|[-+]\d\d:?\d{0,2})\s*$")
_FORMULA = re.compile(r"[=@]|[-+](?!\d+$)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def texts(cells: pd.Series) -> pd.Series:
    """Text of each cell; a code that Excel holds as the number 12.0 is '12'; missing stays."""
    codes, unique = pd.factorize(cells)
    known = [str(int(c) if isinstance(c, float) and c.is_integer() else c).strip() for c in unique]
    result = np.append(np.array(known, dtype=object), None)[codes]
    return pd.Series(result, cells.index, "string", cells.name)


def words(cells: pd.Series, place: str) -> pd.Series:
    """Text of each cell that may go, as it is, into a table for a spreadsheet program."""
    result = texts(cells)
    for word in result.dropna().unique():
        if fault := _fault(word):
            raise ContractError(
                f"{place}: column '{cells.name}': row {result.index[result == word][0]} holds "
                f"{quoted(word)}, which {fault}. Write something else."
            )
    return result


def _fault(word: str) -> str:
    """Why a word may not be the code or setting of a site; '' if it may."""
    if len(word) > LONGEST_WORD:
        return f"is longer than {LONGEST_WORD} characters"
    if _FORMULA.match(word):
        return f"begins with '{word[0]}': spreadsheet programs would run it as a formula"
    if any(unicodedata.category(character) in ("Cc", "Cf") for character in word):
        return "holds a character that cannot be seen, such as a line break"
    return ""


def numbers(cells: pd.Series, place: str) -> pd.Series:
    """Numbers of a column, missing as NaN; text is an error that names row and column."""
    if pd.api.types.is_numeric_dtype(cells):
        return cells.astype(float)
    # A column of nothing but dates would become nanoseconds.
    cells = cells.astype(str).where(cells.notna()) if _are_dates(cells) else cells
    values = pd.to_numeric(cells, errors="coerce").astype(float)
    wrong = values.isna() & cells.notna()
    if wrong.any():
        wrong &= ~cells.astype(str).str.strip().isin(MISSING_TEXTS)
    for row, cell in cells[wrong].items():
        raise ContractError(
            f"{place}: column '{cells.name}': row {row} holds {quoted(cell)}, a number is "
            "needed. Correct it or leave it empty."
        )
    return values


def quoted(cell: Any) -> str:
    """What a cell holds, for messages; the beginning of what is long."""
    return f"'{shortened(str(cell))}'"


def number_block(cells: pd.DataFrame, place: str) -> np.ndarray:
    """Like :func:`numbers` for many columns at once, as an array."""
    if all(map(pd.api.types.is_object_dtype, cells.dtypes)):
        flat = pd.Series(cells.to_numpy(dtype=object).ravel())
        values = pd.to_numeric(flat, errors="coerce").to_numpy(dtype=float)
        if not np.isnan(values[flat.notna()]).any() and not _are_dates(flat):
            return values.reshape(cells.shape)
    return np.column_stack([numbers(column, place) for _, column in cells.items()])


def _are_dates(cells: pd.Series) -> bool:
    """Whether all are dates or spans of time, which pandas would count in nanoseconds."""
    return pd.api.types.infer_dtype(cells, skipna=True).startswith(("date", "time"))


def times(cells: pd.Series, place: str) -> pd.Series:
    """Times of date cells or of text that begins with year and month, as ``datetime64[ns]``.

    The day may be missing (the first is meant). Under a header that speaks of dates, numbers from
    20000 to 60000 are the day numbers of Excel. Times with a zone are converted to UTC. Text that
    begins with the day or the month is refused, because nothing tells 1 February from 2 January;
    so is a date that does not exist.
    """
    codes, unique = pd.factorize(cells)
    dated = says_date(str(cells.name))
    # Most long records have this one format; cell by cell takes a hundred times as long.
    written = pd.Series([cell if isinstance(cell, str) else None for cell in unique], dtype=object)
    parsed = pd.to_datetime(written, format=USUAL_TIME, errors="coerce")
    if parsed.isna().any():
        iso = pd.Series([_iso(cell, dated) for cell in unique], dtype=str)
        parsed = pd.to_datetime(iso, format="ISO8601", errors="coerce", utc=True)
        parsed = parsed.dt.tz_localize(None)
        _require_one_clock(iso, codes, cells, place)
    # Years far off are slips, and beyond 2262 they do not fit into nanoseconds.
    parsed = parsed.where(parsed.dt.year.between(*YEARS))
    known = np.append(parsed.to_numpy("datetime64[ns]"), np.datetime64("NaT", "ns"))
    result = pd.Series(known[codes], index=cells.index)
    for row, cell in cells[result.isna() & cells.notna()].items():
        raise ContractError(
            f"{place}: column '{cells.name}': row {row} holds {quoted(cell)}, which cannot be "
            f"read as a date{_remedy(cell)}."
        )
    return result


def last_instants(cells: pd.Series, place: str) -> pd.Series:
    """Like :func:`times`, for ends: with no clock the end of the day, with no day of the month."""
    first = times(cells, place)
    day, clock = (cells.astype("string").str.extract(_DATE)[group] for group in (2, 3))
    whole = clock.str.strip() == ""
    next_day, next_month = first + pd.Timedelta(days=1), first + pd.DateOffset(months=1)
    last = next_day.mask(whole & day.isna(), next_month) - pd.Timedelta(milliseconds=1)
    return first.mask(whole, last)


def _require_one_clock(iso: pd.Series, codes: np.ndarray, cells: pd.Series, place: str) -> None:
    """Raise an error if some times of a column have a zone and others have none."""
    has_zone, is_time = iso.str.contains(_ZONE), iso != ""
    if has_zone.any() and (bare := is_time & ~has_zone).any():
        (one, zoned), (other, without) = (
            next(cells[np.isin(codes, which.index[which])].items()) for which in (has_zone, bare)
        )
        raise ContractError(
            f"{place}: column '{cells.name}': row {one} holds '{zoned}' with a time zone, row "
            f"{other} '{without}' without. Write all times with their zone, or none."
        )


def _remedy(cell: Any) -> str:
    """What to write instead; of a date that begins with day or month, that date itself."""
    match = _DAY_OR_MONTH_FIRST.fullmatch(str(cell).strip())
    first, _, second, year = match.groups() if match else ("", "", "", "")
    orders = {"day": f"{year}-{second}-{first}", "month": f"{year}-{first}-{second}"}
    orders |= {"year": f"{first}-{second}-{year}"} if len(first) == len(year) == 2 else {}
    layout = "%Y-%m-%d" if len(year) == 4 else "%y-%m-%d"
    dates = {name: pd.to_datetime(d, format=layout, errors="coerce") for name, d in orders.items()}
    shown = [f"{d:%Y-%m-%d} if the {name} is first" for name, d in dates.items() if d is not pd.NaT]
    if not shown:
        return ". Write year-month-day, such as 2023-07-01 or 2023-07"
    told = ": the order of day and month cannot be told" if len(shown) > 1 else ""
    return f"{told}. Write year-month-day: {', '.join(shown)}"


def _iso(cell: Any, dated: bool) -> str:
    """ISO 8601 of a date, or of text that begins with year and month; '' of anything else."""
    if isinstance(cell, date):
        return cell.isoformat()
    text = str(cell).strip()
    if dated and _NUMBER.fullmatch(text) and EXCEL_DAYS[0] <= float(text) <= EXCEL_DAYS[1]:
        return (EXCEL_DAY_ZERO + pd.Timedelta(round(float(text) * 86400), "s")).isoformat()
    match = _DATE.fullmatch(text)
    if match is None:
        return ""
    year, month, day, clock = match.groups()
    clock = re.sub(r"^[ T]+(\d):", r" 0\1:", clock)
    return f"{year}-{int(month):02}-{int(day or 1):02}{clock}"
