"""Outputs of cells as a page without programs and without other files' help can show them."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from html import escape

import nbformat
from bs4 import BeautifulSoup

from helpers.storage import ContractError
from helpers.study import Study
from helpers.web_pages.executed import Lesson

PICTURES = "pictures"
INJECTED = "injected-parameters"
WIDGET = "application/vnd.jupyter.widget-view+json"
SHOWN_KINDS = ("text/html", "image/png", "text/markdown", "text/plain")  # the first found
PROGRESS_BAR = re.compile(r"\[\d+:\d\d(:\d\d)?[<,]")  # of tqdm: [00:03<00:01, 5.0it/s]
FOREIGN = ("script", "iframe", "object", "embed", "link", "video", "audio")
NOTE = '<p class="note">In JupyterLab this panel has controls that can be moved.</p>'


@dataclass
class Pictures:
    """Pictures of one page: files by their path beside the page."""

    page: str
    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, image: bytes, kind: str, alt: str) -> str:
        """Keep a picture; returns its path, which tells page, order and content."""
        words = re.sub(r"[^a-z0-9]+", "-", alt.lower())[:40].strip("-")
        name = f"{self.page[:2]}_{len(self.files) + 1:02d}_{words}.{kind}"
        self.files[f"{PICTURES}/{name}"] = image
        return f"{PICTURES}/{name}"


def with_shown_outputs(
    lesson: Lesson, study: Study
) -> tuple[nbformat.NotebookNode, Mapping[str, bytes]]:
    """A copy of the notebook whose outputs a page can show, and the files of its pictures.

    Each output is reduced to one kind: HTML, else text. Progress bars and scripts are left out,
    panels are their static picture. A picture that a cell shows by itself is described by the
    line of intent before the cell. Of the parameters of the run, the study is named without
    the folders of the machine.

    Raises
    ------
    ContractError
        If a picture has no alternative text or is none of the page's own, if a panel has no
        static picture, or if an output needs a program; names notebook and cell.

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
    """Last line of a text, without marks of links and emphasis."""
    line = markdown.strip().splitlines()[-1] if markdown.strip() else ""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", line).strip("#>- ").translate({42: "", 96: ""})


def _parameters(lesson: Lesson, study: Study) -> str:
    given = dict(lesson.notebook.metadata["papermill"]["parameters"])
    given["study_file"] = study.file.relative_to(study.folder.parent).as_posix()
    order = sorted(given, key=lambda name: name != "study_file")
    return "\n".join(f"{name} = {given[name]!r}" for name in order)


def _shown(
    output: nbformat.NotebookNode, intent: str, pictures: Pictures, place: str
) -> nbformat.NotebookNode | None:
    """One output as the page shows it; None if it has nothing to show."""
    if output.output_type == "stream":
        lines = re.split(r"[\r\n]+", output.text)
        kept = [x for x in lines if not (output.name == "stderr" and PROGRESS_BAR.search(x))]
        output.text = "\n".join(kept)
        return output if output.text.strip() else None
    data = output.data
    panel, plain = WIDGET in data, data.get("text/plain", "")
    if panel and "text/html" not in data:
        if PROGRESS_BAR.search(plain):
            return None
        raise ContractError(
            f"{place}: a panel without a static picture, which a web page cannot show. Make it "
            "with helpers.widgets.panel and run the notebook again."
        )
    kind = next((kind for kind in SHOWN_KINDS if kind in data), None)
    if kind is None:
        return None
    if kind == "image/png":
        kind, html = "text/html", _figure(data[kind], intent)
        output.data = {kind: html}
    output.data = {kind: data[kind] if kind != "text/html" else ""} if kind not in output.data else {
        kind: output.data[kind]
    }
    if kind == "text/html":
        html = _checked(output.data[kind], pictures, place)
        output.data[kind] = f'<div class="panel">{html}{NOTE}</div>' if panel else html
    return output
