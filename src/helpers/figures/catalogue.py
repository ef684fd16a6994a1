"""The paper figures: name, notebook and caption of each, and how one becomes a file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from scipy.spatial import KDTree

from helpers.figures.style import PRINT_DPI, VIRTUAL_NOTE, journal_style, mark_virtual
from helpers.storage import replacing
from helpers.study import Study

_PALETTE_SIZE, _GREYS = 256, 16
_PREVIEW_DPI = 150
_NEED_TRUTH = ("truth_comparison", "honesty")
_OF_REFERENCES = ("comparison_map", "comparison_chart")
_OF_SHAPLEY_MAPS = ("shapley_maps", "dominant_driver")


class Entry(NamedTuple):
    """Notebook that makes a figure, and its caption."""

    notebook: str
    caption: str


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
        _COVARIATES, "Covariates on the study grid; colours span the quantiles 0.02 to 0.98."
    ),
    "station_errors": Entry(
        _COVARIATES,
        "Error of the climate at each station when it is left out; colours end at the quantile "
        "0.95 of the errors.",
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
        "Held-out predictions against observations with prediction intervals; scores with 95 % "
        "bootstrap intervals. Shaded quadrants: frozen and unfrozen ground mistaken for another.",
    ),
    "confusion": Entry(
        _VALIDATION,
        "Confusion matrices of held-out predictions, frozen or not (a) and thermal classes (b); "
        "user's accuracy to the right, producer's accuracy below.",
    ),
    "designs": Entry(
        _VALIDATION,
        "Held-out RMSE of each validation design with its 95 % interval, and the true RMSE of the "
        "map where it is known (a); W between the distances of design and map (b).",
    ),
    "skill": Entry(
        _VALIDATION,
        "Held-out RMSE of the forest and of simpler models under three designs, with 95 % "
        "intervals from sites, ordered by kNNDM.",
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
        "Share of held-out sites that are frozen against their probability, of the forest and "
        "calibrated, with exact 95 % intervals.",
    ),
    "pit": Entry(
        _VALIDATION,
        "Share of each held-out site's distribution below the observed value, of the forest and "
        "calibrated: even if the distributions are right. The p of Kolmogorov and Smirnov takes "
        "sites as independent and is too small.",
    ),
    "variogram": Entry(
        _VALIDATION, "Variogram of the standardised held-out errors, with its exponential model."
    ),
    "drilling": Entry(
        _VALIDATION,
        "Dissimilarity index, and where further boreholes would lower it most where frozen or not "
        "is undecided, in their order.",
    ),
    "honesty": Entry(
        _VALIDATION,
        "A hundred virtual surveys of one truth (make honesty): error that each design reports, "
        "and the true error (a); expected against true error by dissimilarity (b); coverage of "
        "90 % intervals (c); intervals of the area of permafrost (d).",
    ),
    "truth_comparison": Entry(
        _VALIDATION,
        "True and predicted t15 and their difference; hatched outside the area of applicability.",
    ),
    "t15_map": Entry(
        _MAPS, "Predicted mean annual ground temperature at the mapped depth, with the boreholes."
    ),
    "thermal_class_map": Entry(_MAPS, "Thermal classes of permafrost after Cheng (1984)."),
    "expected_error": Entry(
        _MAPS,
        "Root mean square error to be expected in each cell; hatched outside the area of "
        "applicability.",
    ),
    "interval_width": Entry(_MAPS, "Width of the calibrated prediction interval."),
    "permafrost_probability": Entry(_MAPS, "Calibrated probability that t15 is at or below 0 °C."),
    "applicability": Entry(
        _MAPS, "Dissimilarity index (a) and local point density (b); hatched where not applicable."
    ),
    "shapley_maps": Entry(
        _MAPS,
        "What each predictor adds to the mean prediction at the sites in every cell, on one scale.",
    ),
    "dominant_driver": Entry(
        _MAPS,
        "Predictor with the largest effect on each cell, warming or cooling, compared with the "
        "average site; hatched outside the area of applicability.",
    ),
    "comparison_map": Entry(_MAPS, "This map, another map and their difference."),
    "comparison_chart": Entry(
        _MAPS, "Two maps cell against cell, and the area of each pair of classes."
    ),
}


def save_figure(figure: Figure, study: Study, name: str, of: str = "") -> Path:
    """Write a figure of the catalogue as PNG into the figures folder of the study.

    300 dpi; of a first look (other cell size or trees) 150 dpi, which is quicker. ``of`` ends the
    name of the file where there is one figure for each of several things.

    The note on virtual boreholes is put on if the study needs it and the figure lacks it. The
    file holds no date and no versions: the same figure gives the same bytes.

    Raises
    ------
    ValueError
        If the catalogue has no figure of this name.

    """
    if name not in CATALOGUE:
        raise ValueError(f"No figure is called '{name}'. Choices: {', '.join(CATALOGUE)}.")
    dpi = _PREVIEW_DPI if study.is_first_look else PRINT_DPI
    return _write_png(figure, study, study.figures_dir / f"{_file_name(name, of)}.png", dpi)


def _file_name(name: str, of: str) -> str:
    return f"{name}_{of}" if of else name


def save_preview(figure: Figure, study: Study) -> Path:
    """Write a figure as ``preview.png``, 150 dpi, beside the products of the study."""
    return _write_png(figure, study, study.output_dir / "preview.png", _PREVIEW_DPI)


@journal_style
def _write_png(figure: Figure, study: Study, path: Path, dpi: float) -> Path:
    mark_virtual(figure, study)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)
    picture = _with_palette(Image.open(drawn).convert("RGB"))
    with replacing(path) as unfinished:
        picture.save(unfinished, optimize=True, dpi=(dpi, dpi))
    return path


def _with_palette(picture: Image.Image) -> Image.Image:
    """The picture in 16 greys and the 240 colours that fill most of its areas: a third of the size.

    The colours of the maps and of their bars stay exact; the soft edges of lines and letters
    move to the nearest. (The quantisers of Pillow merge the steps of a bar.)
    """
    pixels = np.asarray(picture, np.uint32) @ np.array([65536, 256, 1], np.uint32)
    codes, position = np.unique(pixels, return_inverse=True)
    position = position.reshape(pixels.shape)
    inner = position[1:, 1:]
    flat = (inner == position[:-1, 1:]) & (inner == position[1:, :-1])
    filled = np.bincount(inner[flat], minlength=len(codes))
    colours = np.column_stack([codes >> 16, codes >> 8 & 255, codes & 255])
    greys = np.linspace(0, 255, _GREYS).astype(int)[:, np.newaxis].repeat(3, axis=1)
    most = np.argsort(-filled, kind="stable")[: _PALETTE_SIZE - _GREYS]
    kept = np.concatenate([colours[most], greys])
    nearest = KDTree(kept).query(colours)[1].astype(np.uint8)
    reduced = Image.fromarray(nearest[position], "P")
    reduced.putpalette(kept.astype(np.uint8).tobytes())
    return reduced


def catalogue_markdown(study: Study, folder: str = "") -> str:
    """Text of a README: file, caption and notebook of each figure; ``folder`` before the names."""
    virtual, truth = study.about.virtual_boreholes, study.about.truth_seed is not None
    left_out = () if truth else _NEED_TRUTH
    left_out += () if study.forest.shapley_maps else _OF_SHAPLEY_MAPS
    shown = {name: entry for name, entry in CATALOGUE.items() if name not in left_out}
    for name in _OF_REFERENCES:
        entry = shown.pop(name)
        shown |= {_file_name(name, of): entry for of in study.references}
    lines = [
        f"# Figures of {study.about.title}",
        "",
        f"{VIRTUAL_NOTE}. Each figure says so in its lower right corner." if virtual else "",
        "",
        "| file | caption | notebook |",
        "| --- | --- | --- |",
        *(
            f"| [{name}.png]({folder}{name}.png) | {entry.caption} | {entry.notebook} |"
            for name, entry in shown.items()
        ),
    ]
    return "\n".join(lines) + "\n"
