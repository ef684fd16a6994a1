"""Contracts of the two tidy tables that every format becomes: records and sites.

They are the hand-over to the checks, which may then rely on types, on finite numbers and on
coordinates that can lie on Earth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.storage import ContractError

if TYPE_CHECKING:
    import pandera.pandas as pa

DEEPEST_M = 1e6  # far more than any hole has in centimetres
MOST_MONTHS = 12 * 400
AVERAGING = ("reading", "day", "month", "mean")


class Rule(NamedTuple):
    """What a column must hold: its name, the values as a test, words, and the remedy."""

    column: str
    holds: object
    words: str
    remedy: str


HAS_CODE = Rule("site", lambda t: t["site"].notna() & (t["site"] != ""), "a code", "Fill it in.")
RECORD_RULES = (
    HAS_CODE,
    Rule(
        "time",
        lambda t: t["time"].notna() | (t["averaging"] == "mean"),
        "a time, except of a mean over years",
        "Fill it in or delete the row.",
    ),
    Rule(
        "depth_m",
        lambda t: t["depth_m"].abs() <= DEEPEST_M,
        f"within {DEEPEST_M:g} m",
        "Correct it.",
    ),
    Rule(
        "temperature_c",
        lambda t: ~np.isinf(t["temperature_c"]),
        "a finite temperature or nothing",
        "Correct it or leave it empty.",
    ),
    Rule(
        "averaging",
        lambda t: t["averaging"].isin(AVERAGING),
        f"one of {', '.join(AVERAGING)}",
        "Correct it.",
    ),
    Rule("row", lambda t: t["row"] >= 1, "a row of the file, from 1", "Correct it."),
    Rule(
        "year_start",
        lambda t: ~(t["year_start"] > t["year_end"]).fillna(False).astype(bool),
        "no later than year_end",
        "Exchange or correct the years.",
    ),
    Rule(
        "n_months",
        lambda t: t["n_months"].isna() | t["n_months"].between(0, MOST_MONTHS),
        f"a number of months from 0 to {MOST_MONTHS}",
        "Correct it or leave it empty.",
    ),
    Rule(
        "amplitude_c",
        lambda t: t["amplitude_c"].isna() | t["amplitude_c"].between(0, np.inf, inclusive="left"),
        "half of a range: 0 or more",
        "Correct it or leave it empty.",
    ),
)
SITE_RULES = (
    HAS_CODE,
    Rule("longitude", lambda t: t["longitude"].abs() <= 360, "within 360 degrees", "Correct it."),
    # Exchanged coordinates pass: the checks exchange them back and say so.
    Rule(
        "latitude",
        lambda t: t["latitude"].abs() <= np.where(t["longitude"].abs() <= 90, 180, 90),
        "within 90 degrees",
        "Correct it.",
    ),
    Rule("elevation_m", lambda t: ~np.isinf(t["elevation_m"]), "finite or nothing", "Correct it."),
    Rule("setting", lambda t: t["setting"].notna(), "stated or 'not stated'", "Fill it in."),
)
RECORD_TYPES = {
    "site": str,
    "time": "datetime64[ns]",
    "depth_m": "float64",
    "temperature_c": "float64",
    "averaging": str,
    "file": "category",
    "sheet": "category",
    "row": "int64",
    "year_start": "Int64",
    "year_end": "Int64",
    "n_months": "float64",
    "amplitude_c": "float64",
}
SITE_TYPES = {
    **dict.fromkeys(("longitude", "latitude", "elevation_m"), "float64"),
    **dict.fromkeys(("site", "setting", "file"), str),
    "row": "int64",
}


def records_schema() -> pa.DataFrameSchema:
    """Contract of the records: columns, types and :data:`RECORD_RULES`."""
    return _schema(RECORD_TYPES, RECORD_RULES)


def sites_schema() -> pa.DataFrameSchema:
    """Contract of the sites: columns, types and :data:`SITE_RULES`."""
    return _schema(SITE_TYPES, SITE_RULES)


def require_records(records: pd.DataFrame) -> pd.DataFrame:
    """Give the records back, or raise an error that names the first cell that breaks a rule."""
    return _require(records, records_schema(), RECORD_RULES)


def require_sites(sites: pd.DataFrame) -> pd.DataFrame:
    """Give the sites back, or raise an error that names the first cell that breaks a rule."""
    return _require(sites, sites_schema(), SITE_RULES)


def _schema(types: Mapping[str, Any], rules: tuple[Rule, ...]) -> pa.DataFrameSchema:
    # Imported here: pandera takes half a second, and most of the package does without it.
    import pandera.pandas as pa

    # Text is of another type in each version of pandas.
    kinds = {name: None if kind is str else kind for name, kind in types.items()}
    columns = {name: pa.Column(kind, nullable=True) for name, kind in kinds.items()}
    # The rules stand at the table, because some of them look at two columns.
    checks = [
        pa.Check(rule.holds, name=rule.column, ignore_na=False, n_failure_cases=1) for rule in rules
    ]
    return pa.DataFrameSchema(columns, checks=checks)


def _require(
    table: pd.DataFrame, schema: pa.DataFrameSchema, rules: tuple[Rule, ...]
) -> pd.DataFrame:
    import pandera.pandas as pa

    try:
        return schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        # A missing column or a wrong type makes the rules about it fail as well: it comes first.
        cases = error.failure_cases
        is_rule = cases["check"].isin([rule.column for rule in rules])
        first = (cases if is_rule.all() else cases[~is_rule]).iloc[0]
        raise ContractError(_explained(first, table, rules)) from error


def _explained(case: pd.Series, table: pd.DataFrame, rules: tuple[Rule, ...]) -> str:
    """What is wrong, where, and what to do."""
    rule = next((rule for rule in rules if rule.column == case["check"]), None)
    if rule is None or pd.isna(case["index"]):
        column = case["column"] if pd.notna(case["column"]) else case["failure_case"]
        return (
            f"Borehole table: column '{column}': found {case['failure_case']}, expected "
            f"{case['check']}. See BoreholeData for the columns and their types."
        )
    cell = table.loc[case["index"]]
    sheet = f": sheet '{cell['sheet']}'" if cell.get("sheet") else ""
    return (
        f"{cell['file']}{sheet}: row {cell['row']}: site '{cell['site']}': '{rule.column}' is "
        f"{cell[rule.column]}, but must be {rule.words}. {rule.remedy}"
    )
