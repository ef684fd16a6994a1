"""The pictures of a site: each a file of its own under a good name, written once."""

from __future__ import annotations

import io
import re

from PIL import Image

from helpers.figures import CATALOGUE
from helpers.storage import ContractError

WIDEST_PX = 860
_OF_CAPTION = {entry.caption: name for name, entry in CATALOGUE.items()}


def slug(text: str) -> str:
    """Words of a text in lower case, joined by hyphens: for ids and file names."""
    return re.sub(r"\W+", "-", text.lower()).strip("-")


class Pictures:
    """PNG files by their address in the site; the same picture is kept once."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def add(self, png: bytes, alt: str, otherwise: str) -> str:
        """Keep a picture; returns its address.

        It is named after the figure of the catalogue whose caption is ``alt``, or ``otherwise``.
        """
        for address, kept in self.files.items():
            if kept == png:
                return address
        name, number = _OF_CAPTION.get(alt, slug(otherwise)), 1
        address = f"figures/{name}.png"
        while address in self.files:
            number += 1
            address = f"figures/{name}_{number}.png"
        self.files[address] = png
        return address


def size_of(png: bytes, place: str) -> tuple[int, int]:
    """Width and height of a picture in its own pixels."""
    try:
        with Image.open(io.BytesIO(png)) as picture:
            return picture.size
    except OSError as error:
        raise ContractError(f"{place}: its picture cannot be read: {error}.") from error
