"""Errors of least-squares fits when the noise of neighbouring samples is correlated.

A plain fit takes the samples as independent. When the noise is a first-order autoregression of correlation r, its
covariance is ``(J'WJ)^-1 J'W S WJ (J'WJ)^-1`` with ``S_ij = sigma_i sigma_j r^|i - j|`` (generalised
least squares, the "sandwich" of the plain estimator).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Floats = NDArray[np.float64]


def correlated_covariance(jacobian: Floats, correlation: float) -> Floats | None:
    """Return the covariance of a plain least-squares fit to correlated noise; None where the fit is not determined.

    Parameters
    ----------
    jacobian
        Derivatives by the free parameters in units of the noise of each sample, shape (samples, parameters).
    correlation
        Correlation of the noise of neighbouring samples.
    """
    scale = np.sqrt(np.sum(jacobian**2, axis=0))
    if not np.isfinite(scale).all() or np.any(scale == 0) or jacobian.shape[0] <= jacobian.shape[1]:
        return None
    rows = jacobian / scale
    try:
        gain = rows @ np.linalg.inv(rows.T @ rows)
    except np.linalg.LinAlgError:
        return None
    forward = lfilter([1.0], [1.0, -correlation], gain, axis=0)
    backward = lfilter([1.0], [1.0, -correlation], gain[::-1], axis=0)[::-1]
    spread: Floats = gain.T @ (forward + backward - gain) / np.outer(scale, scale)
    return spread if np.isfinite(spread).all() and np.all(np.diagonal(spread) > 0) else None


def error_factors(jacobian: Floats, correlation: float) -> Floats:
    """Return by how much correlation changes the standard errors of a fit; 1 where that cannot be said.

    The parameters are those of `correlated_covariance`.
    """
    there, plain = correlated_covariance(jacobian, correlation), correlated_covariance(jacobian, 0.0)
    if there is None or plain is None:
        return np.ones(jacobian.shape[1])
    return np.asarray(np.sqrt(np.diagonal(there) / np.diagonal(plain)))


def baseline_shift(jacobian: Floats, offset: Floats) -> Floats:
    """Return by how much the parameters of a fit move when the signal is too high by `offset`; 0 where unknown.

    Parameters
    ----------
    jacobian
        As for `correlated_covariance`.
    offset
        In units of the noise of each sample, shape (samples,).
    """
    if not jacobian.shape[0] or not np.isfinite(jacobian).all() or not np.isfinite(offset).all():
        return np.zeros(jacobian.shape[1])
    scale = np.sqrt(np.sum(jacobian**2, axis=0))
    if np.any(scale == 0):
        return np.zeros(jacobian.shape[1])
    return np.asarray(np.linalg.lstsq(jacobian / scale, offset, rcond=1e-10)[0] / scale)


def neighbour_correlation(rest: Floats, used: NDArray[np.bool_]) -> Floats:
    """Return the correlation of neighbouring residuals, shape (n,); 0 where there are too few.

    Residuals of a fit with few parameters have lost little of it; the bias of short records, -(1 + 4 r)/n, is added.
    """
    value = np.where(used, rest, 0.0)
    variance = np.sum(value**2, axis=1)
    pairs = np.sum(value[:, 1:] * value[:, :-1], axis=1)
    count = used.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = pairs / variance
        full = raw + (1 + 4 * raw) / count
    return np.asarray(np.where((count > 8) & (variance > 0), np.clip(full, -0.95, 0.95), 0.0))
