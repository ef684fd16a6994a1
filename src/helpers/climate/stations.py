"""Monthly climate of stations as surfaces over a region, and their leave-one-out error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from helpers.climate.indices import MONTHS, annual_climate
from helpers.climate.surfaces import Interpolation, StationSurface


def station_months(stations: pd.DataFrame) -> tuple[NDArray, NDArray]:
    """Monthly temperature (n, 12), deg C, and precipitation (n, 12), mm, NaN where missing."""
    temperature = stations[[f"t{m}" for m in MONTHS]].to_numpy(float)
    return temperature, stations[[f"p{m}" for m in MONTHS]].to_numpy(float)


def observed_climate(
    stations: pd.DataFrame, within_month_sd_c: ArrayLike | None
) -> dict[str, NDArray]:
    """Annual quantities (n) of the stations' own months; NaN where months are missing."""
    temperature, precipitation = station_months(stations)
    latitude = stations["lat"].to_numpy()
    return annual_climate(temperature.T, precipitation.T, within_month_sd_c, latitude)


@dataclass(frozen=True)
class StationClimate:
    """Monthly air temperature and precipitation of stations as surfaces over a region."""

    temperature: StationSurface
    precipitation: StationSurface
    within_month_sd_c: NDArray

    @classmethod
    def fit(
        cls,
        position: NDArray,
        stations: pd.DataFrame,
        within_month_sd_c: ArrayLike,
        method: Interpolation = "thin_plate_spline",
    ) -> Self:
        """Fit both surfaces; a station without one of the two still serves the other.

        Parameters
        ----------
        position
            (n, 3): easting, northing and elevation of the stations, m.
        stations
            Table with the monthly columns of :func:`station_months`.
        within_month_sd_c
            Standard deviation of daily temperature within each month (12), deg C.
        method
            How they are interpolated; see :meth:`StationSurface.fit`, also for errors.

        """
        surfaces = []
        names = "station temperature", "station precipitation"
        for name, months in zip(names, station_months(stations), strict=True):
            known = np.isfinite(months).all(axis=1)
            surfaces.append(
                StationSurface.fit(position[known], months[known], method=method, name=name)
            )
        return cls(*surfaces, np.asarray(within_month_sd_c, dtype=float))

    def __call__(self, position: NDArray, latitude: ArrayLike | None = None) -> dict[str, NDArray]:
        """Annual quantities (see :func:`annual_climate`) at positions (m, 3), m.

        Continentality is among them only where the latitudes (m), degrees, are given.
        """
        return annual_climate(
            self.temperature(position).T,
            self.precipitation(position).T,
            self.within_month_sd_c,
            latitude,
        )


def leave_one_station_out(
    position: NDArray,
    stations: pd.DataFrame,
    within_month_sd_c: ArrayLike,
    method: Interpolation = "thin_plate_spline",
) -> pd.DataFrame:
    """Annual quantities at each station from all other stations, beside the observed ones.

    Everything is fitted anew without the station, the covariance of kriging too: with sill,
    range and nugget of all stations held, each would have a say in its own prediction.

    Returns
    -------
    Long table: station, quantity, observed, predicted, error (predicted minus observed); only
    where the station observed all twelve months.

    """
    observed = observed_climate(stations, within_month_sd_c)
    latitude = stations["lat"].to_numpy()
    rows = []
    # Matrices of a few dozen stations: threads would cost more than they bring.
    with threadpool_limits(1):
        for i in range(len(stations)):
            others = np.arange(len(stations)) != i
            model = StationClimate.fit(
                position[others], stations[others], within_month_sd_c, method
            )
            rows.append(model(position[i : i + 1], latitude[i : i + 1]))
    predicted = {name: np.concatenate([row[name] for row in rows]) for name in observed}
    return error_table(stations["station"], observed, predicted)


def error_table(
    station: pd.Series, observed: dict[str, NDArray], predicted: dict[str, NDArray]
) -> pd.DataFrame:
    """Long table of station, quantity, observed, predicted, error; rows without one left out."""
    tables = [
        pd.DataFrame(
            {
                "station": station.to_numpy(),
                "quantity": quantity,
                "observed": observed[quantity],
                "predicted": predicted[quantity],
            }
        )
        for quantity in observed
    ]
    table = pd.concat(tables).sort_index(kind="stable")
    table["error"] = table["predicted"] - table["observed"]
    return table.dropna(ignore_index=True)
