"""The charge pulse of the ion grid and the targets: model, maximum, charge, rise.

IDEX science definition, section 12. In the order in which every parameter vector is stored, [t0, C0, A, tau_r, tau_d]::

    y(t) = C0 + A (1 - exp(-(t - t0)/tau_r)) exp(-(t - t0)/tau_d)      for t > t0, C0 before

A is not the charge. The maximum lies at ``t0 + tau_r ln(tau_d/tau_r + 1)``, and the charge is its distance from C0::

    Q = |A| tau_d/(tau_r + tau_d) (tau_r/(tau_r + tau_d))^(tau_r/tau_d)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archive.numerics.jit import kernel

Floats = NDArray[np.float64]

#: Names of the parameters in the order in which they are stored.
PARAMETERS = ("time_of_impact", "constant_offset", "amplitude", "rise_time", "discharge_time")


class Rise(NamedTuple):
    """When a pulse crosses 10 and 90 % of its height, us, and the values there, pC; arrays of one shape."""

    t10: Floats
    t90: Floats
    value10: Floats
    value90: Floats

    @property
    def duration(self) -> Floats:
        """The 10-90 % rise time, us."""
        return self.t90 - self.t10


def _columns(parameters: ArrayLike, count: int) -> list[Floats]:
    """Return the parameters as arrays that broadcast against times along a last axis."""
    values = np.asarray(parameters, dtype=np.float64)
    if values.shape[-1:] != (count,):
        raise ValueError(f"a pulse has {count} parameters, not {values.shape[-1:]}")
    return [values[..., i, None] for i in range(count)]


def pulse(t: ArrayLike, parameters: ArrayLike) -> Floats:
    """Return the values of pulses, pC.

    Parameters
    ----------
    t
        Times, us, shape (samples,) or (..., samples).
    parameters
        [t0, C0, A, tau_r, tau_d] in us and pC along the last axis, shape (..., 5).

    Returns
    -------
    ndarray
        Shape (..., samples).

    Raises
    ------
    ValueError
        When the last axis of `parameters` is not five long.
    """
    t0, offset, amplitude, rise, discharge = _columns(parameters, 5)
    since = np.maximum(np.asarray(t, dtype=np.float64) - t0, 0.0)  # before t0 the exponentials would overflow
    return np.asarray(offset - amplitude * np.expm1(-since / rise) * np.exp(-since / discharge))


def image_pulse(t: ArrayLike, parameters: ArrayLike) -> Floats:
    """Return the values of pulses with image charge, pC; for display and manual fits.

    IDEX science definition, section 12.1: [t0, C0, C1, C2, tau0, tau1, tau2], shape (..., 7); after t0
    ``C0 - C1 exp(-x/tau0) + C2 (1 - exp(-x/tau1)) exp(-x/tau2) - C1`` with x = t - t0, before it C0.
    """
    t0, offset, image, impact, tau0, tau1, tau2 = _columns(parameters, 7)
    elapsed = np.asarray(t, dtype=np.float64) - t0
    since = np.maximum(elapsed, 0.0)
    after = -image * (np.exp(-since / tau0) + 1.0) - impact * np.expm1(-since / tau1) * np.exp(-since / tau2)
    return np.asarray(np.where(elapsed > 0, offset + after, offset))


def charge_factor(rise: ArrayLike, discharge: ArrayLike) -> Floats:
    """Return Q/|A| for rise and discharge times, us; 1 for an immediate rise, 1/4 where both are equal."""
    ratio = np.asarray(rise, dtype=np.float64) / np.asarray(discharge, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(ratio > 0, np.exp(-np.log1p(ratio) + ratio * (np.log(ratio) - np.log1p(ratio))), np.nan)


def impact_charge(parameters: ArrayLike) -> Floats:
    """Return the charge Q of pulses, pC, always positive; `parameters` has shape (..., 5)."""
    _, _, amplitude, rise, discharge = (column[..., 0] for column in _columns(parameters, 5))
    return np.asarray(np.abs(amplitude) * charge_factor(rise, discharge))


def charge_error(parameters: ArrayLike, covariance: ArrayLike) -> Floats:
    """Return the standard error of the charge, pC, propagated from A, tau_r and tau_d.

    With x = tau_r/tau_d, d ln Q/d ln tau_r = x ln(x/(1 + x)), and d ln Q/d ln tau_d is its negative.

    Parameters
    ----------
    parameters, covariance
        Shapes (..., 5) and (..., 5, 5).
    """
    _, _, amplitude, rise, discharge = (column[..., 0] for column in _columns(parameters, 5))
    charge = impact_charge(parameters)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = rise / discharge
        slope = ratio * (np.log(ratio) - np.log1p(ratio))
        gradient = np.stack([charge / amplitude, charge * slope / rise, -charge * slope / discharge], axis=-1)
    part = np.asarray(covariance, dtype=np.float64)[..., 2:, 2:]
    variance = np.einsum("...i,...ij,...j->...", gradient, part, gradient)
    return np.sqrt(np.where(variance >= 0, variance, np.nan))


def time_of_maximum(parameters: ArrayLike) -> Floats:
    """Return when pulses are highest (negative ones lowest), us; `parameters` has shape (..., 5)."""
    t0, _, _, rise, discharge = (column[..., 0] for column in _columns(parameters, 5))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(t0 + rise * np.log1p(discharge / rise))


@kernel
def _crossings(rise: Floats, discharge: Floats, fraction: float, out: Floats) -> None:
    """Fill how long after t0 the pulse reaches `fraction` of its height: bisection and Newton steps below t_max."""
    for k in range(rise.size):
        if not (0.0 < rise[k] < math.inf and 0.0 < discharge[k] < math.inf):
            out[k] = math.nan
            continue
        low, high = 0.0, rise[k] * math.log1p(discharge[k] / rise[k])
        level = -fraction * math.expm1(-high / rise[k]) * math.exp(-high / discharge[k])
        x = 0.5 * high
        for _ in range(100):
            grown, fall = -math.expm1(-x / rise[k]), math.exp(-x / discharge[k])
            value = grown * fall - level
            if value > 0.0:
                high = x
            else:
                low = x
            slope = fall * ((1.0 - grown) / rise[k] - grown / discharge[k])
            following = x - value / slope if slope > 0.0 else low
            if not low < following < high:
                following = 0.5 * (low + high)
            if abs(following - x) <= 1e-15 * high:
                break
            x = following
        out[k] = x


def rise_of(parameters: ArrayLike) -> Rise:
    """Return the 10 and 90 % crossings of pulses on the continuous model.

    IDEX science definition, section 12.2: 10 and 90 % of the way from C0 to the maximum; for negative pulses from C0
    down to the minimum. NaN where rise or discharge time is not positive. `parameters` has shape (..., 5).
    """
    t0, offset, amplitude, rise, discharge = (column[..., 0] for column in _columns(parameters, 5))
    rises, falls = np.ascontiguousarray(np.ravel(rise)), np.ascontiguousarray(np.ravel(discharge))
    early, late = np.empty(rises.size), np.empty(rises.size)
    _crossings(rises, falls, 0.1, early)
    _crossings(rises, falls, 0.9, late)
    height = amplitude * charge_factor(rise, discharge)
    t10, t90 = t0 + early.reshape(t0.shape), t0 + late.reshape(t0.shape)
    return Rise(t10, t90, offset + 0.1 * height, offset + 0.9 * height)
