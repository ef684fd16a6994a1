"""Rasters, outlines and station tables: what the covariates are made of."""

import h5py
import numpy as np
import pandas as pd
import rasterio
import xarray as xr
from bad_input.catalogue import row
from bad_input.good_study import append, edit, run_to_covariates, write_raster

AIR = "rasters/air.tif"
HERE = r"study\.toml: covariates\.air: .*air"
FIELD = np.linspace(-8, 4, 200).reshape(5, 40)


def raster(what, remedy, where=HERE, values=FIELD, **options):
    """A row for another GeoTIFF in the place of the good one."""
    row(
        "raster",
        what,
        where,
        remedy,
        lambda folder: write_raster(folder / AIR, values, **options),
        run_to_covariates,
    )


def changed(what, remedy, change, where=HERE, key=""):
    """A row for a change of the good GeoTIFF, with a key more in study.toml."""

    def spoil(folder):
        append(folder, key)
        change(folder / AIR)

    row("raster", what, where, remedy, spoil, run_to_covariates)


def text(what, remedy, content):
    """A row for a file of text in the place of the GeoTIFF."""
    changed(what, remedy, lambda path: path.write_text(content))


def described(**values):
    """Change what the GeoTIFF says of itself."""

    def change(path):
        with rasterio.open(path, "r+") as stored:
            for key, value in values.items():
                setattr(stored, key, value)

    return change


def gridded(what, remedy, change, where=r"covariates\.air: .*air\.nc", suffix=".nc", key=""):
    """A row for a netCDF, or a Zarr, made of a good one by ``change``."""

    def spoil(folder):
        edit(folder, (AIR, f"rasters/air{suffix}"))
        append(folder, key)
        axes = {"lat": 53.5 - np.arange(7), "lon": 117.5 + np.arange(10)}
        values = np.linspace(-8, 4, 70, dtype=np.float32).reshape(7, 10)
        good = xr.Dataset({"air": (("lat", "lon"), values, {"units": "degC"})}, axes)
        changed, path = change(good), folder / f"rasters/air{suffix}"
        changed.to_netcdf(path) if suffix == ".nc" else changed.to_zarr(path, consolidated=False)

    row("raster", what, where, remedy, spoil, run_to_covariates)


def zarr(what, remedy, damage):
    """A row for a Zarr in which ``damage`` changes files."""

    def spoil(folder):
        edit(folder, (AIR, "rasters/air.zarr"))
        axes = {"lat": 53.5 - np.arange(7), "lon": 117.5 + np.arange(10)}
        good = xr.Dataset({"air": (("lat", "lon"), np.ones((7, 10), "f4"))}, axes)
        good.to_zarr(folder / "rasters/air.zarr", consolidated=False, zarr_format=2)
        damage(folder / "rasters/air.zarr")

    row("raster", what, r"study\.toml: .*air\.zarr", remedy, spoil, run_to_covariates)


def months(start, **options):
    """Twelve fields, or so many, with dates of months."""

    def change(good):
        time = xr.date_range(start, freq="MS", use_cftime=False, **{"periods": 12, **options})
        return good.expand_dims(time=time)

    return change


