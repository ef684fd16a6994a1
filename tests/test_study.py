import numpy as np
import pytest
from pyproj import Geod, Transformer
from shapely.geometry import box

from helpers.settings import BoreholeChecks
from helpers.study import StudyError, load_study


def test_the_grid_covers_the_area_on_whole_kilometres(study):
    full = load_study(study.folder)
    assert full.geobox.resolution.x == 1000
    assert full.geobox.extent.boundingbox.left % 1000 == 0
    assert full.crs.name == "WGS_1984_Albers"
    west, south, east, north = full.geobox.extent.to_crs("EPSG:4326").boundingbox
    assert west <= 111.15 and south <= 38.73 and east >= 135.08 and north >= 53.55


def test_a_variant_writes_to_folders_of_its_own(study):
    full = load_study(study.folder)
    assert full.interim_dir == full.folder / "interim"
    assert study.interim_dir == full.folder / "interim" / "fast_20000m_20trees"
    assert study.figures_dir.parent == full.figures_dir


def test_the_same_values_are_no_variant(study):
    same = load_study(study.folder, resolution_m=1000, n_trees=500)
    assert same.interim_dir == study.folder / "interim"


def test_defaults_of_the_checks_are_those_of_the_embedded_file(study):
    assert study.boreholes.checks == BoreholeChecks()


