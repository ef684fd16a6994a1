"""Which covariates say the same thing: rank correlation, variance inflation, information."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform
from sklearn.feature_selection import mutual_info_regression

from helpers.selection.sites import complete_sites, varying
from helpers.storage import ContractError

# Layers are float32: what is left of an exact relation after rounding stays below this share.
_ROUNDING = 1e-9
_CHANCE_LEVEL, _DEALS = 0.95, 100


class SpearmanClusters(NamedTuple):
    """Rank correlations and the clusters they form; made by :func:`spearman_clusters`.

    Attributes
    ----------
    correlation
        Spearman's rho, names x names, in the order they were given.
    linkage
        Tree of scipy.cluster.hierarchy over 1 - |rho|; empty (0, 4) for a single name.
    order
        Names as the leaves of the tree stand, alike beside alike.
    labels
        Cluster of each name, from 1 in the order of ``order``.
    threshold
        |rho| at which the tree was cut.

    """

    correlation: pd.DataFrame
    linkage: NDArray
    order: list[str]
    labels: pd.Series
    threshold: float

    def members(self) -> dict[int, list[str]]:
        """Names of each cluster, by its label."""
        groups = self.labels.groupby(self.labels).groups
        return {label: list(names) for label, names in groups.items()}

    def representatives(self, keep: Sequence[str] = ()) -> list[str]:
        """One name for each cluster, in the order given to :func:`spearman_clusters`.

        That in ``keep`` if the cluster has one, else its centre: the largest mean |rho| with the
        others. The temperature to be predicted has no say in it, so that nothing is chosen twice.
        """
        closeness = self.correlation.abs()
        found = set(keep)
        for names in self.members().values():
            if not set(names) & set(keep):
                found.add(closeness.loc[names, names].mean().idxmax())
        return [name for name in self.labels.index if name in found]


def spearman_clusters(
    training: pd.DataFrame, names: Sequence[str], threshold: float = 0.7
) -> SpearmanClusters:
    """Clusters of covariates whose rank correlation is about ``threshold`` or more, of any sign.

    Average linkage on 1 - |rho|: members of different clusters have a mean |rho| below the
    threshold (0.7: Dormann et al. 2013, doi:10.1111/j.1600-0587.2012.07348.x). Where a value is
    missing a pair is compared at the sites that know both.

    Raises
    ------
    ContractError
        If a column is missing, or has one value only.

    """
    names = list(names)
    correlation = varying(training, names).corr(method="spearman")
    if len(names) == 1:
        return SpearmanClusters(
            correlation, np.empty((0, 4)), names, pd.Series(1, index=names), threshold
        )
    distance = np.clip(1 - correlation.abs().to_numpy(), 0, None)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    order = [names[leaf] for leaf in leaves_list(tree)]
    raw = pd.Series(fcluster(tree, 1 - threshold, "distance"), index=names)
    labels = raw.map({label: i + 1 for i, label in enumerate(raw[order].unique())})
    return SpearmanClusters(correlation, tree, order, labels, threshold)


def variance_inflation(training: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Variance inflation of each covariate: 1 / (1 - R2) of its linear regression on the others.

    Above 5 or 10 is commonly called too much (Dormann et al. 2013,
    doi:10.1111/j.1600-0587.2012.07348.x). A forest does not suffer from it as a regression does,
    but shares importance among such covariates in an arbitrary way.

    Returns
    -------
    Table by name: ``variance_inflation``, infinite where the others determine the covariate
    exactly; then ``determined_by`` names those they are, and is empty elsewhere. Sites that lack
    any of the covariates are left out.

    Raises
    ------
    ContractError
        If a column is missing or has one value only, or there are no more sites than columns,
        where every covariate would be determined by the others.

    """
    table = varying(complete_sites(training, names), names)
    if len(table) <= len(names):
        raise ContractError(
            f"Training table: {len(table)} sites know all {len(names)} covariates; more sites than "
            "covariates are needed, or each is determined by the others. Leave some out."
        )
    scaled = ((table - table.mean()) / table.std(ddof=0)).to_numpy(dtype=float)
    # Lengths and angles of the columns, all that a regression knows, in as many rows as columns.
    corner = np.linalg.qr(scaled / np.sqrt(len(scaled)), mode="r")
    rows = {name: _inflation(corner, column, names) for column, name in enumerate(names)}
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["variance_inflation", "determined_by"]
    ).rename_axis("covariate")


def _inflation(corner: NDArray, column: int, names: Sequence[str]) -> tuple[float, str]:
    """Variance inflation of one column, and, if it is infinite, the names that determine it."""
    others = np.delete(corner, column, axis=1)
    # Least squares of the smallest norm: also where the others are collinear themselves.
    slopes = np.linalg.lstsq(others, corner[:, column], rcond=_ROUNDING**0.5)[0]
    unexplained = float(np.sum((corner[:, column] - others @ slopes) ** 2))
    if unexplained > _ROUNDING:
        return 1 / unexplained, ""
    rest = np.delete(np.asarray(names, dtype=object), column)
    return np.inf, ", ".join(rest[np.abs(slopes) > 1e-3])


def mutual_information(
    training: pd.DataFrame,
    names: Sequence[str],
    seed: int = 0,
    *,
    target: str = "t15_c",
    n_neighbours: int = 3,
    n_seeds: int = 10,
) -> pd.DataFrame:
    """What each covariate alone tells about the temperature, straight relation or not, in nats.

    The estimate of Kraskov et al. (2004, doi:10.1103/PhysRevE.69.066138) from the distances to
    the ``n_neighbours`` nearest sites, by scikit-learn. It adds a little noise to break ties, so
    it is averaged over ``n_seeds`` seeds.

    Returns
    -------
    Table by name, most telling first: ``information`` and ``by_chance``, below which 95 % of the
    estimates fall where the temperatures are dealt out to the sites at random. Near sites are
    alike in both, so that chance alone tells more than that: a smooth covariate may pass
    ``by_chance`` and know nothing. Sites that lack any of the covariates are left out.

    """
    table = complete_sites(training, [*names, target])
    x, y = table[list(names)].to_numpy(dtype=float), table[target].to_numpy(dtype=float)
    rng = np.random.default_rng(seed)
    seeds = rng.integers(0, 2**32, n_seeds)
    deals = rng.integers(0, 2**32, _DEALS)

    def information(temperature: NDArray, state: int) -> NDArray:
        """Mutual information of every covariate with these temperatures."""
        return mutual_info_regression(x, temperature, n_neighbors=n_neighbours, random_state=state)

    found = [information(y, int(state)) for state in seeds]
    shuffled = [information(rng.permutation(y), int(state)) for state in deals]
    chance = np.quantile(shuffled, _CHANCE_LEVEL, axis=0)
    columns = {"information": np.mean(found, axis=0), "by_chance": chance}
    result = pd.DataFrame(columns, index=pd.Index(names, name="covariate"))
    return result.sort_values("information", ascending=False, kind="stable")
