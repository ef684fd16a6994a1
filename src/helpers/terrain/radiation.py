"""Potential clear-sky radiation on the slopes of the terrain."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pvlib.atmosphere import alt2pres, get_absolute_airmass, get_relative_airmass
from pvlib.clearsky import ineichen
from pvlib.irradiance import get_extra_radiation
from pvlib.solarposition import declination_spencer71
from threadpoolctl import threadpool_limits

from helpers.terrain.ground import as_layer, ground_gradient, latitude, row_blocks

LINKE_TURBIDITY = 3.0  # a rural atmosphere, the same everywhere and all year
ALBEDO = 0.2  # of ground without snow
# Day of the year whose radiation is the mean of its month (Klein 1977).
REPRESENTATIVE_DAY = (17, 47, 75, 105, 135, 162, 198, 228, 258, 288, 318, 344)
DAYS = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
_STEPS_A_DAY = 48
_LEVEL_M = 100.0
_CELLS_AT_ONCE = 30_000


class _Sky(NamedTuple):
    """The sun of a latitude: times of daylight in rows, levels of elevation in columns."""

    sun: NDArray  # (times, 3) to east, north and up
    beam: NDArray  # (times, levels), W m-2 by the share of the time
    diffuse: NDArray  # (levels,), mean W m-2 on the level
    total: NDArray  # (levels,), mean W m-2 on the level


# Products of matrices depend, in the last digit, on how many threads share them.
@threadpool_limits.wrap(limits=1, user_api="blas")
def clear_sky_radiation(elevation: xr.DataArray, month: int | None = None) -> xr.DataArray:
    """Mean potential clear-sky global radiation on the tilted ground, W m-2, day and night.

    Beam by the angle between sun and slope, sky light the same from everywhere, and light from
    level ground around (Liu and Jordan 1963, doi:10.1016/0038-092X(63)90006-9), every half hour
    of the representative day of each month (Klein 1977, doi:10.1016/0038-092X(77)90001-9). The
    sky is that of Ineichen and Perez (2002), doi:10.1016/S0038-092X(02)00045-2, as in pvlib, at
    the elevation of the cell with a turbidity of ``LINKE_TURBIDITY`` and an ``ALBEDO`` without
    snow. **Shadows that other terrain casts and the sky it hides are left out**, so are clouds,
    and the bending of light near the horizon.

    Parameters
    ----------
    elevation
        (y, x) in m, with a CRS.
    month
        1 to 12; ``None`` is the mean of the year, each month by its days.

    Returns
    -------
    DataArray (y, x), missing where the slope is (rim, next to missing cells). It is computed at
    whole degrees of latitude and every 100 m of elevation and interpolated between.

    Raises
    ------
    ContractError
        If the elevation names no CRS: its latitude is then unknown.

    """
    z, degrees = elevation.to_numpy(), latitude(elevation)
    east, north = ground_gradient(elevation)
    radiation = np.full_like(east, np.nan)
    levels = _levels(z)
    sky = cache(lambda degree: _sky(degree, levels, month))
    for rows in row_blocks(z.shape, _CELLS_AT_ONCE):
        known = np.isfinite(east[rows])
        normals = _normals(east[rows][known], north[rows][known])
        cells = z[rows][known], degrees[rows][known]
        radiation[rows][known] = _on_tilted(normals, *cells, levels, sky)
    when = "year" if month is None else MONTHS[month - 1]
    return as_layer(elevation, radiation, "W m-2", f"potential clear-sky radiation, {when}")


def _levels(elevation: NDArray) -> NDArray:
    """Multiples of the step between levels that enclose all elevations."""
    known = elevation[np.isfinite(elevation)]
    if not known.size:
        return np.zeros(1)
    first, last = np.floor(known.min() / _LEVEL_M), np.ceil(known.max() / _LEVEL_M)
    return _LEVEL_M * np.arange(first, last + 1)


def _normals(eastward: NDArray, northward: NDArray) -> NDArray:
    """Upward unit vectors (cells, 3) at right angles to slopes: east, north, up."""
    normals = np.column_stack([-eastward, -northward, np.ones_like(eastward)])
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _on_tilted(
    normals: NDArray, elevation: NDArray, degrees: NDArray, levels: NDArray, sky: Callable
) -> NDArray:
    """Radiation (cells,), linear between whole degrees of latitude and levels of elevation."""
    share = np.maximum(1 - np.abs(elevation[:, None] - levels) / _LEVEL_M, 0)
    mean = np.zeros(len(normals))
    for degree in np.unique(np.concatenate([np.floor(degrees), np.ceil(degrees)])):
        nearness = 1 - np.abs(degrees - degree)
        near = nearness > 0
        of_levels = _under_sky(normals[near], sky(degree))
        mean[near] += nearness[near] * (of_levels * share[near]).sum(axis=1)
    return mean


def _under_sky(normals: NDArray, sky: _Sky) -> NDArray:
    """Radiation (cells, levels) of slopes under the sky of one latitude, W m-2."""
    facing = normals @ sky.sun.T
    beam = np.maximum(facing, 0, out=facing) @ sky.beam
    up = normals[:, 2:]
    return beam + sky.diffuse * (1 + up) / 2 + ALBEDO * sky.total * (1 - up) / 2


def _sky(degree: float, levels: NDArray, month: int | None) -> _Sky:
    """Sun and clear sky of a latitude, in the month or the year."""
    months = np.arange(12) if month is None else np.array([month - 1])
    day = np.repeat(np.array(REPRESENTATIVE_DAY)[months], _STEPS_A_DAY)
    share = np.repeat(DAYS[months] / DAYS[months].sum() / _STEPS_A_DAY, _STEPS_A_DAY)
    sun = _sun(degree, day)
    light = sun[:, 2] > 0
    day, share, sun = day[light], share[light, None], sun[light]
    zenith = np.degrees(np.arccos(sun[:, 2:]))
    mass = get_absolute_airmass(get_relative_airmass(zenith), alt2pres(levels))
    outside = get_extra_radiation(day)[:, None]
    clear = ineichen(zenith, mass, LINKE_TURBIDITY, levels, outside)
    diffuse, total = (share * clear["dhi"]).sum(axis=0), (share * clear["ghi"]).sum(axis=0)
    parts = (sun, share * clear["dni"], diffuse, total)
    return _Sky(*(part.astype(np.float32) for part in parts))


def _sun(degree: float, day: NDArray) -> NDArray:
    """Unit vectors (times, 3) to the sun, east, north and up; half hours from midnight on."""
    hours = (np.arange(len(day)) % _STEPS_A_DAY + 0.5) * 24 / _STEPS_A_DAY
    hour_angle = np.radians(15 * (hours - 12))
    # Whole days count from midnight; the sun of the day is that of its noon.
    declination, latitude_ = declination_spencer71(day + 0.5), np.radians(degree)
    return np.column_stack(
        [
            -np.cos(declination) * np.sin(hour_angle),
            np.sin(declination) * np.cos(latitude_)
            - np.cos(declination) * np.sin(latitude_) * np.cos(hour_angle),
            np.sin(declination) * np.sin(latitude_)
            + np.cos(declination) * np.cos(latitude_) * np.cos(hour_angle),
        ]
    )
