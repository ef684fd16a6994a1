"""Charts and maps of Shapley values: what is drawn is what was worked out."""

import matplotlib.colors
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers import figures
from helpers.area import mapped_area
from helpers.figures.style import SMALLEST_TEXT_PT, VIRTUAL_NOTE
from helpers.forest import fit_forest
from helpers.shapley import ShapleyValues, grouped, interaction_values, site_shapley

NAMES = ["PRE", "TDD", "TPI"]
UNITS = {"PRE": "mm", "TDD": "degC d", "TPI": "m"}
BY_FOLD = pd.DataFrame(
    {
        "fold": np.repeat([0, 1], 3),
        "predictor": NAMES * 2,
        "mean_absolute_c": [0.4, 1.0, 0.1, 0.1, 1.2, 0.3],
        "rank": [2, 1, 3, 3, 1, 2],
    }
)


@pytest.fixture(scope="module")
def sites():
    random = np.random.default_rng(1)
    table = pd.DataFrame(random.normal(0, [80, 300, 20], (30, 3)), columns=NAMES)
    table += [420, 2500, 0]
    return table, (table["TDD"] - 2500) / 200 + table["PRE"] * table["TPI"] / 2e4


@pytest.fixture(scope="module")
def forest(sites):
    return fit_forest(*sites, n_trees=10)


@pytest.fixture(scope="module")
def explained(forest, sites):
    return site_shapley(forest, sites[0])


@pytest.fixture(scope="module")
def result(study, forest, covariates):
    """A map of the study on 20 km cells, with Shapley values; applicable in the north."""
    mapped = mapped_area(study, covariates["elevation"]).to_numpy()
    cells = pd.DataFrame({name: covariates[name].to_numpy()[mapped] for name in NAMES})
    values = site_shapley(forest, cells)

    def layer(found):
        grid = np.full((*found.shape[:-1], *mapped.shape), np.nan, np.float32)
        grid[..., mapped] = found
        return grid

    coordinates = {name: covariates[name] for name in ("x", "y", "spatial_ref")}
    made = xr.Dataset(coords={**coordinates, "predictor": NAMES})
    made["t15"] = ("y", "x"), layer(forest.predict(cells))
    made["shapley_value"] = ("predictor", "y", "x"), layer(values.values.T)
    made["shapley_value"].attrs["base_value_c"] = values.base_value
    made["dominant_driver"] = ("y", "x"), layer(np.abs(values.values).argmax(axis=1) + 1.0)
    inside = np.where(np.isnan(made["t15"]), np.nan, made["y"].to_numpy()[:, None] > 5.2e6)
    made["inside_area_of_applicability"] = ("y", "x"), inside
    made["dissimilarity_index"] = ("y", "x"), 0.75 - 0.5 * inside
    return made


@pytest.fixture(scope="module")
def drawn(study, forest, sites, explained, result):
    """Every figure, drawn once."""
    place = sites[0][:1]
    return {
        "maps": figures.shapley_maps(study, result),
        "driver": figures.dominant_driver_map(study, result),
        "matrix": figures.interaction_matrix(interaction_values(forest, sites[0]), NAMES, study),
        "stability": figures.shapley_stability(BY_FOLD, study),
        "place": figures.place_explained(
            study, result, forest, place, site_shapley(forest, place), UNITS, 1.3e6, 5.7e6
        ),
    }


@pytest.mark.parametrize("name", ["maps", "driver", "matrix", "stability", "place"])
def test_text_can_be_read_and_says_that_boreholes_are_virtual(drawn, name):
    drawn[name].canvas.draw()
    texts = [t for t in drawn[name].findobj(lambda a: hasattr(a, "get_fontsize")) if t.get_text()]
    assert min(text.get_fontsize() for text in texts) >= SMALLEST_TEXT_PT
    assert [text.get_text() for text in drawn[name].texts].count(VIRTUAL_NOTE) == 1


def images(figure):
    return [i for axes in figure.axes for i in axes.images if i.get_array().ndim == 2]


def test_maps_of_all_predictors_share_a_scale_around_zero(drawn):
    limits = {(i.norm.vmin, i.norm.vmax) for i in images(drawn["maps"])}
    assert len(limits) == 1 and len(images(drawn["maps"])) == 3
    (low, high) = limits.pop()
    assert low == -high < 0


def test_the_base_value_stands_beside_the_maps(drawn, result):
    words = [text.get_text() for text in drawn["maps"].legends[0].get_texts()]
    base = f"{result['shapley_value'].base_value_c:.2f}".replace("-", "\N{MINUS SIGN}")
    assert words[-1] == f"prediction = {base} °C + effects"


def test_the_legend_of_the_drivers_counts_the_mapped_cells(drawn, result):
    driver = result["dominant_driver"].to_numpy()
    counted = [f"{n} ({100 * (driver == i).sum() / np.isfinite(driver).sum():.0f} %)"
               for i, n in enumerate(NAMES, 1)]  # fmt: skip
    legend = drawn["driver"].axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()][:3] == counted


def test_a_driver_has_the_colour_of_its_legend(drawn, result):
    """The colours drawn are those of the drivers that occur, no others."""
    (image,) = images(drawn["driver"])
    seen = {matplotlib.colors.to_hex(c) for c in image.to_rgba(image.get_array()).reshape(-1, 4)
            if c[3] == 1}  # fmt: skip
    patches = drawn["driver"].axes[0].get_legend().get_patches()
    occurring = np.unique(result["dominant_driver"].to_numpy()[~np.isnan(result["t15"])])
    expected = {matplotlib.colors.to_hex(patches[int(i) - 1].get_facecolor()) for i in occurring}
    assert seen == expected


