"""Expected shift, spread and calibrated distribution of the truth round a prediction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.residuals import Variogram
from helpers.storage import ContractError, read_json, require, write_json

LEAST_VARIANCE_C2 = 0.01
_SEAL = "sha256"
_ARRAYS = ("lower", "upper", "slope", "variance", "residuals", "folds")


@dataclass(frozen=True, eq=False)
class ErrorModel:
    """How far, and to which side, the truth is expected to lie from the prediction of a forest.

    ``truth - prediction = share * beyond + standard deviation * residual``. A forest levels off
    towards its outermost sites and stays constant beyond; ``beyond`` is by how much a straight line
    goes on changing outside the box of most sites. The variance of the rest grows linearly with the
    dissimilarity index (an error profile as of Meyer and Pebesma 2021,
    doi:10.1111/2041-210X.13650). Where the ground does not follow the line, it is wrong.

    Attributes
    ----------
    names
        Predictors, in the order of the arrays (p,).
    lower, upper
        Box within which the forest is taken to follow the ground: quantiles of the sites, (p,).
    slope
        Of the straight line, deg C per unit of each predictor, (p,).
    share
        Of ``beyond`` that forests missed at sites held out, 0 to 1.
    variance
        At a dissimilarity of 0, deg C squared, and what each unit of it adds, (2,).
    residuals, folds
        Standardised residuals of held-out sites, rising, and the kNNDM fold of each site, (m,).
    n_sites
        Number of sites behind them.
    variogram
        Of the standardised residuals, for error fields.
    made_of
        Fingerprint of what it was made of, for whoever reads it back; may be empty.

    """

    names: tuple[str, ...]
    lower: NDArray
    upper: NDArray
    slope: NDArray
    share: float
    variance: NDArray
    residuals: NDArray
    folds: NDArray
    n_sites: int
    variogram: Variogram
    made_of: str = ""

    @property
    def parameters(self) -> Iterator[NDArray]:
        """All that its numbers follow from."""
        yield from (getattr(self, name).astype(float) for name in _ARRAYS)
        yield np.array([self.share, self.n_sites])

    def expected_shift(self, x: pd.DataFrame | NDArray) -> NDArray:
        """Truth minus prediction to be expected at places (n, p), deg C (n,); NaN if one lacks.

        A table is matched by name, an array by position.
        """
        values = x[list(self.names)] if isinstance(x, pd.DataFrame) else x
        return self.share * beyond(values, self.lower, self.upper, self.slope)

    def standard_deviation(self, dissimilarity: ArrayLike) -> NDArray:
        """Of the truth round the shifted prediction, deg C, at places of this dissimilarity."""
        return np.sqrt(variance_at(self.variance, dissimilarity))

    def expected_error(self, shift: ArrayLike, standard_deviation: ArrayLike) -> NDArray:
        """Root mean square error to be expected of the prediction itself, deg C."""
        return np.hypot(shift, standard_deviation)

    def quantiles(
        self,
        prediction: ArrayLike,
        shift: ArrayLike,
        standard_deviation: ArrayLike,
        levels: Sequence[float],
    ) -> NDArray:
        """Calibrated quantiles at n places, deg C (n, levels).

        The held-out residuals stand for those of the map, as in conformal prediction (Lei et al.
        2018, doi:10.1080/01621459.2017.1307116): a level moves outwards by what ``n_sites`` can
        tell, and no farther out than the outermost residual. Sites of a fold err together, so that
        one region can make the residuals look small: of the quantiles without each fold in turn
        the outermost is taken (as in jackknife-minmax, Barber et al. 2021, doi:10.1214/20-AOS1965).
        """
        z = np.array([self._outermost(level) for level in levels])
        centre = np.asarray(prediction) + np.asarray(shift)
        return centre[..., None] + np.asarray(standard_deviation)[..., None] * z

    def _outermost(self, level: float) -> float:
        """Standardised residual at a level: that of the left-out fold which is farthest out."""
        labels = np.unique(self.folds)
        kept = [self.folds != label for label in labels] if len(labels) > 1 else [slice(None)]
        parts = [self.residuals[part] for part in kept]
        if level == 0.5:
            return float(np.median([np.median(part) for part in parts]))
        outermost = min if level < 0.5 else max
        return float(outermost(_quantile(part, level, self.n_sites) for part in parts))

    def probability(
        self,
        prediction: ArrayLike,
        shift: ArrayLike,
        standard_deviation: ArrayLike,
        at_or_below: float = 0.0,
    ) -> NDArray:
        """Calibrated probability of a temperature at or below one, deg C, at n places (n,).

        From all residuals together, so that it adds up over an area: the quantiles, which are the
        outermost over folds, are more cautious.
        """
        z = (at_or_below - np.asarray(prediction) - shift) / standard_deviation
        below = np.searchsorted(self.residuals, z, side="right")
        # So few errors never make it certain (rule of succession of Laplace).
        share = (below + 1) / (len(self.residuals) + 2)
        return np.where(np.isnan(z), np.nan, share)

    def record(self) -> dict[str, object]:
        """Its numbers but the residuals, for a record that people read."""
        return {
            "predictors": list(self.names),
            "box": {
                name: [float(low), float(high)]
                for name, low, high in zip(self.names, self.lower, self.upper, strict=True)
            },
            "slope_c_per_unit": dict(zip(self.names, self.slope.tolist(), strict=True)),
            "share_of_beyond": float(self.share),
            "variance_c2": dict(
                zip(("at_sites", "per_dissimilarity"), self.variance.tolist(), strict=True)
            ),
            "n_sites": self.n_sites,
            "variogram": self.variogram.__dict__,
        }

    def save(self, path: str | Path) -> Path:
        """Write it as JSON."""
        arrays = {name: getattr(self, name).astype(float).tolist() for name in _ARRAYS}
        numbers = {"share": float(self.share), "n_sites": int(self.n_sites)}
        content = {"names": list(self.names), "made_of": self.made_of, **arrays, **numbers}
        content |= {"variogram": self.variogram.__dict__}
        return write_json(content | {_SEAL: _digest(content)}, path)


def load_error_model(path: str | Path, made_by: str = "") -> ErrorModel:
    """Read what :meth:`ErrorModel.save` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ContractError
        If the file is something else.

    """
    path = require(path, made_by)
    content = read_json(path, made_by)
    try:
        if content.pop(_SEAL, None) != _digest(content):
            raise ValueError(f"its numbers are not those that its {_SEAL} was made of")
        arrays = {name: np.array(content[name], dtype=float) for name in _ARRAYS}
        model = ErrorModel(
            names=tuple(content["names"].copy()),
            share=float(content["share"]),
            n_sites=int(content["n_sites"]),
            made_of=str(content["made_of"]),
            variogram=Variogram(**content["variogram"]),
            **arrays,
        )
        _check(model)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        remedy = f"Run {made_by} again" if made_by else "Fit it again"
        raise ContractError(
            f"{path}: not an error model written by this program ({error}). {remedy}."
        ) from error
    return model


def _digest(content: Mapping[str, object]) -> str:
    """SHA-256 of what json holds: a digit that is edited or lost would be a wrong error map."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check(model: ErrorModel) -> None:
    n = len(model.names)
    shapes = {name: getattr(model, name).shape for name in _ARRAYS}
    m = shapes["residuals"]
    wanted = dict.fromkeys(("lower", "upper", "slope"), (n,)) | {"variance": (2,), "folds": m}
    wrong = {name: shapes[name] for name, shape in wanted.items() if shapes[name] != shape}
    if wrong or not all(np.isfinite(values).all() for values in model.parameters) or not m[0]:
        raise ValueError(f"shapes {wrong or shapes}, or numbers missing")
    rises = (np.diff(model.residuals) >= 0).all() and (model.lower <= model.upper).all()
    if not rises or (model.variance < 0).any() or model.n_sites < 1 or not 0 <= model.share <= 1:
        raise ValueError("residuals or box do not rise, or a number is out of its range")


