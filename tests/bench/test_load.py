"""Every step with up to 5,000 sites, 200 covariates and 25 million cells; `make bench` prints it.

Each step runs alone in a fresh process, at sizes that double: seconds of the processor, memory (MB)
that it needs beyond what it was given, and the power of the size that both grow with. A power of 2
is a step that takes all pairs.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from math import log2
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

EMBEDDED = Path(__file__).resolve().parents[2] / "data" / "northeast_china"
SITES, COVARIATES = (1250, 2500, 5000), (50, 100, 200)
N_TREES, N_CELLS = 100, 20_000


def survey(n_sites, n_covariates=3, seed=0):
    """Sites in clusters along roads, with smooth covariates of the study's names and others."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, 1, (max(n_sites // 25, 4), 2))
    place = centres[rng.integers(0, len(centres), n_sites)] + rng.normal(0, 0.02, (n_sites, 2))
    values, names = layers(place, n_covariates, rng), covariate_names(n_covariates)
    error = rng.normal(0, 0.5, n_sites)
    table = pd.DataFrame({"site": [f"S{i:05}" for i in range(n_sites)]})
    table[["x", "y"]] = place * [1.6e6, 1.6e6]
    table["t15_c"] = values[:, 0] - 0.5 * values[:, 1] + 0.3 * values[:, 2] ** 2 + error
    table["standard_error_c"] = rng.uniform(0.05, 0.5, n_sites)
    return pd.concat([table, pd.DataFrame(values, columns=names)], axis=1)


def layers(place, n_covariates, rng):
    """Waves across the landscape and a little noise, (places, covariates), in float32 steps."""
    direction = np.random.default_rng(1).normal(0, 4, (2, n_covariates))
    waves = np.sin(place @ direction + np.arange(n_covariates))
    return (waves + rng.normal(0, 0.1, waves.shape)).astype(np.float32).astype(float)


def covariate_names(n_covariates):
    return [*study().forest.predictors, *(f"c{i:03}" for i in range(n_covariates - 3))]


def study(**changes):
    from helpers.study import load_study

    return load_study(EMBEDDED, **changes)


def points_of_map():
    """A regular sample of the map, m, as of prediction_points."""
    x, y = np.meshgrid(np.linspace(-2e5, 1.8e6, 45), np.linspace(-2e5, 1.8e6, 45))
    return np.column_stack([x.ravel(), y.ravel()])


def forest_of(table, n_trees=N_TREES, names=None):
    from helpers.forest import fit_forest

    return fit_forest(table[names or study().forest.predictors], table["t15_c"], n_trees=n_trees)


def cells_of_map(n_cells, n_covariates=3):
    """Predictors of cells that lie beside each other along rows, as on a map."""
    side = int(np.sqrt(n_cells))
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    place = np.column_stack([x.ravel(), y.ravel()])
    values = layers(place, n_covariates, np.random.default_rng(2))
    return pd.DataFrame(values, columns=covariate_names(n_covariates))


# Each step: what it is given (not measured), then what is measured, as a function of the size.


def reading(n):
    from helpers import boreholes
    from helpers.study import load_study
    from helpers.study_check import new_study

    folder = new_study("mine", Path(tempfile.mkdtemp()), (111.0, 40.0, 134.0, 53.0)).parent
    rng = np.random.default_rng(0)
    holes = pd.DataFrame({"site": [f"S{i:05}" for i in range(n)]})
    holes["longitude"], holes["latitude"] = rng.uniform(112, 133, n), rng.uniform(41, 52, n)
    holes = holes.merge(pd.DataFrame({"depth_m": [8.0, 12.0, 16.0]}), how="cross")
    holes["temperature_c"] = 50 - holes["latitude"] + 0.02 * holes["depth_m"]
    holes.assign(year_start=2010, year_end=2012).to_csv(
        folder / "boreholes" / "holes.csv", index=False
    )
    file = folder / "study.toml"
    text = file.read_text(encoding="utf-8").replace("only_period = true", "only_period = false")
    file.write_text(text, encoding="utf-8")
    mine = load_study(folder)

    def run():
        checked = boreholes.check_study(mine)
        boreholes.site_temperatures(checked, mine)

    return run


def training(n):
    import xarray as xr

    from helpers.covariates import training_table

    table, mine = survey(n), study()
    names = covariate_names(10)
    shape = mine.geobox.shape
    values = np.zeros(shape, np.float32)
    from odc.geo.xr import xr_coords

    stack = xr.Dataset({name: (("y", "x"), values) for name in names}, xr_coords(mine.geobox))
    sites = table.assign(status="used", longitude=0.0, latitude=0.0)
    sites["x"] = stack.x.values[0] + table["x"] % 1e6
    sites["y"] = stack.y.values[0] - table["y"] % 1e6
    return lambda: training_table(sites, stack, mine)


