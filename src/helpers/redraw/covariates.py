"""Figures of notebook 02."""

from __future__ import annotations

from matplotlib.figure import Figure

from helpers import covariates, figures, scores
from helpers.redraw.inputs import Inputs


def covariate_maps(inputs: Inputs) -> Figure:
    """All covariates but elevation."""
    return figures.covariate_maps(inputs.study, inputs.layers, _without_elevation(inputs))


def station_errors(inputs: Inputs) -> Figure:
    """Error of the climate at each station."""
    errors = inputs.table("station_errors.csv", ("error", "lon", "lat"), ("station", "quantity"))
    units = covariates.station_units(inputs.study)
    return figures.station_error_map(inputs.study, errors, units)


def site_distributions(inputs: Inputs) -> Figure:
    """Covariates at the sites and over the map."""
    names = _without_elevation(inputs)
    return figures.site_distributions(inputs.training, inputs.layers, names, inputs.study)


def correlation(inputs: Inputs) -> Figure:
    """Rank correlations in the order of their clusters."""
    return figures.correlation_clusters(inputs.clusters, len(inputs.known), inputs.study)


def pair_plot(inputs: Inputs) -> Figure:
    """One covariate of each cluster against each other."""
    candidates = inputs.clusters.representatives(keep=inputs.study.forest.predictors)
    units = {name: inputs.units[name] for name in candidates}
    return figures.pair_plot(inputs.known, candidates, inputs.study, units)


def radius_skill(inputs: Inputs) -> Figure:
    """Error against the radius of topographic position."""
    _, own_m = covariates.position_predictor(inputs.study)
    skill = inputs.table("radius_skill.csv", ("radius_m", "rmse_c", "sd_seeds_c", "correlation"))
    return figures.radius_skill_chart(skill, own_m, inputs.study)


def forward_selection(inputs: Inputs) -> Figure:
    """Error as predictors are added. A first look has no honest error of choosing."""
    steps = inputs.table("selection.csv", ("step", "selection_rmse_c"), ("added",))
    sets = inputs.table("selection_sets.csv", ("rmse_c",), ("set",)).set_index("set")
    often = inputs.table("selection_stability.csv", ("share",), ("covariate",))
    honest = None
    if not inputs.study.is_first_look:
        nested = inputs.table("selection_nested.csv", ("observed", "predicted"), ("site",))
        honest = scores.regression_scores(nested["observed"], nested["predicted"])["rmse"]
    often = often.set_index("covariate")
    return figures.forward_selection_chart(steps, sets, often, inputs.study, honest)


def _without_elevation(inputs: Inputs) -> list[str]:
    return [name for name in inputs.study.covariates if name != "elevation"]
