"""How much each step of the quality control changes the temperature of a site."""

from __future__ import annotations

import pandas as pd

from helpers.boreholes.annual import monthly_records, study_profile
from helpers.boreholes.checks import (
    READING_CHECKS,
    STRING_CHECKS,
    UNIT_CHECKS,
    Check,
    CheckedBoreholes,
    batches,
    run_checks,
    with_whole_depths,
)
from helpers.boreholes.depth import HoleRefusedError, temperature_at_depth
from helpers.boreholes.error_models import DepthModel
from helpers.boreholes.flags import REMOVED, REPAIRED
from helpers.boreholes.look import iterate_study
from helpers.boreholes.overrides import read_overrides
from helpers.boreholes.sites import extension
from helpers.boreholes.units import missing_codes
from helpers.study import Study

STEPS: tuple[tuple[str, tuple[Check, ...]], ...] = (
    ("as delivered", (missing_codes,)),
    ("units and labels", UNIT_CHECKS),
    ("readings", READING_CHECKS),
)


def step_effects(study: Study, checked: CheckedBoreholes) -> pd.DataFrame:
    """Temperature at depth after each step, of the sites of which a check changed a value.

    As delivered only codes such as -999 are set aside, and what a person dropped. Gradient and
    completeness rule are the same after every step, so that what differs is what the step did. The
    files are read once more, one at a time.

    Parameters
    ----------
    study
        Files, depth, thresholds and overrides.
    checked
        The survey after all checks; tells which sites to look at.

    Returns
    -------
    pandas.DataFrame
        site, step (in order), t15_c (deg C; NaN: none could be given).

    """
    changed = checked.flags["action"].isin([REMOVED, REPAIRED])
    here = checked.flags["site"][changed].drop_duplicates()
    here = here[here.isin(checked.records["site"])]
    overrides = read_overrides(study)
    after: dict[str, list[pd.DataFrame]] = {name: [] for name, _ in STEPS}
    for part in batches(iterate_study(study)):
        records, sites = (table[table["site"].isin(here)] for table in (part.records, part.sites))
        records = with_whole_depths(records)
        for name, checks in STEPS:
            records, _, _ = run_checks(checks, records, sites, study, overrides)
            after[name].append(monthly_records(overrides.drop(records)[0]))
    steps = {name: pd.concat(parts, ignore_index=True) for name, parts in after.items()}
    last, _, _ = run_checks(STRING_CHECKS, steps["readings"], checked.sites, study, overrides)
    model = extension(study_profile(checked.records, study), study)
    rows = []
    for step, records in (steps | {"strings": last}).items():
        holes = dict(list(study_profile(records, study).groupby("site")))
        rows += [
            {"site": site, "step": step, "t15_c": _temperature(holes.get(site), model, study)}
            for site in here
        ]
    return pd.DataFrame(rows, columns=["site", "step", "t15_c"])


def _temperature(profile: pd.DataFrame | None, model: DepthModel, study: Study) -> float:
    """Temperature at the mapped depth; NaN where the hole is refused."""
    if profile is None:
        return float("nan")
    settings = study.boreholes
    try:
        found = temperature_at_depth(profile, settings.depth_m, model, settings.shallowest_m)
    except HoleRefusedError:
        return float("nan")
    return found.temperature_c
