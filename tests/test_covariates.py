import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer

from helpers.covariates import build_covariates, sample_at, study_area, training_table
from helpers.rasters import raster_on_grid
from helpers.settings import RasterCovariate
from helpers.storage import ContractError
from helpers.study import load_study


def raster_settings(**changes):
    return RasterCovariate(source="raster", path="a.tif", units="degC", **changes)


def test_every_layer_has_units_name_source_and_the_grid_of_the_study(study, covariates):
    assert covariates.sizes == {"y": study.geobox.shape.y, "x": study.geobox.shape.x}
    assert covariates.rio.transform().almost_equals(study.geobox.affine)
    assert covariates.rio.crs.to_wkt().startswith('PROJCS["WGS_1984_Albers"')
    for name, layer in covariates.data_vars.items():
        assert layer.dtype == np.float32, name
        assert {"units", "long_name", "source"} <= set(layer.attrs), name


def test_the_mapped_area_is_that_of_the_outline(study, covariates):
    """1.44 million km2; cells of 20 km miss it by less than 2 %."""
    mapped = float(covariates["TDD"].notnull().sum()) * 400
    assert mapped == pytest.approx(study_area(study).area / 1e6, rel=0.02)
    assert mapped == pytest.approx(1.44e6, rel=0.03)


def test_climate_has_the_size_known_for_the_region(covariates):
    ranges = {"PRE": (60, 1100), "TDD": (1700, 5200), "FDD": (200, 4300), "MAAT": (-7, 14)}
    for name, (low, high) in ranges.items():
        assert low < float(covariates[name].min()) < float(covariates[name].max()) < high


def test_the_north_is_colder_than_the_south(study, covariates):
    assert np.nanmean(covariates["MAAT"][:20]) < np.nanmean(covariates["MAAT"][-30:]) - 5


def test_building_twice_gives_the_same_numbers(study, covariates):
    assert build_covariates(study, progress=False).identical(covariates)


def test_sampling_takes_the_cell_that_holds_the_point(covariates):
    row, column = np.argwhere(covariates["TDD"].notnull().to_numpy())[50]
    x, y = float(covariates.x[column]), float(covariates.y[row])
    found = sample_at(covariates, [x + 9_900, x, x + 9e6], [y - 9_900, y, y])
    expected = float(covariates["TDD"][row, column])
    np.testing.assert_allclose(found["TDD"], [expected, expected, np.nan])


def boreholes(covariates, n=12):
    rows, columns = np.nonzero(covariates["TDD"].notnull().to_numpy())
    table = pd.DataFrame(
        {"x": covariates.x.values[columns[:n]], "y": covariates.y.values[rows[:n]]}
    )
    table["site"] = [f"S{i}" for i in range(n)]
    return table.assign(
        status="used", longitude=120.0, latitude=50.0, t15_c=-1.0, standard_error_c=0.1
    )


def test_only_used_sites_with_all_predictors_train_the_model(study, covariates):
    table = boreholes(covariates, 14)
    table.loc[0, "status"] = "refused"
    table.loc[1, "x"] = 0.0
    training = training_table(table, covariates, study)
    assert list(training["site"]) == [f"S{i}" for i in range(2, 14)]
    assert training[study.forest.predictors].notna().all(axis=None)


def test_too_few_sites_say_which_predictors_lack(study, covariates):
    table = boreholes(covariates)
    table.loc[:5, "x"] = 0.0
    with pytest.raises(ContractError, match=r"only 6 of 12 sites .* 10 are needed.*PRE: 6"):
        training_table(table, covariates, study)


def test_a_raster_comes_back_with_scale_offset_and_nodata(covariates, write_raster):
    """Stored 100 * latitude in another CRS: the grid must get the latitude of its cells."""
    latitude = 60 - 0.5 * (np.arange(60) + 0.5)
    stored = np.repeat(np.round(100 * latitude)[:, None], 90, axis=1).astype(np.int16)
    stored[:, 0] = -9999
    path = write_raster(stored, nodata=-9999)
    settings = raster_settings(scale=0.01, offset=-1.0)
    mapped = covariates["TDD"].notnull()
    found = raster_on_grid(path, settings, mapped.rio.write_crs(covariates.rio.crs))
    to_degrees = Transformer.from_crs(covariates.rio.crs, "EPSG:4326", always_xy=True)
    _, expected = to_degrees.transform(*np.meshgrid(covariates.x, covariates.y))
    error = (found.to_numpy() - (expected - 1))[mapped.to_numpy()]
    assert np.abs(error).max() < 0.06  # degrees; the grid cells are 0.2 degrees high
    assert found.attrs["units"] == "degC"


def test_a_raster_without_crs_says_how_to_write_one(covariates, write_raster):
    path = write_raster(np.ones((60, 90), np.float32), crs=None)
    with pytest.raises(ContractError, match=r"a\.tif: the raster has no CRS.*gdal_edit"):
        raster_on_grid(path, raster_settings(), covariates["TDD"].notnull())


def test_a_raster_that_does_not_cover_the_area_says_how_much_it_covers(covariates, write_raster):
    path = write_raster(np.ones((30, 90), np.float32))
    mapped = covariates["TDD"].notnull().rio.write_crs(covariates.rio.crs)
    with pytest.raises(ContractError, match=r"covers only \d+% of the area.*100 to 145"):
        raster_on_grid(path, raster_settings(), mapped)


def test_a_raster_of_nodata_is_refused(covariates, write_raster):
    path = write_raster(np.full((60, 90), -1, np.int16), nodata=-1)
    mapped = covariates["TDD"].notnull().rio.write_crs(covariates.rio.crs)
    with pytest.raises(ContractError, match=r"no value in the area; check nodata \(used: -1"):
        raster_on_grid(path, raster_settings(), mapped)


def test_a_file_that_is_no_raster_is_named(covariates, tmp_path):
    (tmp_path / "a.tif").write_text("<html>login</html>")
    with pytest.raises(ContractError, match=r"a\.tif: GDAL cannot read it"):
        raster_on_grid(tmp_path / "a.tif", raster_settings(), covariates["TDD"].notnull())


def test_a_raster_replaces_the_relief_in_a_study(edit_study, write_raster):
    folder = edit_study(
        ('source = "relief"', 'source = "raster"\npath = "z.tif"\nunits = "m"'),
        ("resolution_m = 1000 ", "resolution_m = 50000 "),
    )
    write_raster(np.full((60, 90), 321, np.int16)).rename(folder / "z.tif")
    dataset = build_covariates(load_study(folder), progress=False)
    np.testing.assert_allclose(np.unique(dataset["elevation"].to_numpy())[0], 321)
    np.testing.assert_allclose(np.nanmax(np.abs(dataset["TPI"])), 0, atol=1e-3)


def test_a_text_in_a_number_column_of_the_stations_is_named(study_folder):
    file = study_folder / "climate_stations.csv"
    file.write_text(file.read_text().replace("Chara,30372,118.26", "Chara,30372,118E"))
    with pytest.raises(ContractError, match=r"climate_stations\.csv: column 'lon': row 2 .*'118E'"):
        build_covariates(load_study(study_folder, resolution_m=50_000), progress=False)
