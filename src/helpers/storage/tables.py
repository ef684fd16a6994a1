"""Tables as csv."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.storage.errors import ContractError
from helpers.storage.files import replacing, require


def write_table(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table as UTF-8 csv with full float precision and Unix line ends."""
    with replacing(path) as unfinished:
        table.to_csv(unfinished, index=False, lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%S")
    return Path(path)


def read_table(
    path: str | Path, numbers: tuple[str, ...] = (), texts: tuple[str, ...] = (), made_by: str = ""
) -> pd.DataFrame:
    """Read a csv and check that it has the columns named, numeric where numbers are expected.

    Parameters
    ----------
    path
        The csv (UTF-8, with or without byte-order mark).
    numbers, texts
        Columns that must be there; those in ``numbers`` must hold numbers or nothing.
    made_by
        What makes the file, for the message when it is missing.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ContractError
        If a column is missing or holds text where a number belongs; names file, row, column.

    """
    path = require(path, made_by)
    # Only an empty field is missing: "NA" may be the code of a site.
    kinds = dict.fromkeys(texts, str)
    again = f" Run {made_by} again." if made_by else ""
    if made_by and not _ends_with_a_line(path):
        raise ContractError(f"{path}: it ends in the middle of a row.{again}")
    try:
        table = pd.read_csv(
            path, encoding="utf-8-sig", dtype=kinds, keep_default_na=False, na_values=""
        )
    except (ValueError, OverflowError) as error:
        raise ContractError(
            f"{path}: not readable as a table ({str(error).strip()}).{again or ' Save it again.'}"
        ) from error
    missing = [c for c in (*texts, *numbers) if c not in table]
    if missing:
        raise ContractError(
            f"{path}: column {', '.join(missing)} missing. Found: {', '.join(table.columns)}."
            f"{again or ' Rename or add it.'}"
        )
    twice = [c for c in (*texts, *numbers) if f"{c}.1" in table]
    if twice or not isinstance(table.index, pd.RangeIndex):
        what = f"column {twice[0]} is there twice" if twice else "rows have more cells than columns"
        raise ContractError(f"{path}: {what}.{again or ' Remove what does not belong.'}")
    for column in numbers:
        table[column] = numeric(table[column], place=f"{path}: column '{column}'")
    return table


def _ends_with_a_line(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(stream.tell() - 1, 0))
        return stream.read() in (b"\n", b"\r")


def numeric(values: pd.Series, place: str, first_row: int = 2) -> pd.Series:
    """Numbers of a column, empty as NaN; text is a :class:`ContractError` that names its row."""
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    text = values.astype(str).str.strip().str.lower()
    wrong = numbers.isna() & values.notna() & ~text.isin(["", "nan", "na", "null"])
    if wrong.any():
        position = int(np.flatnonzero(wrong)[0])
        raise ContractError(
            f"{place}: row {position + first_row} holds '{str(values.iloc[position])[:80]}', "
            "a number is needed. Correct it or leave it empty."
        )
    return numbers
