"""Figures: labelled, marked as virtual, reproducible, and true to the data."""

import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from cartopy.mpl.geoaxes import GeoAxes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text
from PIL import Image

from helpers import figures
from helpers.figures import (
    base_map,
    files,
    layers,
    one_map,
    panels,
    shapley_charts,
    small_maps,
    style,
    towns,
)
from helpers.figures.catalogue import figures_of
from helpers.products import class_layer, compare_with
from helpers.scores import classification_scores, regression_scores
from helpers.selection import spearman_clusters
from helpers.shapley import ShapleyValues
from helpers.storage import ContractError
from helpers.study import load_study

SETTINGS = """
[about]
name = "scratch"
title = "Scratch study"
virtual_boreholes = true
truth_seed = 1
[area]
west = 120.0
south = 48.0
east = 123.8
north = 50.4
towns = "towns.csv"
[grid]
crs = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +datum=WGS84 +units=m"
resolution_m = 10000
[period]
start = 2023-01-01
end = 2024-12-31
[boreholes]
files = ["*.xlsx"]
[covariates.elevation]
source = "relief"
[forest]
predictors = ["elevation"]
quantiles = [0.05, 0.5, 0.95]
[figures]
temperature_reach_c = 2.0
[[classes]]
name = "cold"
below_c = -2.0
colour = "#2171b5"
[[classes]]
name = "cool"
below_c = 0.5
colour = "#bdd7e7"
[[classes]]
name = "none"
colour = "#e34a33"
"""
NAMES = ("PRE", "TDD", "TPI")
UNITS = {"PRE": "mm", "TDD": "degC d", "TPI": "m"}
N_SITES = 24
STEPS = {
    "as delivered": {"A": 271.15, "B": -1.0, "C": 2.0, "D": np.nan},
    "units": {"A": -2.0, "B": -1.0, "C": 2.0, "D": 0.5},
    "readings": {"A": -2.3, "B": -1.009, "C": np.nan, "D": 0.5},
}
EFFECTS = pd.DataFrame(
    [(site, step, t15) for step, values in STEPS.items() for site, t15 in values.items()],
    columns=["site", "step", "t15_c"],
)


def make_study(folder, virtual=True):
    folder.mkdir(parents=True, exist_ok=True)
    flag = str(virtual).lower()
    text = SETTINGS.replace("virtual_boreholes = true", f"virtual_boreholes = {flag}")
    text = text if virtual else text.replace("truth_seed = 1\n", "")
    (folder / "study.toml").write_text(text, encoding="utf-8")
    (folder / "towns.csv").write_text("name,longitude,latitude\nHailar,121,49.2\nElsewhere,90,10\n")
    return load_study(folder)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("figures") / "data" / "scratch")


def on_grid(study, values, **attributes):
    coordinates = {name: axis.values for name, axis in study.geobox.coordinates.items()}
    return xr.DataArray(values.astype(np.float32), coordinates, ("y", "x"), attrs=attributes)


@pytest.fixture(scope="module")
def data(scratch):
    """Everything the figures take, on a grid of about 30 x 30 cells."""
    rng = np.random.default_rng(0)
    rows, columns = np.indices(scratch.geobox.shape)
    south = rows / rows.max()
    t15 = on_grid(scratch, 6 * south - 4 + 0.2 * rng.normal(size=rows.shape))
    layers = {
        "elevation": on_grid(scratch, 300.0 + 20 * columns, units="m", long_name="elevation"),
        "PRE": on_grid(scratch, 300 + 200 * south, units="mm", long_name="precipitation"),
        "TDD": on_grid(
            scratch, 2000 + 900 * south, units="degC d", long_name="thawing degree-days"
        ),
        "TPI": on_grid(scratch, rng.normal(0, 20, rows.shape), units="m", long_name="position"),
    }
    result = xr.Dataset(
        {
            "t15": t15,
            "t15_quantile": xr.concat([t15 - 1.5, t15, t15 + 1.5 + 0.1 * t15**2], "quantile"),
            "permafrost_probability": (0.5 - t15 / 8).clip(0, 1),
            "dissimilarity_index": on_grid(scratch, south * 2),
            "inside_area_of_applicability": on_grid(scratch, south <= 0.5),
            "local_point_density": on_grid(scratch, np.round(9 * (1 - south))),
        }
    ).assign_coords(quantile=[0.05, 0.5, 0.95])
    effects = xr.concat([t15 / 2, t15 / 3, t15 / 6], pd.Index(NAMES, name="predictor"))
    result["shapley_value"] = effects.assign_attrs(units="degC", base_value_c=0.0)
    result["dominant_driver"] = on_grid(scratch, 1.0 + columns % 3)
    return {"layers": xr.Dataset(layers), "result": result, **site_tables(rng, t15)}


def site_tables(rng, t15):
    column, row = rng.integers(3, 25, (2, N_SITES))
    sites = pd.DataFrame(
        {
            "site": [f"S{i:02d}" for i in range(N_SITES)],
            "x": t15.x.values[column],
            "y": t15.y.values[row],
            "t15_c": t15.values[row, column],
            "standard_error_c": 0.13,
            "sensor_error_c": 0.03,
            "sampling_error_c": 0.04,
            "depth_error_c": 0.12,
            "deepest_m": np.where(np.arange(N_SITES) % 3, 20.0, 9.0),
            "zero_amplitude_depth_m": 12.5,
            "thaw_depth_m": np.where(np.arange(N_SITES) % 2, 1.5, np.nan),
            "method": np.where(np.arange(N_SITES) % 3, "interpolated", "extended"),
            "status": np.where(np.arange(N_SITES) < 20, "used", "refused"),
        }
    )
    depth = np.array([1.0, 4, 8, 12, 20])
    swing = 10 * np.exp(-depth / 3)
    profiles = pd.concat(
        pd.DataFrame({"site": s, "depth_m": depth, "mean_c": t}).assign(
            min_c=t - swing, max_c=t + swing
        )
        for s, t in zip(sites["site"], sites["t15_c"], strict=True)
    )
    observed = sites["t15_c"].to_numpy()
    held_out = pd.DataFrame(
        {"observed": observed, "predicted": observed + rng.normal(0, 0.5, N_SITES)}
    )
    held_out["q05"], held_out["q95"] = held_out["predicted"] - 1, held_out["predicted"] + 1
    predictors = pd.DataFrame(rng.normal(size=(N_SITES, 3)), columns=list(NAMES))
    shapley = ShapleyValues(rng.normal(size=(N_SITES, 3)), 0.0, NAMES, predictors.to_numpy())
    return {
        "sites": sites,
        "profiles": profiles,
        "flags": pd.DataFrame({"site": ["S00", "S01"], "action": ["repaired", "noted"]}),
        "months": monthly_means("S01"),
        "effects": EFFECTS,
        "held_out": held_out,
        "training": pd.concat([sites, predictors], axis=1),
        "shapley": shapley,
        "folds": np.arange(N_SITES) % 4,
    }


