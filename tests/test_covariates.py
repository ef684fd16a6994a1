import numpy as np
import pandas as pd
import pytest
import rasterio
from pyproj import Transformer

from helpers import run
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
    """Stored 100 * (latitude + longitude): the grid must get the sum at its cells."""
    latitude, longitude = 60 - 0.5 * (np.arange(60) + 0.5), 100 + 0.5 * (np.arange(90) + 0.5)
    stored = np.round(100 * (latitude[:, None] + longitude)).astype(np.int16)
    stored[:, 0] = -9999
    path = write_raster(stored, nodata=-9999)
    settings = raster_settings(scale=0.01, offset=-1.0)
    mapped = covariates["TDD"].notnull()
    found = raster_on_grid(path, settings, mapped.rio.write_crs(covariates.rio.crs))
    to_degrees = Transformer.from_crs(covariates.rio.crs, "EPSG:4326", always_xy=True)
    expected = np.sum(to_degrees.transform(*np.meshgrid(covariates.x, covariates.y)), axis=0)
    error = (found.to_numpy() - (expected - 1))[mapped.to_numpy()]
    assert np.abs(error).max() < 0.5 / 8 + 1e-4  # an eighth of a raster cell of 0.5 degrees
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
    with pytest.raises(
        ContractError, match=r"only 0% of the mapped cells have a value.*nodata \(used: \[-1"
    ):
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


def test_scale_and_nodata_of_the_file_count_and_a_contradiction_is_refused(
    covariates, write_raster
):
    """Stored 150, scale 0.1 and offset -2 in the file: 13."""
    stored = np.full((60, 90), 150, np.int16)
    stored[:20] = -9999
    path = write_raster(stored, nodata=-9999)
    with rasterio.open(path, "r+") as raster:
        raster.scales, raster.offsets = [0.1], [-2.0]
    mapped = covariates["TDD"].notnull().rio.write_crs(covariates.rio.crs)
    found = raster_on_grid(path, raster_settings(nodata=7), mapped)
    np.testing.assert_allclose(np.unique(found.to_numpy()[np.isfinite(found)]), 13, rtol=1e-5)
    with pytest.raises(ContractError, match=r"states scale 0\.1, study\.toml 1\."):
        raster_on_grid(path, raster_settings(scale=1.0), mapped)


def test_of_several_bands_one_must_be_chosen(covariates, tmp_path, write_raster):
    with rasterio.open(write_raster(np.ones((60, 90), np.float32))) as one:
        profile = {**one.profile, "count": 2}
    with rasterio.open(tmp_path / "two.tif", "w", **profile) as raster:
        raster.write(np.stack([np.full((60, 90), 1.0), np.full((60, 90), 2.0)]).astype("f4"))
    mapped = covariates["TDD"].notnull().rio.write_crs(covariates.rio.crs)
    with pytest.raises(ContractError, match="has 2 bands; say which"):
        raster_on_grid(tmp_path / "two.tif", raster_settings(), mapped)
    second = raster_on_grid(tmp_path / "two.tif", raster_settings(band=2), mapped)
    assert float(second.max()) == 2


def test_terrain_at_the_edge_of_the_grid_has_all_its_neighbours(edit_study):
    """A small study shares its inner cells with a larger one; its rim must agree too."""
    folder = edit_study(
        ('outline = "outline.geojson"', ""), ("radius_m = 20000", "radius_m = 60000")
    )
    large = build_covariates(load_study(folder, resolution_m=20_000), progress=False)
    edit_study(("west = 111.15", "west = 118.0"), ("east = 135.08", "east = 128.0"))
    edit_study(("south = 38.730556", "south = 45.0"), ("north = 53.556111", "north = 50.0"))
    small = build_covariates(load_study(folder, resolution_m=20_000), progress=False)
    same = large["TPI"].sel(x=small.x, y=small.y)
    known = np.isfinite(small["TPI"]) & np.isfinite(same)
    assert known.sum() > 0.5 * small["TPI"].size
    # GDAL warps each window with its own approximation, a few metres apart.
    assert float(abs(small["TPI"] - same).where(known).max()) < 5


def test_station_climate_takes_the_elevation_of_the_study(edit_study, write_raster):
    """Flat ground at 100 and at 1100 m: six degrees or so between them, but never none."""
    folder = edit_study(
        ('source = "relief"', 'source = "raster"\npath = "z.tif"\nunits = "m"'),
        ("resolution_m = 1000 ", "resolution_m = 50000 "),
    )
    means = []
    for height in (100, 1100):
        write_raster(np.full((60, 90), height, np.int16)).replace(folder / "z.tif")
        layers = build_covariates(load_study(folder), progress=False)
        means.append(float(layers["MAAT"].mean()))
    assert 3 < means[0] - means[1] < 9


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not GeoJSON"), ('{"type": "Point", "coordinates": [120, 50]}', "holds no polygon")],
)
def test_an_outline_that_is_none_is_named(study_folder, text, message):
    (study_folder / "outline.geojson").write_text(text)
    with pytest.raises(ContractError, match=rf"outline\.geojson: {message}"):
        study_area(load_study(study_folder))


def test_a_grid_with_corners_beyond_the_date_line_finds_its_raster(tmp_path, write_raster):
    """50-180 E in Albers: the corners of the grid lie at 160 W, or nowhere."""
    path = run.new_study("wide", tmp_path)
    edits = {
        "west = 111.15": "west = 50", "south = 38.73": "south = 50", "east = 135.08": "east = 180",
        "north = 53.56": "north = 75", "+lat_1=41 +lat_2=51 +lat_0=0 +lon_0=123":
        "+lat_1=52 +lat_2=64 +lat_0=0 +lon_0=105", "resolution_m = 1000 ": "resolution_m = 100000 ",
        'source = "relief"': 'source = "raster"\npath = "z.tif"\nunits = "m"',
    }  # fmt: skip
    text = path.read_text(encoding="utf-8")
    for old, new in edits.items():
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    longitude = -180 + (np.arange(360) + 0.5)
    stored = np.repeat(longitude[np.newaxis], 90, axis=0).astype(np.float32)
    write_raster(stored, west=-180, north=90, size=1.0).rename(path.parent / "z.tif")
    study = load_study(path)
    found = build_covariates(study, progress=False)["elevation"]
    x, y = np.meshgrid(found.x, found.y)
    expected, _ = study.to_grid.transform(x, y, direction="INVERSE")
    # Close to 180 E, where the raster ends, the warp of GDAL is rougher.
    known = np.isfinite(found.to_numpy()) & (expected > 0) & (expected < 175)
    assert known.sum() > 500
    assert np.abs(found.to_numpy() - expected)[known].max() < 1.0 / 8
