"""What looks odd and is in order: it is read as it is, within bounds of memory and time."""

import re
from zipfile import ZipFile

import pytest
from bad_input.good_study import edit, run_to_sites, write_good_study
from bad_input.rows_boreholes import GOOD, KEY, LONG, PANGAEA, SITES
from bad_input.rows_workbooks import SHEET, TABLE, edit_part, write_book

from helpers.boreholes import read_boreholes
from helpers.storage import ContractError


@pytest.fixture
def read(tmp_path):
    """Read one file, a text or a workbook's path, with the place of its hole beside it."""

    def read(name, text=None):
        (tmp_path / "sites.csv").write_text(SITES)
        if text is not None:
            (tmp_path / name).write_bytes(text.encode())
        return read_boreholes(tmp_path / name, tmp_path / "sites.csv").records

    return read


@pytest.mark.parametrize("name", ["two words.csv", "漠河 地温（一）.csv", "n" * 251 + ".csv"])
def test_a_file_may_have_any_name(read, name):
    assert read(name, GOOD)["file"].tolist() == [name]


def test_a_leap_day_and_ends_of_lines_of_any_kind_are_read(read):
    for end in ("\n", "\r\n", "\r"):
        records = read(
            "x.csv", (LONG + "A1,2024-02-29,1,-2\nA1,2024-03-01,1,-3\n").replace("\n", end)
        )
        assert records["time"].dt.day.tolist() == [29, 1]
        assert records["row"].tolist() == [2, 3]


def test_times_that_all_have_a_zone_become_utc(read):
    rows = "A1,2023-01-01T08:00+08:00,1,-2\nA1,2023-01-01T09:00+08:00,1,-2\n"
    assert read("x.csv", LONG + rows)["time"].dt.hour.tolist() == [0, 1]


@pytest.mark.parametrize("claimed", ["A1", "A1:XFD1048576", "B2:B2"])
def test_the_size_a_sheet_claims_is_not_believed(tmp_path, read, claimed):
    """A size too small would lose cells, and one too large takes hours."""
    path = tmp_path / "w.xlsx"
    write_book(path, {"A1": TABLE})
    edit_part(path, SHEET, rb'<dimension ref="[^"]*"', f'<dimension ref="{claimed}"'.encode())
    assert read("w.xlsx")["temperature_c"].tolist() == [-1, -2]


def test_empty_cells_far_out_are_no_columns(tmp_path, read):
    path = tmp_path / "w.xlsx"
    write_book(path, {"A1": TABLE})
    far = b'<row r="9000"><c r="XFD9000"/></row></sheetData>'
    edit_part(path, SHEET, b"</sheetData>", far)
    assert read("w.xlsx")["temperature_c"].tolist() == [-1, -2]


def test_a_part_that_unpacks_to_more_than_it_says_is_not_read(tmp_path, read):
    path = tmp_path / "w.xlsx"
    write_book(path, {"A1": TABLE})
    with ZipFile(path, "a") as parts:
        parts.writestr("xl/more.xml", bytes(10**6))
        parts.getinfo("xl/more.xml").file_size = 10
    with pytest.raises(ContractError, match=r"w\.xlsx: not a readable .*save it again"):
        read("w.xlsx")


def test_a_long_description_of_pangaea_takes_no_longer_than_its_length(read):
    """Its events were once looked for in a time that grew with the square: half a minute here."""
    text = PANGAEA.replace("*/", ("abc (def " * 20 + "\n") * 3000 + "\tA1 * LATITUDE: 51.2\n*/")
    with pytest.raises(ContractError, match=r"row 3003: the event has no LATITUDE and LONGITUDE"):
        read("x.tab", text + "Year\tMAGT 8 m [°C]\n2010\t-1\n")


def test_a_link_to_a_file_of_the_study_is_that_file(tmp_path):
    folder = write_good_study(tmp_path)
    run_to_sites(folder)
    before = (folder / "interim" / "boreholes.csv").read_bytes()
    (folder / "boreholes" / "again.csv").symlink_to("holes.csv")
    run_to_sites(folder)
    assert (folder / "interim" / "boreholes.csv").read_bytes() == before


def test_the_overrides_may_lie_among_the_borehole_files(tmp_path):
    folder = write_good_study(tmp_path)
    rows = "site,depth_m,start,end,check,decision,reason\nH00,,,,,drop,broken\n"
    (folder / "boreholes" / "overrides.csv").write_text(rows)
    edit(folder, (KEY, f'overrides = "boreholes/overrides.csv"\n{KEY}'))
    run_to_sites(folder)
    table = (folder / "interim" / "boreholes.csv").read_text()
    assert re.search(r"H00,.*refused.*override: drop by overrides\.csv, row 2: broken", table)
