"""Draw the virtual survey of the embedded study again: ``python -m helpers.virtual``.

Writes the borehole files and ``virtual_truth.csv`` (the truth beside published and expected values)
into the study folder. The same program gives the same bytes. ``python -m helpers.virtual trial``
tries the checks on this survey and 20 others of the same truth, and writes
``virtual_fault_trial.csv`` (faults found and missed, false alarms) and ``virtual_error_trial.csv``
(how honest the standard errors are).
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from helpers.covariates import build_covariates
from helpers.project import PROJECT
from helpers.storage import read_table, write_json, write_table
from helpers.study import Study, load_study
from helpers.virtual.files import write_survey
from helpers.virtual.published import published_comparison
from helpers.virtual.survey import draw_holes
from helpers.virtual.trial import error_summary, fault_summary, fault_trial
from helpers.virtual.truth import DRAWN_FROM, true_field, truth_key

NOTE = """# Virtual boreholes

Every file in this folder is made by `make survey`: temperature strings drawn in an invented field,
with the formats and faults of real ones. Nothing here was measured.
"""
OTHER_SURVEYS = 20
STUDY = PROJECT / "data" / "northeast_china"


def write_embedded_survey(study: Study, folder: Path) -> None:
    """Write borehole files and the comparison with published and expected values."""
    covariates = build_covariates(study)
    towns = read_table(study.path(study.area.towns), ("longitude", "latitude"), ("name",))
    seed = study.about.truth_seed
    truth = true_field(covariates, seed)
    holes = draw_holes(truth, covariates["elevation"], towns, study, seed)
    _write_files(holes, folder / "boreholes", seed)
    write_json({"truth_key": truth_key(study)}, folder / DRAWN_FROM)
    comparison = published_comparison(study, covariates, truth, towns)
    write_table(comparison, folder / "virtual_truth.csv")
    print(comparison.to_string(index=False))


def _write_files(holes: pd.DataFrame, folder: Path, seed: int) -> None:
    """Write all files beside the folder first, then put them in and take out files of old holes."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as complete:
        write_survey(holes, complete, seed)
        (Path(complete) / "README.md").write_text(NOTE, encoding="utf-8", newline="\n")
        new = {path.name for path in Path(complete).iterdir()}
        for path in Path(complete).iterdir():
            path.replace(folder / path.name)
    for old in (*folder.glob("pipeline_V*"), *folder.glob("gtnp_V*")):
        if old.name not in new:
            old.unlink()


def write_trial(study: Study, folder: Path, n_others: int = OTHER_SURVEYS) -> None:
    """Write how the checks and standard errors do on the committed survey and on others."""
    seed = study.about.truth_seed
    seeds = range(seed, seed + 1 + n_others)
    per_kind, errors = fault_trial(study, build_covariates(study), seeds)
    tables = {"fault": fault_summary(per_kind, seed), "error": error_summary(errors, seed)}
    for name, table in tables.items():
        write_table(table, folder / f"virtual_{name}_trial.csv")
        print(table.to_string(index=False))


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m helpers.virtual", description=__doc__)
    parser.add_argument("action", nargs="?", choices=("survey", "trial"), default="survey")
    actions = {"survey": write_embedded_survey, "trial": write_trial}
    actions[parser.parse_args().action](load_study(STUDY), STUDY)
