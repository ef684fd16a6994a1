import pytest

from helpers import run
from helpers.study import StudyError, load_study


def test_a_new_study_is_valid_and_commented(tmp_path):
    path = run.new_study("my_region", tmp_path)
    study = load_study(path)
    assert study.name == "my_region" and not study.about.virtual_boreholes
    assert (path.parent / "boreholes").is_dir()
    text = path.read_text(encoding="utf-8")
    assert text.count("#") > 40 and "NAME" not in text


def test_an_existing_study_is_left_alone(tmp_path):
    path = run.new_study("my_region", tmp_path)
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="exists already"):
        run.new_study("my_region", tmp_path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["../up", "My Region", "1st", ""])
def test_a_name_that_is_no_name_is_refused(tmp_path, name):
    with pytest.raises(StudyError, match="lower-case letters"):
        run.new_study(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_study_is_found_by_name_and_by_path(tmp_path):
    assert run.find_study("northeast_china") == run.PROJECT / "data" / "northeast_china"
    assert run.find_study(str(tmp_path)) == tmp_path


def test_an_unknown_study_ends_with_a_message_and_status_1(capsys):
    assert run.main(["map", "no_such_study"]) == 1
    assert "python -m helpers.run new NAME" in capsys.readouterr().err
