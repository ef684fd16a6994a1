"""Each product, from files like those of its server to a layer whose values are known by hand."""

import numpy as np
import pytest
import xarray as xr
from pyproj import CRS, Transformer

from helpers import climate
from helpers.opendata import copernicus_dem, esa_cci_permafrost, gtnp_magt, soilgrids, terraclimate
from helpers.opendata.download import fetch, fetch_all
from helpers.opendata.product import OF_A_WINTER, layer_geobox, product
from helpers.settings import OpenLayer
from helpers.storage import ContractError
from helpers.study import load_study


@pytest.fixture
def study(open_folder):
    return load_study(open_folder)


@pytest.fixture
def dem(open_server, study, tmp_path, like):
    """Puts tiles on the server; gives their files and the layer they make."""
    like.put_tiles(open_server)
    layer = study.covariates["elevation"]

    def build():
        files = copernicus_dem.files(study, layer, tmp_path / "dem", f"{open_server.url}/dem")
        geobox = layer_geobox(study)
        return files, copernicus_dem.build(study, layer, fetch_all(files, False), geobox)

    return build


def degrees_of(study):
    """Longitude and latitude of the cells of a layer, and which lie well inside the margin."""
    geobox = layer_geobox(study)
    x, y = np.meshgrid(geobox.coordinates["x"].values, geobox.coordinates["y"].values)
    longitude, latitude = study.to_grid.transform(x, y, direction="INVERSE")
    area = study.area
    inside = (longitude > area.west) & (longitude < area.east)
    return longitude, latitude, inside & (latitude > area.south) & (latitude < area.north)


def test_elevation_of_a_plane_is_that_plane_across_tiles_of_different_width(dem, study, like):
    _, layer = dem()
    longitude, latitude, inside = degrees_of(study)
    error = layer.to_numpy() - like.height(longitude, latitude)
    land = (longitude > 121.2) & (longitude < 123.3)
    assert inside.any()
    assert np.abs(error[inside]).max() < 0.5
    assert np.abs(error[land & np.isfinite(error)]).max() < 0.5
    assert layer.dtype == np.float32
    assert layer.attrs["units"] == "m"
    assert CRS(layer.rio.crs) == study.crs


def test_only_tiles_that_touch_area_and_margin_are_fetched(dem, like):
    files, _ = dem()
    found = {file.path.stem for file in files}
    # 115 km of margin: 1.6 degrees of longitude, one of latitude.
    longitude = np.array([int(name[30:33]) for name in found])
    latitude = np.array([int(name[23:25]) for name in found])
    assert (longitude.min(), longitude.max()) == (119, 124)
    assert (latitude.min(), latitude.max()) == (48, 51)
    assert like.tile_name(*like.SEA_TILE) not in found


def test_sea_has_no_elevation_and_the_coast_that_of_its_land(dem, study, like):
    _, layer = dem()
    longitude, latitude, _ = degrees_of(study)
    values = layer.to_numpy()
    no_tile = (longitude > 120.1) & (longitude < 120.9) & (latitude > 49.1) & (latitude < 49.9)
    zeros = (longitude > 123.6) & (longitude < 123.9) & (latitude > 50.1) & (latitude < 50.9)
    assert no_tile.any() and zeros.any()
    assert np.isnan(values[no_tile | zeros]).all()
    assert np.nanmin(values) > like.height(119, 48) - 30


def test_a_tile_of_the_list_that_is_not_there_is_an_error_and_not_sea(dem, open_server, like):
    name = like.tile_name(121, 49)
    del open_server.files[f"/dem/{name}/{name}.tif"]
    with pytest.raises(
        ContractError, match=r"E121.*404.*in the list of tiles there, so it is land"
    ):
        dem()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"crs": None}, "E121.*has no CRS"),
        ({"crs": "EPSG:3857"}, "E121.*its CRS is EPSG:3857, EPSG:4326 is expected"),
        ({"at": (10, 49)}, "E121.*spans .* not the degree of its name"),
        ({"add": 20_000}, "E121.*heights from .* are possible"),
    ],
)
def test_tiles_that_are_not_what_they_should_be_are_refused(dem, open_server, wrong, message, like):
    name = like.tile_name(121, 49)
    open_server.put(f"/dem/{name}/{name}.tif", like.tile(121, 49, **wrong))
    with pytest.raises(ContractError, match=message):
        dem()


