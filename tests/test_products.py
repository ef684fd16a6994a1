import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from rio_cogeo.cogeo import cog_validate

from helpers import forest, mapping, products, validation
from helpers.covariates import sample_at
from helpers.error_model import ErrorModel
from helpers.products import cog, rasters
from helpers.residuals import Variogram
from helpers.storage import ContractError, sha256
from helpers.study import load_study

NAMES = [
    "t15.tif",
    "t15_interval.tif",
    "t15_error.tif",
    "permafrost_probability.tif",
    "thermal_class.tif",
    "applicability.tif",
    "shap.tif",
    "dominant_driver.tif",
]


def study_in(folder, study, *replacements):
    """The study on 20 km cells in another folder, its study.toml edited."""
    text = study.file.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir()
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return load_study(folder, resolution_m=20_000, n_trees=20)


@pytest.fixture(scope="module")
def model(study, covariates):
    """Forest, domain and error model of thirty sites, as warm as their thawing degree-days say."""
    rng = np.random.default_rng(5)
    rows, columns = np.nonzero(covariates["TDD"].notnull().to_numpy())
    chosen = rng.choice(len(rows), 30, replace=False)
    table = pd.DataFrame({"x": covariates.x.values[columns[chosen]]})
    table["y"] = covariates.y.values[rows[chosen]]
    table = pd.concat([table, sample_at(covariates, table["x"], table["y"])], axis=1)
    table["site"] = [f"S{i}" for i in range(len(table))]
    predictors = study.forest.predictors
    fitted = forest.fit_forest(table[predictors], (table["TDD"] - 2700) / 300, n_trees=20)
    importance = pd.DataFrame({"predictor": predictors, "mean_absolute_c": [0.2, 1.0, 0.1]})
    domain = validation.applicability_domain(study, table, np.arange(30) % 5, importance)
    low, high = np.quantile(table[predictors], [0.1, 0.9], axis=0)
    errors = ErrorModel(
        names=tuple(predictors),
        lower=low,
        upper=high,
        slope=np.array([0.0, 1 / 300, 0.0]),
        share=0.5,
        variance=np.array([0.04, 0.3]),
        residuals=np.linspace(-2, 2, 61),
        folds=np.zeros(61, dtype=int),
        n_sites=30,
        variogram=Variogram(0.3, 0.7, 100_000.0),
    )
    return fitted, domain, errors


@pytest.fixture(scope="module")
def written(study, covariates, model, tmp_path_factory):
    """The study in a folder of its own, after its products were written; for reading only."""
    copied = study_in(tmp_path_factory.mktemp("products") / "northeast_china", study)
    products.write_products(copied, model[0], covariates, *model[1:], progress=False)
    return copied


@pytest.fixture(scope="module")
def result(study, covariates, model):
    """The same map, predicted in memory."""
    fitted, domain, errors = model
    settings = {"domain": domain, "error_model": errors, "shapley": True}
    return mapping.predict_map(fitted, covariates, study.forest.quantiles, **settings)


def values_of(path):
    """All bands as float64, NaN for nodata."""
    with rasterio.open(path) as raster:
        return raster.read(masked=True).astype(float).filled(np.nan)


def test_there_are_eight_valid_cloud_optimised_geotiffs_and_nothing_else(written):
    for name in NAMES:
        valid, errors, warnings = cog_validate(written.output_dir / name, strict=True)
        assert valid, (name, errors, warnings)
    assert {p.name for p in written.output_dir.iterdir()} == set(NAMES)
    assert [p.name for p in written.interim_dir.iterdir()] == ["map_unfinished.lock"]


@pytest.mark.parametrize("name", NAMES)
def test_rasters_carry_crs_grid_nodata_units_descriptions_and_provenance(written, name):
    with rasterio.open(written.output_dir / name) as raster:
        assert raster.crs.to_wkt().startswith('PROJCS["WGS_1984_Albers"')
        assert raster.transform == written.geobox.affine
        assert raster.nodata in (products.FLOAT_NODATA, products.CLASS_NODATA)
        assert all(raster.descriptions) and all(raster.units)
        tags = raster.tags()
    assert tags["BOREHOLES"].startswith("Virtual boreholes")
    assert tags["SEED"] == "2026" and "PRE TDD TPI" in tags["MODEL"]
    assert tags["CLIMATE_YEARS"] == "about 2003-2021"


