"""In which order cells are visited."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from helpers.trees.loops import interleaved

_CODE_BITS, _BITS_PER_PREDICTOR = 62, 8


def visiting_order(ranks: NDArray, n_thresholds: NDArray) -> NDArray:
    """Row numbers of cells (cells, predictors) in an order that keeps alike cells together.

    Along a Z-order curve (Morton 1966) through the space of the predictors. On a map it halves
    the trees to be asked; of cells in no order at all it makes nearly as good ones.
    """
    used = ranks[:, :_CODE_BITS]
    bits = min(max(_CODE_BITS // max(used.shape[1], 1), 1), _BITS_PER_PREDICTOR)
    coarse = (used.astype(np.int64) << bits) // (n_thresholds[: used.shape[1]] + 1)
    return np.argsort(interleaved(coarse, bits), kind="stable")