def monthly_means(site):
    """Two years of a hole with four sensors: as many deg C as its depth (m) and month - 12."""
    depth, month = (grid.ravel() for grid in np.meshgrid([1.0, 3, 6, 16], range(24)))
    return pd.DataFrame(
        {
            "site": site,
            "time": pd.date_range("2023-01-01", periods=24, freq="MS")[month],
            "depth_m": depth,
            "temperature_c": depth + month - 12,
            "averaging": "month",
        }
    )


def draw_scatter(study, d):
    scores = regression_scores(d["held_out"]["observed"], d["held_out"]["predicted"], 50)
    both = ("random", "knndm")
    return figures.validation_scatter(
        dict.fromkeys(both, d["held_out"]), dict.fromkeys(both, scores), study
    )


def draw_confusion(study, d):
    frozen = classification_scores([0, 0, 1, 1], [0, 1, 1, 1], ["frozen", "not frozen"])
    classes = classification_scores([0, 1, 2], [0, 1, 1], ["cold", "cool", "none"])
    return figures.confusion_matrices(frozen, classes, study)


def draw_stability(study, d):
    by_fold = pd.DataFrame(
        {
            "fold": [0, 0, 0, 1, 1, 1],
            "n_sites": 12,
            "predictor": NAMES * 2,
            "mean_absolute_c": [0.4, 1.2, 0.1, 0.5, 1.1, 0.2],
            "share": 1 / 3,
            "rank": [2, 1, 3, 2, 1, 3],
        }
    )
    return figures.shapley_stability(by_fold, study)


def compared(draw, study, d):
    other = (d["result"]["t15"] + 0.5).assign_attrs(units="degC", long_name="temperature at 2 m")
    return draw(study, d["result"], compare_with(study, d["result"], other, "other"))


STATION_ERRORS = pd.DataFrame(
    {"quantity": "x", "error": [2.0, -1.0], "lon": [118.0, 124.0], "lat": [47.0, 50.0]}
)
RADIUS_SKILL = pd.DataFrame(
    {
        "radius_m": [5e3, 1e4],
        "rmse_c": [1.0, 0.9],
        "sd_seeds_c": 0.02,
        "standard_error_c": 0.1,
        "correlation": [-0.2, -0.3],
        "rmse_without_c": 1.1,
    }
)
STEPS = pd.DataFrame(
    {
        "step": [1, 2],
        "added": ["FDD", "PRE"],
        "selection_rmse_c": [1.0, 0.9],
        "selection_error_c": 0.1,
        "kept": [True, False],
    }
)
SETS = pd.DataFrame({"rmse_c": [0.95], "optimistic": [False]}, index=["study"])
CHOSEN = pd.DataFrame({"chosen": [3, 0], "runs": 3, "share": [1.0, 0.0]}, index=["FDD", "TPI"])
BY_TREES = pd.DataFrame(
    {
        "min_samples_leaf": [1, 1, 2, 2],
        "n_trees": [1, 10, 1, 10],
        "rmse_c": [1.4, 1.0, 1.3, 0.9],
        "expected_rmse_c": [1.4, 1.0, 1.3, 0.9],
        "noise_c": [0.2, 0.05, 0.2, 0.05],
    }
)
TUNED = pd.DataFrame(
    {
        "min_samples_leaf": [1, 2],
        "max_features": 0.67,
        "predictors_per_split": 2,
        "n_trees": 10,
        "rmse_c": [1.0, 0.9],
        "standard_error_c": 0.1,
        "difference_c": [0.1, 0.0],
        "difference_error_c": [0.1, 0.0],
        "default": [False, True],
        "best": [False, True],
        "chosen": [False, True],
    }
)


