"""The virtual survey as files, the way real loggers and data centres deliver them.

Same holes and seed: same bytes, on any platform. The fault key is returned, never written.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import canonicalize

import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.packaging.core import DocumentProperties
from openpyxl.writer.excel import ExcelWriter

from helpers.storage import ContractError, replacing
from helpers.virtual.faults import KEY_COLUMNS, MISSING_CODE, plant
from helpers.virtual.strings import AVERAGING, delivered_string

NOTE = "virtual borehole, made by helpers.virtual"
WORKBOOK = "ncdc_boreholes.xlsx"
SAVED = datetime(2025, 1, 1)  # date of the workbook, fixed so that its bytes are
SITE_COLUMNS = ["site", "longitude", "latitude", "elevation_m", "setting"]
RECORD_COLUMNS = [
    *("site", "time", "depth_m", "temperature_c", "averaging"),
    *("file", "sheet", "row", "year_start", "year_end"),
]
DUPLICATE_WITHIN_KM = 1.0
KM_PER_DEGREE = 111.195  # of a great circle


class Delivery(NamedTuple):
    """What comes in of one site: its row, its records, and the key of its fault."""

    site: pd.Series
    records: pd.DataFrame
    key: pd.DataFrame


class Dialect(NamedTuple):
    """How one sheet writes its time columns, depth headers and lost values."""

    time_headers: tuple[str, ...]
    time_cells: Callable[[pd.Timestamp], tuple[Any, ...]]
    depth_header: Callable[[float], Any]
    lost: str | None


DIALECTS = (
    Dialect(("Date",), lambda t: (t.date(),), "{:g}m".format, None),
    Dialect(("Date",), lambda t: (f"{t:%Y-%m}",), "{:g} m".format, "NaN"),
    Dialect(("日期",), lambda t: (f"{t.year}/{t.month}",), "深度{:g}m".format, None),
    Dialect(("年份", "月份"), lambda t: (t.year, t.month), "{:g}m".format, "NaN"),
    Dialect(("Year", "Month"), lambda t: (t.year, t.month), float, None),
    Dialect(("年", "月"), lambda t: (t.year, t.month), "深度{:g}m".format, MISSING_CODE),
)


def survey_records(holes: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The survey in memory: what a reader should make of the files of :func:`write_survey`.

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
    records
        site, time, depth_m, temperature_c (NaN where lost or -999), averaging, file, sheet, row,
        year_start, year_end.
    sites
        site, longitude, latitude, elevation_m, setting, file.

    """
    deliveries = _deliveries(holes, seed)
    records = pd.concat([_with_place(d) for d in deliveries], ignore_index=True)
    means = records["averaging"] == "mean"
    records.loc[means, "row"] = np.arange(means.sum()) + 2  # one file for all profiles
    records["file"] = records["file"].astype("category")
    temperature = records["temperature_c"]
    records["temperature_c"] = temperature.mask(temperature == MISSING_CODE)
    sites = _site_table(deliveries).assign(file=[_site_file(d.site) for d in deliveries])
    return records[RECORD_COLUMNS], sites


def write_survey(holes: pd.DataFrame, folder: str | Path, seed: int) -> pd.DataFrame:
    """Write all files of the survey into a folder and return the key of the faults.

    Files: ``ncdc_boreholes.xlsx`` (monthly), ``pipeline_<site>.csv`` (daily), ``gtnp_<site>.csv``
    and ``.txt`` (every tenth day), ``profiles.csv`` (mean of two years), ``sites.csv`` (sites of
    the first two). A kind without sites is not written. See :func:`survey_records` for the input.

    Returns
    -------
    pandas.DataFrame
        site, depth_m, time, fault, as :func:`helpers.virtual.faults.plant` explains them.

    """
    folder = Path(folder)
    deliveries = _deliveries(holes, seed)
    kinds = {kind: [d for d in deliveries if d.site["format"] == kind] for kind in AVERAGING}
    if kinds["workbook"]:
        _write_workbook(kinds["workbook"], folder / WORKBOOK)
    for position, delivery in enumerate(kinds["pipeline"]):
        in_cm = position % 3 == 2 and delivery.site["fault"] != "depth_in_cm"
        _write_csv(_pipeline(delivery, in_cm), folder / _record_file(delivery.site))
    for delivery in kinds["gtnp"]:
        _write_csv(_gtnp(delivery), folder / _record_file(delivery.site))
        _write_text(_gtnp_metadata(delivery.site), folder / _site_file(delivery.site))
    if kinds["profiles"]:
        _write_csv(_profiles(kinds["profiles"]), folder / "profiles.csv")
    if by_code := [d for d in deliveries if _site_file(d.site) == "sites.csv"]:
        _write_csv(_site_table(by_code), folder / "sites.csv")
    return pd.concat([d.key for d in deliveries], ignore_index=True)[KEY_COLUMNS]


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
    return [_deliver(hole, holes, seed) for _, hole in holes.iterrows()]


