"""A page's headings, links, tables and languages, put right in its HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from bs4 import BeautifulSoup, NavigableString, Tag

from helpers.run import PROJECT
from helpers.storage import ContractError
from helpers.web_pages.pictures import slug

NOTEBOOKS_DIR = PROJECT / "notebooks"
_DOI = re.compile(r"doi:(10\.\d{4,9}/[^\s\"']+[^\s\"'.,;)])")
_CHINESE = re.compile(r"[㐀-鿿](?:.*[㐀-鿿　-〿＀-￯])?", re.DOTALL)
_FORMULA = re.compile(r"\$[^$\n]+\$|\\begin\{\w+")
_FOLLOWED = ("http://", "https://", "mailto:")


class Content(NamedTuple):
    """Content of a page, its headings (level, id, text), and what its maker should know."""

    html: str
    headings: list[tuple[int, str, str]]
    remarks: list[str]


def dress(html: str, name: str, pages: Mapping[Path, str]) -> Content:
    """Content of a page, ready for its frame.

    Parameters
    ----------
    html
        What nbconvert made of a notebook.
    name
        Of the notebook or text, for messages.
    pages
        Page of each file that has one; links to these files become links to the pages. Links to
        other files of the project become text that says where the file lies.

    Raises
    ------
    ContractError
        If a link leads to no file.

    """
    soup = BeautifulSoup(html, "html.parser")
    headings = _name_headings(soup)
    for link in soup.find_all("a", href=True):
        _resolve(link, name, pages)
    for table in soup.find_all("table"):
        _make_readable(table, soup)
    remarks = [f"{name}: a formula is shown as its TeX source: {f}" for f in _formulas(soup)]
    _replace_in_texts(soup, _DOI, _doi_link)
    _replace_in_texts(soup, _CHINESE, _in_chinese)
    return Content(str(soup), headings, remarks)


def _name_headings(soup: BeautifulSoup) -> list[tuple[int, str, str]]:
    """Give each heading an id of its words; levels, ids and texts of all but the title."""
    found: list[tuple[int, str, str]] = []
    used: set[str] = set()
    for heading in soup.find_all(re.compile(r"^h[1-6]$")):
        text = heading.get_text(" ", strip=True)
        name = slug(text)
        while name in used:
            name += "-again"
        used.add(name)
        heading["id"] = name
        if heading.name != "h1":
            found.append((int(heading.name[1]), name, text))
    return found


def _resolve(link: Tag, name: str, pages: Mapping[Path, str]) -> None:
    """Lead a link to a page of the site, or say in words where the file lies."""
    target, _, part = link["href"].partition("#")
    if target.startswith(_FOLLOWED):
        return
    place = f"#{slug(unquote(part))}" if part else ""
    path = (NOTEBOOKS_DIR / unquote(target)).resolve()
    if not target or path in pages:
        link["href"] = f"{pages[path]}{place}" if target else place
    elif path.exists() and path.is_relative_to(PROJECT):
        link.insert_after(f" (file {path.relative_to(PROJECT)} of the project)")
        link.unwrap()
    else:
        raise ContractError(f"{name}: the link '{link['href']}' leads to no file at {path}.")


def _make_readable(table: Tag, soup: BeautifulSoup) -> None:
    """Heads that say what they are the heads of, and a box that scrolls if the table is wide."""
    del table["border"]
    for row in table.find_all("tr"):
        row.attrs.pop("style", None)
    for head in table.find_all("th"):
        if not head.get_text(strip=True):
            head.name = "td"
        elif not head.has_attr("scope"):
            head["scope"] = "col" if head.find_parent("thead") else "row"
    box = soup.new_tag("div", attrs={"class": "table", "role": "region", "tabindex": "0"})
    before = table.find_previous(re.compile(r"^h[1-6]$"))
    box["aria-label"] = f"Table: {before.get_text(' ', strip=True)}" if before else "Table"
    table.wrap(box)


def _formulas(soup: BeautifulSoup) -> list[str]:
    texts = soup.find_all(string=_FORMULA)
    return [_FORMULA.search(t)[0] for t in texts if not t.find_parent(["pre", "code"])]


def _replace_in_texts(soup: BeautifulSoup, wanted: re.Pattern, made: object) -> None:
    """Put elements in the place of what is found in running text."""
    for text in soup.find_all(string=wanted):
        if text.find_parent(["a", "code", "pre", "style"]):
            continue
        parts, end = [], 0
        for match in wanted.finditer(text):
            parts += [NavigableString(text[end : match.start()]), made(soup, match)]
            end = match.end()
        text.replace_with(*(p for p in parts if str(p)), NavigableString(text[end:]))


def _doi_link(soup: BeautifulSoup, match: re.Match) -> Tag:
    link = soup.new_tag("a", href=f"https://doi.org/{match[1]}")
    link.string = match[0]
    return link


def _in_chinese(soup: BeautifulSoup, match: re.Match) -> Tag:
    span = soup.new_tag("span", lang="zh-CN")
    span.string = match[0]
    return span