DRAW = {
    "study_area": lambda s, d: figures.study_area_map(s, d["layers"], d["sites"]),
    "borehole_profiles": lambda s, d: figures.borehole_profiles(
        d["profiles"], d["sites"], ["S00", "S01", "S02", "S03", "S04"]
    ),
    "site_status": lambda s, d: figures.site_status_map(s, d["layers"], d["sites"], d["flags"]),
    "depth_time": lambda s, d: figures.depth_time_image(d["months"], "S01", s),
    "step_effects": lambda s, d: figures.step_effects(d["effects"], s),
    "error_budget": lambda s, d: figures.error_budget(d["sites"], s),
    "t15_histogram": lambda s, d: figures.temperature_histogram(d["sites"], s),
    "covariate_maps": lambda s, d: figures.covariate_maps(s, d["layers"], NAMES),
    "station_errors": lambda s, d: figures.station_error_map(s, STATION_ERRORS, {"x": "mm"}),
    "site_distributions": lambda s, d: figures.site_distributions(
        d["training"], d["layers"], NAMES, s
    ),
    "correlation": lambda s, d: figures.correlation_clusters(
        spearman_clusters(d["training"], NAMES), N_SITES
    ),
    "pair_plot": lambda s, d: figures.pair_plot(d["training"], NAMES, s, UNITS),
    "radius_skill": lambda s, d: figures.radius_skill_chart(RADIUS_SKILL, 10_000, s),
    "forward_selection": lambda s, d: figures.forward_selection_chart(STEPS, SETS, CHOSEN, s, 0.9),
    "error_by_trees": lambda s, d: figures.error_by_trees_chart(s, BY_TREES, 10, 2),
    "tuning": lambda s, d: figures.tuning_chart(s, TUNED),
    "shap_summary": lambda s, d: figures.shap_summary(d["shapley"], UNITS, s),
    "shap_dependence": lambda s, d: figures.shap_dependence(d["shapley"], UNITS, s),
    "shap_interactions": lambda s, d: figures.interaction_matrix(
        np.abs(np.random.default_rng(1).normal(size=(9, 3, 3))), NAMES, s
    ),
    "shap_stability": draw_stability,
    "folds": lambda s, d: figures.fold_map(s, d["layers"], d["training"], d["folds"]),
    "distance_curves": lambda s, d: figures.distance_curves(
        {"map to sites": [1e3, 5e4], "knndm": [2e3, 3e4]}, {"knndm": 9e3}, s
    ),
    "validation_scatter": draw_scatter,
    "confusion": draw_confusion,
    "truth_comparison": lambda s, d: figures.truth_comparison(
        s, d["result"]["t15"] + 0.3, d["result"]
    ),
    "t15_map": lambda s, d: figures.temperature_map(s, d["result"], d["sites"], d["layers"]),
    "thermal_class_map": lambda s, d: figures.thermal_class_map(
        s, class_layer(s, d["result"]["t15"]), d["result"]
    ),
    "interval_width": lambda s, d: figures.interval_width_map(s, d["result"]),
    "permafrost_probability": lambda s, d: figures.probability_map(s, d["result"]),
    "applicability": lambda s, d: figures.applicability_map(s, d["result"], 1.0),
    "shapley_maps": lambda s, d: figures.shapley_maps(s, d["result"]),
    "dominant_driver": lambda s, d: figures.dominant_driver_map(s, d["result"], d["layers"]),
    "comparison_map": lambda s, d: compared(figures.comparison_map, s, d),
    "comparison_chart": lambda s, d: compared(figures.comparison_chart, s, d),
}

# In the tests of their own modules.
DRAWN_ELSEWHERE = {
    *(
        "designs",
        "skill",
        "error_profile",
        "coverage",
        "reliability",
        "pit",
        "variogram",
        "drilling",
    ),
    *("honesty", "expected_error"),
}


@pytest.fixture(scope="module")
def drawn(scratch, data):
    """Each figure of the catalogue, drawn once."""
    return {name: draw(scratch, data) for name, draw in DRAW.items()}


def test_every_figure_of_the_catalogue_is_drawn_here():
    assert DRAW.keys() | DRAWN_ELSEWHERE == figures.CATALOGUE.keys()


def has_numbers(axis):
    texts = [label.get_text() for label in axis.get_ticklabels() if label.get_visible()]
    return any(text.replace("\N{MINUS SIGN}", "").replace(".", "").isdigit() for text in texts)


@pytest.mark.parametrize("name", DRAW)
def test_every_axis_with_numbers_says_its_name_and_unit(drawn, name):
    figure = drawn[name]
    figure.draw_without_rendering()
    inner = [child for axes in figure.axes for child in axes.child_axes]
    numbered = [
        a for axes in [*figure.axes, *inner] for a in (axes.xaxis, axes.yaxis) if has_numbers(a)
    ]
    for axis in numbered:
        label = axis.get_label_text()
        assert label[:1].isalpha() and "(" in label and ")" in label, f"found '{label}'"


@pytest.mark.parametrize("name", DRAW)
def test_text_is_at_least_7_points_and_the_width_that_of_one_or_two_columns(drawn, name):
    sizes = [t.get_fontsize() for t in drawn[name].findobj(Text) if t.get_text()]
    assert min(sizes) >= 7
    assert round(drawn[name].get_figwidth() * 25.4) in (85, 180)
    assert drawn[name].get_figheight() * 25.4 <= 240.1


@pytest.mark.parametrize("name", DRAW)
def test_nothing_that_is_written_leaves_the_page(drawn, name):
    figure = drawn[name]
    figure.draw_without_rendering()
    page, inside = figure.bbox, figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert inside.x0 >= -1 and inside.y0 >= -1
    assert inside.x1 <= page.width + 1 and inside.y1 <= page.height + 1


@pytest.mark.parametrize("name", DRAW)
def test_every_figure_states_its_numbers_with_units_and_true_minus_signs(scratch, drawn, name):
    entry, numbers = figures.CATALOGUE[name], style.numbers_of(drawn[name])
    if entry.shows_boreholes:
        style.mark_virtual(drawn[name], scratch)  # as saving does
    note = f" {style.VIRTUAL_NOTE}." if entry.shows_boreholes else ""
    assert figures.caption_of(drawn[name], name) == f"{entry.caption} {numbers}{note}"
    assert numbers.endswith(".") and "nan" not in numbers and "\n" not in numbers
    assert re.search(r"\d", numbers) and not re.search(r"(?<!\w)-\d", numbers)
    assert re.search(r"°C|%|km|mm|sites|accuracy", numbers), numbers


def cell_colour(text):
    """Colour of the cell of an image in which a text stands; white beside all images."""
    for image in text.axes.images if text.axes else []:
        values, (x, y) = image.get_array(), text.get_position()
        rows, columns = values.shape[:2]
        in_data = text.get_transform() == text.axes.transData
        if in_data and -0.5 <= x < columns - 0.5 and -0.5 <= y < rows - 0.5:
            return image.to_rgba(values)[round(y), round(x)]
    return (1.0, 1.0, 1.0, 1.0)


CELLS = ("correlation", "confusion", "shap_interactions", "shap_stability", "comparison_chart")


@pytest.mark.parametrize("name", CELLS)
def test_text_in_coloured_cells_can_be_read(drawn, name):
    texts = [t for axes in drawn[name].axes for t in axes.texts if t.get_text()]
    colours = [cell_colour(text) for text in texts]
    assert any(tuple(colour[:3]) != (1, 1, 1) for colour in colours)
    for text, colour in zip(texts, colours, strict=True):
        assert style.contrast(to_rgb(text.get_color()), colour) >= 4.5, text.get_text()


