"""From a checked survey to one temperature per site, all at the depth that is mapped."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd

from helpers.boreholes.annual import monthly_records, study_profile, zero_annual_amplitude_depth
from helpers.boreholes.checks import CheckedBoreholes
from helpers.boreholes.depth import HoleRefusedError, temperature_at_depth
from helpers.boreholes.error_models import DepthModel, Gradient, depth_model, geothermal_gradient
from helpers.boreholes.thermal_state import thermal_state
from helpers.storage import ContractError
from helpers.study import Study

ERROR_PARTS = ["sensor_error_c", "sampling_error_c", "depth_error_c"]
HOLE_COLUMNS = [
    *("t15_c", "standard_error_c", *ERROR_PARTS, "method", "deepest_m", "n_depths"),
    *("zero_amplitude_depth_m", "gradient_c_per_km", "status", "reason"),
    *("hole_gradient_c_per_km", "thaw_depth_m", "permafrost", "warming_c_per_decade"),
]
OF_ONE_HOLE = [
    *("zero_amplitude_depth_m", "gradient_c_per_km", "hole_gradient_c_per_km", "thaw_depth_m"),
    "warming_c_per_decade",
]
WORDS = ["status", "reason", "method", "permafrost"]
SITE_COLUMNS = ["site", "longitude", "latitude", "elevation_m", "setting", "x", "y"]


def site_temperatures(checked: CheckedBoreholes, study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Temperature of every site at ``study.boreholes.depth_m``, with its standard error.

    Several holes in one cell of ``study.boreholes.combine_cell_m`` become one site: their mean by
    inverse variance, to which the variance between the holes is added, under the code and at the
    place of the hole with the smallest error. What describes one hole (thaw depth, gradient,
    warming) is left empty then.

    Returns
    -------
    boreholes
        One row per site that came in: site, longitude, latitude, elevation_m, setting, x, y (m, in
        the CRS of the study), t15_c, standard_error_c and its parts sensor_error_c,
        sampling_error_c, depth_error_c (deg C), method, deepest_m, n_depths,
        zero_amplitude_depth_m, gradient_c_per_km (the one used if the hole was extended, else its
        own), status (used, refused, combined), reason, hole_gradient_c_per_km (its own),
        thaw_depth_m and permafrost (:func:`thaw_depth`), warming_c_per_decade
        (:func:`warming_rate`), merged_sites
        (codes, separated by blanks).
    profiles
        site, depth_m, mean_c, min_c, max_c (of monthly means), n_months.

    Raises
    ------
    ContractError
        If fewer than ``study.boreholes.fewest_sites`` can be used; lists the reasons.

    """
    settings = study.boreholes
    profiles = study_profile(checked.records, study)
    rows = _hole_rows(profiles, checked.records, study)
    holes = pd.DataFrame(rows).reindex(columns=["site", *HOLE_COLUMNS])
    holes = holes.astype({"site": str} | dict.fromkeys(WORDS, object))
    table = checked.sites.drop(columns="file", errors="ignore").merge(holes, on="site", how="left")
    table = _with_refusals(table, checked.flags)
    table["x"], table["y"] = study.to_grid.transform(table["longitude"], table["latitude"])
    table = table.replace({"x": np.inf, "y": np.inf}, np.nan)
    table = _combined(table, settings.combine_cell_m)
    _require_enough(table, study)
    return table[[*SITE_COLUMNS, *HOLE_COLUMNS, "merged_sites"]], profiles.drop(
        columns="sampling_error_c"
    )


def extension(profiles: pd.DataFrame, study: Study) -> DepthModel:
    """Gradients and errors that the survey gives; see :func:`depth_model`."""
    settings = study.boreholes
    usual = Gradient(settings.gradient_c_per_km / 1000, "boreholes.gradient_c_per_km")
    return depth_model(
        profiles, settings.depth_m, settings.shallowest_m, settings.sensor_error_c, usual
    )


def _hole_rows(profiles: pd.DataFrame, records: pd.DataFrame, study: Study) -> list[dict]:
    """Thermal state of each hole, and its temperature at depth or why it has none."""
    checks, depth_m = study.boreholes.checks, study.boreholes.depth_m
    model = extension(profiles, study)
    months = dict(list(monthly_records(records).groupby("site")))
    return [
        {
            "site": site,
            "zero_amplitude_depth_m": zero_annual_amplitude_depth(profile, checks.zero_amplitude_c),
            "hole_gradient_c_per_km": geothermal_gradient(profile) * 1000,
        }
        | thermal_state(profile, months[site], depth_m, checks.largest_missing_share)
        | _temperature_row(profile, model, study)
        for site, profile in profiles.groupby("site")
    ]


