"""Colours: told apart by all eyes, and in grey where they stand for an amount."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from helpers.figures import (
    borehole_charts,
    design_charts,
    error_charts,
    forest_charts,
    honesty_charts,
    probability_charts,
    selection_charts,
    site_maps,
    skill_charts,
    style,
    survey_charts,
)
from helpers.products import driver_colours

# Full deficiency after Machado, Oliveira and Fernandes (2009), doi:10.1109/TVCG.2009.113.
EYES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
# A difference of 2.3 (CIE 1976) is just noticed side by side (Mahy and others 1994,
# doi:10.1002/col.5080190207). A patch is matched with a legend from memory: six times as much.
TOLD_APART = 6 * 2.3


def lab(colours, eye="normal"):
    """CIE L*a*b* (D65) of colours (n, 3 or 4) in sRGB as an eye sees them."""
    rgb = np.atleast_2d(np.asarray(colours, dtype=float))[:, :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ EYES[eye].T, 0, 1) @ TO_XYZ.T / TO_XYZ.sum(axis=1)
    curve = np.where(seen > (6 / 29) ** 3, np.cbrt(seen), seen / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = curve.T
    return np.column_stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def closest(colours, eye):
    """Smallest difference of any two colours."""
    seen = lab([to_rgb(colour) for colour in colours], eye)
    return min(np.linalg.norm(one - other) for one, other in combinations(seen, 2))


def test_the_simulation_keeps_greys_and_confuses_what_eyes_confuse():
    """White is white to all; red and green of equal lightness are alike without the M cones."""
    for eye in EYES:
        np.testing.assert_allclose(lab([1, 1, 1], eye), [[100, 0, 0]], atol=0.02)
    np.testing.assert_allclose(lab([1, 0, 0]), [[53.24, 80.09, 67.20]], atol=0.02)
    assert closest(["#c04040", "#707a20"], "normal") > 60
    assert closest(["#c04040", "#707a20"], "deuteranopia") < 30


CATEGORIES = {
    "frozen and unfrozen": (style.FROZEN_COLOUR, style.THAWED_COLOUR),
    "methods": tuple(style.METHOD_COLOURS.values()),
    "parts of the error": tuple(colour for _, colour in borehole_charts._ERROR_PARTS.values()),
    "true errors": (
        design_charts.INSIDE_COLOUR,
        design_charts.WHOLE_COLOUR,
        honesty_charts.OUTSIDE_COLOUR,
        honesty_charts.DESIGN_COLOUR,
    ),
    "groups held out": tuple(colour for *_, colour in error_charts.KINDS.values()),
    "status of sites": tuple(colour for *_, colour in site_maps._STATUS_LOOKS.values()),
    "steps of the checks": survey_charts._STEP_COLOURS,
    "knobs of the forest": style.LINE_COLOURS,
    "designs": skill_charts._COLOURS,
    "sets of predictors": tuple(colour for _, colour in selection_charts._LINES),
    "seven drivers": tuple(driver_colours("abcdefg").values()),
}


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("name", CATEGORIES)
def test_colours_of_categories_are_told_apart_by_all_eyes(name, eye):
    assert closest(CATEGORIES[name], eye) >= TOLD_APART


@pytest.mark.parametrize("eye", EYES)
def test_thermal_classes_of_the_embedded_study_are_told_apart_by_all_eyes(study, eye):
    assert closest([c.colour for c in study.classes], eye) >= TOLD_APART


@pytest.mark.parametrize(
    "looks",
    [
        design_charts.FOLD_MARKERS,
        survey_charts._STEP_MARKERS,
        forest_charts._MARKERS,
        skill_charts._MARKERS,
        probability_charts._MARKERS,
        [marker for _, marker, _ in error_charts.KINDS.values()],
        [marker for _, marker, _ in site_maps._STATUS_LOOKS.values()],
        list(style.METHOD_MARKERS.values()),
        [str(line) for line in design_charts._LINES],
        [str(line) for line in probability_charts._LINES],
        [line for line, _ in selection_charts._LINES],
    ],
)
def test_marks_and_lines_differ_in_shape_too(looks):
    assert len(set(looks)) == len(looks)


SEQUENTIAL = ("SEQUENTIAL", "PROBABILITY", "WIDTH", "ELEVATION")
DIVERGING = ("TEMPERATURE", "DIFFERENCE")


def steps_of(name):
    colours = getattr(style, f"{name}_COLOURS")
    return colours(np.arange(colours.N))


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("name", SEQUENTIAL)
def test_sequential_colours_grow_darker_or_lighter_all_the_way(name, eye):
    """So they can be read in grey; no step is more than thrice the mean one."""
    lightness = lab(steps_of(name), eye)[:, 0]
    change = np.diff(lightness)
    assert (change > 0).all() or (change < 0).all()
    assert abs(change).max() <= 3 * abs(change).mean()
    assert abs(lightness[-1] - lightness[0]) >= 35


@pytest.mark.parametrize("name", DIVERGING)
def test_diverging_colours_are_lightest_at_0_and_as_dark_on_both_sides(name):
    """Within a tenth of the range from black to white."""
    lightness = lab(steps_of(name))[:, 0]
    half = len(lightness) // 2
    assert (np.diff(lightness[:half]) > 0).all() and (np.diff(lightness[half:]) < 0.5).all()
    assert np.abs(lightness - lightness[::-1]).max() <= 10


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("name", DIVERGING)
def test_both_signs_are_told_apart_by_all_eyes(name, eye):
    """Colours of the same size, from a quarter of the reach on."""
    seen = lab(steps_of(name), eye)
    half = len(seen) // 2
    apart = np.linalg.norm(seen - seen[::-1], axis=1)[: half - half // 4]
    assert apart.min() >= TOLD_APART


def test_ink_and_contrast_are_those_of_the_guidelines():
    """Black on white is 21 to 1; #767676 is the lightest grey to be read on white."""
    assert style.contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    assert style.contrast(to_rgb("#767676"), (1, 1, 1)) == pytest.approx(4.54, abs=0.005)
    assert style.ink_on((0.1, 0.1, 0.4)) == "white" and style.ink_on((0.9, 0.9, 0.2)) == "black"
    assert style.as_ink("#009e73") != to_rgb("#009e73")
    assert style.contrast(style.as_ink("#e69f00"), (1, 1, 1)) >= 4.5
    assert style.as_ink("black") == (0, 0, 0)


@pytest.mark.parametrize("name", (*SEQUENTIAL, *DIVERGING))
def test_ink_can_be_read_on_every_colour_in_use(name):
    for colour in steps_of(name):
        assert style.contrast(to_rgb(style.ink_on(colour)), colour) >= 4.5
