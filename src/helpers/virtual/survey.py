"""Where the virtual holes are drilled, and what each of them is.

Holes cluster along the roads between towns, as real ones do, most of them in the north. The
survey is a function of the true field and a seed, so that any number of surveys of the same
truth can be drawn.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from helpers.covariates import sample_at
from helpers.study import Study
from helpers.virtual.faults import suits

# Roads (straight lines between towns of the study) and the number of clusters along each.
ROADS = (
    ("Mohe", "Tahe", 5),
    ("Tahe", "Jiagedaqi", 5),
    ("Jiagedaqi", "Nenjiang", 4),
    ("Jiagedaqi", "Genhe", 4),
    ("Mohe", "Genhe", 4),
    ("Genhe", "Yakeshi", 4),
    ("Yakeshi", "Hailar", 3),
    ("Hailar", "Manzhouli", 3),
    ("Yakeshi", "Arxan", 4),
    ("Arxan", "Ulanhot", 3),
    ("Nenjiang", "Qiqihar", 3),
    ("Nenjiang", "Yichun", 4),
    ("Yichun", "Jiamusi", 3),
    ("Yichun", "Harbin", 3),
    ("Harbin", "Mudanjiang", 1),
    ("Mudanjiang", "Changchun", 1),
    ("Arxan", "Xilinhot", 1),
)
HOLES_BY_FORMAT = {"workbook": 42, "pipeline": 8, "gtnp": 22, "profiles": 40}
N_HOLES = sum(HOLES_BY_FORMAT.values())
SITE_NOISE_C = 0.25
CLUSTER_SPREAD_M = 14_000
_TOWN_WARMING_C = 1.0

# Eight strings must not survive the checks, ...
REMOVED = (
    ("duplicate", "gtnp"),
    ("same_cell", "profiles"),
    ("disturbed", "pipeline"),
    ("disturbed", "workbook"),
    ("shallow", "workbook"),
    ("outside_area", "profiles"),
    ("outside_period", "profiles"),
    ("stopped_logger", "gtnp"),
)
# ... the others can be read by whoever notices what is wrong with them.
REPAIRED = (
    ("kelvin", "gtnp"),
    ("kelvin", "workbook"),
    ("fahrenheit", "workbook"),
    ("swapped_coordinates", "profiles"),
    ("swapped_coordinates", "gtnp"),
    ("depth_in_cm", "pipeline"),
    ("sign_flipped", "workbook"),
    ("spikes", "workbook"),
    ("spikes", "pipeline"),
    ("spikes", "gtnp"),
    ("stuck_sensor", "workbook"),
    ("stuck_sensor", "gtnp"),
    ("unsorted_depths", "profiles"),
    ("repeated_depth", "profiles"),
    ("missing_code", "workbook"),
    ("missing_code", "gtnp"),
    ("disordered_sensor", "workbook"),
    ("disordered_sensor", "profiles"),
    ("step", "workbook"),
    ("step", "pipeline"),
    ("drift", "workbook"),
    ("drift", "gtnp"),
    ("swapped_sensors", "workbook"),
    ("swapped_sensors", "gtnp"),
    ("curtain_offset", "gtnp"),
    ("curtain_offset", "pipeline"),
    ("elevation_in_feet", "profiles"),
)


def draw_holes(
    truth: xr.DataArray, elevation: xr.DataArray, towns: pd.DataFrame, study: Study, seed: int
) -> pd.DataFrame:
    """Draw the holes of one survey.

    Parameters
    ----------
    truth, elevation
        (y, x) on the study grid: true temperature at 15 m, deg C, and elevation, m.
    towns
        name, longitude, latitude of the ends of the roads.
    study
        Gives the CRS.
    seed
        Another seed is another survey of the same truth.

    Returns
    -------
    One row per hole: site, longitude, latitude, elevation_m, x, y, setting, format, fault,
    deepest_m, t15_true_c, gradient_c_per_m, surface_amplitude_c, damping_depth_m, trend_c_per_a.

    Raises
    ------
    ValueError
        If no hole that is left can show one of the faults.

    """
    rng = np.random.default_rng(seed)
    field = xr.Dataset({"truth": truth, "elevation": elevation})
    holes = _positions(field, towns, study, rng)
    holes["format"] = np.repeat(list(HOLES_BY_FORMAT), list(HOLES_BY_FORMAT.values()))
    holes.insert(0, "site", [f"V{number:03d}" for number in range(1, N_HOLES + 1)])
    holes["setting"], holes["fault"] = "natural", ""
    holes = pd.concat([holes, _ground(rng)], axis=1)
    holes["t15_true_c"] = holes.pop("truth") + rng.normal(0, SITE_NOISE_C, N_HOLES)
    holes["elevation_m"] = (holes.pop("elevation") + rng.normal(0, 15, N_HOLES)).round(0)
    holes = _plan_faults(holes, study, rng)
    degrees = study.to_grid.transform(holes.x, holes.y, direction="INVERSE")
    holes["longitude"], holes["latitude"] = np.round(degrees, 5)
    return holes


def _positions(
    field: xr.Dataset, towns: pd.DataFrame, study: Study, rng: np.random.Generator
) -> pd.DataFrame:
    """Clustered positions inside the mapped area, at most one to a cell, with field values."""
    centres = _cluster_centres(towns, study, rng)
    chosen, cells = [], set()
    while len(chosen) < N_HOLES:
        x, y = centres[rng.integers(len(centres))] + rng.normal(0, CLUSTER_SPREAD_M, 2)
        cell = (int(x // study.boreholes.combine_cell_m), int(y // study.boreholes.combine_cell_m))
        values = sample_at(field, [x], [y]).iloc[0]
        if cell not in cells and np.isfinite(values).all():
            cells.add(cell)
            chosen.append({"x": x, "y": y, **values})
    return pd.DataFrame(chosen)


def _cluster_centres(towns: pd.DataFrame, study: Study, rng: np.random.Generator) -> NDArray:
    place = towns.set_index("name")
    ends = {
        name: np.array(study.to_grid.transform(row.longitude, row.latitude))
        for name, row in place.iterrows()
    }
    return np.vstack(
        [
            ends[first] + share * (ends[last] - ends[first])
            for first, last, n in ROADS
            for share in rng.uniform(0, 1, n)
        ]
    )


def _ground(rng: np.random.Generator) -> pd.DataFrame:
    """Depth and thermal properties of the holes; gradients as in the Global Heat Flow Database."""
    deep = rng.uniform(size=N_HOLES) < 0.4
    shallow_m = rng.choice([6.0, 8.0, 10.0, 12.0, 14.0], N_HOLES)
    deep_m = rng.choice([18.0, 20.0, 25.0, 30.0, 40.0], N_HOLES)
    return pd.DataFrame(
        {
            "deepest_m": np.where(deep, deep_m, shallow_m),
            "gradient_c_per_m": rng.normal(35, 10, N_HOLES).clip(10, 57) / 1000,
            "surface_amplitude_c": rng.uniform(8, 15, N_HOLES),
            "damping_depth_m": rng.uniform(2.2, 2.8, N_HOLES),
            "trend_c_per_a": rng.uniform(0, 0.03, N_HOLES),
        }
    )


def _plan_faults(holes: pd.DataFrame, study: Study, rng: np.random.Generator) -> pd.DataFrame:
    """Give each planned fault to a hole of its format, no hole two; adjust what it implies."""
    free = {
        name: list(rng.permutation(group)) for name, group in holes.groupby("format").groups.items()
    }
    for fault, file_format in REMOVED + REPAIRED:
        holes.loc[_taken(free[file_format], fault, holes), "fault"] = fault
    sound_workbook = [int(i) for i in free["workbook"]]
    cell_m = study.boreholes.combine_cell_m
    first, second = holes.loc[sound_workbook[0]], holes.loc[sound_workbook[1]]
    _same_ground(holes, "duplicate", first, (first.x + 15, first.y - 10))
    corner = np.floor([second.x / cell_m, second.y / cell_m]) * cell_m
    _same_ground(holes, "same_cell", second, corner + rng.uniform(0.1, 0.9, 2) * cell_m)
    holes.loc[holes["fault"] == "same_cell", "t15_true_c"] += rng.normal(0, SITE_NOISE_C)
    holes.loc[holes["fault"] == "shallow", "deepest_m"] = 3.0
    holes.loc[holes["fault"] == "stopped_logger", "deepest_m"] = 8.0
    disturbed = holes["fault"] == "disturbed"
    holes.loc[disturbed, "setting"] = np.where(
        holes["format"][disturbed] == "pipeline", "pipeline", "town"
    )
    holes.loc[disturbed, "t15_true_c"] += _TOWN_WARMING_C
    # North of the study area, as a hole of another campaign would be.
    far_north = study.geobox.extent.boundingbox.top + 300_000
    holes.loc[holes["fault"] == "outside_area", "y"] = far_north
    return holes


def _taken(free: list[int], fault: str, holes: pd.DataFrame) -> int:
    """The last of the free holes that can show the fault; it is free no longer."""
    for index in reversed(free):
        if suits(fault, holes.loc[index]):
            free.remove(index)
            return index
    kind = holes["format"][free].unique()
    raise ValueError(f"No free hole ({', '.join(kind)}) can show '{fault}'; take another seed.")


def _same_ground(holes: pd.DataFrame, fault: str, partner: pd.Series, position: tuple) -> None:
    """Give the hole with this fault the ground of another hole, at a position (x, y)."""
    index = holes.index[holes["fault"] == fault][0]
    ground = ["gradient_c_per_m", "surface_amplitude_c", "damping_depth_m", "trend_c_per_a"]
    same = [*ground, "elevation_m", "t15_true_c"]
    holes.loc[index, same] = partner[same].to_numpy()
    holes.loc[index, ["x", "y"]] = position
