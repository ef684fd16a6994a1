import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

from helpers.residuals import (
    Variogram,
    empirical_variogram,
    fit_variogram,
    kriged_residuals,
    morans_i,
    simulate_fields,
)
from helpers.storage import ContractError

TRUE = Variogram(nugget=0.2, sill=0.8, range_m=60_000.0)


def clustered_sites(n=150, seed=0):
    """Sites in a dozen clusters within 1000 km, as roads and towns make them."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, 1e6, (12, 2))
    return centres[rng.integers(0, 12, n)] + rng.normal(0, 40_000, (n, 2))


SITES = clustered_sites()


def fields_with_nugget(n=60, seed=1):
    noise = np.random.default_rng(seed + 1).standard_normal((n, len(SITES)))
    return simulate_fields(SITES, TRUE, n, seed) + np.sqrt(TRUE.nugget) * noise


def test_three_sites_by_hand():
    """Values 1, 3, 7 at 0, 1, 3 m: half squares 2 (1 m), 8 (2 m), 18 (3 m)."""
    found = empirical_variogram([1, 3, 7], [[0, 0], [1, 0], [3, 0]], [0, 2, 2.5, 3])
    expected = pd.DataFrame(
        {"distance_m": [1.5, 3.0], "semivariance": [5.0, 18.0], "n_pairs": [2, 1]}
    )
    pd.testing.assert_frame_equal(found, expected)


def test_two_sites_at_one_place_are_in_the_first_bin():
    found = empirical_variogram([1, 3, 7], [[0, 0], [0, 0], [3, 0]], [0, 1, 3])
    assert found["distance_m"].tolist() == [0, 3]
    assert found["semivariance"].tolist() == [2, (18 + 8) / 2]


def test_default_bins_reach_half_the_largest_distance_and_widen():
    found = empirical_variogram(SITES[:, 0], SITES)
    distance = pdist(SITES)
    assert found["n_pairs"].sum() == (distance <= distance.max() / 2).sum()
    assert (np.diff(found["distance_m"], 2)[1:-1] > 0).all()


def test_a_fit_to_an_exponential_variogram_gives_it_back_in_any_unit():
    distance = np.linspace(5e3, 400e3, 12)
    for unit in (1e-3, 1.0, 50.0):
        variogram = Variogram(0.2 * unit, 0.8 * unit, TRUE.range_m)
        empirical = pd.DataFrame(
            {
                "distance_m": distance,
                "semivariance": variogram.semivariance(distance),
                "n_pairs": np.arange(12, 0, -1),
            }
        )
        found = fit_variogram(empirical)
        assert found.nugget == pytest.approx(variogram.nugget, rel=1e-4)
        assert found.sill == pytest.approx(variogram.sill, rel=1e-4)
        assert found.range_m == pytest.approx(TRUE.range_m, rel=1e-4)


def test_the_variogram_of_simulated_fields_comes_back():
    """In the median of 60 fields on 150 clustered sites: nugget and sill to 0.1, range to 30 %."""
    fits = [fit_variogram(empirical_variogram(f, SITES)) for f in fields_with_nugget()]
    assert np.median([f.nugget for f in fits]) == pytest.approx(TRUE.nugget, abs=0.1)
    assert np.median([f.sill for f in fits]) == pytest.approx(TRUE.sill, abs=0.1)
    assert np.median([f.range_m for f in fits]) == pytest.approx(TRUE.range_m, rel=0.3)


def test_pure_noise_gives_fields_without_reach():
    """What sites 100 km apart share is below a fifth of the variance in four fits of five."""
    noise = np.random.default_rng(3).standard_normal((50, len(SITES)))
    fits = [fit_variogram(empirical_variogram(f, SITES)) for f in noise]
    shared = np.array([f.covariance(100_000) / (f.nugget + f.sill) for f in fits])
    assert np.mean(shared < 0.2) >= 0.8
    assert np.median(shared) < 0.05


def test_values_that_keep_rising_get_no_longer_range_than_the_bins_can_show():
    """Their best exponential would be endless; 95 % of the sill lie within the largest distance."""
    distance = np.linspace(1e4, 5e5, 12)
    rising = {"distance_m": distance, "semivariance": distance**2, "n_pairs": 100}
    found = fit_variogram(pd.DataFrame(rising))
    assert 1e5 < found.range_m <= 5e5 / 3 * (1 + 1e-9)


@pytest.mark.parametrize("shape", [(4, 4), (5, 5), (6, 2)])
def test_a_regular_grid_of_few_sites_has_a_variogram(shape):
    """No two of its sites are nearer than a third of the farthest bin."""
    xy = np.stack(np.meshgrid(*map(np.arange, shape)), axis=-1).reshape(-1, 2) * 1e4
    empirical = empirical_variogram(np.random.default_rng(0).normal(size=len(xy)), xy)
    reach = empirical["distance_m"].max()
    assert empirical["distance_m"].min() >= 0.33 * reach
    assert reach / 6 * (1 - 1e-9) <= fit_variogram(empirical).range_m <= reach / 3 * (1 + 1e-9)


def test_of_any_eight_to_twelve_sites_there_is_a_variogram_or_there_are_too_few_bins():
    fitted = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        xy = rng.uniform(0, 1e5, (8 + seed % 5, 2))
        empirical = empirical_variogram(rng.normal(size=len(xy)), xy)
        if len(empirical) < 3:
            with pytest.raises(ContractError, match="bins hold pairs of sites, 3 are needed"):
                fit_variogram(empirical)
        else:
            fitted += fit_variogram(empirical).range_m > 0
    assert fitted >= 45


def test_simulated_fields_have_the_covariance_of_the_variogram_without_its_nugget():
    points = SITES[:20]
    fields = simulate_fields(points, TRUE, 20_000, seed=5)
    assert fields.shape == (20_000, 20)
    wanted = TRUE.covariance(squareform(pdist(points)))
    # The error of a covariance of 20,000 draws is at most sqrt(2 / 20,000) * 0.8 = 0.008.
    np.testing.assert_allclose(np.cov(fields.T), wanted, atol=0.035)
    np.testing.assert_allclose(fields.mean(axis=0), 0, atol=0.03)


def test_simulation_follows_its_seed_and_bears_points_at_one_place():
    points = np.vstack([SITES[:5], SITES[:5]])
    one, same, other = (simulate_fields(points, TRUE, 3, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
    np.testing.assert_allclose(one[:, :5], one[:, 5:], atol=1e-3)
    assert (simulate_fields(points, Variogram(1.0, 0.0, 1e4), 3, 1) == 0).all()


def test_morans_i_on_a_line_by_hand():
    """Values 1, 2, 3, 10 on a line, one neighbour each: z -3 -2 -1 6; sum z zn = 6 + 6 + 2 - 6."""
    found = morans_i([1, 2, 3, 10], [[0, 0], [1, 0], [2.1, 0], [3.3, 0]], 1, 99)
    assert found["statistic"] == pytest.approx((6 + 6 + 2 - 6) / 50)
    assert found["expected"] == pytest.approx(-1 / 3)
    assert found["n"] == 4


@pytest.mark.parametrize("nugget", [0.5, 0.95])
def test_morans_i_agrees_with_esda(nugget):
    with warnings.catch_warnings():
        # esda and libpysal warn on import about optional parts of theirs.
        warnings.simplefilter("ignore")
        from esda import Moran
        from libpysal.weights import KNN
    rng = np.random.default_rng(2)
    field = simulate_fields(SITES, Variogram(0, 1 - nugget, 60_000), 1, 4)[0]
    values = field + np.sqrt(nugget) * rng.standard_normal(len(SITES))
    found = morans_i(values, SITES, n_neighbours=6, n_permutations=4999)
    np.random.seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # near sites that no chain of neighbours joins
        weights = KNN.from_array(SITES, k=6)
    reference = Moran(values, weights, transformation="r", permutations=4999)
    assert found["statistic"] == pytest.approx(reference.I, abs=1e-12)
    assert found["expected"] == pytest.approx(reference.EI)
    assert found["p_value"] == pytest.approx(reference.p_sim, abs=0.02)


def test_the_p_value_of_noise_is_uniform_and_that_of_a_field_small():
    noise = np.random.default_rng(0).standard_normal((100, len(SITES)))
    p = np.array([morans_i(n, SITES, n_permutations=99)["p_value"] for n in noise])
    assert 0.4 < p.mean() < 0.6
    field = simulate_fields(SITES, TRUE, 1, 0)[0]
    found = morans_i(field, SITES)
    assert found["p_value"] == 0.001
    assert found == morans_i(field, SITES)


def test_neighbours_at_the_same_place_are_neighbours_and_not_oneself():
    """Four sites at each of two places, alike within: I is 1 whatever the order of the ties."""
    xy = np.repeat([[0.0, 0.0], [9.0, 9.0]], 4, axis=0)
    assert morans_i(np.repeat([1.0, 2.0], 4), xy, 3)["statistic"] == pytest.approx(1)


def test_kriging_recovers_a_smooth_field_and_is_the_same_each_time():
    smooth = simulate_fields(SITES, Variogram(0, 4.0, 500_000), 1, 7)[0] + 3
    train = np.arange(len(SITES)) % 4 > 0
    arguments = smooth[train], SITES[train], SITES[~train]
    found = kriged_residuals(*arguments)
    mean_error = np.sqrt(np.mean((smooth[~train] - smooth[train].mean()) ** 2))
    assert np.sqrt(np.mean((smooth[~train] - found) ** 2)) < 0.5 * mean_error
    np.testing.assert_array_equal(found, kriged_residuals(*arguments))


def test_kriging_of_smooth_fields_and_of_noise_does_not_warn():
    """Neither a nugget of nothing nor nothing but nugget ends at a bound of the search."""
    fields = [simulate_fields(SITES, Variogram(0, 1, 2e6), 1, seed)[0] for seed in range(8)]
    noise = np.random.default_rng(1).standard_normal((8, len(SITES)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for values in (*fields, *noise):
            kriged_residuals(values, SITES, SITES[:1])


def test_residuals_that_are_all_alike_are_the_same_everywhere():
    np.testing.assert_array_equal(kriged_residuals(np.ones(150), SITES, SITES[:3] + 1), 1)


def test_the_unit_and_the_origin_of_values_do_not_matter_to_kriging():
    field = simulate_fields(SITES, TRUE, 1, 0)[0]
    found = kriged_residuals(field, SITES, SITES[:9] + 5000)
    moved = kriged_residuals(100 * field + 7, SITES, SITES[:9] + 5000)
    np.testing.assert_allclose(moved, 100 * found + 7, rtol=1e-3)


@pytest.mark.parametrize(
    ("numbers", "found"),
    [((-0.1, 1, 1e4), "nugget -0.1"), ((0, np.nan, 1e4), "sill nan"), ((0, 1, 0), "range 0 m")],
)
def test_a_variogram_checks_its_numbers(numbers, found):
    with pytest.raises(ContractError, match=found):
        Variogram(*numbers)


def test_what_cannot_be_computed_is_refused_with_the_reason():
    ones = np.ones(len(SITES))
    gap = np.where(np.arange(len(SITES)) == 3, np.nan, SITES[:, 0])
    many = np.zeros((5001, 2))
    with pytest.raises(ContractError, match="all 150 values are 1; values that differ"):
        morans_i(ones, SITES)
    with pytest.raises(ContractError, match="mean semivariance is 0"):
        fit_variogram(empirical_variogram(ones, SITES))
    with pytest.raises(ContractError, match="from 1 to 149 are possible"):
        morans_i(SITES[:, 0], SITES, n_neighbours=150)
    with pytest.raises(ContractError, match=r"site 3 has no value or place \(1 of 150"):
        empirical_variogram(gap, SITES)
    with pytest.raises(ContractError, match=r"shape \(150,\) at places of shape \(149, 2\)"):
        morans_i(ones, SITES[1:])
    with pytest.raises(ContractError, match=r"5,001 places; .* up to 5,000"):
        simulate_fields(many, TRUE, 1, 0)
    with pytest.raises(ContractError, match="two or more that rise"):
        empirical_variogram(SITES[:, 0], SITES, [0, 5, 5])
    with pytest.raises(ContractError, match="no pair of sites is 0 to 1e-06 m apart"):
        empirical_variogram(SITES[:, 0], SITES, [0, 1e-6])
    with pytest.raises(ContractError, match="1 bins hold pairs"):
        fit_variogram(empirical_variogram(SITES[:, 0], SITES, [0, 1e7]))
    with pytest.raises(ContractError, match="all 5 sites are at one place"):
        kriged_residuals(np.arange(5.0), np.zeros((5, 2)), SITES)


def test_kriging_of_many_sites_is_that_of_the_nearest_with_the_covariance_of_some():
    """A smooth field is met as well as by kriging from all sites, and twice the same."""
    random = np.random.default_rng(3)
    xy = random.uniform(0, 1e6, (700, 2))
    field = np.sin(xy[:, 0] / 1e5) + np.cos(xy[:, 1] / 2e5) + random.normal(0, 0.05, 700)
    found = kriged_residuals(field[:600], xy[:600], xy[600:])
    np.testing.assert_allclose(found, field[600:], atol=0.5)
    few = kriged_residuals(field[:500], xy[:500], xy[600:])
    assert np.abs(found - field[600:]).mean() < 1.1 * np.abs(few - field[600:]).mean()
    np.testing.assert_array_equal(found, kriged_residuals(field[:600], xy[:600], xy[600:]))


def test_a_variogram_of_too_many_sites_is_that_of_drawn_ones(monkeypatch):
    monkeypatch.setattr("helpers.residuals.variogram.MOST_POINTS", 100)
    found = empirical_variogram(SITES[:, 0], SITES, [0, 1e9])
    assert found["n_pairs"].sum() == 100 * 99 / 2
    pd.testing.assert_frame_equal(found, empirical_variogram(SITES[:, 0], SITES, [0, 1e9]))