@pytest.mark.parametrize("name", DRAW)
def test_all_text_beside_the_cells_can_be_read_on_white(drawn, name):
    for text in drawn[name].findobj(Text):
        if text.get_text() and tuple(cell_colour(text)[:3]) == (1, 1, 1):
            assert style.contrast(to_rgb(text.get_color()), (1, 1, 1)) >= 4.5, text.get_text()


def notes(figure):
    return [t.get_text() for t in figure.texts].count(style.VIRTUAL_NOTE)


def test_a_saved_figure_says_once_that_boreholes_are_virtual(scratch, data):
    figure = DRAW["correlation"](scratch, data)
    assert notes(figure) == 0
    for _ in range(2):
        figures.save_figure(figure, scratch, "correlation")
        assert notes(figure) == 1


def test_a_study_of_measured_boreholes_gets_no_note(tmp_path, data):
    measured = make_study(tmp_path, virtual=False)
    figure = DRAW["distance_curves"](measured, data)
    figures.save_figure(figure, measured, "distance_curves")
    assert notes(figure) == 0
    assert "irtual" not in figures.catalogue_markdown(measured)
    assert "truth_comparison" not in figures.catalogue_markdown(measured)


OF_NO_BOREHOLES = ("covariate_maps", "station_errors")


@pytest.mark.parametrize("name", OF_NO_BOREHOLES)
def test_a_figure_of_measured_data_alone_gets_no_note(scratch, data, name):
    figure = DRAW[name](scratch, data)
    figures.save_figure(figure, scratch, name)
    assert notes(figure) == 0
    assert {n for n, e in figures.CATALOGUE.items() if not e.shows_boreholes} == {*OF_NO_BOREHOLES}


@pytest.mark.parametrize(
    "name",
    [n for n in DRAW if n not in ("borehole_profiles", "correlation", *OF_NO_BOREHOLES)],
)
def test_a_figure_that_knows_its_study_is_marked_before_it_is_saved(drawn, name):
    assert notes(drawn[name]) == 1


@pytest.mark.parametrize("name", ["shap_summary", "t15_map"])
def test_drawn_and_saved_again_a_figure_has_the_same_bytes(scratch, data, name):
    first = figures.save_figure(DRAW[name](scratch, data), scratch, name).read_bytes()
    path = figures.save_figure(DRAW[name](scratch, data), scratch, name)
    assert path.read_bytes() == first
    with Image.open(path) as picture:
        assert round(picture.info["dpi"][0]) == 300
        assert "Software" not in picture.info


def test_a_print_has_text_as_text_its_caption_and_no_date(scratch, data):
    first = figures.save_figure(DRAW["t15_map"](scratch, data), scratch, "t15_map", "", ("pdf",))
    assert first == scratch.figures_dir / "print" / "t15_map.pdf"
    made = first.read_bytes()
    assert b"/FontFile2" in made and b"/Type3" not in made
    assert b"/Subject" in made and b"Date" not in made and b"/Producer" not in made
    figures.save_figure(DRAW["t15_map"](scratch, data), scratch, "t15_map", "", ("png", "pdf"))
    assert first.read_bytes() == made


def test_an_unknown_format_is_refused_before_anything_is_written(scratch, drawn):
    with pytest.raises(ValueError, match=r"Formats of a figure: svg\. Choose from png, pdf"):
        figures.save_figure(drawn["folds"], scratch, "folds", "refused", ("svg",))
    assert not (scratch.figures_dir / "folds_refused.png").exists()


def test_an_unknown_name_is_refused_with_the_choices(scratch, drawn):
    with pytest.raises(ValueError, match=r"'t15_mapp'\. Choices: study_area, .*applicability"):
        figures.save_figure(drawn["t15_map"], scratch, "t15_mapp")


def test_the_palette_keeps_colours_of_areas_exactly():
    """200 squares of 3 x 3 come back unchanged; 100 longer lines make way for them."""
    codes = np.random.default_rng(0).permutation(256**3)[:300]
    colours = np.column_stack([codes >> 16, codes >> 8 & 255, codes & 255]).astype(np.uint8)
    squares = colours[:200].reshape(10, 20, 3).repeat(3, axis=0).repeat(3, axis=1)
    lines = colours[np.newaxis, 200:].repeat(30, axis=0)
    picture = Image.fromarray(np.concatenate([squares, lines], axis=1), "RGB")
    back = np.asarray(files._with_palette(picture).convert("RGB"))
    assert (back[:, :60] == squares).all()
    assert 200 < len(np.unique(back.reshape(-1, 3), axis=0)) <= 256


def temperature_images(figure):
    return [i for a in figure.axes for i in a.images if i.cmap == style.TEMPERATURE_COLOURS]


def test_the_colours_of_temperature_have_one_range_with_0_in_the_middle(drawn):
    """And no map of anything else has these colours."""
    limits = {name: {i.get_clim() for i in temperature_images(f)} for name, f in drawn.items()}
    shown = {name: found for name, found in limits.items() if found}
    assert set(shown) == {"t15_map", "truth_comparison", "comparison_map"}
    assert all(found == {(-2.0, 2.0)} for found in shown.values())


HATCHED = {
    **dict.fromkeys(("t15_map", "thermal_class_map", "interval_width"), 1),
    **dict.fromkeys(("permafrost_probability", "dominant_driver"), 1),
    **dict.fromkeys(("truth_comparison", "comparison_map", "applicability"), 2),
    "shapley_maps": 3,
}


def hatched(axes):
    """Whether black hatches stand on white ones, which are seen on dark colours too."""
    edges = [c.get_edgecolor() for c in axes.collections if "////" in getattr(c, "hatches", ())]
    return bool(edges) and [to_hex(e[0]) for e in edges] == ["#ffffff", "#1a1a1a"]


