"""Coordinates of sites as decimal degrees: from degrees, from degrees-minutes-seconds, or from
easting and northing in a projected CRS.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from helpers.boreholes.tables import Table
from helpers.storage import ContractError

DEGREES, PROJECTED = ("longitude", "latitude"), ("x", "y")
_HEMISPHERES = {
    "longitude": {"E": 1, "W": -1, "东经": 1, "西经": -1, "东": 1, "西": -1},
    "latitude": {"N": 1, "S": -1, "北纬": 1, "南纬": -1, "北": 1, "南": -1},
}
_HEMISPHERE = re.compile("|".join(name for axis in _HEMISPHERES.values() for name in axis))
_NUMBER = r"(\d+(?:\.\d+)?)"
_SEXAGESIMAL = re.compile(
    rf"([-+]?)\s*{_NUMBER}\s*(?:[°º度:d]|\s|$)\s*"
    rf"(?:{_NUMBER}\s*(?:['′’分:m]|\s|$)\s*)?(?:{_NUMBER}\s*(?:\"|″|”|''|′′|’’|秒|s)?)?",
)


def has_coordinates(table: Table) -> bool:
    """Whether a table has longitude and latitude, or x and y."""
    return any(set(pair) <= set(table.frame) for pair in (DEGREES, PROJECTED))


def longitude_latitude(table: Table, crs: str | None) -> tuple[pd.Series, pd.Series]:
    """Longitude and latitude (degrees, WGS 84) of every row.

    Columns x (easting) and y (northing) are used where there is no longitude and latitude; ``crs``
    (anything pyproj reads) says what they are. A latitude beyond 90 is let through where the
    longitude could be one: whether they were exchanged is for the checks to find.

    Raises
    ------
    ContractError
        If a coordinate is missing, unreadable or out of range, or no CRS is given for x and y.

    """
    if set(DEGREES) <= set(table.frame):
        table.require_filled(*DEGREES)
        longitude, latitude = (degrees(table, name) for name in DEGREES)
        exchanged = longitude.abs() <= 90
        _require_within(table, "longitude", longitude, 360)
        _require_within(table, "latitude", latitude.mask(exchanged & (latitude.abs() <= 180)), 90)
        return longitude, latitude
    table.require_filled(*PROJECTED)
    x, y = (table.numbers(name) for name in PROJECTED)
    unprojected = _to_degrees(table, crs).transform(x.to_numpy(), y.to_numpy())
    longitude, latitude = (pd.Series(values, x.index) for values in unprojected)
    wrong = x.index[~np.isfinite(longitude) | ~np.isfinite(latitude)]
    if len(wrong):
        raise ContractError(
            f"{table.place}: row {wrong[0]}: x {x[wrong[0]]:g}, y {y[wrong[0]]:g} lies nowhere in "
            f"{crs}. x is the easting and y the northing (Chinese survey tables often say it the "
            "other way round: exchange them in boreholes.columns); correct them or "
            "boreholes.sites_crs in study.toml."
        )
    return longitude, latitude


def _to_degrees(table: Table, crs: str | None) -> Transformer:
    if crs is None:
        names = " and ".join(f"'{table.header(name)}'" for name in PROJECTED)
        raise ContractError(
            f"{table.place}: columns {names} are projected coordinates, but no CRS is said. Set "
            'boreholes.sites_crs in study.toml, such as "EPSG:32651", or give longitude, latitude.'
        )
    try:
        return Transformer.from_crs(CRS.from_user_input(crs), "EPSG:4326", always_xy=True)
    except CRSError as error:
        raise ContractError(
            f"boreholes.sites_crs: pyproj cannot read '{crs}' ({error}). Give a code such as "
            '"EPSG:32651".'
        ) from error


def degrees(table: Table, name: str) -> pd.Series:
    """Degrees of a column of numbers, or of text in degrees, minutes and seconds."""
    cells = table.cells(name)
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    text = cells[numbers.isna()].astype(str)
    parsed = text.map({value: _parsed(value, name) for value in text.unique()}).astype(float)
    wrong = text.index[parsed.isna()]
    if len(wrong):
        raise ContractError(
            f"{table.place}: column '{table.header(name)}': row {wrong[0]} holds "
            f"'{text[wrong[0]]}', which is no {name}. Write decimal degrees such as 121.5042, or "
            "degrees, minutes and seconds such as 121°30'15\"."
        )
    return numbers.fillna(parsed)


def _parsed(text: str, axis: str) -> float | None:
    """Degrees of text such as 121°30'15"E, N52°58.2', 52 58 12.5 N or 121度30分15秒."""
    text = unicodedata.normalize("NFKC", text).strip().upper()
    hemispheres = _HEMISPHERE.findall(text)
    match = _SEXAGESIMAL.fullmatch(_HEMISPHERE.sub("", text).strip().lower())
    if match is None or len(hemispheres) > 1 or not set(hemispheres) <= set(_HEMISPHERES[axis]):
        return None
    sign, *parts = match.groups()
    degrees, minutes, seconds = (float(part or 0) for part in parts)
    fraction_inside = (degrees % 1 and (minutes or seconds)) or (minutes % 1 and seconds)
    if max(minutes, seconds) >= 60 or fraction_inside or (sign and hemispheres):
        return None
    turned = sign == "-" or -1 in [_HEMISPHERES[axis][name] for name in hemispheres]
    return (-1 if turned else 1) * (degrees + minutes / 60 + seconds / 3600)


def _require_within(table: Table, name: str, values: pd.Series, limit: float) -> None:
    wrong = values.index[values.abs() > limit]
    if len(wrong):
        raise ContractError(
            f"{table.place}: column '{table.header(name)}': row {wrong[0]} holds "
            f"'{table.frame.loc[wrong[0], name]}', beyond {limit:g} degrees. Correct it; "
            "projected coordinates belong into columns x and y."
        )
