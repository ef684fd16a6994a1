"""Every coalition of predictors: interactions, groups as one player, and Shapley values themselves.

A coalition is the set of predictors that are known. With p of them there are 2^p, and the worth
of all of them at a place holds everything that Shapley values and their interactions share out.
It is the definition put to work: slow, and the check of anything faster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.forest import Forest
from helpers.shapley.groups import grouped_data, players_of
from helpers.shapley.values import ShapleyValues
from helpers.storage import ContractError

MOST_PLAYERS = 10
MOST_PREDICTIONS = 20_000_000
_ROWS_AT_ONCE = 200_000


def coalition_values(
    forest: Forest, x: pd.DataFrame, groups: Mapping[str, Sequence[str]] | None = None
) -> NDArray:
    """Mean prediction at each place when only the predictors of a coalition are known, deg C.

    A predictor that is not known takes its values at all training sites, each in turn.

    Parameters
    ----------
    forest
        The fitted forest.
    x
        Places (n), with the predictors as columns, in any order.
    groups
        Name -> predictors that become known together, as one player; see
        :func:`helpers.shapley.grouped`.

    Returns
    -------
    (n, 2^players). Bit j of the column's number says whether player j is known: column 0 is the
    base value, the last one the prediction.

    Raises
    ------
    ContractError
        If a predictor is missing in the table or in a row, there are more than 10 players, or the
        places, training sites and coalitions would make more than 20 million predictions.

    """
    data, sites = forest.complete_matrix(x), forest.predictors.astype(np.float32)
    known = _known(forest.names, players_of(forest.names, groups))
    _check_number(len(data), len(sites), len(known))
    worth = np.empty(len(data) * len(known))
    step = max(_ROWS_AT_ONCE // len(sites), 1)
    for start in range(0, len(worth), step):
        place, coalition = np.divmod(np.arange(start, min(start + step, len(worth))), len(known))
        mixed = np.where(known[coalition][:, None], data[place][:, None], sites)
        rows = pd.DataFrame(mixed.reshape(-1, len(forest.names)), columns=forest.names)
        predicted = forest.predict(rows).reshape(len(place), len(sites))
        worth[start : start + step] = predicted.mean(axis=1)
    return worth.reshape(len(data), len(known))


def few_enough(
    forest: Forest, x: pd.DataFrame, groups: Mapping[str, Sequence[str]] | None = None
) -> pd.DataFrame:
    """Every so many-th place, so that :func:`coalition_values` takes them; all, if it does."""
    players = min(len(players_of(forest.names, groups)), MOST_PLAYERS)
    return x[:: max(-(-len(x) * len(forest.predictors) * 2**players // MOST_PREDICTIONS), 1)]


def interaction_values(
    forest: Forest, x: pd.DataFrame, groups: Mapping[str, Sequence[str]] | None = None
) -> NDArray:
    """Shapley interaction values at each place, deg C, (n, players, players).

    As TreeSHAP states them (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9), but with all
    training sites as background: what two predictors do together beyond what each does alone is
    split in half between (i, j) and (j, i); the diagonal keeps the main effects. Rows add up to
    the Shapley values, and all of them to prediction minus base value.

    Parameters
    ----------
    forest, x, groups
        As for :func:`coalition_values`.

    """
    return interactions_of(coalition_values(forest, x, groups))


def group_shapley(
    forest: Forest, x: pd.DataFrame, groups: Mapping[str, Sequence[str]]
) -> ShapleyValues:
    """Exact Shapley values with each group as one player, whose members become known together.

    :func:`helpers.shapley.grouped` adds up the members instead, and says how the two differ.

    Parameters
    ----------
    forest, x, groups
        As for :func:`coalition_values`.

    """
    worth, players = coalition_values(forest, x, groups), players_of(forest.names, groups)
    columns = [[forest.names.index(name) for name in members] for members in players.values()]
    data = grouped_data(forest.matrix(x), columns)
    base_value = float(worth[:, 0].mean()) if len(worth) else np.nan
    return ShapleyValues(shapley_of(worth), base_value, tuple(players), data)


def shapley_of(worth: NDArray) -> NDArray:
    """Shapley values (n, players) from the worth of all coalitions (n, 2^players)."""
    member = _members(worth.shape[1])
    return _dividends(worth) @ (member / np.maximum(member.sum(axis=1), 1)[:, None])


def interactions_of(worth: NDArray) -> NDArray:
    """Interaction values (n, players, players) from the worth of all coalitions.

    The dividend of a coalition of k counts a (k-1)-th in the interaction of each of its pairs
    (Grabisch and Roubens 1999, doi:10.1007/s001820050125).
    """
    member = _members(worth.shape[1])
    pair = (member[:, :, None] & member[:, None]) / np.maximum(member.sum(axis=1) - 1, 1)[
        :, None, None
    ]
    values = np.tensordot(_dividends(worth), pair / 2, axes=1)
    diagonal = np.arange(member.shape[1])
    values[:, diagonal, diagonal] = 0
    values[:, diagonal, diagonal] = shapley_of(worth) - values.sum(axis=2)
    return values


def _members(n_coalitions: int) -> NDArray:
    """Which players are in each coalition, (coalitions, players)."""
    n_players = n_coalitions.bit_length() - 1
    return (np.arange(n_coalitions)[:, None] >> np.arange(n_players)) % 2 == 1


def _dividends(worth: NDArray) -> NDArray:
    """What each coalition adds to all smaller ones within it (Harsanyi), (n, coalitions)."""
    # In rows, whatever it was before: otherwise the halves below would be copies.
    parts = np.array(worth, dtype=float, order="C")
    n, n_coalitions = parts.shape
    for player in range(n_coalitions.bit_length() - 1):
        halves = parts.reshape(n, n_coalitions // 2 ** (player + 1), 2, 2**player)
        halves[:, :, 1] -= halves[:, :, 0]
    return parts


def _check_number(n_places: int, n_sites: int, n_coalitions: int) -> None:
    """Refuse what would take hours."""
    found = n_places * n_sites * n_coalitions
    if found > MOST_PREDICTIONS:
        raise ContractError(
            f"{n_places:,} places, {n_sites:,} training sites and {n_coalitions:,} coalitions make "
            f"{found:,} predictions; up to {MOST_PREDICTIONS:,} can be worked out. Explain fewer "
            "places (helpers.shapley.few_enough gives every so many-th), or give groups of "
            "predictors."
        )


def _known(names: Sequence[str], players: Mapping[str, Sequence[str]]) -> NDArray:
    """Which predictors each coalition of players knows, (coalitions, predictors)."""
    if len(players) > MOST_PLAYERS:
        raise ContractError(
            f"{len(players)} players ({', '.join(players)}) make {2 ** len(players)} coalitions; "
            f"at most {MOST_PLAYERS} can be worked out. Choose fewer predictors, or give groups "
            "of them (groups = {name: members}), such as clusters of correlated ones."
        )
    player_of = {m: number for number, members in enumerate(players.values()) for m in members}
    return _members(2 ** len(players))[:, [player_of[name] for name in names]]
