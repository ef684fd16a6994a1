"""Steps of time: dates of netCDF and Zarr, which steps a study uses, how long each is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from helpers import climate
from helpers.rasters.source import Source
from helpers.storage import ContractError
from helpers.units import DAYS_IN_YEAR

_UNDATED = (None, None)
_DAY = np.timedelta64(86_400, "s")
_LACKING_DAYS = 1.5  # a month that lacks no more than this counts as whole
# Median days between stamps that make each stand for a whole month, year or day.
_WHOLE = (("M", 27, 32), ("Y", 364, 367), ("D", 0.99, 1.01))


class Timeline(NamedTuple):
    """Steps in order; ``start`` is ``None`` if they are those of a mean year without dates."""

    sources: list[Source]
    start: NDArray | None
    days: NDArray

    @property
    def is_monthly(self) -> bool:
        """Whether each step is about a month."""
        return bool(((self.days > 27) & (self.days < 32)).all())


def timeline(
    sources: Sequence[Source],
    over_time: str,
    period: tuple[date, date] | None = None,
    place: str = "raster",
) -> Timeline:
    """Order the steps of a layer, give them their lengths, keep those of the period.

    Twelve steps without dates are January to December; for a plain mean any number will do, all
    of one length. Steps with dates count if they lie in the period or reach into it, and the
    years of it that they begin must be complete.

    Raises
    ------
    ContractError
        If only some have dates, none lies in the period, months lack, or a number of undated
        steps other than twelve is asked for sums or degree-days.

    """
    dated = [source.start is not None for source in sources]
    if any(dated) and not all(dated):
        raise ContractError(f"{place}: {sum(dated)} of {len(dated)} steps have dates; all or none.")
    if not any(dated):
        return Timeline(list(sources), None, _days_of_mean_year(len(sources), over_time, place))
    sources = sorted(sources, key=lambda source: source.start)
    start, stop = _spans(sources, place)
    if period is not None:
        opens, closes = np.datetime64(period[0]), np.datetime64(period[1]) + 1
        used = (start < closes) & (stop > opens)
        if not used.any():
            raise ContractError(
                f"{place}: its steps are of {_day(start[0])} to {_day(stop[-1] - _DAY)}, none in "
                f"the period of the study, {period[0]} to {period[1]}."
            )
        sources = [source for source, use in zip(sources, used, strict=True) if use]
        start, stop = start[used], stop[used]
        _check_months(start, stop, period, place)
    return Timeline(sources, start, (stop - start) / _DAY)


def dated_steps(path: Path, dataset: xr.Dataset, axis: str) -> list[tuple]:
    """First day (or stamp) and length (d) of each step of an axis.

    The length is ``None`` where the file has no bounds of its steps; both are without dates, or
    where they are the months of a climatology (a mean of many years).

    Raises
    ------
    ContractError
        If the axis holds dates that cannot be read.

    """
    count = dataset.sizes[axis]
    if axis not in dataset.variables or " since " not in str(dataset[axis].attrs.get("units", "")):
        return [_UNDATED] * count
    attributes = dataset[axis].attrs
    if "climatology" in attributes:
        return [_UNDATED] * count
    bounds = attributes.get("bounds")
    if bounds not in dataset.variables:
        stamps = _dates(path, dataset[axis].variable, attributes)
        return [(stamp, None) for stamp in stamps]
    ends = _dates(path, dataset[bounds].variable, {**attributes, **dataset[bounds].attrs})
    return list(zip(ends[:, 0], (ends[:, 1] - ends[:, 0]) / _DAY, strict=True))


def _dates(path: Path, stamps: xr.Variable, attributes: dict) -> NDArray:
    coded = {key: attributes[key] for key in ("units", "calendar") if key in attributes}
    variable = xr.Variable(stamps.dims, stamps.to_numpy(), coded)
    try:
        decoded = xr.conventions.decode_cf_variable("time", variable).to_numpy()
    except (ValueError, OverflowError) as error:
        raise ContractError(
            f"{path}: its dates cannot be read: units '{attributes['units']}' ({error}). Write "
            "them as 'days since', for instance with xarray: dataset['time'] = "
            "pandas.date_range('1991-01-01', periods=dataset.time.size, freq='MS')."
        ) from error
    if decoded.dtype.kind == "O":
        return _on_real_calendar(decoded)
    return decoded.astype("datetime64[s]")


def _on_real_calendar(stamps: NDArray) -> NDArray:
    """Dates of calendars of 360 or 365 days, which come as objects of their own.

    They keep their day of the month; those of a series with a 30 February their share of the year.
    """
    try:
        return np.vectorize(lambda stamp: stamp.isoformat())(stamps).astype("datetime64[s]")
    except ValueError:
        return np.vectorize(_at_share_of_year, otypes=["datetime64[s]"])(stamps)


def _at_share_of_year(stamp: Any) -> np.datetime64:
    """Moment of the real year at the same share of it as a date of cftime has of its own."""
    begin = stamp.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    share = (stamp - begin) / (begin.replace(year=stamp.year + 1) - begin)
    opens, closes = (np.datetime64(f"{stamp.year + i:04d}-01-01", "s") for i in (0, 1))
    return opens + (closes - opens) * share


def _days_of_mean_year(count: int, over_time: str, place: str) -> NDArray:
    if count == len(climate.DAYS_IN_MONTH):
        return climate.DAYS_IN_MONTH
    if over_time == "mean":
        return np.full(count, DAYS_IN_YEAR / count)
    raise ContractError(
        f"{place}: {over_time} of {count} steps without dates; twelve, January to December, are "
        "needed, or a file that states dates (netCDF with a time axis)."
    )


def _spans(sources: list[Source], place: str) -> tuple[NDArray, NDArray]:
    """Start and end of steps: by their lengths, or by what their stamps stand for.

    Stamps each in a month or year of their own stand for the whole of it, wherever in it they
    lie; daily ones for their day; others reach to the next one.
    """
    stamps = np.array([source.start for source in sources])
    if not (np.diff(stamps) > np.timedelta64(0)).all():
        raise ContractError(f"{place}: two steps have the same date.")
    if all(source.days is not None for source in sources):
        days = np.array([source.days for source in sources])
        return stamps, stamps + (days * 86_400).astype("timedelta64[s]")
    if len(stamps) == 1:
        raise ContractError(
            f"{place}: one step of time without bounds; how long it is cannot be told."
        )
    gaps = np.diff(stamps)
    step = np.median(gaps / _DAY)
    for unit, shortest, longest in _WHOLE:
        begin = stamps.astype(f"datetime64[{unit}]")
        if shortest <= step <= longest and len(np.unique(begin)) == len(stamps):
            return begin.astype(stamps.dtype), (begin + 1).astype(stamps.dtype)
    return stamps, np.append(stamps[1:], stamps[-1] + np.median(gaps.astype(int)).astype(int))


def _check_months(start: NDArray, stop: NDArray, period: tuple[date, date], place: str) -> None:
    """Every month of a year that has any must be there, as far as it lies in the period."""
    first, last = np.datetime64(period[0], "s"), np.datetime64(period[1], "s") + _DAY
    lacking, touched = [], set()
    for month in pd.period_range(*period, freq="M"):
        opens = max(np.datetime64(month.start_time, "s"), first)
        closes = min(np.datetime64((month + 1).start_time, "s"), last)
        covered = np.minimum(stop, closes) - np.maximum(start, opens)
        days = (covered[covered > np.timedelta64(0)] / _DAY).sum()
        if days >= max((closes - opens) / _DAY - _LACKING_DAYS, 0.5):
            touched.add(month.year)
        else:
            lacking.append(month)
    listed = [str(month) for month in lacking if month.year in touched]
    if listed or not touched:
        raise ContractError(
            f"{place}: within the period of the study the months {', '.join(listed or ['all'])} "
            "lack or are not complete. Add them, or choose a period whose years are complete."
        )


def _day(moment: np.datetime64) -> str:
    return str(moment.astype("datetime64[D]"))
