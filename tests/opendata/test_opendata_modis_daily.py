import numpy as np
import pytest

from helpers.opendata.modis_daily import (
    FEWEST_COMPLETE,
    FEWEST_FOR_HARMONIC,
    daily_mean,
    departures,
    fill_gaps,
    keep_reliable,
    season_of,
    to_celsius,
)

# Two years of composites; middle of each in days, and its season.
DAY = np.concatenate([year * 365 + np.arange(0, 365, 8) + 4 for year in (0, 1)]).astype(float)
SEASON = season_of((DAY % 365 // 30.5).astype(int) + 1)
OFF = np.array([8.0, -7.0, 10.0, -11.0])  # of the overpasses, from the mean of four


def wave(mean=-3.0, annual=20.0, semi=2.0):
    angle = 2 * np.pi * DAY / 365.2425
    return mean - annual * np.cos(angle - 0.3) + semi * np.sin(2 * angle)


def overpasses(n_cells=6):
    """Four overpasses (overpass, composite, 1, cell) whose mean is the wave in every cell."""
    return np.broadcast_to(
        (wave() + OFF[:, None])[..., None, None], (4, len(DAY), 1, n_cells)
    ).astype("float32")


def nowhere():
    return np.full((4, 4), np.nan)


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        (0b00000000, True),  # good, error at most 1 K
        (0b01000001, True),  # other quality, at most 2 K
        (0b10010001, True),  # at most 3 K, emissivity error at most 0.02
        (0b11000001, False),  # more than 3 K
        (0b00000010, False),  # not produced: cloud
        (0b00000011, False),  # not produced: other
    ],
)
def test_quality_codes_of_the_user_guide(code, kept):
    stored = np.array([14_000], "uint16")
    assert keep_reliable(stored, np.array([code], "uint8"))[0] == (14_000 if kept else 0)


def test_stored_steps_are_kelvin_and_what_no_surface_reaches_is_missing():
    stored = np.array([0, 7_500, 13_658, 15_000, 17_500], "uint16")  # fill, 150 K, ..., 350 K
    found = to_celsius(stored)
    np.testing.assert_allclose(found, [np.nan, np.nan, 0.01, 26.85, np.nan], atol=1e-4)
    assert found.dtype == np.float32


def test_four_overpasses_give_their_plain_mean():
    lst = overpasses() + np.random.default_rng(1).normal(0, 3, (4, len(DAY), 1, 6))
    found = daily_mean(lst.astype("float32"), SEASON, nowhere())
    np.testing.assert_allclose(found, lst.mean(axis=0), atol=1e-4)


def test_a_lone_overpass_gives_the_daily_mean_less_its_usual_departure():
    lst = overpasses()
    for composite in range(0, len(DAY), 3):  # all but one overpass missing, in turn
        lst[np.arange(4) != composite % 4, composite] = np.nan
    found = daily_mean(lst, SEASON, nowhere())
    np.testing.assert_allclose(found[:, 0, 0], wave(), atol=1e-4)


def test_departures_follow_the_season():
    lst = overpasses()
    lst[:, SEASON == 2] += OFF[:, None, None, None]  # twice as large in summer
    lst[1:, np.flatnonzero(SEASON == 2)[::2]] = np.nan
    found = daily_mean(lst, SEASON, nowhere())
    np.testing.assert_allclose(found[:, 0, 0], wave(), atol=1e-4)


def test_a_cell_with_few_complete_composites_takes_the_departures_of_the_tile():
    lst = overpasses(n_cells=2)
    complete = np.flatnonzero(SEASON == 0)[: FEWEST_COMPLETE - 1]
    lst[:, complete, :, 1] += 5 * OFF[:, None, None]  # odd, and too few to be believed
    gone = np.setdiff1d(np.arange(len(DAY)), complete)
    lst[1:, gone, :, 1] = np.nan
    elsewhere = np.tile(OFF, (4, 1))
    found = daily_mean(lst, SEASON, elsewhere)[:, 0, 1]
    np.testing.assert_allclose(found[gone], wave()[gone], atol=1e-4)
    assert np.isnan(daily_mean(lst, SEASON, nowhere())[gone, 0, 1]).all()


