"""Values of stations as a surface: a trend, and what it leaves by spline or by kriging."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, Matern, WhiteKernel

from helpers.storage import ContractError

Interpolation = Literal["thin_plate_spline", "kriging", "trend"]

# Name -> what it is, for the attributes of a layer.
INTERPOLATIONS: dict[Interpolation, str] = {
    "thin_plate_spline": "trend with elevation and thin-plate spline",
    "kriging": "trend with elevation and kriging of its residuals",
    "trend": "trend with elevation",
}

# Stiffness of the residual surface. Of 0, 0.1, 1, 10 and a plain trend, 1 leaves the smallest
# leave-one-station-out error of precipitation on the stations of the embedded study (131 mm),
# and errors of MAAT within 2 % and of thawing degree-days within 8 % of the smallest.
SMOOTHING = 1.0

# Of exponential, Matern 3/2, Matern 5/2 and Gaussian covariance, Matern 3/2 has the highest
# likelihood on the stations of the embedded study, temperature and precipitation together.
# Start and bounds of sill, range and nugget, of residuals and places that spread by 1.
_COVARIANCE = ConstantKernel(0.5, (1e-3, 10)) * Matern(1.0, (1e-2, 5), nu=1.5) + WhiteKernel(
    0.5, (1e-3, 10)
)
_POINTS_AT_ONCE = 20_000
# One more than the trend has coefficients; and how thin a cloud of stations of size 1 may be.
_FEWEST, _FLAT = 5, 1e-6


@dataclass(frozen=True)
class StationSurface:
    """Values of stations as a linear trend plus a smooth surface of what the trend leaves.

    The trend is on easting, northing and elevation, so that temperature falls with height; the
    surface of the residuals follows regional departures (``None``: the trend alone).
    """

    centre: NDArray
    scale: NDArray
    coefficients: NDArray
    residual: Callable[[NDArray], NDArray] | None

    @classmethod
    def fit(
        cls,
        position: NDArray,
        values: NDArray,
        smoothing: float = SMOOTHING,
        method: Interpolation = "thin_plate_spline",
        name: str = "station values",
    ) -> Self:
        """Fit to stations.

        Parameters
        ----------
        position
            (n, 3): easting, northing and elevation, m.
        values
            (n, k): k quantities (months); no missing values.
        smoothing
            Of the spline: 0 passes through every station; larger is stiffer.
        method
            Surface of the residuals: smoothing ``thin_plate_spline``, ``kriging`` (see
            :func:`krige`) or none (``trend``).
        name
            What the values are, for messages.

        Raises
        ------
        ContractError
            If there is no such method, or too few stations, all at one height or on one line,
            to tell a trend.

        """
        check_spread(position, name)
        centre, scale = position.mean(axis=0), position.std(axis=0)
        design = _design(position, centre, scale)
        coefficients, *_ = np.linalg.lstsq(design, values, rcond=None)
        place, left = design[:, 1:3], values - design @ coefficients
        if method == "thin_plate_spline":
            residual = RBFInterpolator(place, left, smoothing=smoothing)
        elif method == "kriging":
            residual = krige(place, left)
        elif method == "trend":
            residual = None
        else:
            raise ContractError(
                f"no interpolation '{method}'; choices: {', '.join(INTERPOLATIONS)}."
            )
        return cls(centre, scale, coefficients, residual)

    def __call__(self, position: NDArray) -> NDArray:
        """Values (m, k) at positions (m, 3), m."""
        design = _design(position, self.centre, self.scale)
        trend = design @ self.coefficients
        return trend if self.residual is None else trend + self.residual(design[:, 1:3])


def check_spread(position: NDArray, name: str) -> None:
    """Refuse stations that cannot tell a trend with place and elevation, the last column.

    Without that with elevation mountains would be as warm as the valleys, so it is not left out.

    Raises
    ------
    ContractError
        If there are fewer than one more than the trend has numbers, or they lie in one plane.

    """
    if len(position) < _FEWEST:
        raise ContractError(
            f"{name}: {len(position)} stations with all months; at least {_FEWEST} are needed for "
            f"a trend with place and elevation, {_FEWEST + 1} to leave each out in turn. Add some."
        )
    spread = np.ptp(position, axis=0)
    if spread[-1] == 0:
        raise ContractError(
            f"{name}: all {len(position)} stations lie at {position[0, -1]:g} m; how climate "
            "changes with elevation cannot be told. Add stations at other heights."
        )
    shape = (position - position.mean(axis=0)) / np.where(spread > 0, spread, 1)
    if np.linalg.matrix_rank(shape, tol=_FLAT) < position.shape[1]:
        raise ContractError(
            f"{name}: the {len(position)} stations lie on one line, or their elevation rises "
            "evenly across them; place and elevation cannot be told apart. Add stations elsewhere."
        )


def krige(place: NDArray, residuals: NDArray) -> Callable[[NDArray], NDArray]:
    """Simple kriging of the residuals (n, k) of a trend at places (n, 2); returns the surface.

    A Gaussian process with a stationary covariance is simple kriging; upon a trend it is
    regression kriging (Hengl et al. 2007, doi:10.1016/j.cageo.2007.05.001). Sill, range (Matern
    3/2) and nugget are those of highest likelihood, one set for all k quantities (months), each
    divided by its standard deviation first: one month alone has too few stations to tell them.
    The search starts from the same values each time, so that equal stations give equal surfaces.
    """
    process = GaussianProcessRegressor(_COVARIANCE, optimizer=None, normalize_y=True)
    process.fit(place, residuals)
    covariance = _likeliest(process)
    process.set_params(kernel=covariance).fit(place, residuals)

    def surface(at: NDArray) -> NDArray:
        """Residuals (m, k) at places (m, 2), some at a time."""
        pieces = range(0, len(at), _POINTS_AT_ONCE)
        found = [process.predict(at[i : i + _POINTS_AT_ONCE]) for i in pieces]
        return np.concatenate(found).reshape(len(at), residuals.shape[1])

    return surface


def _likeliest(process: GaussianProcessRegressor) -> Kernel:
    """Covariance of highest likelihood.

    The search is not left to scikit-learn, which warns when a parameter ends at its bound: a
    nugget of nothing, or nothing but nugget, is an answer here. So is a place from which no step
    leads higher within rounding (status 2 of the search).
    """

    def misfit(theta: NDArray) -> tuple[float, NDArray]:
        """Minus the log-likelihood of a covariance, and its slope."""
        likelihood, slope = process.log_marginal_likelihood(
            theta, eval_gradient=True, clone_kernel=False
        )
        return -likelihood, -slope

    start = process.kernel_
    best = minimize(misfit, start.theta, method="L-BFGS-B", jac=True, bounds=start.bounds)
    if best.status not in (0, 2):
        raise ContractError(
            f"kriging: no covariance found for {len(process.X_train_)} stations "
            f"({best.message}). Choose another interpolation."
        )
    return start.clone_with_theta(best.x)


def _design(position: NDArray, centre: NDArray, scale: NDArray) -> NDArray:
    standardised = (position - centre) / scale
    return np.column_stack([np.ones(len(position)), standardised])
