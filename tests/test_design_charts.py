"""Charts of the validation designs: true to the table, readable, and quick for the panel."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from helpers.figures import design_charts
from helpers.figures.style import numbers_of
from helpers.validation import DESIGNS

TABLE = pd.DataFrame(
    {
        "design": ["random", "knndm", "intensity", "by hand"],
        "rmse": [0.6, 0.95, 0.7, 0.8],
        "rmse_lower": [0.5, 0.8, np.nan, 0.7],
        "rmse_upper": [0.7, 1.1, np.nan, 0.9],
        "w_km": [61.0, 9.14, np.nan, 0.0],
    }
)
TRAINING = pd.DataFrame({"x": np.arange(12) * 5e4 + 1e6, "y": np.arange(12) * 3e4 + 5.1e6})
MAP = np.linspace(0, 3e5, 50)


def check_axes(figure):
    assert all("(" in axes.get_xlabel() for axes in figure.axes)


def written(axes):
    return [text.get_text().strip() for text in axes.texts]


def panel(study, fold, covariates=None, label="knndm", n=12):
    distances = {"map to sites": MAP, label: MAP[:n]}
    text = "kNNDM folds: RMSE 0.95 °C"
    sites = TRAINING.iloc[:n]
    return design_charts.design_panel(study, covariates, sites, fold, distances, {label: 9e3}, text)


def test_every_design_has_its_error_interval_and_w(study, check_page):
    """Designs without an interval or distances keep their place."""
    figure = design_charts.design_comparison(study, TABLE)
    check_page(figure)
    check_axes(figure)
    left, right = figure.axes
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == ["random folds", "kNNDM folds", DESIGNS["intensity"], "by hand"]
    assert written(left) == ["0.60", "0.95", "0.70", "0.80"]
    assert written(right) == ["61.0", "9.1", "–", "0.0"]
    ends = [segment[:, 0].tolist() for segment in left.collections[0].get_segments()]
    assert ends == [[0.5, 0.7], [0.8, 1.1], [0.7, 0.7], [0.7, 0.9]]
    assert left.get_title(loc="left").startswith("(a)")
    assert right.get_title(loc="left").startswith("(b)")
    assert numbers_of(figure).startswith(
        "RMSE: random folds 0.60 °C (0.50 to 0.70); kNNDM folds 0.95 °C (0.80 to 1.10); "
    )


@pytest.mark.parametrize(("inside", "whole"), [(0.8, 1.5), (0.2, 0.25), (2.9, 3.0), (1.0, 0.9)])
def test_true_errors_are_lines_whose_names_cover_nothing(study, inside, whole, check_page):
    figure = design_charts.design_comparison(study, TABLE, true_inside=inside, true_whole=whole)
    truths = f"; true RMSE where applicable {inside:.2f} °C, of the whole map {whole:.2f} °C."
    assert numbers_of(figure).endswith(truths)
    check_page(figure)
    check_axes(figure)
    axes = figure.axes[0]
    named = {text.get_text().split(":")[0]: text for text in axes.texts if ":" in text.get_text()}
    assert set(named) == {"true, inside", "true, whole map"}
    lines = {line.get_xdata()[0] for line in axes.lines if line.get_color() != "black"}
    assert lines == {inside, whole}
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(b.x0 >= axes.bbox.x0 and b.x1 <= axes.bbox.x1 for b in boxes)
    dots = axes.transData.transform(np.column_stack([TABLE["rmse"], range(4)]))
    for text in named.values():
        assert not any(Text.get_window_extent(text).contains(*dot) for dot in dots)


def test_a_study_without_a_truth_gets_no_line_and_no_room_for_its_name(study):
    with_truth = design_charts.design_comparison(study, TABLE, true_inside=0.8)
    without = design_charts.design_comparison(study, TABLE)
    assert len(without.axes[0].lines) == len(with_truth.axes[0].lines) - 1
    assert without.get_figheight() < with_truth.get_figheight()


def looks(axes):
    """Colour, shape and number of sites of every fold drawn."""
    sites = [line for line in axes.lines if line.get_linestyle() == "None"]
    return [(to_hex(s.get_color()), s.get_marker(), len(s.get_xdata())) for s in sites]


def test_a_fold_has_one_look_and_no_two_folds_the_same(study, covariates, check_page):
    figure = panel(study, np.repeat([4, 7, 9], [6, 4, 2]), covariates)
    check_page(figure)
    check_axes(figure)
    found = looks(figure.axes[0])
    assert [count for *_, count in found] == [6, 4, 2]
    assert len({colour for colour, *_ in found}) == len({marker for _, marker, _ in found}) == 3
    assert figure.axes[0].get_title(loc="left").startswith("(a) 12 sites in 3 folds")
    assert figure.get_suptitle() == "kNNDM folds: RMSE 0.95 °C"


def test_more_folds_than_shapes_still_differ(study):
    table = pd.concat([TRAINING] * 5, ignore_index=True)
    fold = np.arange(60) % 35
    distances = {"map to sites": MAP}
    figure = design_charts.design_panel(study, None, table, fold, distances, {}, "blocks")
    found = looks(figure.axes[0])
    assert len(found) == 35 == len({look[:2] for look in found})


def test_sites_left_out_one_by_one_look_alike(study):
    figure = panel(study, np.arange(12), label="leave_one_out")
    assert [count for *_, count in looks(figure.axes[0])] == [12]
    assert figure.axes[0].get_title(loc="left") == "(a) each of 12 sites held out alone"


def test_curves_are_cumulative_shares_named_with_their_w(study):
    axes = panel(study, np.arange(12) % 3).axes[1]
    labels = [text.get_text() for text in axes.get_legend().texts]
    assert labels == ["map to sites", "kNNDM folds (W = 9.0 km)"]
    curve = axes.lines[1]
    np.testing.assert_allclose(np.unique(curve.get_xdata()[1:]), MAP[:12] / 1000)
    assert curve.get_ydata()[-1] == 1


def test_the_map_shows_the_frame_of_the_study_whatever_the_covariates_cover(study, covariates):
    plain, ground = panel(study, np.arange(12) % 2), panel(study, np.arange(12) % 2, covariates)
    assert plain.axes[0].axis() == ground.axes[0].axis()
    assert len(ground.axes[0].images) == 1
