"""The open layers and boreholes of a study: what is to be fetched, fetching, building, checking."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask
from tqdm.auto import tqdm

from helpers.area import study_area
from helpers.boreholes import read_boreholes
from helpers.opendata.download import (
    RemoteFile,
    expect_as_arrived,
    fetch_all,
    remote_sizes,
    remove_broken,
)
from helpers.opendata.product import OpenBoreholes, Product, layer_geobox, product
from helpers.opendata.record import LAYER_DIGEST, layer_settings
from helpers.settings import OpenLayer
from helpers.storage import ContractError, read_json, read_known, replacing, sha256, write_json
from helpers.study import Study
from helpers.units import UnitError, check_plausible

CACHE_VARIABLE = "PERMAFROST_CACHE"
BOREHOLES = "boreholes"
_FILES_ASKED = 100
_SUMMARY = "summary"
_PART_DIGESTS = "part_sha256"
_PLAN_COLUMNS = ["product", "layers", "files", "cached", "bytes", "licence", "folder", "problem"]


@dataclass(frozen=True)
class OpenItem:
    """One layer, or one collection of boreholes (no ``layer``), and its place in the study."""

    name: str
    origin: Product | OpenBoreholes
    layer: OpenLayer | None
    target: Path

    @property
    def provenance(self) -> Path:
        """Where it is written down what it was made of."""
        return self.target.with_suffix(".json")

    @property
    def parts(self) -> list[Path]:
        """The tables of a collection of boreholes that lie beside the first."""
        beside = self.target.parent.glob(f"{self.target.stem}_[0-9]*.tab")
        return [] if self.layer else sorted(beside)

    def files(self, study: Study) -> list[RemoteFile]:
        """What it is made of; a small index may be fetched to tell."""
        cache = cache_folder(study) / self.origin.name
        server = study.open_data.mirrors.get(self.origin.name, self.origin.server).rstrip("/")
        if self.layer is None:
            return self.origin.files(cache, server)
        return self.origin.files(study, self.layer, cache, server)


def cache_folder(study: Study) -> Path:
    """Where downloads are kept: the variable PERMAFROST_CACHE, or a folder all studies share."""
    chosen = os.environ.get(CACHE_VARIABLE) or study.folder.parent / "open_data_cache"
    return Path(chosen).expanduser()


def open_items(study: Study) -> list[OpenItem]:
    """All open layers of the covariates and references, and the open boreholes, of a study."""
    layers = {
        name: layer
        for name, layer in {**study.covariates, **study.references}.items()
        if layer.source == "open"
    }
    items = [
        OpenItem(name, product(layer.product), layer, study.open_dir / f"{name}.tif")
        for name, layer in layers.items()
    ]
    return items + [
        OpenItem(name, product(name), None, study.open_dir / BOREHOLES / f"{name}.tab")
        for name in study.open_data.boreholes
    ]


def plan(study: Study) -> pd.DataFrame:
    """What :func:`prepare` would fetch, one row per product.

    Returns
    -------
    product, layers, files, cached (files that are there already), bytes still to be fetched (of
    many files estimated from some; NaN if a server does not say), licence, folder of the
    downloads, problem (empty, or why the server cannot even tell which files there are).

    """
    of_product: dict[str, list[OpenItem]] = {}
    for item in open_items(study):
        of_product.setdefault(item.origin.name, []).append(item)
    return pd.DataFrame(
        [_planned(study, items) for items in of_product.values()], columns=_PLAN_COLUMNS
    )


def _planned(study: Study, items: list[OpenItem]) -> dict[str, Any]:
    """Row of the plan for the items of one product; files they share count once."""
    origin, files, problem = items[0].origin, {}, ""
    try:
        files = {file.path: file for item in items for file in item.files(study)}
    except ContractError as error:
        problem = str(error)
    missing = [file for file in files.values() if not file.is_finished]
    # Thousands of files alike: a hundred of them tell the size.
    asked = missing[:: max(len(missing) // _FILES_ASKED, 1)]
    sizes = remote_sizes(asked)
    row = (
        origin.title,
        ", ".join(item.name for item in items),
        len(files),
        len(files) - len(missing),
        np.nan if None in sizes or problem else _total(sizes, len(missing)),
        origin.licence,
        str(cache_folder(study) / origin.name),
        problem,
    )
    return dict(zip(_PLAN_COLUMNS, row, strict=True))


def _total(sizes: list[int], n_files: int) -> float:
    return sum(sizes) * n_files / len(sizes) if sizes else 0.0


def prepare(study: Study, progress: bool = True) -> pd.DataFrame:
    """Fetch and build all open layers and boreholes of a study.

    Downloads go to :func:`cache_folder`. Layers go to ``open/<name>.tif`` of the study: float32
    on its grid and a margin (see ``product.layer_geobox``), NaN where nothing is known; beside
    each a json says of which files it was made. What is up to date is kept. If one fails, the
    others are made before the error is raised.

    Returns
    -------
    layer, low, high, units, known_share (of the cells inside the outline), source; for boreholes
    the temperatures, and the number of sites in ``source``.

    """
    items = open_items(study)
    rows, failures = [], []
    for item in tqdm(items, desc="open data", disable=not progress):
        try:
            make = _make_boreholes if item.layer is None else _make_layer
            rows.append({"layer": item.name, **_up_to_date(study, item, make, progress)})
        except ContractError as error:
            failures.append(f"{item.name}: {error}")
    if failures:
        made = f"{len(rows)} of {len(items)} are ready. " if len(items) > 1 else ""
        raise ContractError(made + "\n".join(failures))
    columns = ["layer", "low", "high", "units", "known_share", "source"]
    return pd.DataFrame(rows, columns=columns)


def _up_to_date(
    study: Study,
    item: OpenItem,
    make: Callable[[Study, OpenItem, list[Path]], dict[str, Any]],
    progress: bool,
) -> dict[str, Any]:
    """Summary of an item, which is made again if its settings or files have changed."""
    files = item.files(study)
    paths = fetch_all(files, progress)
    made_of = _made_of(study, item, files)
    known = read_known(item.provenance)
    summary = known.pop(_SUMMARY, None)
    digests = {key: known.pop(key, None) for key in (LAYER_DIGEST, _PART_DIGESTS)}
    is_there = item.target.is_file() and _digests(item) == digests
    if is_there and summary and known == made_of:
        return summary
    expect_as_arrived(files)
    try:
        summary = make(study, item, paths)
    except ContractError as error:
        broken = remove_broken(files)
        if not broken:
            raise
        removed = ", ".join(map(str, broken))
        raise ContractError(
            f"{error} Broken and therefore removed: {removed}. Run again: only this is fetched."
        ) from error
    write_json({**made_of, _SUMMARY: summary, **_digests(item)}, item.provenance)
    return summary


def _digests(item: OpenItem) -> dict[str, Any]:
    parts = {path.name: sha256(path) for path in item.parts}
    return {LAYER_DIGEST: sha256(item.target), _PART_DIGESTS: parts or None}


def _made_of(study: Study, item: OpenItem, files: list[RemoteFile]) -> dict[str, Any]:
    """Everything an item follows from, as json gives it back."""
    origin = item.origin
    sidecars = [read_json(file.sidecar) for file in files]
    content: dict[str, Any] = {
        "product": origin.title,
        "licence": origin.licence,
        "citation": origin.citation,
        "doi": origin.doi,
        "files": [{key: s[key] for key in ("url", "bytes", "sha256")} for s in sidecars],
    }
    if item.layer is not None:
        content["settings"] = layer_settings(study, item.layer)
    return json.loads(json.dumps(content))


def _make_layer(study: Study, item: OpenItem, paths: list[Path]) -> dict[str, Any]:
    layer = item.origin.build(study, item.layer, paths, layer_geobox(study))
    source = f"{item.origin.title}: {layer.attrs['source']}"
    layer = layer.assign_attrs(source=source)
    summary = _checked(study, layer, f"{item.origin.title}, layer '{item.name}'")
    tags = {
        **{key: layer.attrs[key] for key in ("units", "long_name", "source")},
        "licence": item.origin.licence,
        "citation": item.origin.citation,
    }
    _write(layer, layer_geobox(study), tags, item.target)
    return {**summary, "source": source}


def _checked(study: Study, layer: xr.DataArray, place: str) -> dict[str, Any]:
    """Range, units and share of known cells of a layer; one that cannot be right is an error."""
    values = layer.to_numpy()
    geobox = layer_geobox(study)
    if layer.dims != ("y", "x") or values.shape != geobox.shape or values.dtype != np.float32:
        raise ContractError(
            f"{place}: built as {values.dtype} {layer.sizes}, float32 {geobox.shape} is needed."
        )
    inside = ~geometry_mask([study_area(study)], values.shape, geobox.transform)
    known = np.isfinite(values) & inside
    if not known.any():
        raise ContractError(
            f"{place}: no value inside the area of the study. Does the product reach there, and "
            "are area and outline in study.toml right?"
        )
    try:
        check_plausible(values, layer.attrs["units"], place)
    except UnitError as error:
        raise ContractError(str(error)) from error
    return {
        "low": round(float(values[known].min()), 3),
        "high": round(float(values[known].max()), 3),
        "units": layer.attrs["units"],
        "known_share": round(float(known.sum() / inside.sum()), 4),
    }


def _write(layer: xr.DataArray, geobox: GeoBox, tags: dict[str, str], path: Path) -> None:
    with (
        replacing(path) as unfinished,
        rasterio.open(
            unfinished,
            "w",
            driver="GTiff",
            height=geobox.shape.y,
            width=geobox.shape.x,
            count=1,
            dtype="float32",
            crs=str(geobox.crs),
            transform=geobox.transform,
            nodata=np.nan,
            compress="deflate",
            predictor=3,
            tiled=True,
        ) as raster,
    ):
        raster.write(layer.to_numpy(), 1)
        raster.update_tags(**tags)
        raster.units = (tags["units"],)
        raster.set_band_description(1, tags["long_name"])
        # Without its json a layer counts as not made: a run that breaks here leaves no wrong pair.
        path.with_suffix(".json").unlink(missing_ok=True)


def _make_boreholes(study: Study, item: OpenItem, paths: list[Path]) -> dict[str, Any]:
    """Copy the files of an archive into the study, if they can be read as boreholes."""
    targets = [item.target] + [
        item.target.with_stem(f"{item.target.stem}_{number}") for number in range(2, len(paths) + 1)
    ]
    data = read_boreholes(paths, columns=study.boreholes.columns)
    item.provenance.unlink(missing_ok=True)
    for path, target in zip(paths, targets, strict=True):
        with replacing(target) as unfinished:
            unfinished.write_bytes(path.read_bytes())
    # A collection may have become shorter, and what lies there is read as boreholes.
    for old in set(item.parts).difference(targets):
        old.unlink()
    temperature = data.records["temperature_c"]
    area = study.area
    inside = data.sites["longitude"].between(area.west, area.east) & data.sites["latitude"].between(
        area.south, area.north
    )
    return {
        "low": float(temperature.min()),
        "high": float(temperature.max()),
        "units": "degC",
        "known_share": None,
        "source": f"{item.origin.title}: {len(data.sites)} sites, {inside.sum()} in the area",
    }
