"""Layers, maps and downloads that are kept: damaged, exchanged, or of other settings."""

import contextlib
import io
import json
import shutil
import struct
from functools import partial

import netCDF4
import numpy as np
import rasterio
import rioxarray
import xarray as xr
from bad_input.catalogue import row
from bad_input.good_study import append, run_to_covariates, run_to_map, write_raster

from helpers import covariates, products, validation
from helpers.opendata.record import layer_settings
from helpers.products.unfinished import UnfinishedMap
from helpers.storage import sha256, write_dataset, write_json
from helpers.study import load_study

LAYERS_AGAIN = "[Rr]un notebook 02_covariates|Make it again|Build them again"
MAP_AGAIN = "Run notebook 06_map_export again"


def run_with_layers(folder):
    """Do what a notebook does that takes the layers of notebook 02."""
    study = load_study(folder)
    with validation.opened_layers(study, validation.read_training(study)) as layers:
        layers.load()


def layers(what, where, change):
    """A row whose covariates.nc is changed as bytes."""

    def spoil(folder):
        path = folder / "interim" / "covariates.nc"
        path.write_bytes(change(path.read_bytes()))

    row("cache", what, r"covariates\.nc: .*" + where, LAYERS_AGAIN, spoil, run_with_layers)


def dataset(what, where, change):
    """A row whose covariates.nc is written again with other content."""
    spoil = partial(write_again, change=change)
    row("cache", what, r"covariates\.nc: .*" + where, LAYERS_AGAIN, spoil, run_with_layers)


def write_again(folder, change):
    path = folder / "interim" / "covariates.nc"
    write_dataset(change(xr.load_dataset(path, decode_coords="all")), path)


def damaged(content, share):
    """The same with 40 bytes overwritten in the data of a layer."""
    middle = int(len(content) * share)
    return content[:middle] + b"\xff" * 40 + content[middle + 40 :]


def other_hdf5(content):
    """A file of some other instrument."""
    file = netCDF4.Dataset("memory", "w", memory=1024)
    file.createDimension("time", 3)
    file.createVariable("pressure", "f4", ("time",))[:] = 1
    return bytes(file.close())


def stripped(layer):
    bare = layer.copy()
    bare.attrs = {}
    return bare


layers("layers truncated", "not readable as netCDF", lambda content: content[:9000])
layers("no layers but an empty file", "not readable as netCDF", lambda content: b"")
layers("layers that are a web page", "not readable as netCDF", lambda content: b"<html></html>")
layers("layers overwritten within", "as it cannot be read", partial(damaged, share=0.55))
layers("HDF5 of something else", "elevation, air missing. Found: pressure", other_hdf5)
dataset("a layer missing", "variable air missing", lambda d: d.drop_vars("air"))
dataset("a layer without units", "layer air has no attribute units",
        lambda d: d.assign(air=stripped(d["air"])))  # fmt: skip
dataset("layers without CRS", "no CRS found", lambda d: d.drop_vars("spatial_ref"))
dataset("layers of another CRS", "the layers have the CRS", lambda d: d.rio.write_crs("EPSG:3577"))
dataset("a layer of nothing", "layer 'air' holds nan at site H00", lambda d: edited(d, np.nan))
dataset("a layer of other values", "layer 'air' holds .*40 of 40", lambda d: edited(d, 1.0))
dataset("layers from south to north", "layer 'elevation' holds", lambda d: turned(d))


def edited(dataset, change):
    return dataset.assign(air=(dataset["air"] + change).assign_attrs(dataset["air"].attrs))


def turned(dataset):
    return dataset.assign({n: layer.copy(data=layer.values[::-1]) for n, layer in dataset.items()})


def moved(dataset, x=0.0, y=0.0):
    return dataset.assign_coords(x=dataset.x + x, y=dataset.y + y)


def grid(what, change):
    for step in (run_with_layers, run_to_map):
        where = "lie on another grid than the study"
        spoil = partial(write_again, change=change)
        row("cache", f"{what}, {step.__name__}", where, LAYERS_AGAIN, spoil, step)


grid("layers half a cell to the east", partial(moved, x=10_000))
grid("layers half a cell to the north", partial(moved, y=10_000))
grid("layers of every other cell", lambda d: d.isel(x=slice(None, None, 2)))
grid("layers without the last row", lambda d: d.isel(y=slice(None, -1)))
row(
    "cache",
    "layers made before the raster was exchanged",
    r"covariates\.nc: layer 'air' holds .* training\.csv",
    LAYERS_AGAIN,
    lambda folder: (
        write_raster(folder / "rasters" / "air.tif", np.linspace(-9, 3, 200).reshape(5, 40)),
        shutil.copy(folder / "interim" / "covariates.nc", folder / "interim" / "old.nc"),
        run_to_covariates(folder),
    ),
    run_with_layers,
)


