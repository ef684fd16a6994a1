"""What the program's statements on its error are held to where the truth is known: from, to."""

LEVEL = 0.9  # of the calibrated intervals
ESTIMATE_RATIO = (0.9, 1.1)  # RMSE that cross-validation reports / true RMSE
PROFILE_RATIO = (0.8, 1.2)  # expected / true RMSE of cells that are alike
COVERAGE = (0.88, 0.92)  # share of the cells inside the intervals
AREA_COVERAGE = (0.85, 0.95)  # share of the surveys whose interval holds the true area
