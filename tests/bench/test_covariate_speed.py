"""Seconds and peak memory of building covariates; `make bench` prints the table.

The embedded study on its 1 km grid, and a synthetic stack of 30 m cells, a quarter of a degree
square and a whole one: what is needed beyond the libraries must grow less than the cells do.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

EMBEDDED = Path(__file__).resolve().parents[2] / "data" / "northeast_china"
BUILD = """
import json, resource, sys, time
from helpers.covariates import write_covariates
from helpers.study import load_study

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

study = load_study(sys.argv[1])
before, start = peak(), time.perf_counter()
write_covariates(study, sys.argv[2], progress=False)
print(json.dumps([study.geobox.shape.y * study.geobox.shape.x, time.perf_counter() - start,
                  before, peak()]))
"""
ARC_SECOND = 1 / 3600
STUDY = """
[covariates.elevation]
source = "raster"
path = "dem.tif"
units = "m"

[covariates.TPI]
source = "terrain"
quantity = "topographic_position"
radius_m = 2000

[covariates.northness]
source = "terrain"
quantity = "northness"

[covariates.wetness]
source = "terrain"
quantity = "topographic_wetness"

[covariates.radiation]
source = "terrain"
quantity = "clear_sky_radiation"
month = 6

[covariates.PRE]
source = "stations"
quantity = "precipitation"

[covariates.TDD]
source = "stations"
quantity = "thawing_degree_days"
"""


def built(study, target):
    """Cells of the grid, seconds, and memory (MB) before and at the peak, in a fresh process."""
    command = [sys.executable, "-c", BUILD, str(study), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return json.loads(done.stdout.splitlines()[-1])


def write_relief(path, west, north, cells):
    """Hills of several lengths and noise, a second of arc a cell, int16, band of rows by band."""
    transform = from_origin(west, north, ARC_SECOND, ARC_SECOND)
    rng = np.random.default_rng(0)
    with rasterio.open(
        path, "w", driver="GTiff", height=cells, width=cells, count=1, dtype="int16",
        crs="EPSG:4326", transform=transform, tiled=True, compress="deflate",
    ) as raster:  # fmt: skip
        x = np.arange(cells)
        for row in range(0, cells, 256):
            y = np.arange(row, min(row + 256, cells))[:, None]
            hills = sum(
                size * np.sin(x / size + 1.3) * np.cos(y / size) for size in (30, 90, 200, 400)
            )
            noise = rng.normal(0, 3, (len(y), cells))
            window = rasterio.windows.Window(0, row, cells, len(y))
            raster.write(np.round(900 + hills + noise).astype(np.int16), 1, window=window)


def fine_study(folder, degrees):
    """The embedded study on 30 m cells of a square from 120 E, 51 N to the east and north."""
    folder.mkdir()
    text = (EMBEDDED / "study.toml").read_text(encoding="utf-8")
    first, last = text.index("[covariates.elevation]"), text.index("[forest]")
    text = text[:first] + STUDY + text[last:]
    for key, value in (
        ("west = 111.15", "west = 120.0"),
        ("south = 38.730556", "south = 51.0"),
        ("east = 135.08", f"east = {120 + degrees}"),
        ("north = 53.556111", f"north = {51 + degrees}"),
        ('outline = "outline.geojson"', ""),
        ("resolution_m = 1000 ", "resolution_m = 30 "),
    ):
        assert key in text, key
        text = text.replace(key, value)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    for name in ("climate_stations.csv", "towns.csv"):
        (folder / name).write_bytes((EMBEDDED / name).read_bytes())
    cells = round((degrees + 0.4) / ARC_SECOND)
    write_relief(folder / "dem.tif", 119.8, 51 + degrees + 0.2, cells)
    return folder


def test_the_stack_of_the_embedded_study_and_a_fine_one(tmp_path):
    rows = {"embedded study, 1 km, 15 layers": built(EMBEDDED, tmp_path / "a.nc")}
    for degrees in (0.5, 1):
        study = fine_study(tmp_path / f"fine_{degrees}", degrees)
        name = f"{degrees:g} degree square, 30 m, 7 layers"
        rows[name] = built(study, tmp_path / f"{degrees}.nc")
    print(f"\n{'':34} {'million cells':>13} {'s':>6} {'MB before':>9} {'MB peak':>8}")
    for name, (cells, seconds, before, peak) in rows.items():
        print(f"{name:34} {cells / 1e6:13.2f} {seconds:6.1f} {before:9.0f} {peak:8.0f}")
    quarter, whole = list(rows.values())[1:]
    assert (whole[3] - whole[2]) / (quarter[3] - quarter[2]) < whole[0] / quarter[0]
