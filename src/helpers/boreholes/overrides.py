"""What a person decides against the checks: a table of places to keep or to drop, with reasons.

``boreholes.overrides`` of the study names a csv with the columns site, depth_m, start, end, check,
decision and reason. An empty depth means the whole hole, empty dates all times, an empty check
every check but those of units, which must be named; an end without a clock is that of its day, an
end without a day that of its month. *keep*: what the check says of this place is
not acted upon, and the flag says "overruled"; that a code such as -999 is no temperature cannot be
overruled. *drop*: the values are removed, or with neither depth nor dates the site is refused.
Depths are those after the checks of units, as the flags have them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from helpers.boreholes.cells import last_instants, times
from helpers.boreholes.flags import (
    CHECK_NAMES,
    NOTED,
    OVERRULED,
    REFUSED,
    REMOVED,
    Result,
    flag,
    without_values,
)
from helpers.boreholes.headers import matching
from helpers.storage import ContractError, read_table
from helpers.study import Study

COLUMNS = ("site", "depth_m", "start", "end", "check", "decision", "reason")
KEEP, DROP = "keep", "drop"
SAME_DEPTH_M = 1e-4
FINAL = ("missing code", "no values", "override")
ONLY_BY_NAME = ("temperature unit", "depth unit", "sign", "negative depth")


@dataclass
class Overrides:
    """Decisions of a person; made by :func:`read_overrides`.

    Attributes
    ----------
    table
        One row per decision, its index the row of the file; start and end as times.
    file
        Where they stand, for messages.
    used
        Rows that have changed something so far.

    """

    table: pd.DataFrame
    file: str
    used: set[int] = field(default_factory=set)

    def drop(self, records: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Records without the values a person dropped, and flags that say so."""
        flags = [flag([], "override", REMOVED, "")]
        for rule in self._rules(DROP):
            hit = _covers(rule, records)
            if not hit.any():
                continue
            self.used.add(rule.Index)
            whole = pd.isna([rule.depth_m, rule.start, rule.end]).all()
            place = {"site": rule.site, "depth_m": rule.depth_m, "time": rule.start}
            place = pd.DataFrame([place | {"until": rule.end}])
            action = REFUSED if whole else REMOVED
            flags.append(flag(place, "override", action, self._said(rule)))
            records = records[~hit] if whole else without_values(records, hit)
        return records, pd.concat(flags, ignore_index=True)

    def applied(self, before: tuple[pd.DataFrame, pd.DataFrame], after: Result) -> Result:
        """What a check left, except where a person decided to keep what was there before."""
        records, sites, flags = after
        for rule in self._rules(KEEP):
            hit = _concerns(rule, flags)
            if not hit.any():
                continue
            self.used.add(rule.Index)
            kept = before[0].index[_covers(rule, before[0])]
            records = _restored(records, before[0], kept)
            sites = _restored(sites, before[1], before[1].index[before[1]["site"] == rule.site])
            flags = _overruled(flags, hit, rule, self._said(rule))
        return records, sites, flags

    def require_known(self, sites: pd.Series) -> None:
        """Raise an error that names the first row with a site that did not come in."""
        for rule in self.table[~self.table["site"].isin(sites)].itertuples():
            raise ContractError(
                f"{self.file}: row {rule.Index}: no site '{rule.site}' came in."
                f"{matching(rule.site, sites)} Correct the code or remove the row."
            )

    def unused(self) -> pd.DataFrame:
        """A flag for each row that changed nothing: it may be stale or misspelt."""
        idle = self.table[~self.table.index.isin(list(self.used))]
        reason = [f"row {row} of {self.file} changes nothing" for row in idle.index]
        return flag(idle[["site", "depth_m"]], "override", NOTED, reason)

    def _rules(self, decision: str) -> Any:
        return self.table[self.table["decision"] == decision].itertuples()

    def _said(self, rule: Any) -> str:
        return f"{rule.decision} by {self.file}, row {rule.Index}: {rule.reason}"


