import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers.applicability import ApplicabilityDomain
from helpers.error_model import ErrorModel, load_error_model
from helpers.forest import fit_forest, load_forest
from helpers.mapping import LAYERS, Task, predict_map, predicted_blocks
from helpers.residuals import Variogram
from helpers.shapley import MANY_PLACES, site_shapley
from helpers.storage import ContractError, read_dataset, write_dataset

NAMES = ["PRE", "TDD", "TPI"]
OF_ERROR_MODEL = {
    "expected_error",
    "expected_shift",
    "t15_calibrated_quantile",
    "permafrost_probability_calibrated",
}


def error_model_of(names=NAMES, **changes):
    """Errors that grow away from the sites, and ground that goes on warming beyond 1 of PRE."""
    numbers = {
        "lower": np.full(3, -1.0),
        "upper": np.full(3, 1.0),
        "slope": np.array([1.0, 0.5, -0.25]),
        "share": 0.5,
        "variance": np.array([0.09, 0.4]),
        "residuals": np.linspace(-2, 2, 41),
        "folds": np.zeros(41, dtype=int),
        "n_sites": 40,
        "variogram": Variogram(0.3, 0.7, 50_000.0),
    }
    return ErrorModel(names=tuple(names), **numbers | changes)


@pytest.fixture(scope="module")
def sites():
    random = np.random.default_rng(7)
    table = pd.DataFrame(random.normal(size=(50, 3)), columns=NAMES)
    return table, table.PRE + np.sin(table.TDD) + random.normal(0, 0.3, 50)


@pytest.fixture(scope="module")
def forest(sites):
    return fit_forest(*sites, n_trees=40)


@pytest.fixture(scope="module")
def domain(sites):
    return ApplicabilityDomain(sites[0])


@pytest.fixture(scope="module")
def error_model():
    return error_model_of()


@pytest.fixture(scope="module")
def covariates():
    """23 x 17 cells of 1 km; a corner is empty, and TDD is missing in one more cell."""
    values = np.random.default_rng(8).normal(size=(4, 23, 17)).astype(np.float32)
    values[:, :5, :4] = np.nan
    values[1, 20, 10] = np.nan
    layers = {
        name: (("y", "x"), layer) for name, layer in zip([*NAMES, "slope"], values, strict=True)
    }
    axes = {"y": 5e6 - 1000.0 * np.arange(23), "x": 1e6 + 1000.0 * np.arange(17)}
    return xr.Dataset(layers, axes).rio.write_crs("EPSG:32651")


@pytest.fixture
def on_disk(covariates, tmp_path):
    return write_dataset(covariates, tmp_path / "covariates.nc")


@pytest.fixture(autouse=True)
def no_scheduler_around(monkeypatch):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)


def mapped(forest, covariates, **settings):
    return predict_map(forest, covariates, progress=False, **settings)


def blocks_of(forest, covariates, **settings):
    """Blocks of two rows each, the last of one."""
    settings = {"block_cells": 34, "progress": False, "workers": 2} | settings
    return predicted_blocks(Task(forest), covariates, **settings)


def test_every_cell_has_the_distribution_of_its_predictors(forest, covariates):
    found = mapped(forest, covariates, quantiles=(0.1, 0.9), at_or_below=-0.5)
    cells = pd.DataFrame({name: covariates[name].to_numpy().ravel() for name in NAMES})
    expected = forest.distribution(cells, (0.1, 0.9), at_or_below=-0.5)
    np.testing.assert_allclose(found.t15.values.ravel(), expected.mean, rtol=1e-6)
    np.testing.assert_allclose(
        found.t15_standard_deviation.values.ravel(), expected.standard_deviation, rtol=1e-6
    )
    np.testing.assert_allclose(
        found.t15_quantile.sel(quantile=0.9).values.ravel(), expected.quantiles[:, 1], rtol=1e-6
    )
    np.testing.assert_allclose(
        found.permafrost_probability.values.ravel(), expected.probability, rtol=1e-6
    )


