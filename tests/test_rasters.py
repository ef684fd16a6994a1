"""The user's rasters as layers of a study: what they must be, and what becomes of them."""

import numpy as np
import pytest
import rasterio
import xarray as xr
from pyproj import Transformer

from helpers import run
from helpers.covariates import build_covariates
from helpers.rasters import raster_on_grid
from helpers.settings import RasterCovariate
from helpers.storage import ContractError
from helpers.study import load_study

LATITUDE, LONGITUDE = 60 - 0.5 * (np.arange(60) + 0.5), 100 + 0.5 * (np.arange(90) + 0.5)
SUM_OF_BOTH = LATITUDE[:, np.newaxis] + LONGITUDE
SLOPING = (SUM_OF_BOTH / 10).astype(np.float32)


def raster_settings(**changes):
    return RasterCovariate(**{"source": "raster", "path": "a.tif", "units": "degC", **changes})


@pytest.fixture(scope="module")
def mapped(study):
    """Every cell of the study's grid; the corners reach from 37 to 56 N."""
    y, x = (study.geobox.coordinates[axis].values for axis in ("y", "x"))
    everywhere = np.zeros(study.geobox.shape, bool)
    everywhere[10:-10, 10:-10] = True
    return xr.DataArray(everywhere, {"y": y, "x": x}, ("y", "x")).rio.write_crs(study.crs)


def expected_sum(mapped):
    to_degrees = Transformer.from_crs(mapped.rio.crs, "EPSG:4326", always_xy=True)
    return np.sum(to_degrees.transform(*np.meshgrid(mapped.x, mapped.y)), axis=0)


def test_a_raster_comes_back_with_scale_offset_and_nodata(mapped, write_raster):
    """Stored 100 * (latitude + longitude), rounded: the grid gets the sum at its cells."""
    stored = np.round(100 * SUM_OF_BOTH).astype(np.int16)
    stored[:, 0] = -9999
    path = write_raster(stored, nodata=-9999)
    found = raster_on_grid(path, raster_settings(scale=0.01, offset=-1.0, units="1"), mapped)
    error = (found - (expected_sum(mapped) - 1)).to_numpy()[mapped.to_numpy()]
    assert np.abs(error).max() < 0.005 + 1e-4
    assert found.dtype == np.float32
    assert found.rio.crs == mapped.rio.crs
    assert found.attrs == {
        "units": "1",
        "long_name": "a",
        "source": "a.tif, resampled: bilinear",
    }


def test_a_raster_is_called_what_its_band_says_unless_the_settings_say_more(mapped, write_raster):
    path = write_raster(SLOPING)
    with rasterio.open(path, "r+") as raster:
        raster.set_band_description(1, "depth of frost")
    for settings, expected in (({}, "depth of frost"), ({"long_name": "frost"}, "frost")):
        found = raster_on_grid(path, raster_settings(**settings), mapped)
        assert found.attrs["long_name"] == expected


def test_steps_of_several_names_and_other_quantities_are_called_by_their_file(mapped, write_raster):
    paths = [write_raster(SLOPING, name=f"{name}.tif") for name in ("a", "b")]
    for path in paths:
        with rasterio.open(path, "r+") as raster:
            raster.set_band_description(1, path.stem * 2)
    found = raster_on_grid(paths, raster_settings(over_time="mean"), mapped)
    assert found.attrs["long_name"] == "a"
    share = raster_settings(resampling="fraction", classes=[1], units="1")
    classes = write_raster(np.ones((60, 90), np.uint8) + (SLOPING.mean() < SLOPING), name="c.tif")
    with rasterio.open(classes, "r+") as raster:
        raster.set_band_description(1, "land cover code")
    assert raster_on_grid(classes, share, mapped).attrs["long_name"] == "c"


def test_a_raster_without_crs_says_how_to_write_one(mapped, write_raster):
    path = write_raster(SLOPING, crs=None)
    with pytest.raises(ContractError, match=r"a\.tif: the raster has no CRS.*gdal_edit"):
        raster_on_grid(path, raster_settings(), mapped)


def test_a_raster_that_does_not_cover_the_area_says_how_much_it_covers(mapped, write_raster):
    path = write_raster(SLOPING[:30])
    with pytest.raises(ContractError, match=r"covers only \d+% of the area.*100 to 145 and 45 to"):
        raster_on_grid(path, raster_settings(), mapped)


def test_a_raster_of_nodata_is_refused(mapped, write_raster):
    path = write_raster(np.full((60, 90), -1, np.int16), nodata=-1)
    message = r"only 0% of the mapped cells have a value.*nodata \(used: \[-1"
    with pytest.raises(ContractError, match=message):
        raster_on_grid(path, raster_settings(), mapped)


def test_a_file_that_is_no_raster_or_breaks_off_is_named(mapped, tmp_path, write_raster):
    (tmp_path / "page.tif").write_text("<html>login</html>")
    with pytest.raises(ContractError, match=r"page\.tif: GDAL cannot read it"):
        raster_on_grid(tmp_path / "page.tif", raster_settings(), mapped)
    path = write_raster(SLOPING)
    path.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(ContractError, match=r"a\.tif: band 1 breaks off.*Get the file again"):
        raster_on_grid(path, raster_settings(), mapped)


