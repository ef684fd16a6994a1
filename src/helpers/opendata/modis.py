"""Files of MODIS land-surface temperature, found in the catalogue of the Planetary Computer.

The catalogue (STAC) needs no account; addresses in its storage are signed when they are fetched,
others (a mirror) are not. Its traps: ``proj:code`` of the items is "EPSG:None", so the CRS is read
from the files; many items lack ``platform``; it has a gap from 2025-06-26 on and had others, so
composites are counted before anything is fetched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

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
from helpers.opendata.product import needed_area, years_of
from helpers.settings import OpenLayer
from helpers.storage import ContractError
from helpers.study import Study

COLLECTION = "modis-11A2-061"
# Composites a satellite may lack over a tile; they are filled like clouds, and named in ``source``.
LARGEST_MISSING_SHARE = 0.05
OF_A_WINTER = ("freezing_degree_days", "frost_number")
_PAGE = 250
_UNREACHED = (APIError, PystacClientWarning, pystac.STACError, pystac.STACTypeError, ValueError)


def files(study: Study, layer: OpenLayer, cache: Path, server: str) -> list[RemoteFile]:
    """Files of all composites of the years over the tiles that touch the study.

    Raises
    ------
    ContractError
        If the catalogue cannot be searched, if a satellite lacks more than
        ``LARGEST_MISSING_SHARE`` of its composites over a tile, or an item lacks a file.

    """
    years = whole_years(study, layer)
    tiles = tiles_touching(to_sinusoidal(needed_area(study), study.crs))
    wanted = {
        Composite(tile, start, sensor)
        for tile in tiles
        for start in composite_starts(years)
        for sensor in SENSORS
    }
    newest = _newest(_search(server, study, years), wanted)
    _check_complete(wanted, newest, server)
    return [
        RemoteFile(
            url=_asset_url(newest[composite], asset),
            path=cache / composite.tile / f"{newest[composite]['id']}_{asset}.tif",
            kind="tiff",
            sign=planetary_computer.sign_url,
            hint="The catalogue lists a file that is not there: try later, or take other years.",
        )
        for composite in sorted(newest)
        for asset in ASSETS
    ]


def whole_years(study: Study, layer: OpenLayer) -> range:
    """Years of a layer; for a quantity of the winter at least two."""
    years = years_of(study, layer)
    if layer.quantity in OF_A_WINTER and len(years) < 2:
        raise ContractError(
            f"{study.file}: {layer.quantity} of modis_lst is of a freezing year, July to June, "
            f"which {years.start} alone does not hold. Set years = [{years.start - 1}, "
            f"{years.start}]."
        )
    return years


def _search(server: str, study: Study, years: range) -> list[dict]:
    """Items of the catalogue in the years, around the study."""
    to_degrees = Transformer.from_crs(study.crs, "EPSG:4326", always_xy=True)
    bounds = to_degrees.transform_bounds(*needed_area(study).bounds)
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
        return list(search.items_as_dicts())
    except _UNREACHED as error:
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        raise ContractError(
            f"{server}: the catalogue cannot be searched ({reason}). "
            "Is there a connection to the internet? Try later; another address goes into "
            "[open_data.mirrors] of study.toml."
        ) from error


def _newest(items: Iterable[dict], wanted: set[Composite]) -> dict[Composite, dict]:
    """Of each composite that is wanted the item produced last."""
    newest: dict[Composite, tuple[str, str, dict]] = {}
    for item in items:
        composite, produced = composite_of(item["id"]) or (None, "")
        if composite not in wanted:
            continue
        version = (produced, str(item["properties"].get("created", "")), item["id"])
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
    if asset not in item["assets"]:
        raise ContractError(
            f"{item['id']}: the catalogue has no {asset} for this item, only "
            f"{', '.join(item['assets'])}. Try later, or set other years of the layer."
        )
    return item["assets"][asset]["href"]
