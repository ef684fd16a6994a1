"""Charts of the boreholes: trumpet curves, a hole through depth and time, error budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.figures import in_words, style
from helpers.figures.base_map import HALO
from helpers.figures.panel_grid import panel_grid
from helpers.figures.style import DOUBLE_COLUMN_MM, SINGLE_COLUMN_MM, journal_style
from helpers.storage import ContractError
from helpers.study import Study

_SMALLEST_REACH_C = 5.0
_DEPTH_ROWS, _CONTOUR_STEP_C = 300, 5.0
_FAINT, _NO_VALUE, _GAP_SITES = "0.75", "0.85", 3
_ERROR_PARTS = {
    "sensor_error_c": ("sensor", "#2b5b84"),
    "sampling_error_c": ("missing months and years", "#8fb8d8"),
    "depth_error_c": ("interpolation or extension", "#f0b35b"),
    "spread_c": ("disagreement of combined holes", "#4d4d4d"),
}


@journal_style
def borehole_profiles(
    profiles: pd.DataFrame, boreholes: pd.DataFrame, sites: Sequence[str], depth_m: float = 15.0
) -> Figure:
    """Trumpet curves of some sites: mean, range of the monthly means, and t15 with its error.

    A small window in each panel enlarges t15, because its error is far smaller than the wave.

    Parameters
    ----------
    profiles
        site, depth_m, mean_c, min_c, max_c (deg C; min and max NaN where only a mean is known).
    boreholes
        site, t15_c, standard_error_c (deg C), method; the depths zero_amplitude_depth_m and
        thaw_depth_m (m) are marked if the table has them. Where merged_sites names other holes,
        t15 is their common mean and lies beside the profile: the panel says so.
    sites, depth_m
        Codes of the sites to show; depth that is mapped, m.

    """
    rows, columns = style.rows_and_columns(len(sites), 4)
    width_mm = DOUBLE_COLUMN_MM if columns > 1 else SINGLE_COLUMN_MM
    figure = style.new_figure(width_mm, 60 * rows + (22 if columns > 1 else 36))
    panels = panel_grid(figure, len(sites), rows, columns, sharex=True, sharey=True)
    shown = profiles[profiles["site"].isin(sites)]
    reach = max(1.05 * shown[["mean_c", "min_c", "max_c"]].abs().max().max(), _SMALLEST_REACH_C)
    panels[0].set_xlim(-reach, reach)
    entries, table = {}, boreholes.set_index("site").loc[list(sites)]
    window_c = max(3 * table["standard_error_c"].max(), 0.2)
    for position, (axes, site) in enumerate(zip(panels, sites, strict=True)):
        profile = shown[shown["site"] == site].sort_values("depth_m")
        _draw_profile(axes, profile, table.loc[site], depth_m)
        _draw_window(axes, profile, table.loc[site], depth_m, window_c)
        handles, labels = axes.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
        if position + columns >= len(sites):
            axes.set_xlabel("Ground temperature (°C)")
            axes.tick_params(labelbottom=True)
    for axes in panels[::columns]:
        axes.set_ylabel("Depth (m)")
    panels[0].set_ylim(max(panels[0].get_ylim()), 0)
    style.letter_panels(panels)
    legend = {"loc": "outside upper left", "ncols": 3 if columns > 1 else 2, "columnspacing": 1.0}
    figure.legend(entries.values(), entries.keys(), **legend)
    parts = [f"{site} {_t15_in_words(hole)}, {hole['method']}" for site, hole in table.iterrows()]
    style.with_numbers(figure, in_words.sentence(f"t15: {in_words.lettered(parts)}"))
    return figure


def _draw_profile(axes: Axes, profile: pd.DataFrame, borehole: pd.Series, depth_m: float) -> None:
    """Envelope, mean, and the depths at which the wave ends and to which the ground thaws."""
    axes.axvline(0, color="0.3", linewidth=0.5, label="0 °C")
    depth, colour = profile["depth_m"], style.FROZEN_COLOUR
    look = {"facecolor": colour, "alpha": 0.25, "label": "range of monthly means"}
    axes.fill_betweenx(depth, profile["min_c"], profile["max_c"], **look)
    axes.plot(profile[["min_c", "max_c"]], depth, color=colour, linewidth=0.5)
    if profile["max_c"].isna().all():
        axes.text(0.04, 0.96, "means only", va="top", transform=axes.transAxes)
    _draw_t15(axes, profile, borehole, depth_m)
    still, thaw = (borehole.get(f"{n}_depth_m", np.nan) for n in ("zero_amplitude", "thaw"))
    mark = {"linestyle": "none", "color": "white", "markeredgecolor": "black", "zorder": 3}
    if np.isfinite(still):
        known = profile.dropna(subset="mean_c")
        mean = np.interp(still, known["depth_m"], known["mean_c"])
        axes.plot(mean, still, "D", label="zero annual amplitude", markersize=4, **mark)
    if np.isfinite(thaw):
        axes.plot(0, thaw, "v", label="thaw depth", markersize=4.5, **mark)
    axes.set_title(style.minus(f"{borehole.name}\nt15 {_t15_in_words(borehole)}"))


def _t15_in_words(borehole: pd.Series) -> str:
    others = borehole.get("merged_sites", "")
    several = ", several holes" if isinstance(others, str) and others else ""
    return f"{borehole['t15_c']:.2f} ± {2 * borehole['standard_error_c']:.2f} °C{several}"


def _draw_t15(axes: Axes, profile: pd.DataFrame, borehole: pd.Series, depth_m: float) -> None:
    known, colour, method = profile.dropna(subset="mean_c"), style.FROZEN_COLOUR, borehole["method"]
    look = {"color": colour, "markersize": 3, "label": "annual mean"}
    axes.plot(known["mean_c"], known["depth_m"], ".-", **look)
    axes.axhline(depth_m, color="0.4", linewidth=0.5, linestyle="--", label=f"{depth_m:g} m")
    if method == "extended":
        end = known.iloc[0 if known["depth_m"].iloc[0] > depth_m else -1]
        line = [end["mean_c"], borehole["t15_c"]], [end["depth_m"], depth_m]
        axes.plot(*line, ":", color=colour, label="extension")
    point = {"fmt": style.METHOD_MARKERS[method], "markersize": 3.5, "capsize": 2, "zorder": 4}
    point |= {"color": "black", "label": f"t15 ± 2 s.e., {method}"}
    axes.errorbar(borehole["t15_c"], depth_m, xerr=2 * borehole["standard_error_c"], **point)


def _draw_window(
    axes: Axes, profile: pd.DataFrame, borehole: pd.Series, depth_m: float, half_width_c: float
) -> None:
    """The profile around t15, enlarged, on the side of the panel that is free."""
    t15 = borehole["t15_c"]
    window = axes.inset_axes((0.66 if t15 < 0 else 0.04, 0.22, 0.3, 0.24))
    _draw_t15(window, profile, borehole, depth_m)
    window.set(xlim=(t15 - half_width_c, t15 + half_width_c), ylim=(depth_m + 3, depth_m - 3))
    window.set_yticks([])
    window.set_xticks(round(t15, 1) + np.array([-1, 1]) * round(0.6 * half_width_c, 1))
    window.set_xlabel("t15 (°C)", labelpad=1)


@journal_style
def depth_time_image(records: pd.DataFrame, site: str, study: Study) -> Figure:
    """Monthly means of one hole in the colours of the maps, depth downwards against time.

    Linear between the sensors in the ground; grey where one of the two around, or the month, is
    missing. The depth axis is stretched near the surface (square root), where most happens.

    Parameters
    ----------
    records, site
        Monthly means: site, time (first of the month), depth_m, temperature_c, averaging; and the
        code of the hole.
    study
        Range of the colours, and the depth that is mapped.

    Raises
    ------
    ContractError
        If fewer than two sensors of the hole have monthly means.

    """
    months = _month_table(records, site)
    edges = dates.date2num(months.columns.append(months.columns[-1:] + pd.offsets.MonthBegin()))
    depth = np.linspace(*np.sqrt(months.index[[0, -1]]), _DEPTH_ROWS + 1) ** 2
    middle = (depth[1:] + depth[:-1]) / 2
    values = np.column_stack([np.interp(middle, months.index, m) for _, m in months.items()])
    figure = style.new_figure(DOUBLE_COLUMN_MM, 82)
    axes = figure.subplots(subplot_kw={"facecolor": _NO_VALUE})
    look = {"cmap": style.TEMPERATURE_COLOURS, "norm": style.temperature_norm(study)}
    image = axes.pcolormesh(edges, depth, values, **look)
    figure.colorbar(image, label="Ground temperature (°C)", extend="both", aspect=25)
    _draw_isotherms(axes, (edges[1:] + edges[:-1]) / 2, middle, values)
    _draw_depths(axes, months.index, study.boreholes.depth_m)
    axes.xaxis_date()
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.set(xlabel="Time (month)", ylabel="Depth (m), square-root scale")
    missing = 100 * months.isna().to_numpy().mean()
    axes.set_title(f"{site}: {len(months)} sensors, {missing:.1f} % of the monthly means missing")
    figure.legend(loc="outside upper left", ncols=5)
    reach = f"{months.index[0]:g} to {months.index[-1]:g} m"
    text = f"{site}, {len(months)} sensors at {reach}, {months.shape[1]} months"
    means = f"monthly means: median {in_words.median_and_range(months)}, {missing:.1f} % missing"
    end = study.figures.temperature_reach_c
    beyond = in_words.percent(np.mean(np.abs(in_words.known(months)) > end))
    colours = f"colours end at ±{end:g} °C, {beyond} of the means lie beyond"
    style.with_numbers(figure, in_words.sentence(text, means, colours))
    return style.mark_virtual(figure, study)


def _month_table(records: pd.DataFrame, site: str) -> pd.DataFrame:
    """Temperature by sensor depth (rows) and every month from the first to the last (columns)."""
    is_month = (records["site"] == site) & (records["averaging"] == "month")
    hole = records[is_month & (records["depth_m"] >= 0)].dropna(subset="temperature_c")
    if hole["depth_m"].nunique() < 2:
        raise ContractError(
            f"site '{site}': an image of depth and time needs monthly means of two sensors, "
            f"found {hole['depth_m'].nunique()}. Choose a hole whose temperatures were recorded."
        )
    table = hole.pivot_table(index="depth_m", columns="time", values="temperature_c")
    return table.reindex(columns=pd.date_range(table.columns[0], table.columns[-1], freq="MS"))


def _draw_isotherms(axes: Axes, time: NDArray, depth: NDArray, values: NDArray) -> None:
    """0 deg C as a heavy line, and thin ones every 5 deg C, also where the colours end."""
    low, high = np.nanmin(values, initial=np.inf), np.nanmax(values, initial=-np.inf)
    lines = np.arange(-100, 101) * _CONTOUR_STEP_C
    lines = lines[(lines > low) & (lines < high)]
    colours, widths = np.where(lines, _FAINT, "black"), np.where(lines, 0.6, 1.2)
    if len(lines) and len(time) > 1:
        look = {"colors": colours, "linewidths": widths, "linestyles": "-"}
        drawn = axes.contour(time, depth, values, lines, **look)
        text = {"fmt": lambda c: style.minus(f"{c:g}"), "colors": "black"}
        for label in axes.clabel(drawn, lines[lines != 0], **text):
            label.set_path_effects(HALO)
    axes.plot([], [], color="black", linewidth=1.2, label="0 °C")
    axes.plot([], [], color=_FAINT, linewidth=0.6, label=f"every {_CONTOUR_STEP_C:g} °C")


def _draw_depths(axes: Axes, sensors: NDArray, depth_m: float) -> None:
    look = {"linestyle": "none", "color": "black", "markersize": 3, "clip_on": False}
    look |= {"transform": axes.get_yaxis_transform(), "label": "sensor"}
    axes.plot(np.full(len(sensors), 1.008), sensors, "<", **look)
    axes.fill_between([], [], [], color=_NO_VALUE, label="no value")
    axes.axhline(depth_m, color="0.2", linewidth=0.6, linestyle="--", label=f"{depth_m:g} m")
    axes.set_yscale("function", functions=(lambda d: np.sqrt(np.maximum(d, 0)), np.square))
    deepest = max(sensors[-1], depth_m)
    axes.set_ylim(1.03 * deepest, 0)
    axes.set_yticks([d for d in (0, 1, 2, 5, 10, 15, 20, 30, 40, 60, 100, 200) if d <= deepest])


@journal_style
def error_budget(boreholes: pd.DataFrame, study: Study) -> Figure:
    """Standard error of t15 of all sites used, and what it consists of.

    Left, a bar per site, as high as its standard error and divided like the variance; right, the
    sites that were extended downwards against the distance.

    Parameters
    ----------
    boreholes
        status, method, deepest_m, standard_error_c and its parts sensor_error_c,
        sampling_error_c, depth_error_c (deg C). What these leave unexplained at combined sites
        is the disagreement of their holes.
    study
        Gives the depth that is mapped.

    """
    used = boreholes[boreholes["status"] == "used"]
    figure = style.new_figure(DOUBLE_COLUMN_MM, 78)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[2, 1])
    _draw_parts(left, used.sort_values(["method", "standard_error_c"], ascending=[False, True]))
    shallow = used[(used["method"] == "extended") & (used["deepest_m"] < study.boreholes.depth_m)]
    distance = study.boreholes.depth_m - shallow["deepest_m"]
    look = {"markeredgecolor": "black", "markeredgewidth": 0.4, "markersize": 4}
    right.plot(distance, shallow["standard_error_c"], "^", color="white", label="total", **look)
    look["color"] = _ERROR_PARTS["depth_error_c"][1]
    right.plot(distance, shallow["depth_error_c"], "o", label="extension alone", **look)
    right.set(xlabel="Distance extended (m)", title="extended sites", xlim=(0, None))
    right.set_ylim(0, 1.08 * used["standard_error_c"].max())
    right.legend(loc="best", borderaxespad=0.5)
    style.letter_panels([left, right])
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=4)
    errors = used.groupby("method")["standard_error_c"]
    parts = [
        f"{len(e)} sites {style.METHOD_LABELS[m]}: {in_words.median_and_range(e, decimals=3)}"
        for m, e in sorted(errors)[::-1]
    ]
    style.with_numbers(figure, in_words.sentence(f"Median standard error: {'; '.join(parts)}"))
    return style.mark_virtual(figure, study)


def _draw_parts(axes: Axes, used: pd.DataFrame) -> None:
    """A bar for each site in the order given, with a gap between the methods."""
    error, parts = used["standard_error_c"], used[list(_ERROR_PARTS)[:-1]].astype(float) ** 2
    # Of combined holes that disagree the standard error is more than its parts.
    parts["spread_c"] = (error**2 - parts.sum(axis=1)).round(9).clip(lower=0)
    heights = parts.mul(error / parts.sum(axis=1), axis=0)
    place = pd.Series(range(len(used)), used.index) + _GAP_SITES * (used["method"] == "extended")
    foot = heights.cumsum(axis=1) - heights
    for name, (label, colour) in _ERROR_PARTS.items():
        if heights[name].any():
            axes.bar(place, heights[name], 1, foot[name], color=colour, label=label)
    groups = place.groupby(used["method"])
    names = [f"{style.METHOD_LABELS[m]}\n(n = {n})" for m, n in groups.size().items()]
    axes.set_xticks(groups.mean(), names)
    axes.set(ylabel="Standard error of t15 (°C)", title="bars divided like the variance")
