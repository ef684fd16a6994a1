import numpy as np
import pytest

from helpers.skill import jackknife_error, pooled_skill


def test_skill_is_pooled_and_its_error_the_jackknife_over_folds():
    """Errors 1, 1 | 3: RMSE sqrt(11/3); without the folds 3 and 1."""
    found = pooled_skill([0, 2, 4], [1, 3, 7], [5, 5, 8])
    assert found.rmse == pytest.approx(np.sqrt(11 / 3))
    np.testing.assert_allclose(found.without_fold, [3, 1])
    assert found.standard_error == pytest.approx(np.sqrt(1 / 2 * ((3 - 2) ** 2 + (1 - 2) ** 2)))
    assert found.model_efficiency == pytest.approx(1 - 11 / 8)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(size=20)
    without = (values.sum() - values) / 19
    assert jackknife_error(without) == pytest.approx(values.std(ddof=1) / np.sqrt(20))
