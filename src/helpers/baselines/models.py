"""The simple predictions, the forest and its variants, as functions of one split of the sites."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.linear_model import BayesianRidge, LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import climate
from helpers.forest import Forest, fit_forest
from helpers.residuals import kriged_residuals
from helpers.settings import Covariate
from helpers.study import Study
from helpers.weights import standard_error_weights

MEAN, FOREST, FOREST_KRIGED = "mean", "forest", "forest and kriged residuals"
ELEVATION, AIR = "elevation", "mean_annual_air_temperature"
THAWING, FREEZING = "thawing_degree_days", "freezing_degree_days"

# Ratio of surface to air degree-days on turf: U.S. Army TM 5-852-4 (1983), table 4-1.
THAWING_FACTOR, FREEZING_FACTOR = 0.8, 0.5
# Thermal conductivity of thawed over frozen ground whose volume is one fifth water: the geometric
# mean of the parts (Johansen 1975), with water of 0.57 and ice of 2.2 W/m/K.
CONDUCTIVITY_RATIO = (0.57 / 2.2) ** 0.2
_UNKNOWN = ["t15_c", "standard_error_c"]


@dataclass(frozen=True, eq=False)
class Split:
    """Sites to learn from and sites to predict, whose temperatures are not told.

    Attributes
    ----------
    study
        Names the predictors, the covariates and the CRS.
    train
        Rows of the training table: x, y (m), t15_c, standard_error_c (deg C), the covariates.
    test
        The same of the other sites, without t15_c and standard_error_c.
    forest_settings
        Of :func:`helpers.forest.fit_forest`.

    """

    study: Study
    train: pd.DataFrame
    test: pd.DataFrame
    forest_settings: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        study: Study,
        training: pd.DataFrame,
        rows: tuple[NDArray, NDArray],
        forest_settings: Mapping[str, Any],
    ) -> Split:
        """Split of the training table by row numbers: train, test."""
        train, test = rows
        unknown = training.iloc[test].drop(columns=_UNKNOWN)
        return cls(study, training.iloc[train], unknown, forest_settings)

    @property
    def observed(self) -> NDArray:
        """Temperature of the sites to learn from, deg C."""
        return self.train["t15_c"].to_numpy(dtype=float)

    @cached_property
    def forest(self) -> Forest:
        """The forest of the study, fitted to the sites to learn from; two baselines share it."""
        return self.fit(self.study.forest.predictors)

    def fit(self, predictors: list[str]) -> Forest:
        """A forest of these predictors with the settings and fit weights of the study."""
        sites, weight = (self.train[predictors], self.observed), None
        if self.study.forest.weights == "standard_error":
            errors = self.train["standard_error_c"]
            weight = standard_error_weights(*sites, errors, **self.forest_settings)
        return fit_forest(*sites, sample_weight=weight, **self.forest_settings)


@dataclass(frozen=True)
class Baseline:
    """A way to predict the temperature at sites from other sites.

    Attributes
    ----------
    name
        As tables and figures show it.
    predict
        From a :class:`Split` to the temperature of its test sites, deg C (n_test,).
    needs
        Quantities that the study must have a covariate of.

    """

    name: str
    predict: Callable[[Split], NDArray]
    needs: tuple[str, ...] = ()


def available_baselines(
    study: Study, training: pd.DataFrame
) -> tuple[tuple[Baseline, ...], dict[str, str]]:
    """Baselines that the study has the covariates for, and the name and reason of the others."""
    left_out = {
        baseline.name: reason
        for baseline in BASELINES
        if (reason := _lacking(study, training, baseline))
    }
    return tuple(b for b in BASELINES if b.name not in left_out), left_out


def _lacking(study: Study, training: pd.DataFrame, baseline: Baseline) -> str:
    """What of the study a baseline lacks; empty if nothing."""
    for quantity in baseline.needs:
        column = column_of(study, quantity)
        if column is None:
            return f"no covariate of the study is {quantity.replace('_', ' ')}"
        if column not in training:
            return f"the training table has no column {column}"
        if missing := int(training[column].isna().sum()):
            return f"{column} is missing at {missing} of {len(training)} sites"
    return ""


def column_of(study: Study, quantity: str) -> str | None:
    """Name of the first covariate of the study that is this quantity, or None.

    A raster says what it is by ``over_time``, or by its name.
    """
    for name, covariate in study.covariates.items():
        if quantity in _quantities(name, covariate):
            return name
    return None


def _quantities(name: str, covariate: Covariate) -> tuple[str | None, ...]:
    if covariate.source == "raster":
        return covariate.over_time, name
    return (covariate.quantity,)


def ttop_with_fixed_factors(thawing: ArrayLike, freezing: ArrayLike) -> NDArray:
    """Temperature at the top of permafrost or of seasonal frost with fixed factors, deg C.

    Surface degree-days are a fixed share of those of the air (deg C d). The factors are the same
    everywhere, so that only climate differs; degree-days of the land surface in their place are
    damped twice.
    """
    thawing, freezing = (np.asarray(days, dtype=float) for days in (thawing, freezing))
    factors = THAWING_FACTOR, FREEZING_FACTOR, CONDUCTIVITY_RATIO
    return climate.top_of_permafrost_temperature(thawing, freezing, *factors)


def _mean(split: Split) -> NDArray:
    return np.full(len(split.test), split.observed.mean())


def _regression(
    split: Split, model: RegressorMixin, features: Callable[[pd.DataFrame], ArrayLike]
) -> NDArray:
    """Prediction of a regression on what ``features`` makes of a table, (sites, features)."""
    model.fit(np.asarray(features(split.train)), split.observed)
    return model.predict(np.asarray(features(split.test)))


def _elevation_and_latitude(split: Split) -> NDArray:
    column, to_grid = column_of(split.study, ELEVATION), split.study.to_grid

    def features(table: pd.DataFrame) -> NDArray:
        """Elevation (m) and latitude (degrees)."""
        _, latitude = to_grid.transform(table["x"], table["y"], direction="INVERSE")
        return np.column_stack([table[column], latitude])

    return _regression(split, LinearRegression(), features)


def _air_temperature(split: Split) -> NDArray:
    columns = [column_of(split.study, AIR)]
    return _regression(split, LinearRegression(), lambda table: table[columns])


def _linear_trend(split: Split) -> NDArray:
    """Shrunk regression on the predictors of the study (MacKay 1992)."""
    model = make_pipeline(StandardScaler(), BayesianRidge())
    return _regression(split, model, lambda table: table[split.study.forest.predictors])


def _ttop(split: Split) -> NDArray:
    """TTOP plus what it misses on average at the sites to learn from, the gradient among it."""
    thawing, freezing = (column_of(split.study, quantity) for quantity in (THAWING, FREEZING))
    known, new = (
        ttop_with_fixed_factors(table[thawing], table[freezing])
        for table in (split.train, split.test)
    )
    return new + (split.observed - known).mean()


def _kriging(split: Split) -> NDArray:
    """Ordinary kriging of the temperature itself: what the mean leaves."""
    return _krige(split, split.observed.mean(), split.observed - split.observed.mean())


def _forest(split: Split) -> NDArray:
    return split.forest.predict(split.test)


def _forest_and_residuals(split: Split) -> NDArray:
    """Out of bag, as the residuals of a forest at its own sites are far too small."""
    return _krige(split, _forest(split), split.observed - split.forest.out_of_bag())


def _krige(split: Split, prediction: ArrayLike, residual: NDArray) -> NDArray:
    """Prediction plus kriged residuals of the sites that have one."""
    known = np.isfinite(residual)
    places = split.train[["x", "y"]].to_numpy()[known]
    return prediction + kriged_residuals(residual[known], places, split.test[["x", "y"]])


def _forest_with_coordinates(split: Split) -> NDArray:
    return split.fit([*split.study.forest.predictors, "x", "y"]).predict(split.test)


BASELINES = (
    Baseline(MEAN, _mean),
    Baseline("elevation and latitude", _elevation_and_latitude, (ELEVATION,)),
    Baseline("air temperature", _air_temperature, (AIR,)),
    Baseline("TTOP, fixed factors", _ttop, (THAWING, FREEZING)),
    Baseline("linear trend", _linear_trend),
    Baseline("kriging", _kriging),
    Baseline(FOREST, _forest),
    Baseline(FOREST_KRIGED, _forest_and_residuals),
    Baseline("forest with coordinates", _forest_with_coordinates),
)
"""All of them, from the simplest on."""
