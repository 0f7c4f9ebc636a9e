"""The mass scale: time of flight as a series in the root of the mass, and back.

IDEX science definition, section 15. With s = sqrt(m)::

    t(s) = t0 + a1 s + a2 s² + ... + aK s^K

t in us from the first sample of the record, m in u. a1 is the stretch (about 1.45 us), t0 the shift.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archive.numerics.jit import kernel
from archive.numerics.special import owned

Floats = NDArray[np.float64]

#: Masses beyond are clipped, u.
MOST_MASS: Final = 400.0

#: Highest order of the series.
MOST_ORDER: Final = 4

#: What times of lines are good for, us: residuals below do not speak for a higher order. Half a sample at 260 MHz.
TIMING: Final = 0.002

_ROOTS = np.linspace(0.0, math.sqrt(MOST_MASS), 256)
_STEPS, _CLOSE = 20, 1e-9


class Series(NamedTuple):
    """A fitted series.

    Attributes
    ----------
    coefficients
        t0, a1, ..., aK in us, shape (K + 1,).
    covariance
        Of the coefficients, scaled by the residuals; NaN where there are no degrees of freedom.
    rms
        Root mean square of the (unweighted) residuals, us.
    monotonic
        Whether time rises with mass over the whole range.
    """

    coefficients: Floats
    covariance: Floats
    rms: float
    monotonic: bool


class Kappa(NamedTuple):
    """How far masses are from whole numbers, u: signed mean, root mean square, mean of absolute values."""

    signed: float
    rms: float
    absolute: float


def flight_time(coefficients: ArrayLike, mass: ArrayLike) -> Floats:
    """Return the time of flight, us, of masses, u; `coefficients` t0, a1, ... in us."""
    roots = np.sqrt(np.asarray(mass, dtype=np.float64))
    return np.asarray(np.polynomial.polynomial.polyval(roots, np.asarray(coefficients, dtype=np.float64)))


def is_monotonic(coefficients: ArrayLike) -> bool:
    """Return whether dt/ds > 0 on 256 points of [0, sqrt(400)]."""
    slope = np.polynomial.polynomial.polyder(np.asarray(coefficients, dtype=np.float64))
    return bool(np.all(np.polynomial.polynomial.polyval(_ROOTS, slope) > 0))


def series_of_order(mass: ArrayLike, t: ArrayLike, order: int, weight: ArrayLike | None = None) -> Series:
    """Return the least-squares series of one order through calibration lines, by QR of the weighted rows.

    Parameters
    ----------
    mass, t
        Masses, u, and times, us, shape (lines,).
    order
        Order K, at least 1 and less than the number of lines.
    weight
        1/sigma² of the times; equal when not given.

    Raises
    ------
    ValueError
        When the lines do not determine the series.
    """
    roots, times = np.sqrt(np.asarray(mass, dtype=np.float64)), np.asarray(t, dtype=np.float64)
    if not 1 <= order < roots.size:
        raise ValueError(f"{roots.size} lines do not determine a series of order {order}")
    scale = float(roots.max())
    root_weight = np.sqrt(np.ones_like(times) if weight is None else np.asarray(weight, dtype=np.float64))
    basis = (roots / scale)[:, None] ** np.arange(order + 1)
    orthogonal, upper = np.linalg.qr(basis * root_weight[:, None])
    if not np.abs(np.diag(upper)).min() > 1e-12 * np.abs(upper).max():
        raise ValueError("the masses of the lines are too alike for a series")
    inverse = np.linalg.inv(upper)
    unit = scale ** -np.arange(order + 1.0)
    coefficients = (inverse @ (orthogonal.T @ (root_weight * times))) * unit
    rest = times - np.polynomial.polynomial.polyval(roots, coefficients)
    free = roots.size - order - 1
    variance = float(np.sum((root_weight * rest) ** 2) / free) if free else math.nan
    covariance = inverse @ inverse.T * np.outer(unit, unit) * variance
    return Series(coefficients, covariance, float(np.sqrt(np.mean(rest**2))), is_monotonic(coefficients))


def fit_series(mass: ArrayLike, t: ArrayLike, weight: ArrayLike | None = None, *, order: int | None = None) -> Series:
    """Return the series through calibration lines, of the order that the lines bear.

    IDEX science definition, section 15.1: order 1 below 4 lines, up to 2 for 4 to 7, up to 3 beyond, a higher order
    only where the Bayesian information criterion prefers it; or `order`, at most 4 and less than the number of lines.
    An order for which time does not rise with mass everywhere is passed over for the next lower one.

    Raises
    ------
    ValueError
        With fewer than two lines, with lines of one mass, or when no order is monotonic.
    """
    count = np.size(mass)
    if count < 2:
        raise ValueError(f"a mass scale needs two lines, there are {count}")
    if order is not None:
        orders = list(range(min(order, MOST_ORDER, count - 1), 0, -1))
    else:
        orders = [1] if count < 4 else [2, 1] if count < 8 else [3, 2, 1]
    found = [series for k in orders if (series := series_of_order(mass, t, k, weight)).monotonic]
    if not found:
        raise ValueError("time would not rise with mass on any series through these lines")
    return found[0] if order is not None else min(reversed(found), key=lambda series: _bic(series, count))


def _bic(series: Series, lines: int) -> float:
    """Bayesian information criterion of a series, the smaller the better; no residual counts as less than `TIMING`."""
    return lines * math.log(max(series.rms, TIMING) ** 2) + series.coefficients.size * math.log(lines)


@kernel
def _invert(t: Floats, coefficients: Floats, most: float, out: Floats) -> None:
    order = coefficients.size - 1
    top = math.sqrt(most)
    t_top = coefficients[order]
    for k in range(order - 1, -1, -1):
        t_top = t_top * top + coefficients[k]
    for i in range(t.size):
        if not abs(t[i]) < math.inf:
            out[i] = math.nan if t[i] != t[i] else (most if t[i] > 0 else 0.0)
            continue
        if t[i] <= coefficients[0]:
            out[i] = 0.0
            continue
        if t[i] >= t_top:
            out[i] = most
            continue
        low, high = 0.0, top
        s = min(top, max(0.0, (t[i] - coefficients[0]) / coefficients[1]))
        for round_ in range(_STEPS + 60):
            value, slope = coefficients[order], 0.0
            for k in range(order - 1, -1, -1):
                slope = slope * s + value
                value = value * s + coefficients[k]
            rest = value - t[i]
            if rest > 0.0:
                high = s
            else:
                low = s
            following = s - rest / slope if slope > 0.0 and round_ < _STEPS else 0.5 * (low + high)
            if not low <= following <= high:
                following = 0.5 * (low + high)
            if abs(following - s) < 1e-14 * top or rest == 0.0:
                break
            s = following
        out[i] = s * s


def mass_of(t: ArrayLike, coefficients: ArrayLike, most: float = MOST_MASS) -> Floats:
    """Return the masses, u, that belong to times of flight, us.

    IDEX science definition, section 15.2: Newton's method from the linear solution, kept inside a bracket that shrinks
    with every step and halved where Newton leaves it or does not settle in 20 steps. Times before t0 give 0, times
    beyond the range `most`, NaN gives NaN.

    Raises
    ------
    ValueError
        When the stretch is zero or a coefficient is not finite, or time does not rise with mass.
    """
    series = owned(coefficients)
    if series.size < 2 or not np.all(np.isfinite(series)) or series[1] == 0:
        raise ValueError(f"{series.tolist()} are no coefficients of a mass scale: the stretch must be finite, not zero")
    if not is_monotonic(series):
        raise ValueError("time does not rise with mass on this scale, so that it cannot be inverted")
    times = np.asarray(t, dtype=np.float64)
    out = np.empty(times.size)
    _invert(owned(times.ravel()), series, most, out)
    return out.reshape(times.shape)


def mass_error(mass: ArrayLike, coefficients: ArrayLike, t_error: ArrayLike) -> Floats:
    """Return the error of masses, u, that an error of the time, us, makes: 2 s/(dt/ds) dt."""
    roots = np.sqrt(np.asarray(mass, dtype=np.float64))
    slope = np.polynomial.polynomial.polyval(roots, np.polynomial.polynomial.polyder(np.asarray(coefficients, float)))
    return np.asarray(2.0 * roots / slope * np.asarray(t_error, dtype=np.float64))


def mass_resolution(time: ArrayLike, fwhm: ArrayLike) -> Floats:
    """Return m/dm = t/(2 FWHM) of lines; `time` in us from the zero of the time of flight (section 10.5)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.asarray(time, dtype=np.float64) / (2.0 * np.asarray(fwhm, dtype=np.float64)))


