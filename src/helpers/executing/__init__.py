"""Notebooks in order, each in its kernel, and what an interrupted run of them has done."""

from helpers.executing.journal import Journal, open_journal
from helpers.executing.kernels import NotebookError, run_in_order, run_notebook

__all__ = ["Journal", "NotebookError", "open_journal", "run_in_order", "run_notebook"]
