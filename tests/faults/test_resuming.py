"""A run that was interrupted goes on where it was; one that has ended starts anew."""

import os
from types import SimpleNamespace

import nbformat
import pytest

from helpers import run
from helpers.executing import NotebookError, journal, open_journal, run_notebook
from helpers.storage import ContractError, locked

NAMES = ("00_one", "01_two", "02_three")


@pytest.fixture
def study(tmp_path):
    """A study of one file of input; three notebooks that are never opened."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "study.toml").write_text("a = 1")
    dirs = {f"{name}_dir": folder / name for name in ("interim", "output", "figures")}
    for path in dirs.values():
        path.mkdir()
    for name in NAMES:
        (tmp_path / f"{name}.ipynb").write_text(name)
    return SimpleNamespace(folder=folder, file=folder / "study.toml", **dirs)


def opened(study, **parameters):
    notebooks = [study.folder.parent / f"{name}.ipynb" for name in NAMES]
    return open_journal(study, notebooks, [parameters] * 3)


def run_two(study):
    """A run that is interrupted in its third notebook."""
    found = opened(study)
    for name in ("first.csv", "second.csv"):
        unfinished = study.interim_dir / f".{name}.unfinished-1"
        unfinished.write_text(name)
        unfinished.replace(study.interim_dir / name)
        found.add()


def test_notebooks_of_an_interrupted_run_are_not_run_again(study):
    run_two(study)
    assert len(opened(study).done) == 2


def test_files_written_again_with_the_same_bytes_belong_to_their_notebook(study):
    run_two(study)
    (study.interim_dir / "run.json").unlink()
    run_two(study)
    (study.interim_dir / "second.csv").unlink()
    assert len(opened(study).done) == 1


def test_a_run_that_has_ended_starts_anew(study):
    run_two(study)
    opened(study).close()
    assert opened(study).done == []
    assert not (study.interim_dir / "run.json").exists()


@pytest.mark.parametrize(
    ("name", "n_done"),
    [
        ("mine/study.toml", 0),
        ("mine/new.csv", 0),
        ("01_two.ipynb", 1),
        ("02_three.ipynb", 2),
        ("mine/interim/first.csv", 0),
        ("mine/interim/second.csv", 1),
        ("mine/interim/third.csv", 2),
    ],
)
def test_from_the_first_notebook_that_something_has_changed_for_all_are_run(study, name, n_done):
    run_two(study)
    (study.folder.parent / name).write_text("other")
    assert len(opened(study).done) == n_done


def test_other_parameters_and_another_package_start_anew(study, monkeypatch):
    run_two(study)
    assert opened(study, n_trees=7).done == []
    monkeypatch.setattr(journal, "_package", lambda: {"run.py": "changed"})
    assert opened(study).done == []


@pytest.mark.parametrize(
    "content",
    [[], {"done": 3}, {"done": [1]}, {"done": [{"key": 1}]}, {"done": [{"key": 1, "wrote": 2}]}],
)
def test_a_journal_that_is_none_starts_anew(study, content):
    (study.interim_dir / "run.json").write_text(str(content).replace("'", '"'))
    assert opened(study).done == []


def test_a_clock_that_stands_still_hides_no_file(study, monkeypatch):
    """A file that is replaced is another one to the system, whatever its time."""
    (study.interim_dir / "first.csv").write_text("first.csv")
    os.utime(study.interim_dir / "first.csv", (0, 0))
    found = opened(study)
    unfinished = study.interim_dir / ".first.csv.unfinished-1"
    unfinished.write_text("first.csv")
    os.utime(unfinished, (0, 0))
    unfinished.replace(study.interim_dir / "first.csv")
    found.add()
    assert [list(entry["wrote"]) for entry in found.done] == [
        [str(study.interim_dir / "first.csv")]
    ]


def test_what_a_dead_writer_left_is_removed_and_what_a_living_one_writes_stays(study):
    left, living = (
        study.output_dir / f".a.unfinished-{pid}.tif" for pid in (2**22 + 1, os.getpid())
    )
    left.touch()
    living.touch()
    site = study.output_dir / f".web.unfinished-{2**22 + 1}"
    (site / "pictures").mkdir(parents=True)
    run._remove_unfinished(study)
    assert not left.exists() and not site.exists() and living.exists()


def test_of_two_runs_of_one_study_the_second_says_who_is_running(tmp_path):
    path = run.new_study("mine", tmp_path).parent
    executed = path / "interim" / "notebooks"
    with locked(executed, "running these notebooks"), pytest.raises(ContractError) as caught:
        run.run_notebooks(path)
    assert f"process {os.getpid()} on" in str(caught.value)
    assert "running these notebooks" in str(caught.value)
    assert not executed.exists()


def test_a_message_cannot_steer_the_terminal(capsys):
    run._show("fine\n\x1b[2Jgone\x07")
    assert capsys.readouterr().out == "fine\n\\x1b[2Jgone\\x07\n"


def test_ctrl_c_ends_with_one_line_and_its_own_status(monkeypatch, capsys, tmp_path):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_notebooks", interrupted)
    assert run.main(["map", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "\nStopped. The next run goes on where this one was.\n"


def test_a_notebook_that_stops_leaves_the_executed_copy_of_before(tmp_path):
    language = {"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}}
    cells = [nbformat.v4.new_code_cell("raise MemoryError('no room')")]
    path, executed = tmp_path / "0.ipynb", tmp_path / "done" / "0.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=language), path)
    executed.parent.mkdir()
    executed.write_text("old")
    with pytest.raises(NotebookError, match=r"no room\n\(MemoryError in .*\)\nWas memory short"):
        run_notebook(path, executed, {})
    assert executed.read_text() == "old"
    assert executed.with_name("0.unfinished.ipynb").is_file()
