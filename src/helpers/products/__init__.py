"""Products: GeoTIFFs of the map and its error, the areas, and what describes them."""

from helpers.products.area_interval import simulated_areas
from helpers.products.areas import area_below, area_table, class_areas, permafrost_area
from helpers.products.comparison import (
    Comparison,
    at_sites,
    compare_references,
    compare_with,
    write_comparison,
)
from helpers.products.rasters import (
    CLASS_NODATA,
    FLOAT_NODATA,
    VIRTUAL_NOTE,
    class_layer,
    driver_colours,
    product_rasters,
    provenance,
)
from helpers.products.read import read_products
from helpers.products.stac import write_stac_item
from helpers.products.write import write_products

__all__ = [
    "CLASS_NODATA",
    "FLOAT_NODATA",
    "VIRTUAL_NOTE",
    "Comparison",
    "area_below",
    "area_table",
    "at_sites",
    "class_areas",
    "class_layer",
    "compare_references",
    "compare_with",
    "driver_colours",
    "permafrost_area",
    "product_rasters",
    "provenance",
    "read_products",
    "simulated_areas",
    "write_comparison",
    "write_products",
    "write_stac_item",
]
