from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import norm

from helpers import products
from helpers.residuals import Variogram
from helpers.storage import ContractError

CELL = 0.04  # 20 km cells, 10^4 km2
FROZEN = "at or below 0 degC"
EVERYWHERE, NOWHERE = 1e12, 1e-3  # ranges, m: errors alike all over the map, and in no two cells


def a_map(t15, error=0.0, shift=0.0):
    """A map of 20 km cells; a number stands for a layer of it."""
    t15 = np.asarray(t15, np.float32)
    known = np.where(np.isnan(t15), np.nan, np.float32(1))
    layers = {"t15": t15, "expected_error": error * known, "expected_shift": shift * known}
    rows, columns = t15.shape
    coordinates = {"y": 5e6 - 20e3 * np.arange(rows), "x": 1e6 + 20e3 * np.arange(columns)}
    return xr.Dataset({name: (("y", "x"), v) for name, v in layers.items()}, coordinates)


def slope(rows=10, columns=50):
    """From -5 to 5 deg C from west to east, evenly."""
    return np.tile(np.linspace(-5, 5, columns), (rows, 1))


def errors(range_m, sill=1.0):
    """All of an error model that areas depend on."""
    return SimpleNamespace(variogram=Variogram(0.0, sill, range_m))


def areas(study, result, range_m=EVERYWHERE, **settings):
    return products.simulated_areas(study, result, errors(range_m), **settings)


def test_without_error_the_interval_is_the_area_itself(study):
    """Of ten cells six at or below 0, two more once they are moved by -0.5."""
    result = a_map([[-6, -4, -2, -1, -0.6, 0, 0.2, 0.4, 1, 2, np.nan]])
    found = (areas(study, result) / CELL).round(9)
    assert (found.loc[FROZEN] == 6).all()
    assert found["lower"].tolist() == [1, 1, 1, 2, 3, 2, 6]
    moved = result.assign(expected_shift=result.expected_shift - 0.5)
    moved["expected_error"] = moved.expected_error + 0.5
    assert ((areas(study, moved) / CELL).loc[FROZEN].round(9) == 8).all()


def test_errors_alike_everywhere_move_all_cells_together(study):
    """The limits are the areas with all cells at -/+ 1.645 standard deviations."""
    sd = 1.2
    found = areas(study, a_map(slope(), sd), n_simulations=4000).loc[FROZEN]
    mapped = slope().size * CELL
    share = {"lower": (5 - 1.645 * sd) / 10, "upper": (5 + 1.645 * sd) / 10}
    for end, expected in share.items():
        assert found[end] / mapped == pytest.approx(expected, abs=0.02)
    assert found["simulated_median"] / mapped == pytest.approx(0.5, abs=0.02)


def test_independent_errors_leave_a_narrow_interval_round_the_sum_of_probabilities(study):
    sd, t15 = 1.2, slope() + 1
    found = areas(study, a_map(t15, sd), NOWHERE).loc[FROZEN]
    probability = norm.cdf(-t15 / sd)
    assert found["simulated_mean"] == pytest.approx(probability.sum() * CELL, rel=0.01)
    spread = np.sqrt((probability * (1 - probability)).sum()) * CELL
    assert found["upper"] - found["lower"] == pytest.approx(2 * 1.645 * spread, rel=0.15)


def test_the_wider_errors_are_alike_the_wider_the_interval(study):
    result = a_map(slope(), 1.0)
    found = [areas(study, result, range_m) for range_m in (NOWHERE, 1e5, 1e6, EVERYWHERE)]
    width = [table.loc[FROZEN, "upper"] - table.loc[FROZEN, "lower"] for table in found]
    assert width == sorted(width) and width[-1] > 5 * width[0]


def test_the_expected_shift_is_no_part_of_the_spread(study):
    """An expected error that is all shift moves the map and leaves nothing open."""
    found = areas(study, a_map(slope(), error=2.0, shift=-2.0)).loc[FROZEN]
    assert found["lower"] == found["upper"] == found["of_shifted_mean"]
    assert found["of_shifted_mean"] / (slope().size * CELL) == pytest.approx(0.7, abs=0.02)


def test_classes_add_up_to_what_is_mapped_and_permafrost_comes_last(study):
    found = areas(study, a_map(slope(), 1.0), 1e5)
    assert list(found.index) == [*(c.name for c in study.classes), FROZEN]
    classes = found.drop(index=FROZEN)
    for column in ("of_shifted_mean", "simulated_mean"):
        assert classes[column].sum() == pytest.approx(slope().size * CELL)
    assert (found["lower"] <= found["simulated_median"]).all()
    assert (found["simulated_median"] <= found["upper"]).all()


