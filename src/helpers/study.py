"""A study: one folder with a ``study.toml`` that says area, grid, period, data and model.

Every key is checked on loading. An unknown key or a wrong value is an error that names the
file, the path of the key, what was found and what may stand there.
"""

from __future__ import annotations

import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox
from pydantic import PrivateAttr, ValidationError, model_validator
from pyproj import CRS, Transformer
from pyproj.crs import ProjectedCRS

from helpers.settings import (
    About,
    Area,
    Boreholes,
    Climate,
    Covariates,
    Figures,
    ForestSettings,
    GridSettings,
    OpenData,
    Period,
    References,
    Section,
    ThermalClasses,
    Tuning,
    Validation,
)
from helpers.settings.grid_checks import check_grid
from helpers.settings.messages import explain

_COMPUTED = ("terrain", "stations")
_FAST = "fast_"  # begins the folder of a first look


class StudyError(ValueError):
    """A study file that cannot be used; the message says where and what to do."""


class Study(Section):
    """All settings of one study; make it with :func:`load_study`."""

    about: About
    area: Area
    grid: GridSettings
    period: Period
    boreholes: Boreholes
    covariates: Covariates
    references: References = {}
    open_data: OpenData = OpenData()
    climate: Climate | None = None
    forest: ForestSettings
    tuning: Tuning = Tuning()
    validation: Validation = Validation()
    figures: Figures = Figures()
    classes: ThermalClasses
    _file: Path = PrivateAttr()
    _variant: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _names_known(self) -> Study:
        known = ", ".join(self.covariates)
        wanted = list(self.forest.predictors)
        wanted += [c.elevation for c in self.covariates.values() if c.source == "terrain"]
        for name in wanted:
            if name not in self.covariates:
                raise ValueError(f"covariate '{name}' is not described; choices: {known}")
        for name, c in self.covariates.items():
            if c.source == "terrain" and self.covariates[c.elevation].source in _COMPUTED:
                raise ValueError(
                    f"'{name}' takes '{c.elevation}' for elevation, which is computed itself; name "
                    "a covariate of source relief, raster or open"
                )
        sources = {c.source for c in self.covariates.values()}
        if "stations" in sources and not (self.climate and self.climate.stations):
            raise ValueError("covariates from stations need stations in a [climate] section")
        for name, c in self.covariates.items():
            if name in self.references:
                raise ValueError(f"'{name}' is a covariate and a reference; rename one of them")
            if c.source == "open" and c.product == "esa_cci_permafrost":
                raise ValueError(f"'{name}' is a map of permafrost: move it to [references.{name}]")
        return self

    @property
    def name(self) -> str:
        """Short name, also the folder of its figures."""
        return self.about.name

    @property
    def file(self) -> Path:
        """The study.toml this was read from."""
        return self._file

    @property
    def folder(self) -> Path:
        """Folder that holds study.toml and all data of the study."""
        return self._file.parent

    @property
    def class_bounds(self) -> list[float]:
        """Upper bounds of all thermal classes but the warmest, deg C, rising."""
        return [c.below_c for c in self.classes[:-1]]

    @property
    def period_in_words(self) -> str:
        """Period of the readings that are used, in words."""
        dated = f"{self.period.start} to {self.period.end}"
        return dated if self.boreholes.only_period else "readings of any year"

    @property
    def interim_dir(self) -> Path:
        """Where the notebooks hand over to each other."""
        return self.folder / "interim" / self._variant

    @property
    def output_dir(self) -> Path:
        """Where the products go."""
        return self.folder / "output" / self._variant

    @property
    def figures_dir(self) -> Path:
        """``figures/<folder>`` of the project; inside the study folder when it lies elsewhere."""
        project = self.folder.parents[1]
        inside = self.folder.parent.name == "data" and (project / "notebooks").is_dir()
        root = project / "figures" / self.folder.name if inside else self.folder / "figures"
        return root / self._variant

    @property
    def is_first_look(self) -> bool:
        """Whether cell size or trees differ from study.toml: a first look, not the product."""
        return self._variant.startswith(_FAST)

    def changed(self, **sections: dict[str, Any]) -> Study:
        """The study with some settings changed, for trying out: ``forest={"n_trees": 10}``.

        What it writes goes to a folder ``tried`` of its own, beside the results of the study.

        Raises
        ------
        StudyError
            If a key is unknown or a value is wrong.

        """
        settings = self.model_dump(exclude_unset=True)
        for section, values in sections.items():
            settings[section] = settings.get(section, {}) | values
        study = _checked(settings, self._file)
        study._variant = f"{self._variant}/tried".lstrip("/")
        return study

    @cached_property
    def crs(self) -> CRS:
        """Projected CRS of the grid, under the name the study gives it."""
        crs = CRS.from_user_input(self.grid.crs)
        if not self.grid.crs_name:
            return crs
        unnamed = crs.geodetic_crs.name == "unknown"
        return ProjectedCRS(
            conversion=crs.coordinate_operation,
            name=self.grid.crs_name,
            geodetic_crs=CRS("EPSG:4326") if unnamed else crs.geodetic_crs,
        )

    @cached_property
    def to_grid(self) -> Transformer:
        """From longitude and latitude (WGS 84) to easting and northing of the grid, m."""
        return Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)

    @cached_property
    def geobox(self) -> GeoBox:
        """Grid that covers the bounding box: cell edges on whole multiples of the cell size."""
        area = self.area
        box = self.to_grid.transform_bounds(area.west, area.south, area.east, area.north, 101)
        return GeoBox.from_bbox(box, crs=self.crs, resolution=self.grid.resolution_m)

    @property
    def open_dir(self) -> Path:
        """Where the layers and boreholes that ``make data`` has fetched lie."""
        return self.folder / "open"

    def open_layer(self, name: str) -> Path:
        """Raster of an open layer, made by ``make data``."""
        path = self.open_dir / f"{name}.tif"
        if not path.is_file():
            raise StudyError(f"{self.file}: layer '{name}' is not fetched yet. {self._fetch()}")
        return path

    def _fetch(self) -> str:
        return f"On a machine with internet, run: make data STUDY={self.folder}"

    @property
    def margin_cells(self) -> int:
        """Cells around the grid that terrain needs, so that its edge has all its neighbours."""
        radii = [c.radius_m or 0 for c in self.covariates.values() if c.source == "terrain"]
        return int(np.ceil(max(radii, default=0) / self.grid.resolution_m)) + 1

    def path(self, relative: str) -> Path:
        """Path of a file named in study.toml; it must exist inside the study folder.

        A study moves, and is judged, as one folder: what it reads lies in it, after symbolic
        links are followed. A large raster on another disk is copied inside, or the whole folder
        is put on that disk; nothing is ever written outside either.
        """
        try:
            path = (self.folder / relative).resolve()
            found = path.is_file() or any((path / n).is_file() for n in ("zarr.json", ".zgroup"))
        except (OSError, ValueError, RuntimeError) as error:
            raise StudyError(
                f"{self.file}: '{relative[:80]}' is no path of a file here ({error}). Correct it "
                "in study.toml; a symbolic link must end at a file."
            ) from error
        if not path.is_relative_to(self.folder.resolve()):
            raise StudyError(
                f"{self.file}: '{relative}' leaves the study folder: it is {path}. Copy the file "
                "into the folder and name it there."
            )
        if not found:
            raise StudyError(
                f"{self.file}: file '{relative}' not found at {path}. Put it there, or correct "
                "the path in study.toml."
            )
        return path

    def borehole_files(self) -> list[Path]:
        """Files of ``boreholes.files``, without that of ``boreholes.overrides``; none: an error."""
        found: list[Path] = []
        for pattern in self.boreholes.files:
            matches = [self.path(str(p.relative_to(self.folder))) for p in self._glob(pattern)]
            if not matches:
                how = f" {self._fetch()}" if pattern.startswith(f"{self.open_dir.name}/") else ""
                raise StudyError(f"{self.file}: boreholes.files: no file matches '{pattern}'.{how}")
            found += matches
        return sorted({*found} - {(self.folder / (self.boreholes.overrides or "")).resolve()})

    def _glob(self, pattern: str) -> list[Path]:
        place = f"{self.file}: boreholes.files: '{pattern}'"
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise StudyError(f"{place} leaves the study folder.")
        # Names like these are locks and leftovers of office programs and file managers.
        try:
            found = [p for p in self.folder.glob(pattern) if not p.name.startswith((".", "~$"))]
        except ValueError as error:
            raise StudyError(f"{place} is no pattern of files: {error}.") from error
        if lost := [p.name for p in found if p.is_symlink() and not p.exists()]:
            raise StudyError(f"{place}: {lost[0]} links to nothing. Connect its disk or remove it.")
        return sorted(p for p in found if p.is_file())