def test_the_map_comes_back_from_the_files_exactly(written, result):
    found = products.read_products(written)
    for name, layer in result.data_vars.items():
        xr.testing.assert_equal(
            found[name].drop_vars("spatial_ref"), layer.drop_vars("spatial_ref")
        )
        assert found[name].dtype == np.float32
        assert str(found[name].attrs) == str(layer.attrs)
    assert found.rio.crs == result.rio.crs
    classes = products.class_layer(written, result["t15"])
    np.testing.assert_array_equal(found["thermal_class"], classes)
    assert found["thermal_class"].dtype == classes.dtype and found["thermal_class"].attrs["units"]


def test_a_map_larger_than_the_memory_comes_in_chunks(written, result):
    found = products.read_products(written, chunks=50)
    assert found["t15_quantile"].chunks == ((5,), (50, 48), (50, 50, 6))
    np.testing.assert_array_equal(found["t15_quantile"], result["t15_quantile"])


def test_the_raster_of_errors_says_which_band_is_what(written, result):
    with rasterio.open(written.output_dir / "t15_error.tif") as raster:
        found = raster.descriptions
        assert set(raster.units) == {"degC"}
    assert found[:2] == ("expected error of t15 (RMSE)", "expected shift (truth minus t15)")
    assert found[2:] == tuple(
        f"{level:g} calibrated quantile of t15" for level in written.forest.quantiles
    )
    error, shift, *_ = values_of(written.output_dir / "t15_error.tif")
    np.testing.assert_array_equal(error, result["expected_error"])
    np.testing.assert_array_equal(shift, result["expected_shift"])


def test_probability_is_there_as_the_forest_says_and_calibrated(written, result):
    path = written.output_dir / "permafrost_probability.tif"
    with rasterio.open(path) as raster:
        assert [text.rsplit(", ", 1)[1] for text in raster.descriptions] == [
            "raw forest",
            "calibrated",
        ]
    raw, calibrated = values_of(path)
    np.testing.assert_array_equal(raw, result["permafrost_probability"])
    np.testing.assert_array_equal(calibrated, result["permafrost_probability_calibrated"])
    assert not np.array_equal(raw, calibrated, equal_nan=True)


def test_an_error_model_of_another_forest_is_refused_before_anything_is_written(
    study, covariates, model, tmp_path
):
    fitted, domain, errors = model
    copied = study_in(tmp_path / "northeast_china", study)
    other = dataclasses.replace(errors, names=("PRE", "TDD", "slope"))
    with pytest.raises(ContractError, match=r"error model is of the predictors PRE, TDD, slope"):
        products.write_products(copied, fitted, covariates, domain, other, progress=False)
    assert [p.name for p in copied.folder.iterdir()] == ["study.toml"]


def test_the_contributions_of_a_cell_and_the_base_value_add_up_to_its_temperature(written):
    path = written.output_dir / "shap.tif"
    bands, (t15,) = values_of(path), values_of(written.output_dir / "t15.tif")
    assert np.isfinite(t15).any()
    np.testing.assert_allclose(bands.sum(axis=0), t15, rtol=0, atol=1e-5)
    with rasterio.open(path) as raster:
        assert raster.descriptions[1] == "contribution of TDD to t15"
        assert raster.descriptions[-1] == "base value"
        assert float(raster.tags()["BASE_VALUE_DEGC"]) == pytest.approx(np.nanmean(bands[-1]))
        assert raster.tags()["SHAPLEY_BACKGROUND"] == "all 30 training sites"


def test_the_dominant_driver_is_the_largest_contribution_whatever_its_sign(written):
    bands = np.abs(values_of(written.output_dir / "shap.tif")[:-1])
    (driver,) = values_of(written.output_dir / "dominant_driver.tif")
    mapped = np.isfinite(driver)
    np.testing.assert_array_equal(mapped, np.isfinite(bands[0]))
    chosen = np.take_along_axis(bands[:, mapped], driver[mapped].astype(int)[None] - 1, axis=0)
    np.testing.assert_array_equal(chosen[0], bands[:, mapped].max(axis=0))


def test_classes_and_drivers_have_palette_and_names_inside(written, result):
    with rasterio.open(written.output_dir / "thermal_class.tif") as raster:
        assert raster.tags(1)["CLASS_2"] == "stable"
        assert raster.colormap(1)[2] == (0x21, 0x71, 0xB5, 255)
        classes = raster.read(1)
    temperature = result["t15"].to_numpy()
    assert (classes[temperature >= 0.5] == 6).all()
    assert (classes[(temperature >= -0.5) & (temperature < 0.5)] == 5).all()
    assert (classes[np.isnan(temperature)] == products.CLASS_NODATA).all()
    with rasterio.open(written.output_dir / "dominant_driver.tif") as raster:
        assert [raster.tags(1)[f"DRIVER_{i}"] for i in (1, 2, 3)] == ["PRE", "TDD", "TPI"]
        assert len({raster.colormap(1)[i] for i in (1, 2, 3)}) == 3


