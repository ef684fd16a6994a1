"""The checks of a survey, one after the other; nothing is removed without a flag.

The checks of units and labels are in :mod:`units`, those of readings and sensors in
:mod:`sensors`, those of whole sites here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from helpers.boreholes.annual import annual_profile
from helpers.boreholes.cells import matching
from helpers.boreholes.flags import Result, flag
from helpers.boreholes.formats import BoreholeData
from helpers.boreholes.positions import NOT_STATED
from helpers.boreholes.sensors import impossible, misplaced_sensor, spikes, stuck_sensor
from helpers.boreholes.units import (
    depth_in_centimetres,
    depth_order,
    fahrenheit,
    kelvin,
    missing_codes,
    negative_depth,
    repeated_depth,
    sign,
)
from helpers.storage import ContractError
from helpers.study import Study

SETTINGS = ("natural", "pipeline", "road", "town", "burn", "mine", NOT_STATED)
SAME_PLACE_M, SAME_TEMPERATURE_C = 100.0, 0.1
NEAR_M, IDENTICAL_C = 5000.0, 0.005
BELOW_WEATHER_M = 3.0
DAYS_OF_A_VALUE = {"month": 30.4, "mean": 365.0}


@dataclass(frozen=True)
class CheckedBoreholes:
    """A survey after the checks.

    Attributes
    ----------
    records
        Values of the sites that were not refused; repaired, and NaN where one was removed.
    sites
        All sites that came in, with repaired coordinates.
    flags
        site, depth_m, time (both empty for a whole site), check, action (repaired, value removed,
        site refused, noted), reason. A run of readings of a sensor has one flag, at its beginning.

    """

    records: pd.DataFrame
    sites: pd.DataFrame
    flags: pd.DataFrame


def check_boreholes(data: BoreholeData, study: Study) -> CheckedBoreholes:
    """Check and, where that is unambiguous, repair a survey.

    Parameters
    ----------
    data
        What :func:`read_boreholes` gave.
    study
        Area, period, excluded settings and thresholds (``boreholes.checks``).

    Raises
    ------
    ContractError
        If a setting is none of the usual ones nor of ``boreholes.excluded_settings``.

    """
    _require_known_settings(data.sites, study)
    records, sites, refused, flags = data.records, data.sites, [], []
    for check in CHECKS:
        records, sites, found = check(records, sites, study)
        codes = found["site"][found["action"] == "site refused"]
        refused.append(sites[sites["site"].isin(codes)])
        sites, records = (table[~table["site"].isin(codes)] for table in (sites, records))
        flags.append(found)
    return CheckedBoreholes(
        records.reset_index(drop=True),
        pd.concat([sites, *refused]).sort_index(),
        pd.concat(flags, ignore_index=True),
    )


def _require_known_settings(sites: pd.DataFrame, study: Study) -> None:
    known = {*SETTINGS, *study.boreholes.excluded_settings}
    for row in sites[~sites["setting"].isin(known)].itertuples():
        raise ContractError(
            f"{row.file}: site '{row.site}' has the setting '{row.setting}'."
            f"{matching(row.setting, known)} Choices: {', '.join(sorted(known))}; "
            "others may be added to boreholes.excluded_settings in study.toml."
        )


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
    return records, sites, flag(sites[swapped], "coordinates", "repaired", reason)


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


def outside_period(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Readings, and means over years, that have nothing in common with the period."""
    if not study.boreholes.only_period:
        return records, sites, flag([], "outside the period", "noted", "")
    start, end = pd.Timestamp(study.period.start), pd.Timestamp(study.period.end)
    first = records["year_start"].fillna(records["time"].dt.year)
    last = records["year_end"].fillna(first)
    of_mean = ((last < start.year) | (first > end.year)).fillna(False).astype(bool)
    of_reading = (records["time"] < start) | (records["time"] >= end + pd.Timedelta(days=1))
    outside = of_mean | of_reading
    years = pd.DataFrame({"site": records["site"], "first": first, "last": last})[outside]
    spans = years.groupby("site").agg({"site": "size", "first": "min", "last": "max"})
    wanted = f"{study.period.start} to {study.period.end}"
    reason = [f"{n} values of {a}-{b}, wanted {wanted}" for n, a, b in spans.to_numpy()]
    action = np.where(spans.index.isin(records["site"][~outside]), "value removed", "site refused")
    wider = ((first < start.year) | (last > end.year)).fillna(False).astype(bool) & ~outside
    notes = {"no years stated: taken as inside": first.isna(), "years reach beyond it": wider}
    flags = [flag(spans.index, "outside the period", "", reason).assign(action=action)]
    for note, rows in notes.items():
        flags.append(flag(records["site"][rows].unique(), "outside the period", "noted", note))
    return records[~outside], sites, pd.concat(flags)


