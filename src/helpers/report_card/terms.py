"""Words of the page that not every reader knows, each in a clause with its source."""

TERMS = {
    "Area of applicability": "cells whose predictors, weighted by importance, lie no farther from "
    "those of a site than sites of different folds do (doi:10.1111/2041-210X.13650);",
    "AUC": "chance that of a frozen and an unfrozen site the frozen one has the higher probability "
    "of permafrost; 0.5 is guessing;",
    "Brier score": "mean squared difference between probability and what was found (1 or 0); "
    "0 is best (doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2);",
    "CRPS": "continuous ranked probability score, distance from the predicted distribution to the "
    "observed value; 0 is best (doi:10.1111/j.1467-9868.2007.00587.x);",
    "Kappa": "agreement of classes beyond that of chance; 1 is best "
    "(doi:10.1177/001316446002000104);",
    "kNNDM": "k-fold nearest neighbour distance matching, folds as far from their training sites "
    "as cells from the sites (doi:10.5194/gmd-17-5897-2024);",
    "NNDM": "the same with one site held out at a time and its neighbours left out "
    "(doi:10.1111/2041-210X.13851);",
    "Pinball loss": "error of a quantile, in which misses on either side count by its level; "
    "0 is best (doi:10.2307/1913643);",
    "PIT": "probability integral transform, share of the predicted distribution at or below the "
    "observed value; even if the distributions are right (doi:10.1111/j.1467-9868.2007.00587.x);",
    "W": "area between the distribution of the distances a design predicts over and that of the "
    "map (Wasserstein distance).",
}