def test_rasters_of_terrain_alone_do_not_speak_of_years_of_the_climate(study, tmp_path):
    other = study_in(tmp_path / "terrain", study, ('["PRE", "TDD", "TPI"]', '["TPI"]'))
    assert "CLIMATE_YEARS" not in rasters.provenance(other)


def test_tags_say_what_contributions_are_relative_to():
    tags = rasters.shapley_tags(-0.5, 104)
    background = {"SHAPLEY_BACKGROUND": "all 104 training sites"}
    assert tags["shap.tif"] == {"BASE_VALUE_DEGC": "-0.5"} | background
    assert tags["dominant_driver.tif"] == background


def test_more_drivers_than_named_colours_still_differ():
    names = [f"P{i}" for i in range(12)]
    colours = products.driver_colours(names)
    assert list(colours) == names and len(set(colours.values())) == 12


@pytest.mark.parametrize("name", NAMES)
def test_statistics_and_histogram_inside_are_those_of_the_cells(written, name):
    path = written.output_dir / name
    for band, values in enumerate(values_of(path), start=1):
        with rasterio.open(path) as raster:
            tags = raster.tags(band)
        known = values[np.isfinite(values)]
        assert float(tags["STATISTICS_MINIMUM"]) == known.min()
        assert float(tags["STATISTICS_MAXIMUM"]) == known.max()
        assert float(tags["STATISTICS_MEAN"]) == pytest.approx(known.mean(), rel=1e-12)
        assert float(tags["STATISTICS_STDDEV"]) == pytest.approx(known.std(), rel=1e-9, abs=1e-9)
        share = 100 * known.size / values.size
        assert float(tags["STATISTICS_VALID_PERCENT"]) == pytest.approx(share, rel=1e-3)
        counts = [int(n) for n in tags["HISTOGRAM_COUNTS"].split(",")]
        ends = float(tags["HISTOGRAM_MINIMUM"]), float(tags["HISTOGRAM_MAXIMUM"])
        assert counts == np.histogram(known, len(counts), ends)[0].tolist()
        assert sum(counts) == known.size
        bins = {"thermal_class.tif": 6, "dominant_driver.tif": 3}.get(name, cog.HISTOGRAM_BINS)
        assert len(counts) == bins


def plain_raster(path, values, nodata=-9999.0):
    """Write (bands, rows, columns) as a GeoTIFF."""
    bands, rows, columns = values.shape
    profile = {"driver": "GTiff", "dtype": values.dtype, "nodata": nodata, "crs": "EPSG:32651"}
    shape = {"count": bands, "height": rows, "width": columns}
    transform = rasterio.transform.from_origin(0, 0, 1000, 1000)
    with rasterio.open(path, "w", transform=transform, **profile, **shape) as raster:
        raster.write(values)
    return path


def test_statistics_do_not_depend_on_how_many_rows_are_read_at_once(tmp_path, monkeypatch):
    values = np.random.default_rng(1).normal(5, 2, (2, 40, 30)).astype(np.float32)
    path = plain_raster(tmp_path / "a.tif", values)
    at_once = cog.band_statistics(path)
    monkeypatch.setattr(cog, "_CELLS_AT_ONCE", 90)
    by_three_rows = cog.band_statistics(path)
    exact = ("MINIMUM", "MAXIMUM", "COUNTS")
    for one, other in zip(at_once, by_three_rows, strict=True):
        assert all(one[tag] == other[tag] for tag in one if tag.endswith(exact))
        assert float(one["STATISTICS_MEAN"]) == pytest.approx(float(other["STATISTICS_MEAN"]))


def test_statistics_of_one_value_and_of_none(tmp_path):
    values = np.full((2, 4, 5), -9999.0, np.float32)
    values[0, 0, :] = 3.5
    same, nothing = cog.band_statistics(plain_raster(tmp_path / "a.tif", values))
    assert nothing == {"STATISTICS_VALID_PERCENT": "0"}
    assert float(same["STATISTICS_STDDEV"]) == 0 and same["STATISTICS_VALID_PERCENT"] == "25"
    assert (same["HISTOGRAM_MINIMUM"], same["HISTOGRAM_MAXIMUM"]) == ("3.0", "4.0")
    assert sum(int(n) for n in same["HISTOGRAM_COUNTS"].split(",")) == 5


