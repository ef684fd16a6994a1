"""K-fold nearest neighbour distance matching (kNNDM)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.hierarchy import cut_tree, ward
from scipy.stats import ks_2samp, wasserstein_distance
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from helpers.folds.distances import distances_to_other_folds, nearest_neighbour_distances
from helpers.folds.points import SamePoint, checked_sites, place_numbers
from helpers.folds.simple import balanced_folds, random_folds
from helpers.storage import ContractError

SIGNIFICANCE = 0.05
CLUSTER_COUNTS_TRIED = 100


@dataclass(frozen=True, eq=False)
class KnndmFolds:
    """Folds of :func:`knndm`, with the distances that its curves are drawn from.

    Attributes
    ----------
    folds
        Fold of each site, 0 ... n_folds - 1.
    w
        Area between the curves of the design and of the map, m; 0 would be a perfect match.
    q
        Number of clusters the folds were put together from; ``None`` if the folds are random.
    clustered
        Whether the sites lie closer to each other than the map lies to the sites.
    site_to_site, prediction_to_site, site_to_other_folds
        Nearest-neighbour distances Gj, Gij and Gj*, m, in the order of the points.

    """

    folds: NDArray
    w: float
    q: int | None
    clustered: bool
    site_to_site: NDArray
    prediction_to_site: NDArray
    site_to_other_folds: NDArray


# A hundred small fits: threads would wait for each other, and sum in another order each time.
@threadpool_limits.wrap(limits=1)
def knndm(
    train_xy: ArrayLike,
    prediction_xy: ArrayLike,
    n_folds: int = 10,
    max_share: float = 0.5,
    clustering: str = "ward",
    seed: int = 0,
    same_point: SamePoint = "error",
) -> KnndmFolds:
    """K-fold nearest neighbour distance matching: folds as hard as the map itself.

    If the sites are not clustered with respect to the map (one-sided Kolmogorov-Smirnov test,
    Gj above Gij) the folds are random. Otherwise sites are clustered into ever more clusters, the
    clusters are merged into folds, and the folds with the smallest ``W`` are kept.

    Parameters
    ----------
    train_xy, prediction_xy
        Coordinates of the n sites (n, 2) and of a regular sample of the map (m, 2), m; or
        predictors of both, as :func:`helpers.folds.standardised` gives them.
    n_folds
        Number of folds; at least two sites more than this are needed.
    max_share
        No fold may hold more than this share of the sites; between 1 / n_folds and 1.
    clustering
        ``"ward"`` (Ward's method on Euclidean distances, R's ward.D2) or ``"kmeans"``.
    seed
        Of the random folds and of k-means; Ward's method uses no random number.
    same_point
        What to do with sites of identical coordinates, such as sites of one grid cell in feature
        space: ``"error"``, or ``"together"`` to keep them in one fold, also if folds are random.

    Raises
    ------
    ContractError
        If a coordinate or setting cannot be used, or no candidate keeps to ``max_share``.

    References
    ----------
    Linnenbrink et al. (2024), doi:10.5194/gmd-17-5897-2024.

    """
    sites = checked_sites(train_xy, same_point)
    places = place_numbers(sites)
    _check_settings(int(places.max()) + 1, n_folds, max_share, clustering)
    to_site, to_map = nearest_neighbour_distances(sites, prediction_xy, same_point)
    clustered, q = _lie_clustered(to_site, to_map), None
    if clustered:
        clusterings = _clusterings(sites, places, n_folds, clustering, seed)
        folds, q = _best_folds(sites, to_map, n_folds, max_share, clusterings)
    else:
        folds = _random_folds(places, n_folds, max_share, seed)
    to_other_folds = distances_to_other_folds(sites, folds)
    w = float(wasserstein_distance(to_other_folds, to_map))
    return KnndmFolds(folds, w, q, clustered, to_site, to_map, to_other_folds)


def _lie_clustered(site_to_site: NDArray, prediction_to_site: NDArray) -> bool:
    """Whether the curve Gj lies above Gij: sites nearer to sites than the map is."""
    # The exact p-value overflows in large samples, where the asymptotic one is as good.
    exact = len(site_to_site) * len(prediction_to_site) < 10_000
    method = "exact" if exact else "asymp"
    test = ks_2samp(site_to_site, prediction_to_site, alternative="greater", method=method)
    return bool(test.pvalue < SIGNIFICANCE)


def _best_folds(
    sites: NDArray,
    prediction_to_site: NDArray,
    n_folds: int,
    max_share: float,
    clusterings: Iterator[NDArray],
) -> tuple[NDArray, int]:
    """Folds with the smallest W, and the number of clusters they come from."""
    sorted_distances, candidates = np.sort(prediction_to_site), []
    along = _first_component(sites)
    for clusters in clusterings:
        folds = _merge_clusters(clusters, along, n_folds)
        if np.bincount(folds).max() <= max_share * len(sites):
            w = wasserstein_distance(distances_to_other_folds(sites, folds), sorted_distances)
            candidates.append((w, int(clusters.max()) + 1, folds))
    if not candidates:
        raise ContractError(
            f"Every candidate has a fold with more than {max_share:g} of the {len(sites)} sites. "
            "Raise max_share or lower n_folds."
        )
    _, q, folds = min(candidates, key=lambda candidate: candidate[0])
    return folds, q


def _random_folds(places: NDArray, n_folds: int, max_share: float, seed: int) -> NDArray:
    """Random folds that keep the sites of a place together."""
    if places.max() + 1 == len(places):
        return random_folds(len(places), n_folds, seed)
    folds = balanced_folds(places, n_folds, seed)
    largest = np.bincount(folds).max()
    if largest > max_share * len(places):
        raise ContractError(
            f"{largest} of {len(places)} sites are in one fold, more than max_share {max_share:g}: "
            f"{np.bincount(places).max()} of them have identical coordinates. "
            "Combine such sites into one first, or raise max_share."
        )
    return folds


def _clusterings(
    sites: NDArray, places: NDArray, n_folds: int, clustering: str, seed: int
) -> Iterator[NDArray]:
    """Cluster of each site, for numbers of clusters from one a fold to nearly one a place."""
    _, first, size = np.unique(places, return_index=True, return_counts=True)
    steps = np.linspace(np.log(n_folds), np.log(len(first) - 2), CLUSTER_COUNTS_TRIED)
    counts = np.unique(np.round(np.exp(steps)).astype(int))
    if clustering == "ward":
        # Sites of one place are 0 apart and join first: no such number of clusters parts them.
        yield from cut_tree(ward(sites), n_clusters=counts).T
        return
    in_order = np.argsort(first)  # places as they first appear
    rank = np.argsort(in_order)
    for count in counts:
        model = KMeans(int(count), n_init=1, random_state=seed)
        clusters = model.fit_predict(sites[first[in_order]], sample_weight=size[in_order])
        yield clusters[rank[places]]


def _first_component(sites: NDArray) -> NDArray:
    """Position of each site along the first principal component."""
    centred = sites - sites.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    # The sign of a singular vector is open; fix it, so that folds keep their numbers.
    return centred @ direction * np.sign(direction[np.abs(direction).argmax()])


def _merge_clusters(clusters: NDArray, along: NDArray, n_folds: int) -> NDArray:
    """Fold of each site: a big cluster keeps a fold to itself, the rest are dealt out in turn."""
    sizes = np.bincount(clusters)
    centroids = np.bincount(clusters, weights=along) / sizes
    order = np.argsort(centroids, kind="stable")
    is_big = sizes[order] * n_folds >= len(clusters)
    big, rest = order[is_big], order[~is_big]
    fold_of_cluster = np.empty(len(sizes), dtype=int)
    fold_of_cluster[big] = np.arange(len(big))
    fold_of_cluster[rest] = len(big) + np.arange(len(rest)) % max(n_folds - len(big), 1)
    return fold_of_cluster[clusters]


def _check_settings(n_places: int, n_folds: int, max_share: float, clustering: str) -> None:
    if not 2 <= n_folds <= n_places - 2:
        raise ContractError(
            f"kNNDM with {n_folds} folds found {n_places} sites; it needs at least 2 folds "
            "and 2 sites more than folds. Lower n_folds."
        )
    if not 1 / n_folds < max_share <= 1:
        raise ContractError(
            f"max_share is {max_share:g}; with {n_folds} folds it must lie above "
            f"{1 / n_folds:.3g} and not above 1."
        )
    if clustering not in ("ward", "kmeans"):
        raise ContractError(f"clustering is '{clustering}'; choices: ward, kmeans.")
