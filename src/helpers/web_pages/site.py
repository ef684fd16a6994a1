"""The web site of a study: a page for each notebook, glossary, index and what lies beside them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import psutil
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from pygments.formatters import HtmlFormatter

from helpers.figures import CATALOGUE, read_caption
from helpers.products import VIRTUAL_NOTE
from helpers.project import PROJECT
from helpers.report_card.page import VIRTUAL_NOTE_ZH
from helpers.run import results
from helpers.storage import require
from helpers.study import Study
from helpers.web_pages.executed import Lesson, make_map, read_lessons
from helpers.web_pages.outputs import with_shown_outputs
from helpers.web_pages.pages import HERE, Page, markdown_page, notebook_page

GLOSSARY = PROJECT / "notebooks" / "glossary.md"
REPORTS = ("report_card.html", "borehole_quality.html")
_MAP = "t15_map"
_CODE_STYLE = "xcode"  # all its colours have a contrast of 4.5 or more on the ground of our code


def write_site(study: Study) -> Path:
    """Write the web site of the executed notebooks of a study into ``output/web``.

    It needs neither network nor script and can be read from the disk or any server. The same
    run gives the same bytes. The folder is replaced only when the site is complete.

    Returns
    -------
    Path of the index.

    Raises
    ------
    ContractError
        If a notebook is missing, incomplete or of another run, or a page could not show something
        that a notebook has; see :mod:`helpers.web_pages.executed` and ``outputs``.
    FileNotFoundError
        If a product of the run is missing.

    """
    folder = study.output_dir / "web"
    _remove_left(folder)
    files = site_files(study)
    unfinished, old = (folder.with_name(f".web.{x}-{os.getpid()}") for x in ("unfinished", "old"))
    for left in (unfinished, old):  # of a program of the same number that was ended
        shutil.rmtree(left, ignore_errors=True)
    try:
        for path, content in files.items():
            (unfinished / path).parent.mkdir(parents=True, exist_ok=True)
            (unfinished / path).write_bytes(content)
        if folder.exists():
            folder.rename(old)
        unfinished.rename(folder)
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return folder / "index.html"


def _remove_left(folder: Path) -> None:
    """Remove what programs that were killed have left beside the site.

    One that was killed between its two last steps has left the old site under another name only:
    that is the site then, until a new one is complete.
    """
    for left in folder.parent.glob(".web.*-*"):
        writer = left.name.rpartition("-")[2]
        if left.is_dir() and writer.isdigit() and not psutil.pid_exists(int(writer)):
            if left.name.startswith(".web.old-") and not folder.exists():
                left.rename(folder)
            else:
                shutil.rmtree(left)


def site_files(study: Study) -> dict[str, bytes]:
    """All files of the site by their path in its folder."""
    lessons = read_lessons(study)
    names = [*(lesson.name for lesson in lessons), GLOSSARY.stem, "index"]
    files = {n: require(study.output_dir / n, make_map(study)).read_bytes() for n in REPORTS}
    files["style.css"] = _style()
    files |= _index(study, lessons)
    glossary = markdown_page(GLOSSARY.read_text(encoding="utf-8"), GLOSSARY.name, names)
    files["glossary.html"] = _framed(study, lessons, GLOSSARY.stem, glossary)
    for before, lesson, after in zip([None, *lessons], lessons, [*lessons[1:], None], strict=False):
        notebook, pictures = with_shown_outputs(lesson, study)
        page = notebook_page(notebook, f"{lesson.name}.ipynb", names)
        neighbours = {"before": before, "after": after}
        files[f"{lesson.name}.html"] = _framed(study, lessons, lesson.name, page, **neighbours)
        files |= pictures
    return files


def _framed(
    study: Study, lessons: Sequence[Lesson], name: str, page: Page, **neighbours: Lesson | None
) -> bytes:
    """A page with the menus around it."""
    parts = {"title": page.title, "body": Markup(page.body), "contents": page.contents}  # noqa: S704
    return _filled("page.html.j2", study=study, lessons=lessons, name=name, **parts, **neighbours)


def _index(study: Study, lessons: Sequence[Lesson]) -> dict[str, bytes]:
    """The index and its picture."""
    path = require(study.figures_dir / f"{_MAP}.png", make_map(study))
    picture = f"pictures/{path.name}"
    page = _filled(
        "index.html.j2",
        study=study,
        lessons=lessons,
        name="index",
        picture=picture,
        alt=CATALOGUE[_MAP].caption,
        caption=read_caption(path),
        results=results(study),
        virtual_notes=(VIRTUAL_NOTE, VIRTUAL_NOTE_ZH),
    )
    return {"index.html": page, picture: path.read_bytes()}


def _filled(template: str, **values: object) -> bytes:
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True)
    return environment.get_template(template).render(values).encode()


def _style() -> bytes:
    """Our style sheet and the colours of code."""
    own = (HERE / "style.css").read_text(encoding="utf-8")
    code = HtmlFormatter(style=_CODE_STYLE).get_style_defs(".highlight")
    return f"{own}\n{code}\n.highlight {{ background: var(--code); }}\n".encode()
