"""pyproject.toml, environment.yml and requirements.lock must say the same."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

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
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
LOCK = (PROJECT / "requirements.lock").read_text("utf-8")


def name_and_bounds(requirement):
    return re.fullmatch(r"([a-z0-9_-]+) ?(.*)", requirement).groups()


def imported(folder):
    """Distributions of the modules that the files of a folder import, each with its names."""
    trees = (ast.parse(path.read_text("utf-8")) for path in (PROJECT / folder).rglob("*.py"))
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    modules = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    installed = packages_distributions()
    return {m: set(map(canonicalize_name, installed[m])) for m in modules & installed.keys()}


def test_all_that_the_program_imports_is_asked_for():
    """What merely comes with another package is gone when that package no longer needs it."""
    extra = PYPROJECT["optional-dependencies"]["open"]
    asked = {name_and_bounds(x)[0] for x in PYPROJECT["dependencies"] + extra} | {PYPROJECT["name"]}
    assert {m for m, given in imported("src").items() if not given & asked} == set()


def test_conda_and_pip_ask_for_the_same_packages_and_bounds():
    lines = (PROJECT / "environment.yml").read_text("utf-8").splitlines()
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
    text = (PROJECT / "environment.yml").read_text("utf-8")
    assert re.findall(r"^      - (.*)$", text, re.MULTILINE) == ["-e ."]
