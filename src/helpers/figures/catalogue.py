"""The paper figures: name, notebook and general caption of each, and which studies have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from helpers.covariates import position_predictor, station_units
from helpers.shapley import MOST_PLAYERS
from helpers.study import Study


class Entry(NamedTuple):
    """A figure of the catalogue.

    Attributes
    ----------
    notebook, caption
        Notebook that makes it, and what it shows.
    needs
        Whether a study has such a figure.
    shows_boreholes
        Whether boreholes, or what was learned from them, are on it, so that it says if they are
        virtual.

    """

    notebook: str
    caption: str
    needs: Callable[[Study], bool] = lambda _: True
    shows_boreholes: bool = True


def _truth(study: Study) -> bool:
    return study.about.truth_seed is not None


def _shapley_maps(study: Study) -> bool:
    return study.forest.shapley_maps


def _pairs(study: Study) -> bool:
    return len(study.forest.predictors) <= MOST_PLAYERS


def _position(study: Study) -> bool:
    return position_predictor(study)[0] is not None


def _references(study: Study) -> bool:
    return bool(study.references)


def _stations(study: Study) -> bool:
    return bool(station_units(study))


_QC, _COVARIATES, _FOREST = "01_borehole_qc", "02_covariates", "03_random_forest"
_SHAP, _VALIDATION, _MAPS = "04_shap_importance", "05_validation", "06_map_export"

CATALOGUE: dict[str, Entry] = {
    "study_area": Entry(
        _QC,
        "Study area: elevation, towns and boreholes. Circles: t15 interpolated between sensors; "
        "triangles: shallow holes extended to the mapped depth; crosses: not used.",
    ),
    "site_status": Entry(
        _QC,
        "Sites used as delivered, used after values were repaired or removed, combined with "
        "another hole of their cell, and refused.",
    ),
    "borehole_profiles": Entry(
        _QC,
        "Temperature profiles of example boreholes: mean and range of the monthly means, depths "
        "of zero annual amplitude and of thaw, and t15 with two standard errors, enlarged.",
    ),
    "depth_time": Entry(
        _QC, "Monthly means of one borehole against depth and time, with the 0 °C isotherm."
    ),
    "step_effects": Entry(
        _QC,
        "What each step of the checks does to t15 at the sites touched: change (a), or t15 gained "
        "or lost (b).",
    ),
    "error_budget": Entry(
        _QC,
        "Standard error of t15 at each site, divided like its variance (a); that of the extended "
        "sites against the distance extended (b).",
    ),
    "t15_histogram": Entry(
        _QC, "Distribution of t15 at the sites used, by method, with the bounds of the classes."
    ),
    "covariate_maps": Entry(
        _COVARIATES,
        "Covariates on the study grid; colours span the quantiles 0.02 to 0.98.",
        shows_boreholes=False,
    ),
    "station_errors": Entry(
        _COVARIATES,
        "Error of the climate at each station when it is left out; colours end at the quantile "
        "0.95 of the errors.",
        _stations,
        shows_boreholes=False,
    ),
    "site_distributions": Entry(
        _COVARIATES,
        "Covariates at the sites and over the mapped area; above each panel the share of the map "
        "beyond the sites and the distance of Kolmogorov and Smirnov.",
    ),
    "correlation": Entry(
        _COVARIATES,
        "Spearman rank correlation of the covariates at the sites in the order of their clusters "
        "(a) and the tree that joins them, cut at the dashed line (b).",
    ),
    "pair_plot": Entry(
        _COVARIATES,
        "Predictors against each other at the sites in the colours of t15; circles frozen, "
        "triangles unfrozen; on the diagonal how many sites have which value.",
    ),
    "radius_skill": Entry(
        _COVARIATES,
        "Held-out RMSE (a) and correlation with t15 (b) against the radius of topographic "
        "position; bars are the standard deviation over seeds.",
        _position,
    ),
    "forward_selection": Entry(
        _COVARIATES,
        "Held-out RMSE as predictors are added, which is optimistic, beside sets these folds did "
        "not choose (a); how often each covariate is chosen over seeds (b).",
    ),
    "error_by_trees": Entry(
        _FOREST,
        "Held-out RMSE against the number of trees for several smallest leaves; bands are what "
        "another seed would change.",
    ),
    "tuning": Entry(
        _FOREST,
        "Held-out RMSE of every combination of two knobs, with one standard error of sites and "
        "seed; the default, the best and the chosen one, and the honest error of tuning.",
    ),
    "shap_summary": Entry(
        _SHAP,
        "Shapley values at the sites: mean absolute value of each predictor (a), and every site "
        "in the colour of the predictor's value (b).",
    ),
    "shap_dependence": Entry(
        _SHAP,
        "Shapley value against the value of each predictor, in the colour of the predictor that "
        "interacts with it most.",
    ),
    "shap_interactions": Entry(
        _SHAP,
        "Mean absolute main effect of each predictor, and interaction of each pair (both halves).",
        _pairs,
    ),
    "shap_stability": Entry(
        _SHAP,
        "Mean absolute Shapley value of each predictor in the forests without each fold (a) and "
        "its rank there (b).",
    ),
    "folds": Entry(_VALIDATION, "Sites by kNNDM fold."),
    "distance_curves": Entry(
        _VALIDATION,
        "Cumulative nearest-neighbour distances of the map and of the cross-validation designs; "
        "W is the area between the curve of a design and that of the map.",
    ),
    "validation_scatter": Entry(
        _VALIDATION,
        "Held-out predictions against observations with prediction intervals, a panel for each "
        "design; scores with 95 % bootstrap intervals by sites. Shaded quadrants: frozen and "
        "unfrozen ground mistaken for another.",
    ),
    "confusion": Entry(
        _VALIDATION,
        "Confusion matrices of held-out predictions, frozen or not (a) and thermal classes (b); "
        "user's accuracy to the right, producer's accuracy below.",
    ),
    "designs": Entry(
        _VALIDATION,
        "Held-out RMSE of each validation design, with 95 % intervals by sites (a); W between the "
        "distances of design and map (b).",
    ),
    "skill": Entry(
        _VALIDATION,
        "Held-out RMSE of the forest and of simpler models under three designs, with 95 % "
        "intervals by sites, ordered by kNNDM.",
    ),
    "error_profile": Entry(
        _VALIDATION,
        "RMSE against dissimilarity: of sites held out in groups, found (filled) and expected "
        "(open), with the standard deviation of the error model (a); of the map, where its truth "
        "is known (b).",
    ),
    "coverage": Entry(
        _VALIDATION,
        "Coverage of held-out sites by the forest's own and by calibrated intervals (a), and the "
        "width of these (b).",
    ),
    "reliability": Entry(
        _VALIDATION,
        "Share of held-out sites that are frozen against their probability, the forest's own and "
        "calibrated, with exact 95 % intervals (a); sites behind each point (b).",
    ),
    "pit": Entry(
        _VALIDATION,
        "Share of each held-out site's distribution below the observed value, the forest's own (a) "
        "and calibrated (b): even if the distributions are right. The p of Kolmogorov and Smirnov "
        "takes sites as independent and is too small.",
    ),
    "variogram": Entry(
        _VALIDATION, "Variogram of the standardised held-out errors, with its exponential model."
    ),
    "drilling": Entry(
        _VALIDATION,
        "Dissimilarity index, and where further boreholes would lower it most where frozen or not "
        "is undecided, in their order; hatched outside the area of applicability.",
    ),
    "honesty": Entry(
        _VALIDATION,
        "Virtual surveys of one truth (make honesty): error that each design reports, "
        "and the true error inside and outside the area of applicability (a); expected against "
        "true error by dissimilarity (b); coverage of 90 % intervals (c); intervals of the area "
        "of permafrost (d).",
        _truth,
    ),
    "truth_comparison": Entry(
        _VALIDATION,
        "True (a) and predicted (b) t15 and their difference (c); hatched outside the area of "
        "applicability.",
        _truth,
    ),
    "t15_map": Entry(
        _MAPS,
        "Predicted mean annual ground temperature at the mapped depth, with the boreholes; hatched "
        "outside the area of applicability.",
    ),
    "thermal_class_map": Entry(
        _MAPS,
        "Thermal classes of permafrost after Cheng (1984); hatched outside the area of "
        "applicability.",
    ),
    "expected_error": Entry(
        _MAPS,
        "Root mean square error to be expected in each cell; hatched outside the area of "
        "applicability.",
    ),
    "interval_width": Entry(
        _MAPS,
        "Width of the calibrated prediction interval; hatched outside the area of applicability.",
    ),
    "permafrost_probability": Entry(
        _MAPS,
        "Calibrated probability that t15 is at or below 0 °C; hatched outside the area of "
        "applicability.",
    ),
    "applicability": Entry(
        _MAPS,
        "Dissimilarity index (a) and local point density (b); hatched outside the area of "
        "applicability.",
    ),
    "shapley_maps": Entry(
        _MAPS,
        "What each predictor adds to the mean prediction at the sites in every cell, on one scale; "
        "hatched outside the area of applicability.",
        _shapley_maps,
    ),
    "dominant_driver": Entry(
        _MAPS,
        "Predictor with the largest effect on each cell, warming or cooling, compared with the "
        "average site; hatched outside the area of applicability.",
        _shapley_maps,
    ),
    "comparison_map": Entry(
        _MAPS,
        "This map (a), another map (b) and their difference (c); hatched outside the area of "
        "applicability.",
        _references,
    ),
    "comparison_chart": Entry(
        _MAPS,
        "Two maps cell against cell (a), and the area of each pair of classes (b).",
        _references,
    ),
}


def figures_of(study: Study) -> Iterator[tuple[str, str]]:
    """Figures that the study has, and of what; those of other maps once for each of them."""
    for name, entry in CATALOGUE.items():
        if entry.needs(study):
            several = study.references if entry.needs is _references else [""]
            yield from ((name, of) for of in several)


def check_name(name: str) -> None:
    """Refuse a name that is not in the catalogue.

    Raises
    ------
    ValueError
        With the names there are.

    """
    if name not in CATALOGUE:
        raise ValueError(f"No figure is called '{name}'. Choices: {', '.join(CATALOGUE)}.")


def file_name(name: str, of: str) -> str:
    """Name of the file without its ending."""
    return f"{name}_{of}" if of else name
