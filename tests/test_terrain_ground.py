import numpy as np
import pytest
import xarray as xr
from pyproj import Geod, Proj

from helpers import terrain
from helpers.storage import ContractError
from helpers.terrain.ground import ground_axes, ground_gradient

ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +datum=WGS84"
GEOD = Geod(ellps="WGS84")


def grid_around(longitude, latitude, crs=ALBERS, n=21, size=1000.0):
    """Coordinates of an n x n grid, and the longitude and latitude of its cells."""
    projection = Proj(crs)
    x, y = projection(longitude, latitude)
    steps = size * (np.arange(n) - n // 2)
    empty = xr.DataArray(
        np.zeros((n, n)), coords={"y": y - steps, "x": x + steps}, dims=("y", "x")
    ).rio.write_crs(crs)
    return empty, *projection(*np.meshgrid(empty.x, empty.y), inverse=True)


def metres_per_degree(longitude, latitude, d=1e-3):
    """Of longitude and of latitude, measured along geodesics."""
    east = GEOD.inv(longitude, latitude, longitude + d, latitude)[2] / d
    north = GEOD.inv(longitude, latitude - d / 2, longitude, latitude + d / 2)[2] / d
    return east, north


@pytest.mark.parametrize(
    "longitude, latitude, crs",
    [(134.0, 52.0, ALBERS), (112.0, 40.0, ALBERS), (30.0, 80.0, "EPSG:3995"), (0, 90, "EPSG:3995")],
)
def test_axes_of_the_ground_follow_geodesics(longitude, latitude, crs):
    """Ten metres to true east and north end where the geodesic does, at the pole too."""
    grid, lon, lat = grid_around(longitude, latitude, crs, n=3)
    x, y = np.meshgrid(grid.x, grid.y)
    for azimuth, axis in zip((90.0, 0.0), ground_axes(grid, slice(None), Proj(crs)), strict=True):
        ends = GEOD.fwd(lon, lat, np.full(lon.shape, azimuth), np.full(lon.shape, 10.0))
        end_x, end_y = Proj(crs)(ends[0], ends[1])
        np.testing.assert_allclose(axis, [(end_x - x) / 10, (end_y - y) / 10], atol=2e-6)


def true_and_found(rise_east, rise_north):
    """Slope (degrees) and aspect (from north) near 134 E, 52 N: true, corrected, plain grid."""
    grid, lon, lat = grid_around(134.0, 52.0)
    east, north = np.vectorize(metres_per_degree)(lon, lat)
    z = grid + rise_east * (lon - 134) + rise_north * (lat - 52)
    true = rise_east / east, rise_north / north
    plain = ground_gradient(z.drop_vars("spatial_ref"))
    return [
        np.array([np.degrees(np.arctan(np.hypot(e, n))), np.degrees(np.arctan2(-e, -n))])[
            :, 1:-1, 1:-1
        ]
        for e, n in (true, ground_gradient(z), plain)
    ]


@pytest.mark.parametrize("rise", [(0.0, 9000.0), (6000.0, 0.0), (4000.0, -7000.0)])
def test_slope_and_aspect_are_true_where_the_grid_is_turned(rise):
    """A rise with latitude and longitude: true to a millionth; the plain grid is 15 degrees off."""
    true, found, plain = true_and_found(*rise)
    turn = [(other[1] - true[1] + 180) % 360 - 180 for other in (found, plain)]
    assert np.abs(turn[0]).max() < 1e-5
    assert np.abs(turn[1]).min() > 14
    assert np.abs(found[0] / true[0] - 1).max() < 1e-6


def test_without_the_correction_slopes_are_up_to_three_per_cent_off():
    """Along the meridian the Albers grid is short by 2.6 %, along the parallel long by as much."""
    for rise, error in (((0.0, 9000.0), 0.026), ((6000.0, 0.0), -0.026)):
        true, _, plain = true_and_found(*rise)
        assert np.mean(plain[0] / true[0] - 1) == pytest.approx(error, abs=0.003)


def test_northness_and_eastness_square_to_the_slope():
    grid, _, _ = grid_around(134.0, 52.0)
    z = grid + np.random.default_rng(5).normal(500, 300, grid.shape)
    squares = terrain.northness(z) ** 2 + terrain.eastness(z) ** 2
    np.testing.assert_allclose(squares, np.sin(np.radians(terrain.slope(z))) ** 2, atol=1e-12)


def test_latitude_of_the_cells():
    grid, _, lat = grid_around(120.0, 47.0)
    np.testing.assert_allclose(terrain.latitude(grid), lat, atol=1e-5)
    with pytest.raises(ContractError, match="names no CRS"):
        terrain.latitude(grid.drop_vars("spatial_ref"))
