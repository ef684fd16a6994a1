import numpy as np
import pandas as pd
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from helpers import forest, mapping, metadata, products, validation
from helpers.covariates import sample_at
from helpers.storage import read_json, sha256
from helpers.study import load_study


@pytest.fixture
def copied(study_folder):
    return load_study(study_folder, resolution_m=20_000, n_trees=20)


@pytest.fixture(scope="module")
def training(study, covariates):
    """Thirty sites whose temperature follows from thawing degree-days."""
    rng = np.random.default_rng(5)
    rows, columns = np.nonzero(covariates["TDD"].notnull().to_numpy())
    chosen = rng.choice(len(rows), 30, replace=False)
    table = pd.DataFrame({"x": covariates.x.values[columns[chosen]]})
    table["y"] = covariates.y.values[rows[chosen]]
    table = pd.concat([table, sample_at(covariates, table["x"], table["y"])], axis=1)
    table["site"] = [f"S{i}" for i in range(len(table))]
    return table.assign(t15_c=(table["TDD"] - 2700) / 300)


@pytest.fixture(scope="module")
def result(study, covariates, training):
    predictors = study.forest.predictors
    model = forest.fit_forest(training[predictors], training["t15_c"], n_trees=20)
    importance = pd.DataFrame({"predictor": predictors, "mean_absolute_c": [0.2, 1.0, 0.1]})
    folds = np.arange(30) % 5
    domain = validation.applicability_domain(study, training, folds, importance)
    return mapping.predict_map(
        model, covariates, study.forest.quantiles, domain=domain, progress=False
    )


def record(n_sites=30):
    scores = {"rmse": 0.5, "bias": 0.01, "n": n_sites}
    return {"n_sites": n_sites, "designs": {"knndm": {"regression": scores}}}


def test_all_rasters_are_valid_cloud_optimised_geotiffs(copied, result):
    for path in products.write_products(copied, result):
        valid, errors, warnings = cog_validate(path, strict=True)
        assert valid, (path.name, errors, warnings)


def test_rasters_carry_crs_grid_nodata_units_descriptions_and_provenance(copied, result):
    for path in products.write_products(copied, result):
        with rasterio.open(path) as raster:
            assert raster.crs.to_wkt().startswith('PROJCS["WGS_1984_Albers"')
            assert raster.transform == copied.geobox.affine
            assert raster.nodata in (products.FLOAT_NODATA, products.CLASS_NODATA)
            assert all(raster.descriptions) and all(raster.units)
            tags = raster.tags()
            assert tags["BOREHOLES"].startswith("Virtual boreholes")
            assert tags["SEED"] == "2026" and "PRE TDD TPI" in tags["MODEL"]


def test_values_come_back_from_the_file(copied, result):
    path, interval, *_ = products.write_products(copied, result)
    with rasterio.open(path) as raster:
        values = raster.read(1, masked=True).filled(np.nan)
    np.testing.assert_array_equal(values, result["t15"])
    with rasterio.open(interval) as raster:
        assert raster.descriptions[0] == "0.05 quantile of t15"
        low, high = raster.read([1, 5], masked=True).filled(np.nan)
    assert np.nanmin(high - low) >= 0


def test_the_thermal_classes_have_palette_and_names_inside(copied, result):
    path = products.write_products(copied, result)[3]
    with rasterio.open(path) as raster:
        assert raster.tags(1)["CLASS_2"] == "stable"
        assert raster.colormap(1)[2] == (0x21, 0x71, 0xB5, 255)
        classes = raster.read(1)
    temperature = result["t15"].to_numpy()
    assert (classes[temperature >= 0.5] == 6).all()
    assert (classes[(temperature >= -0.5) & (temperature < 0.5)] == 5).all()
    assert (classes[np.isnan(temperature)] == products.CLASS_NODATA).all()


def test_two_runs_give_the_same_bytes(copied, result):
    first = [sha256(p) for p in products.write_products(copied, result)]
    assert first == [sha256(p) for p in products.write_products(copied, result)]


def test_area_of_a_known_map(study, result):
    """Ten cells of 400 km2 at -1, ten at +1: 0.4 x 10^4 km2; half of the frozen ones inside."""
    known = result.copy(deep=True)
    for name in ("t15", "permafrost_probability", "inside_area_of_applicability"):
        known[name][:] = np.nan
    known["t15"][0, :10], known["t15"][0, 10:20] = -1, 1
    known["permafrost_probability"][0, :20] = 0.6
    known["inside_area_of_applicability"][0, :20] = 0
    known["inside_area_of_applicability"][0, :5] = 1
    area = products.permafrost_area(study, known)
    assert area == pytest.approx(
        {
            "where_mean_at_or_below_0": 0.4,
            "sum_of_probability": 0.48,
            "inside_applicability": 0.2,
            "mapped": 0.8,
        }
    )


def test_class_areas_add_up_to_the_mapped_area(study, result):
    areas = products.class_areas(study, products.class_layer(study, result["t15"]))
    assert list(areas) == [c.name for c in study.classes]
    assert sum(areas.values()) == pytest.approx(products.permafrost_area(study, result)["mapped"])


def test_the_record_is_bilingual_says_virtual_and_knows_its_files(copied, result):
    files = products.write_products(copied, result)
    found = read_json(metadata.write_metadata(copied, result, record(), files))
    for field in ("title", "abstract", "process", "quality", "contributors"):
        assert found[field]["en"] and found[field]["zh"], field
    assert "Virtual boreholes" in found["abstract"]["en"] and "虚拟" in found["abstract"]["zh"]
    assert found["files"]["t15.tif"]["sha256"] == sha256(files[0])
    assert found["projection"]["name"] == "WGS_1984_Albers"
    assert found["licence"] == "CC BY 4.0"


def test_a_study_of_measured_boreholes_does_not_say_virtual(edit_study, result):
    folder = edit_study(
        ("virtual_boreholes = true", "virtual_boreholes = false"),
        ("truth_seed = 2026", "# truth_seed = 2026"),
    )
    measured = load_study(folder, resolution_m=20_000, n_trees=20)
    files = products.write_products(measured, result)
    found = read_json(metadata.write_metadata(measured, result, record(), files))
    assert "irtual" not in found["abstract"]["en"]
    with rasterio.open(files[0]) as raster:
        assert raster.tags()["BOREHOLES"] == "measured"