def load_study(
    path: str | Path, resolution_m: float | None = None, n_trees: int | None = None
) -> Study:
    """Read and check a study.

    Parameters
    ----------
    path
        A ``study.toml`` or the folder that holds one.
    resolution_m, n_trees
        Other cell size (m) or number of trees than the file says, for a first look. Such a
        variant reads and writes ``interim/fast_<cell>m_<n>trees`` and the like, so that it never
        touches the results of the study itself.

    Raises
    ------
    StudyError
        If the file is missing, is no TOML, or has an unknown key or a wrong value.

    """
    file = Path(path)
    file = file / "study.toml" if file.is_dir() else file
    if not file.is_file():
        raise StudyError(f"No study at {file}. Make one with: python -m helpers.run new NAME")
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:  # also of numbers too long, brackets too deep
        raise StudyError(
            f"{file}: not valid TOML in UTF-8: {error}. Correct it there; an editor of plain text "
            "saves it as UTF-8."
        ) from error
    changed = _apply_variant(settings, resolution_m, n_trees)
    study = _checked(settings, file)
    trees = study.forest.n_trees
    study._variant = f"{_FAST}{study.grid.resolution_m:g}m_{trees}trees" if changed else ""
    return study


def _checked(settings: dict[str, Any], file: Path) -> Study:
    """Study of these settings; what is wrong with them is a StudyError that names the file."""
    try:
        study = Study.model_validate(settings)
        study._file = file.resolve()
    except ValidationError as error:
        words = [explain(file, Study, one) for one in error.errors()]
        raise StudyError("\n".join(words)) from error
    try:
        check_grid(study.grid, study.area)
    except ValueError as error:
        raise StudyError(f"{file}: {error}") from error
    return study


def _apply_variant(settings: dict, resolution_m: float | None, n_trees: int | None) -> bool:
    """Put other values into the settings; True if any differs from the file."""
    changed = False
    for section, key, value in (
        ("grid", "resolution_m", resolution_m),
        ("forest", "n_trees", n_trees),
    ):
        if value is not None and isinstance(settings.get(section), dict):
            changed |= settings[section].get(key) != value
            settings[section][key] = value
    return changed
