"""How fast the panels of the notebooks follow their controls; `make bench` prints a table.

The notebooks themselves are run, each in a fresh process in a copy of the study, and each panel
they show is moved through some values of each control. Seconds are those of the processor, for
drawing, picture and page: a panel shall follow within half a second of a quiet machine.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
STUDY = Path("data") / "northeast_china"
LIMIT_S, MOVES = 0.5, 6
RUN = """
import json, os, sys, time
import matplotlib
import nbformat
from IPython.display import display

matplotlib.use("Agg")
from helpers import widgets

notebook, values, moves = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
make, rows = widgets.panel, []

def others(control):
    now, name = control.value, type(control).__name__
    if name == "FloatSlider":
        span = control.max - control.min
        found = [control.min + (i + 0.5) / moves * span for i in range(moves)]
    elif name == "SelectMultiple":
        found = [control.options[: i + 1] for i in range(moves)]
    else:
        found = control.options[:: max(len(control.options) // moves, 1)][:moves]
    return [value for value in found if value != now]

def panel(draw, **controls):
    shown = make(draw, **controls)
    for control in controls.values():
        seconds = []
        for value in others(control):
            start = time.process_time()
            control.value = value
            seconds.append(time.process_time() - start)
        rows.append((control.description, len(seconds), sum(seconds) / len(seconds), max(seconds)))
    return shown

widgets.panel = panel
scope = {"__name__": "__main__", "display": display}
for cell in nbformat.read(notebook, 4).cells:
    if cell.cell_type == "code":
        exec(cell.source, scope)
        scope.update(values if "parameters" in cell.metadata.get("tags", []) else {})
print(json.dumps(rows))
"""


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    """Copy of notebooks and study, without what a run left."""
    folder = tmp_path_factory.mktemp("project")
    left_out = shutil.ignore_patterns("interim", "output", ".ipynb_checkpoints")
    for part in (STUDY, Path("notebooks")):
        shutil.copytree(PROJECT / part, folder / part, ignore=left_out)
    return folder / "notebooks"


@pytest.mark.parametrize(
    "values",
    [{"resolution_m": 10_000, "n_trees": 100}, {}],
    ids=["first look", "study"],
)
def test_every_panel_follows_within_half_a_second(notebooks, values):
    print(f"\n{'':24} {'control':<24} {'moves':>6} {'mean (s)':>9} {'largest':>9}")
    slow = []
    for path in sorted(notebooks.glob("0*.ipynb")):
        command = [sys.executable, "-c", RUN, path.name, json.dumps(values), str(MOVES)]
        run = {"capture_output": True, "text": True, "check": False, "cwd": notebooks}
        done = subprocess.run(command, **run)  # noqa: S603
        assert done.returncode == 0, done.stderr[-3000:]
        rows = json.loads(done.stdout.splitlines()[-1])
        assert rows, f"{path.name} has no panel"
        for control, moves, mean, largest in rows:
            print(f"  {path.stem:<22} {control:<24} {moves:>6} {mean:9.2f} {largest:9.2f}")
            slow += [f"{path.stem}: {control}"] if mean > LIMIT_S else []
    assert not slow
