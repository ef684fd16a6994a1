"""The map beside what it replaces, its cost per cell and its memory; `make bench` prints tables.

Everything is measured on the predictors of the embedded study on its 1 km grid, and in fresh
processes where memory is asked for.
"""

import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shap
import xarray as xr
from distributed import Client, LocalCluster
from quantile_forest import RandomForestQuantileRegressor

from helpers import boreholes, mapping, validation
from helpers.applicability import ApplicabilityDomain
from helpers.covariates import build_covariates, training_table
from helpers.forest import QUANTILES
from helpers.storage import write_dataset
from helpers.study import load_study

EMBEDDED = Path(__file__).resolve().parents[2] / "data" / "northeast_china"
N_RUNS, N_THREADS = 3, 2
N_EXPLAINED = 1000
WINDOW = 500  # cells a side of the part of the map that is laid side by side for larger ones
MILLIONS = (0.1, 1.44, 25)  # cells
MAP = """
import json, re, sys, time
from pathlib import Path
import numpy as np
import pandas as pd
from helpers import forest, products
from helpers.applicability import ApplicabilityDomain
from helpers.error_model import ErrorModel
from helpers.mapping import Task, predicted_blocks
from helpers.residuals import Variogram
from helpers.storage import opened_dataset
from helpers.study import load_study

def peak():  # of this program alone; getrusage tells that of the one that started it too
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

model = forest.load_forest(sys.argv[2])
domain = ApplicabilityDomain(pd.DataFrame(model.predictors, columns=model.names))
low, high = np.quantile(model.predictors, [0.1, 0.9], axis=0)
errors = ErrorModel(
    model.names, low, high, 1 / (high - low), 0.7, np.array([0.3, 2.0]),
    np.linspace(-3, 3, 700), np.arange(700) % 5, len(model.predictors), Variogram(0.2, 0.8, 1e5),
)

def run(cell_size):
    study = load_study(sys.argv[1], resolution_m=float(cell_size))
    with opened_dataset(study.interim_dir / "covariates.nc") as layers:
        task = Task(model, domain=domain, shapley=True, error_model=errors)
        start = time.perf_counter()
        for _ in predicted_blocks(task, layers, workers=2, progress=False):
            pass
        between = time.perf_counter()
        products.write_products(study, model, layers, domain, errors, workers=2, progress=False)
        return between - start, time.perf_counter() - between

run(sys.argv[3])  # compiles, and fills what is filled once
before = peak()
print(json.dumps([*run(sys.argv[4]), before, peak()]))
"""


def seconds(task, runs=N_RUNS):
    """Median of several runs, after one that is not counted (compilation, caches)."""
    task()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@pytest.fixture(scope="module")
def study():
    return load_study(EMBEDDED)


@pytest.fixture(scope="module")
def covariates(study):
    return build_covariates(study, progress=False)


@pytest.fixture(scope="module")
def training(study, covariates):
    checked = boreholes.check_boreholes(boreholes.read_study(study), study)
    sites, _ = boreholes.site_temperatures(checked, study)
    return training_table(sites, covariates, study)


@pytest.fixture(scope="module")
def forest(study, training):
    return validation.fit_study_forest(study, training)


@pytest.fixture(scope="module")
def cells(forest, covariates):
    table = pd.DataFrame({name: covariates[name].to_numpy().ravel() for name in forest.names})
    return table.dropna()


def per_million(task, n_cells):
    return seconds(task) / n_cells * 1e6


def test_one_pass_beside_predict_and_quantile_forest(study, training, forest, covariates, cells):
    names, some = list(forest.names), cells.iloc[::8]
    peer = RandomForestQuantileRegressor(
        forest.model.n_estimators, min_samples_leaf=2, max_features=0.67, random_state=0,
        n_jobs=N_THREADS,
    ).fit(training[names].to_numpy(), training["t15_c"])  # fmt: skip
    forest.model.n_jobs = N_THREADS
    values = some.to_numpy(np.float32)
    layers = covariates[names]
    ours = per_million(
        lambda: mapping.predict_map(forest, layers, QUANTILES, workers=N_THREADS, progress=False),
        len(cells),
    )
    mean = per_million(lambda: forest.model.predict(values), len(some))
    quantiles = per_million(lambda: peer.predict(values, quantiles=list(QUANTILES)), len(some))
    print(
        f"\n{len(cells)} cells, {len(training)} sites, {forest.model.n_estimators} trees, ", end=""
    )
    print(f"{N_THREADS} cores, median of {N_RUNS}; seconds per million cells")
    print(f"  predict_map: mean, 5 quantiles, probability, sd   {ours:8.2f}")
    print(f"  RandomForestRegressor.predict (every 8th cell)    {mean:8.2f}")
    print(f"  quantile-forest, 5 quantiles (every 8th cell)     {quantiles:8.2f}")
    print(f"  the two over the one                              {(mean + quantiles) / ours:8.2f}")
    np.testing.assert_allclose(forest.distribution(some[:100]).mean, forest.predict(some[:100]))


