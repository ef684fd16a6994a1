"""The package is a house: a module imports from the floors below it only, and stays small."""

import ast
import json
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "helpers"
FLOORS = [
    ["project", "settings", "units"],
    ["storage", "study"],
    ["area", "boreholes", "climate", "terrain"],
    ["rasters"],
    ["opendata"],
    ["covariates"],
    ["virtual", "forest_file", "training", "trees", "folds", "scores", "applicability", "skill"],
    ["forest", "residuals", "drilling"],
    ["weights"],
    ["held_out"],
    ["shapley", "error_model", "baselines"],
    ["mapping", "validation"],
    ["products"],
    ["metadata", "selection", "report_card"],
    ["figures"],
    ["widgets", "study_check", "executing"],
    ["run"],
    ["honesty", "redraw", "web_pages"],
]
FLOOR = {module: number for number, floor in enumerate(FLOORS) for module in floor}
NOTEBOOKS = sorted((SOURCE.parents[1] / "notebooks").glob("*.ipynb"))
FILES = sorted(p for p in SOURCE.rglob("*.py") if p != SOURCE / "__init__.py")
LONGEST_FILE, LONGEST_BODY = 320, 40


NAMES = {
    ".".join(("helpers", *p.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__"): p
    for p in FILES
}


def module_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_helpers(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "helpers":
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helpers."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (n.name.split(".")[1] for n in node.names if n.name.startswith("helpers."))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_module_imports_only_from_lower_floors(path):
    here = module_of(path)
    for other in imported_helpers(path):
        assert other == here or FLOOR[other] < FLOOR[here], f"{here} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_name_the_whole_path(path):
    """So that the other tests here see them."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in nodes)


def imported_first(path):
    """Modules of the package that must be there before this one can be."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield inner if inner in NAMES else node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_no_module_waits_for_itself():
    """Also within a package, where all modules are on one floor."""
    TopologicalSorter({name: set(imported_first(p)) for name, p in NAMES.items()}).prepare()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_and_functions_can_be_read_in_one_sitting(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc = (ast.get_docstring(node) or "").count("\n") + 1
            assert node.end_lineno - node.lineno + 1 - doc <= LONGEST_BODY, node.name


def test_only_tests_its_own_command_and_notebook_05_use_the_virtual_truth():
    users = {module_of(p) for p in FILES if "virtual" in set(imported_helpers(p))} - {"virtual"}
    assert users == {"honesty"}
    cells = {
        notebook.name: "\n".join(
            "".join(cell["source"])
            for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]
            if cell["cell_type"] == "code"
        )
        for notebook in NOTEBOOKS
    }
    users = {n for n, code in cells.items() if re.search(r"\bhelpers(\.| import .*)virtual", code)}
    assert users == {"05_validation.ipynb"}


def programs_in_strings():
    """Programs that tests start in processes of their own; no linter sees into them."""
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            value = statement.value if isinstance(statement, ast.Assign) else None
            text = value.value if isinstance(value, ast.Constant) else None
            if isinstance(text, str) and re.match(r"\n(import|from \S+ import) ", text):
                yield pytest.param(text, id=f"{path.stem}:{statement.targets[0].id}")


@pytest.mark.parametrize("program", [*programs_in_strings()])
def test_a_program_in_a_string_uses_only_names_it_has(program):
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821,F823", "-"]
    found = subprocess.run(  # noqa: S603
        command, input=program, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
