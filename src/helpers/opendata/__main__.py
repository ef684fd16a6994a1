"""Fetch the open data of a study: ``python -m helpers.opendata STUDY [--plan]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import pandas as pd

from helpers.opendata.layers import cache_folder, plan, prepare
from helpers.project import find_study
from helpers.storage import ContractError
from helpers.study import Study, StudyError, load_study


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what will be fetched, fetch and build it, print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m helpers.opendata", description=__doc__)
    parser.add_argument("study", help="folder or study.toml, or the name of a folder under data")
    parser.add_argument("--plan", action="store_true", help="only say what would be fetched")
    options = parser.parse_args(arguments)
    try:
        study = load_study(find_study(options.study))
        planned = plan(study)
        print(_plan_text(study, planned))
        if options.plan:
            return int((planned["problem"] != "").any())
        print(_result_text(prepare(study)))
    except (ContractError, StudyError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _plan_text(study: Study, planned: pd.DataFrame) -> str:
    if planned.empty:
        return f"{study.name}: study.toml names no open data."
    lines = [f"{study.name}: open data; downloads are kept in {cache_folder(study)}"]
    for row in planned.itertuples():
        missing = row.files - row.cached
        size = "size unknown" if pd.isna(row.bytes) else f"{row.bytes / 1e6:.1f} MB"
        to_fetch = f"{missing} to fetch ({size})" if missing else "nothing to fetch"
        lines.append(f"  {row.product}, for {row.layers}")
        files = row.problem or f"{row.files} files, {row.cached} there, {to_fetch}"
        lines += [f"    {files}", f"    licence: {row.licence}"]
    return "\n".join(lines)


def _result_text(made: pd.DataFrame) -> str:
    lines = [f"{'layer':16} {'lowest':>9} {'highest':>9} {'units':8} {'known':>6}  source"]
    for row in made.itertuples():
        known = "" if pd.isna(row.known_share) else f"{row.known_share:.0%}"
        span = f"{row.low:9.4g} {row.high:9.4g}"
        lines.append(f"{row.layer:16} {span} {row.units:8} {known:>6}  {row.source}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
