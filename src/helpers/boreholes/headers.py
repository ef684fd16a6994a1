"""Column headers: what they mean in our words, in which unit, and at which depth.

Headers are compared without regard to case, width of characters and the unit they state, so
``Depth [m]``, ``depth_m`` and ``深度/m`` are one. A unit that is stated counts: ``depth (cm)`` is
in centimetres, ``temperature (K)`` in Kelvin.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import NamedTuple

from helpers.storage import ContractError

# The first name of each row is the plain one: it wins where a table has several of them.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "site": (
        *("site", "site code", "borehole", "borehole id", "borehole code", "event"),
        *("钻孔", "钻孔编号", "钻孔号", "孔号", "站点", "站点编号"),
    ),
    "longitude": ("longitude", "lon", "long", "经度"),
    "latitude": ("latitude", "lat", "纬度"),
    "x": ("x", "easting", "东坐标"),
    "y": ("y", "northing", "北坐标"),
    "elevation_m": ("elevation", "altitude", "海拔", "海拔高度", "高程"),
    "setting": ("setting", "环境", "下垫面"),
    "depth_m": (
        *("depth", "depth bot", "depth soil", "depth ground", "depth sed", "深度", "埋深"),
    ),
    "temperature_c": (
        *("temperature", "ground temperature", "soil temperature", "magt", "temp", "t", "t soil"),
        *("t ground", "温度", "地温", "土壤温度"),
    ),
    "time": (
        *("time", "date", "datetime", "date time", "date/time", "date/depth", "timestamp"),
        *("日期", "时间", "日期时间", "观测时间", "观测日期"),
    ),
    "year": ("year", "年份", "年"),
    "month": ("month", "月份", "月"),
    "day": ("day", "日"),
    "year_start": ("year start",),
    "year_end": ("year end",),
    "n_months": ("n months",),
    "amplitude_c": ("amplitude",),
}
OUR_COLUMNS = {*SYNONYMS, "depth_cm"}
LONGEST_HEADER = 200  # what is longer has no meaning here
MOST_LISTED, MOST_SHOWN = 30, 60
NUMERIC = {*SYNONYMS} - {"site", "setting", "time", "year", "month", "day"}
PER_METRE = {"": 1, "m": 1, "cm": 100, "mm": 1000}
_MEANING = {name: ours for ours, names in SYNONYMS.items() for name in names}
_UNITS = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters", "米", "masl", "m a.s.l."), "m"),
    **dict.fromkeys(("cm", "厘米"), "cm"),
    **dict.fromkeys(("mm", "毫米"), "mm"),
    **dict.fromkeys(("c", "°c", "degc", "deg c", "celsius", "摄氏度"), "c"),
    **dict.fromkeys(("k", "kelvin", "开尔文"), "k"),
    **dict.fromkeys(("f", "°f", "degf", "deg f", "fahrenheit", "华氏度"), "f"),
}
_IN_BRACKETS = re.compile(r"(.+?)\s*[(\[]\s*([^()\[\]]*?)\s*[)\]]")
_AT_THE_END = re.compile(
    rf"(.+?)(?:[/\s]\s*|(?<=[\u4e00-\u9fff]))({'|'.join(map(re.escape, _UNITS))})"
)
_AROUND_A_DEPTH = re.compile(
    r"[(\[]\s*(?:°\s*c|deg ?c|摄氏度)\s*[)\]]|/\s*°\s*c$|[()\[\]]|深度|地温|温度|"
    r"(?<![a-z])(?:depth|magt|temperature|temp|ground|soil|at|t)(?![a-z])"
)
# The number in T_5 or 温度5 may be that of a sensor; in T_5m and T_0.5 it is a depth.
_NUMBERED = re.compile(r"(?:(?<![a-z])t(?:emp(?:erature)?)?|温度|地温)\s*\d")
_DEPTH = re.compile(r"(-?\d+(?:\.\d+|,\d{1,2})?)\s*(m|米|cm|厘米)?")


class Column(NamedTuple):
    """A column: our name for it (its header if we have none), unit, and header in the file."""

    name: str
    unit: str
    header: str


def columns_of(headers: list[str], mapped: Mapping[str, str], place: str) -> list[Column]:
    """What the headers of a table mean.

    A column that the user names (``mapped``: our name -> header) comes before one under our own
    name, that before the plain name, and that before other names. Columns that lose keep their
    header; one of our own name that the user gave to another column is left out (name '').

    Raises
    ------
    ContractError
        If two columns have an equal claim to a name.

    """
    theirs = {header: ours for ours, header in mapped.items() if header in headers}
    claims = [_claim(header, theirs) for header in headers]
    best: dict[str, int] = {}
    for ours, _, rank in claims:
        best[ours] = min(rank, best.get(ours, rank))
    columns = []
    for header, (ours, unit, rank) in zip(headers, claims, strict=True):
        if not ours or rank > best[ours]:
            columns.append(Column("" if header == ours else header, "", header))
            continue
        rivals = [h for h, c in zip(headers, claims, strict=True) if (c[0], c[2]) == (ours, rank)]
        if len(rivals) > 1:
            raise ContractError(f"{place}: {_rivalry(ours, rivals)}")
        columns.append(Column(ours, unit, header))
    return columns


def depth_of(header: str) -> float | None:
    """Depth (m) that a header names; None if it names none.

    Headers are such as ``0.5m``, ``深度0.5m``, ``50 cm``, ``T_10m`` or ``MAGT 10 m [°C]``.
    ``T_5`` and ``CH3`` name none: the number may be that of a sensor.
    """
    plain = _plain(header)
    match = _DEPTH.fullmatch(_AROUND_A_DEPTH.sub(" ", plain).strip(" :"))
    if match is None:
        return None
    number, unit = match.groups()
    if unit is None and number.isdigit() and _NUMBERED.search(plain):
        return None
    return float(number.replace(",", ".")) / PER_METRE[_UNITS[unit] if unit else ""]


def is_numeric(column: Column) -> bool:
    """Whether the cells below are to be numbers."""
    return column.name in NUMERIC or depth_of(column.header) is not None


def says_date(header: str) -> bool:
    """Whether a header speaks of dates, so that numbers below may be the day numbers of Excel."""
    return "date" in _plain(header) or "日期" in header


def matching(name: str, choices: Iterable[str]) -> str:
    """' Did you mean ...?' if one of the choices looks like the name, otherwise nothing."""
    close = difflib.get_close_matches(name, sorted(choices), n=1, cutoff=0.7)
    return f" Did you mean '{close[0]}'?" if close else ""


def listed(names: Iterable[str]) -> str:
    """Names separated by commas, for messages: the first of them, and how many more."""
    names = iter(names)
    some = [shortened(name) for name in islice(names, MOST_LISTED)]
    more = sum(1 for _ in names)
    return ", ".join(some) + f" and {more:,} more" * bool(more)


def shortened(text: str) -> str:
    """Text for messages: the beginning of what is long."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}... ({len(text):,} characters)"


