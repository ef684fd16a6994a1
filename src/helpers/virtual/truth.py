"""The virtual truth: a known field of ground temperature at 15 m.

It follows from the real covariates by the TTOP model (Smith and Riseborough 1996, Permafrost and
Periglacial Processes 7, 301-309) with factors for forest, valley bottoms and snow, plus a smooth
field that no covariate explains. The factors are tuned, so that the area and the temperatures
come close to what is published of Northeast China; ``published_comparison`` shows how close.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from helpers.climate import top_of_permafrost_temperature
from helpers.storage import ContractError, read_json, sha256
from helpers.study import Study

# From the permafrost table to 15 m: mostly the geothermal gradient, and what tuning asked for.
BELOW_TABLE_C = 0.4
UNEXPLAINED_SD_C = 0.42
# Not the usual range, where correlation has fallen to 0.05: at this distance exp(-3/2) = 0.22 is
# left, as the length of the Gaussian covariance is this / sqrt(3).
UNEXPLAINED_RANGE_KM = 30.0
_WAVES = 300
# The file beside the boreholes that says which truth they were drawn in, and its layers.
DRAWN_FROM = "boreholes/drawn_from.json"
TRUTH_LAYERS = ("elevation", "PRE", "TDD", "FDD", "TPI")


def truth_key(study: Study) -> str:
    """SHA-256 of all in a study that its truth follows from, cell size aside."""
    layers = {name: study.covariates[name] for name in TRUTH_LAYERS}
    described = {
        "seed": study.about.truth_seed,
        "layers": {name: c.model_dump(exclude_defaults=True) for name, c in layers.items()},
        "climate": study.climate.model_dump(exclude_defaults=True),
        "stations": sha256(study.path(study.climate.stations)),
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def truth_of(study: Study, covariates: xr.Dataset) -> xr.DataArray:
    """The truth that the boreholes of a virtual study were drawn in; see :func:`true_field`.

    Raises
    ------
    ContractError
        If study.toml or the stations have changed since: the truth would be another one.

    """
    path = study.path(DRAWN_FROM)
    if read_json(path)["truth_key"] != truth_key(study):
        raise ContractError(
            f"{path}: the boreholes were drawn in another truth than study.toml now describes "
            f"({', '.join(TRUTH_LAYERS)}, climate, truth_seed). Undo the change, try it in a copy "
            "of the folder with other names for the layers, or draw them again with make survey."
        )
    return true_field(covariates, study.about.truth_seed)


def true_field(covariates: xr.Dataset, seed: int) -> xr.DataArray:
    """True ground temperature at 15 m (y, x), deg C, NaN outside the mapped area.

    The same at any resolution, but for what coarser cells average away: the unexplained field
    is a function of position and seed.
    """
    precipitation, position = covariates["PRE"], covariates["TPI"]
    forest = ((precipitation - 300) / 130).clip(0, 1)
    valley = (-position / 80).clip(0, 1)
    snow = ((precipitation - 300) / 300).clip(0, 1)
    # The longer the winter, the longer low-density snow insulates.
    winter = ((covariates["FDD"] - 2800) / 1000).clip(0, 1)
    table = top_of_permafrost_temperature(
        covariates["TDD"],
        covariates["FDD"],
        0.92 - 0.30 * forest - 0.12 * valley,
        0.80 - 0.20 * snow - 0.08 * winter,
        0.92 - 0.14 * valley - 0.08 * forest,
    )
    easting, northing = np.meshgrid(covariates.x, covariates.y)
    unexplained = np.full(table.shape, np.nan)
    known = np.isfinite(table)
    unexplained[known] = unexplained_field(easting[known], northing[known], seed)
    return xr.DataArray(
        (table + BELOW_TABLE_C + unexplained).astype(np.float32),
        coords=precipitation.coords,
        dims=("y", "x"),
        attrs={"units": "degC", "long_name": "true ground temperature at 15 m (virtual)"},
    )


def unexplained_field(x: NDArray, y: NDArray, seed: int) -> NDArray:
    """Smooth Gaussian random field at points (m), deg C: a sum of random plane waves.

    Wave vectors drawn from the spectrum of a Gaussian covariance make that covariance
    (random Fourier features, Rahimi and Recht 2007). It needs no grid.
    """
    rng = np.random.default_rng(seed)
    length_m = UNEXPLAINED_RANGE_KM * 1000 / np.sqrt(3)
    wave = rng.normal(0, 1 / length_m, (_WAVES, 2))
    phase = rng.uniform(0, 2 * np.pi, _WAVES)
    total = np.zeros(np.shape(x))
    for (east, north), start in zip(wave, phase, strict=True):
        total += np.cos(east * x + north * y + start)
    return UNEXPLAINED_SD_C * np.sqrt(2 / _WAVES) * total
