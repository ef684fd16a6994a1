"""What notebooks show: saved figures, and small panels of controls, a line of text, a figure."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import Image, display
from matplotlib.figure import Figure

from helpers.figures import CATALOGUE, save_figure
from helpers.study import Study

_WIDTH_PX = 760


def show(figure: Figure, study: Study, name: str) -> Image:
    """Save a figure of the catalogue and show the saved file, so that both are the same."""
    path = save_figure(figure, study, name)
    plt.close(figure)
    _, caption = CATALOGUE[name]
    return Image(filename=str(path), width=_WIDTH_PX, alt=caption)


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
    picture, words = ipywidgets.Output(), ipywidgets.HTML()

    def redraw(_change: object = None) -> None:
        figure, text = draw(**{name: control.value for name, control in controls.items()})
        words.value = text
        with picture:
            picture.clear_output(wait=True)
            display(figure)
        plt.close(figure)

    for control in controls.values():
        control.style = {"description_width": "initial"}
        control.observe(redraw, names="value")
    redraw()
    return ipywidgets.VBox([*controls.values(), words, picture])


def choice(label: str, options: list[str]) -> ipywidgets.Dropdown:
    """List to choose one of."""
    return ipywidgets.Dropdown(options=options, description=label)


def slider(
    label: str, low: float, high: float, value: float, step: float
) -> ipywidgets.FloatSlider:
    """Slider that acts when it is let go, so that a slow figure does not queue up."""
    return ipywidgets.FloatSlider(
        value=value, min=low, max=high, step=step, description=label, continuous_update=False
    )
