"""Cross-validation designs, and how close each comes to the situation of the map.

A map predicts far from the boreholes. A design that holds out a site but keeps its neighbour
asks an easier question than the map has to answer, and reports too small an error. How far a
prediction reaches is described by the distribution of nearest-neighbour distances: from the map
to the sites (Gij), from a site to the others (Gj) and, for a design, from a held-out site to the
sites that stay (Gj*). ``W``, the area between the curves Gj* and Gij, says how far a design is
from the map; kNNDM searches for folds that make it small.

Coordinates are projected, in metres, one row per point. Standardised predictors may stand in
their place: distances and ``W`` then are those of feature space.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import cut_tree, ward
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist
from scipy.stats import ks_2samp, wasserstein_distance
from sklearn.cluster import KMeans

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

    folds: np.ndarray
    w: float
    q: int | None
    clustered: bool
    site_to_site: np.ndarray
    prediction_to_site: np.ndarray
    site_to_other_folds: np.ndarray


def nearest_neighbour_distances(
    train_xy: ArrayLike, prediction_xy: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each site to the nearest other one (Gj), of each map point to a site (Gij), m.

    A coordinate that is not finite, or two sites at the same place, is a ``ValueError``.
    """
    sites, points = _sites(train_xy), _points(prediction_xy, "prediction_xy")
    if points.shape[1] != sites.shape[1]:
        raise ValueError(
            f"train_xy has {sites.shape[1]} columns and prediction_xy {points.shape[1]}; "
            "both need the same."
        )
    tree = KDTree(sites)
    return tree.query(sites, k=[2])[0][:, 0], tree.query(points)[0]


def knndm(
    train_xy: ArrayLike,
    prediction_xy: ArrayLike,
    n_folds: int = 10,
    max_share: float = 0.5,
    clustering: str = "ward",
    seed: int = 0,
) -> KnndmFolds:
    """K-fold nearest neighbour distance matching: folds as hard as the map itself.

    If the sites are not clustered with respect to the map (one-sided Kolmogorov-Smirnov test,
    Gj above Gij) the folds are random. Otherwise sites are clustered into ever more clusters, the
    clusters are merged into folds, and the folds with the smallest ``W`` are kept.

    Parameters
    ----------
    train_xy, prediction_xy
        Coordinates of the n sites (n, 2) and of a regular sample of the map (m, 2), m.
    n_folds
        Number of folds; at least two sites more than this are needed.
    max_share
        No fold may hold more than this share of the sites; between 1 / n_folds and 1.
    clustering
        ``"ward"`` (Ward's method on Euclidean distances, R's ward.D2) or ``"kmeans"``.
    seed
        Of the random folds and of k-means; Ward's method uses no random number.

    Raises
    ------
    ValueError
        If a coordinate or setting cannot be used, or no candidate keeps to ``max_share``.

    References
    ----------
    Linnenbrink et al. (2024), doi:10.5194/gmd-17-5897-2024.

    """
    sites = _sites(train_xy)
    _check_settings(len(sites), n_folds, max_share, clustering)
    site_to_site, prediction_to_site = nearest_neighbour_distances(sites, prediction_xy)
    clustered, q = _lie_clustered(site_to_site, prediction_to_site), None
    if clustered:
        clusterings = _clusterings(sites, n_folds, clustering, seed)
        folds, q = _best_folds(sites, prediction_to_site, n_folds, max_share, clusterings)
    else:
        folds = random_folds(len(sites), n_folds, seed)
    return KnndmFolds(
        folds=folds,
        w=design_w(sites, folds, prediction_to_site),
        q=q,
        clustered=clustered,
        site_to_site=site_to_site,
        prediction_to_site=prediction_to_site,
        site_to_other_folds=design_distances(sites, folds),
    )


def random_folds(n_sites: int, n_folds: int, seed: int = 0) -> np.ndarray:
    """Random folds whose sizes differ by one site at most, as labels 0 ... n_folds - 1."""
    if not 2 <= n_folds <= n_sites:
        raise ValueError(
            f"{n_folds} folds of {n_sites} sites are not possible: "
            "at least 2 folds, and no more folds than sites."
        )
    return np.random.default_rng(seed).permutation(np.arange(n_sites) % n_folds)


def leave_one_out(n_sites: int) -> np.ndarray:
    """Every site a fold of its own, as labels 0 ... n_sites - 1."""
    if n_sites < 2:
        raise ValueError(f"{n_sites} sites found; leaving one out needs at least 2.")
    return np.arange(n_sites)


def as_splits(folds: ArrayLike) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row numbers (train, test) of each fold in turn, as scikit-learn's ``cv=`` takes them."""
    labels = _labels(folds, np.size(folds))
    for fold in np.unique(labels):
        yield np.flatnonzero(labels != fold), np.flatnonzero(labels == fold)


def design_distances(train_xy: ArrayLike, folds: ArrayLike) -> np.ndarray:
    """Distance of each site to the nearest site of another fold (Gj*), m, for any design."""
    sites = _sites(train_xy)
    labels = _labels(folds, len(sites))
    return np.where(labels[:, None] == labels, np.inf, cdist(sites, sites)).min(axis=1)


