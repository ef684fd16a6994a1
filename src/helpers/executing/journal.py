"""What a run has done so far, so that the next goes on from there if this one is interrupted.

``interim/run.json`` names for each notebook that is done a key, the digest of all that its results
depend on, and the digests of the files it wrote. The next run leaves out the first notebooks as
long as their keys are the same and their files hold what was written. A run that ends as it should
removes the journal: the next one starts anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import helpers
from helpers.storage import library_versions, read_known, sha256, write_json
from helpers.study import Study

Stamps = dict[str, tuple[int, ...]]


@dataclass(eq=False)
class Journal:
    """What the run of a study has done.

    Attributes
    ----------
    study
        Its folders are looked at.
    keys
        Key of each notebook, in order.
    done
        Those that are done: key, and digest of each file written, by its path.

    """

    study: Study
    keys: Sequence[str]
    done: list[dict]
    _before: Stamps = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._before = _stamps(self.study)

    def add(self) -> None:
        """Write down that the next notebook is done, and what it wrote."""
        now = _stamps(self.study)
        wrote = {name: sha256(name) for name in now if now[name] != self._before.get(name)}
        self.done.append({"key": self.keys[len(self.done)], "wrote": wrote})
        self._before = now
        write_json({"done": self.done}, _place(self.study))

    def close(self) -> None:
        """All is done: the next run starts anew."""
        _place(self.study).unlink(missing_ok=True)


def open_journal(
    study: Study, notebooks: Sequence[Path], parameters: Sequence[Mapping[str, object]]
) -> Journal:
    """Journal of a run, with those notebooks done that an interrupted run has left in order.

    Parameters
    ----------
    study
        The study, or its fast variant.
    notebooks, parameters
        All of them, in order, and the parameters of each.

    """
    common = _digest([library_versions(), _package(), _inputs(study)])
    pairs = zip(notebooks, parameters, strict=True)
    keys = [_digest([common, sha256(path), dict(values)]) for path, values in pairs]
    found = read_known(_place(study)).get("done")
    found = found if isinstance(found, list) and all(map(_is_entry, found)) else []
    return Journal(study, keys, found[: _n_in_order(found, keys)])


def _is_entry(found: object) -> bool:
    whole = isinstance(found, dict) and found.keys() == {"key", "wrote"}
    return whole and isinstance(found["wrote"], dict)


def _n_in_order(found: Sequence[dict], keys: Sequence[str]) -> int:
    """How many of the first notebooks need not run: their keys, and all they left, are the same."""
    same = [entry["key"] == key for entry, key in zip(found, keys, strict=False)]
    n_same = same.index(False) if False in same else len(same)
    for n_done in range(n_same, 0, -1):
        # A later notebook may have written a file of an earlier one again.
        left = {name: value for entry in found[:n_done] for name, value in entry["wrote"].items()}
        if all(Path(name).is_file() and sha256(name) == value for name, value in left.items()):
            return n_done
    return 0


def _place(study: Study) -> Path:
    return study.interim_dir / "run.json"


def _stamps(study: Study) -> Stamps:
    """What the system tells of each result, which is never the same after it was written.

    Compared for being the same only, so that a clock that jumps does no harm.
    """
    files = {str(p): p.stat() for p in _results(study)}
    return {n: (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for n, s in files.items()}


def _results(study: Study) -> Iterator[Path]:
    """Files of the run under their own names: those with a point first are not finished."""
    interim = study.interim_dir
    for folder in (interim, interim / "notebooks", study.output_dir, study.figures_dir):
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        ours = (p for p in files if p.is_file() and not p.name.startswith("."))
        yield from (p for p in ours if p.suffix != ".lock" and p != _place(study))


def _inputs(study: Study) -> dict[str, str]:
    """Digest of each file of the study that is not a result."""
    results = [study.folder / name for name in ("interim", "output", "figures")]
    files = (p for p in sorted(study.folder.rglob("*")) if p.is_file())
    inputs = (p for p in files if not any(p.is_relative_to(folder) for folder in results))
    return {str(path): sha256(path) for path in inputs}


def _package() -> dict[str, str]:
    """Digest of each file of the package; its version stays the same while it is worked on."""
    root = Path(helpers.__file__).parent
    files = (p for p in sorted(root.rglob("*")) if p.is_file() and "__pycache__" not in p.parts)
    return {path.relative_to(root).as_posix(): sha256(path) for path in files}


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
