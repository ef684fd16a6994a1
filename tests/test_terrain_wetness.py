import numpy as np
import pyflwdir
import pytest
import xarray as xr
from pyproj import Proj

from helpers import terrain
from helpers.terrain.wetness import LEAST_SLOPE, flow_directions

CODES = {
    1: (0, 1), 2: (1, 1), 4: (1, 0), 8: (1, -1),
    16: (0, -1), 32: (-1, -1), 64: (-1, 0), 128: (-1, 1),
}  # fmt: skip


def grid(values, size=1000.0):
    values = np.asarray(values, dtype=np.float32)
    y, x = (size * np.arange(n)[::step] for n, step in zip(values.shape, (-1, 1), strict=True))
    return xr.DataArray(values, coords={"y": y, "x": x}, dims=("y", "x"))


def blocky(rng):
    """Heights in whole metres: many level places and closed depressions."""
    return rng.integers(100, 110, (30, 40)).astype(np.float32)


def pitted(rng):
    """Heights to the last digit, with pits so deep that filling them must round."""
    return (rng.uniform(0, 1500, (30, 40)) - 1400 * (rng.random((30, 40)) < 0.3)).astype("f4")


@pytest.mark.parametrize("turns", range(4))
def test_on_a_tilted_plane_the_area_grows_evenly_downslope(turns):
    """20 m down per km east (then turned): column c takes in c + 1 cells, on every row."""
    column = np.mgrid[:9, :12][1]
    found = terrain.topographic_wetness(grid(np.rot90(500 - 20.0 * column, turns)))
    expected = np.log((column + 1) * 1000 / 0.02)
    inside = slice(1, -1)
    np.testing.assert_allclose(
        np.rot90(found.to_numpy(), -turns)[inside, inside], expected[inside, inside], rtol=1e-5
    )


def test_a_valley_gathers_both_sides():
    """Sides 100 m per km, floor 10 m per km: each row adds its 11 cells to the floor."""
    row, column = np.mgrid[:8, :11]
    found = terrain.topographic_wetness(grid(100.0 * abs(column - 5) - 10 * row)).to_numpy()
    np.testing.assert_allclose(
        found[1:-1, 5], np.log((row[1:-1, 5] + 1) * 11 * 1000 / 0.01), rtol=1e-5
    )
    sides = np.log(3 * 1000 / np.hypot(0.1, 0.01))
    np.testing.assert_allclose(found[1:-1, 2], sides, rtol=1e-5)


def test_a_closed_depression_is_filled_and_runs_over():
    """A pit on the floor of a valley does not stop the water from above it."""
    row, column = np.mgrid[:12, :11]
    z = 100.0 * abs(column - 5) - 10 * row
    dry = terrain.topographic_wetness(grid(z)).to_numpy()
    z[4, 5] -= 300
    found = terrain.topographic_wetness(grid(z)).to_numpy()
    np.testing.assert_allclose(found[6:-1, 5], dry[6:-1, 5], rtol=1e-5)


@pytest.mark.parametrize("heights", [blocky, pitted])
def test_all_water_leaves_over_the_rim_or_into_missing_cells(heights):
    z = heights(np.random.default_rng(0))
    z[10:13, 20:24] = np.nan
    flow = pyflwdir.from_array(flow_directions(grid(z)), ftype="d8")
    beside = np.ones(z.shape, bool)
    beside[1:-1, 1:-1] = False
    beside[9:14, 19:25] = True
    assert beside.ravel()[flow.idxs_pit].all()
    above = flow.accuflux(np.ones(z.shape)).ravel()
    assert above[flow.idxs_pit].sum() == np.isfinite(z).sum()


def test_water_takes_the_steepest_way_where_there_is_one():
    z = 500 - 20.0 * np.mgrid[:20, :20][1] + np.random.default_rng(1).normal(0, 3, (20, 20))
    z = np.rint(z.astype(np.float32) * 1024) / 1024
    found = flow_directions(grid(z))
    for i, j in np.ndindex(18, 18):
        i, j = i + 1, j + 1
        drops = {c: (z[i, j] - z[i + r, j + s]) / np.hypot(r, s) for c, (r, s) in CODES.items()}
        assert found[i, j] == max(drops, key=drops.get)


def test_gentler_ground_counts_as_the_least_slope():
    """10 cm down per km: water still runs, the slope is taken as 1 m per km."""
    column = np.mgrid[:6, :9][1]
    found = terrain.topographic_wetness(grid(500 - 0.1 * column)).to_numpy()
    expected = np.log((column + 1) * 1000 / 0.001)
    assert LEAST_SLOPE == 0.001
    np.testing.assert_allclose(found[1:-1, 1:-1], expected[1:-1, 1:-1], rtol=1e-5)


def test_area_is_that_of_the_ground_where_the_projection_stretches_it():
    """Mercator at 60 N draws 4 times the area: ln(a / tan) of a plane falls by ln 2 in a,
    and by ln 2 in the slope, which is twice that of the map."""
    n = np.arange(9)
    z = np.broadcast_to(500 - 20.0 * n, (9, 9)).astype(np.float32)
    north = Proj("EPSG:3395")(0, 60)[1]
    plain = xr.DataArray(z, {"y": north - 1000.0 * (n - 4), "x": 1000.0 * n}, ("y", "x"))
    difference = terrain.topographic_wetness(
        plain.rio.write_crs("EPSG:3395")
    ) - terrain.topographic_wetness(plain)
    np.testing.assert_allclose(difference[1:-1, 1:-1], -2 * np.log(2), atol=0.01)
