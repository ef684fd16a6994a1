"""Charts of covariates and of the choice among them: complete, labelled, on the page."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from helpers import selection
from helpers.figures import covariate_charts, selection_charts, station_maps
from helpers.figures.style import VIRTUAL_NOTE, numbers_of

LONG = ["topographic_wetness", "mean_annual_surface_temperature"]


@pytest.fixture(scope="module")
def training(covariates):
    """40 cells of the map as sites, with 12 covariates; the last has gaps."""
    rng = np.random.default_rng(0)
    known = np.argwhere(covariates["TPI"].notnull().to_numpy())
    rows, columns = rng.choice(known, 40, replace=False).T
    table = pd.DataFrame({n: v.to_numpy()[rows, columns] for n, v in covariates.items()})
    table = table.assign(t15_c=rng.normal(0, 2, 40), **{n: rng.normal(size=40) for n in LONG})
    table.loc[:4, LONG[1]] = np.nan
    return table


@pytest.fixture(scope="module")
def names(covariates):
    return [*covariates.data_vars, *LONG]


@pytest.fixture(scope="module")
def units(covariates):
    return {name: layer.attrs["units"] for name, layer in covariates.items()}


STEPS = pd.DataFrame(
    {
        "step": [1, 2, 3],
        "added": ["FDD", "PRE", "mean_annual_surface_temperature"],
        "selection_rmse_c": [1.0, 0.9, 0.91],
        "selection_error_c": 0.1,
        "kept": [True, True, False],
    }
)
COMPARISON = pd.DataFrame(
    {"rmse_c": [0.98, 0.9, 0.92], "optimistic": [False, True, False]},
    index=["published (PRE, TDD, TPI)", "chosen", "all"],
)
STABILITY = pd.DataFrame({"chosen": [5, 2, 0], "runs": 5, "share": [1, 0.4, 0]}, index=list("abc"))
RADII = pd.DataFrame(
    {
        "radius_m": [1000.0, 20000.0],
        "rmse_c": [0.9, 0.8],
        "sd_seeds_c": [0.01, np.nan],
        "rmse_without_c": 0.95,
        "correlation": [-0.1, 0.2],
    }
)
ERRORS = pd.DataFrame(
    {
        "station": list("ABCD"),
        "quantity": "precipitation",
        "error": [30.0, -60.0, np.nan, 10.0],
        "lon": [120.0, 125.0, 122.0, 10.0],
        "lat": [48.0, 50.0, 45.0, 50.0],
    }
)
CHOICE = {
    "steps": lambda s: selection_charts.forward_selection_chart(
        STEPS, COMPARISON, STABILITY, s, 0.95
    ),
    "radius": lambda s: selection_charts.radius_skill_chart(RADII, 20000, s),
    "stations": lambda s: station_maps.station_error_map(s, ERRORS, {"precipitation": "mm"}),
}


def check_page(figure, notes=1):
    """Width of one or two columns, no small text, all of it on the page, one note or none."""
    figure.draw_without_rendering()
    texts = [t for t in figure.findobj(Text) if t.get_text()]
    assert round(figure.get_figwidth() * 25.4) in (85, 180)
    assert min(t.get_fontsize() for t in texts) >= 7
    page, used = figure.bbox, figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert used.x0 >= -1 and used.y0 >= -1
    assert used.x1 <= page.width + 1 and used.y1 <= page.height + 1
    assert [t.get_text() for t in figure.texts].count(VIRTUAL_NOTE) == notes
    assert figure.get_figheight() * 25.4 <= 240.1
    numbers = numbers_of(figure)
    assert numbers.endswith(".") and "nan" not in numbers and any(map(str.isdigit, numbers))


def check_labels(figure):
    for axes in figure.axes:
        for label in (axes.get_xlabel(), axes.get_ylabel()):
            assert not label or (label[0].isalpha() and "(" in label), label


@pytest.mark.parametrize("count", [1, 3, 12])
def test_correlations_of_any_number_of_covariates_fill_the_page(training, names, study, count):
    clusters = selection.spearman_clusters(training, names[-count:])
    figure = covariate_charts.correlation_clusters(clusters, len(training), study)
    check_page(figure)
    check_labels(figure)
    boxes = [p for p in figure.axes[0].patches if isinstance(p, Rectangle)]
    assert len(boxes) == clusters.labels.nunique()


def test_the_branches_of_the_tree_stand_beside_the_rows_they_join():
    """a and b alike, c apart: the tree joins rows 0 and 1, or 1 and 2, never 0 and 2, first."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"a": rng.normal(size=30), "c": rng.normal(size=30)})
    clusters = selection.spearman_clusters(table.assign(b=-table["a"]), ["a", "c", "b"])
    matrix, tree = covariate_charts.correlation_clusters(clusters, 30).axes[:2]
    branch = min(tree.collections[0].get_segments(), key=lambda s: s[:, 0].max())
    rows = sorted({int(y // 10) for y in branch[:, 1]})
    joined = {matrix.get_yticklabels()[row].get_text() for row in rows}
    assert joined == {"a", "b"}
    assert matrix.get_ylim()[0] > matrix.get_ylim()[1] and tree.get_ylim() == (30, 0)


@pytest.mark.parametrize("count", [1, 3, 10])
def test_distributions_hold_every_site_and_every_cell(training, covariates, study, count):
    names = list(covariates.data_vars)[-count:]
    figure = covariate_charts.site_distributions(training, covariates, names, study)
    check_page(figure)
    check_labels(figure)
    assert numbers_of(figure).startswith(f"{len(training)} sites; share of the map beyond")
    for axes in figure.axes:
        heights = [patch.get_path().vertices for patch in axes.patches]
        assert len(heights) == 2
        assert axes.get_title(loc="left").count("%") == 1


def test_the_shares_of_a_distribution_add_up_to_100_per_cent(training, covariates, study):
    figure = covariate_charts.site_distributions(training, covariates, ["PRE"], study)
    for patch in figure.axes[0].patches:
        x, y = patch.get_xy()[:-1:2].T if patch.get_closed() else patch.get_xy()[1:-1:2].T
        assert y.sum() == pytest.approx(100, abs=0.01), (x, y)


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_pairs_are_drawn_once_and_without_the_gaps(training, names, units, study, count):
    figure = covariate_charts.pair_plot(training, names[-count:], study, units)
    check_page(figure)
    check_labels(figure)
    pairs = [axes for axes in figure.axes if len(axes.collections) == 2 and not axes.patches]
    assert len(pairs) == count * (count - 1) // 2
    for axes in pairs:
        points = [c.get_offsets() for c in axes.collections]
        drawn = sum(np.isfinite(np.ma.filled(p, np.nan)).all(axis=1).sum() for p in points)
        assert drawn == (35 if axes.get_subplotspec().rowspan.start == count - 1 else 40)


@pytest.mark.parametrize("name", CHOICE)
def test_charts_of_the_choice_fit_the_page(study, name):
    figure = CHOICE[name](study)
    check_page(figure, notes=int(name != "stations"))
    check_labels(figure)


def test_only_sets_that_these_folds_did_not_choose_become_lines(study):
    legend = [t.get_text() for t in CHOICE["steps"](study).legends[0].get_texts()]
    assert "published (PRE, TDD, TPI): 0.98 °C" in legend and "all: 0.92 °C" in legend
    assert "chosen without the fold (nested): 0.95 °C" in legend
    assert not any(text.startswith("chosen:") for text in legend)


def test_the_caption_of_a_choice_tells_steps_other_sets_and_counts(study):
    assert numbers_of(CHOICE["steps"](study)) == (
        "(a) RMSE FDD 1.00 °C, + PRE 0.90 °C, + mean annual surface temperature 0.91 °C "
        "(not kept); published (PRE, TDD, TPI) 0.98 °C, all 0.92 °C, chosen without the fold "
        "(nested) 0.95 °C; (b) chosen: a 5 of 5, b 2 of 5."
    )
    assert numbers_of(CHOICE["radius"](study)) == (
        "(a) RMSE from 0.80 °C at 20 km to 0.90 °C at 1 km, without the index 0.95 °C; "
        "(b) correlation −0.10 to 0.20."
    )


def test_stations_off_the_map_and_without_a_value_are_told_apart(study):
    """Three errors known, one of them in Europe; triangles point to the sign."""
    figure = CHOICE["stations"](study)
    axes = figure.axes[0]
    bar = axes.child_axes[0]
    assert bar.get_xlabel().endswith("RMSE 39.2, n = 3 (1 off map)")
    high, low = axes.collections[-2:]
    assert (len(high.get_offsets()), len(low.get_offsets())) == (1, 1)
    assert high.norm.vmin == -high.norm.vmax
    assert numbers_of(figure) == "RMSE: precipitation 39.2 mm, n = 3."
