"""Records as json."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from helpers.storage.errors import ContractError
from helpers.storage.files import replacing, require


def write_json(content: Mapping[str, Any], path: str | Path) -> Path:
    """Write json, UTF-8, keys in the order given; NaN becomes null, as json has no NaN."""
    text = json.dumps(_plain(content), ensure_ascii=False, indent=2, allow_nan=False)
    with replacing(path) as unfinished:
        unfinished.write_text(text + "\n", encoding="utf-8", newline="\n")
    return Path(path)


def read_json(path: str | Path, made_by: str = "") -> dict[str, Any]:
    """Read a json file that holds an object.

    Raises
    ------
    FileNotFoundError
        If there is no such file; says what makes it.
    ContractError
        If it is no json, or no object, has a key twice, or holds a number that json has not.

    """
    path = require(path, made_by)
    try:
        content = json.loads(
            path.read_text(encoding="utf-8"),
            object_pairs_hook=_each_key_once,
            parse_constant=_refused,
        )
        if not isinstance(content, dict):
            raise ValueError(f"it holds a {type(content).__name__}, an object {{...}} is needed")
    except (ValueError, RecursionError) as error:
        remedy = f"Run {made_by} again: it makes this file." if made_by else "Make it again."
        raise ContractError(f"{path}: not the json it should be: {error}. {remedy}") from error
    return content


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key '{next(k for k in keys if keys.count(k) > 1)}' is there twice")
    return content


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no number in json")


def read_known(path: Path) -> dict[str, Any]:
    """Content of a json that a run may have left damaged; empty if it holds nothing of use."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
