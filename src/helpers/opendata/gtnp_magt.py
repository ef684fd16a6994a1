"""Mean annual ground temperatures of GTN-P boreholes, 1980 to 2021, on PANGAEA.

One table: event (hole), place, year, depth (standard depths, 0 to 20 m) and temperature.
"""

from __future__ import annotations

import re
from pathlib import Path

from helpers.opendata.download import RemoteFile, fetch
from helpers.opendata.product import OpenBoreholes
from helpers.storage import ContractError

_DOI = "10.1594/PANGAEA.972992"
_RECORD = re.compile(r"10\.1594/PANGAEA\.([0-9]{1,9})(?![0-9])")
_DESCRIPTION_ENDS = "*/"


def files(cache: Path, server: str) -> list[RemoteFile]:
    """The table; if the record has become a collection, the tables its text lists."""
    record = _table(_DOI, cache, server)
    text = fetch(record).read_text("utf-8")
    _, ends, table = text.rpartition(_DESCRIPTION_ENDS)
    if not ends:
        raise ContractError(
            f"{record.path}: the description of the data has no end ({_DESCRIPTION_ENDS}): it is "
            "cut off, or PANGAEA writes another format now. Delete it and run again."
        )
    if "\t" in table:
        return [record]
    own = _RECORD.search(_DOI)[1]
    parts = dict.fromkeys(number for number in _RECORD.findall(text) if number != own)
    if not parts:
        raise ContractError(
            f"{record.path}: holds no table and lists no data sets. Look at "
            f"https://doi.org/{_DOI}, download the table there and name it in boreholes.files."
        )
    return [_table(f"10.1594/PANGAEA.{number}", cache, server) for number in parts]


def _table(doi: str, cache: Path, server: str) -> RemoteFile:
    name = f"{doi.rpartition('/')[2]}.tab"
    return RemoteFile(f"{server}/{doi}?format=textfile", cache / name, "text")


PRODUCT = OpenBoreholes(
    name="gtnp_magt",
    title="GTN-P mean annual ground temperature",
    licence="CC BY 4.0",
    citation="Wieczorek, M., GTN-P, Lewkowicz, A. G., et al. (2025): GTN-P: 41 years of Mean "
    "Annual Ground Temperature (MAGT) across latitudinal and elevational gradients in the Northern "
    f"Hemisphere, v1.0. PANGAEA, https://doi.org/{_DOI}",
    doi=_DOI,
    server="https://doi.pangaea.de",
    files=files,
)
