"""Values and their places, checked before anything is computed from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.storage import ContractError

# Share of the variance added to the diagonal, so that two points at one place do no harm.
JITTER = 1e-8


def checked(
    values: ArrayLike, xy: ArrayLike, fewest: int = 2, most: float = np.inf
) -> tuple[NDArray, NDArray]:
    """Values (n,) and places (n, 2) as numbers, none of them missing."""
    values, xy = np.asarray(values, dtype=float), np.asarray(xy, dtype=float)
    if values.ndim != 1 or xy.shape != (values.size, 2) or values.size < fewest:
        raise ContractError(
            f"values of shape {values.shape} at places of shape {xy.shape}; (n,) and (n, 2) are "
            f"needed, n at least {fewest}."
        )
    if len(xy) > most:
        raise ContractError(
            f"{len(xy):,} places; all pairs of them are needed at once, which is possible up to "
            f"{most:,}. Take a sample."
        )
    lacking = ~np.isfinite(np.column_stack([values, xy])).all(axis=1)
    if lacking.any():
        raise ContractError(
            f"site {np.flatnonzero(lacking)[0]} has no value or place ({lacking.sum()} of "
            f"{len(values)} sites); leave such sites out."
        )
    return values, xy


def drawn(n: int, most: int) -> NDArray | slice:
    """Row numbers, rising, of at most so many of n sites; the same ones each time."""
    if n <= most:
        return slice(None)
    return np.sort(np.random.default_rng(0).choice(n, most, replace=False))
