"""Reading with a contract, writing without half-written files, and provenance."""

from helpers.storage.errors import ContractError, printable
from helpers.storage.files import LIBRARIES, library_versions, replacing, require, sha256
from helpers.storage.layers import opened_dataset, read_dataset, write_dataset, write_layers
from helpers.storage.locks import locked
from helpers.storage.records import read_json, read_known, write_json
from helpers.storage.tables import numeric, read_table, write_table

__all__ = [
    "LIBRARIES",
    "ContractError",
    "library_versions",
    "locked",
    "numeric",
    "opened_dataset",
    "printable",
    "read_dataset",
    "read_json",
    "read_known",
    "read_table",
    "replacing",
    "require",
    "sha256",
    "write_dataset",
    "write_json",
    "write_layers",
    "write_table",
]
