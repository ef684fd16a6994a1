"""Strings, faults and files of the virtual survey."""

import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest

from helpers.boreholes import annual_profile, read_boreholes, thaw_depth
from helpers.storage import ContractError
from helpers.virtual import strings
from helpers.virtual.faults import FAULTS, plant, suits
from helpers.virtual.files import survey_records, write_survey
from helpers.virtual.workbook import DIALECTS

IN_TIME = ["spikes", "stuck_sensor", "stopped_logger", "step", "drift", "curtain_offset"]
KINDS = ["workbook"] * 7 + ["pipeline"] * 3 + ["gtnp"] * 2 + ["profiles"] * 3
SEED = 5


def make_holes(kinds=KINDS, **columns):
    """A row of holes 10 km apart, shallow and deep in turn."""
    number = np.arange(len(kinds))
    table = {
        "site": [f"T{n:02d}" for n in number],
        "longitude": 122 + number * 0.15,
        "latitude": 51.0,
        "elevation_m": 500.0 + number,
        "setting": "natural",
        "format": kinds,
        "deepest_m": np.where(number % 2, 20.0, 9.0),
        "t15_true_c": -1.5 + 0.1 * number,
        "gradient_c_per_m": 0.03,
        "surface_amplitude_c": 12.0,
        "damping_depth_m": 2.5,
        "trend_c_per_a": 0.02,
        "fault": "",
    }
    return pd.DataFrame({**table, **columns})


def one_hole(kind="gtnp", **columns):
    return make_holes([kind], **{"deepest_m": 20.0, **columns}).iloc[0]


def with_and_without(fault, kind="workbook"):
    """Records, sites and key of one faulty hole, and the records of the same hole without."""
    holes = make_holes([kind], deepest_m=20.0)
    clean, _ = survey_records(holes, SEED)
    spoilt, _ = survey_records(holes.assign(fault=fault), SEED)
    return spoilt.records, spoilt.sites.iloc[0], clean.records


def key_of(fault, folder, kind="workbook"):
    key = write_survey(make_holes([kind], deepest_m=20.0, fault=fault), folder, SEED)
    return key[key["fault"] == fault]


def change_of(fault, kind="gtnp"):
    """What the fault adds to each sensor (times x depths), deg C, and the depths in the key."""
    hole = one_hole(kind, fault=fault)
    clean = strings.delivered_string(hole, kind, np.random.default_rng(1))
    spoilt, _, key = plant(clean, hole, np.random.default_rng(2))
    wide = [
        t.pivot(index="time", columns="depth_m", values="temperature_c") for t in (clean, spoilt)
    ]
    change = wide[1] - wide[0]
    touched = (change.abs() > 0).any()
    assert change.columns[touched].to_list() == sorted(key["depth_m"])
    return change.loc[:, touched].dropna(), *wide


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    folder = tmp_path_factory.mktemp("survey")
    write_survey(make_holes(), folder, SEED)
    data, _ = survey_records(make_holes(), SEED)
    return folder, data.records, data.sites


# --- strings ---------------------------------------------------------------------------------


def test_annual_amplitude_falls_to_one_eth_per_damping_depth():
    """Where it is so cold that no latent heat counts."""
    days = pd.date_range("2023-01-01", periods=365)
    hole = one_hole(trend_c_per_a=0.0, t15_true_c=-40.0)
    year = strings.string_temperatures(hole, days, np.array([0.0, 2.5, 5.0]))
    assert np.ptp(year, axis=0) / 2 == pytest.approx([12.0, 4.4146, 1.6240], abs=0.002)


def test_the_wave_comes_later_with_depth():
    """One damping depth is one radian, that is 365.25 / 2 pi = 58 days."""
    year = strings.string_temperatures(one_hole(), strings.DAYS[:365], np.array([0.0, 2.5]))
    assert np.diff(year.argmax(axis=0)) == pytest.approx(58, abs=1)


