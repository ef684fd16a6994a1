"""Flags: what a check found, where, and what was done about it."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

FLAG_COLUMNS = ["site", "depth_m", "time", "until", "check", "action", "reason"]
NOTED, REPAIRED, REMOVED, REFUSED = "noted", "repaired", "value removed", "site refused"
OVERRULED = "overruled"
CHECK_NAMES = (
    *("missing code", "outside the period", "negative depth", "depth order", "repeated depth"),
    *("temperature unit", "depth unit", "sign", "impossible value", "spike", "stuck sensor"),
    *("zero curtain", "setting", "swapped coordinates", "outside the area", "disturbed ground"),
    *(
        "elevation",
        "overlapping records",
        "heat of drilling",
        "step or drift",
        "misplaced sensor",
        "few sensors",
    ),
    *("envelope", "no values", "duplicate site", "override"),
)
Result = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
"""Records, sites and flags: what every check gives back."""


def flag(
    places: pd.DataFrame | Iterable[str], check: str, action: str, reason: str | Iterable[str]
) -> pd.DataFrame:
    """One flag for each place: sites, or a table with site and perhaps depth_m, time, until."""
    if check not in CHECK_NAMES:
        raise ValueError(f"no check is called '{check}'; add it to CHECK_NAMES.")
    table = places if isinstance(places, pd.DataFrame) else pd.DataFrame({"site": list(places)})
    rows = table.drop(columns=["check", "action", "reason"], errors="ignore")
    rows = rows.assign(check=check, action=action, reason=reason)
    types = {"depth_m": float, "time": "datetime64[ns]", "until": "datetime64[ns]"}
    return rows.reindex(columns=FLAG_COLUMNS).astype(types)


def without_values(records: pd.DataFrame, wrong: pd.Series) -> pd.DataFrame:
    """Records with the temperature missing in the rows that are wrong."""
    return records.assign(temperature_c=records["temperature_c"].mask(wrong))
