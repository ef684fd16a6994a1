"""Open data: the layers and boreholes of a study from their servers onto its grid.

``plan`` says what will be fetched, ``prepare`` fetches and builds it; the command is
``python -m helpers.opendata STUDY``. Only this package uses the network, and only when it is
called: notebooks read what it has left in ``open/`` of the study.
"""

from helpers.opendata.layers import plan, prepare

__all__ = ["plan", "prepare"]
