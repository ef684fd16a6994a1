"""Where each covariate comes from: stations, relief, terrain, rasters, open data."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from helpers.settings.names import LayerName, told_apart
from helpers.settings.section import Section

ClimateQuantity = Literal[
    "precipitation",
    "winter_precipitation",
    "spring_precipitation",
    "summer_precipitation",
    "autumn_precipitation",
    "snow_season_precipitation",
    "mean_annual_air_temperature",
    "thawing_degree_days",
    "freezing_degree_days",
    "frost_number",
    "temperature_range",
    "continentality",
]


class StationCovariate(Section):
    """A climate quantity interpolated from the station table of the study."""

    source: Literal["stations"]
    quantity: ClimateQuantity


class ReliefCovariate(Section):
    """Elevation from the coarse altitude table that pvlib ships."""

    source: Literal["relief"]
    quantity: Literal["elevation"] = "elevation"


class TerrainCovariate(Section):
    """A shape of the terrain, computed from another covariate that holds elevation.

    ``radius_m`` is that of a disc (topographic position) or square (local relief);
    ``inner_radius_m`` makes the disc a ring; ``month`` is that of the clear-sky radiation, which
    is of the whole year without it.
    """

    source: Literal["terrain"]
    quantity: Literal[
        "topographic_position",
        "slope",
        "northness",
        "eastness",
        "local_relief",
        "ruggedness",
        "topographic_wetness",
        "clear_sky_radiation",
    ]
    elevation: str = "elevation"
    radius_m: float | None = Field(default=None, gt=0, le=500_000)
    inner_radius_m: float | None = Field(default=None, gt=0, le=500_000)
    month: int | None = Field(default=None, ge=1, le=12)

    @model_validator(mode="after")
    def _only_what_it_uses(self) -> TerrainCovariate:
        radii = self.quantity in ("topographic_position", "local_relief")
        if self.quantity == "local_relief" and self.radius_m is None:
            raise ValueError("local_relief needs radius_m")
        if self.radius_m is not None and not radii:
            raise ValueError(f"{self.quantity} takes no radius_m; leave it out")
        if self.inner_radius_m is not None and (
            self.quantity != "topographic_position" or self.inner_radius_m >= (self.radius_m or 0)
        ):
            raise ValueError("inner_radius_m belongs to topographic_position, below its radius_m")
        if self.month is not None and self.quantity != "clear_sky_radiation":
            raise ValueError(f"{self.quantity} takes no month; leave it out")
        return self


class RasterCovariate(Section):
    """A raster of the user's: value = stored * scale + offset, converted to ``units``.

    Scale, offset, nodata and ``stored_units`` are those the file states, unless they are set
    here; a file that states no units holds ``units``. A depth in mm below 1 everywhere, or annual
    sums like a desert's from a file without units or in metres, must be confirmed by
    ``stored_units``. Several paths, bands or times are steps of a year (twelve months, January
    first, unless the file states dates) that ``over_time`` makes one layer. ``classes`` are the
    codes whose share ``resampling = "fraction"`` counts.
    """

    source: Literal["raster"]
    path: str | list[str]
    units: str
    stored_units: str | None = None
    long_name: str = ""
    variable: str | None = None
    band: int | None = Field(default=None, ge=1)
    over_time: (
        Literal["mean", "annual_sum", "thawing_degree_days", "freezing_degree_days"] | None
    ) = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    resampling: Literal["as_fits", "bilinear", "average", "nearest", "mode", "fraction"] = "as_fits"
    classes: list[int] = []

    @model_validator(mode="after")
    def _consistent(self) -> RasterCovariate:
        if bool(self.classes) != (self.resampling == "fraction"):
            raise ValueError('classes and resampling = "fraction" belong together')
        if self.band is not None and self.over_time is not None:
            raise ValueError("band chooses one step, over_time combines all; keep one of them")
        if isinstance(self.path, list) and len(self.path) > 1 and self.over_time is None:
            raise ValueError(
                "several paths are steps of time and need over_time; make one file of tiles, for "
                "instance with gdalbuildvrt"
            )
        return self


_OPEN_QUANTITIES: dict[str, tuple[str, ...]] = {
    "copernicus_dem": ("elevation",),
    "terraclimate": get_args(ClimateQuantity),
    "modis_lst": (
        "mean_annual_surface_temperature",
        "thawing_degree_days",
        "freezing_degree_days",
        "frost_number",
    ),
    "soilgrids": ("soil_organic_carbon", "bulk_density", "clay", "sand", "silt"),
    "esa_cci_permafrost": ("temperature_10m",),
}
SOIL_DEPTHS = ("0-5cm", "5-15cm", "15-30cm", "30-60cm", "60-100cm", "100-200cm")


class OpenLayer(Section):
    """A layer of an open product, fetched by ``make data``.

    ``years`` (first and last) are those of the study period unless they are set here; ``depth``
    is that of a soil layer.
    """

    source: Literal["open"]
    product: Literal[
        "copernicus_dem", "terraclimate", "modis_lst", "soilgrids", "esa_cci_permafrost"
    ]
    quantity: str
    depth: str | None = None
    years: tuple[int, int] | None = Field(default=None, strict=False)  # TOML knows lists only

    @model_validator(mode="after")
    def _known(self) -> OpenLayer:
        choices = _OPEN_QUANTITIES[self.product]
        if self.quantity not in choices:
            raise ValueError(f"{self.product} has no '{self.quantity}': {', '.join(choices)}")
        if (self.depth in SOIL_DEPTHS) != (self.product == "soilgrids"):
            raise ValueError(f"soilgrids, and only it, needs a depth: {', '.join(SOIL_DEPTHS)}")
        if self.years is not None and self.years[0] > self.years[1]:
            raise ValueError("the first of the years lies after the last")
        return self


class OpenData(Section):
    """Open boreholes to fetch, and other addresses than the products' own (a mirror, a proxy)."""

    boreholes: list[Literal["gtnp_magt"]] = []
    mirrors: dict[str, str] = {}


Covariate = Annotated[
    StationCovariate | ReliefCovariate | TerrainCovariate | RasterCovariate | OpenLayer,
    Field(discriminator="source"),
]
# Another map of permafrost, to compare with; never a predictor.
Reference = Annotated[OpenLayer | RasterCovariate, Field(discriminator="source")]


class Climate(Section):
    """Station table and its years; how it is interpolated; the spread of days within each month.

    ``within_month_sd_c`` (January to December, deg C) also serves rasters and open data of
    monthly temperature.
    """

    stations: str | None = None
    years: str | None = None
    interpolation: Literal["thin_plate_spline", "kriging", "trend"] = "thin_plate_spline"
    within_month_sd_c: list[Annotated[float, Field(gt=0)]] = Field(min_length=12, max_length=12)

    @model_validator(mode="after")
    def _years_of_stations(self) -> Climate:
        if (self.stations is None) != (self.years is None):
            raise ValueError("stations and years belong together")
        return self


Covariates = Annotated[dict[LayerName, Covariate], AfterValidator(told_apart)]
References = Annotated[dict[LayerName, Reference], AfterValidator(told_apart)]
