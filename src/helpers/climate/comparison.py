"""Which interpolation of stations errs least, by leaving one station out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.climate.indices import QUANTITIES
from helpers.climate.stations import error_table, leave_one_station_out, observed_climate
from helpers.climate.surfaces import INTERPOLATIONS, Interpolation, check_spread
from helpers.storage import ContractError


def regional_regressions(
    stations: pd.DataFrame, elevation_m: ArrayLike, within_month_sd_c: ArrayLike
) -> pd.DataFrame:
    """Each annual quantity straight from latitude, longitude and elevation, one station left out.

    The plain regression of regional studies: no months, no surface of what it leaves. A least-
    squares fit without station i errs there by r_i / (1 - h_ii), r the residuals and h the
    diagonal of the hat matrix of all stations, so that no fit has to be repeated.

    Parameters
    ----------
    stations
        Stations of the region: station, lon, lat and months (see ``station_months``).
    elevation_m
        Of each station, m; none missing.
    within_month_sd_c
        Standard deviation of daily temperature within each month (12), deg C.

    Returns
    -------
    Long table as of :func:`leave_one_station_out`, and ``fitted``: the regression of all
    stations, itself included, at the station.

    """
    observed = observed_climate(stations, within_month_sd_c)
    place = np.column_stack([stations["lat"], stations["lon"], elevation_m])
    check_spread(place, "regional regression")
    standardised = (place - place.mean(axis=0)) / place.std(axis=0)
    design = np.column_stack([np.ones(len(place)), standardised])
    fits = {name: _regression(design, values) for name, values in observed.items()}
    table = error_table(stations["station"], observed, {n: fit[1] for n, fit in fits.items()})
    fitted = error_table(stations["station"], observed, {n: fit[0] for n, fit in fits.items()})
    return table.assign(fitted=fitted["predicted"])


def _regression(design: NDArray, values: NDArray) -> tuple[NDArray, NDArray]:
    """Values fitted, and those predicted with one left out; NaN where ``values`` are.

    All are NaN where too few are known to leave one out.
    """
    known = np.isfinite(values)
    if known.sum() <= design.shape[1]:
        return np.full((2, len(values)), np.nan)
    hat = design[known] @ np.linalg.pinv(design[known])
    fitted, left_out = np.full((2, len(values)), np.nan)
    fitted[known] = hat @ values[known]
    residual = values[known] - fitted[known]
    left_out[known] = values[known] - residual / (1 - np.diag(hat))
    return fitted, left_out


def compare_interpolations(
    position: NDArray,
    stations: pd.DataFrame,
    within_month_sd_c: ArrayLike,
    methods: Iterable[Interpolation] = INTERPOLATIONS,
    subset: tuple[str, ArrayLike] | None = None,
) -> pd.DataFrame:
    """Leave-one-station-out errors of several interpolations, quantity by quantity.

    Parameters
    ----------
    position, stations, within_month_sd_c
        As for :func:`leave_one_station_out`.
    methods
        Interpolations to compare.
    subset
        Name and mask (n) of a region, such as ``("north of 46 N", stations["lat"] > 46)``. The
        errors are told for its stations too (all stations still serve the surfaces), and for
        :func:`regional_regressions` of its stations alone.

    Returns
    -------
    Tidy table: method, stations ("all" or the name of the subset), quantity, units, n, rmse,
    bias (mean of predicted minus observed), in_sample_rmse (of the regressions; blank for
    surfaces, which can follow their own stations as closely as they like).

    """
    errors = {
        method: leave_one_station_out(position, stations, within_month_sd_c, method)
        for method in methods
    }
    tables = [_summary(table, method, "all") for method, table in errors.items()]
    if subset is not None:
        name, inside = subset[0], _checked_mask(subset, stations)
        members = stations.loc[inside, "station"]
        for method, table in errors.items():
            tables.append(_summary(table[table["station"].isin(members)], method, name))
        regressions = regional_regressions(stations[inside], position[inside, 2], within_month_sd_c)
        tables.append(_summary(regressions, f"regression {name}", name))
    return pd.concat(tables, ignore_index=True)


def _summary(errors: pd.DataFrame, method: str, stations: str) -> pd.DataFrame:
    """One row for each quantity of a table of errors."""
    rows = []
    for quantity, table in errors.groupby("quantity", sort=False):
        row = {
            "method": method,
            "stations": stations,
            "quantity": quantity,
            "units": QUANTITIES[quantity][0],
            "n": len(table),
            "rmse": _root_mean_square(table["error"]),
            "bias": table["error"].mean(),
            "in_sample_rmse": np.nan,
        }
        if "fitted" in table:
            row["in_sample_rmse"] = _root_mean_square(table["fitted"] - table["observed"])
        rows.append(row)
    return pd.DataFrame(rows)


def _root_mean_square(values: pd.Series) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _checked_mask(subset: tuple[str, ArrayLike], stations: pd.DataFrame) -> NDArray:
    """Mask of the subset; a regression on three places needs more than five stations."""
    name, inside = subset[0], np.asarray(subset[1], dtype=bool)
    if inside.shape != (len(stations),) or inside.sum() < 6:
        raise ContractError(
            f"subset '{name}' marks {inside.sum()} of {inside.size} stations; a mask of "
            f"{len(stations)} with at least 6 marked is needed. Choose a larger region."
        )
    return inside