@pytest.mark.parametrize("name", HATCHED)
def test_each_map_of_a_prediction_is_hatched_where_it_does_not_apply(drawn, name):
    assert "hatched outside the area of applicability" in figures.CATALOGUE[name].caption
    assert sum(map(hatched, drawn[name].axes)) == HATCHED[name]


MAPS = {*HATCHED, "study_area", "site_status", "folds", "covariate_maps", "station_errors"}


@pytest.mark.parametrize("name", sorted(MAPS))
def test_all_maps_have_graticule_scale_bar_north_outline_and_if_large_towns_and_shadow(drawn, name):
    maps = [axes for axes in drawn[name].axes if isinstance(axes, GeoAxes)]
    for axes in maps:
        texts = {text.get_text() for text in axes.texts}
        assert {"N", "50 km"} <= texts
        assert len(axes.get_xticklabels()) and len(axes.get_yticklabels())
        assert any(len(line.get_xdata()) > 3 and line.get_zorder() == 4 for line in axes.lines)
        large = axes.get_position().width * drawn[name].get_figwidth() * 25.4 > 85
        shaded = any(i.get_zorder() == 2 and i.get_array().shape[-1] == 4 for i in axes.images)
        assert shaded == ("Hailar" in texts) == large


@pytest.mark.parametrize("count", [1, 3, 14])
def test_any_number_of_small_maps_fits_the_page(study, count):
    with mpl.rc_context(style.STYLE):
        figure, maps = small_maps.map_rows(study, count)
        figure.draw_without_rendering()
    assert len(maps) == count and figure.get_figheight() * 25.4 <= 240.1
    assert round(figure.get_figwidth() * 25.4) == (85 if count == 1 else 180)
    page, inside = figure.bbox, figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert inside.x0 >= -1 and inside.x1 <= page.width + 1


def test_colours_change_at_0_so_that_they_show_the_sign(scratch):
    norm, colours = style.temperature_norm(scratch), style.TEMPERATURE_COLOURS
    assert colours(norm(-0.01)) != colours(norm(0.01))
    assert colours(norm(0.01)) == colours(norm(0.09))
    for temperature in (0.15, 1.0, 3.0):
        (red, _, blue, _), (red_warm, _, blue_warm, _) = colours(norm([-temperature, temperature]))
        assert blue > red and red_warm > blue_warm


def test_drawing_leaves_the_settings_of_the_user_alone(scratch, data):
    before = dict(mpl.rcParams)
    DRAW["t15_histogram"](scratch, data)
    assert dict(mpl.rcParams) == before


def legend_texts(axes):
    return [t.get_text() for t in axes.get_legend().get_texts()]


def test_the_class_legend_names_each_class_and_its_area(scratch, data):
    """Of one hundred cells of 100 km2, ten make 0.1 x 10^4 km2."""
    temperature = np.full(scratch.geobox.shape, np.nan)
    temperature[10, :10], temperature[12, :20] = -3.0, 1.0
    classes = class_layer(scratch, on_grid(scratch, temperature))
    texts = legend_texts(figures.thermal_class_map(scratch, classes, data["result"]).axes[0])
    minus = "\N{MINUS SIGN}"
    assert texts[:-1] == [
        f"cold\n< {minus}2: 0.1",
        f"cool\n{minus}2 to 0.5: 0.0",
        "none\n≥ 0.5: 0.2",
    ]


def test_the_legend_says_which_share_is_outside_the_area_of_applicability(scratch, data):
    share = float((data["result"]["inside_area_of_applicability"] == 0).mean())
    texts = legend_texts(figures.interval_width_map(scratch, data["result"]).axes[0])
    assert texts == [f"outside area of\napplicability ({100 * share:.0f} %)"]


def test_without_a_cell_outside_nothing_is_hatched(scratch, data):
    everywhere = data["result"].copy()
    everywhere["inside_area_of_applicability"] = xr.ones_like(everywhere["t15"])
    texts = legend_texts(figures.interval_width_map(scratch, everywhere).axes[0])
    assert texts == ["outside area of\napplicability (0 %)"]


def test_towns_beyond_the_frame_are_left_out(drawn):
    texts = [t.get_text() for t in drawn["t15_map"].axes[0].texts]
    assert "Hailar" in texts and "Elsewhere" not in texts


def test_a_name_with_dollar_signs_is_no_formula(tmp_path):
    study = make_study(tmp_path)
    (study.folder / "towns.csv").write_text("name,longitude,latitude\nA$x^$,121,49.2\n")
    figure, axes = one_map.single_map(study)
    with mpl.rc_context(style.STYLE):
        towns.draw_towns(axes, study, 100)
    figure.draw_without_rendering()
    assert "A$x^$" in {text.get_text() for text in axes.texts}


def test_labels_of_towns_lie_inside_and_on_no_other_label_or_dot():
    rng = np.random.default_rng(3)
    dots, edges = rng.uniform(5, 95, (25, 2)), np.array([0, 0, 100, 100])
    names = [f"Town{i}" for i in range(25)]
    placed = towns.place_labels(names, dots, np.empty((0, 2)), edges)
    boxes = [towns.label_box(*label) for label in placed]
    assert len(placed) >= 20
    for i, box in enumerate(boxes):
        assert (box[:2] >= 0).all() and (box[2:] <= 100).all()
        assert not ((dots > box[:2]) & (dots < box[2:])).all(axis=1).any()
        assert all((box[2:] <= b[:2]).any() or (b[2:] <= box[:2]).any() for b in boxes[i + 1 :])


def test_a_label_goes_to_the_side_with_fewer_sites():
    dot, edges = np.array([[50.0, 50]]), np.array([0, 0, 100, 100])
    right = dot + np.array([5, 0])
    [(_, _, side)] = towns.place_labels(["Mohe"], dot, right, edges)
    assert side == (-1, 0)


def test_display_averages_blocks_finer_than_print_and_keeps_whole_classes(scratch):
    """At 200 cells an inch, 4 mm show about 31 of the 33 columns; 1 mm shows 8."""
    values = np.indices(scratch.geobox.shape)[1] % 2
    layer = on_grid(scratch, values)
    assert set(np.unique(base_map.on_display(layer, scratch, 4.0))) == {0, 1}
    fine = base_map.on_display(layer, scratch, 1.0)
    assert fine.sizes["x"] < 12
    assert set(np.unique(base_map.on_display(layer, scratch, 1.0, True))) <= {0, 1}


