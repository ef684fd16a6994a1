"""pyproject.toml, environment.yml and requirements.lock must say the same."""

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
# conda-forge names that differ from those on PyPI
CONDA_NAMES = {
    "dask": "dask-core",
    "jupyter-client": "jupyter_client",
    "jupyter-core": "jupyter_core",
    "matplotlib": "matplotlib-base",
    "nbconvert": "nbconvert-core",
    "pandera": "pandera-base",
    "pvlib": "pvlib-python",
}
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
LOCK = (PROJECT / "requirements.lock").read_text()


def name_and_bounds(requirement):
    return re.fullmatch(r"([a-z0-9_-]+) ?(.*)", requirement).groups()


def test_conda_and_pip_ask_for_the_same_packages_and_bounds():
    lines = (PROJECT / "environment.yml").read_text().splitlines()
    conda = dict(
        name_and_bounds(m[1]) for m in (re.fullmatch(r"  - (\S.*[^:])", x) for x in lines) if m
    )
    assert conda.pop("python") == PYPROJECT["requires-python"]
    conda.pop("pip")
    conda.pop("conda-forge", None)
    pip = dict(map(name_and_bounds, PYPROJECT["dependencies"]))
    assert conda == {CONDA_NAMES.get(name, name): bounds for name, bounds in pip.items()}


@pytest.mark.parametrize(
    "requirement", PYPROJECT["dependencies"] + PYPROJECT["optional-dependencies"]["test"]
)
def test_every_requirement_is_bounded_and_locked_with_hashes(requirement):
    name, bounds = name_and_bounds(requirement)
    assert "<" in bounds or name == "setuptools"
    locked = re.search(rf"^{name}==[^\n]*\\\n    --hash=sha256:", LOCK, re.MULTILINE)
    assert locked, name


def test_the_lock_names_no_registry():
    assert "://" not in LOCK
    assert "index-url" not in LOCK


def test_the_pip_section_of_conda_is_the_project_alone_without_options():
    """Conda hands these lines to pip as a requirements file, in which pip refuses --no-deps."""
    text = (PROJECT / "environment.yml").read_text()
    assert re.findall(r"^      - (.*)$", text, re.MULTILINE) == ["-e ."]