def test_a_list_without_tiles_or_an_area_in_the_sea_is_an_error(dem, open_server, tmp_path, like):
    open_server.put("/dem/tileList.txt", b"nothing here")
    with pytest.raises(ContractError, match="names no tile"):
        dem()
    (tmp_path / "dem" / "tileList.txt").unlink()
    open_server.put("/dem/tileList.txt", like.tile_name(5, 50).encode())
    with pytest.raises(ContractError, match="no tile of the Copernicus DEM touches"):
        dem()


@pytest.fixture
def climate_of(open_server, study, tmp_path, like):
    like.put_climate(open_server, tmp_path)

    def build(quantity):
        layer = study.covariates["PRE"].model_copy(update={"quantity": quantity})
        files = terraclimate.files(study, layer, tmp_path / "tc", f"{open_server.url}/tc")
        paths = fetch_all(files, progress=False)
        return terraclimate.build(study, layer, paths, layer_geobox(study))

    yield build
    terraclimate.annual_means.cache_clear()


def test_climate_is_the_mean_of_the_years_of_the_formulas_for_one_place(climate_of, study, like):
    longitude, latitude, inside = degrees_of(study)
    spread = study.climate.within_month_sd_c
    for quantity, tolerance in (
        ("precipitation", 0.2),
        ("mean_annual_air_temperature", 0.02),
        ("thawing_degree_days", 3),
        ("continentality", 0.1),
    ):
        layer = climate_of(quantity)
        row, column = (places[0] for places in np.nonzero(inside))
        at = latitude[row, column], longitude[row, column]
        expected = []
        for year in (2022, 2023):
            rain, top, low = (like.monthly(v, year, *at)[:, None] for v in ("ppt", "tmax", "tmin"))
            of_year = climate.annual_climate((top + low) / 2, rain, spread, np.array([at[0]]))
            expected.append(of_year[quantity][0])
        assert layer.to_numpy()[row, column] == pytest.approx(np.mean(expected), abs=tolerance)
        assert layer.attrs["units"] == climate.QUANTITIES[quantity][0]
    assert "about 0.5 deg C above the daily mean" in layer.attrs["source"]
    assert "2022 to 2023" in layer.attrs["long_name"]


def test_freezing_is_that_of_the_winter_the_years_hold(climate_of, study, like):
    """July to December of the first year and January to June of the second."""
    longitude, latitude, inside = degrees_of(study)
    row, column = (places[0] for places in np.nonzero(inside))
    at = latitude[row, column], longitude[row, column]
    months = [
        (like.monthly("tmax", y, *at) + like.monthly("tmin", y, *at)) / 2 for y in (2022, 2023)
    ]
    winter = np.concatenate([months[0][6:], months[1][:6]])
    days = np.array([31, 31, 30, 31, 30, 31, 31, 28, 31, 30, 31, 30])
    spread = np.roll(study.climate.within_month_sd_c, -6)
    _, expected = climate.degree_days(winter, days, spread)
    layer = climate_of("freezing_degree_days")
    assert layer.to_numpy()[row, column] == pytest.approx(expected, abs=3)
    for text in (layer.attrs["long_name"], layer.attrs["source"]):
        assert "July 2022 to June 2023" in text
    thawing = climate_of("thawing_degree_days").to_numpy()[row, column]
    found = climate_of("frost_number")
    number = climate.frost_number(thawing, expected)
    assert found.to_numpy()[row, column] == pytest.approx(number, abs=0.002)
    assert "2022 to 2023 (freezing: July 2022 to June 2023)" in found.attrs["source"]


@pytest.mark.parametrize("quantity", OF_A_WINTER)
def test_one_year_holds_no_winter_but_a_summer(study, open_server, tmp_path, like, quantity):
    layer = study.covariates["PRE"].model_copy(update={"years": (2022, 2022)})
    frozen = layer.model_copy(update={"quantity": quantity})
    message = rf"{quantity} of terraclimate is of a freezing year.*Set years = \[2021, 2022\]"
    with pytest.raises(ContractError, match=message):
        terraclimate.files(study, frozen, tmp_path, open_server.url)
    like.put_climate(open_server, tmp_path)
    warm = layer.model_copy(update={"quantity": "thawing_degree_days"})
    paths = fetch_all(terraclimate.files(study, warm, tmp_path, f"{open_server.url}/tc"), False)
    built = terraclimate.build(study, warm, paths, layer_geobox(study))
    assert float(built.min()) > 1000 and "2022 to 2022" in built.attrs["long_name"]
    terraclimate.annual_means.cache_clear()