def test_cells_without_a_predictor_stay_empty_in_every_layer(
    forest, domain, error_model, covariates
):
    """NaN and both infinities are missing."""
    cells = covariates.copy(deep=True)
    cells["PRE"].values[21, 10:12] = np.inf, -np.inf
    complete = np.isfinite(cells[NAMES].to_array()).all("variable")
    found = mapped(forest, cells, domain=domain, error_model=error_model, shapley=True)
    assert (~complete).sum() == 23
    for name in found:
        assert (found[name].isnull() == ~complete).all(), name


@pytest.mark.parametrize("block_cells", [1, 119, 131_072])
def test_blocks_and_threads_change_nothing(forest, domain, error_model, covariates, block_cells):
    settings = {"domain": domain, "error_model": error_model, "shapley": True}
    whole = mapped(forest, covariates, workers=1, **settings)
    for workers in (1, np.int64(2), 4, None):
        found = mapped(forest, covariates, workers=workers, block_cells=block_cells, **settings)
        assert found.identical(whole)
        assert all(found[name].values.tobytes() == whole[name].values.tobytes() for name in found)


def test_applicability_is_that_of_the_domain(forest, domain, covariates):
    found = mapped(forest, covariates, domain=domain).stack(cell=("y", "x"))
    found = found.isel(cell=found.t15.notnull().values)
    cells = covariates[NAMES].to_dataframe()[NAMES].dropna()
    np.testing.assert_allclose(found.dissimilarity_index, domain.dissimilarity(cells), rtol=1e-6)
    np.testing.assert_array_equal(found.inside_area_of_applicability, domain.inside(cells))
    np.testing.assert_array_equal(found.local_point_density, domain.local_point_density(cells))
    assert set(np.unique(found.inside_area_of_applicability)) == {0, 1}


def test_expected_error_and_shift_are_those_of_the_model_by_hand(
    forest, domain, error_model, covariates
):
    """Half of the way that a straight line goes beyond 1 and -1; variance 0.09 + 0.4 DI."""
    found = mapped(forest, covariates, domain=domain, error_model=error_model)
    beyond = {name: covariates[name] - covariates[name].clip(-1, 1) for name in NAMES}
    shift = 0.5 * (beyond["PRE"] + 0.5 * beyond["TDD"] - 0.25 * beyond["TPI"])
    np.testing.assert_allclose(found.expected_shift, shift.astype(float), rtol=1e-5, atol=1e-6)
    assert found.expected_shift.min() < -0.1 and found.expected_shift.max() > 0.1
    variance = 0.09 + 0.4 * found.dissimilarity_index
    np.testing.assert_allclose(found.expected_error, np.sqrt(shift**2 + variance), rtol=1e-5)


def test_calibrated_quantiles_and_probability_are_those_of_the_model(
    forest, domain, error_model, covariates
):
    settings = {"quantiles": (0.1, 0.5, 0.9), "at_or_below": -0.5, "domain": domain}
    found = mapped(forest, covariates, error_model=error_model, **settings)
    cells = covariates[NAMES].to_dataframe()[NAMES].dropna()
    spread = error_model.standard_deviation(domain.dissimilarity(cells))
    truth = (forest.distribution(cells).mean, error_model.expected_shift(cells), spread)
    known = found.t15.notnull().values
    np.testing.assert_allclose(
        found.t15_calibrated_quantile.values[:, known].T,
        error_model.quantiles(*truth, settings["quantiles"]),
        rtol=1e-6,
    )
    probability = found.permafrost_probability_calibrated
    np.testing.assert_allclose(
        probability.values[known], error_model.probability(*truth, -0.5), rtol=1e-6
    )
    assert probability.long_name == "calibrated probability of t15 at or below -0.5 degC"


def test_an_error_model_changes_no_other_layer(forest, domain, error_model, covariates):
    without = mapped(forest, covariates, domain=domain, shapley=True)
    found = mapped(forest, covariates, domain=domain, error_model=error_model, shapley=True)
    for name, layer in without.data_vars.items():
        assert found[name].values.tobytes() == layer.values.tobytes(), name
    assert set(found.data_vars) - set(without.data_vars) == OF_ERROR_MODEL


