"""What the rows of a table of areas are: the thermal classes, permafrost, everything mapped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from helpers.settings import PERMAFROST
from helpers.storage import ContractError
from helpers.study import Study

UNITS = "10^4 km2"
Belongs: TypeAlias = Callable[[xr.DataArray | NDArray], xr.DataArray | NDArray]


def cell_area(study: Study) -> float:
    """Area of a cell, 10^4 km2."""
    return study.grid.resolution_m**2 / 1e10


def temperature_rows(study: Study) -> dict[str, Belongs]:
    """Which temperatures (deg C) belong to each class of the study, and to permafrost."""
    # In double precision, so that cells fall into the class that thermal_class gives them.
    bounds = np.array([-np.inf, *study.class_bounds, np.inf])
    rows: dict[str, Belongs] = {
        c.name: partial(_between, low=low, high=high)
        for c, low, high in zip(study.classes, bounds[:-1], bounds[1:], strict=True)
    }
    return rows | {PERMAFROST: lambda layer: layer <= 0}


def _between(layer: xr.DataArray | NDArray, low: float, high: float) -> xr.DataArray | NDArray:
    return (layer >= low) & (layer < high)


def shifted_mean(result: xr.Dataset) -> xr.DataArray:
    """The mean of a map moved by the expected shift, deg C, in double precision."""
    return result["t15"].astype(float) + result["expected_shift"]


def check_layers(result: xr.Dataset, needed: Sequence[str], remedy: str) -> None:
    """Raise a ContractError unless a map has all layers (or coordinates) that areas need."""
    missing = [name for name in needed if name not in result.variables]
    if missing:
        raise ContractError(
            f"Layer {', '.join(missing)} missing in the map; areas need {', '.join(needed)}. "
            f"Found: {', '.join(map(str, result.data_vars))}. {remedy}"
        )
