"""What charts of many panels and charts of many cells share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike

from helpers.figures import style


def panel_grid(figure: Figure, count: int, rows: int, columns: int, **sharing: bool) -> list[Axes]:
    """Panels row by row; the last row may be short."""
    panels = figure.subplots(rows, columns, squeeze=False, **sharing).ravel()
    for axes in panels[count:]:
        axes.remove()
    return list(panels[:count])


def write_cells(
    image: AxesImage,
    table: ArrayLike,
    text_of: Callable[[float], str],
    bold_diagonal: bool = False,
) -> None:
    """Texts in the cells of an image, black or white; none where there is no value."""
    for (row, column), value in np.ndenumerate(np.asarray(table)):
        if np.isfinite(value):
            look = {"ha": "center", "va": "center", "color": style.ink_on(image.to_rgba(value))}
            weight = "bold" if bold_diagonal and row == column else "normal"
            image.axes.text(column, row, text_of(value), fontweight=weight, **look)
