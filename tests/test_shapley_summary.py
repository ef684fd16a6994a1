import numpy as np
import pandas as pd

from helpers.shapley import ShapleyValues, as_dataset, mean_absolute

VALUES = ShapleyValues(
    np.array([[1.0, -4], [-1, 2]]), -0.5, ("PRE", "TDD"), np.array([[400.0, 1800], [500, 2100]])
)


def test_mean_absolute_by_hand():
    expected = pd.DataFrame(
        {"predictor": ["TDD", "PRE"], "mean_absolute_c": [3.0, 1.0], "share": [0.75, 0.25]}
    )
    pd.testing.assert_frame_equal(mean_absolute(VALUES), expected, check_dtype=False)


def test_a_dataset_holds_everything_by_site_and_predictor():
    found = as_dataset(VALUES, ["V001", "V002"])
    one = found.sel(site="V002", predictor="TDD")
    assert (one["shapley_value"].item(), one["data"].item()) == (2, 2100)
    assert found["base_value"].item() == -0.5 and found["shapley_value"].units == "degC"


def test_equal_predictors_keep_their_order_and_a_flat_forest_has_no_shares():
    names = tuple(f"p{i:02d}" for i in range(40))
    flat = ShapleyValues(np.zeros((3, 40)), -0.5, names, np.zeros((3, 40)))
    found = mean_absolute(flat)
    assert found["predictor"].to_list() == list(names)
    assert (found["share"] == 0).all()
