"""The error of a file that is not what it should be, and what a message may show."""

from __future__ import annotations

import unicodedata


class ContractError(ValueError):
    """A file or table that is not what the next step needs; the message says where and what."""

    __module__ = "helpers.storage"  # where it is imported from

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(str(message)))


def printable(text: str) -> str:
    """Text in which no character steers a terminal: what a file holds may go into a message."""
    return "".join(
        c if c in "\n\t" or unicodedata.category(c)[0] != "C" else ascii(c)[1:-1] for c in text
    )
