"""A CRS that suits a region: equal-area, and with little distortion of shapes."""

from __future__ import annotations

import numpy as np
from pyproj import CRS, Proj

from helpers.settings import Area

_WIDEST_CONE_DEG, _FLATTEST_CONE_DEG = 180.0, 5.0


def equal_area_crs(west: float, south: float, east: float, north: float) -> str:
    """PROJ text of an equal-area CRS in metres for a bounding box.

    Albers with parallels one sixth of the height inside the southern and northern edge (Snyder
    1987, doi:10.3133/pp1395, p. 99) and the meridian in the middle. Around a pole, where a cone
    would be cut open, Lambert azimuthal; along the equator, where it would be flat, cylindrical.

    Parameters
    ----------
    west, south, east, north
        Degrees, WGS 84.

    """
    meridian, sixth = (west + east) / 2, (north - south) / 6
    first, second = south + sixth, north - sixth
    datum = "+datum=WGS84 +units=m"
    if east - west > _WIDEST_CONE_DEG:
        pole = 90 if north + south > 0 else -90
        return f"+proj=laea +lat_0={pole} +lon_0={meridian:.6g} {datum}"
    if abs(first + second) < _FLATTEST_CONE_DEG:
        return f"+proj=cea +lon_0={meridian:.6g} +lat_ts={max(first, second, 0):.6g} {datum}"
    parallels = f"+lat_1={first:.6g} +lat_2={second:.6g}"
    return f"+proj=aea {parallels} +lat_0=0 +lon_0={meridian:.6g} {datum}"


def shape_distortion_deg(crs: CRS, area: Area) -> float:
    """Largest error of an angle in the area, degrees: 0 where shapes are true (Tissot)."""
    longitude, latitude = np.meshgrid(
        np.linspace(area.west, area.east, 9), np.linspace(area.south, area.north, 9)
    )
    angles = Proj(crs).get_factors(longitude, latitude).angular_distortion
    return float(np.nanmax(angles))


def turned_deg(crs: CRS, area: Area) -> float:
    """How far north is turned from the top of the map in the middle of the area, degrees."""
    middle = (area.west + area.east) / 2, (area.south + area.north) / 2
    return abs(float(Proj(crs).get_factors(*middle).meridian_convergence))
