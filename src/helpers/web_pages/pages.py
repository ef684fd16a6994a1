"""HTML of notebooks: text, code in colours, outputs; headings, links, languages and tables."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from helpers.storage import ContractError
from helpers.web_pages.outputs import INJECTED

HERE = Path(__file__).parent
_CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+")
_DOI = re.compile(r"doi:(10\.\d{4,}/[^\s<>]*[\w)])")
_HAS_HOST = re.compile(r"(https?|mailto):", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """Body of a page and its contents: titles of the second level by their anchors."""

    title: str
    body: str
    contents: Mapping[str, str]


def notebook_page(notebook: NotebookNode, place: str, pages: Collection[str]) -> Page:
    """Turn a notebook, with outputs of text and HTML only, into a page.

    Parameters
    ----------
    notebook
        As :func:`helpers.web_pages.outputs.with_shown_outputs` leaves it.
    place
        File it comes from, for messages.
    pages
        Names of the pages that a link may lead to, without ``.html``.

    Raises
    ------
    ContractError
        If it has not one title, or a link or a picture in its text leads nowhere.

    """
    html, _ = _exporter().from_notebook_node(notebook)
    soup = BeautifulSoup(html, "html.parser")
    titles = soup("h1")
    if len(titles) != 1:
        raise ContractError(f"{place}: {len(titles)} titles (#); a page has one. Correct the text.")
    anchors = _anchored(soup)
    contents = {heading["id"]: heading.get_text() for heading in soup("h2")}
    for link in soup("a", href=True):
        link["href"] = _target(link["href"], place, pages, anchors)
    for image in soup("img"):
        if not image.get("src", "").startswith("pictures/"):
            raise ContractError(
                f"{place}: the text shows the picture {image.get('src')}, which would not be "
                "beside the page. Show it from a code cell, with helpers.widgets.show."
            )
    for table in soup("table"):
        box = {"class": "wide", "tabindex": "0", "role": "region", "aria-label": "Table"}
        table.wrap(soup.new_tag("div", attrs=box))
    _mark_texts(soup)
    return Page(titles[0].get_text(), str(soup), contents)


def markdown_page(text: str, place: str, pages: Collection[str]) -> Page:
    """The same for a file of markdown."""
    return notebook_page(new_notebook(cells=[new_markdown_cell(text)]), place, pages)


@cache
def _exporter() -> HTMLExporter:
    """Only its text and code filters are used: all around is in our templates."""
    exporter = HTMLExporter(
        template_name="basic",
        template_file=str(HERE / "notebook.html.j2"),
        exclude_anchor_links=True,
    )
    exporter.environment.globals["injected"] = INJECTED
    return exporter


def _anchored(soup: BeautifulSoup) -> set[str]:
    """Give each heading an anchor of its own; returns the anchors."""
    taken: set[str] = set()
    for heading in soup(["h2", "h3"]):
        anchor = _slug(heading.get_text())
        while anchor in taken:
            anchor += "-"
        heading["id"] = anchor
        taken.add(anchor)
    return taken


def _slug(words: str) -> str:
    """Anchor of a heading, from its words or from its anchor in JupyterLab."""
    return re.sub(r"\W+", "-", words.lower()).strip("-")


def _target(href: str, place: str, pages: Collection[str], anchors: Collection[str]) -> str:
    """A link between notebooks as one between pages; to other hosts as it is."""
    if _HAS_HOST.match(href):
        return href
    path, _, anchor = href.partition("#")
    anchor = _slug(anchor)
    name, _, kind = path.rpartition(".")
    if not path and anchor in anchors:
        return f"#{anchor}"
    if name in pages and kind in ("ipynb", "md"):
        return f"{name}.html#{anchor}".rstrip("#")
    raise ContractError(
        f"{place}: the link to {href} leads to no page. Link to a notebook, the glossary, "
        "a heading of the same page, or a full address."
    )


def _mark_texts(soup: BeautifulSoup) -> None:
    """Mark Chinese as such, for voices and fonts; make links of DOIs."""
    for block in soup(["p", "li", "td", "th"]):
        text = block.get_text()
        if len("".join(_CHINESE.findall(text))) > len(text) / 2:
            block["lang"] = "zh"
    for text in soup.find_all(string=True):
        if type(text) is not NavigableString or text.find_parent(["pre", "code", "a"]):
            continue
        html = _DOI.sub(r'<a href="https://doi.org/\1">\g<0></a>', escape(text, quote=False))
        if not text.find_parent(lang="zh"):
            html = _CHINESE.sub(r'<span lang="zh">\g<0></span>', html)
        if "<" in html:
            text.replace_with(*BeautifulSoup(html, "html.parser").contents)