def test_shapley_values_beside_shap(forest, covariates, cells):
    some = cells.sample(N_EXPLAINED, random_state=0).to_numpy(np.float32)
    sites = forest.predictors.astype(np.float32)
    background = shap.maskers.Independent(sites, max_samples=len(sites))
    exact, by_path = shap.TreeExplainer(forest.model, background), shap.TreeExplainer(forest.model)
    layers = covariates[list(forest.names)]

    def with_shap(shapley):
        return mapping.predict_map(
            forest, layers, QUANTILES, shapley=shapley, workers=N_THREADS, progress=False
        )

    whole = per_million(lambda: with_shap(True), len(cells))
    ours = whole - per_million(lambda: with_shap(False), len(cells))
    paths = per_million(lambda: by_path.shap_values(some), len(some))
    same = per_million(lambda: exact.shap_values(some[:100]), 100)
    print(f"\nShapley values, {len(sites)} sites as background; seconds per million cells")
    print(f"  predict_map, {N_THREADS} threads: with them less without        {ours:8.1f}")
    print(f"  shap.TreeExplainer, path dependent ({len(some)} cells)   {paths:8.1f}")
    print(f"  shap.TreeExplainer, the same values (100 cells)    {same:8.1f}")
    print(f"  if shap, of one thread, had {N_THREADS} processes: ", end="")
    print(f"path {paths / ours / N_THREADS:.0f} times, same {same / ours / N_THREADS:.0f} times")


def test_applicability_of_every_cell(training, forest, cells):
    domain = ApplicabilityDomain(training[list(forest.names)])
    found = seconds(lambda: domain.dissimilarity(cells, N_THREADS))
    density = seconds(lambda: domain.local_point_density(cells, N_THREADS))
    print(
        f"\n{len(cells)} cells, {N_THREADS} threads: dissimilarity and area of applicability ",
        end="",
    )
    print(f"{found:.2f} s, local point density {density:.2f} s, together {found + density:.2f} s")


def enlarged(covariates, names, shape):
    """A full window of the 1 km map, mirrored side by side, so that neighbours stay as alike.

    A drift over the whole keeps the copies apart: equal cells would be predicted once.
    """
    known = covariates[names[0]].notnull().to_numpy()
    sums = np.pad(known.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    full = sums[WINDOW:, WINDOW:] - sums[:-WINDOW, WINDOW:] - sums[WINDOW:, :-WINDOW]
    row, column = np.unravel_index((full + sums[:-WINDOW, :-WINDOW]).argmax(), full.shape)
    window = covariates[names].isel(y=slice(row, row + WINDOW), x=slice(column, column + WINDOW))
    window = window.interpolate_na("x", fill_value="extrapolate")
    more = [(0, size - WINDOW) for size in shape]
    rows, columns = (np.linspace(-0.5, 0.5, size) for size in shape)
    layers = {}
    for name in names:
        copies = np.pad(window[name].to_numpy(), more, mode="symmetric")
        drift = np.float32(copies.std()) * (rows[:, None] + 0.37 * columns).astype(np.float32)
        layers[name] = copies + drift
    return layers


def write_large(study_folder, covariates, names, millions):
    """Write covariates.nc of a study with so many million cells; returns its cell size, m."""
    whole = load_study(study_folder)
    size = whole.grid.resolution_m * np.sqrt(np.prod(whole.geobox.shape) / millions / 1e6)
    study = load_study(study_folder, resolution_m=round(size))
    shape = study.geobox.shape
    y, x = (study.geobox.coords[axis].values for axis in ("y", "x"))
    layers = enlarged(covariates, names, [max(n, WINDOW) for n in shape])
    dataset = xr.Dataset(
        {name: (("y", "x"), layer[: shape.y, : shape.x]) for name, layer in layers.items()},
        {"y": y, "x": x},
    )
    write_dataset(dataset.rio.write_crs(study.crs), study.interim_dir / "covariates.nc")
    return round(size)


def test_cost_per_cell_and_memory_from_a_tenth_to_25_million_cells(
    study, forest, covariates, tmp_path
):
    folder = tmp_path / "northeast_china"
    shutil.copytree(EMBEDDED, folder, ignore=shutil.ignore_patterns("interim", "output"))
    forest.save(tmp_path / "forest.skops")
    sizes = [write_large(folder, covariates, list(forest.names), m) for m in MILLIONS]
    print("\nall layers in blocks, then the seven products as well; 2 threads, every cell mapped")
    print("      cells  predicted, s  s/million  products, s  s/million  MB before  MB at the peak")
    for size in sizes:
        command = [sys.executable, "-c", MAP, folder, tmp_path / "forest.skops", sizes[0], size]
        done = subprocess.run(  # noqa: S603
            list(map(str, command)), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        predicted, written, before, peak = json.loads(done.stdout.splitlines()[-1])
        cells = float(np.prod(load_study(folder, resolution_m=size).geobox.shape))
        print(f"{cells:>11.0f} {predicted:13.1f} {predicted / cells * 1e6:10.2f}", end="")
        print(f"{written:13.1f} {written / cells * 1e6:10.2f} {before:10.0f} {peak:15.0f}")


def test_one_and_two_dask_workers(forest, training, covariates):
    domain = ApplicabilityDomain(training[list(forest.names)])
    task = mapping.Task(forest, domain=domain, shapley=True)
    shape, names = (2000, 2000), list(forest.names)
    layers = xr.Dataset(
        {name: (("y", "x"), v) for name, v in enlarged(covariates, names, shape).items()},
        {"y": -1000.0 * np.arange(shape[0]), "x": 1000.0 * np.arange(shape[1])},
    )
    took = {}
    for n_workers in (1, 2):
        with LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address=None
        ) as cluster, Client(cluster) as client:  # fmt: skip

            def run(client=client):
                for _ in mapping.predicted_blocks(task, layers, workers=client, progress=False):
                    pass

            took[n_workers] = seconds(run)
    print(f"\nall layers of {np.prod(shape)} cells through Dask, one thread each: ", end="")
    print(f"1 worker {took[1]:.1f} s, 2 workers {took[2]:.1f} s, ratio {took[1] / took[2]:.2f}")
