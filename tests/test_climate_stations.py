import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from helpers import climate
from helpers.covariates import build_covariates, read_stations, station_errors
from helpers.storage import ContractError
from helpers.study import load_study

METHODS = list(climate.INTERPOLATIONS)


@pytest.fixture(scope="module")
def network(study):
    """Position, table of stations, and spread within the months, of the embedded study."""
    stations, position = read_stations(study)
    return position, stations, study.climate.within_month_sd_c


@pytest.fixture(scope="module")
def comparison(network):
    position, stations, spread = network
    north = ("north of 46 N", stations["lat"] > 46)
    return climate.compare_interpolations(position, stations, spread, subset=north)


def rmse_of(comparison, stations):
    rows = comparison[comparison["stations"] == stations]
    return rows.pivot(index="quantity", columns="method", values="rmse")


@pytest.mark.parametrize("method", METHODS)
def test_every_surface_gives_a_linear_climate_back_exactly(method):
    rng = np.random.default_rng(1)
    position = rng.uniform(0, 1, (30, 3)) * [1e6, 1e6, 1500]
    values = position @ [[1e-6], [-2e-6], [-0.006]] + 5
    surface = climate.StationSurface.fit(position[:20], values[:20], method=method)
    np.testing.assert_allclose(surface(position[20:]), values[20:], atol=1e-6)


def test_without_smoothing_the_surface_passes_through_the_stations():
    rng = np.random.default_rng(2)
    position, values = rng.uniform(0, 1, (15, 3)), rng.normal(size=(15, 2))
    surface = climate.StationSurface.fit(position, values, smoothing=0)
    np.testing.assert_allclose(surface(position), values, atol=1e-8)


def waves(noise_c, n=120, seed=4):
    """Stations of a wavy field with independent errors; then fresh places and their truth."""
    rng = np.random.default_rng(seed)
    position = rng.uniform(0, 1, (n + 200, 3)) * [1e6, 1e6, 1]
    truth = np.column_stack([np.sin(position[:, 0] / 1.5e5), np.cos(position[:, 1] / 1.5e5)])
    observed = truth[:n] + rng.normal(0, noise_c, (n, 2))
    return position[:n], observed, position[n:], truth[n:]


def test_kriging_finds_a_field_that_a_trend_cannot():
    position, observed, fresh, truth = waves(noise_c=0.05)
    kriged, trend = (
        climate.StationSurface.fit(position, observed, method=m)(fresh)
        for m in ("kriging", "trend")
    )
    assert np.std(trend - truth) > 0.5
    assert np.std(kriged - truth) < 0.15


def test_kriging_smooths_errors_of_stations_and_not_a_field_without_error():
    for noise, low, high in ((0.0, 0, 0.06), (0.5, 0.2, 0.6)):
        position, observed, *_ = waves(noise)
        kriged = climate.StationSurface.fit(position, observed, method="kriging")(position)
        assert low <= np.std(kriged - observed) < high


def test_kriging_of_nothing_but_noise_is_the_trend():
    rng = np.random.default_rng(5)
    position, values = rng.uniform(0, 1, (60, 3)), rng.normal(size=(60, 12))
    kriged, trend = (
        climate.StationSurface.fit(position, values, method=m)(position)
        for m in ("kriging", "trend")
    )
    assert np.abs(kriged - trend).max() < 0.2


def test_kriging_many_places_is_kriging_each(network):
    position, stations, _ = network
    values = climate.station_months(stations)[0]
    surface = climate.StationSurface.fit(position, values, method="kriging")
    many = np.tile(position, (400, 1))  # more than are computed at once
    np.testing.assert_allclose(surface(many)[-len(position) :], surface(position), atol=1e-9)


def test_an_unknown_interpolation_is_named():
    with pytest.raises(ContractError, match="'idw'; choices: thin_plate_spline, kriging, trend"):
        climate.StationSurface.fit(np.eye(5)[:, :3], np.eye(5), method="idw")


