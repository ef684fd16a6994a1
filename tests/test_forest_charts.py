"""Charts of the knobs of the forest: on the page, true to the tables, the chosen one marked."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import same_color
from matplotlib.text import Text

from helpers.figures import forest_charts, style
from helpers.storage import ContractError


def by_trees(leaf_sizes=(1, 2, 5), end=1.0):
    """Curves end + 0.5 / n, the first two of them ending at the same error."""
    numbers = np.array([1, 2, 5, 10, 50])
    parts = [
        pd.DataFrame(
            {"min_samples_leaf": leaf, "n_trees": numbers, "noise_c": 0.2 / numbers}
        ).assign(
            expected_rmse_c=end + 0.1 * max(i - 1, 0) + 0.5 / numbers,
            rmse_c=end + 0.01 * i + 0.6 / numbers,
        )
        for i, leaf in enumerate(leaf_sizes)
    ]
    return pd.concat(parts, ignore_index=True)


GRID = pd.DataFrame(
    {
        "min_samples_leaf": [1, 1, 2, 2, 10, 10],
        "max_features": [0.34, 1.0] * 3,
        "predictors_per_split": [1, 3] * 3,
        "n_trees": 50,
        "rmse_c": [1.1, 0.9, 1.0, 1.05, 1.3, 1.2],
        "standard_error_c": 0.1,
        "difference_c": [0.1, -0.1, 0.0, 0.05, 0.3, 0.2],
        "difference_error_c": [0.1, 0.05, 0.0, 0.1, 0.1, 0.1],
        "default": [False, False, True, False, False, False],
        "best": [False, True, False, False, False, False],
        "chosen": [False, True, False, False, False, False],
    }
)
OBSERVED = np.array([1.0, -2, 0, 3])
NESTED = pd.DataFrame(
    {
        "fold": [0, 0, 1, 1],
        "observed": OBSERVED,
        "predicted": OBSERVED + 1.0,
        "predicted_default": OBSERVED + 1.0,
        "predicted_best": OBSERVED + 1.5,
    }
)


def check_axes(figure):
    for axes in figure.axes:
        assert "(n)" in axes.get_xlabel() and "(°C)" in axes.get_ylabel()


def rings(axes):
    """Places of the rings, in the order drawn."""
    return [c.get_offsets()[0] for c in axes.collections if isinstance(c, PathCollection)]


@pytest.mark.parametrize("leaf_sizes", [(2,), (1, 2, 5, 10, 20), tuple(range(1, 10))])
def test_every_leaf_size_has_a_curve_and_a_name_that_covers_no_other(study, leaf_sizes, check_page):
    figure = forest_charts.error_by_trees_chart(study, by_trees(leaf_sizes), 10, 2)
    check_page(figure)
    check_axes(figure)
    axes = figure.axes[0]
    assert len(axes.lines) == len(axes.texts) == len(leaf_sizes)
    assert len({line.get_marker() for line in axes.lines}) == len(leaf_sizes)
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the line to the curve
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(box.x1 <= axes.bbox.x1 and box.y1 <= axes.bbox.y1 for box in boxes)
    assert all(box.y0 >= axes.bbox.y0 for box in boxes)
    names = {text.get_text() for text in axes.texts}
    assert {f"≥ {leaf} site{'s' * (leaf > 1)}" for leaf in leaf_sizes} == names


@pytest.mark.parametrize(("n_trees", "leaf"), [(1, 5), (10, 2), (50, 1)])
def test_the_ring_stands_at_the_chosen_forest(study, n_trees, leaf):
    table = by_trees()
    figure = forest_charts.error_by_trees_chart(study, table, n_trees, leaf)
    row = table[(table["n_trees"] == n_trees) & (table["min_samples_leaf"] == leaf)].iloc[0]
    assert rings(figure.axes[0])[0].tolist() == [n_trees, row["rmse_c"]]
    legend = [text.get_text() for text in figure.legends[0].texts]
    assert legend[1].startswith(f"{n_trees} trees, leaves of ≥ {leaf} site")
    assert legend[1].endswith(f"{row['rmse_c']:.2f} °C")
    assert style.numbers_of(figure).startswith(f"Marked: {legend[1]}; expected of ")


def test_a_forest_that_is_not_in_the_table_is_an_error(study):
    message = "No forest of 7 trees and leaves of at least 2 .* 1, 2, 5, 10, 50 trees .* 1, 2, 5"
    with pytest.raises(ContractError, match=message):
        forest_charts.error_by_trees_chart(study, by_trees(), 7, 2)


def test_names_are_moved_both_ways_and_no_further_than_needed():
    """Three too close stand around their mean, 3.05 / 3; at the edge of the chart all move in."""
    found = forest_charts.spread([1.0, 1.0, 1.05, 3.0], 0.1)
    middle = 3.05 / 3
    np.testing.assert_allclose(found, [middle - 0.1, middle, middle + 0.1, 3.0])
    np.testing.assert_allclose(forest_charts.spread([1.0, 1.0], 0.1, least=1.0), [1.0, 1.1])
    np.testing.assert_allclose(forest_charts.spread([1.0, 1.0], 0.1, greatest=1.0), [0.9, 1.0])


def test_each_name_has_the_colour_of_its_curve_and_a_line_to_its_end(study):
    leaf_sizes = tuple(range(1, 8))
    table = by_trees(leaf_sizes)
    axes = forest_charts.error_by_trees_chart(study, table, 10, 2).axes[0]
    assert len(axes.texts) == 7
    for text in axes.texts:
        n, height = text.xy
        leaf = int(text.get_text().split()[1])
        curve = axes.lines[leaf_sizes.index(leaf)]
        assert (n, height) == (curve.get_xdata()[-1], curve.get_ydata()[-1])
        assert same_color(text.arrow_patch.get_edgecolor(), curve.get_color())
        assert text.get_color() == style.as_ink(curve.get_color())


@pytest.mark.parametrize("nested", [None, NESTED])
def test_default_choice_and_best_are_marked_in_both_panels(study, nested, check_page):
    figure = forest_charts.tuning_chart(study, GRID, nested)
    check_page(figure)
    check_axes(figure)
    for axes, column in zip(figure.axes, ["rmse_c", "difference_c"], strict=True):
        default, chosen, best = rings(axes)
        assert default[1] == GRID[column][2]
        assert chosen[1] == best[1] == GRID[column][1] and chosen[0] == best[0]
        assert round(default[0]) == 1 and round(chosen[0]) == 0
        assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "10"]
    assert "50 trees" in figure.axes[0].get_title(loc="left")
    numbers = style.numbers_of(figure)
    assert f"best (leaves ≥ 1 site, {100 * GRID['max_features'][1]:.0f} %)" in numbers
    assert ("tuned without the fold: not at all (default)" in numbers) == (nested is not None)


def test_of_one_combination_that_is_all_three_every_mark_is_seen(study):
    """The square lies inside the circle, the star beside both, inside the panel."""
    is_default = GRID["default"]
    figure = forest_charts.tuning_chart(study, GRID.assign(best=is_default, chosen=is_default))
    figure.draw_without_rendering()
    for axes in figure.axes:
        marks = axes.collections[-3:]
        square, circle, star = (np.sqrt(mark.get_sizes()[0]) / 2 for mark in marks)  # pt
        assert 2**0.5 * square < circle
        places = [c.get_offset_transform().transform(c.get_offsets())[0] for c in marks]
        lift = (places[2] - places[1]) * 72 / figure.dpi
        np.testing.assert_allclose(places[0], places[1])
        assert lift[0] == pytest.approx(0, abs=1e-6) and lift[1] > circle + star
        assert places[2][1] + star * figure.dpi / 72 < axes.bbox.y1
    labels = [text.get_text() for text in figure.legends[0].texts]
    assert labels[-3:] == ["default", "chosen", "best"]


@pytest.mark.parametrize("n_trees", [50, 500])
def test_both_numbers_of_trees_are_those_of_the_tables(study, n_trees):
    forest = study.forest.model_copy(update={"n_trees": n_trees})
    turned = study.model_copy(update={"forest": forest})
    figure = forest_charts.tuning_chart(turned, GRID.assign(n_trees=50), NESTED)
    assert figure.axes[0].get_title(loc="left").startswith("(a) 50 trees;")
    assert figure.legends[1].get_title().get_text() == f"Tuned without the fold, {n_trees} trees"


def test_each_combination_has_a_place_of_its_own(study):
    figure = forest_charts.tuning_chart(study, GRID)
    drawn = np.concatenate([bars.lines[0].get_xydata() for bars in figure.axes[0].containers])
    assert len(np.unique(drawn[:, 0])) == len(GRID)
    assert sorted(drawn[:, 1]) == sorted(GRID["rmse_c"])


def test_honest_errors_become_lines(study):
    axes, *_ = forest_charts.tuning_chart(study, GRID, NESTED).axes
    lines = {line.get_label(): line.get_ydata()[0] for line in axes.lines if len(line.get_ydata())}
    heights = {name.split(":")[0]: y for name, y in lines.items() if "±" in name}
    assert heights == {
        "not at all (default)": pytest.approx(1),
        "by the rule": pytest.approx(1),
        "always the best": pytest.approx(1.5),
    }
