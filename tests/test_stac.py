import json
from datetime import UTC, datetime

import jsonschema
import numpy as np
import pytest
import rasterio
import referencing
import shapely

from helpers.products import stac, write_stac_item
from helpers.storage import ContractError, sha256
from helpers.study import load_study

pystac = pytest.importorskip("pystac", reason="comes with the extra 'open'")
local_validator = pytest.importorskip("pystac.validation.local_validator")
STATISTICS = {
    "STATISTICS_MINIMUM": "-3.5",
    "STATISTICS_MAXIMUM": "4",
    "STATISTICS_MEAN": "0.25",
    "STATISTICS_STDDEV": "1.5",
    "STATISTICS_VALID_PERCENT": "61.5",
    "HISTOGRAM_MINIMUM": "-4",
    "HISTOGRAM_MAXIMUM": "4",
    "HISTOGRAM_COUNTS": "1,2,0,3",
}
CLASSES = {"CLASS_2": "not so cold", "CLASS_10": "warm", "note": "no class"}
PALETTE = {2: (8, 48, 107)}


@pytest.fixture
def copied(study_folder):
    return load_study(study_folder, resolution_m=50_000)


def write(study, name, bands=(("t15", {}),), dtype="float32", nodata=-9999, crs=None, palette=None):
    """A raster of zeros on the study grid, bands as (description, tags)."""
    path = study.output_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", height=study.geobox.shape.y, width=study.geobox.shape.x,
        count=len(bands), dtype=dtype, nodata=nodata, transform=study.geobox.affine,
        crs=crs or rasterio.crs.CRS.from_wkt(study.crs.to_wkt()),
    ) as raster:  # fmt: skip
        raster.write(np.zeros((len(bands), *study.geobox.shape), dtype))
        raster.descriptions = [description for description, _ in bands]
        raster.units = ["degC"] * len(bands)
        for number, (_, tags) in enumerate(bands, start=1):
            raster.update_tags(number, **tags)
        if palette:
            raster.write_colormap(1, palette)
    return path


def item_of(study, *files):
    return json.loads(write_stac_item(study, files).read_text(encoding="utf-8"))


def products(study):
    bands = [("0.05 quantile", STATISTICS), ("0.95 quantile", {})]
    classes = [("class", CLASSES)]
    return [
        write(study, "t15.tif"),
        write(study, "t15_interval.tif", bands),
        write(study, "thermal_class.tif", classes, "uint8", 255, palette=PALETTE),
    ]


def test_the_item_is_valid_by_the_schema_of_the_specification(copied):
    schemas = local_validator.get_local_schema_cache()
    resources = [(uri, referencing.Resource.from_contents(s)) for uri, s in schemas.items()]
    schema = next(s for uri, s in schemas.items() if uri.endswith("/item.json"))
    assert "v1.1.0" in schema["$id"]
    registry = referencing.Registry().with_resources(resources)
    validator = jsonschema.Draft7Validator(schema, registry=registry)
    item = item_of(copied, *products(copied))
    assert [error.message for error in validator.iter_errors(item)] == []
    assert list(validator.iter_errors(item | {"geometry": 3}))


def test_pystac_reads_it_and_finds_the_period_and_every_file(copied):
    files = products(copied)
    item = pystac.Item.from_file(write_stac_item(copied, files))
    assert item.datetime is None
    assert item.common_metadata.start_datetime == datetime(2023, 1, 1, tzinfo=UTC)
    assert item.common_metadata.end_datetime == datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert item.common_metadata.license == "CC-BY-4.0"
    assert set(item.assets) == {"t15", "t15_interval", "thermal_class"}
    for asset, path in zip(item.assets.values(), files, strict=True):
        assert (copied.output_dir / asset.href).samefile(path)
        assert asset.media_type == pystac.MediaType.COG
    assert item.ext.proj.wkt2.startswith('PROJCRS["WGS_1984_Albers"')
    assert item.assets["t15"].ext.file.checksum == "1220" + sha256(files[0])
    assert item.assets["t15"].ext.file.size == files[0].stat().st_size


def test_the_grid_of_a_raster_is_that_of_its_file(copied):
    asset = item_of(copied, write(copied, "t15.tif"))["assets"]["t15"]
    box, shape = copied.geobox.boundingbox, copied.geobox.shape
    assert asset["proj:shape"] == [shape.y, shape.x]
    assert asset["proj:bbox"] == [box.left, box.bottom, box.right, box.top]
    assert asset["proj:transform"] == [50_000, 0, box.left, 0, -50_000, box.top]


def test_statistics_and_histogram_come_from_the_tags_and_are_left_out_without(copied):
    known, unknown = item_of(copied, *products(copied))["assets"]["t15_interval"]["bands"]
    assert known["statistics"] == {
        "minimum": -3.5, "maximum": 4, "mean": 0.25, "stddev": 1.5, "valid_percent": 61.5,
    }  # fmt: skip
    histogram = {"count": 4, "min": -4, "max": 4, "buckets": [1, 2, 0, 3]}
    assert known["raster:histogram"] == histogram
    assert unknown == {
        "name": "b2", "description": "0.95 quantile", "data_type": "float32",
        "nodata": -9999, "unit": "degC",
    }  # fmt: skip


