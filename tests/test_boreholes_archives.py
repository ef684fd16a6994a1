"""Files of the two archives of the field: GTN-P since 2026, and PANGAEA."""

from pathlib import Path

import pandas as pd
import pytest

from helpers.boreholes import read_boreholes

SITES = "site,longitude,latitude,elevation_m,setting\nA1,124.5,51.2,610,natural\n"
METADATA = "Borehole ID: A1\nLongitude: 124.5\nLatitude: 51.2\nElevation (m): 610\n"
GTNP_LONG = (
    "id,date,depth,temperature,flag,dataset_id,borehole_id,site_id\n"
    "1,2023-01-01 00:00:00,0.5,-8.25,0,7,A1,99\n2,2023-01-01 02:00:00,0.5,-8.5,bad,7,A1,99\n"
)
PANGAEA = """/* DATA DESCRIPTION:
Citation:\tSomebody (2024)
Event(s):\tA1 (Mohe) * LATITUDE: 51.200000 * LONGITUDE: 124.500000 * ELEVATION: 610.0 m
\tB2 * LATITUDE: 52.000000 * LONGITUDE: 125.000000
*/
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def values(data):
    return data.records[["site", "depth_m", "temperature_c"]].to_numpy().tolist()


@pytest.mark.parametrize("beside", ["g.txt", "g_metadata.csv", "sites.csv"])
def test_gtnp_of_2026_takes_places_by_borehole_id_and_keeps_flagged_values(tmp_path, beside):
    path = write(tmp_path / "g.csv", GTNP_LONG)
    other = write(tmp_path / beside, METADATA if beside == "g.txt" else SITES)
    files = [path, other] if beside == "g_metadata.csv" else [path]
    data = read_boreholes(files, other if beside == "sites.csv" else None)
    assert data.formats == {"g.csv": "GTN-P long csv"}
    assert values(data) == [["A1", 0.5, -8.25], ["A1", 0.5, -8.5]]
    assert data.sites["latitude"].tolist() == [51.2]


@pytest.mark.parametrize(
    "table",
    [
        "Event\tDate/Time\tDepth [m]\tMAGT [°C]\nA1\t2010\t10\t-1.5\nA1\t2011\t10\t-1.25\n",
        "Event\tYear\tMAGT 10 m [°C]\tMAGT 15 m [°C]\nA1\t2010\t-1.5\t\nA1\t2011\t-1.25\t\n",
        "Event\tLatitude\tLongitude\tDate/Time\tMAGT [°C] (10 m depth)\n"
        "A1\t51.2\t124.5\t2010-07-01\t-1.5\nA1\t51.2\t124.5\t2011-07-01\t-1.25\n",
    ],
)
def test_pangaea_gives_means_of_years_and_places_from_table_or_description(tmp_path, table):
    data = read_boreholes(write(tmp_path / "p.tab", PANGAEA + table))
    assert data.formats == {"p.tab": "PANGAEA table"}
    records = data.records.dropna(subset="temperature_c")
    assert records[["depth_m", "temperature_c"]].to_numpy().tolist() == [[10, -1.5], [10, -1.25]]
    assert records["averaging"].eq("mean").all()
    assert records["year_start"].tolist() == records["year_end"].tolist() == [2010, 2011]
    assert records["row"].tolist() == [7, 8]
    assert data.sites.set_index("site").loc["A1", ["longitude", "latitude"]].tolist() == [
        124.5,
        51.2,
    ]


def test_pangaea_readings_of_the_only_event_keep_their_times(tmp_path):
    one = PANGAEA.replace("\tB2 * LATITUDE: 52.000000 * LONGITUDE: 125.000000\n", "")
    table = "Date/Time\tDepth soil [m]\tT soil [°C]\n2010-07-01T12:00\t0.5\t3\n"
    data = read_boreholes(write(tmp_path / "p.tab", one + table))
    assert data.records["time"].tolist() == [pd.Timestamp("2010-07-01 12:00")]
    assert data.sites.iloc[0, :4].tolist() == ["A1", 124.5, 51.2, 610]


def test_gtnp_takes_code_and_place_from_the_text_beside_it(tmp_path):
    text = "Date/Depth,0.5,10\n2023-01-01 00:00:00,-8.25,-999\n2023-01-11 00:00:00,-9,-1.5\n"
    path = write(tmp_path / "g.csv", text)
    write(tmp_path / "g.txt", METADATA.replace("Borehole ID", "Site code") + "Setting: natural\n")
    data = read_boreholes([path])
    assert data.formats == {"g.csv": "GTN-P wide csv"}
    assert data.records["temperature_c"].tolist() == [-8.25, -999, -9, -1.5]  # for the checks
    assert data.records["averaging"].eq("reading").all()
    assert data.sites.iloc[0].tolist() == ["A1", 124.5, 51.2, 610, "natural", "g.txt", 1]
