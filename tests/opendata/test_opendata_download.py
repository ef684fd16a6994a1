"""Downloads: what arrives under its name is complete and right; what is not leaves no file."""

import hashlib
import json
import os
import socket
import threading
import time

import numpy as np
import pytest

from helpers.opendata import download, transfer
from helpers.opendata.download import RemoteFile, fetch, fetch_all, remote_sizes
from helpers.storage import ContractError, locked, sha256

TIFF = b"II*\x00" + np.random.default_rng(1).bytes(400_000)
DATE = "Mon, 02 Jan 2023 10:00:00 GMT"


@pytest.fixture
def remote(open_server, tmp_path):
    """A GeoTIFF of the server, by its first bytes, and its place in an empty cache."""
    open_server.put("/a.tif", TIFF)

    def make(**settings):
        settings = {"url": f"{open_server.url}/a.tif", "kind": "tiff", **settings}
        return RemoteFile(path=tmp_path / "cache" / "a.tif", **settings)

    return make


def cached(file):
    """Names of the files in the cache; the empty ones of locks stay and do not count."""
    return sorted(p.name for p in file.path.parent.glob("*") if p.suffix != ".lock")


def test_a_file_arrives_whole_with_its_origin_beside_it(remote, open_server):
    file = remote()
    assert fetch(file).read_bytes() == TIFF
    assert cached(file) == ["a.tif", "a.tif.json"]
    origin = json.loads(file.sidecar.read_text())
    assert origin["url"] == file.url
    assert (origin["bytes"], origin["sha256"]) == (len(TIFF), sha256(file.path))
    assert origin["retrieved"].endswith("+00:00")
    (asked,) = open_server.asked("/a.tif")
    assert asked["User-Agent"].startswith("permafrost-notebooks/")
    assert asked["Accept-Encoding"] == "identity"


def test_a_finished_file_is_not_asked_for_again_but_a_damaged_one_is(remote, open_server):
    file = remote()
    fetch(file)
    fetch(file)
    assert len(open_server.requests) == 1
    file.path.write_bytes(TIFF[:100])
    assert fetch(file).read_bytes() == TIFF
    file.sidecar.unlink()
    fetch(file)
    assert len(open_server.requests) == 3


@pytest.mark.parametrize("validator", [{}, {"ETag": 'W/"weak"', "Last-Modified": DATE}])
def test_a_transfer_cut_off_goes_on_from_where_it_stopped(remote, open_server, validator):
    file = remote()
    open_server.put("/a.tif", TIFF, **validator)
    open_server.fail("/a.tif", {"cut": 150_000}, {"cut": 100_000})
    assert fetch(file).read_bytes() == TIFF
    begins = [int(h.get("Range", "bytes=0-")[6:-1]) for h in open_server.asked("/a.tif")]
    assert begins[0] == 0
    assert 0 < begins[1] <= 150_000
    assert begins[1] < begins[2] <= begins[1] + 100_000
    assert cached(file) == ["a.tif", "a.tif.json"]


def test_the_next_run_goes_on_from_where_the_last_one_gave_up(remote, open_server):
    file = remote()
    open_server.fail("/a.tif", *[{"cut": 150_000}] + [{"cut": 0}] * (transfer.ATTEMPTS - 1))
    with pytest.raises(ContractError, match=r"broke 5 times .*Run again: it goes on from there"):
        fetch(file)
    assert cached(file) == ["a.tif.part", "a.tif.part.json"]
    assert fetch(file).read_bytes() == TIFF
    assert open_server.asked("/a.tif")[-1]["Range"] != "bytes=0-"
    assert cached(file) == ["a.tif", "a.tif.json"]


@pytest.mark.parametrize("fault", [{}, {"any_version": True}], ids=["If-Range", "no If-Range"])
def test_a_file_that_changed_between_two_parts_is_fetched_from_its_start(
    remote, open_server, fault
):
    file = remote()
    open_server.fail("/a.tif", *[{"cut": 150_000}] + [{"cut": 0}] * (transfer.ATTEMPTS - 1))
    with pytest.raises(ContractError):
        fetch(file)
    changed = b"II*\x00" + TIFF[4:][::-1]
    open_server.put("/a.tif", changed)
    open_server.fail("/a.tif", fault)
    assert fetch(file).read_bytes() == changed


