"""The web site as people see it: opened from the disk, wide and narrow."""

import pytest
from lessons import write_run

from helpers.run import NOTEBOOKS
from helpers.study import load_study
from helpers.web_pages import site

pytestmark = pytest.mark.browser

PAGES = ("index", *NOTEBOOKS, "glossary")
SIZES = {"desk": (1280, 720), "phone": (390, 844)}
# Boxes that scroll by themselves may be wider than what they show; the page may not.
PAGE_WIDTH = "() => document.documentElement.scrollWidth"
PICTURES_SEEN = "() => [...document.images].every(image => image.naturalWidth > 0)"
STYLE_SEEN = "() => getComputedStyle(document.querySelector('.bar')).display"


@pytest.fixture
def index(study_folder, monkeypatch):
    monkeypatch.setattr(site, "results", lambda study: {"Sites": "104 used of 112"})
    study = load_study(study_folder)
    write_run(study)
    return site.write_site(study)


@pytest.mark.parametrize("size", SIZES)
def test_pages_open_from_the_disk_without_complaint_and_fit_the_screen(browser, index, size):
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height})
    wrong, hosts = [], set()
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on("request", lambda request: hosts.add(request.url.partition(":")[0]))
    for name in PAGES:
        page.goto(index.with_name(f"{name}.html").as_uri())
        assert page.evaluate(PAGE_WIDTH) <= width, name
        assert page.evaluate(PICTURES_SEEN) and page.evaluate(STYLE_SEEN) == "flex", name
    page.close()
    assert wrong == [] and hosts == {"file"}


def test_the_first_key_leads_past_the_menu_and_solutions_unfold(browser, index):
    page = browser.new_page()
    page.goto(index.with_name(f"{NOTEBOOKS[1]}.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    code = page.locator("details .highlight")
    assert not code.is_visible()
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    assert code.is_visible()
    page.close()
