"""A figure becomes a file: PNG for the screen, PDF for print, with its caption inside."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from scipy.spatial import KDTree

from helpers.figures.captions import CAPTION_KEY, caption_of
from helpers.figures.catalogue import CATALOGUE, check_name, file_name
from helpers.figures.style import PRINT_DPI, journal_style, mark_virtual
from helpers.storage import replacing
from helpers.study import Study

FORMATS = ("png", "pdf")
_PALETTE_SIZE, _GREYS = 256, 16
_PREVIEW_DPI = 150
_UNDATED = ("CreationDate", "Creator", "Producer")


@journal_style
def save_figure(
    figure: Figure, study: Study, name: str, of: str = "", formats: Sequence[str] = ("png",)
) -> Path:
    """Write a figure of the catalogue into the figures folder of the study; path of the first file.

    ``png``: 300 dpi; of a first look (other cell size or trees) 150 dpi, which is quicker. The
    caption with its numbers is inside, see :func:`read_caption`. ``pdf``: lines and text as such,
    layers of maps as images of 300 dpi, in the folder ``print``; the caption is its subject.

    ``of`` ends the name of the file where there is one figure for each of several things. The
    note on virtual boreholes is put on if the study needs it and the figure lacks it. The files
    hold no date and no versions: the same figure gives the same bytes.

    Raises
    ------
    ValueError
        If the catalogue has no figure of this name, or a format is neither of the two.

    """
    check_name(name)
    if not formats or not set(formats) <= set(FORMATS):
        found = ", ".join(formats) or "none"
        raise ValueError(f"Formats of a figure: {found}. Choose from {', '.join(FORMATS)}.")
    if CATALOGUE[name].shows_boreholes:
        mark_virtual(figure, study)
    dpi = _PREVIEW_DPI if study.is_first_look else PRINT_DPI
    stem, caption, folder = file_name(name, of), caption_of(figure, name), study.figures_dir
    paths = []
    for kind in formats:
        if kind == "png":
            paths.append(_write_png(figure, folder / f"{stem}.png", dpi, caption))
        else:
            paths.append(_write_pdf(figure, folder / "print" / f"{stem}.pdf", caption))
    return paths[0]


@journal_style
def save_preview(figure: Figure, study: Study) -> Path:
    """Write a figure as ``preview.png``, 150 dpi, beside the products of the study."""
    mark_virtual(figure, study)
    path = study.output_dir / "preview.png"
    return _write_png(figure, path, _PREVIEW_DPI, caption_of(figure, "t15_map"))


def _write_png(figure: Figure, path: Path, dpi: float, caption: str) -> Path:
    drawn, words = io.BytesIO(), PngInfo()
    figure.savefig(drawn, format="png", dpi=dpi)
    picture = _with_palette(Image.open(drawn).convert("RGB"))
    words.add_itxt(CAPTION_KEY, caption, lang="en")
    with replacing(path) as unfinished:
        picture.save(unfinished, optimize=True, dpi=(dpi, dpi), pnginfo=words)
    return path


def _write_pdf(figure: Figure, path: Path, caption: str) -> Path:
    about = {"Title": path.stem, "Subject": caption, **dict.fromkeys(_UNDATED)}
    with replacing(path) as unfinished:
        figure.savefig(unfinished, format="pdf", dpi=PRINT_DPI, metadata=about)
    return path


def _with_palette(picture: Image.Image) -> Image.Image:
    """The picture in 16 greys and the 240 colours that fill most of its areas: a third of the size.

    The colours of the maps and of their bars stay exact; the soft edges of lines and letters
    move to the nearest. (The quantisers of Pillow merge the steps of a bar.)
    """
    pixels = np.asarray(picture, np.uint32) @ np.array([65536, 256, 1], np.uint32)
    codes, position = np.unique(pixels, return_inverse=True)
    position = position.reshape(pixels.shape)
    inner = position[1:, 1:]
    flat = (inner == position[:-1, 1:]) & (inner == position[1:, :-1])
    filled = np.bincount(inner[flat], minlength=len(codes))
    colours = np.column_stack([codes >> 16, codes >> 8 & 255, codes & 255])
    greys = np.linspace(0, 255, _GREYS).astype(int)[:, np.newaxis].repeat(3, axis=1)
    most = np.argsort(-filled, kind="stable")[: _PALETTE_SIZE - _GREYS]
    kept = np.concatenate([colours[most], greys])
    nearest = KDTree(kept).query(colours)[1].astype(np.uint8)
    reduced = Image.fromarray(nearest[position], "P")
    reduced.putpalette(kept.astype(np.uint8).tobytes())
    return reduced
