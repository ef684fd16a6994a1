"""The program runs nothing that it should only read, and opens no door to other machines."""

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from bad_input import good_study, rows_models
from bs4 import BeautifulSoup

from helpers import boreholes
from helpers.boreholes.report import write_quality_report
from helpers.forest import load_forest
from helpers.storage import ContractError
from helpers.study import load_study

PROJECT = Path(__file__).resolve().parents[1]
LOCK = (PROJECT / "requirements.lock").read_text()
MAKEFILE = (PROJECT / "Makefile").read_text()
PYTHON = sorted([*(PROJECT / "src").rglob("*.py"), *(PROJECT / "tests").rglob("*.py")])
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))

RUNS_WHAT_IT_READS = re.compile(
    r"(pickle|_pickle|joblib|dill|cloudpickle|torch|marshal|yaml)\.(load|loads|full_load|"
    r"unsafe_load|Unpickler)|(\w+\.)*(read_pickle|unpack_archive|extractall)|(tempfile\.)?mktemp|eval|exec|"
    r"os\.(system|popen)|shelve\.open|subprocess\.(getoutput|getstatusoutput)|"
    r"ssl\._create_unverified_context|(jinja2\.)?Template"
)
NEVER = {"shell": True, "allow_pickle": True, "verify": False}
# Names that only compare or write XML; foreign workbooks go through openpyxl, after a look at the
# size of their parts and their entities.
XML_NAMES = {"ParseError", "canonicalize"}
# The cells of our own notebooks.
RUN_CELLS = {"tests/test_determinism.py", "tests/bench/test_panel_speed.py"}
# They hand on what was raised: to the thread that waits, to a table of findings, to the message.
CATCH_ALL = {
    "src/helpers/mapping/workers.py",
    "src/helpers/study_check/rows.py",
    "src/helpers/units.py",
    "tests/faults/test_memory.py",
    "tests/test_products_faults.py",
}


def faults(source, path="src/new.py"):
    """What of a program may run, open or hide what it should not; line and reason."""
    for node in ast.walk(ast.parse(source)):
        for reason in _faults_of(node, path):
            yield f"{path}:{node.lineno}: {reason}"


def _faults_of(node, path):
    if isinstance(node, ast.Call):
        yield from _faults_of_call(node, path)
    elif isinstance(node, ast.ImportFrom) and re.match(r"xml\b|lxml", node.module or ""):
        names = {name.name for name in node.names}
        if not names <= XML_NAMES:
            yield f"reads XML without limits: {', '.join(sorted(names))}"
    elif isinstance(node, ast.Import):
        risky = {"pickle", "dill", "cloudpickle", "torch", "yaml", "shelve", "marshal", "tarfile"}
        names = {name.name.split(".")[0] for name in node.names} & (risky | {"xml", "lxml"})
        if names and path.startswith("src"):
            yield f"imports {', '.join(sorted(names))}"
    elif isinstance(node, ast.ExceptHandler) and path not in CATCH_ALL:
        caught = "" if node.type is None else ast.unparse(node.type)
        raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
        if re.search(r"^$|\b(Base)?Exception\b", caught) and not raises:
            yield "catches everything and goes on"


def _faults_of_call(node, path):
    name = ast.unparse(node.func)
    if RUNS_WHAT_IT_READS.fullmatch(name) and not (name == "exec" and path in RUN_CELLS):
        yield f"calls {name}"
    if name == "compile" and len(node.args) > 1:
        yield "compiles a program"
    given = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
    for key, value in NEVER.items():
        # Arrays of objects are written by the tests that have them refused.
        if given.get(key) is value and name != "np.save":
            yield f"{key}={value}"
    if name.split(".")[-1] == "Environment" and given.get("autoescape") is not True:
        yield "a template without autoescape"
    quiet = name.endswith(("simplefilter", "filterwarnings")) and node.args
    if quiet and not path.startswith("tests") and ast.unparse(node.args[0]) == "'ignore'":
        yield "hides warnings"


