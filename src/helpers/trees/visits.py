"""In which order cells are visited, and which trees must be asked again."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_CODE_BITS, _BITS_PER_PREDICTOR = 62, 8


def visiting_order(ranks: NDArray, n_thresholds: NDArray) -> NDArray:
    """Row numbers of cells (cells, predictors) in an order that keeps alike cells together.

    Along a Z-order curve (Morton 1966) through the space of the predictors. On a map it halves
    the trees to be asked; of cells in no order at all it makes nearly as good ones.
    """
    used = ranks[:, :_CODE_BITS]
    bits = min(max(_CODE_BITS // max(used.shape[1], 1), 1), _BITS_PER_PREDICTOR)
    coarse = (used.astype(np.int64) << bits) // (n_thresholds[: used.shape[1]] + 1)
    return np.argsort(_interleaved(coarse, bits), kind="stable")


@njit(nogil=True, cache=True)
def _interleaved(coarse: NDArray, bits: int) -> NDArray:
    """One number from the bits of several, the highest bits of all first."""
    codes = np.zeros(len(coarse), np.int64)
    for cell in range(len(coarse)):
        for bit in range(bits - 1, -1, -1):
            for p in range(coarse.shape[1]):
                codes[cell] = (codes[cell] << 1) | ((coarse[cell, p] >> bit) & 1)
    return codes


@njit(nogil=True, cache=True)
def new_boxes(n_predictors: int, n_trees: int) -> tuple[NDArray, NDArray]:
    """Lowest and highest ranks (predictors, trees) that no cell fulfils: every tree is asked."""
    return np.ones((n_predictors, n_trees), np.int32), np.zeros((n_predictors, n_trees), np.int32)


@njit(nogil=True, cache=True)
def trees_to_ask(
    ranks: NDArray, lowest: NDArray, highest: NDArray, left: NDArray, asked: NDArray
) -> int:
    """Put the trees whose box the cell has left into ``asked``; returns their number.

    ``left`` is room for one byte per tree, filled up to a multiple of eight: one compiled
    comparison does many trees at once, and eight that stay are passed over together.
    """
    n_trees = lowest.shape[1]
    left[:] = 0
    for p in range(len(ranks)):
        rank, low, high = ranks[p], lowest[p], highest[p]
        for tree in range(n_trees):
            left[tree] |= np.uint8(rank < low[tree]) | np.uint8(rank > high[tree])
    count = 0
    for position, eight in enumerate(left.view(np.uint64)):
        if eight:
            for tree in range(8 * position, min(8 * position + 8, n_trees)):
                if left[tree]:
                    asked[count] = tree
                    count += 1
    return count


@njit(nogil=True, cache=True)
def room_for_flags(n_trees: int) -> NDArray:
    """One byte per tree, filled up to a multiple of eight."""
    return np.zeros((n_trees + 7) // 8 * 8, np.uint8)
