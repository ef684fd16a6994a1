"""Areas of permafrost and of the thermal classes, and how far the map leaves them open.

All areas are in 10^4 km2 and count cells of the study grid. Its CRS is equal-area to within 1 %
anywhere in the study: :func:`helpers.study.load_study` refuses any other. Layers may lie on disk;
they are then counted part by part.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from helpers.error_model import ErrorModel
from helpers.held_out import quantile_name
from helpers.products.area_interval import LEVEL, simulated_areas
from helpers.products.area_rows import (
    UNITS,
    Belongs,
    cell_area,
    check_layers,
    shifted_mean,
    temperature_rows,
)
from helpers.settings import MAPPED, PERMAFROST
from helpers.study import Study

_SUMS = {
    "sum_of_probability": "permafrost_probability",
    "sum_of_calibrated_probability": "permafrost_probability_calibrated",
}
_ROWS_AT_ONCE = 256
_NEEDED = ("t15", "t15_quantile", "permafrost_probability", "inside_area_of_applicability")
_REMEDY = "Predict with a domain of applicability."


def permafrost_area(study: Study, result: xr.Dataset) -> dict[str, float]:
    """Area of permafrost (at or below 0 deg C at the mapped depth) in several ways, 10^4 km2.

    ``where_mean_at_or_below_0`` counts cells whose predicted mean is at or below 0 deg C;
    ``sum_of_probability`` adds up the raw probability of each cell, and is right only if those
    probabilities are calibrated. ``inside_applicability`` is the first, only where the model may
    be used. If the map was made with an error model, ``shifted_mean_at_or_below_0`` counts cells
    whose mean and expected shift together are at or below 0 deg C, and
    ``sum_of_calibrated_probability`` adds up the calibrated probability.
    """
    check_layers(result, _NEEDED, _REMEDY)
    frozen = result["t15"] <= 0
    counted = {"where_mean_at_or_below_0": frozen.sum(), **_sums(result)}
    if "expected_shift" in result:
        counted["shifted_mean_at_or_below_0"] = (shifted_mean(result) <= 0).sum()
    counted["inside_applicability"] = (frozen & _inside(result)).sum()
    counted["mapped"] = result["t15"].count()
    cells = xr.Dataset(counted).compute()
    return {name: float(cells[name]) * cell_area(study) for name in counted}


def class_areas(study: Study, classes: xr.DataArray) -> dict[str, float]:
    """Area of each thermal class of a layer of :func:`helpers.products.class_layer`, 10^4 km2."""
    numbers = range(1, len(study.classes) + 1)
    cells = xr.Dataset({str(i): (classes == i).sum() for i in numbers}).compute()
    return {c.name: float(cells[str(i)]) * cell_area(study) for i, c in enumerate(study.classes, 1)}


def area_table(
    study: Study, result: xr.Dataset, error_model: ErrorModel | None = None
) -> pd.DataFrame:
    """Area of each thermal class and of permafrost, with a range over levels and an interval.

    Parameters
    ----------
    study
        Classes and cell size.
    result
        Dataset of :func:`helpers.mapping.predict_map` with a domain of applicability.
    error_model
        With that of the map, the columns of :func:`simulated_areas` are in the table.

    Returns
    -------
    A row for each class of the study, cold to warm, one for the ground at or below 0 deg C and one
    for everything mapped; columns in 10^4 km2 (their name says so, and which levels they span):

    - ``area``: of the cells whose predicted mean lies in the class;
    - ``inside_applicability``, ``outside_applicability``: its two parts;
    - ``lowest_of_levels``, ``highest_of_levels``: the smallest and the largest area among those
      of the mean and of each quantile level, taken in every cell at once (every cell at its 0.05
      quantile, every cell at its 0.25 quantile ...). The distribution is the forest's own, raw and
      not calibrated: bias and undercoverage are not in the range. It is no confidence interval,
      and not the worst case of all ways in which errors may depend on each other. The area of a
      class between two bounds may rise and fall with the level, so its range belongs to the
      levels of the study;
    - ``sum_of_probability``: only of the ground at or below 0 deg C; right only if those
      probabilities are calibrated;
    - ``sum_of_calibrated_probability``: of the same row, if the map was made with an error model;
    - with that error model ``of_shifted_mean``, ``simulated_median``, ``simulated_mean``, ``lower``
      and ``upper``, of all rows but the last: an interval for the area that respects expected
      shift and error, and that near cells err alike.

    Other columns for the same rows can be joined by the index.

    Raises
    ------
    ContractError
        If a layer is missing.

    """
    check_layers(result, _NEEDED, _REMEDY)
    rows = temperature_rows(study) | {MAPPED: lambda layer: layer.notnull()}
    found = _counted(result, rows)
    every = np.column_stack([found["area"], found["of_levels"]])
    columns = {
        "area": found["area"],
        "inside_applicability": found["inside"],
        "outside_applicability": found["area"] - found["inside"],
        "lowest_of_levels": every.min(axis=1),
        "highest_of_levels": every.max(axis=1),
    }
    for total in (name for name in _SUMS if name in found):
        columns[total] = [float(found[total]) if row == PERMAFROST else np.nan for row in rows]
    table = pd.DataFrame(columns, index=pd.Index(rows, name="class")) * cell_area(study)
    low, high = result["quantile"].values[[0, -1]]
    words = f"{UNITS}; levels {low:g} to {high:g}"
    if error_model is not None:
        table = table.join(simulated_areas(study, result, error_model))
        words += f"; lower to upper holds {LEVEL:g} of the simulated maps"
    return table.rename_axis(columns=words)


def _counted(result: xr.Dataset, rows: Mapping[str, Belongs]) -> dict[str, NDArray]:
    """Number of cells of each row, with those inside and of each level; sums of probability."""
    mean, inside = result["t15"], _inside(result)
    of_mean = {name: belongs(mean) for name, belongs in rows.items()}
    of_levels = [belongs(result["t15_quantile"]).sum(("y", "x")) for belongs in rows.values()]
    counted = {
        "area": xr.concat([cells.sum() for cells in of_mean.values()], "row"),
        "inside": xr.concat([(cells & inside).sum() for cells in of_mean.values()], "row"),
        "of_levels": xr.concat(of_levels, "row").transpose("row", "quantile"),
        **_sums(result),
    }
    # All in one go: layers on disk are read once.
    return {name: cells.to_numpy() for name, cells in xr.Dataset(counted).compute().items()}


def area_below(study: Study, result: xr.Dataset, thresholds_c: ArrayLike) -> pd.DataFrame:
    """Area at or below each threshold (deg C) of the mean and of the outermost quantiles.

    Returns
    -------
    Table by ``threshold_c`` in the order given; columns ``mean`` and, for the lowest and highest
    level of the study, their names (``q05``, ``q95``), 10^4 km2: the area with every cell at that
    quantile of the forest's raw distribution; for what their range is not, see :func:`area_table`.

    """
    thresholds = np.atleast_1d(np.asarray(thresholds_c, float))
    levels = result["quantile"].values[[0, -1]]
    layers = {"mean": result["t15"]}
    layers |= {quantile_name(q): result["t15_quantile"].sel(quantile=q) for q in levels}
    areas = {
        name: _cells_at_or_below(layer, thresholds) * cell_area(study)
        for name, layer in layers.items()
    }
    index = pd.Index(thresholds, name="threshold_c")
    return pd.DataFrame(areas, index=index).rename_axis(columns=UNITS)


def _sums(result: xr.Dataset) -> dict[str, xr.DataArray]:
    """Sum over all cells of each probability that the map has."""
    return {n: result[layer].sum(dtype=float) for n, layer in _SUMS.items() if layer in result}


def _inside(result: xr.Dataset) -> xr.DataArray:
    return result["inside_area_of_applicability"] == 1


def _cells_at_or_below(layer: xr.DataArray, thresholds: NDArray) -> NDArray:
    """Number of cells at or below each threshold, from a few rows of the grid at a time."""
    rising, place = np.unique(thresholds, return_inverse=True)
    counts = np.zeros(len(rising) + 1, int)
    for start in range(0, layer.sizes["y"], _ROWS_AT_ONCE):
        values = layer.isel(y=slice(start, start + _ROWS_AT_ONCE)).to_numpy().ravel()
        # NaN sorts behind every threshold, as does what is warmer than all of them.
        first = np.searchsorted(rising, values.astype(float), side="left")
        counts += np.bincount(first, minlength=len(counts))
    return np.cumsum(counts)[place]
