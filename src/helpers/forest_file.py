"""A forest as a file: written the same way every time, read without running what it holds."""

from __future__ import annotations

import io
import itertools
import re
from pathlib import Path
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import numpy as np
import skops.io
from sklearn.tree import BaseDecisionTree

from helpers.storage import ContractError, replacing

# The only types a forest file may hold beyond those that skops trusts by itself. The nodes of
# these trees are checked before they are used: skops takes them as they come.
TRUSTED_TYPES = ("sklearn.tree._tree.Tree",)


def write_trusted(content: dict[str, object], path: str | Path) -> Path:
    """Write models and arrays with skops; the same content gives the same bytes."""
    with replacing(path) as unfinished:
        unfinished.write_bytes(_reproducible(skops.io.dumps(content)))
    return Path(path)


def read_trusted(path: Path) -> object:
    """Read what :func:`write_trusted` wrote; any type not in ``TRUSTED_TYPES`` is refused.

    Raises
    ------
    ContractError
        If the file is no skops file, or holds a type that could run code of its own.

    """
    try:
        foreign = set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED_TYPES)
        content = None if foreign else skops.io.load(path, trusted=list(TRUSTED_TYPES))
    except (BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ContractError(f"{path}: not a forest written by this program ({error}).") from error
    if foreign:
        raise ContractError(
            f"{path}: holds {', '.join(sorted(foreign))}, which no forest needs and which could "
            "run code of its own; the file was not loaded. Load only forests you know."
        )
    return content


def nodes_are_sound(tree: BaseDecisionTree, n_predictors: int) -> bool:
    """Whether every branch leads on to a later node and asks for a predictor there is."""
    nodes = tree.tree_
    left, right, feature = nodes.children_left, nodes.children_right, nodes.feature
    leaf = (left == -1) & (right == -1) & (feature < 0)
    here = np.arange(nodes.node_count)
    onward = (left > here) & (right > here) & (np.maximum(left, right) < nodes.node_count)
    known = (feature >= 0) & (feature < n_predictors)
    return nodes.node_count > 0 and bool((leaf | (onward & known)).all())


def _reproducible(dump: bytes) -> bytes:
    """Rewrite a skops file without what differs from run to run.

    skops numbers objects by their address in memory and dates the entries; the records of
    scikit-learn's nodes are padded with whatever stood in memory before.
    """
    number, packed = itertools.count(), io.BytesIO()
    with ZipFile(io.BytesIO(dump)) as old, ZipFile(packed, "w") as new:
        schema = old.read("schema.json").decode()
        schema = re.sub(r'(?<="__id__": )\d+', lambda _: str(next(number)), schema)
        files = dict.fromkeys(re.findall(r'(?<="file": ")\d+\.npy(?=")', schema))
        names = {name: f"{i}.npy" for i, name in enumerate(files)}
        schema = re.sub(r'(?<="file": ")\d+\.npy(?=")', lambda m: names[m.group()], schema)
        new.writestr(_entry("schema.json"), schema)
        for name in names:
            new.writestr(_entry(names[name]), _without_padding(old.read(name)))
    return packed.getvalue()


def _without_padding(file: bytes) -> bytes:
    array = np.load(io.BytesIO(file), allow_pickle=False)
    clean, out = np.zeros(array.shape, array.dtype), io.BytesIO()
    for field in array.dtype.names or [...]:
        clean[field] = array[field]
    np.save(out, clean, allow_pickle=False)
    return out.getvalue()


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = ZIP_DEFLATED
    return entry
