"""Kill runs of a whole study at random moments, look at what is left, and run to the end.

``python tests/faults/kill_runs.py FOLDER --kills 16 --seed 0`` makes a small study in FOLDER, or,
with ``--embedded``, takes the embedded one in fast mode. After each kill every result must be the
file of an undisturbed run or absent, and no process may be left; at the end all bytes must be those
of the undisturbed run. Every other time or so there are results of an earlier run.
"""

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bad_input.good_study import write_good_study

EMBEDDED = Path(__file__).resolve().parents[2] / "data" / "northeast_china"
RESULTS = ("interim", "output", "figures")
GRACE_S = 20.0
WAYS = {
    "all at once": signal.SIGKILL,
    "parent only": signal.SIGKILL,
    "asked to end": signal.SIGTERM,
    "Ctrl-C": signal.SIGINT,
    "sleep": signal.SIGSTOP,
}


def minding_ctrl_c():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(study, fast, log):
    """A run of its own session, so that no signal reaches this program."""
    command = [sys.executable, "-m", "helpers.run", "map", str(study), *(["--fast"] * fast)]
    with log.open("ab") as text:
        # What a shell runs in the background ignores Ctrl-C, and hands that on.
        return subprocess.Popen(  # noqa: S603
            command, stdout=text, stderr=text, start_new_session=True, preexec_fn=minding_ctrl_c
        )


def digests(study):
    """Digest of each result under its own name; of an executed notebook, that it is whole."""
    found = {}
    for path in (p for kind in RESULTS for p in (study / kind).rglob("*") if p.is_file()):
        name = str(path.relative_to(study))
        # Unfinished files, locks and journals are no results.
        if any(part.startswith(".") or "unfinished" in part for part in Path(name).parts):
            continue
        if path.name == "run.json" or path.name.endswith((".lock", ".lock.json")):
            continue
        whole = path.suffix == ".ipynb" and is_executed(path)
        found[name] = "executed" if whole else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def is_executed(path):
    """Whether a notebook can be read and all its cells were run."""
    cells = nbformat.read(path, as_version=4).cells
    return all(c.execution_count for c in cells if c.cell_type == "code" and c.source.strip())


def family(process):
    """The run and all it has started."""
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def signalled(members, number):
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.send_signal(number)


def struck(process, way):
    """Strike a run; those that are still there after a while, and the seconds it took."""
    members, began = family(process), time.monotonic()
    signalled(members if way in ("all at once", "sleep") else members[:1], WAYS[way])
    if way == "sleep":
        time.sleep(8)
        signalled(members, signal.SIGCONT)
        return [], 0.0
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_S)
    _, left = psutil.wait_procs(members, GRACE_S)
    left = [p for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    signalled(left, signal.SIGKILL)
    return left, time.monotonic() - began


def run_to_the_end(study, fast, log):
    began = time.monotonic()
    status = started(study, fast, log).wait()
    if status:
        raise SystemExit(f"the run ended with {status}, see {log}")
    return digests(study), time.monotonic() - began


def with_results_of(kept, study):
    """Put results in place, or none."""
    for kind in RESULTS:
        shutil.rmtree(study / kind, ignore_errors=True)
        if kept and (kept / kind).is_dir():
            shutil.copytree(kept / kind, study / kind)


def prepared(folder, embedded):
    """A study without results."""
    (folder / "data").mkdir(parents=True)
    if not embedded:
        return write_good_study(folder / "data")
    study = folder / "data" / "mine"
    return shutil.copytree(EMBEDDED, study, ignore=shutil.ignore_patterns(*RESULTS))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=16)
    parser.add_argument("--in-a-row", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--embedded", action="store_true")
    given = parser.parse_args()
    chance, log = random.Random(given.seed), given.folder / "log.txt"  # noqa: S311
    study = prepared(given.folder, given.embedded)
    reference, seconds = run_to_the_end(study, given.embedded, log)
    print(f"undisturbed: {len(reference)} files, {seconds:.0f} s", flush=True)
    kept = shutil.copytree(study, given.folder / "kept")
    tried = lost = 0
    while tried < given.kills:
        with_results_of(kept if chance.random() < 0.5 else None, study)
        for _ in range(given.in_a_row):
            process, way = started(study, given.embedded, log), chance.choice(list(WAYS))
            delay = chance.uniform(1, seconds / 4)
            try:
                process.wait(delay)
                print(f"ended before {delay:.0f} s", flush=True)
                break
            except subprocess.TimeoutExpired:
                left, took = struck(process, way)
            tried += 1
            if way == "sleep":
                status = process.wait()
                print(f"{way} at {delay:.1f} s: then ended with {status}", flush=True)
                lost += status != 0
                break
            half = {
                name: digest
                for name, digest in digests(study).items()
                if digest != reference.get(name)
            }
            lost += bool(half or left)
            print(
                f"{way} at {delay:.1f} s: ended {process.returncode}, all gone after {took:.1f} s, "
                f"left {[p.pid for p in left]}, half {sorted(half)}",
                flush=True,
            )
        found, again = run_to_the_end(study, given.embedded, log)
        other = sorted(n for n in found.keys() | reference if found.get(n) != reference.get(n))
        unfinished = sorted(p.name for p in study.rglob("*") if ".unfinished" in p.name)
        lost += bool(other or unfinished)
        print(f"to the end in {again:.0f} s: differs {other}, left {unfinished}", flush=True)
    print(f"tried {tried}, survived {tried - lost}, lost {lost}")
    return int(lost > 0)


if __name__ == "__main__":
    os.environ["PYTHONUNBUFFERED"] = "1"
    sys.exit(main())