def test_smoothing_changes_no_constant_field_and_fills_no_gap(scratch):
    values = np.full(scratch.geobox.shape, 7.0)
    values[:5] = np.nan
    calm = base_map.smoothed(on_grid(scratch, values), 30_000)
    assert np.isnan(calm[:5]).all()
    np.testing.assert_allclose(calm[5:], 7.0, rtol=1e-5)


def test_a_layer_on_both_sides_of_0_is_centred_there(data):
    colours, norm = small_maps._covariate_colours(data["layers"]["TPI"], "m")
    assert colours is style.DIFFERENCE_COLOURS and norm.vmin == -norm.vmax
    colours, norm = small_maps._covariate_colours(data["layers"]["elevation"], "m")
    assert colours is style.SEQUENTIAL_COLOURS and norm.vmin > 0


def test_panels_fill_their_rows():
    assert [style.rows_and_columns(n, 4) for n in (1, 4, 5, 6, 8, 9)] == [
        (1, 1), (1, 4), (2, 3), (2, 3), (2, 4), (3, 3),
    ]  # fmt: skip


def test_dots_of_equal_value_stand_beside_each_other():
    values = np.array([1.0, 1.0, 1.0, 5.0])
    places = shapley_charts.swarm(values, values)
    assert len(set(places[:3])) == 3 and places[3] == 0


def test_the_readme_of_the_figures_lists_each_with_its_notebook(tmp_path):
    text = figures.catalogue_markdown(make_study(tmp_path))
    assert style.VIRTUAL_NOTE in text
    left_out = ("comparison_map", "comparison_chart", "station_errors", "radius_skill")
    listed = {n: e for n, e in figures.CATALOGUE.items() if n not in left_out}
    for name, (notebook, caption, *_) in listed.items():
        row = f"| [{name}.png]({name}.png) | {caption} *(not drawn yet)* | {notebook} |"
        assert row.replace("|Shapley", "\\|Shapley") in text


def test_figures_of_other_maps_are_listed_once_for_each_of_them(scratch):
    assert "comparison_map" not in figures.catalogue_markdown(scratch)
    named = scratch.model_copy(update={"references": {"CCI": None, "mine": None}})
    text = figures.catalogue_markdown(named)
    for name in ("comparison_map_CCI", "comparison_chart_mine"):
        assert f"| [{name}.png]({name}.png) |" in text


def test_no_figure_is_listed_that_the_settings_exclude(scratch, study):
    """The small study has neither climate stations nor a radius of topographic position."""
    names = {"station_errors", "radius_skill"}
    assert not names & {name for name, _ in figures_of(scratch)}
    assert names <= {name for name, _ in figures_of(study)}


def test_maps_of_shapley_values_are_not_listed_if_the_study_does_without(scratch):
    forest = scratch.forest.model_copy(update={"shapley_maps": False})
    text = figures.catalogue_markdown(scratch.model_copy(update={"forest": forest}))
    assert "shapley_maps" not in text and "dominant_driver" not in text
    assert "shap_summary" in text


def test_a_figure_of_one_of_several_things_has_its_name_in_the_file(scratch, drawn):
    path = figures.save_figure(drawn["comparison_map"], scratch, "comparison_map", "CCI")
    assert path.name == "comparison_map_CCI.png"


def test_the_preview_lies_beside_the_products(scratch, drawn):
    path = figures.save_preview(drawn["t15_map"], scratch)
    assert path == scratch.output_dir / "preview.png"
    with Image.open(path) as picture:
        assert picture.width == pytest.approx(180 / 25.4 * 150, abs=1)


def test_the_committed_list_of_figures_is_that_of_the_catalogue(study):
    """Every figure of the list is there with its numbers, and every figure there is in the list."""
    folder = study.folder.parents[1] / "figures"
    at_full_size = load_study(study.folder)
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text == figures.catalogue_markdown(at_full_size, f"{study.name}/")
    assert "*(" not in text, "a figure was not drawn, or without numbers"
    committed = {path.stem for path in (folder / study.name).glob("*.png")}
    assert committed == {n for n in figures.CATALOGUE if not n.startswith("comparison")}


def test_a_wide_area_at_the_date_line_has_a_labelled_graticule_and_room_for_the_legend(tmp_path):
    """50 to 180 E, 50 to 75 N in Albers: corners of the frame lie nowhere or beyond 180 E."""
    settings = SETTINGS.replace("west = 120.0", "west = 50.0").replace(
        "east = 123.8", "east = 180.0"
    )
    settings = settings.replace("south = 48.0", "south = 50.0").replace(
        "north = 50.4", "north = 75.0"
    )
    settings = settings.replace("+lat_1=25 +lat_2=47", "+lat_1=52 +lat_2=64")
    settings = settings.replace("resolution_m = 10000", "resolution_m = 100000")
    (tmp_path / "study.toml").write_text(settings.replace('towns = "towns.csv"', ""))
    study = load_study(tmp_path)
    result = xr.Dataset({"t15": on_grid(study, np.full(study.geobox.shape, -3.0))})
    result["inside_area_of_applicability"] = result["t15"] * 0 + 1
    axes = figures.temperature_map(study, result).axes[0]
    assert len(axes.get_xticklabels()) > 0 and len(axes.get_yticklabels()) > 1
    assert all(label.get_text().endswith("°E") for label in axes.get_xticklabels())
    assert base_map.height_over_width(study) >= 0.7


def test_a_layer_is_drawn_where_its_cells_are(scratch):
    """West, east, south, north of the outer edges, rows from north to south."""
    layer = on_grid(scratch, np.zeros(scratch.geobox.shape))
    left, bottom, right, top = scratch.geobox.extent.boundingbox
    assert base_map.extent_of(layer) == (left, right, bottom, top)


