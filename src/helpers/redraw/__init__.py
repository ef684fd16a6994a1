"""Draw the figures of the last run again, from its files, without fitting anything.

``inputs`` reads what the notebooks left; ``boreholes``, ``covariates``, ``forest``, ``validation``
and ``maps`` have a function for each figure, called as the figure; ``drawing`` goes through them.
"""

from helpers.redraw.drawing import REGISTRY, Redrawn, redraw
from helpers.redraw.inputs import MADE_BY, Inputs

__all__ = ["MADE_BY", "REGISTRY", "Inputs", "Redrawn", "redraw"]
