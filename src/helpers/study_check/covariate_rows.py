"""Checks of climate stations, covariates, predictors and references."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import xarray as xr

from helpers.covariates import read_stations, sample_at
from helpers.covariates.build import elevation_name
from helpers.covariates.stations import station_layers
from helpers.opendata.record import check_current
from helpers.settings import OpenLayer, RasterCovariate, StationCovariate, TerrainCovariate
from helpers.study import Study
from helpers.study_check.look import Look, inside
from helpers.study_check.raster_sample import raster_sample
from helpers.study_check.rows import DOUBTFUL, FINE, MISSING, WRONG, Row, as_argument, findings
from helpers.units import is_same

_FEW_STATIONS, _SITES_PER_PREDICTOR = 10, 10
_MOSTLY_KNOWN, _ALIKE, _OFF_M, _ABOVE_M = 0.95, 0.7, 150.0, 300.0
_RELIEF_CELL_M = 9_000
_STEEP = ("slope", "northness", "eastness", "ruggedness", "topographic_wetness")
# Shares and indices; what exceeds this is most likely a code.
_LARGEST_INDEX = 2.0


def station_rows(look: Look) -> Iterator[Row]:
    """Climate stations: enough of them, in and around the area, at its heights."""
    climate = look.study.climate
    if not any(c.source == "stations" for c in look.study.covariates.values()):
        return
    if not look.exists(climate.stations):
        found = f"{climate.stations} is not there"
        yield Row(
            "climate stations", MISSING, found, "Columns: station,lon,lat,elevation_m,t01.. p12."
        )
        return
    stations, position = read_stations(look.study)
    within = inside(look.study.area, stations["lon"], stations["lat"]).sum()
    found = f"{len(stations)} stations ({climate.years}), {within} of them in the area"
    few = within < _FEW_STATIONS
    remedy = "Few: look at their leave-one-out errors in notebook 02." if few else ""
    yield Row("climate stations", DOUBTFUL if few else FINE, found, remedy)
    look.layers |= _named(look, station_layers(look.coarse, look.ground["elevation"], look.mapped))
    heights = look.ground["elevation"].to_numpy()[look.mapped.to_numpy()]
    above = float((heights > position[:, 2].max() + _ABOVE_M).mean())
    if above > 1 - _MOSTLY_KNOWN:
        found = f"{above:.0%} of the map lies more than {_ABOVE_M:g} m above the highest station"
        yield Row(
            "climate stations", DOUBTFUL, found, "Climate is extrapolated there; add stations."
        )


def _named(look: Look, by_quantity: dict[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    """Station layers under the names of their covariates."""
    settings = look.study.covariates.items()
    return {name: by_quantity[c.quantity] for name, c in settings if c.source == "stations"}


def covariate_rows(look: Look) -> Iterator[Row]:
    """A row or more for each covariate; one that fails does not hide the others."""
    for name, settings in look.study.covariates.items():
        check = partial(_layer_rows, look, f"covariate {name}", name, settings)
        yield from findings(f"covariate {name}", check, look.study)


def reference_rows(look: Look) -> Iterator[Row]:
    """A row or more for each map to compare with."""
    if not look.study.references:
        yield Row("references", FINE, "none named")
    for name, settings in look.study.references.items():
        check = partial(_layer_rows, look, f"reference {name}", name, settings)
        yield from findings(f"reference {name}", check, look.study)


def _layer_rows(look: Look, what: str, name: str, settings: object) -> Iterator[Row]:
    of_kind: dict[type, Callable] = {
        RasterCovariate: _raster_rows,
        OpenLayer: _open_rows,
        StationCovariate: _station_layer_rows,
        TerrainCovariate: _terrain_rows,
    }
    yield from of_kind.get(type(settings), _relief_rows)(look, what, name, settings)


def _relief_rows(look: Look, what: str, name: str, settings: object) -> Iterator[Row]:
    look.layers[name] = look.ground["elevation"]
    yield Row(what, FINE, "relief of the program, cells of about 9 km in steps of 28 m")


def _station_layer_rows(
    look: Look, what: str, name: str, settings: StationCovariate
) -> Iterator[Row]:
    there = name in look.layers
    state = FINE if there else DOUBTFUL
    found = f"{settings.quantity} from stations" + ("" if there else ": not looked at")
    yield Row(what, state, found, "" if there else "See climate stations.")


def _terrain_rows(look: Look, what: str, name: str, settings: TerrainCovariate) -> Iterator[Row]:
    cell = look.study.grid.resolution_m
    found = f"{settings.quantity}, computed from {settings.elevation}"
    if settings.radius_m is not None and settings.radius_m < cell:
        found += f"; radius {settings.radius_m:g} m is less than a cell of {cell:g} m"
        yield Row(what, DOUBTFUL, found, "Take a larger radius_m, or smaller cells.")
        return
    coarse = look.study.covariates[settings.elevation].source == "relief"
    if coarse and settings.quantity in _STEEP and cell < _RELIEF_CELL_M:
        found += ", the coarse relief of the program, which has hardly any slopes"
        yield Row(what, DOUBTFUL, found, "Better take elevation from a DEM: source raster or open.")
        return
    yield Row(what, FINE, found)


def _open_rows(look: Look, what: str, name: str, settings: OpenLayer) -> Iterator[Row]:
    path = look.study.open_dir / f"{name}.tif"
    if not path.is_file():
        found = f"{settings.quantity} of {settings.product} is not fetched yet"
        study = as_argument(look.study.folder)
        remedy = (
            f"make data STUDY={study}, with internet; how large it is says "
            f"python -m helpers.opendata {study} --plan"
        )
        yield Row(what, MISSING, found, remedy)
        return
    check_current(look.study, name)
    size = path.stat().st_size / 1e6
    yield Row(what, FINE, f"{settings.quantity} of {settings.product}, fetched ({size:.1f} MB)")


def _raster_rows(look: Look, what: str, name: str, settings: RasterCovariate) -> Iterator[Row]:
    """Rows of a raster of the user's: a sample of it goes through all that a run asks of it."""
    study = look.study
    named = [settings.path] if isinstance(settings.path, str) else settings.path
    absent = [path for path in named if not look.exists(path)]
    if absent:
        found = f"{', '.join(absent)} not found in {study.folder}"
        yield Row(what, MISSING, found, "Put the raster there, or correct the path.")
        return
    spread = study.climate.within_month_sd_c if study.climate else None
    period = study.period.start, study.period.end
    paths = [study.path(path) for path in named]
    layer, remark = raster_sample(paths, settings, look.mapped, period, spread)
    if not remark:
        look.layers[name] = layer
    yield _values_row(look, what, settings, layer, remark)
    if name == elevation_name(study) and is_same(settings.units, "m") and not remark:
        yield from _relief_row(look, what, layer)


