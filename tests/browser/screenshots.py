"""Pictures of the seven notebooks in JupyterLab, from top to bottom, for people to look at.

``python tests/browser/screenshots.py FOLDER`` runs them on a copy of the embedded study, on
coarse cells with few trees; ``--resolution-m 1000 --trees 500`` is the study as it stands.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

from lab_page import (
    cells,
    launch,
    new_page,
    opened_notebook,
    overflowing,
    panels,
    problems,
    restart_and_run_all,
)
from lab_server import copy_notebooks, copy_study, running_lab
from playwright.sync_api import sync_playwright

from helpers.run import NOTEBOOKS

TALL = 3000  # px; pictures of a higher page are refused by some viewers
SIZES = ((1400, TALL), (1280, TALL))
LAPTOP = (1280, 720)
RUNS_WITHIN_MS = 3_600_000
SCROLLER = ".jp-WindowedPanel-outer"
# Below the last cell JupyterLab leaves room to scroll on, of which nobody needs a picture.
HEIGHT = """scroller => Array.from(scroller.querySelectorAll('.jp-Cell')).at(-1)
    .getBoundingClientRect().bottom - scroller.getBoundingClientRect().top + scroller.scrollTop"""
SCROLL = "(scroller, top) => { scroller.scrollTop = top; }"


def _resize(page, size):
    page.mouse.move(0, 0)  # what is under the mouse is drawn otherwise
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_timeout(1000)  # for the page to be laid out again


def shoot(page, folder, name):
    """Save pictures of the notebook that is open, one for each step of scrolling."""
    scroller = page.locator(SCROLLER).first
    for size in SIZES:
        _resize(page, size)
        step = scroller.evaluate("e => e.clientHeight") - 50  # pictures overlap a little
        steps = math.ceil(scroller.evaluate(HEIGHT) / step)
        for number in range(steps):
            scroller.evaluate(SCROLL, number * step)
            page.wait_for_timeout(200)
            page.screenshot(path=folder / f"{name}_{size[0]}_{number + 1:02}.png")
    _resize(page, LAPTOP)
    scroller.evaluate(SCROLL, 0)
    page.screenshot(path=folder / f"{name}_laptop.png")


def run_and_shoot(browser, lab, name, folder):
    """Run one notebook, save its pictures, and print what is wrong with it."""
    start = time.perf_counter()
    with new_page(browser) as page, opened_notebook(page, lab, f"{name}.ipynb"):
        restart_and_run_all(page, RUNS_WITHIN_MS)
        panels(page)
        ran = time.perf_counter() - start
        shoot(page, folder, name)
        found = [*problems(cells(page)), *overflowing(page)]
    print(f"{name}: run in {ran:.0f} s", *found, sep="\n  ", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--resolution-m", type=float, default=20_000, help="cell size, m")
    parser.add_argument("--trees", type=int, default=20, help="trees of the forest")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        project, browser = Path(temporary) / "project", launch(playwright)
        study = copy_study(project)
        notebooks = copy_notebooks(project, study / "study.toml", given.resolution_m, given.trees)
        with running_lab(notebooks, Path(temporary) / "lab") as lab:
            for name in NOTEBOOKS:
                run_and_shoot(browser, lab, name, given.folder)
        browser.close()


if __name__ == "__main__":
    main()
