import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.baselines import kriging_verdict, skill_table
from helpers.held_out import quantile_name
from helpers.products.area_rows import temperature_rows
from helpers.report_card import page, report_card, write_report_card
from helpers.report_card.limits import limits
from helpers.report_card.paths import AREA, found, plain
from helpers.residuals import empirical_variogram, fit_variogram, morans_i
from helpers.settings import MAPPED, PERMAFROST
from helpers.storage import ContractError, library_versions
from helpers.study import load_study
from helpers.validation import DESIGNS, design_scores, levels_of, validation_record

EMBEDDED = Path(__file__).resolve().parents[1] / "data" / "northeast_china"
N = 104
HEADINGS = [
    "1. What",
    "2. Data",
    "3. Design",
    "4. Scores",
    "5. Intervals",
    "6. Classes",
    "7. Applicability",
    "8. Residuals",
    "9. Area of permafrost",
    "10. Limits",
    "11. Virtual truth",
    "Words",
]


def held_out(study, spread, seed=1):
    """Made-up predictions of 104 sites, whose normal distribution has this spread, deg C."""
    rng = np.random.default_rng(seed)
    observed = rng.uniform(-3.5, 3.5, N)
    predicted = 0.8 * observed + rng.normal(0, 0.9, N)
    z = {0.025: 1.96, 0.05: 1.645, 0.1: 1.28, 0.25: 0.674}
    z |= {0.5: 0.0, **{round(1 - level, 3): -value for level, value in z.items()}}
    table = pd.DataFrame({"fold": np.arange(N) % 10, "observed": observed, "predicted": predicted})
    for level in levels_of(study):
        table[quantile_name(level)] = predicted - spread * z[level]
    near = np.tanh((predicted - observed) / spread)
    return table.assign(probability=(1 - np.tanh(predicted / spread)) / 2, pit=(1 - near) / 2)


def baselines(table):
    """Skill of three models under kNNDM, and whether kriging helps."""
    predictions = pd.DataFrame(
        {
            "design": "knndm",
            "site": np.arange(N),
            "fold": table["fold"],
            "weight": 1.0,
            "observed": table["observed"],
            "mean": 0.0,
            "linear trend": table["observed"] + 0.1,
            "forest": table["predicted"],
            "forest and kriged residuals": table["predicted"] + 0.05,
        }
    )
    rows = skill_table(predictions, n_bootstrap=100).to_dict("records")
    return {"baselines": rows, "kriging": kriging_verdict(predictions)}


def full_checks(study):
    """A validation.json with every key, its scores by the functions that make the real one."""
    table = held_out(study, spread=0.5)
    scores = design_scores(study, table, held_out(study, spread=1.2))
    others = design_scores(study, table)
    xy = np.random.default_rng(2).uniform(0, 900_000, (N, 2))
    residual = table["observed"] - table["predicted"]
    variogram = fit_variogram(empirical_variogram(residual, xy))
    distance = {"n_folds": 10, "w_km": 89.4, "median_km": 132.2, "warnings": ["fold <3> is small"]}
    distances = pd.DataFrame({name: distance for name in DESIGNS}).T
    truth = {"cells": 22507, "rmse": 1.86, "bias": -1.17, "coverage": 0.57}
    truth |= {"expected_rmse": 1.7, "calibrated_coverage": 0.88}
    place = {"x": 1e6, "y": 5e6, "longitude": 121.5, "latitude": 52.25}
    return validation_record(
        N,
        {name: scores if name == "knndm" else others for name in DESIGNS},
        distances,
        [0.66],
        **baselines(table),
        applicability={
            "threshold": 0.442,
            "share_inside": 0.679,
            "expected_error_inside_c": 0.87,
            "expected_error_outside_c": 2.31,
        },
        residuals={
            "morans_i": morans_i(residual, xy),
            "variogram": {**vars(variogram), "at_longest": True},
        },
        error_model={"share_of_beyond": 0.743},
        drilling=[{**place, "dissimilarity_index": 1.5, "share_inside": 0.7}],
        truth={name: truth for name in ("whole map", "inside", "outside")},
        true_frozen_share=0.2147,
    )


@pytest.fixture(scope="module")
def checks(study):
    return full_checks(study)


