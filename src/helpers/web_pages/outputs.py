"""Outputs of cells as a page shows them that runs no program and loads nothing from elsewhere."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from html import escape

from bs4 import BeautifulSoup
from nbformat import NotebookNode

from helpers.figures import CATALOGUE
from helpers.storage import ContractError
from helpers.study import Study
from helpers.web_pages.executed import Lesson

INJECTED = "injected-parameters"
_WIDGET = "application/vnd.jupyter.widget-view+json"
_PROGRESS_BAR = re.compile(r"\[\d+:\d\d(:\d\d)?[<,]")  # of tqdm: [00:03<00:01, 5.0it/s]
_INLINE = re.compile(r"data:image/(png|jpeg|gif|svg)(?:\+xml)?;base64,(.+)", re.DOTALL)
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/svg+xml")
_TEXTS = ("text/markdown", "text/plain")
_SAID_BY_TEXT = (*_TEXTS, "text/latex", "application/json")
_FOREIGN = ("script", "iframe", "object", "embed", "link", "video", "audio")
_FIGURE_NAMES = {entry.caption: name for name, entry in CATALOGUE.items()}
_NOTE = '<p class="note">In JupyterLab this panel has controls that can be moved.</p>'


@dataclass
class Pictures:
    """Pictures of one page: files by their path beside the page."""

    page: str
    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, image: bytes, kind: str, alt: str) -> str:
        """Keep a picture; returns its path, which tells page, order and content."""
        words = "_".join(re.findall(r"[a-z0-9]+", alt.lower())[:5])
        name = _FIGURE_NAMES.get(alt, words)
        path = f"pictures/{self.page[:2]}_{len(self.files) + 1:02d}_{name}.{kind}"
        self.files[path] = image
        return path


def with_shown_outputs(lesson: Lesson, study: Study) -> tuple[NotebookNode, Mapping[str, bytes]]:
    """A copy of the notebook whose outputs a page can show, and its pictures by their path.

    Progress bars are left out; in the place of what needs a program stands its text, and what is
    missing; panels are their static picture. A picture that a cell shows by itself is described
    by the line of intent before the cell. The parameters of the run name the study without the
    folders of the machine.

    Raises
    ------
    ContractError
        If a picture has no alternative text or is not inside the notebook, a panel has no static
        picture, or an output needs a program; names notebook and cell.

    """
    notebook, pictures, intent = deepcopy(lesson.notebook), Pictures(lesson.name), ""
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "markdown":
            intent = _last_line(cell.source)
        if cell.cell_type != "code":
            continue
        if INJECTED in cell.metadata.get("tags", ()):
            cell.source = _parameters(lesson, study)
        place = f"{lesson.name}.ipynb, cell {number}"
        shown = (_shown(output, intent, pictures, place) for output in cell.outputs)
        cell.outputs = [output for output in shown if output]
    return notebook, pictures.files


def _last_line(markdown: str) -> str:
    """Last line of a text, without the marks of links, headings, code and emphasis."""
    line = markdown.strip().rpartition("\n")[2]
    return re.sub(r"\[([^]]*)\]\([^)]*\)|[*`]", r"\1", line).strip("#>- ")


def _parameters(lesson: Lesson, study: Study) -> str:
    given = dict(lesson.notebook.metadata["papermill"]["parameters"])
    given["study_file"] = study.file.relative_to(study.folder.parent).as_posix()
    return "\n".join(f"{name} = {value!r}" for name, value in sorted(given.items(), reverse=True))


def _shown(
    output: NotebookNode, intent: str, pictures: Pictures, place: str
) -> NotebookNode | None:
    """An output as the page shows it; None if nothing of it is left."""
    if output.output_type == "stream":
        lines = re.split(r"\r?\n|\r", output.text)  # a bar ends with a carriage return
        output.text = "\n".join(line for line in lines if not _PROGRESS_BAR.search(line))
        return output if output.text.strip() else None
    html = _html(output.data, intent, place)
    if html:
        output.data = {"text/html": _with_files(html, pictures, place)}
    elif _WIDGET in output.data:
        return None
    else:
        output.data = _text_of(output.data)
    return output


def _text_of(data: Mapping[str, str]) -> dict[str, str]:
    """The texts of an output; where a page cannot show the rest, it says so."""
    texts = {kind: data[kind] for kind in _TEXTS if kind in data}
    left_out = ", ".join(kind for kind in data if kind not in _SAID_BY_TEXT)
    if not left_out:
        return texts
    text = escape(data.get("text/plain", ""))
    words = f"Left out, as this page runs no programs: an output of the kind {escape(left_out)}."
    return {"text/html": f'<pre>{text}</pre><p class="note">{words}</p>'}


def _html(data: Mapping[str, str], intent: str, place: str) -> str:
    """HTML of an output; empty for a text or a progress bar."""
    html = data.get("text/html", "")
    if _WIDGET in data and "<img" in html:
        return f'<div class="panel">{html}{_NOTE}</div>'
    if _WIDGET in data and not _PROGRESS_BAR.search(data.get("text/plain", "")):
        raise ContractError(
            f"{place}: a panel without a static picture, which a web page cannot show. Make it "
            "with helpers.widgets.panel and run the notebook again."
        )
    kind = next((kind for kind in _PICTURES if kind in data), None)
    if html or kind is None:
        return html
    content = data[kind].replace("\n", "")
    if kind == "image/svg+xml":
        content = base64.b64encode(data[kind].encode()).decode("ascii")
    return f'<figure><img alt="{escape(intent)}" src="data:{kind};base64,{content}"></figure>'


def _with_files(html: str, pictures: Pictures, place: str) -> str:
    """The HTML with its pictures as files beside the page; what a page may not have is an error."""
    soup = BeautifulSoup(html, "html.parser")
    for foreign in soup(_FOREIGN):
        raise ContractError(
            f"{place}: its output holds <{foreign.name}>, which needs a program or another file. "
            "Show a figure, a table or a text."
        )
    for styles in soup("style", scoped=True):  # pandas: the page has its own style of tables
        styles.decompose()
    for image in soup("img"):
        alt, inline = image.get("alt", "").strip(), _INLINE.fullmatch(image.get("src", ""))
        if not alt:
            raise ContractError(
                f"{place}: a picture without alternative text. Show it with helpers.widgets.show, "
                "or write a line of intent before the cell."
            )
        if not inline:
            raise ContractError(
                f"{place}: the picture {image.get('src')} is not inside the notebook. Show it "
                "with helpers.widgets.show."
            )
        image["src"] = pictures.add(base64.b64decode(inline[2]), inline[1], alt)
    return str(soup)
