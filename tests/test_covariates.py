import json

import numpy as np
import pandas as pd
import pytest
from shapely import box, transform

from helpers import terrain
from helpers.area import study_area
from helpers.covariates import (
    build_covariates,
    compare_station_climate,
    position_at_radii,
    position_predictor,
    sample_at,
    station_errors,
    station_units,
    training_table,
    write_covariates,
)
from helpers.covariates import sites as site_values
from helpers.storage import ContractError, opened_dataset, read_dataset, write_dataset
from helpers.study import load_study


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


def test_sampling_a_file_is_the_same_and_keeps_no_layer_in_memory(
    covariates, tmp_path, monkeypatch
):
    rows, columns = np.nonzero(covariates["TDD"].notnull().to_numpy())
    every = slice(None, None, 37)
    x, y = covariates.x.values[columns[every]], covariates.y.values[rows[every]]
    expected = sample_at(covariates, x, y)
    np.testing.assert_array_equal(
        expected["TDD"], covariates["TDD"].values[rows[every], columns[every]]
    )
    monkeypatch.setattr(site_values, "_STRIP_ROWS", 7)
    with opened_dataset(write_dataset(covariates, tmp_path / "layers.nc")) as layers:
        pd.testing.assert_frame_equal(sample_at(layers, x, y), expected)
        assert not any(layer.variable._in_memory for layer in layers.values())


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


def test_a_text_in_a_number_column_of_the_stations_is_named(study_folder):
    file = study_folder / "climate_stations.csv"
    file.write_text(file.read_text().replace("Chara,30372,118.26", "Chara,30372,118E"))
    with pytest.raises(ContractError, match=r"climate_stations\.csv: column 'lon': row 2 .*'118E'"):
        build_covariates(load_study(study_folder, resolution_m=50_000), progress=False)


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


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not GeoJSON"), ('{"type": "Point", "coordinates": [120, 50]}', "holds no polygon")],
)
def test_an_outline_that_is_none_is_named(study_folder, text, message):
    (study_folder / "outline.geojson").write_text(text)
    with pytest.raises(ContractError, match=rf"outline\.geojson: {message}"):
        study_area(load_study(study_folder))


def test_an_outline_that_crosses_itself_encloses_what_it_goes_round(study_folder):
    corners = [[118, 48], [126, 53], [126, 48], [118, 53], [118, 48]]
    (study_folder / "outline.geojson").write_text(
        json.dumps({"type": "Polygon", "coordinates": [corners]})
    )
    study = load_study(study_folder)
    whole = box(118, 48, 126, 53).segmentize(0.1)
    whole = transform(whole, study.to_grid.transform, interleaved=False)
    # Two triangles; their long sides, which are straight in degrees, are not so on the map.
    assert study_area(study).area == pytest.approx(whole.area / 2, rel=0.02)


def test_layers_written_one_by_one_are_those_built_in_memory(study, covariates, tmp_path):
    path = write_covariates(study, tmp_path / "covariates.nc", progress=False)
    written = read_dataset(path)[list(study.covariates)]
    assert written.drop_attrs().equals(covariates.drop_attrs())
    assert written.rio.crs == covariates.rio.crs
    for name, layer in covariates.data_vars.items():
        assert written[name].attrs == layer.attrs, name


def test_a_build_that_fails_leaves_the_last_file_as_it_was(study, tmp_path, monkeypatch):
    path = tmp_path / "covariates.nc"
    path.write_text("the last good one")

    def fail(*_):
        raise ContractError("no wetness")

    monkeypatch.setattr(terrain, "terrain_layer", fail)
    with pytest.raises(ContractError, match="no wetness"):
        write_covariates(study, path, progress=False)
    assert path.read_text() == "the last good one"
    assert list(tmp_path.iterdir()) == [path]


def rms(difference):
    return float(np.sqrt((difference**2).mean()))


def test_the_position_of_the_studys_radius_is_its_covariate(study, covariates):
    name, radius_m = position_predictor(study)
    assert (name, radius_m) == ("TPI", 20_000)
    found = position_at_radii(study, [radius_m, 40_000, 5_000])
    assert list(found) == [20_000, 40_000]  # 5 km is less than a cell here
    # The relief is true to an eighth of its cells, which depends on the margin around the grid.
    assert rms(found[20_000] - covariates["TPI"]) < 3
    assert rms(found[40_000] - covariates["TPI"]) > 15