def _temperature_row(profile: pd.DataFrame, model: DepthModel, study: Study) -> dict:
    settings = study.boreholes
    row = {"gradient_c_per_km": geothermal_gradient(profile) * 1000}
    try:
        found = temperature_at_depth(profile, settings.depth_m, model, settings.shallowest_m)
    except HoleRefusedError as refusal:
        return row | {"status": "refused", "reason": str(refusal)}
    row |= asdict(found) | {"t15_c": found.temperature_c, "status": "used", "reason": ""}
    if found.method == "extended":
        gradient = model.gradient(profile, settings.depth_m)
        row["gradient_c_per_km"] = gradient.c_per_m * 1000
        row["reason"] = f"extended by {found.extended_m:g} m: gradient is {gradient.origin}"
    return row


def _with_refusals(table: pd.DataFrame, flags: pd.DataFrame) -> pd.DataFrame:
    """Status and reason of the sites that the checks refused."""
    refused = flags[flags["action"] == "site refused"].drop_duplicates("site").set_index("site")
    by_check = table["site"].map(refused["check"] + ": " + refused["reason"])
    return table.assign(
        status=table["status"].mask(by_check.notna(), "refused"),
        reason=table["reason"].mask(by_check.notna(), by_check),
        n_depths=table["n_depths"].astype("Int64"),
        merged_sites="",
    )


def _combined(table: pd.DataFrame, cell_m: float) -> pd.DataFrame:
    """Holes of one cell as one site; what describes one of them is left empty."""
    table = table.copy()
    used = table[table["status"] == "used"]
    cells = used.groupby([np.floor(used["x"] / cell_m), np.floor(used["y"] / cell_m)])
    for _, holes in cells:
        if len(holes) == 1:
            continue
        kept = holes["standard_error_c"].idxmin()
        merged = holes.index.drop(kept)
        table.loc[kept, ["t15_c", "standard_error_c", *ERROR_PARTS]] = _weighted_mean(holes)
        table.loc[kept, "merged_sites"] = " ".join(holes["site"][merged])
        table.loc[kept, "reason"] = _how_combined(holes, kept)
        table.loc[kept, OF_ONE_HOLE] = np.nan
        table.loc[kept, "permafrost"] = ""
        table.loc[merged, "status"] = "combined"
        table.loc[merged, "reason"] = f"same cell of {cell_m:g} m: part of {holes['site'][kept]}"
    return table


def _how_combined(holes: pd.DataFrame, kept: object) -> str:
    *others, last = [holes["site"][kept], *holes["site"].drop(kept)]
    apart = holes["t15_c"].max() - holes["t15_c"].min()
    mean = f"mean of {', '.join(others)} and {last} by inverse variance, {apart:.2f} deg C apart"
    return "; ".join(filter(None, [mean, holes["reason"][kept]]))


def _weighted_mean(holes: pd.DataFrame) -> list[float]:
    """Mean of holes, its standard error, and the parts of that.

    Holes of one cell differ by more than their errors. So the variance between them, by the method
    of moments of DerSimonian and Laird (1986, doi:10.1016/0197-2456(86)90046-2), is added to that
    of each before it becomes a weight; with none it is the mean by inverse variance.
    """
    variance, temperature = holes["standard_error_c"].to_numpy() ** 2.0, holes["t15_c"].to_numpy()
    weight = 1 / variance
    mean = np.average(temperature, weights=weight)
    surplus = weight @ (temperature - mean) ** 2 - (len(holes) - 1)
    between = max(surplus, 0) / (weight.sum() - (weight**2).sum() / weight.sum())
    weight = 1 / (variance + between)
    share = weight / weight.sum()
    parts = np.linalg.norm(share[:, None] * holes[ERROR_PARTS].to_numpy(dtype=float), axis=0)
    return [share @ temperature, weight.sum() ** -0.5, *parts]


def _require_enough(table: pd.DataFrame, study: Study) -> None:
    fewest_sites = study.boreholes.fewest_sites
    n_used = int((table["status"] == "used").sum())
    if n_used >= fewest_sites:
        return
    refused = table["reason"][table["status"] != "used"].str.split(":").str[0]
    reasons = "; ".join(f"{n} x {reason}" for reason, n in refused.value_counts().items())
    raise ContractError(
        f"{study.file}: only {n_used} of {len(table)} sites can be used, at least {fewest_sites} "
        f"are needed (boreholes.fewest_sites). Not used: {reasons}. Thresholds and settings are in "
        "study.toml under [boreholes]."
    )