def design_w(train_xy: ArrayLike, folds: ArrayLike, prediction_distances: ArrayLike) -> float:
    """W of any design: area between its nearest-neighbour curve and that of the map, m.

    ``prediction_distances`` are those from the map to the sites (Gij) that
    :func:`nearest_neighbour_distances` gives.
    """
    return float(wasserstein_distance(design_distances(train_xy, folds), prediction_distances))


def _lie_clustered(site_to_site: np.ndarray, prediction_to_site: np.ndarray) -> bool:
    """Whether the curve Gj lies above Gij: sites nearer to sites than the map is."""
    # The exact p-value overflows in large samples, where the asymptotic one is as good.
    exact = len(site_to_site) * len(prediction_to_site) < 10_000
    method = "exact" if exact else "asymp"
    test = ks_2samp(site_to_site, prediction_to_site, alternative="greater", method=method)
    return bool(test.pvalue < SIGNIFICANCE)


def _best_folds(
    sites: np.ndarray,
    prediction_to_site: np.ndarray,
    n_folds: int,
    max_share: float,
    clusterings: Iterator[np.ndarray],
) -> tuple[np.ndarray, int]:
    """Folds with the smallest W, and the number of clusters they come from."""
    along, sorted_distances = _first_component(sites), np.sort(prediction_to_site)
    candidates = []
    for clusters in clusterings:
        folds = _merge_clusters(clusters, along, n_folds)
        if np.bincount(folds).max() <= max_share * len(sites):
            w = design_w(sites, folds, sorted_distances)
            candidates.append((w, int(clusters.max()) + 1, folds))
    if not candidates:
        raise ValueError(
            f"Every candidate has a fold with more than {max_share:g} of the {len(sites)} sites. "
            "Raise max_share or lower n_folds."
        )
    _, q, folds = min(candidates, key=lambda candidate: candidate[0])
    return folds, q


def _clusterings(
    sites: np.ndarray, n_folds: int, clustering: str, seed: int
) -> Iterator[np.ndarray]:
    """Cluster of each site, for numbers of clusters from one a fold to nearly one a site."""
    steps = np.linspace(np.log(n_folds), np.log(len(sites) - 2), CLUSTER_COUNTS_TRIED)
    counts = np.unique(np.round(np.exp(steps)).astype(int))
    if clustering == "ward":
        yield from cut_tree(ward(sites), n_clusters=counts).T
    else:
        for count in counts:
            yield KMeans(int(count), n_init=1, random_state=seed).fit_predict(sites)


def _first_component(sites: np.ndarray) -> np.ndarray:
    """Position of each site along the first principal component."""
    centred = sites - sites.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    # The sign of a singular vector is open; fix it, so that folds keep their numbers.
    return centred @ direction * np.sign(direction[np.abs(direction).argmax()])


def _merge_clusters(clusters: np.ndarray, along: np.ndarray, n_folds: int) -> np.ndarray:
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


def _points(xy: ArrayLike, name: str) -> np.ndarray:
    points = np.asarray(xy, dtype=float)
    if points.ndim != 2 or not points.size:
        raise ValueError(f"{name} has shape {points.shape}; one row per point (n, 2) is needed.")
    wrong = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if wrong.size:
        raise ValueError(
            f"{name}: row {wrong[0]} holds {points[wrong[0]].tolist()}; "
            f"{wrong.size} of {len(points)} rows have a coordinate that is not finite."
        )
    return points


def _sites(train_xy: ArrayLike) -> np.ndarray:
    sites = _points(train_xy, "train_xy")
    if len(sites) < 2:
        raise ValueError("train_xy holds 1 site; at least 2 are needed.")
    _, group, count = np.unique(sites, axis=0, return_inverse=True, return_counts=True)
    if count.max() > 1:
        rows = np.flatnonzero(group.ravel() == count.argmax())
        raise ValueError(
            f"train_xy: rows {', '.join(map(str, rows))} are the same point "
            f"{sites[rows[0]].tolist()}. Combine them into one site first: "
            "in different folds they would leak."
        )
    return sites


def _labels(folds: ArrayLike, n_sites: int) -> np.ndarray:
    labels = np.asarray(folds)
    if labels.shape != (n_sites,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"folds has shape {labels.shape} and type {labels.dtype}; "
            f"one whole number for each of the {n_sites} sites is needed."
        )
    if len(np.unique(labels)) < 2:
        raise ValueError("All sites are in one fold; cross-validation needs at least 2 folds.")
    return labels


def _check_settings(n_sites: int, n_folds: int, max_share: float, clustering: str) -> None:
    if not 2 <= n_folds <= n_sites - 2:
        raise ValueError(
            f"kNNDM with {n_folds} folds found {n_sites} sites; it needs at least 2 folds "
            "and 2 sites more than folds. Lower n_folds."
        )
    if not 1 / n_folds < max_share <= 1:
        raise ValueError(
            f"max_share is {max_share:g}; with {n_folds} folds it must lie above "
            f"{1 / n_folds:.3g} and not above 1."
        )
    if clustering not in ("ward", "kmeans"):
        raise ValueError(f"clustering is '{clustering}'; choices: ward, kmeans.")