def no_values(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Sites that have no value, or none left."""
    empty = sites[~sites["site"].isin(records["site"][records["temperature_c"].notna()])]
    return records, sites, flag(empty, "no values", "site refused", "no valid temperature")


def duplicate_site(records: pd.DataFrame, sites: pd.DataFrame, study: Study) -> Result:
    """Two codes for one hole: the same place and the same temperatures.

    Within 100 m the annual means below 3 m must agree to 0.1 deg C at every common depth; within
    5 km, where a coordinate was mistyped or rounded, they must be identical. The code whose
    values stand for more days is kept.
    """
    checks = study.boreholes.checks
    profile = annual_profile(records, checks.largest_missing_share, checks.zero_amplitude_c)
    deep = profile[profile["depth_m"] >= BELOW_WEATHER_M].dropna(subset="mean_c")
    means = {site: hole.set_index("depth_m")["mean_c"] for site, hole in deep.groupby("site")}
    here = sites[sites["site"].isin(means)]
    xy = np.column_stack(study.to_grid.transform(here["longitude"], here["latitude"]))
    order = _days_covered(records).reindex(here["site"]).to_numpy()
    found = []
    for pair in sorted(cKDTree(xy).query_pairs(NEAR_M)):
        worse, kept = sorted(pair, key=lambda i: (order[i], -i))
        names, apart = here["site"].iloc[[worse, kept]].tolist(), np.hypot(*(xy[worse] - xy[kept]))
        if (differ := _same_hole(means[names[0]], means[names[1]], apart)) is not None:
            reason = f"{names[1]} lies {apart:.0f} m away and differs by {differ:.3f} deg C at most"
            found.append({"site": names[0], "reason": reason})
    places = pd.DataFrame(found, columns=["site", "reason"]).drop_duplicates("site")
    return records, sites, flag(places, "duplicate site", "site refused", places["reason"])


def _days_covered(records: pd.DataFrame) -> pd.Series:
    known = records[records["temperature_c"].notna()]
    return known["averaging"].map(DAYS_OF_A_VALUE).fillna(1.0).groupby(known["site"]).sum()


def _same_hole(one: pd.Series, other: pd.Series, apart_m: float) -> float | None:
    """Largest difference at common depths if it is so small that both are one hole."""
    differ = (one - other).dropna().abs()
    near = apart_m <= SAME_PLACE_M and len(differ) >= 2 and differ.max() <= SAME_TEMPERATURE_C
    identical = len(differ) >= 4 and differ.max() <= IDENTICAL_C
    return float(differ.max()) if near or identical else None


CHECKS = (
    missing_codes,
    swapped_coordinates,
    outside_area,
    disturbed_setting,
    outside_period,
    negative_depth,
    depth_order,
    repeated_depth,
    kelvin,
    fahrenheit,
    depth_in_centimetres,
    sign,
    impossible,
    spikes,
    stuck_sensor,
    misplaced_sensor,
    no_values,
    duplicate_site,
)
