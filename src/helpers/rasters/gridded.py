"""NetCDF and Zarr as sources: variable, axes, CRS, missing values and dates, read lazily."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from helpers.rasters.containers import check_container
from helpers.rasters.dates import dated_steps
from helpers.rasters.local import check_block, check_crs
from helpers.rasters.scaling import decode, scaling
from helpers.rasters.source import Source
from helpers.settings import RasterCovariate
from helpers.storage import ContractError
from helpers.units import UnitError, convert

_LONGITUDE = {"lon", "longitude", "long"}
_LATITUDE = {"lat", "latitude"}
_EAST = {"degrees_east", "degree_east", "degrees_E", "degree_E"}
_NORTH = {"degrees_north", "degree_north", "degrees_N", "degree_N"}
# Axes as float32 are this share of a cell off, at most.
_UNEVEN = 0.05


# What the libraries of netCDF and Zarr raise on damaged files, beside their own errors.
_DAMAGED = (OSError, ValueError, LookupError, RuntimeError, TypeError, AttributeError)


def open_gridded(path: Path, settings: RasterCovariate) -> list[Source]:
    """All steps of one variable of a netCDF file or Zarr folder; see ``files.open_sources``."""
    dataset = _open(path)
    try:
        return _steps(path, dataset, settings)
    except ContractError:
        # Or the user could not replace the file as long as the error is looked at.
        dataset.close()
        raise


def _steps(path: Path, dataset: xr.Dataset, settings: RasterCovariate) -> list[Source]:
    layer = _variable(path, dataset, settings.variable)
    chunks = layer.encoding.get("chunksizes") or layer.encoding.get("chunks") or (1,)
    check_block(path, tuple(chunks), layer.dtype.itemsize)
    y, x = _axes(layer)
    layer = _upright(path, layer, y, x)
    crs = _crs(path, dataset, layer, y, x)
    check_crs(path, crs)
    transform, width = _transform(path, layer, crs, y, x)
    stated = (layer.attrs.get("scale_factor", 1.0), layer.attrs.get("add_offset", 0.0))
    line = scaling(path, *stated, settings)
    codes = [settings.nodata, *_stated(path, layer, "_FillValue", "missing_value")]
    nodata = tuple(n for n in codes if n is not None)
    valid = _valid_range(path, layer, *stated)

    def source(part: xr.DataArray, start: np.datetime64 | None, days: float | None) -> Source:
        """One step of the variable."""
        return Source(
            crs,
            transform,
            (layer.sizes[y], width),
            _reader(path, part, nodata, valid, line),
            name=f"{path.name}: {layer.name}",
            nodata=nodata,
            units=layer.attrs.get("units"),
            long_name=layer.attrs.get("long_name"),
            start=start,
            days=days,
            close=dataset.close,
        )

    if layer.ndim == 2:
        return [source(layer, None, None)]
    dates = dated_steps(path, dataset, layer.dims[0])
    return [source(layer[i], *dates[i]) for i in range(len(dates))]


def _open(path: Path) -> xr.Dataset:
    engine = "zarr" if path.is_dir() else "netcdf4"
    options = {"consolidated": False} if path.is_dir() else {}
    try:
        check_container(path)
        return xr.open_dataset(
            path, engine=engine, mask_and_scale=False, decode_times=False, cache=False, **options
        )
    except ContractError:
        raise
    except _DAMAGED as error:
        raise ContractError(
            f"{path}: cannot be read as {engine} ({error}). A download that was cut off, or a web "
            "page saved in its place? Get the file again."
        ) from error


def _variable(path: Path, dataset: xr.Dataset, name: str | None) -> xr.DataArray:
    """The variable asked for, or the only one that has numbers on both axes."""
    maps = [str(n) for n, v in dataset.data_vars.items() if v.dtype.kind in "iuf" and _axes(v)]
    if name is not None and name not in maps:
        raise ContractError(
            f"{path}: no variable '{name}' on axes of x and y; found: {', '.join(maps) or 'none'}."
        )
    if name is None and len(maps) != 1:
        found = f"{len(maps)} variables ({', '.join(maps)})" if maps else "no variable"
        raise ContractError(
            f"{path}: has {found} on one-dimensional axes of x and y; name one with variable = "
            '"..." in study.toml.'
            + ("" if maps else " Swaths and curvilinear grids must be regridded first.")
        )
    return dataset[name or maps[0]]


def _axes(layer: xr.DataArray) -> tuple[str, str] | None:
    """Names of the axes of y and x, told by attributes or, without those, by name."""
    found = {}
    for axis in layer.dims:
        if axis not in layer.coords:
            continue
        attributes, name = layer[axis].attrs, str(axis).lower()
        standard, units = attributes.get("standard_name", ""), attributes.get("units", "")
        if attributes.get("axis") == "X" or units in _EAST or standard.endswith("_x_coordinate"):
            found["x"] = axis
        elif attributes.get("axis") == "Y" or units in _NORTH or standard.endswith("_y_coordinate"):
            found["y"] = axis
        elif name in _LONGITUDE | {"x", "easting"} or standard.endswith("longitude"):
            found["x"] = axis
        elif name in _LATITUDE | {"y", "northing"} or standard.endswith("latitude"):
            found["y"] = axis
    return (found["y"], found["x"]) if len(found) == 2 else None


def _upright(path: Path, layer: xr.DataArray, y: str, x: str) -> xr.DataArray:
    """The layer as (steps, y, x) or (y, x)."""
    others = [d for d in layer.dims if d not in (y, x)]
    steps = [d for d in others if layer.sizes[d] > 1 or str(d).lower() == "time"]
    if len(steps) > 1:
        sizes = ", ".join(f"{d} ({layer.sizes[d]})" for d in steps)
        raise ContractError(
            f"{path}: {layer.name} has the axes {sizes} besides x and y; only one more is "
            "understood. Save the part you need as a file of its own."
        )
    layer = layer.isel({d: 0 for d in others if d not in steps}, drop=True)
    return layer.transpose(*steps, y, x)


def _crs(path: Path, dataset: xr.Dataset, layer: xr.DataArray, y: str, x: str) -> CRS:
    """From the grid mapping; longitude and latitude say it themselves."""
    mapping = layer.attrs.get("grid_mapping", layer.encoding.get("grid_mapping", ""))
    mapping = mapping.split(":")[0].strip()
    if mapping in dataset.variables or "spatial_ref" in dataset.variables:
        attributes = dataset[mapping if mapping in dataset.variables else "spatial_ref"].attrs
        try:
            return CRS.from_cf(attributes)
        except (CRSError, KeyError) as error:
            raise ContractError(
                f"{path}: pyproj cannot read the CRS in '{mapping or 'spatial_ref'}' ({error})."
            ) from error
    degrees = layer[x].attrs.get("units") in _EAST and layer[y].attrs.get("units") in _NORTH
    named = str(x).lower() in _LONGITUDE and str(y).lower() in _LATITUDE
    if degrees or named:
        return CRS.from_epsg(4326)
    raise ContractError(
        f"{path}: {layer.name} has no CRS: neither a grid_mapping nor axes of longitude and "
        f"latitude (found {y}, {x}). Write one, for instance with rioxarray: "
        "dataset.rio.write_crs('EPSG:3413').to_netcdf(...)."
    )


def _transform(path: Path, layer: xr.DataArray, crs: CRS, y: str, x: str) -> tuple[Affine, int]:
    """Affine transform, and columns without one that repeats the first a turn further."""
    columns, rows = (layer[axis].to_numpy().astype(float) for axis in (x, y))
    if crs.is_geographic:
        columns = np.unwrap(columns, period=360)
    else:
        columns, rows = (
            _in_units_of(path, crs, layer[axis].attrs.get("units"), values)
            for axis, values in ((x, columns), (y, rows))
        )
    (west, width), (north, height) = (
        _step(path, axis, values) for axis, values in ((x, columns), (y, rows))
    )
    transform = Affine(width, 0, west - width / 2, 0, height, north - height / 2)
    repeated = crs.is_geographic and abs((len(columns) - 1) * abs(width) - 360) < abs(width) / 2
    return transform, len(columns) - repeated


def _in_units_of(path: Path, crs: CRS, units: str | None, values: NDArray) -> NDArray:
    """Axis in the units of the CRS: some files count kilometres."""
    if not units:
        return values
    try:
        return convert(values, units, crs.axis_info[0].unit_name)
    except UnitError as error:
        raise ContractError(f"{path}: axes of x and y: {error}.") from error


def _step(path: Path, axis: str, values: NDArray) -> tuple[float, float]:
    """First place of an axis and its step, positive or negative; it must be regular."""
    if len(values) < 2:
        raise ContractError(f"{path}: axis {axis} has one value only; its cell size is unknown.")
    step = (values[-1] - values[0]) / (len(values) - 1)
    off = np.abs(values - (values[0] + step * np.arange(len(values)))).max()
    if step == 0 or off > _UNEVEN * abs(step) or not np.isfinite(off):
        raise ContractError(
            f"{path}: axis {axis} is not regular: steps from {np.diff(values).min():g} to "
            f"{np.diff(values).max():g}. Bring it to a regular grid first."
        )
    return float(values[0]), float(step)


def _is_unsigned(layer: xr.DataArray) -> bool:
    """Whether signed numbers stand for unsigned ones, which netCDF 3 does not know."""
    return layer.dtype.kind == "i" and str(layer.attrs.get("_Unsigned")).lower() == "true"


def _stated(path: Path, layer: xr.DataArray, *keys: str) -> list[float]:
    """Numbers of attributes, which are stored as those of the layer are."""
    found = [number for key in keys for number in np.ravel(layer.attrs.get(key, []))]
    try:
        numbers = [float(number) for number in found]
    except ValueError as error:
        raise ContractError(
            f"{path}: {layer.name}: {' or '.join(keys)} is no number ({error}). Correct the "
            "attribute in the file."
        ) from error
    turn = 2 ** (8 * layer.dtype.itemsize)
    return [number % turn for number in numbers] if _is_unsigned(layer) else numbers


def _valid_range(
    path: Path, layer: xr.DataArray, scale: float, offset: float
) -> tuple[float, float]:
    """Lowest and highest stored number that is a value.

    The range is of stored numbers (CF 2.5.1) unless it has parts beside whole stored ones: then
    it is of the values (NetCDF Users Guide, Attribute Conventions).
    """
    both = _stated(path, layer, "valid_range")
    if len(both) not in (0, 2):
        raise ContractError(f"{path}: {layer.name}: valid_range holds {both}; two are expected.")
    lowest = both[:1] or _stated(path, layer, "valid_min") or [-np.inf]
    highest = both[1:] or _stated(path, layer, "valid_max") or [np.inf]
    given = [np.asarray(layer.attrs.get(f"valid_{end}", 0)) for end in ("range", "min", "max")]
    if layer.dtype.kind == "f" or not any(numbers.dtype.kind == "f" for numbers in given):
        return lowest[0], highest[0]
    first, last = sorted((end - offset) / scale for end in (lowest[0], highest[0]))
    return first, last


def _reader(
    path: Path,
    layer: xr.DataArray,
    nodata: tuple[float, ...],
    valid: tuple[float, float],
    line: tuple[float, float],
):
    def read(rows: slice, columns: slice) -> NDArray:
        """Values of a window of the variable, missing as NaN."""
        try:
            stored = layer[rows, columns].to_numpy()
        except _DAMAGED as error:
            raise ContractError(
                f"{path}: {layer.name} breaks off within rows {rows.start} to {rows.stop} "
                f"({error}). Get the file again."
            ) from error
        if _is_unsigned(layer):
            stored = stored.view(stored.dtype.str.replace("i", "u"))
        return decode(stored, (stored < valid[0]) | (stored > valid[1]), nodata, *line)

    return read
