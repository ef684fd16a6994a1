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
from helpers.boreholes.holes import (
    disturbed_setting,
    duplicate_site,
    no_values,
    off_the_relief,
    outside_area,
    swapped_coordinates,
    unknown_setting,
)
from helpers.boreholes.overrides import Overrides, read_overrides
from helpers.boreholes.positions import one_row_per_site
from helpers.boreholes.readings import (
    impossible,
    outside_period,
    spikes,
    stuck_sensor,
    zero_curtain,
)
from helpers.boreholes.strings import (
    envelope,
    heat_of_drilling,
    misplaced_sensor,
    overlapping_records,
    step_or_drift,
)
from helpers.boreholes.units import (
    depth_in_centimetres,
    depth_order,
    fahrenheit,
    kelvin,
    missing_codes,
    negative_depth,
    repeated_depth,
    sign,
    two_units,
)
from helpers.storage import ContractError
from helpers.study import Study

ROWS_AT_ONCE = 300_000
Check = Callable[[pd.DataFrame, pd.DataFrame, Study], Result]

UNIT_CHECKS: tuple[Check, ...] = (
    missing_codes,
    outside_period,
    negative_depth,
    depth_order,
    repeated_depth,
    two_units,
    kelvin,
    fahrenheit,
    depth_in_centimetres,
    sign,
)
READING_CHECKS: tuple[Check, ...] = (impossible, spikes, stuck_sensor, zero_curtain)
PLACE_CHECKS: tuple[Check, ...] = (
    unknown_setting,
    swapped_coordinates,
    outside_area,
    disturbed_setting,
)
STRING_CHECKS: tuple[Check, ...] = (
    overlapping_records,
    heat_of_drilling,
    step_or_drift,
    misplaced_sensor,
    envelope,
)
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
        one file, or a few small ones, and the next are in memory besides the monthly means of
        all. Both give the same.
    study
        Area, period, excluded settings, thresholds (``boreholes.checks``) and overrides.
    elevation
        Relief (y, x) on a grid in the CRS of the study, m, to compare stated elevations with.

    Raises
    ------
    ContractError
        If a setting is misspelt, one site has two places, or the overrides cannot be read or name
        an unknown site.

    """
    overrides = read_overrides(study)
    parts = [_reduced(part, study, overrides) for part in batches(data)]
    months, sites, flags, files = (
        pd.concat(p, ignore_index=True) for p in zip(*parts, strict=True)
    )
    sites = one_row_per_site(sites)
    overrides.require_known(sites["site"])
    found = _downgraded(flags, months)
    records, sites, later = _checked_survey(months, sites, found, study, overrides, elevation)
    flags = pd.concat([found, later, overrides.unused()], ignore_index=True)[FLAG_COLUMNS]
    return CheckedBoreholes(records, sites, flags, files)


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
    records of the sites not refused; all sites, repaired; all flags.

    """
    flags, gone = [], []
    for check in checks:
        before = records, sites
        records, sites, found = overrides.applied(before, check(*before, study))
        refused = found["site"][found["action"] == REFUSED]
        if len(refused):
            gone.append(sites[sites["site"].isin(refused)])
            sites, records = (table[~table["site"].isin(refused)] for table in (sites, records))
        flags.append(found)
    return records, pd.concat([sites, *gone]).sort_index(), pd.concat(flags, ignore_index=True)


def batches(data: BoreholeData | Iterable[BoreholeData]) -> Iterator[BoreholeData]:
    """Small files together, as one check of many rows is quicker than many of few.

    Files of one hole stay apart, because a logger may deliver another unit every year.
    """
    batch: list[BoreholeData] = []
    names: set[str] = set()
    n_rows = 0
    for part in _by_file(data) if isinstance(data, BoreholeData) else data:
        its_names = set(part.records["site"].unique())
        if batch and (n_rows + len(part.records) > ROWS_AT_ONCE or names & its_names):
            yield _joined(batch)
            batch, names, n_rows = [], set(), 0
        batch.append(part)
        names |= its_names
        n_rows += len(part.records)
    if not batch:
        raise ContractError("No borehole file was given; name at least one.")
    yield _joined(batch)


def _by_file(data: BoreholeData) -> Iterator[BoreholeData]:
    """All sites, then the records of each file."""
    formats = dict(data.formats)
    by_file = data.records.groupby("file", observed=True, sort=False)
    of_files = {file: {file: formats.pop(file)} for file in by_file.groups if file in formats}
    yield BoreholeData(data.records.iloc[:0], data.sites, formats)
    for file, records in by_file:
        yield BoreholeData(records, data.sites.iloc[:0], of_files.get(file, {}))


def _joined(batch: list[BoreholeData]) -> BoreholeData:
    if len(batch) == 1:
        return batch[0]
    filled = [part.records for part in batch if len(part.records)] or [batch[0].records]
    sites = pd.concat([part.sites for part in batch], ignore_index=True)
    formats = {file: kind for part in batch for file, kind in part.formats.items()}
    return BoreholeData(pd.concat(filled, ignore_index=True), sites, formats)


def with_whole_depths(records: pd.DataFrame) -> pd.DataFrame:
    """Depths to a tenth of a millimetre: 0.1 + 0.2 m and 0.3 m are the same sensor."""
    return records.assign(depth_m=records["depth_m"].round(4))


def _reduced(part: BoreholeData, study: Study, overrides: Overrides) -> tuple[pd.DataFrame, ...]:
    """Monthly means of some files, their sites, flags and table of files."""
    records = with_whole_depths(part.records)
    records, _, of_units = run_checks(UNIT_CHECKS, records, part.sites, study, overrides)
    records, dropped = overrides.drop(records)
    records, _, found = run_checks(READING_CHECKS, records, part.sites, study, overrides)
    flags = pd.concat([of_units, dropped, found], ignore_index=True)
    return monthly_records(records), part.sites, flags, _file_table(part)


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
    every = pd.concat([kept, sites[refused]]).sort_index()
    return records.reset_index(drop=True), every, found


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
