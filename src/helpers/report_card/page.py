"""The report card as files: one JSON for machines, one page that holds everything inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from helpers.products import VIRTUAL_NOTE
from helpers.report_card.sections import sections
from helpers.storage import ContractError, replacing, require, write_json
from helpers.study import Study

VIRTUAL_NOTE_ZH = "钻孔为虚拟数据，并非实测。"
WIDTHS, COLOURS = (900, 720, 560, 420), 128
LARGEST_PAGE = 1_500_000  # bytes
STYLE = """
@page { size: A4; margin: 7mm 9mm; }
* { box-sizing: border-box; }
body { font: 15px/1.4 "Segoe UI", Roboto, Arial, "Liberation Sans", system-ui, sans-serif;
       color: #000; background: #fff; max-width: 72rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5em; margin: 0 0 .2em; }
h2 { font-size: 1.1em; margin: .1em 0; break-after: avoid; }
header p { margin: 0 0 .4em; }
.virtual { border: 3px double; padding: .2em .8em; }
section { border-top: 1px solid; padding: .1em 0 .3em; }
.row { display: flex; gap: 1.8em; break-inside: avoid; }
.row > div { flex: 0 1 auto; min-width: 0; }
p, ul { margin: .2em 0; } ul { padding-left: 1.2em; } li { break-inside: avoid; }
dl { margin: 0; } dl div { padding-left: 1em; text-indent: -1em; }
dt, dd { display: inline; margin: 0; } dt { font-weight: 600; } dt::after { content: ": "; }
.terms div { display: inline; padding: 0; }
table { border-collapse: collapse; margin: .2em 0 .4em; break-inside: avoid; }
caption { text-align: left; font-style: italic; }
th, td { text-align: left; vertical-align: top; padding: .03em .7em .03em 0;
         border-bottom: 1px solid #999; font-variant-numeric: tabular-nums; }
tbody th { font-weight: normal; } thead th { border-bottom: 2px solid; }
.figures { display: flex; flex-wrap: wrap; gap: .8em; }
figure { margin: 0; flex: 0 1 calc(33.3% - .6em); break-inside: avoid; }
figure img { width: 100%; height: auto; }
@media screen and (max-width: 50rem) { .row { flex-wrap: wrap; } section { overflow-x: auto; }
                                       td { white-space: nowrap; } figure { flex-basis: 100%; } }
@media print { body { font-size: 7pt; line-height: 1.15; max-width: none; margin: 0;
                      padding: 0; } .row { flex-wrap: nowrap; } section { overflow: visible; }
               figure { flex-basis: 29%; } ul { padding-left: 2em; } }
"""


def write_report_card(
    study: Study, card: Mapping[str, Any], figures: Mapping[str, Path]
) -> list[Path]:
    """Write ``report_card.json`` and ``report_card.html`` into the output of the study.

    The page needs neither network nor script, and prints on A4. Same card and figures, same bytes.

    Parameters
    ----------
    study
        For the folder, the title and whether its boreholes are virtual.
    card
        Of :func:`helpers.report_card.report_card`.
    figures
        Pictures to embed, by their captions, made smaller until the page is below 1.5 MB. With
        up to three the card prints on two pages.

    Raises
    ------
    FileNotFoundError
        If a figure is missing.
    ContractError
        If the page is too large with the smallest pictures.

    """
    data = write_json(card, study.output_dir / "report_card.json")
    page = study.output_dir / "report_card.html"
    with replacing(page) as unfinished:
        unfinished.write_text(_fitting_page(study, card, figures), encoding="utf-8", newline="\n")
    return [data, page]


def _fitting_page(study: Study, card: Mapping[str, Any], figures: Mapping[str, Path]) -> str:
    """The page with the largest pictures that keep it small enough to send."""
    for width in WIDTHS:
        page = _page(study, card, {text: _embedded(path, width) for text, path in figures.items()})
        if len(page.encode()) < LARGEST_PAGE:
            return page
    raise ContractError(
        f"report card of {study.name}: {len(page.encode()):,} bytes with {len(figures)} figures "
        f"{WIDTHS[-1]} pixels wide; below {LARGEST_PAGE:,} is needed. Pass fewer figures."
    )


def _page(study: Study, card: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    title = escape(f"Report card: {study.about.title}")
    chinese = study.about.title_zh
    parts = [
        f"<header><h1>{title}</h1>",
        f'<p lang="zh">{escape(chinese)}</p>' if chinese else "",
        _virtual_box() if study.about.virtual_boreholes else "",
        "</header>\n<main>",
        *sections(card),
        _figures(pictures) if pictures else "",
        "</main>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # The page itself forbids to load anything.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{STYLE}</style></head><body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


def _virtual_box() -> str:
    return (
        f'<p class="virtual"><strong>{escape(VIRTUAL_NOTE)}</strong> '
        f'<strong lang="zh">{VIRTUAL_NOTE_ZH}</strong></p>'
    )


def _figures(pictures: Mapping[str, str]) -> str:
    shown = "\n".join(
        f'<figure><img src="{source}" alt="{escape(caption)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, source in pictures.items()
    )
    return f'<section><h2>Figures</h2>\n<div class="figures">{shown}</div></section>'


def _embedded(path: Path, width: int) -> str:
    """A picture as a data address: at most so wide, on white, in few colours."""
    with Image.open(require(path, "the notebook that draws it")) as stored:
        opaque = stored.convert("RGBA")
    white = Image.new("RGBA", opaque.size, "white")
    picture = Image.alpha_composite(white, opaque).convert("RGB")
    picture.thumbnail((width, picture.height), Image.Resampling.LANCZOS)
    small = io.BytesIO()
    picture.quantize(COLOURS).save(small, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(small.getvalue()).decode()
