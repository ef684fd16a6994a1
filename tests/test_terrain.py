import numpy as np
import pytest
import xarray as xr
from pyproj import Transformer

from helpers import terrain


def grid(values, size=1000.0):
    values = np.asarray(values, dtype=float)
    y, x = (size * np.arange(n)[::step] for n, step in zip(values.shape, (-1, 1), strict=True))
    return xr.DataArray(values, coords={"y": y, "x": x}, dims=("y", "x"), attrs={"units": "m"})


def test_topographic_position_of_the_known_matrix():
    """1..25 with 100 in the centre: 87 there, -10.875 around it, the rim missing."""
    values = np.arange(1.0, 26).reshape(5, 5)
    values[2, 2] = 100
    found = terrain.topographic_position(grid(values)).to_numpy()
    expected = np.full((5, 5), np.nan)
    expected[1:4, 1:4] = -10.875
    expected[2, 2] = 87
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("radius_m", [None, 3000.0])
def test_topographic_position_of_a_plane_is_zero_inside(radius_m):
    y, x = np.mgrid[:20, :20]
    found = terrain.topographic_position(grid(3.0 * x - 2 * y + 7), radius_m).to_numpy()
    np.testing.assert_allclose(found[4:-4, 4:-4], 0, atol=1e-9)


@pytest.mark.parametrize("radius_m", [None, 3000.0])
def test_topographic_position_scales_with_height_and_ignores_its_level(radius_m):
    z = np.random.default_rng(0).normal(500, 50, (15, 15))
    first = terrain.topographic_position(grid(z), radius_m)
    second = terrain.topographic_position(grid(3 * z + 1000), radius_m)
    np.testing.assert_allclose(second, 3 * first, atol=1e-8)


def test_topographic_position_in_a_disc_equals_the_plain_loop():
    z = np.random.default_rng(1).normal(0, 50, (12, 9))
    z[3, 4] = np.nan
    found = terrain.topographic_position(grid(z), 2500.0).to_numpy()
    row, column = np.mgrid[:12, :9]
    for i, j in [(0, 0), (5, 5), (3, 5), (11, 8)]:
        distance = np.hypot(row - i, column - j)
        around = z[(distance <= 2.5) & (distance > 0)]
        assert found[i, j] == pytest.approx(z[i, j] - np.nanmean(around))
    assert np.isnan(found[3, 4])


def test_slope_of_a_plane():
    """100 m up per km east and 50 m per km north: arctan(hypot(0.1, 0.05))."""
    y, x = np.mgrid[:6, :6]
    found = terrain.slope(grid(100.0 * x - 50 * y)).to_numpy()
    expected = np.degrees(np.arctan(np.hypot(0.1, 0.05)))
    np.testing.assert_allclose(found[1:-1, 1:-1], expected)
    assert np.isnan(found[0]).all()


def test_local_relief_is_highest_minus_lowest():
    z = np.zeros((7, 7))
    z[3, 3] = 120
    found = terrain.local_relief(grid(z), 1000.0).to_numpy()
    assert found[2, 2] == found[3, 4] == 120
    assert found[1, 3] == 0


def test_relief_agrees_with_known_heights(study):
    """Great Khingan above 800 m, Songnen plain below 250 m, sea missing."""
    assert terrain.relief_at([120.5], [47.2])[0] > 800
    assert terrain.relief_at([124.5], [46.5])[0] < 250
    relief = terrain.relief(study.geobox)
    assert 0.05 < float(relief.isnull().mean()) < 0.25
    assert 1500 < float(relief.max()) < 2700


def test_relief_on_the_grid_agrees_with_the_table_at_points(study, covariates):
    """On 20 km cells the two differ by the relief within a cell, without bias."""
    rows, columns = np.nonzero(covariates["elevation"].notnull().to_numpy())
    some = slice(None, None, 37)
    to_degrees = Transformer.from_crs(study.crs, "EPSG:4326", always_xy=True)
    x, y = covariates.x.values[columns[some]], covariates.y.values[rows[some]]
    at_points = terrain.relief_at(*to_degrees.transform(x, y))
    on_grid = covariates["elevation"].to_numpy()[rows[some], columns[some]]
    assert abs(np.mean(on_grid - at_points)) < 20
    assert np.corrcoef(on_grid, at_points)[0, 1] > 0.97