def test_the_matrix_counts_both_halves_of_a_pair_and_main_effects_once():
    halves = np.array([[[1.0, 0.2], [0.2, -3.0]], [[1.0, -0.4], [-0.4, 3.0]]])
    axes = figures.interaction_matrix(halves, ("PRE", "TDD")).axes[0]
    assert [text.get_text() for text in axes.texts] == ["1.00", "0.60", "3.00"]


def test_stability_is_ordered_by_the_mean_and_counts_ranks(drawn):
    left, right = drawn["stability"].axes
    labels = [label.get_text() for label in left.get_yticklabels()]
    assert labels == ["TDD", "PRE", "TPI"]
    written = {text.get_position(): text.get_text() for text in right.texts}
    assert written == {(0, 0): "100", (1, 1): "50", (2, 1): "50", (1, 2): "50", (2, 2): "50"}


def test_contributions_lead_from_the_base_value_to_the_prediction(study, explained, forest, sites):
    axes = figures.site_contributions(study, explained, 4, UNITS).axes[0]
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
    assert axes.patches[0].get_x() == explained.base_value
    assert ends[-1] == pytest.approx(forest.predict(sites[0])[4])
    low, high = axes.get_xlim()
    assert low < min(explained.base_value, *ends) and max(explained.base_value, *ends) < high


def test_the_panel_of_a_place_marks_it_and_draws_few_cells(drawn, study, result, forest, sites):
    fine = {"x": np.linspace(1e6, 2e6, 1500), "y": np.linspace(6e6, 5e6, 1500)}
    names = ["t15", "inside_area_of_applicability", "dissimilarity_index"]
    result = result[names].interp(fine)
    figure = figures.place_explained(
        study, result, forest, sites[0][:1], site_shapley(forest, sites[0][:1]), UNITS, 1.3e6, 5.7e6
    )
    assert figure.axes[0].images[0].get_array().shape == (250, 250)
    assert figure.axes[0].lines[-1].get_xydata().tolist() == [[1300, 5700]]
    assert len(drawn["place"].axes[2].patches) == 3


@pytest.mark.parametrize(
    ("y", "title"),
    [
        (5.7e6, "Inside the area of applicability (dissimilarity index 0.25)"),
        (5.0e6, "Outside the area of applicability (dissimilarity index 0.75)"),
        (3.0e6, "Not mapped here"),
    ],
)
def test_the_panel_of_a_place_says_whether_the_model_applies(
    study, result, forest, sites, y, title
):
    place = sites[0][:1]
    why = site_shapley(forest, place)
    figure = figures.place_explained(study, result, forest, place, why, UNITS, 1.3e6, y)
    assert figure.get_suptitle() == title


def test_a_distribution_begins_at_0_and_names_its_levels(study, forest, sites):
    figure = figures.conditional_distribution(study, forest, sites[0][:1], "here")
    axes = figure.axes[0]
    curve = axes.lines[0].get_ydata()
    assert curve[0] == 0 and curve[-1] == pytest.approx(1)
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["weighted sites", "0.05 to 0.95 quantile", "mean"]
    figure.canvas.draw()
    assert axes.get_legend().get_window_extent().y1 < axes.get_window_extent().y0


def test_a_group_is_drawn_without_unit_and_without_value(study, explained):
    both = grouped(explained, {"climate": ["PRE", "TDD"]})
    left, right = figures.shap_summary(both, UNITS, study).axes[:2]
    labels = [label.get_text() for label in left.get_yticklabels()]
    assert sorted(labels) == ["TPI (m)", "climate"]
    dots = right.collections[labels.index("climate")]
    assert len(dots.get_offsets()) == 30
    assert np.ma.getmaskarray(np.ma.masked_invalid(dots.get_array())).all()
    words = figures.site_contributions(study, both, 0, UNITS).axes[0].get_yticklabels()
    assert "climate" in [word.get_text() for word in words]


def test_the_colour_of_a_dependence_is_the_largest_exact_interaction(explained, study):
    strong = np.zeros((30, 3, 3))
    strong[:, 0, 2] = strong[:, 2, 0] = 1
    strong[:, 1, 0] = strong[:, 0, 1] = 0.5
    figure = figures.shap_dependence(explained, UNITS, study, strong)
    bars = [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel().startswith("colour")]
    assert bars == ["colour: TPI (m)", "colour: PRE (mm)", "colour: PRE (mm)"]


def test_values_of_hand_are_labelled_with_their_units(study):
    shapley = ShapleyValues(
        np.array([[0.5, -1.5, 0.25, 0.2, 0.1]]),
        1.0,
        (*NAMES, "slope", "wetness"),
        np.array([[400.0, 12600.4, -10, 0.21, 8.12345]]),
    )
    units = UNITS | {"slope": "degree", "wetness": "1"}
    axes = figures.site_contributions(study, shapley, 0, units).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [
        "TDD = 12600 °C d",
        "PRE = 400 mm",
        "TPI = \N{MINUS SIGN}10 m",
        "slope = 0.21°",
        "wetness = 8.123",
    ]
