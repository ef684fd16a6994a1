"""From stored numbers to values: missing ones, scale and offset."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpers.settings import RasterCovariate
from helpers.storage import ContractError


def scaling(
    path: Path, scale: float, offset: float, settings: RasterCovariate
) -> tuple[float, float]:
    """Scale and offset, from the settings or the file; both, and different, is an error."""
    result = []
    for name, wanted, stated, neutral in (
        ("scale", settings.scale, scale, 1.0),
        ("offset", settings.offset, offset, 0.0),
    ):
        if wanted is not None and stated not in (neutral, wanted):
            raise ContractError(
                f"{path}: the file states {name} {stated:g}, study.toml {wanted:g}. "
                "Take it out of study.toml if the file is right."
            )
        result.append(float(stated if wanted is None else wanted))
    return tuple(result)


def decode(
    stored: NDArray, missing: NDArray, nodata: Iterable[float], scale: float, offset: float
) -> NDArray:
    """Values (float32) of stored numbers, NaN where they are missing or one of ``nodata``."""
    for number in nodata:
        # The same rounding as the file's: -3.4e38 as float32 is not -3.4e38.
        same = stored.dtype.type(number) if stored.dtype.kind == "f" else number
        missing = missing | (stored == same)
    values = stored if (scale, offset) == (1, 0) else stored * scale + offset
    return np.where(missing, np.float32(np.nan), values).astype(np.float32)