def test_settings_come_from_the_study_and_the_same_ones_give_the_same_table(study):
    result = a_map(slope(), 1.0)
    found = areas(study, result, 1e5)
    own = {"n_simulations": study.validation.n_simulations, "seed": study.about.seed}
    pd.testing.assert_frame_equal(found, areas(study, result, 1e5, **own), check_exact=True)
    assert not found.equals(areas(study, result, 1e5, seed=1))
    assert not found.equals(areas(study, result, 1e5, n_simulations=100))
    assert found.columns.name == "10^4 km2; lower to upper holds 0.9 of the maps"
    half = areas(study, result, 1e5, level=0.5)
    assert half.columns.name.endswith("holds 0.5 of the maps")
    assert (half["upper"] - half["lower"] <= found["upper"] - found["lower"]).all()


def test_a_large_map_is_sampled_evenly_and_parts_of_it_give_the_same(study):
    """Every so many-th row and column; what is not mapped does not count."""
    t15 = slope(200, 300)
    t15[:, 250:] = np.nan
    result, mapped = a_map(t15, 0.5), 200 * 250 * CELL
    found = areas(study, result, 5e5, max_cells=600)
    row = found.loc[FROZEN]
    assert row["of_shifted_mean"] / mapped == pytest.approx(150 / 250)
    assert row["simulated_median"] / mapped == pytest.approx(150 / 250, abs=0.03)
    parts = areas(study, result.chunk({"y": 70}), 5e5, max_cells=600)
    pd.testing.assert_frame_equal(found, parts)


@pytest.mark.parametrize("max_cells", [1, 7, 100, 999])
def test_the_sample_is_never_larger_than_asked_for(study, monkeypatch, max_cells):
    sizes = []

    def count(xy, variogram, n, seed):
        sizes.append(len(xy))
        return np.zeros((n, len(xy)))

    monkeypatch.setattr("helpers.products.area_interval.simulate_fields", count)
    areas(study, a_map(slope(40, 50), 1.0), max_cells=max_cells)
    assert max_cells / 4 <= sizes[0] <= max_cells


def test_rounding_of_the_layers_makes_no_missing_numbers(study):
    """In single precision an error that is all shift may come out a little smaller than it."""
    result = a_map(slope(), 0.3, 0.3)
    result["expected_error"] = np.nextafter(result.expected_error.astype(np.float32), np.float32(0))
    assert areas(study, result).notna().all(axis=None)


@pytest.mark.parametrize("missing", ["expected_shift", "expected_error", "x"])
def test_a_map_without_an_error_model_is_refused_with_a_remedy(study, missing):
    result = a_map(slope()).drop_vars(missing)
    with pytest.raises(ContractError, match=rf"{missing} missing in the map.*05_validation"):
        areas(study, result)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"level": 90}, "level is 90; above 0 and below 1"), ({"max_cells": 0}, "max_cells is 0")],
)
def test_settings_without_meaning_are_refused(study, settings, message):
    with pytest.raises(ContractError, match=message):
        areas(study, a_map(slope()), **settings)


def test_a_map_without_a_single_cell_is_refused(study):
    with pytest.raises(ContractError, match="No cell of the map has a temperature"):
        areas(study, a_map(np.full((3, 4), np.nan)))


def with_forest(result):
    """The layers of the forest beside those of the error model, each with some number."""
    known = xr.ones_like(result["t15"]).where(result["t15"].notnull())
    levels = pd.Index([0.05, 0.5, 0.95], name="quantile")
    return result.assign(
        t15_quantile=xr.concat([result["t15"] + d for d in (-1, 0, 1)], levels),
        permafrost_probability=0.4 * known,
        permafrost_probability_calibrated=0.3 * known,
        inside_area_of_applicability=known,
    )


def test_the_table_of_areas_has_the_interval_beside_what_it_had(study):
    result, model = with_forest(a_map(slope(), 1.0, -0.5)), errors(1e5)
    without, found = (products.area_table(study, result, *more) for more in ((), (model,)))
    pd.testing.assert_frame_equal(found[without.columns], without, check_names=False)
    simulated = products.simulated_areas(study, result, model)
    pd.testing.assert_frame_equal(
        found.loc[simulated.index, simulated.columns], simulated, check_names=False
    )
    assert found.loc["mapped", list(simulated.columns)].isna().all()
    assert found.columns.name == (
        "10^4 km2; levels 0.05 to 0.95; lower to upper holds 0.9 of the simulated maps"
    )


def test_permafrost_is_also_counted_shifted_and_by_calibrated_probability(study):
    """Moved by -0.5 a twentieth more of the map, which spans 10 deg C, is at or below 0."""
    result = with_forest(a_map(slope(columns=40), 1.0, -0.5))
    found = products.permafrost_area(study, result)
    assert found["sum_of_calibrated_probability"] == pytest.approx(0.3 * found["mapped"])
    more = found["shifted_mean_at_or_below_0"] - found["where_mean_at_or_below_0"]
    assert more / found["mapped"] == pytest.approx(0.05)
    row = products.area_table(study, result).loc[FROZEN]
    assert row["sum_of_calibrated_probability"] == found["sum_of_calibrated_probability"]
    bare = result.drop_vars(["permafrost_probability_calibrated", "expected_shift"])
    assert list(products.permafrost_area(study, bare)) == [
        "where_mean_at_or_below_0",
        "sum_of_probability",
        "inside_applicability",
        "mapped",
    ]
