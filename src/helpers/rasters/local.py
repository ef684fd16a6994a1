"""What a raster may make the program do: read files that lie beside it, in parts that fit memory.

GDAL tells formats by content: a file of any name may hold an address to fetch, or name files
elsewhere. So only formats that hold their own values are opened, and of virtual rasters (VRT) those
whose parts lie in their folder or below, the rule that GDAL has for raw bands of a VRT.
"""

from __future__ import annotations

import math
import re
from html import unescape
from pathlib import Path

from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from helpers.storage import ContractError

# They neither fetch anything nor run anything; VRT is looked into first.
DRIVERS = [
    *("GTiff", "VRT", "AAIGrid", "HFA", "ENVI", "EHdr", "GRIB", "JP2OpenJPEG", "SRTMHGT", "PNG"),
    *("JPEG", "RST", "SAGA", "GSAG", "GSBG", "GS7BG", "USGSDEM", "XYZ", "DTED", "PCIDSK", "NITF"),
    *("ERS", "PCRaster", "ILWIS", "RRASTER", "BT", "GXF", "BYN", "SNODAS", "GRASSASCIIGrid"),
]
_LARGEST_BLOCK = 2**29  # bytes that must be unpacked at once
_NAMES = re.compile(
    r"<\s*(?:\w*Filename|SourceDataset|\w*URL|DstDataset)[^>]*>([^<]*)|"
    r"<\s*(?:Param|Option|Input|Argument|Array|DerivedDataset|PixelFunctionCode)\b",
    re.IGNORECASE,
)
_MOST_TEXT = 50_000_000


def check_local(path: Path) -> None:
    """Refuse a virtual raster that names anything but files in its folder or below.

    Raises
    ------
    ContractError
        Names the virtual raster and the part.

    """
    with path.open("rb") as stream:
        if b"<VRTDataset" not in stream.read(4096):
            return
        stream.seek(0)
        text = stream.read(_MOST_TEXT + 1).decode("utf-8", "replace")
    home = path.resolve().parent
    for found in _NAMES.finditer(text):
        name = unescape(found[1] or "").strip()
        part = _part(home, name)
        if part is None or part == path.resolve() or len(text) > _MOST_TEXT:
            raise ContractError(
                f"{path}: this virtual raster names '{name or found[0]}', which is no raster in "
                "its folder or below. Put the tiles beside it and make it anew with gdalbuildvrt, "
                "or make one GeoTIFF of it with gdal_translate."
            )
        check_local(part)


def _part(home: Path, name: str) -> Path | None:
    """File of a name in a folder or below, unless it is text of an address to fetch."""
    try:
        part = (home / name).resolve()
        if not (name and part.is_relative_to(home) and part.is_file()):
            return None
        with part.open("rb") as stream:
            start = stream.read(4096)
    except (OSError, ValueError, RuntimeError):
        return None
    is_text_of_another = start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"{", b"SQLite"))
    return None if is_text_of_another and b"<VRTDataset" not in start else part


def check_block(path: Path, shape: tuple[int, ...], item_bytes: int) -> None:
    """Refuse a raster whose values are packed in parts too large to be unpacked."""
    if math.prod(shape) * item_bytes > _LARGEST_BLOCK:
        raise ContractError(
            f"{path}: its values are packed in blocks of {' x '.join(map(str, shape))}, each of "
            f"{math.prod(shape) * item_bytes / 1e9:.3g} GB. Pack them anew in tiles, for instance "
            "with gdal_translate -co TILED=YES (netCDF: nccopy -c)."
        )


def check_crs(path: Path, crs: CRS) -> None:
    """Refuse a CRS of which no place on the Earth can be told."""
    try:
        Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    except ProjError as error:
        raise ContractError(
            f"{path}: its CRS, {crs.name}, cannot be brought to longitude and latitude ({error}). "
            "Write the right one into it, for instance with gdal_edit.py -a_srs EPSG:4326 FILE."
        ) from error
