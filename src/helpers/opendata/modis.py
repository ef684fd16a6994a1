"""Files of MODIS land-surface temperature, found in the catalogue of the Planetary Computer.

The catalogue (STAC) needs no account; addresses in its storage are signed when they are fetched,
others (a mirror) are not. Its traps: ``proj:code`` of the items is "EPSG:None", so the CRS is read
from the files; many items lack ``platform``; it has a gap from 2025-06-26 on and had others, so
composites are counted before anything is fetched.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import planetary_computer
import pystac
from pyproj import Transformer
from pystac_client import Client
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from pystac_client.warnings import PystacClientWarning
from urllib3 import Retry

from helpers.opendata import transfer
from helpers.opendata.download import RemoteFile
from helpers.opendata.modis_tiles import (
    ASSETS,
    SENSORS,
    Composite,
    composite_of,
    composite_starts,
    listed,
    tiles_touching,
    to_sinusoidal,
)
from helpers.opendata.product import needed_area, whole_years
from helpers.settings import OpenLayer
from helpers.storage import ContractError, read_known, write_json
from helpers.study import Study

COLLECTION = "modis-11A2-061"
# Composites a satellite may lack over a tile; they are filled like clouds, and named in ``source``.
LARGEST_MISSING_SHARE = 0.05
# How long a list of the catalogue serves for files that are still to be fetched.
LIST_SERVES = timedelta(days=1)
_PAGE = 250
# Twenty years of a subcontinent are some hundred pages.
_MOST_PAGES = 2000
Bounds = tuple[float, float, float, float]
_UNREACHED = (
    *(APIError, PystacClientWarning, pystac.STACError, pystac.STACTypeError),
    # Of these libraries, where the answer is json of another kind.
    *(ValueError, KeyError, TypeError, AttributeError),
)


def files(study: Study, layer: OpenLayer, cache: Path, server: str) -> list[RemoteFile]:
    """Files of all composites of the years over the tiles that touch the study.

    The list of them is kept in the cache: the other layers of a run take it from there, and later
    runs, too, without a connection, once all its files have been fetched.

    Raises
    ------
    ContractError
        If the catalogue cannot be searched, if a satellite lacks more than
        ``LARGEST_MISSING_SHARE`` of its composites over a tile, or an item lacks a file.

    """
    years = whole_years(study, layer)
    to_degrees = Transformer.from_crs(study.crs, "EPSG:4326", always_xy=True)
    bounds = to_degrees.transform_bounds(*needed_area(study).bounds)
    tiles = tiles_touching(to_sinusoidal(needed_area(study), study.crs))
    asked = f"{server} {COLLECTION} {years} {tiles} {[round(b, 6) for b in bounds]}"
    kept = cache / f"list_{hashlib.sha256(asked.encode()).hexdigest()[:16]}.json"
    known = _kept_files(kept, cache)
    if known:
        return known
    wanted = {
        Composite(tile, start, sensor)
        for tile in tiles
        for start in composite_starts(years)
        for sensor in SENSORS
    }
    newest = _newest(_search(server, bounds, years), wanted)
    _check_complete(wanted, newest, server)
    urls = {
        item["id"]: {asset: _asset_url(item, asset) for asset in ASSETS}
        for _, item in sorted(newest.items())
    }
    searched = datetime.now(UTC).isoformat(timespec="seconds")
    write_json({"asked": asked, "searched": searched, "urls": urls}, kept)
    return _remote_files(urls, cache)


def _kept_files(kept: Path, cache: Path) -> list[RemoteFile]:
    """Files of a list in the cache, if it is recent or all of them are there; otherwise none."""
    content = read_known(kept)
    try:
        found = _remote_files(content["urls"], cache)
        age = datetime.now(UTC) - datetime.fromisoformat(content["searched"])
    except (KeyError, TypeError, AttributeError, ValueError, ContractError):
        return []  # no list, or one that something else wrote: what it lists is searched again
    return found if abs(age) < LIST_SERVES or all(file.is_finished for file in found) else []


def _remote_files(urls: dict[str, dict[str, str]], cache: Path) -> list[RemoteFile]:
    return [
        RemoteFile(
            url=url,
            path=cache / composite_of(name)[0].tile / f"{name}_{asset}.tif",
            kind="tiff",
            sign=planetary_computer.sign_url,
            hint="The catalogue lists a file that is not there: try later, or take other years.",
        )
        for name, of_assets in urls.items()
        for asset, url in of_assets.items()
    ]


def _search(server: str, bounds: Bounds, years: range) -> list[dict]:
    """Items of the catalogue in the years, around the study (degrees)."""
    patience = Retry(
        transfer.ATTEMPTS - 1,
        backoff_factor=transfer.BACK_OFF_S,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=None,
    )
    try:
        client = Client.open(
            server, stac_io=StacApiIO(max_retries=patience), timeout=transfer.TIMEOUT_S
        )
        search = client.search(
            collections=[COLLECTION],
            bbox=[round(degrees, 6) for degrees in bounds],
            datetime=f"{years.start}-01-01/{years[-1]}-12-31",
            limit=_PAGE,
        )
        pages = [page["features"] for page in islice(search.pages_as_dicts(), _MOST_PAGES + 1)]
    except _UNREACHED as error:
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        raise ContractError(
            f"{server}: the catalogue cannot be searched ({reason}). "
            "Is there a connection to the internet? Try later; another address goes into "
            "[open_data.mirrors] of study.toml."
        ) from error
    if len(pages) > _MOST_PAGES:
        raise ContractError(
            f"{server}: the search of {COLLECTION} does not end after {_MOST_PAGES} pages. Set "
            "fewer years of the layer, or another address in [open_data.mirrors] of study.toml."
        )
    return [item for page in pages for item in page]


def _newest(items: Iterable[dict], wanted: set[Composite]) -> dict[Composite, dict]:
    """Of each composite that is wanted the item produced last."""
    newest: dict[Composite, tuple[str, str, dict]] = {}
    for item in items:
        name = str(_entry(item, "id"))
        composite, produced = composite_of(name) or (None, "")
        # An item with the name of a file would give that file another one.
        if composite not in wanted or name.endswith(".tif"):
            continue
        version = (produced, str(_entry(item, "properties", "created")), name)
        if composite not in newest or version > newest[composite][0]:
            newest[composite] = (version, item)
    return {composite: item for composite, (_, item) in newest.items()}


def _check_complete(wanted: set[Composite], found: Iterable[Composite], server: str) -> None:
    missing = sorted(wanted.difference(found), key=lambda c: (c.start, c.tile, c.sensor))
    together = Counter((c.tile, c.sensor) for c in wanted)
    lacking = Counter((c.tile, c.sensor) for c in missing)
    if all(n <= LARGEST_MISSING_SHARE * together[place] for place, n in lacking.items()):
        return
    raise ContractError(
        f"{server}: {len(missing)} of {len(wanted)} composites of {COLLECTION} are missing "
        f"({listed(missing)}); of one satellite over one tile at most "
        f"{LARGEST_MISSING_SHARE:.0%} may be, to be filled like clouds. Try later, or set other "
        "years of the layer (the catalogue has a gap from 2025-06-26 on)."
    )


def _asset_url(item: dict, asset: str) -> str:
    url = _entry(item, "assets", asset, "href")
    if not isinstance(url, str):
        raise ContractError(
            f"{item['id']}: the catalogue has no {asset} for this item, only "
            f"{', '.join(_entry(item, 'assets') or ['nothing'])}. Try later, or set other years of "
            "the layer."
        )
    return url


def _entry(content: Any, *keys: str) -> Any:
    """What lies under some keys of json from a server; ``None`` where there is no such place."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content
