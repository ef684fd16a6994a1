"""Files as a whole: there or not, replaced in one step, known by their digest.

A file appears under its name only when it is complete: it is written beside its place and then
renamed, which the operating system does in one step. So a reader sees the old file or the new
one, never a part.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from helpers.storage.errors import ContractError

LIBRARIES = ("numpy", "pandas", "xarray", "scikit-learn", "shap", "rasterio", "numba")


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a path to write to; on success it becomes ``path``, on an error it is removed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.unfinished-{os.getpid()}{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        # Errors of another file, which was read meanwhile, name that file or have no number.
        if error.errno is None or error.filename not in (None, str(unfinished)):
            raise
        raise ContractError(
            f"{path}: could not be written ({error.strerror or error}). What was there before is "
            "there still. See whether the disk is full, the folder may be written to, and the "
            "file is open in another program; then run again."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def require(path: str | Path, made_by: str = "") -> Path:
    """Return the path if the file is there; otherwise say what makes it."""
    path = Path(path)
    if not path.is_file():
        remedy = f" Run {made_by} first: it makes this file." if made_by else ""
        raise FileNotFoundError(f"{path} not found.{remedy}")
    return path


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that results depend on."""
    found = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **found}
