"""Checks of the settings themselves: area, grid, CRS, classes, validation, what a run will cost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
from distributed.system import MEMORY_LIMIT

from helpers import covariates
from helpers.area import study_area
from helpers.figures.natural_earth import local_shapefile, read_lines
from helpers.products.rasters import product_rasters
from helpers.storage import ContractError, read_table
from helpers.study import Study
from helpers.study_check.look import Look, inside
from helpers.study_check.projection import equal_area_crs, shape_distortion_deg, turned_deg
from helpers.study_check.rows import DOUBTFUL, FINE, MISSING, WRONG, NotInOrderError, Row, rounded
from helpers.validation import knndm_folds

_FEW_CELLS, _MANY_CELLS = 1_000, 30_000_000
_LARGE_ANGLE_DEG, _TURNED_DEG = 20.0, 15.0
_INSIDE_BOX, _HIGH_DEG, _WIDE_DEG = 0.98, 60, 200
_THERE = "Put it there, or remove the key."
# Of the embedded study (104 sites, 4.1 million cells in its grid, 1.4 million of them mapped) on
# two cores: notebooks without their cells; the cells; memory of the notebook that takes most.
_MINUTES, _MINUTES_PER_MILLION = 2.8, 0.8
_MEMORY_GB, _BYTES_PER_CELL = 0.7, 300
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
    """Number of cells, and what a run of them needs of time, memory and disk."""
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
    yield _time_row(look, mapped)
    yield _memory_row(study, rows * columns)
    yield _disk_row(study, rows * columns)


def _time_row(look: Look, mapped: float) -> Row:
    trees = look.study.forest.n_trees / 500
    minutes = _MINUTES + _MINUTES_PER_MILLION * mapped / 1e6 * trees
    found = f"about {minutes:.0f} minutes on two cores for a hundred sites"
    return Row("time", FINE, found, "Many sites take longer; make fast is a first look.")


def _memory_row(study: Study, cells: int) -> Row:
    layers = 4 * len(study.covariates)
    needed, there = _MEMORY_GB + cells * (_BYTES_PER_CELL + layers) / 1e9, MEMORY_LIMIT / 1e9
    state = FINE if needed < 0.8 * there else DOUBTFUL
    remedy = "" if state == FINE else "Take larger cells, or a machine with more memory."
    return Row("memory", state, f"about {needed:.1f} GB, {there:.1f} GB in this machine", remedy)


def _disk_row(study: Study, cells: int) -> Row:
    of_cell = sum(len(r.descriptions) * np.dtype(r.dtype).itemsize for r in product_rasters(study))
    # The map while it is made, and its products at most; covariates beside them.
    needed = cells * (2 * of_cell + 4 * len(study.covariates)) / 1e9
    free = shutil.disk_usage(study.folder).free / 1e9
    state = FINE if free > needed else WRONG
    remedy = "" if state == FINE else "Make room, take larger cells, or shapley_maps = false."
    return Row("disk", state, f"up to {max(needed, 0.1):.1f} GB needed, {free:.3g} GB free", remedy)


def line_rows(look: Look) -> Iterator[Row]:
    """Whether coastlines of Natural Earth will be on the maps: good to know, never needed."""
    path = local_shapefile("physical", "coastline")
    if path is not None:
        read_lines(path)
    found = "not on this machine: maps go without them" if path is None else f"found: {path}"
    yield Row("Natural Earth lines", FINE, found)


def class_rows(look: Look) -> Iterator[Row]:
    """Thermal classes; their order is part of study.toml's own check."""
    bounds = [c.below_c for c in look.study.classes[:-1]]
    words = ", ".join(f"{bound:g}" for bound in bounds)
    twice = len(set(bounds)) < len(bounds)
    found = f"{len(bounds) + 1} classes, cold to warm, with bounds at {words} degC"
    remedy = "Two classes share a bound: one of them stays empty." if twice else ""
    yield Row("classes", DOUBTFUL if twice else FINE, found, remedy)


def validation_rows(look: Look) -> Iterator[Row]:
    """Whether the folds can be made of the sites, as notebooks 02 and 05 make them."""
    study, used = look.study, look.survey.used
    if len(used) < study.boreholes.fewest_sites:
        raise NotInOrderError("see that enough sites can be used")
    settings = study.validation
    rows, columns = np.nonzero(look.mapped.to_numpy())
    step = max(len(rows) // settings.n_prediction_points, 1)
    x, y = look.mapped.x.to_numpy()[columns][::step], look.mapped.y.to_numpy()[rows][::step]
    purposes = {settings.n_folds: "to choose predictors", settings.matched_folds: "for errors"}
    for n_folds, purpose in purposes.items():
        try:
            made = knndm_folds(study, used, np.column_stack([x, y]), n_folds)
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
