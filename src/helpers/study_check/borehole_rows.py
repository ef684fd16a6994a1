"""Checks of the boreholes: files, sites, depths, and how many sites a run can learn from."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from helpers.boreholes.flags import NOTED, REFUSED, REPAIRED
from helpers.boreholes.formats import IGNORED, SKIPPED
from helpers.boreholes.overrides import read_overrides
from helpers.study import Study, StudyError
from helpers.study_check.look import Look, inside
from helpers.study_check.rows import DOUBTFUL, FINE, MISSING, WRONG, Row, wrong
from helpers.study_check.survey import Survey, changed, matching_files

# Fewer deep holes than this hardly tell how temperature goes on downwards.
_FEW_DEEP_HOLES, _FEW_SITES = 5, 30
_LARGE_SHARE, _BOTH_SIDES = 0.3, 0.15
_OFTEN, _MOST_ERRORS = 4, 20
_PUT = "Put borehole files into the folder boreholes, or correct the pattern."


def file_rows(look: Look) -> Iterator[Row]:
    """Patterns without a file, files that cannot be read, and what the others are."""
    missing = list(_missing_files(look.study))
    if not missing and not matching_files(look.study):
        found = "the patterns match the site table and metadata of other files only"
        missing = [Row("borehole files", MISSING, found, _PUT)]
    yield from missing
    survey = look.survey
    errors = [(name, error) for name, error in survey.errors if name != "overrides"]
    for name, error in errors[:_MOST_ERRORS]:
        remedy = "Mend the file, or name it otherwise in [boreholes]."
        yield wrong(name, error, look.study, remedy)
    if more := len(errors[_MOST_ERRORS:]):
        yield Row("borehole files", WRONG, f"{more} more cannot be read", "Mend those above first.")
    if survey.left_out:
        names = ", ".join(path.name for path in survey.left_out[:_OFTEN])
        found = f"large, so not opened, to stay within seconds: {names}"
        yield Row("borehole files", DOUBTFUL, found, "To read them too, add --whole.")
    if survey.checked is None:
        return
    files = survey.checked.files
    used = files[files["values"] > 0]
    kinds = ", ".join(f"{n} x {kind}" for kind, n in used["format"].value_counts().items())
    yield Row("borehole files", FINE, f"{len(used)} read: {kinds}")
    skipped = files[files["format"].isin([SKIPPED, IGNORED])]
    if len(skipped):
        names = "; ".join(f"{row.file} ({row.format})" for row in skipped[:_OFTEN].itertuples())
        more = f" and {len(skipped) - _OFTEN} more" if len(skipped) > _OFTEN else ""
        yield Row("left out", DOUBTFUL, names + more, "Nothing, if no temperatures stand there.")


def _missing_files(study: Study) -> Iterator[Row]:
    """A row for each pattern, and the site table, that no file answers to."""
    for pattern in study.boreholes.files:
        try:
            changed(study, files=[pattern]).borehole_files()
        except StudyError as error:
            text = str(error).removeprefix(f"{study.file}: ")
            open_data = pattern.startswith(f"{study.open_dir.name}/")
            yield Row("borehole files", MISSING, text, "" if open_data else _PUT)
    sites = study.boreholes.sites
    if sites and not (study.folder / sites).exists():
        yield Row(
            "site table", MISSING, f"{sites} is not there", "Put it there, or remove the key."
        )


def site_rows(look: Look) -> Iterator[Row]:
    """Where the sites lie, what the checks refused and repaired, and the period."""
    survey, study = look.survey, look.study
    n_used = len(survey.used)
    sites, flags = survey.sites, survey.checked.flags
    within = inside(study.area, sites["longitude"], sites["latitude"])
    state = FINE if within.mean() > 1 - _LARGE_SHARE else DOUBTFUL
    remedy = "" if state == FINE else "Is [area] yours? Are longitude and latitude in their places?"
    found = f"{len(sites)} sites with coordinates, {within.sum()} inside the area"
    yield Row("sites", state, found, remedy)
    yield from _period_row(survey, study)
    refused = flags[flags["action"] == REFUSED]
    if len(refused):
        n_refused = refused["site"].nunique()
        many = n_refused > _LARGE_SHARE * (n_used + n_refused)
        yield Row(
            "refused sites", DOUBTFUL if many else FINE, _counts(refused), "Notebook 01 says why."
        )
    repaired = flags[flags["action"] == REPAIRED]
    if len(repaired):
        remedy = "Believe it, mend the files, or overrule it: notebook 01, section 4."
        yield Row("repaired", DOUBTFUL, _counts(repaired), remedy)


def _counts(flags: pd.DataFrame) -> str:
    """How many sites each check speaks of, with an example of its reason."""
    checks = flags.groupby("check", sort=False)
    words = [
        f"{part['site'].nunique()} x {check} ({part['site'].iloc[0]}: {part['reason'].iloc[0]})"
        for check, part in checks
    ]
    return "; ".join(words)


def _period_row(survey: Survey, study: Study) -> Iterator[Row]:
    """Years of the readings against the period, as far as only those inside count."""
    files = survey.checked.files
    read = files["first"].min(), files["last"].max()
    span = "means over years only" if pd.isna(read[0]) else f"readings {read[0]:%Y} to {read[1]:%Y}"
    flags = survey.checked.flags
    outside = flags[flags["check"] == "outside the period"]
    lost = outside[outside["action"] == REFUSED]["site"].nunique()
    unstated = outside["reason"].str.startswith("no years").sum()
    found = f"{span}; used: {study.period_in_words}"
    if unstated:
        found += f"; {unstated} sites state no years and are taken as inside"
    if not lost:
        yield Row("period", DOUBTFUL if unstated else FINE, found)
        return
    found += f"; {lost} of {len(survey.sites)} sites have nothing in it"
    remedy = "Move [period], or set only_period = false: then readings of any year count."
    many = lost > _LARGE_SHARE * len(survey.sites)
    yield Row("period", DOUBTFUL if many else FINE, found, remedy if many else "")


def depth_rows(look: Look) -> Iterator[Row]:
    """How deep the holes are, and those that share a cell."""
    used, sites, study = look.survey.used, look.survey.sites, look.study
    counts = used["method"].value_counts()
    shallow = sites["status"].eq("refused") & sites["deepest_m"].isna()
    deep, extended = (int(counts.get(method, 0)) for method in ("interpolated", "extended"))
    found = (
        f"{deep} sites have sensors around {study.boreholes.depth_m:g} m, {extended} are extended "
        f"downwards; {shallow.sum()} sites give no temperature there"
    )
    few = deep < _FEW_DEEP_HOLES
    remedy = (
        "Extended sites lean on the gradient of few deep holes; look at their errors."
        if few
        else ""
    )
    yield Row("depth", DOUBTFUL if few else FINE, found, remedy)
    combined = int((sites["status"] == "combined").sum())
    if combined:
        cell = study.boreholes.combine_cell_m
        found = (
            f"{combined} holes share a cell of {cell:g} m with another: one site is made of them"
        )
        yield Row("holes in one cell", FINE, found)


def number_rows(look: Look) -> Iterator[Row]:
    """How many sites can be expected to train the forest, and how cold they are."""
    used, study = look.survey.used, look.study
    fewest = study.boreholes.fewest_sites
    at_least = "at least " if look.survey.left_out else ""
    found = f"{at_least}{len(used)} of {len(look.survey.sites)} sites can be used"
    found += _lost(look.survey)
    if len(used) < fewest:
        found += f"; boreholes.fewest_sites is {fewest}"
        remedy = "Add boreholes, or see the thresholds in [boreholes] that refuse them."
        yield Row("expected sites", WRONG, found, remedy)
        return
    few = len(used) < _FEW_SITES
    remedy = "So few sites make scores and intervals very uncertain." if few else ""
    yield Row("expected sites", DOUBTFUL if few else FINE, found, remedy)
    yield from _temperature_row(used, study)


def _lost(survey: Survey) -> str:
    """Why other sites cannot be used, without what the row of refused sites says."""
    reasons = survey.sites["reason"][survey.sites["status"] == "refused"].str.split(":").str[0]
    flags = survey.checked.flags
    told = reasons.isin(flags["check"][flags["action"] == REFUSED])
    words = [f"{told.sum()} refused"] if told.any() else []
    words += [f"{n} x {reason}" for reason, n in reasons[~told].value_counts().items()]
    return f" (not: {'; '.join(words)})" if words else ""


def _temperature_row(used: pd.DataFrame, study: Study) -> Iterator[Row]:
    """Range of the temperatures, and whether both frozen and thawed ground is among them."""
    t15, reach = used["t15_c"], study.figures.temperature_reach_c
    frozen = int((t15 <= 0).sum())
    found = f"{t15.min():.1f} to {t15.max():.1f} degC, {frozen} of {len(t15)} at or below 0"
    remedies = []
    if min(frozen, len(t15) - frozen) < _BOTH_SIDES * len(t15):
        remedies.append("Almost all sites on one side of 0: the map hardly knows where 0 lies.")
    if t15.abs().quantile(0.9) > reach:
        remedies.append(f"Maps end at {reach:g} degC: raise temperature_reach_c in [figures].")
    state = DOUBTFUL if remedies else FINE
    yield Row(f"temperature at {study.boreholes.depth_m:g} m", state, found, " ".join(remedies))


def override_rows(look: Look) -> Iterator[Row]:
    """What a person decides against the checks."""
    study = look.study
    relative = study.boreholes.overrides
    if relative is None:
        yield Row("overrides", FINE, "none named")
        return
    if not look.exists(relative):
        remedy = "Put the file there, or remove boreholes.overrides."
        yield Row("overrides", MISSING, f"{relative} is not there", remedy)
        return
    yield Row("overrides", FINE, f"{len(read_overrides(study).table)} decisions in {relative}")
    flags = look.survey.checked.flags if look.survey.checked else pd.DataFrame(columns=["check"])
    idle = flags[(flags["check"] == "override") & (flags["action"] == NOTED)]
    for reason in idle["reason"]:
        yield Row("overrides", DOUBTFUL, reason, "Correct the row, or remove it.")


def virtual_rows(look: Look) -> Iterator[Row]:
    """Whether the boreholes are what the study says: drawn, or measured."""
    drawn = look.exists("boreholes/drawn_from.json")
    virtual = look.study.about.virtual_boreholes
    if drawn and not virtual:
        found = "boreholes/drawn_from.json says that these boreholes were drawn, not measured"
        yield Row("virtual or real", WRONG, found, "Set about.virtual_boreholes = true.")
    elif virtual and not drawn:
        found = "study.toml calls the boreholes virtual, but none of them was drawn by this program"
        remedy = "Real boreholes: set about.virtual_boreholes = false."
        yield Row("virtual or real", DOUBTFUL, found, remedy)
    else:
        words = "virtual: figures and products say so" if virtual else "measured"
        yield Row("virtual or real", FINE, f"the boreholes are {words}")