def test_an_error_model_without_a_domain_is_refused(forest, error_model, covariates):
    with pytest.raises(ContractError, match=r"without a domain.*Give domain= as well"):
        mapped(forest, covariates, error_model=error_model)


def test_an_error_model_of_other_predictors_is_refused(forest, domain):
    for names in (["PRE", "TDD", "slope"], ["TDD", "PRE", "TPI"]):
        with pytest.raises(ContractError, match=rf"of the predictors {', '.join(names)}; .* 05_"):
            Task(forest, domain=domain, error_model=error_model_of(names))


def test_contributions_add_up_to_the_prediction_and_name_the_largest(forest, covariates):
    found = mapped(forest, covariates, shapley=True)
    total = found.shapley_value.sum("predictor", skipna=False) + found.shapley_value.base_value_c
    np.testing.assert_allclose(total, found.t15, atol=1e-5)
    cell = found.isel(y=10, x=9)
    here = covariates[NAMES].isel(y=[10], x=[9]).to_dataframe()[NAMES]
    expected = site_shapley(forest, here)
    np.testing.assert_allclose(cell.shapley_value, expected.values[0], rtol=1e-6)
    assert found.shapley_value.base_value_c == expected.base_value
    driver = found.dominant_driver
    largest = cell.predictor[np.abs(cell.shapley_value.values).argmax()]
    assert driver.flag_meanings.split()[int(cell.dominant_driver) - 1] == largest
    assert set(np.unique(driver.values[np.isfinite(driver)])) <= set(driver.flag_values)


def test_layers_have_units_names_and_the_grid_of_the_covariates(
    forest, domain, error_model, covariates
):
    found = mapped(forest, covariates, domain=domain, error_model=error_model, shapley=True)
    assert list(found.data_vars) == list(LAYERS)
    for layer in (found.t15_quantile, found.t15_calibrated_quantile):
        assert layer.dims == ("quantile", "y", "x")
    assert found.shapley_value.dims == ("predictor", "y", "x")
    assert list(found.predictor.values) == NAMES
    for layer in found.values():
        assert layer.dtype == np.float32
        assert layer.attrs["units"] and layer.attrs["long_name"]
    assert found.permafrost_probability.long_name == "probability of t15 at or below 0 degC"
    assert found.rio.crs == covariates.rio.crs
    for axis in ("x", "y", "spatial_ref"):
        assert found[axis].identical(covariates[axis])


def test_layers_nobody_asked_for_are_left_out(forest, domain, covariates):
    assert list(mapped(forest, covariates)) == list(LAYERS)[:4]
    assert list(mapped(forest, covariates, domain=domain)) == list(LAYERS)[:7]


def test_a_map_can_be_written_and_keeps_crs_and_flags(forest, covariates, tmp_path):
    found = mapped(forest, covariates, shapley=True)
    written = read_dataset(write_dataset(found, tmp_path / "map.nc"))
    xr.testing.assert_equal(written, found)
    assert written.t15.rio.crs == covariates.rio.crs
    assert written.dominant_driver.flag_meanings == "PRE TDD TPI"


@pytest.mark.parametrize("chunks", [None, {"y": 4}, {"x": 5}])
def test_a_map_from_a_file_is_the_same_and_the_file_stays_unread(
    forest, covariates, on_disk, chunks
):
    with xr.open_dataset(on_disk, decode_coords="all") as opened:
        lazy = opened.chunk(chunks) if chunks else opened
        found = mapped(forest, lazy, block_cells=70, workers=2)
        assert not opened["PRE"].variable._in_memory
    xr.testing.assert_equal(found, mapped(forest, covariates))


def test_order_of_dimensions_and_precision_of_the_file_do_not_matter(forest, covariates):
    turned = covariates.transpose("x", "y").astype(float)
    xr.testing.assert_equal(mapped(forest, turned, block_cells=60), mapped(forest, covariates))


