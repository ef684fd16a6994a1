import io

import matplotlib.pyplot as plt
from PIL import Image

from helpers import widgets


def test_moving_a_control_changes_picture_and_text():
    def draw(power):
        figure, axes = plt.subplots()
        axes.plot([0, 1, 2], [x**power for x in (0, 1, 2)])
        return figure, f"power {power:g}"

    control = widgets.slider("Power", 1, 3, 1, 0.5)
    *_, words, picture = widgets.panel(draw, power=control).children
    before = picture.value
    assert words.value == "power 1"
    control.value = 2.0
    assert words.value == "power 2" and picture.value != before
    assert Image.open(io.BytesIO(picture.value)).format == "PNG"


def test_a_choice_offers_its_options_under_its_label():
    control = widgets.choice("Hole", ["V001", "V002"])
    assert control.description == "Hole" and control.options == ("V001", "V002")