def _deliver(hole: pd.Series, holes: pd.DataFrame, seed: int) -> Delivery:
    drilled = _repeated_hole(hole, holes) if hole["fault"] == "duplicate" else hole
    rng = np.random.default_rng([seed, zlib.crc32(drilled["site"].encode())])
    records = delivered_string(drilled, hole["format"], rng).assign(site=hole["site"])
    rounding = {"longitude": 5, "latitude": 5, "elevation_m": 1}
    site = pd.Series({**hole, **{k: round(float(hole[k]), n) for k, n in rounding.items()}})
    fault_rng = np.random.default_rng([seed, zlib.crc32(hole["site"].encode()), 1])
    records, site, key = plant(records, site, fault_rng)
    return Delivery(site, records, key)


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


def _record_file(site: pd.Series) -> str:
    shared = {"workbook": WORKBOOK, "profiles": "profiles.csv"}
    return shared.get(site["format"], f"{site['format']}_{site['site']}.csv")


def _site_file(site: pd.Series) -> str:
    own = {"gtnp": f"gtnp_{site['site']}.txt", "profiles": "profiles.csv"}
    return own.get(site["format"], "sites.csv")


def _site_table(deliveries: list[Delivery]) -> pd.DataFrame:
    return pd.DataFrame([d.site[SITE_COLUMNS] for d in deliveries]).reset_index(drop=True)


def _wide(records: pd.DataFrame) -> tuple[pd.DataFrame, list[float]]:
    """Temperatures (times x sensors, as delivered) and depths, of which one may come twice."""
    order = records["sensor"].drop_duplicates()
    table = records.pivot(index="time", columns="sensor", values="temperature_c")[order]
    return table, records.loc[order.index, "depth_m"].to_list()


def _pipeline(delivery: Delivery, in_cm: bool) -> pd.DataFrame:
    """Long table; some operators write the depth in cm and say so in the header."""
    records = delivery.records
    depth = {"depth_cm": records["depth_m"] * 100} if in_cm else {"depth_m": records["depth_m"]}
    time = records["time"].dt.strftime("%Y-%m-%d")
    temperature = records["temperature_c"]
    return pd.DataFrame(
        {"site": records["site"], "time": time, **depth, temperature.name: temperature}
    )


def _gtnp(delivery: Delivery) -> pd.DataFrame:
    table, depths = _wide(delivery.records)
    table.columns = [f"{depth:g}" for depth in depths]
    times = table.index.strftime("%Y-%m-%d %H:%M:%S")
    return table.fillna(MISSING_CODE).set_index(times).rename_axis("Date/Depth").reset_index()


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


def _write_workbook(deliveries: list[Delivery], path: Path) -> None:
    """One sheet per hole, in table order; the sheets take turns in their dialects."""
    workbook = Workbook()
    workbook.remove(workbook.active)
    workbook.properties = DocumentProperties(
        creator="helpers.virtual",
        title="Virtual boreholes",
        description=f"Each sheet is a {NOTE}.",
        created=SAVED,
        modified=SAVED,
    )
    for position, delivery in enumerate(deliveries):
        sheet = workbook.create_sheet(delivery.site["site"])
        for line in _sheet_lines(delivery.records, DIALECTS[position % len(DIALECTS)]):
            sheet.append(line)
    with replacing(path) as unfinished:
        unfinished.write_bytes(_fixed_bytes(workbook))


def _sheet_lines(records: pd.DataFrame, dialect: Dialect) -> list[list[Any]]:
    table, depths = _wide(records)
    cells = table.astype(object).where(table.notna(), dialect.lost)
    lines = [[*dialect.time_headers, *map(dialect.depth_header, depths)]]
    rows = zip(table.index, cells.to_numpy(), strict=True)
    return lines + [[*dialect.time_cells(time), *values] for time, values in rows]


def _fixed_bytes(workbook: Workbook) -> bytes:
    """The xlsx with fixed dates, uncompressed and in canonical XML.

    So neither the clock nor the versions of zlib, lxml or the operating system matter.
    """
    written, fixed = io.BytesIO(), io.BytesIO()
    # Not workbook.save, which puts the time of now over our date.
    ExcelWriter(workbook, zipfile.ZipFile(written, "w")).save()
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(fixed, "w") as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, date_time=SAVED.timetuple()[:6])
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            text = canonicalize(source.read(name).decode())
            target.writestr(entry, '<?xml version="1.0" encoding="UTF-8"?>\n' + text)
    return fixed.getvalue()
