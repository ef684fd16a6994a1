"""What can be wrong with a user's files: one row each, with the message that it has to give.

A row spoils one thing in a small study that is in order (:mod:`bad_input.good_study`), then takes
the step at which a user meets it. What is wrong ends in one of two ways: an error of the program's
own kinds, or a reason told in a report while the rest goes on. Either has to name file, place and
remedy, and what an earlier run has made stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from helpers.storage import ContractError
from helpers.study import StudyError

ROWS: list[BadInput] = []
ERRORS = (ContractError, StudyError, FileNotFoundError)


@dataclass(frozen=True)
class BadInput:
    """One row of the catalogue."""

    kind: str  # boreholes, sites, study, stations, outline, path, raster, model, cache, archive
    what: str  # what is wrong, in the words of a user
    where: str  # regular expression of file and place, found in the message
    remedy: str  # regular expression of what to do, found in the message
    spoil: Callable[[Path], object]  # changes the study folder
    step: Callable[[Path], object]  # what the user does then; may return the reasons it tells
    is_told: bool = False  # the step ends well and returns the message instead of raising it

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.what}"

    def message(self, folder: Path) -> str:
        """What the user is told at the step after the fault, on one line."""
        if self.is_told:
            return " ".join(str(self.step(folder)).split())
        try:
            self.step(folder)
        except ERRORS as error:
            return " ".join(str(error).split())
        raise AssertionError(f"{self.name}: nothing was said")

    def check(self, message: str) -> None:
        """Whether the message names the place and the remedy."""
        for pattern in (self.where, self.remedy):
            assert re.search(pattern, message), f"{self.name}: no {pattern!r} in: {message}"


def row(kind, what, where, remedy, spoil, step, is_told=False) -> None:
    """Add a row to the catalogue."""
    ROWS.append(BadInput(kind, what, where, remedy, spoil, step, is_told))
