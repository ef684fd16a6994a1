"""The quality report: per site what was found, what was decided and why, and how to overrule it."""

from __future__ import annotations

import csv
import io
from html import escape
from pathlib import Path

import pandas as pd

from helpers.boreholes.checks import CheckedBoreholes
from helpers.boreholes.flags import REFUSED, REMOVED, REPAIRED
from helpers.boreholes.overrides import COLUMNS, DROP, FINAL, KEEP
from helpers.storage import replacing, write_table
from helpers.study import Study

RESULT = ["site", "status", "t15_c", "standard_error_c"]
FINDING = ["check", "depth_m", "time", "until", "action", "reason", "overrule"]
NOTHING = "nothing found"
WORTH_DROPPING = ("zero curtain", "elevation", "heat of drilling")  # of what is only noted
STYLE = """
@page { size: A4; margin: 12mm; }
* { box-sizing: border-box; }
body { font: 15px/1.5 "Segoe UI", Roboto, Arial, "Liberation Sans", system-ui, sans-serif;
       color: #000; background: #fff; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
       overflow-wrap: break-word; }
h1 { font-size: 1.6em; line-height: 1.25; } h2 { font-size: 1.2em; break-after: avoid; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; font-size: .93em; }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0;
         border-bottom: 1px solid #ccc; font-variant-numeric: tabular-nums; }
tr { break-inside: avoid; }
details { overflow-x: auto; }
summary { cursor: pointer; padding: .2rem 0; } code { background: #f3f3f3; }
.virtual { border: 2px solid; padding: .5rem 1rem; }
@media screen and (max-width: 50rem) { table { display: block; overflow-x: auto; }
                                       details td:nth-child(6) { min-width: 14rem; } }
@media print { body { font-size: 8pt; max-width: none; margin: 0; padding: 0; }
               summary { padding: 0; } details { overflow: visible; }
               details::details-content { content-visibility: visible; } }
"""


def quality_report(checked: CheckedBoreholes, sites: pd.DataFrame) -> pd.DataFrame:
    """One row per finding, and one per site of which nothing was found.

    Parameters
    ----------
    checked
        What :func:`check_boreholes` gave.
    sites
        What :func:`site_temperatures` gave.

    Returns
    -------
    pandas.DataFrame
        site, status, t15_c, standard_error_c (deg C), reason_of_status, check, depth_m, time,
        until, action, reason, and overrule: the row to add to the overrides to decide otherwise.

    """
    result = sites[RESULT].assign(reason_of_status=sites["reason"])
    report = result.merge(checked.flags, on="site", how="left")
    report["check"] = report["check"].fillna(NOTHING)
    report["overrule"] = [_override_row(row) for row in report.itertuples()]
    return report[[*result.columns, *FINDING]]


def _override_row(row: object) -> str:
    """The row of the overrides that would turn a finding round; '' if none would."""
    if row.action in (REPAIRED, REMOVED, REFUSED) and row.check not in FINAL:
        until = row.time if pd.isna(row.until) else row.until
        return _csv_row(row.site, row.depth_m, row.time, until, row.check, KEEP)
    if row.check in WORTH_DROPPING:
        return _csv_row(row.site, row.depth_m, pd.NaT, pd.NaT, "", DROP)
    return ""


def _csv_row(site: str, depth_m: float, start: object, end: object, *decision: str) -> str:
    days = ["" if pd.isna(day) else f"{day:%Y-%m-%d}" for day in (start, end)]
    line = io.StringIO()
    depth = "" if pd.isna(depth_m) else depth_m
    csv.writer(line, lineterminator="").writerow([site, depth, *days, *decision, "why"])
    return line.getvalue()


def write_quality_report(
    checked: CheckedBoreholes, sites: pd.DataFrame, study: Study
) -> tuple[Path, Path]:
    """Write the report as ``borehole_quality.csv`` and ``.html`` into the output of the study."""
    report = quality_report(checked, sites)
    table = write_table(report, study.output_dir / "borehole_quality.csv")
    page = study.output_dir / "borehole_quality.html"
    with replacing(page) as unfinished:
        unfinished.write_text(_page(report, checked, sites, study), encoding="utf-8", newline="\n")
    return table, page


def _page(
    report: pd.DataFrame, checked: CheckedBoreholes, sites: pd.DataFrame, study: Study
) -> str:
    title = f"Quality of the boreholes: {escape(study.about.title)}"
    virtual = (
        '<p class="virtual">These boreholes are virtual: nothing here was measured.</p>'
        if study.about.virtual_boreholes
        else ""
    )
    status = sites["status"].value_counts().rename_axis("status").reset_index(name="sites")
    flags = checked.flags.groupby(["check", "action"]).agg(
        findings=("site", "size"), sites=("site", "nunique")
    )
    thresholds = pd.Series(study.boreholes.checks.model_dump(), name="value")
    parts = [
        f"<h1>{title}</h1>{virtual}",
        "<h2>Sites</h2>" + _table(status),
        "<h2>What was found</h2>" + _table(flags.reset_index()),
        "<h2>Site by site</h2>" + "".join(_site(*site) for site in report.groupby("site")),
        _how_to_overrule(study),
        "<h2>Files</h2>" + _table(checked.files),
        "<h2>Thresholds</h2><p>From <code>[boreholes.checks]</code> of study.toml.</p>"
        + _table(thresholds.rename_axis("threshold").reset_index()),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _site(site: str, rows: pd.DataFrame) -> str:
    """One site, folded; open if it is refused."""
    first, found = rows.iloc[0], rows[rows["check"] != NOTHING]
    value = (
        ""
        if pd.isna(first.t15_c)
        else f", {first.t15_c:.2f} ± {first.standard_error_c:.2f} °C (s.e.)"
    )
    count = f"{len(found)} finding{'' if len(found) == 1 else 's'}"
    unfolded = " open" if first.status == "refused" else ""
    reason = first.reason_of_status
    why = f"<p>{escape(reason)}</p>" if isinstance(reason, str) and reason else ""
    return (
        f"<details{unfolded}><summary><b>{escape(site)}</b> {first.status}{value}: {count}"
        f"</summary>{why}{_table(found[FINDING]) if len(found) else ''}</details>\n"
    )


def _how_to_overrule(study: Study) -> str:
    name = study.boreholes.overrides or "boreholes/overrides.csv"
    return (
        "<h2>To decide otherwise</h2><p>Put the text of the column <i>overrule</i>, with your "
        "reason in place of <i>why</i>, as a row into "
        f"<code>{escape(name)}</code> under the header "
        f"<code>{','.join(COLUMNS)}</code>, name the file in study.toml "
        f'(<code>boreholes.overrides = "{escape(name)}"</code>) and run the notebooks again. '
        "Sites refused as too shallow or incomplete depend on <code>shallowest_m</code> and "
        "<code>largest_missing_share</code> in study.toml.</p>"
    )


def _table(table: pd.DataFrame) -> str:
    days = {c: table[c].dt.strftime("%Y-%m-%d") for c in table.select_dtypes("datetime")}
    with pd.option_context("display.max_colwidth", None):
        return table.assign(**days).to_html(
            index=False, na_rep="", border=0, float_format="{:g}".format
        )
