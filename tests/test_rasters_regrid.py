"""Regridding: known fields come back, areas are conserved, blocks and the date line do not show."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.transform import from_origin

from helpers.rasters import array_source, blocks, open_sources, regrid, regrid_tiles
from helpers.settings import RasterCovariate

ALBERS = "+proj=aea +lat_1=52 +lat_2=64 +lat_0=0 +lon_0=105 +datum=WGS84 +units=m"
needs_gdalwarp = pytest.mark.skipif(
    shutil.which("gdalwarp") is None, reason="gdalwarp (gdal-bin) is not installed"
)


def grid_around(longitude, latitude, cells=40, size=20_000.0):
    x, y = Transformer.from_crs("EPSG:4326", ALBERS, always_xy=True).transform(longitude, latitude)
    half = cells * size / 2
    return GeoBox((cells, cells), from_origin(x - half, y + half, size, size), ALBERS)


def places(geobox):
    """Longitude and latitude of the cell centres."""
    column, row = np.meshgrid(*(np.arange(n) + 0.5 for n in reversed(geobox.shape)))
    x, y = geobox.affine.c + geobox.affine.a * column, geobox.affine.f + geobox.affine.e * row
    return Transformer.from_crs(ALBERS, "EPSG:4326", always_xy=True).transform(x, y)


def field(longitude, latitude):
    return np.sin(np.radians(3 * longitude)) + np.cos(np.radians(4 * latitude))


def degrees(values_of, west, north, shape, size, south_up=False):
    """Source in degrees that holds a function of longitude and latitude at its cell centres."""
    longitude = west + size * (np.arange(shape[1]) + 0.5)
    latitude = north - size * (np.arange(shape[0]) + 0.5)
    values = values_of(longitude[np.newaxis], latitude[:, np.newaxis]) + np.zeros(shape)
    transform = from_origin(west, north, size, size)
    if south_up:
        values, transform = values[::-1], Affine(size, 0, west, 0, size, north - shape[0] * size)
    return array_source(values.astype(np.float32), transform, "EPSG:4326")


def test_a_smooth_field_comes_back_from_another_crs_and_resolution():
    """0.5 degrees, bilinear: h^2/8 (9 + 16) (pi/180)^2 = 2.4e-4; 0.05 degrees, average: raster
    cells cut by the rim count with their middle, h^2/8 over 0.18 degrees times 0.07: 1.2e-4."""
    grid = grid_around(120, 60)
    coarse = regrid(degrees(field, 90, 80, (70, 120), 0.5), grid)
    fine = regrid(degrees(field, 90, 80, (700, 1200), 0.05), grid)
    expected = field(*places(grid))
    assert np.abs(coarse - expected).max() < 2.4e-4
    assert np.abs(fine - expected).max() < 1.2e-4


@pytest.mark.parametrize("method", ["bilinear", "nearest", "average", "mode"])
def test_a_raster_on_the_same_grid_comes_back_unchanged(method):
    grid = grid_around(105, 60)
    values = np.random.default_rng(0).normal(size=grid.shape).astype(np.float32)
    values[3, 4] = np.nan
    source = array_source(values, grid.affine, ALBERS)
    np.testing.assert_allclose(regrid(source, grid, method), values, rtol=1e-6)


@pytest.mark.parametrize("method", ["as_fits", "nearest", "average"])
def test_rows_from_south_to_north_and_a_turned_raster_change_nothing(method):
    grid = grid_around(120, 60)
    north_up = degrees(field, 90, 80, (140, 240), 0.25)
    south_up = degrees(field, 90, 80, (140, 240), 0.25, south_up=True)
    values = north_up.read(slice(0, 140), slice(0, 240))
    turned = array_source(values.T, Affine(0, 0.25, 90, -0.25, 0, 80), "EPSG:4326")
    expected = regrid(north_up, grid, method)
    np.testing.assert_allclose(regrid(south_up, grid, method), expected, atol=1e-6)
    np.testing.assert_allclose(regrid(turned, grid, method), expected, atol=1e-6)


@pytest.mark.parametrize("meridian", [105, 125, 158])
def test_averages_conserve_the_area_of_an_indicator(meridian):
    """A round of 200 km radius in cells of 1 km; at 158 E the grid is turned by 45 degrees."""
    grid = grid_around(meridian, 62)
    azimuthal = f"+proj=laea +lat_0=62 +lon_0={meridian} +datum=WGS84 +units=m"
    axis = np.arange(-600_000, 600_000, 1000) + 500.0
    inside = np.hypot(axis[np.newaxis], axis[:, np.newaxis]) < 200_000
    source = array_source(inside, from_origin(-600_000, 600_000, 1000, 1000), azimuthal)
    area = np.nansum(regrid(source, grid)) * 20.0**2
    assert area == pytest.approx(np.pi * 200.0**2, rel=0.01)


def test_an_average_uses_the_whole_cell_where_the_grid_is_turned_by_45_degrees():
    """Of noise, the spread of a mean over n cells is 1 / sqrt(n); GDAL's is six times that."""
    grid = grid_around(158, 64, cells=20)
    noise = np.random.default_rng(1).normal(size=(2400, 4000))
    source = array_source(noise, from_origin(148, 70, 0.005, 0.005), "EPSG:4326")
    _, latitude = places(grid)
    n = 20.0**2 / (np.cos(np.radians(latitude)).mean() * (0.005 * 111.3) ** 2)
    assert regrid(source, grid, "average").std() == pytest.approx(1 / np.sqrt(n), rel=0.1)


