"""How close the virtual truth comes to what is published, or expected, of Northeast China."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from helpers.storage import ContractError, read_table
from helpers.study import Study

_AROUND_M = 25_000
PUBLISHED, EXPECTED = "published", "expected"
# Sites of one publication in and near Gen'he, whose values make one range.
_GENHE = tuple(f"ground temperature, {place} " for place in ("Gen'he", "Mangui", "Yituli'he"))


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
        Gives cell size, CRS and the published values.
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
    known = partial(published_range, study.path("published_values.csv"))
    rows = [
        ("permafrost area", *known("permafrost area"), frozen.size * cell, "1e4 km2"),
        ("coldest permafrost (0.5 % quantile of frozen cells)", *known("coldest permafrost"),
         np.quantile(frozen, 0.005), "degC"),
        ("mean around Mohe", *known("ground temperature, Mohe"),
         temperature["Mohe"].mean(), "degC"),
        ("mean around Gen'he", *known(*_GENHE), temperature["Genhe"].mean(), "degC"),
        ("coldest 5 % around Yichun, Lesser Khingan", EXPECTED, -1.0, 0.0,
         np.quantile(temperature["Yichun"], 0.05), "degC"),
        ("frozen share around Arxan, southern limit", EXPECTED, 0.05, 0.95,
         (temperature["Arxan"] <= 0).mean(), "1"),
        ("frozen share around Qiqihar, Songnen plain", EXPECTED, 0.0, 0.0,
         (temperature["Qiqihar"] <= 0).mean(), "1"),
        ("frozen share around Harbin, Songnen plain", EXPECTED, 0.0, 0.0,
         (temperature["Harbin"] <= 0).mean(), "1"),
        ("air thawing index around Jagdaqi", *known("air thawing index, Jagdaqi"),
         jagdaqi["TDD"], "degC d"),
        ("air freezing index around Jagdaqi", *known("air freezing index, Jagdaqi"),
         jagdaqi["FDD"], "degC d"),
        ("precipitation around Jagdaqi", *known("precipitation, Jagdaqi"), jagdaqi["PRE"], "mm"),
    ]  # fmt: skip
    columns = ["quantity", "basis", "low", "high", "truth", "unit"]
    return pd.DataFrame(rows, columns=columns).round(3)


def published_range(path: Path, *beginnings: str) -> tuple[str, float, float]:
    """``PUBLISHED``, least and largest value of the quantities that begin so, in their own unit.

    Raises
    ------
    ContractError
        If the file has no such row: its quantity was named otherwise.

    """
    table = read_table(path, ("value",), ("quantity",))
    values = table["value"][table["quantity"].str.startswith(beginnings)].dropna()
    if values.empty:
        raise ContractError(
            f"{path}: no value of a quantity that begins with {' or '.join(beginnings)}; one is "
            f"needed. Found: {'; '.join(table['quantity'])}. Name the row so, or add it."
        )
    return PUBLISHED, values.min(), values.max()


def _around(study: Study, truth: xr.DataArray, longitude: float, latitude: float) -> np.ndarray:
    x, y = study.to_grid.transform(longitude, latitude)
    distance = np.hypot(truth.x.to_numpy() - x, truth.y.to_numpy()[:, np.newaxis] - y)
    return (distance <= _AROUND_M) & np.isfinite(truth.to_numpy())
