"""Mean and most frequent value of a source in target cells, weighed by the exact area of overlap.

The cells of the grid may lie turned and skewed in the raster. GDAL's average takes the upright
rectangle between two corners of a cell, which shrinks to a line where the grid is turned by 45
degrees; here the cell is the quadrilateral between its four corners.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Shares of a cell below this are rounding errors.
_LEAST_SHARE = 1e-6


@njit(nogil=True, cache=True)
def area_mean(
    values: NDArray, column: NDArray, row: NDArray, widest: float
) -> tuple[NDArray, NDArray]:
    """Sum of the values in each target cell, weighed by shares of its area, and sum of shares.

    Parameters
    ----------
    values
        Window of the source, NaN missing.
    column, row
        Places of the corners of the target cells (rows + 1, columns + 1) in the window, in
        cells from its outer corner; NaN where there is none.
    widest
        Cells of the source; a target cell that reaches over more is torn by an edge of the
        source's projection and stays empty.

    Returns
    -------
    total, weight
        Of the known part of each target cell; both 0 where nothing is known.

    """
    shape = (column.shape[0] - 1, column.shape[1] - 1)
    total, weight = np.zeros(shape), np.zeros(shape)
    for i in range(shape[0]):
        for j in range(shape[1]):
            if _is_torn(column, row, i, j, widest):
                continue
            first_row, first_column, share = _overlap(column, row, i, j, values.shape)
            for k in range(share.shape[0]):
                for m in range(share.shape[1]):
                    value = values[first_row + k, first_column + m]
                    if not np.isnan(value) and share[k, m] > 0:
                        total[i, j] += share[k, m] * value
                        weight[i, j] += share[k, m]
            if weight[i, j] < _LEAST_SHARE:
                total[i, j], weight[i, j] = 0.0, 0.0
    return total, weight


@njit(nogil=True, cache=True)
def area_mode(values: NDArray, column: NDArray, row: NDArray, widest: float) -> NDArray:
    """Known value of the largest area in each target cell; the lowest of equals.

    Parameters are those of :func:`area_mean`; NaN where nothing is known.
    """
    shape = (column.shape[0] - 1, column.shape[1] - 1)
    mode = np.full(shape, np.nan)
    for i in range(shape[0]):
        for j in range(shape[1]):
            if _is_torn(column, row, i, j, widest):
                continue
            first_row, first_column, share = _overlap(column, row, i, j, values.shape)
            rows = slice(first_row, first_row + share.shape[0])
            columns = slice(first_column, first_column + share.shape[1])
            mode[i, j] = _most_frequent(values[rows, columns].copy().ravel(), share.ravel())
    return mode


@njit(nogil=True, cache=True)
def _is_torn(column: NDArray, row: NDArray, i: int, j: int, widest: float) -> bool:
    """Whether a target cell lies nowhere on Earth or its corners lie far apart."""
    for place in (column, row):
        corners = place[i : i + 2, j : j + 2]
        # False if one of them is NaN.
        if not corners.max() - corners.min() <= widest:
            return True
    return False


@njit(nogil=True, cache=True)
def _overlap(
    column: NDArray, row: NDArray, i: int, j: int, shape: tuple[int, int]
) -> tuple[int, int, NDArray]:
    """Shares of target cell (i, j) in the source cells it touches, and the first of these.

    The area of a polygon in a source cell is the sum over its edges of the area to the right of
    each edge, counted positive going down and negative going up.
    """
    x = np.array([column[i, j], column[i, j + 1], column[i + 1, j + 1], column[i + 1, j]])
    y = np.array([row[i, j], row[i, j + 1], row[i + 1, j + 1], row[i + 1, j]])
    north, south = max(int(np.floor(y.min())), 0), min(int(np.ceil(y.max())), shape[0])
    west, east = max(int(np.floor(x.min())), 0), min(int(np.ceil(x.max())), shape[1])
    share = np.zeros((max(south - north, 0), max(east - west, 0)))
    area = 0.0
    for k in range(4):
        m = (k + 1) % 4
        area += (x[k] - x[m]) * (y[k] + y[m]) / 2
        for r in range(max(north, int(np.floor(min(y[k], y[m])))), south):
            if r >= max(y[k], y[m]):
                break
            _add_right_of(share[r - north], west, x[k], y[k] - r, x[m], y[m] - r)
    return north, west, share / -area if area != 0 else np.zeros_like(share)


@njit(nogil=True, cache=True)
def _add_right_of(share: NDArray, west: int, x0: float, y0: float, x1: float, y1: float) -> None:
    """Add the area right of an edge, as far as it lies in a row of cells (y from 0 to 1)."""
    top, bottom = max(min(y0, y1), 0.0), min(max(y0, y1), 1.0)
    if bottom <= top:
        return
    slope = (x1 - x0) / (y1 - y0)
    ends = x0 + slope * (top - y0), x0 + slope * (bottom - y0)
    low, high = min(ends), max(ends)
    height = (bottom - top) if y1 > y0 else (top - bottom)
    start = max(int(np.floor(low)) - west, 0)
    left = _mean_reach(west + start, low, high)
    for k in range(start, len(share)):
        right = _mean_reach(west + k + 1, low, high)
        share[k] += height * (right - left)
        left = right


@njit(nogil=True, cache=True)
def _mean_reach(x: float, low: float, high: float) -> float:
    """Mean of max(x - t, 0) over t from low to high."""
    if x <= low:
        return 0.0
    if x >= high:
        return x - (low + high) / 2
    return (x - low) ** 2 / (2 * (high - low))


@njit(nogil=True, cache=True)
def _most_frequent(values: NDArray, share: NDArray) -> float:
    """Value with the largest sum of shares, the lowest of equals; NaN if none is known."""
    best, largest, run = np.nan, _LEAST_SHARE, 0.0
    previous = np.nan
    for k in np.argsort(values):
        if np.isnan(values[k]):
            break
        run = run + share[k] if values[k] == previous else share[k]
        previous = values[k]
        if run > largest + _LEAST_SHARE:
            best, largest = values[k], run
    return best
