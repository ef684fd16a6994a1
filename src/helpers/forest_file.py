"""A forest as a file: written the same way every time, read without running what it holds."""

from __future__ import annotations

import io
import itertools
import json
import math
import re
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenError
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import numpy as np
import skops.io
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import Tree

from helpers.storage import ContractError, replacing

# The only types a forest file may hold beyond those that skops trusts by itself. The nodes of
# these trees are checked before they are used: skops takes them as they come.
TRUSTED_TYPES = ("sklearn.tree._tree.Tree",)
AGAIN = "Fit the forest again: run notebook 03_random_forest."
# Everything a forest file consists of: loader of skops, module, class, kind of array.
_KINDS = {
    ("DictNode", "builtins", "dict", "None"),
    ("ListNode", "builtins", "list", "None"),
    ("TupleNode", "builtins", "tuple", "None"),
    ("TypeNode", "builtins", "str", "None"),
    ("JsonNode", "builtins", "str", "None"),
    ("NdArrayNode", "numpy", "ndarray", "numpy"),
    ("ObjectNode", "sklearn.ensemble._forest", "RandomForestRegressor", "None"),
    ("ObjectNode", "sklearn.tree._classes", "DecisionTreeRegressor", "None"),
    ("TreeNode", "sklearn.tree._tree", "Tree", "None"),
}
_PART = re.compile(r"schema\.json|[0-9]{1,20}\.npy")
# Of the forests here no part unpacks to more than 40 times what it is; deflate can do 1000.
_MOST_UNPACKED, _SLACK_BYTES = 200, 1_000_000
_SHOWN = 3
_FIRST_YEAR = 1980
# What zipfile, json, numpy, skops and scikit-learn raise where a file is not what it says.
_DAMAGED = (
    *(ArithmeticError, AssertionError, AttributeError, BadZipFile, EOFError, LookupError),
    *(MemoryError, OSError, RuntimeError, TypeError, ValueError, zlib.error),
    *(SyntaxError, TokenError),  # of the header of an array, which numpy reads as literals
)


def write_trusted(content: dict[str, object], path: str | Path) -> Path:
    """Write models and arrays with skops; the same content gives the same bytes."""
    if time.localtime().tm_year < _FIRST_YEAR:
        raise ContractError(
            f"{path}: the clock of this computer is before {_FIRST_YEAR}, the first year that ZIP "
            "knows, of which forest files are made. Set it right."
        )
    with replacing(path) as unfinished:
        unfinished.write_bytes(_reproducible(skops.io.dumps(content)))
    return Path(path)


def read_trusted(path: Path) -> object:
    """Read what :func:`write_trusted` wrote; anything else is refused before it is unpacked.

    skops names the class of every part, and how it is made again, in a schema. What a forest has
    is known, so that nothing rests on what skops itself takes for harmless.

    Raises
    ------
    ContractError
        If the file is no forest file, is damaged, unpacks to far more than it is, or holds a part
        that no forest has.

    """
    try:
        foreign = _foreign_parts(path)
        content = None if foreign else skops.io.load(path, trusted=list(TRUSTED_TYPES))
    except _DAMAGED as error:
        raise ContractError(
            f"{path}: not a forest written by this program, or damaged "
            f"({type(error).__name__}: {error}). {AGAIN}"
        ) from error
    if foreign:
        raise ContractError(
            f"{path}: holds {', '.join(foreign[:_SHOWN])}, which no forest needs and which could "
            f"run code of its own; the file was not loaded. Load only forests you know. {AGAIN}"
        )
    return content


def _foreign_parts(path: Path) -> list[str]:
    """What of a file no forest has, in words, most telling first; a damaged one is an error."""
    with ZipFile(path) as parts:
        found = parts.infolist()
        names = [part.filename for part in found]
        if len(set(names)) < len(names):
            raise ValueError("a part is there twice")
        odd = sorted(name for name in names if not _PART.fullmatch(name))
        swollen = [part.filename for part in found if _is_swollen(part)]
        if odd or swollen:
            return [f"the part {name!r}" for name in odd] + [
                f"the part {name!r}, which unpacks to far more than it is," for name in swollen
            ]
        foreign = sorted(set(_kinds(json.loads(parts.read("schema.json")))) - _KINDS)
        for part in found:
            if part.filename.endswith(".npy"):
                _expect_whole_array(parts, part)
    return [f"{node} {module}.{name}" for node, module, name, _ in foreign]


def _is_swollen(part: ZipInfo) -> bool:
    return part.file_size > _SLACK_BYTES + _MOST_UNPACKED * part.compress_size


def _kinds(node: object) -> Iterator[tuple[str, ...]]:
    """How each part of a schema is made again: loader, module, class, kind of array."""
    if isinstance(node, dict):
        if "__loader__" in node or "__class__" in node:
            keys = ("__loader__", "__module__", "__class__", "type")
            yield tuple(str(node.get(key)) for key in keys)
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _kinds(inner)


def _expect_whole_array(parts: ZipFile, part: ZipInfo) -> None:
    """See that an array claims as many bytes as there are: it gets its memory by what it claims."""
    with parts.open(part) as stream:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(stream)
        claimed = stream.tell() + math.prod(shape) * dtype.itemsize
    if dtype.hasobject or claimed != part.file_size:
        raise ValueError(f"array {part.filename} of shape {shape} and type {dtype} is not whole")


def nodes_are_sound(tree: BaseDecisionTree, n_predictors: int) -> bool:
    """Whether every branch leads on to a later node and asks for a predictor there is."""
    nodes = getattr(tree, "tree_", None)
    if not isinstance(nodes, Tree) or nodes.n_outputs != 1 or nodes.max_n_classes != 1:
        return False
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
