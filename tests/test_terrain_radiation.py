import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pvlib import clearsky, irradiance
from pvlib.location import Location

from helpers import terrain
from helpers.storage import ContractError
from helpers.terrain.radiation import ALBEDO, DAYS, LINKE_TURBIDITY, REPRESENTATIVE_DAY


def plane(latitude, tilt=0.0, azimuth=180.0, elevation=500.0, n=3):
    """A plane around 122 E that faces an azimuth from true north, degrees; 100 m cells."""
    step = 100.0 * (np.arange(n) - n // 2)
    x, y = np.meshgrid(step, -step)
    down = x * np.sin(np.radians(azimuth)) + y * np.cos(np.radians(azimuth))
    z = elevation - np.tan(np.radians(tilt)) * down
    layer = xr.DataArray(z, {"y": -step, "x": step}, ("y", "x"))
    return layer.rio.write_crs(f"+proj=laea +lat_0={latitude} +lon_0=122 +datum=WGS84")


def radiation(*place, month=None, **more):
    """Of the middle cell of a plane."""
    found = terrain.clear_sky_radiation(plane(*place, **more), month)
    return float(found[found.shape[0] // 2, found.shape[1] // 2])


def pvlib_mean(latitude, tilt, azimuth, elevation, month):
    """Mean of a day by pvlib's own chain: NREL sun position at the place, every five minutes."""
    day = pd.Timestamp(2023, 1, 1, tz="UTC") + pd.Timedelta(days=REPRESENTATIVE_DAY[month - 1] - 1)
    times = pd.date_range(day - pd.Timedelta(hours=8), periods=288, freq="5min")
    place = Location(latitude, 122.0, altitude=elevation)
    sun = place.get_solarposition(times)
    mass = place.get_airmass(solar_position=sun)["airmass_absolute"]
    outside = irradiance.get_extra_radiation(times)
    sky = clearsky.ineichen(
        sun["apparent_zenith"], mass, LINKE_TURBIDITY, elevation, dni_extra=outside
    )
    tilted = irradiance.get_total_irradiance(
        tilt, azimuth, sun["apparent_zenith"], sun["azimuth"], sky["dni"], sky["ghi"], sky["dhi"],
        albedo=ALBEDO, model="isotropic",
    )  # fmt: skip
    return tilted["poa_global"].fillna(0).mean()


@pytest.mark.parametrize("month", [1, 4, 6, 10])
@pytest.mark.parametrize(
    "latitude, tilt, azimuth, elevation",
    [(52.3, 0, 180, 850), (52.3, 20, 200, 850), (47.6, 30, 20, 130), (40.1, 15, 90, 3075)],
)
def test_agrees_with_the_chain_of_pvlib_at_a_point(latitude, tilt, azimuth, elevation, month):
    """Within 0.8 W m-2, of which the bending of light near the horizon is the most."""
    found = radiation(latitude, tilt, azimuth, elevation, month=month)
    expected = pvlib_mean(latitude, tilt, azimuth, elevation, month)
    assert found == pytest.approx(expected, abs=0.8)


def test_the_year_is_the_mean_of_its_months():
    z = plane(50.3, 10, 130, n=4)
    months = [DAYS[m - 1] * terrain.clear_sky_radiation(z, m) for m in range(1, 13)]
    np.testing.assert_allclose(
        terrain.clear_sky_radiation(z)[1:-1, 1:-1], sum(months)[1:-1, 1:-1] / 365.25, rtol=1e-6
    )


def test_the_side_towards_the_noon_sun_gets_more():
    for latitude, sunny in ((50.0, 180), (-50.0, 0)):
        assert radiation(latitude, 15, sunny) > radiation(latitude) + 15
        assert radiation(latitude) > radiation(latitude, 15, 180 - sunny) + 15


def test_morning_and_evening_sides_get_the_same():
    assert radiation(50.0, 15, 90) == pytest.approx(radiation(50.0, 15, 270), rel=1e-5)


def test_level_ground_at_equator_and_pole():
    """No sun at the pole in winter; there, midsummer beats the equator's; not so the year."""
    assert radiation(89.9, month=12) == 0
    assert radiation(89.9, month=6) > 0.9 * radiation(0.0, month=6)
    assert radiation(0.0) > 1.9 * radiation(89.9)
    assert radiation(0.0, month=3) == pytest.approx(radiation(0.0, month=9), rel=0.03)


def test_it_grows_with_elevation_without_stairs():
    """Linear between levels of 100 m: steps of 20 m grow evenly."""
    heights = np.arange(500.0, 1501, 20)
    steps = np.diff([radiation(50.0, elevation=height) for height in heights])
    assert (steps > 0).all() and np.abs(np.diff(steps)).max() < 0.1 * steps.max()


def test_it_falls_smoothly_across_whole_degrees_of_latitude():
    found = np.array([radiation(latitude, 10, 180) for latitude in np.arange(49.5, 51.5, 0.1)])
    assert (np.diff(found) < 0).all() and np.abs(np.diff(found, 2)).max() < 0.05


def test_without_a_crs_the_latitude_is_unknown():
    with pytest.raises(ContractError, match="names no CRS, so the latitude"):
        terrain.clear_sky_radiation(plane(50.0).drop_vars("spatial_ref"))
