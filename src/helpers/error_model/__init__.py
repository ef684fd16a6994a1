"""What error to expect of a map in each cell, learned from sites held out in ever larger groups."""

from helpers.error_model.cross import calibrated_held_out
from helpers.error_model.fit import fit_error_model, fit_to_pairs
from helpers.error_model.groups import held_out_pairs
from helpers.error_model.model import ErrorModel, load_error_model

__all__ = [
    "ErrorModel",
    "calibrated_held_out",
    "fit_error_model",
    "fit_to_pairs",
    "held_out_pairs",
    "load_error_model",
]
