"""Where sites lie, in any writing, and the contracts of the two tables that reading gives."""

from pathlib import Path

import numpy as np
import pandera.pandas as pa
import pytest
from openpyxl import Workbook
from pyproj import Transformer

from helpers.boreholes import read_boreholes
from helpers.boreholes.contracts import records_schema, require_records, sites_schema
from helpers.storage import ContractError

LONG = "site,time,depth_m,temperature_c\nA1,2023-01-01,1,-2\n"
SITES = "site,longitude,latitude\nA1,124.5,51.2\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def workbook(path: Path, rows: list) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("longitude", "latitude"),
    [
        ("""121°30'15"E""", """52°58'12.6"N"""),
        ("121°30′15″", "52°58.21′"),
        ("121 30 15 E", "N52°58.21'"),
        ("121度30分15秒", "北纬52度58分12.6秒"),
        ("东经121:30:15", "52:58:12.6"),
        ("121.504166667", "52.970166667"),
    ],
)
def test_degrees_minutes_and_seconds_in_any_writing(tmp_path, longitude, latitude):
    sites = workbook(tmp_path / "s.xlsx", [["site", "经度", "纬度"], ["A1", longitude, latitude]])
    row = read_boreholes(write(tmp_path / "x.csv", LONG), sites).sites.iloc[0]
    assert row["longitude"] == pytest.approx(121 + 30 / 60 + 15 / 3600)
    assert row["latitude"] == pytest.approx(52 + 58 / 60 + 12.6 / 3600)


def test_west_and_south_are_negative(tmp_path):
    sites = workbook(tmp_path / "s.xlsx", [["site", "lon", "lat"], ["A1", "70°30'W", "-10 15"]])
    row = read_boreholes(write(tmp_path / "x.csv", LONG), sites).sites.iloc[0]
    assert row[["longitude", "latitude"]].tolist() == [-70.5, -10.25]


def test_projected_coordinates_come_back_where_they_were(tmp_path):
    crs = "EPSG:32651"
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(124.5, 51.2)
    sites = write(tmp_path / "s.csv", f"site,东坐标,北坐标\nA1,{x},{y}\n")
    data = read_boreholes(write(tmp_path / "x.csv", LONG), sites, sites_crs=crs)
    np.testing.assert_allclose(data.sites[["longitude", "latitude"]], [[124.5, 51.2]], atol=1e-9)


def test_the_advice_for_exchanged_eastings_can_be_followed(tmp_path):
    crs = "EPSG:4525"  # Gauss-Kruger with the number of the zone in front: exchanged is impossible
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(111.5, 51.2)
    sites = write(tmp_path / "s.csv", f"site,x,y\nA1,{y},{x}\n")
    path = write(tmp_path / "x.csv", LONG)
    with pytest.raises(ContractError, match=r'columns = \{x = "y", y = "x"\}'):
        read_boreholes(path, sites, sites_crs=crs)
    data = read_boreholes(path, sites, columns={"x": "y", "y": "x"}, sites_crs=crs)
    np.testing.assert_allclose(data.sites[["longitude", "latitude"]], [[111.5, 51.2]], atol=1e-9)


@pytest.mark.parametrize(
    ("longitude", "crs"),
    [(117.1, "EPSG:32651"), (128.9, "EPSG:32651"), (-176.0, "ESRI:102025"), (10, "EPSG:3857")],
)
def test_places_near_or_in_the_area_of_use_are_read(tmp_path, longitude, crs):
    """Zones are used up to 3 degrees beyond their edges; areas may lie across 180 degrees."""
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(longitude, 51.2)
    sites = write(tmp_path / "s.csv", f"site,x,y\nA1,{x},{y}\n")
    data = read_boreholes(write(tmp_path / "x.csv", LONG), sites, sites_crs=crs)
    assert data.sites["longitude"].tolist() == pytest.approx([longitude])


def test_exchanged_coordinates_are_left_to_the_checks(tmp_path):
    sites = write(tmp_path / "s.csv", "site,longitude,latitude\nA1,51.2,124.5\n")
    data = read_boreholes(write(tmp_path / "x.csv", LONG), sites)
    assert data.sites["latitude"].tolist() == [124.5]


