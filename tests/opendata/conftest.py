"""A server of open data on this machine, which gives what a test puts in, faults included."""

import hashlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from pyproj import CRS, Transformer

from helpers.opendata import transfer


class OpenServer:
    """Files by path (with their query), faults to come first, and all requests so far.

    A fault is a dict: ``status`` (with ``headers``), ``cut`` (close after so many bytes),
    ``stall`` (fall silent after so many bytes), ``page`` (an HTML page instead of the file) or
    ``no_range`` (the whole file although a part was asked for). Each serves one request.
    """

    def __init__(self):
        self.files, self.faults, self.headers, self.requests = {}, {}, {}, []
        self.woken = threading.Event()
        handler = type("Handler", (_Handler,), {"server_of": self})
        self.http = _Server(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def put(self, path, content, **headers):
        """Serve bytes or a file at a path; headers such as ETag replace the usual ones."""
        self.files[path] = content if isinstance(content, bytes) else content.read_bytes()
        self.headers[path] = headers

    def fail(self, path, *faults):
        """Faults of the next requests for a path."""
        self.faults.setdefault(path, []).extend(faults)

    def asked(self, path=None, method="GET"):
        """Headers of the requests so far, for one path or all."""
        return [h for m, p, h in self.requests if m == method and path in (None, p)]

    def close(self):
        self.woken.set()
        self.http.shutdown()
        self.http.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        # A client may hang up without reading all of a page it refuses.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: OpenServer

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)

    def _answer(self, with_body):
        server = self.server_of
        server.requests.append((self.command, self.path, dict(self.headers)))
        waiting = server.faults.get(self.path, [])
        fault = waiting.pop(0) if waiting and with_body else {}
        if "status" in fault:
            return self._send(fault["status"], b"refused", fault.get("headers", {}))
        if "page" in fault:
            return self._send(200, b"<!DOCTYPE html><title>Log in</title>", {})
        if self.path not in server.files:
            return self._send(404, b"<html>not found</html>", {})
        content = server.files[self.path]
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:20]}"'}
        headers = {k: v for k, v in {**headers, **server.headers[self.path]}.items() if v}
        status, first = 200, self._first_byte(headers, fault)
        if first:
            status = 206
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self._send(status, content[first:], headers, fault, with_body)

    def _first_byte(self, headers, fault):
        wanted = self.headers.get("Range", "")
        same = self.headers.get("If-Range") in (headers.get("ETag"), headers.get("Last-Modified"))
        if not wanted or "no_range" in fault or not (same or "any_version" in fault):
            return 0
        return int(wanted.removeprefix("bytes=").rstrip("-"))

    def _send(self, status, body, headers, fault=None, with_body=True):
        fault = fault or {}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "unmeasured" in fault:
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        end = fault.get("cut", fault.get("stall", len(body)))
        if with_body:
            self.wfile.write(body[:end])
            self.wfile.flush()
        if "stall" in fault:
            self.server_of.woken.wait(20)
        if "stall" in fault or "cut" in fault:
            self.close_connection = True


@pytest.fixture
def open_server(monkeypatch):
    """An :class:`OpenServer`; the client waits little between attempts."""
    monkeypatch.setattr(transfer, "BACK_OFF_S", 0.01)
    monkeypatch.setattr(transfer, "TIMEOUT_S", (5.0, 5.0))
    server = OpenServer()
    yield server
    server.close()


