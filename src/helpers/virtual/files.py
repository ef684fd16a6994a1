"""The virtual survey as files, the way real loggers and data centres deliver them.

Same holes and seed: same bytes, on any platform. The fault key is returned, never written.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.boreholes import recognition
from helpers.boreholes.formats import RECORD_TYPES, BoreholeData
from helpers.storage import ContractError, replacing
from helpers.virtual.faults import KEY_COLUMNS, plant
from helpers.virtual.sensor_faults import MISSING_CODE
from helpers.virtual.strings import AVERAGING, delivered_string
from helpers.virtual.workbook import NOTE, WORKBOOK, dialect_of, wide_table, write_workbook

SITE_COLUMNS = ["site", "longitude", "latitude", "elevation_m", "setting"]
RECOGNISED_AS = {
    "workbook": recognition.WORKBOOK,
    "pipeline": recognition.LONG,
    "gtnp": recognition.GTNP,
    "profiles": recognition.PROFILE,
}
DUPLICATE_WITHIN_KM = 1.0
KM_PER_DEGREE = 111.195  # of a great circle


class Delivery(NamedTuple):
    """What comes in of one site: its row, its records, the key of its faults.

    ``position`` counts the sites of one format, which take turns in their dialects.
    """

    site: pd.Series
    records: pd.DataFrame
    key: pd.DataFrame
    position: int


def survey_records(holes: pd.DataFrame, seed: int) -> tuple[BoreholeData, pd.DataFrame]:
    """The survey in memory, as a reader gives it back from the files of :func:`write_survey`.

    Parameters
    ----------
    holes
        One row per hole: site, longitude, latitude (degrees), elevation_m, setting, format,
        deepest_m, t15_true_c, gradient_c_per_m, surface_amplitude_c, damping_depth_m,
        trend_c_per_a, fault.
    seed
        Each hole draws from a stream of its own (seed and site code), so adding or dropping a
        hole leaves the others as they are.

    Returns
    -------
    data
        Records, sites and formats; the code -999 stands where the files have it.
    key
        site, depth_m, time, fault, as :func:`helpers.virtual.faults.plant` explains them.

    """
    deliveries = _deliveries(holes, seed)
    records = pd.concat([_with_place(d) for d in deliveries], ignore_index=True)
    means = records["averaging"] == "mean"
    records.loc[means, "row"] = np.arange(means.sum()) + 2  # one file for all profiles
    records = records.reindex(columns=list(RECORD_TYPES)).astype(RECORD_TYPES)
    sites = _site_table(deliveries).assign(file=[_site_file(d.site) for d in deliveries])
    sites["row"] = _rows_of_sites(sites, records)
    names = {_record_file(d.site): RECOGNISED_AS[d.site["format"]] for d in deliveries}
    return BoreholeData(records, sites, names), _key(deliveries)


def write_survey(holes: pd.DataFrame, folder: str | Path, seed: int) -> pd.DataFrame:
    """Write all files of the survey into a folder and return the key of the faults.

    Files: ``ncdc_boreholes.xlsx`` (monthly), ``pipeline_<site>.csv`` (daily), ``gtnp_<site>.csv``
    and ``.txt`` (every tenth day), ``profiles.csv`` (mean of two years), ``sites.csv`` (sites of
    the first two). A kind without sites is not written. See :func:`survey_records` for the input.

    Returns
    -------
    pandas.DataFrame
        site, depth_m, time, fault, as :func:`helpers.virtual.faults.plant` explains them. A lost
        reading that the file gives as -999 is in it too, as a missing_code.

    """
    folder = Path(folder)
    deliveries = _deliveries(holes, seed)
    kinds = {kind: [d for d in deliveries if d.site["format"] == kind] for kind in AVERAGING}
    if kinds["workbook"]:
        sheets = {d.site["site"]: d.records for d in kinds["workbook"]}
        write_workbook(sheets, folder / WORKBOOK)
    for delivery in kinds["pipeline"]:
        _write_csv(_pipeline(delivery), folder / _record_file(delivery.site))
    for delivery in kinds["gtnp"]:
        _write_csv(_gtnp(delivery), folder / _record_file(delivery.site))
        _write_text(_gtnp_metadata(delivery.site), folder / _site_file(delivery.site))
    if kinds["profiles"]:
        _write_csv(_profiles(kinds["profiles"]), folder / "profiles.csv")
    if by_code := [d for d in deliveries if _site_file(d.site) == "sites.csv"]:
        _write_csv(_site_table(by_code), folder / "sites.csv")
    return _key(deliveries)


def _key(deliveries: list[Delivery]) -> pd.DataFrame:
    keys = [d.key for d in deliveries if len(d.key)] or [d.key for d in deliveries]
    return pd.concat(keys, ignore_index=True)[KEY_COLUMNS]


def _deliveries(holes: pd.DataFrame, seed: int) -> list[Delivery]:
    """Drill, measure and spoil every hole, in the order of the table."""
    repeated = holes["site"][holes["site"].duplicated()]
    if not repeated.empty:
        raise ContractError(f"holes: site '{repeated.iloc[0]}' comes twice; codes must differ.")
    unknown = holes[~holes["format"].isin(list(AVERAGING))]
    if not unknown.empty:
        raise ContractError(
            f"holes: site '{unknown['site'].iloc[0]}' has format '{unknown['format'].iloc[0]}'. "
            f"Choices: {', '.join(AVERAGING)}."
        )
    turns = zip(holes.iterrows(), holes.groupby("format").cumcount(), strict=True)
    return [_coded(_deliver(hole, holes, seed, position)) for (_, hole), position in turns]


def _deliver(hole: pd.Series, holes: pd.DataFrame, seed: int, position: int) -> Delivery:
    drilled = _repeated_hole(hole, holes) if hole["fault"] == "duplicate" else hole
    rng = np.random.default_rng([seed, zlib.crc32(drilled["site"].encode())])
    records = delivered_string(drilled, hole["format"], rng).assign(site=hole["site"])
    rounding = {"longitude": 5, "latitude": 5, "elevation_m": 1}
    site = pd.Series({**hole, **{k: round(float(hole[k]), n) for k, n in rounding.items()}})
    fault_rng = np.random.default_rng([seed, zlib.crc32(hole["site"].encode()), 1])
    records, site, key = plant(records, site, fault_rng)
    return Delivery(site, records, key, position)


def _coded(delivery: Delivery) -> Delivery:
    """With -999 for lost readings, where the format or the dialect writes them so; also in key."""
    site, records, key, position = delivery
    coded = {"gtnp": True, "workbook": dialect_of(position).lost == MISSING_CODE}
    lost = records["temperature_c"].isna() & coded.get(site["format"], False)
    if not lost.any():
        return delivery
    found = records.loc[lost, ["site", "depth_m", "time"]].assign(fault="missing_code")
    temperature = records["temperature_c"].mask(lost, MISSING_CODE)
    return delivery._replace(
        records=records.assign(temperature_c=temperature), key=pd.concat([key, found])
    )


def _repeated_hole(duplicate: pd.Series, holes: pd.DataFrame) -> pd.Series:
    """The hole that a duplicate repeats: the nearest one, which must be close by."""
    others = holes[holes["fault"] != "duplicate"]
    east = (others["longitude"] - duplicate["longitude"]) * np.cos(np.radians(others["latitude"]))
    distance_km = KM_PER_DEGREE * np.hypot(east, others["latitude"] - duplicate["latitude"])
    if others.empty or distance_km.min() > DUPLICATE_WITHIN_KM:
        raise ContractError(
            f"holes: duplicate '{duplicate['site']}' has no other hole within "
            f"{DUPLICATE_WITHIN_KM:g} km (nearest: {distance_km.min():.1f} km). "
            "Give it the coordinates of the hole it repeats."
        )
    return others.loc[distance_km.idxmin()]


def _with_place(delivery: Delivery) -> pd.DataFrame:
    """Records with file, sheet and row (1-based; row 1 is the header)."""
    site, records = delivery.site, delivery.records
    wide = site["format"] in ("workbook", "gtnp")
    row = pd.factorize(records["time"])[0] if wide else np.arange(len(records))
    sheet = site["site"] if site["format"] == "workbook" else ""
    return records.assign(file=_record_file(site), sheet=sheet, row=row + 2)


def _rows_of_sites(sites: pd.DataFrame, records: pd.DataFrame) -> pd.Series:
    """Row of each site in its file: a line each, but for profiles and the texts beside GTN-P."""
    row = sites.groupby("file").cumcount() + 2
    first = sites["site"].map(records.groupby("site")["row"].min())
    row = row.mask(sites["file"] == "profiles.csv", first)
    return row.mask(sites["file"].str.endswith(".txt"), 1)


def _record_file(site: pd.Series) -> str:
    shared = {"workbook": WORKBOOK, "profiles": "profiles.csv"}
    return shared.get(site["format"], f"{site['format']}_{site['site']}.csv")


def _site_file(site: pd.Series) -> str:
    own = {"gtnp": f"gtnp_{site['site']}.txt", "profiles": "profiles.csv"}
    return own.get(site["format"], "sites.csv")


def _site_table(deliveries: list[Delivery]) -> pd.DataFrame:
    return pd.DataFrame([d.site[SITE_COLUMNS] for d in deliveries]).reset_index(drop=True)


def _pipeline(delivery: Delivery) -> pd.DataFrame:
    """Long table; every third operator writes the depth in cm and says so in the header."""
    records = delivery.records
    in_cm = delivery.position % 3 == 2 and delivery.site["fault"] != "depth_in_cm"
    depth = {"depth_cm": records["depth_m"] * 100} if in_cm else {"depth_m": records["depth_m"]}
    time = records["time"].dt.strftime("%Y-%m-%d")
    temperature = records["temperature_c"]
    return pd.DataFrame(
        {"site": records["site"], "time": time, **depth, temperature.name: temperature}
    )


def _gtnp(delivery: Delivery) -> pd.DataFrame:
    table, depths = wide_table(delivery.records)
    table.columns = [f"{depth:g}" for depth in depths]
    times = table.index.strftime("%Y-%m-%d %H:%M:%S")
    return table.set_index(times).rename_axis("Date/Depth").reset_index()


def _gtnp_metadata(site: pd.Series) -> str:
    lines = {
        "Site code": site["site"],
        "Longitude": f"{site['longitude']:.10g}",
        "Latitude": f"{site['latitude']:.10g}",
        "Elevation (m)": f"{site['elevation_m']:.10g}",
        "Setting": site["setting"],
        "Note": NOTE,
    }
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def _profiles(deliveries: list[Delivery]) -> pd.DataFrame:
    records = pd.concat([d.records for d in deliveries], ignore_index=True)
    table = records.merge(_site_table(deliveries), on="site", how="left", validate="m:1")
    columns = ["site", "longitude", "latitude", "depth_m", "temperature_c"]
    columns += ["elevation_m", "setting", "year_start", "year_end"]
    return table[columns].assign(note="virtual")


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    with replacing(path) as unfinished:
        table.to_csv(unfinished, index=False, lineterminator="\n", float_format="%.10g")


def _write_text(text: str, path: Path) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
