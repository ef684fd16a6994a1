"""What an earlier run has left behind, and whether it is of these settings."""

from __future__ import annotations

from collections.abc import Iterator

from helpers.storage import ContractError, opened_dataset
from helpers.study import Study
from helpers.study_check.look import Look
from helpers.study_check.rows import DOUBTFUL, FINE, Row


def leftover_rows(look: Look) -> Iterator[Row]:
    """Files of an earlier run: harmless to a whole run, misleading to a single notebook."""
    if not (look.study.interim_dir / "covariates.nc").is_file():
        yield Row("earlier run", FINE, "none")
        return
    reasons = _other_settings(look.study)
    found = "interim/ and output/ hold one" + (f"; {'; '.join(reasons)}" if reasons else "")
    remedy = "Run all notebooks (make map), not single ones: they would mix old and new."
    yield Row("earlier run", DOUBTFUL if reasons else FINE, found, remedy if reasons else "")


def _other_settings(study: Study) -> list[str]:
    """How the run differed from study.toml; empty if it did not."""
    path = study.interim_dir / "covariates.nc"
    try:
        with opened_dataset(path) as dataset:
            names, shape = set(dataset.data_vars), [dataset.sizes.get(axis) for axis in "yx"]
    except (ContractError, OSError, ValueError) as error:
        return [f"its covariates.nc, which a run makes again, cannot be read ({error})"]
    reasons = []
    if names != set(study.covariates):
        changed = ", ".join(sorted(names ^ set(study.covariates)))
        reasons.append(f"its covariates were others ({changed})")
    if shape != list(study.geobox.shape):
        reasons.append(f"its grid had {shape[1]} x {shape[0]} cells")
    if study.file.stat().st_mtime > path.stat().st_mtime:
        reasons.append("study.toml was changed after it")
    return reasons
