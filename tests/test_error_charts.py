"""Figures of the error to be expected: true to their tables, labelled, on the page."""

import itertools

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.text import Text

from helpers.error_model import ErrorModel
from helpers.figures import error_charts, error_maps, honesty_charts
from helpers.figures.style import VIRTUAL_NOTE, numbers_of
from helpers.residuals import Variogram
from helpers.storage import ContractError

MODEL = ErrorModel(
    names=("TDD",),
    lower=np.zeros(1),
    upper=np.ones(1),
    slope=np.ones(1),
    share=0.5,
    variance=np.array([0.09, 0.32]),
    residuals=np.array([-1.0, 1.0]),
    folds=np.zeros(2, dtype=int),
    n_sites=20,
    variogram=Variogram(0.2, 0.8, 50_000.0),
)
KINDS = ("predictors", "places", "knndm")


def pairs():
    """Of each kind 20 sites near 0.5 that err by 0.6 deg C, and 20 near 0.5 that do by 1.5.

    Of the kNNDM folds only 4 of the second. Far ones lie 2 deg C beyond: expected are sqrt(0.25) at
    0.5 and sqrt(0.41 + 1) at 1.
    """
    sign = np.tile([1.0, -1.0], 10)
    parts = []
    for kind in KINDS:
        near = pd.DataFrame({"site": range(20), "dissimilarity": 0.5, "beyond": 0.0})
        far = near.assign(dissimilarity=1.0, beyond=2.0)
        near["predicted"], far["predicted"] = 0.6 * sign, 1.5 * sign
        parts += [
            near.assign(kind=kind),
            far.iloc[: 4 if kind == "knndm" else 20].assign(kind=kind),
        ]
    return pd.concat(parts, ignore_index=True).assign(observed=0.0)


CELLS = pd.DataFrame(
    {
        "dissimilarity": np.repeat([0.2, 0.7, 3.0], 10),
        "error": np.repeat([0.5, -1.0, 2.0], 10),
        "expected_error": np.repeat([0.55, 0.9, 2.0], 10),
    }
)
EDGES = [0.0, 0.6, 0.9, 1.5]


def survey_table(n=40, seed=0):
    """Surveys whose area is (20, 30) or, of every tenth, (26, 36); the true one is 25."""
    random = np.random.default_rng(seed)
    names = ["random", "blocks", "knndm", "true_inside", "true_outside", "true_whole"]
    means = [0.5, 0.75, 0.9, 1.0, 2.0, 1.5]
    spread = random.normal(0, 0.1, (n, 1))
    table = pd.DataFrame(means + spread - spread.mean(), columns=names)
    for name in honesty_charts.COVERAGES:
        table[name] = random.uniform(0.8, 1, n)
    misses = np.arange(n) % 10 == 0
    table["area_lower"] = np.where(misses, 26.0, 20.0)
    return table.assign(area_upper=table["area_lower"] + 10, true_area=25.0)


PROFILE = pd.DataFrame(
    [(s, b, b * 0.5 * 1.1, b * 0.5) for s, b in itertools.product(range(40), range(1, 6))],
    columns=["survey", "bin", "expected", "true"],
)


@pytest.fixture(scope="module")
def result(study):
    """A map whose south is unlike the sites; three times as large an error is expected there."""
    rows = np.indices(study.geobox.shape)[0]
    coordinates = {name: axis.values for name, axis in study.geobox.coordinates.items()}
    south = rows / rows.max()
    layers = {
        "t15": 6 * south - 4,
        "dissimilarity_index": 2 * south,
        "inside_area_of_applicability": south <= 0.5,
        "expected_error": np.where(south <= 0.5, 0.5, 1.5),
    }
    return xr.Dataset(
        {n: (("y", "x"), v.astype(np.float32)) for n, v in layers.items()}, coordinates
    )


def near(study, result, rows, columns):
    return pd.DataFrame({"x": result.x.values[columns], "y": result.y.values[rows]})


