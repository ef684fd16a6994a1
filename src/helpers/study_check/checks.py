"""All checks of a study, one after the other."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from helpers.settings import Area
from helpers.study import StudyError, load_study
from helpers.study_check import borehole_rows, cost_rows, covariate_rows, settings_rows
from helpers.study_check.leftovers import leftover_rows
from helpers.study_check.look import Look
from helpers.study_check.projection import equal_area_crs
from helpers.study_check.rows import DOUBTFUL, MISSING, WRONG, Row, findings, gathered

CHECKS: dict[str, Callable[[Look], Iterator[Row]]] = {
    "study.toml": settings_rows.study_rows,
    "area": settings_rows.area_rows,
    "towns": settings_rows.town_rows,
    "CRS": settings_rows.crs_rows,
    "grid": settings_rows.grid_rows,
    "virtual or real": borehole_rows.virtual_rows,
    "borehole files": borehole_rows.file_rows,
    "overrides": borehole_rows.override_rows,
    "sites": borehole_rows.site_rows,
    "depth": borehole_rows.depth_rows,
    "expected sites": borehole_rows.number_rows,
    "climate stations": covariate_rows.station_rows,
    "covariates": covariate_rows.covariate_rows,
    "predictors": covariate_rows.predictor_rows,
    "references": covariate_rows.reference_rows,
    "validation": settings_rows.validation_rows,
    "classes": settings_rows.class_rows,
    "Natural Earth lines": settings_rows.line_rows,
    "cost": cost_rows.cost_rows,
    "earlier run": leftover_rows,
}


def check(path: str | Path, whole: bool = False) -> list[Row]:
    """Go through everything a run of a study will need; nothing is written.

    Parameters
    ----------
    path
        A ``study.toml`` or the folder that holds one.
    whole
        Read all borehole files, however large, instead of those that take seconds.

    Returns
    -------
    Rows in the order of the notebooks: what, state (fine, missing, doubtful, wrong), what was
    found, what to do. Covariates are looked at on about 150 cells across the area.

    """
    file = Path(path) / "study.toml" if Path(path).is_dir() else Path(path)
    if not file.is_file():
        remedy = "python -m helpers.run new NAME writes one."
        return [Row("study.toml", MISSING, f"there is none at {file}", remedy)]
    try:
        look = Look(load_study(file), whole)
    except StudyError as error:
        return [*_errors_of_file(file, error), _all_else()]
    return gathered(
        row
        for what, one_check in CHECKS.items()
        for row in findings(what, partial(one_check, look), look.study)
    )


def _errors_of_file(file: Path, error: StudyError) -> Iterator[Row]:
    """A row for each line that says something of the file."""
    remedy = "Correct it in study.toml."
    for line in str(error).splitlines():
        text = line.removeprefix(f"{file}: ").removeprefix(f"{file.resolve()}: ")
        if text.startswith("grid.crs") and not isinstance(error.__cause__, ValidationError):
            area = Area(**tomllib.loads(file.read_text(encoding="utf-8-sig"))["area"])
            better = equal_area_crs(area.west, area.south, area.east, area.north)
            remedy = f'crs = "{better}" suits this area.'
        yield Row("study.toml", WRONG, text, remedy)


def _all_else() -> Row:
    found = "not looked at: it depends on study.toml"
    return Row("everything else", DOUBTFUL, found, "Correct study.toml, then check again.")