def test_a_wave_of_four_years_has_twice_the_damping_depth_and_comes_four_times_two_radians_later():
    hole = one_hole(trend_c_per_a=0.0, t15_true_c=-40.0, surface_amplitude_c=0.0)
    days, four_years = pd.date_range("2021-01-01", periods=1461), np.array([[1.0, 4.0, 0.5]])
    wave = strings.string_temperatures(hole, days, np.array([0.0, 5.0]), four_years)
    assert np.ptp(wave, axis=0) / 2 == pytest.approx([1, 1 / np.e], abs=1e-4)
    assert np.diff(wave.argmax(axis=0)) == pytest.approx(1461 / 2 / np.pi, abs=1)


def test_years_differ_by_0_8_deg_c_at_the_surface_and_by_half_a_degree_at_2_m():
    days = pd.date_range("2000-01-01", "2019-12-31")
    hole = one_hole(trend_c_per_a=0.0, t15_true_c=-40.0, surface_amplitude_c=0.0)
    daily, annual = [], []
    for seed in range(100):
        years = strings.draw_years(np.random.default_rng(seed))
        course = strings.string_temperatures(hole, days, np.array([0.0, 2.0, 15.0]), years)
        daily.append(course.var(axis=0))
        annual.append(pd.DataFrame(course).groupby(days.year).mean().var())
    assert np.sqrt(np.mean(daily, axis=0))[0] == pytest.approx(0.8, rel=0.1)
    at_surface, at_2_m, at_15_m = np.sqrt(np.mean(annual, axis=0))
    assert at_2_m == pytest.approx(0.5, abs=0.05) and at_15_m < 0.05 < at_2_m < at_surface


@pytest.mark.parametrize("trend", [0.0, 0.03])
@pytest.mark.parametrize("t15", [-1.5, 0.05, 2.0])
def test_two_year_mean_is_the_truth_at_15_m_and_follows_the_gradient(trend, t15):
    hole = one_hole(trend_c_per_a=trend, t15_true_c=t15, surface_amplitude_c=16.0)
    depths = np.array([3.0, 15.0, 35.0])
    mean = strings.string_temperatures(hole, strings.DAYS, depths).mean(axis=0)
    assert mean == pytest.approx(t15 + 0.03 * (depths - 15), abs=0.01)
    for seed in range(20):
        years = strings.draw_years(np.random.default_rng(seed))
        year = strings.string_temperatures(hole, strings.DAYS, depths, years)
        assert year[:, 1].mean() == pytest.approx(t15, abs=1e-9)


def test_the_ground_warms_by_the_trend_which_weakens_with_depth():
    hole, depths = one_hole(surface_amplitude_c=0.0), np.array([0.0, 40.0])
    century = pd.to_datetime(["1924-01-01", "2024-01-01"])
    warming = np.diff(strings.string_temperatures(hole, century, depths), axis=0)[0]
    assert warming == pytest.approx([2.0, 2.0 / np.e], rel=1e-3)


def test_chains_have_no_sensor_at_15_m_and_end_where_the_hole_ends():
    assert strings.sensor_depths(one_hole(deepest_m=9.0))[-3:] == pytest.approx([6, 8, 9])
    assert strings.sensor_depths(one_hole(deepest_m=15.0))[-1] == 14
    for kind, deepest in [("gtnp", 22.0), ("pipeline", 40.0)]:
        depths = strings.sensor_depths(one_hole(kind, deepest_m=deepest))
        assert {14.0, 16.0} <= set(depths) and 15.0 not in depths and (np.diff(depths) > 0).all()


def test_measured_strings_are_right_at_15_m_but_for_the_calibration_of_two_sensors():
    hole, depths = one_hole(), np.array([14.0, 16.0])
    error = [
        strings.measured(hole, strings.DAYS, depths, np.random.default_rng(n)).mean() + 1.5
        for n in range(200)
    ]
    expected = strings.CALIBRATION_SD_C / np.sqrt(2)
    assert abs(np.mean(error)) < 3 * expected / np.sqrt(200)
    assert np.std(error) == pytest.approx(expected, rel=3 / np.sqrt(400))


