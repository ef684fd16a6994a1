"""From the local server to a training table: open layers are covariates like any other."""

import numpy as np
import pytest
from pyproj import Transformer

from helpers import covariates
from helpers.area import mapped_area
from helpers.metadata import _layer_source
from helpers.opendata import prepare
from helpers.opendata.terraclimate import annual_means
from helpers.study import StudyError, load_study
from helpers.terrain import relief


@pytest.fixture
def study(open_server, open_folder, tmp_path, like):
    """The small study, with everything it asks for fetched and built."""
    (tmp_path / "made").mkdir()
    like.put_all(open_server, tmp_path / "made")
    study = load_study(open_folder)
    prepare(study, progress=False)
    yield study
    annual_means.cache_clear()


def test_open_layers_become_covariates_with_their_licence(study, like):
    layers = covariates.build_covariates(study, progress=False)
    assert list(layers.data_vars) == ["elevation", "PRE", "TDD", "TPI", "clay"]
    assert layers["PRE"].attrs["licence"] == "CC0 1.0"
    assert "TerraClimate" in layers["PRE"].attrs["source"]
    longitude, latitude = Transformer.from_crs(study.crs, "EPSG:4326", always_xy=True).transform(
        *np.meshgrid(layers.x, layers.y)
    )
    # The server's relief is a plane in degrees, so cells hold it and their position is nil.
    error = layers["elevation"].to_numpy() - like.height(longitude, latitude)
    assert np.isfinite(error).sum() > 200 and np.nanmax(np.abs(error)) < 1
    assert float(np.abs(layers["TPI"]).max()) < 1


def test_a_first_look_takes_coarser_cells_from_the_same_layers(study):
    coarse = load_study(study.folder, resolution_m=15_000)
    fine = covariates.build_covariates(study, progress=False)
    found = covariates.build_covariates(coarse, progress=False)
    assert found.sizes["x"] < fine.sizes["x"]
    for name in ("elevation", "PRE", "clay"):
        assert float(found[name].mean()) == pytest.approx(float(fine[name].mean()), rel=0.02)


def test_a_reference_map_comes_onto_the_grid_but_is_no_covariate(study):
    mapped = mapped_area(study, relief(study.geobox))
    reference = covariates.open_layer(study, "CCI", mapped)
    assert reference.attrs["units"] == "degC" and np.isfinite(reference.to_numpy()[mapped]).all()
    assert "CCI" not in covariates.build_covariates(study, progress=False)


def test_the_record_of_the_product_names_files_and_licence_of_an_open_layer(study):
    source = _layer_source(study, "clay")
    assert source["provenance"]["licence"] == "CC BY 4.0"
    assert len(source["provenance"]["files"][0]["sha256"]) == 64


def test_before_make_data_each_step_says_what_to_run(open_folder):
    study = load_study(open_folder)
    with pytest.raises(StudyError, match=r"layer 'elevation' is not fetched.*make data STUDY="):
        covariates.build_covariates(study, progress=False)
    with pytest.raises(StudyError, match=r"open/boreholes/\*\.tab.*make data STUDY="):
        study.borehole_files()


def test_a_map_of_permafrost_cannot_be_a_predictor(open_folder):
    file = open_folder / "study.toml"
    file.write_text(file.read_text().replace("[references.CCI]", "[covariates.CCI]"))
    with pytest.raises(StudyError, match=r"'CCI' is a map of permafrost: move it to \[references"):
        load_study(open_folder)
