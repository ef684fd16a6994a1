"""Coordinates of sites as decimal degrees: from degrees, from degrees-minutes-seconds, or from
easting and northing in a projected CRS.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd
from pyproj import CRS, Transformer
from pyproj.aoi import AreaOfUse
from pyproj.exceptions import CRSError

from helpers.boreholes.cells import quoted
from helpers.boreholes.tables import Table
from helpers.storage import ContractError

DEGREES, PROJECTED = ("longitude", "latitude"), ("x", "y")
# Degrees beyond the area of use of a CRS. Zones are used a little beyond their meridians, and the
# area of a national CRS ends with the land.
FARTHEST_SIDEWAYS, FARTHEST_UP_OR_DOWN = 3.0, 20.0
LONGEST_ANGLE = 60
EDGES = ("west", "east", "south", "north")
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
        If a coordinate is missing, unreadable or out of range, no CRS is given for x and y, or
        they lie far outside the area of use of the CRS.

    """
    if set(DEGREES) <= set(table.frame):
        table.require_filled(*DEGREES)
        longitude, latitude = (degrees(table, name) for name in DEGREES)
        exchanged = longitude.abs() <= 90
        _require_within(table, "longitude", longitude, 360)
        _require_within(table, "latitude", latitude.mask(exchanged & (latitude.abs() <= 180)), 90)
        return longitude, latitude
    return _unprojected(table, crs)


def _unprojected(table: Table, crs: str | None) -> tuple[pd.Series, pd.Series]:
    """Longitude and latitude of columns x and y; each place must lie where the CRS is used."""
    table.require_filled(*PROJECTED)
    x, y = (table.numbers(name) for name in PROJECTED)
    used = _known_crs(table, crs)
    area = used.area_of_use
    longitude, latitude = _to_degrees(used, x, y)
    for row in x.index[_is_outside(longitude, latitude, area)]:
        is_exchanged = not _is_outside(*_to_degrees(used, y[[row]], x[[row]]), area).any()
        raise ContractError(
            f"{table.place}: row {row}: x {x[row]:.10g}, y {y[row]:.10g} gives longitude "
            f"{longitude[row]:.2f}, latitude {latitude[row]:.2f} in {crs}"
            f"{_limits(area)}. {_remedy(table, used, is_exchanged)}"
        )
    return longitude, latitude


def _to_degrees(crs: CRS, x: pd.Series, y: pd.Series) -> tuple[pd.Series, pd.Series]:
    transformer = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    longitude, latitude = transformer.transform(x.to_numpy(), y.to_numpy())
    return pd.Series(longitude, x.index), pd.Series(latitude, x.index)


def _is_outside(longitude: pd.Series, latitude: pd.Series, area: AreaOfUse | None) -> pd.Series:
    """Whether places lie nowhere, or far outside the area of use, if the CRS states one."""
    nowhere = ~((longitude.abs() <= 360) & (latitude.abs() <= 90))
    if area is None:
        return nowhere
    # Counted eastwards from the western edge, an area across 180 degrees is like any other.
    width = (area.east - area.west) % 360 or 360
    eastwards = (longitude - area.west) % 360
    sideways = np.minimum(eastwards - width, 360 - eastwards)
    up_or_down = np.maximum(area.south - latitude, latitude - area.north)
    return nowhere | (sideways > FARTHEST_SIDEWAYS) | (up_or_down > FARTHEST_UP_OR_DOWN)


def _limits(area: AreaOfUse | None) -> str:
    edges = area and ", ".join(f"{edge} {getattr(area, edge):g}" for edge in EDGES)
    return f", far outside its area of use ({edges} degrees)" if edges else ""


def _remedy(table: Table, crs: CRS, is_exchanged: bool) -> str:
    if is_exchanged:
        x, y = (table.header(name) for name in PROJECTED)
        return (
            "Exchanged, it lies inside: x is the easting and y the northing, which Chinese survey "
            "tables often name the other way round. Say in study.toml: "
            f'boreholes.columns = {{x = "{y}", y = "{x}"}}.'
        )
    if crs.is_geographic:
        return (
            "boreholes.sites_crs in study.toml is a CRS of degrees; set it to the projected CRS "
            'of x and y, such as "EPSG:32651".'
        )
    return (
        "Correct boreholes.sites_crs in study.toml (another zone, or one whose eastings begin with "
        "its number?) or the row. x is the easting and y the northing; where they are named the "
        "other way round, exchange them in boreholes.columns."
    )


def _known_crs(table: Table, crs: str | None) -> CRS:
    if crs is None:
        names = " and ".join(f"'{table.header(name)}'" for name in PROJECTED)
        raise ContractError(
            f"{table.place}: columns {names} are projected coordinates, but no CRS is said. Set "
            'boreholes.sites_crs in study.toml, such as "EPSG:32651", or give longitude, latitude.'
        )
    try:
        known = CRS.from_user_input(crs)
    except CRSError as error:
        raise ContractError(
            f"study.toml: boreholes.sites_crs: pyproj cannot read '{crs}' ({error}). Give a "
            'code such as "EPSG:32651".'
        ) from error
    if not (known.is_projected or known.is_geographic):
        raise ContractError(
            f"study.toml: boreholes.sites_crs: '{crs}' is a {known.type_name}, which says "
            'nothing of easting and northing. Give a code such as "EPSG:32651".'
        )
    return known


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
            f"{quoted(text[wrong[0]])}, which is no {name}. Write decimal degrees such as "
            "121.5042, or degrees, minutes and seconds such as 121°30'15\"."
        )
    return numbers.fillna(parsed)


def _parsed(text: str, axis: str) -> float | None:
    """Degrees of text such as 121°30'15"E, N52°58.2', 52 58 12.5 N or 121度30分15秒."""
    if len(text) > LONGEST_ANGLE:
        return None
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
