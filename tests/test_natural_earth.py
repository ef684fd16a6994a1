"""Lines of Natural Earth: drawn if they are on the machine, and never looked for elsewhere."""

import os
import socket

import cartopy
import numpy as np
import pytest
import shapefile
from matplotlib.text import Text

from helpers.figures import captions, natural_earth, one_map
from helpers.storage import ContractError

COAST, BORDER = ("physical", "coastline"), ("cultural", "admin_0_boundary_lines_land")
INSIDE = [(120.0, 45.0), (121.0, 46.0), (122.0, 47.0)]


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Empty data folders of cartopy, and no way to any other machine."""
    for name in ("pre_existing_data_dir", "data_dir"):
        monkeypatch.setitem(cartopy.config, name, tmp_path / name)

    def refuse(*_args, **_kwargs):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tmp_path


def write(folder, kind, resolution="110m", points=INSIDE):
    category, name = kind
    path = folder / "shapefiles" / "natural_earth" / category / f"ne_{resolution}_{name}.shp"
    path.parent.mkdir(parents=True, exist_ok=True)
    with shapefile.Writer(str(path), shapefile.POLYLINE) as lines:
        lines.field("featurecla", "C")
        lines.line([points, [(-60.0, -30.0), (-61.0, -31.0)]])
        lines.record("line")
    return path


def drawn(figure):
    lines = {line.get_gid(): line for line in figure.axes[0].lines if line.get_gid()}
    return {name.removeprefix("Natural Earth "): line for name, line in lines.items()}


def test_without_files_nothing_is_drawn_and_nothing_is_asked_for(study, folders):
    figure, _ = one_map.single_map(study)
    assert drawn(figure) == {}
    assert "Natural Earth" not in captions.caption_of(figure, "t15_map")


@pytest.mark.parametrize("place", ["pre_existing_data_dir", "data_dir"])
def test_a_coastline_on_this_machine_is_drawn_where_it_is(study, folders, place):
    """Three points in the frame; two in South America are left out."""
    write(folders / place, COAST)
    figure, _ = one_map.single_map(study)
    line = drawn(figure).pop("coastlines")
    points = line.get_xydata()[np.isfinite(line.get_xydata()).all(axis=1)]
    expected = np.column_stack(study.to_grid.transform(*np.transpose(INSIDE)))
    np.testing.assert_allclose(points, expected)
    assert captions.caption_of(figure, "t15_map").endswith(". Coastlines: Natural Earth.")


@pytest.mark.parametrize(
    ("points", "seen"),
    [
        ([(140.0, 45.0), (141.0, 46.0)], False),
        ([(0.0, 45.0), (1.0, 46.0)], False),
        ([(100.0, 46.0), (140.0, 46.0)], True),  # through the frame, no point in it
    ],
)
def test_lines_that_miss_the_map_are_not_in_its_caption(study, folders, points, seen):
    write(folders / "data_dir", COAST, points=points)
    figure, _ = one_map.single_map(study)
    assert ("coastlines" in drawn(figure)) == seen
    assert ("Natural Earth" in captions.caption_of(figure, "t15_map")) == seen


def test_borders_are_drawn_only_if_the_user_has_them(study, folders):
    write(folders / "data_dir", COAST)
    figure, _ = one_map.single_map(study)
    assert drawn(figure).keys() == {"coastlines"}
    write(folders / "data_dir", BORDER)
    figure, _ = one_map.single_map(study)
    assert drawn(figure).keys() == {"coastlines", "borders"}
    assert natural_earth.source_of_lines(figure) == "Coastlines and borders: Natural Earth."


def test_the_finer_file_is_taken(folders):
    coarse = write(folders / "pre_existing_data_dir", COAST)
    assert natural_earth.local_shapefile(*COAST) == coarse
    fine = write(folders / "data_dir", COAST, "50m")
    assert natural_earth.local_shapefile(*COAST) == fine


def test_lines_leave_the_frame_of_the_map_as_it_is(study, folders):
    plain, axes = one_map.single_map(study)
    limits = axes.axis()
    write(folders / "data_dir", COAST)
    figure, with_lines = one_map.single_map(study)
    assert with_lines.axis() == limits
    texts = [[t.get_text() for t in f.findobj(Text)] for f in (plain, figure)]
    assert texts[0] == texts[1]


def test_a_file_is_read_once_and_again_when_it_has_changed(study, folders, monkeypatch):
    path, opened = write(folders / "data_dir", COAST), []
    read = natural_earth.Reader
    monkeypatch.setattr(natural_earth, "Reader", lambda p: opened.append(p) or read(p))
    for _ in range(3):
        one_map.single_map(study)
    assert opened == [path]
    write(folders / "data_dir", COAST, points=[(0.0, 45.0), (1.0, 46.0)])
    os.utime(path, ns=(1, 1))
    assert drawn(one_map.single_map(study)[0]) == {}
    assert opened == [path, path]


@pytest.mark.parametrize("spoilt", [".shp", ".dbf"])
def test_a_file_that_cannot_be_read_is_named_with_a_remedy(study, folders, spoilt):
    path = write(folders / "data_dir", COAST)
    content = path.with_suffix(spoilt).read_bytes()
    path.with_suffix(spoilt).write_bytes(content[: len(content) // 3])
    with pytest.raises(ContractError, match=rf"{path}: no readable shapefile .* take it away"):
        one_map.single_map(study)


def test_a_file_without_lines_draws_none(study, folders):
    path = write(folders / "data_dir", COAST)
    with shapefile.Writer(str(path), shapefile.POLYLINE) as lines:
        lines.field("featurecla", "C")
    assert drawn(one_map.single_map(study)[0]) == {}