def test_precipitation_of_every_cell_is_that_of_its_place(climate_of, study):
    longitude, latitude, _ = degrees_of(study)
    expected = 12 * (20 + 5.5 + (longitude - 122) + 2 * (latitude - 50) + 2.5)
    error = climate_of("precipitation").to_numpy() - expected
    assert np.abs(error).max() < 0.2


def test_several_layers_read_the_climate_files_once(climate_of):
    climate_of("precipitation")
    climate_of("thawing_degree_days")
    seen = terraclimate.annual_means.cache_info()
    assert (seen.misses, seen.hits) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"months": 7}, "7 months found, 12 expected"),
        ({"units": "furlong"}, "tmax_2022.*furlong"),
        ({"units": "K"}, "tmax.*cannot be"),
    ],
)
def test_climate_files_that_cannot_be_right_are_refused(
    climate_of, open_server, tmp_path, changes, message, like
):
    path = like.climate_bytes(tmp_path, "tmax", 2022, **changes)
    open_server.put("/tc/TerraClimate_tmax_2022.nc", path)
    with pytest.raises(ContractError, match=message):
        climate_of("precipitation")


def test_a_climate_file_with_another_variable_or_elsewhere_is_refused(
    climate_of, open_server, tmp_path, like
):
    open_server.put("/tc/TerraClimate_tmax_2022.nc", like.climate_bytes(tmp_path, "tmin", 2022))
    with pytest.raises(ContractError, match="no variable 'tmax'"):
        climate_of("precipitation")
    with xr.open_dataset(tmp_path / "tmax_2023.nc") as dataset:
        dataset.isel(lat=slice(0, 10)).load().to_netcdf(tmp_path / "north.nc")
    (tmp_path / "tc" / "TerraClimate_tmax_2022.nc").unlink()
    open_server.put("/tc/TerraClimate_tmax_2022.nc", tmp_path / "north.nc")
    with pytest.raises(ContractError, match="does not reach over the study"):
        climate_of("precipitation")


def soil(study, open_server, tmp_path):
    layer = study.covariates["clay"]
    files = soilgrids.files(study, layer, tmp_path / "soil", f"{open_server.url}/soil")
    return soilgrids.build(study, layer, fetch_all(files, False), layer_geobox(study))


def test_soil_is_scaled_to_its_units_in_its_interrupted_projection(
    study, open_server, tmp_path, like
):
    open_server.put(like.SOIL, like.soil_bytes())
    layer = soil(study, open_server, tmp_path)
    longitude, latitude, inside = degrees_of(study)
    to_igh = Transformer.from_crs("EPSG:4326", like.IGH, always_xy=True)
    *_, north = to_igh.transform_bounds(117, 46, 127, 54, 101)
    _, y = to_igh.transform(longitude, latitude)
    expected = ((north - y) / 5000 - 0.5 + 100) / 10
    assert np.abs(layer.to_numpy() - expected)[inside].max() < 0.06
    assert (layer.attrs["units"], layer.attrs["long_name"]) == (
        "%",
        "clay in the fine earth, 15-30cm",
    )


def test_soil_in_another_projection_is_refused(study, open_server, tmp_path, like):
    open_server.put(like.SOIL, like.soil_bytes(crs="EPSG:8857"))
    with pytest.raises(ContractError, match=r"its CRS is EPSG:8857, .*igh.* is expected"):
        soil(study, open_server, tmp_path)


def test_gaps_up_to_two_cells_wide_are_closed_and_wider_ones_only_narrowed():
    values = np.arange(100, dtype=np.float32).reshape(10, 10)
    values[:, 2:4] = np.nan
    values[:, 6:9] = np.nan
    filled = soilgrids.fill_narrow_gaps(values)
    assert np.isnan(filled).sum(axis=0).tolist() == [0, 0, 0, 0, 0, 0, 0, 10, 0, 0]
    assert filled[3, 1:6].tolist() == [31, 31, 34, 34, 35]
    nothing = np.full((3, 3), np.nan)
    assert np.isnan(soilgrids.fill_narrow_gaps(nothing)).all()


def cci(study, open_server, tmp_path, layer=None):
    layer = layer or study.references["CCI"]
    server = f"{open_server.url}/cci"
    files = esa_cci_permafrost.files(study, layer, tmp_path / "cci", server)
    return esa_cci_permafrost.build(study, layer, fetch_all(files, False), layer_geobox(study))


