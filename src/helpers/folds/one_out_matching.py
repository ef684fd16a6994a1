"""Nearest neighbour distance matching, leaving one site out (NNDM)."""

from __future__ import annotations

from bisect import bisect_right
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from helpers.folds.design import check_number
from helpers.folds.distances import nearest_neighbour_distances
from helpers.folds.points import checked_sites
from helpers.storage import ContractError


def nndm(train_xy: ArrayLike, prediction_xy: ArrayLike, min_train: float = 0.5) -> NDArray:
    """Which sites stay when one is held out, so that it is as far from them as the map is.

    From the shortest distance on, the nearest neighbour of a held-out site is left out too, as
    long as the curve of the design (Gj*) then still does not fall below that of the map (Gij).

    Parameters
    ----------
    train_xy, prediction_xy
        Coordinates of the n sites (n, 2) and of a regular sample of the map (m, 2), m.
    min_train
        Share of the sites that stays at least, 0 or more and below 1. Where the map is far from
        all sites this is what ends the matching, and the curve Gj* remains above Gij.

    Returns
    -------
    (n, n), row = held-out site: whether each site (column) stays for training. If the sites are
    not clustered, this is plain leave-one-out.

    Raises
    ------
    ContractError
        If a coordinate or setting cannot be used, or there are more than 1,000 sites.

    References
    ----------
    Mila et al. (2022), doi:10.1111/2041-210X.13851. Distances are matched over the whole map, not
    only within a range of autocorrelation.

    """
    sites = checked_sites(train_xy)
    check_number("nndm", len(sites))
    if not 0 <= min_train < 1:
        raise ContractError(f"min_train is {min_train}; a share from 0 to below 1 is needed.")
    to_site = nearest_neighbour_distances(sites, prediction_xy)[1]
    n, apart = len(sites), cdist(sites, sites)
    neighbours = np.argsort(apart, axis=1, kind="stable")[:, 1:]  # the first is the site itself
    ranked = np.take_along_axis(apart, neighbours, axis=1)
    # At least one stays; min_train * n may come out a rounding error too high.
    most = n - 1 - max(int(np.ceil(min_train * n - 1e-9)), 1)
    n_left_out = _numbers_left_out(ranked, np.sort(to_site).tolist(), max(most, 0))
    stays = ~np.eye(n, dtype=bool)
    rows, ranks = np.nonzero(np.arange(n - 1) < n_left_out[:, None])
    stays[rows, neighbours[rows, ranks]] = False
    return stays


def _numbers_left_out(ranked: NDArray, to_site: list[float], most: int) -> NDArray:
    """How many of its nearest neighbours each site loses (n,), at most ``most``.

    ``ranked`` are the distances to its neighbours (n, n - 1), and ``to_site`` those of the map,
    both rising.
    """
    n, m, settled = len(ranked), len(to_site), 0
    left_out = [0] * n
    waiting = [(distance, site) for site, distance in enumerate(ranked[:, 0].tolist())]
    heapify(waiting)
    while waiting:
        reach, together = waiting[0][0], []
        while waiting and waiting[0][0] == reach:
            together.append(heappop(waiting)[1])
        map_nearer, nearer = bisect_right(to_site, reach), settled + len(together)
        for site in together:
            if (nearer - 1) * m >= map_nearer * n and left_out[site] < most:
                left_out[site] += 1
                distance = float(ranked[site, left_out[site]])
                heappush(waiting, (distance, site))
                nearer -= distance > reach
            else:
                settled += 1
    return np.array(left_out)