def kappa(mass: ArrayLike) -> Kappa:
    """Return how far masses are from whole numbers; NaN without masses.

    IDEX science definition, section 15.5. The signed mean, which the tools give, can vanish by cancellation. Real mass
    defects of up to 0.07 u put a floor under all three.
    """
    masses = np.asarray(mass, dtype=np.float64)
    off = masses[np.isfinite(masses)]
    off = off - np.round(off)
    if not off.size:
        return Kappa(math.nan, math.nan, math.nan)
    return Kappa(float(off.mean()), float(np.sqrt(np.mean(off**2))), float(np.abs(off).mean()))


def anchor_scale(t: ArrayLike, mass: ArrayLike, stretch: float) -> Floats:
    """Return the coefficients that an analyst's anchor lines give (section 15.6).

    One anchor fixes the shift and keeps `stretch`, two fix both, more fix a series; always in the root of the mass.

    Raises
    ------
    ValueError
        Without an anchor, or when the anchors contradict each other.
    """
    times, masses = np.atleast_1d(np.asarray(t, float)), np.atleast_1d(np.asarray(mass, float))
    if not times.size:
        raise ValueError("a mass scale needs at least one anchor line")
    if times.size == 1:
        return np.array([times[0] - stretch * math.sqrt(masses[0]), stretch])
    return fit_series(masses, times).coefficients