def run_to_read(folder):
    """Do what notebook 06 does after the map: read it back."""
    products.read_products(load_study(folder))


def rasters(what, where, name, change):
    """A row whose product is changed by a function of its path."""
    spoil = partial(change_raster, name=name, change=change)
    row("cache", what, where, MAP_AGAIN, spoil, run_to_read)


def change_raster(folder, name, change):
    path = folder / "output" / name
    changed = change(path.read_bytes())
    if isinstance(changed, bytes):
        path.write_bytes(changed)
        return
    layer = rioxarray.open_rasterio(path).load()
    with rasterio.open(path) as stored:
        tags, names = stored.tags(), stored.descriptions
    layer = changed(layer).drop_attrs(deep=False).rio.write_nodata(layer.rio.nodata)
    layer.rio.to_raster(path)
    with rasterio.open(path, "r+") as written:
        written.update_tags(**tags)
        written.descriptions = names[: written.count]


def raster(what, where, name, change):
    rasters(what, where, name, lambda content: change)


rasters("map truncated", r"t15\.tif: damaged or cut off", "t15.tif", lambda c: c[:-900])
rasters("map overwritten within", r"t15_error\.tif: damaged", "t15_error.tif",
        partial(damaged, share=0.7))  # fmt: skip
rasters("map that is a web page", r"t15\.tif: damaged", "t15.tif", lambda c: b"<html></html>")
raster("map without a band", r"t15_interval\.tif: .*Bands found", "t15_interval.tif",
       lambda layer: layer[:-1].assign_attrs(long_name=layer.long_name[:-1]))  # fmt: skip
raster("map of another CRS", r"t15\.tif: .*CRS found", "t15.tif",
       lambda layer: layer.rio.write_crs("EPSG:3577"))  # fmt: skip
raster("map half a cell off", r"t15\.tif: .*Grid found", "t15.tif",
       lambda layer: layer.assign_coords(x=layer.x + 10_000))  # fmt: skip
raster("map in whole numbers", r"t15\.tif: .*Numbers found: int16", "t15.tif",
       lambda layer: layer.astype("int16"))  # fmt: skip
raster(
    "map whose rows are cut off", r"t15\.tif: .*Grid found", "t15.tif", lambda layer: layer[:, 1:]
)


def huge_tiles(content):
    """The same raster, whose tiles claim to be 64,000 cells wide and high."""
    for tag in (322, 323):  # TileWidth, TileLength, of one short
        entry = struct.pack("<HHIH", tag, 3, 1, 512)
        assert entry in content
        content = content.replace(entry, struct.pack("<HHIH", tag, 3, 1, 64_000), 1)
    return content


rasters("map of huge tiles", r"t15\.tif: .*Cells along a tile found: 64000", "t15.tif", huge_tiles)


