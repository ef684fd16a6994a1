"""Where the next boreholes would help most: in the cells least like all sites there are.

Each further site is put where it lowers the dissimilarity of the whole map most. As that falls, the
area of applicability grows and the expected error shrinks.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from helpers.applicability import ApplicabilityDomain
from helpers.storage import ContractError

MOST_CELLS = 4_000
_CANDIDATES_AT_ONCE = 500
# Gains this near to the best, relative to it, differ by rounding only.
_ROUNDING = 1e-9


def next_sites(
    domain: ApplicabilityDomain,
    cells: pd.DataFrame,
    xy: ArrayLike,
    n_sites: int = 5,
    weight: ArrayLike | None = None,
) -> pd.DataFrame:
    """Cells in which new boreholes would lower the dissimilarity of the cells that count most.

    Chosen one after the other: each is the best after those before it. Together they lower the
    weighted mean by at least 63 % of what the best set would (Nemhauser et al. 1978,
    doi:10.1007/BF01588971). A borehole makes the dissimilarity index of a cell that to the new
    site, if this is smaller. Centre, scale and threshold stay those of the domain.

    What this cannot know: whether a rig gets there (roads, rivers, permits), what the ground
    within the cell is like, and which temperature will be found. A place is worth a borehole
    because its predictors are new, however dull its temperature may turn out to be. It names kinds
    of places; the drillers choose the spot.

    Parameters
    ----------
    domain
        Area of applicability of the sites there are.
    cells
        Predictors (n, p) of the cells of the map or of a sample of them, at most 4,000; they are
        both what counts and where may be drilled.
    xy
        Easting and northing of the cells, m (n, 2).
    n_sites
        Number of new boreholes.
    weight
        What each cell counts (n,), 0 or more, e.g. its expected error; if all are 0, no borehole
        is worth it. ``None``: all alike.

    Returns
    -------
    A row for each new borehole, in the order of drilling, indexed by the number of its cell: x, y
    (m), dissimilarity_index of its cell before it is drilled, mean_dissimilarity of all cells and
    share_inside (share of them in the area of applicability) after it, gain (by how much it lowers
    the mean). These count every cell alike, so that they can be held against the map. Of cells
    that are as good the first is taken. Fewer rows than asked for, if no other cell would lower
    the weighted mean.

    Raises
    ------
    ContractError
        If there are too many cells, numbers are missing, or shapes do not fit.

    """
    points, index, xy, weight = _checked(domain, cells, xy, weight)
    if n_sites < 1:
        raise ContractError(f"n_sites is {n_sites}; ask for 1 borehole or more.")
    rows = []
    for _ in range(n_sites):
        gain = _gains(points, index, weight)
        best = int(np.argmax(gain >= gain.max() - _ROUNDING * gain.max()))
        if gain[best] <= 0:
            break
        before = index
        index = np.minimum(index, cdist(points[[best]], points)[0])
        inside = np.mean(index <= domain.threshold)
        mean = index.mean()
        rows.append((best, *xy[best], before[best], mean, inside, before.mean() - mean))
    columns = ["x", "y", "dissimilarity_index", "mean_dissimilarity", "share_inside", "gain"]
    return pd.DataFrame(rows, columns=["cell", *columns]).set_index("cell")


def _gains(points: NDArray, index: NDArray, weight: NDArray) -> NDArray:
    """By how much a borehole in each cell would lower the weighted mean index."""
    parts = [
        np.maximum(index - cdist(points[i : i + _CANDIDATES_AT_ONCE], points), 0) @ weight
        for i in range(0, len(points), _CANDIDATES_AT_ONCE)
    ]
    return np.concatenate(parts)


def _checked(
    domain: ApplicabilityDomain, cells: pd.DataFrame, xy: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Cells in the space of the index, their index, places, and weights with a sum of 1."""
    n = len(cells)
    if not 0 < n <= MOST_CELLS:
        raise ContractError(
            f"{n:,} cells; 1 to {MOST_CELLS:,} can be compared with each other. Pass a sample, "
            "e.g. every so many-th row and column of the map."
        )
    predictors = cells if domain.names is None else cells[_present(domain.names, cells)]
    index = domain.dissimilarity(predictors)
    _expect_numbers("cells", predictors.to_numpy(dtype=float), (n, predictors.shape[1]))
    xy = _expect_numbers("xy", xy, (n, 2))
    weight = _expect_numbers("weight", np.ones(n) if weight is None else weight, (n,))
    if (weight < 0).any():
        raise ContractError(
            f"weight goes from {weight.min():g} to {weight.max():g}; numbers of 0 or more are "
            "needed."
        )
    centre, scale, _ = domain.parameters
    points = (predictors.to_numpy(dtype=float) - centre) * scale
    return points, index, xy, weight / (weight.sum() or 1.0)


def _present(names: list[str], cells: pd.DataFrame) -> list[str]:
    missing = [name for name in names if name not in cells]
    if missing:
        raise ContractError(
            f"cells: predictor {', '.join(missing)} missing. Found: {', '.join(cells)}."
        )
    return names


def _expect_numbers(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray:
    """Values as finite numbers of a shape."""
    values = np.asarray(values, dtype=float)
    if values.shape != shape:
        raise ContractError(f"{name} has shape {values.shape}; {shape} is needed.")
    wrong = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
    if wrong.size:
        raise ContractError(
            f"{name}: {wrong.size} of {len(values)} rows have missing or infinite numbers, the "
            f"first is row {wrong[0]}. Leave cells out that are not mapped."
        )
    return values