STUDY = """
[about]
name = "small"
title = "Small study of open data"
virtual_boreholes = false

[area]
west = 121.4
south = 49.6
east = 122.6
north = 50.4

[grid]
crs = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +datum=WGS84 +units=m"
resolution_m = 5000

[period]
start = 2022-01-01
end = 2024-12-31

[boreholes]
files = ["open/boreholes/*.tab"]

[climate]
within_month_sd_c = [5.2, 4.9, 5.8, 4.4, 4.1, 3.0, 2.4, 2.7, 3.7, 5.1, 6.2, 5.5]

[open_data]
boreholes = ["gtnp_magt"]
mirrors = {copernicus_dem = "URL/dem", terraclimate = "URL/tc", soilgrids = "URL/soil/", esa_cci_permafrost = "URL/cci", gtnp_magt = "URL"}

[covariates.elevation]
source = "open"
product = "copernicus_dem"
quantity = "elevation"

[covariates.PRE]
source = "open"
product = "terraclimate"
quantity = "precipitation"
years = [2022, 2023]

[covariates.TDD]
source = "open"
product = "terraclimate"
quantity = "thawing_degree_days"
years = [2022, 2023]

[covariates.TPI]
source = "terrain"
quantity = "topographic_position"
radius_m = 10000

[covariates.clay]
source = "open"
product = "soilgrids"
quantity = "clay"
depth = "15-30cm"

[references.CCI]
source = "open"
product = "esa_cci_permafrost"
quantity = "temperature_10m"

[forest]
predictors = ["PRE", "TDD", "TPI"]

[[classes]]
name = "cold"
below_c = 0.0
colour = "#08306b"

[[classes]]
name = "warm"
colour = "#e34a33"
"""  # noqa: E501


@pytest.fixture
def open_folder(tmp_path, open_server, monkeypatch):
    """Folder of a small study around 50 N, 122 E, which asks the local server for everything."""
    folder = tmp_path / "data" / "small"
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY.replace("URL", open_server.url), encoding="utf-8")
    monkeypatch.delenv("PERMAFROST_CACHE", raising=False)
    return folder


SEA_TILE, COAST_TILE = (120, 49), (123, 50)
IGH = "+proj=igh +lat_0=0 +lon_0=0 +datum=WGS84 +units=m +no_defs"


def height(longitude, latitude):
    return 200 + 40 * (longitude - 119) + 30 * (latitude - 48)


def tile_name(longitude, latitude):
    return f"Copernicus_DSM_COG_30_N{latitude:02d}_00_E{longitude:03d}_00_DEM"


def tiff_bytes(values, crs, transform, **settings):
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
            dtype=values.dtype, crs=crs, transform=transform, **settings,
        ) as raster:  # fmt: skip
            raster.write(values, 1)
        return memory.read()