def random_and_blocks(n):
    from helpers.folds import random_folds, spatial_block_folds

    xy = survey(n)[["x", "y"]].to_numpy()
    return lambda: (random_folds(n, 10), spatial_block_folds(xy, 1e5, 10))


def matched(n):
    from helpers.folds import knndm

    xy, points = survey(n)[["x", "y"]].to_numpy(), points_of_map()
    return lambda: knndm(xy, points)


def matched_one_out(n):
    from helpers.folds import nndm

    xy, points = survey(n)[["x", "y"]].to_numpy(), points_of_map()
    return lambda: nndm(xy, points)


def intensity(n):
    from helpers.folds import sampling_intensity_weights

    xy, points = survey(n)[["x", "y"]].to_numpy(), points_of_map()
    return lambda: sampling_intensity_weights(xy, points)


def design_warnings(n):
    from helpers.folds import as_splits, design_of, fold_warnings, random_folds

    table = survey(n)
    xy = table[["x", "y"]].to_numpy()
    cells = np.floor(xy / 1000).astype(int) @ [1, 100_000]
    design = design_of("random", as_splits(random_folds(n, 10)), n)
    return lambda: (fold_warnings(design, xy, cells, table.iloc[:, -3:]), design.distances(xy))


def fitting(n):
    table = survey(n)
    return lambda: forest_of(table).trees


def saving(n):
    from helpers.forest import load_forest

    forest, path = forest_of(survey(n)), Path(tempfile.mkdtemp()) / "forest.skops"
    return lambda: load_forest(forest.save(path))


def holding_out(n):
    from helpers.folds import random_folds
    from helpers.held_out import cross_validated

    table = survey(n)
    names, folds = study().forest.predictors, random_folds(n, 10)
    return lambda: cross_validated(
        table[names], table["t15_c"], folds, n_trees=N_TREES,
        standard_error_c=table["standard_error_c"], progress=False,
    )  # fmt: skip


def tuning(n):
    from helpers import selection
    from helpers.folds import random_folds

    table, mine = survey(n), study()
    settings = selection.tuning_settings(mine) | {"n_jobs": 1, "n_trees": 10}
    settings |= {"min_samples_leaf": [2], "max_features": [0.67]}
    folds = random_folds(n, 10)
    return lambda: selection.tune_forest(
        table, mine.forest.predictors, folds, progress=False, **settings
    )


def kriging(n):
    from helpers.residuals import kriged_residuals

    table = survey(n)
    xy, residual = table[["x", "y"]].to_numpy(), table["standard_error_c"].to_numpy()
    tenth = np.arange(n) % 10 == 0
    return lambda: kriged_residuals(residual[~tenth], xy[~tenth], xy[tenth])


def variogram(n):
    from helpers.residuals import empirical_variogram, fit_variogram

    table = survey(n)
    xy, residual = table[["x", "y"]].to_numpy(), table["t15_c"].to_numpy()
    return lambda: fit_variogram(empirical_variogram(residual, xy))


def morans(n):
    from helpers.residuals import morans_i

    table = survey(n)
    return lambda: morans_i(table["t15_c"], table[["x", "y"]])


def domain(n, p=3):
    from helpers.applicability import ApplicabilityDomain

    table = survey(n, p)
    return lambda: ApplicabilityDomain(table[covariate_names(p)], folds=np.arange(n) % 10)


def error_model(n):
    from helpers.applicability import ApplicabilityDomain
    from helpers.error_model import fit_error_model

    table, names = survey(n), study().forest.predictors
    folds = np.arange(n) % 10
    around = ApplicabilityDomain(table[names], folds=folds)
    return lambda: fit_error_model(
        table[names], table["t15_c"], table[["x", "y"]], around, folds, n_trees=10, progress=False
    )


def dissimilarity(n, p=3):
    from helpers.applicability import ApplicabilityDomain

    around = ApplicabilityDomain(survey(n, p)[covariate_names(p)], folds=np.arange(n) % 10)
    cells = cells_of_map(N_CELLS, p)
    return lambda: (around.dissimilarity(cells), around.local_point_density(cells))


def distribution(n):
    forest, cells = forest_of(survey(n)), cells_of_map(N_CELLS)
    forest.distribution(cells[:10])
    return lambda: forest.distribution(cells)


