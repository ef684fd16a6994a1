"""What notebooks show: saved figures, and small panels of controls, a line of text, a figure.

Both also read where no program runs, on a web page or on paper: a figure with its caption, a panel
as a picture of its first state.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from helpers.figures import CATALOGUE, read_caption, save_figure
from helpers.figures.style import DOUBLE_COLUMN_MM, MM_PER_INCH
from helpers.study import Study

# Every figure is as large beside the others as in print: one of two columns has this width.
_TWO_COLUMNS_PX = 860
_PX_PER_INCH = _TWO_COLUMNS_PX / (DOUBLE_COLUMN_MM / MM_PER_INCH)
_STATES_KEPT = 32  # pictures of a panel, of about 0.1 MB each
_PANEL_CLASS, _WORDS_CLASS = "map-panel", "map-panel-words"
# What cannot be set from Python: JupyterLab takes the arrow keys for its cells, also where they
# should choose from a list; sliders have no name that a screen reader could say; and a text that
# changes is read out only if its place is marked. The views of a panel appear one by one, so the
# script waits until all are there (for 10 s).
_NAME_CONTROLS = """
(function name(inside, tries) {
  const panel = inside.closest(".PANEL"), words = panel && panel.querySelector(".WORDS");
  const sliders = panel ? [...panel.querySelectorAll(".widget-slider")] : [];
  const handles = sliders.map((slider) => slider.querySelector("[role=slider]"));
  if (words && sliders.length >= COUNT && handles.every(Boolean)) {
    panel.querySelectorAll("select, [role=slider]").forEach((control) => {
      control.setAttribute("data-lm-suppress-shortcuts", "true");
    });
    words.setAttribute("role", "status");
    words.setAttribute("aria-live", "polite");
    sliders.forEach((slider, i) => {
      const label = slider.querySelector("label").textContent;
      const number = slider.querySelector(".widget-readout");
      handles[i].setAttribute("aria-label", label);
      number.setAttribute("role", "textbox");
      number.setAttribute("aria-label", label + ", typed");
    });
  } else if (tries < 100) {
    setTimeout(name, 100, inside, tries + 1);
  }
})(element, 0);
"""


@dataclass(frozen=True)
class Shown:
    """A saved figure with its caption, to be displayed."""

    html: str
    caption: str

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.caption}


def show(figure: Figure, study: Study, name: str, of: str = "") -> Shown:
    """Save a figure of the catalogue and show the saved file, so that both are the same.

    Below it stands its caption with the numbers. It is as wide on the screen as its size in print
    asks for, beside the others, and never wider than the page. ``of``: as for
    :func:`helpers.figures.save_figure`.
    """
    path = save_figure(figure, study, name, of)
    plt.close(figure)
    caption, width_inch = read_caption(path), figure.get_figwidth()
    image = _image_html(path.read_bytes(), width_inch, CATALOGUE[name].caption)
    return Shown(_figure_html(image, escape(caption)), caption)


class Panel(ipywidgets.VBox):
    """Controls, a line of text and a picture; where widgets cannot run, its first state.

    Made by :func:`panel`. ``static_html`` is that state: the picture, the text, and what the
    controls were set to.
    """

    def __init__(self, children: Sequence[ipywidgets.Widget], static_html: str) -> None:
        super().__init__(children)
        self.static_html = static_html
        self.add_class(_PANEL_CLASS)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The widget, which JupyterLab prefers, and a picture for pages that cannot run it."""
        return {**super()._repr_mimebundle_(**kwargs), "text/html": self.static_html}