@pytest.mark.parametrize("classes", [(), (("a", "#000000"), ("b", "#ffffff"))])
def test_overviews_average_numbers_without_nodata_and_never_mix_classes(tmp_path, classes):
    """Two by two cells of 1, 1, 1 and 2: 1.25 as numbers; of 1, 1, 2 and nodata: 4/3."""
    kind = rasters.Raster("a.tif", "1", {"a": ("a",)}, classes, "CLASS")
    values = np.ones((1, 600, 1100), kind.dtype)
    values[0, 1::2, 1::2] = 2
    values[0, 300::2, ::2] = kind.nodata
    source = plain_raster(tmp_path / "plain.tif", values, kind.nodata)
    cog.make_cog(source, tmp_path / "a.tif", kind, {})
    assert {p.name for p in tmp_path.iterdir()} == {"plain.tif", "a.tif"}
    assert cog_validate(tmp_path / "a.tif", strict=True)[0]
    with rasterio.open(tmp_path / "a.tif", overview_level=0) as overview:
        found = overview.read(1, masked=True)
    if classes:
        assert set(np.unique(found.compressed())) <= {1, 2}
    else:
        np.testing.assert_allclose(found[10:140, 10:500], 1.25)
        np.testing.assert_allclose(found[160:290, 10:500], 4 / 3)


@pytest.mark.parametrize("workers", [1, 3])
def test_neither_blocks_nor_workers_change_a_byte(
    written, study, covariates, model, tmp_path, workers
):
    other = study_in(tmp_path / "northeast_china", study)
    paths = products.write_products(
        other, model[0], covariates, *model[1:], workers=workers, block_cells=2500, progress=False
    )
    assert [p.name for p in paths] == NAMES
    for path in paths:
        assert sha256(path) == sha256(written.output_dir / path.name), path.name


def test_a_new_map_replaces_the_old_and_is_read_afresh(written, study, covariates, model, tmp_path):
    other = study_in(tmp_path / "northeast_china", study)
    shutil.copytree(written.output_dir, other.output_dir)
    before = products.read_products(other)["t15"].to_numpy()
    warmer = covariates.assign(TDD=covariates["TDD"] + 200)
    products.write_products(other, model[0], warmer, *model[1:], progress=False)
    after = products.read_products(other)["t15"].to_numpy()
    assert np.nanmean(after) > np.nanmean(before) + 0.1


def test_measured_boreholes_are_not_called_virtual(study, covariates, model, tmp_path):
    measured = study_in(
        tmp_path / "measured",
        study,
        ("virtual_boreholes = true", "virtual_boreholes = false"),
        ("truth_seed = 2026", "# truth_seed = 2026"),
    )
    paths = products.write_products(measured, model[0], covariates, *model[1:], progress=False)
    with rasterio.open(paths[0]) as raster:
        assert raster.tags()["BOREHOLES"] == "measured"


def test_shapley_maps_can_be_left_out_and_those_before_do_not_stay(
    written, study, covariates, model, result, tmp_path
):
    switch = ("shapley_maps = true", "shapley_maps = false")
    other = study_in(tmp_path / "northeast_china", study, switch)
    shutil.copytree(written.output_dir, other.output_dir)
    (other.output_dir / "notes.txt").write_text("of the user")
    for name in ("comparison_cci.json", "difference_cci.tif"):  # of the map before
        (other.output_dir / name).touch()
    paths = products.write_products(other, model[0], covariates, *model[1:], progress=False)
    assert [path.name for path in paths] == NAMES[:6]
    assert {p.name for p in other.output_dir.iterdir()} == {*NAMES[:6], "notes.txt"}
    found = products.read_products(other)
    assert {*result.data_vars} - {*found.data_vars} == {"shapley_value", "dominant_driver"}
    assert "predictor" not in found.coords
    np.testing.assert_array_equal(found["t15"], result["t15"])


def test_rasters_of_two_maps_side_by_side_are_refused(written, study, covariates, model, tmp_path):
    """As they lie when a run is stopped while it puts them there."""
    other = study_in(tmp_path / "northeast_china", study)
    warmer = covariates.assign(TDD=covariates["TDD"] + 200)
    products.write_products(other, model[0], warmer, *model[1:], progress=False)
    shutil.copy(written.output_dir / "t15.tif", other.output_dir)
    with pytest.raises(
        ContractError,
        match=r"different maps .* in t15\.tif, .* Run notebook 06_map_export again: it goes on",
    ):
        products.read_products(other)