def test_a_server_that_gives_no_parts_is_asked_for_the_whole(remote, open_server):
    open_server.fail("/a.tif", {"cut": 150_000}, {"no_range": True})
    assert fetch(remote()).read_bytes() == TIFF


def test_without_etag_and_date_nothing_is_continued(remote, open_server):
    file = remote()
    open_server.put("/a.tif", TIFF, ETag="")
    open_server.fail("/a.tif", *[{"cut": 150_000}] * transfer.ATTEMPTS)
    with pytest.raises(ContractError, match="broke 5 times"):
        fetch(file)
    assert cached(file) == []
    assert all("Range" not in asked for asked in open_server.asked())
    assert fetch(file).read_bytes() == TIFF


def test_a_part_that_is_longer_than_the_file_is_thrown_away(remote, open_server):
    file = remote()
    fetch(file)
    part = file.path.with_name("a.tif.part")
    file.path.rename(part)
    etag = json.loads(file.sidecar.read_text())["etag"]
    part.with_name("a.tif.part.json").write_text(json.dumps({"validator": etag}))
    file.sidecar.unlink()
    open_server.fail("/a.tif", {"status": 416})
    assert fetch(file).read_bytes() == TIFF
    assert cached(file) == ["a.tif", "a.tif.json"]


def test_a_connection_that_falls_silent_is_given_up_and_continued(remote, open_server, monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUT_S", (5.0, 0.3))
    open_server.fail("/a.tif", {"stall": 150_000})
    assert fetch(remote()).read_bytes() == TIFF
    assert "Range" in open_server.asked("/a.tif")[-1]


def test_a_server_in_trouble_is_asked_again(remote, open_server):
    open_server.fail("/a.tif", {"status": 500}, {"status": 503})
    assert fetch(remote()).read_bytes() == TIFF
    assert len(open_server.requests) == 3


def test_a_busy_server_is_left_alone_as_long_as_it_asks(remote, open_server):
    open_server.fail("/a.tif", {"status": 429, "headers": {"Retry-After": "1"}})
    start = time.monotonic()
    fetch(remote())
    assert time.monotonic() - start >= 1


def test_no_server_may_ask_for_more_patience_than_minutes(open_server):
    patience = transfer.open_session().get_adapter(open_server.url).max_retries
    answer = type("Answer", (), {"headers": {"Retry-After": "9999"}})()
    assert patience.get_retry_after(answer) == transfer.LONGEST_WAIT_S


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"page": True}, r"web page instead of the file \('<!DOCTYPE html>.*Log in.*login"),
        ({"status": 401}, r"refuses it \(401\).*login.*\[open_data.mirrors\]"),
        ({"status": 403}, r"refuses it \(403\)"),
        ({"status": 404}, r"not on the server \(404\).*\[open_data.mirrors\]"),
        ({"status": 418}, r"answers 418"),
    ],
)
def test_what_the_server_refuses_leaves_no_file(remote, open_server, fault, message):
    file = remote()
    open_server.fail("/a.tif", fault)
    with pytest.raises(ContractError, match=message):
        fetch(file)
    assert cached(file) == []


def test_a_server_that_stays_broken_is_an_error_that_says_so(remote, open_server):
    file = remote()
    open_server.fail("/a.tif", *[{"status": 503}] * transfer.ATTEMPTS)
    with pytest.raises(ContractError, match="answers 503, also when asked again"):
        fetch(file)
    assert cached(file) == []


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        (b"", {}, "an empty file"),
        (TIFF[10:], {}, r"not tiff \(its first bytes are"),
        (TIFF, {"kind": "netcdf"}, "not netcdf"),
        (b"\x89HDF\r\n\x1a\n", {}, "not tiff"),
        (b"<?xml version='1.0'?><Error/>", {"kind": "text"}, "web page"),
        (b"a\x00b", {"kind": "text"}, "not text"),
        (b"CDF\x01...", {"kind": "netcdf"}, "not netcdf"),
    ],
)
def test_what_is_not_the_file_is_not_kept(remote, open_server, content, settings, message):
    file = remote(**settings)
    open_server.put("/a.tif", content)
    with pytest.raises(ContractError, match=message):
        fetch(file)
    assert cached(file) == []


