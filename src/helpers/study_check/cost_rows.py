"""What a run will need: minutes, memory, disk, and a folder that may be written to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import numpy as np
from distributed.system import MEMORY_LIMIT

from helpers.products.rasters import product_rasters
from helpers.study import Study
from helpers.study_check.look import Look
from helpers.study_check.rows import DOUBTFUL, FINE, WRONG, Row

# Of the embedded study (104 sites, 4.1 million cells in its grid, 1.4 million of them mapped) on
# two cores: notebooks without their cells; the cells; memory of the notebook that takes most.
_SITES, _MINUTES, _MINUTES_PER_MILLION = 104, 2.8, 0.8
_MEMORY_GB, _BYTES_PER_CELL = 0.7, 300
# Shapley values of cells: 1.5 s per million there, about 5 h with 5,000 sites (tests/bench).
_SHAPLEY_MINUTES_PER_MILLION, _SHAPLEY_POWER = 0.025, 2.4
_LONG_MINUTES = 120


def cost_rows(look: Look) -> Iterator[Row]:
    """Memory, disk and minutes; these last, as they wait for the number of sites."""
    study = look.study
    rows, columns = study.geobox.shape
    yield _memory_row(study, rows * columns)
    yield _disk_row(study, rows * columns)
    yield _time_row(study, rows * columns * float(look.mapped.mean()), len(look.survey.used))


def _time_row(study: Study, mapped: float, sites: int) -> Row:
    times, millions = max(sites / _SITES, 1), mapped / 1e6 * study.forest.n_trees / 500
    minutes = _MINUTES * times + _MINUTES_PER_MILLION * millions
    if study.forest.shapley_maps:
        shapley = _SHAPLEY_MINUTES_PER_MILLION * millions * times**_SHAPLEY_POWER
        if shapley > _LONG_MINUTES:
            found = f"about {minutes + shapley:,.0f} minutes on two cores"
            found += f", {shapley:,.0f} of them for what each predictor adds in each cell"
            return Row("time", DOUBTFUL, found, "shapley_maps = false under [forest] saves them.")
        minutes += shapley
    found = f"about {minutes:,.0f} minutes on two cores"
    return Row("time", FINE, found, "make fast is a first look.")


def _memory_row(study: Study, cells: int) -> Row:
    layers = 4 * len(study.covariates)
    needed, there = _MEMORY_GB + cells * (_BYTES_PER_CELL + layers) / 1e9, MEMORY_LIMIT / 1e9
    state = FINE if needed < 0.8 * there else DOUBTFUL
    remedy = "" if state == FINE else "Take larger cells, or a machine with more memory."
    return Row("memory", state, f"about {needed:.1f} GB, {there:.1f} GB in this machine", remedy)


def _disk_row(study: Study, cells: int) -> Row:
    folders = (study.folder, study.interim_dir, study.output_dir, study.figures_dir)
    closed = [path for path in folders if path.exists() and not os.access(path, os.W_OK)]
    if closed:
        remedy = "Allow it (chmod u+w), or copy the study to a folder of yours."
        return Row("disk", WRONG, f"{closed[0]} may not be written to", remedy)
    of_cell = sum(len(r.descriptions) * np.dtype(r.dtype).itemsize for r in product_rasters(study))
    # The map while it is made, and its products at most; covariates beside them.
    needed = cells * (2 * of_cell + 4 * len(study.covariates)) / 1e9
    free = shutil.disk_usage(study.folder).free / 1e9
    state = FINE if free > needed else WRONG
    remedy = "" if state == FINE else "Make room, take larger cells, or shapley_maps = false."
    return Row("disk", state, f"up to {max(needed, 0.1):.1f} GB needed, {free:.3g} GB free", remedy)