def test_departures_of_a_tile_are_the_sums_of_its_blocks():
    lst = overpasses() + np.random.default_rng(2).normal(0, 2, (4, len(DAY), 1, 6))
    lst[0, ::5] = np.nan
    whole, n_whole = departures(lst.astype("float32"), SEASON)
    parts = [departures(lst[..., c].astype("float32"), SEASON) for c in (slice(0, 2), slice(2, 6))]
    np.testing.assert_allclose(np.concatenate([s for s, _ in parts], axis=-1), whole)
    np.testing.assert_array_equal(np.concatenate([n for _, n in parts], axis=-1), n_whole)
    np.testing.assert_allclose(whole.sum(axis=1), 0, atol=1e-3)  # over the four overpasses


def test_no_overpass_is_no_daily_mean():
    lst = overpasses()
    lst[:, 10] = np.nan
    assert np.isnan(daily_mean(lst, SEASON, np.tile(OFF, (4, 1)))[10]).all()


def series_without(*missing):
    series = wave()[:, None, None].astype("float32").copy()
    series[list(missing)] = np.nan
    return series


def test_two_missing_composites_are_bridged_by_a_straight_line():
    filled = fill_gaps(series_without(20, 21), DAY, SEASON)[:, 0, 0]
    expected = np.interp(DAY[20:22], DAY[[19, 22]], wave()[[19, 22]])
    np.testing.assert_allclose(filled[20:22], expected, atol=1e-5)


def test_a_line_counts_days_not_composites():
    """The last composite of a year is short: its middle lies nearer to the next one's."""
    day = np.array([0.0, 8.0, 13.0, *np.arange(21, 500, 8.0)])
    series = day[:, None, None].astype("float32").copy()
    series[1] = np.nan
    filled = fill_gaps(series, day, np.zeros(len(day), int))
    assert filled[1, 0, 0] == pytest.approx(8.0)


def test_a_long_gap_and_an_end_take_the_annual_wave():
    missing = [0, 1, *range(40, 50), len(DAY) - 1]
    filled = fill_gaps(series_without(*missing), DAY, SEASON)[:, 0, 0]
    np.testing.assert_allclose(filled[missing], wave()[missing], atol=1e-3)


def test_what_was_seen_is_never_changed():
    series = series_without(*range(30, 45))
    filled = fill_gaps(series, DAY, SEASON)
    seen = np.isfinite(series)
    np.testing.assert_array_equal(filled[seen], series[seen])


@pytest.mark.parametrize("why", ["few values", "no winter"])
def test_too_little_stays_missing(why):
    kept = np.flatnonzero(SEASON != 0)
    if why == "few values":
        kept = np.linspace(0, len(DAY) - 1, FEWEST_FOR_HARMONIC - 1).astype(int)
    missing = np.setdiff1d(np.arange(len(DAY)), kept)
    filled = fill_gaps(series_without(*missing), DAY, SEASON)
    assert np.isnan(filled).any()
    assert np.isnan(fill_gaps(series_without(*range(len(DAY))), DAY, SEASON)).all()


def test_random_clouds_leave_the_annual_mean_right():
    """Half of all overpasses clouded at random, noise of 2 K: mean of the years to 0.5 K."""
    rng = np.random.default_rng(3)
    lst = (overpasses(50) + rng.normal(0, 2, (4, len(DAY), 1, 50))).astype("float32")
    lst[rng.random(lst.shape) < 0.5] = np.nan
    sums, counts = departures(lst, SEASON)
    elsewhere = sums.sum(axis=(2, 3)) / counts.sum(axis=(1, 2))[:, None]
    filled = fill_gaps(daily_mean(lst, SEASON, elsewhere), DAY, SEASON)
    np.testing.assert_allclose(filled.mean(axis=0), wave().mean(), atol=0.5)
