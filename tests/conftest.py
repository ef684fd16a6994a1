import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import rasterio
from matplotlib.text import Text
from rasterio.transform import from_origin

from helpers import boreholes
from helpers.covariates import build_covariates
from helpers.figures.style import VIRTUAL_NOTE
from helpers.study import load_study

matplotlib.use("Agg")
os.environ.pop("DASK_SCHEDULER_ADDRESS", None)  # tests start the schedulers they need

PROJECT = Path(__file__).resolve().parents[1]
EMBEDDED = PROJECT / "data" / "northeast_china"


@pytest.fixture(scope="session")
def study():
    """The embedded study on 20 km cells; for reading only."""
    return load_study(EMBEDDED, resolution_m=20_000, n_trees=20)


@pytest.fixture(scope="session")
def covariates(study):
    """Covariates of the embedded study on 20 km cells."""
    return build_covariates(study, progress=False)


@pytest.fixture(scope="session")
def embedded_survey(study):
    """The boreholes of the embedded study: data as read, checked, sites and profiles."""
    data = boreholes.read_study(study)
    checked = boreholes.check_boreholes(data, study)
    sites, profiles = boreholes.site_temperatures(checked, study)
    return SimpleNamespace(data=data, checked=checked, sites=sites, profiles=profiles)


@pytest.fixture
def study_folder(tmp_path):
    """A copy of the embedded study that a test may change, without interim and output."""
    target = tmp_path / "data" / "northeast_china"
    shutil.copytree(EMBEDDED, target, ignore=shutil.ignore_patterns("interim", "output"))
    return target


@pytest.fixture
def edit_study(study_folder):
    """Replace text in the copied study.toml; returns the folder."""

    def edit(*replacements):
        file = study_folder / "study.toml"
        text = file.read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text, f"nothing to replace: {old}"
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
        return study_folder

    return edit


@pytest.fixture
def write_raster(tmp_path):
    """Write a small GeoTIFF; returns its path."""

    def write(values, west=100.0, north=60.0, size=0.5, crs="EPSG:4326", nodata=None, name="a.tif"):
        path = tmp_path / name
        values = np.asarray(values)
        with rasterio.open(
            path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
            dtype=values.dtype, crs=crs, transform=from_origin(west, north, size, size),
            nodata=nodata,
        ) as raster:  # fmt: skip
            raster.write(values, 1)
        return path

    return write


@pytest.fixture(scope="session")
def check_page():
    """Check a figure: two columns wide, no small text, nothing off the page, one virtual note."""

    def check(figure):
        figure.draw_without_rendering()
        texts = [t for t in figure.findobj(Text) if t.get_text()]
        assert round(figure.get_figwidth() * 25.4) == 180
        assert min(t.get_fontsize() for t in texts) >= 7
        page, used = figure.bbox, figure.get_tightbbox().transformed(figure.dpi_scale_trans)
        assert used.x0 >= -1 and used.y0 >= -1
        assert used.x1 <= page.width + 1 and used.y1 <= page.height + 1
        assert [t.get_text() for t in figure.texts].count(VIRTUAL_NOTE) == 1

    return check
