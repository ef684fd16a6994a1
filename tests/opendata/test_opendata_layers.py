"""The command: from an empty folder to checked layers and boreholes, once and again."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from pyproj import CRS

from helpers.boreholes import read_boreholes
from helpers.opendata import layers
from helpers.opendata.__main__ import main
from helpers.opendata.layers import cache_folder, open_items, plan, prepare
from helpers.opendata.product import SPARE_CELLS, layer_geobox
from helpers.opendata.terraclimate import annual_means
from helpers.storage import ContractError, sha256
from helpers.study import StudyError, load_study

LAYERS = ["elevation", "PRE", "TDD", "clay", "CCI"]


@pytest.fixture
def served(open_server, open_folder, tmp_path, like):
    """Folder of the small study; all it asks for is there."""
    (tmp_path / "made").mkdir()
    like.put_all(open_server, tmp_path / "made")
    yield open_folder
    annual_means.cache_clear()


def test_the_plan_says_how_many_files_how_large_and_under_which_licence(served, open_server, like):
    planned = plan(load_study(served)).set_index("layers")
    assert planned["files"].to_dict() == {
        "elevation": 6 * 4 - 4 - 1,  # the corners are too far, one is sea
        "PRE, TDD": 6,
        "clay": 1,
        "CCI": 2,
        "gtnp_magt": 1,
    }
    assert planned["cached"].to_dict() == {**dict.fromkeys(planned.index, 0), "gtnp_magt": 1}
    climate_bytes = sum(len(v) for k, v in open_server.files.items() if k.startswith("/tc/"))
    assert planned.loc["PRE, TDD", "bytes"] == climate_bytes
    assert planned.loc["PRE, TDD", "licence"] == "CC0 1.0"
    fetched = {path for method, path, _ in open_server.requests if method == "GET"}
    assert fetched == {"/dem/tileList.txt", like.RECORD}


def test_one_command_fetches_builds_and_tells_what_it_made(served, open_server, capsys):
    assert main([str(served)]) == 0
    out = capsys.readouterr().out
    assert "Copernicus DEM GLO-90, for elevation" in out
    assert "19 files, 0 there, 19 to fetch" in out
    assert "2 sites, 1 in the area" in out
    for name in LAYERS:
        assert (served / "open" / f"{name}.tif").is_file()
        assert (served / "open" / f"{name}.json").is_file()
    assert list(served.rglob("*.part*")) == []
    assert list(served.rglob(".*")) == []


def test_a_second_run_fetches_and_builds_nothing(served, open_server):
    study = load_study(served)
    first = prepare(study, progress=False)
    made = {path: path.stat().st_mtime_ns for path in study.open_dir.rglob("*.*")}
    open_server.requests.clear()
    second = prepare(load_study(served), progress=False)
    assert open_server.requests == []
    assert {path: path.stat().st_mtime_ns for path in study.open_dir.rglob("*.*")} == made
    pd.testing.assert_frame_equal(second, first)
    assert (plan(study)["files"] == plan(study)["cached"]).all()
    assert (plan(study)["bytes"] == 0).all()


def test_a_layer_carries_grid_units_source_and_licence_and_a_json_its_files(served):
    study = load_study(served)
    table = prepare(study, progress=False).set_index("layer")
    with rasterio.open(study.open_dir / "PRE.tif") as raster:
        assert raster.shape == layer_geobox(study).shape
        assert raster.transform == layer_geobox(study).transform
        assert CRS(raster.crs) == study.crs
        assert np.isnan(raster.nodata)
        assert (raster.units, raster.dtypes) == (("mm",), ("float32",))
        tags, values = raster.tags(), raster.read(1)
    assert layer_geobox(study).shape.x == study.geobox.shape.x + 2 * (3 + SPARE_CELLS)
    assert tags["licence"] == "CC0 1.0"
    assert tags["source"].startswith("TerraClimate: months of 2022 to 2023")
    assert np.nanmin(values) <= table.loc["PRE", "low"] < table.loc["PRE", "high"]
    assert table.loc["PRE", "known_share"] == 1
    origin = json.loads((study.open_dir / "PRE.json").read_text())
    assert origin["doi"] == "10.1038/sdata.2017.191"
    assert origin["settings"]["years"] == [2022, 2023]
    path = cache_folder(study) / "terraclimate" / "TerraClimate_ppt_2022.nc"
    assert origin["files"][0]["sha256"] == sha256(path)
    assert origin["files"][0]["url"].endswith("/tc/TerraClimate_ppt_2022.nc")


def test_boreholes_arrive_as_they_are_and_can_be_read(served, like):
    study = load_study(served)
    prepare(study, progress=False)
    (path,) = study.borehole_files()
    assert path.read_text("utf-8") == like.HOLES
    data = read_boreholes(path)
    assert data.formats == {"gtnp_magt.tab": "PANGAEA table"}
    assert sorted(data.sites["site"]) == ["A1", "B7"]


def test_tables_of_a_collection_that_became_shorter_go(served):
    study = load_study(served)
    left = study.open_dir / "boreholes" / "gtnp_magt_2.tab"
    left.parent.mkdir(parents=True)
    left.write_text("of another version")
    prepare(study, progress=False)
    assert [path.name for path in study.borehole_files()] == ["gtnp_magt.tab"]


def test_every_table_of_a_collection_is_looked_after(served, open_server, like, monkeypatch):
    """A part that is edited or gone is put there again."""
    study = load_study(served)
    found = layers.OpenItem.files
    others = like.HOLES.replace("A1\t", "C1\t").replace("B7\t", "D7\t")
    open_server.put(f"{like.RECORD}_others", others.encode())

    def two_files(item, study):
        if item.layer:
            return found(item, study)
        (file,) = found(item, study)
        path = file.path.with_name("others.tab")
        return [file, dataclasses.replace(file, url=f"{file.url}_others", path=path)]

    monkeypatch.setattr(layers.OpenItem, "files", two_files)
    prepare(study, progress=False)
    first, second = study.borehole_files()
    content = second.read_bytes()
    for damage in (lambda: second.write_text("edited"), second.unlink):
        damage()
        prepare(study, progress=False)
        assert study.borehole_files() == [first, second] and second.read_bytes() == content
    before = second.stat().st_mtime_ns
    prepare(study, progress=False)
    assert second.stat().st_mtime_ns == before


def test_boreholes_that_cannot_be_read_do_not_enter_the_study(served, open_server, like):
    moved = like.HOLES.replace("A1\t50.0\t122.0\t2016\t15", "A1\t51.0\t122.0\t2016\t15")
    open_server.put(like.RECORD, moved.encode())
    study = load_study(served)
    with pytest.raises(ContractError, match=r"5 of 6 are ready.*\n?.*site 'A1' has latitude"):
        prepare(study, progress=False)
    assert not (study.open_dir / "boreholes").exists()
    assert {path.stem for path in study.open_dir.glob("*.tif")} == set(LAYERS)


def test_other_settings_build_only_the_layers_they_concern(served, open_server):
    study = load_study(served)
    prepare(study, progress=False)
    before = {name: (study.open_dir / f"{name}.tif").stat().st_mtime_ns for name in LAYERS}
    file = served / "study.toml"
    file.write_text(file.read_text().replace("years = [2022, 2023]", "years = [2023, 2023]", 1))
    open_server.requests.clear()
    prepare(load_study(served), progress=False)
    after = {name: (study.open_dir / f"{name}.tif").stat().st_mtime_ns for name in LAYERS}
    assert [name for name in LAYERS if after[name] != before[name]] == ["PRE"]
    assert open_server.requests == []


def test_a_file_that_changed_builds_its_layers_again(served, open_server, like, tmp_path):
    study = load_study(served)
    prepare(study, progress=False)
    path = cache_folder(study) / "esa_cci_permafrost"
    low = json.loads((study.open_dir / "CCI.json").read_text())["summary"]["low"]
    for year in (2022, 2023):
        (file,) = path.glob(f"*-{year}-*.nc")
        file.unlink()
        warmer = like.cci_bytes(tmp_path, year)
        with xr.open_dataset(warmer) as dataset:
            changed = dataset.load()
        changed["T10m"] += 1
        changed.to_netcdf(warmer)
        open_server.put(like.cci_url(year), warmer)
    table = prepare(study, progress=False).set_index("layer")
    assert table.loc["CCI", "low"] == pytest.approx(low + 1, abs=1e-3)


def test_what_fails_is_told_at_the_end_and_the_rest_is_made(served, open_server, like, capsys):
    del open_server.files[like.SOIL]
    open_server.fail(like.cci_url(2023), {"page": True})
    assert main([str(served)]) == 1
    error = capsys.readouterr().err
    assert "4 of 6 are ready" in error
    assert "clay: " in error
    assert "not on the server (404)" in error
    assert "CCI: " in error
    assert "web page" in error
    assert "Traceback" not in error
    assert sorted(p.stem for p in (served / "open").glob("*.tif")) == ["PRE", "TDD", "elevation"]
    assert main([str(served)]) == 1
    assert (served / "open" / "CCI.tif").is_file()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text.replace("T10m", "T99m"), "no variable"),
        (lambda values: values + 500, r"values from .* degC cannot be"),
        (lambda values: values * np.nan, "no value inside the area"),
    ],
    ids=["variable", "range", "empty"],
)
def test_a_layer_that_cannot_be_right_is_not_written(
    served, open_server, like, tmp_path, spoil, message
):
    for year in (2022, 2023):
        path = like.cci_bytes(tmp_path, year)
        with xr.open_dataset(path) as dataset:
            changed = dataset.load()
        if message == "no variable":
            changed = changed.rename(T10m=spoil("T10m"))
        else:
            changed["T10m"] = spoil(changed["T10m"]).assign_attrs(changed["T10m"].attrs)
        changed.to_netcdf(path)
        open_server.put(like.cci_url(year), path)
    with pytest.raises(ContractError, match=message):
        prepare(load_study(served), progress=False)
    assert not (served / "open" / "CCI.tif").exists()
    assert not (served / "open" / "CCI.json").exists()


def test_a_layer_that_cannot_be_built_again_stays_with_its_json(served, open_server, like):
    study = load_study(served)
    prepare(study, progress=False)
    layer, record = (study.open_dir / f"clay.{ending}" for ending in ("tif", "json"))
    before = layer.read_bytes(), record.read_text()
    file = served / "study.toml"
    file.write_text(file.read_text().replace("15-30cm", "0-5cm"))
    open_server.put(like.SOIL.replace("15-30cm", "0-5cm"), like.soil_bytes(crs="EPSG:3857"))
    with pytest.raises(ContractError, match="its CRS is EPSG:3857"):
        prepare(load_study(served), progress=False)
    assert (layer.read_bytes(), record.read_text()) == before


def test_a_run_that_breaks_while_it_writes_leaves_no_wrong_pair(served, monkeypatch):
    study = load_study(served)
    prepare(study, progress=False)
    file = served / "study.toml"
    file.write_text(file.read_text().replace("years = [2022, 2023]", "years = [2023, 2023]", 1))

    def full(content, path):
        raise OSError("no space left")

    monkeypatch.setattr(layers, "write_json", full)
    with pytest.raises(OSError, match="no space"):
        prepare(load_study(served), progress=False)
    assert not (study.open_dir / "PRE.json").exists()


@pytest.mark.parametrize("name", ["PRE", "gtnp_magt"])
def test_a_damaged_json_of_a_layer_makes_it_again(served, name):
    study = load_study(served)
    first = prepare(study, progress=False)
    (record,) = study.open_dir.rglob(f"{name}.json")
    record.write_text("")
    pd.testing.assert_frame_equal(prepare(study, progress=False), first)
    assert json.loads(record.read_text())["licence"]


def test_an_outline_makes_all_layers_again(served):
    study = load_study(served)
    prepare(study, progress=False)
    ring = [[121.5, 49.7], [122.5, 49.7], [122.5, 50.3], [121.5, 49.7]]
    outline = {"type": "Polygon", "coordinates": [ring]}
    (served / "outline.geojson").write_text(json.dumps(outline))
    file = served / "study.toml"
    file.write_text(file.read_text().replace("[grid]", 'outline = "outline.geojson"\n[grid]'))
    before = {name: (study.open_dir / f"{name}.tif").stat().st_mtime_ns for name in LAYERS}
    prepare(load_study(served), progress=False)
    after = {name: (study.open_dir / f"{name}.tif").stat().st_mtime_ns for name in LAYERS}
    assert all(after[name] != before[name] for name in LAYERS)


@pytest.mark.parametrize("product", ["soil", "climate"])
def test_a_file_its_server_holds_broken_is_removed_and_fetched_again(
    served, open_server, like, product
):
    address = like.SOIL if product == "soil" else "/tc/TerraClimate_ppt_2023.nc"
    whole = open_server.files[address]
    middle = len(whole) // 2
    open_server.put(address, whole[:middle] + bytes(2000) + whole[middle + 2000 :])
    if product == "soil":
        open_server.put(address, whole[: middle // 2])
    name = address.rpartition("/")[2]
    with pytest.raises(ContractError, match=rf"Broken and therefore removed: .*{name}\. Run again"):
        prepare(load_study(served), progress=False)
    open_server.put(address, whole)
    open_server.requests.clear()
    prepare(load_study(served), progress=False)
    assert [path for _, path, _ in open_server.requests] == [address]


def test_plan_only_fetches_no_data(served, open_server, capsys):
    assert main([str(served), "--plan"]) == 0
    assert "TerraClimate, for PRE, TDD" in capsys.readouterr().out
    assert not (served / "open").exists()


def test_a_server_that_cannot_even_tell_its_files_does_not_stop_the_others(
    served, open_server, capsys
):
    del open_server.files["/dem/tileList.txt"]
    assert main([str(served), "--plan"]) == 1
    assert "tileList.txt: not on the server (404)" in capsys.readouterr().out
    assert main([str(served)]) == 1
    assert "5 of 6 are ready. elevation: " in capsys.readouterr().err
    assert (served / "open" / "PRE.tif").is_file()


def test_the_cache_is_shared_by_studies_and_a_variable_moves_it(served, tmp_path, monkeypatch):
    study = load_study(served)
    assert cache_folder(study) == served.parent / "open_data_cache"
    monkeypatch.setenv("PERMAFROST_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder(study) == tmp_path / "elsewhere"


def test_a_study_that_does_not_exist_or_uses_a_name_twice_is_one_message(served, capsys):
    assert main([str(served / "nothing")]) == 1
    assert "No study at" in capsys.readouterr().err
    file = served / "study.toml"
    file.write_text(file.read_text().replace("[references.CCI]", "[references.clay]"))
    with pytest.raises(StudyError, match="'clay' is a covariate and a reference"):
        open_items(load_study(file))
    assert main([str(file)]) == 1


def test_the_shipped_study_of_open_data_loads_and_says_how_to_fetch_it(pytestconfig):
    study = load_study(pytestconfig.rootpath / "data" / "eastern_siberia")
    assert not study.about.virtual_boreholes
    assert [item.name for item in open_items(study)] == [
        *("elevation", "PRE", "TDD", "FDD", "MAAT", "ESA_CCI", "gtnp_magt")
    ]
    with pytest.raises(StudyError, match="make data"):
        study.borehole_files()
