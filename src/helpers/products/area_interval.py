"""An interval for areas that respects that near cells err alike."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import xarray as xr

from helpers.error_model import ErrorModel
from helpers.products.area_rows import (
    UNITS,
    cell_area,
    check_layers,
    shifted_mean,
    temperature_rows,
)
from helpers.residuals import simulate_fields
from helpers.storage import ContractError
from helpers.study import Study

LEVEL = 0.9
_LAYERS = ("t15", "expected_error", "expected_shift")


def simulated_areas(
    study: Study,
    result: xr.Dataset,
    error_model: ErrorModel,
    n_simulations: int | None = None,
    level: float = LEVEL,
    max_cells: int = 2500,
    seed: int | None = None,
) -> pd.DataFrame:
    """Area of each thermal class and of permafrost, with an interval from simulated errors.

    Errors that differed from cell to cell at random would cancel out over an area, and errors that
    were the same everywhere would not at all. Held-out residuals lie between: they are alike up to
    a distance, which their variogram knows. So fields z are drawn that have this variogram, each
    makes a map ``t15 + expected_shift + standard deviation * z``, and the areas of these maps tell
    the interval (Wadoux and Heuvelink 2023, doi:10.1111/2041-210X.14106). The standard deviation is
    what of the expected error is not shift. The nugget of the variogram, by which a site differs
    from the ground next to it, is left out.

    Parameters
    ----------
    study
        Classes and cell size, and what is not given here.
    result
        Dataset of :func:`helpers.mapping.predict_map` with an error model; it may lie on disk.
    error_model
        That error model, for its variogram.
    n_simulations, seed
        Number of maps, and seed of their errors; of the study by default.
    level
        Share of the maps whose area lies between ``lower`` and ``upper``, as many above as below.
    max_cells
        Fields are drawn at a regular sample of at most so many mapped cells; an area is their
        share of the mapped area. (On the 1 km map of the embedded study 2308 of 1.4 million cells
        met the area of every class to 0.3 % of the mapped area.)

    Returns
    -------
    A row for each class of the study, cold to warm, and one for the ground at or below 0 deg C;
    columns in 10^4 km2 (their name says so, and the level): ``of_shifted_mean``, the area of the
    map moved by the expected shift, without errors; ``simulated_median``, ``simulated_mean``,
    ``lower`` and ``upper`` of the simulated maps.

    Raises
    ------
    ContractError
        If a layer or coordinate is missing, no cell is mapped, or a setting is out of its range.

    """
    remedy = "Predict with an error model of notebook 05_validation."
    check_layers(result, (*_LAYERS, "x", "y"), remedy)
    _check_settings(level, max_cells)
    shifted = shifted_mean(result)
    belongs = temperature_rows(study)
    cells = {name: test(shifted).sum() for name, test in belongs.items()}
    found = xr.Dataset(cells | {"mapped": shifted.count()}).compute()
    mapped = int(found["mapped"])
    sample = _regular_sample(result, mapped, max_cells)
    maps = _simulated_maps(
        sample,
        error_model,
        study.validation.n_simulations if n_simulations is None else n_simulations,
        study.about.seed if seed is None else seed,
    )
    shares = np.array([test(maps).mean(axis=1) for test in belongs.values()])
    lower, upper = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2], axis=1)
    columns = {
        "of_shifted_mean": [int(found[name]) / mapped for name in belongs],
        "simulated_median": np.median(shares, axis=1),
        "simulated_mean": shares.mean(axis=1),
        "lower": lower,
        "upper": upper,
    }
    table = pd.DataFrame(columns, index=pd.Index(belongs, name="class"))
    areas = table * mapped * cell_area(study)
    return areas.rename_axis(columns=f"{UNITS}; lower to upper holds {level:.10g} of the maps")


def _check_settings(level: float, max_cells: int) -> None:
    if not 0 < level < 1:
        raise ContractError(f"level is {level:g}; above 0 and below 1 is needed, as 0.9.")
    if max_cells < 1:
        raise ContractError(f"max_cells is {max_cells}; at least 1 is needed.")


def _regular_sample(result: xr.Dataset, mapped: int, max_cells: int) -> pd.DataFrame:
    """Every so many-th mapped cell along rows and columns, ``max_cells`` or fewer: x, y, layers."""
    if not mapped:
        raise ContractError("No cell of the map has a temperature; there is no area to speak of.")
    step = max(math.ceil(math.sqrt(mapped / max_cells)), 1)
    while True:
        part = slice(step // 2, None, step)
        table = result[list(_LAYERS)].isel(x=part, y=part).compute().to_dataframe()
        table = table.reset_index().dropna(subset=list(_LAYERS))
        if len(table) <= max_cells:
            return table
        # The rim of the map has let some more in.
        step += 1


def _simulated_maps(
    sample: pd.DataFrame, error_model: ErrorModel, n_simulations: int, seed: int
) -> np.ndarray:
    """Temperatures of the sample under simulated errors, deg C (n_simulations, cells)."""
    t15, error, shift = (sample[name].to_numpy(dtype=float) for name in _LAYERS)
    # The layers are rounded to single precision: no square may be below 0 for that.
    standard_deviation = np.sqrt(np.maximum(error**2 - shift**2, 0))
    places = sample[["x", "y"]].to_numpy()
    fields = simulate_fields(places, error_model.variogram, n_simulations, seed)
    return t15 + shift + standard_deviation * fields
