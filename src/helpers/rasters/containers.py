"""What files of many arrays may hold: their own values only, packed as numbers, on axes that fit.

HDF5, of which netCDF 4 is made, may name arrays and bytes of other files; a Zarr may be packed as
pickles. Axes are read as soon as a file is opened, however long they are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import h5py

from helpers.storage import ContractError

_LONGEST_AXIS = 10_000_000


def check_container(path: Path) -> None:
    """Refuse a netCDF file or a Zarr folder that is more than it should be.

    Raises
    ------
    ContractError
        Names the file and the array in it.

    """
    if path.is_dir():
        _check_codecs(path)
        _check_axes(path, _zarr_shapes(path))
    elif h5py.is_hdf5(path):
        with h5py.File(path, "r", locking=False) as stored:
            _check_axes(path, _hdf5_shapes(path, stored))


def _check_axes(path: Path, shapes: Iterator[tuple[str, tuple[int, ...]]]) -> None:
    for name, shape in shapes:
        if len(shape) == 1 and math.prod(shape) > _LONGEST_AXIS:
            raise ContractError(
                f"{path}: '{name}' has {shape[0]:,} values in a row; an axis may have "
                f"{_LONGEST_AXIS:,}. Write the variable alone into a file with its axes."
            )


def _hdf5_shapes(path: Path, group: h5py.Group) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of each array of a file; one whose values lie elsewhere is an error."""
    for name in group:
        link = group.get(name, getlink=True)
        part = group[name] if isinstance(link, h5py.HardLink) else None
        if isinstance(part, h5py.Group):
            yield from _hdf5_shapes(path, part)
        elif isinstance(part, h5py.Dataset):
            if part.external or part.is_virtual:
                raise _elsewhere(path, name)
            yield name, part.shape or ()
        elif isinstance(link, h5py.ExternalLink):
            raise _elsewhere(path, name)


def _elsewhere(path: Path, name: str) -> ContractError:
    return ContractError(
        f"{path}: the values of '{name}' lie in another file, which is never read. Write them "
        "into one file, for instance with nccopy, and take that."
    )


def _zarr_shapes(path: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name in (".zarray", "zarr.json"):
        for metadata in sorted(path.rglob(name)):
            try:
                shape = json.loads(metadata.read_bytes()).get("shape", ())
                yield metadata.parent.name, tuple(int(size) for size in shape)
            except (ValueError, TypeError, AttributeError) as error:
                raise ContractError(
                    f"{metadata}: cannot be read as zarr ({error}). Get the file again."
                ) from error


def _check_codecs(path: Path) -> None:
    """Refuse a Zarr that is packed as pickles: reading those runs what they say."""
    for name in (".zarray", ".zmetadata", "zarr.json"):
        for metadata in path.rglob(name):
            if b"pickle" in metadata.read_bytes().lower():
                raise ContractError(
                    f"{metadata}: this Zarr is packed with pickle, which can run any program and "
                    "is never read. Ask for numbers packed with zstd or blosc."
                )
