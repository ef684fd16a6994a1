"""Trial of the borehole checks and of the standard errors on many virtual surveys.

Each survey is drawn in the same truth and stays in memory. What the checks flag is laid beside
the key of the faults, and the temperatures of the sites beside the truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from tqdm.auto import tqdm

from helpers.boreholes import check_boreholes, site_temperatures
from helpers.storage import read_table
from helpers.study import Study
from helpers.virtual.files import survey_records
from helpers.virtual.survey import REMOVED, draw_holes
from helpers.virtual.truth import true_field


class Expected(NamedTuple):
    """The check that should find a fault, and what one fault touches: reading, sensor or site."""

    check: str
    unit: str


EXPECTED = {
    "kelvin": Expected("temperature unit", "site"),
    "fahrenheit": Expected("temperature unit", "site"),
    "sign_flipped": Expected("sign", "site"),
    "swapped_coordinates": Expected("swapped coordinates", "site"),
    "depth_in_cm": Expected("depth unit", "site"),
    "unsorted_depths": Expected("depth order", "site"),
    "repeated_depth": Expected("repeated depth", "sensor"),
    "disordered_sensor": Expected("misplaced sensor", "sensor"),
    "stuck_sensor": Expected("stuck sensor", "reading"),
    "spikes": Expected("spike", "reading"),
    "missing_code": Expected("missing code", "reading"),
    "stopped_logger": Expected("incomplete year", "site"),
    "outside_period": Expected("outside the period", "site"),
    "outside_area": Expected("outside the area", "site"),
    "duplicate": Expected("duplicate site", "site"),
    "shallow": Expected("too shallow", "site"),
    "same_cell": Expected("same cell", "site"),
    "disturbed": Expected("disturbed ground", "site"),
    "step": Expected("step or drift", "sensor"),
    "drift": Expected("step or drift", "sensor"),
    "swapped_sensors": Expected("envelope", "sensor"),
    "curtain_offset": Expected("zero curtain", "sensor"),
    "elevation_in_feet": Expected("elevation", "site"),
}
LOST_SITES = {fault for fault, _ in REMOVED}
CHANGING = ("repaired", "value removed", "site refused")
COUNT_COLUMNS = [
    *("fault", "check", "unit", "planted", "found", "missed", "by_another"),
    *("sound", "false_alarms"),
]


def fault_trial(
    study: Study, covariates: xr.Dataset, seeds: Iterable[int], progress: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw a survey for every seed, check it and compare with what was planted and with the truth.

    Parameters
    ----------
    study
        Its ``about.truth_seed`` is the truth of all surveys.
    covariates
        On the study grid; ``elevation`` also serves the check of the stated elevations.
    seeds
        Of the surveys.
    progress
        Show a progress bar.

    Returns
    -------
    per_kind
        seed, fault, check (that should find it), unit (reading, sensor or site: what is counted),
        planted, found (flagged by that check, or the values removed by another one), missed,
        by_another (how many of those found by another check only), sound (units at which nothing
        was planted), false_alarms (flags of the check where nothing was planted; the same in all
        rows of that check). The fault "none" counts, by any check, sound readings removed or
        changed and sites lost that should be used.
    errors
        seed, site, method, t15_c, t15_true_c, standard_error_c of every site used. A site that
        was combined from several holes has no single truth and is left out.

    """
    truth = true_field(covariates, study.about.truth_seed)
    towns = read_table(study.path(study.area.towns), ("longitude", "latitude"), ("name",))
    kinds, errors = [], []
    for seed in tqdm(list(seeds), desc="surveys", disable=not progress):
        holes = draw_holes(truth, covariates["elevation"], towns, study, seed)
        data, key = survey_records(holes, seed)
        checked = check_boreholes(data, study, elevation=covariates["elevation"])
        table, _ = site_temperatures(checked, study)
        findings = _findings(checked.flags, table, holes)
        sound = _sound_readings(data.records, key)
        counts = _with_sound(_per_kind(key, findings), holes, sound, findings)
        kinds.append(counts.assign(seed=seed))
        errors.append(_errors(table, holes).assign(seed=seed))
    return _seed_first(kinds), _seed_first(errors)


def _seed_first(tables: list[pd.DataFrame]) -> pd.DataFrame:
    table = pd.concat(tables, ignore_index=True)
    return table[["seed", *table.columns.drop("seed")]]


def _findings(flags: pd.DataFrame, table: pd.DataFrame, holes: pd.DataFrame) -> pd.DataFrame:
    """All flags, and a row for every site not used, with its reason as the check."""
    unused = table[table["status"] != "used"]
    reason = (
        unused["reason"].str.partition(":")[0].mask(unused["status"] == "combined", "same cell")
    )
    refused = pd.DataFrame({"site": unused["site"], "check": reason, "action": "site refused"})
    found = pd.concat([flags[flags["action"] != "site refused"], refused], ignore_index=True)
    for fault in ("duplicate", "same_cell"):
        found = _of_either_partner(found, fault, holes)
    return found


def _of_either_partner(findings: pd.DataFrame, fault: str, holes: pd.DataFrame) -> pd.DataFrame:
    """Findings with the planted code where its twin was refused instead: either one may go."""
    planted = holes[holes["fault"] == fault].iloc[0]
    others = holes.drop(index=planted.name)
    twin = others.loc[np.hypot(others["x"] - planted.x, others["y"] - planted.y).idxmin(), "site"]
    here = findings["check"] == EXPECTED[fault].check
    if planted.site in set(findings["site"][here]):
        return findings
    return findings.assign(
        site=findings["site"].mask(here & (findings["site"] == twin), planted.site)
    )