def test_an_empty_area_is_an_empty_map(forest, domain, covariates):
    corner = covariates.isel(y=slice(0, 5), x=slice(0, 4))
    found = mapped(forest, corner, domain=domain, shapley=True)
    assert found.t15.shape == (5, 4)
    assert all(found[name].isnull().all() for name in found)


def test_blocks_come_in_order_and_cover_all_rows_once(forest, covariates):
    blocks = list(blocks_of(forest, covariates))
    assert [block.number for block in blocks] == list(range(12))
    rows = np.concatenate([np.arange(23)[block.rows] for block in blocks])
    np.testing.assert_array_equal(rows, np.arange(23))
    assert blocks[-1].layers["t15_quantile"].shape == (5, 1, 17)


def test_no_more_than_two_blocks_for_each_worker_are_read_ahead(forest, covariates):
    read = []
    blocks = blocks_of(forest, covariates, finished=lambda number, digest: read.append(number))
    for block in blocks:
        assert read[-1] <= block.number + 3
    assert read == list(range(12))


def test_blocks_done_before_are_left_out_but_counted(forest, covariates, capsys):
    first = list(blocks_of(forest, covariates))
    done = {block.number: block.digest for block in first[:9]}
    again = list(
        blocks_of(forest, covariates, finished=lambda n, d: done.get(n) == d, progress=True)
    )
    assert "100%" in capsys.readouterr().err
    assert [block.digest for block in again] == [block.digest for block in first]
    for before, after in zip(first, again, strict=True):
        assert list(after.layers) == list(before.layers)
        if after.number < 9:
            assert set(after.layers.values()) == {None}
        else:
            assert after.layers["t15"].tobytes() == before.layers["t15"].tobytes()


def test_the_digest_of_a_block_changes_with_a_single_cell(forest, covariates):
    changed = covariates.copy(deep=True)
    changed["TPI"][7, 3] += 0.5
    before = [block.digest for block in blocks_of(forest, covariates)]
    after = [block.digest for block in blocks_of(forest, changed)]
    assert [n for n in range(12) if before[n] != after[n]] == [3]


def test_a_map_that_is_given_up_stops(forest, covariates):
    """Closing the blocks early neither hangs nor predicts the rest."""
    read = []
    blocks = blocks_of(forest, covariates, finished=lambda number, digest: read.append(number))
    next(blocks)
    blocks.close()
    assert len(read) == 4


def test_an_error_in_a_block_reaches_the_caller(forest, covariates):
    with pytest.raises(ValueError, match="each must be above 0 and below 1"):
        mapped(forest, covariates, quantiles=(0.5, 1.5))


def test_without_room_for_shapley_values_of_cells_no_block_is_begun(
    forest, covariates, monkeypatch
):
    monkeypatch.setattr("helpers.trees.shapley.LARGEST_TABLES", 1000)
    task = Task(replace(forest), shapley=True)
    begun = []
    blocks = predicted_blocks(
        task, covariates, finished=lambda number, digest: begun.append(number), progress=False
    )
    with pytest.raises(ContractError, match=r"shapley_maps = false under \[forest\]"):
        next(blocks)
    assert begun == []


