"""The boreholes of a study as far as seconds allow, whatever is wrong with some of their files."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from helpers import boreholes
from helpers.boreholes.overrides import read_overrides
from helpers.boreholes.positions import BESIDE
from helpers.storage import ContractError
from helpers.study import Study, StudyError
from helpers.study_check.rows import NotInOrderError

# What is read in a few seconds. Workbooks are packed, about one in ten.
_BYTES_READ, _PACKED = 20_000_000, {".xlsx": 10, ".xls": 3}
_ERRORS = (ContractError, StudyError, OSError)


@dataclass(frozen=True)
class Survey:
    """Boreholes of a study after the checks, and what kept some out.

    Attributes
    ----------
    files
        All files that match.
    left_out
        Those too large to be read in seconds.
    errors
        Name of each file that could not be read ("overrides", or "boreholes" if it is no single
        file), and why.
    checked, sites
        Of :func:`check_boreholes` and :func:`site_temperatures`, however few sites are left;
        ``None`` if nothing could be read.

    """

    files: list[Path]
    left_out: list[Path]
    errors: list[tuple[str, Exception]]
    checked: boreholes.CheckedBoreholes | None = None
    sites: pd.DataFrame | None = None

    @property
    def used(self) -> pd.DataFrame:
        """Sites that have a temperature at the mapped depth."""
        if self.sites is None:
            raise NotInOrderError("mend the borehole files")
        return self.sites[self.sites["status"] == "used"]


def changed(study: Study, **settings: Any) -> Study:
    """The study with other settings of ``[boreholes]``."""
    return study.model_copy(update={"boreholes": study.boreholes.model_copy(update=settings)})


def read_survey(study: Study, elevation: xr.DataArray | None, whole: bool = False) -> Survey:
    """Read and check the boreholes; a file that cannot be read is left out and named.

    Parameters
    ----------
    study
        Borehole files, settings and overrides. Too few sites are no error here.
    elevation
        Relief (y, x) for the comparison with stated elevations, if known.
    whole
        Read all files, however large.

    Raises
    ------
    NotInOrderError
        If no file matches.

    """
    files = matching_files(study)
    sites = study.boreholes.sites
    if not files or (sites and not (study.folder / sites).exists()):
        raise NotInOrderError("put borehole files and site table where they are looked for")
    few = files if whole else _few(files)
    survey = Survey(files, [path for path in files if path not in few], [])
    told = {p: k for p, k in study.boreholes.formats.items() if any(f.match(p) for f in few)}
    study = _with_good_overrides(changed(study, fewest_sites=0, formats=told), survey)
    try:
        data = _read(study, few, survey)
        if data is None:
            return survey
        checked, study = _checked(data, study, elevation, survey)
    except _ERRORS as error:
        survey.errors.append(("boreholes", error))
        return survey
    return replace(survey, checked=checked, sites=boreholes.site_temperatures(checked, study)[0])


def matching_files(study: Study) -> list[Path]:
    """Files of all patterns that match any, without what is metadata of another."""
    found: set[Path] = set()
    for pattern in study.boreholes.files:
        with contextlib.suppress(StudyError):  # a pattern without a file has a row of its own
            found |= set(changed(study, files=[pattern]).borehole_files())
    beside = {path.with_name(name.format(stem=path.stem)) for path in found for name in BESIDE[1:]}
    sites = {study.folder / study.boreholes.sites} if study.boreholes.sites else set()
    return sorted(found - beside - sites)


def _few(files: Sequence[Path]) -> list[Path]:
    """The smallest files that can be read in seconds, in their order; at least one."""
    sizes = {path: path.stat().st_size * _PACKED.get(path.suffix.lower(), 1) for path in files}
    by_size = sorted(files, key=sizes.__getitem__)
    budget = accumulate(sizes[path] for path in by_size)
    chosen = {path for path, total in zip(by_size, budget, strict=True) if total <= _BYTES_READ}
    return [path for path in files if path in chosen or path == by_size[0]]


def _with_good_overrides(study: Study, survey: Survey) -> Study:
    """The study without overrides that cannot be read, or name sites of files not read."""
    try:
        read_overrides(study)
    except _ERRORS as error:
        survey.errors.append(("overrides", error))
        return changed(study, overrides=None)
    return changed(study, overrides=None) if survey.left_out else study


def _read(study: Study, files: list[Path], survey: Survey) -> Any:
    """What the files hold; if that is an error, of each file alone, and the errors of the others.

    ``None`` if nothing can be read.
    """
    try:
        return boreholes.read_study(study, files)
    except _ERRORS as error:
        together = error
    parts, errors = [], []
    for path in files:
        try:
            data = boreholes.read_study(_of_file(study, path), [path])
        except _ERRORS as error:
            errors.append((path.name, error))
            continue
        with_records = data.sites["site"].isin(data.records["site"])
        parts.append(replace(data, sites=data.sites[with_records]))
    of_all = len({str(error) for _, error in errors}) == 1 < len(errors)  # a faulty site table, say
    if of_all or not errors:
        survey.errors.append(("boreholes", together))
        return None
    survey.errors.extend(errors)
    return parts or None


def _checked(
    data: Any, study: Study, elevation: xr.DataArray | None, survey: Survey
) -> tuple[boreholes.CheckedBoreholes, Study]:
    """Boreholes after the checks, without the overrides if these are in the way."""
    try:
        return boreholes.check_boreholes(data, study, elevation), study
    except _ERRORS as error:
        if study.boreholes.overrides is None:
            raise
        without = changed(study, overrides=None)
        checked = boreholes.check_boreholes(data, without, elevation)
        survey.errors.append(("boreholes", error))
        return checked, without


def _of_file(study: Study, path: Path) -> Study:
    """The study with the formats that are told of this file only."""
    formats = study.boreholes.formats
    return changed(study, formats={p: kind for p, kind in formats.items() if path.match(p)})