def tile(longitude, latitude, crs="EPSG:4326", at=None, add=0):
    """A degree of the plane, 60 rows; north of 50 N with two thirds of the columns."""
    rows, columns = 60, 60 if latitude < 50 else 40
    west, south = at or (longitude, latitude)
    # The outermost cells of the real tiles are centred on the whole degree.
    transform = Affine.translation(west - 0.5 / columns, south + 1 + 0.5 / rows) * Affine.scale(
        1 / columns, -1 / rows
    )
    x, y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    values = height(*(transform @ (x, y))) + add
    if (longitude, latitude) == COAST_TILE:
        values[:, columns // 2 :] = 0
    return tiff_bytes(values.astype(np.float32), crs, transform)


MONTH = np.arange(12)


def monthly(variable, year, latitude, longitude):
    """Linear in the place, so that bilinear weights give it back exactly."""
    place = (longitude - 122) + 2 * (latitude - 50)
    if variable == "ppt":
        return 20 + MONTH + place + 5 * (year - 2022)
    middle = -20 * np.cos(2 * np.pi * MONTH / 12) + 0.5 * place + (year - 2022)
    return middle + (6 if variable == "tmax" else -6)


def climate_bytes(tmp_path, variable, year, months=12, units=None):
    """A file as TerraClimate writes it: packed integers, latitude from north to south."""
    latitude, longitude = np.arange(60, 40, -0.5), np.arange(110, 135, 0.5)
    y, x = np.meshgrid(latitude, longitude, indexing="ij")
    values = np.moveaxis(monthly(variable, year, y[..., None], x[..., None]), -1, 0)[:months]
    values[:, 0, 0] = np.nan
    time = xr.date_range(f"{year}-01-01", periods=months, freq="MS")
    units = {"ppt": "mm"}.get(variable, "degC") if units is None else units
    layer = xr.DataArray(values, {"time": time, "lat": latitude, "lon": longitude}, name=variable)
    dataset = layer.assign_attrs(units=units).to_dataset()
    packed = {"dtype": "int32", "scale_factor": 0.01, "add_offset": -99.0, "_FillValue": -32768}
    packed["zlib"] = True
    path = tmp_path / f"{variable}_{year}.nc"
    dataset.to_netcdf(path, encoding={variable: packed})
    return path


def soil_bytes(crs=IGH):
    """Stored tenths of a percent, one more with each row of the window from 10 % on."""
    to_igh = Transformer.from_crs("EPSG:4326", IGH, always_xy=True)
    west, south, east, north = to_igh.transform_bounds(117, 46, 127, 54, 101)
    size = 5000.0
    rows, columns = int((north - south) / size), int((east - west) / size)
    values = np.repeat(np.arange(rows)[:, None] + 100, columns, axis=1).astype(np.int16)
    return tiff_bytes(values, crs, Affine(size, 0, west, 0, -size, north), nodata=-32768)


SOIL = "/soil/clay/clay_15-30cm_mean_1000.tif"


def cci_bytes(tmp_path, year, epsg=3995, units="celsius", variable="T10m"):
    """A file as ESA CCI writes it, with the second, wrong spelling of the CRS some files have."""
    polar = Transformer.from_crs("EPSG:4326", "EPSG:3995", always_xy=True)
    west, south, east, north = polar.transform_bounds(116, 46, 128, 54, 101)
    x, y = np.arange(west, east, 20_000.0), np.arange(north, south, -20_000.0)
    _, latitude = polar.transform(*np.meshgrid(x, y), direction="INVERSE")
    values = (-(latitude - 48) + year - 2022)[None].astype(np.float32)
    layer = xr.DataArray(
        values, {"time": [np.datetime64(f"{year}-01-01", "ns")], "y": y, "x": x},
        ("time", "y", "x"), attrs={"units": units, "grid_mapping": "polar_stereographic"},
    )  # fmt: skip
    mapping = CRS.from_epsg(epsg).to_cf() | {"spatial_ref": CRS.from_epsg(3571).to_wkt()}
    dataset = xr.Dataset({variable: layer, "polar_stereographic": ((), 0, mapping)})
    for axis in "xy":
        dataset[axis].attrs = {"units": "m", "standard_name": f"projection_{axis}_coordinate"}
    path = tmp_path / f"cci_{year}.nc"
    dataset.to_netcdf(path)
    return path


def cci_url(year, kind="MODISLST_CRYOGRID"):
    return f"/cci/{year}/ESACCI-PERMAFROST-L4-GTD-{kind}-AREA4_PP-{year}-fv05.0.nc"


RECORD = "/10.1594/PANGAEA.972992?format=textfile"
HOLES = """/* DATA DESCRIPTION:
Citation:\tSomebody (2025): MAGT [dataset]. PANGAEA, https://doi.org/10.1594/PANGAEA.972992
*/
Event\tLatitude\tLongitude\tDate/Time\tDepth sed [m]\tMAGT [°C]\tName (of the station)
A1\t50.0\t122.0\t2015\t10.00\t-1.50\tHill
A1\t50.0\t122.0\t2016\t10.00\t-1.40\tHill
A1\t50.0\t122.0\t2016\t15.00\t-1.45\tHill
B7\t68.6134\t161.3498\t2014\t5.00\t-5.10\tFar away
"""


def put_tiles(server):
    """All tiles around the study but one, which is sea, and the list of them."""
    corners = [(x, y) for x in range(117, 128) for y in range(47, 54) if (x, y) != SEA_TILE]
    text = "\r\n".join(tile_name(*corner) for corner in [*corners, (5, 50)])
    server.put("/dem/tileList.txt", text.encode())
    for corner in corners:
        name = tile_name(*corner)
        server.put(f"/dem/{name}/{name}.tif", tile(*corner))


def put_climate(server, folder):
    """Two years of the three variables."""
    for year in (2022, 2023):
        for variable in ("ppt", "tmax", "tmin"):
            path = climate_bytes(folder, variable, year)
            server.put(f"/tc/TerraClimate_{variable}_{year}.nc", path)


def put_all(server, folder):
    """Everything the small study asks for."""
    put_tiles(server)
    put_climate(server, folder)
    server.put(SOIL, soil_bytes())
    for year in (2022, 2023):
        server.put(cci_url(year), cci_bytes(folder, year))
    server.put(RECORD, HOLES.encode())


@pytest.fixture(scope="session")
def like():
    """What makes files like those of the servers, and puts them on the local one."""
    return SimpleNamespace(**globals())