def test_fractions_of_all_classes_add_up_to_one_and_match_the_cells_by_hand():
    rng = np.random.default_rng(2)
    grid = grid_around(105, 60, cells=8)
    codes = rng.integers(1, 4, (32, 32)).astype(np.float32)
    codes[:4, :4] = np.nan
    codes[4:6, 4:8] = np.nan
    source = array_source(codes, grid.affine @ Affine.scale(0.25), ALBERS)
    fractions = [regrid(source, grid, "fraction", [code]) for code in (1, 2, 3)]
    blocks_of_16 = codes.reshape(8, 4, 8, 4).swapaxes(1, 2).reshape(8, 8, 16)
    known = np.isfinite(blocks_of_16).sum(axis=2)
    twos = (blocks_of_16 == 2).sum(axis=2)
    assert np.isnan(fractions[0][0, 0])
    np.testing.assert_allclose(np.sum(fractions, axis=0)[known > 0], 1, rtol=1e-6)
    np.testing.assert_allclose(fractions[1][known > 0], (twos / np.maximum(known, 1))[known > 0])


def test_the_mode_is_the_most_frequent_known_code_and_the_lowest_of_equals():
    codes = np.array([[7, 7, 2, 2], [7, 1, 5, 5], [np.nan] * 4, [np.nan, np.nan, 9, np.nan]])
    grid = GeoBox((2, 2), from_origin(0, 4000, 2000, 2000), ALBERS)
    source = array_source(codes, from_origin(0, 4000, 1000, 1000), ALBERS)
    np.testing.assert_array_equal(regrid(source, grid, "mode"), [[7, 2], [np.nan, 9]])


def test_bilinear_leaves_missing_neighbours_out_and_fills_no_missing_cell():
    """Beside a gap the known neighbour counts alone: by hand."""
    source = array_source(
        np.array([[10.0, np.nan], [20.0, 40.0]]), from_origin(0, 2000, 1000, 1000), ALBERS
    )
    grid = GeoBox((8, 8), from_origin(0, 2000, 250, 250), ALBERS)
    found = regrid(source, grid, "bilinear")
    assert np.isnan(found[:4, 4:]).all()
    assert np.isfinite(found[:, :4]).all()
    # Between 10 (0.375 below its centre) and 20; 0.375 and 0.625 of the way right: missing, 40.
    weights = np.array([0.625 * 0.625, 0.375 * 0.625, 0.375 * 0.375])
    assert found[3, 3] == pytest.approx(np.average([10, 20, 40], weights=weights))


def gdalwarp(tmp_path, source_path, grid, method):
    west, north = grid.affine.c, grid.affine.f
    east, south = west + grid.affine.a * grid.shape[1], north + grid.affine.e * grid.shape[0]
    target = tmp_path / f"{method}.tif"
    extent = ["-te", *map(str, (west, south, east, north))]
    size = ["-ts", *map(str, reversed(grid.shape))]
    program = [shutil.which("gdalwarp"), "-q", "-et", "0", "-r", method, "-t_srs", ALBERS]
    subprocess.run([*program, *extent, *size, source_path, target], check=True)  # noqa: S603
    with rasterio.open(target) as raster:
        return raster.read(1)


def warped_by_both(tmp_path, write_raster, method, **raster):
    path = write_raster(np.random.default_rng(3).normal(size=(500, 500)).astype("f4"), **raster)
    grid = grid_around(105, 60, cells=20)
    settings = RasterCovariate(source="raster", path="a.tif", units="1")
    found = regrid(open_sources(path, settings)[0], grid, method)
    return found, gdalwarp(tmp_path, path, grid, method)


@needs_gdalwarp
def test_gdalwarp_with_exact_places_agrees_about_interpolation(tmp_path, write_raster):
    ours, other = warped_by_both(
        tmp_path, write_raster, "bilinear", west=0, north=89, size=0.4, crs="EPSG:4326"
    )
    np.testing.assert_allclose(ours, other, atol=2e-5)


@needs_gdalwarp
def test_gdalwarp_with_exact_places_agrees_about_averages(tmp_path, write_raster):
    """Where the grid is not turned; noise averaged over 69 cells has a spread of 0.12."""
    ours, other = warped_by_both(
        tmp_path, write_raster, "average", west=-1e5, north=7.3e6, size=2400.0, crs="EPSG:32648"
    )
    assert np.std(other) == pytest.approx(0.12, abs=0.02)
    assert np.abs(ours - other).max() < 0.002