def test_weather_is_noise_near_the_surface_only():
    """In a hole so cold that nothing thaws, where no zero curtain holds the weather back."""
    hole, depths = one_hole(t15_true_c=-40.0), np.array([0.5, 10.0])
    noise = strings.measured(hole, strings.DAYS, depths, np.random.default_rng(0))
    years = strings.draw_years(np.random.default_rng(0).spawn(1)[0])
    noise = noise - strings.string_temperatures(hole, strings.DAYS, depths, years)
    assert noise.std(axis=0) == pytest.approx([2.5 / np.e, 0.02], rel=0.15)


def test_latent_heat_leaves_the_wave_what_the_ground_is_away_from_zero():
    """One damping depth down that is all: 1.875 of 4.415 deg C; above it 15 (1 - z/d) is added."""
    hole, depths = one_hole(), np.array([0.0, 2.0, 2.5, 5.0])
    share = strings.latent_share(hole, depths)
    at_2_m = (1.89 + 15 * 0.2) / (12 * np.exp(-0.8))
    left = 1.875 / (12 * np.exp(-1))
    np.testing.assert_allclose(share, [[1, at_2_m, left, left]])


def test_waves_of_the_years_take_at_most_half_of_what_latent_heat_leaves():
    hole, years = one_hole(), np.array([[2.0, 4.0, 0.0], [1.0, 4.0, 1.0]])
    of_the_years = 1.875 / 2 / (3 * np.exp(-0.5))
    share = strings.latent_share(hole, np.array([2.5]), years)
    annual = 1.875 / 2 / (12 * np.exp(-1))
    np.testing.assert_allclose(share[:, 0], [annual, of_the_years, of_the_years])


@pytest.mark.parametrize("t15", [-4.0, -1.0, -0.5, 0.5, 1.0, 4.0])
def test_permafrost_never_thaws_below_3_m_and_unfrozen_ground_never_freezes(t15):
    hole = one_hole(t15_true_c=t15, trend_c_per_a=0.0, gradient_c_per_m=0.01)
    for seed in range(20):
        years = strings.draw_years(np.random.default_rng(seed))
        ground = strings.string_temperatures(hole, strings.DAYS, np.arange(3.0, 16.0), years)
        assert (np.sign(ground) == np.sign(t15)).all()


@pytest.mark.parametrize("t15", [-4.0, -2.0, -0.5, 0.8, 2.0, 4.0])
def test_permafrost_thaws_and_other_ground_freezes_1_to_3_m_deep(t15):
    hole = one_hole(t15_true_c=t15)
    delivered = [
        strings.delivered_string(hole, "workbook", np.random.default_rng(n)) for n in range(10)
    ]
    for records in delivered:
        turned = records.assign(temperature_c=records["temperature_c"] * -np.sign(t15))
        depth, state = thaw_depth(annual_profile(turned))
        assert state == "yes" and 1 < depth < 3


def test_the_zero_curtain_shrinks_departures_from_zero_by_two_degrees_at_the_surface():
    curve = np.array([[-5.0] * 4, [-0.3] * 4, [1.5] * 4])
    held = strings.with_zero_curtain(curve, np.array([0.0, 1.5, 3.0, 10.0]))
    expected = [[-3, -4, -5, -5], [0, 0, -0.3, -0.3], [0, 0.5, 1.5, 1.5]]
    np.testing.assert_allclose(held, expected, atol=1e-12)


def test_the_curtain_holds_a_sensor_for_weeks_and_no_deeper_one():
    """A wave of 8 deg C at 1 m crosses the +-1.33 deg C that vanish there in about 19 days."""
    hole = one_hole(t15_true_c=0.4, surface_amplitude_c=8 * np.exp(0.4), trend_c_per_a=0.0)
    depths = np.array([1.0, 3.0, 15.0])
    truth = strings.string_temperatures(hole, strings.DAYS[:365], depths)
    held = strings.with_zero_curtain(truth, depths)
    assert (held[:, 0] == 0).sum() / 2 == pytest.approx(2 * 4 / 3 / 8 * 365.25 / 2 / np.pi, abs=1)
    np.testing.assert_array_equal(held[:, 1:], truth[:, 1:])


