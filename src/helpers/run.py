"""The command line: ``python -m helpers.run`` ``map STUDY``, ``check STUDY`` and ``new NAME``."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import psutil
from tqdm import tqdm

from helpers.executing import Journal, NotebookError, open_journal, run_in_order
from helpers.figures import catalogue_markdown
from helpers.project import PROJECT, find_study
from helpers.settings import PERMAFROST
from helpers.storage import ContractError, locked, printable, read_json, read_table, replacing
from helpers.study import Study, StudyError, load_study
from helpers.study_check import check, new_study, next_steps, status, summary, table_text

NOTEBOOKS = (
    "00_start_here",
    "01_borehole_qc",
    "02_covariates",
    "03_random_forest",
    "04_shap_importance",
    "05_validation",
    "06_map_export",
)
FIRST_LOOK = {"n_trees": 100}


def load_variant(study_path: Path, fast: bool) -> Study:
    """The study itself, or its fast variant: coarser cells and fewer trees."""
    study = load_study(study_path)
    return load_study(study_path, **_coarser(study), **FIRST_LOOK) if fast else study


def _coarser(study: Study) -> dict[str, float]:
    """Cell size for a first look: one round number, about 200 cells across, never finer."""
    size = study.geobox.shape.x * study.grid.resolution_m / 200
    digit = 10 ** np.floor(np.log10(size))
    return {"resolution_m": float(max(size // digit * digit, study.grid.resolution_m))}


def run_notebooks(study_path: Path, fast: bool = False) -> dict[str, float]:
    """Run all notebooks in order on a study.

    Executed copies, with their pictures, go to ``interim/notebooks`` of the study. Notebooks that
    an interrupted run has done with the same inputs are not run again.

    Returns
    -------
    Seconds of each notebook that was run.

    Raises
    ------
    NotebookError
        If a notebook stops.
    ContractError
        If another run of this study is under way.

    """
    study = load_variant(study_path, fast)
    parameters = {
        "study_file": str(study.file),
        "resolution_m": study.grid.resolution_m,
        "n_trees": study.forest.n_trees,
    }
    first_look = {"study_file": str(study.file), **FIRST_LOOK, **_coarser(load_study(study_path))}
    notebooks = [PROJECT / "notebooks" / f"{name}.ipynb" for name in NOTEBOOKS]
    values = [first_look if path.stem == NOTEBOOKS[0] else parameters for path in notebooks]
    executed = study.interim_dir / "notebooks"
    with locked(executed, "running these notebooks"):
        executed.mkdir(exist_ok=True)
        _remove_unfinished(study)
        return _run_missing(open_journal(study, notebooks, values), notebooks, executed, values)


def _run_missing(
    journal: Journal, notebooks: list[Path], executed: Path, values: list[dict[str, object]]
) -> dict[str, float]:
    """Run the notebooks that the journal does not name as done; seconds of each."""
    n_done = len(journal.done)
    if n_done:
        numbers = ", ".join(path.stem[:2] for path in notebooks[:n_done])
        print(f"{numbers} done in the interrupted run with the same inputs, reused")
    seconds, start = {}, time.perf_counter()
    names = [*(path.stem for path in notebooks), "done"]
    with tqdm(total=len(notebooks), initial=n_done, unit="notebook", dynamic_ncols=True) as bar:
        bar.set_description(names[n_done])
        for done, name in zip(
            run_in_order(notebooks[n_done:], executed, values[n_done:]),
            names[n_done + 1 :],
            strict=True,
        ):
            journal.add()
            seconds[done.stem], start = time.perf_counter() - start, time.perf_counter()
            bar.update()
            bar.set_description(name)
    journal.close()
    return seconds


def _remove_unfinished(study: Study) -> None:
    """Remove what writers on this machine that are gone left half done."""
    for folder in (study.interim_dir, study.output_dir, study.figures_dir):
        for path in folder.glob(".*.unfinished-*"):
            writer = path.name.rpartition(".unfinished-")[2].split(".")[0]
            if writer.isdigit() and not psutil.pid_exists(int(writer)):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def results(study: Study) -> dict[str, str]:
    """Results by name as text; every number is read from the files the run wrote."""
    boreholes = read_table(study.interim_dir / "boreholes.csv", ("t15_c",), ("site", "status"))
    validation = read_json(study.interim_dir / "validation.json")
    metadata = read_json(study.output_dir / "metadata.json")
    area = metadata["permafrost_area_1e4_km2"]
    rows = {"Sites": _site_line(boreholes["status"].value_counts().to_dict(), validation)}
    for design, label in (("random", "Random folds"), ("knndm", "kNNDM")):
        rows[label] = _score_line(validation["designs"][design])
    rows["Calibrated interval, kNNDM"] = _coverage(
        validation["designs"]["knndm"]["calibrated_interval"]
    )
    if validation["truth"]:
        rows["True RMSE (virtual truth)"] = ", ".join(
            f"{name} {_number(found['rmse'])}"
            for name, found in validation["truth"].items()
            if found["cells"]
        )
    rows |= _expectation_lines(validation["applicability"])
    rows["Permafrost, mean <= 0 degC"] = (
        f"{_number(area['where_mean_at_or_below_0'], '.1f')} x 10^4 km2"
    )
    rows["of which inside the area of applicability"] = _number(area["inside_applicability"], ".1f")
    rows["Permafrost, with its error"] = _area_line(metadata["area_table_1e4_km2"])
    if validation["true_frozen_share"] is not None:
        true = validation["true_frozen_share"] * area["mapped"]
        rows["Permafrost, virtual truth"] = f"{true:.1f} x 10^4 km2"
    rows["Mapped"] = f"{area['mapped']:.1f} x 10^4 km2, cells of {study.grid.resolution_m:g} m"
    if study.about.virtual_boreholes:
        rows["Note"] = "the boreholes are virtual: this is no map of real permafrost"
    return rows


def write_results(study: Study) -> Path:
    """Write a README beside the figures: the list of them, and the results."""
    lines = ["", "## Results", "", "| result | value |", "| --- | --- |"]
    lines += [f"| {label} | {text} |" for label, text in results(study).items()]
    path = study.figures_dir / "README.md"
    with replacing(path) as unfinished:
        text = catalogue_markdown(study) + "\n".join(lines) + "\n"
        unfinished.write_text(text, encoding="utf-8", newline="\n")
    return path


def results_table(study: Study, seconds: dict[str, float]) -> str:
    """Table of results, files and running times for the screen."""
    files = sorted(p.name for p in study.output_dir.iterdir() if p.is_file())
    rows = results(study) | {
        "Files": f"{', '.join(files)} in {study.output_dir}",
        "Figures": str(study.figures_dir),
        "Seconds": ", ".join(f"{name[:2]}: {s:.0f}" for name, s in seconds.items()),
        "Seconds in all": f"{sum(seconds.values()):.0f}",
    }
    width = max(map(len, rows))
    return "\n".join(f"{label:<{width}}  {text}" for label, text in rows.items())


def _site_line(status: dict[str, int], validation: dict[str, Any]) -> str:
    lost = status.get("used", 0) - validation["n_sites"]
    others = [f"{n} {name}" for name, n in status.items() if name != "used"]
    others += [f"{lost} without predictors"] if lost else []
    return f"{validation['n_sites']} used of {sum(status.values())} ({', '.join(others)})"


def _score_line(design: dict[str, Any]) -> str:
    scores, interval, frozen = design["regression"], design["interval"], design["frozen"]
    low, high = map(_number, scores["rmse_interval"])
    return (
        f"RMSE {_number(scores['rmse'])} ({low}-{high}) degC, "
        f"bias {_number(scores['bias'], '+.2f')}, "
        f"model efficiency {_number(scores['model_efficiency'])}, frozen or not "
        f"{_number(frozen['overall_accuracy'], '.0%')}, forest's {_coverage(interval)}"
    )


def _number(value: float | None, style: str = ".2f") -> str:
    """A number as text; a dash for null, which stands for what is not defined."""
    return "-" if value is None else format(value, style)


def _coverage(interval: dict[str, float | None]) -> str:
    return f"{interval['nominal']:.0%} interval covers {_number(interval['coverage'], '.0%')}"


def _expectation_lines(applicability: dict[str, float | None]) -> dict[str, str]:
    """How much of the map the model is for, and the error to be expected there and elsewhere."""
    inside, outside = (
        _number(applicability[f"expected_error_{side}_c"]) for side in ("inside", "outside")
    )
    return {
        "Area of applicability": f"{_number(applicability['share_inside'], '.0%')} of the map",
        "Expected RMSE of the map": f"inside {inside}, outside {outside} degC",
    }


def _area_line(table: dict[str, Any]) -> str:
    """Area of permafrost of maps with simulated errors: median and interval."""
    row = table["rows"][PERMAFROST]
    median, low, high = (_number(row[k], ".1f") for k in ("simulated_median", "lower", "upper"))
    return f"{median} ({table['simulated_level']:.0%} interval {low}-{high}) x 10^4 km2"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m helpers.run", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    mapping = commands.add_parser("map", help="run the notebooks on a study, end with a table")
    mapping.add_argument("study", help="name of a folder under data/, or a path")
    mapping.add_argument("--fast", action="store_true", help="coarse cells and few trees")
    new = commands.add_parser("new", help="write a commented study.toml for another region")
    new.add_argument("name", help="lower-case letters, digits and _")
    edges = ("WEST", "SOUTH", "EAST", "NORTH")
    words = "degrees; filled in, with an equal-area CRS that suits them"
    new.add_argument("--area", nargs=4, type=float, metavar=edges, help=words)
    checking = commands.add_parser("check", help="say what of a study is fine, missing or wrong")
    checking.add_argument("study", help="name of a folder under data/, or a path")
    checking.add_argument(
        "--whole", action="store_true", help="read all borehole files, however large"
    )
    given = parser.parse_args(arguments)
    try:
        if given.command == "new":
            _show(next_steps(new_study(given.name, PROJECT / "data", given.area)))
            return 0
        path = find_study(given.study)
        if given.command == "check":
            rows = check(path, given.whole)
            _show(f"{table_text(rows)}\n\n{summary(rows)}")
            return status(rows)
        seconds = run_notebooks(path, given.fast)
        study = load_variant(path, given.fast)
        write_results(study)
        _show(results_table(study, seconds))
    except (StudyError, ContractError, NotebookError, OSError) as error:
        _show(f"\n{error}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        _show("\nStopped. The next run goes on where this one was.", sys.stderr)
        return 130
    return 0


def _show(text: str, stream: TextIO | None = None) -> None:
    """Print; a name or cell of a file must not move the cursor or colour the screen."""
    print(printable(text), file=stream)


if __name__ == "__main__":
    sys.exit(main())
