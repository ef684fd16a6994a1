"""Reading borehole files: seven formats, one table, and errors that say where to look."""

import re
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook

from helpers.boreholes import read_boreholes
from helpers.boreholes.formats import iterate_boreholes
from helpers.boreholes.headers import depth_of
from helpers.storage import ContractError

DEPTHS = (0.5, 10.0)
VALUES = [[-8.25, -1.5], [-9.0, None]]
SITES = "site,longitude,latitude,elevation_m,setting\nA1,124.5,51.2,610,natural\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


def workbook(path: Path, rows: list, sheet: str = "A1") -> Path:
    book = Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def read_one(tmp_path: Path, text: str):
    return read_boreholes(write(tmp_path / "x.csv", text), write(tmp_path / "sites.csv", SITES))


@pytest.mark.parametrize(
    ("times", "headers"),
    [
        ([["Date"], ["2023-01"], ["2023-02"]], ["0.5m", "10m"]),
        ([["日期"], ["2023/1"], ["2023/2"]], ["深度0.5m", "深度10m"]),
        ([["date"], ["2023年1月"], ["2023年2月"]], ["0.5 m", "10 m"]),
        ([["Date"], [date(2023, 1, 1)], [datetime(2023, 2, 1)]], [0.5, 10.0]),
        ([["Year", "Month"], [2023, 1], [2023, 2]], ["50cm", "1000 cm"]),
        ([["年份", "月份"], ["2023", "1"], ["2023", "2"]], ["0.5", "10"]),
    ],
)
def test_every_dialect_of_a_monthly_workbook_reads_the_same(tmp_path, times, headers):
    cells = [headers, VALUES[0], [VALUES[1][0], "NaN"]]
    path = workbook(tmp_path / "w.xlsx", [[*t, *c] for t, c in zip(times, cells, strict=True)])
    data = read_boreholes(path, write(tmp_path / "sites.csv", SITES))
    records = data.records
    assert data.formats == {"w.xlsx": "wide workbook"}
    assert records["site"].eq("A1").all()
    assert records["averaging"].eq("month").all()
    assert records["depth_m"].tolist() == [0.5, 10, 0.5, 10]
    assert records["time"].dt.month.tolist() == [1, 1, 2, 2]
    np.testing.assert_array_equal(records["temperature_c"], [-8.25, -1.5, -9.0, np.nan])
    assert records["row"].tolist() == [2, 2, 3, 3]
    assert data.sites.loc[0, ["longitude", "elevation_m"]].tolist() == [124.5, 610]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(("depth", "factor"), [("depth_m", 1), ("depth_cm", 100)])
def test_a_long_table_reads_in_metres_or_centimetres_with_or_without_mark(
    tmp_path, encoding, depth, factor
):
    days = pd.date_range("2023-01-01", periods=3)
    rows = [f"A1,{day:%Y-%m-%d},{0.5 * factor:g},{-i}" for i, day in enumerate(days)]
    text = "\n".join([f"site,time,{depth},temperature_c", *rows])
    path = write(tmp_path / "any_name.csv", text, encoding)
    data = read_boreholes(path, write(tmp_path / "sites.csv", SITES))
    assert data.formats == {"any_name.csv": "long table"}
    assert data.records["depth_m"].tolist() == [0.5] * 3
    assert data.records["averaging"].eq("day").all()
    assert data.records["time"].tolist() == list(days)


def test_profile_columns_are_mapped_and_a_namesake_is_not_mistaken(tmp_path):
    text = (
        "borehole,site,longitude,latitude,depth_m,temperature_c,year_min\n"
        "007,Chara,118.2,56.9,10,-5.25,2011\n\n007,Chara,118.2,56.9,20,-5,2011\n"
    )
    columns = {"site": "borehole", "year_start": "year_min"}
    data = read_boreholes(write(tmp_path / "p.csv", text), columns=columns)
    assert data.formats == {"p.csv": "profile table"}
    assert data.records["site"].eq("007").all()
    assert data.records["row"].tolist() == [2, 4]
    assert data.records["year_start"].tolist() == [2011, 2011]
    assert data.records["time"].isna().all()
    assert data.sites["setting"].tolist() == ["not stated"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", r"unknown format. Headers found: a, b. Expected one of: .*Date/Depth"),
        (
            "site,longitude,latitude,dept_m,temperature_c\nA1,124.5,51.2,1,2\n",
            r"column 'depth_m' of a profile table is missing. Did you mean 'dept_m'",
        ),
        (
            "site,time,depth_m,temperature_c\nA1,2023-01-01,1,2\n\nA1,2023-01-02,1,warm\n",
            r"x\.csv: column 'temperature_c': row 4 holds 'warm'",
        ),
        ("Date,0.5m\n2023-01-01,1.5\n2023-01-02,1;5\n", r"column '0.5m': row 3 holds '1;5'"),
        ("Date,0.5m\n2023-13,1.5\n", r"row 2 holds '2023-13', which cannot be read"),
        ("Year,Month,1m\n2023,13,1.5\n", r"'Year and Month': row 2 holds '2023-13'"),
    ],
)
def test_an_error_says_what_was_found_and_where(tmp_path, text, message):
    with pytest.raises(ContractError, match=message):
        read_one(tmp_path, text)