# --- faults ----------------------------------------------------------------------------------


def test_units_and_signs_are_those_planted():
    for fault, expected in [
        ("kelvin", lambda t: t + 273.15),
        ("fahrenheit", lambda t: 1.8 * t + 32),
        ("sign_flipped", lambda t: -t),
    ]:
        spoilt, _, clean = with_and_without(fault)
        right = expected(clean["temperature_c"]).to_numpy()
        np.testing.assert_allclose(spoilt["temperature_c"], right, atol=6e-4)


def test_swapped_coordinates_touch_the_site_only():
    spoilt, site, clean = with_and_without("swapped_coordinates")
    assert (site["longitude"], site["latitude"]) == (51.0, 122.0)
    pd.testing.assert_frame_equal(spoilt, clean)


def test_depth_faults_change_the_depths_or_their_order_and_no_temperature():
    spoilt, _, clean = with_and_without("depth_in_cm")
    np.testing.assert_allclose(spoilt["depth_m"], 100 * clean["depth_m"])
    spoilt, _, _ = with_and_without("unsorted_depths")
    assert not spoilt["depth_m"].iloc[:15].is_monotonic_increasing
    keys = ["time", "depth_m"]
    sorted_again = spoilt.sort_values(keys)["temperature_c"].to_numpy()
    np.testing.assert_array_equal(sorted_again, clean.sort_values(keys)["temperature_c"])


def test_unsorted_depths_are_never_in_order_by_chance():
    hole = one_hole(deepest_m=1.0, fault="unsorted_depths")
    records = strings.delivered_string(hole, "gtnp", np.random.default_rng(1))
    for seed in range(10):
        spoilt, *_ = plant(records, hole, np.random.default_rng(seed))
        assert spoilt["depth_m"].to_list()[:2] == [1.0, 0.5]


def test_repeated_depth_comes_twice_in_file_and_key(tmp_path):
    key = key_of("repeated_depth", tmp_path, "gtnp")
    header = (tmp_path / "gtnp_T00.csv").read_text().splitlines()[0].split(",")
    assert header.count(f"{key['depth_m'].item():g}") == 2


@pytest.mark.parametrize("kind", ["workbook", "gtnp", "pipeline"])
@pytest.mark.parametrize("fault", ["spikes", "missing_code", "stuck_sensor"])
def test_faults_of_readings_are_where_the_key_says_and_nowhere_else(fault, kind, tmp_path):
    spoilt, _, clean = with_and_without(fault, kind)
    key = key_of(fault, tmp_path, kind).set_index(["time", "depth_m"])
    spoilt, clean = (t.set_index(["time", "depth_m"])["temperature_c"] for t in (spoilt, clean))
    changed = spoilt.index[~((spoilt == clean) | (spoilt.isna() & clean.isna()))]
    assert len(changed) >= 3 and set(changed) <= set(key.index)
    there = spoilt[key.index]
    if fault == "missing_code":
        assert (there == -999).all()
    elif fault == "spikes":
        assert (there - clean[key.index]).abs().between(7.99, 15.01).all()
    else:
        assert there.nunique() == 1 and len(there) == spoilt.index.levshape[0] // 2


def test_missing_code_stands_in_the_file_as_minus_999(tmp_path):
    key = key_of("missing_code", tmp_path, "pipeline")
    assert (tmp_path / "pipeline_T00.csv").read_text().count(",-999\n") == len(key)


def test_disordered_sensor_leaves_the_line_of_its_neighbours(tmp_path):
    spoilt, _, clean = with_and_without("disordered_sensor", "profiles")
    key = key_of("disordered_sensor", tmp_path, "profiles")
    difference = (spoilt["temperature_c"] - clean["temperature_c"]).abs()
    assert spoilt["depth_m"][difference > 0].to_list() == key["depth_m"].to_list()
    assert 3 <= difference.max() <= 5


