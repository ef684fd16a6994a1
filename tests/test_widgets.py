import base64
import gc
import io
import re
import weakref

import ipywidgets
import matplotlib.pyplot as plt
import nbformat
import pytest
from nbconvert import HTMLExporter
from PIL import Image

from helpers import figures, widgets
from helpers.figures.style import DOUBLE_COLUMN_MM, SINGLE_COLUMN_MM, new_figure, with_numbers
from helpers.study import load_study

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def scratch(study_folder):
    return load_study(study_folder)


def powers(power, kind="plain"):
    """A figure that differs with its arguments; its text has a character of HTML."""
    if kind == "bad":
        raise ValueError("kind <bad>; choose plain")
    figure = new_figure(DOUBLE_COLUMN_MM, 40)
    figure.add_subplot().plot([0, 1, 2], [x**power for x in (0, 1, 2)])
    return figure, f"power {power:g} < 9, {kind}"


def panel_of(draw=powers):
    power, kind = widgets.slider("Power", 1, 3, 1, 0.5), widgets.choice("Kind", ["plain", "bad"])
    panel = widgets.panel(draw, power=power, kind=kind)
    *_, words, picture = panel.children
    return panel, power, kind, words, picture


def picture_in(html):
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_moving_a_control_changes_picture_and_text():
    _, power, _, words, picture = panel_of()
    before = picture.value
    assert words.value == "power 1 &lt; 9, plain"
    power.value = 2.0
    assert words.value == "power 2 &lt; 9, plain" and picture.value != before
    assert picture_in(picture.value).format == "PNG"


def test_a_panel_carries_a_static_picture_of_its_first_state():
    """For pages without widgets and for paper; it stays as it was when controls move."""
    panel, power, _, words, picture = panel_of()
    first_picture, first_words = picture.value, words.value
    power.value = 2.0
    bundle = panel._repr_mimebundle_()
    assert bundle[WIDGET]["model_id"] == panel.model_id
    static = bundle["text/html"]
    assert first_picture in static and first_words in static and picture.value not in static
    assert "Power: 1, Kind: plain" in static


@pytest.mark.parametrize("with_widget", [False, True])
def test_a_page_without_widgets_shows_the_static_picture(with_widget):
    """Whether the view of the widget was taken out or only its model is not in the file."""
    panel, *_ = panel_of()
    bundle = panel._repr_mimebundle_()
    if not with_widget:
        del bundle[WIDGET]
    output = nbformat.v4.new_output("display_data", bundle)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("p", outputs=[output])])
    page, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook)
    assert picture_in(page).tobytes() == picture_in(panel.static_html).tobytes()
    assert "power 1 &lt; 9, plain" in page and "Power: 1, Kind: plain" in page


def test_a_state_seen_before_is_not_drawn_again():
    calls = []

    def draw(power, kind):
        calls.append(power)
        return powers(power)

    _, power, _, words, picture = panel_of(draw)
    first = picture.value, words.value
    power.value = 2.0
    power.value = 1.0
    assert calls == [1.0, 2.0] and (picture.value, words.value) == first


def test_a_panel_keeps_a_limited_number_of_states_and_no_figures(monkeypatch):
    monkeypatch.setattr(widgets, "_STATES_KEPT", 2)
    calls, drawn = [], []

    def draw(power, kind):
        calls.append(power)
        figure, text = powers(power)
        drawn.append(weakref.ref(figure))
        return figure, text

    _, power, *_ = panel_of(draw)
    for value in (2.0, 3.0, 2.0, 1.0):
        power.value = value
    assert calls == [1.0, 2.0, 3.0, 1.0]
    gc.collect()
    assert not any(figure() for figure in drawn) and not plt.get_fignums()


def test_an_error_is_shown_and_raised_and_goes_when_it_is_mended():
    _, _, kind, words, picture = panel_of()
    before = picture.value
    with pytest.raises(ValueError, match="kind <bad>"):
        kind.value = "bad"
    assert words.value == "ValueError: kind &lt;bad&gt;; choose plain"
    assert "Nothing is drawn" in picture.value and "<img" not in picture.value
    kind.value = "plain"
    assert words.value.startswith("power 1") and picture.value == before


def test_an_error_of_the_first_state_is_raised():
    with pytest.raises(ValueError, match="kind <bad>"):
        widgets.panel(
            powers, power=widgets.slider("P", 1, 2, 1, 1), kind=widgets.choice("K", ["bad"])
        )


def test_every_control_is_named_and_can_be_reached_by_keyboard():
    """What a browser makes of them is tested in a browser."""
    controls = {
        "one": widgets.choice("Hole", ["V001", "V002"]),
        "many": widgets.several("Predictors", ["PRE", "TDD"], ["TDD"]),
        "number": widgets.slider("Depth (m)", 5, 20, 15, 0.5),
    }
    panel = widgets.panel(lambda one, many, number: powers(number), **controls)
    for control in controls.values():
        assert control.description and control.tabbable is not False and not control.disabled
    (alt,) = re.findall('alt="([^"]*)"', panel.static_html)
    assert alt == "Figure at Hole: V001, Predictors: TDD, Depth (m): 15"
    (script,) = [c for c in panel.children if isinstance(c, ipywidgets.Output)]
    code = script.outputs[0]["data"]["application/javascript"]
    assert "sliders.length >= 1 " in code and '"status"' in code and "aria-label" in code
    assert {"map-panel"} <= set(panel._dom_classes) and panel.children[-2]._dom_classes


def test_a_choice_offers_its_options_under_its_label():
    control = widgets.choice("Hole", ["V001", "V002"])
    assert control.description == "Hole" and control.options == ("V001", "V002")
    assert control.value == "V001" and widgets.steps("Trees", [1, 10, 100], 10).value == 10


def test_a_slider_acts_when_it_is_let_go():
    assert not widgets.slider("Depth (m)", 5, 20, 15, 0.5).continuous_update


@pytest.mark.parametrize(
    ("width_mm", "width_px"), [(DOUBLE_COLUMN_MM, 860), (SINGLE_COLUMN_MM, 406)]
)
def test_a_figure_is_shown_as_it_is_saved_with_its_caption_and_as_wide_as_in_print(
    scratch, width_mm, width_px
):
    figure = with_numbers(new_figure(width_mm, 40), "104 sites; median -0.42 < 0.")
    figure.add_subplot()
    shown = widgets.show(figure, scratch, "t15_histogram")._repr_mimebundle_()
    html, saved = shown["text/html"], scratch.figures_dir / "t15_histogram.png"
    assert picture_in(html).tobytes() == Image.open(saved).tobytes()
    caption = figures.read_caption(saved)
    assert shown["text/plain"] == caption and "median −0.42 < 0. Virtual" in caption
    assert f">{caption.replace('<', '&lt;')}</figcaption>" in html
    (width,) = re.findall(r'width="(\d+)"', html)
    assert int(width) == width_px and "max-width: 100%" in html
    assert f'alt="{figures.CATALOGUE["t15_histogram"].caption}"' in html


def test_a_first_look_is_shown_as_large_as_the_final_figure(study_folder):
    """It is saved with fewer dots."""
    widths = set()
    for study in (load_study(study_folder), load_study(study_folder, 20_000, 20)):
        figure = new_figure(DOUBLE_COLUMN_MM, 40)
        html = widgets.show(figure, study, "t15_histogram")._repr_mimebundle_()["text/html"]
        widths.update(re.findall(r'width="(\d+)"', html))
    assert len(widths) == 1
