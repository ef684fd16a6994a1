"""Kriging of what a model leaves at its sites."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from threadpoolctl import threadpool_limits

from helpers.residuals.points import JITTER, checked, drawn
from helpers.storage import ContractError

# Time grows with the cube of the sites behind a likelihood, and of those behind a prediction.
MOST_FITTED, MOST_NEAR = 500, 200
# Start and bounds of sill, range and nugget, of values and places that spread by 1; so wide that
# neither pure noise nor a smooth field ends there. The fixed last term leaves the mean free: with
# it simple kriging becomes ordinary kriging.
_COVARIANCE = (
    ConstantKernel(0.5, (1e-12, 1e4)) * Matern(0.3, (1e-4, 1e4), nu=0.5)
    + WhiteKernel(0.5, (1e-12, 1e4))
    + ConstantKernel(10.0, "fixed")
)


def kriged_residuals(train_residual: ArrayLike, train_xy: ArrayLike, new_xy: ArrayLike) -> NDArray:
    """Ordinary kriging of what a model leaves at its sites, at other places (m,).

    A Gaussian process with exponential covariance, nugget and free mean; sill, range and nugget are
    those of highest likelihood, searched from the same values each time. Added to the prediction of
    a model it is regression kriging (Hengl et al. 2007, doi:10.1016/j.cageo.2007.05.001).

    Of more than 500 sites the likelihood is that of 500 drawn ones, always the same, and each place
    is predicted from the 200 sites nearest to it: time then grows with the number of places.

    Parameters
    ----------
    train_residual, train_xy, new_xy
        Observed minus predicted at n sites; easting and northing, m, of these (n, 2), of others.

    Raises
    ------
    ContractError
        If there is not one finite value and place per site, or all sites are at one place.

    """
    residual, xy = checked(train_residual, train_xy)
    centre = xy.mean(axis=0)
    size = np.sqrt(((xy - centre) ** 2).mean())
    if size == 0:
        raise ContractError(f"kriging: all {len(xy)} sites are at one place; two are needed.")
    if np.ptp(residual) == 0:
        return np.full(len(new_xy), residual[0])
    process = GaussianProcessRegressor(_COVARIANCE, alpha=JITTER, normalize_y=True)
    some, xy = drawn(len(xy), MOST_FITTED), (xy - centre) / size
    new_xy = (np.asarray(new_xy, dtype=float) - centre) / size
    # Several threads on matrices of a few hundred sites wait for each other most of the time.
    with threadpool_limits(1, user_api="blas"):
        process.fit(xy[some], residual[some])
        if len(xy) == len(process.X_train_):
            return process.predict(new_xy)
        return _from_nearest(process, residual, xy, new_xy)


def _from_nearest(
    process: GaussianProcessRegressor, residual: NDArray, xy: NDArray, new_xy: NDArray
) -> NDArray:
    """Prediction of each place from the sites nearest to it, with the covariance of ``process``."""
    mean, spread = residual.mean(), residual.std()
    local = GaussianProcessRegressor(process.kernel_, alpha=JITTER, optimizer=None)
    near = KDTree(xy).query(new_xy, MOST_NEAR)[1]
    scaled = (residual - mean) / spread
    found = [
        local.fit(xy[sites], scaled[sites]).predict(place[None])[0]
        for sites, place in zip(near, new_xy, strict=True)
    ]
    return mean + spread * np.array(found)
