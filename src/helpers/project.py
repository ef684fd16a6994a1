"""Where the project lies, and its studies."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def find_study(name_or_path: str) -> Path:
    """Path of a study given as a folder, a file, or the name of a folder under ``data``."""
    given, inside = Path(name_or_path), PROJECT / "data" / name_or_path
    return (given if given.exists() or not inside.exists() else inside).resolve()
