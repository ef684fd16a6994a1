import shutil
import subprocess

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import from_origin
from scipy.special import j1

from helpers import terrain
from helpers.storage import ContractError
from helpers.terrain import ground, shape

needs_gdaldem = pytest.mark.skipif(
    shutil.which("gdaldem") is None, reason="gdaldem (gdal-bin) is the independent program"
)


def grid(values, size=1000.0):
    values = np.asarray(values, dtype=float)
    y, x = (size * np.arange(n)[::step] for n, step in zip(values.shape, (-1, 1), strict=True))
    return xr.DataArray(values, coords={"y": y, "x": x}, dims=("y", "x"), attrs={"units": "m"})


def offsets(n=41):
    """Cells to the north and to the east of the centre of an n x n grid."""
    row, column = np.mgrid[:n, :n] - n // 2
    return -row, column


def test_topographic_position_of_the_known_matrix():
    """1..25 with 100 in the centre: 87 there, -10.875 around it, the rim missing."""
    values = np.arange(1.0, 26).reshape(5, 5)
    values[2, 2] = 100
    found = terrain.topographic_position(grid(values)).to_numpy()
    expected = np.full((5, 5), np.nan)
    expected[1:4, 1:4] = -10.875
    expected[2, 2] = 87
    np.testing.assert_allclose(found, expected)


RADII = [(None, None), (3000.0, None), (3000.0, 1500.0)]


@pytest.mark.parametrize("radii", RADII)
def test_topographic_position_of_a_plane_is_zero_inside(radii):
    y, x = np.mgrid[:20, :20]
    found = terrain.topographic_position(grid(3.0 * x - 2 * y + 7), *radii).to_numpy()
    np.testing.assert_allclose(found[4:-4, 4:-4], 0, atol=1e-9)


@pytest.mark.parametrize("radii", RADII)
def test_topographic_position_scales_with_height_and_ignores_its_level(radii):
    z = np.random.default_rng(0).normal(500, 50, (15, 15))
    first = terrain.topographic_position(grid(z), *radii)
    second = terrain.topographic_position(grid(3 * z + 1000), *radii)
    np.testing.assert_allclose(second, 3 * first, atol=1e-8)


@pytest.mark.parametrize("inner", [0.0, 1.5])
def test_topographic_position_in_a_disc_or_ring_equals_the_plain_loop(inner):
    z = np.random.default_rng(1).normal(0, 50, (12, 9))
    z[3, 4] = np.nan
    found = terrain.topographic_position(grid(z), 2500.0, 1000 * inner or None).to_numpy()
    row, column = np.mgrid[:12, :9]
    for i, j in [(0, 0), (5, 5), (3, 5), (11, 8)]:
        distance = np.hypot(row - i, column - j)
        around = z[(distance <= 2.5) & (distance > inner)]
        assert found[i, j] == pytest.approx(z[i, j] - np.nanmean(around))
    assert np.isnan(found[3, 4])


@pytest.mark.parametrize(
    "radius_m, inner_m, mean_square",
    [(2000, None, 28 / 12), (2000, 1000, 24 / 8), (2500, 1500, 56 / 12), (1000, None, 1)],
)
def test_topographic_position_on_a_paraboloid(radius_m, inner_m, mean_square):
    """z = r^2 cells: minus the mean square distance; 4 cells each at r^2 = 1, 2, 4, 8 at 5."""
    north, east = offsets(11)
    found = terrain.topographic_position(grid(north**2 + east**2), radius_m, inner_m)
    np.testing.assert_allclose(found.to_numpy()[3:-3, 3:-3], -mean_square, rtol=1e-9)


@pytest.mark.parametrize("inner", [0.0, 10.0])
def test_topographic_position_of_a_sinusoid_comes_close_to_the_integral(inner):
    """Mean of sin(kx) over a disc is 2 J1(kR) / kR of it (a ring: by difference of discs)."""
    k, radius = 2 * np.pi / 70, 20.0
    z = 100 * np.sin(k * offsets(81)[1])
    found = terrain.topographic_position(grid(z), 1000 * radius, 1000 * inner or None)
    disc = [r**2 * 2 * j1(k * r) / (k * r) if r else 0.0 for r in (radius, inner)]
    share = (disc[0] - disc[1]) / (radius**2 - inner**2)
    inside = slice(20, -20)
    np.testing.assert_allclose(
        found.to_numpy()[inside, inside], (z * (1 - share))[inside, inside], atol=1.5
    )


def test_a_ring_is_at_least_a_cell_wide_and_lies_inside_its_radius():
    z = np.random.default_rng(2).normal(0, 50, (9, 9))
    narrow = terrain.topographic_position(grid(z), 1100, 1000)
    xr.testing.assert_equal(narrow, terrain.topographic_position(grid(z), 2000, 1000))
    for radius_m in (None, 1000):
        with pytest.raises(ContractError, match="inner_radius_m = 2000 needs a radius_m above"):
            terrain.topographic_position(grid(z), radius_m, 2000)


