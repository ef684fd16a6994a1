"""One function for each figure of the notebooks, in one style.

``style`` holds sizes and colours; ``base_map``, ``layers`` and ``towns`` the parts of a map;
``maps``, ``small_maps`` and what ends in ``charts`` the paper figures; ``panels`` those of the
interactive panels; ``catalogue`` names, captions and files.
"""

from helpers.figures.borehole_charts import borehole_profiles, depth_time_image, error_budget
from helpers.figures.catalogue import CATALOGUE, catalogue_markdown, save_figure, save_preview
from helpers.figures.charts import step_effects, temperature_histogram
from helpers.figures.comparison_charts import comparison_chart, comparison_map
from helpers.figures.covariate_charts import (
    correlation_clusters,
    pair_plot,
    site_distributions,
    station_error_map,
)
from helpers.figures.design_charts import design_comparison, design_panel
from helpers.figures.driver_maps import dominant_driver_map, shapley_maps
from helpers.figures.error_charts import error_profile_chart
from helpers.figures.error_maps import (
    drilling_map,
    drilling_text,
    expected_error_map,
    expected_error_text,
)
from helpers.figures.forest_charts import error_by_trees_chart, tuning_chart
from helpers.figures.honesty_charts import honesty_chart
from helpers.figures.maps import (
    fold_map,
    interval_width_map,
    probability_map,
    site_status_map,
    study_area_map,
    temperature_map,
    thermal_class_map,
)
from helpers.figures.panels import (
    area_curve,
    area_text,
    conditional_distribution,
    place_explained,
)
from helpers.figures.probability_charts import coverage_chart, pit_chart, reliability_chart
from helpers.figures.selection_charts import (
    forward_selection_chart,
    radius_skill_chart,
)
from helpers.figures.shapley_charts import (
    interaction_matrix,
    shap_dependence,
    shap_summary,
    shapley_stability,
    site_contributions,
)
from helpers.figures.skill_charts import skill_chart, variogram_chart
from helpers.figures.small_maps import applicability_map, covariate_maps, truth_comparison
from helpers.figures.validation_charts import (
    confusion_matrices,
    distance_curves,
    validation_scatter,
)

__all__ = [
    "CATALOGUE",
    "applicability_map",
    "area_curve",
    "area_text",
    "borehole_profiles",
    "catalogue_markdown",
    "comparison_chart",
    "comparison_map",
    "conditional_distribution",
    "confusion_matrices",
    "correlation_clusters",
    "covariate_maps",
    "coverage_chart",
    "depth_time_image",
    "design_comparison",
    "design_panel",
    "distance_curves",
    "dominant_driver_map",
    "drilling_map",
    "drilling_text",
    "error_budget",
    "error_by_trees_chart",
    "error_profile_chart",
    "expected_error_map",
    "expected_error_text",
    "fold_map",
    "forward_selection_chart",
    "honesty_chart",
    "interaction_matrix",
    "interval_width_map",
    "pair_plot",
    "pit_chart",
    "place_explained",
    "probability_map",
    "radius_skill_chart",
    "reliability_chart",
    "save_figure",
    "save_preview",
    "shap_dependence",
    "shap_summary",
    "shapley_maps",
    "shapley_stability",
    "site_contributions",
    "site_distributions",
    "site_status_map",
    "skill_chart",
    "station_error_map",
    "step_effects",
    "study_area_map",
    "temperature_histogram",
    "temperature_map",
    "thermal_class_map",
    "truth_comparison",
    "tuning_chart",
    "validation_scatter",
    "variogram_chart",
]
