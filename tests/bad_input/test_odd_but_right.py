"""What looks odd in a user's files and is right: it gives the same layers as the plain file."""

import shutil

import numpy as np
import pytest
import rasterio
import xarray as xr
from bad_input.good_study import edit, run_to_covariates, write_good_study

from helpers.storage import read_dataset
from helpers.study import load_study

AIR = "rasters/air.tif"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A study in order, and its layer of air temperature."""
    folder = write_good_study(tmp_path_factory.mktemp("plain"))
    return folder, air(folder)


@pytest.fixture
def folder(plain, tmp_path):
    return shutil.copytree(plain[0], tmp_path / "mine")


def air(folder):
    run_to_covariates(folder)
    return read_dataset(load_study(folder).interim_dir / "covariates.nc", ("air",))["air"]


def renamed(folder, name, old=AIR):
    """Call the raster otherwise, in the folder and in study.toml."""
    target = folder / name
    target.parent.mkdir(exist_ok=True)
    (folder / old).rename(target)
    edit(folder, (f'path = "{old}"', f'path = "{name}"'))


def stored(folder):
    with rasterio.open(folder / AIR) as raster:
        return raster.read(1), raster.profile


def rewritten(folder, values, **profile):
    """Write the raster anew, with another profile."""
    (folder / AIR).unlink()
    with rasterio.open(folder / AIR, "w", **profile) as raster:
        raster.write(values, 1)


def upside_down(folder):
    """Rows from south to north."""
    values, profile = stored(folder)
    a, _, c, _, e, f, *_ = profile["transform"]
    turned = rasterio.Affine(a, 0, c, 0, -e, f + e * len(values))
    rewritten(folder, values[::-1], **profile | {"transform": turned})


def a_turn_further(folder):
    """Longitudes one turn around the Earth to the east."""
    values, profile = stored(folder)
    further = rasterio.Affine.translation(360, 0) @ profile["transform"]
    rewritten(folder, values, **profile | {"transform": further})


def with_overviews(folder):
    """Overviews of other values beside it, which a map must not use."""
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(folder / AIR, "r+") as raster:
        raster.build_overviews([2, 4])
    with rasterio.open(folder / f"{AIR}.ovr", "r+") as overview:
        overview.write(np.full(overview.shape, 60, np.float32), 1)


def as_virtual_raster(folder):
    """A virtual raster of a tile beside it."""
    values, profile = stored(folder)
    transform = ", ".join(map(str, profile["transform"].to_gdal()))
    (folder / "rasters/air.vrt").write_text(
        f'<VRTDataset rasterXSize="{values.shape[1]}" rasterYSize="{values.shape[0]}">'
        f"<SRS>EPSG:4326</SRS><GeoTransform>{transform}</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">air.tif</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>",
        encoding="utf-8",
    )
    edit(folder, ("air.tif", "air.vrt"))


def saved_by_notepad(folder):
    """Byte-order mark, and line ends of Windows."""
    file = folder / "study.toml"
    text = file.read_text(encoding="utf-8").replace("\n", "\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())


def linked_inside(folder):
    """A symbolic link to another file of the study."""
    (folder / "store").mkdir()
    (folder / AIR).rename(folder / "store/a.tif")
    (folder / AIR).symlink_to("../store/a.tif")


def as_netcdf(folder):
    """Rows from south to north, longitudes of 0 to 360 with a part of them."""
    values, profile = stored(folder)
    a, _, c, _, e, f, *_ = profile["transform"]
    rows, columns = values.shape
    axes = {"lat": f + e * (np.arange(rows) + 0.5), "lon": c + a * (np.arange(columns) + 0.5)}
    layer = xr.DataArray(values, axes, ("lat", "lon"), "air", {"units": "degC"})
    layer.sortby("lat").transpose("lon", "lat").to_netcdf(folder / "rasters/air.nc")
    edit(folder, ("air.tif", "air.nc"))


ODD = [
    upside_down,
    a_turn_further,
    with_overviews,
    as_virtual_raster,
    saved_by_notepad,
    linked_inside,
    as_netcdf,
    lambda folder: renamed(folder, "my rasters/air temperature (final).tif"),
    lambda folder: renamed(folder, "栅格/年均气温.tif"),
    lambda folder: renamed(folder, "rasters/a!b#c%20&d.tif"),
    lambda folder: renamed(folder, "rasters/AIR.TIF"),
]


@pytest.mark.parametrize("change", ODD)
def test_an_odd_file_gives_the_layer_of_the_plain_one(plain, folder, change):
    change(folder)
    np.testing.assert_allclose(air(folder), plain[1], atol=1e-4)


@pytest.mark.parametrize("name", ["my study", "研究区", "a'b", "x!y"])
def test_a_study_works_in_a_folder_of_any_name_and_after_a_move(plain, tmp_path, name):
    folder = shutil.copytree(plain[0], tmp_path / "first" / "mine")
    moved = folder.rename(tmp_path / name)
    np.testing.assert_array_equal(air(moved), plain[1])


def test_a_huge_raster_is_read_only_where_it_is_needed(folder, tmp_path):
    """200,000 x 200,000 cells of the Earth, of which one block is written, take no memory."""
    where = rasterio.Affine(360 / 200_000, 0, -180, 0, -180 / 200_000, 90)
    size = {"width": 200_000, "height": 200_000, "count": 1, "dtype": "int16", "crs": "EPSG:4326"}
    tiles = {"tiled": True, "sparse_ok": True, "bigtiff": "YES", "compress": "deflate"}
    with rasterio.open(folder / AIR, "w", "GTiff", transform=where, **size, **tiles):
        pass
    edit(folder, ("resolution_m = 20000 ", "resolution_m = 100000 "))
    edit(folder, (f'"{AIR}"\nunits = "degC"', f'"{AIR}"\nunits = "1"\nresampling = "nearest"'))
    assert (air(folder).to_numpy()[~np.isnan(air(folder))] == 0).all()