@pytest.fixture(scope="module")
def boreholes():
    """Three holes used, one combined, one refused."""
    return pd.DataFrame(
        {
            "site": list("ABCDE"),
            "status": ["used", "used", "used", "combined", "refused"],
            "method": ["extended", "extended", "interpolated", "interpolated", ""],
            "t15_c": [-2.0, 0.5, 1.0, 3.0, np.nan],
            "standard_error_c": [0.1, 0.3, 0.2, 0.9, np.nan],
        }
    )


@pytest.fixture(scope="module")
def areas(study):
    rows = [*temperature_rows(study), MAPPED]
    numbers = np.arange(len(rows) * len(AREA), dtype=float).reshape(len(rows), -1) + 0.25
    table = pd.DataFrame(numbers, index=rows, columns=AREA)
    table.loc[PERMAFROST, ["area", "outside_applicability"]] = 40.0, 10.0
    table.loc[MAPPED, "upper"] = np.nan
    return table


@pytest.fixture(scope="module")
def metadata(study):
    covariates = {
        name: {"source": "stations", "quantity": "precipitation", "years": "about 2003-2021"}
        for name in study.forest.predictors
    }
    return {
        "software": library_versions(),
        "climate_years": "about 2003-2021",
        "sources": {"covariates": covariates},
    }


@pytest.fixture(scope="module")
def card(study, checks, metadata, boreholes, areas):
    return report_card(study, checks, metadata, boreholes, areas)


@pytest.fixture(scope="module")
def bare_card(study, boreholes, areas):
    """The card of a study of which only boreholes and the predicted area are known."""
    return report_card(study, {}, {}, boreholes, areas[["area"]])


@pytest.fixture
def edited_study(tmp_path):
    """A study that may be written to, of a study.toml with other text; nothing reads its data."""

    def edited(*replacements):
        text = (EMBEDDED / "study.toml").read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        return load_study(tmp_path)

    return edited


@pytest.fixture
def picture(tmp_path):
    """A noisy picture 1000 pixels wide, partly transparent."""
    path = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 256, (500, 1000, 4), dtype=np.uint8)
    Image.fromarray(noise, "RGBA").save(path)
    return path


