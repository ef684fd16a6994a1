"""The command ``python -m helpers.web_pages STUDY [--fast]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from helpers.project import find_study
from helpers.run import load_variant
from helpers.storage import ContractError
from helpers.study import StudyError
from helpers.web_pages.site import write_site


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    words = "Make an offline web site of the notebooks that `make map` has executed."
    parser = argparse.ArgumentParser(prog="python -m helpers.web_pages", description=words)
    parser.add_argument("study", help="name of a folder under data/, or a path")
    parser.add_argument("--fast", action="store_true", help="of the run on coarse cells")
    given = parser.parse_args(arguments)
    try:
        index = write_site(load_variant(find_study(given.study), given.fast))
    except (StudyError, ContractError, OSError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print(f"Open {index} in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
