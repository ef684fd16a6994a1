"""What is to be predicted, and the prediction of one block of cells."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numba
import numpy as np
import pandas as pd
import sklearn
from numpy.typing import NDArray

import helpers
from helpers.applicability import ApplicabilityDomain
from helpers.error_model import ErrorModel
from helpers.forest import QUANTILES, Forest
from helpers.shapley import MANY_PLACES, site_shapley
from helpers.storage import ContractError

# Part of every fingerprint; raise it when the same forest and cells give other numbers than before.
FORMAT = 1
# A block is cut no further when memory is short.
FEWEST_CELLS = 256


class LayerSpec(NamedTuple):
    """How a layer is named.

    Attributes
    ----------
    dimension
        Name of the dimension of its bands; None for a layer (y, x).
    units, long_name
        As in the CF conventions.

    """

    dimension: str | None
    units: str
    long_name: str


LAYERS = {
    "t15": LayerSpec(None, "degC", "mean annual ground temperature at {depth_m:g} m depth"),
    "t15_standard_deviation": LayerSpec(
        None, "degC", "standard deviation of t15 in the forest's distribution"
    ),
    "t15_quantile": LayerSpec("quantile", "degC", "quantile of t15 in the forest's distribution"),
    "permafrost_probability": LayerSpec(
        None, "1", "probability of t15 at or below {at_or_below:g} degC"
    ),
    "dissimilarity_index": LayerSpec(
        None, "1", "dissimilarity of the predictors from those at the sites"
    ),
    "inside_area_of_applicability": LayerSpec(
        None, "1", "1 inside the area of applicability, 0 outside"
    ),
    "local_point_density": LayerSpec(
        None, "1", "number of sites nearer than the threshold of applicability"
    ),
    "expected_error": LayerSpec(None, "degC", "root mean square error to be expected of t15"),
    "expected_shift": LayerSpec(None, "degC", "truth minus t15 to be expected"),
    "t15_calibrated_quantile": LayerSpec("quantile", "degC", "calibrated quantile of t15"),
    "permafrost_probability_calibrated": LayerSpec(
        None, "1", "calibrated probability of t15 at or below {at_or_below:g} degC"
    ),
    "shapley_value": LayerSpec("predictor", "degC", "contribution of the predictor to t15"),
    "dominant_driver": LayerSpec(None, "1", "predictor with the largest absolute contribution"),
}
_OF_DOMAIN = ("dissimilarity_index", "inside_area_of_applicability", "local_point_density")
_OF_ERROR_MODEL = (
    "expected_error",
    "expected_shift",
    "t15_calibrated_quantile",
    "permafrost_probability_calibrated",
)
_OF_SHAPLEY = ("shapley_value", "dominant_driver")


def releases() -> dict[str, str]:
    """Releases here of all that the numbers of a block depend on besides the task."""
    return {"format of blocks": str(FORMAT)} | {
        library.__name__: library.__version__ for library in (helpers, np, sklearn, numba)
    }


@dataclass(frozen=True, eq=False)
class Task:
    """What to predict in every cell; it can be sent to other processes.

    Attributes
    ----------
    forest
        The fitted forest.
    quantiles, at_or_below
        As for :meth:`helpers.forest.Forest.distribution`.
    domain
        Adds dissimilarity, area of applicability and local point density.
    error_model
        Of this forest; needs the domain, whose dissimilarity it goes by. Adds expected error and
        shift, calibrated quantiles and probability.
    shapley
        Adds the contribution of each predictor, and which is the largest.
    depth_m
        Depth of the temperatures the forest was fitted to, for the names of the layers.

    Raises
    ------
    ContractError
        If there is an error model without a domain, or of a forest with other predictors.

    """

    forest: Forest
    quantiles: tuple[float, ...] = QUANTILES
    at_or_below: float = 0.0
    domain: ApplicabilityDomain | None = None
    shapley: bool = False
    depth_m: float = 15.0
    error_model: ErrorModel | None = None

    def __post_init__(self) -> None:
        if self.error_model is None:
            return
        if self.domain is None:
            raise ContractError(
                "An error model without a domain of applicability was given; the expected error "
                "of a cell goes by its dissimilarity from the sites. Give domain= as well."
            )
        found, needed = tuple(self.error_model.names), tuple(self.forest.names)
        if found != needed:
            raise ContractError(
                f"The error model is of the predictors {', '.join(found)}; the forest was fitted "
                f"to {', '.join(needed)}. Fit the error model again, to the sites of this forest: "
                "run notebook 05_validation."
            )

    @property
    def layer_specs(self) -> dict[str, LayerSpec]:
        """The layers of this task in order, with their names filled in."""
        left_out = () if self.domain else _OF_DOMAIN
        left_out += () if self.error_model else _OF_ERROR_MODEL
        left_out += () if self.shapley else _OF_SHAPLEY
        words = {"depth_m": self.depth_m, "at_or_below": self.at_or_below}
        return {
            name: spec._replace(long_name=spec.long_name.format(**words))
            for name, spec in LAYERS.items()
            if name not in left_out
        }

    def bands(self, layer: str) -> tuple[float, ...] | tuple[str, ...] | None:
        """Levels of the quantiles or names of the predictors; None for a layer of one band."""
        choices = {None: None, "quantile": self.quantiles, "predictor": self.forest.names}
        return choices[LAYERS[layer].dimension]

    def sizes_of_bands(self, layer: str) -> tuple[int, ...]:
        """Shape of a layer before rows and columns: (), or the number of its bands."""
        bands = self.bands(layer)
        return () if bands is None else (len(bands),)

    @property
    def base_value(self) -> float:
        """What the contributions of the predictors are added to, deg C."""
        return self.forest.shapley_tables.base_value

    def bare(self) -> Task:
        """The same task without what can be computed from it, to be sent elsewhere."""
        return replace(self, forest=replace(self.forest))

    def prepared(self, n_cells: int) -> Task:
        """Itself, with what is the same for all blocks computed now, not by each block's thread.

        Parameters
        ----------
        n_cells
            Cells of the map.

        Raises
        ------
        ContractError
            If Shapley values are asked for and their tables would be too large: site by site, as
            :func:`helpers.shapley.site_shapley` then works, a map would take days.

        """
        _ = self.forest.shapley_tables if self.shapley else self.forest.trees
        if self.shapley and n_cells >= MANY_PLACES:
            _ = self.forest.shapley_grid
        return self

    def fingerprint(self) -> str:
        """SHA-256 of all that the numbers and names of the layers depend on, but the cells.

        The same in every process and run, so that a run can tell whether the blocks it finds
        done are of this task.
        """
        domain = self.domain
        settings = [FORMAT, list(self.forest.names), [float(q) for q in self.quantiles]]
        settings += [float(self.at_or_below), bool(self.shapley), float(self.depth_m)]
        settings += [None if domain is None else [domain.names, domain.threshold]]
        settings += [] if self.error_model is None else [list(self.error_model.names)]
        digest = hashlib.sha256(json.dumps(settings).encode())
        for values in self._arrays():
            array = np.ascontiguousarray(values)
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array)
        return digest.hexdigest()

    def _arrays(self) -> Iterator[NDArray]:
        """All numbers of forest, domain and error model, in an order that stays."""
        forest, domain = self.forest, self.domain
        yield from forest.trees
        yield from (forest.predictors, forest.temperature_c, forest.sample_weight)
        if domain is not None:
            yield from domain.parameters
        if self.error_model is not None:
            yield from self.error_model.parameters

    def predict(self, cells: NDArray) -> dict[str, NDArray]:
        """Layers of a block of cells.

        Parameters
        ----------
        cells
            Predictors in the order of the forest's names, float32 (predictors, rows, columns);
            what is not finite is missing.

        Returns
        -------
        float32 (rows, columns), or (bands, rows, columns); NaN where a predictor is missing. A
        cell's numbers do not depend on the cells around it, so blocks may be cut anywhere.

        """
        table = cells.reshape(len(cells), -1)
        complete = np.isfinite(table).all(axis=0)
        shape = cells.shape[1:]
        layers = {
            name: np.full((*self.sizes_of_bands(name), *shape), np.nan, np.float32)
            for name in self.layer_specs
        }
        places = np.flatnonzero(complete)
        for part, found in self._in_pieces(table[:, complete]):
            for name, values in found.items():
                layers[name].reshape(*values.shape[:-1], -1)[..., places[part]] = values
        return layers

    def _in_pieces(
        self, cells: NDArray, first: int = 0
    ) -> Iterator[tuple[slice, dict[str, NDArray]]]:
        """Layers of complete cells: of all at once, or of halves where memory is too short."""
        n_cells = cells.shape[1]
        if not n_cells:
            return
        try:
            found = self._of_cells(cells)
        except MemoryError as error:
            if n_cells <= FEWEST_CELLS:
                raise ContractError(
                    f"Memory is too short to predict even {n_cells} cells ({error}). End other "
                    "programs, predict with workers=1, or let the forest have fewer trees "
                    "(n_trees in study.toml). The blocks that are done are kept."
                ) from error
        else:
            yield slice(first, first + n_cells), found
            return
        # Not where the error is handled: it would hold on to what did not fit.
        yield from self._in_pieces(cells[:, : n_cells // 2], first)
        yield from self._in_pieces(cells[:, n_cells // 2 :], first + n_cells // 2)

    def _of_cells(self, cells: NDArray) -> dict[str, NDArray]:
        """Layers of complete cells (predictors, cells): (cells,) or (bands, cells)."""
        table = pd.DataFrame(cells.T, columns=list(self.forest.names))
        found = self.forest.distribution(table, self.quantiles, self.at_or_below)
        layers = {
            "t15": found.mean,
            "t15_standard_deviation": found.standard_deviation,
            "t15_quantile": found.quantiles.T,
            "permafrost_probability": found.probability,
        }
        if self.domain is not None:
            dissimilarity = self.domain.dissimilarity(table)
            layers["dissimilarity_index"] = dissimilarity
            layers["inside_area_of_applicability"] = dissimilarity <= self.domain.threshold
            layers["local_point_density"] = self.domain.local_point_density(table)
            if self.error_model is not None:
                layers |= self._of_error(table, found.mean, dissimilarity)
        if self.shapley:
            contributions = site_shapley(self.forest, table).values
            layers["shapley_value"] = contributions.T
            layers["dominant_driver"] = np.abs(contributions).argmax(axis=1) + 1
        return layers

    def _of_error(
        self, table: pd.DataFrame, prediction: NDArray, dissimilarity: NDArray
    ) -> dict[str, NDArray]:
        """Layers that follow from the error model, of complete cells."""
        model = self.error_model
        shift, spread = model.expected_shift(table), model.standard_deviation(dissimilarity)
        truth = (prediction, shift, spread)
        return {
            "expected_error": model.expected_error(shift, spread),
            "expected_shift": shift,
            "t15_calibrated_quantile": model.quantiles(*truth, self.quantiles).T,
            "permafrost_probability_calibrated": model.probability(*truth, self.at_or_below),
        }
