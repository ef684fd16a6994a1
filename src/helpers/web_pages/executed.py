"""The executed notebooks of a run, read with a contract: all there, complete, of this study."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

from helpers.run import NOTEBOOKS
from helpers.storage import ContractError
from helpers.study import Study
from helpers.study_check.rows import as_argument


@dataclass(frozen=True)
class Lesson:
    """An executed notebook, and what its first cell says of it."""

    name: str
    notebook: nbformat.NotebookNode
    title: str
    question: str
    minutes: str

    @property
    def short_title(self) -> str:
        """Title up to the colon."""
        return self.title.split(":")[0]


def make_map(study: Study) -> str:
    """The command that executes the notebooks of a study."""
    return f"`make {'fast' if study.is_first_look else 'map'} STUDY={as_argument(study.folder)}`"


def read_lessons(study: Study) -> list[Lesson]:
    """Read the executed notebooks of a study, in order.

    Raises
    ------
    ContractError
        If one is missing, has a cell that failed or did not run, or ran on another study or
        other settings.

    """
    return [_read(study.interim_dir / "notebooks" / f"{name}.ipynb", study) for name in NOTEBOOKS]


def _read(path: Path, study: Study) -> Lesson:
    try:
        notebook = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise _unusable(path, "not found", study) from None
    except (nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        raise _unusable(path, f"it is no notebook ({type(error).__name__})", study) from error
    for fault in (_cell_fault(notebook), _other_study(notebook, path, study)):
        if fault:
            raise _unusable(path, fault, study)
    return Lesson(path.stem, notebook, *_first_cell(notebook, path))


def _unusable(path: Path, fault: str, study: Study) -> ContractError:
    return ContractError(f"{path}: {fault}. Run {make_map(study)} first, to its end.")


def _cell_fault(notebook: nbformat.NotebookNode) -> str:
    """What keeps the notebook from being complete; empty if nothing does."""
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if any(output.output_type == "error" for output in cell.outputs):
            return f"cell {number} ended in an error"
        if cell.execution_count is None:
            return f"cell {number} was not run"
    return ""


def _other_study(notebook: nbformat.NotebookNode, path: Path, study: Study) -> str:
    """How the parameters of the run differ from the study; empty if they do not."""
    found = notebook.metadata.get("papermill", {}).get("parameters", {})
    # Folder and file: the project may have been moved since.
    given = found.get("study_file", "no study")
    if tuple(re.split(r"[\\/]", given)[-2:]) != study.file.parts[-2:]:
        return f"executed for {given}, not for {study.file}"
    wanted = {"resolution_m": study.grid.resolution_m, "n_trees": study.forest.n_trees}
    if path.stem == NOTEBOOKS[0]:  # always on coarse cells
        return ""
    differing = [f"{k} = {found.get(k)}, not {v}" for k, v in wanted.items() if found.get(k) != v]
    return f"executed with {', '.join(differing)}" if differing else ""


def _first_cell(notebook: nbformat.NotebookNode, path: Path) -> list[str]:
    """Title, question and minutes."""
    wanted = {"a title": r"^# (.+)$", "**Question.**": r"^\*\*Question\.\*\* (.+)$"}
    wanted["**Minutes**"] = r"\*\*Minutes\*\* (.+?)\.?$"
    text = notebook.cells[0].source if notebook.cells else ""
    found = {what: re.search(pattern, text, re.MULTILINE) for what, pattern in wanted.items()}
    missing = [what for what, match in found.items() if not match]
    if missing:
        raise ContractError(
            f"{path}: its first cell lacks {', '.join(missing)}. Add it to the notebook as the "
            "other notebooks have it, then run the notebooks again."
        )
    return [match[1].strip() for match in found.values()]