def cells(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    code = ("".join(c["source"]) for c in content["cells"] if c["cell_type"] == "code")
    return "\n".join(code)


def test_nothing_runs_what_it_reads_or_hides_what_went_wrong():
    sources = {str(p.relative_to(PROJECT)): p.read_text(encoding="utf-8") for p in PYTHON}
    sources |= {str(p.relative_to(PROJECT)): cells(p) for p in NOTEBOOKS}
    assert len(sources) > 200
    assert [f for path, source in sources.items() for f in faults(source, path)] == []


@pytest.mark.parametrize(
    "line",
    [
        "pickle.load(f)",
        "joblib.load(p)",
        "pd.read_pickle(p)",
        "torch.load(p)",
        "yaml.load(t)",
        "eval(t)",
        "exec(t)",
        "compile(t, 'a', 'exec')",
        "os.system(t)",
        "os.popen(t)",
        "subprocess.run(t, shell=True)",
        "np.load(p, allow_pickle=True)",
        "requests.get(u, verify=False)",
        "tempfile.mktemp()",
        "archive.extractall(p)",
        "shutil.unpack_archive(p)",
        "Environment(loader=a)",
        "Environment(autoescape=False)",
        "jinja2.Template(t)",
        "warnings.simplefilter('ignore')",
        "warnings.filterwarnings('ignore', category=W)",
        "from xml.etree.ElementTree import parse",
        "import xml.dom.minidom",
        "import pickle",
        "import tarfile",
        "try:\n    a()\nexcept:\n    pass",
        "try:\n    a()\nexcept Exception:\n    b = None",
        "try:\n    a()\nexcept (ValueError, BaseException) as e:\n    print(e)",
    ],
)
def test_the_scan_finds_a_planted_line(line):
    assert len(list(faults(line))) == 1


@pytest.mark.parametrize(
    "line",
    ["np.load(p)", "re.compile('a')", "json.loads(t)", "model.eval_at(x)", "frame.eval(t)"],
)
def test_the_scan_leaves_a_harmless_line(line):
    """What pandas evaluates are expressions of columns; no text of a file gets there."""
    assert not list(faults(line))


# Files

HOSTILE_FILES = {
    "pickle": lambda path: path.write_bytes(rows_models.pickle.dumps(rows_models.Hostile())),
    "array of objects": lambda path: repacked(path, {"0.npy": rows_models.of_objects()}),
    "foreign class": lambda path: path.write_bytes(
        rows_models.skops.io.dumps({"model": rows_models.Hostile})
    ),
}


def repacked(path, parts):
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in ({"schema.json": b"{}"} | parts).items():
            packed.writestr(name, content)


@pytest.mark.parametrize("write", HOSTILE_FILES.values(), ids=HOSTILE_FILES)
def test_a_hostile_forest_is_refused_and_nothing_of_it_runs(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "forest.skops"
    write(path)
    with pytest.raises(ContractError, match=r"forest\.skops: .*notebook 03_random_forest"):
        load_forest(path)
    assert [p.name for p in tmp_path.iterdir()] == ["forest.skops"]


def test_the_hostile_pickle_would_have_run(tmp_path, monkeypatch):
    """So that the test above says something: this is what it does where it is unpickled."""
    monkeypatch.chdir(tmp_path)
    call, arguments = rows_models.Hostile().__reduce__()
    call(*arguments)
    assert [p.name for p in tmp_path.iterdir()] == ["hostile ran"]


HOSTILE_TEXT = "\"><img src=x onerror=alert(1)><script>alert(2)</script><a href='javascript:b()'>"


def test_names_of_sites_and_titles_are_text_on_the_page_of_the_quality_report(tmp_path):
    folder = good_study.write_good_study(tmp_path)
    title = re.search(r"^title = .*$", (folder / "study.toml").read_text(), re.MULTILINE)[0]
    good_study.edit(folder, (title, f"title = {json.dumps(HOSTILE_TEXT)}"))
    for name in ("holes.csv", "sites.csv"):
        table = pd.read_csv(folder / "boreholes" / name).replace({"H00": HOSTILE_TEXT})
        table.to_csv(folder / "boreholes" / name, index=False)
    study = load_study(folder)
    checked = boreholes.check_study(study)
    sites, _ = boreholes.site_temperatures(checked, study)
    assert HOSTILE_TEXT in set(sites["site"])
    page = write_quality_report(checked, sites, study)[1].read_text(encoding="utf-8")
    soup = BeautifulSoup(page, "html.parser")
    assert not soup(["script", "img"])
    assert not [tag for tag in soup(True) for name in tag.attrs if name.startswith("on")]
    assert not [a for a in soup("a") if "javascript" in a.get("href", "")]
    assert HOSTILE_TEXT in soup.get_text()


def test_what_a_file_holds_does_not_steer_the_terminal():
    """Escape sequences can rewrite the lines above, the title of the window, or the clipboard."""
    message = str(ContractError("\x1b]0;owned\x07\x1b[2J\r\u202eevil\u9ed1\n' is\ttwice"))
    assert message == r"\x1b]0;owned\x07\x1b[2J\r\u202eevil黑" + "\n' is\ttwice"


# Commands


def make(*arguments):
    """What make would run, each recipe with a shell that prints its arguments instead."""
    command = [shutil.which("make"), "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)  # noqa: S603


@pytest.fixture
def fake_environment(tmp_path):
    """A .venv whose python writes its arguments to a file, one on each line."""
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    said = tmp_path / "said.txt"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{said}"\n')
    program.chmod(0o755)
    (tmp_path / ".venv" / "installed").touch()
    return tmp_path / ".venv", said


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("target", ["map", "fast", "check", "data", "figures", "html", "new"])
@pytest.mark.parametrize(
    "name", ["my region", "a; touch owned", "`touch owned`", "a' \"b", "a && b"]
)
def test_names_given_to_make_are_arguments_and_never_commands(target, name, fake_environment):
    environment, said = fake_environment
    variable = "NAME" if target == "new" else "STUDY"
    found = make(f"VENV={environment}", f"{variable}={name}", "--assume-old", "pyproject.toml",
                 "--assume-old", "requirements.lock", target)  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert name in said.read_text().splitlines()
    assert not (PROJECT / "owned").exists()


def test_everything_is_installed_by_its_hash():
    """A package that somebody exchanged on its way or on the server does not get in."""
    installs = [line for line in MAKEFILE.splitlines() if "pip install" in line]
    assert [("--require-hashes -r requirements.lock" in i, "--no-deps" in i) for i in installs] == [
        (True, False),
        (False, True),
    ]
    assert "--no-build-isolation" in installs[1]  # or pip would fetch build tools by no hash
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    unhashed = [b for b in blocks if not re.search(r"\n    --hash=sha256:[0-9a-f]{64}", b)]
    pinned = re.compile(r"[a-z0-9._-]+(\[[a-z,]+\])?==[^ ;\\]+")
    assert [b for b in blocks if not pinned.match(b)] == unhashed == []
    assert len(blocks) > 100


# JupyterLab


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def lab(tmp_path):
    """JupyterLab by the command of ``make lab``, on another port and without a browser."""
    recipe = re.search(r"^lab:.*\n\t(.*)$", MAKEFILE, re.MULTILINE)[1]
    program, *arguments = recipe.replace("$(VENV)/bin/", "").split()
    assert program == "jupyter"
    port, log = free_port(), tmp_path / "log.txt"
    notebook = tmp_path / "00_start_here.ipynb"
    shutil.copy(PROJECT / "notebooks" / notebook.name, notebook)
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR")
    environment = os.environ | {name: str(tmp_path / name) for name in names}
    environment.pop("JUPYTER_TOKEN", None)
    switches = ["--no-browser", "--allow-root", f"--ServerApp.port={port}"]
    switches += ["--ServerApp.port_retries=0"]
    arguments = [str(notebook) if a.endswith(".ipynb") else a for a in arguments]
    with log.open("w") as stream:
        process = subprocess.Popen(  # noqa: S603 (the command of the Makefile)
            [sys.executable, "-m", "jupyter", *arguments, *switches],
            env=environment,
            cwd=tmp_path,
            stdout=stream,
            stderr=stream,
        )
    try:
        yield process, port, log
    finally:
        process.terminate()
        process.wait(30)


def test_the_laboratory_listens_to_this_machine_alone_and_wants_its_token(lab):
    psutil = pytest.importorskip("psutil")
    process, port, log = lab
    until = time.monotonic() + 90
    while "?token=" not in log.read_text():
        assert process.poll() is None, log.read_text()
        if time.monotonic() > until:
            pytest.skip(f"JupyterLab was not ready in 90 s: {log.read_text()[-300:]}")
        time.sleep(0.2)
    everyone = [process.pid, *(c.pid for c in psutil.Process(process.pid).children(recursive=True))]
    listening = [
        c.laddr
        for pid in everyone
        for c in psutil.Process(pid).net_connections(kind="inet")
        if c.status == psutil.CONN_LISTEN
    ]
    assert {place.ip for place in listening} == {"127.0.0.1"}
    assert port in {place.port for place in listening}
    token = re.search(r"\?token=([0-9a-f]{32,})", log.read_text())[1]
    address = f"http://127.0.0.1:{port}/api/contents"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address, timeout=30)
    assert refused.value.code == 403
    with urllib.request.urlopen(f"{address}?token={token}", timeout=30) as answer:  # noqa: S310
        assert answer.status == 200
