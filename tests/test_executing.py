"""Notebooks in order, in kernels that are started ahead and end with the run."""

import errno

import nbformat
import papermill
import psutil
import pytest

from helpers.executing import NotebookError, run_in_order, run_notebook


@pytest.fixture
def notebooks(tmp_path):
    """Write notebooks of one parameters cell and one cell of code."""

    def write(*codes):
        paths = []
        for number, code in enumerate(codes):
            cells = [nbformat.v4.new_code_cell(text) for text in ("value = 0", code)]
            cells[0].metadata["tags"] = ["parameters"]
            paths.append(tmp_path / f"{number}.ipynb")
            language = {
                "kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}
            }
            written = nbformat.v4.new_notebook(cells=cells, metadata=language)
            nbformat.write(written, paths[-1])
        (tmp_path / "executed").mkdir()
        return paths

    return write


def printed(path):
    return nbformat.read(path, as_version=4).cells[-1].outputs[0].text.strip()


def test_each_has_its_own_parameters_names_and_folder(notebooks, tmp_path):
    show = "import os; print(value, 'left' in globals(), 'helpers' in globals(), os.getcwd())"
    paths = notebooks(f"left = 1; {show}", show)
    values = [{"value": 1}, {"value": 2}]
    assert list(run_in_order(paths, tmp_path / "executed", values)) == paths
    found = [printed(tmp_path / "executed" / path.name) for path in paths]
    assert found == [f"1 True False {tmp_path}", f"2 False False {tmp_path}"]


def test_an_error_names_notebook_and_cell_and_stops_the_rest_and_all_kernels(notebooks, tmp_path):
    before = set(psutil.Process().children(recursive=True))
    paths = notebooks("print('fine')", "raise ValueError('too cold')", "print('never')")
    with pytest.raises(NotebookError, match=r"too cold\n\(ValueError in notebook 1, cell \d\)"):
        list(run_in_order(paths, tmp_path / "executed", [{}, {}, {}]))
    assert not (tmp_path / "executed" / "2.ipynb").exists()
    started = set(psutil.Process().children(recursive=True)) - before
    running = [p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"]) if p in started]
    assert not any("ipykernel_launcher" in line for line in running)


def test_a_kernel_that_is_killed_is_named_with_its_notebook(notebooks, tmp_path):
    (path,) = notebooks("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(NotebookError, match=r"Kernel died\n\(notebook 0: its kernel ended"):
        list(run_in_order([path], tmp_path / "executed", [{}]))


@pytest.mark.parametrize(
    ("raised", "told", "message"),
    [
        (OSError(errno.ENOSPC, "full"), NotebookError, "copy could not be written: .*disk is full"),
        (OSError(errno.ENOENT, "gone", "0.ipynb"), FileNotFoundError, "gone"),
        (TimeoutError("no answer"), TimeoutError, "^no answer$"),
        (RuntimeError("Kernel didn't respond"), NotebookError, "0: its kernel did not answer"),
        (RecursionError("too deep"), RecursionError, "^too deep$"),
    ],
)
def test_no_cause_is_named_that_is_not_known(
    notebooks, tmp_path, monkeypatch, raised, told, message
):
    def execute(*_, **__):
        raise raised

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    (path,) = notebooks("print(value)")
    with pytest.raises(told, match=message):
        run_notebook(path, tmp_path / "executed" / "0.ipynb", {})


def test_a_kernel_and_its_workers_are_gone_before_the_next_notebook_runs(notebooks, tmp_path):
    work = """import os
from joblib import Parallel, delayed
workers = Parallel(n_jobs=2)(delayed(os.getpid)() for _ in range(8))
open("pids", "w").write(" ".join(map(str, [os.getpid(), *workers])))"""
    look = """import psutil
pids = [int(pid) for pid in open("pids").read().split()]
print(len(pids), {psutil.Process(pid).status() for pid in pids if psutil.pid_exists(pid)})"""
    paths = notebooks(work, look)
    list(run_in_order(paths, tmp_path / "executed", [{}, {}]))
    # A worker that has ended stays a zombie where nothing collects orphans.
    assert printed(tmp_path / "executed" / "1.ipynb") in ("9 set()", "9 {'zombie'}")


def test_one_alone_starts_a_kernel_of_its_own(notebooks, tmp_path):
    (path,) = notebooks("print(value)")
    run_notebook(path, tmp_path / "executed" / "0.ipynb", {"value": 7})
    assert printed(tmp_path / "executed" / "0.ipynb") == "7"
