"""An offline web site of the executed notebooks: ``python -m helpers.web_pages STUDY [--fast]``.

``executed`` reads what ``make map`` left; ``outputs`` turns the outputs of cells into what a page
without programs can show; ``pages`` makes HTML of notebooks; ``site`` writes pages and index.
"""

from helpers.web_pages.site import write_site

__all__ = ["write_site"]
