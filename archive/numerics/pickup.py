"""The pickup tube of a dust accelerator: speed and charge of a particle that flies through it.

IDEX science definition, section 14; laboratory data only. Induced charge rises while the particle enters the aperture,
decays with the time constant of the amplifier inside the tube, falls while it leaves, and recovers. Lengths in cm,
times in s; parameters are t0 (s), q (V) and v (cm/s).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

#: Length of the tube and width of its apertures, cm; time constant, s.
LENGTH: Final = 20.0
APERTURE: Final = 0.9
TIME_CONSTANT: Final = 1.6e-4

#: Charge per volt, pC/V (not well known), and acceleration voltage, V.
CHARGE_PER_VOLT: Final = 0.05
VOLTAGE: Final = 2.2e6

#: Distance between the crossings at two thirds of the depth, cm.
_BETWEEN: Final = 18.2

#: A fit that leaves more than this part of the variance is called poor.
POOR: Final = 0.5


class Transit(NamedTuple):
    """A fitted transit.

    Attributes
    ----------
    values, errors
        t0 (s), q (V), v (cm/s) and their standard errors; NaN when nothing could be fitted.
    charge, speed, mass
        pC, km/s and kg, from the values.
    unexplained
        Part of the variance that the model leaves.
    poor, reason
        Whether the fit cannot be trusted, and why.
    """

    values: Floats
    errors: Floats
    charge: float
    speed: float
    mass: float
    unexplained: float
    poor: bool
    reason: str


def transit(
    t: ArrayLike, t0: float, q: float, v: float, *, length: float = LENGTH, aperture: float = APERTURE,
    time_constant: float = TIME_CONSTANT,
) -> Floats:  # fmt: skip
    """Return the signal of a particle that enters at t0 with speed v, in the unit of q."""
    since = np.asarray(t, dtype=np.float64) - t0
    enters, inside = aperture / v, (length - 2.0 * aperture) / v
    leaves, gone = enters + inside, 2.0 * enters + inside
    q1 = q * np.exp(-inside / time_constant)
    q2 = q1 - q
    return np.asarray(np.select(
        [since <= 0, since < enters, since < leaves, since < gone],
        [0.0, q / enters * since, q * np.exp(-np.maximum(since - enters, 0.0) / time_constant),
         q1 - q / enters * (since - leaves)],
        q2 * np.exp(-np.maximum(since - gone, 0.0) / time_constant),
    ))  # fmt: skip


def particle_mass(q: float, v: float, *, per_volt: float = CHARGE_PER_VOLT, voltage: float = VOLTAGE) -> float:
    """Return 2 Q U/v², kg, for q in V and v in cm/s."""
    return 2.0 * abs(q) * per_volt * 1e-12 * voltage / (v * 1e-2) ** 2


def _nothing(reason: str) -> Transit:
    missing = np.full(3, np.nan)
    return Transit(missing, missing.copy(), np.nan, np.nan, np.nan, np.nan, True, reason)


def fit_transit(t: ArrayLike, y: ArrayLike) -> Transit:
    """Return the transit in one oscilloscope record; times in s, signal in V.

    It starts from the crossings at two thirds of the depth on both sides of the extreme point. The quality is given by
    standard errors and by the variance that is left, not by a determinant. No input raises.
    """
    from scipy.optimize import least_squares

    times, signal = np.asarray(t, dtype=np.float64), np.asarray(y, dtype=np.float64)
    good = np.isfinite(times) & np.isfinite(signal)
    times, signal = times[good], signal[good]
    if times.size < 20:
        return _nothing("there are fewer than 20 samples")
    signal = signal - np.median(signal[: max(5, times.size // 20)])
    spread = float(signal.std())
    if not spread > 0:
        return _nothing("the record is constant")
    sign = 1.0 if signal.max() > -signal.min() else -1.0
    depth = float((sign * signal).max())
    above = np.flatnonzero(sign * signal >= 2.0 / 3.0 * depth)
    step = float(np.median(np.diff(times)))
    v = _BETWEEN / max(times[above[-1]] - times[above[0]], step)
    scale = np.array([APERTURE / v, depth, v])

    def rest(p: Floats) -> Floats:
        return transit(times, p[0], p[1], abs(p[2])) - signal

    best = None
    for early in (1.0, 0.5, 2.0):
        start = np.array([times[above[0]] - early * APERTURE / v, sign * depth, v])
        found = least_squares(rest, start, x_scale=scale, method="lm", max_nfev=400)
        if best is None or found.cost < best.cost:
            best = found
    assert best is not None
    values = np.array([best.x[0], best.x[1], abs(best.x[2])])
    unexplained = 2.0 * best.cost / (times.size * spread**2)
    normal = best.jac.T @ best.jac
    errors = np.full(3, np.nan)
    unit = np.sqrt(np.diag(normal))
    if np.all(unit > 0) and np.linalg.cond(normal / np.outer(unit, unit)) < 1e12:
        variance = 2.0 * best.cost / max(1, times.size - 3)
        errors = np.sqrt(np.diag(np.linalg.inv(normal)) * variance)
    reason = "the model leaves more than half of the variance" if unexplained > POOR else ""
    if not np.all(np.isfinite(errors)):
        reason = "the record does not determine all three parameters"
    charge, speed = abs(values[1]) * CHARGE_PER_VOLT, values[2] / 1e5
    return Transit(
        values, errors, charge, speed, particle_mass(values[1], values[2]), unexplained, bool(reason), reason
    )
