"""Helpers of the permafrost notebooks: from borehole temperatures to a map with its error.

Conventions, the same everywhere:

* x before y, longitude before latitude, west-south-east-north; rows run from north to south.
* Depth is in metres and positive downwards, temperature in deg C, missing is NaN.
* ``t15`` is the mean annual ground temperature at 15 m depth. (The published record calls it
  MAGST, an abbreviation that elsewhere means the temperature of the ground *surface*.)
* A module imports only from the floors below it:
  study, storage < boreholes, climate, terrain < covariates < forest, folds, scores,
  applicability, shapley < mapping, products < figures, widgets < run.
"""

__version__ = "0.1.0"
