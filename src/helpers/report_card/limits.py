"""What the numbers of the card do not allow: sentences made from them, not boilerplate."""

from __future__ import annotations

from helpers.baselines.models import FOREST
from helpers.report_card.limits_of_errors import (
    SIGNIFICANT,
    Card,
    area,
    coverage,
    distance_left,
    error_model,
)
from helpers.report_card.paths import RANDOM
from helpers.report_card.words import MISSING, celsius, p_value, percent
from helpers.validation import HEADLINE

FEWEST_OBSERVED = 5  # sites of a class, below which its accuracies say nothing


def limits(card: Card) -> list[str]:
    """Sentences on what the numbers do not allow, of a card without them.

    One whose numbers are missing says so; one that does not apply (say, every class has enough
    sites) is left out.
    """
    sentences = [sentence(card) for sentence in (_model_based, *_SENTENCES)]
    return [sentence for sentence in sentences if sentence]


def _model_based(card: Card) -> str:
    return card["data"]["statement"]


def _first_look(card: Card) -> str:
    if not card["what"]["first_look"]:
        return ""
    return "This is a first look with other cells or trees than study.toml: not the product."


def _flattery(card: Card) -> str:
    rmse = {row["design"]: row["rmse"] for row in card["designs"]}
    random, honest = rmse[RANDOM], rmse[HEADLINE]
    if random is None or honest is None:
        return f"How much random cross-validation flatters the map: {MISSING}."
    if random >= honest:
        return (
            f"Random cross-validation (RMSE {celsius(random)}) does not flatter this map: kNNDM "
            f"says {celsius(honest)}."
        )
    return (
        f"The RMSE of random cross-validation is {celsius(random)}, that of kNNDM "
        f"{celsius(honest)}: compared with kNNDM, which is an estimate too, the first flatters "
        f"the map by {percent(1 - random / honest)}."
    )


def _outside(card: Card) -> str:
    of = card["applicability"]
    if of["share_inside"] is None:
        return f"Share of the map outside the area of applicability: {MISSING}."
    return (
        f"{percent(1 - of['share_inside'])} of the map lies outside the area of applicability, "
        "where no site is like the ground that is mapped. Error to be expected there: "
        f"{celsius(of['expected_error_outside_c'])} (inside: "
        f"{celsius(of['expected_error_inside_c'])})."
    )


def _climate(card: Card) -> str:
    years, period = card["data"]["climate_years"], card["data"]["period"]
    if not years:
        return ""
    return (
        f"The climate among the predictors is that of the years {years}, the mapped period is "
        f"{period}: the map follows the climate of the former."
    )


def _sites_per_predictor(card: Card) -> str:
    n, predictors = card["data"]["sites_validated"], len(card["data"]["predictors"])
    if n is None:
        return f"Sites per predictor: {MISSING}."
    return (
        f"{n} sites for {predictors} predictors, {n / predictors:.0f} per predictor; "
        f"{percent(card['data']['share_extended'])} of the sites are extended from holes that do "
        "not reach the mapped depth."
    )


def _rare_classes(card: Card) -> str:
    labels, matrix = (card["classes"]["classes"][key] for key in ("labels", "confusion_matrix"))
    if not labels or not matrix:
        return f"Classes with too few sites: {MISSING}."
    observed = {
        name: sum(column) for name, column in zip(labels, zip(*matrix, strict=True), strict=True)
    }
    rare = [f"{name} ({n})" for name, n in observed.items() if n < FEWEST_OBSERVED]
    if not rare:
        return ""
    return (
        f"Fewer than {FEWEST_OBSERVED} sites were observed in: {', '.join(rare)}. Nothing is known "
        "of how well the map shows these classes."
    )


def _beaten(card: Card) -> str:
    """Other models, forests among them, that are no worse than the mapped one."""
    rmse = {row["model"]: row["rmse"] for row in card["skill"]["baselines"]}
    forest = rmse.get(FOREST)
    if forest is None:
        return f"Whether other models do as well: {MISSING}."
    as_good = [
        f"{name} ({celsius(value)})"
        for name, value in rmse.items()
        if name != FOREST and value is not None and value <= forest
    ]
    if not as_good:
        return ""
    return (
        f"Under the same folds these models do no worse than the forest ({celsius(forest)}): "
        f"{', '.join(as_good)}."
    )


def _alike(card: Card) -> str:
    p = card["residuals"]["p_value"]
    if p is None:
        return f"Whether near sites err alike: {MISSING}."
    if p >= SIGNIFICANT:
        return ""
    return (
        f"Near sites err alike (Moran's I, p-value {p_value(p)}): the 95 % intervals by sites and "
        "those of the classes, which take sites as independent, are too narrow."
    )


_SENTENCES = (
    _first_look,
    _flattery,
    distance_left,
    _outside,
    coverage,
    _climate,
    _sites_per_predictor,
    _rare_classes,
    _beaten,
    _alike,
    error_model,
    area,
)