def vrt(name, relative=1):
    return (
        '<VRTDataset rasterXSize="40" rasterYSize="5"><SRS>EPSG:4326</SRS>'
        "<GeoTransform>117, 0.25, 0, 54, 0, -1.4</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        f'<SourceFilename relativeToVRT="{relative}">{name}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )


def giant_block(path):
    """One strip of 20,000 x 20,000 zeros, unwritten: it takes 1.6 GB when it is read."""
    size = {"width": 20_000, "height": 20_000, "blockysize": 20_000, "sparse_ok": True}
    size["compress"] = "deflate"
    where = rasterio.Affine(1 / 2000, 0, 117, 0, -7 / 20_000, 54)
    with rasterio.open(
        path, "w", "GTiff", dtype="float32", count=1, crs="EPSG:4326", transform=where, **size
    ):
        pass


raster("all missing", "check nodata", values=FIELD * np.nan)
raster("infinite values", "write them as nodata", values=np.where(FIELD > 0, np.inf, FIELD))
raster("one value everywhere", "take the layer out", values=FIELD * 0 + 3)
raster("Kelvin as Celsius", 'stored_units = "K"', values=FIELD + 273.15)
raster("tenths as degrees", "0.1 degC", values=FIELD * 30 - 100)
raster("undeclared nodata", "nodata or scale", values=np.where(FIELD > 2, -9999, FIELD))
raster("no CRS", "gdal_edit.py -a_srs", crs=None)
raster("degrees called metres", "Use a raster of the whole area", crs="EPSG:32651")
raster("half of the area", "covers only.*whole area", west=122)
raster("nothing of the area", "covers only 0%.*whole area", west=-60)
raster("swapped axes", "covers only 0%.*whole area", west=48, north=90)
changed("a file of no bytes", "Get the file again", lambda path: path.write_bytes(b""))
changed("cut off", "Get the file again", lambda p: p.write_bytes(p.read_bytes()[:500]))
changed("a wrong scale in study.toml", "Take it out", described(scales=[0.1]), key="scale = 2.0\n")
changed("a scale of none", "Correct it", described(scales=[float("nan")]))
changed("units nobody knows", "set stored_units", described(units=["furlongs of ice"]))
changed("units of another thing", "set stored_units", described(units=["kg"]))
changed("a band that is not there", "but it has 1", lambda path: None, key="band = 2\n")
changed("a block of 1.6 GB", "TILED=YES", giant_block)
text("a web page", "Get the file again", "<!DOCTYPE html><html>log in</html>")
text("a map service", "Get the file again", "<GDAL_WMS><Service name='TMS'/></GDAL_WMS>")
text("a virtual raster of an address", "gdal_translate", vrt("/vsicurl/http://localhost/a.tif"))
text("a virtual raster of another folder", "gdal_translate", vrt("../../../secret.tif"))
text("a virtual raster of the system", "gdal_translate", vrt("/etc/passwd", relative=0))
text("a virtual raster of itself", "gdal_translate", vrt("air.tif"))
text("a virtual raster of nothing", "gdal_translate", vrt("gone.tif"))


def bands(path, dtype="float32", count=2, **profile):
    """Write a raster of other bands."""
    where = rasterio.Affine(0.25, 0, 117, 0, -1.4, 54)
    shape = {"width": 40, "height": 5, "count": count, "dtype": dtype, "crs": "EPSG:4326"}
    options = {**shape, "transform": where, **profile}
    with rasterio.open(path, "w", "GTiff", **options) as stored:
        for band in range(1, count + 1):
            stored.write(FIELD.astype(dtype), band)


changed("two bands alike", "say which with band", bands)
changed("complex numbers", "float32", lambda path: bands(path, "complex64", 1))
changed("seven months", "twelve", lambda p: bands(p, count=7), key='over_time = "annual_sum"\n')
changed(
    "no place", "no geotransform", lambda p: bands(p, count=1, transform=rasterio.Affine.identity())
)
gridded("two variables", "name one with variable", lambda good: good.assign(other=good.air))
gridded("no axes", "name one with variable", lambda good: good.drop_vars(["lat", "lon"]))
gridded("axes that do not say what", "Write one", lambda good: good.rename(lat="y", lon="x"))
gridded("uneven rows", "regular", lambda good: good.assign_coords(lat=good.lat.to_numpy() ** 2))
gridded(
    "an axis that is not known", "regular", lambda good: good.assign_coords(lat=good.lat * np.nan)
)
gridded("words", "name one with variable", lambda good: good.astype(str))
gridded("another variable", "found: air", lambda good: good, key='variable = "ari"\n')
gridded("times without a choice", "over_time", months("2023-01-01"))
gridded(
    "dates outside the period",
    "period of the study",
    months("1991-01-01"),
    key='over_time = "mean"\n',
)
gridded("months that lack", "Add them", months("2023-01-01", periods=5), key='over_time = "mean"\n')
gridded(
    "two steps of one date",
    "two steps have the same date",
    lambda good: xr.concat([months("2023-01-01")(good)] * 2, "time"),
    key='over_time = "mean"\n',
)
zarr("a Zarr packed as pickles", "is never read", lambda path: _pickled(path / "air/.zarray"))
zarr("a Zarr without metadata", "Put it there", lambda path: (path / ".zgroup").unlink())
zarr(
    "a Zarr of broken metadata", "Get the file again", lambda p: (p / "air/.zarray").write_text("{")
)
zarr("a Zarr whose parts lack", "has a value|have a value", lambda p: (p / "air/0.0").unlink())
zarr("a Zarr of broken parts", "Get the file", lambda p: (p / "air/0.0").write_bytes(b"\1" * 9))


def _pickled(metadata):
    content = metadata.read_text()
    metadata.write_text(content.replace('"blosc"', '"pickle"'))


def hdf5(what, where, remedy, change):
    """A row for a netCDF in which ``change`` makes arrays anew, as HDF5 does."""

    def spoil(folder):
        edit(folder, (AIR, "rasters/air.nc"))
        axes = {"lat": 53.5 - np.arange(7), "lon": 117.5 + np.arange(10)}
        for path in (folder / "rasters/air.nc", folder.parent / "elsewhere.nc"):
            good = xr.Dataset({"air": (("lat", "lon"), np.ones((7, 10), "f4"))}, axes)
            good.to_netcdf(path, engine="netcdf4")
        with h5py.File(folder / "rasters/air.nc", "r+") as stored:
            change(stored)

    row("raster", what, rf"covariates\.air: .*air\.nc: {where}", remedy, spoil, run_to_covariates)


def linked(stored):
    del stored["air"]
    stored["air"] = h5py.ExternalLink("../../elsewhere.nc", "air")


def of_raw_bytes(stored):
    del stored["air"]
    stored.create_dataset("air", (7, 10), "f4", external=[("/etc/passwd", 0, 280)])


def of_parts(stored):
    del stored["air"]
    layout = h5py.VirtualLayout((7, 10), "f4")
    layout[:] = h5py.VirtualSource("../../elsewhere.nc", "air", (7, 10))
    stored.create_virtual_dataset("air", layout)


def too_long(stored):
    stored.create_dataset("time", (2_000_000_000,), "f8", chunks=(1000,))


hdf5("values of another file", "the values of 'air' lie in", "nccopy", linked)
hdf5("values of bytes of the system", "the values of 'air' lie in", "nccopy", of_raw_bytes)
hdf5("values of parts elsewhere", "the values of 'air' lie in", "nccopy", of_parts)
hdf5("an axis of 16 GB", "'time' has 2,000,000,000 values", "variable alone", too_long)
zarr(
    "an axis of a Zarr of 16 GB",
    "may have 10,000,000",
    lambda p: (p / "lat/.zarray").write_text(
        (p / "lat/.zarray").read_text().replace("7", "2000000000")
    ),
)


def outline(what, content, where, remedy):
    """A row for an outline of the study."""

    def spoil(folder):
        edit(folder, ("# outline =", "outline ="))
        (folder / "outline.geojson").write_text(content)

    row("outline", what, where, remedy, spoil, run_to_covariates)


def ring(*corners):
    places = ", ".join(f"[{x}, {y}]" for x, y in (*corners, corners[0]))
    return f'{{"type": "Polygon", "coordinates": [[{places}]]}}'


outline("no GeoJSON", "118 48 126 53", r"outline\.geojson", "not GeoJSON")
outline("a point", '{"type": "Point", "coordinates": [120, 50]}', r"outline", "holds no polygon")
outline("nothing", '{"type": "FeatureCollection", "features": []}', r"outline", "no polygon")
outline(
    "latitude first", ring((48, 118), (53, 118), (53, 126)), r"study\.toml", "check area|outline"
)
outline(
    "another land", ring((-60, 48), (-60, 53), (-50, 53)), r"study\.toml", "check area and outline"
)


def stations(what, change, where, remedy):
    """A row for a table of climate stations made of a good one by ``change``."""

    def spoil(folder):
        table = pd.DataFrame({"station": [f"S{i}" for i in range(12)]})
        table["lon"], table["lat"] = np.linspace(118, 126, 12), np.tile([48.5, 50, 51, 52.5], 3)
        table["elevation_m"] = np.linspace(200, 900, 12)
        for i in range(1, 13):
            table[f"t{i:02}"] = 2 - table["lat"] / 10 - 20 * np.cos(2 * np.pi * i / 12)
            table[f"p{i:02}"] = 20.0 + i
        change(table).to_csv(folder / "climate.csv", index=False)
        spread = ", ".join(["4.0"] * 12)
        append(
            folder,
            '\n[climate]\nstations = "climate.csv"\nyears = "1991-2020"\n'
            f"within_month_sd_c = [{spread}]\n"
            '[covariates.MAAT]\nsource = "stations"\nquantity = "mean_annual_air_temperature"\n',
        )

    row("stations", what, where, remedy, spoil, run_to_covariates)


def shifted(first, change):
    """Change the columns of temperature or precipitation."""

    def of_table(table):
        columns = [c for c in table if c[0] == first and c[1:].isdigit()]
        return table.assign(**{c: change(table[c]) for c in columns})

    return of_table


stations("a month missing", lambda t: t.drop(columns="t07"), r"climate\.csv: column t07", "missing")
stations("a station twice", lambda t: pd.concat([t, t[:1]]), r"climate\.csv: station S0", "one row")
stations(
    "words", lambda t: t.astype({"p03": str}).replace({"p03": {"23.0": "x"}}), "p03.*row", "Cor"
)
stations("no place", lambda t: t.assign(lat=np.nan), r"climate\.csv: station S0", "give its lon")
stations("tenths", shifted("t", lambda c: c * 10), r"station S0: t01", "in deg C")
stations("Kelvin", shifted("t", lambda c: c + 273.15), r"station S0: t01", "in deg C")
stations("negative rain", shifted("p", lambda c: -c), r"station S0: p01", r"in\s+mm")
stations(
    "-9999 for missing", shifted("t", lambda c: c.where(c.index > 0, -9999)), "S0: t01", "it empty"
)
stations("infinite", shifted("t", lambda c: c.where(c.index > 0, np.inf)), "S0: t01", "it empty")
stations(
    "lon and lat exchanged", lambda t: t.rename(columns={"lon": "lat", "lat": "lon"}), "cl", "lon"
)
