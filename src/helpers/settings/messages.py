"""What is wrong in a study.toml, in words."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from helpers.settings.layers import (
    OpenLayer,
    RasterCovariate,
    ReliefCovariate,
    StationCovariate,
    TerrainCovariate,
)


def explain(file: Path, root: type[BaseModel], error: Any) -> str:
    """One line for one pydantic error: file, path of the key, what is wrong, what may stand.

    ``root`` is the model of the whole file.
    """
    place = ".".join(str(part) for part in error["loc"]) or "study"
    if error["type"] == "extra_forbidden":
        choices = sorted(_keys_allowed(error["loc"], root))
        close = difflib.get_close_matches(str(error["loc"][-1]), choices, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        return f"{file}: {place}: unknown key.{hint} Choices: {', '.join(choices)}."
    if error["type"] == "missing":
        return f"{file}: {place}: this key is missing."
    found = "" if isinstance(error["input"], dict) else f" (found {error['input']!r})"
    return f"{file}: {place}: {error['msg'].removeprefix('Value error, ')}{found}."


def _keys_allowed(location: tuple, root: type[BaseModel]) -> set[str]:
    """Keys a section may hold, found by walking along the path of an error."""
    fields: dict[str, FieldInfo] = root.model_fields
    for part in location[:-1]:
        model = _COVARIATES.get(part) or _model_of(fields.get(part))
        fields = model.model_fields if model else fields
    return set(fields)


def _model_of(field: FieldInfo | None) -> type[BaseModel] | None:
    kinds = [] if field is None else [field.annotation, *getattr(field.annotation, "__args__", ())]
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


_COVARIATES = {
    "stations": StationCovariate,
    "relief": ReliefCovariate,
    "terrain": TerrainCovariate,
    "raster": RasterCovariate,
    "open": OpenLayer,
}
