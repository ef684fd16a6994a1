"""Many virtual surveys of one truth, and the summary of what the program said of its error."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

import helpers
from helpers.covariates import build_covariates
from helpers.honesty.survey import BINS, Assessment, World, assess_survey
from helpers.storage import library_versions, read_json, read_table, sha256, write_json
from helpers.study import Study
from helpers.validation import DESIGNS, coarse_sample, goals
from helpers.virtual.truth import TRUTH_LAYERS, truth_of

_SHARED: list[World] = []


def make_world(study: Study) -> World:
    """Layers, truth and sample that all surveys of the study share."""
    layers = list(dict.fromkeys((*TRUTH_LAYERS, *study.forest.predictors)))
    covariates = build_covariates(study)[layers]
    truth = truth_of(study, covariates)
    towns = read_table(study.path(study.area.towns), ("longitude", "latitude"), ("name",))
    sample = coarse_sample(covariates)
    sample_truth = truth.sel(x=sample.x, y=sample.y)
    return World(study, covariates, truth, towns, sample, sample_truth)


def honesty_trial(
    world: World, seeds: list[int], workers: int = 1, progress: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Assess a survey for every seed.

    What is done is kept in the interim folder, so that a trial that was stopped goes on.

    Parameters
    ----------
    world
        Of :func:`make_world`.
    seeds
        Of the surveys.
    workers
        Processes that share the work.
    progress
        Whether to show a bar.

    Returns
    -------
    The rows and the profiles of :func:`assess_survey`, in the order of the seeds.

    """
    folder = world.study.interim_dir / "honesty" / _trial_key(world)
    done = {seed: folder / f"survey_{seed}.json" for seed in seeds}
    missing = [seed for seed, path in done.items() if not path.is_file()]
    bar = tqdm(total=len(seeds), initial=len(seeds) - len(missing), disable=not progress)
    with bar:
        for seed, found in _assessed(world, missing, workers):
            content = {"row": found.row, "profile": found.profile.to_dict("list")}
            write_json(content, done[seed])
            bar.update()
    records = [read_json(path) for path in done.values()]
    rows = pd.DataFrame([record["row"] for record in records])
    profiles = pd.concat([pd.DataFrame(r["profile"]) for r in records], ignore_index=True)
    return rows, profiles


def _trial_key(world: World) -> str:
    """Name for all that an assessment depends on: settings, world, libraries, and this package."""
    settings = world.study.model_dump(mode="json")
    package = Path(helpers.__file__).parent
    code = {str(p.relative_to(package)): sha256(p) for p in sorted(package.rglob("*.py"))}
    of_text = json.dumps([settings, library_versions(), code], sort_keys=True)
    digest = hashlib.sha256(of_text.encode())
    digest.update(world.towns.to_csv().encode())
    for layer in (*world.covariates.data_vars.values(), world.truth):
        digest.update(np.ascontiguousarray(layer))
    return digest.hexdigest()[:16]


def _assessed(world: World, seeds: list[int], workers: int) -> Iterator[tuple[int, Assessment]]:
    """Assessments as they are ready."""
    if workers == 1 or len(seeds) < 2:
        yield from ((seed, assess_survey(world, seed)) for seed in seeds)
        return
    # Forked processes would share the locks of threads that do not exist in them.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _receive, (world,))
    running = {pool.submit(_assess, seed): seed for seed in seeds}
    try:
        for future in as_completed(running):
            yield running[future], _result(future, running[future])
    finally:
        pool.shutdown(cancel_futures=True)


def _result(future: Future, seed: int) -> Assessment:
    """What a process found; an error names the survey."""
    try:
        return future.result()
    except Exception as error:
        error.add_note(f"This was virtual survey {seed}; those that are done are kept.")
        raise


def _receive(world: World) -> None:
    """Keep the world in this process; it is too large to be sent with each survey."""
    _SHARED[:] = [world]


def _assess(seed: int) -> Assessment:
    # As many processes as cores: more threads would only wait for each other.
    with threadpool_limits(1):
        return assess_survey(_SHARED[0], seed)