def test_a_step_stays_from_the_middle_half_of_the_record_on():
    change, clean, _ = change_of("step")
    jump = change.iloc[-1].item()
    assert 1.499 < abs(jump) < 3.001 and 2 <= change.columns.item() <= 12
    first = clean.index.get_loc(change.index[(change != 0).to_numpy().ravel()][0])
    assert len(clean) // 4 <= first < len(clean) * 3 / 4
    np.testing.assert_allclose(change.loc[clean.index[first] :], jump, atol=1e-6)


def test_a_drift_grows_by_the_same_every_year():
    change, clean, _ = change_of("drift")
    years = (change.index - clean.index[0]) / pd.Timedelta(days=365.25)
    rate, offset = np.polyfit(years, change.to_numpy().ravel(), 1)
    assert 1.2 <= abs(rate) <= 2 and abs(offset) < 0.001
    np.testing.assert_allclose(change.to_numpy().ravel(), rate * years, atol=0.001)


def test_swapped_sensors_read_what_the_other_should():
    _, clean, spoilt = change_of("swapped_sensors")
    upper, lower = clean.columns[(clean != spoilt).where(clean.notna()).fillna(0).any()]
    assert np.ptp(clean[upper].dropna()) - np.ptp(clean[lower].dropna()) >= 1.5
    assert 1 <= upper <= lower - 2.5 and lower <= 8
    np.testing.assert_array_equal(spoilt[[upper, lower]], clean[[lower, upper]])


def test_a_curtain_offset_is_constant_and_small():
    change, *_ = change_of("curtain_offset")
    assert 0.5 <= change.columns.item() <= 1.5
    assert 0.399 < abs(change.iloc[0].item()) < 0.801
    assert np.ptp(change.to_numpy()) < 1e-6


def test_only_ground_that_freezes_and_thaws_shows_a_curtain():
    """At 0.5 m a wave of 12 deg C keeps 9.8, less 1.7 in the curtain: 6.6 deg C is too warm."""
    assert suits("curtain_offset", one_hole(t15_true_c=6.0))
    assert not suits("curtain_offset", one_hole(t15_true_c=8.0))
    assert not suits("curtain_offset", one_hole(t15_true_c=-8.0))


def test_an_elevation_in_feet_is_of_a_site_above_250_m():
    hole = one_hole(fault="elevation_in_feet")
    _, site, _ = plant(pd.DataFrame({"temperature_c": []}), hole, np.random.default_rng(1))
    assert site["elevation_m"] == pytest.approx(1640.4)
    assert not suits("elevation_in_feet", one_hole(elevation_m=240.0))


def test_a_stopped_logger_leaves_five_months():
    spoilt, _, _ = with_and_without("stopped_logger")
    assert spoilt["time"].nunique() == 5
    assert spoilt["time"].max() - spoilt["time"].min() < pd.Timedelta(days=124)


def test_an_old_profile_is_of_1978_to_1985_and_colder_by_the_trend():
    spoilt, _, clean = with_and_without("outside_period", "profiles")
    assert set(spoilt["year_start"]) == {1978} and set(spoilt["year_end"]) == {1985}
    colder = clean["temperature_c"] - spoilt["temperature_c"]
    expected = 42 * 0.02 * np.exp(-clean["depth_m"] / 40)
    np.testing.assert_allclose(colder, expected, atol=6e-4)


def test_a_duplicate_is_the_string_of_its_neighbour_under_another_code():
    holes = make_holes(["workbook", "workbook", "gtnp"], deepest_m=[20.0, 9.0, 6.0])
    holes.loc[2, ["fault", "longitude"]] = ["duplicate", holes.loc[0, "longitude"] + 1e-4]
    records = survey_records(holes, SEED)[0].records
    records = records[records["temperature_c"] != -999]
    mean = records.groupby(["site", "depth_m"])["temperature_c"].mean()
    below = [10.0, 14.0, 20.0]
    np.testing.assert_allclose(mean["T02"][below], mean["T00"][below], atol=0.02)
    assert mean["T02"].index.equals(mean["T00"].index)


