"""What the notebooks left, read when a figure first asks for it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from helpers import covariates, products, selection, shapley, validation
from helpers.error_model import ErrorModel, load_error_model
from helpers.selection import SpearmanClusters
from helpers.storage import ContractError, read_dataset, read_json, read_table, require
from helpers.study import Study

_QC, _COVARIATES, _FOREST = "01_borehole_qc", "02_covariates", "03_random_forest"
_SHAP, _VALIDATION = "04_shap_importance", "05_validation"
MADE_BY = {
    "boreholes.csv": _QC,
    "borehole_profiles.csv": _QC,
    "borehole_flags.csv": _QC,
    "longest_string.csv": _QC,
    "step_effects.csv": _QC,
    "covariates.nc": _COVARIATES,
    "station_errors.csv": _COVARIATES,
    "training.csv": _COVARIATES,
    "radius_skill.csv": _COVARIATES,
    "selection.csv": _COVARIATES,
    "selection_sets.csv": _COVARIATES,
    "selection_stability.csv": _COVARIATES,
    "selection_nested.csv": _COVARIATES,
    "folds.csv": _FOREST,
    "error_by_trees.csv": _FOREST,
    "tuning.csv": _FOREST,
    "tuning_nested.csv": _FOREST,
    "shap.nc": _SHAP,
    "shap_interactions.nc": _SHAP,
    "shap_by_fold.csv": _SHAP,
    "baselines.csv": _VALIDATION,
    "distance_curves.csv": _VALIDATION,
    "error_model.json": _VALIDATION,
    "error_pairs.csv": _VALIDATION,
    "held_out.csv": _VALIDATION,
    "map_sample.nc": _VALIDATION,
    "validation.json": _VALIDATION,
}
"""Notebook that writes each file of the interim folder from which figures are drawn."""

_SAMPLED = (
    "t15",
    "t15_quantile",
    "t15_calibrated_quantile",
    "dissimilarity_index",
    "expected_error",
    "inside_area_of_applicability",
)


class Inputs:
    """Files of the last run of a study; each is read once.

    A file that is not there is a FileNotFoundError that names the notebook to run, a file with
    other columns or layers a ContractError: each time it is asked for, so that every figure that
    needs it says so.
    """

    def __init__(self, study: Study) -> None:
        self.study = study

    def table(
        self, name: str, numbers: tuple[str, ...] = (), texts: tuple[str, ...] = ()
    ) -> pd.DataFrame:
        """A csv of the interim folder."""
        return read_table(self.study.interim_dir / name, numbers, texts, _maker(name))

    def dataset(self, name: str, variables: tuple[str, ...] = ()) -> xr.Dataset:
        """A map (netCDF with a CRS) of the interim folder, all layers if none are named."""
        return read_dataset(self.study.interim_dir / name, variables, _maker(name))

    def values(self, name: str) -> xr.Dataset:
        """A netCDF of the interim folder that is no map."""
        return xr.load_dataset(require(self.study.interim_dir / name, _maker(name)))

    @cached_property
    def ground(self) -> xr.Dataset:
        """Coarse relief of the mapped area, which needs no file of a run."""
        return covariates.background(self.study)

    @cached_property
    def sites(self) -> pd.DataFrame:
        """Every site that came in, with its status."""
        numbers = ("x", "y", "t15_c", "standard_error_c", "deepest_m")
        return self.table("boreholes.csv", numbers, ("site", "status", "method"))

    @cached_property
    def layers(self) -> xr.Dataset:
        """Covariates in the order of study.toml."""
        return self.dataset("covariates.nc", tuple(self.study.covariates))

    @cached_property
    def predictors(self) -> xr.Dataset:
        """The covariates that the forest uses."""
        return self.layers[list(self.study.forest.predictors)]

    @property
    def units(self) -> dict[str, str]:
        """Unit of each covariate."""
        return {name: layer.attrs["units"] for name, layer in self.layers.data_vars.items()}

    @cached_property
    def training(self) -> pd.DataFrame:
        """Sites with all predictors."""
        return validation.read_training(self.study)

    @property
    def knndm(self) -> np.ndarray:
        """The kNNDM fold of each site of the training table."""
        return validation.read_folds(self.study)["knndm"].to_numpy()

    @cached_property
    def known(self) -> pd.DataFrame:
        """Sites with all covariates."""
        return selection.complete_sites(self.training, self.everything)

    @property
    def everything(self) -> list[str]:
        """All covariates, elevation first."""
        return sorted(self.study.covariates, key=lambda name: name != "elevation")

    @cached_property
    def clusters(self) -> SpearmanClusters:
        """Clusters of the covariates at the sites."""
        return selection.spearman_clusters(self.known, self.everything)

    @cached_property
    def explained(self) -> shapley.ShapleyValues:
        """Shapley values at the sites."""
        return shapley.from_dataset(self.values("shap.nc"))

    @cached_property
    def interactions(self) -> np.ndarray | None:
        """Interaction values at the sites; None if the predictors are too many for them."""
        if len(self.study.forest.predictors) > shapley.MOST_PLAYERS:
            return None
        return self.values("shap_interactions.nc")["interaction_value"].to_numpy()

    @cached_property
    def record(self) -> dict[str, Any]:
        """The record of the validation, NaN where json has null."""
        path = self.study.interim_dir / "validation.json"
        maker = _maker(path.name)
        record = read_json(path, maker)
        if lacking := sorted({"applicability", "designs", "drilling", "truth"} - record.keys()):
            raise ContractError(f"{path}: lacks {', '.join(lacking)}. Run {maker} again.")
        return _with_nan(record)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Predictions of sites held out in groups."""
        numbers = ("site", "fold", "dissimilarity", "observed", "predicted", "beyond", "residual")
        return self.table("error_pairs.csv", numbers, ("kind",))

    @cached_property
    def error_model(self) -> ErrorModel:
        """The error model of the map."""
        name = "error_model.json"
        return load_error_model(self.study.interim_dir / name, _maker(name))

    @cached_property
    def map_sample(self) -> xr.Dataset:
        """The map on every so many-th cell, with its truth if that is known."""
        return self.dataset("map_sample.nc", (*_SAMPLED, *(["truth"] if self.has_truth else [])))

    @property
    def has_truth(self) -> bool:
        """Whether the study is virtual and its truth known."""
        return self.study.about.truth_seed is not None

    def held_out(self, design: str) -> pd.DataFrame:
        """Predictions of sites held out under a design."""
        table = self.table("held_out.csv", ("observed", "predicted"), ("design", "site"))
        return table[table["design"] == design].reset_index(drop=True)

    @cached_property
    def result(self) -> xr.Dataset:
        """The map as its GeoTIFFs hold it."""
        return products.read_products(self.study)

    @cached_property
    def comparisons(self) -> dict[str, products.Comparison]:
        """The map beside each other map that is there and holds a temperature, by name."""
        held_out = self.held_out("knndm")
        found, _ = products.compare_references(self.study, self.result, self.training, held_out)
        return found


def _maker(name: str) -> str:
    return f"notebook {MADE_BY[name]}"


def _with_nan(value: Any) -> Any:
    """The same with NaN for null, as scores had before they became json."""
    if isinstance(value, dict):
        return {key: _with_nan(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_with_nan(v) for v in value]
    return np.nan if value is None else value
