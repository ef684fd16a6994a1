"""The sites that know every candidate."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from helpers.storage import ContractError


def complete_sites(training: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Sites of a training table whose every column in ``names`` is known, renumbered from 0.

    Candidates are compared at the same sites only; a training table is complete in the predictors
    of the study, not in every covariate.

    Raises
    ------
    ContractError
        If a column is missing, or fewer than two sites are left; it counts the gaps.

    """
    lacking = columns_of(training, names).isna()
    complete = training[~lacking.any(axis=1)].reset_index(drop=True)
    if len(complete) < 2:
        gaps = ", ".join(f"{name}: {n}" for name, n in lacking.sum().items() if n)
        raise ContractError(
            f"Training table: {len(complete)} of {len(training)} sites know all candidates; at "
            f"least 2 are needed. Sites without a value: {gaps}. Leave such a candidate out."
        )
    return complete


def columns_of(training: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Columns ``names``; a ContractError if one is missing or asked for twice, or none is."""
    names = list(names)
    missing = [name for name in names if name not in training]
    if missing or not names or len(set(names)) < len(names):
        raise ContractError(
            f"Training table: {', '.join(missing) or 'no column'} missing among those asked for "
            f"({', '.join(names) or 'none'}); each once, and at least one, is needed. Found: "
            f"{', '.join(map(str, training.columns))}."
        )
    return training[names]


def varying(training: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Columns ``names``; a ContractError if one has the same value at all sites."""
    table = columns_of(training, names)
    constant = [name for name in names if table[name].nunique() < 2]
    if constant:
        raise ContractError(
            f"Training table: {', '.join(constant)} has one value at all {len(table)} sites, so "
            "it has no correlation with anything. Leave it out."
        )
    return table
