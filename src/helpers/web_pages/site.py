"""The site of a study: seven pages, an index, a glossary, and what they need beside them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import HTMLExporter

from helpers.figures import CATALOGUE
from helpers.products import VIRTUAL_NOTE
from helpers.run import results
from helpers.storage import require
from helpers.study import Study
from helpers.web_pages.executed import Lesson, read_lessons
from helpers.web_pages.markup import NOTEBOOKS_DIR, Content, dress
from helpers.web_pages.outputs import static_notebook
from helpers.web_pages.pictures import Pictures, size_of

TEMPLATES = Path(__file__).parent / "lesson"
GLOSSARY = NOTEBOOKS_DIR / "glossary.md"
DOCUMENTS = {
    "report_card.html": "Report card",
    "borehole_quality.html": "Quality of the boreholes",
}


def write_site(study: Study) -> tuple[Path, list[str]]:
    """Make the web site of the last run in the folder ``web`` of its output.

    It holds all it needs, works from the disk, and runs no programs. The folder is replaced only
    when the new one is complete; the same run gives the same bytes.

    Returns
    -------
    The folder, and remarks on what could not be shown as it is meant.

    Raises
    ------
    ContractError
        If an executed notebook is missing or not whole, or one of its cells cannot be shown.
    FileNotFoundError
        If a product of the run is missing.

    """
    folder = study.output_dir / "web"
    pages, remarks = _pages(study)
    with _replacing_folder(folder) as unfinished:
        for name, content in pages.items():
            path = unfinished / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
    return folder, remarks


@contextmanager
def _replacing_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill; on success it takes the place of ``folder``."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished, before = (
        folder.with_name(f".{folder.name}.{word}-{os.getpid()}") for word in ("unfinished", "old")
    )
    unfinished.mkdir()
    try:
        yield unfinished
        if folder.exists():
            folder.rename(before)
        unfinished.rename(folder)
    finally:
        if before.exists() and not folder.exists():
            before.rename(folder)
        for leftover in (unfinished, before):
            shutil.rmtree(leftover, ignore_errors=True)


def _pages(study: Study) -> tuple[dict[str, bytes], list[str]]:
    """Every file of the site by its name, and remarks."""
    lessons, pictures, exporter = read_lessons(study), Pictures(), _exporter()
    documents = {n: study.output_dir / n for n in DOCUMENTS if (study.output_dir / n).is_file()}
    links = {NOTEBOOKS_DIR / f"{lesson.name}.ipynb": lesson.page for lesson in lessons}
    links |= {path.resolve(): name for name, path in documents.items()}
    if GLOSSARY.is_file():
        links[GLOSSARY] = "glossary.html"
    frame = _Frame(study, lessons, exporter)
    contents = {}
    for lesson in lessons:
        html, _ = exporter.from_notebook_node(static_notebook(lesson, pictures))
        contents[lesson.page] = dress(html, f"notebook {lesson.name}", links)
    if GLOSSARY.is_file():
        contents["glossary.html"] = dress(_text(GLOSSARY, exporter), GLOSSARY.name, links)
    contents["index.html"] = dress(
        _overview(study, lessons, documents, pictures, exporter), "index", links
    )
    files = {name: frame.page(name, content).encode() for name, content in contents.items()}
    files |= {name: path.read_bytes() for name, path in documents.items()} | pictures.files
    files["style.css"] = (TEMPLATES / "style.css").read_bytes()
    return files, [remark for content in contents.values() for remark in content.remarks]
