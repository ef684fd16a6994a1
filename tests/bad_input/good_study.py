"""A small study in order, with the files of an earlier run, for the catalogue to spoil."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from helpers import boreholes, covariates, products, validation
from helpers.storage import opened_dataset, read_dataset, read_table, write_table
from helpers.study import load_study
from helpers.study_check import new_study

AREA = (118.0, 48.0, 126.0, 53.0)  # west, south, east, north
COLUMNS = ["site", "longitude", "latitude", "depth_m", "temperature_c"]
SETTINGS = (
    ("resolution_m = 1000 ", "resolution_m = 20000 "),
    ("n_folds = 10", "n_folds = 5"),
    ("n_trees = 500", "n_trees = 20"),
    ('["elevation", "TPI"]', '["elevation", "air"]'),
    ("only_period = true", "only_period = false"),
    ('# sites = "boreholes/sites.csv" ', 'sites = "boreholes/sites.csv" '),
)
RASTER = '\n[covariates.air]\nsource = "raster"\npath = "rasters/air.tif"\nunits = "degC"\n'


def write_good_study(parent: Path) -> Path:
    """Write 40 holes of three depths, a site table, a raster of air temperature; no run yet."""
    folder = new_study("mine", parent, AREA).parent
    edit(folder, *SETTINGS)
    append(folder, RASTER)
    write_holes(folder)
    write_raster(folder / "rasters" / "air.tif", np.linspace(-8, 4, 200).reshape(5, 40))
    return folder


def edit(folder: Path, *replacements) -> None:
    """Replace text in study.toml; what is not there is an error."""
    file = folder / "study.toml"
    text = file.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text, f"nothing to replace: {old}"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def append(folder: Path, text: str) -> None:
    """Add text at the end of study.toml."""
    with (folder / "study.toml").open("a", encoding="utf-8") as file:
        file.write(text)


def write_holes(folder: Path) -> None:
    """Write mean profiles that get colder to the north, and a table of the sites."""
    longitude, latitude = np.meshgrid(np.linspace(118.5, 125.5, 8), np.linspace(48.5, 52.5, 5))
    sites = pd.DataFrame({"site": [f"H{i:02}" for i in range(40)]})
    sites = sites.assign(longitude=longitude.ravel(), latitude=latitude.ravel(), setting="forest")
    holes = sites.merge(pd.DataFrame({"depth_m": [8.0, 12.0, 16.0]}), how="cross")
    holes["temperature_c"] = 50 - holes["latitude"] + 0.02 * holes["depth_m"]
    holes = holes[COLUMNS].assign(year_start=2010, year_end=2012)
    holes.to_csv(folder / "boreholes" / "holes.csv", index=False)
    sites.to_csv(folder / "boreholes" / "sites.csv", index=False)


def write_raster(path: Path, values, west=117.0, north=54.0, crs="EPSG:4326", **options) -> None:
    """Write a GeoTIFF of 10 x 7 degrees, from ``north`` southwards."""
    rows, columns = np.shape(values)
    y, x = (
        north - 7 * (np.arange(rows) + 0.5) / rows,
        west + 10 * (np.arange(columns) + 0.5) / columns,
    )
    layer = xr.DataArray(np.asarray(values, np.float32), {"y": y, "x": x}, ("y", "x"))
    path.parent.mkdir(exist_ok=True)
    layer = layer if crs is None else layer.rio.write_crs(crs)
    layer.rio.to_raster(path, **options)


def run_to_sites(folder: Path) -> None:
    """Do what notebook 01 does: read, check, bring to 15 m, write the tables."""
    study = load_study(folder)
    checked = boreholes.check_study(study)
    sites, profiles = boreholes.site_temperatures(checked, study)
    write_table(sites, study.interim_dir / "boreholes.csv")
    write_table(profiles, study.interim_dir / "borehole_profiles.csv")


def run_to_covariates(folder: Path) -> None:
    """Do what notebook 02 does first: build the layers and write covariates.nc."""
    study = load_study(folder)
    covariates.write_covariates(study, study.interim_dir / "covariates.nc", progress=False)


def run_to_training(folder: Path) -> None:
    """Do what notebook 02 does then: values at the sites."""
    study = load_study(folder)
    sites = read_table(study.interim_dir / "boreholes.csv", ("x", "y"), ("site", "status"))
    table = covariates.training_table(sites, read_layers(study), study)
    write_table(table, study.interim_dir / "training.csv")


def run_to_forest(folder: Path) -> None:
    """Do what notebook 03 does: fit, save, cut the folds."""
    study = load_study(folder)
    training = validation.read_training(study)
    validation.fit_study_forest(study, training).save(study.interim_dir / "forest.skops")
    points = validation.prediction_points(study, read_layers(study))
    matched = validation.knndm_folds(study, training, points)
    random = validation.repeated_random_folds(study, training)
    columns = {f"random_{i}": folds for i, folds in enumerate(random)} | {"knndm": matched.folds}
    folds = pd.DataFrame({"site": training["site"], **columns})
    write_table(folds, study.interim_dir / "folds.csv")


def run_to_errors(folder: Path) -> None:
    """Do what notebooks 04 and 05 do for the map: importance and error model."""
    study = load_study(folder)
    training, folds = validation.read_training(study), validation.read_folds(study)
    names = study.forest.predictors
    importance = pd.DataFrame({"predictor": names, "mean_absolute_c": [1.0] * len(names)})
    write_table(importance, study.interim_dir / "importance.csv")
    knndm = folds["knndm"].to_numpy()
    domain = validation.applicability_domain(study, training, knndm, importance)
    model, pairs = validation.study_error_model(study, training, domain, knndm)
    model.save(study.interim_dir / "error_model.json")
    write_table(pairs, study.interim_dir / "error_pairs.csv")


def run_to_map(folder: Path) -> None:
    """Do what notebook 06 does first: load all of it, write the map, read it back."""
    study = load_study(folder)
    training, folds = validation.read_training(study), validation.read_folds(study)
    importance = read_table(
        study.interim_dir / "importance.csv", ("mean_absolute_c",), ("predictor",)
    )
    model = validation.load_study_forest(study, training)
    knndm = folds["knndm"].to_numpy()
    domain = validation.applicability_domain(study, training, knndm, importance)
    error_model = validation.load_study_error_model(study, training, domain, knndm)
    names = tuple(study.forest.predictors)
    with opened_dataset(study.interim_dir / "covariates.nc", names) as layers:
        products.write_products(study, model, layers, domain, error_model)
    products.read_products(study)


def run_whole(folder: Path) -> None:
    """From the boreholes to the map."""
    for step in (run_to_sites, run_to_covariates, run_to_training, run_to_forest, run_to_errors):
        step(folder)
    run_to_map(folder)


def read_layers(study):
    """The layers of the predictors, as the notebooks read them."""
    return read_dataset(study.interim_dir / "covariates.nc", tuple(study.forest.predictors))