def read_overrides(study: Study) -> Overrides:
    """Read the overrides of a study; none if it names no file.

    Raises
    ------
    ContractError
        If a column is missing, a decision is neither keep nor drop, a reason is missing, or a
        depth or a date cannot be read; names row and column.

    """
    if study.boreholes.overrides is None:
        empty = pd.DataFrame(columns=COLUMNS).astype({"depth_m": float})
        return Overrides(empty, "")
    path = study.path(study.boreholes.overrides)
    texts = tuple(column for column in COLUMNS if column != "depth_m")
    table = read_table(path, ("depth_m",), texts)
    table.index = table.index + 2
    for row in table.itertuples():
        _require_decision(row, str(path))
    start, end = times(table["start"], str(path)), last_instants(table["end"], str(path))
    return Overrides(table.assign(start=start, end=end), path.name)


def _require_decision(row: Any, path: str) -> None:
    if pd.isna(row.site) or pd.isna(row.reason):
        raise ContractError(f"{path}: row {row.Index} has no site or no reason. Both are needed.")
    if row.decision not in (KEEP, DROP):
        raise ContractError(
            f"{path}: row {row.Index}: decision '{row.decision}'. Choices: {KEEP}, {DROP}."
        )
    if not pd.isna(row.check) and row.check not in CHECK_NAMES:
        raise ContractError(
            f"{path}: row {row.Index}: no check is called '{row.check}'."
            f"{matching(row.check, CHECK_NAMES)} Choices: {', '.join(CHECK_NAMES)}."
        )
    if row.decision == DROP and not pd.isna(row.check):
        raise ContractError(
            f"{path}: row {row.Index}: '{DROP}' removes values whatever the checks say; leave the "
            "column 'check' empty."
        )


def _overruled(flags: pd.DataFrame, hit: pd.Series, rule: Any, said: str) -> pd.DataFrame:
    """Flags with what a rule turns round; of a run it covers in part, the part has its own flag."""
    until = flags["until"].fillna(flags["time"])
    partly = hit & ((flags["time"] < rule.start) | (until > rule.end))
    part = flags[partly].assign(until=until[partly].clip(upper=rule.end))
    part = part.assign(time=part["time"].clip(lower=rule.start))
    flags = pd.concat([flags, part], ignore_index=True)
    whole = pd.Series(np.append(hit & ~partly, np.ones(len(part), dtype=bool)), flags.index)
    return flags.assign(
        action=flags["action"].mask(whole, OVERRULED),
        reason=flags["reason"].mask(whole, flags["reason"] + "; " + said),
    )


def _covers(rule: Any, records: pd.DataFrame) -> pd.Series:
    """Which records lie at the place and in the time of a rule."""
    hit = records["site"] == rule.site
    if not np.isnan(rule.depth_m):
        hit &= (records["depth_m"] - rule.depth_m).abs() < SAME_DEPTH_M
    if not pd.isna(rule.start):
        hit &= records["time"] >= rule.start
    if not pd.isna(rule.end):
        hit &= records["time"] <= rule.end
    return hit


def _concerns(rule: Any, flags: pd.DataFrame) -> pd.Series:
    """Which flags are of the check, at the place and in the time of a rule."""
    until = flags["until"].fillna(flags["time"])
    hit = (flags["site"] == rule.site) & ~flags["check"].isin(FINAL)
    if pd.isna(rule.check):
        hit &= ~flags["check"].isin(ONLY_BY_NAME)
    else:
        hit &= flags["check"] == rule.check
    if not np.isnan(rule.depth_m):
        hit &= (flags["depth_m"] - rule.depth_m).abs() < SAME_DEPTH_M
    if not pd.isna(rule.start):
        hit &= until >= rule.start
    if not pd.isna(rule.end):
        hit &= flags["time"] <= rule.end
    return hit


def _restored(after: pd.DataFrame, before: pd.DataFrame, rows: pd.Index) -> pd.DataFrame:
    return pd.concat([after.drop(rows.intersection(after.index)), before.loc[rows]]).sort_index()
