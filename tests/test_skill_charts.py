"""Charts of models and of residuals: on the page, true to the tables, told apart without colour."""

import numpy as np
import pandas as pd
import pytest

from helpers.figures.skill_charts import skill_chart, variogram_chart
from helpers.figures.style import numbers_of
from helpers.residuals import Variogram
from helpers.storage import ContractError

MODELS = ["mean", "linear trend", "forest and kriged residuals", "forest"]
RMSE = {"random": [2.0, 0.9, 0.5, 0.4], "knndm": [2.1, 0.8, 1.1, 1.0], "own": [1.5, 1, 1, 1]}


def skills(designs=("random", "knndm", "own")):
    parts = [
        pd.DataFrame({"design": d, "model": MODELS, "rmse": RMSE[d]}).assign(
            rmse_lower=lambda t: t["rmse"] - 0.1, rmse_upper=lambda t: t["rmse"] + 0.2
        )
        for d in designs
    ]
    return pd.concat(parts, ignore_index=True)


EMPIRICAL = {
    label: pd.DataFrame(
        {
            "distance_m": [5e3, 50e3, 300e3],
            "semivariance": [level, 0.8, 1.0],
            "n_pairs": [10, 100, 400],
        }
    )
    for label, level in (("random folds", 0.2), ("kNNDM folds", 0.4))
}
FITTED = {
    "random folds": Variogram(0.1, 0.9, 60_000.0),
    "kNNDM folds": Variogram(0.3, 0.7, 90_000.0),
}


def rows(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def points(axes):
    """Marker, x and y of each design, in the order drawn."""
    return [(c[0].get_marker(), *c[0].get_data(orig=False)) for c in axes.containers]


def test_models_stand_in_the_order_of_their_error_under_knndm(study, check_page):
    figure = skill_chart(study, skills())
    check_page(figure)
    axes = figure.axes[0]
    assert rows(axes) == ["linear trend", "forest", "forest and kriged residuals", "mean"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the best is on top"
    assert "(°C)" in axes.get_xlabel()
    assert numbers_of(figure).startswith(
        "RMSE with kNNDM folds: linear trend 0.80 °C (0.70 to 1.00); forest 1.00 °C (0.90 to 1.20)"
    )


def test_without_knndm_the_last_design_decides_the_order(study):
    figure = skill_chart(study, skills(["own", "random"]))
    assert rows(figure.axes[0])[0] == "forest"
    legend = [text.get_text() for text in figure.legends[0].texts]
    assert legend == ["own", "random folds (rows in its order)"]


def test_points_and_bars_are_those_of_the_table(study):
    axes = skill_chart(study, skills()).axes[0]
    markers, x, y = zip(*points(axes), strict=True)
    assert len(set(markers)) == 3
    np.testing.assert_allclose(x[0], [0.9, 0.4, 0.5, 2.0])
    np.testing.assert_allclose(x[1], [0.8, 1.0, 1.1, 2.1])
    # Designs lie above each other within their row and never reach into the next.
    assert all((np.round(heights) == np.arange(4)).all() for heights in y)
    assert (np.diff(y, axis=0) > 0.1).all()
    (bars,) = axes.containers[1].lines[2]
    np.testing.assert_allclose(bars.get_segments()[0][:, 0], [0.7, 1.0])


def test_a_variogram_shows_points_by_pairs_and_lines_from_nugget_to_sill(study, check_page):
    figure = variogram_chart(study, EMPIRICAL, FITTED)
    check_page(figure)
    axes = figure.axes[0]
    assert axes.get_xlabel().endswith("(km)")
    assert axes.get_ylabel().endswith("(°C²)")
    sizes = [c.get_sizes() for c in axes.collections]
    assert all((np.diff(size) > 0).all() for size in sizes)
    np.testing.assert_allclose(axes.collections[0].get_offsets()[:, 0], [5, 50, 300])
    first = axes.lines[0]
    assert first.get_ydata()[0] == pytest.approx(0.1)
    np.testing.assert_allclose(
        first.get_ydata(), FITTED["random folds"].semivariance(1000 * first.get_xdata())
    )
    assert len({line.get_linestyle() for line in axes.lines}) == 2
    words = "kNNDM folds: nugget 0.30 °C², partial sill 0.70 °C², range 90 km"
    assert figure.legends[0].texts[1].get_text() == words
    assert numbers_of(figure).endswith(f"; {words}; up to 400 pairs in a point.")


def test_standardised_residuals_have_no_unit(study):
    figure = variogram_chart(study, EMPIRICAL, FITTED, standardised=True)
    assert "no unit" in figure.axes[0].get_ylabel()
    assert "°C" not in figure.legends[0].texts[0].get_text()


def test_a_variogram_without_its_fit_is_an_error(study):
    with pytest.raises(ContractError, match="of random folds, kNNDM folds but fits of other"):
        variogram_chart(study, EMPIRICAL, {"other": FITTED["random folds"]})
