"""One look for all figures: sizes, type, colours, markers, and the note on virtual boreholes.

The style is applied while a figure is drawn or saved (:data:`journal_style`), never on import.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cmcrameri import cm
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from numpy.typing import ArrayLike

from helpers.study import Study

SINGLE_COLUMN_MM, DOUBLE_COLUMN_MM = 85.0, 180.0
TALLEST_MM = 240.0
READABLE = 4.5  # contrast that small text needs, WCAG 2.1
PRINT_DPI = 300
SMALLEST_TEXT_PT = 7.0
VIRTUAL_NOTE = "Virtual boreholes: made for this study, not measured"
MM_PER_INCH = 25.4
NOTE_MM = 5.0
_CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Arial Unicode MS",
)


def fonts(installed: Collection[str]) -> list[str]:
    """DejaVu Sans, and the first Chinese font of this machine for the letters that it lacks."""
    return ["DejaVu Sans", *[font for font in _CHINESE_FONTS if font in installed][:1]]


STYLE = {
    "font.family": fonts(get_font_names()),
    "font.size": SMALLEST_TEXT_PT,
    "axes.labelsize": SMALLEST_TEXT_PT,
    "axes.titlesize": 8.0,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.labelsize": SMALLEST_TEXT_PT,
    "ytick.labelsize": SMALLEST_TEXT_PT,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": SMALLEST_TEXT_PT,
    "legend.title_fontsize": SMALLEST_TEXT_PT,
    "legend.frameon": False,
    "legend.borderaxespad": 0.0,
    "hatch.linewidth": 0.4,
    "lines.linewidth": 1.0,
    "figure.dpi": 150,
    "savefig.dpi": PRINT_DPI,
    "savefig.facecolor": "white",
    "text.parse_math": False,  # names of sites and towns may hold a $
    "pdf.fonttype": 42,  # text stays text, in fonts that journals accept
}
journal_style = mpl.rc_context(STYLE)
"""Decorator: what the function draws has the style; settings of the user come back after it."""

METHOD_MARKERS = {"interpolated": "o", "extended": "^"}
METHOD_LABELS = {"interpolated": "deep, interpolated", "extended": "shallow, extended"}
METHOD_COLOURS = {"interpolated": "#2b5b84", "extended": "#f0b35b"}
# Told apart by colour-blind readers: Okabe and Ito (2008), Color Universal Design.
BLACK, BLUE, VERMILION, GREEN = "#000000", "#0072b2", "#d55e00", "#009e73"
PURPLE, ORANGE, SKY_BLUE = "#cc79a7", "#e69f00", "#56b4e9"
LINE_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY_BLUE, BLACK)
FROZEN_COLOUR, THAWED_COLOUR = "#2b6ca3", "#b0532a"
WHITE_BOX = {"facecolor": "white", "linewidth": 0, "pad": 0.5}  # behind a text on a line
_SIGN = re.compile(r"(?<![\w)])-(?=[\d.])")
_UNITS = {"degC": "°C", "degC d": "°C d", "degree": "°", "W m-2": "W m⁻²", "1": "–"}


def _steps(colours: Colormap, first: float = 0.0, last: float = 1.0, n: int = 32) -> ListedColormap:
    """Colour map in n steps, without ends so dark that they would hide black lines."""
    return ListedColormap(colours(np.linspace(first, last, n)), name=colours.name)


# An even number of steps: the colour changes at 0 and shows the sign.
TEMPERATURE_COLOURS = _steps(cm.vik, n=40)
DIFFERENCE_COLOURS = _steps(cm.bam, n=40)
SEQUENTIAL_COLOURS = _steps(cm.batlow)
PROBABILITY_COLOURS = _steps(cm.oslo_r, 0.05, 0.8)
WIDTH_COLOURS = _steps(cm.lajolla_r, 0.05, 0.85)
ELEVATION_COLOURS = _steps(cm.grayC_r, 0.02, 0.4)
COVARIATE_COLOURS = {
    "mm": PROBABILITY_COLOURS,
    "degC": WIDTH_COLOURS,
    "degC d": WIDTH_COLOURS,
}
"""Colours by unit of the covariate; batlow for all others."""


def temperature_norm(study: Study) -> Normalize:
    """Range of ground temperature, the same on every map of a study, 0 deg C in the middle."""
    reach = study.figures.temperature_reach_c
    return Normalize(-reach, reach)


def new_figure(width_mm: float, height_mm: float, layout: str | None = "constrained") -> Figure:
    """Empty figure of a size in print, unknown to pyplot so that notebooks show it only once.

    Without a layout whoever draws leaves ``NOTE_MM`` at the bottom free.
    """
    size = (width_mm / MM_PER_INCH, height_mm / MM_PER_INCH)
    figure = plt.figure(figsize=size, layout=layout)
    plt.close(figure)
    return figure


def mark_virtual(figure: Figure, study: Study | None) -> Figure:
    """Say in the lower right corner that the boreholes are virtual, if they are; only once.

    A chart that knows no study is marked when it is saved.
    """
    if study is not None and study.about.virtual_boreholes and not is_marked_virtual(figure):
        share = NOTE_MM / (figure.get_figheight() * MM_PER_INCH)
        if figure.get_layout_engine():
            figure.get_layout_engine().set(rect=(0, share, 1, 1 - share))
        note = figure.text(0.995, 0.15 * share, VIRTUAL_NOTE, ha="right", va="bottom", color="0.35")
        note.set(fontsize=SMALLEST_TEXT_PT, fontstyle="italic", in_layout=False)
    return figure


def with_numbers(figure: Figure, numbers: str) -> Figure:
    """Keep with a figure the line of numbers it shows, for its caption; returns the figure.

    Hyphens that stand for a minus become one, so numbers can be formatted as Python does.
    """
    figure.set_label(_SIGN.sub("\N{MINUS SIGN}", numbers))
    return figure


def numbers_of(figure: Figure) -> str:
    """The line of numbers of :func:`with_numbers`; empty if the figure has none."""
    return str(figure.get_label())


def is_marked_virtual(figure: Figure) -> bool:
    """Whether the figure says that its boreholes are virtual."""
    return any(text.get_text() == VIRTUAL_NOTE for text in figure.texts)


def rows_and_columns(count: int, most_columns: int) -> tuple[int, int]:
    """Fewest rows that hold the panels, and the fewest columns that do with so many rows."""
    rows = -(-count // most_columns)
    return rows, -(-count // rows)


def letter_panels(panels: Sequence[Axes]) -> None:
    """Put (a), (b), ... before the titles, if there is more than one panel."""
    for position, axes in enumerate(panels if len(panels) > 1 else []):
        title = axes.get_title(loc="left")
        axes.set_title(f"({panel_letter(position)}) {title}".rstrip(), loc="left")


def panel_letter(position: int) -> str:
    """Letter of a panel, from 0: a ... z, aa, ab ..."""
    before, last = divmod(position, 26)
    return (panel_letter(before - 1) if before else "") + chr(ord("a") + last)


def ink_on(colour: ArrayLike) -> str:
    """Black or white: the text that stands out more on a colour (r, g, b, 0 ... 1).

    By the contrast of the Web Content Accessibility Guidelines 2.1, which is then READABLE or more.
    """
    contrasts = {ink: contrast(to_rgb(ink), colour) for ink in ("black", "white")}
    return max(contrasts, key=contrasts.get)


def as_ink(colour: str) -> tuple[float, float, float]:
    """Colour darkened so that small text in it can be read on white: contrast of 4.5 or more."""
    light = np.array(to_rgb(colour))
    shades = (shade * light for shade in np.linspace(1, 0, 21))
    red, green, blue = next(ink for ink in shades if contrast(ink, (1, 1, 1)) >= READABLE)
    return float(red), float(green), float(blue)


def contrast(one: ArrayLike, other: ArrayLike) -> float:
    """Contrast of two colours (r, g, b, 0 ... 1), 1 to 21, after WCAG 2.1."""
    values = np.array([np.asarray(colour, dtype=float)[:3] for colour in (one, other)])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    dark, light = np.sort(linear @ np.array([0.2126, 0.7152, 0.0722]))
    return float((light + 0.05) / (dark + 0.05))


def unit_text(units: str) -> str:
    """Unit as it is printed: ``degC d`` becomes °C d."""
    return _UNITS.get(units, units)


def printed_name(name: str) -> str:
    """Name of a column as it is printed."""
    return "t15" if name == "t15_c" else name.replace("_", " ")


def predictor_label(name: str, units: str) -> str:
    """Name and unit of a predictor in print."""
    return f"{printed_name(name)} ({unit_text(units)})"


def minus(text: str) -> str:
    """Text with true minus signs, as the axes have them."""
    return text.replace("-", "\N{MINUS SIGN}")
