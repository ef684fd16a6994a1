"""Daily mean land-surface temperature from four overpasses of a satellite pair, gaps filled.

Terra passes at about 10:30 and 22:30 local solar time, Aqua at about 13:30 and 01:30. Each 8-day
composite of an overpass (MOD11A2, MYD11A2 version 6.1) is the mean of its clear-sky days. What
comes out is the temperature of the surface the satellite sees (snow, canopy, soil) under a clear
sky, not of the air. It is too cold in winter, when clouds keep the ground warm (known issue of
the DUE Permafrost series, doi:10.1594/PANGAEA.780111), and nothing here corrects that.

Arrays are (overpass, composite, row, column) or (composite, row, column), float32, deg C, NaN
where nothing was seen; stored ones are uint16, 0 where nothing was seen.
"""

from __future__ import annotations

import numpy as np

OVERPASSES = ("Terra day", "Terra night", "Aqua day", "Aqua night")
KELVIN_PER_STEP = 0.02
PLAUSIBLE_C = (-75.0, 75.0)
LARGEST_ERROR_K = 3
# Choices of this package.
FEWEST_COMPLETE = 5  # composites with all four overpasses that a cell needs in a season
LONGEST_LINEAR = 2  # composites a straight line bridges
FEWEST_FOR_HARMONIC = 15  # three for each of its five coefficients
FEWEST_IN_SEASON = 3
_ZERO_C = 273.15
_DAYS_OF_YEAR = 365.2425


def keep_reliable(stored: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """Stored temperature (uint16), 0 where its quality byte refuses it.

    Kept is what was produced (bits 0-1: 0 good, 1 other) with a mean error of at most 3 K (bits
    6-7: 0, 1, 2 for at most 1, 2, 3 K); MODIS LST user guide, collection 6.1, MOD11A2.
    """
    produced = (quality & 0b11) <= 1
    precise = (quality >> 6) < LARGEST_ERROR_K
    return np.where(produced & precise, stored, 0).astype("uint16")


def to_celsius(stored: np.ndarray) -> np.ndarray:
    """Stored temperature (0.02 K, 0 for none) in deg C; what no land surface reaches is NaN."""
    celsius = stored.astype("float32") * np.float32(KELVIN_PER_STEP) - np.float32(_ZERO_C)
    coldest, warmest = PLAUSIBLE_C
    celsius[(celsius < coldest) | (celsius > warmest)] = np.nan
    return celsius


def season_of(month: np.ndarray) -> np.ndarray:
    """0 for December to February, 1, 2, 3 for the seasons that follow."""
    return np.asarray(month) % 12 // 3


def departures(lst: np.ndarray, season: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each overpass lies from the mean of the four: sums, and composites that count.

    Only composites with all four overpasses count. Sums are (season, overpass, row, column),
    counts (season, row, column); tiles are summed block by block with them.
    """
    sums = np.zeros((4, *lst.shape[:1], *lst.shape[2:]), "float32")
    counts = np.zeros((4, *lst.shape[2:]), "int32")
    for s in np.unique(season):
        part = lst[:, season == s]
        off = part - part.mean(axis=0)
        counts[s] = np.isfinite(off[0]).sum(axis=0)
        sums[s] = np.nansum(off, axis=1)
    return sums, counts


def daily_mean(lst: np.ndarray, season: np.ndarray, elsewhere: np.ndarray) -> np.ndarray:
    """Mean of the day from the overpasses there are.

    Each overpass less its usual departure from the mean of four estimates that mean; the result
    is the mean of the estimates, so that of four overpasses is their plain mean. Usual is the
    mean departure of the cell in the season, or ``elsewhere`` (season, overpass: the mean of all
    cells of the tile, deg C) where the cell has fewer than ``FEWEST_COMPLETE`` composites with
    all four. Without any overpass, or any departure known, the result is NaN.
    """
    sums, counts = departures(lst, season)
    counts = counts[:, None]
    usual = np.where(
        counts >= FEWEST_COMPLETE, sums / np.maximum(counts, 1), elsewhere[..., None, None]
    )
    mean = np.empty(lst.shape[1:], "float32")
    for s in np.unique(season):
        estimates = lst[:, season == s] - usual[s, :, None].astype("float32")
        seen = np.isfinite(estimates).sum(axis=0)
        total = np.nansum(estimates, axis=0)
        mean[season == s] = np.where(seen > 0, total / np.maximum(seen, 1), np.nan)
    return mean


def fill_gaps(values: np.ndarray, day: np.ndarray, season: np.ndarray) -> np.ndarray:
    """Series of composites without gaps, where there is enough of them.

    Gaps of at most ``LONGEST_LINEAR`` composites are bridged by a straight line. The others, and
    those at an end, take a harmonic fit to the cell's own series (mean, annual and semi-annual
    wave, least squares), if it has ``FEWEST_FOR_HARMONIC`` values and ``FEWEST_IN_SEASON`` in
    every season. Otherwise they stay NaN.

    Parameters
    ----------
    values
        Temperature (composite, row, column), deg C.
    day, season
        Middle of each composite, in days from any start, and its season (0 to 3).

    """
    series = values.reshape(len(values), -1).copy()
    gappy = np.flatnonzero(np.isnan(series).any(axis=0) & np.isfinite(series).any(axis=0))
    part = series[:, gappy]
    seen = np.isfinite(part)
    _bridge(part, seen, day)
    _fit(part, seen, day, season)
    series[:, gappy] = part
    return series.reshape(values.shape)


def _bridge(series: np.ndarray, seen: np.ndarray, day: np.ndarray) -> None:
    """Fill short gaps of a (composite, cell) array in place, each by a straight line."""
    n = len(series)
    step = np.arange(n, dtype="int32")[:, None]
    before = np.maximum.accumulate(np.where(seen, step, -1), axis=0)
    after = np.minimum.accumulate(np.where(seen, step, n)[::-1], axis=0)[::-1]
    short = ~seen & (before >= 0) & (after < n) & (after - before - 1 <= LONGEST_LINEAR)
    at, cell = np.nonzero(short)
    left, right = before[at, cell], after[at, cell]
    weight = (day[at] - day[left]) / (day[right] - day[left])
    series[at, cell] = (1 - weight) * series[left, cell] + weight * series[right, cell]


def _fit(series: np.ndarray, seen: np.ndarray, day: np.ndarray, season: np.ndarray) -> None:
    """Fill what is still missing of a (composite, cell) array in place, by a harmonic fit."""
    fewest = np.min([seen[season == s].sum(axis=0) for s in range(4)], axis=0)
    enough = (seen.sum(axis=0) >= FEWEST_FOR_HARMONIC) & (fewest >= FEWEST_IN_SEASON)
    cells = np.flatnonzero(enough & np.isnan(series).any(axis=0))
    angle = 2 * np.pi * np.asarray(day, float) / _DAYS_OF_YEAR
    waves = [f(k * angle) for k in (1, 2) for f in (np.cos, np.sin)]
    design = np.stack([np.ones_like(angle), *waves], axis=1)
    weight = seen[:, cells].astype(float)
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    normal = (weight.T @ products).reshape(-1, design.shape[1], design.shape[1])
    observed = np.where(seen[:, cells], series[:, cells], 0.0)
    coefficients = np.linalg.solve(normal, (observed.T @ design)[..., None])[..., 0]
    fitted = design @ coefficients.T
    missing = np.isnan(series[:, cells])
    series[:, cells] = np.where(missing, fitted, series[:, cells])
