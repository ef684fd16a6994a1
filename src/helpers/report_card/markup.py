"""The few pieces of HTML that the page is made of; all text passes through ``escape`` here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from helpers.report_card.words import MISSING

Columns = Mapping[str, Callable[[Any], str]]


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def bullets(items: Iterable[str]) -> str:
    """A list of plain sentences."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def lines(values: Mapping[str, str]) -> str:
    """Labels and their values, one to a line."""
    return f"<dl>{_terms(values)}</dl>"


def terms(values: Mapping[str, str]) -> str:
    """Words and what they mean, one after the other in running text."""
    return f'<dl class="terms">{_terms(values)}</dl>'


def _terms(values: Mapping[str, str]) -> str:
    return " ".join(
        f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in values.items()
    )


def table(caption: str, columns: Columns, rows: Sequence[Any]) -> str:
    """A table with a column for each function of a row, the first the heads of the rows.

    Without rows it says so.
    """
    cells = [[show(row) for show in columns.values()] for row in rows]
    return grid(caption, list(columns), cells or [[MISSING]])


def grid(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain texts; a row that ends early has its last cell to the end."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "\n".join(_row(row, len(heads)) for row in rows)
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>\n"
        f"<tbody>{body}</tbody></table>"
    )


def _row(cells: Sequence[str], width: int) -> str:
    first, *others = map(escape, cells)
    spans = [1] * len(others)
    wide = width - len(cells) + 1
    if not others:
        return f'<tr><td colspan="{width}">{first}</td></tr>'
    spans[-1] = wide
    tags = (
        f"<td>{cell}</td>" if n == 1 else f'<td colspan="{n}">{cell}</td>'
        for cell, n in zip(others, spans, strict=True)
    )
    return f'<tr><th scope="row">{first}</th>{"".join(tags)}</tr>'


def side_by_side(*parts: str) -> str:
    """Parts next to each other, as far as the page is wide enough."""
    return '<div class="row">' + "".join(f"<div>{part}</div>" for part in parts) + "</div>"


def section(heading: str, *parts: str) -> str:
    """A section of the page under its heading."""
    return f"<section><h2>{escape(heading)}</h2>\n" + "\n".join(parts) + "\n</section>"
