"""NetCDF and Zarr say the same as GeoTIFF; steps of time become one layer."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.transform import from_origin

from helpers import climate
from helpers.rasters import open_sources, raster_on_grid, regrid
from helpers.settings import RasterCovariate
from helpers.storage import ContractError

ALBERS = "+proj=aea +lat_1=52 +lat_2=64 +lat_0=0 +lon_0=105 +datum=WGS84 +units=m"
GRID = GeoBox((12, 15), from_origin(6e5, 6.6e6, 50_000, 50_000), ALBERS)
LONGITUDE = np.arange(90.25, 140, 0.5)
LATITUDE = np.arange(69.75, 40, -0.5)
PERIOD = (date(2023, 1, 1), date(2024, 12, 31))
MONTHS_OF_PERIOD = pd.date_range("2023-01-01", "2024-12-31", freq="MS") + pd.Timedelta("15D")
COSINE = np.cos(2 * np.pi * (np.arange(12) + 0.5) / 12)


def raster_settings(**changes):
    return RasterCovariate(**{"source": "raster", "path": "a.nc", "units": "degC", **changes})


@pytest.fixture(scope="module")
def mapped():
    y, x = (GRID.coordinates[axis].values for axis in ("y", "x"))
    everywhere = xr.DataArray(np.ones(GRID.shape, bool), {"y": y, "x": x}, ("y", "x"))
    return everywhere.rio.write_crs(ALBERS)


def step_field(level):
    return (level + LATITUDE[:, np.newaxis] / 10 + LONGITUDE / 100).astype(np.float32)


def monthly(levels, times=None, units="degC"):
    """Dataset (time, lat, lon) of one field for each level."""
    values = np.stack([step_field(level) for level in levels])
    times = np.arange(1, len(levels) + 1) if times is None else times
    axes = {"time": times, "lat": ("lat", LATITUDE), "lon": ("lon", LONGITUDE)}
    return xr.Dataset({"t": (("time", "lat", "lon"), values, {"units": units})}, axes)


@pytest.fixture
def on_grid(tmp_path, mapped):
    """Write a dataset as netCDF and bring it to the grid."""

    def bring(dataset, name="a.nc", period=None, within_month_sd_c=None, **changes):
        dataset.to_netcdf(tmp_path / name)
        settings = raster_settings(**changes)
        return raster_on_grid(
            tmp_path / name, settings, mapped, period=period, within_month_sd_c=within_month_sd_c
        )

    return bring


def field_on_grid(level, write_raster):
    path = write_raster(step_field(level), west=90, north=70, size=0.5)
    return regrid(open_sources(path, raster_settings())[0], GRID)


def test_a_netcdf_of_0_to_360_south_to_north_equals_the_geotiff(tmp_path, write_raster, on_grid):
    dataset = monthly([3.0]).isel(time=0, drop=True)
    around = dataset.assign_coords(lon=np.mod(LONGITUDE - 400, 360) + 40).sortby("lat")
    world = around.reindex(lon=np.arange(0.25, 360, 0.5))
    expected = field_on_grid(3.0, write_raster)
    for variant in (dataset, around, world, world.transpose("lon", "lat")):
        np.testing.assert_allclose(on_grid(variant), expected, atol=1e-5)


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_equals_netcdf(tmp_path, on_grid, mapped, version):
    dataset = monthly([1.0, 2.0], pd.to_datetime(["2023-06-15", "2024-06-15"]))
    dataset["t"].encoding = {"scale_factor": 0.01, "dtype": "int16", "_FillValue": -32768}
    dataset["t"][:, :2, :2] = np.nan
    from_netcdf = on_grid(dataset, band=2)
    dataset.to_zarr(tmp_path / "a.zarr", zarr_format=version, consolidated=version == 2)
    from_zarr = raster_on_grid(tmp_path / "a.zarr", raster_settings(band=2), mapped)
    np.testing.assert_array_equal(from_zarr, from_netcdf)
    np.testing.assert_allclose(from_zarr, on_grid(monthly([2.0]), band=1), atol=0.011)


def test_scale_and_missing_values_of_a_netcdf_count_and_a_contradiction_is_refused(on_grid):
    dataset = monthly([5.0]).isel(time=0, drop=True)
    dataset["t"][:40] = np.nan
    encoding = {"scale_factor": 0.1, "add_offset": 2.0, "dtype": "int16", "_FillValue": -999}
    dataset["t"].encoding = encoding
    with pytest.raises(ContractError, match=r"a\.nc: t: only \d+% .*nodata \(used: \[-999"):
        on_grid(dataset)
    with pytest.raises(ContractError, match=r"a\.nc: the file states scale 0\.1, study\.toml 1\."):
        on_grid(dataset, scale=1.0)


@pytest.mark.parametrize(
    "attributes",
    [
        {"valid_range": np.array([-900, 300], np.int16)},
        {"valid_range": np.array([-90.0, 30.0])},  # of the values, as it has parts
        {"valid_min": np.int16(-900), "valid_max": np.int16(300)},
        {"valid_max": np.int16(300), "_FillValue": np.int16(-999)},
    ],
)
def test_numbers_outside_the_valid_range_are_missing_and_do_not_bleed(on_grid, attributes):
    """The range is of the stored numbers, tenths here; neighbours of 9999 and -999 stay alone."""
    tenths = monthly([5.0]).isel(time=0, drop=True) * 10
    tenths["t"] = tenths["t"].round().astype(np.int16).assign_attrs(scale_factor=0.1)
    expected = on_grid(tenths).to_numpy()
    tenths["t"][18:22, 55:65], tenths["t"][22:26, 55:65] = 9999, -999
    tenths["t"].attrs |= attributes
    found = on_grid(tenths).to_numpy()
    known = np.isfinite(found)
    assert 0 < (~known).sum() < known.size / 2
    # Beside missing cells a neighbour is left out: up to half a cell.
    assert np.abs(found - expected)[known].max() < 0.1


@pytest.mark.parametrize("name", ["a.nc", "a.zarr"])
def test_signed_numbers_that_stand_for_unsigned_ones_are_read_so(tmp_path, on_grid, mapped, name):
    """Bytes of netCDF 3: 200 is written as -56, missing 255 as -1; so is the valid range."""
    unsigned = np.round(20 * step_field(0.0)).astype(np.uint8)
    unsigned[:, 60:65] = 255
    attributes = {"_Unsigned": "true", "_FillValue": np.int8(-1), "valid_range": np.int8([0, -2])}
    axes = {"lat": ("lat", LATITUDE), "lon": ("lon", LONGITUDE)}
    stored = {"t": (("lat", "lon"), unsigned.view(np.int8), attributes)}
    dataset = xr.Dataset(stored, axes)
    if name == "a.zarr":
        dataset.to_zarr(tmp_path / name, zarr_format=2)
        found = raster_on_grid(tmp_path / name, raster_settings(units="1"), mapped)
    else:
        found = on_grid(dataset, units="1")
    plain = xr.Dataset({"t": (("lat", "lon"), np.where(unsigned == 255, np.nan, unsigned))}, axes)
    assert float(found.min()) > 100
    np.testing.assert_allclose(found, on_grid(plain, "b.nc", units="1"))


def test_attributes_that_are_no_range_are_named(on_grid):
    plain = monthly([1.0]).isel(time=0, drop=True)
    for value, message in (
        ("0 to 300", "valid_range is no number"),
        ([1.0], r"holds \[1\.0\]; two"),
    ):
        plain["t"].attrs["valid_range"] = value
        with pytest.raises(ContractError, match=message):
            on_grid(plain)


def test_a_projected_netcdf_in_kilometres_has_its_crs_from_the_grid_mapping(on_grid):
    values = np.arange(40 * 50, dtype=float).reshape(40, 50)
    axes = {
        "y": ("y", 6650.0 - 20 * np.arange(40), {"units": "km"}),
        "x": ("x", 550.0 + 20 * np.arange(50), {"units": "km"}),
    }
    dataset = xr.Dataset({"t": (("y", "x"), values)}, axes).rio.write_crs(ALBERS)
    dataset["x"].attrs["units"] = dataset["y"].attrs["units"] = "km"
    found = on_grid(dataset, units="1")
    # Cell (0, 0), 600 to 650 km east, 6600 to 6550 km north: all of columns and rows 3 and 4,
    # half of 5.
    expected = np.average([3, 4, 5], weights=[20, 20, 10]) * (50 + 1)
    assert float(found[0, 0]) == pytest.approx(expected)


def test_files_that_do_not_say_where_or_what_are_refused(on_grid, tmp_path, mapped):
    plain = monthly([1.0]).isel(time=0, drop=True)
    with pytest.raises(
        ContractError, match=r"t has no CRS: neither a grid_mapping nor .*\(found y"
    ):
        on_grid(plain.rename(lat="y", lon="x"))
    with pytest.raises(ContractError, match=r"has 2 variables \(t, u\).*variable = "):
        on_grid(plain.assign(u=plain["t"] + 1))
    with pytest.raises(ContractError, match=r"no variable 'v'.*found: t"):
        on_grid(plain, variable="v")
    with pytest.raises(ContractError, match="axis lat is not regular"):
        on_grid(plain.assign_coords(lat=LATITUDE**1.5))
    with pytest.raises(ContractError, match=r"has the axes level .*, time .*only one more"):
        on_grid(monthly([1.0, 2.0]).expand_dims(level=[1, 2]))
    (tmp_path / "page.nc").write_text("<html>login</html>")
    with pytest.raises(ContractError, match=r"page\.nc: cannot be read as netcdf4"):
        raster_on_grid(tmp_path / "page.nc", raster_settings(), mapped)


def test_kelvin_is_recognised_and_kelvin_stated_as_celsius_is_refused(on_grid):
    celsius = monthly([-20.0]).isel(time=0, drop=True)
    kelvin = celsius + 273.15
    in_kelvin = kelvin.assign(t=kelvin["t"].assign_attrs(units="K"))
    np.testing.assert_allclose(on_grid(in_kelvin), on_grid(celsius), atol=1e-4)
    np.testing.assert_allclose(on_grid(kelvin, stored_units="K"), on_grid(celsius), atol=1e-4)
    with pytest.raises(ContractError, match=r'a\.nc: t: values from 26\d.*stored_units = "K"'):
        on_grid(kelvin.assign(t=kelvin["t"].assign_attrs(units="degC")))


def test_precipitation_in_metres_is_recognised_and_other_things_are_refused(on_grid):
    metres = monthly([0.4], units="m").isel(time=0, drop=True) / 10
    metres["t"].attrs["units"] = "m"
    np.testing.assert_allclose(
        on_grid(metres, units="mm"), 1000 * on_grid(metres, units="m"), rtol=1e-6
    )
    with pytest.raises(ContractError, match=r"a\.nc: t: units 'm' cannot be converted to 'degC'"):
        on_grid(metres)
    metres["t"].attrs["units"] = "sticks"
    with pytest.raises(ContractError, match=r"units 'sticks' are not understood.*stored_units"):
        on_grid(metres, units="mm")
    in_metres = on_grid(metres, units="m", stored_units="cm")
    np.testing.assert_allclose(in_metres * 100, on_grid(metres, units="sticks"), rtol=1e-6)


def test_a_year_of_months_without_dates_becomes_mean_sum_and_degree_days(on_grid, write_raster):
    levels = -12 - 20 * COSINE
    level = on_grid(monthly([0.0]), band=1).to_numpy()
    means = levels[:, np.newaxis, np.newaxis] + level
    thawing, freezing = climate.degree_days(means, climate.DAYS_IN_MONTH)
    dataset = monthly(levels)
    mean = on_grid(dataset, over_time="mean")
    expected = np.average(means, axis=0, weights=climate.DAYS_IN_MONTH)
    np.testing.assert_allclose(mean, expected, atol=1e-4)
    found = on_grid(dataset, over_time="thawing_degree_days", units="degC d")
    np.testing.assert_allclose(found, thawing, rtol=1e-5)
    found = on_grid(dataset, over_time="freezing_degree_days", units="K d")
    np.testing.assert_allclose(found, freezing, rtol=1e-5)
    assert found.attrs["source"].endswith("without spread of daily temperature within the steps")
    amounts = monthly(50 + levels, units="mm")
    found = on_grid(amounts, over_time="annual_sum", units="mm")
    np.testing.assert_allclose(found, np.sum(50 + means, axis=0), rtol=1e-5)


def test_a_spread_within_months_serves_degree_days_of_months_only(on_grid):
    spread = [5.0] * 12
    dataset = monthly(-12 - 20 * COSINE)
    wanted = {"over_time": "thawing_degree_days", "units": "degC d"}
    without = on_grid(dataset, **wanted)
    found = on_grid(dataset, within_month_sd_c=spread, **wanted)
    assert (found > without + 20).all()
    assert found.attrs["source"].endswith("with spread of daily temperature within the steps")


def test_only_months_of_the_period_count(on_grid):
    times = pd.date_range("2021-01-01", "2025-12-01", freq="MS") + pd.Timedelta("14D")
    levels = np.where(times.year < 2023, -50.0, np.where(times.year > 2024, 50.0, 1.0))
    levels = np.where(times.year == 2024, 3.0, levels)
    found = on_grid(monthly(levels, times), period=PERIOD, over_time="mean")
    expected = on_grid(monthly([2.0]), band=1)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert "mean of 24 steps; years 2023, 2024" in found.attrs["source"]


def test_months_that_lack_are_named(on_grid):
    dataset = monthly(np.ones(24), MONTHS_OF_PERIOD)
    with pytest.raises(ContractError, match="the months 2023-07, 2024-12 lack"):
        on_grid(
            dataset.isel(time=np.delete(np.arange(24), [6, 23])), period=PERIOD, over_time="mean"
        )
    early = dataset.assign_coords(time=MONTHS_OF_PERIOD - pd.Timedelta("3650D"))
    with pytest.raises(ContractError, match=r"2013-.* to 2014-.*, none in the period"):
        on_grid(early, period=PERIOD, over_time="mean")
    with pytest.raises(
        ContractError, match="thawing_degree_days of 11 steps without dates; twelve"
    ):
        on_grid(monthly(np.ones(11)), over_time="thawing_degree_days", units="degC d")


def test_a_period_asks_only_for_its_own_days(on_grid):
    """Daily values of nearly two years: nothing lacks of the months at both ends."""
    period = date(2022, 12, 20), date(2024, 11, 10)
    days = pd.date_range(*period)
    monthly_stamps = pd.date_range("2022-12-01", "2024-11-01", freq="MS")
    for times in (days, monthly_stamps):
        dataset = monthly(np.full(len(times), 2.0), times)
        found = on_grid(dataset, period=period, over_time="mean")
        np.testing.assert_allclose(found, on_grid(monthly([2.0]), band=1), atol=1e-4)
    without = np.delete(np.arange(len(days)), [-7, -6, -5])
    with pytest.raises(ContractError, match="the months 2024-11 lack or are not complete"):
        on_grid(monthly(np.full(len(days), 2.0), days).isel(time=without), period=period,
                over_time="mean")  # fmt: skip


def test_rates_become_sums_by_the_length_of_each_month(on_grid):
    """1 mm a day all through 2023 and 2024, a leap year: 365.5 mm a year; as kg m-2 s-1 too."""
    dataset = monthly(np.zeros(24), MONTHS_OF_PERIOD, units="mm/day")
    dataset["t"] = dataset["t"] * 0.001 + 1
    dataset["t"].attrs["units"] = "mm/day"
    found = on_grid(dataset, period=PERIOD, over_time="annual_sum", units="mm")
    np.testing.assert_allclose(found, 365.5, rtol=0.01)
    flux = dataset / 86_400
    flux["t"].attrs["units"] = "kg m-2 s-1"
    again = on_grid(flux, period=PERIOD, over_time="annual_sum", units="mm")
    np.testing.assert_allclose(again, found, rtol=1e-5)


DESERT = monthly(np.full(12, -3.9))


@pytest.mark.parametrize(
    ("units", "scale", "stored", "fits"),
    [
        # ERA5 monthly means: metres a day, called m.
        ("m", 0.001, "m", r'"m" \(41 mm\) or "m/day" \(1233 mm\)'),
        (None, 0.001, "mm", r'"m" \(41 mm\) or "m/day" \(1233 mm\)'),
        ("mm", 0.02, "mm", r'"m" \(810 mm\) or "mm/day" \(25 mm\)'),
        (None, 1.0, "mm", r'"mm" \(41 mm\) or "mm/day" \(1233 mm\)'),
        ("mm/day", 1e-4, "mm/day", r'"m" \(4 mm\) or "m/day" \(123 mm\)'),
    ],
)
def test_annual_sums_of_a_desert_or_less_are_asked_about(on_grid, units, scale, stored, fits):
    dataset = DESERT.assign(t=(DESERT["t"] * scale).drop_attrs())
    dataset["t"].attrs |= {"units": units} if units else {}
    message = rf"a median annual sum of .*, taken as {stored} a step.*: {fits}"
    with pytest.raises(ContractError, match=message):
        on_grid(dataset, over_time="annual_sum", units="mm")


def test_a_desert_that_says_so_and_daily_metres_are_believed(on_grid):
    settings = {"over_time": "annual_sum", "units": "mm"}
    expected = on_grid(DESERT, stored_units="mm", **settings)
    assert 40 < float(expected.median()) < 41
    stated = DESERT.assign(t=DESERT["t"].assign_attrs(units="mm"))
    np.testing.assert_allclose(on_grid(stated, **settings), expected)
    days = pd.date_range("2023-01-01", "2023-12-31")
    daily = monthly(np.full(365, -3.9), days) * (12 / 365 / 1000)
    daily["t"].attrs["units"] = "m"
    np.testing.assert_allclose(on_grid(daily, **settings), expected, rtol=1e-4)


@pytest.mark.parametrize(("calendar", "freq"), [("noleap", "MS"), ("360_day", "MS"),
                                                ("standard", "8D"), ("standard", "D")])  # fmt: skip
def test_other_calendars_and_steps_give_the_mean_of_the_same_years(on_grid, calendar, freq):
    dates = xr.date_range("2023-01-01", "2024-12-30", freq=freq, calendar=calendar, use_cftime=True)
    levels = 5 + 10 * np.cos(2 * np.pi * np.array([d.dayofyr for d in dates]) / 365)
    found = on_grid(monthly(levels, dates), period=PERIOD, over_time="mean")
    expected = on_grid(monthly([5.0]), band=1)
    assert np.abs(found - expected).max() < (0.6 if freq == "MS" else 0.1)


def test_days_of_a_year_of_360_fill_the_real_year(on_grid):
    """1 mm on each of the 360 days, 30 February too: 360 mm a year; as a rate 365.5."""
    dates = xr.date_range("2023-01-01", periods=720, calendar="360_day", use_cftime=True)
    dataset = monthly(np.full(720, 1.0), dates)
    dataset["t"] = dataset["t"] * 0 + 1 + 1e-4 * dataset["lon"]
    wanted = {"period": PERIOD, "over_time": "annual_sum", "units": "mm"}
    found = {u: on_grid(dataset, stored_units=u, **wanted) for u in ("mm", "mm/day")}
    np.testing.assert_allclose(found["mm"] / found["mm/day"], 360 / 365.5, rtol=1e-5)
    np.testing.assert_allclose(found["mm"], 360, rtol=0.02)


def test_months_since_is_refused_with_what_to_write_instead(on_grid):
    dataset = monthly(np.ones(24), np.arange(24) + 0.5)
    dataset["time"].attrs["units"] = "months since 2023-01-01"
    with pytest.raises(ContractError, match=r"'months since 2023-01-01' .*pandas\.date_range"):
        on_grid(dataset, period=PERIOD, over_time="mean")


def test_twelve_geotiffs_or_twelve_bands_are_twelve_months(tmp_path, write_raster, mapped, on_grid):
    levels = -10 - 20 * COSINE
    paths = [
        write_raster(step_field(level), west=90, north=70, name=f"{i:02d}.tif")
        for i, level in enumerate(levels)
    ]
    with rasterio.open(paths[0]) as one:
        profile = {**one.profile, "count": 12}
    with rasterio.open(tmp_path / "bands.tif", "w", **profile) as raster:
        raster.write(np.stack([step_field(level) for level in levels]))
    settings = raster_settings(path=["a", "b"], over_time="mean")
    expected = on_grid(monthly(levels), over_time="mean")
    for given in (paths, [tmp_path / "bands.tif"]):
        np.testing.assert_allclose(raster_on_grid(given, settings, mapped), expected, atol=1e-4)


def test_one_netcdf_a_month_is_a_series_in_the_order_of_its_dates(tmp_path, mapped, on_grid):
    levels = np.arange(12.0)
    paths = []
    for month in (11, 3, *(m for m in range(12) if m not in (11, 3))):
        paths.append(tmp_path / f"{month:02d}.nc")
        stamp = pd.to_datetime([f"2023-{month + 1:02d}-15"])
        monthly([levels[month]], stamp).to_netcdf(paths[-1])
    settings = raster_settings(path=["a", "b"], over_time="mean")
    found = raster_on_grid(paths, settings, mapped, period=PERIOD)
    days = pd.date_range("2023-01-01", periods=12, freq="MS").days_in_month
    expected = on_grid(monthly([np.average(levels, weights=days)]), band=1)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert "years 2023" in found.attrs["source"]


def test_bounds_of_time_count_where_the_file_has_them(on_grid):
    dataset = monthly([1.0, 4.0], pd.to_datetime(["2023-12-31", "2024-12-31"]))
    years = np.array(["2023-01-01", "2024-01-01", "2025-01-01"], "M8[ns]")
    ends = np.column_stack([years[:-1], years[1:]])
    dataset["time_bounds"] = (("time", "ends"), ends)
    dataset["time"].attrs["bounds"] = "time_bounds"
    dataset["time"].encoding["units"] = "days since 2000-01-01"
    found = on_grid(dataset, variable="t", period=PERIOD, over_time="mean")
    np.testing.assert_allclose(found, on_grid(monthly([2.5]), band=1), atol=1e-4)
