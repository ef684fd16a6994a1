"""Charts of how good the models are under every design, and of residuals over distance."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.figures import in_words, style
from helpers.figures.design_charts import design_label
from helpers.figures.style import DOUBLE_COLUMN_MM, journal_style
from helpers.residuals import Variogram
from helpers.storage import ContractError
from helpers.study import Study

HEADLINE = "knndm"
_MARKERS = "o^DvsP<X>*"
# Okabe and Ito (2008), which all eyes tell apart; yellow is too light on white.
_COLOURS = (style.BLACK, *style.LINE_COLOURS[:-1])
_LINES = ("-", "--", "-.", ":")
# Of a row, the part that the designs share; of a point, the area in print, points squared.
_SPREAD, _SMALLEST, _LARGEST = 0.66, 12.0, 120.0


@journal_style
def skill_chart(study: Study, table: pd.DataFrame) -> Figure:
    """Held-out RMSE of every model under every design, the best under kNNDM folds on top.

    Bars are 95 % intervals from resampling sites. Without kNNDM folds in the table the last of its
    designs decides the order.

    Parameters
    ----------
    study
        Says whether the boreholes are virtual.
    table
        Of :func:`helpers.baselines.skill_table`.

    """
    designs = list(table["design"].unique())
    ruling = HEADLINE if HEADLINE in designs else designs[-1]
    order = table[table["design"] == ruling].sort_values("rmse")["model"].to_list()
    height = 4.5 + 1.6 * len(designs)
    figure = style.new_figure(DOUBLE_COLUMN_MM, height * len(order) + 26)
    axes = figure.subplots()
    offsets = _SPREAD * (np.arange(len(designs)) - (len(designs) - 1) / 2) / len(designs)
    looks = _looks(designs, ruling)
    for design, offset in zip(designs, offsets, strict=True):
        marker, colour = looks[design]
        here = table[table["design"] == design].set_index("model").loc[order]
        rmse, is_ruling = here["rmse"], design == ruling
        axes.errorbar(
            rmse,
            np.arange(len(order)) + offset,
            xerr=[rmse - here["rmse_lower"], here["rmse_upper"] - rmse],
            fmt=marker,
            color=colour,
            markersize=5.5 if is_ruling else 4.5,
            markerfacecolor=colour if is_ruling else "white",
            elinewidth=1.3 if is_ruling else 0.7,
            label=design_label(design) + (" (rows in its order)" if is_ruling else ""),
        )
    _finish_rows(axes, order)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=4)
    style.with_numbers(figure, _skill_numbers(table, ruling, order))
    return style.mark_virtual(figure, study)


def _skill_numbers(table: pd.DataFrame, ruling: str, order: list[str]) -> str:
    """RMSE of each model under the design that rules."""
    ruled = table[table["design"] == ruling].set_index("model").loc[order]
    errors = ruled[["rmse", "rmse_lower", "rmse_upper"]].apply(
        lambda row: in_words.with_interval(*row), axis=1
    )
    models = "; ".join(f"{model} {error}" for model, error in errors.items())
    return in_words.sentence(f"RMSE with {design_label(ruling)}: {models}")


def _looks(designs: list[str], ruling: str) -> dict[str, tuple[str, str]]:
    """Marker and colour of each design; the one that rules has the first of each."""
    first = sorted(designs, key=lambda design: design != ruling)
    return dict(zip(first, zip(cycle(_MARKERS), cycle(_COLOURS), strict=False), strict=False))


def _finish_rows(axes: Axes, models: list[str]) -> None:
    for row in range(1, len(models), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="0.95", linewidth=0, zorder=0)
    axes.set_yticks(range(len(models)), models)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("Held-out RMSE and its 95 % interval (°C)")
    axes.grid(axis="x", color="0.88", linewidth=0.5)


@journal_style
def variogram_chart(
    study: Study,
    empirical: Mapping[str, pd.DataFrame],
    fitted: Mapping[str, Variogram],
    standardised: bool = False,
) -> Figure:
    """Semivariance against distance: points as large as they have pairs, and the fitted lines.

    Parameters
    ----------
    study
        Says whether the boreholes are virtual.
    empirical
        Label -> table of :func:`helpers.residuals.empirical_variogram`.
    fitted
        Label -> fitted variogram, for the same labels.
    standardised
        Whether the values have no unit; deg C squared otherwise.

    Raises
    ------
    ContractError
        If the labels differ.

    """
    if set(empirical) != set(fitted):
        raise ContractError(
            f"variograms of {', '.join(empirical)} but fits of {', '.join(fitted)}; one fit for "
            "each is needed."
        )
    figure = style.new_figure(DOUBLE_COLUMN_MM, 84 + 4.5 * len(empirical))
    axes = figure.subplots()
    most = max(table["n_pairs"].max() for table in empirical.values())
    farthest = max(table["distance_m"].max() for table in empirical.values())
    distance = np.linspace(0, 1.04 * farthest, 400)
    looks = zip(empirical, cycle(_MARKERS), cycle(_COLOURS), cycle(_LINES), strict=False)
    for label, marker, colour, line in looks:
        table, variogram = empirical[label], fitted[label]
        curve = {"color": colour, "linestyle": line, "linewidth": 1.3}
        words = _describe(label, variogram, "" if standardised else " °C²")
        axes.plot(distance / 1000, variogram.semivariance(distance), label=words, **curve)
        size = _SMALLEST + (_LARGEST - _SMALLEST) * table["n_pairs"] / most
        edge = {"marker": marker, "facecolor": "none", "edgecolor": colour, "linewidth": 1.1}
        axes.scatter(table["distance_m"] / 1000, table["semivariance"], s=size, zorder=3, **edge)
    unit = "standardised, no unit" if standardised else "°C²"
    axes.set(xlabel="Distance between sites (km)", ylabel=f"Semivariance of residuals ({unit})")
    axes.set_title(f"points: the larger, the more pairs of sites (up to {most:,})")
    axes.set_xlim(0, 1.04 * farthest / 1000)
    axes.set_ylim(bottom=0)
    axes.grid(color="0.92", linewidth=0.5)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=1)
    unit = "" if standardised else " °C²"
    parts = [_describe(label, fitted[label], unit) for label in empirical]
    style.with_numbers(figure, in_words.sentence(*parts, f"up to {most:,} pairs in a point"))
    return style.mark_virtual(figure, study)


def _describe(label: str, variogram: Variogram, unit: str) -> str:
    return (
        f"{label}: nugget {variogram.nugget:.2f}{unit}, partial sill {variogram.sill:.2f}{unit}, "
        f"range {variogram.range_m / 1000:.0f} km"
    )