def test_right_kinds_pass(open_server, tmp_path):
    for name, kind, content in (
        ("b.nc", "netcdf", b"\x89HDF\r\n\x1a\n..."),
        ("d.txt", "text", "钻孔\t1".encode()),
    ):
        open_server.put(f"/{name}", content)
        fetch(RemoteFile(f"{open_server.url}/{name}", tmp_path / name, kind))


@pytest.mark.parametrize("kind", ["tiff", "netcdf", "text"])
def test_what_came_without_a_length_is_read_to_its_end(open_server, tmp_path, like, kind):
    content = {
        "tiff": lambda: like.tile(121, 49),
        "netcdf": lambda: like.cci_bytes(tmp_path, 2022).read_bytes(),
        "text": lambda: b"a\tb\n1\t2\n",
    }[kind]()
    open_server.put("/a", content, ETag="")
    file = RemoteFile(f"{open_server.url}/a", tmp_path / "cache" / "a", kind)
    for lost in (1, len(content) // 3):
        open_server.fail("/a", {"unmeasured": True, "cut": len(content) - lost})
        with pytest.raises(ContractError, match=r"cut off, .* does not say how long it is"):
            fetch(file)
        assert cached(file) == []
    open_server.fail("/a", {"unmeasured": True})
    assert fetch(file).read_bytes() == content


def test_only_files_that_cannot_be_read_or_have_changed_are_removed(open_server, tmp_path, like):
    content = like.tile(121, 49)
    files = []
    for name, served in (("a", content), ("b", content[:-2000]), ("c", content)):
        open_server.put(f"/{name}.tif", served)
        files.append(RemoteFile(f"{open_server.url}/{name}.tif", tmp_path / f"{name}.tif", "tiff"))
    fetch_all(files, progress=False)
    changed = bytearray(content)
    changed[-7] ^= 1
    files[2].path.write_bytes(changed)
    assert download.remove_broken(files) == [files[1].path, files[2].path]
    assert cached(files[0]) == ["a.tif", "a.tif.json"]


def test_packed_answers_are_refused(remote, open_server):
    open_server.put("/a.tif", TIFF, **{"Content-Encoding": "br"})
    file = remote()
    with pytest.raises(ContractError, match=r"packed \(Content-Encoding: br\)"):
        fetch(file)
    assert cached(file) == []


@pytest.mark.parametrize("fault", [{}, {"unmeasured": True}])
def test_an_answer_longer_than_any_file_is_broken_off(remote, open_server, monkeypatch, fault):
    monkeypatch.setitem(transfer.MOST_BYTES, "tiff", 200_000)
    open_server.fail("/a.tif", fault)
    arrived = []
    file = remote()
    with pytest.raises(ContractError, match=r"more than 0\.2 MB, which no tiff of these"):
        fetch(file, on_bytes=arrived.append)
    assert sum(arrived) < len(TIFF)
    assert cached(file) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"bytes": 400004}'])
def test_a_damaged_sidecar_counts_as_not_fetched(remote, open_server, content):
    file = remote()
    fetch(file)
    file.sidecar.write_text(content)
    assert not file.is_finished
    assert fetch(file).read_bytes() == TIFF
    assert len(open_server.requests) == 2


def test_a_file_another_run_is_fetching_is_left_alone(remote, open_server):
    file = remote()
    message = rf"a\.tif: process {os.getpid()} on .* is fetching it\. Wait"
    with locked(file.path, "fetching it"), pytest.raises(ContractError, match=message):
        fetch(file)
    assert open_server.requests == []
    fetch(file)
    assert cached(file) == ["a.tif", "a.tif.json"]


def test_a_lock_that_a_run_has_left_is_no_obstacle(remote):
    file = remote()
    file.path.parent.mkdir(exist_ok=True)
    file.path.with_name("a.tif.lock").write_text("")
    fetch(file)
    assert cached(file) == ["a.tif", "a.tif.json"]