def meaning(header: str) -> tuple[str, str]:
    """Our name for a header ('' if we have none) and the unit it states ('' if none)."""
    bare, unit = _name_and_unit(header)
    return (_MEANING[bare], unit) if bare in _MEANING else ("", "")


def _name_and_unit(header: str) -> tuple[str, str]:
    plain = _plain(header)
    match = _IN_BRACKETS.fullmatch(plain) or _AT_THE_END.fullmatch(plain)
    if plain in _MEANING or match is None:
        return plain, ""
    return match[1], _UNITS.get(match[2], match[2])


def _claim(header: str, theirs: Mapping[str, str]) -> tuple[str, str, int]:
    """Our name, the unit, and how good the claim is: 0 (mapped by the user) to 3 (a synonym)."""
    bare, unit = _name_and_unit(header)
    if header in theirs:
        # A mapping to depth_cm states the unit; any other leaves it to the header.
        ours, of_mapping = meaning(theirs[header])
        return ours, of_mapping if of_mapping == "cm" else unit, 0
    ours = _MEANING.get(bare, "")
    rank = 1 if header == ours else 2 if ours and bare == SYNONYMS[ours][0] else 3
    return ours, unit if ours else "", rank


def _rivalry(ours: str, rivals: list[str]) -> str:
    if len(set(rivals)) == 1:
        return f"column '{rivals[0]}' comes twice; rename or remove one."
    names = " and ".join(f"'{name}'" for name in rivals)
    return (
        f"columns {names} both mean '{ours}'. Remove one, or say in study.toml which counts: "
        f'boreholes.columns = {{{ours} = "its name"}}.'
    )


def _plain(header: str) -> str:
    """Lower case, plain width, single blanks: '深度（ｍ）' is '深度(m)'; of long text nothing."""
    if len(header) > LONGEST_HEADER:
        return ""
    return " ".join(unicodedata.normalize("NFKC", header).lower().replace("_", " ").split())