def test_radiation_near_mapped_cells_only_is_that_of_the_whole_relief(study, covariates):
    whole = terrain.clear_sky_radiation(terrain.relief(study.geobox.pad(study.margin_cells)))
    inside = whole.sel(x=covariates.x, y=covariates.y).where(covariates["TDD"].notnull())
    np.testing.assert_allclose(covariates["radiation"], inside, rtol=1e-5)


def test_interpolations_of_the_stations_are_compared_where_the_study_has_any(study):
    table = compare_station_climate(study)
    assert set(table["stations"]) == {"all", "north of 46 N"}
    assert {"thin_plate_spline", "kriging", "trend", "regression north of 46 N"} == set(
        table["method"]
    )
    assert station_units(study)["thawing_degree_days"] == "degC d"
    without = study.model_copy(update={"climate": None})
    assert compare_station_climate(without) is None and station_errors(without) is None


def dem(write_raster, folder, west=108.0, size=0.25, columns=120, rows=72):
    """A gently rising raster of elevation in the folder of a study."""
    values = 200 + np.add.outer(np.arange(rows), np.arange(columns)).astype(np.float32)
    path = write_raster(values, west=west, north=55.5, size=size, name="dem.tif")
    return path.rename(folder / "dem.tif")


RELIEF = '[covariates.elevation]\nsource = "relief"\n'
DEM = '[covariates.dem]\nsource = "raster"\npath = "dem.tif"\nunits = "m"\n'


def test_elevation_may_have_any_name(edit_study, write_raster):
    folder = edit_study(
        (RELIEF, DEM),
        ('source = "terrain"\n', 'source = "terrain"\nelevation = "dem"\n'),
        ("resolution_m = 1000 ", "resolution_m = 50000 "),
    )
    dem(write_raster, folder)
    study = load_study(folder)
    layers = build_covariates(study, progress=False)
    assert float(layers["dem"].min()) > 199
    (radius_m, position), *_ = position_at_radii(study, [50_000]).items()
    assert radius_m == 50_000
    np.testing.assert_allclose(position, layers["TPI"], atol=1e-3)


def test_terrain_from_elevation_that_ends_where_the_map_does_says_so(edit_study, write_raster):
    folder = edit_study((RELIEF, DEM.replace("dem]", "elevation]")), ("1000 ", "20000 "))
    text = (folder / "study.toml").read_text(encoding="utf-8")
    square = ("west = 120.0", "south = 48.0", "east = 124.0", "north = 51.0")
    for old, new in zip(
        ("west = 111.15", "south = 38.730556", "east = 135.08", "north = 53.556111"),
        square,
        strict=True,
    ):
        text = text.replace(old, new)
    text = text.replace('outline = "outline.geojson"', "").replace(
        "radius_m = 20000", "radius_m = 90000"
    )
    (folder / "study.toml").write_text(text, encoding="utf-8")
    values = np.arange(200 * 240, dtype=np.float32).reshape(200, 240) / 100
    path = write_raster(values, west=119.9, north=51.1, size=0.0175, name="dem.tif")
    path.rename(folder / "dem.tif")
    with pytest.warns(UserWarning, match="known in only") as told:
        layers = build_covariates(load_study(folder), progress=False)
    assert len([w for w in told if "known in only" in str(w.message)]) == 1
    assert "near its edge terrain sees one side only" in layers["TPI"].attrs["source"]
    assert "one side" not in layers["elevation"].attrs["source"]


def test_an_error_of_a_raster_names_study_and_covariate(edit_study, write_raster):
    folder = edit_study((RELIEF, DEM.replace("dem]", "elevation]")), ("1000 ", "50000 "))
    (folder / "dem.tif").write_text("<html>login</html>")
    with pytest.raises(ContractError, match=r"study\.toml: covariates\.elevation: .*dem\.tif"):
        build_covariates(load_study(folder), progress=False)
