"""The forest over a grid of any size, block by block, on this machine or many."""

from helpers.mapping.blocks import BLOCK_CELLS, Block, predicted_blocks
from helpers.mapping.dataset import flags_of, predict_map
from helpers.mapping.task import LAYERS, LayerSpec, Task

__all__ = [
    "BLOCK_CELLS",
    "LAYERS",
    "Block",
    "LayerSpec",
    "Task",
    "flags_of",
    "predict_map",
    "predicted_blocks",
]
