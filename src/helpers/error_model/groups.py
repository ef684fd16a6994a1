"""Sites held out in groups, from small ones to half of all, so that every distance is met.

The folds of one design meet only a few dissimilarities; the map meets more (Meyer and Pebesma 2021
vary the folds for the same reason). Groups are Ward clusters of the sites, of their places and of
their predictors, the kNNDM folds, and random folds for places that have a neighbour.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.hierarchy import cut_tree, ward
from scipy.spatial.distance import cdist
from sklearn.linear_model import BayesianRidge

from helpers.applicability import ApplicabilityDomain
from helpers.error_model.model import beyond
from helpers.folds import random_folds
from helpers.held_out import forests_without_fold
from helpers.storage import ContractError

PREDICTORS, PLACES, KNNDM, RANDOM = "predictors", "places", "knndm", "random"
NUMBERS_OF_GROUPS = {PREDICTORS: (2, 3, 4, 6, 8, 10, 15, 25), PLACES: (2, 3, 4, 6, 8, 10)}
# Beyond these quantiles of the sites a forest has too few of them to follow a trend.
BOX = (0.1, 0.9)
N_RANDOM = 10
# Held out of fewer than this share of the sites, a forest says nothing of the one of all sites.
LEAST_SHARE, FEWEST = 0.25, 6


def held_out_pairs(
    predictors: pd.DataFrame,
    temperature_c: ArrayLike,
    xy: ArrayLike,
    domain: ApplicabilityDomain,
    knndm_folds: ArrayLike,
    *,
    progress: bool = True,
    **settings,
) -> pd.DataFrame:
    """Predictions of held-out sites, each by a forest that has not seen its group.

    Parameters
    ----------
    predictors, temperature_c
        The n sites, as for :func:`helpers.forest.fit_forest`.
    xy
        Their easting and northing, m (n, 2).
    domain
        Area of applicability of the forest of all sites; dissimilarities are in its units.
    knndm_folds
        Label of the kNNDM fold of each site (n,).
    progress
        Whether to show bars.
    **settings
        Of :func:`helpers.held_out.forests_without_fold`.

    Returns
    -------
    A row for each grouping and site: kind (predictors, places, knndm, random), grouping, site (row
    number), fold (kNNDM fold of the site, as a number), dissimilarity of the site from those that
    stay, observed, predicted, and beyond: what the straight line through the sites that stay
    changes from the edge of their box to the site (deg C). Groups that would leave too few sites
    are left out.

    """
    observed, points = np.asarray(temperature_c, dtype=float), domain.parameters[2]
    apart = cdist(points, points)
    seed = settings.get("seed", 0)
    groups = _groups(points, np.asarray(xy, dtype=float), np.asarray(knndm_folds), seed)
    splits = [(np.flatnonzero(~group.test), np.flatnonzero(group.test)) for group in groups]
    forests = forests_without_fold(predictors, observed, splits, progress=progress, **settings)
    fold = np.unique(knndm_folds, return_inverse=True)[1]
    parts = []
    for group, (_, test, forest) in zip(groups, forests, strict=True):
        line = trend_and_box(predictors[~test], observed[~test])
        columns = {
            "kind": group.kind,
            "grouping": group.name,
            "site": np.flatnonzero(test),
            "fold": fold[test],
            "dissimilarity": apart[np.ix_(test, ~test)].min(axis=1),
            "observed": observed[test],
            "predicted": forest.predict(predictors[test]),
            "beyond": beyond(predictors[test], *line),
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


class _Group(NamedTuple):
    """Sites held out together."""

    kind: str
    name: str
    test: NDArray


def _groups(points: NDArray, xy: NDArray, knndm_folds: NDArray, seed: int) -> list[_Group]:
    """All groups that leave enough sites, those of each grouping one after the other."""
    random = random_folds(len(xy), min(N_RANDOM, len(xy)), seed)
    groupings = [(KNNDM, KNNDM, knndm_folds), (RANDOM, RANDOM, random)]
    for kind, places in ((PREDICTORS, points), (PLACES, xy)):
        numbers = [k for k in NUMBERS_OF_GROUPS[kind] if k <= len(xy) // 2]
        labels = cut_tree(ward(places), n_clusters=numbers).T
        groupings += [(kind, f"{k} of {kind}", row) for k, row in zip(numbers, labels, strict=True)]
    groups = [
        _Group(kind, name, labels == label)
        for kind, name, labels in groupings
        for label in np.unique(labels)
    ]
    least = max(LEAST_SHARE * len(xy), FEWEST)
    # Without a kNNDM fold its sites could not be calibrated.
    kept = [g for g in groups if g.kind == KNNDM or (~g.test).sum() >= least]
    if len(xy) - max(map(np.sum, _tests(kept, KNNDM))) < FEWEST or not _tests(kept, PLACES):
        raise ContractError(
            f"{len(xy)} sites are too few for an error model: no group of them can be held out "
            f"that leaves {least:g} sites. Add boreholes."
        )
    return kept


def _tests(groups: list[_Group], kind: str) -> list[NDArray]:
    return [group.test for group in groups if group.kind == kind]


def trend_and_box(
    predictors: pd.DataFrame, temperature_c: ArrayLike
) -> tuple[NDArray, NDArray, NDArray]:
    """Box of sites (lower, upper) and slope of the straight line through them, each (p,).

    The line is a ridge regression whose penalty follows from the sites (MacKay 1992,
    doi:10.1162/neco.1992.4.3.415), as predictors go together. A predictor that is the same at all
    sites has no slope.
    """
    values = predictors.to_numpy(dtype=float)
    spread = values.std(axis=0)
    scale = np.where(spread > 0, spread, np.inf)
    scaled = (values - values.mean(axis=0)) / scale
    slope = BayesianRidge().fit(scaled, temperature_c).coef_ / scale
    lower, upper = np.quantile(values, BOX, axis=0)
    return lower, upper, slope