def leaf_weights(n):
    table = survey(n)
    forest = forest_of(table)
    forest.leaf_weights(table[:10])
    return lambda: forest.leaf_weights(table[: n // 10])


def shapley_tables(n):
    forest = forest_of(survey(n))
    _ = forest_of(survey(100), 2).shapley_tables, forest.trees
    return lambda: forest.shapley_tables


def shapley_of_sites(n):
    from helpers.shapley import site_shapley

    table = survey(n)
    forest = forest_of(table)
    _ = forest.shapley_tables, site_shapley(forest, table[:10])
    return lambda: site_shapley(forest, table)


def shapley_of_cells(n):
    from helpers.shapley import site_shapley

    forest, cells = forest_of(survey(n)), cells_of_map(N_CELLS)[::4]
    _ = forest.shapley_tables, site_shapley(forest, cells[:10])
    return lambda: site_shapley(forest, cells)


def interactions(n):
    from helpers.shapley import few_enough, interaction_values

    table = survey(n)
    forest = forest_of(table, 10)
    return lambda: interaction_values(forest, few_enough(forest, table))


def simulation(n):
    from helpers.residuals import Variogram, simulate_fields

    places = cells_of_map(n // 2).iloc[:, :2] * 1e6
    return lambda: simulate_fields(places, Variogram(0.2, 0.8, 1e5), 500, 0)


def drilling(n):
    from helpers.applicability import ApplicabilityDomain
    from helpers.drilling import next_sites

    names = covariate_names(3)
    around, cells = ApplicabilityDomain(survey(n)[names]), cells_of_map(3000)
    xy = np.arange(2 * len(cells)).reshape(-1, 2) * 1e3
    return lambda: next_sites(around, cells, xy)


def clusters(p):
    from helpers.selection import spearman_clusters

    table = survey(5000, p)
    return lambda: spearman_clusters(table, covariate_names(p))


def inflation(p):
    from helpers.selection import variance_inflation

    table = survey(5000, p)
    return lambda: variance_inflation(table, covariate_names(p))


def information(p):
    from helpers.selection import mutual_information

    table = survey(250, p)
    return lambda: mutual_information(table, covariate_names(p))


def forward(p):
    from helpers.folds import random_folds
    from helpers.selection import forward_selection

    table = survey(1000, p)
    return lambda: forward_selection(
        table, covariate_names(p), random_folds(1000, 10), most=1, n_trees=10, n_jobs=1,
        progress=False,
    )  # fmt: skip


def domain_of_many(p):
    return domain(5000, p)


def dissimilarity_of_many(p):
    return dissimilarity(5000, p)


BY_SITES = (
    reading, training, random_and_blocks, matched, matched_one_out, intensity, design_warnings,
    fitting, saving, holding_out, tuning, kriging, variogram, morans, domain, error_model,
    dissimilarity, distribution, leaf_weights, shapley_tables, shapley_of_sites, shapley_of_cells,
    interactions, simulation, drilling,
)  # fmt: skip
BY_COVARIATES = (clusters, inflation, information, forward, domain_of_many, dissimilarity_of_many)


def peak_mb():
    """Of this program alone; getrusage tells that of the one that started it too."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def measured(step, size):
    """Seconds and MB of a step, in a fresh process; or what it says when it refuses."""
    command = [sys.executable, __file__, step, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return json.loads(done.stdout.splitlines()[-1])


def main(step, size):
    from helpers.storage import ContractError

    run = globals()[step](int(size))
    before, start = peak_mb(), time.process_time()
    try:
        run()
    except ContractError as error:
        print(json.dumps({"refused": str(error)}))
        return
    print(json.dumps({"s": time.process_time() - start, "mb": peak_mb() - before}))


def power(values):
    """Of the size that the last doubling shows; nan where there is too little to tell."""
    return log2(values[-1] / values[-2]) if min(values[-2:]) > 0.05 else float("nan")


@pytest.mark.parametrize(("steps", "sizes"), [(BY_SITES, SITES), (BY_COVARIATES, COVARIATES)])
def test_every_step_by_its_size(steps, sizes):
    print(f"\n{'':22}" + "".join(f"{size:>9} s{size:>9} MB" for size in sizes) + "  powers")
    for step in steps:
        found = [measured(step.__name__, size) for size in sizes]
        refused = [f["refused"] for f in found if "refused" in f]
        cells = "".join(
            f"{'refused':>22}" if "refused" in f else f"{f['s']:11.2f}{f['mb']:11.0f}"
            for f in found
        )
        powers = [] if refused else [power([f[key] for f in found]) for key in ("s", "mb")]
        print(f"{step.__name__:22}{cells}  " + "  ".join(f"{p:.1f}" for p in powers), flush=True)
        for words in refused[-1:]:
            print(f"{'':22}{words}")


if __name__ == "__main__":
    main(*sys.argv[1:])
