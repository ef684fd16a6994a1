"""From a checked survey to one temperature per site, all at the depth that is mapped."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd

from helpers.boreholes.annual import annual_profile, zero_annual_amplitude_depth
from helpers.boreholes.checks import CheckedBoreholes
from helpers.boreholes.depth import (
    DepthTemperature,
    HoleRefusedError,
    extension_error_model,
    geothermal_gradient,
    regional_gradient,
    temperature_at_depth,
)
from helpers.storage import ContractError
from helpers.study import Study

ERROR_PARTS = ["sensor_error_c", "sampling_error_c", "depth_error_c"]
HOLE_COLUMNS = [
    *("t15_c", "standard_error_c", *ERROR_PARTS, "method", "deepest_m", "n_depths"),
    *("zero_amplitude_depth_m", "gradient_c_per_km", "status", "reason"),
]
SITE_COLUMNS = ["site", "longitude", "latitude", "elevation_m", "setting", "x", "y"]
PROFILE_COLUMNS = ["site", "depth_m", "mean_c", "min_c", "max_c", "n_months"]


def site_temperatures(checked: CheckedBoreholes, study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Temperature of every site at ``study.boreholes.depth_m``, with its standard error.

    Several holes in one cell of ``study.boreholes.combine_cell_m`` become one site: their mean by
    inverse variance, under the code and at the place of the hole with the smallest error. Its
    standard error is that of a weighted mean, or what the spread of the holes says if that is more
    (Birge 1932, doi:10.1103/PhysRev.40.207); the parts are those of the weighted mean.

    Returns
    -------
    boreholes
        One row per site that came in: site, longitude, latitude, elevation_m, setting, x, y (m, in
        the CRS of the study), t15_c, standard_error_c and its parts sensor_error_c,
        sampling_error_c, depth_error_c (deg C), method, deepest_m, n_depths,
        zero_amplitude_depth_m, gradient_c_per_km (the one used if the hole was extended, else its
        own), status (used, refused, combined), reason, merged_sites (codes, separated by blanks).
    profiles
        site, depth_m, mean_c, min_c, max_c (of monthly means), n_months.

    Raises
    ------
    ContractError
        If fewer than ``study.boreholes.fewest_sites`` can be used; lists the reasons.

    """
    settings = study.boreholes
    years = ((study.period.end - study.period.start).days + 1) / 365.25
    profiles = annual_profile(
        checked.records,
        settings.checks.largest_missing_share,
        settings.checks.zero_amplitude_c,
        years,
    )
    holes = pd.DataFrame(_hole_rows(profiles, study)).reindex(columns=["site", *HOLE_COLUMNS])
    holes = holes.astype({"site": str, "status": object, "reason": object, "method": object})
    table = checked.sites.drop(columns="file", errors="ignore").merge(holes, on="site", how="left")
    table = _with_refusals(table, checked.flags)
    table["x"], table["y"] = study.to_grid.transform(table["longitude"], table["latitude"])
    table = table.replace({"x": np.inf, "y": np.inf}, np.nan)
    table = _combined(table, settings.combine_cell_m)
    _require_enough(table, study)
    return table[[*SITE_COLUMNS, *HOLE_COLUMNS, "merged_sites"]], profiles[PROFILE_COLUMNS]


def extension(profiles: pd.DataFrame, study: Study) -> tuple[float, str, float]:
    """How shallow holes are extended: gradient (deg C/m), its origin, error (deg C/m extended)."""
    settings = study.boreholes
    depth_m, usual = settings.depth_m, settings.gradient_c_per_km / 1000
    regional = regional_gradient(profiles, depth_m)
    gradient, origin = (
        (usual, "boreholes.gradient_c_per_km")
        if np.isnan(regional)
        else (regional, "median of the deep holes")
    )
    error = extension_error_model(profiles, depth_m, settings.shallowest_m, gradient)
    return gradient, origin, error


def _hole_rows(profiles: pd.DataFrame, study: Study) -> list[dict]:
    """Temperature at depth of each hole, or why it has none."""
    settings, depth_m = study.boreholes, study.boreholes.depth_m
    gradient, origin, error = extension(profiles, study)
    rows = []
    for site, profile in profiles.groupby("site"):
        still = zero_annual_amplitude_depth(profile, settings.checks.zero_amplitude_c)
        row = {"site": site, "zero_amplitude_depth_m": still}
        row["gradient_c_per_km"] = geothermal_gradient(profile) * 1000
        try:
            at_depth = temperature_at_depth(
                profile, depth_m, gradient, error, settings.sensor_error_c, settings.shallowest_m
            )
        except HoleRefusedError as refusal:
            rows.append(row | {"status": "refused", "reason": str(refusal)})
        else:
            rows.append(row | _used_row(at_depth, gradient * 1000, origin))
    return rows


def _used_row(at_depth: DepthTemperature, gradient_c_per_km: float, origin: str) -> dict:
    row = asdict(at_depth) | {"t15_c": at_depth.temperature_c, "status": "used", "reason": ""}
    if at_depth.method == "extended":
        row["gradient_c_per_km"] = gradient_c_per_km
        row["reason"] = f"extended by {at_depth.extended_m:g} m: gradient is {origin}"
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
    """Holes of one cell as one site."""
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
        table.loc[merged, "status"] = "combined"
        table.loc[merged, "reason"] = f"same cell of {cell_m:g} m: part of {holes['site'][kept]}"
    return table


def _weighted_mean(holes: pd.DataFrame) -> list[float]:
    """Mean by inverse variance, its standard error, and the parts of that."""
    weight = holes["standard_error_c"].to_numpy() ** -2.0
    share, temperature = weight / weight.sum(), holes["t15_c"].to_numpy()
    mean = share @ temperature
    spread = np.sqrt(share @ (temperature - mean) ** 2 / (len(holes) - 1))
    parts = np.linalg.norm(share[:, None] * holes[ERROR_PARTS].to_numpy(dtype=float), axis=0)
    return [mean, max(weight.sum() ** -0.5, spread), *parts]


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
