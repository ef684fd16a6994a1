"""What may be wrong with a design although its folds are valid: lopsided folds, and leaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.folds.design import Design
from helpers.folds.points import checked_points, place_numbers
from helpers.storage import ContractError

LARGEST_OVER_MEAN, FEWEST_SITES = 3, 3
GROUPS_NAMED = 5


def fold_warnings(
    design: Design,
    xy: ArrayLike,
    cells: ArrayLike | None = None,
    predictors: pd.DataFrame | ArrayLike | None = None,
    sites: Sequence[str] | None = None,
) -> list[str]:
    """Messages on folds that make the error of a design uncertain or too small; none is best.

    Folds are unbalanced if the largest has more than 3 times the mean number of sites, or one of
    several sites a fold has fewer than 3. A design leaks if a site trains the model of a split
    that tests its twin: a site at the same place, in the same grid cell or with identical
    predictors. Each pair is reported once, by the first of these.

    Parameters
    ----------
    design
        Of n sites.
    xy
        Their coordinates (n, 2), m.
    cells
        Number or name of the grid cell of each site (n,), if known.
    predictors
        Their predictors (n, p), if known.
    sites
        What to call them (n,); ``None``: by row number.

    Returns
    -------
    Messages, each saying which sites, what it does to the error and what to do.

    """
    names = list(map(str, range(design.n_sites) if sites is None else sites))
    twins = {"lie at the same place": place_numbers(_rows(xy, "xy", design))}
    if cells is not None:
        twins["lie in the same grid cell"] = pd.factorize(np.asarray(cells))[0]
    if predictors is not None:
        twins["have identical predictors"] = place_numbers(_rows(predictors, "predictors", design))
    if any(len(labels) != design.n_sites for labels in [names, *twins.values()]):
        raise ContractError(
            f"sites and cells need one entry for each of the {design.n_sites} sites of design "
            f"'{design.name}'; found {[len(labels) for labels in [names, *twins.values()]]}."
        )
    return [*_balance_warnings(design, names), *_leak_warnings(design, names, twins)]


def _rows(table: ArrayLike, name: str, design: Design) -> NDArray:
    values = checked_points(table, name)
    if len(values) != design.n_sites:
        raise ContractError(
            f"{name} has {len(values)} rows; design '{design.name}' holds {design.n_sites} out."
        )
    return values


def _balance_warnings(design: Design, names: list[str]) -> Iterator[str]:
    """Messages on folds with far more sites than the mean, or very few."""
    fold, all_names = design.fold, np.array(names)
    sizes = np.bincount(fold)
    largest, times = int(sizes.argmax()), sizes.max() / sizes.mean()
    if times > LARGEST_OVER_MEAN:
        yield (
            f"Design '{design.name}': fold {largest + 1} has {sizes[largest]} of {design.n_sites} "
            f"sites ({_some(all_names[fold == largest])}), {times:.1f} times the mean. They "
            "dominate the error, and the few sites that remain predict them worse than all sites "
            "would: it may come out too large. Lower max_share, or take smaller blocks."
        )
    small = np.flatnonzero(sizes < FEWEST_SITES)
    if small.size and sizes.max() > 1:
        yield (
            f"Design '{design.name}': {small.size} of {len(sizes)} folds have fewer than "
            f"{FEWEST_SITES} sites ({_some(all_names[np.isin(fold, small)])}). The error of such a "
            "fold alone says little, and a standard error taken over folds is uncertain. Lower "
            "n_folds, or read pooled scores only."
        )


def _leak_warnings(design: Design, names: list[str], twins: dict[str, NDArray]) -> Iterator[str]:
    """Messages on sites that train the model by which their twins are tested."""
    open_pairs = design.trains
    for relation, label in twins.items():
        leaks = open_pairs & (label[:, None] == label)
        open_pairs &= ~leaks
        leaking = (leaks | leaks.T).any(axis=1)
        groups = [
            " and ".join(_members(names, leaking & (label == number)))
            for number in pd.unique(label[leaking])
        ]
        if groups:
            yield (
                f"Design '{design.name}': {leaking.sum()} sites {relation} as another that trains "
                f"the model which predicts them: {_some(groups, '; ')}. The error comes out too "
                "small, as if the map had a borehole in every cell. Combine such sites into one, "
                "or keep them in one fold (same_point='together', or balanced_folds by cell)."
            )


def _members(names: list[str], chosen: NDArray) -> list[str]:
    return [names[row] for row in np.flatnonzero(chosen)]


def _some(items: Sequence[str], separator: str = ", ") -> str:
    """The first few of many."""
    more = len(items) - GROUPS_NAMED
    return separator.join(items[:GROUPS_NAMED]) + (f" and {more} more" if more > 0 else "")
