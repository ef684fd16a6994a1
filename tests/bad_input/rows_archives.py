"""What was fetched, before it is used: exchanged, damaged, or a page; archives are not unpacked."""

import io
import tarfile
import zipfile

import numpy as np
import rasterio
from bad_input.catalogue import row

from helpers.opendata.download import RemoteFile, expect_as_arrived
from helpers.opendata.received import check_received
from helpers.opendata.transfer import Answer
from helpers.storage import sha256, write_json

ADDRESS = "https://server.example/a.tif"
AGAIN = "Run again|run again|Try later|open the address in a browser|put the right one into"


def tif(value=1.0):
    with rasterio.MemoryFile() as file:
        profile = {"width": 9, "height": 9, "count": 1, "dtype": "float32", "driver": "GTiff"}
        with file.open(**profile) as raster:
            raster.write(np.full((1, 9, 9), value, "float32"))
        return file.read()


def archive(kind, name="../../outside.tif"):
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as packed:
            packed.writestr(name, tif())
    else:
        with tarfile.open(fileobj=out, mode="w:gz") as packed:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            packed.addfile(link)
    return out.getvalue()


def received(what, where, content, kind="tiff", size=None, md5=None):
    """A row whose file has arrived, and is looked at before it gets its name."""

    def spoil(folder):
        (folder / "a.part").write_bytes(content)

    def step(folder):
        file = RemoteFile(ADDRESS, folder / "a.tif", kind)
        answer = Answer(etag=None, last_modified=None, size=size, md5=md5)
        check_received(folder / "a.part", file, answer)

    row("archive", what, r"server\.example/a\.tif: " + where, AGAIN, spoil, step)


received("download of nothing", "the server gives an empty file", b"")
received("download of a login page", ".*a web page instead", b"\n<!DOCTYPE html><p>Log in")
received("download of an error in XML", ".*a web page instead", b"<?xml version='1.0'?><Error/>")
received("download of a table as a page", ".*a web page instead", b"<html></html>", "text")
received("download cut off", ".*3000 are stated", tif(), size=3000)
received("download cut off, length unknown", "cut off, or damaged", tif()[:300])
received("download of another file", "MD5 is .*published", tif(), size=len(tif()), md5="0" * 32)
received("zip with a path outside, for a raster", "not tiff", archive("zip"))
received("zip with an absolute path, for a raster", "not tiff", archive("zip", "/etc/passwd"))
received("zip for a table", "not text", archive("zip"), "text")
received("tar with a link outside, for a layer", "not netcdf", archive("tar"), "netcdf")
received("HDF5 cut off", "cut off, or damaged", b"\x89HDF\r\n\x1a\n" + bytes(99), "netcdf")
received("binary for a table", "not text", b"a\tb\n\0\0", "text")


def cached(folder):
    """A file of the cache, as it is left when it was fetched."""
    path = folder / "cache" / "a.tif"
    path.parent.mkdir()
    path.write_bytes(tif())
    file = RemoteFile(ADDRESS, path, "tiff")
    origin = {"url": ADDRESS, "bytes": path.stat().st_size, "sha256": sha256(path)}
    write_json(origin, file.sidecar)
    return file


def in_cache(what, change):
    """A row whose cached file is changed, but not its length: it is not used, and removed."""

    def spoil(folder):
        file = cached(folder)
        before = file.path.stat().st_size
        change(file.path)
        assert file.path.stat().st_size == before

    def step(folder):
        file = RemoteFile(ADDRESS, folder / "cache" / "a.tif", "tiff")
        try:
            expect_as_arrived([file])
        finally:
            assert not file.path.exists()

    where = r"Changed since they were fetched, and therefore removed: .*cache/a\.tif"
    row("archive", what, where, "Run again: only these are fetched", spoil, step)


in_cache("cached file exchanged for another", lambda path: path.write_bytes(tif(2.0)))
in_cache("cached file with a byte flipped", lambda path: path.write_bytes(tif()[:-1] + b"\xff"))
in_cache("cached file of zeros", lambda path: path.write_bytes(bytes(len(tif()))))
