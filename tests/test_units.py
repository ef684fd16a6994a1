import numpy as np
import pytest

from helpers.units import UnitError, amount_of_step, check_plausible, convert, is_convertible


@pytest.mark.parametrize(
    ("value", "stored", "wanted", "expected"),
    [
        (273.15, "K", "degC", 0.0),
        (0.0, "deg C", "Kelvin", 273.15),
        (-10.0, "degrees_C", "Celsius", -10.0),
        (50.0, "degF", "°C", 10.0),
        (-100.0, "0.1 degC", "degC", -10.0),
        (14_000.0, "0.02 K", "degC", 6.85),
        (1500.0, "K d", "degC d", 1500.0),
        (420.0, "kg m-2", "mm", 420.0),
        (0.42, "m of water equivalent", "mm", 420.0),
        (420.0, "mm", "kg/m2", 420.0),
        (1e-5, "kg m-2 s-1", "mm/day", 0.864),
        (25.0, "dg/kg", "g/kg", 2.5),
        (130.0, "cg/cm3", "g cm-3", 1.3),
        (250.0, "g/kg", "%", 25.0),
        (0.3, "m3 m-3", "%", 30.0),
        (45.0, "%", "1", 0.45),
        (180.0, "degrees", "radian", np.pi),
        (10.0, "m s-1", "km/h", 36.0),
    ],
)
def test_spellings_of_real_files_are_understood(value, stored, wanted, expected):
    assert float(convert(value, stored, wanted)) == pytest.approx(expected, abs=1e-9)


def test_conversion_there_and_back_keeps_values_missing_ones_and_float32():
    values = np.array([-40.0, np.nan, 12.5], np.float32)
    back = convert(convert(values, "degC", "K"), "K", "degC")
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, values, atol=1e-4)


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [("K", "mm"), ("%", "degree"), ("degree", "1"), ("mm", "mm/day"), ("m", "kg")],
)
def test_units_of_different_things_are_refused_by_both_names(stored, wanted):
    with pytest.raises(UnitError, match=f"'{stored}' cannot be converted to '{wanted}'"):
        convert(1.0, stored, wanted)
    assert not is_convertible(stored, wanted)


def test_a_unit_of_the_users_own_is_only_itself():
    assert float(convert(7.0, "land cover code", "land cover code")) == 7.0
    with pytest.raises(UnitError, match="'land cover code' are not understood"):
        convert(7.0, "land cover code", "mm")


@pytest.mark.parametrize(
    ("stored", "expected"),
    [("mm", 60.0), ("mm/month", 60.0), ("mm month-1", 60.0), ("mm/day", 1800.0), ("m", 60_000.0)],
)
def test_the_amount_of_a_step_of_30_days_from_amounts_and_rates(stored, expected):
    found = amount_of_step(np.array([60.0], np.float32), stored, "mm", 30.0)
    np.testing.assert_allclose(found, [expected], rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "units", "stored", "remedy"),
    [
        ([250, 300], "degC", None, r'stored_units = "K" they would be -23\.15 to 26\.85'),
        ([-250, 180], "degC", None, r'stored_units = "0\.1 degC" they would be -25 to 18'),
        ([-293.15, -263.15], "degC", "K", r'stored_units = "degC" they would be -20 to 10'),
        ([-20, 15], "K", None, r'stored_units = "degC" they would be 253\.15 to 288\.15'),
        ([0, 150_000], "mm", None, r'stored_units = "0\.1 mm"'),
        ([-9999, 3000], "m", None, "Check nodata, scale"),
        ([-181, 180], "degree", None, r'stored_units = "0\.1 degree"'),
        ([0, 255], "%", None, r'stored_units = "0\.1 %"'),
        ([-30, 1000], "degC d", None, "Check nodata, scale"),
    ],
)
def test_what_cannot_be_is_refused_with_the_unit_that_would_fit(values, units, stored, remedy):
    message = rf"a\.tif: values from .* cannot be: .* are expected\. .*{remedy}"
    with pytest.raises(UnitError, match=message):
        check_plausible([*values, np.nan], units, "a.tif", stored)


@pytest.mark.parametrize(
    ("values", "units"),
    [
        ([-60, 45], "degC"), ([0, 0.4], "mm"), ([-400, 8848], "metres"), ([0, 100.0001], "%"),
        ([-5, 5000], "1"), ([1e9], "land cover code"), ([np.nan], "degC"),
    ],
)  # fmt: skip
def test_what_can_be_or_is_not_known_is_left_alone(values, units):
    check_plausible(values, units, "a.tif")
