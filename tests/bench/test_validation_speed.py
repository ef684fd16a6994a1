"""Designs of large surveys and the applicability of large maps; `make bench` prints a table.

Each line is a fresh process, so that its peak of memory is its own. Sites lie in groups, as
boreholes do along roads; the cells are those of the embedded study on its 1 km grid, again and
again with a little noise, until there are ten million.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import boreholes
from helpers.covariates import build_covariates, training_table
from helpers.study import load_study

EMBEDDED = Path(__file__).resolve().parents[2] / "data" / "northeast_china"
N_SITES, N_POINTS = 1000, 10_000
N_CELLS, BLOCK = 10_000_000, 1_000_000
START = """
import json, re, sys, time
from pathlib import Path
import numpy as np
from helpers import folds
from helpers.applicability import ApplicabilityDomain

def peak():  # of this program alone, MB; getrusage tells that of the one that started it too
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

def timed(task):
    before, start = peak(), time.perf_counter()
    found = task()
    return time.perf_counter() - start, before, peak(), float(found)

def survey(n_sites, n_points, dimensions):
    random = np.random.default_rng(0)
    groups = random.uniform(0, 9e5, (n_sites // 15, dimensions))
    sites = groups[random.integers(0, len(groups), n_sites)]
    sites = sites + random.normal(0, 2e4, sites.shape)
    return sites, random.uniform(0, 9e5, (n_points, dimensions))
"""
DESIGNS = (
    START
    + """
what, n_sites, n_points = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sites, points = survey(n_sites, n_points, 3 if what == "features" else 2)

def task():
    if what == "nndm":
        design = folds.design_of(what, folds.NearestNeighbourMatching(sites, points), n_sites)
        return design.w(sites, folds.nearest_neighbour_distances(sites, points)[1])
    clustering = "kmeans" if what == "kmeans" else "ward"
    return folds.knndm(sites, points, clustering=clustering, same_point="together").w

print(json.dumps(timed(task)))
"""
)
CELLS = (
    START
    + """
tables, n_cells, block = np.load(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
sites, cells = tables["sites"], tables["cells"]
domain, random = ApplicabilityDomain(sites), np.random.default_rng(0)
spread = 0.01 * sites.std(axis=0)

def task():
    inside = 0
    for first in range(0, n_cells, block):
        rows = cells[np.arange(first, min(first + block, n_cells)) % len(cells)]
        rows = rows + random.normal(0, spread, rows.shape)
        inside += (domain.dissimilarity(rows, workers=-1) <= domain.threshold).sum()
        domain.local_point_density(rows, workers=-1)
    return inside / n_cells

print(json.dumps(timed(task)))
"""
)


def line(label, script, *arguments):
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    seconds, before, peak, found = json.loads(done.stdout.splitlines()[-1])
    print(f"  {label:<58} {seconds:8.2f} {before:10.0f} {peak:12.0f}")
    return found


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Predictors at the sites and in every cell of the embedded study, in a file."""
    study = load_study(EMBEDDED)
    layers, names = build_covariates(study, progress=False), study.forest.predictors
    checked = boreholes.check_boreholes(boreholes.read_study(study), study)
    training = training_table(boreholes.site_temperatures(checked, study)[0], layers, study)
    cells = np.column_stack([layers[name].to_numpy().ravel() for name in names])
    path = tmp_path_factory.mktemp("tables") / "tables.npz"
    np.savez(path, sites=training[names], cells=cells[np.isfinite(cells).all(axis=1)])
    return path


def test_designs_of_a_thousand_sites_and_applicability_of_ten_million_cells(tables):
    print(f"\n{'':60} {'seconds':>8} {'MB before':>10} {'MB at peak':>12}")
    sizes = (N_SITES, N_POINTS)
    designs = {
        "ward": f"kNNDM, Ward, {N_SITES} sites x {N_POINTS} points",
        "kmeans": "kNNDM, k-means, the same",
        "features": "kNNDM, Ward, the same in a feature space of 3",
        "nndm": "NNDM, the same, with its splits and W",
    }
    w = {what: line(label, DESIGNS, what, *sizes) for what, label in designs.items()}
    assert w["nndm"] < w["ward"]  # more freedom, nearer to the map
    n_sites = len(np.load(tables)["sites"])
    label = f"dissimilarity, area, density of {N_CELLS / 1e6:g} million cells, {n_sites} sites"
    inside = line(label, CELLS, tables, N_CELLS, BLOCK)
    assert 0 < inside < 1