def _quantile(rising: NDArray, level: float, n_sites: int) -> float:
    """Quantile of values, the level moved outwards by what so many sites can tell.

    Of n values the lowest k lie with probability k / (n + 1) above a new one.
    """
    if level > 0.5:
        return -_quantile(-rising[::-1], 1 - level, n_sites)
    outward = np.floor(level * (n_sites + 1) + 1e-9) / n_sites
    # The inverse of the empirical distribution: rounding must not skip a value.
    return rising[max(int(np.ceil(outward * len(rising) - 1e-9)) - 1, 0)]


def beyond(x: ArrayLike, lower: ArrayLike, upper: ArrayLike, slope: ArrayLike) -> NDArray:
    """By how much a straight line changes from the edge of a box to places (n, p), deg C (n,)."""
    values = np.asarray(x, dtype=float)
    outside = values - np.clip(values, lower, upper)
    # One predictor after the other: the last bit of a matrix product depends on the rows around.
    terms = [column * rate for column, rate in zip(outside.T, slope, strict=True)]
    return sum(terms, np.zeros(len(values)))


def variance_at(variance: ArrayLike, dissimilarity: ArrayLike) -> NDArray:
    """Variance at places of this dissimilarity, deg C squared; at least that of 0.1 deg C."""
    at_sites, per_unit = variance
    grown = at_sites + per_unit * np.asarray(dissimilarity, dtype=float)
    return np.maximum(grown, LEAST_VARIANCE_C2)
