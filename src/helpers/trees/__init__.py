"""The trees of a forest as flat arrays, and the compiled loops that ask them.

A map asks the same few hundred trees a million times, and most answers are those of the cell
before. So cells are visited in an order that keeps alike cells together, and a tree is asked again
only when the cell has left the box of predictors within which the tree's answer stays the same.
Sums are kept as whole numbers, which can be added and taken away without rounding: the answer for
a cell does not depend on the cells visited before.
"""

from helpers.trees.distribution import leaf_weights, summarise_cells
from helpers.trees.flat import Trees, flatten_trees, from_cold
from helpers.trees.grid import ShapleyGrid, looked_up, shapley_grid
from helpers.trees.shapley import ShapleyTables, contributions, shapley_tables

__all__ = [
    "ShapleyGrid",
    "ShapleyTables",
    "Trees",
    "contributions",
    "flatten_trees",
    "from_cold",
    "leaf_weights",
    "looked_up",
    "shapley_grid",
    "shapley_tables",
    "summarise_cells",
]
