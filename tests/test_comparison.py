import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from matplotlib.text import Text
from rio_cogeo.cogeo import cog_validate

from helpers import products
from helpers.covariates import reference_layer
from helpers.figures import comparison_charts
from helpers.storage import ContractError, read_json, sha256
from helpers.study import load_study

ATTRIBUTES = {"units": "degC", "long_name": "ground temperature at 10 m"}
SECTION = """
[references.other]
source = "raster"
path = "other.tif"
units = "degC"
long_name = "ground temperature at 10 m"
"""


def on_grid(study, values, **attributes):
    """A layer on the study grid; one number or a (y, x) array."""
    shape = (study.geobox.shape.y, study.geobox.shape.x)
    layer = xr.DataArray(np.broadcast_to(np.float32(values), shape).copy(), dims=("y", "x"))
    coordinates = {a: study.geobox.coordinates[a].values for a in ("y", "x")}
    return layer.assign_coords(coordinates).assign_attrs(attributes)


@pytest.fixture(scope="module")
def result(study, covariates):
    """A map that follows from thawing degree-days, with all its layers."""
    t15 = on_grid(study, (covariates["TDD"].to_numpy() - 2700) / 300)
    levels = xr.concat([t15 - 1, t15, t15 + 1], pd.Index([0.05, 0.5, 0.95], name="quantile"))
    known = xr.ones_like(t15).where(t15.notnull())
    layers = {"t15": t15, "t15_quantile": levels, "permafrost_probability": 0.5 * known}
    return xr.Dataset({**layers, "inside_area_of_applicability": known})


@pytest.fixture(scope="module")
def training(result):
    """Twenty sites in cells of the map, 0.5 deg C warmer than it."""
    rows, columns = np.nonzero(result["t15"].notnull().to_numpy())
    chosen = np.random.default_rng(2).choice(len(rows), 20, replace=False)
    t15 = result["t15"].to_numpy()[rows[chosen], columns[chosen]].astype(float) + 0.5
    places = {"x": result.x.values[columns[chosen]], "y": result.y.values[rows[chosen]]}
    return pd.DataFrame({"site": [f"S{i}" for i in range(20)], **places, "t15_c": t15})


@pytest.fixture
def with_reference(study_folder):
    """The study with a reference raster in degrees; temperature falls with latitude."""
    latitude = np.arange(55, 37, -0.25) - 0.125
    values = np.repeat((46 - latitude)[:, None], 120, axis=1).astype(np.float32)
    with rasterio.open(
        study_folder / "other.tif", "w", driver="GTiff", height=len(values), width=120, count=1,
        dtype="float32", crs="EPSG:4326", nodata=-99,
        transform=rasterio.transform.from_origin(108, 55, 0.25, 0.25),
    ) as raster:  # fmt: skip
        raster.write(values, 1)
    file = study_folder / "study.toml"
    file.write_text(file.read_text(encoding="utf-8") + SECTION, encoding="utf-8")
    return load_study(study_folder, resolution_m=20_000, n_trees=20)


def held_out(training, error=0.2):
    return pd.DataFrame({"site": training["site"], "predicted": training["t15_c"] + error})


def four_cells(ours, others):
    """The two maps of a study of 20 km cells whose first four cells are known."""

    def layer(study, values):
        grid = np.full((study.geobox.shape.y, study.geobox.shape.x), np.nan)
        grid[0, :4] = values
        return on_grid(study, grid, **ATTRIBUTES)

    return lambda study: (xr.Dataset({"t15": layer(study, ours)}), layer(study, others))


def test_numbers_known_by_hand(study):
    result, other = four_cells([-4, -1, 1, 2], [-2, -1, -1, np.nan])(study)
    found = products.compare_with(study, result, other, "other")
    assert found.numbers == pytest.approx(
        {
            "cells": 3,
            "mean_difference_c": 0,
            "mean_absolute_difference_c": 4 / 3,
            "root_mean_square_difference_c": np.sqrt(8 / 3),
            "correlation": np.corrcoef([-4, -1, 1], [-2, -1, -1])[0, 1],
            "permafrost_area_1e4_km2": 2 * 0.04,
            "other_permafrost_area_1e4_km2": 3 * 0.04,
        }
    )
    assert found.difference.to_numpy()[0, :4].tolist()[:3] == [-2, 0, 2]
    assert found.difference.count() == 3


