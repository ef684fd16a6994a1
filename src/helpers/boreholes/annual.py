"""Annual mean temperature of each sensor, and the depth at which the annual wave dies out.

After the rules of the Global Terrestrial Network for Permafrost (doi:10.1594/PANGAEA.972992). A
*profile* is a table with a row per sensor: site, depth_m, mean_c, min_c, max_c (of the monthly
means, deg C), n_months, sampling_error_c.

Readings are first reduced to the mean of each month of each year, which is all that the later
steps need: a thousand half-hourly records then fit into any memory.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.study import Study

PROFILE_COLUMNS = [*("site", "depth_m", "mean_c", "min_c", "max_c", "n_months", "sampling_error_c")]
MONTH_COLUMNS = [
    *("site", "time", "depth_m", "temperature_c", "averaging", "share", "days"),
    *("year_start", "year_end", "n_months", "amplitude_c"),
]
MONTHS = range(1, 13)
FEWEST_MONTHS, MEAN_MONTH_DAYS = 11, 30.4375
SENSOR = ["site", "depth_m"]
_DEPTH_CLASSES_M = [-np.inf, 1, 2, 3, 5, 7, 10, 15, 20, np.inf]


def monthly_records(records: pd.DataFrame) -> pd.DataFrame:
    """Reduce records to the mean of every sensor in each month of each year.

    Means over years pass through as they are, and so do records that are reduced already.

    Returns
    -------
    pandas.DataFrame
        site, time (the first of the month; NaT for a mean over years), depth_m, temperature_c,
        averaging (month or mean), share (of the values of the month that the usual step of the
        sensor lets expect, 0 to 1, those that are there; 1 for a mean over years), days (for
        which the values stand), and for means year_start, year_end, n_months, amplitude_c.

    """
    if "share" in records:
        return records
    is_mean = records["averaging"] == "mean"
    means = records[is_mean].reindex(columns=MONTH_COLUMNS).assign(share=1.0, days=365.0)
    months = _means_of_months(records[~is_mean]).reindex(columns=MONTH_COLUMNS)
    both = [part for part in (months, means) if len(part)] or [means]
    types = dict.fromkeys(MONTH_COLUMNS[-4:], float) | {"time": "datetime64[ns]"}
    return pd.concat(both, ignore_index=True).astype(types)


def _means_of_months(readings: pd.DataFrame) -> pd.DataFrame:
    """Mean of each month of each year, and the share of the expected values that is there.

    Expected are as many as the usual step between the readings of the sensor allows.
    """
    known = readings.dropna(subset="temperature_c").sort_values([*SENSOR, "time"])
    month = known["time"].astype("datetime64[ns]").dt.to_period("M").dt.to_timestamp()
    known = known.assign(length=month.dt.days_in_month, month=month.astype("datetime64[ns]"))
    known["step"] = known.groupby(SENSOR)["time"].diff() / pd.Timedelta(days=1)
    step = known.groupby(SENSOR)["step"].median().where(lambda days: days > 0)
    monthly = known.groupby([*SENSOR, "month"]).agg(
        temperature_c=("temperature_c", "mean"),
        n=("temperature_c", "size"),
        length=("length", "first"),
        averaging=("averaging", "first"),
    )
    expected = (monthly["length"] // step).fillna(1).clip(lower=1)
    share = (monthly["n"] / expected).clip(upper=1)
    # A single reading tells of its day at most, a mean of a month of the whole month.
    days = (monthly["n"] * step.clip(upper=1)).fillna(monthly["n"])
    days = days.mask(monthly["averaging"] == "month", monthly["length"])
    table = monthly.assign(share=share, days=days, averaging="month").reset_index()
    return table.rename(columns={"month": "time"})


def merged_months(records: pd.DataFrame) -> pd.DataFrame:
    """One row for each sensor and month, where several files have a part of it.

    The means are weighted by the shares of the month that they stand for.
    """
    key = [*SENSOR, "time"]
    again = records.duplicated(key, keep=False) & records["time"].notna()
    if not again.any():
        return records
    parts = records[again]
    parts = parts.assign(weighted=parts["temperature_c"] * parts["share"], row=parts.index)
    months = parts.groupby(key).agg(
        weighted=("weighted", "sum"),
        share=("share", "sum"),
        days=("days", "sum"),
        averaging=("averaging", "first"),
        row=("row", "first"),
    )
    months["temperature_c"] = months.pop("weighted") / months["share"]
    months["share"] = months["share"].clip(upper=1)
    # A merged row keeps a label of its own parts: decisions of a person are found by labels.
    merged = months.reset_index().set_index("row").rename_axis(records.index.name)
    merged = merged.reindex(columns=records.columns)
    return pd.concat([records[~again], merged.astype(records.dtypes)])


def study_profile(records: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Annual profile of every hole by the rules of a study; see :func:`annual_profile`."""
    checks, period = study.boreholes.checks, study.period
    months = round(((period.end - period.start).days + 1) / MEAN_MONTH_DAYS)
    return annual_profile(
        records,
        checks.largest_missing_share,
        checks.zero_amplitude_c,
        months / 12,
        checks.wave_ends_m,
    )


