"""From the local server to a training table: open layers are covariates like any other."""

import json
import subprocess
import sys

import numpy as np
import pytest
from pyproj import Transformer

from helpers import covariates
from helpers.area import mapped_area
from helpers.metadata import _layer_source, _sources
from helpers.opendata.layers import prepare
from helpers.opendata.record import BUILD_VERSIONS, check_current
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


def test_the_record_names_open_boreholes_and_references_too(study):
    sources = _sources(study)
    assert sources["open_boreholes"]["gtnp_magt"]["licence"] == "CC BY 4.0"
    assert "Wieczorek" in sources["open_boreholes"]["gtnp_magt"]["citation"]
    assert "Permafrost_cci" in sources["references"]["CCI"]["provenance"]["citation"]
    (study.open_dir / "CCI.json").unlink()
    assert _sources(study)["references"]["CCI"]["provenance"] == "not fetched"


def test_layers_of_the_settings_of_the_study_are_current(study):
    for name in ("elevation", "PRE", "clay", "CCI"):
        check_current(study, name)
        check_current(load_study(study.folder, resolution_m=15_000, n_trees=5), name)


@pytest.mark.parametrize(
    ("old", "new", "name", "message"),
    [
        (
            "years = [2022, 2023]",
            "years = [2023, 2023]",
            "PRE",
            r"\(years: \[2022, 2023\] then, \[2023, 2023\] now\).*make data STUDY=",
        ),
        ('quantity = "clay"', 'quantity = "sand"', "clay", "quantity: clay then, sand now"),
        ("start = 2022-01-01", "start = 2023-01-01", "CCI", r"years: \[2022, 2024\] then"),
        ("[5.2, 4.9,", "[5.3, 4.9,", "TDD", r"within_month_sd_c: \[5\.2.*then, \[5\.3"),
        ("west = 121.4", "west = 121.3", "clay", "area: .*121.4.* then, .*121.3.* now"),
        ("resolution_m = 5000", "resolution_m = 4000", "PRE", "grid: .*5000.* then, .*4000"),
        ("+lon_0=105", "+lon_0=120", "PRE", r"crs: .*lon_0=105.* then, .*lon_0=120"),
        (
            "north = 50.4",
            'north = 50.4\noutline = "o.geojson"',
            "clay",
            "outline_sha256: None then",
        ),
    ],
)
def test_layers_of_other_settings_are_not_current(study, old, new, name, message):
    file = study.file
    ring = [[121.5, 49.7], [122.5, 49.7], [122.5, 50.3], [121.5, 49.7]]
    outline = {"type": "Polygon", "coordinates": [ring]}
    (study.folder / "o.geojson").write_text(json.dumps(outline))
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(StudyError, match=message):
        check_current(load_study(file), name)


def test_settings_that_do_not_concern_a_layer_leave_it_current(study):
    text = study.file.read_text().replace("start = 2022-01-01", "start = 2023-01-01")
    study.file.write_text(text.replace("[5.2, 4.9,", "[5.3, 4.9,"))
    for name in ("elevation", "clay"):
        check_current(load_study(study.file), name)


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_a_layer_without_its_json_is_not_current(study, content):
    record = study.open_dir / "PRE.json"
    record.unlink() if content is None else record.write_text(content)
    with pytest.raises(StudyError, match=r"PRE\.json does not say what .* Run: make data STUDY="):
        check_current(study, "PRE")


def test_a_changed_build_makes_layers_old(study, monkeypatch):
    monkeypatch.setitem(BUILD_VERSIONS, "soilgrids", 99)
    with pytest.raises(StudyError, match="build_version: 1 then, 99 now"):
        check_current(study, "clay")


def test_checking_layers_needs_no_network_library():
    code = (
        "import sys; sys.modules.update(requests=None, pystac=None, pystac_client=None);"
        "sys.modules.update(planetary_computer=None, urllib3=None);"
        "from helpers.opendata.record import check_current"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603


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


def test_a_layer_of_other_settings_than_study_toml_asks_for_is_refused(study):
    text = study.file.read_text(encoding="utf-8")
    asked = text.replace('quantity = "precipitation"', 'quantity = "winter_precipitation"')
    assert asked != text
    study.file.write_text(asked, encoding="utf-8")
    with pytest.raises(StudyError, match=r"PRE.*make data"):
        covariates.build_covariates(load_study(study.folder), progress=False)
