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
    # Not as one table: a predictor may be called temperature, too.
    names = [*predictors.columns, "temperature"]
    missing = ~np.isfinite(np.column_stack([predictors.to_numpy(dtype=float), temperature_c]))
    if missing.any():
        row, column = np.argwhere(missing)[0]
        raise ContractError(
            f"Site {predictors.index[row]}: {names[column]} is missing "
            f"({missing.any(axis=1).sum()} of {len(predictors)} sites are incomplete). "
            "Leave such sites out before fitting."
        )