@pytest.mark.parametrize("units", ["celsius", "K"])
def test_the_reference_is_the_mean_of_the_published_years(
    study, open_server, tmp_path, units, like
):
    for year in (2022, 2023):
        path = like.cci_bytes(tmp_path, year, units=units)
        if units == "K":
            with xr.open_dataset(path) as dataset:
                warm = dataset.load()
            warm["T10m"] = (warm["T10m"] + 273.15).assign_attrs(warm["T10m"].attrs)
            warm.to_netcdf(path)
        open_server.put(like.cci_url(year), path)
    layer = cci(study, open_server, tmp_path)
    _, latitude, inside = degrees_of(study)
    assert np.abs(layer.to_numpy() - (-(latitude - 48) + 0.5))[inside].max() < 0.05
    assert layer.attrs["source"].startswith("mean of 2022 to 2023 (2024 not published)")
    assert layer.attrs["units"] == "degC"


def test_years_before_2003_lie_under_another_name_and_unpublished_ones_are_an_error(
    study, open_server, tmp_path, like
):
    layer = study.references["CCI"].model_copy(update={"years": (2002, 2003)})
    files = esa_cci_permafrost.files(study, layer, tmp_path, "https://a.org")
    assert [file.url.removeprefix("https://a.org") for file in files] == [
        like.cci_url(2002, "ERA5_MODISLST_BIASCORRECTED").removeprefix("/cci"),
        like.cci_url(2003).removeprefix("/cci"),
    ]
    late = layer.model_copy(update={"years": (2024, 2025)})
    with pytest.raises(ContractError, match=r"has 1997 to 2023, none .* \(2024 to 2025\)"):
        esa_cci_permafrost.files(study, late, tmp_path, "https://a.org")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epsg": 3413}, "its CRS is EPSG:3413, EPSG:3995"),
        ({"units": "bar"}, "T10m: units 'bar'"),
        ({"variable": "T5m"}, "no variable 'T10m'"),
    ],
)
def test_reference_files_that_cannot_be_right_are_refused(
    study, open_server, tmp_path, changes, message, like
):
    for year in (2022, 2023):
        open_server.put(like.cci_url(year), like.cci_bytes(tmp_path, year, **changes))
    with pytest.raises(ContractError, match=message):
        cci(study, open_server, tmp_path)


def test_boreholes_are_one_table_or_those_a_collection_lists(open_server, tmp_path, like):
    open_server.put(like.RECORD, b"/* DATA DESCRIPTION:\nCitation:\tA\n*/\nEvent\tYear\nA\t2010\n")
    (file,) = gtnp_magt.files(tmp_path, open_server.url)
    assert file.path.name == "PANGAEA.972992.tab"
    fetch(file).unlink()
    parts = "https://doi.org/10.1594/PANGAEA.1\nhttps://doi.org/10.1594/PANGAEA.2\n"
    own = "/* 10.1594/PANGAEA.972992\n*/\n"
    open_server.put(like.RECORD, (own + parts + parts).encode())
    found = gtnp_magt.files(tmp_path, open_server.url)
    assert [f.url.removeprefix(open_server.url) for f in found] == [
        "/10.1594/PANGAEA.1?format=textfile",
        "/10.1594/PANGAEA.2?format=textfile",
    ]
    (tmp_path / "PANGAEA.972992.tab").unlink()
    open_server.put(like.RECORD, own.encode())
    with pytest.raises(ContractError, match=r"no table and lists no data sets.*boreholes\.files"):
        gtnp_magt.files(tmp_path, open_server.url)


@pytest.mark.parametrize(
    "cut",
    ["/* DATA DESCRIPTION:\nCitation:\tSomebody\n", "/* 10.1594/PANGAEA.1\n10.1594/PANGAEA.2\n"],
)
def test_a_description_that_is_cut_off_is_neither_table_nor_collection(
    open_server, tmp_path, like, cut
):
    open_server.put(like.RECORD, cut.encode())
    with pytest.raises(ContractError, match=r"has no end .*Delete it and run again"):
        gtnp_magt.files(tmp_path, open_server.url)


def test_every_product_of_the_settings_is_there_with_licence_and_https():
    for name in OpenLayer.model_fields["product"].annotation.__args__:
        origin = product(name)
        assert origin.name == name
        assert origin.licence
        assert origin.citation
        assert origin.server.startswith("https://")


def test_a_library_of_the_extra_that_is_missing_is_named_with_the_command(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name="pystac_client")

    monkeypatch.setattr("helpers.opendata.product.import_module", missing)
    with pytest.raises(ContractError, match=r'pip install "permafrost-notebooks\[open\]"'):
        product("modis_lst")