def test_the_area_curve_shows_the_table_and_the_threshold(scratch):
    curve = pd.DataFrame(
        {"mean": [0.0, 1.0, 2.0], "q05": [0.5, 1.5, 2.0], "q95": [0.0, 0.5, 2.0]},
        index=[-1.0, 0.0, 1.0],
    )
    axes = figures.area_curve(scratch, curve, 0.0).axes[0]
    line, dot = axes.lines
    np.testing.assert_array_equal(line.get_ydata(), curve["mean"])
    assert dot.get_xydata().tolist() == [[0, 1]]
    band, bar, level = axes.collections
    assert bar.get_segments()[0].tolist() == [[0, 0.5], [0, 1.5]]
    assert level.get_segments()[0].tolist() == [[-1, 1], [0, 1]]
    assert band.get_label() == "every cell at its 0.05 / 0.95 quantile"


def test_the_area_at_a_threshold_is_told_in_words_as_it_is_drawn(scratch):
    curve = pd.DataFrame(
        {"mean": [0.0, 1.0, 2.0], "q05": [0.5, 1.5, 2.0], "q95": [0.0, 0.5, 2.0]},
        index=[-1.0, 0.0, 1.0],
    )
    assert panels.area_text(scratch, curve, -0.5) == (
        "At or below −0.5 °C: 0.5 (0.2 to 1.0) × 10⁴ km² "
        "(with every cell at its 0.95 or 0.05 quantile)"
    )
    assert panels.area_text(scratch, curve, -1e-9).startswith("At or below 0 °C: 1.0 (")
    with pytest.raises(ContractError, match=r"Threshold 1\.5 degC: .* from -1 to 1 degC"):
        panels.area_text(scratch, curve, 1.5)


def test_contributions_of_a_site_lead_from_the_base_value_to_the_prediction(scratch):
    values = np.array([[0.5, -1.5, 0.25]])
    shapley = ShapleyValues(values, 1.0, NAMES, np.array([[400.0, 2600.0, -10.0]]))
    axes = figures.site_contributions(scratch, shapley, 0, UNITS).axes[0]
    ends = {round(bar.get_x() + bar.get_width(), 6) for bar in axes.patches}
    assert 0.25 in ends
    assert axes.get_yticklabels()[0].get_text() == "TDD = 2600 °C d"


def image_of(figure):
    """Depth of the rows (m) and temperature of an image of depth and time (deg C, masked)."""
    mesh = figure.axes[0].collections[0]
    edges = mesh.get_coordinates()[:, 0, 1]
    return (edges[1:] + edges[:-1]) / 2, mesh.get_array()


def many(n):
    return tuple(f"p{i}" for i in range(n))


def test_of_many_predictors_the_largest_are_shown_and_the_caption_says_so(scratch):
    """Predictor i has the Shapley values +-i / 10."""
    names = many(40)
    values = np.outer([1, -1], np.arange(40) / 10)
    explained, units = ShapleyValues(values, 0.0, names, values), dict.fromkeys(names, "1")
    summary = figures.shap_summary(explained, units, scratch)
    shown = [row.get_text() for row in summary.axes[0].get_yticklabels()]
    assert shown == [f"p{i} (–)" for i in range(24, 40)]
    assert "; 16 of 40 predictors; 2 sites." in style.numbers_of(summary)
    dependence = figures.shap_dependence(explained, units, scratch, np.zeros((2, 40, 40)))
    assert dependence.axes[0].get_title(loc="left") == "(a) p31"
    assert "; 9 of 40 predictors;" in style.numbers_of(dependence)


def test_contributions_of_many_predictors_add_up_too(scratch):
    names, values = many(40), np.full((1, 40), 0.25)
    explained = ShapleyValues(values, 1.0, names, values)
    axes = figures.site_contributions(scratch, explained, 0, dict.fromkeys(names, "1")).axes[0]
    assert len(axes.patches) == 12 and axes.get_yticklabels()[-1].get_text() == "29 others"
    last = axes.patches[-1]
    assert last.get_x() + last.get_width() == pytest.approx(11)


def test_of_many_drivers_seven_have_a_colour_and_the_rest_is_grey(scratch, data):
    """Predictor i is the driver of i cells."""
    result = data["result"].drop_vars(["shapley_value", "dominant_driver", "predictor"])
    driver = np.full(scratch.geobox.shape, np.nan)
    driver.ravel()[: 55 + 10] = np.repeat(np.arange(1, 12), [*range(1, 11), 10])
    result["dominant_driver"] = on_grid(scratch, driver)
    result = result.assign_coords(predictor=list(many(11)))
    handles = figures.dominant_driver_map(scratch, result).axes[0].get_legend().legend_handles
    texts = [h.get_label().split(" (")[0] for h in handles]
    assert texts[:8] == [*(f"p{i}" for i in range(4, 11)), "4 others"]
    colours = {to_hex(h.get_facecolor()) for h in handles[:8]}
    assert len(colours) == 8 and to_hex(handles[7].get_facecolor()) == "#4d4d4d"


