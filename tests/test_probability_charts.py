"""Charts of predicted distributions: on the page, labelled, true to the tables."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from scipy.stats import norm

from helpers.figures import probability_charts
from helpers.figures.style import VIRTUAL_NOTE, numbers_of
from helpers.scores import interval_scores, probability_integral_transform, reliability
from helpers.storage import ContractError

LEVELS = [0.025, 0.05, 0.1, 0.25, 0.75, 0.9, 0.95, 0.975]
SPREADS = {"raw forest": 0.6, "calibrated": 0.9, "kNNDM folds": 1.6}


OWN = "forest's own"  # as on the maps, whatever a table calls it


def made(spreads):
    """Tables of three kinds for normal models of these spreads (deg C); the true one is 0.9."""
    random = np.random.default_rng(3)
    truth = random.normal(-0.5, 1.2, 104)
    predicted = truth + random.normal(0, 0.9, 104)
    tables = {"reliability": {}, "coverage": {}, "pit": {}}
    for label, sd in spreads.items():
        quantiles = predicted[:, np.newaxis] + sd * norm.ppf(LEVELS)
        tables["reliability"][label] = reliability(truth <= 0, norm.cdf(-predicted / sd))
        tables["coverage"][label] = interval_scores(truth, quantiles, LEVELS)
        tables["pit"][label] = norm.cdf((truth - predicted) / sd)
    return tables


CHARTS = {
    "reliability": probability_charts.reliability_chart,
    "coverage": probability_charts.coverage_chart,
    "pit": probability_charts.pit_chart,
}


@pytest.fixture(scope="module")
def tables():
    return made(SPREADS)


@pytest.fixture(scope="module")
def drawn(study, tables):
    return {name: chart(study, tables[name]) for name, chart in CHARTS.items()}


def check_page(figure):
    """One or two columns wide, no small text, all of it on the page, units, one note."""
    figure.draw_without_rendering()
    assert round(figure.get_figwidth() * 25.4) in (85, 180)
    texts = [t for t in figure.findobj(Text) if t.get_text()]
    assert min(t.get_fontsize() for t in texts) >= 7
    assert [t.get_text() for t in texts].count(VIRTUAL_NOTE) == 1
    inside = figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    numbers = numbers_of(figure)
    assert numbers.endswith(".") and "nan" not in numbers and any(map(str.isdigit, numbers))
    assert inside.x0 >= -1 and inside.y0 >= -1
    assert inside.x1 <= figure.bbox.width + 1 and inside.y1 <= figure.bbox.height + 1
    for axes in figure.axes:
        numbered = [axes.yaxis] + ([] if axes.get_xlabel() == "" else [axes.xaxis])
        assert all(
            axis.get_label_text().endswith(("(–)", "(n)", "(%)", "(°C)")) for axis in numbered
        )


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("labels", [1, 2, 3, 5])
def test_charts_stay_on_the_page_with_one_to_five_labels(study, name, labels):
    spreads = {f"a long label, number {i}": 0.6 + 0.2 * i for i in range(labels)}
    check_page(CHARTS[name](study, made(spreads)[name]))


@pytest.mark.parametrize("name", CHARTS)
def test_no_text_lies_on_another(drawn, name):
    """Titles side by side, labels of axes and the legend keep apart."""
    figure = drawn[name]
    figure.draw_without_rendering()
    titles = [a.title for a in figure.axes] + [a._left_title for a in figure.axes]
    labels = [axis.label for a in figure.axes for axis in (a.xaxis, a.yaxis)]
    texts = [*titles, *labels, *figure.legends[0].get_texts(), *figure.texts]
    boxes = [t.get_window_extent() for t in texts if t.get_text()]
    for position, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:position])


@pytest.mark.parametrize("name", CHARTS)
def test_panels_are_lettered(drawn, name):
    letters = [axes.get_title(loc="left")[:3] for axes in drawn[name].axes]
    assert letters == ["(a)", "(b)", "(c)"][: len(letters)]
    assert len(letters) >= 2


def test_a_study_of_measured_boreholes_gets_no_note(tables):
    measured = SimpleNamespace(about=SimpleNamespace(virtual_boreholes=False))
    for name, chart in CHARTS.items():
        assert VIRTUAL_NOTE not in [t.get_text() for t in chart(measured, tables[name]).texts]


def marks(axes):
    """Data, marker and colour of the lines with marks."""
    lines = [line for line in axes.lines if line.get_marker() in "os^Dv"]
    return [(*line.get_data(), line.get_marker(), to_hex(line.get_color())) for line in lines]


def test_labels_differ_in_marker_and_in_colour_and_are_the_same_in_both_panels(drawn):
    for name in ("reliability", "coverage"):
        left, right = ([mark[2:] for mark in marks(axes)] for axes in drawn[name].axes)
        assert left == right
        assert len({marker for marker, _ in left}) == len({colour for _, colour in left}) == 3


def test_reliability_is_drawn_as_it_is_in_the_table(drawn, tables):
    above, below = drawn["reliability"].axes
    for position, table in enumerate(tables["reliability"].values()):
        for axes, name in ((above, "observed_share"), (below, "n")):
            x, y, *_ = marks(axes)[position]
            assert x.tolist() == [row["mean_probability"] for row in table]
            assert y.tolist() == [row[name] for row in table]
        (bars,) = above.containers[position].lines[2]
        ends = [bar[:, 1].tolist() for bar in bars.get_segments()]
        intervals = [row["observed_share_interval"] for row in table]
        np.testing.assert_allclose(ends, intervals, atol=1e-12)
    assert [t.get_text() for t in drawn["reliability"].legends[0].get_texts()][1:] == [
        f"{label.replace('raw forest', OWN)} (n = 104)" for label in SPREADS
    ]


def test_coverage_and_width_are_drawn_as_they_are_in_the_table(drawn, tables):
    """In per cent and deg C, bands below their marks, marks around the nominal coverage."""
    left, right = drawn["coverage"].axes
    for position, table in enumerate(tables["coverage"].values()):
        (x, coverage, *_), (_, width, *_) = marks(left)[position], marks(right)[position]
        assert coverage == pytest.approx([100 * row["coverage"] for row in table])
        assert width == pytest.approx([row["mean_width"] for row in table])
        assert x == pytest.approx([100 * row["nominal"] + position - 1 for row in table])
        bars = left.containers[position].patches
        bands = [[bar.get_y() / 100, (bar.get_y() + bar.get_height()) / 100] for bar in bars]
        np.testing.assert_allclose(bands, [row["honest_band"] for row in table])
        assert [bar.get_x() + bar.get_width() / 2 for bar in bars] == pytest.approx(x)
    assert left.get_xlim() == right.get_xlim()


def test_pit_bars_and_band_are_those_of_the_summary(drawn, tables):
    for axes, (label, pit) in zip(drawn["pit"].axes, tables["pit"].items(), strict=True):
        found = probability_integral_transform(pit)
        assert [bar.get_height() for bar in axes.containers[0]] == found["counts"]
        heights = [line.get_ydata()[0] for line in axes.lines]
        assert heights == [*found["band"], found["expected_count"]]
        title = axes.get_title(loc="left")
        assert label.replace("raw forest", OWN) in title and "n = 104" in title
        p = found["ks_p_value"]
        assert ("p < 0.01" if p < 0.01 else f"p = {p:.2f}") in title


@pytest.mark.parametrize("name", ["reliability", "coverage"])
def test_tables_may_come_from_a_json_file(study, tables, drawn, name):
    again = CHARTS[name](study, json.loads(json.dumps(tables[name])))
    for axes, other in zip(again.axes, drawn[name].axes, strict=True):
        for mark, expected in zip(marks(axes), marks(other), strict=True):
            assert mark[1].tolist() == expected[1].tolist()


@pytest.mark.parametrize("name", CHARTS)
def test_none_or_too_many_tables_are_refused(study, tables, name):
    with pytest.raises(ContractError, match=r"0 tables found \(none\); one chart shows 1 to 5"):
        CHARTS[name](study, {})
    six = dict.fromkeys("abcdef", tables[name]["calibrated"])
    with pytest.raises(ContractError, match=r"6 tables found \(a, b, c, d, e, f\)"):
        CHARTS[name](study, six)


def test_a_table_without_intervals_is_refused_by_its_label(study, tables):
    """As interval_scores gives for levels that are no pairs."""
    none = interval_scores([0, 1], [[0, 1], [0, 1]], [0.3, 0.6])
    with pytest.raises(ContractError, match="'raw': its table has no rows"):
        probability_charts.coverage_chart(study, {"raw": none})


def test_captions_tell_coverage_width_and_the_fullest_bins(study):
    rows = [
        {"nominal": level, "coverage": found, "honest_band": [0.4, 1], "mean_width": width, "n": 50}
        for level, found, width in ((0.5, 0.44, 1.5), (0.9, 0.82, 4.0))
    ]
    figure = probability_charts.coverage_chart(study, {"raw": rows})
    assert numbers_of(figure) == (
        "Inside: forest's own 44, 82 % of the sites at nominal 50, 90 %, mean width 1.50, 4.00 °C."
    )
    figure = probability_charts.pit_chart(study, {"raw": np.array([0.01] * 6 + [0.5] * 3 + [0.99])})
    assert numbers_of(figure).startswith(
        "forest's own: 6 of 10 sites in the lowest bin, 1 in the highest, 1.0 expected in each"
    )
