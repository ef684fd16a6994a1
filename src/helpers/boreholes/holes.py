"""Checks of whole sites: where they lie, what ground they stand on, and which come twice.

Each check takes records, sites and study, and gives records and sites back, repaired, with flags.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from helpers.boreholes.annual import monthly_records, study_profile
from helpers.boreholes.flags import NOTED, Result, flag
from helpers.boreholes.headers import matching
from helpers.boreholes.positions import NOT_STATED
from helpers.storage import ContractError
from helpers.study import Study

# So far a rounded coordinate may be off; four means equal to half a hundredth are no chance.
NEAR_M, IDENTICAL_C = 5000.0, 0.005
PAIRS_AT_ONCE = 100_000
BELOW_WEATHER_M = 3.0
RELIEF_AROUND_M = 5000.0
METRES_PER_FOOT = 0.3048
SETTINGS = ("natural", "pipeline", "road", "town", "burn", "mine", NOT_STATED)


def unknown_setting(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Settings that are none of the usual count as natural ground; a misspelt one is an error."""
    known = {*SETTINGS, *study.boreholes.excluded_settings}
    unknown = sites[~sites["setting"].isin(known)]
    for row in unknown.itertuples():
        if meant := matching(row.setting, known):
            raise ContractError(
                f"{row.file}: site '{row.site}' has the setting '{row.setting}'.{meant} Choices: "
                f"{', '.join(sorted(known))}, or any other word for natural ground."
            )
    reason = "'" + unknown["setting"] + "' is taken for natural ground"
    return records, sites, flag(unknown[["site"]], "setting", NOTED, reason)


