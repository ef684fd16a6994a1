"""Checks of the settings themselves: area, grid, CRS, classes, validation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from helpers import covariates
from helpers.area import study_area
from helpers.figures.natural_earth import local_shapefile, read_lines
from helpers.storage import ContractError, read_table
from helpers.study import Study
from helpers.study_check.look import Look, inside
from helpers.study_check.projection import equal_area_crs, shape_distortion_deg, turned_deg
from helpers.study_check.rows import DOUBTFUL, FINE, MISSING, WRONG, NotInOrderError, Row, rounded
from helpers.validation import knndm_folds, regular_sample

_FEW_CELLS, _MANY_CELLS = 1_000, 30_000_000
_LARGE_ANGLE_DEG, _TURNED_DEG = 20.0, 15.0
_INSIDE_BOX, _HIGH_DEG, _WIDE_DEG = 0.98, 60, 200
_THERE = "Put it there, or remove the key."
_FEWEST_IN_FOLD = 3


def study_rows(look: Look) -> Iterator[Row]:
    """What study.toml says, in a line; and its name."""
    study = look.study
    found = f"read without errors: {study.about.title}"
    yield Row("study.toml", FINE, found)
    if study.name != study.folder.name:
        found = f"about.name is '{study.name}', the folder is called '{study.folder.name}'"
        yield Row("name", DOUBTFUL, found, "Give both the same name, so that results are found.")


def area_rows(look: Look) -> Iterator[Row]:
    """Bounding box, outline, and how much of it is land."""
    study, area = look.study, look.study.area
    box_only = study.model_copy(update={"area": area.model_copy(update={"outline": None})})
    box = study_area(box_only)
    place = f"{area.west:g} to {area.east:g} E, {area.south:g} to {area.north:g} N"
    large = area.north - area.south > _HIGH_DEG or area.east - area.west > _WIDE_DEG
    remedy = "Very large: is it meant?" if large else ""
    found = f"{place}: {rounded(box.area / 1e6)} km2"
    yield Row("area", DOUBTFUL if large else FINE, found, remedy)
    if area.outline and not look.exists(area.outline):
        yield Row("outline", MISSING, f"{area.outline} is not there", _THERE)
        return
    if area.outline:
        yield _outline_row(study, box)
    share = float(covariates.background(look.coarse)["elevation"].notnull().mean())
    yield Row("mapped part", FINE, f"{share:.0%} of the grid is land inside area and outline")


def _outline_row(study: Study, box: object) -> Row:
    outline = study_area(study)
    within = outline.intersection(box).area / outline.area if np.isfinite(outline.area) else 0.0
    if within == 0:
        found = f"{study.area.outline} lies outside the area"
        return Row("outline", WRONG, found, "It needs longitude first, then latitude, in degrees.")
    state = FINE if within > _INSIDE_BOX else DOUBTFUL
    found = f"{rounded(outline.area / 1e6)} km2, {within:.0%} of it inside the area"
    return Row(
        "outline", state, found, "" if state == FINE else "The rest is cut off: enlarge the area?"
    )


def town_rows(look: Look) -> Iterator[Row]:
    """Towns for orientation."""
    area = look.study.area
    if not area.towns:
        yield Row("towns", FINE, "none named")
        return
    if not look.exists(area.towns):
        yield Row("towns", MISSING, f"{area.towns} is not there", _THERE)
        return
    towns = read_table(look.study.path(area.towns), ("longitude", "latitude"), ("name",))
    within = inside(area, towns["longitude"], towns["latitude"])
    state = FINE if within.any() else DOUBTFUL
    remedy = "" if within.any() else "Are longitude and latitude in their columns?"
    yield Row("towns", state, f"{within.sum()} of {len(towns)} inside the area", remedy)


def crs_rows(look: Look) -> Iterator[Row]:
    """Whether the CRS, which is equal-area (else study.toml is refused), suits the region."""
    study, area = look.study, look.study.area
    angle, turned = shape_distortion_deg(study.crs, area), turned_deg(study.crs, area)
    found = f"equal-area; angles are off by up to {angle:.0f} degrees"
    found += f", north is turned by {turned:.0f} degrees in the middle"
    if angle <= _LARGE_ANGLE_DEG and turned <= _TURNED_DEG:
        yield Row("CRS", FINE, found)
        return
    better = equal_area_crs(area.west, area.south, area.east, area.north)
    yield Row("CRS", DOUBTFUL, found, f'Areas are right. Truer shapes: crs = "{better}"')


def grid_rows(look: Look) -> Iterator[Row]:
    """Number of cells."""
    study = look.study
    rows, columns = study.geobox.shape
    mapped = rows * columns * float(look.mapped.mean())
    found = (
        f"{columns} x {rows} cells of {study.grid.resolution_m:g} m, about {rounded(mapped)} mapped"
    )
    remedies = {
        True: "Few cells: take smaller ones.",
        False: "Many cells: begin with make fast STUDY=..., or larger cells.",
    }
    odd = mapped < _FEW_CELLS or mapped > _MANY_CELLS
    yield Row(
        "grid", DOUBTFUL if odd else FINE, found, remedies[mapped < _FEW_CELLS] if odd else ""
    )


def line_rows(look: Look) -> Iterator[Row]:
    """Whether coastlines of Natural Earth will be on the maps: good to know, never needed."""
    path = local_shapefile("physical", "coastline")
    if path is not None:
        read_lines(path)
    found = "not on this machine: maps go without them" if path is None else f"found: {path}"
    yield Row("Natural Earth lines", FINE, found)


def class_rows(look: Look) -> Iterator[Row]:
    """Thermal classes; their order is part of study.toml's own check."""
    bounds = look.study.class_bounds
    words = ", ".join(f"{bound:g}" for bound in bounds)
    found = f"{len(bounds) + 1} classes, cold to warm, with bounds at {words} degC"
    yield Row("classes", FINE, found)


def validation_rows(look: Look) -> Iterator[Row]:
    """Whether the folds can be made of the sites, as notebooks 02 and 03 make them."""
    study, used = look.study, look.survey.used
    if len(used) < study.boreholes.fewest_sites:
        raise NotInOrderError("see that enough sites can be used")
    settings = study.validation
    points = regular_sample(look.mapped, study)
    purposes = {settings.n_folds: "to choose predictors", settings.matched_folds: "for errors"}
    if len(purposes) == 1:
        purposes = {settings.n_folds: "to choose predictors and for errors"}
    for n_folds, purpose in purposes.items():
        try:
            made = knndm_folds(study, used, points, n_folds)
        except ContractError as error:
            remedy = "Fewer folds (n_folds, n_matched_folds) or a larger max_share in [validation]."
            yield Row("validation", WRONG, f"{n_folds} folds {purpose}: {error}", remedy)
            continue
        sizes = np.bincount(made.folds)
        small = n_folds == settings.matched_folds and sizes.min() < _FEWEST_IN_FOLD
        how = "clustered" if made.clustered else "not clustered"
        found = f"kNNDM: {n_folds} folds {purpose}, of {sizes.min()} to {sizes.max()} sites"
        remedy = "Folds of so few sites say little: try n_matched_folds = 5." if small else ""
        yield Row("validation", DOUBTFUL if small else FINE, f"{found}; they lie {how}", remedy)
