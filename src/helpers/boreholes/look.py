"""Reading the boreholes of a study, and looking at single holes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr
from tqdm.auto import tqdm

from helpers.boreholes.checks import CheckedBoreholes, check_boreholes
from helpers.boreholes.depth import temperature_at_depth
from helpers.boreholes.error_models import DepthModel
from helpers.boreholes.formats import BoreholeData, iterate_boreholes, read_boreholes
from helpers.study import Study


def read_study(study: Study, files: Sequence[Path] | None = None) -> BoreholeData:
    """Read borehole files of a study, all if none are named; see :func:`read_boreholes`."""
    return read_boreholes(files or study.borehole_files(), **_reading(study))


def iterate_study(study: Study) -> Iterator[BoreholeData]:
    """The borehole files of a study, one after the other; see :func:`iterate_boreholes`."""
    return iterate_boreholes(study.borehole_files(), **_reading(study))


def check_study(
    study: Study, elevation: xr.DataArray | None = None, progress: bool = False
) -> CheckedBoreholes:
    """Read and check all borehole files of a study, one at a time; see :func:`check_boreholes`.

    In memory are a file or two and the monthly means of all, so any number of long records fits.
    """
    number = len(study.borehole_files())
    bar = tqdm(iterate_study(study), desc="borehole files", total=number, disable=not progress)
    return check_boreholes(bar, study, elevation)


def _reading(study: Study) -> dict[str, Any]:
    settings = study.boreholes
    return {
        "sites": study.path(settings.sites) if settings.sites else None,
        "columns": settings.columns,
        "formats": settings.formats,
        "sites_crs": settings.sites_crs,
    }


def examples(boreholes: pd.DataFrame, number: int = 6) -> list[str]:
    """Codes of used sites that show the range: half of them deep, from cold to warm."""
    used = boreholes[boreholes["status"] == "used"].sort_values("t15_c", kind="stable")
    chosen = []
    for method in ("interpolated", "extended"):
        sites = used.loc[used["method"] == method, "site"].to_list()
        count = min(number // 2, len(sites))
        chosen += [sites[(2 * i + 1) * len(sites) // (2 * count)] for i in range(count)]
    return chosen


def longest_string(records: pd.DataFrame, boreholes: pd.DataFrame) -> str | None:
    """Code of the coldest used site among those with the most monthly means; None without any."""
    months = records.loc[records["averaging"] == "month", "site"].value_counts()
    used = boreholes[(boreholes["status"] == "used") & boreholes["site"].isin(months.index)]
    number = used["site"].map(months)
    long = used[number >= number.quantile(0.75)].sort_values(["t15_c", "site"])
    return None if long.empty else long["site"].iloc[0]


def at_depth(
    profiles: pd.DataFrame, boreholes: pd.DataFrame, model: DepthModel, site: str, depth_m: float
) -> tuple[pd.DataFrame, str]:
    """Temperature of one used hole at another depth than the one mapped.

    Parameters
    ----------
    profiles, boreholes
        What :func:`site_temperatures` gave.
    model
        What :func:`extension` gave for them.
    site, depth_m
        Code, and depth in m.

    Returns
    -------
    The row of the site in ``boreholes``, with t15_c, standard_error_c and method of that depth,
    and the same in one line of words. Of a site combined from several holes it is the hole of
    that code alone.

    """
    row = boreholes.set_index("site").loc[site]
    profile = profiles[profiles["site"] == site].assign(sampling_error_c=row["sampling_error_c"])
    found = temperature_at_depth(profile, depth_m, model, shallowest_m=0.0)
    words = (
        f"{site}, {depth_m:g} m: {found.temperature_c:.2f} °C, standard error "
        f"{found.standard_error_c:.2f} °C ({found.method}, deepest sensor {found.deepest_m:g} m)"
    )
    changed = {"t15_c": found.temperature_c, "standard_error_c": found.standard_error_c}
    here = boreholes[boreholes["site"] == site]
    return here.assign(**changed, method=found.method, merged_sites=""), words
