"""A survey written in any of the formats comes back as it was, whatever the order of rows."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from helpers.boreholes.formats import read_boreholes

KEY = ["site", "time", "depth_m", "year_start"]
COLUMNS = [*KEY, "temperature_c", "averaging"]
PLACES = {"A1": (124.5, 51.2), "B2": (120.25, 47.75), "007": (129.0, 45.5)}
STEPS = {"reading": "2h", "day": "D", "month": "MS"}

codes = st.lists(st.sampled_from(sorted(PLACES)), min_size=1, unique=True)
depths = st.lists(
    st.integers(1, 4000).map(lambda cm: cm / 100), min_size=1, max_size=4, unique=True
)
celsius = st.one_of(
    st.integers(-30_000, 30_000).map(lambda t: t / 1000), st.just(-999.0), st.just(np.nan)
)


@st.composite
def surveys(draw, steps=tuple(STEPS)):
    """Records of a few holes: every depth at every time, values with three decimals."""
    tables = []
    for site in draw(codes):
        averaging = draw(st.sampled_from(steps))
        times = pd.date_range("2023-01-01", periods=draw(st.integers(2, 5)), freq=STEPS[averaging])
        grid = pd.MultiIndex.from_product([times, draw(depths)], names=["time", "depth_m"])
        values = draw(st.lists(celsius, min_size=len(grid), max_size=len(grid)))
        table = pd.DataFrame({"temperature_c": values}, index=grid).reset_index()
        tables.append(table.assign(site=site, averaging=averaging, year_start=pd.NA))
    return pd.concat(tables, ignore_index=True)


@st.composite
def profiles(draw):
    """Means over single years of a few holes."""
    rows = [
        (site, year, depth, draw(celsius))
        for site in draw(codes)
        for year in draw(st.lists(st.integers(1980, 2024), min_size=1, max_size=3, unique=True))
        for depth in draw(depths)
    ]
    table = pd.DataFrame(rows, columns=["site", "year_start", "depth_m", "temperature_c"])
    return table.assign(time=pd.NaT, averaging="mean")


def wide(records):
    return records.pivot(index="time", columns="depth_m", values="temperature_c")


def write_workbook(records, folder):
    book = Workbook()
    book.remove(book.active)
    for site, hole in records.groupby("site"):
        table = wide(hole)
        sheet = book.create_sheet(site)
        sheet.append(["日期", *(f"深度{depth}m" for depth in table.columns)])
        for time, values in table.iterrows():
            sheet.append([time.to_pydatetime(), *(None if np.isnan(v) else v for v in values)])
    book.save(folder / "holes.xlsx")


def write_sheet_of_all(records, folder):
    """One table of all holes: a column for the site, a column per depth of any of them."""
    for site, hole in records.groupby("site"):
        table = wide(hole).add_suffix(" m").reset_index().assign(钻孔=site)
        table.to_csv(folder / f"wide_{site}.csv", index=False, encoding="gb18030")


def write_long(records, folder):
    records.to_csv(folder / "long.csv", index=False, columns=[*COLUMNS[:3], "temperature_c"])


def write_long_with_commas(records, folder):
    table = records[["site", "time", "depth_m", "temperature_c"]]
    table = table.set_axis(["孔号", "观测时间", "深度（m）", "地温（℃）"], axis=1)
    table.to_csv(folder / "long.csv", sep=";", decimal=",", index=False, encoding="utf-8-sig")


def write_gtnp_wide(records, folder):
    for site, hole in records.groupby("site"):
        table = wide(hole).rename_axis(index="Date/Depth").fillna(-999)
        table.to_csv(folder / f"{site}.csv", date_format="%Y-%m-%d %H:%M:%S")
        longitude, latitude = PLACES[site]
        lines = f"Site code: {site}\nLongitude: {longitude}\nLatitude: {latitude}\n"
        (folder / f"{site}.txt").write_text(lines, encoding="utf-8")


def write_gtnp_long(records, folder):
    table = pd.DataFrame({"id": range(len(records)), "date": records["time"].to_numpy()})
    table["depth"], table["temperature"] = records[["depth_m", "temperature_c"]].to_numpy().T
    table = table.assign(flag=0, dataset_id=7, borehole_id=records["site"].to_numpy(), site_id=9)
    table.to_csv(folder / "gtnp.csv", index=False)


def write_profiles(records, folder):
    table = records.assign(year_end=records["year_start"]).drop(columns=["time", "averaging"])
    table["lon"], table["lat"] = np.array([PLACES[site] for site in table["site"]]).T
    table.to_csv(folder / "profiles.csv", index=False)


def write_pangaea(records, folder):
    events = []
    for site in records["site"].unique():
        longitude, latitude = PLACES[site]
        first = "" if events else "Event(s):"
        events.append(f"{first}\t{site} * LATITUDE: {latitude} * LONGITUDE: {longitude}")
    table = records[["site", "year_start", "depth_m", "temperature_c"]]
    table = table.set_axis(["Event", "Date/Time", "Depth [m]", "MAGT [°C]"], axis=1)
    head = "\n".join(["/* DATA DESCRIPTION:", *events, "*/", ""])
    (folder / "p.tab").write_text(head + table.to_csv(sep="\t", index=False), encoding="utf-8")


def read(folder):
    sites = pd.DataFrame(PLACES, index=["longitude", "latitude"]).T.rename_axis("site")
    sites.to_csv(folder / "sites.csv")
    files = sorted(path for path in folder.iterdir() if path.suffix in (".csv", ".xlsx", ".tab"))
    return read_boreholes(files, folder / "sites.csv")


def canonical(records):
    table = records[COLUMNS].sort_values(KEY, na_position="first").reset_index(drop=True)
    return table.astype({"site": object, "averaging": object, "year_start": "Int64"})


def assert_comes_back(write, records, missing_code_for_nan=False):
    with tempfile.TemporaryDirectory() as name:
        write(records, Path(name))
        data = read(Path(name))
    expected = canonical(records)
    if missing_code_for_nan:
        expected["temperature_c"] = expected["temperature_c"].fillna(-999)
    pd.testing.assert_frame_equal(canonical(data.records), expected, check_dtype=False)
    places = data.sites.set_index("site").loc[:, ["longitude", "latitude"]]
    for site in records["site"].unique():
        assert tuple(places.loc[site]) == PLACES[site]


FEW = settings(max_examples=10, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize(
    "write",
    [write_workbook, write_sheet_of_all, write_long, write_long_with_commas, write_gtnp_long],
)
@given(records=surveys(), seed=st.integers(0, 99))
@FEW
def test_a_survey_comes_back_in_any_order_of_rows(write, records, seed):
    assert_comes_back(write, records.sample(frac=1, random_state=seed))


@given(records=surveys())
@FEW
def test_a_gtnp_survey_comes_back_with_its_code_for_missing(records):
    assert_comes_back(write_gtnp_wide, records, missing_code_for_nan=True)


@pytest.mark.parametrize("write", [write_profiles, write_pangaea])
@given(records=profiles(), seed=st.integers(0, 99))
@FEW
def test_means_over_years_come_back_in_any_order_of_rows(write, records, seed):
    assert_comes_back(write, records.sample(frac=1, random_state=seed))


@given(records=surveys(), seed=st.integers(0, 99))
@FEW
def test_the_order_of_files_does_not_matter(records, seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_gtnp_wide(records, folder)
        files = sorted(folder.glob("*.csv"))
        shuffled = [files[i] for i in np.random.default_rng(seed).permutation(len(files))]
        one, other = read_boreholes(files), read_boreholes(shuffled)
    pd.testing.assert_frame_equal(canonical(one.records), canonical(other.records))
    by_site = [data.sites.sort_values("site", ignore_index=True) for data in (one, other)]
    pd.testing.assert_frame_equal(*by_site)
