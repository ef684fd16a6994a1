"""MODIS land-surface temperature from a catalogue and a store on this machine."""

import json
import threading
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from affine import Affine
from rasterio.io import MemoryFile

from helpers.climate import degree_days, frost_number
from helpers.opendata import modis, modis_lst, transfer
from helpers.opendata.download import fetch_all
from helpers.opendata.modis_tiles import (
    ASSETS,
    SENSORS,
    SINUSOIDAL,
    TILE_M,
    composite_lengths,
    composite_of,
    composite_starts,
    tile_box,
)
from helpers.opendata.product import OF_A_WINTER, layer_geobox
from helpers.settings import OpenLayer
from helpers.storage import ContractError
from helpers.study import load_study

PROJECT = Path(__file__).resolve().parents[2]
YEARS = range(2023, 2025)
TILES = ("h25v03", "h25v04")
N = 24  # cells of a test tile on each side
MEAN = {"h25v03": -5.0, "h25v04": -3.0}
AMPLITUDE = 20.0
OFF = {("MOD", "Day"): 8, ("MOD", "Night"): -7, ("MYD", "Day"): 10, ("MYD", "Night"): -11}
N_CLOUDS = 4  # patterns of clouds, taken in turn at random
GRID = SINUSOIDAL.to_wkt()
GEOJSON = "application/geo+json"
WHOLE_DOMAIN = [100.0, 30.0, 150.0, 70.0]  # looser than any tile, as boxes of tilted tiles are


class Catalogue(ThreadingHTTPServer):
    """A STAC API with pages."""

    daemon_threads = True

    def __init__(self, items=(), page=150):
        super().__init__(("127.0.0.1", 0), _Api)
        self.items, self.page, self.searches, self.broken = list(items), page, [], []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class _Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self._send(self._landing())

    def do_POST(self):
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.broken:
            return self._send({"busy": True}, self.server.broken.pop(0))
        self.server.searches.append(query)
        first, items = query.get("token", 0), self._found(query)
        page = items[first : first + self.server.page]
        body = {"type": "FeatureCollection", "features": page, "links": []}
        if first + len(page) < len(items):
            rest = {**query, "token": first + len(page)}
            body["links"] = [{"rel": "next", "method": "POST", "href": self._url, "body": rest}]
        self._send(body)

    @property
    def _url(self):
        return f"{self.server.url}/search"

    def _found(self, query):
        first, last = (day[:10] for day in query["datetime"].split("/"))
        west, south, east, north = query["bbox"]
        return [
            item
            for item in self.server.items
            if item["collection"] in query["collections"]
            and item["properties"]["end_datetime"][:10] >= first
            and item["properties"]["start_datetime"][:10] <= last
            and (item["bbox"][0] <= east and item["bbox"][2] >= west)
            and (item["bbox"][1] <= north and item["bbox"][3] >= south)
        ]

    def _landing(self):
        core = "https://api.stacspec.org/v1.0.0"
        return {
            "type": "Catalog",
            "id": "test",
            "description": "catalogue of a test",
            "stac_version": "1.0.0",
            "conformsTo": [f"{core}/core", f"{core}/item-search"],
            "links": [
                {"rel": "self", "href": self.server.url},
                {"rel": "root", "href": self.server.url},
                {"rel": "search", "href": self._url, "method": "POST", "type": GEOJSON},
            ],
        }

    def _send(self, body, status=200):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", GEOJSON)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def item(sensor, start, tile, produced="2024365010101", files="http://127.0.0.1:9/files"):
    """An item as the catalogue has them: no platform, a CRS that is none, loose box."""
    name = f"{sensor}11A2.A{start:%Y%j}.{tile}.061.{produced}"
    hrefs = {asset: {"href": f"{files}/{name}_{asset}.tif"} for asset in (*ASSETS, "Emis_31")}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": modis.COLLECTION,
        "bbox": WHOLE_DOMAIN,
        "geometry": None,
        "links": [],
        "assets": hrefs,
        "properties": {
            "datetime": None,
            "start_datetime": f"{start}T00:00:00Z",
            "end_datetime": f"{start + timedelta(7)}T23:59:59Z",
            "created": "2024-12-30T00:00:00Z",
            "proj:code": "EPSG:None",
        },
    }


