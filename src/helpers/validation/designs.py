"""The cross-validation designs of a study, and how far each lies from the map."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from sklearn.model_selection import LeaveOneOut, PredefinedSplit

from helpers.covariates import sample_at
from helpers.folds import (
    Design,
    KnndmFolds,
    NearestNeighbourMatching,
    SpatialBlocks,
    design_distances,
    design_of,
    design_w,
    fold_warnings,
    knndm,
    random_folds,
    sampling_intensity_weights,
    standardised,
)
from helpers.storage import ContractError
from helpers.study import Study

# In the order they are shown, with the words for tables and figures.
DESIGNS = {
    "random": "random folds",
    "leave_one_out": "leave one out",
    "blocks": "spatial blocks",
    "intensity": "random folds, weighted",
    "knndm_features": "kNNDM, predictors",
    "nndm": "NNDM leave one out",
    "knndm": "kNNDM folds",
}
HEADLINE = "knndm"


def prediction_points(study: Study, covariates: xr.Dataset) -> NDArray:
    """Regular sample (n, 2) of the cells that get a prediction: easting and northing, m.

    Of as many as :func:`regular_sample` says; kNNDM compares their distances to the sites.
    """
    layers = [covariates[name] for name in study.forest.predictors]
    known = np.logical_and.reduce([np.isfinite(layer.to_numpy()) for layer in layers])
    return regular_sample(layers[0].copy(data=known), study)


def regular_sample(mapped: xr.DataArray, study: Study) -> NDArray:
    """Easting and northing (n, 2), m, of every so many-th row and column of mapped cells (y, x).

    Steps are whole cells, rounded down: about ``validation.n_prediction_points`` on large maps, up
    to four times as many on those of fewer cells, and all cells where there are no more. A map so
    narrow that the steps miss most of it gives every so many-th cell along its rows.
    """
    known, wanted = mapped.to_numpy(), study.validation.n_prediction_points
    step = max(int(np.sqrt(known.sum() / wanted)), 1)
    rows, columns = np.nonzero(known[step // 2 :: step, step // 2 :: step])
    rows, columns = rows * step + step // 2, columns * step + step // 2
    if 2 * len(rows) < min(wanted, known.sum()):
        rows, columns = np.nonzero(known)
        every = max(len(rows) // wanted, 1)
        rows, columns = rows[::every], columns[::every]
    return np.column_stack([mapped.x.values[columns], mapped.y.values[rows]])


def knndm_folds(
    study: Study, training: pd.DataFrame, points: NDArray, n_folds: int | None = None
) -> KnndmFolds:
    """Folds as far from each other as the map is from the sites; settings from the study.

    ``n_folds``: as many as that; None: as the study matches to the map.
    """
    settings = study.validation
    return knndm(
        training[["x", "y"]].to_numpy(),
        points,
        n_folds=n_folds or settings.matched_folds,
        max_share=settings.max_share,
        clustering=settings.clustering,
        seed=study.about.seed,
    )


def repeated_random_folds(study: Study, training: pd.DataFrame) -> list[NDArray]:
    """Random folds, once for each repeat; in a first look at most twice."""
    settings, seed = study.validation, study.about.seed
    repeats = min(settings.n_repeats, 2) if study.is_first_look else settings.n_repeats
    return [random_folds(len(training), settings.n_folds, seed + i) for i in range(repeats)]


def study_designs(
    study: Study, training: pd.DataFrame, covariates: xr.Dataset, folds: pd.DataFrame
) -> tuple[dict[str, Design], dict[str, str]]:
    """Every way of holding out the sites that is compared.

    Parameters
    ----------
    study
        Number of folds, side of the blocks, seed.
    training
        Sites: x, y (m) and the predictors.
    covariates
        The layers of the map, which the designs are to be like.
    folds
        Of :func:`read_folds`: columns random_0 and knndm.

    Returns
    -------
    Designs by name, in the order of ``DESIGNS``; and the reason of each that these sites do not
    allow, such as blocks where all of them lie in one.

    """
    xy = training[["x", "y"]].to_numpy()
    points = prediction_points(study, covariates)
    settings, seed = study.validation, study.about.seed
    random = PredefinedSplit(folds["random_0"])
    splitters: dict[str, Callable[[], object]] = {
        "random": lambda: random,
        "leave_one_out": LeaveOneOut,
        "blocks": lambda: SpatialBlocks(xy, settings.block_m, settings.n_folds, seed),
        "intensity": lambda: random,
        "knndm_features": lambda: _matched_in_predictors(study, training, covariates, points),
        "nndm": lambda: NearestNeighbourMatching(xy, points),
        "knndm": lambda: PredefinedSplit(folds["knndm"]),
    }
    weights = {"intensity": lambda: sampling_intensity_weights(xy, points)}
    designs, left_out = {}, {}
    for name in DESIGNS:
        try:
            weight = weights[name]() if name in weights else None
            designs[name] = design_of(name, splitters[name](), len(xy), weight)
        except ContractError as error:
            left_out[name] = f"{DESIGNS[name]} left out: {error}"
    return designs, left_out


def _matched_in_predictors(
    study: Study, training: pd.DataFrame, covariates: xr.Dataset, points: NDArray
) -> PredefinedSplit:
    """KNNDM in the space of the predictors; sites of the same predictors stay together."""
    settings, predictors = study.validation, study.forest.predictors
    found = knndm(
        *standardised(training[predictors], sample_at(covariates, *points.T)[predictors]),
        n_folds=settings.matched_folds,
        max_share=settings.max_share,
        clustering=settings.clustering,
        seed=study.about.seed,
        same_point="together",
    )
    return PredefinedSplit(found.folds)


def design_table(
    study: Study, designs: Mapping[str, Design], training: pd.DataFrame, to_map: NDArray
) -> pd.DataFrame:
    """Number of folds, W and median distance (km) and warnings of each design, by name."""
    xy, predictors = training[["x", "y"]].to_numpy(), training[study.forest.predictors]
    corner = np.floor(xy / study.grid.resolution_m).astype(int)
    cells = np.unique(corner, axis=0, return_inverse=True)[1].ravel()
    rows = {
        name: {
            "n_folds": len(design.splits),
            "w_km": design.w(xy, to_map) / 1000,
            "median_km": float(np.median(design.distances(xy))) / 1000,
            "warnings": fold_warnings(design, xy, cells, predictors, list(training["site"])),
        }
        for name, design in designs.items()
    }
    return pd.DataFrame(rows).T.rename_axis("design")


def distance_to_map(training: pd.DataFrame, folds: NDArray, to_map: NDArray) -> dict[str, float]:
    """How far a design lies from the situation of the map.

    ``w_km`` is the area between the nearest-neighbour curves, ``median_km`` the median distance
    from a held-out site to the sites that stay.
    """
    xy = training[["x", "y"]].to_numpy()
    return {
        "w_km": design_w(xy, folds, to_map) / 1000,
        "median_km": float(np.median(design_distances(xy, folds))) / 1000,
    }


def distance_curves(
    training: pd.DataFrame, designs: Mapping[str, Design], to_map: NDArray
) -> tuple[dict[str, NDArray], dict[str, float]]:
    """Distances (m) whose curves show how far each design is from the map, and W of each (m).

    The first curve is that of the map.
    """
    xy = training[["x", "y"]].to_numpy()
    curves = {name: design.distances(xy) for name, design in designs.items()}
    w = {name: design.w(xy, to_map) for name, design in designs.items()}
    return {"map to sites": to_map, **curves}, w


def curve_table(curves: Mapping[str, NDArray], w: Mapping[str, float]) -> pd.DataFrame:
    """What :func:`distance_curves` gives as one table, for a file.

    Columns label, distance_m, and w_m, which is the same in all rows of a label; NaN for the map.
    """
    parts = [
        pd.DataFrame({"label": label, "distance_m": distances, "w_m": w.get(label, np.nan)})
        for label, distances in curves.items()
    ]
    return pd.concat(parts, ignore_index=True)


def curves_of(table: pd.DataFrame) -> tuple[dict[str, NDArray], dict[str, float]]:
    """Distances and W (m) by label, as :func:`curve_table` was given them."""
    groups = dict(list(table.groupby("label", sort=False)))
    w = table.drop_duplicates("label").set_index("label")["w_m"].dropna().to_dict()
    return {label: part["distance_m"].to_numpy() for label, part in groups.items()}, w
