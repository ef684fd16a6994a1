"""What several checks need of a study, worked out once and on few cells."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import pandas as pd
import xarray as xr

from helpers import covariates
from helpers.settings import Area
from helpers.storage import ContractError
from helpers.study import Study, StudyError, load_study
from helpers.study_check.rows import NotInOrderError
from helpers.study_check.survey import Survey, read_survey

_CELLS_ACROSS = 150


def inside(area: Area, longitude: pd.Series, latitude: pd.Series) -> pd.Series:
    """Which places (degrees) lie in the bounding box of an area."""
    east_west = longitude.between(area.west, area.east)
    return east_west & latitude.between(area.south, area.north)


class Look:
    """A study under the eyes of the checks.

    Attributes
    ----------
    study
        As study.toml says.
    whole
        Whether all borehole files are read, however large.
    layers
        Covariates on the few cells of ``coarse``, by name, as far as they were looked at.

    """

    def __init__(self, study: Study, whole: bool = False):
        self.study, self.whole = study, whole
        self.layers: dict[str, xr.DataArray] = {}

    @cached_property
    def coarse(self) -> Study:
        """The study on about 150 cells across; never finer than itself."""
        own = self.study.grid.resolution_m
        across = max(self.study.geobox.shape) * own / _CELLS_ACROSS
        return load_study(self.study.file, resolution_m=max(across, own))

    @cached_property
    def ground(self) -> xr.Dataset:
        """Coarse elevation of the mapped cells of ``coarse``."""
        try:
            return covariates.background(self.coarse)
        except (ContractError, StudyError, OSError) as error:
            raise NotInOrderError("mend area and outline") from error

    @property
    def mapped(self) -> xr.DataArray:
        """Cells (y, x) of ``coarse`` that are mapped; carries the grid."""
        return self.ground["elevation"].notnull().rio.write_crs(self.study.crs)

    @cached_property
    def survey(self) -> Survey:
        """The boreholes, read and checked as notebook 01 does."""
        try:
            elevation = self.ground["elevation"]
        except NotInOrderError:
            elevation = None
        return read_survey(self.study, elevation, self.whole)

    def exists(self, relative: str) -> bool:
        """Whether a file or folder named in study.toml is there."""
        return (Path(self.study.folder) / relative).exists()
