"""What open layers were made under, and whether study.toml still says the same.

It needs no network library, as steps that only read the layers use it too.
"""

from __future__ import annotations

import json
from typing import Any

from helpers.opendata.product import layer_geobox, years_of
from helpers.settings import OpenLayer
from helpers.storage import read_known, sha256
from helpers.study import Study, StudyError

# Raise the number of a product when its values change by a change of its module or of regridding.
BUILD_VERSIONS = {
    "copernicus_dem": 1,
    "terraclimate": 1,
    "modis_lst": 1,
    "soilgrids": 1,
    "esa_cci_permafrost": 1,
}
# Key of a layer's json: without it a file in its place would be taken for the layer.
LAYER_DIGEST = "layer_sha256"
_OF_NO_YEAR = ("copernicus_dem", "soilgrids")


def layer_settings(study: Study, layer: OpenLayer) -> dict[str, Any]:
    """All settings a layer follows from, as json gives them back."""
    area = study.area.model_dump(include={"west", "south", "east", "north"})
    outline = study.area.outline
    geobox = layer_geobox(study)
    spread = study.climate.within_month_sd_c if study.climate else None
    years = years_of(study, layer)
    settings = {
        "product": layer.product,
        "build_version": BUILD_VERSIONS[layer.product],
        "quantity": layer.quantity,
        "depth": layer.depth,
        "years": None if layer.product in _OF_NO_YEAR else [years[0], years[-1]],
        "within_month_sd_c": spread if layer.product == "terraclimate" else None,
        "area": area,
        "outline_sha256": sha256(study.path(outline)) if outline else None,
        "crs": [study.grid.crs, study.grid.crs_name],
        "grid": {
            "resolution_m": study.grid.resolution_m,
            "transform": list(geobox.transform)[:6],
            "shape": list(geobox.shape),
        },
    }
    return json.loads(json.dumps(settings))


def check_current(study: Study, name: str) -> None:
    """Check that an open covariate or reference was made under the settings of study.toml.

    A first look takes other cells from the layers of the study itself, so that its grid is not
    compared. Files of the server are not looked at.

    Raises
    ------
    StudyError
        If the layer or its json is missing, was made under other settings, or was exchanged.

    """
    layer = {**study.covariates, **study.references}[name]
    path = study.open_layer(name)
    record = path.with_suffix(".json")
    known = read_known(record)
    made = known.get("settings")
    remedy = f"Run: make data STUDY={study.folder}"
    if not isinstance(made, dict):
        raise StudyError(
            f"{study.file}: {record.name} does not say what layer '{name}' was made of. {remedy}"
        )
    wanted = layer_settings(study, layer)
    if study.is_first_look:
        del wanted["grid"]
    changed = [
        f"{key}: {made.get(key)} then, {value} now"
        for key, value in wanted.items()
        if made.get(key) != value
    ]
    if changed:
        raise StudyError(
            f"{study.file}: layer '{name}' was made under other settings ({'; '.join(changed)}). "
            + remedy
        )
    if known.get(LAYER_DIGEST) != sha256(path):
        raise StudyError(
            f"{path}: layer '{name}' is not the file that {record.name} beside it describes: it "
            f"was exchanged or damaged. {remedy}"
        )