def swapped_coordinates(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Longitude and latitude exchanged: the swap, and only the swap, falls in the area."""
    x, y = sites["longitude"], sites["latitude"]
    as_given, exchanged = _inside(x, y, study), _inside(y, x, study)
    swapped = ~as_given & exchanged
    # In a file where some sites must be exchanged and none can be right as given, the headers
    # are: then also those sites that lie inside either way.
    verdicts = pd.DataFrame({"must": swapped, "cannot": as_given & ~exchanged})
    by_file = verdicts.groupby(sites["file"])
    headers = by_file["must"].transform("any") & ~by_file["cannot"].transform("any")
    swapped |= headers & exchanged
    sites = sites.assign(longitude=x.mask(swapped, y), latitude=y.mask(swapped, x))
    reason = "longitude and latitude were exchanged"
    return records, sites, flag(sites[swapped], "swapped coordinates", "repaired", reason)


def outside_area(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Sites outside the bounding box of the study."""
    area = study.area
    outside = sites[~_inside(sites["longitude"], sites["latitude"], study)]
    reason = [
        f"at {row.longitude:g} E, {row.latitude:g} N; the study spans {area.west:g} to "
        f"{area.east:g} E, {area.south:g} to {area.north:g} N"
        for row in outside.itertuples()
    ]
    return records, sites, flag(outside, "outside the area", "site refused", reason)


def _inside(longitude: pd.Series, latitude: pd.Series, study: Study) -> pd.Series:
    area = study.area
    return longitude.between(area.west, area.east) & latitude.between(area.south, area.north)


def disturbed_setting(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Sites in a setting that does not stand for natural ground."""
    disturbed = sites[sites["setting"].isin(study.boreholes.excluded_settings)]
    reason = disturbed["setting"] + " (boreholes.excluded_settings)"
    return records, sites, flag(disturbed, "disturbed ground", "site refused", reason)


def off_the_relief(
    records: pd.DataFrame, sites: pd.DataFrame, study: Study, elevation: xr.DataArray
) -> Result:
    """Sites whose stated elevation the relief around does not reach: a wrong place or unit.

    The relief within 5 km, or within one cell of a coarser grid, must come within
    ``elevation_off_m`` of what is stated. Noted only: the covariates are taken at the place, and
    the stated elevation enters no result.
    """
    stated = sites.dropna(subset="elevation_m")
    x, y = study.to_grid.transform(stated["longitude"], stated["latitude"])
    ranges = np.array([_relief_around(elevation, *place) for place in zip(x, y, strict=True)])
    low, high = ranges.reshape(-1, 2).T
    value, slack = stated["elevation_m"].to_numpy(), study.boreholes.checks.elevation_off_m
    wrong = (value < low - slack) | (value > high + slack)
    reason = [
        f"{v:g} m stated, but the relief around lies between {a:.0f} and {b:.0f} m: "
        + ("feet?" if a - slack <= v * METRES_PER_FOOT <= b + slack else "wrong place or datum?")
        for v, a, b in zip(value[wrong], low[wrong], high[wrong], strict=True)
    ]
    return records, sites, flag(stated[wrong][["site"]], "elevation", "noted", reason)


def _relief_around(elevation: xr.DataArray, x: float, y: float) -> tuple[float, float]:
    """Lowest and highest elevation near a place, m; NaN (never wrong) outside the grid."""
    if not np.isfinite([x, y]).all():
        return np.nan, np.nan
    reach = max(RELIEF_AROUND_M, abs(float(elevation.x[1] - elevation.x[0])))
    near = elevation.sel(x=slice(x - reach, x + reach), y=slice(y + reach, y - reach)).to_numpy()
    near = near[np.isfinite(near)]
    return (float(near.min()), float(near.max())) if near.size else (np.nan, np.nan)


def no_values(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Sites that have no value, or none left."""
    empty = sites[~sites["site"].isin(records["site"][records["temperature_c"].notna()])]
    return records, sites, flag(empty, "no values", "site refused", "no valid temperature")


def duplicate_site(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Two codes for one hole: the same place and the same temperatures.

    Within 100 m (``duplicate_within_m``) the annual means below 3 m must agree to 0.1 deg C
    (``duplicate_c``) at every common depth; within 5 km, where a coordinate was mistyped or
    rounded, they must be identical. The code whose values stand for more days is kept.
    """
    profile = study_profile(records, study)
    deep = profile[profile["depth_m"] >= BELOW_WEATHER_M].dropna(subset="mean_c")
    means = deep.pivot(index="site", columns="depth_m", values="mean_c")
    here = sites[sites["site"].isin(means.index)]
    days = monthly_records(records).groupby("site")["days"].sum()
    order = np.lexsort([np.arange(len(here)), -days.reindex(here["site"]).to_numpy()])
    here = here.iloc[order]  # those kept come first
    values = means.reindex(here["site"]).to_numpy()
    xy = np.column_stack(study.to_grid.transform(here["longitude"], here["latitude"]))
    names, gone, found = here["site"].to_numpy(), set(), []
    for kept, worse, apart_m, differ in _same_holes(values, xy, study):
        if kept in gone or worse in gone:
            continue
        gone.add(worse)
        reason = (
            f"{names[kept]} lies {apart_m:.0f} m away and differs by {differ:.3f} deg C at most"
        )
        found.append({"site": names[worse], "reason": reason})
    places = pd.DataFrame(found, columns=["site", "reason"])
    return records, sites, flag(places, "duplicate site", "site refused", places["reason"])


def _same_holes(
    values: NDArray, xy: NDArray, study: Study
) -> Iterator[tuple[int, int, float, float]]:
    """Pairs of rows that are one hole, in order: first, second, m apart, deg C they differ."""
    checks = study.boreholes.checks
    pairs = cKDTree(xy).query_pairs(NEAR_M, output_type="ndarray")
    pairs = pairs[np.lexsort(pairs.T[::-1])]
    for some in np.array_split(pairs, max(len(pairs) // PAIRS_AT_ONCE, 1)):
        one, other = some.T
        differ = np.abs(values[one] - values[other])
        common, most = np.isfinite(differ).sum(axis=1), np.nan_to_num(differ).max(axis=1, initial=0)
        apart_m = np.hypot(*(xy[one] - xy[other]).T)
        near = (apart_m <= checks.duplicate_within_m) & (common >= 2) & (most <= checks.duplicate_c)
        same = near | (common >= 4) & (most <= IDENTICAL_C)
        yield from zip(one[same], other[same], apart_m[same], most[same], strict=True)