def _values_row(
    look: Look, what: str, settings: RasterCovariate, layer: xr.DataArray, remark: str
) -> Row:
    """Range and units, the share of the map without a value, and codes taken for values."""
    inside = layer.to_numpy()[look.mapped.to_numpy()]
    known = inside[np.isfinite(inside)]
    if not len(known):  # of several steps a sample is not checked as a whole raster is
        return Row(what, WRONG, f"no value; {remark}", "Check nodata, the band and the area.")
    found = f"{known.min():.4g} to {known.max():.4g} {settings.units}"
    found += f"; {remark}" if remark else f"; {len(known) / len(inside):.0%} of the map known"
    remedies = []
    if not remark and len(known) / len(inside) < _MOSTLY_KNOWN:
        remedies.append(
            "Where a predictor is unknown nothing is mapped: fill its gaps, if you can."
        )
    if is_same(settings.units, "1") and np.abs(known).max() > _LARGEST_INDEX:
        remedies.append("Large for a share or index: a stored code? Then set scale and offset.")
    return Row(what, DOUBTFUL if remedies else FINE, found, " ".join(remedies))


def _relief_row(look: Look, what: str, layer: xr.DataArray) -> Iterator[Row]:
    """A row if a raster of elevation is unlike the relief that comes with the program."""
    both = np.isfinite(layer.to_numpy()) & look.mapped.to_numpy()
    own, relief = layer.to_numpy()[both], look.ground["elevation"].to_numpy()[both]
    alike = float(np.corrcoef(own, relief)[0, 1])
    off = float(np.median(np.abs(own - relief)))
    if alike < _ALIKE or off > _OFF_M:
        found = f"unlike the coarse relief: correlation {alike:.2f}, median difference {off:.0f} m"
        yield Row(what, DOUBTFUL, found, "Feet? Another place? Its rows upside down?")


def predictor_rows(look: Look) -> Iterator[Row]:
    """Number of predictors against sites, and sites at which one of them is unknown."""
    study, used = look.study, look.survey.used
    names = study.forest.predictors
    idle = [name for name in study.covariates if name not in names]
    found = f"{', '.join(names)}" + (f"; not used as such: {', '.join(idle)}" if idle else "")
    many = len(names) * _SITES_PER_PREDICTOR > len(used)
    found += f"; {len(used)} sites"
    remedies = ["Fewer predictors: notebook 02 chooses among them."] if many else []
    if {study.covariates[name].source for name in names} <= {"relief", "terrain"}:
        remedies.append("None is of the climate or the surface: add one under [covariates].")
    yield Row("predictors", DOUBTFUL if remedies else FINE, found, " ".join(remedies))
    layers = {name: look.layers[name].drop_attrs() for name in names if name in look.layers}
    if layers and len(used):
        yield from _lacking_row(study, xr.Dataset(layers), used)


def _lacking_row(study: Study, layers: xr.Dataset, used: object) -> Iterator[Row]:
    """Sites that lie, on the few cells looked at, where a predictor has no value."""
    lacking = sample_at(layers, used["x"], used["y"]).isna()
    lost = int(lacking.any(axis=1).sum())
    left = len(used) - lost
    counts = ", ".join(f"{name}: {n}" for name, n in lacking.sum().items() if n)
    found = f"about {left} of {len(used)} sites have all predictors"
    found += f" (not: {counts})" if lost else ""
    state = WRONG if left < study.boreholes.fewest_sites else DOUBTFUL
    if lost <= (1 - _MOSTLY_KNOWN) * len(used):
        yield Row("sites and predictors", FINE, found)
        return
    yield Row("sites and predictors", state, found, "See coordinates, outline, coast and gaps.")