FLAT = np.random.default_rng(6).uniform(0, 1, (8, 3)) * [1e6, 1e6, 0] + [0, 0, 500]
LINE = FLAT[:, [0, 0, 1]]
MERIDIAN = FLAT * [0, 1, 1] + np.arange(8)[:, np.newaxis] ** 2 * [0, 0, 1]
PLANE = FLAT + FLAT[:, :1] * [0, 0, 1e-3]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("position", "message"),
    [
        (FLAT[:2], "2 stations with all months; at least 5 are needed .*, 6 to leave each out"),
        (FLAT, "all 8 stations lie at 500 m; how climate changes with elevation cannot be told"),
        (LINE, "the 8 stations lie on one line"),
        (MERIDIAN, "the 8 stations lie on one line"),
        (PLANE, "the 8 stations .* or their elevation rises evenly"),
    ],
)
def test_stations_that_cannot_tell_a_trend_are_refused(method, position, message):
    with pytest.raises(ContractError, match=f"station values: {message}"):
        climate.StationSurface.fit(position, position[:, :2], method=method)


def test_few_stations_are_refused_by_what_they_lack(network):
    position, stations, spread = network
    with pytest.raises(ContractError, match="station temperature: 2 stations with all months"):
        climate.leave_one_station_out(position[:3], stations[:3], spread)
    dry = stations.assign(**{f"p{m}": np.nan for m in climate.MONTHS})
    with pytest.raises(ContractError, match="station precipitation: 0 stations with all months"):
        climate.StationClimate.fit(position, dry, spread)
    with pytest.raises(ContractError, match="regional regression: all 65 stations lie at 300 m"):
        climate.regional_regressions(stations, np.full(65, 300.0), spread)


@pytest.mark.parametrize("method", METHODS)
def test_a_station_left_out_does_not_see_itself(network, method):
    """Changing a station's own values must not change its own prediction."""
    position, stations, spread = network[0][::6], network[1][::6].reset_index(), network[2]
    changed = stations.copy()
    changed.loc[3, [f"t{m}" for m in climate.MONTHS]] += 40
    before = climate.leave_one_station_out(position, stations, spread, method)
    after = climate.leave_one_station_out(position, changed, spread, method)
    here = before["station"] == stations["station"][3]
    pd.testing.assert_series_equal(before[here]["predicted"], after[here]["predicted"])
    assert not np.allclose(before["predicted"], after["predicted"])


def test_all_quantities_of_a_station_with_all_months_are_predicted(network):
    position, stations, spread = network
    errors = climate.leave_one_station_out(position, stations, spread)
    counts = errors["station"].value_counts()
    assert counts["Hailar"] == len(climate.QUANTITIES)
    rain = errors[errors["quantity"].str.contains("precipitation")]
    assert "Mohe" not in set(rain["station"])  # its record lacks precipitation
    assert counts["Mohe"] == len(climate.QUANTITIES) - rain["quantity"].nunique()


def test_regional_regressions_leave_out_as_scikit_learn_does(network):
    position, stations, spread = network
    north = stations["lat"].to_numpy() > 46
    place = np.column_stack([stations[["lon", "lat"]], position[:, 2]])[north]
    table = climate.regional_regressions(stations[north], position[north, 2], spread)
    for quantity in ("mean_annual_air_temperature", "precipitation"):
        found = table[table["quantity"] == quantity]
        known = stations["station"][north].isin(found["station"]).to_numpy()
        expected = cross_val_predict(
            LinearRegression(), place[known], found["observed"], cv=LeaveOneOut()
        )
        np.testing.assert_allclose(found["predicted"], expected)
        fitted = LinearRegression().fit(place[known], found["observed"]).predict(place[known])
        np.testing.assert_allclose(found["fitted"], fitted)


def test_the_comparison_holds_every_method_quantity_and_region_once(comparison):
    assert not comparison.duplicated(["method", "stations", "quantity"]).any()
    regions = comparison.groupby("stations")["method"].unique().map(set)
    assert regions["all"] == set(METHODS)
    assert regions["north of 46 N"] == {*METHODS, "regression north of 46 N"}
    assert (comparison.groupby(["method", "stations"]).size() == len(climate.QUANTITIES)).all()