class Reader(HTMLParser):
    """Visible text of a page, and its tags with their attributes."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def written(study, card, figures=None):
    """JSON and HTML text of a card."""
    data, html = write_report_card(study, card, figures or {})
    return data.read_text(encoding="utf-8"), html.read_text(encoding="utf-8")


def test_the_page_has_every_section_once_and_in_order(edited_study, card):
    html = written(edited_study(), card)[1]
    assert re.findall("<h2>(.*?)</h2>", html) == HEADINGS
    assert html.count("<h1>") == 1


def test_a_full_card_has_no_gaps(edited_study, card):
    assert "not computed" not in Reader(written(edited_study(), card)[1]).text


@pytest.mark.parametrize("which", ["card", "bare_card"])
def test_no_gap_shows_as_a_word_of_python(edited_study, which, request):
    text = Reader(written(edited_study(), request.getfixturevalue(which))[1]).text
    assert not re.search(r"\b(nan|None|null|NaN|inf|False)\b", text)


def test_missing_numbers_say_so_and_keep_their_line(edited_study, card, bare_card):
    full, bare = (Reader(written(edited_study(), c)[1]) for c in (card, bare_card))
    assert bare.text.count("not computed") > 60
    for heading in HEADINGS:
        assert (heading in bare.text) == (heading != "11. Virtual truth")
    labels = [
        re.findall("<dt>(.*?)</dt>", written(edited_study(), c)[1]) for c in (card, bare_card)
    ]
    assert labels[0] == labels[1]
    assert len(full.all("table")) - len(bare.all("table")) == 1  # that of the truth


def test_every_known_design_has_a_row_even_if_it_was_not_computed(bare_card):
    assert [row["design"] for row in bare_card["designs"]] == list(DESIGNS)
    assert [row["design"] for row in bare_card["designs"] if row["headline"]] == ["knndm"]


def test_a_design_the_page_does_not_know_is_shown_too(study, checks, metadata, boreholes, areas):
    more = {**checks, "designs": {**checks["designs"], "by_road": checks["designs"]["random"]}}
    card = report_card(study, more, metadata, boreholes, areas)
    assert card["designs"][-1]["label"] == "by road"


def test_numbers_of_the_card_are_those_of_the_checks(card, checks):
    headline = checks["designs"]["knndm"]
    assert card["scores"]["rmse"] == headline["regression"]["rmse"]
    assert card["scores"]["rmse_group_interval"] == headline["regression"]["rmse_group_interval"]
    assert (
        card["intervals"]["calibrated"]["levels"][2]["coverage"]
        == (headline["calibrated_interval"]["coverage"])
    )
    assert (
        card["classes"]["frozen"]["p_value"] == (headline["frozen"]["p_value_above_no_information"])
    )
    assert card["residuals"]["morans_i"] == checks["residuals"]["morans_i"]["statistic"]


def test_numbers_of_the_page_are_those_of_the_json(edited_study, card):
    data, html = written(edited_study(), card)
    stored, text = json.loads(data), Reader(html).text
    low, high = stored["scores"]["rmse_interval"]
    headline = next(row for row in stored["designs"] if row["headline"])
    shown = [
        f"Root mean square error {stored['scores']['rmse']:.2f} °C {low:.2f} to {high:.2f}",
        f"AUC {stored['classes']['probability']['raw']['auc']:.2f}",
        f"W = {headline['w_km']:.0f} km",
        f"CRPS {stored['intervals']['raw']['crps']:.2f} °C",
        f"Moran's I of raw errors {stored['residuals']['morans_i']:z.2f}",
        f"{stored['truth']['parts'][0]['rmse']:.2f} °C",
    ]
    for piece in shown:
        assert piece in text


def test_json_holds_no_nan_and_comes_back_as_it_was(edited_study, card):
    data, _ = written(edited_study(), card)
    assert json.loads(data, parse_constant=pytest.fail) == card
    assert card["area_1e4_km2"][-1]["upper"] is None


def test_sites_are_counted_from_the_boreholes(card):
    data = card["data"]
    assert (data["holes"], data["used"], data["combined"], data["refused"]) == (5, 3, 1, 1)
    assert data["t15_c"] == {"lowest": -2.0, "median": 0.5, "highest": 1.0}
    assert data["median_standard_error_c"] == pytest.approx(0.2)
    assert data["share_extended"] == pytest.approx(2 / 3)


def test_a_quarter_of_the_permafrost_lies_outside(card):
    assert card["applicability"]["share_of_permafrost_outside"] == 0.25


def limits_of(card, **sections):
    return "\n".join(limits({**card, **sections}))


def test_limits_always_say_that_accuracy_is_model_based(card, bare_card):
    for made in (card, bare_card):
        assert "without one every accuracy is a model-based estimate" in made["limits"][0]


def test_random_folds_that_flatter_are_called_so_by_how_much(card):
    rmse = {"random": 0.6, "knndm": 0.8}
    designs = [{**row, "rmse": rmse.get(row["design"])} for row in card["designs"]]
    assert (
        "compared with kNNDM, which is an estimate too, the first flatters the map by 25 %"
        in limits_of(card, designs=designs)
    )
    same = [{**row, "rmse": 0.7} for row in designs]
    assert "does not flatter this map" in limits_of(card, designs=same)


def level(nominal, low, high):
    return {"nominal": nominal, "n": 100, "coverage": 0.87, "coverage_interval": [low, high]}


def test_every_level_that_its_exact_interval_leaves_out_is_named(card):
    raw = [level(0.5, 0.52, 0.7), level(0.8, 0.7, 0.85), level(0.9, 0.7, 0.896)]
    fine = [level(0.5, 0.5, 0.6), level(0.95, 0.9, 0.95)]
    intervals = {"raw": {"levels": raw}, "calibrated": {"levels": fine}}
    said = limits_of(card, intervals=intervals)
    of_raw = re.search(r"Raw intervals: (.*?)\. The exact", said)[1]
    assert "that of 50 % held 87 of 100 held-out sites (87 %; exact 95 % interval 52.0 to" in of_raw
    assert of_raw.count("too wide") == of_raw.count("too narrow") == 1
    assert "interval 70.0 to 89.6 %)" in of_raw and "80 %" not in of_raw
    assert "Calibrated intervals: held-out sites contradict none of the levels 50 %, 95 %." in said


def test_a_level_that_was_not_tested_is_not_called_right(card):
    unknown = {**level(0.9, 0, 1), "coverage": None, "coverage_interval": None}
    levels = {"levels": [level(0.5, 0.4, 0.6), unknown]}
    said = limits_of(card, intervals={"raw": levels, "calibrated": levels})
    assert said.count("none of the levels 50 %; 90 %: not computed.") == 2


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.049, "which Moran's I (p-value 0.049) denies, so they are too short."),
        (0.05, "which Moran's I (p-value 0.050) does not deny."),
        (None, "whether they are: not computed."),
    ],
)
def test_exact_intervals_take_sites_as_independent(card, p, words):
    said = limits_of(card, residuals={**card["residuals"], "p_value": p})
    assert f"The exact intervals take sites as independent, {words}" in said


def designs_with(card, **numbers):
    """Rows of the designs, those named with this W (km) and RMSE (deg C), the rest without."""
    return [
        {
            **row,
            **dict(zip(("w_km", "rmse"), numbers.get(row["design"], (None, None)), strict=True)),
        }
        for row in card["designs"]
    ]


def test_matching_distances_is_not_enough_if_the_error_outside_is_larger_still(card):
    designs = designs_with(card, knndm=(89.2, 0.9), nndm=(4.0, 1.19))
    said = limits_of(card, designs=designs)
    assert (
        "kNNDM is W = 89 km from the distances of the map (RMSE 0.90 °C); NNDM, made to match "
        "them, 4 km (RMSE 1.19 °C). The error to be expected outside the area of applicability, "
        "2.31 °C, is larger still"
    ) in said
    applicability = {**card["applicability"], "expected_error_outside_c": 1.0}
    said = limits_of(card, designs=designs, applicability=applicability)
    assert "(RMSE 1.19 °C)." in said and "larger still" not in said


def test_distance_left_is_told_without_the_matched_design(card):
    said = limits_of(card, designs=designs_with(card, knndm=(89.2, 0.9)))
    assert "kNNDM is W = 89 km from the distances of the map. The error" in said
    assert "NNDM, made" not in said


def test_error_model_says_what_it_assumes_and_how_it_fares(card, bare_card):
    said = limits_of(card)
    for words in (
        "missed 74 % of what a straight line changes beyond the 10 % to 90 % quantiles",
        "variance grows linearly with dissimilarity",
        "can point the wrong way. RMSE it expects inside 1.70 °C (true: 1.86 °C), outside",
    ):
        assert words in said
    assert "RMSE it expects" not in limits_of(card, truth=None)
    assert "What the error model assumes: not computed." in bare_card["limits"]


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.25, "25.0 × 10⁴ km², lies inside it, below the median."),
        (0.35, "35.0 × 10⁴ km², lies inside it, above the median."),
        (0.15, "15.0 × 10⁴ km², lies outside it, below the median."),
        (0.45, "45.0 × 10⁴ km², lies outside it, above the median."),
    ],
)
def test_true_area_is_compared_with_its_interval(card, share, words):
    rows = [
        {"class": PERMAFROST, "simulated_median": 30.0, "lower": 20.0, "upper": 40.0},
        {"class": MAPPED, "area": 100.0},
    ]
    said = limits_of(card, area_1e4_km2=rows, truth={"parts": [], "frozen_share": share})
    assert f"not those of the error model. The true area, {words}" in said
    assert "The true area" not in limits_of(card, area_1e4_km2=rows, truth=None)


def test_sites_per_predictor_are_those_that_train(card, bare_card):
    """Not the holes used, of which some may lack a predictor."""
    data = {**card["data"], "used": 104, "sites_validated": 90, "predictors": [{}] * 3}
    assert "90 sites for 3 predictors, 30 per predictor" in limits_of(card, data=data)
    assert "Sites per predictor: not computed." in bare_card["limits"]


def test_the_level_of_the_interval_of_areas_is_that_of_the_products(
    edited_study, card, monkeypatch
):
    rows = [{"class": PERMAFROST, "simulated_median": 30.0, "lower": 20.0, "upper": 40.0}]
    for module in ("sections", "limits_of_errors"):
        monkeypatch.setattr(f"helpers.report_card.{module}.LEVEL", 0.8)
    assert "The 80 % interval of the area of permafrost" in limits_of(card, area_1e4_km2=rows)
    assert "Simulated median 80 % interval" in shown(edited_study(), card)


def test_the_nugget_is_a_share_of_the_variance(edited_study, card):
    residuals = {**card["residuals"], "nugget": 0.3, "partial_sill": 0.9}
    text = shown(edited_study(), card, residuals=residuals)
    assert "Share of the nugget in its variance 25 %" in text


def test_rare_classes_and_better_baselines_are_named(card):
    matrix = {"labels": ["cold", "warm"], "confusion_matrix": [[3, 2], [1, 40]]}
    said = limits_of(card, classes={"classes": matrix})
    assert "Fewer than 5 sites were observed in: cold (4)." in said
    assert "no worse than the forest" in said and "linear trend (0.10 °C)" in said
    assert "mean (" not in said


def test_a_forest_that_beats_the_mapped_one_is_named(card):
    rmse = {"forest": 0.9, "forest with coordinates": 0.73, "linear trend": 1.2}
    rows = [{"model": name, "rmse": value} for name, value in rmse.items()]
    said = limits_of(card, skill={"baselines": rows})
    assert "no worse than the forest (0.90 °C): forest with coordinates (0.73 °C).\n" in said
    assert "no worse" not in limits_of(card, skill={"baselines": rows[::2]})


def shown(study, card, **sections):
    return Reader(written(study, {**card, **sections})[1]).text


def test_a_range_that_the_bins_end_is_called_so(edited_study, card):
    words = "km (at the longest the bins can show), where correlation"
    assert words in shown(edited_study(), card)
    for known in (False, None):
        residuals = {**card["residuals"], "at_longest": known}
        assert "the longest" not in shown(edited_study(), card, residuals=residuals)


@pytest.mark.parametrize(("calibrated", "verdict"), [(0.097, "has"), (0.1001, "does not have")])
def test_the_smaller_brier_score_is_told_to_three_digits(edited_study, card, calibrated, verdict):
    kinds = {"raw": 0.0975, "calibrated": calibrated}
    probability = {
        kind: {**card["classes"]["probability"][kind], "brier_score": score}
        for kind, score in kinds.items()
    }
    text = shown(edited_study(), card, classes={**card["classes"], "probability": probability})
    said = f"{verdict} the smaller Brier score ({calibrated:.3f}; raw: 0.098)"
    assert f"the calibrated probability {said}" in text
    assert re.search(rf"Brier score 0\.098 \([\d.]{{5}} to [\d.]{{5}}\) {calibrated:.3f}", text)


def test_words_are_explained_with_their_sources(edited_study, card, bare_card):
    for made in (card, bare_card):
        words = shown(edited_study(), made).split(" Words ")[1]
        for term in ("AUC", "Brier", "CRPS", "PIT", "Pinball", "Kappa", "W", "kNNDM", "NNDM"):
            assert f" {term} " in words
        assert words.startswith("Area of applicability") and words.count("doi:10.") == 8


def test_climate_of_other_years_is_a_limit_only_if_there_is_station_climate(card):
    assert "the years about 2003-2021, the mapped period is" in limits_of(card)
    data = {**card["data"], "climate_years": None}
    assert "climate" not in limits_of(card, data=data)


def test_interval_of_a_missing_level_falls_back_on_that_of_the_map(
    study, checks, metadata, boreholes, areas
):
    knndm = {key: v for key, v in checks["designs"]["knndm"].items() if key != "intervals"}
    old = {**checks, "designs": {**checks["designs"], "knndm": knndm}}
    levels = report_card(study, old, metadata, boreholes, areas)["intervals"]["raw"]["levels"]
    assert [row["coverage"] is None for row in levels] == [True, True, False, True]


def test_virtual_boreholes_are_boxed_in_two_languages_and_real_ones_are_not(edited_study, card):
    html = written(edited_study(), card)[1]
    assert '<p class="virtual"><strong>Virtual boreholes' in html
    assert '<strong lang="zh">钻孔为虚拟数据' in html
    assert html.index("Virtual boreholes") < html.index("<main>")


def test_a_real_study_has_neither_box_nor_truth(edited_study, checks, metadata, boreholes, areas):
    real = edited_study(
        ("virtual_boreholes = true ", "virtual_boreholes = false "), ("truth_seed = 2026 ", "# ")
    )
    card = report_card(real, {**checks, "truth": None}, metadata, boreholes, areas)
    html = written(real, card)[1]
    assert 'class="virtual"' not in html and "11. Virtual" not in html
    assert card["truth"] is None


def test_a_title_with_markup_is_harmless(edited_study, checks, metadata, boreholes, areas):
    study = edited_study(('title = "1 km', "title = \"<script>alert('x')</script> 1 km"))
    html = written(study, report_card(study, checks, metadata, boreholes, areas))[1]
    assert "<script" not in html
    assert "&lt;script&gt;" in html and "fold &lt;3&gt; is small" in html


def test_the_page_is_whole_accessible_and_loads_nothing(edited_study, card, picture):
    html = written(edited_study(), card, {'Map of "t15" <2023>': picture})[1]
    read = Reader(html)
    assert read.open == []
    assert read.all("html") == [{"lang": "en"}]
    assert {attributes["scope"] for attributes in read.all("th")} == {"col", "row"}
    assert len(read.all("caption")) == len(read.all("table"))
    assert [image["alt"] for image in read.all("img")] == ['Map of "t15" <2023>']
    assert not {"script", "link", "iframe"} & {tag for tag, _ in read.tags}
    assert "@page { size: A4" in html and not re.search(r"(src|href)=\"(?!data:)|url\(", html)


def test_rows_of_a_table_are_as_wide_as_its_head(edited_study, card, bare_card):
    cell = re.compile(r'<t[hd](?: scope="\w+"| colspan="(\d+)")?>')
    for made in (card, bare_card):
        for table in re.findall("<table>.*?</table>", written(edited_study(), made)[1], re.DOTALL):
            rows = re.findall("<tr>.*?</tr>", table, re.DOTALL)
            widths = {sum(int(n or 1) for n in cell.findall(row)) for row in rows}
            assert len(widths) == 1, table


def test_pictures_are_scaled_down_to_a_palette(edited_study, card, picture):
    html = written(edited_study(), card, {"noise": picture})[1]
    data = re.search('base64,([^"]+)', html)[1]
    with Image.open(io.BytesIO(base64.b64decode(data))) as small:
        assert small.width <= 900 and small.mode == "P"
        assert small.width / small.height == pytest.approx(2, rel=0.01)


def test_pictures_become_smaller_until_the_page_can_be_sent(
    edited_study, card, picture, monkeypatch
):
    whole = written(edited_study(), card, {"noise": picture})[1]
    monkeypatch.setattr(page, "LARGEST_PAGE", len(whole.encode()))
    smaller = written(edited_study(), card, {"noise": picture})[1]
    assert len(smaller) < len(whole) and smaller.count("<img") == 1


def test_too_many_pictures_are_refused_and_leave_no_page(edited_study, card, picture, monkeypatch):
    monkeypatch.setattr(page, "LARGEST_PAGE", 50_000)
    study = edited_study()
    with pytest.raises(ContractError, match=r"1 figures 420 pixels wide.*Pass fewer"):
        write_report_card(study, card, {"noise": picture})
    assert not (study.output_dir / "report_card.html").exists()


def test_a_missing_picture_is_an_error_that_names_it(edited_study, card, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.png not found"):
        write_report_card(edited_study(), card, {"gone": tmp_path / "gone.png"})


def test_same_card_same_bytes(edited_study, study, checks, metadata, boreholes, areas, picture):
    home = edited_study()
    cards = [report_card(study, checks, metadata, boreholes, areas) for _ in range(2)]
    first, second = (written(home, card, {"noise": picture}) for card in cards)
    assert first == second


def test_what_is_not_there_is_none():
    source = {"a": {"b": np.float64("nan"), "c": np.array([1.0, np.inf])}, "text": "abc"}
    assert plain(source) == {"a": {"b": None, "c": [1.0, None]}, "text": "abc"}
    assert found(source, "a", "x") is None
    assert found(source, "text", "b") is None
    assert found(None, "a") is None
