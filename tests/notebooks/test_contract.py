"""Every notebook keeps the contract: thin cells, intent before code, nothing executed in git."""

import re
from pathlib import Path

import nbformat
import pytest

from helpers.run import NOTEBOOKS

PROJECT = Path(__file__).resolve().parents[2]
LONGEST_CELL = 25


@pytest.fixture(params=NOTEBOOKS)
def notebook(request):
    return nbformat.read(PROJECT / "notebooks" / f"{request.param}.ipynb", as_version=4)


def text_of(notebook, kind):
    return [c["source"] for c in notebook.cells if c["cell_type"] == kind]


def test_the_folder_holds_these_seven_and_no_other():
    found = sorted(p.stem for p in (PROJECT / "notebooks").glob("*.ipynb"))
    assert found == sorted(NOTEBOOKS) and len(found) == 7


def test_it_is_a_valid_notebook_for_python3(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_nothing_executed_is_in_git(notebook):
    for cell in notebook.cells:
        if cell["cell_type"] == "code":
            assert cell["execution_count"] is None and cell["outputs"] == []


def test_it_opens_with_one_title_question_inputs_outputs_and_minutes(notebook):
    markdown = text_of(notebook, "markdown")
    titles = [line for t in markdown for line in t.splitlines() if re.match(r"# ", line)]
    assert len(titles) == 1
    for word in (
        "**Question.**", "**You will learn**", "**Before you start**", "**Inputs**", "**Outputs**",
        "**Minutes**", "**中文提要**", "](glossary.md)", "virtual",
    ):  # fmt: skip
        assert word in markdown[0], word


def test_one_cell_holds_the_parameters(notebook):
    tagged = [c for c in notebook.cells if "parameters" in c["metadata"].get("tags", [])]
    assert len(tagged) == 1
    names = re.findall(r"^(\w+) = ", tagged[0]["source"], re.MULTILINE)
    assert names == ["study_file", "resolution_m", "n_trees"]


def test_cells_are_short_and_each_has_a_line_of_intent_before_it(notebook):
    for before, cell in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell["cell_type"] == "code":
            assert len(cell["source"].splitlines()) <= LONGEST_CELL
            assert before["cell_type"] == "markdown", cell["source"]
            assert max(map(len, cell["source"].splitlines())) <= 100, cell["source"]


def test_it_has_a_panel_exercises_with_solutions_limits_and_what_comes_next(notebook):
    assert any("widgets.panel(" in code for code in text_of(notebook, "code"))
    markdown = "\n".join(text_of(notebook, "markdown"))
    solutions = markdown.split("<details><summary>Solution</summary>")[1:]
    assert len(solutions) >= 2
    assert all("```python" in s.split("</details>")[0] for s in solutions)
    assert markdown.count("> **A surprise.**") == 1
    for title in ("## What you have learned", "## Limits", "## References"):
        assert markdown.count(title) == 1, title
    assert re.search(r"doi:10\.\d{4,}/", markdown.split("## References")[1])
    assert re.search(r"\*\*(Next:|You have the whole chain)", markdown)


def test_its_links_resolve(notebook):
    for target in re.findall(r"\]\(([^)#]+)\)", "\n".join(text_of(notebook, "markdown"))):
        if "://" not in target:
            assert (PROJECT / "notebooks" / target).exists(), target


def test_the_glossary_explains_each_word_once_in_both_languages():
    lines = (PROJECT / "notebooks" / "glossary.md").read_text(encoding="utf-8").splitlines()
    rows = [[part.strip() for part in line.strip("|").split("|")] for line in lines if "|" in line]
    rows = [row for row in rows if row[0] != "English" and not row[0].startswith("---")]
    assert len(rows) > 50 and all(len(row) == 5 and all(row) for row in rows)
    assert len({row[0] for row in rows}) == len({row[1] for row in rows}) == len(rows)
    assert all(re.search("[\u4e00-\u9fff]", row[1] + row[3]) for row in rows)
    assert {row[4] for row in rows} == {name[:2] for name in NOTEBOOKS}


def test_tables_with_texts_from_files_are_escaped(notebook):
    """A site may be called <img onerror=...>; styled tables of pandas show that as it is."""
    for code in text_of(notebook, "code"):
        assert code.count(".style") == code.count('escape="html"'), code