def design_summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean estimate of each design, and how far it is from the true RMSE inside, by survey.

    Returns
    -------
    One row per design: estimate, its standard deviation over surveys, true_inside (deg C),
    ratio of the means, and mean absolute difference from the truth of the same survey (deg C).

    """
    names = [name for name in DESIGNS if name in rows]
    true = rows["true_inside"]
    return pd.DataFrame(
        {
            "estimate": rows[names].mean(),
            "standard_deviation": rows[names].std(),
            "true_inside": true.mean(),
            "ratio": rows[names].mean() / true.mean(),
            "mean_difference": rows[names].sub(true, axis=0).abs().mean(),
        }
    ).rename_axis("design")


def profile_summary(profiles: pd.DataFrame) -> pd.DataFrame:
    """Root of the mean expected and true squared error in each bin, deg C, and their ratio."""
    squared = profiles.assign(**{name: profiles[name] ** 2 for name in ("expected", "true")})
    table = squared.groupby("bin")[["dissimilarity", "expected", "true"]].mean()
    table[["expected", "true"]] = np.sqrt(table[["expected", "true"]])
    return table.assign(ratio=table["expected"] / table["true"])


def verdicts(rows: pd.DataFrame, profiles: pd.DataFrame) -> pd.DataFrame:
    """What was to be reached, what was found, and in how many surveys it was so.

    By :mod:`helpers.validation.goals`: the kNNDM estimate against the true RMSE inside the area of
    applicability, and whether it is nearer to it than the random and the block design; the expected
    error against the true one in each bin; the share of the cells inside that the calibrated
    intervals cover, and of the surveys whose interval holds the true area.

    Returns
    -------
    By claim: found (on average over the surveys), from and to (what was to be reached), reached,
    and surveys, the share of them of which it is true alone.

    """
    designs, bins = design_summary(rows), profile_summary(profiles)
    worst = bins["ratio"].iloc[(bins["ratio"] - 1).abs().argmax()]
    ratio = rows["knndm"] / rows["true_inside"]
    by_bin = (profiles["expected"] / profiles["true"]).between(*goals.PROFILE_RATIO)
    holds = rows["true_area"].between(rows["area_lower"], rows["area_upper"])
    covered = rows["covered_inside"]
    off = rows[["random", "blocks", "knndm"]].sub(rows["true_inside"], axis=0).abs()
    nearer = {name: (off["knndm"] < off[name]).mean() for name in ("random", "blocks")}
    mean_off = (designs["estimate"] - designs["true_inside"]).abs()
    found = [
        ("kNNDM / true RMSE inside", designs["ratio"]["knndm"], *goals.ESTIMATE_RATIO,
         ratio.between(*goals.ESTIMATE_RATIO).mean()),
        ("distance of kNNDM from the true RMSE inside / that of random folds",
         mean_off["knndm"] / mean_off["random"], 0.0, 1.0, nearer["random"]),
        ("distance of kNNDM from the true RMSE inside / that of blocks",
         mean_off["knndm"] / mean_off["blocks"], 0.0, 1.0, nearer["blocks"]),
        (f"expected / true RMSE, worst of {BINS} bins of dissimilarity", worst,
         *goals.PROFILE_RATIO, by_bin.groupby(profiles["survey"]).all().mean()),
        ("cells inside covered by calibrated 90 % intervals", covered.mean(), *goals.COVERAGE,
         covered.between(*goals.COVERAGE).mean()),
        ("surveys whose 90 % interval holds the true area", holds.mean(), *goals.AREA_COVERAGE,
         np.nan),
        ("of these intervals, too high as a whole",
         (rows["area_lower"] > rows["true_area"]).mean(), np.nan, np.nan, np.nan),
    ]  # fmt: skip
    columns = ["claim", "found", "from", "to", "surveys"]
    table = pd.DataFrame(found, columns=columns).set_index("claim")
    reached = table["found"].between(table["from"], table["to"]).astype(object)
    table.insert(3, "reached", reached.where(table["from"].notna(), ""))
    return table
