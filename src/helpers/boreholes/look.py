"""Reading the boreholes of a study, and looking at single holes."""

from __future__ import annotations

import pandas as pd

from helpers.boreholes.depth import temperature_at_depth
from helpers.boreholes.formats import BoreholeData, read_boreholes
from helpers.boreholes.sites import extension
from helpers.study import Study


def read_study(study: Study) -> BoreholeData:
    """Read all borehole files that the study names; see :func:`read_boreholes`."""
    settings = study.boreholes
    site_table = study.path(settings.sites) if settings.sites else None
    return read_boreholes(study.borehole_files(), site_table, settings.columns or None)


def examples(boreholes: pd.DataFrame, number: int = 6) -> list[str]:
    """Codes of used sites that show the range: half of them deep, from cold to warm."""
    used = boreholes[boreholes["status"] == "used"].sort_values("t15_c", kind="stable")
    chosen = []
    for method in ("interpolated", "extended"):
        sites = used.loc[used["method"] == method, "site"].to_list()
        count = min(number // 2, len(sites))
        chosen += [sites[(2 * i + 1) * len(sites) // (2 * count)] for i in range(count)]
    return chosen


def at_depth(
    study: Study, profiles: pd.DataFrame, boreholes: pd.DataFrame, site: str, depth_m: float
) -> tuple[pd.DataFrame, str]:
    """Temperature of one used site at another depth than the one mapped.

    Returns
    -------
    The row of the site in ``boreholes``, with t15_c, standard_error_c and method of that depth,
    and the same in one line of words.

    """
    row = boreholes.set_index("site").loc[site]
    gradient, _, error = extension(profiles, study)
    profile = profiles[profiles["site"] == site].assign(sampling_error_c=row["sampling_error_c"])
    sensor = study.boreholes.sensor_error_c
    found = temperature_at_depth(profile, depth_m, gradient, error, sensor, shallowest_m=0.0)
    words = (
        f"{site}, {depth_m:g} m: {found.temperature_c:.2f} ± {found.standard_error_c:.2f} °C "
        f"({found.method}, deepest sensor {found.deepest_m:g} m)"
    )
    changed = {"t15_c": found.temperature_c, "standard_error_c": found.standard_error_c}
    here = boreholes[boreholes["site"] == site]
    return here.assign(**changed, method=found.method), words