def test_the_same_value_everywhere_and_infinite_ones_are_refused(mapped, write_raster):
    flat = write_raster(np.full((60, 90), 7, np.int16))
    with pytest.raises(ContractError, match=r'all mapped cells are 7: .*resampling = "nearest"'):
        raster_on_grid(flat, raster_settings(), mapped)
    infinite = SLOPING.copy()
    infinite[30, 45] = np.inf
    with pytest.raises(ContractError, match=r"a\.tif: \d+ mapped cells are infinite"):
        raster_on_grid(write_raster(infinite), raster_settings(), mapped)


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "average", "mode", "fraction"])
def test_not_one_of_many_infinite_values_becomes_a_missing_one(mapped, write_raster, resampling):
    """Half of the raster, so that whole blocks hold nothing else and many cells lie beside one."""
    infinite = np.round(SLOPING)
    infinite[:30] = np.inf
    settings = {"resampling": resampling} | ({"classes": [14]} if resampling == "fraction" else {})
    with pytest.raises(ContractError, match=r"a\.tif: (\d+) mapped cells are infinite") as caught:
        raster_on_grid(write_raster(infinite), raster_settings(units="1", **settings), mapped)
    n_cells = int(str(caught.value).split("mapped cells")[0].split()[-1])
    to_degrees = Transformer.from_crs(mapped.rio.crs, "EPSG:4326", always_xy=True)
    latitude = to_degrees.transform(*np.meshgrid(mapped.x, mapped.y))[1]
    assert n_cells >= (mapped.to_numpy() & (latitude > LATITUDE[29] + 0.25)).sum()


def test_shares_classes_and_a_handful_of_cells_may_be_the_same_everywhere(mapped, write_raster):
    codes = write_raster(np.full((60, 90), 7, np.uint8))
    forest = raster_settings(resampling="fraction", classes=[3], units="1")
    assert float(raster_on_grid(codes, forest, mapped).max()) == 0
    for method in ("mode", "nearest"):
        found = raster_on_grid(codes, raster_settings(resampling=method, units="code"), mapped)
        assert float(found.min()) == 7
    few = mapped.copy(data=np.zeros(mapped.shape, bool))
    few[50, 50:55] = True
    assert float(raster_on_grid(codes, raster_settings(), few)[50, 50]) == 7


def test_units_of_the_users_own_stay_as_they_are(mapped, write_raster):
    """The wetness index of this package too: ln(m) is no unit that could be converted."""
    path = write_raster(SLOPING)
    expected = raster_on_grid(path, raster_settings(units="1"), mapped)
    for stored in (None, "ln(m)"):
        settings = raster_settings(units="ln(m)", stored_units=stored)
        found = raster_on_grid(path, settings, mapped)
        np.testing.assert_array_equal(found, expected)
        assert found.attrs["units"] == "ln(m)"


def test_millimetres_that_are_nowhere_one_are_asked_about(mapped, write_raster):
    """Precipitation of 0.3 to 0.5 m in a file that says mm, or nothing."""
    path = write_raster(SLOPING / 40)
    for units in (None, "mm"):
        with rasterio.open(path, "r+") as raster:
            raster.units = [units]
        with pytest.raises(ContractError, match=r'set stored_units = "m".*\(up to 4\d\d\.\d* mm\)'):
            raster_on_grid(path, raster_settings(units="mm"), mapped)
    settings = [raster_settings(units="mm", stored_units=u) for u in ("mm", "m")]
    trace, rain = (raster_on_grid(path, s, mapped) for s in settings)
    np.testing.assert_allclose(rain, 1000 * trace, rtol=1e-6)
    no_snow = raster_settings(units="mm", resampling="nearest")
    assert float(raster_on_grid(write_raster(0 * SLOPING), no_snow, mapped).max()) == 0


def test_scale_nodata_and_units_of_the_file_count_and_a_contradiction_is_refused(
    mapped, write_raster
):
    """Stored 10 * (sum + 2), scale 0.1 and offset -2 in the file, in tenths of mm: mm."""
    stored = np.round(10 * (SUM_OF_BOTH + 2)).astype(np.int16)
    stored[:20] = -9999
    path = write_raster(stored, nodata=-9999)
    with rasterio.open(path, "r+") as raster:
        raster.scales, raster.offsets, raster.units = [0.1], [-2.0], ["0.1 mm"]
    found = raster_on_grid(path, raster_settings(units="mm", nodata=7), mapped)
    error = np.abs(found - expected_sum(mapped) / 10).to_numpy()[mapped.to_numpy()]
    # Beside the missing rows a neighbour is left out: up to half a cell of 0.5 degrees.
    assert np.nanmax(error) < 0.025 + 0.006
    assert np.nanquantile(error, 0.95) < 0.006
    assert found.attrs["source"] == "a.tif, resampled: bilinear; from 0.1 mm"
    with pytest.raises(ContractError, match=r"states scale 0\.1, study\.toml 1\."):
        raster_on_grid(path, raster_settings(units="mm", scale=1.0), mapped)


