"""JupyterLab and Chromium for the tests of the notebooks as people see them.

The browser lives as long as one test file, not the whole session: while it does, its event loop
runs in the main thread, where nothing else could start one.
"""

import os

import pytest

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None


from lab_page import HOW_TO_GET, find_chromium, launch
from lab_server import copy_notebooks, copy_study, running_lab

RESOLUTION_M, N_TREES = 20_000, 20


def _missing(what):
    """Without a browser there is nothing to test, unless this machine promised one."""
    if os.environ.get("PERMAFROST_NEED_BROWSER") == "1":
        pytest.fail(f"{what} (PERMAFROST_NEED_BROWSER=1 allows no skipping)")
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window."""
    if sync_playwright is None:
        _missing("playwright is not installed; get it with `pip install playwright`")
    with sync_playwright() as playwright:
        if find_chromium(playwright) is None:
            _missing(f"no Chromium found; get one with {HOW_TO_GET}")
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def project_copy(tmp_path_factory):
    """Empty project that study and notebooks are copied into, as they lie in the real one."""
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="session")
def study_copy(project_copy):
    """The embedded study before any run."""
    return copy_study(project_copy)


@pytest.fixture(scope="session")
def notebook_folder(project_copy, study_copy):
    """The seven notebooks on coarse cells with few trees, on the copied study."""
    return copy_notebooks(project_copy, study_copy / "study.toml", RESOLUTION_M, N_TREES)


@pytest.fixture(scope="module")
def lab(browser, notebook_folder, tmp_path_factory):
    """JupyterLab on the copied notebooks; it is not started where there is no browser."""
    with running_lab(notebook_folder, tmp_path_factory.mktemp("lab")) as server:
        yield server
