"""A raster that is read window by window, whatever file or array it lies in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS

Read = Callable[[slice, slice], NDArray]
_WHOLE_CIRCLE_WITHIN = 0.05


@dataclass(frozen=True)
class Source:
    """One step of a raster, not yet read.

    Attributes
    ----------
    crs
        Coordinate reference system.
    transform
        Affine from column and row (of cell corners) to x and y; rows may go north or south and
        the raster may be turned.
    shape
        Rows and columns.
    read
        Values (float32, NaN missing; scale and offset applied) of a window that lies inside:
        ``read(rows, columns)``.
    name
        File and variable or band, for messages.
    nodata
        Stored numbers that are missing, for messages.
    units
        As the file states them, if it does.
    long_name
        What the file says the values are, if it does.
    start, days
        First day and length (d) of the step, if the file states dates.
    close
        Gives the file free again; it is opened anew by the next reading.

    """

    crs: CRS
    transform: Affine
    shape: tuple[int, int]
    read: Read
    name: str = "array"
    nodata: tuple[float, ...] = ()
    units: str | None = None
    long_name: str | None = None
    start: np.datetime64 | None = None
    days: float | None = None
    close: Callable[[], None] = lambda: None

    @property
    def grid(self) -> tuple:
        """What two sources share whose cells lie in the same places."""
        return self.crs, self.transform, self.shape

    @property
    def is_geographic(self) -> bool:
        """Whether columns are degrees of longitude, of which 360 lead back to the start."""
        upright = self.transform.b == 0 and self.transform.d == 0
        return upright and self.crs.is_geographic and self.crs.axis_info[0].unit_name == "degree"

    @property
    def period(self) -> float:
        """Columns around the Earth; infinite for a projected raster."""
        return 360 / abs(self.transform.a) if self.is_geographic else np.inf

    @property
    def goes_round(self) -> bool:
        """Whether the last column is the neighbour of the first."""
        return abs(self.shape[1] - self.period) < _WHOLE_CIRCLE_WITHIN

    def read_around(self, rows: slice, columns: slice) -> NDArray:
        """Values of a window; if the raster goes round, its columns may lie beyond the edges."""
        width = self.shape[1]
        parts, first = [], columns.start
        while first < columns.stop:
            turn = first // width * width
            last = min(columns.stop, turn + width)
            parts.append(self.read(rows, slice(first - turn, last - turn)))
            first = last
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def cell_of(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray, NDArray]:
        """Column and row, with parts of a cell, of places in the CRS of the raster.

        Longitudes are brought to the turn of the Earth around the middle of the raster; a place
        that does not exist is NaN.
        """
        nowhere = ~(np.isfinite(x) & np.isfinite(y))
        x, y = np.where(nowhere, np.nan, x), np.where(nowhere, np.nan, y)
        column, row = apply(~self.transform, x, y)
        if np.isfinite(self.period):
            middle = self.shape[1] / 2
            column = column - self.period * np.round((column - middle) / self.period)
        return column, row


def apply(transform: Affine, x: NDArray, y: NDArray) -> tuple[NDArray, NDArray]:
    """Places of an affine transform, of arrays."""
    a, b, c, d, e, f = transform[:6]
    return a * x + b * y + c, d * x + e * y + f


def array_source(values: NDArray, transform: Affine, crs: object, name: str = "array") -> Source:
    """Source of an array (rows, columns) in memory, NaN missing; ``crs`` is any pyproj reads."""

    def read(rows: slice, columns: slice) -> NDArray:
        """Values of a window of the array."""
        return np.asarray(values[rows, columns], dtype=np.float32)

    return Source(CRS.from_user_input(crs), transform, values.shape, read, name)
