import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers import products
from helpers.storage import ContractError

CELL = 0.04  # 20 km cells, 10^4 km2


def a_map(t15, spread=1.0, inside=1.0, probability=0.5):
    """A map (y, x) whose quantiles lie ``spread`` below and above the mean."""
    t15 = np.asarray(t15, np.float32)
    layers = {
        "t15": t15,
        "permafrost_probability": np.where(np.isnan(t15), np.nan, probability),
        "inside_area_of_applicability": np.where(np.isnan(t15), np.nan, inside),
    }
    result = xr.Dataset({name: (("y", "x"), values) for name, values in layers.items()})
    result["t15_quantile"] = (("quantile", "y", "x"), np.stack([t15 - spread, t15, t15 + spread]))
    return result.assign_coords(quantile=[0.05, 0.5, 0.95])


def random_map(shape=(300, 40)):
    rng = np.random.default_rng(1)
    t15 = rng.normal(0, 3, shape)
    t15[rng.random(shape) < 0.1] = np.nan
    return a_map(t15, rng.uniform(0, 2, shape), rng.integers(0, 2, shape), rng.random(shape))


def test_area_of_a_known_map(study):
    """Ten cells of 400 km2 at -1, ten at +1: 0.4 x 10^4 km2; half of the frozen ones inside."""
    known = a_map([[-1] * 10 + [1] * 10 + [np.nan]], inside=[[1] * 5 + [0] * 16], probability=0.6)
    assert products.permafrost_area(study, known) == pytest.approx(
        {
            "where_mean_at_or_below_0": 0.4,
            "sum_of_probability": 0.48,
            "inside_applicability": 0.2,
            "mapped": 0.8,
        }
    )


def test_a_class_holds_its_lower_bound_and_not_its_upper_one(study):
    table = products.area_table(study, a_map([[-6, -5, -0.5, 0.5, 0, np.nan]], spread=0))
    assert (table["area"] / CELL).round(9).to_dict() == {
        "very stable": 1,
        "stable": 1,
        "sub-stable": 0,
        "transitional": 0,
        "unstable": 2,
        "no permafrost": 1,
        "at or below 0 degC": 4,
        "mapped": 5,
    }


def test_the_range_is_that_of_maps_at_one_level_everywhere(study):
    """Cells at -2, -0.2 and 0.8, levels 1 below and above: 1 to 3 cells at or below 0."""
    table = products.area_table(study, a_map([[-2, -0.2, 0.8]]))
    columns = ["lowest_of_levels", "area", "highest_of_levels"]
    cells = (table[columns] / CELL).round(9)
    assert cells.loc["at or below 0 degC"].tolist() == [1, 2, 3]
    assert cells.loc["sub-stable"].tolist() == [0, 1, 1]  # at -1 the second cell is transitional
    assert cells.loc["mapped"].tolist() == [3, 3, 3]
    assert table.columns.name == "10^4 km2; levels 0.05 to 0.95"


def test_parts_add_up_to_the_whole(study):
    table = products.area_table(study, random_map())
    classes = table.loc[[c.name for c in study.classes]]
    assert classes["area"].sum() == pytest.approx(table.loc["mapped", "area"])
    parts = table["inside_applicability"] + table["outside_applicability"]
    pd.testing.assert_series_equal(parts, table["area"], check_names=False)


def test_the_table_agrees_with_the_class_layer_and_the_short_answer(study):
    result = random_map()
    table = products.area_table(study, result)
    classes = products.class_areas(study, products.class_layer(study, result["t15"]))
    assert table["area"][list(classes)].to_dict() == pytest.approx(classes)
    short = products.permafrost_area(study, result)
    frozen = table.loc["at or below 0 degC"]
    assert frozen["area"] == pytest.approx(short["where_mean_at_or_below_0"])
    assert frozen["inside_applicability"] == pytest.approx(short["inside_applicability"])
    assert frozen["sum_of_probability"] == pytest.approx(short["sum_of_probability"])
    assert table["sum_of_probability"].notna().sum() == 1
    assert all(pd.api.types.is_float_dtype(kind) for kind in table.dtypes)


def test_layers_in_parts_give_the_same_areas(study):
    result = random_map()
    parts = result.chunk({"y": 70, "quantile": 1})
    exact = {"check_exact": True}
    pd.testing.assert_frame_equal(
        products.area_table(study, parts).drop(columns="sum_of_probability"),
        products.area_table(study, result).drop(columns="sum_of_probability"),
        **exact,
    )
    assert products.permafrost_area(study, parts) == pytest.approx(
        products.permafrost_area(study, result), rel=1e-12
    )
    pd.testing.assert_frame_equal(
        products.area_below(study, parts, [-1, 0]), products.area_below(study, result, [-1, 0])
    )


def test_area_below_counts_the_threshold_itself_in_any_order(study):
    table = products.area_below(study, a_map([[-2, -1, 0, np.nan]]), [0.0, -1.0, -5.0, 0.0])
    assert table.index.tolist() == [0.0, -1.0, -5.0, 0.0]
    assert (table / CELL).round(9).to_dict("list") == {
        "mean": [3, 2, 0, 3],
        "q05": [3, 3, 0, 3],
        "q95": [2, 1, 0, 2],
    }


def test_area_below_0_is_that_of_the_table(study):
    result = random_map()
    curve = products.area_below(study, result, np.linspace(-10, 10, 41))
    frozen = products.area_table(study, result).loc["at or below 0 degC"]
    names = ["area", "highest_of_levels", "lowest_of_levels"]
    assert curve.loc[0.0, ["mean", "q05", "q95"]].tolist() == pytest.approx(frozen[names].tolist())
    assert (curve.diff().dropna() >= 0).all(axis=None)


def test_a_map_without_applicability_is_refused_with_a_remedy(study):
    bare = random_map().drop_vars("inside_area_of_applicability")
    with pytest.raises(ContractError, match=r"inside_area_of_applicability missing.*domain"):
        products.area_table(study, bare)