@pytest.fixture(scope="module")
def training(study, result):
    return near(study, result, np.arange(10, 30), np.arange(20, 40))


@pytest.fixture(scope="module")
def places(study, result):
    """Three of the five beside each other, closer than their numbers are wide."""
    table = near(study, result, [60, 61, 60, 40, 50], [40, 40, 41, 30, 50])
    gain = [0.3, 0.1, 0.05, 0.03, 0.02]
    return table.assign(gain=gain, mean_dissimilarity=0.9 - np.cumsum(gain), share_inside=0.7)


def profile_in_known_bins(study):
    """Both panels, in bins whose bounds are round numbers."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(error_charts, "_edges", lambda _: np.array(EDGES))
        return error_charts.error_profile_chart(study, pairs(), MODEL, CELLS, threshold=0.8)


DRAW = {
    "profile": lambda s, *_: profile_in_known_bins(s),
    "profile alone": lambda s, *_: error_charts.error_profile_chart(s, pairs(), MODEL),
    "honesty": lambda s, *_: honesty_charts.honesty_chart(s, survey_table(), PROFILE),
    "expected error": lambda s, r, *_: error_maps.expected_error_map(s, r),
    "drilling": lambda s, r, t, p: error_maps.drilling_map(s, r, t, p),
}


@pytest.fixture(scope="module")
def drawn(study, result, training, places):
    return {name: draw(study, result, training, places) for name, draw in DRAW.items()}


def has_numbers(axis):
    texts = [label.get_text() for label in axis.get_ticklabels() if label.get_visible()]
    return any(text.replace("\N{MINUS SIGN}", "").replace(".", "").isdigit() for text in texts)


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_is_readable_labelled_marked_and_on_its_page(drawn, name):
    figure = drawn[name]
    figure.draw_without_rendering()
    texts = [t for t in figure.findobj(Text) if t.get_text()]
    assert round(figure.get_figwidth() * 25.4) == (85 if name == "profile alone" else 180)
    assert min(t.get_fontsize() for t in texts) >= 7
    page, used = figure.bbox, figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert used.x0 >= -1 and used.y0 >= -1
    assert used.x1 <= page.width + 1 and used.y1 <= page.height + 1
    assert [t.get_text() for t in figure.texts].count(VIRTUAL_NOTE) == 1
    numbers = numbers_of(figure)
    assert numbers.endswith(".") and "nan" not in numbers and any(map(str.isdigit, numbers))
    below = [t.get_window_extent() for t in figure.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(below, 2))
    every = [child for axes in figure.axes for child in (axes, *axes.child_axes)]
    for axis in (axis for axes in every for axis in (axes.xaxis, axes.yaxis)):
        label = axis.get_label_text()
        assert not has_numbers(axis) or (label[:1].isalpha() and "(" in label), f"'{label}'"


@pytest.mark.parametrize(("name", "panels"), [("profile", "ab"), ("honesty", "abcd")])
def test_panels_have_letters_and_titles_that_do_not_meet(drawn, name, panels):
    figure = drawn[name]
    figure.draw_without_rendering()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title[:3] for title in titles] == [f"({letter})" for letter in panels]
    boxes = [axes._left_title.get_window_extent() for axes in figure.axes]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def points(axes, marker, filled):
    """Places of the markers of one shape, filled or open."""
    lines = [line for line in axes.lines if line.get_marker() == marker]
    lines = [line for line in lines if (line.get_markerfacecolor() != "none") == filled]
    return [(x, y) for line in lines for x, y in zip(*line.get_data(), strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_errors_found_and_expected_are_those_of_the_bin(drawn, kind):
    """Bins with fewer than 5 sites have no point: one of the kNNDM folds."""
    axes, marker = drawn["profile"].axes[0], error_charts.KINDS[kind][1]
    found, expected = (points(axes, marker, filled) for filled in (True, False))
    both = 1 if kind == "knndm" else 2
    assert [y for _, y in found] == pytest.approx([0.6, 1.5][:both])
    assert [y for _, y in expected] == pytest.approx([0.5, np.sqrt(1.41)][:both])
    assert [x for x, _ in found] == pytest.approx([0.5, 1.0][:both], abs=0.02)


def test_the_line_is_the_spread_of_the_model_and_the_threshold_stands_in_both_panels(drawn):
    left, right = drawn["profile"].axes
    (line,) = [line for line in left.lines if len(line.get_xdata()) > 2]
    np.testing.assert_allclose(line.get_ydata(), MODEL.standard_deviation(line.get_xdata()))
    marks = [
        [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
        for axes in (left, right)
    ]
    assert marks[0] == [0.8]
    assert marks[1] == pytest.approx([0.5 + (0.8 - 0.6) / 0.3])


def test_without_a_new_place_the_map_says_so(study, result, training, places):
    figure = error_maps.drilling_map(study, result, training, places.iloc[:0].astype(object))
    assert "No further borehole" in numbers_of(figure)


def test_the_interval_draws_sites_not_pairs():
    """Ten sites of one pair each are as uncertain as ten sites of fifty pairs each."""
    errors = np.random.default_rng(3).normal(size=10)
    once = pd.DataFrame({"site": range(10), "error": errors})
    often = pd.concat([once] * 50, ignore_index=True)
    few, many = error_charts.site_interval(once), error_charts.site_interval(often)
    np.testing.assert_allclose(few, many)
    assert few[0] < np.sqrt(np.mean(errors**2)) < few[1]


def test_the_map_has_true_and_expected_errors_and_their_ratio(drawn):
    """The cells at 3.0 lie beyond the last edge and count in the last bin."""
    axes = drawn["profile"].axes[1]
    true, expected = points(axes, "D", True), points(axes, "D", False)
    np.testing.assert_allclose(true, [(0, 0.5), (1, 1.0), (2, 2.0)])
    np.testing.assert_allclose(expected, [(0, 0.55), (1, 0.9), (2, 2.0)], rtol=1e-6)
    texts = [text.get_text() for text in axes.texts]
    assert texts[:3] == ["1.10", "0.90", "1.00"]


def test_bins_without_edges_hold_equal_numbers(study):
    cells = CELLS.assign(dissimilarity=np.linspace(0, 1, 30))
    figure = error_charts.error_profile_chart(study, pairs(), MODEL, truth=cells)
    ticks = [label.get_text() for label in figure.axes[1].get_xticklabels()]
    assert ticks == ["0.00–\n0.20", "0.20–\n0.40", "0.40–\n0.60", "0.60–\n0.80", "0.80–\n1.00"]


def test_designs_that_were_tried_are_held_against_the_truth_where_applicable(drawn):
    axes = drawn["honesty"].axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[:4] == ["random folds", "spatial blocks", "kNNDM folds", "true, inside"]
    shifts = [text.get_text().strip() for text in axes.texts]
    minus = "\N{MINUS SIGN}"
    assert shifts == [f"{minus}50 %", f"{minus}25 %", f"{minus}10 %", "+100 %", "+50 %"]


def test_the_profile_says_by_how_much_each_bin_is_off(drawn):
    axes = drawn["honesty"].axes[1]
    texts = [text.get_text() for text in axes.get_legend().texts]
    assert texts == [f"{number}: +10 %" for number in range(1, 6)]
    assert axes.get_xlim() == axes.get_ylim()


def test_errors_of_all_surveys_together_are_roots_of_mean_squares(study):
    """True 0.5 and 1.5 times what is expected, by turns: the root of 1.25, so 11 % too little."""
    factor = np.where(PROFILE["survey"] % 2, 0.5, 1.5)
    profile = PROFILE.assign(true=factor * PROFILE["expected"])
    axes = honesty_charts.honesty_chart(study, survey_table(), profile).axes[1]
    texts = {text.get_text()[3:] for text in axes.get_legend().texts}
    assert texts == {"\N{MINUS SIGN}11 %"}


def test_areas_are_counted_and_coloured_by_whether_they_hold_the_truth(drawn):
    axes = drawn["honesty"].axes[3]
    assert "36 of 40 surveys" in axes.get_title(loc="left")
    bars = [c for c in axes.collections if isinstance(c, LineCollection)]
    assert [len(c.get_segments()) for c in bars] == [36, 4]
    colours = {tuple(c.get_color()[0]) for c in bars}
    assert len(colours) == 2


def test_an_interval_that_ends_at_the_truth_holds_it():
    table = pd.DataFrame({"area_lower": [1.0, 2.1], "area_upper": [2.0, 3.0], "true_area": 2.0})
    assert honesty_charts.holds_truth(table).tolist() == [True, False]


def test_surveys_without_cells_outside_are_left_out_of_the_boxes(study):
    table = survey_table()
    table.loc[:5, "true_outside"] = np.nan
    axes = honesty_charts.honesty_chart(study, table, PROFILE).axes[0]
    dots = [len(line.get_xdata()) for line in axes.lines if line.get_marker() == "."]
    assert dots == [40, 40, 40, 40, 34, 40]


def test_the_expected_error_is_summed_up_as_root_mean_squares(result):
    """0.5 deg C inside and 1.5 outside."""
    half = result.where(result["t15"].notnull())
    inside = float((half["inside_area_of_applicability"] == 1).mean())
    whole = np.sqrt(inside * 0.25 + (1 - inside) * 2.25)
    text = error_maps.expected_error_text(half)
    assert text.endswith(f": whole map {whole:.2f}, where applicable 0.50, outside 1.50")
    everywhere = half.assign(inside_area_of_applicability=xr.ones_like(half["t15"]))
    assert error_maps.expected_error_text(everywhere).endswith("outside –")


def test_a_map_without_an_error_model_says_so(study, result):
    with pytest.raises(ContractError, match=r"no layer expected_error\. Found: t15, .* 06_map"):
        error_maps.expected_error_map(study, result.drop_vars("expected_error"))


def test_new_places_are_numbered_in_their_order_and_no_number_covers_another(drawn, places):
    figure = drawn["drilling"]
    figure.draw_without_rendering()
    numbers = [text for text in figure.axes[0].texts if text.get_text().isdigit()]
    assert [text.get_text() for text in numbers] == ["1", "2", "3", "4", "5"]
    at = np.array([text.xy for text in numbers])
    np.testing.assert_allclose(at, places[["x", "y"]])
    boxes = [Text.get_window_extent(text) for text in numbers]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_new_places_are_summed_up(places):
    text = error_maps.drilling_text(places)
    assert text == "With 5 more: mean dissimilarity 0.90 → 0.40, 70 % of the cells inside"
    assert error_maps.drilling_text(places.iloc[:0]).startswith("No further borehole")


def test_captions_tell_errors_found_and_expected_and_what_surveys_show(drawn):
    """40 pairs of 0.6 and 1.5 deg C: root of (0.36 + 2.25) / 2; map: (0.25 + 1 + 4) / 3."""
    profile = numbers_of(drawn["profile"])
    assert profile.startswith("(a) RMSE found and expected: groups of predictors 1.14 and ")
    assert profile.endswith("(b) of the map 1.32 and 1.31 °C.")
    honesty = numbers_of(drawn["honesty"])
    assert "random folds 0.50 °C" in honesty and "true, outside 2.00 °C" in honesty
    assert honesty.endswith("(d) the interval of the area holds the truth in 36 of 40 surveys.")
    assert "50 % of the area outside" in numbers_of(drawn["expected error"])
    assert numbers_of(drawn["drilling"]).startswith("With 5 more: mean dissimilarity 0.90 → 0.40")
