"""The report card: all that a reviewer asks of a map, on one page and as JSON."""

from helpers.report_card.content import report_card
from helpers.report_card.page import write_report_card

__all__ = ["report_card", "write_report_card"]