WRONG = [
    ("resolution_m = 1000", "resolution = 1000", r"grid\.resolution: unknown key.*resolution_m"),
    ("seed = 2026", 'seed = "a"', r"about\.seed: .*integer.*found 'a'"),
    ("seed = 2026", "seed = -1", r"about\.seed: .*greater than or equal to 0"),
    ('source = "relief"', 'source = "reliefs"', r"covariates\.elevation.*'relief'.*'raster'"),
    ('"PRE", "TDD"', '"PRE", "TD"', r"covariate 'TD' is not described; choices: .*TDD"),
    ('quantity = "slope"', 'quantity = "slop"', r"covariates\.slope.*found 'slop'"),
    ("radius_m = 20000 ", "radius = 20000 ", r"covariates\.TPI.*radius: unknown key.*radius_m"),
    ("west = 111.15", "west = 141.15", r"area: .*west must lie below east"),
    ("end = 2024-12-31", "end = 2020-12-31", r"period: start must not be later than end"),
    ("+proj=aea", "+proj=nothing", r"grid\.crs: pyproj cannot read it"),
    ("+proj=aea +lat_1=25 +lat_2=47", "+proj=merc", r"not equal-area here.*Take an Albers"),
    ("below_c = -3.0", "below_c = -9.0", r"classes go from cold to warm"),
    ("below_c = -3.0", "below_c = -5.0", r"classes: .*each with a below_c above that of the one"),
    (
        'name = "stable"',
        'name = "mapped"',
        r"classes: .*'mapped' is the name of another class or of a row",
    ),
    ('name = "stable"', 'name = "unstable"', r"classes: .*'unstable' is the name of another class"),
    ("[period]", "[period", r"not valid TOML"),
    ('"PRE", "TDD", "TPI"', '"PRE", "PRE"', r"predictors: a predictor is named twice"),
    ("[0.05, 0.25, 0.5, 0.75, 0.95]", "[0.5, 0.05]", r"quantiles: two or more levels that rise"),
    ("[0.05, 0.25, 0.5, 0.75, 0.95]", "[0.5]", r"quantiles: two or more levels that rise"),
    ("virtual_boreholes = true", "virtual_boreholes = false", r"truth_seed belongs to virtual"),
    ("[5.2,", "[0.0,", r"within_month_sd_c\.0: .*greater than 0"),
    (
        "n_matched_folds = 5 ",
        "n_matched_folds = 2 ",
        r"validation: max_share is 0\.5; with n_matched_folds = 2 it must lie above 0\.5: raise",
    ),
    ("max_share = 0.5 ", "max_share = 0.2 ", r"above 0\.2: raise max_share, or n_matched_folds"),
    ("[climate]", "[climates]", r"climates: unknown key. Did you mean 'climate'"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_a_wrong_key_or_value_is_named_with_its_place(edit_study, old, new, message):
    if "merc" in new:
        old, new = '"+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105', '"+proj=merc +lon_0=105'
        folder = edit_study((old, new), ('crs_name = "WGS_1984_Albers"', ""))
    else:
        folder = edit_study((old, new))
    with pytest.raises(StudyError, match=message) as caught:
        load_study(folder)
    assert str(folder / "study.toml") in str(caught.value)


def test_only_the_folds_matched_to_the_map_share_the_sites(edit_study):
    """They are as many as the others if not said otherwise; two random folds alone are possible."""
    folder = edit_study(("n_folds = 10", "n_folds = 2"))
    assert load_study(folder).validation.matched_folds == 5
    folder = edit_study(("n_matched_folds", "# n_matched_folds"))
    with pytest.raises(StudyError, match=r"with n_folds = 2 .* raise max_share, or n_folds"):
        load_study(folder)


def test_a_missing_study_says_how_to_make_one(tmp_path):
    with pytest.raises(StudyError, match=r"No study at .*helpers\.run new NAME"):
        load_study(tmp_path)


def test_paths_stay_inside_the_study_folder(edit_study):
    study = load_study(edit_study(('"boreholes/*.xlsx"', '"../*.xlsx"')))
    with pytest.raises(StudyError, match="leaves the study folder"):
        study.borehole_files()
    with pytest.raises(StudyError, match="leaves the study folder"):
        study.path("../study.toml")


def test_a_pattern_without_a_file_is_an_error(edit_study):
    study = load_study(edit_study(('"boreholes/*.xlsx"', '"boreholes/*.xls"')))
    with pytest.raises(StudyError, match=r"no file matches 'boreholes/\*\.xls'"):
        study.borehole_files()


def test_a_missing_file_is_named(study):
    with pytest.raises(StudyError, match=r"file 'nothing\.csv' not found at .*nothing\.csv"):
        study.path("nothing.csv")


def test_cells_of_the_grid_have_equal_area(study):
    """Sum of the cells' areas on the ellipsoid equals their number times the cell size."""
    left, bottom, *_ = study.geobox.extent.boundingbox
    west, east, south, north = left + 6e5, left + 7e5, bottom + 6e5, bottom + 7e5
    to_degrees = Transformer.from_crs(study.crs, "EPSG:4326", always_xy=True)
    ring = box(west, south, east, north).segmentize(1000).exterior.xy
    area, _ = Geod(ellps="WGS84").polygon_area_perimeter(*to_degrees.transform(*ring))
    assert np.isclose(abs(area), 1e10, rtol=1e-4)


def test_figures_of_a_study_elsewhere_stay_in_its_folder(study, study_folder):
    """In the project they go to figures/<folder>; a folder only called data is not enough."""
    project = study.folder.parents[1]
    assert load_study(study.folder).figures_dir == project / "figures" / "northeast_china"
    assert load_study(study_folder).figures_dir == study_folder / "figures"


def test_locks_and_leftovers_of_other_programs_are_no_borehole_files(study_folder):
    for name in ("~$ncdc_boreholes.xlsx", "._gtnp_V051.xlsx"):
        (study_folder / "boreholes" / name).write_bytes(b"lock")
    names = {path.name for path in load_study(study_folder).borehole_files()}
    assert "ncdc_boreholes.xlsx" in names and not any(n[0] in "~." for n in names)


def test_a_changed_study_keeps_all_else_and_writes_to_a_folder_of_its_own(study):
    tried = study.changed(forest={"n_trees": 7}, validation={"n_folds": 4})
    assert (tried.forest.n_trees, tried.validation.n_folds) == (7, 4)
    assert tried.forest.predictors == study.forest.predictors
    assert tried.covariates == study.covariates and tried.file == study.file
    assert tried.interim_dir == study.interim_dir / "tried" and tried.is_first_look
    whole = load_study(study.folder).changed(forest={"n_trees": 7})
    assert whole.interim_dir == study.folder / "interim" / "tried" and not whole.is_first_look
    assert study.forest.n_trees == 20


def test_a_change_is_checked_like_the_file(study):
    with pytest.raises(StudyError, match=r"study\.toml: forest\.trees: unknown key"):
        study.changed(forest={"trees": 7})