def annual_profile(
    records: pd.DataFrame,
    largest_missing_share: float = 0.2,
    zero_amplitude_c: float = 0.1,
    period_years: float = 1.0,
    wave_ends_m: float = 20.0,
) -> pd.DataFrame:
    """Mean annual temperature of every sensor.

    Each calendar month is averaged first and then the year, so that uneven sampling does not lean
    to a season; a single missing month is bridged by its neighbours. A sensor has no mean (NaN) if
    more than ``largest_missing_share`` of its values or more than one whole month of the year is
    missing, except at or below the depth of zero annual amplitude, where any reading is valid.
    A hole that does not reach the end of its annual wave tells it by how fast the wave dies out;
    one that tells nothing is given the median of the others, or ``wave_ends_m``. Means over years
    pass by the same rule, as far as they say of how many months they are.

    The standard error of sampling has two parts: months of the year that are missing, for an
    annual wave of the range seen, and years of the period that are missing, for the differences
    between years seen. Where a sensor does not tell them, those usual at its depth are taken.

    Parameters
    ----------
    records
        Of one or more sites, as read or reduced by :func:`monthly_records`.
    largest_missing_share
        Of the values of a month, and of the year.
    zero_amplitude_c
        Range of the monthly means, deg C, that counts as none.
    period_years
        Length of the period whose mean is wanted.
    wave_ends_m
        Depth of zero annual amplitude, m, where no hole tells it.

    Returns
    -------
    pandas.DataFrame
        A profile, by site and depth.

    """
    months = monthly_records(records)
    is_mean = months["averaging"] == "mean"
    parts = [_of_months(months[~is_mean], largest_missing_share), _of_means(months[is_mean])]
    sensors = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    whole = sensors[sensors["complete"]]
    ends = {
        site: _wave_end(
            hole["depth_m"].to_numpy(), hole["amplitude_c"].to_numpy(), zero_amplitude_c
        )
        for site, hole in whole.dropna(subset="amplitude_c").groupby("site")
    }
    usual = np.nan_to_num(pd.Series(ends, dtype=float).median(), nan=wave_ends_m)
    still = sensors["depth_m"] >= sensors["site"].map(ends).astype(float).fillna(usual)
    still &= ~(sensors["amplitude_c"] > zero_amplitude_c)  # whatever the others tell
    sensors["mean_c"] = sensors["mean_c"].where(sensors["complete"] | still)
    sensors = sensors.sort_values("mean_c", key=pd.isna, kind="stable").drop_duplicates(SENSOR)
    sensors = sensors.sort_values(SENSOR).reset_index(drop=True)
    sensors["amplitude_c"] = sensors["amplitude_c"].where(sensors["complete"])
    sensors["sampling_error_c"] = _sampling_error(sensors, period_years)
    return sensors[PROFILE_COLUMNS]


def zero_annual_amplitude_depth(profile: pd.DataFrame, amplitude_c: float = 0.1) -> float:
    """Shallowest depth (m) from which downwards the monthly means stay within ``amplitude_c``.

    Interpolated between sensors; the depth of the uppermost sensor if already there; NaN if no
    sensor is so deep or none has a range.
    """
    known = profile.dropna(subset=["min_c", "max_c"]).sort_values("depth_m")
    swing = known["max_c"] - known["min_c"]
    return _still_depth(known["depth_m"].to_numpy(), swing.to_numpy(), amplitude_c)


def _still_depth(depth: np.ndarray, swing: np.ndarray, amplitude_c: float) -> float:
    moving = np.flatnonzero(swing > amplitude_c)
    if not len(depth) or swing[-1] > amplitude_c:
        return np.nan
    if not len(moving):
        return float(depth[0])
    last = [moving[-1] + 1, moving[-1]]
    return float(np.interp(amplitude_c, swing[last], depth[last]))


def _wave_end(depth: np.ndarray, swing: np.ndarray, amplitude_c: float) -> float:
    """Depth of zero annual amplitude, extrapolated from the decay of the wave if need be.

    An annual wave in the ground decays exponentially (Carslaw and Jaeger 1959, section 2.6). NaN
    where the swings of the sensors (downwards) do not tell it.
    """
    order = np.argsort(depth, kind="stable")
    depth, swing = depth[order], swing[order]
    measured, moving = _still_depth(depth, swing, amplitude_c), swing > amplitude_c
    if np.isfinite(measured) or moving.sum() < 2:
        return measured
    slope, at_surface = np.polyfit(depth[moving], np.log(swing[moving]), 1)
    return (np.log(amplitude_c) - at_surface) / slope if slope < 0 else np.nan


