"""What a browser test needs besides the browser: a copied project and JupyterLab on it."""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import nbformat

from helpers.run import NOTEBOOKS, PROJECT

STARTS_WITHIN_S = 90
EMBEDDED = PROJECT / "data" / "northeast_china"
# No news, no look for updates, every cell in the page from the start, nothing saved unasked.
SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "notebook-extension/tracker": {"windowingMode": "none"},
    "docmanager-extension/plugin": {"autosave": False},
}


def copy_study(project, source=EMBEDDED):
    """Copy a study, without what runs have written, into the data folder of another project."""
    target = project / "data" / source.name
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("interim", "output"))
    return target


def with_parameters(notebook, **values):
    """Set values in the one cell tagged ``parameters``; each must stand there already."""
    (cell,) = (c for c in notebook.cells if "parameters" in c["metadata"].get("tags", []))
    for name, value in values.items():
        line = f"{name} = {value!r}"
        cell["source"], found = re.subn(
            rf"^{name} = .*$", lambda _, line=line: line, cell["source"], flags=re.MULTILINE
        )
        assert found == 1, f"{name} stands {found} times in the parameters:\n{cell['source']}"
    return notebook


def copy_notebooks(project, study_file, resolution_m, n_trees):
    """Copy the notebooks into another project, with its study, cell size and trees filled in."""
    folder = project / "notebooks"
    folder.mkdir()
    values = {"study_file": str(study_file), "resolution_m": resolution_m, "n_trees": n_trees}
    for name in NOTEBOOKS:
        notebook = nbformat.read(PROJECT / "notebooks" / f"{name}.ipynb", as_version=4)
        nbformat.write(with_parameters(notebook, **values), folder / f"{name}.ipynb")
    return folder


def _environment(folder):
    """Environment of a JupyterLab that knows nothing of the person who runs the tests."""
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    for name in places.values():
        (folder / name).mkdir(parents=True)
    for name, values in SETTINGS.items():
        file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")
    # A backend for pictures that the tests ask for must not reach the notebooks.
    kept = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return kept | {name: str(folder / place) for name, place in places.items()}


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _command(root, port, token):
    settings = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": root,
        "IdentityProvider.token": token,
        "LabApp.expose_app_in_browser": True,
        "LabApp.news_url": None,
    }
    switches = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *switches]


def _answers(url, token):
    status = urllib.request.Request(  # noqa: S310 (an address made here, on this machine)
        f"{url}/api/status", headers={"Authorization": f"token {token}"}
    )
    try:
        with urllib.request.urlopen(status, timeout=5) as answer:  # noqa: S310
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _wait_until_ready(process, url, token, log):
    until = time.monotonic() + STARTS_WITHIN_S
    while not _answers(url, token):
        dead, late = process.poll() is not None, time.monotonic() > until
        if dead or late:
            what = f"ended with status {process.returncode}" if dead else "did not get ready"
            raise RuntimeError(f"JupyterLab {what}. Its log:\n{log.read_text(encoding='utf-8')}")
        time.sleep(0.1)


@contextlib.contextmanager
def running_lab(root, folder):
    """JupyterLab on the loopback address, serving ``root``; its own files are in ``folder``."""
    environment, log = _environment(folder), folder / "log.txt"
    port, token = _free_port(), secrets.token_hex(16)
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(  # noqa: S603 (arguments made here)
            _command(root, port, token), env=environment, stdout=stream, stderr=stream
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(process, url, token, log)
        yield SimpleNamespace(url=url, token=token, root=Path(root), log=log, process=process)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
