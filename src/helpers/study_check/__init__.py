"""Own data, without pain: what of a study is fine, missing or doubtful; and a new study.

``check`` goes through everything that a run will need, in seconds, and writes nothing.
``new_study`` writes a commented ``study.toml`` for another region.
"""

from helpers.study_check.checks import check
from helpers.study_check.new import new_study, next_steps
from helpers.study_check.projection import equal_area_crs
from helpers.study_check.rows import (
    DOUBTFUL,
    FINE,
    MISSING,
    WRONG,
    Row,
    status,
    summary,
    table_text,
)

__all__ = [
    "DOUBTFUL",
    "FINE",
    "MISSING",
    "WRONG",
    "Row",
    "check",
    "equal_area_crs",
    "new_study",
    "next_steps",
    "status",
    "summary",
    "table_text",
]
