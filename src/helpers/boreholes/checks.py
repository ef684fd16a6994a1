"""The checks of a survey, one after the other; nothing is removed without a flag.

File by file come the checks of units (:mod:`units`) and of readings (:mod:`readings`); what they
leave is reduced to monthly means. Then, over all files, come the checks of strings
(:mod:`strings`) and of whole sites (:mod:`holes`). A person overrules them by a table
(:mod:`overrides`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd
import xarray as xr

from helpers.boreholes.annual import monthly_records
from helpers.boreholes.flags import FLAG_COLUMNS, REFUSED, REMOVED, Result
from helpers.boreholes.formats import BoreholeData
from helpers.boreholes.headers import matching
from helpers.boreholes.holes import (
    disturbed_setting,
    duplicate_site,
    no_values,
    off_the_relief,
    outside_area,
    swapped_coordinates,
)
from helpers.boreholes.overrides import Overrides, read_overrides
from helpers.boreholes.positions import NOT_STATED, one_row_per_site
from helpers.boreholes.readings import (
    impossible,
    outside_period,
    spikes,
    stuck_sensor,
    zero_curtain,
)
from helpers.boreholes.strings import envelope, misplaced_sensor, step_or_drift
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
ROWS_AT_ONCE = 300_000
Check = Callable[[pd.DataFrame, pd.DataFrame, Study], Result]

UNIT_CHECKS: tuple[Check, ...] = (
    missing_codes,
    outside_period,
    negative_depth,
    depth_order,
    repeated_depth,
    kelvin,
    fahrenheit,
    depth_in_centimetres,
    sign,
)
READING_CHECKS: tuple[Check, ...] = (impossible, spikes, stuck_sensor, zero_curtain)
PLACE_CHECKS: tuple[Check, ...] = (swapped_coordinates, outside_area, disturbed_setting)
STRING_CHECKS: tuple[Check, ...] = (step_or_drift, misplaced_sensor, envelope)
SITE_CHECKS: tuple[Check, ...] = (no_values, duplicate_site)


@dataclass(frozen=True)
class CheckedBoreholes:
    """A survey after the checks.

    Attributes
    ----------
    records
        Monthly means and means over years (see :func:`helpers.boreholes.annual.monthly_records`)
        of the sites that were not refused; repaired, and without what was removed.
    sites
        All sites that came in, with repaired coordinates.
    flags
        site, depth_m, time, until (empty for a whole sensor or site), check, action (repaired,
        value removed, site refused, noted, overruled), reason. A run of readings of a sensor has
        one flag, from its beginning until its end.
    files
        file, format, sites, values, first, last: what was read.

    """

    records: pd.DataFrame
    sites: pd.DataFrame
    flags: pd.DataFrame
    files: pd.DataFrame


def check_boreholes(
    data: BoreholeData | Iterable[BoreholeData],
    study: Study,
    elevation: xr.DataArray | None = None,
) -> CheckedBoreholes:
    """Check and, where that is unambiguous, repair a survey.

    Parameters
    ----------
    data
        What :func:`read_boreholes` gave, or :func:`iterate_boreholes` gives file by file: then
        only one file, or a few small ones, are in memory at a time. Both give the same if each
        hole lies in one file.
    study
        Area, period, excluded settings, thresholds (``boreholes.checks``) and overrides.
    elevation
        Relief (y, x) on a grid in the CRS of the study, m, to compare stated elevations with.

    Raises
    ------
    ContractError
        If a setting is none of the usual ones nor of ``boreholes.excluded_settings``, one site
        has two places, or the overrides cannot be read or name an unknown site.

    """
    overrides = read_overrides(study)
    months, rows, flags, files = [], [], [], []
    for part in _batches([data] if isinstance(data, BoreholeData) else data):
        _require_known_settings(part.sites, study)
        files.append(_file_table(part))
        records, sites, found = _checked_readings(part, study, overrides)
        months.append(monthly_records(records))
        rows.append(sites)
        flags.append(found)
    records, sites = pd.concat(months, ignore_index=True), one_row_per_site(pd.concat(rows))
    overrides.require_known(sites["site"])
    found = _downgraded(pd.concat(flags, ignore_index=True), records)
    records, sites, later = _checked_survey(records, sites, found, study, overrides, elevation)
    flags = pd.concat([found, later, overrides.unused()], ignore_index=True)[FLAG_COLUMNS]
    return CheckedBoreholes(records, sites, flags, pd.concat(files, ignore_index=True))


def run_checks(
    checks: Sequence[Check],
    records: pd.DataFrame,
    sites: pd.DataFrame,
    study: Study,
    overrides: Overrides,
) -> Result:
    """Run checks one after the other; each sees what the ones before have left.

    Returns
    -------
    records and sites without the sites refused, and all flags.

    """
    flags = []
    for check in checks:
        before = records, sites
        records, sites, found = overrides.applied(before, check(*before, study))
        refused = found["site"][found["action"] == REFUSED]
        sites, records = (table[~table["site"].isin(refused)] for table in (sites, records))
        flags.append(found)
    return records, sites, pd.concat(flags, ignore_index=True)


def _batches(parts: Iterable[BoreholeData]) -> Iterator[BoreholeData]:
    """Small files together, as one check of many rows is quicker than many of few."""
    batch: list[BoreholeData] = []
    for part in parts:
        batch.append(part)
        if sum(len(p.records) for p in batch) >= ROWS_AT_ONCE:
            yield _joined(batch)
            batch = []
    if batch:
        yield _joined(batch)


def _joined(batch: list[BoreholeData]) -> BoreholeData:
    if len(batch) == 1:
        return batch[0]
    filled = [part.records for part in batch if len(part.records)] or [batch[0].records]
    sites = pd.concat([part.sites for part in batch], ignore_index=True)
    formats = {file: kind for part in batch for file, kind in part.formats.items()}
    return BoreholeData(pd.concat(filled, ignore_index=True), sites, formats)


def _checked_readings(part: BoreholeData, study: Study, overrides: Overrides) -> Result:
    """Records of a file after the checks of units and readings; all its sites; flags."""
    records, dropped = overrides.drop(part.records)
    checks = (*UNIT_CHECKS, *READING_CHECKS)
    records, _, found = run_checks(checks, records, part.sites, study, overrides)
    return records, part.sites, pd.concat([dropped, found], ignore_index=True)


def _checked_survey(
    records: pd.DataFrame,
    sites: pd.DataFrame,
    flags: pd.DataFrame,
    study: Study,
    overrides: Overrides,
    elevation: xr.DataArray | None,
) -> Result:
    """Records of the sites in use, all sites (repaired) and the flags of strings and sites."""
    refused = sites["site"].isin(flags["site"][flags["action"] == REFUSED])
    relief = () if elevation is None else (partial(off_the_relief, elevation=elevation),)
    checks = (*PLACE_CHECKS, *relief, *STRING_CHECKS, *SITE_CHECKS)
    records = records[~records["site"].isin(sites["site"][refused])]
    records, kept, found = run_checks(checks, records, sites[~refused], study, overrides)
    repaired = pd.concat([kept, sites[~sites["site"].isin(kept["site"])]]).sort_index()
    return records.reset_index(drop=True), repaired, found


def _downgraded(flags: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Flags of files: a site that one file lost is not refused if another file still has it."""
    there = records["site"][records["temperature_c"].notna()]
    still = (flags["action"] == REFUSED) & flags["site"].isin(there)
    return flags.assign(action=flags["action"].mask(still, REMOVED))


def _file_table(part: BoreholeData) -> pd.DataFrame:
    """One row per file: what it held."""
    by_file = part.records.groupby("file", observed=True)
    table = by_file.agg(
        sites=("site", "nunique"),
        values=("temperature_c", "count"),
        first=("time", "min"),
        last=("time", "max"),
    )
    formats = pd.Series(part.formats, name="format", dtype=str).rename_axis("file")
    return formats.to_frame().join(table).reset_index()


def _require_known_settings(sites: pd.DataFrame, study: Study) -> None:
    known = {*SETTINGS, *study.boreholes.excluded_settings}
    for row in sites[~sites["setting"].isin(known)].itertuples():
        raise ContractError(
            f"{row.file}: site '{row.site}' has the setting '{row.setting}'."
            f"{matching(row.setting, known)} Choices: {', '.join(sorted(known))}; "
            "others may be added to boreholes.excluded_settings in study.toml."
        )
