"""The notebooks in JupyterLab in a browser: they run clean, and their panels follow the keyboard.

The notebooks run once, in order, as each needs files of those before it.
"""

import re
from types import SimpleNamespace

import nbformat
import pytest
from lab_page import (
    MOVED,
    NAMED,
    accessible_name,
    cells,
    move_by_keyboard,
    new_page,
    opened_notebook,
    overflowing,
    panels,
    problems,
    restart_and_run_all,
)

from helpers.run import NOTEBOOKS

pytestmark = pytest.mark.browser

STILL_WORDS, STILL_PICTURE = (
    f"""
import matplotlib.pyplot as plt
from helpers import widgets

def draw(tenths):
    figure, axes = plt.subplots()
    axes.plot([0, {of_picture}])
    return figure, f"{{{of_words}}} tenths"

widgets.panel(draw, tenths=widgets.slider("Tenths", 0, 10, 3, 1))
"""
    for of_words, of_picture in ((3, "tenths"), ("tenths", 3))
)
BAR = "from tqdm import tqdm\nfor _ in tqdm(range(3)): pass"
WARNING = "import warnings; warnings.warn('planned')"
WIDE = """
from IPython.display import HTML

HTML("<table><tr><td style='min-width: 3000px'>wide</td></tr></table>")
"""
ERROR = "raise ValueError('planned')"


@pytest.fixture(scope="module")
def spoilt():
    """Notebooks with problems; those after them would only fail for want of their files."""
    return []


@pytest.fixture(scope="module", params=NOTEBOOKS)
def shown(request, browser, lab, spoilt):
    """A notebook after all its cells were run, still open: its page, its cells, its problems."""
    if spoilt:
        pytest.fail(f"{request.param} was not run, as {spoilt[0]} before it has problems")
    file_name = f"{request.param}.ipynb"
    with new_page(browser) as page, opened_notebook(page, lab, file_name):
        spoilt.append(request.param)  # also if it never ends
        restart_and_run_all(page)
        found = cells(page)
        told = problems(found)
        if not told:
            spoilt.clear()
        yield SimpleNamespace(page=page, cells=found, problems=told)


@pytest.fixture(scope="module")
def planned(lab, notebook_folder, browser):
    """A notebook with everything that must be found, run and still open."""
    sources = [BAR, WARNING, WIDE, STILL_WORDS, STILL_PICTURE, ERROR, "3"]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(s.strip()) for s in sources]
    )
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, notebook_folder / "planned.ipynb")
    with new_page(browser) as page, opened_notebook(page, lab, "planned.ipynb"):
        restart_and_run_all(page)
        yield page


def test_it_runs_without_an_error_or_a_warning(shown):
    assert shown.problems == []
    assert len(shown.cells) >= 5


def test_every_control_is_called_something(shown):
    names = [accessible_name(c) for p in panels(shown.page) for c in p.locator(NAMED).all()]
    assert names and all(names)


def test_every_control_changes_words_and_picture_by_keyboard(shown):
    unknown = "input, button, textarea"
    assert not any(panel.locator(unknown).count() for panel in panels(shown.page))
    still = {
        f"{accessible_name(control)}: {what}"
        for panel in panels(shown.page)
        for control in panel.locator(MOVED).all()
        for what in move_by_keyboard(panel, control)
    }
    assert still == set()


def test_nothing_is_cut_or_has_to_be_scrolled_on_a_laptop(shown):
    """Neither tables and pictures to the right, nor long outputs downwards."""
    shown.page.set_viewport_size({"width": 1280, "height": 720})
    assert overflowing(shown.page) == []


def test_it_asks_no_other_host(shown):
    assert shown.page.hosts == {"127.0.0.1"}


def test_planned_warnings_and_errors_are_found_and_a_progress_bar_is_none(planned):
    warning, source, error, not_run = problems(cells(planned))
    assert warning.startswith("code cell 2") and "UserWarning: planned" in warning
    assert source.startswith("code cell 2") and source.endswith("warnings.warn('planned')")
    assert error == "code cell 6 (raise ValueError('planned')): ValueError: planned"
    assert not_run == "code cell 7 (3): was not run"


def test_panels_of_which_a_part_does_not_follow_are_found(planned):
    first, second = panels(planned)
    assert move_by_keyboard(first, first.locator(MOVED), within_ms=3000) == ["words"]
    assert move_by_keyboard(second, second.locator(MOVED), within_ms=3000) == ["pictures"]


def test_an_output_wider_than_its_place_is_found(planned):
    (wide,) = overflowing(planned)
    assert re.match(r"code cell 3 .*: DIV of 3\d\d\d px width where \d+ px are shown", wide)
