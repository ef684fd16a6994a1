"""Open data: the layers and boreholes of a study from their servers onto its grid.

``layers.plan`` says what will be fetched, ``layers.prepare`` fetches and builds it; the command is
``python -m helpers.opendata STUDY``. Only these use the network, and only when they are called:
notebooks read what they have left in ``open/`` of the study, after ``record.check_current``.
Nothing is imported here, as reading layers needs no network library.
"""
