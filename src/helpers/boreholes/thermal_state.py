"""Thermal state of the ground at a hole: thaw depth, permafrost, and warming where it can be seen.

The words of the field are those of the International Permafrost Association's glossary (van
Everdingen 2005, https://globalcryology.org/glossary).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import theilslopes

from helpers.boreholes.annual import FEWEST_MONTHS

YES, NO, TALIK, BELOW = "yes", "no", "under a talik", "below the string"
BELOW_SEASONS_M = 10.0
FEWEST_YEARS = 10


def thaw_depth(profile: pd.DataFrame) -> tuple[float, str]:
    """Depth to which the ground thaws, and whether there is permafrost below.

    Where the curve of the warmest monthly means crosses 0 deg C, linear between the sensor that
    stays frozen all the year and the one above. That is the thickness of the active layer or, under
    a talik, the depth of the permafrost table (van Everdingen 2005). As the warmest day is warmer
    than the warmest month, the greatest depth of thaw is somewhat more.

    Parameters
    ----------
    profile
        Profile of one hole: depth_m, mean_c, min_c, max_c (of the monthly means, deg C). Sensors
        without a mean are not used.

    Returns
    -------
    thaw_depth_m
        m; NaN if no two sensors enclose it: the uppermost sensor stays frozen (the ground thaws
        less deep than that), none does, or nothing but the mean is known.
    permafrost
        "yes" if a sensor stays frozen all the year; "under a talik" if so, but the sensor above
        never freezes; "below the string" if none stays frozen, but the mean of the deepest is at or
        below 0 deg C, so that frozen ground must follow; "no" if the deepest is warmer; "" without
        a valid sensor. A sensor of which only the mean is known counts as frozen all the year if
        its mean is at or below 0 deg C.

    """
    valid = profile.dropna(subset="mean_c").sort_values("depth_m")
    if valid.empty:
        return np.nan, ""
    warmest = valid["max_c"].fillna(valid["mean_c"]).to_numpy()
    if (warmest > 0).all():
        return np.nan, BELOW if valid["mean_c"].iloc[-1] <= 0 else NO
    table = int(np.argmax(warmest <= 0))
    around = valid.iloc[[table, max(table - 1, 0)]]
    if table == 0 or around["max_c"].isna().any():
        return np.nan, YES
    thawed_to = np.interp(0.0, around["max_c"], around["depth_m"])
    return float(thawed_to), TALIK if around["min_c"].iloc[1] > 0 else YES


def warming_rate(
    months: pd.DataFrame,
    depth_m: float = 15.0,
    shallowest_m: float = BELOW_SEASONS_M,
    largest_missing_share: float = 0.2,
) -> float:
    """Trend of the annual means at depth, deg C per decade: Theil and Sen's median slope.

    Of the sensors at or below ``shallowest_m``, where neither seasons nor single years matter much
    (Biskaborn et al. 2019, doi:10.1038/s41467-018-08240-4), the one nearest to ``depth_m`` that has
    ten complete years. A year is complete with eleven whole months; one that is missing is bridged
    by the months before and after. No interval is given: the ground remembers, so its annual means
    are not independent, and the usual one would be far too narrow.

    Parameters
    ----------
    months
        Monthly means of one hole, see :func:`helpers.boreholes.annual.monthly_records`: time,
        depth_m, temperature_c, share. Means over years are not used.
    depth_m, shallowest_m
        m.
    largest_missing_share
        Of the values of a month.

    Returns
    -------
    float
        NaN where no sensor has ten complete years.

    References
    ----------
    Sen 1968, doi:10.1080/01621459.1968.10480934.

    """
    whole = months[months["time"].notna() & (months["share"] >= 1 - largest_missing_share)]
    deep = whole[whole["depth_m"] >= shallowest_m].dropna(subset="temperature_c")
    n_months = deep["depth_m"].value_counts()
    long = n_months.index[n_months >= FEWEST_YEARS * FEWEST_MONTHS]
    for depth in sorted(long, key=lambda z: abs(z - depth_m)):
        years = _annual_means(deep[deep["depth_m"] == depth])
        if len(years) >= FEWEST_YEARS:
            return float(10 * theilslopes(years.to_numpy(), years.index.to_numpy()).slope)
    return np.nan


def _annual_means(sensor: pd.DataFrame) -> pd.Series:
    """Means of the complete calendar years of a sensor, by year."""
    monthly = sensor.groupby("time")["temperature_c"].mean().asfreq("MS")
    year = monthly.index.year
    bridged = monthly.interpolate(limit=1, limit_area="inside").groupby(year)
    complete = (bridged.count() == 12) & (monthly.groupby(year).count() >= FEWEST_MONTHS)
    return bridged.mean()[complete]


def thermal_state(
    profile: pd.DataFrame, months: pd.DataFrame, depth_m: float, largest_missing_share: float
) -> dict[str, float | str]:
    """Columns of the table of sites: thaw depth, permafrost and warming rate of one hole."""
    thaw_depth_m, permafrost = thaw_depth(profile)
    warming = warming_rate(months, depth_m, largest_missing_share=largest_missing_share)
    return {
        "thaw_depth_m": thaw_depth_m,
        "permafrost": permafrost,
        "warming_c_per_decade": warming,
    }
