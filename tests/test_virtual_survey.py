"""The committed survey: its truth against known values, its files byte for byte."""

import filecmp
import re
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from helpers import climate
from helpers.covariates import build_covariates
from helpers.folds import nearest_neighbour_distances
from helpers.storage import ContractError, read_table
from helpers.study import load_study
from helpers.virtual import published, survey, truth
from helpers.virtual.__main__ import write_embedded_survey


@pytest.fixture(scope="module")
def holes(study, covariates):
    field = truth.true_field(covariates, study.about.truth_seed)
    towns = read_table(study.path("towns.csv"), ("longitude", "latitude"), ("name",))
    return survey.draw_holes(field, covariates["elevation"], towns, study, study.about.truth_seed)


def test_a_truth_of_changed_layers_is_refused(edit_study):
    study = load_study(edit_study(("resolution_m = 1000 ", "resolution_m = 50000 ")))
    layers = build_covariates(study, progress=False)
    assert truth.truth_of(study, layers).equals(truth.true_field(layers, study.about.truth_seed))
    changed = load_study(edit_study(("radius_m = 20000", "radius_m = 30000")))
    with pytest.raises(ContractError, match="drawn in another truth"):
        truth.truth_of(changed, layers)


def test_top_of_permafrost_temperature_of_hand_computed_cases():
    """Frozen: (0.8 * 0.5 * 2000 - 0.7 * 3000) / 365.25; thawed divides freezing by rk instead."""
    frozen = climate.top_of_permafrost_temperature(2000, 3000, 0.5, 0.7, 0.8)
    assert frozen == pytest.approx((800 - 2100) / 365.25)
    thawed = climate.top_of_permafrost_temperature(3000, 1000, 0.9, 0.5, 0.8)
    assert thawed == pytest.approx((2700 - 500 / 0.8) / 365.25)


def test_the_unexplained_field_has_the_spread_and_range_it_says():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 2e6, (2, 4000))
    values = truth.unexplained_field(x, y, seed=7)
    assert values.std() == pytest.approx(truth.UNEXPLAINED_SD_C, rel=0.1)
    assert abs(values.mean()) < 0.05
    near, far = (truth.unexplained_field(x + d, y, seed=7) for d in (3_000, 60_000))
    assert np.corrcoef(values, near)[0, 1] > 0.9
    assert abs(np.corrcoef(values, far)[0, 1]) < 0.15
    range_m = truth.UNEXPLAINED_RANGE_KM * 1000
    there = truth.unexplained_field(x + range_m, y, seed=7)
    assert np.corrcoef(values, there)[0, 1] == pytest.approx(np.exp(-1.5), abs=0.08)


def test_no_covariate_explains_the_unexplained_field(covariates):
    known = covariates["TDD"].notnull().to_numpy()
    x, y = (a[known] for a in np.meshgrid(covariates.x, covariates.y))
    values = truth.unexplained_field(x, y, seed=2024)
    for name in ("PRE", "TDD", "TPI", "elevation"):
        assert abs(np.corrcoef(values, covariates[name].to_numpy()[known])[0, 1]) < 0.2, name


def test_sites_cluster_and_lie_where_the_truth_is_known(holes, study, covariates):
    natural = holes[holes["fault"] != "outside_area"]
    assert len(holes) == survey.N_HOLES == 112
    assert holes["t15_true_c"].notna().all()
    known = covariates["TDD"].notnull().to_numpy()
    cells = np.column_stack([a[known] for a in np.meshgrid(covariates.x, covariates.y)])
    to_site, to_map = nearest_neighbour_distances(natural[["x", "y"]], cells)
    assert np.median(to_site) < np.median(to_map) / 4
    assert natural["longitude"].between(study.area.west, study.area.east).all()


def test_every_planned_fault_befalls_one_hole_of_its_format(holes):
    planned = sorted(survey.REMOVED + survey.REPAIRED)
    drawn = holes.loc[holes["fault"] != "", ["fault", "format"]]
    assert sorted(drawn.itertuples(index=False, name=None)) == planned
    assert len(holes) - len(survey.REMOVED) == 104


def test_another_seed_is_another_survey_of_the_same_kind(study, covariates, holes):
    field = truth.true_field(covariates, study.about.truth_seed)
    towns = read_table(study.path("towns.csv"), ("longitude", "latitude"), ("name",))
    other = survey.draw_holes(field, covariates["elevation"], towns, study, 99)
    assert not np.allclose(other["x"], holes["x"])
    assert list(other.columns) == list(holes.columns)