def test_one_hole_in_two_files_is_one_site_completed_from_both(tmp_path):
    profile = "site,lon,lat,elevation,depth,temperature\nA1,124.5,{},{},10,-1\n"
    one = write(tmp_path / "a.csv", profile.format(51.2, ""))
    two = write(tmp_path / "b.csv", profile.format(51.2000005, 610))
    data = read_boreholes([one, two])
    assert data.sites[["latitude", "elevation_m", "file"]].to_numpy().tolist() == [
        [51.2, 610, "a.csv"]
    ]
    write(two, profile.format(51.21, 610))
    with pytest.raises(ContractError, match=r"b\.csv: row 2: site 'A1' has latitude 51\.21, but a"):
        read_boreholes([one, two])


def test_both_tables_fulfil_their_contract_and_a_broken_one_is_named(tmp_path):
    sites = write(tmp_path / "s.csv", "site,longitude,latitude\nA1,124.5,51.2\n")
    data = read_boreholes(write(tmp_path / "x.csv", LONG), sites)
    records_schema().validate(data.records)
    sites_schema().validate(data.sites)
    wrong = data.records.assign(averaging="week")
    with pytest.raises(
        ContractError, match=r"x\.csv: row 2: .*'averaging' is week.*one of reading"
    ):
        require_records(wrong)
    with pytest.raises(ContractError, match="column 'depth_m': found object, expected dtype"):
        require_records(data.records.astype({"depth_m": object}))
    with pytest.raises(pa.errors.SchemaError):
        sites_schema().validate(data.sites.assign(latitude=91.0))


@pytest.mark.parametrize(
    ("code", "known"), [("孔1", "孔-1"), ("BH 1", "bh-1"), ("ＢＨ_１", "bh-1")]
)
def test_a_code_that_is_only_written_otherwise_is_suggested(tmp_path, code, known):
    sites = write(tmp_path / "sites.csv", SITES.replace("A1", known))
    path = write(tmp_path / "x.csv", LONG.replace("A1", code))
    message = rf"site '{code}' \(x\.csv\)\. Did you mean '{known}' for '{code}'\? If so"
    with pytest.raises(ContractError, match=message):
        read_boreholes(path, sites)
    with pytest.raises(ContractError, match=r"'A11' \(x\.csv\)\. Add a row"):
        read_boreholes(write(path, LONG.replace("A1", "A11")), write(sites, SITES))


def test_the_table_that_lacks_a_site_is_named(tmp_path):
    long = write(tmp_path / "x.csv", "site,time,depth_m,temperature_c\nB7,2023-01-01,1,-2\n")
    sites = write(tmp_path / "sites.csv", SITES)
    with pytest.raises(
        ContractError, match=r"'B7' \(x\.csv\)\. Add a row for each to .*sites\.csv"
    ):
        read_boreholes(long, sites)


def test_a_site_table_among_the_borehole_files_is_not_taken_for_one(tmp_path):
    sites = write(tmp_path / "sites.csv", SITES)
    long = write(tmp_path / "x.csv", "site,time,depth_m,temperature_c\nA1,2023-01-01,1,-2\n")
    assert list(read_boreholes([sites, long], sites).formats) == ["x.csv"]


DEGREES = r"boreholes\.sites_crs in study\.toml is a CRS of degrees; set it to the projected CRS"


@pytest.mark.parametrize(
    ("crs", "x", "y", "message"),
    [
        ("EPSG:4490", 400000, 5670000, DEGREES),
        ("+proj=longlat +datum=WGS84", 400000, 5670000, DEGREES),
        ("EPSG:32651", 5672000, 395000, r'Exchanged.* = \{x = "北坐标", y = "东坐标"\}'),
        ("EPSG:4490", 51.2, 124.5, r'Exchanged.* = \{x = "北坐标", y = "东坐标"\}'),
        (
            *("EPSG:32651", 1100000, 5672000),
            r"longitude 131\.5., latitude 50.*use \(west 120, east 126.*sites_crs .*another zone",
        ),
        ("EPSG:32651", 51395000, 5672000, r"latitude inf .*eastings begin with its number"),
    ],
)
def test_coordinates_that_do_not_fit_their_crs_are_refused(tmp_path, crs, x, y, message):
    sites = write(tmp_path / "s.csv", f"site,东坐标,北坐标\nA1,{x},{y}\n")
    with pytest.raises(ContractError, match=rf"s\.csv: row 2: x {x}, y {y} gives .*{message}"):
        read_boreholes(write(tmp_path / "x.csv", LONG), sites, sites_crs=crs)
