"""Draw the virtual survey of the embedded study again: ``python -m helpers.virtual``.

Writes the borehole files and ``virtual_truth.csv`` (the truth beside published values) into the
study folder. The same program gives the same bytes.
"""

from pathlib import Path

from helpers.covariates import build_covariates
from helpers.storage import read_table, write_table
from helpers.study import Study, load_study
from helpers.virtual.files import write_survey
from helpers.virtual.published import published_comparison
from helpers.virtual.survey import draw_holes
from helpers.virtual.truth import true_field

STUDY = Path(__file__).resolve().parents[3] / "data" / "northeast_china"


def write_embedded_survey(study: Study, folder: Path) -> None:
    """Write borehole files and the comparison with published values into a folder."""
    covariates = build_covariates(study)
    towns = read_table(study.path(study.area.towns), ("longitude", "latitude"), ("name",))
    truth = true_field(covariates, study.about.seed)
    holes = draw_holes(truth, covariates["elevation"], towns, study, study.about.seed)
    for old in (folder / "boreholes").glob("*"):
        old.unlink()  # a hole that changed its format would otherwise leave its file behind
    write_survey(holes, folder / "boreholes", study.about.seed)
    comparison = published_comparison(study, covariates, truth, towns)
    write_table(comparison, folder / "virtual_truth.csv")
    print(comparison.to_string(index=False))


if __name__ == "__main__":
    write_embedded_survey(load_study(STUDY), STUDY)
