import math
from datetime import date

import numpy as np
import pytest
import rasterio
from pyproj import CRS
from shapely import box

from helpers.opendata import modis_tiles
from helpers.opendata.modis_tiles import (
    SINUSOIDAL,
    TILE_M,
    composite_lengths,
    composite_of,
    composite_starts,
    open_tile,
    tile_box,
    tiles_touching,
    to_sinusoidal,
)
from helpers.storage import ContractError

YEARS = range(2023, 2025)
TILE = "h25v04"
N = 24  # cells of a test tile on each side
GRID = SINUSOIDAL.to_wkt()
LST, QC = np.full((N, N), 14_000, "uint16"), np.zeros((N, N), "uint8")
SPHEROID = CRS.from_proj4("+proj=sinu +lon_0=0 +ellps=WGS84 +units=m").to_wkt()


@pytest.fixture
def band(write_raster):
    """Write a band of the first Terra composite over a tile; returns its path."""

    def write(values, asset="LST_Day_1km", crs=GRID, lies_on=TILE, scale=1.0):
        west, _, _, north = tile_box(lies_on).bounds
        name = f"MOD11A2.A2023001.{TILE}.061.2024001000000_{asset}.tif"
        path = write_raster(values, west, north, TILE_M / len(values), crs=crs, name=name)
        with rasterio.open(path, "r+") as raster:
            raster.scales = (scale,)
        return path

    return write


def opened(*paths):
    return open_tile(TILE, list(paths), composite_starts(YEARS), tile_box(TILE).buffer(-1000))


def test_the_tiles_of_northeast_china_are_those_of_the_known_list(study):
    area = study.area
    degrees = box(area.west, area.south, area.east, area.north).segmentize(0.1)
    expected = "h24v03 h25v03 h25v04 h26v03 h26v04 h26v05 h27v04 h27v05 h28v04 h28v05"
    assert tiles_touching(to_sinusoidal(degrees, "EPSG:4326")) == expected.split()


def test_terra_and_aqua_are_told_apart_by_the_name():
    (composite, produced) = composite_of("MYD11A2.A2024361.h26v04.061.2025004031415")
    assert str(composite) == "2024-12-26 h26v04 Aqua" and produced == "2025004031415"
    assert str(composite_of("MOD11A2.A2023009.h26v04.061")[0]) == "2023-01-09 h26v04 Terra"
    assert composite_of("MOD11A2.A2023009.h26v04.006.2023018000000") is None
    assert composite_of("MOD21A2.A2023009.h26v04.061.2023018000000") is None


@pytest.mark.parametrize(
    "name",
    [
        "MOD11A2.A2023009.h26v04.061.1/../../../x",
        "MOD11A2.A2023009.h26v04.061/../x",
        "../MOD11A2.A2023009.h26v04.061",
        "MOD11A2.A2023009.h26v04.061.1\n",
        "MOD11A2.A٢٠٢٣009.h26v04.061",
    ],
)
def test_no_other_name_passes_for_an_item(name):
    assert composite_of(name) is None


@pytest.mark.parametrize("day", ["000", "366", "400"])
def test_a_name_with_an_impossible_date_is_an_error(day):
    with pytest.raises(ContractError, match=f"there is no day {day} of 2023"):
        composite_of(f"MOD11A2.A2023{day}.h26v04.061")


def test_a_tile_is_ten_degrees_of_the_sphere():
    """Upper left corner of the grid and of h26v04 as MODIS publishes them, to a metre."""
    assert tile_box("h00v00").bounds[0] == pytest.approx(-20_015_109.354, abs=1)
    assert tile_box("h00v00").bounds[3] == pytest.approx(10_007_554.677, abs=1)
    assert tile_box("h26v04").bounds[3] == pytest.approx(math.radians(50) * 6_371_007.181)
    cell_m = TILE_M / 1200
    assert cell_m == pytest.approx(926.625433, abs=1e-5)


