"""The variogram of residuals, and random fields that have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cholesky
from scipy.optimize import least_squares
from scipy.spatial.distance import pdist, squareform
from threadpoolctl import threadpool_limits

from helpers.residuals.points import JITTER, checked, drawn
from helpers.storage import ContractError

# All pairs are held in memory.
MOST_POINTS = 5_000
_BINS, _FEWEST_BINS = 12, 3
# Of the variogram: nugget and partial sill relative to the mean semivariance, range relative to
# the largest distance. A nugget of exactly 0 would make the model 0 at a distance of 0.
_LEAST_NUGGET, _LEAST_SILL, _LARGEST = 1e-6, 1e-3, 3.0
LONGEST_RANGE = 1 / 3
_START_NUGGET, _START_SILL, _START_RANGES = 0.2, 0.8, (0.03, 0.1, 0.3)
_ABOVE_BOUND = 1.01  # a start lies inside the bounds, not on them


@dataclass(frozen=True)
class Variogram:
    """Exponential variogram: gamma(h) = nugget + sill * (1 - exp(-h / range_m)).

    ``nugget`` is the semivariance of places next to each other; ``sill``, without the nugget, the
    variance of what near places share; ``range_m`` the distance over which the correlation of that
    falls to 1/e (to 5 % at 3 times it). Numbers that are none of this are a ContractError.
    """

    nugget: float
    sill: float
    range_m: float

    def __post_init__(self) -> None:
        numbers = (self.nugget, self.sill, self.range_m)
        if not np.isfinite(numbers).all() or min(self.nugget, self.sill) < 0 or self.range_m <= 0:
            raise ContractError(
                f"variogram: nugget {self.nugget}, sill {self.sill}, range {self.range_m} m found; "
                "nugget and sill must be 0 or more and the range above 0. Fit it again."
            )

    def semivariance(self, h: ArrayLike) -> NDArray:
        """Half the mean squared difference of values h (m) apart; the nugget as h goes to 0."""
        return self.nugget + self.sill - self.covariance(h)

    def covariance(self, h: ArrayLike) -> NDArray:
        """Covariance of the part that near places share, h (m) apart; without the nugget."""
        return self.sill * np.exp(-np.asarray(h, dtype=float) / self.range_m)


def empirical_variogram(
    values: ArrayLike, xy: ArrayLike, edges_m: ArrayLike | None = None
) -> pd.DataFrame:
    """Half the mean squared difference of pairs of sites, by their distance (Matheron 1963).

    Of more than 5,000 sites the pairs of 5,000 drawn ones are taken, always the same.

    Parameters
    ----------
    values, xy
        n values, and easting and northing of their sites, m (n, 2).
    edges_m
        Rising edges of the bins, m; a pair belongs to the bin whose upper edge it does not exceed.
        By default 12 bins up to half the largest distance, since farther pairs are few and lie at
        the rim; they widen with the square of their number, because nugget and range show in the
        near field.

    Returns
    -------
    A row for each bin that holds a pair: distance_m (mean of the pairs), semivariance, n_pairs.

    Raises
    ------
    ContractError
        If there is not one finite value and place per site, fewer than 2 sites, the edges do not
        rise, or no pair lies within them.

    """
    values, xy = checked(values, xy)
    some = drawn(len(xy), MOST_POINTS)
    values, xy = values[some], xy[some]
    distance = pdist(xy)
    half_square = pdist(values[:, None], "sqeuclidean") / 2
    if edges_m is None:
        edges_m = distance.max() / 2 * np.linspace(0, 1, _BINS + 1) ** 2
    edges = np.asarray(edges_m, dtype=float)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ContractError(f"edges_m are {edges.tolist()}; two or more that rise are needed.")
    place = np.searchsorted(edges, distance, side="left")
    # Sites at one place belong to a first bin that begins at 0.
    place[distance == edges[0]] = 1
    pairs = pd.DataFrame({"distance_m": distance, "semivariance": half_square})
    within = pairs[(place > 0) & (place < len(edges))]
    if within.empty:
        raise ContractError(
            f"edges_m: no pair of sites is {edges[0]:g} to {edges[-1]:g} m apart; the distances "
            f"are {distance.min():g} to {distance.max():g} m. Choose other edges."
        )
    bins = within.groupby(place[within.index])
    return bins.mean().assign(n_pairs=bins.size()).reset_index(drop=True)


def fit_variogram(empirical: pd.DataFrame) -> Variogram:
    """Exponential variogram through an :func:`empirical_variogram`, by weighted least squares.

    It minimises the sum over bins of n_pairs * (semivariance / model - 1)**2 (Cressie 1985,
    doi:10.1007/BF01032109). Bounds, relative to the mean semivariance of the pairs and to the
    largest distance: nugget 0 (1e-6) to 3; partial sill 0.001 to 3; range from the smallest
    distance above 0 (from a sixth of the largest, if that leaves no room) to a third of the
    largest, where the model has risen by 95 %: a correlation that lasts longer than the bins reach
    cannot be told from a trend, and fields drawn with it would spread far more than the values do.
    Values without spatial structure give a small partial sill or a short range.

    Raises
    ------
    ContractError
        If fewer than 3 bins hold pairs, or all values are alike.

    """
    distance, semivariance, n_pairs = (
        empirical[name].to_numpy(dtype=float) for name in ("distance_m", "semivariance", "n_pairs")
    )
    if len(empirical) < _FEWEST_BINS:
        raise ContractError(
            f"variogram: {len(empirical)} bins hold pairs of sites, {_FEWEST_BINS} are needed for "
            "nugget, sill and range. Choose narrower bins, or more sites."
        )
    unit, reach = np.average(semivariance, weights=n_pairs), distance.max()
    if not unit > 0:
        raise ContractError(
            f"variogram: the mean semivariance is {unit:g}; values that differ from site to site "
            "are needed. Look whether all of them are the same number."
        )
    shortest = distance[distance > 0].min() / reach
    if _ABOVE_BOUND * shortest >= LONGEST_RANGE:
        # Few sites, and no bin in the near field: the range still needs room to be fitted.
        shortest = LONGEST_RANGE / 2
    bounds = (_LEAST_NUGGET, _LEAST_SILL, shortest), (_LARGEST, _LARGEST, LONGEST_RANGE)

    def misfit(parameters: NDArray) -> NDArray:
        """Relative misfit of each bin, weighted."""
        model = Variogram(*parameters).semivariance(distance / reach)
        return np.sqrt(n_pairs) * (semivariance / unit / model - 1)

    # From several ranges, as a far start can stay in a dip of its own.
    starts = [(_START_NUGGET, _START_SILL, max(r, _ABOVE_BOUND * shortest)) for r in _START_RANGES]
    found = [least_squares(misfit, start, bounds=bounds, x_scale=start) for start in starts]
    nugget, sill, length = min(found, key=lambda result: result.cost).x
    return Variogram(float(nugget * unit), float(sill * unit), float(length * reach))


# The last digit of a product of matrices depends on how many threads share it.
@threadpool_limits.wrap(limits=1, user_api="blas")
def simulate_fields(xy: ArrayLike, variogram: Variogram, n: int, seed: int) -> NDArray:
    """Gaussian random fields of mean 0 whose covariance is that of the variogram.

    The nugget, which neighbours do not share, is left out: over an area it averages away.

    Parameters
    ----------
    xy
        Easting and northing of the points, m (points, 2); at most 5,000, because the covariance
        of all pairs is decomposed (Cholesky).
    variogram, n, seed
        Of what is simulated; number of fields, (n, points); seed of the random numbers.

    Raises
    ------
    ContractError
        If a place is missing, or there are too many points.

    """
    _, xy = checked(np.zeros(len(xy)), xy, fewest=1, most=MOST_POINTS)
    correlation = np.exp(-squareform(pdist(xy)) / variogram.range_m)
    correlation[np.diag_indices_from(correlation)] += JITTER
    root = cholesky(correlation, lower=True, overwrite_a=True)
    noise = np.random.default_rng(seed).standard_normal((n, len(xy)))
    return np.sqrt(variogram.sill) * (noise @ root.T)
