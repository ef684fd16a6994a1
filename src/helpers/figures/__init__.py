"""One function for each figure of the notebooks, in one style.

``style`` holds sizes and colours; ``base_map``, ``layers``, ``towns`` and ``one_map`` the parts of
a map; what ends in ``maps`` or ``charts`` the paper figures; ``in_words`` what captions say of the
data; ``panels`` the figures of the interactive panels; ``catalogue`` and ``captions`` their names
and captions; ``files`` how a figure becomes a file.
"""

from helpers.figures.borehole_charts import borehole_profiles, depth_time_image, error_budget
from helpers.figures.captions import caption_of, catalogue_markdown, read_caption
from helpers.figures.catalogue import CATALOGUE
from helpers.figures.comparison_charts import comparison_chart, comparison_map
from helpers.figures.covariate_charts import (
    correlation_clusters,
    pair_plot,
    site_distributions,
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
from helpers.figures.files import save_figure, save_preview
from helpers.figures.forest_charts import error_by_trees_chart, tuning_chart
from helpers.figures.honesty_charts import honesty_chart
from helpers.figures.map_panels import MAP_LAYERS, map_layer, radius_panel
from helpers.figures.maps import (
    interval_width_map,
    probability_map,
    temperature_map,
    thermal_class_map,
)
from helpers.figures.panels import (
    area_curve,
    area_text,
    conditional_distribution,
    place_explained,
    predictor_sets,
)
from helpers.figures.probability_charts import coverage_chart, pit_chart, reliability_chart
from helpers.figures.selection_charts import (
    forward_selection_chart,
    radius_skill_chart,
)
from helpers.figures.shapley_charts import shap_dependence, shap_summary, site_contributions
from helpers.figures.shapley_matrices import interaction_matrix, shapley_stability
from helpers.figures.site_maps import fold_map, site_status_map, study_area_map
from helpers.figures.skill_charts import skill_chart, variogram_chart
from helpers.figures.small_maps import applicability_map, covariate_maps, truth_comparison
from helpers.figures.station_maps import station_error_map
from helpers.figures.style import numbers_of
from helpers.figures.survey_charts import step_effects, temperature_histogram
from helpers.figures.validation_charts import (
    confusion_matrices,
    distance_curves,
    validation_scatter,
)

__all__ = [
    "CATALOGUE",
    "MAP_LAYERS",
    "applicability_map",
    "area_curve",
    "area_text",
    "borehole_profiles",
    "caption_of",
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
    "map_layer",
    "numbers_of",
    "pair_plot",
    "pit_chart",
    "place_explained",
    "predictor_sets",
    "probability_map",
    "radius_panel",
    "radius_skill_chart",
    "read_caption",
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