@pytest.mark.parametrize("fault", list(FAULTS))
def test_every_fault_is_in_the_key_and_a_function_of_the_seed(fault):
    hole = one_hole("profiles" if fault == "outside_period" else "gtnp", fault=fault)
    records = strings.delivered_string(hole, hole["format"], np.random.default_rng(1))
    first, again = (plant(records, hole, np.random.default_rng(2)) for _ in range(2))
    assert set(first[2]["fault"]) == {fault} and set(first[2]["site"]) == {"T00"}
    for one, other in zip(first, again, strict=True):
        assert one.equals(other)


@pytest.mark.parametrize("fault", IN_TIME)
def test_a_mean_over_years_cannot_take_a_fault_in_time(fault):
    with pytest.raises(ValueError, match=f"T00: fault '{fault}' needs readings in time"):
        survey_records(make_holes(["profiles"], fault=fault), SEED)


def test_what_cannot_be_planted_is_refused_with_site_and_remedy(tmp_path):
    for columns, message in [
        ({"fault": "gremlin"}, "T00: unknown fault 'gremlin'. Choices: kelvin"),
        ({"fault": "outside_period"}, "T00: an old profile needs format 'profiles'"),
        ({"fault": "curtain_offset", "t15_true_c": 9.0}, "needs a sensor from 0.5 to 1.5 m that"),
        ({"fault": "elevation_in_feet", "elevation_m": 9.0}, "needs an elevation above 250 m"),
        ({"fault": ["duplicate", ""]}, r"'T00' has no other hole within 1 km \(nearest: 10.5 km"),
        ({"format": ["workbook", "papyrus"]}, "site 'T01' has format 'papyrus'. Choices: workb"),
        ({"site": "T00"}, "site 'T00' comes twice"),
    ]:
        with pytest.raises((ValueError, ContractError), match=message):
            write_survey(make_holes(["gtnp", "gtnp"], **columns), tmp_path, SEED)
    assert not list(tmp_path.iterdir())


# --- files -----------------------------------------------------------------------------------


def test_two_runs_give_the_same_bytes_and_another_seed_others(survey, tmp_path):
    folder, *_ = survey
    write_survey(make_holes(), tmp_path / "again", SEED)
    write_survey(make_holes(), tmp_path / "other", SEED + 1)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name
    book = "ncdc_boreholes.xlsx"
    assert (folder / book).read_bytes() != (tmp_path / "other" / book).read_bytes()


def test_a_hole_draws_the_same_whatever_other_holes_there_are(survey):
    _, records, _ = survey
    alone = survey_records(make_holes().iloc[[9]], SEED)[0].records
    together = records[records["site"] == "T09"].reset_index(drop=True)
    assert together["temperature_c"].equals(alone["temperature_c"])


def test_the_workbook_depends_on_no_clock_compression_or_system(survey):
    with zipfile.ZipFile(survey[0] / "ncdc_boreholes.xlsx") as book:
        assert {entry.compress_type for entry in book.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.create_system for entry in book.infolist()} == {3}
        assert {entry.date_time for entry in book.infolist()} == {(2025, 1, 1, 0, 0, 0)}
        assert book.read("docProps/core.xml").count(b"2025-01-01T00:00:00Z") == 2


def test_every_dialect_of_the_workbook_opens_and_holds_the_measured_months(survey):
    folder, records, _ = survey
    path = folder / "ncdc_boreholes.xlsx"
    assert openpyxl.load_workbook(path).sheetnames == [f"T{n:02d}" for n in range(7)]
    for number, (site, sheet) in enumerate(pd.read_excel(path, sheet_name=None).items()):
        dialect = DIALECTS[number % len(DIALECTS)]
        n_times = len(dialect.time_headers)
        assert tuple(sheet.columns[:n_times]) == dialect.time_headers
        months = records[records["site"] == site]
        values = sheet.iloc[:, n_times:].to_numpy(dtype=float).ravel()
        np.testing.assert_array_equal(values, months["temperature_c"])
        np.testing.assert_array_equal(
            np.repeat(np.arange(24) + 2, months["depth_m"].nunique()), months["row"]
        )
        lost = months["temperature_c"] == dialect.lost if dialect.lost == -999 else values != values
        assert lost.sum() == 1