def _per_kind(key: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Planted, found, missed and false alarms of every fault."""
    expected = pd.DataFrame(EXPECTED, index=Expected._fields).T.rename_axis("fault")
    met = _meeting(key, findings)
    own = met["place"][met["check"] == met["fault"].map(expected["check"])]
    removed = met["place"][met["action"] == "value removed"]
    key = key.assign(planted=1, own=key.index.isin(own), removed=key.index.isin(removed))
    key["found"] = key["own"] | key["removed"]
    key["by_another"] = key["found"] & ~key["own"]
    counts = key.groupby("fault")[["planted", "found", "by_another"]].sum()
    counts = expected.join(counts.reindex(expected.index, fill_value=0))
    false = findings["check"][~findings.index.isin(met["finding"])].value_counts()
    counts["false_alarms"] = counts["check"].map(false).fillna(0).astype(int)
    return counts.reset_index()


def _with_sound(
    counts: pd.DataFrame, holes: pd.DataFrame, readings: pd.DataFrame, findings: pd.DataFrame
) -> pd.DataFrame:
    """Counts with the number of sound units, and two rows for what befell the sound ones."""
    units = {
        "reading": len(readings),
        "sensor": len(readings.drop_duplicates(["site", "depth_m"])),
        "site": readings["site"].nunique(),
    }
    changed = _touched(readings, findings[findings["action"].isin(CHANGING)])
    useful = holes["site"][~holes["fault"].isin(LOST_SITES)]
    lost = useful.isin(findings["site"][findings["action"] == "site refused"])
    none = pd.DataFrame({"fault": "none", "check": "any", "unit": ["reading", "site"]})
    none = none.assign(sound=[len(readings), len(useful)], false_alarms=[changed.sum(), lost.sum()])
    counts = pd.concat([counts.assign(sound=counts["unit"].map(units)), none], ignore_index=True)
    numbers = ["planted", "found", "by_another", "sound", "false_alarms"]
    counts[numbers] = counts[numbers].fillna(0).astype(int)
    return counts.assign(missed=counts["planted"] - counts["found"])[COUNT_COLUMNS]


def _sound_readings(records: pd.DataFrame, key: pd.DataFrame) -> pd.DataFrame:
    """Values at which nothing was planted, neither in them nor in their sensor or site."""
    readings = records.dropna(subset="temperature_c").reset_index(drop=True)
    return readings[~_touched(readings, key.assign(until=pd.NaT))]


def _touched(readings: pd.DataFrame, findings: pd.DataFrame) -> pd.Series:
    """Whether a finding concerns a reading, its sensor or its whole site."""
    whole = findings["depth_m"].isna()
    met = _meeting(readings[["site", "depth_m", "time"]], findings[~whole])
    return readings["site"].isin(findings["site"][whole]) | readings.index.isin(met["place"])


def _meeting(places: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Pairs of a place and a finding at the same sensor (or both at the site) and time."""
    place, finding = places.rename_axis("place"), findings.rename_axis("finding")
    pairs = place.reset_index().merge(
        finding.reset_index(), on=["site", "depth_m"], suffixes=("", "_found")
    )
    first, last = pairs["time_found"], pairs["until"].fillna(pairs["time_found"])
    any_time = pairs["time"].isna() | first.isna()
    return pairs[any_time | pairs["time"].between(first, last)]


def _errors(table: pd.DataFrame, holes: pd.DataFrame) -> pd.DataFrame:
    single = table[(table["status"] == "used") & (table["merged_sites"] == "")]
    with_truth = single.merge(holes[["site", "t15_true_c"]], on="site")
    return with_truth[["site", "method", "t15_c", "t15_true_c", "standard_error_c"]]


def fault_summary(per_kind: pd.DataFrame, committed: int) -> pd.DataFrame:
    """Counts of :func:`fault_trial` summed over surveys, the one of the seed committed apart."""
    counts = per_kind.assign(surveys=_surveys(per_kind["seed"], committed))
    by_kind = counts.groupby(["surveys", "fault", "check", "unit"], sort=False)
    table = by_kind[COUNT_COLUMNS[3:]].sum().reset_index()
    table.insert(1, "n_surveys", by_kind["seed"].nunique().to_numpy())
    table["found_share"] = (table["found"] / table["planted"]).round(4)
    table["false_alarm_share"] = (table["false_alarms"] / table["sound"]).round(6)
    return table


def error_summary(errors: pd.DataFrame, committed: int) -> pd.DataFrame:
    """How honest the standard errors are, the survey of the seed committed apart.

    Returns
    -------
    surveys, method, n (sites), within_1, within_2 (share of the sites whose error is at most one
    and two standard errors), rmse_c, mean_standard_error_c (deg C).

    """
    off = (errors["t15_c"] - errors["t15_true_c"]).abs()
    table = errors.assign(
        surveys=_surveys(errors["seed"], committed),
        within_1=off <= errors["standard_error_c"],
        within_2=off <= 2 * errors["standard_error_c"],
        square=off**2,
    )
    summary = table.groupby(["surveys", "method"], sort=False).agg(
        n=("site", "size"),
        within_1=("within_1", "mean"),
        within_2=("within_2", "mean"),
        rmse_c=("square", lambda square: np.sqrt(square.mean())),
        mean_standard_error_c=("standard_error_c", "mean"),
    )
    return summary.round(4).reset_index()


def _surveys(seeds: pd.Series, committed: int) -> np.ndarray:
    return np.where(seeds == committed, "committed", "others")