@pytest.mark.parametrize(("n_cells", "built"), [(MANY_PLACES - 1, False), (MANY_PLACES, True)])
def test_all_boxes_of_the_trees_are_only_worked_out_for_large_maps(forest, n_cells, built):
    task = Task(replace(forest), shapley=True).prepared(n_cells)
    assert ("shapley_grid" in vars(task.forest)) == built
    assert "shapley_tables" in vars(task.forest)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_threads_are_as_many_as_the_processors_this_process_may_use(forest, covariates):
    """Seen in how many blocks are read before the first one is done."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        read = []
        blocks = blocks_of(
            forest, covariates, workers=None, finished=lambda n, digest: read.append(n)
        )
        next(blocks)
        blocks.close()
    finally:
        os.sched_setaffinity(0, before)
    assert len(read) == 2


def test_a_missing_predictor_is_named_with_the_choices(forest, covariates):
    with pytest.raises(
        ContractError, match=r"Predictor TDD missing.*PRE, TDD, TPI.*PRE, TPI, slope"
    ):
        mapped(forest, covariates.drop_vars("TDD"))


def test_a_predictor_of_other_dimensions_is_named(forest, covariates):
    months = covariates.assign(TDD=covariates.TDD.expand_dims(time=2))
    with pytest.raises(ContractError, match=r"TDD has the dimensions \(time, y, x\); \(y, x\)"):
        mapped(forest, months)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": 0}, "workers is 0; at least 1 thread"),
        ({"workers": 2.5}, "workers is 2.5; None, a number of threads"),
        ({"workers": True}, "workers is True; None, a number of threads"),
        ({"block_cells": 0}, "block_cells is 0; at least 1"),
    ],
)
def test_settings_without_meaning_are_refused(forest, covariates, settings, message):
    with pytest.raises(ContractError, match=message):
        mapped(forest, covariates, **settings)


def test_a_fingerprint_is_the_same_in_another_process_and_after_storing(
    forest, domain, error_model, sites, tmp_path
):
    task = Task(forest, domain=domain, shapley=True, error_model=error_model)
    path = forest.save(tmp_path / "forest.skops")
    errors = error_model.save(tmp_path / "error_model.json")
    np.save(tmp_path / "sites.npy", sites[0].to_numpy())
    program = (
        "import sys, numpy as np, pandas as pd\n"
        "from helpers.applicability import ApplicabilityDomain\n"
        "from helpers.error_model import load_error_model\n"
        "from helpers.forest import load_forest\n"
        "from helpers.mapping import Task\n"
        "forest = load_forest(sys.argv[1])\n"
        "sites = pd.DataFrame(np.load(sys.argv[2]), columns=forest.names)\n"
        "domain, errors = ApplicabilityDomain(sites), load_error_model(sys.argv[3])\n"
        "print(Task(forest, domain=domain, shapley=True, error_model=errors).fingerprint())\n"
    )
    command = [sys.executable, "-c", program, path, tmp_path / "sites.npy", errors]
    found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert found.stdout.strip() == task.fingerprint()
    stored = replace(task, forest=load_forest(path), error_model=load_error_model(errors))
    assert stored.fingerprint() == task.fingerprint()


def test_a_fingerprint_changes_with_all_that_matters(forest, domain, sites):
    table, temperature = sites
    warmer = temperature.copy()
    warmer[3] += 1e-9
    weighted = np.where(np.arange(50) < 25, 1.0, 2.0)
    task = Task(forest, domain=domain)
    others = [
        task,
        replace(task, quantiles=(0.05, 0.5, 0.95)),
        replace(task, at_or_below=-0.1),
        replace(task, shapley=True),
        replace(task, depth_m=10.0),
        replace(task, domain=None),
        replace(task, error_model=error_model_of()),
        replace(task, error_model=error_model_of(share=0.6)),
        replace(task, error_model=error_model_of(residuals=np.linspace(-2, 3, 41))),
        replace(task, domain=ApplicabilityDomain(table, weights=[1, 1, 0.5])),
        replace(task, domain=ApplicabilityDomain(table, folds=np.arange(50) % 5)),
        replace(task, forest=replace(forest, names=("PRE", "TPI", "TDD"))),
        *(
            replace(task, forest=other)
            for other in (
                fit_forest(table, temperature, n_trees=41),
                fit_forest(table, temperature, n_trees=40, seed=1),
                fit_forest(table, warmer, n_trees=40),
                fit_forest(table, temperature, n_trees=40, sample_weight=weighted),
            )
        ),
    ]
    assert len({other.fingerprint() for other in others}) == len(others)


def test_a_fingerprint_knows_every_single_tree(forest):
    trees = forest.trees
    node = int(np.flatnonzero(trees.predictor >= 0)[17])
    rank = trees.rank.copy()
    rank[node] += 1
    changed = replace(forest)
    vars(changed)["trees"] = trees._replace(rank=rank)
    assert Task(changed).fingerprint() != Task(forest).fingerprint()
