"""Draw the virtual survey of the embedded study again: ``python -m helpers.virtual``.

Writes the borehole files and ``virtual_truth.csv`` (the truth beside published values) into the
study folder. The same program gives the same bytes.
"""

import tempfile
from pathlib import Path

import pandas as pd

from helpers.covariates import build_covariates
from helpers.storage import read_table, write_table
from helpers.study import Study, load_study
from helpers.virtual.files import write_survey
from helpers.virtual.published import published_comparison
from helpers.virtual.survey import draw_holes
from helpers.virtual.truth import true_field

NOTE = """# Virtual boreholes

Every file in this folder is made by `make survey`: temperature strings drawn in an invented field,
with the formats and faults of real ones. Nothing here was measured.
"""
STUDY = Path(__file__).resolve().parents[3] / "data" / "northeast_china"


def write_embedded_survey(study: Study, folder: Path) -> None:
    """Write borehole files and the comparison with published values into a folder."""
    covariates = build_covariates(study)
    towns = read_table(study.path(study.area.towns), ("longitude", "latitude"), ("name",))
    seed = study.about.truth_seed
    truth = true_field(covariates, seed)
    holes = draw_holes(truth, covariates["elevation"], towns, study, seed)
    _write_files(holes, folder / "boreholes", seed)
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


if __name__ == "__main__":
    write_embedded_survey(load_study(STUDY), STUDY)