def test_a_hole_that_cannot_show_a_fault_leaves_it_to_the_next(holes):
    free = list(holes.index[:3])
    table = holes.loc[free].assign(elevation_m=[400.0, 300.0, 100.0])
    assert survey._taken(free, "elevation_in_feet", table) == holes.index[1]
    assert free == [holes.index[0], holes.index[2]]
    with pytest.raises(ValueError, match=r"No free hole .workbook. can show 'elevation_in_feet'"):
        survey._taken([holes.index[2]], "elevation_in_feet", table)


@pytest.fixture(scope="module")
def written(study, tmp_path_factory):
    """The committed folder, and the survey written again at the full 1 km, as `make survey`."""
    full = load_study(study.folder)
    folder = tmp_path_factory.mktemp("survey")
    write_embedded_survey(full, folder)
    return full.folder, folder


def files_of_the_survey(folder):
    return sorted(p.relative_to(folder).as_posix() for p in (folder / "boreholes").iterdir())


@pytest.mark.slow
def test_the_committed_survey_comes_out_again_byte_for_byte(written):
    """Also the table of known values. With other libraries the last digit may be another."""
    others = {name: version(name) for name in ("numpy", "scipy", "pandas", "openpyxl")}
    lock = (written[0].parents[1] / "requirements.lock").read_text(encoding="utf-8")
    if not all(f"{name}=={here} " in lock for name, here in others.items()):
        pytest.skip(f"bytes are promised for the versions of requirements.lock; here {others}")
    names = [*files_of_the_survey(written[0]), "virtual_truth.csv"]
    same, different, absent = filecmp.cmpfiles(*written, names, shallow=False)
    assert not different and not absent and len(same) == len(names)


@pytest.mark.slow
def test_the_committed_survey_comes_out_again_to_the_last_digit_with_any_library(written):
    """Sensors are written to 0.001 degC: a sum in another order may round to the next."""
    committed, again = (files_of_the_survey(folder) for folder in written)
    assert committed == again
    for name in committed:
        here, there = (cells_of(folder / name) for folder in written)
        assert len(here) == len(there), name
        for one, other in zip(here, there, strict=True):
            assert one == other or float(one) == pytest.approx(float(other), abs=0.00101), name


def cells_of(path):
    """All cells of a file of the survey as text, in order."""
    if path.suffix != ".xlsx":
        return re.split(r"[,;\t\n]", path.read_text(encoding="utf-8"))
    sheets = load_workbook(path).worksheets
    return [str(cell) for sheet in sheets for row in sheet.values for cell in row]


def test_the_truth_is_close_to_what_is_published_or_expected(study):
    table = pd.read_csv(study.folder / "virtual_truth.csv").set_index("quantity")
    low, high, found = (table[c] for c in ("low", "high", "truth"))
    known = pd.read_csv(study.folder / "published_values.csv")["value"]
    sourced = table["basis"] == published.PUBLISHED
    assert low[sourced].isin(known).all() and high[sourced].isin(known).all()
    assert (table["basis"][~sourced] == published.EXPECTED).all() and (~sourced).sum() == 4
    tolerance = {"degC": 0.5, "1e4 km2": 0.0, "1": 0.0, "mm": 60, "degC d": 650}
    miss = np.maximum(low - found, found - high).clip(lower=0)
    assert (miss <= table["unit"].map(tolerance)).all(), table[miss > 0]


def test_published_ranges_are_read_from_their_file(tmp_path):
    path = tmp_path / "published_values.csv"
    path.write_text("quantity,value\nrain A,3.5\nrain B,1.25\nsnow A,9\n")
    assert published.published_range(path, "rain") == ("published", 1.25, 3.5)
    assert published.published_range(path, "rain B", "snow") == ("published", 1.25, 9.0)
    with pytest.raises(ContractError, match=r"values\.csv: .*hail.*Found: rain A; rain B; snow A"):
        published.published_range(path, "hail")


def test_the_data_register_shows_the_comparison(study):
    """Every number of the comparison stands in data/README.md as it is in the file."""
    register = (study.folder.parent / "README.md").read_text(encoding="utf-8")
    table = pd.read_csv(study.folder / "virtual_truth.csv")
    for row in table.itertuples():
        assert f"| {row.quantity} |" in register
        assert f"| {row.truth:g} |" in register
