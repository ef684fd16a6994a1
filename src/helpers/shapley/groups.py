"""Predictors taken together: correlated ones share credit in a way that is hard to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from helpers.shapley.values import ShapleyValues
from helpers.storage import ContractError


def grouped(shapley: ShapleyValues, groups: Mapping[str, Sequence[str]]) -> ShapleyValues:
    """Shapley values with the contributions of the members of a group added up.

    The sum stays additive to the prediction. It is what the members add, each as a player of its
    own; :func:`helpers.shapley.group_shapley` lets the group enter the game as one player. The
    two differ only where several members interact with an outsider: an interaction of k
    predictors gives each of them a k-th of it, so m members get m/k, but one player among the
    k - m outsiders gets 1/(k - m + 1). Interactions of pairs make no difference.

    Parameters
    ----------
    shapley
        Values of single predictors.
    groups
        Name -> members, such as a cluster of :func:`helpers.selection.spearman_clusters`. What
        is in no group stays by itself.

    Returns
    -------
    The same places; a group stands where its first member stood. ``data`` is NaN for a group of
    several, which has no value of its own.

    Raises
    ------
    ContractError
        If a member is unknown or in two groups, or a group has the name of another predictor.

    """
    players = players_of(shapley.names, groups)
    columns = [[shapley.names.index(name) for name in members] for members in players.values()]
    values = np.column_stack([shapley.values[:, own].sum(axis=1) for own in columns])
    return ShapleyValues(
        values, shapley.base_value, tuple(players), grouped_data(shapley.data, columns)
    )


def grouped_data(data: np.ndarray, columns: Sequence[Sequence[int]]) -> np.ndarray:
    """Values of the players, (n, players): of a single predictor its own, of several NaN."""
    nothing = np.full(len(data), np.nan)
    return np.column_stack([data[:, own[0]] if len(own) == 1 else nothing for own in columns])


def players_of(
    names: Sequence[str], groups: Mapping[str, Sequence[str]] | None = None
) -> dict[str, list[str]]:
    """Each group, and each predictor of none, with its members; in the order of the predictors."""
    groups = {name: list(members) for name, members in (groups or {}).items()}
    check_members(names, groups, apart=True)
    group_of = {member: name for name, members in groups.items() for member in members}
    return {group_of.get(name, name): groups.get(group_of.get(name), [name]) for name in names}


def check_members(
    names: Sequence[str], groups: Mapping[str, Sequence[str]], *, apart: bool
) -> None:
    """Refuse groups of unknown predictors and misleading names; ``apart``: also overlaps."""
    for name, members in groups.items():
        unknown = [member for member in members if member not in names]
        if unknown or not members or len(set(members)) < len(members):
            raise ContractError(
                f"Group '{name}': {', '.join(unknown) or 'no predictor, or one twice,'} found; "
                f"each member once, of {', '.join(names)}, is needed."
            )
        if name in names and list(members) != [name]:
            raise ContractError(f"Group '{name}' has the name of a predictor; give it another.")
    everyone = [member for members in groups.values() for member in members]
    twice = sorted({member for member in everyone if everyone.count(member) > 1})
    if apart and twice:
        raise ContractError(f"{', '.join(twice)} in more than one group; keep it in one of them.")
