"""Captions: numbers in words, inside pictures, and in the list of figures."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.font_manager import get_font_names
from PIL import Image

from helpers import figures
from helpers.figures import in_words, style
from helpers.study import load_study

ROWS = np.array([-4.0, -1.0, 1.0, np.nan])


@pytest.fixture
def own(study_folder):
    """A copy of the embedded study on 20 km cells, to draw into."""
    return load_study(study_folder, resolution_m=20_000, n_trees=20)


@pytest.fixture
def result(own):
    """Four stripes of equal area: -4, -1 and 1 deg C, and no value; the third is not applicable."""
    axes = {name: axis.values for name, axis in own.geobox.coordinates.items()}
    height, width = own.geobox.shape
    stripe = np.minimum(np.arange(height) * 4 // (height // 4 * 4), 3)
    values = np.repeat(ROWS[stripe], width).reshape(height, width)[: height // 4 * 4]
    inside = np.where(np.isnan(values), np.nan, values < 0)
    layers = {"t15": values, "inside_area_of_applicability": inside}
    axes["y"] = axes["y"][: len(values)]
    return xr.Dataset({n: (("y", "x"), v.astype("f4")) for n, v in layers.items()}, axes)


def test_numbers_have_three_digits_true_units_and_no_minus_zero():
    cases = {1234.5: "1234", 12.345: "12.3", 0.01234: "0.0123", 0.0: "0.00", -0.00001: "0.0000"}
    assert {value: in_words.number(value) for value in cases} == cases
    assert in_words.number(np.nan) == in_words.number(np.inf) == "–"
    assert in_words.with_unit("3", "degC d") == "3 °C d"
    assert in_words.with_unit("3", "degree") == "3°"
    assert in_words.with_unit("3", "1") == "3"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.002, "< 1 %"),
        (0.005, "< 1 %"),
        (0.136, "14 %"),
        (0.995, "> 99 %"),
        (0.998, "> 99 %"),
        (1, "100 %"),
    ],
)
def test_nearly_nothing_is_not_nothing_and_nearly_all_not_all(share, text):
    assert in_words.percent(share) == text


def test_median_and_range_leave_gaps_out_and_share_their_decimals():
    assert in_words.median_and_range([0.004, np.nan, 3, 1]) == "1.00 °C (0.00 to 3.00)"
    assert in_words.median_and_range([0.001, 350, 400], "mm") == "350 mm (0 to 400)"
    assert in_words.median_and_range([np.nan]) == "no value"
    assert in_words.share_frozen([-1, 0, 1, np.nan]) == "67 % at or below 0 °C"


def test_a_value_without_an_interval_has_no_brackets():
    assert in_words.with_interval(1, 0.5, 1.5) == "1.00 °C (0.50 to 1.50)"
    assert in_words.with_interval(1, np.nan, np.nan) == "1.00 °C"


def test_panels_have_letters_if_there_are_several():
    assert in_words.lettered(["one"]) == "one"
    assert in_words.lettered(["one", "two"]) == "(a) one; (b) two"
    assert in_words.sentence("one", "", "two") == "one; two."


def test_letters_go_on_after_z():
    letters = [style.panel_letter(i) for i in (0, 25, 26, 51, 52, 701, 702)]
    assert letters == ["a", "z", "aa", "az", "ba", "zz", "aaa"]


def test_only_a_part_is_said_to_be_one():
    assert in_words.shown_of(16, 200, "predictors") == "16 of 200 predictors"
    assert in_words.shown_of(16, 3, "predictors") == ""


def test_chinese_letters_come_from_a_font_that_is_there():
    """Without one there is no name that would be looked for in vain."""
    assert style.fonts(["DejaVu Sans", "SimHei", "Noto Sans CJK SC"]) == [
        "DejaVu Sans",
        "Noto Sans CJK SC",
    ]
    assert style.fonts(["DejaVu Sans", "Ubuntu"]) == ["DejaVu Sans"]
    assert set(style.STYLE["font.family"]) <= set(get_font_names())


def test_only_hyphens_before_numbers_become_minus_signs():
    figure = style.with_numbers(style.new_figure(85, 50), "sub-stable -1.5 to -.5 °C (S-12)")
    assert style.numbers_of(figure) == "sub-stable −1.5 to −.5 °C (S-12)"
    assert style.numbers_of(style.new_figure(85, 50)) == ""


def test_the_caption_of_a_temperature_map_is_known_by_hand(own, result):
    """A third each of -4, -1 and 1 deg C, the last of which is outside."""
    sites = pd.DataFrame(
        {"x": 0.0, "y": 0.0, "t15_c": [-2.0, 1.0, 9.0], "status": ["used", "used", "refused"]}
    ).assign(method=["interpolated", "extended", "extended"])
    numbers = style.numbers_of(figures.temperature_map(own, result, sites))
    assert numbers == (
        "Over the map median −1.00 °C (−4.00 to 1.00), 67 % at or below 0 °C; 33 % of the area "
        "outside the area of applicability; 2 sites used (1 interpolated, 1 extended); t15 "
        "median −0.50 °C (−2.00 to 1.00), 50 % at or below 0 °C."
    )


def test_a_picture_holds_its_caption(own, result):
    figure = figures.temperature_map(own, result)
    path = figures.save_figure(figure, own, "t15_map")
    caption = figures.caption_of(figure, "t15_map")
    assert caption.startswith(figures.CATALOGUE["t15_map"].caption + " Over the map median −1.00")
    assert figures.read_caption(path) == caption


def test_a_picture_from_elsewhere_has_no_caption(tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "other.png")
    assert figures.read_caption(tmp_path / "other.png") == ""


def test_an_unknown_figure_has_no_caption():
    with pytest.raises(ValueError, match=r"No figure is called 't15_mapp'\. Choices: study_area"):
        figures.caption_of(style.new_figure(85, 50), "t15_mapp")


def test_the_list_has_the_numbers_of_what_is_drawn_and_says_what_is_not(own, result):
    path = figures.save_figure(figures.temperature_map(own, result), own, "t15_map")
    Image.new("RGB", (2, 2)).save(path.with_name("folds.png"))
    rows = {line.split("]")[0][3:]: line for line in figures.catalogue_markdown(own).splitlines()}
    assert f"| {figures.read_caption(path)} | 06_map_export |" in rows["t15_map.png"]
    assert "*(drawn without numbers)*" in rows["folds.png"]
    assert f"{figures.CATALOGUE['pit'].caption} *(not drawn yet)*" in rows["pit.png"]


def test_captions_begin_with_what_is_shown_and_are_sentences():
    for name, (_, caption, *_) in figures.CATALOGUE.items():
        assert caption[0].isupper() and caption.endswith("."), name
        assert not caption.startswith(("Figure", "This figure", "Map of", "Plot")), name