def test_the_comparison_sums_up_the_errors_of_the_stations(network, comparison):
    position, stations, spread = network
    errors = climate.leave_one_station_out(position, stations, spread, "trend")
    north = errors[errors["station"].isin(stations["station"][stations["lat"] > 46])]
    error = north.loc[north["quantity"] == "thawing_degree_days", "error"]
    row = comparison.query(
        "method == 'trend' and stations == 'north of 46 N' and quantity == 'thawing_degree_days'"
    ).iloc[0]
    assert (row["n"], row["units"]) == (len(error), "degC d")
    assert (row["rmse"], row["bias"]) == pytest.approx((np.sqrt((error**2).mean()), error.mean()))


def test_a_surface_of_the_residuals_beats_the_trend_alone(comparison):
    rmse = rmse_of(comparison, "all")
    for method in ("thin_plate_spline", "kriging"):
        assert (rmse[method] < rmse["trend"]).all()


def test_spline_and_kriging_differ_by_less_than_a_reason_to_change_the_default(comparison):
    """Kriging is better by 10 % in no quantity: the spline stays."""
    for region in ("all", "north of 46 N"):
        rmse = rmse_of(comparison, region)
        assert (rmse["kriging"] > 0.9 * rmse["thin_plate_spline"]).all()


def test_left_out_errors_exceed_those_of_the_fit(comparison):
    regressions = comparison[comparison["method"] == "regression north of 46 N"]
    assert (regressions["rmse"] > regressions["in_sample_rmse"]).all()
    assert comparison["in_sample_rmse"].notna().sum() == len(regressions)


@pytest.mark.parametrize("inside", [[True] * 5 + [False] * 60, [True] * 10])
def test_a_region_of_few_stations_or_a_mask_of_other_length_is_named(network, inside):
    with pytest.raises(ContractError, match=r"subset 'here' marks \d+ of \d+ .* mask of 65"):
        climate.compare_interpolations(*network, methods=(), subset=("here", inside))


def test_station_errors_are_of_the_size_published_regressions_have(study):
    """Regressions north of 46 N left 0.70 deg C in MAAT in-sample; held out is up to twice that."""
    errors = station_errors(study)
    north = errors[errors["lat"] > 46]
    rmse = north.groupby("quantity")["error"].apply(lambda e: np.sqrt((e**2).mean()))
    assert 0.7 < rmse["mean_annual_air_temperature"] < 1.4
    assert rmse["thawing_degree_days"] < 200


def test_the_study_chooses_the_interpolation_of_its_layers(edit_study):
    folder = edit_study(
        ('"thin_plate_spline"', '"kriging"'),
        ("resolution_m = 1000 ", "resolution_m = 50000 "),
        ('quantity = "frost_number"', 'quantity = "continentality"'),
    )
    layers = build_covariates(load_study(folder), progress=False)
    assert layers["TDD"].attrs["source"].endswith("kriging of its residuals")
    assert layers["frost_number"].attrs["units"] == "1"
    assert 40 < float(layers["frost_number"].min()) < float(layers["frost_number"].max()) < 100


def test_the_study_chooses_the_interpolation_of_its_errors(edit_study):
    study = load_study(edit_study(('"thin_plate_spline"', '"trend"')))
    stations, position = read_stations(study)
    spread = study.climate.within_month_sd_c
    expected = climate.leave_one_station_out(position, stations, spread, "trend")
    found = station_errors(study)
    pd.testing.assert_frame_equal(found[expected.columns], expected)
    assert found[["lon", "lat"]].notna().all(axis=None)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Hailar,50527", "Chara,50527", "station Chara listed more than once"),
        ("Hailar,50527,119.7,", "Hailar,50527,,", "station Hailar has no place"),
    ],
)
def test_a_station_that_cannot_be_placed_is_named(study_folder, old, new, message):
    file = study_folder / "climate_stations.csv"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ContractError, match=rf"climate_stations\.csv: {message}"):
        read_stations(load_study(study_folder))
