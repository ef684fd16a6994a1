"""The map beside other maps of ground temperature: where they differ, and which errs less at sites.

The other maps are the ``[references]`` of study.toml. A difference between two maps says nothing
of which is right; only :func:`at_sites` does, and only where there are boreholes.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import rasterio
import xarray as xr
from numpy.typing import NDArray

from helpers.covariates import reference_layer, sample_at
from helpers.products.area_rows import cell_area
from helpers.products.cog import make_cog
from helpers.products.rasters import (
    COMPARISON_FILES,
    VIRTUAL_NOTE,
    Raster,
    provenance,
    raster_profile,
)
from helpers.scores import classification_scores, regression_scores, thermal_class
from helpers.storage import ContractError, replacing, write_json
from helpers.study import Study
from helpers.units import convert, is_convertible

UNITS = "degC"
FROZEN_LABELS = ("at or below 0 degC", "above 0 degC")
_SCORES = ("bias", "mae", "rmse")
_TOLD = ("source", "licence", "citation")


@dataclass(frozen=True)
class Comparison:
    """The map of the study against another.

    ``name`` is that of the reference in study.toml, ``long_name`` says what it shows (and in which
    depth); ``other`` is its layer (y, x), deg C, and ``difference`` the map of the study minus it,
    NaN where either is unknown. ``numbers``, ``frozen``, ``classes`` and ``sites`` are as
    :func:`compare_with` and :func:`at_sites` give them.
    """

    name: str
    long_name: str
    other: xr.DataArray
    difference: xr.DataArray
    numbers: dict[str, float]
    frozen: dict[str, Any]
    classes: dict[str, Any]
    sites: dict[str, Any] | None = None

    def record(self) -> dict[str, Any]:
        """Everything but the layers, for json."""
        return {
            "name": self.name,
            "long_name": self.long_name,
            **{key: self.other.attrs[key] for key in _TOLD if self.other.attrs.get(key)},
            "difference": "this map minus the other, over the cells that both know",
            **self.numbers,
            "frozen": self.frozen,
            "classes": self.classes,
            "sites": self.sites,
        }

    def site_table(self) -> pd.DataFrame:
        """Errors at the boreholes (deg C), one row for each map; empty with fewer than two."""
        maps = {name: found for name, found in (self.sites or {}).items() if name != "n"}
        return pd.DataFrame(maps, index=["bias", "mae", "rmse"]).T.astype(float)


def compare_with(study: Study, result: xr.Dataset, other: xr.DataArray, name: str) -> Comparison:
    """Compare the map with another of ground temperature, over the cells that both know.

    The other may be of another depth (ESA Permafrost CCI: 10 m) or time; it is taken as it is, and
    its long name says what it is. Part of the difference is then no error of either.

    Parameters
    ----------
    study
        Classes and cell size.
    result
        Dataset of :func:`helpers.mapping.predict_map`.
    other
        Temperature (y, x) on the same grid; its attributes say units and long name.
    name
        What the other map is called in study.toml.

    Returns
    -------
    Comparison with ``numbers``: ``cells`` (number of common cells), ``mean_difference_c`` (this
    map minus the other), ``mean_absolute_difference_c``, ``root_mean_square_difference_c``,
    ``correlation`` (NaN if a map is constant), and the areas at or below 0 deg C of both,
    ``permafrost_area_1e4_km2`` and ``other_permafrost_area_1e4_km2``. ``frozen`` and ``classes``
    hold ``labels``, ``cells`` (matrix of counts, rows this map, columns the other),
    ``overall_agreement`` and ``kappa``; neither has an interval, as neighbouring cells are no
    independent trials.

    Raises
    ------
    ContractError
        If the other holds no temperature, lies on another grid or shares no known cell.

    """
    ours, other = result["t15"], _temperature(other, name)
    _check_grid(ours, other, name)
    values, others = ours.to_numpy(), other.to_numpy()
    both = np.isfinite(values) & np.isfinite(others)
    if not both.any():
        raise ContractError(
            f"Reference '{name}': none of its {np.isfinite(others).sum()} known cells is mapped. "
            "Check the extent, the CRS and nodata of its raster."
        )
    difference = ours.copy(data=np.where(both, values - others, np.nan).astype(np.float32))
    long_name = other.attrs.get("long_name") or name
    difference.attrs = {"units": UNITS, "long_name": f"this map minus {long_name}"}
    pair = values[both].astype(float), others[both].astype(float)
    return Comparison(
        name=name,
        long_name=long_name,
        other=other,
        difference=difference.rename(f"difference_{name}"),
        numbers=_numbers(*pair, cell_area(study)),
        frozen=_agreement(*(t > 0 for t in pair), FROZEN_LABELS),
        classes=_agreement(
            *(thermal_class(t, study.class_bounds) for t in pair), [c.name for c in study.classes]
        ),
    )


def at_sites(
    training: pd.DataFrame, held_out: pd.DataFrame, other: xr.DataArray, seed: int = 0
) -> dict[str, Any]:
    """Errors of both maps at the boreholes, at the sites that both know.

    This map is no independent witness at its own sites: its forest has seen them. So its error is
    that of held-out predictions, each by a forest without the site; best those of the kNNDM folds,
    which are as far from the other sites as the map is. Whether the other map has used these
    boreholes, only its makers know.

    Parameters
    ----------
    training
        Table with site, x, y (m) and t15_c (deg C).
    held_out
        Table with site and predicted (deg C), one row for each site: the rows of one design.
    other
        Temperature (y, x) on the study grid, deg C, as :class:`Comparison` holds it.
    seed
        Of the resamples of the sites, for the intervals.

    Returns
    -------
    ``n`` sites; ``this_map_held_out`` and ``other`` with ``bias`` (map - observed), ``mae`` and
    ``rmse``, deg C, each with its 95 % bootstrap interval. Only ``n`` if there are fewer than two.

    Raises
    ------
    ContractError
        If a site has several predictions.

    """
    repeated = held_out["site"][held_out["site"].duplicated()]
    if len(repeated):
        raise ContractError(
            f"Held-out predictions: site {repeated.iloc[0]} has several. Give the rows of one "
            "design and one repeat, for example knndm."
        )
    ours = training["site"].map(held_out.set_index("site")["predicted"]).to_numpy(float)
    layer = xr.Dataset({"other": other.transpose("y", "x")})
    theirs = sample_at(layer, training["x"], training["y"])["other"].to_numpy(float)
    known = np.isfinite(ours) & np.isfinite(theirs)
    if known.sum() < 2:
        return {"n": int(known.sum())}
    observed = training["t15_c"].to_numpy(float)[known]
    found = {"this_map_held_out": ours[known], "other": theirs[known]}
    errors = {name: _errors(observed, predicted, seed) for name, predicted in found.items()}
    return {"n": int(known.sum()), **errors}


def compare_references(
    study: Study, result: xr.Dataset, training: pd.DataFrame, held_out: pd.DataFrame
) -> tuple[dict[str, Comparison], list[str]]:
    """Compare the map with every reference of the study that is there and holds a temperature.

    Parameters are those of :func:`compare_with` and :func:`at_sites`.

    Returns
    -------
    Comparisons by name of the reference, and a note for each reference that is left out: open
    data that are not fetched yet, or a layer that is no temperature.

    """
    comparisons, notes = {}, []
    for name in study.references:
        note = _left_out(study, name)
        if note:
            notes.append(f"Reference '{name}' is left out: {note}")
            continue
        found = compare_with(study, result, reference_layer(study, name), name)
        sites = at_sites(training, held_out, found.other, study.about.seed)
        comparisons[name] = replace(found, sites=sites)
    return comparisons, notes


def write_comparison(study: Study, comparison: Comparison) -> list[Path]:
    """Write ``comparison_<name>.json`` and ``difference_<name>.tif`` (a COG) beside the products.

    Returns the paths of both, in this order.
    """
    record = comparison.record()
    if study.about.virtual_boreholes:
        record["note"] = VIRTUAL_NOTE
    record_name, raster_name = (f.format(comparison.name) for f in COMPARISON_FILES)
    table = write_json(record, study.output_dir / record_name)
    return [table, _write_difference(study, comparison, raster_name)]


def _write_difference(study: Study, comparison: Comparison, raster_name: str) -> Path:
    words = f"this map minus {comparison.long_name}"
    raster = Raster(raster_name, UNITS, {"difference": (words,)})
    bands = raster.bands({"difference": comparison.difference.to_numpy()})
    path = study.output_dir / raster.name
    study.interim_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=study.interim_dir) as folder, replacing(path) as unfinished:
        plain, finished = Path(folder) / "plain.tif", Path(folder) / raster.name
        with rasterio.open(plain, "w", driver="GTiff", **raster_profile(study, raster)) as stored:
            stored.write(bands)
        make_cog(plain, finished, raster, provenance(study))
        shutil.move(finished, unfinished)
    return path


def _left_out(study: Study, name: str) -> str:
    """Why a reference cannot be compared; empty if it can."""
    settings = study.references[name]
    if settings.source == "open":
        there = (study.open_dir / f"{name}.tif").is_file()
        return "" if there else f"not fetched yet; run: make data STUDY={study.folder}"
    if not is_convertible(settings.units, UNITS):
        return f"its units are {settings.units}, and only temperatures can be compared"
    return ""


def _temperature(other: xr.DataArray, name: str) -> xr.DataArray:
    """The other map (y, x) in deg C."""
    units = other.attrs.get("units", "none stated")
    if not is_convertible(units, UNITS):
        raise ContractError(
            f"Reference '{name}': its units are {units}; only a map of temperature can be compared "
            f'with the map. If it is one, set units = "{UNITS}" in [references.{name}].'
        )
    other = other.transpose("y", "x")
    converted = other.copy(data=convert(other.to_numpy(), units, UNITS))
    return converted.assign_attrs(other.attrs | {"units": UNITS})


def _check_grid(ours: xr.DataArray, other: xr.DataArray, name: str) -> None:
    same_shape = all(ours.sizes[axis] == other.sizes.get(axis) for axis in ("y", "x"))
    if not same_shape or not all(
        np.allclose(ours[axis], other[axis], rtol=0, atol=1.0) for axis in ("y", "x")
    ):
        raise ContractError(
            f"Reference '{name}': its grid of {dict(other.sizes)} is not that of the map, "
            f"{dict(ours.sizes)}. Bring it there with helpers.covariates.reference_layer."
        )


def _numbers(ours: NDArray, others: NDArray, cell_1e4_km2: float) -> dict[str, float]:
    difference = ours - others
    varies = np.ptp(ours) > 0 and np.ptp(others) > 0
    return {
        "cells": len(ours),
        "mean_difference_c": float(difference.mean()),
        "mean_absolute_difference_c": float(np.abs(difference).mean()),
        "root_mean_square_difference_c": float(np.sqrt((difference**2).mean())),
        "correlation": float(np.corrcoef(ours, others)[0, 1]) if varies else np.nan,
        "permafrost_area_1e4_km2": float((ours <= 0).sum() * cell_1e4_km2),
        "other_permafrost_area_1e4_km2": float((others <= 0).sum() * cell_1e4_km2),
    }


def _agreement(ours: NDArray, others: NDArray, labels: tuple[str, ...]) -> dict[str, Any]:
    scores = classification_scores(observed=others, predicted=ours, labels=labels)
    return {
        "labels": scores["labels"],
        "cells": scores["confusion_matrix"],
        "overall_agreement": scores["overall_accuracy"],
        "kappa": scores["kappa"],
    }


def _errors(observed: NDArray, predicted: NDArray, seed: int) -> dict[str, Any]:
    scores = regression_scores(observed, predicted, seed=seed)
    return {key: scores[key] for name in _SCORES for key in (name, f"{name}_interval")}
