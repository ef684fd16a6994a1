"""Whatever stands in a study file or raster, it is understood rightly or refused in words."""

import os
import tomllib

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from bad_input import good_study
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from helpers.area import study_area
from helpers.rasters import raster_on_grid
from helpers.settings import RasterCovariate
from helpers.storage import ContractError
from helpers.study import StudyError, load_study
from helpers.units import UnitError, convert

# A long campaign sets this: so many times the examples, other ones each time.
TIMES = int(os.environ.get("FUZZ_TIMES", "1"))


def fuzz(examples):
    """Settings of a bounded test; the same examples each time."""
    return settings(
        max_examples=examples * TIMES,
        derandomize=TIMES == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


# --- study.toml --------------------------------------------------------------------------------

STRANGE = st.one_of(
    st.sampled_from(
        [
            "nan",
            "inf",
            "-inf",
            "-1",
            "0",
            "1e-300",
            "1e300",
            "1e9",
            "2.5",
            "true",
            "[]",
            "{}",
            "''",
            "'x'",
            "'../x'",
            "[1]",
            "[nan]",
            "['']",
        ]
    ),
    st.sampled_from(["9" * 30, "2020-02-29", "2020-01-01T00:00:00", "'EPSG:4326'", "'\\'", "\x00"]),
    st.integers(-400, 400).map(str),
    st.floats(-200, 200).map(repr),
    st.text(max_size=8),
)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = good_study.write_good_study(tmp_path_factory.mktemp("fuzz"))
    return folder, (folder / "study.toml").read_text(encoding="utf-8")


def keys_of(text):
    """Numbers of the lines that hold a key."""
    lines = text.splitlines()
    return [i for i, line in enumerate(lines) if " = " in line and not line.startswith("#")]


@fuzz(150)
@given(st.data())
def test_a_study_file_with_other_values_is_a_study_of_a_finite_grid_or_refused(good, data):
    folder, text = good
    lines = text.splitlines()
    for number in data.draw(st.lists(st.sampled_from(keys_of(text)), min_size=1, max_size=3)):
        key = lines[number].partition(" = ")[0]
        lines[number] = f"{key} = {data.draw(STRANGE)}"
    file = folder / "fuzzed.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    try:
        study = load_study(file)
        study.borehole_files()
    except StudyError as error:
        assert "fuzzed.toml" in str(error)
        return
    assert np.isfinite(study.geobox.affine[:6]).all()
    cells = np.prod([float(n + 2 * study.margin_cells) for n in study.geobox.shape])
    assert cells <= 2**31


@fuzz(60)
@given(st.data())
def test_damaged_bytes_of_a_study_file_are_refused_in_words(good, data):
    folder, text = good
    content = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = folder / "fuzzed.toml"
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        load_study(file)
    except StudyError as error:
        assert "fuzzed.toml" in str(error)
    else:
        tomllib.loads(file.read_bytes().decode("utf-8-sig"))


# --- rasters -----------------------------------------------------------------------------------

FIELD = np.arange(48, dtype=np.float32).reshape(6, 8) - 20


@pytest.fixture(scope="module")
def mapped():
    """A grid of 8 x 6 degrees whose cells are those of the rasters."""
    box = GeoBox((6, 8), Affine(1, 0, 118, 0, -1, 54), "EPSG:4326")
    y, x = 53.5 - np.arange(6), 118.5 + np.arange(8)
    cells = xr.DataArray(np.ones(box.shape, bool), {"y": y, "x": x}, ("y", "x"))
    return cells.rio.write_crs("EPSG:4326")


def bring(path, mapped, **changes):
    """The layer, or nothing if the file is refused in words that name it."""
    options = {"path": path.name, "units": "degC", "resampling": "nearest", **changes}
    try:
        return raster_on_grid(path, RasterCovariate(source="raster", **options), mapped)
    except ContractError as error:
        assert path.name in str(error)
        return None


def dataset(values):
    return xr.Dataset(
        {"air": (("lat", "lon"), values, {"units": "degC"})},
        {"lat": 53.5 - np.arange(6), "lon": 118.5 + np.arange(8)},
    )


def file_of(kind, parent):
    """A raster of the field; the files that hold its bytes."""
    path = parent / f"air.{kind}"
    if kind == "tif":
        layer = xr.DataArray(FIELD, {"y": 53.5 - np.arange(6), "x": 118.5 + np.arange(8)})
        layer.rio.write_crs("EPSG:4326").rio.to_raster(path, compress="deflate")
    elif kind == "nc":
        dataset(FIELD).to_netcdf(path)
    else:
        dataset(FIELD).to_zarr(path, consolidated=False)
    parts = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return path, {part: part.read_bytes() for part in parts}


@pytest.mark.parametrize("kind", ["tif", "nc", "zarr"])
def test_a_raster_of_damaged_bytes_is_refused_or_lies_on_the_grid(kind, tmp_path, mapped):
    path, whole = file_of(kind, tmp_path)
    assert np.array_equal(bring(path, mapped), FIELD)

    @fuzz(60)
    @given(st.data())
    def damaged(data):
        for part, content in whole.items():
            part.write_bytes(content)
        part = data.draw(st.sampled_from(sorted(whole)))
        content = bytearray(whole[part])
        for _ in range(data.draw(st.integers(0, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
        part.write_bytes(content[:cut])
        layer = bring(path, mapped)
        assert layer is None or layer.shape == FIELD.shape

    damaged()


KINDS = ["float32", "float64", "int16", "uint16", "int32", "uint8"]


@fuzz(40)
@given(
    kind=st.sampled_from(KINDS),
    scale=st.sampled_from([1.0, 0.1, 0.01, 2.0]),
    offset=st.sampled_from([0.0, -20.0, 3.0]),
    nodata=st.sampled_from([None, 0, 7, 255]),
    south_up=st.booleans(),
    turns=st.sampled_from([0, 360, -360]),
    form=st.sampled_from(["tif", "nc"]),
)
def test_georeferencing_nodata_scale_and_type_are_understood(
    tmp_path_factory, mapped, kind, scale, offset, nodata, south_up, turns, form
):
    stored = (np.arange(48) % 50).reshape(6, 8).astype(kind)
    expected = np.where(stored == nodata, np.nan, stored * scale + offset)
    y, x = 53.5 - np.arange(6), 118.5 + turns + np.arange(8)
    order = slice(None, None, -1 if south_up else 1)
    layer = xr.DataArray(stored[order], {"lat": y[order], "lon": x}, ("lat", "lon"), "air")
    path = tmp_path_factory.mktemp("scaled") / f"air.{form}"
    if form == "nc":
        attributes = {"units": "counts", "scale_factor": scale, "add_offset": offset}
        attributes |= {} if nodata is None else {"missing_value": stored.dtype.type(nodata)}
        layer.assign_attrs(attributes).to_netcdf(path, encoding={"air": {"_FillValue": None}})
        options = {"units": "counts"}
    else:
        layer = layer.rename(lat="y", lon="x").rio.write_crs("EPSG:4326")
        layer.rio.to_raster(path)
        options = {"units": "counts", "scale": scale, "offset": offset, "nodata": nodata}
    found = bring(path, mapped, **options)
    assert found is not None
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


# --- units -------------------------------------------------------------------------------------

PARTS = st.sampled_from(
    [
        *"°%()/*^_'²",
        *("degC", "K", "mm", "m", "kg", "-2", "**", "0.1", "1e9", "deg", "of", "water"),
        *("day", "month", "-1", "d", "10", "µm"),
    ]
)


@fuzz(150)
@given(st.one_of(st.lists(PARTS, max_size=6).map(" ".join), st.text(max_size=12)))
def test_units_are_converted_to_finite_numbers_or_refused(text):
    try:
        found = convert(np.array([1.0]), text, "degC")
    except UnitError as error:
        assert text.strip() in str(error) or repr(text) in str(error)
    else:
        assert np.isfinite(found).all()


# --- station tables and outlines ---------------------------------------------------------------


@fuzz(40)
@given(text=st.text(max_size=40), place=st.integers(0, 400), kept=st.integers(0, 500))
def test_an_outline_is_an_area_or_refused_with_its_name(good, text, place, kept):
    folder, toml = good
    ring = "[[118, 48], [126, 48], [126, 53], [118, 53], [118, 48]]"
    outline = f'{{"type": "Polygon", "coordinates": [{ring}]}}'
    content = (outline[:place] + text + outline[place:])[:kept]
    (folder / "outline.geojson").write_text(content, encoding="utf-8")
    file = folder / "fuzzed.toml"
    file.write_text(toml.replace("# outline =", "outline ="), encoding="utf-8")
    try:
        area = study_area(load_study(file))
    except ContractError as error:
        assert "outline.geojson" in str(error)
    else:
        assert area.area > 0