def _of_months(months: pd.DataFrame, largest_missing_share: float) -> pd.DataFrame:
    """Sensors from monthly means: complete ones from whole months, others from any."""
    time = months["time"].dt
    keys = months.assign(year=time.year, month=time.month)
    keys = keys.rename(columns={"temperature_c": "mean_c"})
    monthly = keys.groupby([*SENSOR, "year", "month"])[["mean_c", "share"]].mean()
    whole = monthly[monthly["share"] >= 1 - largest_missing_share]
    any_month = _calendar_months(monthly["mean_c"])
    months = _calendar_months(whole["mean_c"]).reindex(any_month.index)
    share = monthly.groupby([*SENSOR, "month"])["share"].max().groupby(SENSOR).sum() / 12
    complete = (months.notna().sum(axis=1) >= FEWEST_MONTHS) & (share >= 1 - largest_missing_share)
    months = months.where(complete, any_month)
    sensors = _range(months).assign(
        mean_c=_mean_of_year(months),
        complete=complete,
        n_months=months.notna().sum(axis=1).astype(float),
        n_years=(whole.groupby(SENSOR).size() / 12).reindex(months.index, fill_value=0.0),
        between_years_c=_between_years(whole),
    )
    return sensors.assign(amplitude_c=sensors["max_c"] - sensors["min_c"]).reset_index()


def _calendar_months(means: pd.Series) -> pd.DataFrame:
    """Mean of each calendar month over the years: a row per sensor, columns 1 to 12."""
    return means.groupby([*SENSOR, "month"]).mean().unstack("month").reindex(columns=MONTHS)


def _range(months: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"min_c": months.min(axis=1), "max_c": months.max(axis=1)})


def _mean_of_year(months: pd.DataFrame) -> pd.Series:
    """Mean of twelve months; a missing one is the mean of its neighbours, December to January."""
    values = months.to_numpy()
    neighbours = (np.roll(values, 1, axis=1) + np.roll(values, -1, axis=1)) / 2
    return months.where(months.notna(), neighbours).mean(axis=1)


def _between_years(whole: pd.DataFrame) -> pd.Series:
    """Standard deviation of a month about its mean over the years, deg C; NaN from one year."""
    by_month = whole.groupby([*SENSOR, "month"])["mean_c"]
    squares = (whole["mean_c"] - by_month.transform("mean")).pow(2).groupby(SENSOR).sum()
    freedom = by_month.size().sub(1).groupby(SENSOR).sum()
    return np.sqrt(squares / freedom.where(freedom >= 6))


def _of_means(means: pd.DataFrame) -> pd.DataFrame:
    """Sensors from means over years.

    A mean that does not say of how many months it is counts as whole; where a sensor has several,
    those of an incomplete year are left out if there is a complete one.
    """
    means = means.reindex(columns=MONTH_COLUMNS)
    means = means.assign(
        complete=~(means["n_months"] < FEWEST_MONTHS),
        n_years=(means["year_end"] - means["year_start"] + 1).astype(float),
    ).rename(columns={"temperature_c": "mean_c"})
    best = means.groupby(SENSOR)["complete"].transform("max")
    sensors = means[means["complete"] == best].groupby(SENSOR)
    columns = ["mean_c", "n_months", "amplitude_c", "complete"]
    table = sensors[columns].mean().assign(n_years=sensors["n_years"].sum(min_count=1))
    table = table.reset_index().astype({"complete": bool})
    half = table["amplitude_c"]
    ends = {"min_c": table["mean_c"] - half, "max_c": table["mean_c"] + half}
    return table.assign(**ends, amplitude_c=2 * half)


def _sampling_error(profile: pd.DataFrame, period_years: float) -> pd.Series:
    """Standard error of the annual mean for want of months and of years, deg C.

    A sinusoid of range R has the standard deviation R / sqrt(8). 0 where nothing is missing, or
    where no sensor at such a depth tells what a missing part may do.
    """
    columns = profile.reindex(columns=["n_months", "amplitude_c", "n_years", "between_years_c"])
    depth_class = pd.cut(profile["depth_m"], _DEPTH_CLASSES_M)
    usual = columns.fillna(columns.groupby(depth_class, observed=True).transform("median"))
    months = columns["n_months"].clip(1, 12).fillna(12)
    # Months of one year go together: less than a year tells of one year at most.
    years = columns["n_years"].clip(min(1.0, period_years), period_years).fillna(period_years)
    of_months = usual["amplitude_c"] / np.sqrt(8) * np.sqrt(1 / months - 1 / 12)
    of_years = usual["between_years_c"] * np.sqrt(1 / years - 1 / period_years)
    return np.hypot(of_months.fillna(0), of_years.fillna(0))