def panel(draw: Callable[..., tuple[Figure, str]], **controls: ipywidgets.Widget) -> Panel:
    """Connect controls to a figure.

    The last states that were seen are kept: going back to one does not draw it again. While one
    is drawn, further moves of a control wait as one, so that they do not queue up.

    Parameters
    ----------
    draw
        Takes the values of the controls by name; returns a figure and one line of text that says
        in words what the figure shows. The same values must always give the same. If it raises
        an error later on, text and picture say so, and the error is raised.
    controls
        ipywidgets with a ``value`` and a description, which is also their name for screen readers.

    Returns
    -------
    A box to display. All controls can be moved by keyboard; the text is read out as it changes.

    """
    words, picture = ipywidgets.HTML(), ipywidgets.HTML()
    words.add_class(_WORDS_CLASS)

    @lru_cache(maxsize=_STATES_KEPT)
    def state(*values: Any) -> tuple[str, str]:
        """Text and picture at these values of the controls."""
        figure, text = draw(**dict(zip(controls, values, strict=True)))
        alt = f"Figure at {_settings(controls)}"
        return escape(text), _image_html(_png(figure), figure.get_figwidth(), alt)

    def redraw(_change: object = None) -> None:
        """Show the state of the controls, or why it cannot be drawn."""
        try:
            words.value, picture.value = state(*(c.value for c in controls.values()))
        except Exception as error:
            words.value = escape(f"{type(error).__name__}: {error}")
            picture.value = "Nothing is drawn: see the message above."
            raise

    redraw()
    for control in controls.values():
        control.style = {"description_width": "initial"}
        control.observe(redraw, names="value")
    below = f"{words.value}<br>The panel at {escape(_settings(controls))}."
    static = _figure_html(picture.value, below)
    return Panel([*controls.values(), _namer(controls), words, picture], static)


def _settings(controls: Mapping[str, ipywidgets.Widget]) -> str:
    """Names and values of the controls, in words."""
    return ", ".join(f"{c.description}: {_value_text(c.value)}" for c in controls.values())


def _value_text(value: object) -> str:
    if isinstance(value, tuple):
        return " + ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _namer(controls: Mapping[str, ipywidgets.Widget]) -> ipywidgets.Output:
    """Invisible part of a panel that gives its sliders names and marks its text as live."""
    count = sum(isinstance(c, ipywidgets.FloatSlider) for c in controls.values())
    code = _NAME_CONTROLS.replace("PANEL", _PANEL_CLASS).replace("WORDS", _WORDS_CLASS)
    data = {"application/javascript": code.replace("COUNT", str(count))}
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    return ipywidgets.Output(outputs=(output,), layout={"display": "none"})


def _png(figure: Figure) -> bytes:
    """Picture of a figure, one dot of it on one of the screen."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=_PX_PER_INCH)
    plt.close(figure)
    return drawn.getvalue()


def _image_html(png: bytes, width_inch: float, alt: str) -> str:
    """Picture inside the page, as wide as its print asks for."""
    data, width_px = base64.b64encode(png).decode("ascii"), round(width_inch * _PX_PER_INCH)
    return (
        f'<img alt="{escape(alt)}" width="{width_px}" style="max-width: 100%; height: auto" '
        f'src="data:image/png;base64,{data}">'
    )


def _figure_html(image: str, caption: str) -> str:
    look = "font-size: 0.9em; color: var(--jp-content-font-color2, inherit)"
    words = f'<figcaption style="{look}">{caption}</figcaption>'
    return f'<figure style="margin: 0">{image}{words}</figure>'


def choice(label: str, options: Sequence[str]) -> ipywidgets.Dropdown:
    """List to choose one of."""
    return ipywidgets.Dropdown(options=options, description=label)


def steps(label: str, values: Sequence[float], value: float) -> ipywidgets.Dropdown:
    """List of a few numbers, which need not be evenly spaced.

    A slider over them would tell a screen reader the place in the list instead of the number.
    """
    return ipywidgets.Dropdown(options=values, value=value, description=label)


def several(label: str, options: list[str], chosen: list[str]) -> ipywidgets.SelectMultiple:
    """List to choose several of."""
    return ipywidgets.SelectMultiple(
        options=options, value=tuple(chosen), description=label, rows=min(len(options), 16)
    )


def slider(
    label: str, low: float, high: float, value: float, step: float
) -> ipywidgets.FloatSlider:
    """Slider that acts when it is let go, or at each press of an arrow key."""
    return ipywidgets.FloatSlider(
        value=value, min=low, max=high, step=step, description=label, continuous_update=False
    )
