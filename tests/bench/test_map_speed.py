"""How long the map takes beside the two passes it replaces; `make bench` prints the table."""

import statistics
import time

import numpy as np
import pandas as pd
from quantile_forest import RandomForestQuantileRegressor

from helpers.forest import QUANTILES, fit_forest

N_SITES, N_CELLS, N_RUNS = 104, 100_000, 3


def seconds(task):
    """Median of several runs, after one that is not counted (compilation, caches)."""
    task()
    times = []
    for _ in range(N_RUNS):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def test_one_pass_against_predict_and_quantile_forest():
    rng = np.random.default_rng(0)
    names = ["PRE", "TDD", "TPI"]
    sites = pd.DataFrame(rng.normal(size=(N_SITES, 3)), columns=names)
    temperature = sites["TDD"] - 0.5 * sites["PRE"] + rng.normal(0, 0.3, N_SITES)
    cells = pd.DataFrame(rng.normal(size=(N_CELLS, 3)), columns=names)
    forest = fit_forest(sites, temperature)
    peer = RandomForestQuantileRegressor(500, min_samples_leaf=2, max_features=0.67, random_state=0)
    peer.fit(sites, temperature)
    rows = {
        "one pass: mean, sd, probability, 5 quantiles": lambda: forest.distribution(cells),
        "RandomForestRegressor.predict": lambda: forest.predict(cells),
        "quantile-forest, 5 quantiles": lambda: peer.predict(cells, quantiles=list(QUANTILES)),
    }
    found = {name: seconds(task) for name, task in rows.items()}
    first, *others = found.values()
    print(f"\n{N_CELLS} cells, {N_SITES} sites, 500 trees, one thread, median of {N_RUNS} runs")
    for name, value in found.items():
        print(f"  {name:<46} {value:7.2f} s")
    print(f"  {'two passes over one pass':<46} {sum(others) / first:7.2f}")
    np.testing.assert_allclose(forest.distribution(cells[:100]).mean, forest.predict(cells[:100]))
