"""How close the virtual truth comes to what is published, or expected, of Northeast China."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from helpers.study import Study

_AROUND_M = 25_000
PUBLISHED, EXPECTED = "published", "expected"


def published_comparison(
    study: Study, covariates: xr.Dataset, truth: xr.DataArray, towns: pd.DataFrame
) -> pd.DataFrame:
    """Truth beside what is published, or expected, of the same places.

    Published values are those of ``published_values.csv`` of the study, which names their sources.
    Expected is what follows from permafrost ending in the Lesser Khingan and near Arxan, and the
    Songnen plain having none; no publication is known that gives these as numbers.

    Parameters
    ----------
    study
        Gives cell size and CRS.
    covariates, truth
        On the study grid; truth in deg C.
    towns
        name, longitude, latitude.

    Returns
    -------
    quantity, basis (published or expected), low, high, truth, unit. "Around" means within 25 km.

    """
    around = {
        name: _around(study, truth, row.longitude, row.latitude)
        for name, row in towns.set_index("name").iterrows()
    }
    cell = study.grid.resolution_m**2 / 1e10
    frozen = truth.to_numpy()[truth.to_numpy() <= 0]
    temperature = {name: truth.to_numpy()[here] for name, here in around.items()}
    jagdaqi = {
        name: float(covariates[name].to_numpy()[around["Jiagedaqi"]].mean())
        for name in ("TDD", "FDD", "PRE")
    }
    rows = [
        ("permafrost area", PUBLISHED, 25.21, 35.14, frozen.size * cell, "1e4 km2"),
        ("coldest permafrost (0.5 % quantile of frozen cells)", PUBLISHED, -3.6, -3.6,
         np.quantile(frozen, 0.005), "degC"),
        ("mean around Mohe", PUBLISHED, -2.75, -2.75, temperature["Mohe"].mean(), "degC"),
        ("mean around Gen'he", PUBLISHED, -2.83, -0.49, temperature["Genhe"].mean(), "degC"),
        ("coldest 5 % around Yichun, Lesser Khingan", EXPECTED, -1.0, 0.0,
         np.quantile(temperature["Yichun"], 0.05), "degC"),
        ("frozen share around Arxan, southern limit", EXPECTED, 0.05, 0.95,
         (temperature["Arxan"] <= 0).mean(), "1"),
        ("frozen share around Qiqihar, Songnen plain", EXPECTED, 0.0, 0.0,
         (temperature["Qiqihar"] <= 0).mean(), "1"),
        ("frozen share around Harbin, Songnen plain", EXPECTED, 0.0, 0.0,
         (temperature["Harbin"] <= 0).mean(), "1"),
        ("air thawing index around Jagdaqi", PUBLISHED, 2698.52, 2698.52, jagdaqi["TDD"], "degC d"),
        ("air freezing index around Jagdaqi", PUBLISHED, 2318.95, 2318.95,
         jagdaqi["FDD"], "degC d"),
        ("precipitation around Jagdaqi", PUBLISHED, 397.1, 397.1, jagdaqi["PRE"], "mm"),
    ]  # fmt: skip
    columns = ["quantity", "basis", "low", "high", "truth", "unit"]
    return pd.DataFrame(rows, columns=columns).round(3)


def _around(study: Study, truth: xr.DataArray, longitude: float, latitude: float) -> np.ndarray:
    x, y = study.to_grid.transform(longitude, latitude)
    distance = np.hypot(truth.x.to_numpy() - x, truth.y.to_numpy()[:, np.newaxis] - y)
    return (distance <= _AROUND_M) & np.isfinite(truth.to_numpy())
