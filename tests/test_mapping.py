import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers.applicability import ApplicabilityDomain
from helpers.forest import fit_forest
from helpers.mapping import LAYERS, predict_block, predict_map
from helpers.storage import ContractError, read_dataset, write_dataset

NAMES = ["PRE", "TDD", "TPI"]


@pytest.fixture(scope="module")
def sites():
    random = np.random.default_rng(7)
    table = pd.DataFrame(random.normal(size=(50, 3)), columns=NAMES)
    return table, table.PRE + np.sin(table.TDD) + random.normal(0, 0.3, 50)


@pytest.fixture(scope="module")
def forest(sites):
    return fit_forest(*sites, n_trees=40)


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


def mapped(forest, covariates, **settings):
    return predict_map(forest, covariates, progress=False, **settings)


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


def test_cells_without_a_predictor_stay_empty_in_every_layer(forest, sites, covariates):
    complete = covariates[NAMES].to_array().notnull().all("variable")
    found = mapped(forest, covariates, domain=ApplicabilityDomain(sites[0]))
    assert (~complete).sum() == 21
    for name in found:
        empty = found[name].isnull()
        assert (empty == ~complete).all(), name


@pytest.mark.parametrize("block_rows", [1, 7, 100])
def test_blocks_and_threads_change_nothing(forest, sites, covariates, block_rows):
    domain = ApplicabilityDomain(sites[0])
    whole = mapped(forest, covariates, domain=domain, n_threads=1, block_rows=23)
    for n_threads in (1, 2):
        found = mapped(
            forest, covariates, domain=domain, n_threads=n_threads, block_rows=block_rows
        )
        assert found.identical(whole)
        assert all(found[name].values.tobytes() == whole[name].values.tobytes() for name in found)


def test_applicability_is_that_of_the_domain(forest, sites, covariates):
    domain = ApplicabilityDomain(sites[0])
    found = mapped(forest, covariates, domain=domain).stack(cell=("y", "x"))
    found = found.isel(cell=found.t15.notnull().values)
    cells = covariates[NAMES].to_dataframe()[NAMES].dropna()
    np.testing.assert_allclose(found.dissimilarity_index, domain.dissimilarity(cells), rtol=1e-6)
    np.testing.assert_array_equal(found.inside_area_of_applicability, domain.inside(cells))
    np.testing.assert_array_equal(found.local_point_density, domain.local_point_density(cells))
    assert set(np.unique(found.inside_area_of_applicability)) == {0, 1}


def test_layers_have_units_names_and_the_grid_of_the_covariates(forest, sites, covariates):
    found = mapped(forest, covariates, domain=ApplicabilityDomain(sites[0]))
    assert set(found.data_vars) == set(LAYERS)
    assert found.t15_quantile.dims == ("quantile", "y", "x")
    for layer in found.values():
        assert layer.dtype == np.float32
        assert layer.attrs["units"] and layer.attrs["long_name"]
    assert found.permafrost_probability.long_name == "probability of t15 at or below 0 degC"
    assert found.rio.crs == covariates.rio.crs
    for axis in ("x", "y", "spatial_ref"):
        assert found[axis].identical(covariates[axis])


def test_a_map_from_files_is_the_same_and_keeps_its_crs(forest, covariates, tmp_path):
    on_disk = read_dataset(write_dataset(covariates, tmp_path / "covariates.nc"))
    found = mapped(forest, on_disk, block_rows=5, n_threads=2)
    xr.testing.assert_equal(found, mapped(forest, covariates))
    written = read_dataset(write_dataset(found, tmp_path / "map.nc"), ("t15",))
    assert written.t15.rio.crs == covariates.rio.crs


def test_order_of_dimensions_does_not_matter(forest, covariates):
    turned = mapped(forest, covariates.transpose("x", "y"))
    xr.testing.assert_equal(turned, mapped(forest, covariates))


def test_an_empty_block_is_an_empty_map(forest, covariates):
    found = predict_block(forest, covariates.isel(y=slice(0, 5), x=slice(0, 4)))
    assert found["t15"].shape == (5, 4)
    assert np.isnan(found["t15_quantile"]).all()


def test_a_missing_predictor_is_named_with_the_choices(forest, covariates):
    with pytest.raises(
        ContractError, match=r"Predictor TDD missing.*PRE, TDD, TPI.*PRE, TPI, slope"
    ):
        mapped(forest, covariates.drop_vars("TDD"))