@pytest.mark.parametrize("method", ["bilinear", "nearest", "average", "mode"])
def test_the_result_does_not_depend_on_the_size_of_the_blocks(monkeypatch, method):
    grid = grid_around(150, 62, cells=50)
    codes = np.random.default_rng(4).integers(0, 5, (600, 1200))
    source = array_source(codes, from_origin(120, 75, 0.05, 0.05), "EPSG:4326")
    whole = regrid(source, grid, method)
    monkeypatch.setattr(blocks, "LARGEST_WINDOW", 5000)
    monkeypatch.setattr(blocks, "LARGEST_BLOCK", 300)
    np.testing.assert_allclose(regrid(source, grid, method), whole, rtol=1e-6)
    assert np.isfinite(whole).all()


@pytest.mark.parametrize("size", [1.0, 0.1])
def test_a_world_of_0_to_360_and_one_of_180_west_to_east_are_the_same_across_the_date_line(size):
    grid = grid_around(178, 66)
    shape = (round(180 / size), round(360 / size))
    sources = [degrees(field, west, 90, shape, size) for west in (-180, 0)]
    found = [regrid(source, grid) for source in sources]
    assert np.isfinite(found[0]).all()
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    longitude, latitude = places(grid)
    assert (longitude > 170).any() and (longitude < -170).any()
    assert np.abs(found[0] - field(longitude, latitude)).max() < 1.1e-3


def test_a_raster_from_170_east_to_170_west_fills_a_grid_there():
    grid = grid_around(179, 66, cells=20)
    found = regrid(degrees(field, 160, 75, (200, 400), 0.1), grid)
    assert np.abs(found - field(*places(grid))).max() < 1e-3


def test_tiles_of_differing_cell_width_are_one_raster():
    """One-degree tiles whose columns are wider north of 60 N, as in elevation models."""
    grid = grid_around(105.5, 60, cells=30, size=3000.0)
    widths = {61: 1 / 60, 60: 1 / 120, 59: 1 / 120}
    tiles = []
    for north, width in widths.items():
        for west in range(103, 108):
            shape = (120, round(1 / width))
            longitude = west + width * (np.arange(shape[1]) + 0.5)
            latitude = north - (np.arange(shape[0]) + 0.5) / 120
            values = field(longitude[np.newaxis], latitude[:, np.newaxis])
            tiles.append(array_source(values, Affine(width, 0, west, 0, -1 / 120, north), 4326))
    found = regrid_tiles(tiles, grid)
    assert np.abs(found - field(*places(grid))).max() < 5e-5


@pytest.mark.parametrize("method", ["as_fits", "nearest"])
@pytest.mark.parametrize(("size", "cells"), [(3000.0, 30), (500.0, 80)])
def test_a_raster_cut_into_tiles_gives_what_the_whole_gives(size, cells, method):
    """Averages and interpolation run over the seams, also where a cell lies on one."""
    grid = grid_around(105.003, 60.004, cells=cells, size=size)
    values = np.random.default_rng(5).normal(size=(240, 240))
    values[100:110, 100:130] = np.nan
    transform = from_origin(104, 61, 1 / 120, 1 / 120)
    whole = regrid(array_source(values, transform, 4326), grid, method)
    tiles = [
        array_source(part, transform @ Affine.translation(j * 120, i * 120), 4326)
        for i, rows in enumerate(np.split(values, 2))
        for j, part in enumerate(np.split(rows, 2, axis=1))
    ]
    np.testing.assert_allclose(regrid_tiles(tiles, grid, method), whole, atol=2e-5)


def test_only_small_windows_of_a_large_file_are_in_memory(tmp_path, monkeypatch):
    """20000 x 20000 cells of 100 m: 400 million, no more than 4.5 million at once."""
    path = tmp_path / "large.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=20_000, width=20_000, count=1, dtype="uint8",
        crs=ALBERS, transform=from_origin(-1e6, 8e6, 100, 100), tiled=True, compress="deflate",
        SPARSE_OK=True,
    ) as raster:  # fmt: skip
        raster.write(np.full((500, 500), 80, np.uint8), 1, window=((2000, 2500), (4000, 4500)))
    settings = RasterCovariate(source="raster", path="large.tif", units="1")
    source, windows = open_sources(path, settings)[0], []

    def read(rows, columns):
        windows.append((rows.stop - rows.start) * (columns.stop - columns.start))
        return source.read(rows, columns)

    grid = GeoBox((50, 50), from_origin(-1e6, 8e6, 20_000, 20_000), ALBERS)
    found = regrid(replace(source, read=read), grid)
    assert np.nansum(found) * 200**2 == pytest.approx(80 * 500**2, rel=1e-3)
    assert max(windows) < 4.5e6
    assert 1e8 <= sum(windows) < 1.2e8
