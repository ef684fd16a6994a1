"""Area, grid, boreholes, forest and validation of a study."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from helpers.settings.names import StudyName
from helpers.settings.section import Section


class About(Section):
    """What the study is called and where its boreholes come from."""

    name: StudyName
    title: str
    title_zh: str = ""
    virtual_boreholes: bool
    truth_seed: int | None = Field(default=None, ge=0, lt=2**32)
    data_version: str = "1"
    licence: str = ""
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _truth_only_if_virtual(self) -> About:
        if self.truth_seed is not None and not self.virtual_boreholes:
            raise ValueError("truth_seed belongs to virtual boreholes; leave it out")
        return self


class Area(Section):
    """Bounding box in degrees (WGS 84), and optional outline and towns inside the folder."""

    west: float = Field(ge=-180, le=180)
    south: float = Field(ge=-90, le=90)
    east: float = Field(ge=-180, le=180)
    north: float = Field(ge=-90, le=90)
    outline: str | None = None
    towns: str | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Area:
        if self.west >= self.east or self.south >= self.north:
            raise ValueError("west must lie below east and south below north")
        return self


class GridSettings(Section):
    """Coordinate reference system (anything pyproj reads, in metres) and cell size in metres."""

    crs: str
    crs_name: str | None = None
    resolution_m: float = Field(gt=0)


class Period(Section):
    """First and last day of the mean that is mapped."""

    start: date
    end: date

    @model_validator(mode="after")
    def _ordered(self) -> Period:
        if self.start > self.end:
            raise ValueError("start must not be later than end")
        return self


class BoreholeChecks(Section):
    """Thresholds of the borehole checks; the comments in study.toml give their sources."""

    coldest_c: float = -25.0
    warmest_c: float = 35.0
    spike_robust_z: float = Field(default=8.0, gt=0)
    spike_at_least_c: float = Field(default=1.5, gt=0)
    stuck_readings: int = Field(default=8, ge=3)
    disorder_c: float = Field(default=2.0, gt=0)
    largest_missing_share: float = Field(default=0.2, ge=0, lt=1)
    zero_amplitude_c: float = Field(default=0.1, gt=0)
    wave_ends_m: float = Field(default=20.0, gt=0)
    usual_ground_c: float = 0.0
    curtain_offset_c: float = Field(default=0.2, gt=0)
    drilling_c: float = Field(default=0.2, gt=0)
    step_c: float = Field(default=0.5, gt=0)
    envelope_c: float = Field(default=0.3, gt=0)
    duplicate_within_m: float = Field(default=100.0, gt=0)
    duplicate_c: float = Field(default=0.1, gt=0)
    elevation_off_m: float = Field(default=200.0, gt=0)


class Boreholes(Section):
    """Borehole files, the depth wanted, and which holes may be used."""

    files: list[str] = Field(min_length=1)
    formats: dict[str, str] = {}
    columns: dict[str, str] = {}
    sites: str | None = None
    sites_crs: str | None = None
    overrides: str | None = None
    depth_m: float = Field(default=15.0, gt=0)
    shallowest_m: float = Field(default=5.0, gt=0)
    only_period: bool = True
    combine_cell_m: float = Field(default=1000.0, gt=0)
    excluded_settings: list[str] = ["pipeline", "road", "town", "burn", "mine"]
    sensor_error_c: float = Field(default=0.05, gt=0)
    gradient_c_per_km: float = 35.0
    fewest_sites: int = Field(default=10, ge=3)
    checks: BoreholeChecks = BoreholeChecks()


class ForestSettings(Section):
    """Predictors (names of covariates), the knobs of the random forest, and what it is asked for.

    ``shapley_maps``: whether the map says in each cell what each predictor adds; hundreds of sites
    and ten predictors or more can make that too large.
    """

    predictors: list[str] = Field(min_length=1)
    n_trees: int = Field(default=500, ge=1, le=100_000)
    min_samples_leaf: int = Field(default=2, ge=1)
    max_features: float = Field(default=0.67, gt=0, le=1)
    weights: Literal["none", "standard_error"] = "none"
    quantiles: list[Annotated[float, Field(gt=0, lt=1)]] = [0.05, 0.25, 0.5, 0.75, 0.95]
    shapley_maps: bool = True

    @field_validator("predictors")
    @classmethod
    def _different(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise ValueError("a predictor is named twice")
        return names

    @field_validator("quantiles")
    @classmethod
    def _rising(cls, levels: list[float]) -> list[float]:
        if len(levels) < 2 or levels != sorted(set(levels)):
            raise ValueError("two or more levels that rise are needed")
        return levels


class Tuning(Section):
    """Values of the knobs that tuning tries, and the trees and folds it tries them with."""

    min_samples_leaf: list[Annotated[int, Field(ge=1)]] = Field(default=[1, 2, 5, 10], min_length=1)
    max_features: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        default=[0.34, 0.67, 1.0], min_length=1
    )
    n_trees: int = Field(default=50, ge=2, le=100_000)
    n_folds: int = Field(default=5, ge=3)


class Validation(Section):
    """Folds of the cross-validation designs, and what is asked of the held-out predictions.

    ``n_matched_folds``: of the designs matched to the map whose errors are reported (kNNDM;
    ``n_folds`` if left out). Fewer reach farther: compare W. Predictors are chosen with
    ``n_folds``, which leave more sites to learn from. ``block_m``: side of the spatial blocks.
    ``near_zero_c``: how near to 0 deg C a site counts as on the line between frozen and not.
    ``n_simulations``: error fields drawn for the interval of areas.
    """

    n_folds: int = Field(default=10, ge=2)
    n_matched_folds: int | None = Field(default=None, ge=2)
    n_repeats: int = Field(default=10, ge=1, le=1000)
    max_share: float = Field(default=0.5, gt=0, lt=1)
    clustering: Literal["ward", "kmeans"] = "ward"
    n_prediction_points: int = Field(default=2000, ge=100, le=1_000_000)
    block_m: float = Field(default=100_000.0, gt=0)
    near_zero_c: float = Field(default=0.5, gt=0)
    n_simulations: int = Field(default=500, ge=100, le=100_000)

    @model_validator(mode="after")
    def _folds_can_share(self) -> Validation:
        least = 1 / self.matched_folds
        key = "n_matched_folds" if self.n_matched_folds else "n_folds"
        if self.max_share <= least:
            raise ValueError(
                f"max_share is {self.max_share:g}; with {key} = {self.matched_folds} it must lie "
                f"above {least:.3g}: raise max_share, or {key}"
            )
        return self

    @property
    def matched_folds(self) -> int:
        """Number of folds of the designs that are matched to the map."""
        return self.n_matched_folds or self.n_folds


class Figures(Section):
    """What all maps of ground temperature share: a scale from minus to plus this, deg C."""

    temperature_reach_c: float = Field(default=5.0, gt=0)


class ThermalClass(Section):
    """One class of permafrost temperature: everything below ``below_c`` and not colder classes."""

    name: str = Field(min_length=1)
    name_zh: str = ""
    below_c: float | None = None
    colour: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")


# Rows of a table of areas beside the classes.
PERMAFROST, MAPPED = "at or below 0 degC", "mapped"


def _told_apart(classes: list[ThermalClass]) -> list[ThermalClass]:
    """Each class has its own name and some range of temperature."""
    bounds = [c.below_c for c in classes[:-1]]
    if None in bounds or bounds != sorted(set(bounds)) or classes[-1].below_c is not None:
        raise ValueError(
            "classes go from cold to warm, each with a below_c above that of the one before; only "
            "the last one has none"
        )
    names = [PERMAFROST, MAPPED]
    for c in classes:
        if (name := c.name.strip()) in names:
            raise ValueError(
                f"'{name}' is the name of another class or of a row that the table of areas has "
                f"anyway ('{PERMAFROST}', '{MAPPED}'); rename the class"
            )
        names.append(name)
    return classes


ThermalClasses = Annotated[list[ThermalClass], Field(min_length=2), AfterValidator(_told_apart)]
"""From cold to warm: bounds rise, names differ."""
