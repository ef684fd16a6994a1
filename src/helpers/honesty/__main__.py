"""Try the program's own statements of its error on many virtual surveys: ``make honesty``.

Draws surveys of the truth of the embedded study in memory, runs the chain on each, and writes
``virtual_honesty_trial.csv`` (a row for each survey), ``virtual_honesty_profile.csv`` (errors in
bins of dissimilarity), ``virtual_honesty_summary.csv`` (what was to be reached and what was) and
the figure ``honesty``. A trial that is stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pandas as pd

from helpers.figures import honesty_chart, save_figure
from helpers.honesty.trial import (
    design_summary,
    honesty_trial,
    make_world,
    profile_summary,
    verdicts,
)
from helpers.project import PROJECT
from helpers.storage import read_table, write_table
from helpers.study import Study, load_study

STUDY = PROJECT / "data" / "northeast_china"
# Enough for a forest of a hundred sites; the map that is judged has as many.
N_TREES = 50
N_SURVEYS = 100
# Seeds from here on, after that of the truth: others served to choose how errors are modelled.
FIRST_SURVEY = 5001


def write_summary(folder: Path) -> pd.DataFrame:
    """Write what was to be reached and what was, from the tables of the trial in a folder."""
    rows, profiles = (read_table(folder / f"virtual_honesty_{n}.csv") for n in ("trial", "profile"))
    summary = verdicts(rows, profiles)
    write_table(summary.round(3).reset_index(), folder / "virtual_honesty_summary.csv")
    return summary


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser("python -m helpers.honesty", description=__doc__)
    parser.add_argument("--surveys", type=int, default=N_SURVEYS, help="how many; 100")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes; all cores")
    given = parser.parse_args()
    study, folder = _place(given.surveys)
    world = make_world(load_study(STUDY, n_trees=N_TREES))
    first = world.study.about.truth_seed + FIRST_SURVEY
    seeds = list(range(first, first + given.surveys))
    rows, profiles = honesty_trial(world, seeds, given.workers)
    write_table(rows.round(4), folder / "virtual_honesty_trial.csv")
    write_table(profiles.round(4), folder / "virtual_honesty_profile.csv")
    summary = write_summary(folder)
    save_figure(honesty_chart(study, rows, profiles), study, "honesty")
    for table in (design_summary(rows), profile_summary(profiles), summary):
        print(table.round(2).to_string(), end="\n\n")
    print(f"Tables: {folder}; figure: {study.figures_dir}")


def _place(n_surveys: int) -> tuple[Study, Path]:
    """Study and folder of the results: beside it, unless the trial is as long as the published."""
    study = load_study(STUDY)
    if n_surveys == N_SURVEYS:
        return study, STUDY
    tried = study.changed()
    return tried, tried.interim_dir


if __name__ == "__main__":
    pd.set_option("display.width", 200)
    main()