def test_text_files_hold_the_same_readings_as_the_tables_in_memory(survey):
    folder, records, _ = survey
    for path in sorted(folder.glob("pipeline_*.csv")):
        table = pd.read_csv(path)
        depth = table["depth_cm"] / 100 if "depth_cm" in table else table["depth_m"]
        expected = records[records["file"] == path.name].reset_index()
        np.testing.assert_array_equal(depth, expected["depth_m"])
        np.testing.assert_array_equal(table["temperature_c"], expected["temperature_c"])
        assert len(table) == 731 * depth.nunique() and path.stat().st_size < 350_000
    for path in folder.glob("gtnp_*.csv"):
        table = pd.read_csv(path, index_col="Date/Depth")
        expected = records[records["file"] == path.name]
        np.testing.assert_array_equal(table.to_numpy().ravel(), expected["temperature_c"])
        assert table.index[1] == "2023-01-11 00:00:00" and len(table) == 74
    profiles = pd.read_csv(folder / "profiles.csv")
    expected = records[records["file"] == "profiles.csv"]
    np.testing.assert_array_equal(profiles["temperature_c"], expected["temperature_c"])
    np.testing.assert_array_equal(expected["row"], np.arange(len(profiles)) + 2)


def test_the_survey_in_memory_is_what_a_reader_makes_of_the_files(tmp_path):
    faults = ["kelvin", "missing_code", "step", "", "swapped_sensors", "curtain_offset", "spikes"]
    faults += ["depth_in_cm", "", "drift", "repeated_depth", "elevation_in_feet"]
    holes = make_holes(fault=[*faults, "unsorted_depths", "outside_period", ""])
    write_survey(holes, tmp_path, SEED)
    patterns = ("*.xlsx", "pipeline_*.csv", "gtnp_*.csv", "profiles.csv")
    files = [path for pattern in patterns for path in sorted(tmp_path.glob(pattern))]
    read = read_boreholes(files, tmp_path / "sites.csv")
    data, _ = survey_records(holes, SEED)
    pd.testing.assert_frame_equal(read.records, data.records)
    pd.testing.assert_frame_equal(read.sites, data.sites, check_dtype=False)
    assert read.formats == data.formats


def test_sites_come_with_the_file_of_their_format(survey):
    folder, _, sites = survey
    by_code = pd.read_csv(folder / "sites.csv")
    pd.testing.assert_frame_equal(by_code, sites.iloc[:10, :5], check_dtype=False)
    lines = (folder / "gtnp_T10.txt").read_text().splitlines()
    assert lines[:3] == ["Site code: T10", "Longitude: 123.5", "Latitude: 51"]
    assert sites["file"].to_list()[10:13] == ["gtnp_T10.txt", "gtnp_T11.txt", "profiles.csv"]


def test_files_say_that_they_are_virtual_and_none_holds_the_key(survey, tmp_path):
    folder, *_ = survey
    properties = openpyxl.load_workbook(folder / "ncdc_boreholes.xlsx").properties
    assert "Virtual" in properties.title and "virtual" in properties.description
    assert (
        "Note: virtual borehole, made by helpers.virtual" in (folder / "gtnp_T10.txt").read_text()
    )
    assert set(pd.read_csv(folder / "profiles.csv")["note"]) == {"virtual"}
    key_of("kelvin", tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"ncdc_boreholes.xlsx", "sites.csv"}
    assert "kelvin" not in (tmp_path / "sites.csv").read_text()


def test_a_survey_of_112_holes_stays_below_4_mb(tmp_path):
    kinds = ["workbook"] * 42 + ["pipeline"] * 8 + ["gtnp"] * 22 + ["profiles"] * 40
    write_survey(make_holes(kinds), tmp_path, SEED)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 4_000_000