def test_the_etag_of_s3_is_the_md5_and_that_of_others_is_not(remote, open_server):
    wrong = {"ETag": f'"{"0" * 32}"'}
    open_server.put("/a.tif", TIFF, **wrong)
    fetch(remote()).unlink()
    open_server.put("/a.tif", TIFF, **wrong, Server="AmazonS3")
    with pytest.raises(ContractError, match="published is 000"):
        fetch(remote())
    right = hashlib.md5(TIFF, usedforsecurity=False).hexdigest()
    open_server.put("/a.tif", TIFF, ETag=f'"{right}"', Server="AmazonS3")
    fetch(remote())


def test_a_signed_address_is_asked_for_and_written_nowhere(remote, open_server):
    signed = remote(sign=lambda url: f"{url}?sig=SECRET&se=1")
    open_server.put("/a.tif?sig=SECRET&se=1", TIFF)
    fetch(signed)
    assert "SECRET" not in signed.sidecar.read_text()
    lost = remote(url="http://127.0.0.1:9/a.tif", sign=lambda url: f"{url}?sig=SECRET")
    signed.path.unlink()
    with pytest.raises(ContractError, match=r"no answer .*HTTPS_PROXY") as error:
        fetch(lost)
    assert "SECRET" not in str(error.value)
    assert error.value.__cause__ is None


def test_passwords_and_tokens_are_cut_out_of_addresses():
    url = "https://me:secret@a.org/x?format=textfile&token=secret&year=2023&X-Amz-Signature=secret"
    assert transfer.without_secrets(url) == "https://a.org/x?format=textfile&year=2023"


def test_of_several_files_those_that_fail_are_told_together_at_the_end(
    open_server, tmp_path, monkeypatch
):
    names = [f"{i}.tif" for i in range(6)]
    files = [RemoteFile(f"{open_server.url}/{n}", tmp_path / n, "tiff") for n in names]
    for name in names[:4]:
        open_server.put(f"/{name}", TIFF)
    with pytest.raises(ContractError, match=r"2 of 6 files could not .*(?s:.)*4\.tif.*\n.*5\.tif"):
        fetch_all(files, progress=False)
    assert sorted(p.name for p in tmp_path.glob("*.tif")) == names[:4]
    open_server.put("/4.tif", TIFF)
    open_server.put("/5.tif", TIFF)
    open_server.requests.clear()
    assert fetch_all([*files, files[0]], progress=False) == [f.path for f in (*files, files[0])]
    assert sorted(path for _, path, _ in open_server.requests) == ["/4.tif", "/5.tif"]


def test_a_few_files_come_at_a_time_and_the_bar_counts_their_bytes(open_server, tmp_path, capsys):
    at_once, most, lock = [0], [0], threading.Lock()

    def sign(url):
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        time.sleep(0.05)
        with lock:
            at_once[0] -= 1
        return url

    for i in range(12):
        open_server.put(f"/{i}.tif", TIFF)
    files = [
        RemoteFile(f"{open_server.url}/{i}.tif", tmp_path / f"{i}.tif", "tiff", sign=sign)
        for i in range(12)
    ]
    fetch_all(files)
    assert 1 < most[0] <= download.FILES_AT_ONCE
    shown = capsys.readouterr().err
    assert "4.80M" in shown and "12 there" in shown


def test_sizes_come_from_the_server_or_the_cache_or_are_unknown(remote, open_server, tmp_path):
    gone = RemoteFile(f"{open_server.url}/gone.tif", tmp_path / "gone.tif", "tiff")
    dead = RemoteFile("http://127.0.0.1:9/a.tif", tmp_path / "dead.tif", "tiff")
    assert remote_sizes([remote(), gone, dead]) == [len(TIFF), None, None]
    fetch(remote())
    open_server.requests.clear()
    assert remote_sizes([remote()]) == [len(TIFF)]
    assert open_server.requests == []


def test_a_server_whose_name_nobody_knows_is_asked_once(tmp_path, monkeypatch):
    """Without a connection to the internet every name is unknown; waiting does not help."""
    asked = []

    def unknown(host, *_, **__):
        asked.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    file = RemoteFile("https://nowhere.invalid/a.tif", tmp_path / "a.tif", "tiff")
    with pytest.raises(ContractError, match=r"nowhere\.invalid.*connection to the internet"):
        fetch(file)
    assert asked == ["nowhere.invalid"]
