"""Calibrated intervals of held-out sites, to see whether they hold what they promise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from helpers.error_model.fit import fit_to_pairs
from helpers.error_model.groups import KNNDM
from helpers.forest import QUANTILES
from helpers.held_out import quantile_name


def calibrated_held_out(
    pairs: pd.DataFrame,
    held_out: pd.DataFrame,
    predictors: pd.DataFrame,
    xy: ArrayLike,
    quantiles: Sequence[float] = QUANTILES,
    at_or_below: float = 0.0,
) -> pd.DataFrame:
    """Calibrated distribution of every site, by an error model that has not seen its kNNDM fold.

    The calibration of a fold comes from the errors at the sites of the other folds, whatever group
    they were held out with. (Some of those forests were fitted to sites of the fold, as all sites
    but a group are; their errors at other sites hardly depend on that.)

    Parameters
    ----------
    pairs
        Of :func:`helpers.error_model.held_out_pairs`.
    held_out
        Predictions under the kNNDM folds: fold, observed, predicted; rows as in ``predictors``.
    predictors, xy
        The sites (n, p) and their places, m (n, 2).
    quantiles, at_or_below
        As for :meth:`helpers.forest.Forest.distribution`.

    Returns
    -------
    Table with the index of ``held_out``: fold, observed, predicted (by the forest, as before),
    shift (deg C), standard_deviation, probability, pit, and a column (deg C) for each quantile.

    """
    here = pairs[pairs["kind"] == KNNDM].set_index("site").sort_index()
    fold, observed = held_out["fold"].to_numpy(), held_out["observed"].to_numpy()
    levels = [quantile_name(level) for level in quantiles]
    columns = ["shift", "standard_deviation", "probability", "pit", *levels]
    table = pd.DataFrame(np.nan, index=held_out.index, columns=columns)
    for label in np.unique(fold):
        test = np.isin(here.index, np.flatnonzero(fold == label))
        rows = here.index[test]
        others = pairs[~pairs["site"].isin(np.flatnonzero(fold == label))]
        model = fit_to_pairs(others, predictors, observed, xy)
        shift = model.share * here["beyond"].to_numpy()[test]
        spread = model.standard_deviation(here["dissimilarity"].to_numpy()[test])
        round_it = (held_out["predicted"].to_numpy()[rows], shift, spread)
        table.iloc[rows] = np.column_stack(
            [
                shift,
                spread,
                model.probability(*round_it, at_or_below),
                model.probability(*round_it, observed[rows]),
                model.quantiles(*round_it, quantiles),
            ]
        )
    return pd.concat([held_out[["fold", "observed", "predicted"]], table], axis=1)