def test_large_grids_are_taken_in_pieces_without_a_seam(monkeypatch):
    z = grid(np.random.default_rng(4).normal(0, 50, (40, 30)))
    whole = terrain.topographic_position(z, 4000.0), terrain.slope(z), terrain.ruggedness(z)
    monkeypatch.setattr(shape, "_CELLS_IN_TRANSFORM", 150)
    monkeypatch.setattr(ground, "CELLS_AT_ONCE", 100)
    pieces = terrain.topographic_position(z, 4000.0), terrain.slope(z), terrain.ruggedness(z)
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_slope_and_aspect_of_a_plane():
    """100 m up per km east, 50 m per km north: it faces west-south-west."""
    north, east = offsets(6)
    z = grid(100.0 * east + 50 * north)
    steepness = np.hypot(0.1, 0.05)
    inside = slice(1, -1)
    for found, expected in (
        (terrain.slope(z), np.degrees(np.arctan(steepness))),
        (terrain.eastness(z), -0.1 / np.sqrt(1 + steepness**2)),
        (terrain.northness(z), -0.05 / np.sqrt(1 + steepness**2)),
    ):
        np.testing.assert_allclose(found.to_numpy()[inside, inside], expected)


def test_a_cone_is_equally_steep_and_faces_outwards():
    north, east = offsets()
    distance = np.hypot(north, east)
    z = grid(5000 - 200 * distance)
    flank = (distance > 8) & (distance < 19)
    sine = np.sin(np.arctan(0.2))
    np.testing.assert_allclose(terrain.slope(z).to_numpy()[flank], 11.30993, atol=0.05)
    for layer, along in ((terrain.northness(z), north), (terrain.eastness(z), east)):
        np.testing.assert_allclose(
            layer.to_numpy()[flank], sine * along[flank] / distance[flank], atol=2e-3
        )


def test_slope_of_a_sinusoid_is_that_of_the_central_difference():
    """Its derivative, but for sin(kh) / kh: the exact answer of a difference over two cells."""
    k = 2 * np.pi / 15
    east = offsets(30)[1]
    found = terrain.slope(grid(400 * np.sin(k * east))).to_numpy()
    expected = np.degrees(np.arctan(np.abs(0.4 * np.sin(k) * np.cos(k * east))))
    np.testing.assert_allclose(found[1:-1, 1:-1], expected[1:-1, 1:-1], atol=1e-9)


def test_ruggedness_of_a_plane_and_of_a_spike():
    """Plane 3 m per cell: six steps of 3 m. Spike of 5 m: root of 8 times 25, and 5 beside it."""
    plane = terrain.ruggedness(grid(3.0 * offsets(5)[1])).to_numpy()
    np.testing.assert_allclose(plane[1:-1, 1:-1], np.sqrt(6 * 9))
    z = np.zeros((7, 7))
    z[3, 3] = 5
    spike = terrain.ruggedness(grid(z)).to_numpy()
    assert spike[3, 3] == pytest.approx(np.sqrt(200)) and spike[2, 2] == spike[3, 4] == 5


def test_local_relief_is_highest_minus_lowest():
    z = np.zeros((7, 7))
    z[3, 3], z[6, 6] = 120, np.nan
    found = terrain.local_relief(grid(z), 1000.0).to_numpy()
    assert found[2, 2] == found[3, 4] == 120
    assert found[1, 3] == found[5, 5] == 0 and np.isnan(found[6, 6])


@pytest.fixture(params=["analytic", "relief"])
def surface(request, study):
    """Hills with a known formula, and the real relief of the embedded study, as plain metres."""
    if request.param == "relief":
        relief = terrain.relief(study.geobox)
        return relief.drop_vars("spatial_ref").drop_attrs()
    north, east = offsets(60)
    hills = 900 * np.sin(east / 7) * np.cos(north / 9) + 20 * east
    return grid(hills.astype(np.float32))


@pytest.fixture
def gdaldem(surface, tmp_path):
    """Run gdaldem on the surface; returns its values with NaN for its nodata."""
    size = terrain.cell_size(surface)
    transform = from_origin(
        float(surface.x[0]) - size / 2, float(surface.y[0]) + size / 2, size, size
    )
    height, width = surface.shape
    with rasterio.open(
        tmp_path / "z.tif", "w", driver="GTiff", height=height, width=width, count=1,
        dtype="float32", nodata=-9999.0, transform=transform, crs="EPSG:32651",
    ) as raster:  # fmt: skip
        raster.write(surface.fillna(-9999).to_numpy().astype(np.float32), 1)

    def run(*what):
        command = ["gdaldem", *what, "-q", str(tmp_path / "z.tif"), str(tmp_path / "out.tif")]
        subprocess.run(command, check=True)  # noqa: S603
        with rasterio.open(tmp_path / "out.tif") as raster:
            return raster.read(1, masked=True).astype(float).filled(np.nan)

    return run


@needs_gdaldem
def test_slope_position_and_ruggedness_agree_with_gdaldem(surface, gdaldem):
    """Where all nine cells are known; next to missing cells gdaldem makes values up."""
    for layer, command, tolerance in (
        (terrain.slope(surface), ["slope"], 2e-4),
        (terrain.topographic_position(surface), ["TPI"], 2e-3),
        (terrain.ruggedness(surface), ["TRI", "-alg", "Riley"], 2e-3),
    ):
        found = layer.to_numpy()
        known = np.isfinite(found)
        assert known.mean() > 0.7
        np.testing.assert_allclose(found[known], gdaldem(*command)[known], atol=tolerance)


@needs_gdaldem
def test_northness_and_eastness_agree_with_the_aspect_of_gdaldem(surface, gdaldem):
    sine = np.sin(np.radians(terrain.slope(surface).to_numpy()))
    aspect = np.radians(gdaldem("aspect"))
    known = np.isfinite(sine) & np.isfinite(aspect)
    assert known.mean() > 0.7
    for layer, expected in (
        (terrain.northness(surface), sine * np.cos(aspect)),
        (terrain.eastness(surface), sine * np.sin(aspect)),
    ):
        np.testing.assert_allclose(layer.to_numpy()[known], expected[known], atol=2e-6)
