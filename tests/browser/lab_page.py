"""JupyterLab as a person uses it: open a notebook, run it, move its controls by keyboard."""

import contextlib
import re
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET = "`apt install chromium`, or `python -m playwright install chromium`"
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
RUNS_WITHIN_MS = 300_000
APPEARS_WITHIN_MS = 20_000
KEY_PRESSES = 5  # a slider may step by less than a cell of the map
MOVED = ".widget-slider .noUi-handle, .widget-dropdown select, .widget-select-multiple select"
NAMED = "select, input, button, [role=slider], .widget-readout"
WIDGET = "application/vnd.jupyter.widget-view+json"
PANEL = f".jp-OutputArea-output:has({MOVED})"

NOTEBOOK = "jupyterapp.shell.currentWidget"
CODE_CELLS = f"""Array.from({NOTEBOOK}.content.model.cells)
    .filter(cell => cell.type === 'code' && cell.sharedModel.getSource().trim())"""
IS_IDLE = f"() => {NOTEBOOK}?.sessionContext?.kernelDisplayStatus === 'idle'"
# After an error the cells below are never run, so an error ends the waiting as well.
IS_DONE = f"""() => {{
    const cells = {CODE_CELLS};
    return {NOTEBOOK}.sessionContext.kernelDisplayStatus === 'idle'
        && cells.every(cell => cell.executionState !== 'running')
        && (cells.every(cell => cell.executionCount)
            || cells.some(cell => cell.outputs.toJSON().some(o => o.output_type === 'error')));
}}"""
READ_CELLS = f"""() => {CODE_CELLS}.map(cell => ({{
    source: cell.sharedModel.getSource(),
    count: cell.executionCount,
    outputs: cell.outputs.toJSON(),
}}))"""
# Outputs that are cut, or that scroll in themselves; 2 px are for rounding.
OVERFLOWING = """() => Array.from(document.querySelectorAll('.jp-CodeCell')).flatMap((cell, i) => {
    const outputs = Array.from(cell.querySelectorAll('.jp-OutputArea-output')).flatMap(
        output => [output, ...output.querySelectorAll('*')]);
    const wide = outputs.find(e => e.scrollWidth > e.clientWidth + 2 && e.clientWidth > 0
        && getComputedStyle(e).overflowX !== 'visible');
    const long = outputs.find(e => e.scrollHeight > e.clientHeight + 2 && e.clientHeight > 0
        && ['auto', 'scroll'].includes(getComputedStyle(e).overflowY));
    const first = cell.querySelector('.cm-line')?.innerText;
    const told = (e, way, has, shows) => `code cell ${i + 1} (${first}): ${e.tagName} of `
        + `${has} px ${way} where ${shows} px are shown`;
    return [
        ...(wide ? [told(wide, 'width', wide.scrollWidth, wide.clientWidth)] : []),
        ...(long ? [told(long, 'height', long.scrollHeight, long.clientHeight)] : []),
    ];
})"""
# What a panel shows: its words without those that belong to a control, and its pictures.
SHOWN = """panel => ({
    words: Array.from(panel.querySelectorAll('.widget-html-content, .widget-label'))
        .filter(e => !e.closest('.widget-slider, .widget-dropdown, .widget-select-multiple'))
        .map(e => e.innerText).join('\\n').trim(),
    pictures: Array.from(panel.querySelectorAll('.jupyter-widgets img')).map(e => e.src).join(' '),
})"""


def find_chromium(playwright):
    """Path of Chromium: one of the system, or the one that playwright has installed; or None."""
    for name in CHROMIUM_NAMES:
        if found := shutil.which(name):
            return found
    own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def launch(playwright):
    """Chromium without a window, which cannot find any other host."""
    only_here = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    return playwright.chromium.launch(
        executable_path=find_chromium(playwright), args=[*SWITCHES, only_here]
    )


@contextlib.contextmanager
def new_page(browser, width=1400, height=1600):
    """A page with nothing remembered; ``page.hosts`` are those it has asked for something."""
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.hosts = set()

    def note(url):
        if (parts := urlsplit(url)).scheme in ("http", "https", "ws", "wss"):
            page.hosts.add(parts.hostname)

    context.on("request", lambda request: note(request.url))
    page.on("websocket", lambda socket: note(socket.url))
    try:
        yield page
    finally:
        context.close()


