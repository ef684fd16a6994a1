"""requirements.lock gives every platform one version of all that pyproject.toml asks for."""

import re
import tomllib
from itertools import chain, product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
WANTED = [*PYPROJECT["dependencies"], *chain(*PYPROJECT["optional-dependencies"].values())]
ENTRIES = re.split(r"\n(?=\S)", (PROJECT / "requirements.lock").read_text("utf-8").rstrip())
LOCKED = [Requirement(entry.partition(" \\\n")[0]) for entry in ENTRIES]
PYTHONS = ("3.11.0", "3.11.9", "3.12.0", "3.13.0", "3.14.0")
# Of sys: the platform; of os: the name; of platform: the system; processors.
PLATFORMS = (
    ("linux", "posix", "Linux", ("x86_64", "aarch64")),
    ("darwin", "posix", "Darwin", ("x86_64", "arm64")),
    ("win32", "nt", "Windows", ("AMD64",)),
)


def environments():
    """What markers ask for, on each platform and Python."""
    for full, (platform, os_name, system, machines) in product(PYTHONS, PLATFORMS):
        for machine in machines:
            yield {
                "python_version": full.rpartition(".")[0],
                "python_full_version": full,
                "implementation_name": "cpython",
                "implementation_version": full,
                "platform_python_implementation": "CPython",
                "sys_platform": platform,
                "os_name": os_name,
                "platform_system": system,
                "platform_machine": machine,
            }


@pytest.mark.parametrize(
    "environment",
    list(environments()),
    ids=lambda e: f"{e['python_full_version']}-{e['sys_platform']}-{e['platform_machine']}",
)
def test_each_platform_gets_one_version_of_each_package_within_the_bounds(environment):
    given = [r for r in LOCKED if r.marker is None or r.marker.evaluate(environment)]
    versions = {canonicalize_name(r.name): next(iter(r.specifier)).version for r in given}
    assert len(versions) == len(given)
    wanted = [Requirement(text) for text in WANTED]
    assert {r.name for r in wanted} <= versions.keys()
    assert [str(r) for r in wanted if not r.specifier.contains(versions[r.name])] == []


def test_every_entry_is_one_exact_version_with_sha256_hashes():
    for entry, requirement in zip(ENTRIES, LOCKED, strict=True):
        first, *hashes = entry.split(" \\\n")
        assert hashes, first
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", line) for line in hashes), first
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), first


def test_markers_ask_for_python_and_platform_alone():
    """Nothing may depend on an extra or on what only one machine has, as its kernel's release."""
    known = {"python_version", "python_full_version", "implementation_name"}
    known |= {"sys_platform", "os_name", "platform_machine", "platform_system"}
    for requirement in LOCKED:
        asked = re.sub(r"(['\"]).*?\1", "", str(requirement.marker or ""))
        assert set(re.findall(r"[a-z_]+", asked)) <= known | {"and", "or", "in", "not"}, requirement


def test_makefile_and_pyproject_ask_for_the_same_python():
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    check = re.search(r"\((\d+), (\d+)\) <= v < \((\d+), (\d+)\)", makefile)
    first, last = ".".join(check.group(1, 2)), ".".join(check.group(3, 4))
    assert SpecifierSet(PYPROJECT["requires-python"]) == SpecifierSet(f">={first},<{last}")
    assert {".".join(full.split(".")[:2]) for full in PYTHONS} == {
        f"3.{minor}" for minor in range(int(check[2]), int(check[4]))
    }