def other_tag(folder, name, **tags):
    with rasterio.open(folder / "output" / name, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as stored:
        stored.update_tags(**tags)


row("cache", "rasters of two maps", r"output: the rasters are of different .*0000 in shap\.tif",
    MAP_AGAIN, partial(other_tag, name="shap.tif", RUN="0000"), run_to_read)  # fmt: skip
row("cache", "map without its base value", r"shap\.tif: its tag .* is none", MAP_AGAIN,
    partial(other_tag, name="shap.tif", BASE_VALUE_DEGC="none"), run_to_read)  # fmt: skip
row("cache", "map gone", r"thermal_class\.tif not found", "Run notebook 06_map_export first",
    lambda folder: (folder / "output" / "thermal_class.tif").unlink(), run_to_read)  # fmt: skip


def stopped(folder):
    """Leave a map of which the blocks are finished and no GeoTIFF is made."""

    def stop(unfinished):
        raise KeyboardInterrupt

    remove, UnfinishedMap.run = UnfinishedMap.run, property(stop)
    try:
        run_to_map(folder)
    except KeyboardInterrupt:
        pass
    finally:
        UnfinishedMap.run = remove


def going_on(folder):
    """What is said when the map is made again."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        run_to_map(folder)
    return said.getvalue()


def journal(what, told, change, remedy="the map is started anew|are done again"):
    def spoil(folder):
        stopped(folder)
        path = folder / "interim" / "map_unfinished" / "journal.jsonl"
        head, *notes = path.read_text().splitlines()
        path.write_text(change(head, notes))

    row("cache", what, told, remedy, spoil, going_on, is_told=True)


def noted(notes, **changes):
    return "".join(json.dumps(json.loads(note) | changes) + "\n" for note in notes)


journal("journal that is no json", "its journal cannot be read", lambda h, n: "{]\n")
journal("journal of another grid", "begun with another size of blocks",
        lambda h, n: json.dumps(json.loads(h) | {"size of blocks": 1}) + "\n")  # fmt: skip
journal("journal with other digests", "1 no longer hold what was written",
        lambda h, n: h + "\n" + noted(n, written=["0"] * 30))  # fmt: skip
journal("journal of rows there are not", "1 no longer hold|cannot be read",
        lambda h, n: h + "\n" + noted(n, first_row=10**9))  # fmt: skip
journal("journal of negative rows", "1 no longer hold|cannot be read",
        lambda h, n: h + "\n" + noted(n, first_row=-3))  # fmt: skip
journal("journal without end", "its journal cannot be read", lambda h, n: "[" * 10**5 + "\n")


def with_open_layer(folder, change):
    """Add an open layer, as ``make data`` leaves it, and change it."""
    append(folder, '\n[covariates.clay]\nsource = "open"\nproduct = "soilgrids"\n'
                   'quantity = "clay"\ndepth = "0-5cm"\n')  # fmt: skip
    path = folder / "open" / "clay.tif"
    write_raster(path, np.full((5, 40), 20.0), tags=None)
    with rasterio.open(path, "r+") as stored:
        stored.update_tags(units="%", long_name="clay", source="a", licence="b", citation="c")
    study = load_study(folder)
    made = {"settings": layer_settings(study, study.covariates["clay"])}
    write_json(made | {"layer_sha256": sha256(path)}, path.with_suffix(".json"))
    change(path)


def read_open(folder):
    study = load_study(folder)
    covariates.open_layer(study, "clay", covariates.background(study)["elevation"])


def opened(what, where, change):
    spoil = partial(with_open_layer, change=change)
    row("cache", what, where, "[Rr]un: make data", spoil, read_open)


def edit_json(path, **changes):
    record = path.with_suffix(".json")
    write_json(json.loads(record.read_text()) | changes, record)


opened("open layer exchanged", r"clay\.tif: layer 'clay' is not the file that clay\.json",
       lambda path: write_raster(path, np.full((5, 40), 30.0)))  # fmt: skip
opened("open layer truncated", r"clay\.tif: layer 'clay' is not the file",
       lambda path: path.write_bytes(path.read_bytes()[:-50]))  # fmt: skip
opened("open layer without its json", r"clay\.json does not say what layer 'clay'",
       lambda path: path.with_suffix(".json").unlink())  # fmt: skip
opened("json of an open layer damaged", r"clay\.json does not say what layer 'clay'",
       lambda path: path.with_suffix(".json").write_text('{"settings": '))  # fmt: skip
opened("open layer of another product", "layer 'clay' was made under other settings",
       lambda path: edit_json(path, settings={"product": "modis_lst"}))  # fmt: skip
opened("open layer that is a web page", r"clay\.tif: layer 'clay' is not the file",
       lambda path: path.write_text("<html></html>"))  # fmt: skip
opened("open layer gone", "layer 'clay' is not fetched yet", lambda path: path.unlink())


def references(what, where, remedy, spoil, units="degC"):
    def add(folder):
        append(folder, f'\n[references.other]\nsource = "raster"\npath = "rasters/other.tif"\n'
                       f'units = "{units}"\n')  # fmt: skip
        spoil(folder / "rasters" / "other.tif")

    def step(folder):
        study = load_study(folder)
        result = products.read_products(study)
        other = covariates.reference_layer(study, "other")
        products.compare_with(study, result, other, "other")

    row("cache", what, where, remedy, add, step)


references("map to compare with that is elsewhere", r"references\.other|Reference 'other'",
           "extent|area", lambda p: write_raster(p, np.ones((5, 40)), west=10.0))  # fmt: skip
references("map to compare with of nothing", r"references\.other|Reference 'other'", "nodata|value",
           lambda p: write_raster(p, np.full((5, 40), np.nan)))  # fmt: skip
references("map to compare with of another quantity", "Reference 'other': its units are m",
           r'set units = "degC" in \[references\.other\]',
           lambda p: write_raster(p, np.linspace(0, 9, 200).reshape(5, 40)), units="m")  # fmt: skip
references("map to compare with that is a web page", r"references\.other: .*other\.tif",
           "raster|GeoTIFF", lambda p: p.write_text("<html></html>"))  # fmt: skip
