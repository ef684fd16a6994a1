"""Downloads that are cut at random bytes end with the right bytes, sooner or later."""

import hashlib

import numpy as np
import pytest
import rasterio
from opendata.conftest import OpenServer

from helpers.opendata import transfer
from helpers.opendata.download import RemoteFile, fetch
from helpers.storage import ContractError

CUTS = 40


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A GeoTIFF of half a megabyte that cannot be packed."""
    path = tmp_path_factory.mktemp("server") / "a.tif"
    values = np.random.default_rng(1).integers(0, 255, (700, 700), np.uint8)
    profile = {"height": 700, "width": 700, "count": 1, "dtype": "uint8", "driver": "GTiff"}
    transform = rasterio.transform.from_origin(110, 50, 0.01, 0.01)
    with rasterio.open(path, "w", **profile, crs="EPSG:4326", transform=transform) as raster:
        raster.write(values, 1)
    return path.read_bytes()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(transfer, "BACK_OFF_S", 0.0)
    found = OpenServer()
    yield found
    found.close()


def fetched(file):
    """Run again and again, as a user does; how many runs it took."""
    for run in range(1, 20):
        try:
            fetch(file)
        except ContractError as error:
            assert "the transfer broke" in str(error)
            assert not file.path.exists()
        else:
            return run
    raise AssertionError("never there")


@pytest.mark.parametrize("etag", [None, ""], ids=["resumed", "fetched again"])
def test_cuts_at_random_bytes_lose_nothing(server, content, tmp_path, etag):
    """Of one to seven cuts each, more than a run tries."""
    random = np.random.default_rng(11)
    cuts = 0
    while cuts < CUTS:
        name = f"/{cuts}.tif"
        server.put(name, content, **({} if etag is None else {"ETag": etag}))
        bytes_of = random.integers(0, len(content), random.integers(1, 8))
        server.fail(name, *({"cut": int(n)} for n in bytes_of))
        file = RemoteFile(server.url + name, tmp_path / name[1:], "tiff")
        runs = fetched(file)
        served = len(server.asked(name))
        assert runs == -(-served // transfer.ATTEMPTS)
        found = hashlib.sha256(file.path.read_bytes()).hexdigest()
        assert found == hashlib.sha256(content).hexdigest()
        assert not list(tmp_path.glob("*.part*"))
        cuts += len(bytes_of)
