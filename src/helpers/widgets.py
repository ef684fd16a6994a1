"""What notebooks show: saved figures, and small panels of controls, a line of text, a figure."""

from __future__ import annotations

import io
from collections.abc import Callable

import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import Image
from matplotlib.figure import Figure

from helpers.figures import CATALOGUE, save_figure
from helpers.study import Study

_WIDTH_PX = 760
_PANEL_DPI = 100


def show(figure: Figure, study: Study, name: str, of: str = "") -> Image:
    """Save a figure of the catalogue and show the saved file, so that both are the same.

    ``of``: as for :func:`helpers.figures.save_figure`.
    """
    path = save_figure(figure, study, name, of)
    plt.close(figure)
    return Image(filename=str(path), width=_WIDTH_PX, alt=CATALOGUE[name].caption)


def panel(
    draw: Callable[..., tuple[Figure, str]], **controls: ipywidgets.Widget
) -> ipywidgets.Widget:
    """Connect controls to a figure.

    Parameters
    ----------
    draw
        Takes the values of the controls by name; returns a figure and one line of text that says
        in words what the figure shows.
    controls
        ipywidgets with a ``value`` and a description.

    Returns
    -------
    A box to display. All controls can be moved by keyboard.

    """
    picture, words = ipywidgets.Image(format="png", width=_WIDTH_PX), ipywidgets.HTML()

    def redraw(_change: object = None) -> None:
        """Draw again with the values the controls have now."""
        figure, words.value = draw(**{name: c.value for name, c in controls.items()})
        picture.value = _png(figure)

    for control in controls.values():
        control.style = {"description_width": "initial"}
        control.observe(redraw, names="value")
    redraw()
    return ipywidgets.VBox([*controls.values(), words, picture])


def _png(figure: Figure) -> bytes:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=_PANEL_DPI)
    plt.close(figure)
    return drawn.getvalue()


def choice(label: str, options: list[str]) -> ipywidgets.Dropdown:
    """List to choose one of."""
    return ipywidgets.Dropdown(options=options, description=label)


def several(label: str, options: list[str], chosen: list[str]) -> ipywidgets.SelectMultiple:
    """List to choose several of."""
    return ipywidgets.SelectMultiple(
        options=options, value=tuple(chosen), description=label, rows=min(len(options), 12)
    )


def slider(
    label: str, low: float, high: float, value: float, step: float
) -> ipywidgets.FloatSlider:
    """Slider that acts when it is let go, so that a slow figure does not queue up."""
    return ipywidgets.FloatSlider(
        value=value, min=low, max=high, step=step, description=label, continuous_update=False
    )


def steps(label: str, values: list, value: object) -> ipywidgets.SelectionSlider:
    """Slider over a few values, which need not be evenly spaced; acts when it is let go."""
    return ipywidgets.SelectionSlider(
        options=values, value=value, description=label, continuous_update=False
    )
