"""Areas of permafrost and of the thermal classes, and how far the map leaves them open.

All areas are in 10^4 km2 and count cells of the study grid. Its CRS is equal-area to within 1 %
anywhere in the study: :func:`helpers.study.load_study` refuses any other. Layers may lie on disk;
they are then counted part by part.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from helpers.held_out import quantile_name
from helpers.products.rasters import class_bounds
from helpers.storage import ContractError
from helpers.study import Study

UNITS = "10^4 km2"
PERMAFROST, MAPPED = "at or below 0 degC", "mapped"
_ROWS_AT_ONCE = 256


def permafrost_area(study: Study, result: xr.Dataset) -> dict[str, float]:
    """Area of permafrost (at or below 0 deg C at the mapped depth) in two ways, 10^4 km2.

    ``where_mean_at_or_below_0`` counts cells whose predicted mean is at or below 0 deg C;
    ``sum_of_probability`` adds up the probability of each cell, and is right only if those
    probabilities are calibrated. ``inside_applicability`` is the first, only where the model may
    be used.
    """
    _check_layers(result)
    frozen = result["t15"] <= 0
    counted = {
        "where_mean_at_or_below_0": frozen.sum(),
        "sum_of_probability": result["permafrost_probability"].sum(dtype=float),
        "inside_applicability": (frozen & _inside(result)).sum(),
        "mapped": result["t15"].count(),
    }
    cells = xr.Dataset(counted).compute()
    return {name: float(cells[name]) * _cell(study) for name in counted}


def class_areas(study: Study, classes: xr.DataArray) -> dict[str, float]:
    """Area of each thermal class of a layer of :func:`helpers.products.class_layer`, 10^4 km2."""
    numbers = range(1, len(study.classes) + 1)
    cells = xr.Dataset({str(i): (classes == i).sum() for i in numbers}).compute()
    return {c.name: float(cells[str(i)]) * _cell(study) for i, c in enumerate(study.classes, 1)}


def area_table(study: Study, result: xr.Dataset) -> pd.DataFrame:
    """Area of each thermal class and of permafrost, and its range over the levels of the forest.

    Parameters
    ----------
    study
        Classes and cell size.
    result
        Dataset of :func:`helpers.mapping.predict_map` with a domain of applicability.

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
      probabilities are calibrated.

    Other columns for the same rows can be joined by the index.

    Raises
    ------
    ContractError
        If a layer is missing.

    """
    _check_layers(result)
    mean, inside, rows = result["t15"], _inside(result), _rows(study)
    of_mean = {name: belongs(mean) for name, belongs in rows.items()}
    of_levels = [belongs(result["t15_quantile"]).sum(("y", "x")) for belongs in rows.values()]
    counted = {
        "area": xr.concat([cells.sum() for cells in of_mean.values()], "row"),
        "inside": xr.concat([(cells & inside).sum() for cells in of_mean.values()], "row"),
        "of_levels": xr.concat(of_levels, "row").transpose("row", "quantile"),
        "probability": result["permafrost_probability"].sum(dtype=float),
    }
    # All in one go: layers on disk are read once.
    found = {name: cells.to_numpy() for name, cells in xr.Dataset(counted).compute().items()}
    every = np.column_stack([found["area"], found["of_levels"]])
    probability = pd.Series({PERMAFROST: float(found["probability"])})
    columns = {
        "area": found["area"],
        "inside_applicability": found["inside"],
        "outside_applicability": found["area"] - found["inside"],
        "lowest_of_levels": every.min(axis=1),
        "highest_of_levels": every.max(axis=1),
        "sum_of_probability": probability.reindex(list(rows)).to_numpy(),
    }
    table = pd.DataFrame(columns, index=pd.Index(rows, name="class")) * _cell(study)
    low, high = result["quantile"].values[[0, -1]]
    return table.rename_axis(columns=f"{UNITS}; levels {low:g} to {high:g}")


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
        name: _cells_at_or_below(layer, thresholds) * _cell(study) for name, layer in layers.items()
    }
    index = pd.Index(thresholds, name="threshold_c")
    return pd.DataFrame(areas, index=index).rename_axis(columns=UNITS)


def _cell(study: Study) -> float:
    """Area of a cell, 10^4 km2."""
    return study.grid.resolution_m**2 / 1e10


def _check_layers(result: xr.Dataset) -> None:
    needed = ("t15", "t15_quantile", "permafrost_probability", "inside_area_of_applicability")
    missing = [name for name in needed if name not in result]
    if missing:
        raise ContractError(
            f"Layer {', '.join(missing)} missing in the map; areas need {', '.join(needed)}. "
            f"Found: {', '.join(map(str, result.data_vars))}. Predict with a domain of "
            "applicability."
        )


def _inside(result: xr.Dataset) -> xr.DataArray:
    return result["inside_area_of_applicability"] == 1


def _rows(study: Study) -> dict[str, Callable[[xr.DataArray], xr.DataArray]]:
    """Rows of the table: which cells of a layer of temperature belong to each."""
    # In double precision, so that cells fall into the class that thermal_class gives them.
    bounds = np.array([-np.inf, *class_bounds(study), np.inf])
    rows = {
        c.name: partial(_between, low=low, high=high)
        for c, low, high in zip(study.classes, bounds[:-1], bounds[1:], strict=True)
    }
    rows[PERMAFROST] = lambda layer: layer <= 0
    return rows | {MAPPED: lambda layer: layer.notnull()}


def _between(layer: xr.DataArray, low: float, high: float) -> xr.DataArray:
    return (layer >= low) & (layer < high)


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
