"""Draw the figures of the last run again: ``python -m helpers.redraw STUDY [--fast]``.

Nothing is fitted: each figure is drawn from files that the notebooks left. Figures whose files are
missing are named, with the notebook that makes them; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from helpers.figures import CATALOGUE
from helpers.figures.files import FORMATS
from helpers.project import find_study
from helpers.redraw.drawing import redraw
from helpers.run import load_variant
from helpers.storage import ContractError
from helpers.study import StudyError


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.redraw",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("study", help="name of a folder under data/, or a path")
    parser.add_argument("--fast", action="store_true", help="figures of the last fast run")
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="NAME", choices=list(CATALOGUE), help="figures"
    )
    parser.add_argument(
        "--formats", nargs="+", default=FORMATS, choices=FORMATS, help="of the files"
    )
    given = parser.parse_args(arguments)
    try:
        study = load_variant(find_study(given.study), given.fast)
        done = redraw(study, given.only, sorted(given.formats, reverse=True))
    except (ContractError, StudyError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{done.summary()}\nin {study.figures_dir}")
    return int(bool(done.missing))


if __name__ == "__main__":
    sys.exit(main())