def test_a_missing_file_and_no_file_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.csv not found"):
        read_boreholes(tmp_path / "no.csv")
    with pytest.raises(ContractError, match="No borehole file was given"):
        read_boreholes([])


LONG = "site,time,depth_m,temperature_c\nA1,2023-01-01,1,-2\n"


def values(data):
    return data.records[["site", "depth_m", "temperature_c"]].to_numpy().tolist()


@pytest.mark.parametrize(
    ("header", "factor"),
    [
        ("钻孔,观测时间,深度(m),地温(℃)", 1),
        ("孔号,日期,深度/m,温度/℃", 1),
        ("Borehole ID,Date,Depth [cm],Temperature [°C]", 100),
        ("SITE,Time,深度（厘米）,Ground temperature", 100),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_headers_in_two_languages_and_four_encodings_read_the_same(
    tmp_path, header, factor, encoding
):
    text = f"{header}\nA1,2023/1/5 14:00,{5 * factor},-1.5\nA1,2023/1/5 16:00,{5 * factor},-999\n"
    path = write(tmp_path / "x.csv", text, encoding)
    data = read_boreholes(path, write(tmp_path / "sites.csv", SITES))
    assert data.formats == {"x.csv": "long table"}
    assert values(data) == [["A1", 5, -1.5], ["A1", 5, -999]]
    assert data.records.index.tolist() == [0, 1]
    assert data.records["time"].dt.hour.tolist() == [14, 16]
    assert data.records["averaging"].eq("reading").all()


@pytest.mark.parametrize(("unit", "value"), [("K", 271.65), ("°F", 29.3), ("℃", -1.5)])
def test_a_unit_in_the_header_counts_and_missing_codes_stay(tmp_path, unit, value):
    text = f"site,time,depth_m,温度({unit})\nA1,2023-01-01,1,{value}\nA1,2023-01-02,1,-999\n"
    np.testing.assert_allclose(read_one(tmp_path, text).records["temperature_c"], [-1.5, -999])


@pytest.mark.parametrize("separator", [";", "\t"])
def test_the_comma_is_the_decimal_sign_only_where_it_does_not_separate(tmp_path, separator):
    rows = [["site", "time", "depth_m", "temperature_c"], ["A1", "2023-01-01", "0,5", "-1,25"]]
    text = "\n".join(separator.join(row) for row in rows)
    assert values(read_one(tmp_path, text)) == [["A1", 0.5, -1.25]]
    wide = (
        separator.join(["Date", "0,5 m", "1,5 m"]) + "\n" + separator.join(["2023-01", "-1", "2,5"])
    )
    path = write(tmp_path / "A1.csv", wide)
    found = read_boreholes(path, write(tmp_path / "sites.csv", SITES))
    assert values(found) == [["A1", 0.5, -1], ["A1", 1.5, 2.5]]


def test_excel_day_numbers_are_dates_only_under_a_header_that_says_so(tmp_path):
    path = workbook(tmp_path / "w.xlsx", [["Date", "1m"], [44931.25, -1], [44932, -2]])
    records = read_boreholes(path, write(tmp_path / "sites.csv", SITES)).records
    assert records["time"].tolist() == [
        pd.Timestamp("2023-01-05 06:00"),
        pd.Timestamp("2023-01-06"),
    ]
    workbook(path, [["Time", "1m"], [44931, -1]])
    with pytest.raises(ContractError, match="row 2 holds '44931', which cannot be read as a date"):
        read_boreholes(path, tmp_path / "sites.csv")


def test_one_sheet_may_hold_many_holes_and_another_sheet_their_places(tmp_path):
    book = Workbook()
    book.active.title = "地温"
    header = ["孔号", "年", "月", "深度0.5m", "10m"]
    cells = [["A1", 2023, 1, -8, -1], ["B2", 2023, 1, -7, "--"], ["A1", 2023, 2, -9, -1]]
    for row in (["Northeast China"], header, *cells):
        book.active.append(row)
    book.create_sheet("站点")
    for row in (
        ["站点", "经度", "纬度", "高程(m)"],
        ["A1", 124.5, 51.2, 610],
        ["B2", 125, 52, 300],
    ):
        book["站点"].append(row)
    book.create_sheet("说明").append(["made by hand"])
    book.save(tmp_path / "w.xlsx")
    data = read_boreholes(tmp_path / "w.xlsx")
    assert data.formats == {
        "w.xlsx": "wide workbook, site table",
        "w.xlsx: sheet '说明'": "skipped: a note",
    }
    np.testing.assert_array_equal(data.records["temperature_c"], [-8, -1, -7, np.nan, -9, -1])
    assert data.records["row"].tolist() == [3, 3, 4, 4, 5, 5]
    assert data.records.groupby("site")["averaging"].first().tolist() == ["month", "reading"]
    assert data.sites["elevation_m"].tolist() == [610, 300]


def test_readings_with_coordinates_are_a_long_table_not_a_profile(tmp_path):
    text = "site,lon,lat,time,depth,temperature\nA1,124.5,51.2,2023-01-01,1,-2\n"
    data = read_boreholes(write(tmp_path / "x.csv", text))
    assert data.formats == {"x.csv": "long table"}
    assert data.records["time"].tolist() == [pd.Timestamp("2023-01-01")]
    assert data.sites["longitude"].tolist() == [124.5]


def test_the_user_may_tell_the_format(tmp_path):
    path = write(tmp_path / "p.csv", "site,year,depth,temperature\nA1,2010,10,-1\n")
    sites = write(tmp_path / "sites.csv", SITES)
    data = read_boreholes(path, sites, formats={"p*.csv": "profile table"})
    assert data.formats == {"p.csv": "profile table"}
    assert data.records["averaging"].tolist() == ["mean"]
    assert data.records["year_end"].tolist() == [2010]


def test_files_come_one_by_one_and_each_only_when_asked_for(tmp_path):
    sites = write(tmp_path / "sites.csv", SITES)
    good = write(tmp_path / "A1.csv", "Date,1m,2m\n2023-01-01,-1,-2\n")
    bad = write(tmp_path / "b.csv", LONG.replace("A1", "B7"))
    parts = iterate_boreholes([good, bad], sites)
    table, part = next(parts), next(parts)
    assert (len(table.records), table.formats) == (0, {"sites.csv": "site table"})
    assert (part.records["site"].tolist(), part.sites["site"].tolist()) == (["A1"] * 2, ["A1"])
    assert part.records.index.is_unique
    with pytest.raises(ContractError, match=r"No coordinates for site 'B7' \(b\.csv\)"):
        next(parts)


WIDE = "Date,RECORD,Batt_V,1m,Air temperature,2m,备注,Remarks\n2023-01-01,1,12.5,-1,-20,-2,好,a\n"


def test_columns_of_a_wide_table_without_a_digit_are_ignored_and_named(tmp_path):
    path = write(tmp_path / "A1.csv", WIDE)
    data = read_boreholes(path, write(tmp_path / "sites.csv", SITES))
    assert values(data) == [["A1", 1, -1], ["A1", 2, -2]]
    ignored = ["RECORD", "Batt_V", "Air temperature", "备注", "Remarks"]
    assert data.formats == {
        "A1.csv": "wide workbook",
        **{f"A1.csv: column '{name}'": "ignored: no depth" for name in ignored},
    }
    book = workbook(tmp_path / "w.xlsx", [["Date", "1m", "备注"], ["2023-01", -1, "好"]])
    found = read_boreholes(book, tmp_path / "sites.csv").formats
    assert found["w.xlsx: sheet 'A1': column '备注'"] == "ignored: no depth"


@pytest.mark.parametrize("header", ["T_5", "CH3", "Temp 2 [°C]", "温度5", "Batt_2", ""])
def test_a_column_whose_number_may_be_that_of_a_sensor_is_no_depth(tmp_path, header):
    message = rf"column '{re.escape(header)}' is no depth\. Name it like 0\.5m.*rename it to 5m"
    with pytest.raises(ContractError, match=message):
        read_one(tmp_path, WIDE.replace("Batt_V", header))
    with pytest.raises(ContractError, match=r"unknown format.*rename T_5 to 5m"):
        read_one(tmp_path, "Date,T_5,T_10\n2023-01-01,1,2\n")


@pytest.mark.parametrize(
    "header", ["T_5m", "Temp 5 m", "5", "深度5", "5.0", "T_5.0", "MAGT 5 [°C]"]
)
def test_a_number_with_its_unit_or_alone_is_a_depth(header):
    assert depth_of(header) == 5


@pytest.mark.parametrize("sign", ["°C", "°F"])
def test_a_degree_sign_of_cp1252_is_not_taken_for_chinese(tmp_path, sign):
    text = f"site,time,depth_m,Temperature ({sign}),Opérateur\nA1,2023-01-01,1,14,Zoé\n"
    sites = write(tmp_path / "sites.csv", SITES)
    for written in (text, text.replace("é", "e")):
        data = read_boreholes(write(tmp_path / "x.csv", written, "cp1252"), sites)
        assert values(data) == [["A1", 1, 14 if sign == "°C" else -10]]


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("01/02/2023", "cannot be told.*2023-02-01 if the day is first, 2023-01-02 if the month"),
        ("1.2.23 14:00", "cannot be told.*2023-02-01 if the day is first, 2023-01-02 if the month"),
        ("25/02/2023", r"a date\. Write year-month-day: 2023-02-25 if the day is first\.$"),
        ("45/45/2023", r"a date\. Write year-month-day, such as 2023-07-01"),
    ],
)
def test_a_date_that_begins_with_day_or_month_is_shown_as_it_should_be(tmp_path, written, remedy):
    with pytest.raises(ContractError, match=rf"row 2 holds '{written}', which .*{remedy}"):
        read_one(tmp_path, LONG.replace("2023-01-01", written))
