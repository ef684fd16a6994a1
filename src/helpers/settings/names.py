"""Names that become names of files and folders: the same ones on every system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, StringConstraints

STUDY_NAME = "[a-z][a-z0-9_]*"
_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{port}{i}" for port in ("com", "lpt") for i in "123456789"
}
_Value = TypeVar("_Value")


def no_device(name: str) -> str:
    """The name, unless Windows keeps it for a device, of which no file can be made there."""
    if name.lower() in _DEVICES:
        raise ValueError(f"'{name}' is a device of Windows and cannot name a file; choose another")
    return name


def told_apart(layers: Mapping[str, _Value]) -> Mapping[str, _Value]:
    """The layers, unless two names differ in their letters' case alone: one file on some disks."""
    seen: dict[str, str] = {}
    for name in layers:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise ValueError(f"'{other}' and '{name}' differ in capitals only; rename one")
    return layers


StudyName = Annotated[str, Field(pattern=f"^{STUDY_NAME}$"), AfterValidator(no_device)]
# No folder, no pattern, nothing too long.
LayerName = Annotated[str, StringConstraints(pattern=r"^\w[\w-]{0,63}$"), AfterValidator(no_device)]
