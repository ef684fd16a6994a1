import numpy as np
import pytest
import xarray as xr

from helpers import metadata, products
from helpers.error_model import ErrorModel
from helpers.residuals import Variogram
from helpers.storage import read_json, sha256
from helpers.study import load_study


@pytest.fixture
def copied(study_folder):
    return load_study(study_folder, resolution_m=20_000, n_trees=20)


def a_map(study):
    """A map that is 2 deg C too cold or too warm at its outer levels; half of it applicable."""
    shape = (study.geobox.shape.y, study.geobox.shape.x)
    t15 = np.linspace(-6, 6, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    inside = np.zeros(shape)
    inside[::2] = 1
    layers = {
        "t15": t15,
        "permafrost_probability": np.full(shape, 0.4),
        "inside_area_of_applicability": inside,
    }
    result = xr.Dataset({name: (("y", "x"), values) for name, values in layers.items()})
    result["t15_quantile"] = (("quantile", "y", "x"), np.stack([t15 - 2, t15, t15 + 2]))
    result["shapley_value"] = xr.zeros_like(result["t15"]).assign_attrs(base_value_c=-0.25)
    coordinates = {a: study.geobox.coordinates[a].values for a in ("y", "x")}
    return result.assign_coords(quantile=[0.05, 0.5, 0.95], **coordinates)


def with_errors(result):
    """The map as an error model completes it: everywhere 0.5 deg C too cold, give or take 1."""
    ones = xr.ones_like(result["t15"])
    return result.assign(
        expected_error=np.float32(np.hypot(0.5, 1)) * ones,
        expected_shift=0.5 * ones,
        permafrost_probability_calibrated=0.3 * ones,
    )


@pytest.fixture
def errors(copied):
    return ErrorModel(
        names=tuple(copied.forest.predictors),
        lower=np.array([400.0, 2000.0, -20.0]),
        upper=np.array([600.0, 3000.0, 20.0]),
        slope=np.array([0.001, 0.002, 0.0]),
        share=0.8,
        variance=np.array([0.2, 0.5]),
        residuals=np.array([-1.0, 0.0, 1.0]),
        folds=np.zeros(3, dtype=int),
        n_sites=30,
        variogram=Variogram(0.3, 0.7, 80_000.0),
    )


def validation(n_sites=30, truth=None):
    scores = {"rmse": 0.5, "bias": 0.01, "n": n_sites}
    interval = {"nominal": 0.9, "n": n_sites, "coverage": 0.84, "coverage_interval": [0.75, 0.9]}
    return {
        "n_sites": n_sites,
        "designs": {"knndm": {"regression": scores, "interval": interval}},
        "applicability": {"threshold": 0.44, "share_inside": 0.7},
        "truth": truth,
    }


def a_file(study, name, content="cells"):
    path = study.output_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def written(study, names=("t15.tif",), comparisons=None, checks=None, errors=None):
    files = [a_file(study, name) for name in names]
    result = a_map(study) if errors is None else with_errors(a_map(study))
    checks = checks or validation()
    return read_json(
        metadata.write_metadata(study, result, checks, files, comparisons, error_model=errors)
    )


def test_the_record_is_bilingual_and_says_virtual(copied):
    found = written(copied)
    for field in ("title", "abstract", "process", "quality", "contributors"):
        assert found[field]["en"] and found[field]["zh"], field
    assert "Virtual boreholes" in found["abstract"]["en"]
    assert "虚拟" in found["abstract"]["zh"]
    assert found["projection"]["name"] == "WGS_1984_Albers"
    assert found["licence"] == "CC BY 4.0"


def test_a_study_of_measured_boreholes_does_not_say_virtual(edit_study):
    folder = edit_study(
        ("virtual_boreholes = true", "virtual_boreholes = false"),
        ("truth_seed = 2026", "# truth_seed = 2026"),
    )
    found = written(load_study(folder, resolution_m=20_000, n_trees=20))
    assert "irtual" not in found["abstract"]["en"]
    assert "虚拟" not in found["abstract"]["zh"]


def test_it_knows_checksum_and_content_of_its_files(copied):
    names = ["t15.tif", "shap.tif", "stac_item.json", "difference_cci.tif", "extra.txt"]
    files = written(copied, names)["files"]
    assert list(files) == names
    assert files["t15.tif"]["sha256"] == sha256(copied.output_dir / "t15.tif")
    assert files["t15.tif"]["content"] == {
        "en": "mean annual ground temperature",
        "zh": "年平均地温",
    }
    assert "another" in files["difference_cci.tif"]["content"]["en"]
    assert set(files["extra.txt"]) == {"sha256"}


def test_shapley_values_are_spoken_of_only_if_they_are_there(copied):
    for words in written(copied).values():
        assert "Shapley" not in str(words)
    found = written(copied, ["t15.tif", "shap.tif"])
    for field in ("abstract", "process"):
        assert all("Shapley" in found[field][language] for language in ("en", "zh"))
    assert found["shapley"]["base_value_c"] == -0.25
    assert found["shapley"]["background"]["en"] == "all 30 training sites"


def test_years_of_the_climate_are_said_where_stations_are_predictors(copied, edit_study):
    found = written(copied)
    for words in found["abstract"].values():
        assert "about 2003-2021" in words
    assert found["climate_years"] == "about 2003-2021"
    stations = found["sources"]["covariates"]["TDD"]
    assert (stations["stations"], stations["years"]) == ("climate_stations.csv", "about 2003-2021")
    assert "years" not in found["sources"]["covariates"]["TPI"]
    folder = edit_study(('predictors = ["PRE", "TDD", "TPI"]', 'predictors = ["TPI"]'))
    terrain = written(load_study(folder, resolution_m=20_000, n_trees=20))
    assert "climate_years" not in terrain and "2021" not in str(terrain["abstract"])


def test_it_says_how_often_the_outermost_interval_holds_what_was_not_seen(copied):
    found = written(copied)
    assert found["interval"]["levels"] == copied.forest.quantiles
    assert found["interval"]["outermost"] == [0.05, 0.95]
    assert found["interval"]["held_out"]["knndm"]["coverage"] == 0.84
    assert "90% interval holds 84%" in found["quality"]["en"] and "84%" in found["quality"]["zh"]
    assert "virtual_truth" not in found["interval"] and "truth" not in found["quality"]["en"]
    parts = ("whole map", "inside", "outside")
    truth = {name: {"cells": 9, "rmse": 1.0, "bias": 0.0, "coverage": 0.57} for name in parts}
    found = written(copied, checks=validation(truth=truth))
    assert found["interval"]["virtual_truth"]["outside"] == {"cells": 9, "coverage": 0.57}
    assert all("57%" in words for words in list(found["quality"].values())[:2])


def test_it_says_how_often_the_calibrated_interval_holds_too(copied):
    checks = validation(truth={"whole map": {"cells": 9, "coverage": 0.57}})
    after = {"nominal": 0.9, "coverage": 0.91, "coverage_interval": [0.8, 0.96], "n": 30}
    raw_only = written(copied, checks=checks)
    assert "calibrated" not in raw_only["interval"]
    assert "calibrated" not in raw_only["quality"]["en"] and "校准" not in raw_only["quality"]["zh"]
    checks["designs"]["knndm"]["calibrated_interval"] = after
    checks["designs"]["random"] = checks["designs"]["knndm"] | {"interval": {"coverage": 0.88}}
    del checks["designs"]["random"]["calibrated_interval"]
    checks["truth"]["whole map"]["calibrated_coverage"] = 0.86
    found = written(copied, checks=checks)
    assert found["interval"]["calibrated"]["held_out"] == {"knndm": after}
    assert set(found["interval"]["held_out"]) == {"knndm", "random"}
    assert found["interval"]["virtual_truth"]["whole map"]["calibrated_coverage"] == 0.86
    words = found["quality"]["en"]
    assert "holds 84% of the held-out observations (91% when calibrated) and 57% of" in words
    assert "over the whole map (86% when calibrated)" in words
    assert all(number in found["quality"]["zh"] for number in ("84%", "91%", "57%", "86%"))


def test_the_error_model_is_in_the_record_in_both_languages(copied, errors):
    found = written(copied, errors=errors)
    model = found["error_model"]
    assert model["meaning"]["en"] and "误差" in model["meaning"]["zh"]
    assert model["share_of_beyond"] == 0.8
    assert model["variance_c2"] == {"at_sites": 0.2, "per_dissimilarity": 0.5}
    assert model["box"]["TDD"] == [2000, 3000]
    assert model["variogram"] == {"nugget": 0.3, "sill": 0.7, "range_m": 80_000}
    assert "held out in groups" in found["process"]["en"] and "预期误差" in found["process"]["zh"]
    without = written(copied)
    assert "error_model" not in without and "in groups" not in without["process"]["en"]


def test_areas_have_an_interval_from_simulated_errors_and_its_meaning(copied, errors):
    found = written(copied, errors=errors)
    table, short = found["area_table_1e4_km2"], found["permafrost_area_1e4_km2"]
    for words in table["simulated"].values():
        assert "90%" in words and str(copied.validation.n_simulations) in words
    assert (table["simulated_level"], table["n_simulations"]) == (0.9, 500)
    row = table["rows"]["at or below 0 degC"]
    expected = products.simulated_areas(copied, with_errors(a_map(copied)), errors)
    assert row["lower"] == expected.loc["at or below 0 degC", "lower"]
    assert row["lower"] < row["simulated_median"] < row["upper"]
    assert row["of_shifted_mean"] == pytest.approx(short["shifted_mean_at_or_below_0"])
    # 0.5 of the 12 deg C that the map spans evenly.
    less = short["where_mean_at_or_below_0"] - short["shifted_mean_at_or_below_0"]
    assert less == pytest.approx(short["mapped"] * 0.5 / 12, rel=1e-2)
    assert "lower" not in table["rows"]["mapped"]
    assert "simulated" not in written(copied)["area_table_1e4_km2"]


def test_settings_of_the_forest_and_the_area_of_applicability_are_in_the_record(copied):
    found = written(copied)
    model = {name: found["model"][name] for name in ("n_trees", "min_samples_leaf", "max_features")}
    assert model == {"n_trees": 20, "min_samples_leaf": 2, "max_features": 0.67}
    assert "smallest leaf 2" in found["process"]["en"] and "0.67" in found["process"]["zh"]
    rows = a_map(copied).sizes["y"]
    assert found["area_of_applicability"] == {
        "dissimilarity_threshold": 0.44,
        "share_inside": pytest.approx(-(-rows // 2) / rows),
    }


def test_every_product_has_a_description(copied):
    names = [raster.name for raster in products.product_rasters(copied)]
    files = written(copied, names)["files"]
    assert all(files[name]["content"]["zh"] for name in names)


def test_areas_have_their_range_and_what_it_means(copied):
    found = written(copied)
    table = found["area_table_1e4_km2"]
    for words in table["ranges"].values():
        assert "0.05, 0.5, 0.95" in words
    assert "Not the worst case" in table["ranges"]["en"]
    assert table["levels"] == [0.05, 0.5, 0.95]
    frozen = table["rows"]["at or below 0 degC"]
    short = found["permafrost_area_1e4_km2"]
    assert frozen["area"] == pytest.approx(short["where_mean_at_or_below_0"])
    assert frozen["sum_of_probability"] == pytest.approx(short["sum_of_probability"])
    # 6 + 2 and 6 - 2 of the 12 deg C that the map spans evenly.
    low, high = frozen["lowest_of_levels"], frozen["highest_of_levels"]
    assert low == pytest.approx(short["mapped"] * 4 / 12, rel=1e-3)
    assert high == pytest.approx(short["mapped"] * 8 / 12, rel=1e-3)
    assert "sum_of_probability" not in table["rows"]["stable"]
    assert list(found["class_area_1e4_km2"]) == [c.name for c in copied.classes]
    assert sum(found["class_area_1e4_km2"].values()) == pytest.approx(short["mapped"])


def test_comparisons_are_in_the_record_by_name(copied):
    result = a_map(copied)
    other = (result["t15"] + 1).assign_attrs(units="degC", long_name="another model")
    comparison = products.compare_with(copied, result, other, "model")
    found = written(copied, comparisons={"model": comparison})["comparisons"]
    assert found["model"]["long_name"] == "another model"
    assert found["model"]["mean_difference_c"] == pytest.approx(-1)
    assert written(copied)["comparisons"] == {}


def test_the_same_input_gives_the_same_bytes(copied, errors):
    files = [a_file(copied, "t15.tif")]
    arguments = (copied, with_errors(a_map(copied)), validation(), files, None, errors)
    first = metadata.write_metadata(*arguments).read_bytes()
    assert metadata.write_metadata(*arguments).read_bytes() == first
