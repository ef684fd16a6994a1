"""Captions with the numbers of a figure: of a figure, inside a picture, and in a README."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from helpers.figures.catalogue import CATALOGUE, check_name, figures_of, file_name
from helpers.figures.natural_earth import source_of_lines
from helpers.figures.style import VIRTUAL_NOTE, is_marked_virtual, numbers_of
from helpers.study import Study

CAPTION_KEY = "Description"  # the key that the PNG standard has for it


def caption_of(figure: Figure, name: str) -> str:
    """Caption of the catalogue, the numbers that this figure shows, and the source of its lines.

    Of a figure that is marked as one of virtual boreholes it says so.

    Raises
    ------
    ValueError
        If the catalogue has no figure of this name.

    """
    check_name(name)
    note = f"{VIRTUAL_NOTE}." if is_marked_virtual(figure) else ""
    parts = (CATALOGUE[name].caption, numbers_of(figure), source_of_lines(figure), note)
    return " ".join(part for part in parts if part)


def read_caption(path: Path) -> str:
    """Caption inside a PNG of :func:`helpers.figures.save_figure`; empty if it holds none."""
    with Image.open(path) as picture:
        picture.load()
        return str(picture.info.get(CAPTION_KEY, ""))


def catalogue_markdown(study: Study, folder: str = "") -> str:
    """Text of a README: file, caption and notebook of each figure; ``folder`` before the names.

    Captions have the numbers of the pictures in the figures folder of the study; of a figure
    that is not there, or was drawn without numbers, the text says so.
    """
    virtual = study.about.virtual_boreholes
    lines = [
        f"# Figures of {study.about.title}",
        "",
        f"{VIRTUAL_NOTE}. Each figure of them says so in its lower right corner."
        if virtual
        else "",
        "",
        "Coastlines and borders are on a map only if its caption names Natural Earth: they are "
        "drawn from files of your own, if cartopy finds them, and never downloaded.",
        "",
        "| file | caption | notebook |",
        "| --- | --- | --- |",
        *(_table_row(study, name, file_name(name, of), folder) for name, of in figures_of(study)),
    ]
    return "\n".join(lines) + "\n"


def _table_row(study: Study, name: str, stem: str, folder: str) -> str:
    """File, caption inside the picture (or the general one and what is missing), notebook."""
    path, entry = study.figures_dir / f"{stem}.png", CATALOGUE[name]
    found = read_caption(path) if path.is_file() else ""
    missing = "drawn without numbers" if path.is_file() else "not drawn yet"
    caption = (found or f"{entry.caption} *({missing})*").replace("|", "\\|")
    return f"| [{path.name}]({folder}{path.name}) | {caption} | {entry.notebook} |"