def all_items(years=YEARS, tiles=TILES, **more):
    return [
        item(sensor, start, tile, **more)
        for start in composite_starts(years)
        for tile in tiles
        for sensor in SENSORS
    ]


def tiff(values, tile=TILES[1], crs=GRID):
    """A GeoTIFF over a whole tile, as bytes."""
    west, _, _, north = tile_box(tile).bounds
    size = TILE_M / values.shape[0]
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
            dtype=values.dtype, crs=crs, compress="deflate",
            transform=Affine.translation(west, north) @ Affine.scale(size, -size),
        ) as raster:  # fmt: skip
            raster.write(values, 1)
        return memory.read()


def daily_wave(tile):
    """Daily temperature of both years."""
    day = np.arange((date(YEARS.stop, 1, 1) - date(YEARS.start, 1, 1)).days)
    return MEAN[tile] - AMPLITUDE * np.cos(2 * np.pi * (day - 15) / 365.25)


def composite_mean(tile, start):
    first = (start - date(YEARS.start, 1, 1)).days
    return daily_wave(tile)[first : first + composite_lengths([start])[0]].mean()


def write_store(files, clouds=0.3, no_crs=0):
    """Write files: the wave with the departure of each overpass, 1 K of noise, clouds.

    The first ``no_crs`` lack a CRS.
    """
    rng = np.random.default_rng(5)
    cloudy = rng.random((N_CLOUDS, N, N)) < clouds
    codes = np.where(cloudy, 2, 65).astype("uint8")
    qualities = {tile: [tiff(code, tile) for code in codes] for tile in TILES}
    pattern = {}
    for i, file in enumerate(files):
        composite, _ = composite_of(file.path.name)
        overpass = composite.sensor, "Day" if "Day" in file.path.stem else "Night"
        cloud = pattern.setdefault((composite, overpass), rng.integers(N_CLOUDS))
        content, crs = qualities[composite.tile][cloud], None if i < no_crs else GRID
        if "LST" in file.path.stem:
            celsius = composite_mean(composite.tile, composite.start) + OFF[overpass]
            kelvin = celsius + 273.15 + rng.normal(0, 1, (N, N))
            stored = np.where(cloudy[cloud], 0, np.round(kelvin / 0.02)).astype("uint16")
            content = tiff(stored, composite.tile, crs)
        elif crs is None:
            content = tiff(codes[cloud], composite.tile, crs)
        file.path.parent.mkdir(exist_ok=True)
        file.path.write_bytes(content)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A small area at 50 degrees north, where two tiles meet, on 2 km cells."""
    text = (PROJECT / "data" / "northeast_china" / "study.toml").read_text(encoding="utf-8")
    for old, new in (
        ("west = 111.15", "west = 118.0"),
        ("east = 135.08", "east = 119.0"),
        ("south = 38.730556", "south = 49.6"),
        ("north = 53.556111", "north = 50.4"),
        ('outline = "outline.geojson"', ""),
    ):
        assert old in text
        text = text.replace(old, new)
    file = tmp_path_factory.mktemp("study") / "study.toml"
    file.write_text(text, encoding="utf-8")
    return load_study(file, resolution_m=2000)


def layer(quantity="thawing_degree_days", years=None):
    return OpenLayer(source="open", product="modis_lst", quantity=quantity, years=years)


@pytest.fixture
def catalogue(monkeypatch):
    """A catalogue to be filled; the client waits little between attempts."""
    monkeypatch.setattr(transfer, "BACK_OFF_S", 0.01)
    server = Catalogue()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def fetched(study, tmp_path_factory):
    """The files of both years, one composite missing, as they lie in the cache."""
    server = Catalogue(all_items())
    gone = server.items.pop(20)
    server.items += all_items(tiles=["h26v04"])
    server.items.append(item("MOD", date(2022, 12, 27), TILES[0]))
    files = modis.files(study, layer(), tmp_path_factory.mktemp("cache"), server.url)
    write_store(files, no_crs=8)
    server.shutdown()
    server.server_close()
    return SimpleNamespace(paths=[file.path for file in files], server=server, gone=gone)


def test_only_the_four_bands_of_tiles_that_touch_the_study_are_fetched(fetched):
    names = [path.name for path in fetched.paths]
    assert len(names) == (2 * 92 * 2 - 1) * 4
    assert {composite_of(name)[0].tile for name in names} == set(TILES)
    assert not [name for name in names if "A2022" in name or "Emis" in name]
    search = fetched.server.searches[0]
    assert search["datetime"] == "2023-01-01T00:00:00Z/2024-12-31T23:59:59Z"
    west, south, east, north = search["bbox"]
    assert 116 < west < 118 and 48.5 < south < 49.6 and 119 < east < 121 and 50.4 < north < 51.5
    assert len(fetched.server.searches) == 4  # pages


def test_known_degree_days_are_recovered_under_clouds(study, fetched):
    """30 % clouds, 1 K of noise: mean to 0.2 K, degree-days to 2 %, frost number to 0.01."""
    geobox = layer_geobox(study)
    found = {
        quantity: modis_lst.build(study, layer(quantity), fetched.paths, geobox)
        for quantity in modis_lst.QUANTITIES
    }
    for tile, row in (("h25v03", 0), ("h25v04", -1)):
        days = daily_wave(tile)
        thawing = degree_days(days, np.ones_like(days))[0] / 2
        freezing = degree_days(days[181:547], np.ones(366))[1]  # July 2023 to June 2024
        expected = {
            "mean_annual_surface_temperature": (days.mean(), 0.2),
            "thawing_degree_days": (thawing, 0.02 * thawing),
            "freezing_degree_days": (freezing, 0.02 * freezing),
            "frost_number": (frost_number(thawing, freezing), 0.01),
        }
        for quantity, (value, tolerance) in expected.items():
            assert float(found[quantity][row].mean()) == pytest.approx(value, abs=tolerance)
            assert found[quantity].shape == geobox.shape
            assert not found[quantity].isnull().any()


def test_a_layer_says_what_it_is_and_what_was_filled(study, fetched):
    found = modis_lst.build(
        study, layer("freezing_degree_days"), fetched.paths, layer_geobox(study)
    )
    assert found.dtype == np.float32
    assert found.rio.crs == study.geobox.crs
    assert found.attrs["units"] == "degC d"
    assert "land-surface temperature (satellite, clear sky)" in found.attrs["long_name"]
    source = found.attrs["source"]
    missing, _ = composite_of(fetched.gone["id"])
    assert "July 2023 to June 2024, tiles h25v03, h25v04" in source
    assert "not of the air" in source
    assert f"1 composites missing and filled: {missing}" in source
    assert "8 files without a CRS taken as MODIS sinusoidal" in source


def test_a_single_year_has_a_mean_and_thawing(study, fetched):
    paths = [p for p in fetched.paths if "A2023" in p.name and TILES[1] in p.name]
    year = layer("mean_annual_surface_temperature", (2023, 2023))
    found = modis_lst.build(study, year, paths, study.geobox)
    assert float(found[-1].mean()) == pytest.approx(-3, abs=0.3)
    assert "v6.1, 2023, tiles h25v04:" in found.attrs["source"]


def test_missing_composites_are_an_error_that_lists_them(study, catalogue, tmp_path):
    catalogue.items = [
        i
        for i in all_items()
        if not (
            i["id"].startswith("MYD11A2.A2024") and "h25v03" in i["id"] and "1." in i["id"][13:17]
        )
    ]
    gone = len(all_items()) - len(catalogue.items)
    pattern = (
        f"{gone} of 368 composites of modis-11A2-061 are missing "
        r"\(2024-01-01 h25v03 Aqua, .*at most 5%.*Try later, or set other years"
    )
    assert gone > 0.05 * 92
    with pytest.raises(ContractError, match=pattern):
        modis.files(study, layer(), tmp_path, catalogue.url)


def test_a_satellite_that_is_missing_over_one_tile_is_not_averaged_away(study, catalogue, tmp_path):
    catalogue.items = [i for i in all_items() if not ("MOD" in i["id"] and "h25v04" in i["id"])]
    with pytest.raises(ContractError, match=r"92 of 368 .*2023-01-01 h25v04 Terra.* 80 more"):
        modis.files(study, layer(), tmp_path, catalogue.url)


def test_an_empty_catalogue_is_an_error(study, catalogue, tmp_path):
    with pytest.raises(ContractError, match="368 of 368 composites"):
        modis.files(study, layer(), tmp_path, catalogue.url)


@pytest.mark.parametrize(
    "assets", [None, [], {}, {"QC_Night": None}, {"QC_Night": {}}, {"QC_Night": {"href": None}}]
)
def test_an_item_without_a_band_is_named(study, catalogue, tmp_path, assets):
    catalogue.items = all_items()
    whole = catalogue.items[7]["assets"]
    lacking = {**whole, **assets} if assets else assets
    if assets == {}:
        lacking = {name: asset for name, asset in whole.items() if name != "QC_Night"}
    catalogue.items[7]["assets"] = lacking
    name = catalogue.items[7]["id"]
    with pytest.raises(ContractError, match=f"{name}: the catalogue has no (QC_Night|LST_Day)"):
        modis.files(study, layer(), tmp_path, catalogue.url)


@pytest.mark.parametrize("change", ["/../../../../escaped", "_LST_Day_1km.tif"])
def test_names_that_are_not_of_an_item_become_no_path(study, catalogue, tmp_path, change):
    catalogue.items = all_items()
    whole = len(catalogue.items)
    hostile = item("MOD", date(2023, 1, 1), TILES[0], produced="2099000000000")
    catalogue.items.append({**hostile, "id": hostile["id"] + change})
    files = modis.files(study, layer(), tmp_path, catalogue.url)
    assert len(files) == 4 * whole
    assert not [file for file in files if "2099" in str(file.path)]
    assert {file.path.parent for file in files} == {tmp_path / tile for tile in TILES}


def test_a_search_without_end_is_broken_off(study, catalogue, tmp_path, monkeypatch):
    monkeypatch.setattr(modis, "_MOST_PAGES", 3)
    catalogue.items, catalogue.page = all_items(), 10
    with pytest.raises(ContractError, match="does not end after 3 pages"):
        modis.files(study, layer(), tmp_path, catalogue.url)
    assert len(catalogue.searches) == 4


def test_layers_of_a_run_share_one_search(study, catalogue, tmp_path):
    catalogue.items = all_items()
    files = modis.files(study, layer(), tmp_path, catalogue.url)
    once = len(catalogue.searches)
    assert modis.files(study, layer("frost_number"), tmp_path, catalogue.url) == files
    assert len(catalogue.searches) == once
    modis.files(study, layer(years=(2023, 2023)), tmp_path, catalogue.url)
    assert len(catalogue.searches) > once


def test_an_old_list_serves_only_when_all_its_files_are_there(study, catalogue, tmp_path):
    catalogue.items = all_items()
    files = modis.files(study, layer(), tmp_path, catalogue.url)
    (kept,) = tmp_path.glob("list_*.json")
    old = {**json.loads(kept.read_text()), "searched": "2020-01-01T00:00:00+00:00"}
    kept.write_text(json.dumps(old))
    for file in files:
        file.path.parent.mkdir(exist_ok=True)
        file.path.write_bytes(b"x")
        file.sidecar.write_text(json.dumps({"url": file.url, "bytes": 1, "sha256": ""}))
    catalogue.broken = [400]
    assert modis.files(study, layer(), tmp_path, catalogue.url) == files
    assert catalogue.broken == [400]
    files[5].path.unlink()
    with pytest.raises(ContractError, match="cannot be searched"):
        modis.files(study, layer(), tmp_path, catalogue.url)
    odd = [{**old, "urls": {"MOD11A2.A2023999.h25v03.061.1": {"x": "y"}}}, {**old, "urls": 3}]
    for content in ("", "[]", '{"urls": {}}', *map(json.dumps, odd)):
        kept.write_text(content)
        assert modis.files(study, layer(), tmp_path, catalogue.url) == files


def test_of_reprocessed_items_the_one_produced_last_is_taken(study, catalogue, tmp_path):
    old, new = "2024300000000", "2025100000000"
    catalogue.items = all_items(produced=new)
    twice = [item("MYD", start, TILES[0], old) for start in composite_starts(YEARS)]
    for name, items in (("a", catalogue.items + twice), ("b", twice + catalogue.items)):
        catalogue.items = items
        files = modis.files(study, layer(), tmp_path / name, catalogue.url)
        assert len(files) == 368 * 4
        assert all(new in file.path.name for file in files)


def test_a_busy_catalogue_is_asked_again_and_a_dead_one_is_an_error(study, catalogue, tmp_path):
    catalogue.items, catalogue.broken = all_items(), [503, 429]
    assert modis.files(study, layer(), tmp_path, catalogue.url)
    catalogue.broken = [400]
    with pytest.raises(ContractError, match=r"cannot be searched .*mirrors"):
        modis.files(study, layer(), tmp_path / "other", catalogue.url)
    with pytest.raises(ContractError, match=r"http://127.0.0.1:9: .*cannot be searched"):
        modis.files(study, layer(), tmp_path, "http://127.0.0.1:9")


def test_no_catalogue_at_the_address_is_an_error(study, open_server, tmp_path):
    open_server.put("/page", b"<!DOCTYPE html><title>Log in</title>")
    with pytest.raises(ContractError, match="cannot be searched"):
        modis.files(study, layer(), tmp_path, f"{open_server.url}/page")


@pytest.mark.parametrize("quantity", OF_A_WINTER)
def test_a_winter_needs_two_years(study, quantity, tmp_path):
    with pytest.raises(ContractError, match=r"July to June.*Set years = \[2022, 2023\]"):
        modis.files(study, layer(quantity, (2023, 2023)), tmp_path, "http://127.0.0.1:9")


def one_file(study, catalogue, open_server, cache):
    """First file of the study, which the other server gives."""
    catalogue.items = all_items(files=f"{open_server.url}/files")
    file = modis.files(study, layer(), cache, catalogue.url)[0]
    return file, "/" + file.url.split("/", 3)[3]


def test_an_expired_signature_leaves_nothing_and_a_new_one_works(
    study, catalogue, open_server, tmp_path, monkeypatch
):
    signatures = iter(("old", "new"))
    monkeypatch.setattr(
        modis.planetary_computer, "sign_url", lambda url: f"{url}?sig={next(signatures)}"
    )
    file, address = one_file(study, catalogue, open_server, tmp_path)
    open_server.put(f"{address}?sig=new", tiff(np.ones((N, N), "uint16")))
    open_server.fail(f"{address}?sig=old", {"status": 403})
    with pytest.raises(ContractError, match="403"):
        fetch_all([file], progress=False)
    assert not [path for path in tmp_path.glob("h*/*.*") if path.suffix != ".lock"]
    fetch_all([file], progress=False)
    assert file.is_finished
    assert "sig" not in file.sidecar.read_text()


def test_addresses_of_a_mirror_are_not_signed(study, catalogue, open_server, tmp_path):
    file, _ = one_file(study, catalogue, open_server, tmp_path)
    assert file.signed_url == file.url
