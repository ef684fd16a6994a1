"""Text files: their encoding, and separated values parsed without a detour over single cells."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers.boreholes.cells import MISSING_TEXTS
from helpers.storage import ContractError

LINES_ABOVE_A_HEADER = 60
_DEGREES = ("°C", "°F")
# Chinese words in UTF-8; in GB18030 they would be rare signs, three for two.
_UTF8_WORDS = re.compile(rb"(?<![\x80-\xff])(?:[\xe4-\xe9][\x80-\xbf]{2}){2,}(?![\x80-\xff])")
_DECIMAL_COMMA = r"\s*[-+]?\d+,\d+\s*"


class Layout(NamedTuple):
    """How a text file is laid out: comment above, line of the header (from 0), separator, names."""

    comment: str
    header_line: int
    separator: str
    names: list[str]


def read_text(path: Path) -> str:
    """Text of a file in UTF-8 (with byte-order mark or not), UTF-16 with mark, GB18030 or cp1252.

    UTF-8 is tried strictly before GB18030: hardly any text is valid in both. The °C and °F of
    cp1252 are characters in GB18030, but such that no table has them; cp1252, in which nearly
    everything is valid, counts only where it has such a degree sign.
    """
    raw = path.read_bytes()
    utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "gb18030", "cp1252"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "gb18030" and _UTF8_WORDS.search(raw):
            raise ContractError(
                f"{path}: some lines are UTF-8 and others are not, so names would come out wrong. "
                "Save each part again as 'CSV UTF-8' before you join them."
            )
        if "\0" not in text and _is_plausible(text, encoding):
            return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    raise ContractError(
        f"{path}: not readable as text: neither UTF-8 nor GB18030, nor UTF-16 with its mark, nor "
        "cp1252 with °C. Save it again as 'CSV UTF-8', or as .xlsx."
    )


def _is_plausible(text: str, encoding: str) -> bool:
    if encoding == "gb18030":
        return not any(sign.encode("cp1252").decode("gb18030") in text for sign in _DEGREES)
    return encoding != "cp1252" or any(sign in text for sign in _DEGREES)


def layout_of(text: str, path: Path) -> Layout:
    """Find the header: below a /* comment */, the first row with two or more cells filled.

    The separator is the tab, the semicolon or the comma, whichever the header has most of.
    """
    comment, begin = "", 0
    if text.lstrip().startswith("/*"):
        begin = text.find("*/") + 2
        if begin < 2:
            raise ContractError(f"{path}: the comment that begins with /* has no end; add */.")
        comment = text[:begin]
    lines = text[begin:].split("\n", LINES_ABOVE_A_HEADER)[:LINES_ABOVE_A_HEADER]
    # Ties go to the semicolon, for a header such as Date;0,5 m;1,5 m.
    separators = [max("\t;,", key=line.count) for line in lines]
    first_row = comment.count("\n") + 1
    rows = [
        _names(line, separator, f"{path}: row {row}")
        for row, (line, separator) in enumerate(zip(lines, separators, strict=True), first_row)
    ]
    filled = [sum(map(bool, names)) for names in rows]
    found = next((i for least in (2, 1) for i, n in enumerate(filled) if n >= least), None)
    if found is None:
        raise ContractError(
            f"{path}: no header in the first {LINES_ABOVE_A_HEADER} lines"
            f"{' after the comment' * bool(comment)}; write the table there."
        )
    return Layout(comment, comment.count("\n") + found, separators[found], rows[found])


def _names(line: str, separator: str, place: str) -> list[str]:
    """Cells of a line that may be the header."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error as error:
        raise ContractError(
            f"{place}: not a table ({error}). Look for a cell that is too long, and save the file "
            "as 'CSV UTF-8'."
        ) from error


def parse(text: str, layout: Layout, is_number: Sequence[bool], path: Path) -> pd.DataFrame:
    """Cells below the header without empty rows; the index holds the 1-based rows of the file.

    Columns that are to be numbers are parsed as such; one that holds anything else stays text, so
    that whoever converts it can name the cell. In files separated by tabs or semicolons a comma
    may be the decimal sign.
    """
    # Told to skip lines, pandas would count a quoted title of two lines as one.
    _, *below = text.split("\n", layout.header_line + 1)[layout.header_line :]
    body = text.encode()
    _require_full_rows(body, layout, path)
    cells = pd.read_csv(
        io.BytesIO("".join(below).encode()),
        sep=layout.separator,
        header=None,
        names=range(len(layout.names)),
        index_col=False,
        dtype={i: str for i, number in enumerate(is_number) if not number},
        keep_default_na=False,
        na_values=MISSING_TEXTS,
        skipinitialspace=True,
        skip_blank_lines=False,
        low_memory=False,
    )
    cells.index = cells.index + layout.header_line + 2
    for i, number in enumerate(is_number):
        if pd.api.types.infer_dtype(cells[i], skipna=True) == "boolean":
            # A column of nothing but True and False would become 1 and 0.
            cells[i] = cells[i].map({True: "True", False: "False"})
        elif number and layout.separator != "," and not pd.api.types.is_numeric_dtype(cells[i]):
            cells[i] = _with_decimal_points(cells[i], layout.names[i], path)
    return cells.dropna(how="all")


def _require_full_rows(body: bytes, layout: Layout, path: Path) -> None:
    """Raise an error if a row has more cells than the header, or fewer without being empty."""
    lines = io.TextIOWrapper(io.BytesIO(body), encoding="utf-8", newline="")
    header_row, wanted = layout.header_line + 1, len(layout.names)
    for _ in range(header_row):
        next(lines)
    reader = csv.reader(lines, delimiter=layout.separator)
    try:
        for cells in reader:
            short = len(cells) < wanted and any(map(str.strip, cells))
            if short or len(cells) > wanted:
                raise ContractError(
                    f"{path}: rows of unequal length: row {header_row + reader.line_num} has "
                    f"{len(cells)} cells, the header (row {header_row}) has {wanted}. Complete "
                    "the row, or remove what does not belong to the table."
                )
    except csv.Error as error:
        raise ContractError(
            f"{path}: row {header_row + reader.line_num}: not a table ({error}). Look for a "
            "quotation mark that is not closed, or a cell that is too long."
        ) from error


def _with_decimal_points(cells: pd.Series, name: str, path: Path) -> pd.Series:
    """The column with decimal commas as points; a column that has both signs is refused."""
    comma = cells.str.fullmatch(_DECIMAL_COMMA, na=False)
    point = cells.str.contains(".", regex=False, na=False)
    if not comma.any():
        return cells
    if point.any():
        row = cells.index[point][0]
        raise ContractError(
            f"{path}: column '{name}': row {row} holds '{cells[row]}', but other rows have a "
            "decimal comma. Write all decimals with the same sign, and no thousands separator."
        )
    return cells.mask(comma, cells.str.replace(",", "."))
