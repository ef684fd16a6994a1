"""Whether a thousand half-hourly holes can be read: seconds per hole, and memory that stays flat.

`make bench` prints the table. The number of holes is READING_BENCH_HOLES (default 40; 1000 takes
some 20 minutes); a quarter of them is read first, and all must hardly need more memory.
"""

import os
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.boreholes import check_boreholes
from helpers.boreholes.formats import iterate_boreholes
from helpers.study import load_study

EMBEDDED = Path(__file__).resolve().parents[2] / "data" / "northeast_china"
N_HOLES = int(os.environ.get("READING_BENCH_HOLES", "40"))
DEPTHS_M = np.arange(0.5, 24.5)
N_TIMES, LARGEST_GROWTH = 17_520, 1.3


def half_hourly_year():
    """A damped annual wave at 24 depths, every half hour of 2023, with sensor noise."""
    times = pd.date_range("2023-01-01", periods=N_TIMES, freq="30min")
    phase = 2 * np.pi * (np.arange(N_TIMES) / N_TIMES)[:, None] - DEPTHS_M / 2.5
    wave = 15 * np.exp(-DEPTHS_M / 2.5) * -np.cos(phase)
    noise = np.random.default_rng(0).normal(0, 0.02, wave.shape)
    table = pd.DataFrame((wave - 1.5 + 0.03 * DEPTHS_M + noise).round(3), times)
    return table.set_axis([f"{depth:g}" for depth in DEPTHS_M], axis=1).rename_axis("Date/Depth")


def write_holes(folder, number):
    """So many holes at places of their own. Their csv files are links to one: each is parsed."""
    folder.mkdir()
    first = folder / "hole_0000.csv"
    half_hourly_year().to_csv(first, date_format="%Y-%m-%d %H:%M:%S")
    for i in range(number):
        path = folder / f"hole_{i:04}.csv"
        if i:
            path.hardlink_to(first)
        place = f"Longitude: {120 + i % 40 / 10}\nLatitude: {47 + i // 40 / 10}\n"
        path.with_suffix(".txt").write_text(f"Site code: H{i:04}\n{place}Setting: natural\n")
    return sorted(folder.glob("*.csv"))


def read_and_check(paths, study):
    """Seconds, and peak memory of the process so far in MB."""
    start = time.perf_counter()
    checked = check_boreholes(iterate_boreholes(paths), study)
    seconds = time.perf_counter() - start
    assert checked.records["site"].nunique() == len(paths)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_memory_does_not_grow_with_the_number_of_holes(tmp_path):
    study = load_study(EMBEDDED)
    boreholes = study.boreholes.model_copy(update={"overrides": None})
    study = study.model_copy(update={"boreholes": boreholes})
    found = {}
    for number in (N_HOLES // 4, N_HOLES):
        found[number] = read_and_check(write_holes(tmp_path / str(number), number), study)
    print(f"\n{N_TIMES} half-hourly values at {len(DEPTHS_M)} depths a hole, read and checked")
    for number, (seconds, memory) in found.items():
        print(f"  {number:5} holes {seconds / number:7.2f} s a hole {memory:7.0f} MB at the peak")
    (_, few), (_, many) = found.values()
    assert many < LARGEST_GROWTH * few
