"""Calibrated intervals of held-out sites, to see whether they hold what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from helpers.error_model.fit import calibration
from helpers.error_model.groups import KNNDM
from helpers.error_model.model import ErrorModel
from helpers.forest import QUANTILES
from helpers.held_out import quantile_name


def calibrated_held_out(
    model: ErrorModel,
    pairs: pd.DataFrame,
    held_out: pd.DataFrame,
    quantiles: Sequence[float] = QUANTILES,
    at_or_below: float = 0.0,
) -> pd.DataFrame:
    """Calibrated distribution of every site, by an error model that has not seen its kNNDM fold.

    The calibration of a fold comes from the errors at the sites of the other folds, whatever group
    they were held out with. (Some of those forests were fitted to sites of the fold, as all sites
    but a group are; their errors at other sites hardly depend on that.)

    Parameters
    ----------
    model, pairs
        Of :func:`helpers.error_model.fit_error_model`.
    held_out
        Predictions under the kNNDM folds: fold, observed, predicted; a row for each site.
    quantiles, at_or_below
        As for :meth:`helpers.forest.Forest.distribution`.

    Returns
    -------
    Table with the index of ``held_out``: fold, observed, predicted (by the forest, as before),
    shift (deg C), standard_deviation, probability, pit, and a column (deg C) for each quantile.

    """
    here = pairs[pairs["kind"] == KNNDM].set_index("site").sort_index()
    levels = [quantile_name(level) for level in quantiles]
    columns = ["shift", "standard_deviation", "probability", "pit", *levels]
    table = pd.DataFrame(np.nan, index=held_out.index, columns=columns)
    for label in here["fold"].unique():
        unseen = replace(model, **calibration(pairs[pairs["fold"] != label]))
        sites = here[here["fold"] == label]
        rows = held_out.iloc[sites.index]
        shift = unseen.share * sites["beyond"].to_numpy()
        spread = unseen.standard_deviation(sites["dissimilarity"].to_numpy())
        around = (rows["predicted"].to_numpy(), shift, spread)
        table.iloc[sites.index] = np.column_stack(
            [
                shift,
                spread,
                unseen.probability(*around, at_or_below),
                unseen.probability(*around, rows["observed"].to_numpy()),
                unseen.quantiles(*around, quantiles),
            ]
        )
    return pd.concat([held_out[["fold", "observed", "predicted"]], table], axis=1)