def test_rows_of_the_agreement_are_this_map_and_columns_the_other(study):
    result, other = four_cells([-1, -1, 1, 2], [-1, 1, 3, 1])(study)
    frozen = products.compare_with(study, result, other, "other").frozen
    assert frozen["cells"] == [[1, 1], [0, 2]]
    assert frozen["overall_agreement"] == 0.75
    assert frozen["kappa"] == pytest.approx(0.5)


def test_a_map_agrees_with_itself_in_everything(study, result):
    other = result["t15"].assign_attrs(ATTRIBUTES)
    found = products.compare_with(study, result, other, "itself")
    assert found.numbers["root_mean_square_difference_c"] == 0
    assert found.numbers["correlation"] == pytest.approx(1)
    for agreement in (found.frozen, found.classes):
        assert agreement["overall_agreement"] == 1
    assert np.trace(found.classes["cells"]) == found.numbers["cells"]
    area = products.permafrost_area(study, result)["where_mean_at_or_below_0"]
    assert found.numbers["other_permafrost_area_1e4_km2"] == pytest.approx(area)


def test_a_constant_map_has_no_correlation(study, result):
    other = on_grid(study, -1, **ATTRIBUTES)
    assert np.isnan(products.compare_with(study, result, other, "flat").numbers["correlation"])


def test_another_unit_of_temperature_is_converted(study, result):
    kelvin = (result["t15"] + 273.15).assign_attrs(ATTRIBUTES, units="K")
    found = products.compare_with(study, result, kelvin, "other")
    assert found.numbers["mean_absolute_difference_c"] < 1e-4
    assert found.other.attrs["units"] == "degC"


@pytest.mark.parametrize("units", ["1", "mm"])
def test_what_is_no_temperature_is_refused(study, result, units):
    other = on_grid(study, 0.5, units=units)
    with pytest.raises(ContractError, match=rf"'zones': its units are {units}; only .*temperature"):
        products.compare_with(study, result, other, "zones")


def test_another_grid_and_no_common_cell_are_refused(study, result):
    other = on_grid(study, 0, **ATTRIBUTES)
    with pytest.raises(ContractError, match=r"is not that of the map.*reference_layer"):
        products.compare_with(study, result, other.isel(x=slice(1, None)), "other")
    with pytest.raises(ContractError, match="is not that of the map"):
        products.compare_with(study, result, other.assign_coords(x=other.x + 500), "other")
    with pytest.raises(ContractError, match="none of its 0 known cells is mapped"):
        products.compare_with(study, result, other.where(other > 1), "other")


def test_both_maps_are_judged_at_the_same_sites_and_ours_held_out(result, training):
    """The map misses by 0.5 where it has learned; its held-out error of 0.2 is what counts."""
    other = result["t15"].copy()
    lost = training.iloc[0]
    other.loc[{"x": lost["x"], "y": lost["y"]}] = np.nan
    found = products.at_sites(training, held_out(training), other)
    assert found["n"] == len(training) - 1
    assert found["this_map_held_out"]["bias"] == pytest.approx(0.2)
    assert found["this_map_held_out"]["rmse"] == pytest.approx(0.2)
    assert found["other"]["bias"] == pytest.approx(-0.5, abs=1e-6)
    assert found["other"]["mae"] == pytest.approx(0.5, abs=1e-6)


def test_held_out_predictions_belong_to_sites_by_name_not_by_row(result, training):
    mixed = held_out(training).sample(frac=1, random_state=1)
    other = result["t15"]
    ordered = products.at_sites(training, held_out(training), other)
    assert products.at_sites(training, mixed, other) == ordered


def test_a_site_with_several_predictions_is_refused(result, training):
    several = pd.concat([held_out(training), held_out(training)[:1]])
    with pytest.raises(ContractError, match=r"site S0 has several.*knndm"):
        products.at_sites(training, several, result["t15"])


def test_fewer_than_two_sites_give_no_score(result, training):
    assert products.at_sites(training[:1], held_out(training), result["t15"]) == {"n": 1}