def test_the_shadow_ends_where_the_elevation_ends(scratch):
    """Walls of 5 km are not drawn out over the margin of the frame."""
    rows, columns = scratch.geobox.shape
    walls = on_grid(scratch, np.tile(5000.0 * (np.arange(columns) % 2), (rows, 1)))
    figure = style.new_figure(180, 150, layout=None)
    axes = base_map.map_axes(figure, scratch, (10, 10, 140), walls)
    (shadow,) = [i.get_array()[..., 3] for i in axes.images if i.get_zorder() == 2]
    assert shadow[len(shadow) // 2].max() > 1.5 * max(shadow[0].max(), shadow[-1].max())


def test_an_image_of_depth_and_time_is_linear_between_the_sensors_of_a_month(scratch, data):
    depth, image = image_of(figures.depth_time_image(data["months"], "S01", scratch))
    np.testing.assert_allclose(image, depth[:, np.newaxis] + np.arange(24) - 12, atol=1e-9)


def test_the_caption_of_depth_and_time_says_where_the_colours_end(scratch, data):
    """Means of as many deg C as depth + month - 12; the colours go to 2 deg C."""
    depth, month = np.meshgrid([1, 3, 6, 16], np.arange(24))
    share = np.mean(np.abs(depth + month - 12) > 2)
    numbers = style.numbers_of(figures.depth_time_image(data["months"], "S01", scratch))
    assert f"colours end at ±2 °C, {100 * share:.0f} % of the means lie beyond." in numbers


def test_no_image_bridges_a_missing_month_or_sensor(scratch, data):
    """May 2023 is not there, nor the sensor at 6 m in June: the rows from 3 to 16 m stay empty."""
    months = data["months"]
    no_may = months[months["time"] != "2023-05-01"]
    gap = no_may[(no_may["time"] != "2023-06-01") | (no_may["depth_m"] != 6)]
    depth, image = image_of(figures.depth_time_image(gap, "S01", scratch))
    empty = np.zeros(image.shape, dtype=bool)
    empty[:, 4], empty[depth > 3, 5] = True, True
    assert (np.ma.getmaskarray(image) == empty).all()


def test_a_hole_without_monthly_means_has_no_image(scratch, data):
    means = data["months"].assign(averaging="mean", time=pd.NaT)
    with pytest.raises(ContractError, match=r"site .S01.: .* means of two sensors, found 0"):
        figures.depth_time_image(means, "S01", scratch)


def test_the_map_of_sites_counts_those_beyond_its_frame_and_ignores_notes(scratch, data):
    """S00 was repaired, S01 only noted; two of the four refused lie nowhere or far away."""
    sites = data["sites"].copy()
    sites.loc[22:, "x"] = [np.nan, 0.0]
    figure = figures.site_status_map(scratch, data["layers"], sites, data["flags"])
    counts = [text.rsplit("\n", 1)[1] for text in legend_texts(figure.axes[0])]
    assert counts == ["(n = 19)", "(n = 1)", "(n = 0)", "(n = 4, 2 outside)"]


def test_steps_are_shown_with_what_they_change_and_what_they_lose(scratch):
    """B changes by 0.009 deg C only. C loses 2.00, D gains 0.50."""
    figure = figures.step_effects(EFFECTS, scratch)
    left, right = figure.axes
    shown = [row.get_text() for row in left.get_yticklabels()]
    assert shown == ["A", "D", "C"]
    change = {line.get_label(): line.get_xdata()[0] for line in left.lines[:2]}
    assert change == pytest.approx({"units (n = 2)": -273.15, "readings (n = 2)": -0.3})
    texts = {shown[round(text.get_position()[1])]: text for text in right.texts}
    assert {site: text.get_text() for site, text in texts.items()} == {"D": "0.50", "C": "2.00"}
    assert texts["D"].get_position()[0] < 1 < texts["C"].get_position()[0]


def test_of_many_changes_the_largest_are_shown_and_the_title_says_so(scratch):
    """Site i changes by i / 10 deg C."""
    number = np.arange(1, 61)
    before = pd.DataFrame({"site": [f"S{i}" for i in number], "step": "raw", "t15_c": 0.0})
    after = before.assign(step="units", t15_c=number / 10)
    axes = figures.step_effects(pd.concat([before, after]), scratch).axes[0]
    shown = [row.get_text() for row in axes.get_yticklabels()]
    assert shown == [f"S{i}" for i in number[20:]]
    assert axes.get_title(loc="left") == "(a) t15 changes at 60 of 60 sites, the 40 largest shown"


def test_bars_of_the_error_budget_are_as_high_as_the_error_and_divided_like_its_square(
    scratch, data
):
    """0.03, 0.04 and 0.12 deg C make 0.13; combined holes that disagree have more than that."""
    sites = data["sites"].copy()
    sites.loc[0, "standard_error_c"] = 0.26
    left, _ = figures.error_budget(sites, scratch).axes
    heights = np.array([[bar.get_height() for bar in bars] for bars in left.containers])
    np.testing.assert_allclose(heights[:, 0], 0.13 * np.array([9, 16, 144, 0]) / 169)
    np.testing.assert_allclose(heights[:, -1], 0.26 * np.array([9, 16, 144, 507]) / 676)
    top = [bar.get_y() + bar.get_height() for bar in left.containers[-1]]
    np.testing.assert_allclose(top, [*[0.13] * 19, 0.26])


def test_profiles_mark_the_end_of_the_wave_and_of_the_thaw_and_enlarge_the_error(data):
    figure = figures.borehole_profiles(data["profiles"], data["sites"], ["S01"])
    axes = figure.axes[0]
    marked = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert marked["zero annual amplitude"] == [12.5]
    assert marked["thaw depth"] == [1.5]
    low, high = axes.child_axes[0].get_xlim()
    assert 4 * 0.13 < high - low < 1


def test_a_profile_says_if_its_t15_is_that_of_several_holes(data):
    """Their common mean lies beside the profile of the one that is drawn."""
    sites = data["sites"].assign(merged_sites=np.nan).astype({"merged_sites": object})
    sites.loc[sites["site"] == "S01", "merged_sites"] = "S21 S22"
    figure = figures.borehole_profiles(data["profiles"], sites, ["S00", "S01"])
    alone, several = (axes.get_title() or axes.get_title(loc="left") for axes in figure.axes[:2])
    assert "several" not in alone and several.endswith("°C, several holes")
    assert style.numbers_of(figure).count("several holes") == 1


@pytest.mark.parametrize(("height_in", "lines"), [(2.0, 2), (5.0, 1)])
def test_a_label_much_longer_than_its_bar_goes_on_two_lines(height_in, lines):
    """On a wide map the bar is short, and the label would run into the legend above."""
    figure = mpl.figure.Figure(figsize=(7, height_in))
    axes = figure.subplots()
    colours = mpl.cm.ScalarMappable()
    layers.side_bar(axes, colours, "Ground temperature at 15 m (°C)", span=(0.3, 0.7))
    label = axes.child_axes[0].get_ylabel()
    assert label.count("\n") == lines - 1
    assert label.replace("\n", " ") == "Ground temperature at 15 m (°C)"
