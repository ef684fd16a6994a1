"""Signals to a run in the middle of a cell: Ctrl-C, SIGTERM, a killed parent, a laptop asleep."""

import os
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="needs signals of Unix"),
]
RUN = """
import sys
from pathlib import Path
from helpers.executing import run_in_order
path = Path(sys.argv[1])
print([done.name for done in run_in_order([path], path.parent / "executed", [{}])])
"""
CELL = """
import os, time
from joblib import Parallel, delayed
pids = Parallel(n_jobs=2)(delayed(os.getpid)() for _ in range(4))
open("running", "w").close()
for _ in range(40): time.sleep(0.1)
"""
MOST_S = 60


def minding_ctrl_c():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def struck(tmp_path):
    """Start a run, wait until it is in its cell, do something to it; status and seconds it took."""
    spec = {"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)], metadata=spec)
    nbformat.write(notebook, tmp_path / "0.ipynb")
    (tmp_path / "executed").mkdir()
    command = [sys.executable, "-c", RUN, str(tmp_path / "0.ipynb")]
    members = []

    def strike(act):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        # What a shell runs in the background ignores Ctrl-C, and hands that on.
        run = psutil.Popen(command, preexec_fn=minding_ctrl_c, **pipes)
        waited = time.monotonic()
        while not (tmp_path / "running").exists():
            assert run.poll() is None and time.monotonic() < waited + 2 * MOST_S
            time.sleep(0.05)
        members.extend([run, *run.children(recursive=True)])
        act(members)
        told, _ = run.communicate(timeout=MOST_S)
        return run.returncode, told, psutil.wait_procs(members, MOST_S)[1]

    yield strike
    for member in members:
        if member.is_running():
            member.kill()


def alive(processes):
    """An orphan stays a zombie where nothing collects it."""
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_ends_with_all_it_has_started(struck, tmp_path, number):
    status, told, left = struck(lambda members: members[0].send_signal(number))
    assert status != 0 and told == ""
    assert alive(left) == []
    assert not (tmp_path / "executed" / "0.ipynb").exists()


def test_workers_end_when_the_run_and_its_kernel_are_killed_at_once(struck):
    """As by a kernel that sees the end of the run first, and ends without its workers."""

    def kill_both(members):
        for member in members:
            if member == members[0] or "ipykernel_launcher" in " ".join(member.cmdline()):
                member.kill()

    status, _, left = struck(kill_both)
    assert status != 0
    assert alive(left) == []


def test_a_run_that_slept_goes_on(struck, tmp_path):
    def sleep(members):
        for member in members:
            member.suspend()
        time.sleep(6)
        for member in members:
            member.resume()

    status, told, _ = struck(sleep)
    assert (status, told.strip()) == (0, "['0.ipynb']")
    assert (tmp_path / "executed" / "0.ipynb").is_file()
