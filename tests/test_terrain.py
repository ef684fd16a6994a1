from typing import get_args

import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from scipy import ndimage

from helpers import terrain
from helpers.settings import GridSettings, TerrainCovariate
from helpers.storage import ContractError
from helpers.study_check.projection import equal_area_crs

ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +datum=WGS84"
QUANTITIES = get_args(TerrainCovariate.model_fields["quantity"].annotation)
WITH_RADIUS = {"local_relief": 2000.0}
UNITS = {
    "topographic_position": "m",
    "slope": "degree",
    "northness": "1",
    "eastness": "1",
    "local_relief": "m",
    "ruggedness": "m",
    "topographic_wetness": "ln(m)",
    "clear_sky_radiation": "W m-2",
}


def rough(shape=(14, 17), crs=ALBERS):
    """Smooth random hills of a hundred metres on 1 km cells near 134 E, 52 N."""
    z = ndimage.gaussian_filter(np.random.default_rng(3).normal(0, 800, shape), 1.5) + 600
    coordinates = {
        "y": 5.97e6 - 1000.0 * np.arange(shape[0]),
        "x": 1.92e6 + 1000.0 * np.arange(shape[1]),
    }
    layer = xr.DataArray(z.astype(np.float32), coordinates, ("y", "x"), attrs={"units": "m"})
    return layer.rio.write_crs(crs)


@pytest.mark.parametrize(
    ("box", "land"),
    [
        ((-180, 60, 180, 90), [(100, 73), (-75, 80), (-150, 65), (178, 66), (-45, 80)]),
        ((-180, -90, 180, -60), [(0, -80), (120, -75), (-120, -80), (60, -75)]),
        ((165, 60, 195, 72), [(170, 66), (-174, 66)]),
    ],
)
def test_relief_round_a_pole_and_across_the_date_line_is_that_of_its_places(box, land):
    west, south, east, north = box
    grid = GridSettings(crs=equal_area_crs(*box), resolution_m=25_000)
    to_grid = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True)
    bounds = to_grid.transform_bounds(west, south, east, north, 101)
    elevation = terrain.relief(GeoBox.from_bbox(bounds, crs=grid.crs, resolution=25_000))
    longitude, latitude = np.transpose(land)
    x, y = to_grid.transform(longitude, latitude)
    found = elevation.sel(x=xr.DataArray(x), y=xr.DataArray(y), method="nearest")
    assert found.notnull().all()
    np.testing.assert_allclose(found, terrain.relief_at(longitude, latitude), atol=400)


@pytest.mark.parametrize("box", [(160, 62, 178, 70), (166, -47, 178.7, -34), (165, 60, 195, 72)])
def test_relief_across_the_date_line_is_as_sharp_as_elsewhere(box):
    """Steps of 28 m and cells of 9 km differ from a smooth surface by about 30 m, at 160 E too."""
    crs = equal_area_crs(*box)
    to_grid = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    bounds = to_grid.transform_bounds(*box, 101)
    elevation = terrain.relief(GeoBox.from_bbox(bounds, crs=crs, resolution=10_000))
    cells = elevation.stack(cell=("y", "x"))
    assert to_grid.transform(cells.x, cells.y, direction="INVERSE")[0].min() < -179
    land = cells.dropna("cell")[::25]
    longitude, latitude = to_grid.transform(land.x, land.y, direction="INVERSE")
    assert float(np.abs(land - terrain.relief_at(longitude, latitude)).median()) < 45


def layer_of(elevation, quantity, **settings):
    settings = {"radius_m": WITH_RADIUS.get(quantity)} | settings
    return terrain.terrain_layer(
        elevation, TerrainCovariate(source="terrain", quantity=quantity, **settings)
    )


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_is_a_layer_that_says_what_it_holds(quantity):
    elevation = rough()
    layer = layer_of(elevation, quantity)
    assert layer.dims == ("y", "x") and layer.shape == elevation.shape
    assert layer.dtype == np.float32 and layer.rio.crs == elevation.rio.crs
    assert layer.attrs["units"] == UNITS[quantity] and layer.attrs["source"] == "terrain"
    assert layer.attrs["long_name"] and elevation.attrs["units"] == "m"


@pytest.mark.parametrize("quantity", [q for q in QUANTITIES if q not in WITH_RADIUS])
def test_the_rim_and_what_touches_a_missing_cell_are_missing_and_nothing_else(quantity):
    elevation = rough()
    elevation[5, 9] = np.nan
    expected = np.ones(elevation.shape, bool)
    expected[1:-1, 1:-1] = False
    expected[4:7, 8:11] = True
    np.testing.assert_array_equal(np.isnan(layer_of(elevation, quantity)), expected)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_elevation_that_is_missing_everywhere_gives_a_missing_layer(quantity):
    assert layer_of(rough() * np.nan, quantity).isnull().all()


@pytest.mark.parametrize(
    "settings, long_name",
    [
        ({"quantity": "topographic_position", "radius_m": 3000}, "mean within 3 km"),
        (
            {"quantity": "topographic_position", "radius_m": 3000, "inner_radius_m": 1500},
            "mean 1.5 to 3 km away",
        ),
        ({"quantity": "clear_sky_radiation", "month": 7}, "July"),
        ({"quantity": "local_relief", "radius_m": 3000}, "within 3 km"),
    ],
)
def test_radii_and_month_of_the_settings_reach_the_layer(settings, long_name):
    assert layer_of(rough(), **settings).attrs["long_name"].endswith(long_name)


@pytest.mark.parametrize("quantity", ["slope", "topographic_wetness", "clear_sky_radiation"])
def test_elevation_in_degrees_is_refused(quantity):
    with pytest.raises(ContractError, match="grid in 'WGS 84', a projected CRS in metres"):
        layer_of(rough(crs="EPSG:4326"), quantity)


def test_relief_agrees_with_known_heights(study):
    """Great Khingan above 800 m, Songnen plain below 250 m, sea missing."""
    assert terrain.relief_at([120.5], [47.2])[0] > 800
    assert terrain.relief_at([124.5], [46.5])[0] < 250
    relief = terrain.relief(study.geobox)
    assert 0.05 < float(relief.isnull().mean()) < 0.25
    assert 1500 < float(relief.max()) < 2700


def test_relief_on_the_grid_agrees_with_the_table_at_points(study):
    """On 20 km cells the two differ by the relief within a cell, without bias."""
    relief = terrain.relief(study.geobox)
    rows, columns = (cells[::37] for cells in np.nonzero(relief.notnull().to_numpy()))
    to_degrees = Transformer.from_crs(study.crs, "EPSG:4326", always_xy=True)
    x, y = relief.x.values[columns], relief.y.values[rows]
    at_points = terrain.relief_at(*to_degrees.transform(x, y))
    on_grid = relief.to_numpy()[rows, columns]
    assert abs(np.mean(on_grid - at_points)) < 20
    assert np.corrcoef(on_grid, at_points)[0, 1] > 0.97
