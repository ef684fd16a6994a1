"""Cross-validation designs, and how close each comes to the situation of the map.

A map predicts far from the boreholes. A design that holds out a site but keeps its neighbour
asks an easier question than the map has to answer, and reports too small an error. How far a
prediction reaches is described by the distribution of nearest-neighbour distances: from the map
to the sites (Gij), from a site to the others (Gj) and, for a design, from a held-out site to the
sites that stay (Gj*). ``W``, the area between the curves Gj* and Gij, says how far a design is
from the map; NNDM leaves out neighbours, and kNNDM searches for folds, to make it small.

Coordinates are projected, in metres, one row per point. Standardised predictors may stand in
their place: distances and ``W`` then are those of feature space.
"""

from sklearn.model_selection import LeaveOneOut

from helpers.folds.blocks import spatial_block_folds
from helpers.folds.checks import fold_warnings
from helpers.folds.design import Design, design_of
from helpers.folds.distances import (
    design_distances,
    design_w,
    nearest_neighbour_distances,
    standardised,
)
from helpers.folds.intensity import sampling_bandwidth, sampling_intensity_weights
from helpers.folds.k_fold_matching import KnndmFolds, knndm
from helpers.folds.one_out_matching import nndm
from helpers.folds.simple import as_splits, balanced_folds, random_folds
from helpers.folds.splitters import (
    KNearestNeighbourMatching,
    NearestNeighbourMatching,
    RandomFolds,
    RepeatedRandomFolds,
    SpatialBlocks,
)

__all__ = [
    "Design",
    "KNearestNeighbourMatching",
    "KnndmFolds",
    "LeaveOneOut",
    "NearestNeighbourMatching",
    "RandomFolds",
    "RepeatedRandomFolds",
    "SpatialBlocks",
    "as_splits",
    "balanced_folds",
    "design_distances",
    "design_of",
    "design_w",
    "fold_warnings",
    "knndm",
    "nearest_neighbour_distances",
    "nndm",
    "random_folds",
    "sampling_bandwidth",
    "sampling_intensity_weights",
    "spatial_block_folds",
    "standardised",
]