def test_a_histogram_of_fewer_bins_than_stac_takes_is_left_out(copied):
    tags = STATISTICS | {"HISTOGRAM_COUNTS": "1,2"}
    path = write(copied, "t15.tif", [("t15", tags)])
    assert "raster:histogram" not in item_of(copied, path)["assets"]["t15"]["bands"][0]


def test_classes_have_value_name_and_colour_in_the_order_of_their_values(copied):
    item = item_of(copied, *products(copied))
    first, second = item["assets"]["thermal_class"]["classification:classes"]
    assert first == {
        "value": 2, "name": "not-so-cold", "title": "not so cold", "color_hint": "08306B",
    }  # fmt: skip
    assert (second["value"], second["name"]) == (10, "warm")
    assert stac.EXTENSIONS["classification"] in item["stac_extensions"]
    plain = item_of(copied, write(copied, "t15.tif"))
    assert stac.EXTENSIONS["classification"] not in plain["stac_extensions"]


def test_the_footprint_is_the_outline_in_degrees_within_its_box(copied):
    item = item_of(copied, write(copied, "t15.tif"))
    outline = json.loads((copied.folder / "outline.geojson").read_text(encoding="utf-8"))
    footprint = shapely.geometry.shape(item["geometry"])
    expected = shapely.union_all(shapely.get_parts(shapely.from_geojson(json.dumps(outline))))
    assert shapely.hausdorff_distance(footprint, expected) < 1e-5
    assert footprint.exterior.is_ccw
    assert item["bbox"] == list(footprint.bounds)


def test_a_study_without_outline_has_its_box_as_footprint(edit_study):
    folder = edit_study(("outline = ", "# outline = "))
    study = load_study(folder, resolution_m=50_000)
    item = item_of(study, write(study, "t15.tif"))
    assert item["bbox"] == [111.15, 38.730556, 135.08, 53.556111]
    assert len(item["geometry"]["coordinates"][0]) == 5


@pytest.mark.parametrize(
    ("licence", "expected"), [("cc0-1.0", "CC0-1.0"), ("ask the author", "other"), ("", None)]
)
def test_a_licence_that_spdx_does_not_know_is_called_other_and_quoted(
    edit_study, licence, expected
):
    folder = edit_study(('licence = "CC BY 4.0"', f'licence = "{licence}"'))
    study = load_study(folder, resolution_m=50_000)
    properties = item_of(study, write(study, "t15.tif"))["properties"]
    assert properties.get("license") == expected
    assert f"Licence: {licence}." in properties["description"] or not licence


def test_a_title_is_short_and_the_asset_s_own(copied):
    assets = item_of(copied, *products(copied), write(copied, "x.tif", [("a", {}), ("b", {})]))
    titles = {name: asset["title"] for name, asset in assets["assets"].items()}
    assert titles == {
        "t15": "t15",
        "t15_interval": "quantiles and standard deviation of the temperature",
        "thermal_class": "class",
        "x": "x",
    }


def test_the_preview_is_the_thumbnail_once_it_is_there(copied):
    path = write(copied, "t15.tif")
    assert "preview" not in item_of(copied, path)["assets"]
    preview = copied.output_dir / "preview.png"
    preview.write_bytes(b"a picture")
    asset = item_of(copied, path)["assets"]["preview"]
    assert asset["href"] == "./preview.png" and asset["type"] == "image/png"
    assert asset["roles"] == ["thumbnail"] and asset["file:size"] == 9
    assert asset["file:checksum"] == "1220" + sha256(preview)


def test_it_says_of_which_years_the_climate_of_the_predictors_is(copied, edit_study):
    properties = item_of(copied, write(copied, "t15.tif"))["properties"]
    assert properties["climate_years"] == "about 2003-2021"
    assert "station means of about 2003-2021." in properties["description"]
    folder = edit_study(('predictors = ["PRE", "TDD", "TPI"]', 'predictors = ["TPI"]'))
    terrain = load_study(folder, resolution_m=50_000)
    properties = item_of(terrain, write(terrain, "t15.tif"))["properties"]
    assert "climate_years" not in properties and "station" not in properties["description"]


def test_it_says_that_boreholes_are_virtual(copied):
    description = item_of(copied, write(copied, "t15.tif"))["properties"]["description"]
    assert "Virtual boreholes" in description


def test_the_same_rasters_give_the_same_bytes(copied):
    files = products(copied)
    first = write_stac_item(copied, files).read_bytes()
    assert write_stac_item(copied, files).read_bytes() == first


def test_what_is_no_geotiff_is_not_described(copied):
    files = [write(copied, "t15.tif"), copied.file]
    assert list(item_of(copied, *files)["assets"]) == ["t15"]
    with pytest.raises(ContractError, match=r"describes GeoTIFFs .*found: study\.toml"):
        write_stac_item(copied, [copied.file])


def test_a_raster_of_another_crs_is_refused(copied):
    path = write(copied, "t15.tif", crs="EPSG:32651")
    with pytest.raises(ContractError, match=r"its CRS is EPSG:32651.*WGS_1984_Albers"):
        write_stac_item(copied, [path])
