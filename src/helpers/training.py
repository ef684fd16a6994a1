"""Whether a table of sites can be learnt from."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.storage import ContractError


def check_training(predictors: pd.DataFrame, temperature_c: NDArray) -> None:
    """Raise a ContractError that names a missing number's site, a repeated name, or a shape."""
    repeated = predictors.columns[predictors.columns.duplicated()].unique()
    if len(repeated):
        raise ContractError(
            f"More than one predictor has the name {', '.join(map(str, repeated))}; give each one "
            "of its own."
        )
    if temperature_c.shape != (len(predictors),):
        raise ContractError(
            f"{len(predictors)} rows of predictors, but temperatures of shape "
            f"{temperature_c.shape}; one for each row is needed."
        )
    table = predictors.assign(**{"temperature": temperature_c})
    missing = ~np.isfinite(table.to_numpy(dtype=float))
    if missing.any():
        row, column = np.argwhere(missing)[0]
        raise ContractError(
            f"Site {table.index[row]}: {table.columns[column]} is missing "
            f"({missing.any(axis=1).sum()} of {len(table)} sites are incomplete). "
            "Leave such sites out before fitting."
        )
