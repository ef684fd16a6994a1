"""The tables and layers that notebooks hand over, each checked against the one it was made of.

Every file can be opened, edited, cut off or left over from an earlier run. A map of files that do
not belong together would be wrong without a sign of it, so whoever reads one also looks at those
it follows from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rioxarray  # noqa: F401  (registers .rio)
import xarray as xr
from odc.geo.xr import xr_coords
from pyproj import CRS

from helpers.covariates import sample_at
from helpers.error_model import ErrorModel
from helpers.storage import ContractError, opened_dataset, read_dataset, read_json, read_table
from helpers.study import Study

_SITES, _LAYERS = "notebook 01_borehole_qc", "notebook 02_covariates"
_FOREST, _VALIDATION = "notebook 03_random_forest", "notebook 05_validation"
_OF_SITES = ("x", "y", "t15_c", "standard_error_c")


def read_training(study: Study) -> pd.DataFrame:
    """Training table written by notebook 02, with numbers in every predictor.

    Raises
    ------
    FileNotFoundError, ContractError
        If it is missing or damaged, a site is there twice or lacks a number, or (where
        ``boreholes.csv`` is there) it is of other temperatures or places than notebook 01 wrote.

    """
    numbers = (*_OF_SITES, *study.forest.predictors)
    path = study.interim_dir / "training.csv"
    table = read_table(path, numbers, ("site",), _LAYERS)
    _expect_each_once(path, table["site"], _LAYERS)
    _expect_finite(path, table, numbers, _LAYERS)
    if (study.interim_dir / "boreholes.csv").is_file():
        _expect_same(path, table, _used_sites(study), _OF_SITES, "boreholes.csv", _LAYERS)
    return table


def read_folds(study: Study) -> pd.DataFrame:
    """Folds written by notebook 03, whole numbers: site, random_0, random_1, ..., knndm.

    Raises
    ------
    FileNotFoundError, ContractError
        If it is missing or damaged, its sites are not those of ``training.csv`` in their order, or
        a column does not hold whole numbers from 0 on and at least 2 folds.

    """
    path = study.interim_dir / "folds.csv"
    table = read_table(path, ("knndm",), ("site",), _FOREST)
    names = list(table.columns.drop("site"))
    table = read_table(path, tuple(names), ("site",), _FOREST)
    _expect_each_once(path, table["site"], _FOREST)
    _expect_finite(path, table, names, _FOREST)
    for name in names:
        labels = table[name]
        wrong = np.flatnonzero((labels < 0) | (labels % 1 != 0))
        if wrong.size or labels.nunique() < 2:
            place = f"row {wrong[0] + 2} holds {labels[wrong[0]]:g}" if wrong.size else "one fold"
            raise ContractError(
                f"{path}: column '{name}': {place}; folds are whole numbers from 0 on, and at "
                f"least 2. Run {_FOREST} again."
            )
    sites = read_training(study)["site"]
    if list(table["site"]) != list(sites):
        odd = sorted(set(sites).symmetric_difference(table["site"])) or ["the order of the rows"]
        raise ContractError(
            f"{path}: its {len(table)} sites are not the {len(sites)} of training.csv (first "
            f"difference: {odd[0]}). Run {_FOREST} again."
        )
    return table.astype(dict.fromkeys(names, int))


def read_validation(study: Study, error_model: ErrorModel) -> dict[str, Any]:
    """Record of notebook 05, if it is of this error model: else its scores are of another map.

    Raises
    ------
    FileNotFoundError, ContractError
        If it is missing or damaged, lacks what the products say of it, or is of another run.

    """
    path = study.interim_dir / "validation.json"
    record = read_json(path, _VALIDATION)
    needed = ("n_sites", "designs", "applicability", "error_model", "truth", "true_frozen_share")
    missing = [key for key in needed if key not in record]
    if missing:
        raise ContractError(
            f"{path}: key {', '.join(missing)} missing. Found: {', '.join(record)}. Run "
            f"{_VALIDATION} again."
        )
    made_with = json.loads(json.dumps(error_model.record()))
    if record["error_model"] != made_with or record["n_sites"] != error_model.n_sites:
        raise ContractError(
            f"{path}: key error_model: its numbers are not those of error_model.json, so the "
            f"scores are of another forest or other sites. Run {_VALIDATION} again."
        )
    return record


def read_held_out(study: Study, training: pd.DataFrame, design: str = "knndm") -> pd.DataFrame:
    """Held-out predictions of one design, written by notebook 05: site, observed, predicted, ...

    Raises
    ------
    FileNotFoundError, ContractError
        If the table is missing or damaged, or not of the sites and temperatures of ``training``.

    """
    path = study.interim_dir / "held_out.csv"
    numbers = ("observed", "predicted")
    table = read_table(path, numbers, ("design", "site"), _VALIDATION)
    table = table[table["design"] == design]
    _expect_each_once(path, table["site"], _VALIDATION)
    _expect_finite(path, table, numbers, _VALIDATION)
    sites = training[["site", "t15_c"]].rename(columns={"t15_c": "observed"})
    _expect_same(path, sites, table, ("observed",), f"design '{design}'", _VALIDATION)
    return table.reset_index(drop=True)


def read_layers(study: Study, training: pd.DataFrame, every: bool = False) -> xr.Dataset:
    """The layers of :func:`opened_layers` in memory; with ``every`` those, too, nobody learns from.

    Raises
    ------
    FileNotFoundError, ContractError
        As :func:`opened_layers`.

    """
    with opened_layers(study, training) as layers:
        if not every:
            return layers.load()
    return read_dataset(study.interim_dir / "covariates.nc", made_by=_LAYERS)


@contextmanager
def opened_layers(study: Study, training: pd.DataFrame) -> Iterator[xr.Dataset]:
    """Predictors of ``covariates.nc`` in the order of the forest, read only where they are used.

    Raises
    ------
    FileNotFoundError, ContractError
        If the file is missing or damaged, has another CRS or grid, a layer has no units, or its
        values at the sites are not those of ``training``: then the map would be of other layers
        than those the forest has learnt from.

    """
    path = study.interim_dir / "covariates.nc"
    names = tuple(study.forest.predictors)
    with opened_dataset(path, names, _LAYERS) as layers:
        check_grid(study, layers, f"{path}: the layers")
        without = [name for name in names if not layers[name].attrs.get("units")]
        if without:
            raise ContractError(
                f"{path}: layer {', '.join(without)} has no attribute units. Run {_LAYERS} again."
            )
        _expect_layers_of_sites(path, study, training, layers)
        yield layers


def check_grid(study: Study, layers: xr.Dataset, what: str) -> None:
    """Raise a ContractError unless layers have CRS and cells of the study; ``what`` names them."""
    again = f"Build them again: run {_LAYERS}."
    crs = layers.rio.crs
    if crs is not None and CRS.from_user_input(crs) != study.crs:
        raise ContractError(f"{what} have the CRS {crs}, the study has {study.crs.name}. {again}")
    wanted = xr_coords(study.geobox)
    for name in ("y", "x"):
        if name not in layers.coords or layers[name].dims != (name,):
            raise ContractError(
                f"{what} have no coordinate {name} along an axis of this name. Found: "
                f"{', '.join(map(str, layers.coords))}. {again}"
            )
        found = layers[name].to_numpy()
        if not np.array_equal(found, wanted[name]):
            place = f"{found[0]:g} to {found[-1]:g} m" if len(found) else "none"
            raise ContractError(
                f"{what} lie on another grid than the study: {len(found)} cells along "
                f"{name} ({place}), {len(wanted[name])} are needed "
                f"({float(wanted[name][0]):g} to {float(wanted[name][-1]):g} m). {again}"
            )


def _expect_layers_of_sites(
    path: Path, study: Study, training: pd.DataFrame, layers: xr.Dataset
) -> None:
    """Raise unless each layer holds at each site what the training table says."""
    found = sample_at(layers, training["x"], training["y"])
    for name in study.forest.predictors:
        wanted = training[name].to_numpy(dtype=float)
        other = np.flatnonzero(~np.isclose(found[name], wanted, rtol=1e-6, atol=1e-9))
        if other.size:
            first = other[0]
            raise ContractError(
                f"{path}: layer '{name}' holds {found[name][first]:g} at site "
                f"{training['site'][first]}, training.csv {wanted[first]:g} ({other.size} of "
                f"{len(wanted)} sites differ): one of them is of other settings or was edited. "
                f"Run {_LAYERS} again, and those after it."
            )


def _used_sites(study: Study) -> pd.DataFrame:
    """Sites of notebook 01 that may train the forest."""
    path = study.interim_dir / "boreholes.csv"
    table = read_table(path, _OF_SITES, ("site", "status"), _SITES)
    used = table[table["status"] == "used"]
    _expect_each_once(path, used["site"], _SITES)
    return used


def _expect_each_once(path: Path, sites: pd.Series, made_by: str) -> None:
    if sites.isna().any():
        raise ContractError(
            f"{path}: row {int(np.flatnonzero(sites.isna())[0]) + 2} has no site. Run {made_by} "
            "again."
        )
    twice = sites[sites.duplicated()]
    if len(twice):
        raise ContractError(
            f"{path}: site {twice.iloc[0]} is there more than once. Run {made_by} again."
        )


def _expect_finite(
    path: Path, table: pd.DataFrame, names: list[str] | tuple[str, ...], made_by: str
) -> None:
    missing = np.argwhere(~np.isfinite(table[list(names)].to_numpy(dtype=float)))
    if len(missing):
        row, column = missing[0]
        raise ContractError(
            f"{path}: site {table['site'].iloc[row]}: {names[column]} is "
            f"{table[names[column]].iloc[row]}, a number is needed. Run {made_by} again."
        )


def _expect_same(
    path: Path,
    table: pd.DataFrame,
    other: pd.DataFrame,
    columns: tuple[str, ...],
    other_name: str,
    made_by: str,
) -> None:
    """Raise unless each site of a table is in another, with the same numbers."""
    there = other.set_index("site").reindex(table["site"])
    for column in columns:
        ours, theirs = table[column].to_numpy(float), there[column].to_numpy(float)
        differing = np.flatnonzero(~np.isclose(ours, theirs, rtol=1e-9, atol=1e-9))
        if differing.size:
            row = differing[0]
            raise ContractError(
                f"{path}: site {table['site'].iloc[row]}: {column} is {ours[row]:.10g} in one and "
                f"{theirs[row]:.10g} in the other of training table and {other_name} "
                f"({differing.size} sites differ): one is of an earlier run, or was edited. Run "
                f"{made_by} again."
            )