def test_of_several_bands_one_must_be_chosen(mapped, tmp_path, write_raster):
    with rasterio.open(write_raster(SLOPING)) as one:
        profile = {**one.profile, "count": 2}
    with rasterio.open(tmp_path / "two.tif", "w", **profile) as raster:
        raster.write(np.stack([SLOPING, SLOPING + 1]))
    with pytest.raises(ContractError, match=r"has 2 bands or times; say which .* over_time"):
        raster_on_grid(tmp_path / "two.tif", raster_settings(), mapped)
    with pytest.raises(ContractError, match=r"two\.tif: band 3 is asked for, but it has 2"):
        raster_on_grid(tmp_path / "two.tif", raster_settings(band=3), mapped)
    first, second = (
        raster_on_grid(tmp_path / "two.tif", raster_settings(band=band), mapped) for band in (1, 2)
    )
    np.testing.assert_allclose(second - first, 1, atol=1e-5)


def test_shares_of_land_cover_are_shares_whatever_the_codes(mapped, write_raster):
    codes = np.random.default_rng(0).choice([10, 20, 255], (600, 900), p=[0.3, 0.6, 0.1])
    path = write_raster(codes.astype(np.uint8), size=0.05, nodata=255)
    settings = raster_settings(resampling="fraction", classes=[20], units="%")
    found = raster_on_grid(path, settings, mapped).to_numpy()[mapped.to_numpy()]
    assert found.mean() == pytest.approx(100 * 0.6 / 0.9, abs=0.5)
    assert found.max() <= 100.001


def test_a_raster_replaces_the_relief_in_a_study(edit_study, write_raster):
    folder = edit_study(
        ('source = "relief"', 'source = "raster"\npath = "z.tif"\nunits = "m"'),
        ("resolution_m = 1000 ", "resolution_m = 50000 "),
    )
    write_raster(321 + SLOPING).rename(folder / "z.tif")
    dataset = build_covariates(load_study(folder), progress=False)
    assert 335 < float(dataset["elevation"].min()) < float(dataset["elevation"].max()) < 341
    assert float(np.abs(dataset["TPI"]).max()) < 0.05


def test_station_climate_takes_the_elevation_of_the_study(edit_study, write_raster):
    """Ground at 100 and at 1100 m: six degrees or so between them, but never none."""
    folder = edit_study(
        ('source = "relief"', 'source = "raster"\npath = "z.tif"\nunits = "m"'),
        ("resolution_m = 1000 ", "resolution_m = 50000 "),
    )
    means = []
    for height in (100, 1100):
        write_raster(height + SLOPING).replace(folder / "z.tif")
        layers = build_covariates(load_study(folder), progress=False)
        means.append(float(layers["MAAT"].mean()))
    assert 3 < means[0] - means[1] < 9


def test_a_grid_with_corners_beyond_the_date_line_finds_its_raster(tmp_path, write_raster):
    """50-180 E in Albers: the corners of the grid lie at 160 W, or nowhere."""
    path = run.new_study("wide", tmp_path, area=(50, 50, 180, 75))
    edits = {
        "resolution_m = 1000 ": "resolution_m = 100000 ",
        'source = "relief"': 'source = "raster"\npath = "z.tif"\nunits = "1"',
    }
    text = path.read_text(encoding="utf-8")
    for old, new in edits.items():
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    longitude = -180 + (np.arange(360) + 0.5)
    stored = np.repeat(longitude[np.newaxis], 90, axis=0).astype(np.float32)
    write_raster(stored, west=-180, north=90, size=1.0).rename(path.parent / "z.tif")
    study = load_study(path)
    found = build_covariates(study, progress=False)["elevation"]
    expected, _ = study.to_grid.transform(*np.meshgrid(found.x, found.y), direction="INVERSE")
    # Cells of 100 km beside 180 E hold longitudes of both signs.
    known = np.isfinite(found.to_numpy()) & (expected > 0) & (expected < 177)
    assert known.sum() > 500
    assert np.abs(found.to_numpy() - expected)[known].max() < 0.1


@pytest.mark.parametrize("code", [-9999, -32768, 3.4e38])
def test_a_code_for_missing_that_nobody_declared_is_told_in_any_unit(
    covariates, write_raster, code
):
    values = np.add.outer(np.arange(60), np.arange(90)).astype(np.float32)
    values[20:26, 40:48] = code
    mapped = covariates["TDD"].notnull().rio.write_crs(covariates.rio.crs)
    path = write_raster(values)
    with pytest.raises(ContractError, match=r"a\.tif: values .* look like a code for missing"):
        raster_on_grid(path, raster_settings(units="g/kg"), mapped)
    found = raster_on_grid(path, raster_settings(units="g/kg", nodata=code), mapped)
    assert 0 <= float(found.min()) < float(found.max()) < 150