def test_a_reference_in_degrees_is_compared_on_the_grid(with_reference, result, training):
    """It is 46 minus the latitude: brought to the grid, so at the sites too."""
    found, notes = products.compare_references(with_reference, result, training, held_out(training))
    assert notes == [] and list(found) == ["other"]
    other = found["other"]
    assert other.long_name == "ground temperature at 10 m"
    x, y = np.meshgrid(result.x, result.y)
    latitude = with_reference.to_grid.transform(x, y, direction="INVERSE")[1]
    np.testing.assert_allclose(
        other.difference, result["t15"].to_numpy() - (46 - latitude), atol=0.15
    )
    site = with_reference.to_grid.transform(training["x"], training["y"], direction="INVERSE")[1]
    bias = (46 - site - training["t15_c"]).mean()
    assert other.sites["other"]["bias"] == pytest.approx(bias, abs=0.05)


def test_references_that_cannot_be_compared_are_named_with_the_reason(edit_study, result, training):
    open_layer = (
        '[references.cci]\nsource = "open"\nproduct = "esa_cci_permafrost"\n'
        'quantity = "temperature_10m"\nyears = [2020, 2021]\n'
    )
    zones = '[references.zones]\nsource = "raster"\npath = "zones.tif"\nunits = "1"\n\n'
    folder = edit_study(("[forest]", f"{open_layer}\n{zones}[forest]"))
    study = load_study(folder, resolution_m=20_000, n_trees=20)
    found, notes = products.compare_references(study, result, training, held_out(training))
    assert found == {}
    assert "'cci' is left out: not fetched yet; run: make data" in notes[0]
    assert "'zones' is left out: its units are 1" in notes[1]


def test_what_is_written_can_be_read_back(with_reference, result, training):
    found, _ = products.compare_references(with_reference, result, training, held_out(training))
    record, difference = products.write_comparison(with_reference, found["other"])
    written = read_json(record)
    assert written["cells"] == found["other"].numbers["cells"]
    assert written["long_name"] == "ground temperature at 10 m"
    assert written["sites"]["n"] == 20
    assert written["note"].startswith("Virtual boreholes")
    assert difference.name == "difference_other.tif"
    valid, errors, warnings = cog_validate(difference, strict=True)
    assert valid, (errors, warnings)
    with rasterio.open(difference) as raster:
        values = raster.read(1, masked=True).filled(np.nan)
        assert raster.transform == with_reference.geobox.affine
        assert raster.crs.to_wkt().startswith('PROJCS["WGS_1984_Albers"')
        assert raster.descriptions == ("this map minus ground temperature at 10 m",)
        assert raster.units == ("degC",)
        assert raster.tags()["BOREHOLES"].startswith("Virtual boreholes")
    np.testing.assert_array_equal(values, found["other"].difference)
    first = sha256(difference)
    assert sha256(products.write_comparison(with_reference, found["other"])[1]) == first


def test_the_figures_say_what_the_other_map_is(with_reference, result):
    other = reference_layer(with_reference, "other")
    found = products.compare_with(with_reference, result, other, "other")
    mean = f"{found.numbers['mean_difference_c']:+.2f}".replace("-", "−")
    for draw in (comparison_charts.comparison_map, comparison_charts.comparison_chart):
        figure = draw(with_reference, result, found)
        texts = [text.get_text() for text in figure.findobj(Text)]
        said = " ".join(texts).replace("\n", " ")
        assert "Ground temperature at 10 m (°C)" in said
        assert "Virtual boreholes" in said
        root = found.numbers["root_mean_square_difference_c"]
        assert f"mean difference {mean}, RMSD {root:.2f} °C" in said


def test_a_map_without_words_of_its_own_is_called_by_its_name(study, result):
    other = (result["t15"] + 1).assign_attrs(units="degC", long_name="my_model")
    found = products.compare_with(study, result, other, "my_model")
    left = comparison_charts.comparison_chart(study, result, found).axes[0]
    assert left.get_xlabel() == "Other map: my model (°C)"
    assert left.get_title(loc="left").startswith("(a) this map − my model:\nmean difference −1.00")


def test_numbers_of_cells_are_written_without_exponents(study, result):
    found = products.compare_with(study, result, result["t15"].assign_attrs(ATTRIBUTES), "other")
    figure = comparison_charts.comparison_chart(study, result, found)
    figure.canvas.draw()
    (bar,) = (axes for axes in figure.axes if axes.get_ylabel() == "Cells (n)")
    labels = [label.get_text() for label in bar.get_yticklabels(which="both")]
    assert "10" in labels and not any("$" in label for label in labels)