def test_a_missing_raster_says_which_notebook_makes_it(written, study, tmp_path):
    other = study_in(tmp_path / "northeast_china", study)
    shutil.copytree(written.output_dir, other.output_dir)
    (other.output_dir / "shap.tif").unlink()
    with pytest.raises(FileNotFoundError, match=r"shap\.tif not found\. Run notebook 06_map_exp"):
        products.read_products(other)


def test_rasters_of_other_settings_are_not_taken_for_those_of_the_study(written, study, tmp_path):
    levels = "quantiles = [0.05, 0.25, 0.5, 0.75, 0.95]"
    other = study_in(tmp_path / "other", study, (levels, "quantiles = [0.1, 0.9]"))
    shutil.copytree(written.output_dir, other.output_dir)
    with pytest.raises(
        ContractError, match=r"interval\.tif: .* needed: 0\.1 quantile .* Run noteb"
    ):
        products.read_products(other)


def test_a_forest_or_grid_that_is_not_of_the_study_is_refused(study, covariates, model, tmp_path):
    fitted, *rest = model
    other = study_in(tmp_path / "other", study, ('["PRE", "TDD", "TPI"]', '["TDD", "PRE", "TPI"]'))
    with pytest.raises(ContractError, match=r"fitted to PRE, TDD, TPI; .* predictors TDD, PRE"):
        products.write_products(other, fitted, covariates, *rest)
    same = study_in(tmp_path / "same", study)
    with pytest.raises(ContractError, match=r"another grid .* 97 cells along y .* 98 are"):
        products.write_products(same, fitted, covariates.isel(y=slice(1, None)), *rest)
    for found in (covariates.drop_vars("y"), covariates.isel(y=0, drop=True)):
        with pytest.raises(ContractError, match=r"no coordinate y along .* run notebook 02"):
            products.write_products(same, fitted, found, *rest)
    with pytest.raises(ContractError, match=r"another grid .* 0 cells along y \(none\)"):
        products.write_products(same, fitted, covariates.isel(y=slice(0)), *rest)
    for folder in (other.folder, same.folder):
        assert [p.name for p in folder.iterdir()] == ["study.toml"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"block_cells": 0}, "block_cells is 0"),
        ({"block_cells": 2.5}, r"block_cells is 2\.5; a whole number"),
        ({"workers": "tcp://nowhere"}, "No Dask scheduler answers at tcp://nowhere"),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_settings_that_cannot_be_are_told_before_a_raster_is_written(
    study, covariates, model, tmp_path, settings, message
):
    copied = study_in(tmp_path / "northeast_china", study)
    with pytest.raises(ContractError, match=message):
        products.write_products(
            copied, model[0], covariates, *model[1:], progress=False, **settings
        )
    assert {p.name for p in copied.folder.rglob("*") if p.is_file()} <= {
        "study.toml",
        "map_unfinished.lock",
    }


def test_a_missing_predictor_or_too_large_tables_are_told_before_a_raster_is_written(
    study, covariates, model, tmp_path, monkeypatch
):
    fitted, *rest = model
    copied = study_in(tmp_path / "northeast_china", study)
    with pytest.raises(ContractError, match="Predictor TDD missing"):
        products.write_products(copied, fitted, covariates.drop_vars("TDD"), *rest)
    monkeypatch.setattr("helpers.trees.shapley.LARGEST_TABLES", 1)
    with pytest.raises(ContractError, match="shapley_maps"):
        products.write_products(copied, dataclasses.replace(fitted), covariates, *rest)
    assert [p.name for p in copied.folder.iterdir()] == ["study.toml"]


def test_an_error_in_the_first_block_leaves_no_raster(
    study, covariates, model, tmp_path, monkeypatch
):
    def fail(task, cells):
        raise MemoryError

    monkeypatch.setattr(mapping.Task, "predict", fail)
    copied = study_in(tmp_path / "northeast_china", study)
    with pytest.raises(MemoryError):
        products.write_products(copied, model[0], covariates, *model[1:], progress=False)
    assert [p.name for p in copied.interim_dir.iterdir()] == ["map_unfinished.lock"]
    assert not copied.output_dir.exists()


def test_records_of_the_map_before_do_not_stay_beside_a_new_one(study, model, covariates, tmp_path):
    """They hold its checksums; notebook 06 writes them again at its end."""
    copied = study_in(tmp_path / "northeast_china", study)
    copied.output_dir.mkdir(parents=True)
    for name in ("metadata.json", "stac_item.json"):
        (copied.output_dir / name).write_text("{}")
    products.write_products(copied, model[0], covariates, *model[1:], progress=False)
    assert not list(copied.output_dir.glob("*.json"))
