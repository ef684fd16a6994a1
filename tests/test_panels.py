import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.contour import ContourSet

from helpers.figures.map_panels import MAP_LAYERS, coarse, map_layer, radius_panel
from helpers.figures.panels import predictor_sets
from helpers.figures.style import numbers_of
from helpers.storage import ContractError


@pytest.fixture(scope="module")
def result(covariates):
    """A map that is frozen in its northern half and not applicable in its southern quarter."""
    elevation = covariates["elevation"]
    north = (elevation.y - elevation.y.min()) / (elevation.y.max() - elevation.y.min())
    t15 = (1 - 2 * north).where(elevation.notnull()).transpose("y", "x")
    levels = xr.DataArray(
        [0.05, 0.5, 0.95], dims="quantile", coords={"quantile": [0.05, 0.5, 0.95]}
    )
    return xr.Dataset(
        {
            "t15": t15,
            "t15_quantile": t15 + 2 * (levels - 0.5),
            "permafrost_probability": (0.25 + 0.5 * north).where(t15.notnull()),
            "inside_area_of_applicability": (north > 0.25).where(t15.notnull()),
        }
    )


@pytest.fixture
def skill():
    columns = {"radius_m": [5e3, 20e3], "rmse_c": [1.04, 0.98], "sd_seeds_c": [0.02, 0.01]}
    return pd.DataFrame(columns | {"correlation": [-0.1, 0.25], "rmse_without_c": 1.0})


@pytest.fixture
def sets():
    table = {"predictors": [3, 1], "rmse_c": [1.0, 1.25], "standard_error_c": [0.1, 0.2]}
    return pd.DataFrame(table, index=["of the study", "yours"])


@pytest.mark.parametrize("layer", MAP_LAYERS)
def test_each_layer_of_a_map_fits_on_a_page_and_is_hatched_where_not_applicable(
    study, result, check_page, layer
):
    figure = map_layer(study, result, layer)
    check_page(figure)
    contours = [c for c in figure.axes[0].collections if isinstance(c, ContourSet)]
    assert sum(any(c.hatches) for c in contours) == 1
    everywhere = result.assign(inside_area_of_applicability=xr.ones_like(result["t15"]))
    assert not any(
        any(c.hatches)
        for c in map_layer(study, everywhere, layer).axes[0].collections
        if isinstance(c, ContourSet)
    )


def test_the_text_of_a_layer_counts_every_cell(study, result):
    known = result["t15"].to_numpy()[np.isfinite(result["t15"].to_numpy())]
    frozen = f"{100 * np.mean(known <= 0):.0f} % at or below 0 °C"
    texts = {layer: numbers_of(map_layer(study, result, layer)) for layer in MAP_LAYERS}
    assert frozen in texts["temperature"]
    assert "median 1.80 °C (1.80 to 1.80)" in texts["width of the interval"]
    likely = f"at least 0.5: {100 * np.mean(known <= 0):.0f} % of the area"
    assert likely in texts["probability of permafrost"]
    assert len(set(texts.values())) == 3


def test_a_layer_that_is_not_there_is_named_with_the_choices(study, result):
    with pytest.raises(ContractError, match=r"Layer 'rain': choose from temperature, width"):
        map_layer(study, result, "rain")


def test_the_radius_shown_has_the_ring_and_the_text(study, covariates, skill, check_page):
    figure = radius_panel(study, covariates["TPI"], skill, 20e3)
    check_page(figure)
    ring = figure.axes[1].collections[-1].get_offsets()
    np.testing.assert_allclose(ring, [[20, 0.98]])
    assert numbers_of(figure) == (
        "Within 20 km: RMSE 0.98 °C at sites held out (1.00 °C without the index); "
        "rank correlation with t15 0.25."
    )


def test_a_radius_that_was_not_tried_is_an_error(study, covariates, skill):
    with pytest.raises(ContractError, match="Radius 7000 m is not in the table, which has 5000, 2"):
        radius_panel(study, covariates["TPI"], skill, 7e3)


def test_the_last_set_is_held_against_the_first(study, sets, check_page):
    figure = predictor_sets(study, sets)
    check_page(figure)
    assert numbers_of(figure) == (
        "1 predictor: RMSE 1.25 ± 0.20 °C at sites held out, +0.25 °C against the set of the study."
    )
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["of the study (3)", "yours (1)"]


def test_a_coarse_layer_has_cells_of_the_layer_at_their_places():
    y, x = np.arange(600.0)[::-1], np.arange(1000.0)
    layer = xr.DataArray(y[:, None] * 1000 + x, coords={"y": y, "x": x}, dims=("y", "x"))
    few = coarse(layer)
    assert few.shape == (150, 250)
    assert (few == few.y * 1000 + few.x).all()
    assert coarse(few).identical(few)
