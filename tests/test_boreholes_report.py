"""The quality report lists every finding with its reason, and the row that overrules it works."""

import pandas as pd
import pytest

from helpers import boreholes
from helpers.boreholes.overrides import COLUMNS
from helpers.boreholes.report import quality_report, write_quality_report
from helpers.study import load_study


@pytest.fixture(scope="module")
def survey(embedded_survey):
    return embedded_survey.data


@pytest.fixture(scope="module")
def checked(embedded_survey):
    return embedded_survey.checked


@pytest.fixture(scope="module")
def report(embedded_survey):
    return quality_report(embedded_survey.checked, embedded_survey.sites)


def test_every_site_and_every_flag_is_in_the_report(report, checked):
    assert set(report["site"]) == set(checked.sites["site"])
    findings = report[report["check"] != "nothing found"]
    columns = ["site", "check", "action", "reason"]
    pd.testing.assert_frame_equal(
        findings[columns].sort_values(columns, ignore_index=True),
        checked.flags[columns].sort_values(columns, ignore_index=True),
    )
    assert findings["reason"].str.len().gt(5).all()


def test_the_rows_it_offers_overrule_what_they_say(report, survey, edit_study):
    """Every finding that changed something, turned round by its own row."""
    changed = report["action"].isin(["value removed", "repaired", "site refused"])
    rows = report.loc[changed, "overrule"]
    assert rows.str.len().gt(0).all()
    folder = edit_study(("depth_m = 15.0 ", 'overrides = "o.csv"\ndepth_m = 15.0 '))
    text = "\n".join([",".join(COLUMNS), *rows])
    (folder / "o.csv").write_text(text, encoding="utf-8")
    again = boreholes.check_boreholes(survey, load_study(folder, resolution_m=20_000))
    key = ["site", "check"]
    overruled = again.flags.loc[again.flags["action"] == "overruled", key]
    assert set(overruled.itertuples(index=False, name=None)) == set(
        report.loc[changed, key].itertuples(index=False, name=None)
    )


def test_the_page_stands_alone_and_escapes_what_files_say(embedded_survey, checked, edit_study):
    study, sites = load_study(edit_study(), resolution_m=20_000), embedded_survey.sites
    flags = checked.flags.assign(reason="<script>alert(1)</script>")
    spoilt = boreholes.CheckedBoreholes(checked.records, checked.sites, flags, checked.files)
    table, page = write_quality_report(spoilt, sites, study)
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text and "http" not in text
    assert "These boreholes are virtual" in text
    assert text.count("<details") == len(sites)
    assert "largest_missing_share" in text
    assert len(pd.read_csv(table)) == len(quality_report(spoilt, sites))
