"""Station climate as layers of a study, and how wrong it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from helpers import climate, terrain
from helpers.storage import ContractError, read_table
from helpers.study import Study
from helpers.units import POSSIBLE

_CELLS_AT_ONCE = 200_000


def read_stations(study: Study) -> tuple[pd.DataFrame, NDArray]:
    """Station table, and easting, northing, elevation (n, 3) in m.

    A station without elevation takes that of the coarse relief (0 over sea).

    Raises
    ------
    ContractError
        If a station is listed twice, has no coordinates, or a month that cannot be.

    """
    months = tuple(f"{kind}{m}" for kind in "tp" for m in climate.MONTHS)
    file = study.path(study.climate.stations)
    stations = read_table(file, ("lon", "lat", "elevation_m", *months), ("station",))
    repeated = stations["station"][stations["station"].duplicated()]
    if len(repeated):
        raise ContractError(
            f"{file}: station {', '.join(repeated)} listed more than once; one row each is needed."
        )
    _check_possible(file, stations, months)
    x, y = study.to_grid.transform(stations["lon"], stations["lat"])
    elevation = stations["elevation_m"].to_numpy().copy()
    blank = np.isnan(elevation) & np.isfinite(x)
    elevation[blank] = terrain.relief_at(stations["lon"][blank], stations["lat"][blank])
    position = np.column_stack([x, y, elevation])
    lost = stations["station"][~np.isfinite(position).all(axis=1)]
    if len(lost):
        raise ContractError(
            f"{file}: station {', '.join(lost)} has no place on the grid; give its lon and lat."
        )
    return stations, position


def _check_possible(file: Path, stations: pd.DataFrame, months: tuple[str, ...]) -> None:
    """Refuse monthly values that exist nowhere; they would bend the surface of all stations."""
    for column in months:
        lowest, highest, _ = POSSIBLE[{"t": "degC", "p": "mm"}[column[0]]]
        wrong = stations[~stations[column].between(lowest, highest) & stations[column].notna()]
        if len(wrong):
            first = wrong.iloc[0]
            raise ContractError(
                f"{file}: station {first['station']}: {column} is {first[column]:g}; "
                f"{lowest:g} to {highest:g} is possible (t01 to t12 are in deg C, p01 to p12 in "
                "mm). Correct it, or leave it empty if it is missing."
            )


def station_errors(study: Study) -> pd.DataFrame | None:
    """Leave-one-station-out errors of the study's interpolation, with positions for a map.

    Columns as of climate.leave_one_station_out, and lon, lat (degrees), elevation_m. ``None`` if
    the study takes no climate from stations.
    """
    if study.climate is None or study.climate.stations is None:
        return None
    stations, position = read_stations(study)
    errors = climate.leave_one_station_out(
        position, stations, study.climate.within_month_sd_c, study.climate.interpolation
    )
    return errors.merge(stations[["station", "lon", "lat", "elevation_m"]], on="station")


def compare_station_climate(
    study: Study, split_latitude: float | None = None
) -> pd.DataFrame | None:
    """Leave-one-station-out errors of all interpolations; see climate.compare_interpolations.

    For all stations and for those north of a latitude (degrees; their median unless it is given),
    there also of plain regressions. ``None`` if the study takes no climate from stations.
    """
    if study.climate is None or study.climate.stations is None:
        return None
    stations, position = read_stations(study)
    if split_latitude is None:
        split_latitude = float(np.floor(stations["lat"].median()))
    north = f"north of {split_latitude:g} N", stations["lat"] > split_latitude
    return climate.compare_interpolations(
        position, stations, study.climate.within_month_sd_c, subset=north
    )


def station_units(study: Study) -> dict[str, str]:
    """Unit of each quantity that a covariate of the study takes from stations."""
    asked = {c.quantity for c in study.covariates.values() if c.source == "stations"}
    return {name: units for name, (units, _) in climate.QUANTITIES.items() if name in asked}


def station_layers(
    study: Study, relief: xr.DataArray, mapped: xr.DataArray
) -> dict[str, xr.DataArray]:
    """The climate quantities asked for, on the grid; in rows so that memory stays bounded."""
    stations, position = read_stations(study)
    model = climate.StationClimate.fit(
        position, stations, study.climate.within_month_sd_c, study.climate.interpolation
    )
    asked = {c.quantity for c in study.covariates.values() if c.source == "stations"}
    values = {quantity: np.full(relief.shape, np.nan, np.float32) for quantity in sorted(asked)}
    height, step = relief.sizes["y"], max(_CELLS_AT_ONCE // relief.sizes["x"], 1)
    for piece in (slice(first, first + step) for first in range(0, height, step)):
        here = mapped.to_numpy()[piece]
        found = _climate_of_cells(study, model, relief[piece], here)
        for quantity, grid in values.items():
            grid[piece][here] = found[quantity]
    how = f"{study.climate.stations}: {climate.INTERPOLATIONS[study.climate.interpolation]}"
    layers = {}
    for quantity, grid in values.items():
        units, long_name = climate.QUANTITIES[quantity]
        attributes = {"units": units, "long_name": long_name, "source": how}
        layers[quantity] = relief.copy(data=grid).assign_attrs(attributes)
    return layers


def _climate_of_cells(
    study: Study, model: climate.StationClimate, relief: xr.DataArray, here: NDArray
) -> dict[str, NDArray]:
    rows, columns = np.nonzero(here)
    x, y = relief.x.values[columns], relief.y.values[rows]
    latitude = study.to_grid.transform(x, y, direction="INVERSE")[1]
    return model(np.column_stack([x, y, relief.to_numpy()[here]]), latitude)