@contextlib.contextmanager
def opened_notebook(page, lab, file_name):
    """The notebook with its kernel ready; at the end the kernel is stopped."""
    page.goto(f"{lab.url}/lab/tree/{file_name}?reset&token={lab.token}")
    page.locator(".jp-Notebook").wait_for(timeout=60_000)
    page.wait_for_function(IS_IDLE, timeout=60_000)
    try:
        yield page
    finally:
        page.evaluate(f"async () => {{ await {NOTEBOOK}.sessionContext.shutdown(); }}")


def restart_and_run_all(page, within_ms=RUNS_WITHIN_MS):
    """Kernel > Restart Kernel and Run All Cells, and wait until it is done or has failed."""
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Kernel$")).click()
    page.locator(".lm-Menu-item", has_text="Restart Kernel and Run All Cells").click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.wait_for_function(IS_DONE, timeout=within_ms)


def cells(page):
    """Source, execution count and outputs of every code cell, from the model of the notebook."""
    return page.evaluate(READ_CELLS)


def _text(value):
    return value if isinstance(value, str) else "".join(value)


def _is_progress(line):
    """A line of tqdm, or what is left of one that was drawn over."""
    return not line.strip() or re.search(r"\d+%\|.*\|", line) is not None


def _output_problems(output):
    if output["output_type"] == "error":
        yield f"{output['ename']}: {output['evalue']}"
    elif output["output_type"] == "stream" and output["name"] == "stderr":
        for line in re.split(r"[\r\n]+", _text(output["text"])):
            if not _is_progress(line):
                yield f"stderr: {line.strip()}"


def problems(found):
    """What a reader of a notebook must never see: errors, warnings, cells that did not run."""
    told = []
    for number, cell in enumerate(found, 1):
        where = f"code cell {number} ({cell['source'].splitlines()[0][:60]})"
        told += [f"{where}: {what}" for o in cell["outputs"] for what in _output_problems(o)]
        if not cell["count"]:
            told.append(f"{where}: was not run")
    return told


def wait_for(value, within_ms):
    """What ``value()`` gives as soon as it is true, or at the end of the time."""
    until = time.monotonic() + within_ms / 1000
    while not (found := value()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def panels(page):
    """The panels of the notebook; they appear some time after their cells have ended."""
    expected = sum(
        "widgets.panel(" in cell["source"]
        and any(WIDGET in o.get("data", {}) for o in cell["outputs"])
        for cell in cells(page)
    )
    complete = page.locator(PANEL).filter(has=page.locator("img"))
    assert expected, "no cell makes a panel"
    assert wait_for(lambda: complete.count() >= expected, APPEARS_WITHIN_MS), (
        f"{complete.count()} panels with a picture where {expected} cells make one"
    )
    return complete.all()


def accessible_name(control):
    """What a screen reader calls the control; empty if it has no name."""

    def name():
        found = re.search(r'^- \w+ "(.+?)"', control.aria_snapshot())
        return found.group(1) if found else ""

    return wait_for(name, APPEARS_WITHIN_MS)


def overflowing(page):
    """Outputs that are wider or higher than the place they have."""
    page.wait_for_timeout(500)  # for the page to be laid out again
    return page.evaluate(OVERFLOWING)


def _keys(control):
    """Keys that move the control: a slider towards its farther end, a list to another entry."""
    if control.evaluate("e => e.tagName") != "SELECT":
        low, now, high = (
            float(control.get_attribute(f"aria-value{which}")) for which in ("min", "now", "max")
        )
        return ["ArrowRight" if high - now >= now - low else "ArrowLeft"] * KEY_PRESSES
    at_end = control.evaluate("e => e.selectedIndex === e.options.length - 1")
    return ["ArrowUp" if at_end else "ArrowDown"]


def move_by_keyboard(panel, control, within_ms=APPEARS_WITHIN_MS):
    """Move a control with keys; say what of its panel has not changed when the time is up."""
    control.scroll_into_view_if_needed()
    control.focus()
    before = panel.evaluate(SHOWN)
    for key in _keys(control):
        control.page.keyboard.press(key)

    def still_the_same():
        now = panel.evaluate(SHOWN)
        return [what for what in before if now[what] == before[what]]

    wait_for(lambda: not still_the_same(), within_ms)
    return still_the_same()