def test_a_year_has_46_composites_and_its_last_is_short():
    starts = composite_starts(YEARS)
    assert [starts[0], starts[1], starts[45], starts[46]] == [
        date(2023, 1, 1), date(2023, 1, 9), date(2023, 12, 27), date(2024, 1, 1),
    ]  # fmt: skip
    lengths = composite_lengths(starts)
    assert (lengths[45], lengths[91], sum(lengths)) == (5, 6, 731)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"values": LST.astype("float32")}, "'float32'.*expected.*'uint16'"),
        ({"values": QC.astype("int16"), "asset": "QC_Day"}, "'int16'.*expected.*'uint8'"),
        ({"values": LST, "scale": 0.1}, "scale 0.1 .*expected 0.02"),
        ({"values": LST, "crs": "EPSG:3857"}, "CRS EPSG:3857, not the MODIS sinusoidal"),
        ({"values": LST, "crs": "EPSG:4326"}, "CRS EPSG:4326"),
        ({"values": LST, "crs": SPHEROID}, "not the MODIS sinusoidal"),
        ({"values": LST, "lies_on": "h26v04"}, "covers .*, tile h25v04 is"),
        ({"values": LST[:, : N // 2]}, "covers .*, tile h25v04 is"),
    ],
)
def test_a_file_that_is_not_the_product_is_an_error(band, written, message):
    path = band(**written)
    with pytest.raises(ContractError, match=f"{path.name}: .*{message}"):
        opened(path)


def test_files_of_one_tile_have_one_shape(band):
    first, other = band(LST), band(np.zeros((2 * N, 2 * N), "uint8"), "QC_Day")
    message = rf"{other.name}: \(48, 48\) cells, .* has \(24, 24\)"
    with pytest.raises(ContractError, match=message):
        opened(first, other)


def test_a_truncated_file_is_named(band):
    """Its server said it was so short: only reading it tells."""
    noise = np.random.default_rng(1).integers(1, 60_000, (200, 200)).astype("uint16")
    good, broken = band(np.zeros((200, 200), "uint8"), "QC_Day"), band(noise)
    broken.write_bytes(broken.read_bytes()[:40_000])
    with pytest.raises(ContractError, match=f"{broken.name}: cannot be read.*fetch it again"):
        list(opened(broken, good).chunks())


def test_the_scale_may_be_stated_and_a_file_without_crs_is_counted(band):
    tile = opened(band(LST, scale=0.02, crs=None), band(QC, "QC_Day"))
    assert tile.assumed_crs == 1
    _, celsius = next(tile.chunks())
    np.testing.assert_allclose(celsius[0, 0], 14_000 * 0.02 - 273.15, atol=1e-3)
    assert np.isnan(celsius[1:]).all() and np.isnan(celsius[:, 1:]).all()


def test_only_the_part_of_a_tile_that_holds_the_study_is_read_at_its_place(band):
    paths = [band(LST + np.arange(N, dtype="uint16")[:, None]), band(QC, "QC_Day")]
    west, _, _, north = tile_box(TILE).bounds
    cell = TILE_M / N
    area = box(west + 3.5 * cell, north - 10.5 * cell, west + 4.5 * cell, north - 8.5 * cell)
    tile = open_tile(TILE, paths, composite_starts(YEARS), area)
    assert (tile.rows, tile.columns) == (range(7, 12), range(2, 6))
    assert tile.transform @ (0, 0) == pytest.approx((west + 2 * cell, north - 7 * cell))
    _, celsius = next(tile.chunks())
    expected = (14_000 + np.arange(7, 12)) * 0.02 - 273.15
    np.testing.assert_allclose(celsius[0, 0, :, 0], expected, atol=1e-3)


def test_blocks_give_what_the_whole_gives(band, monkeypatch):
    """Stripes of five rows and chunks of one change nothing."""
    rng = np.random.default_rng(2)
    noise = rng.integers(12_000, 15_000, (N, N)).astype("uint16")
    codes = rng.choice([0, 2, 65], (N, N)).astype("uint8")
    paths = band(noise), band(codes, "QC_Day")
    whole = list(opened(*paths).chunks())
    monkeypatch.setattr(modis_tiles, "_STRIPE_BYTES", 5 * 4 * 92 * N * 2)
    monkeypatch.setattr(modis_tiles, "_CHUNK_BYTES", 1)
    parts = list(opened(*paths).chunks())
    assert len(whole) == 1 and [rows.start for rows, _ in parts] == list(range(N))
    together = np.concatenate([lst for _, lst in parts], axis=2)
    np.testing.assert_array_equal(together, whole[0][1])
    np.testing.assert_array_equal(np.isfinite(together[0, 0]), codes != 2)
