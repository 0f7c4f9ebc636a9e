"""The exponentially modified Gaussian: the shape of a time-of-flight line.

IDEX science definition, section 9. A line has an area A, a location mu, a width sigma and a rate lambda; its tail time
is tau = 1/lambda. With u = (t - mu)/sigma and a = lambda sigma the density of unit area is::

    h(t) = lambda/2 exp(a (a/2 - u)) erfc((a - u)/sqrt 2)

The product of the two factors overflows far to the left and for large a. Written with erfcx(z) = exp(z²) erfc(z) at
z = (a - u)/sqrt 2 and g = exp(-u²/2) it does not, whatever the parameters::

    z >= 0:  h = lambda/2 g erfcx(z)
    z <  0:  h = lambda/2 (2 exp(a (a/2 - u)) - g erfcx(-z))

Value, derivatives, cumulative distribution, maximum and widths all follow from h and the normal density, so that each
needs one or two exponentials and one polynomial. mu is not the maximum: that lies between mu and mu + tau.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archive.numerics.jit import inlined, kernel
from archive.numerics.special import Number, erfcx, exp, normal_cdf, owned

_ROOT_HALF = math.sqrt(0.5)
_NORMAL = 1.0 / math.sqrt(2.0 * math.pi)

Floats = NDArray[np.float64]


class Moments(NamedTuple):
    """Mean (us), variance (us²) and skewness of lines, arrays of one shape."""

    mean: Floats
    variance: Floats
    skewness: Floats


class Profile(NamedTuple):
    """What is read off the curves of lines, arrays of one shape.

    Attributes
    ----------
    mode
        Time of the maximum, us.
    height
        Value there, mA.
    fwhm
        Full width at half maximum, us.
    tail
        Width right of the maximum over width left of it at a tenth of the height; 1 for a Gaussian.
    """

    mode: Floats
    height: Floats
    fwhm: Floats
    tail: Floats


@inlined
def density(t: Number, mu: Number, sigma: Number, lam: Number) -> tuple[Number, Number]:
    """Return the EMG of unit area and the normal density, both in 1/us, at one time."""
    u = (t - mu) / sigma
    a = lam * sigma
    z = (a - u) * _ROOT_HALF
    g = exp(-0.5 * u * u)
    near = 0.5 * lam * g * erfcx(abs(z))
    far = lam * exp(min(0.0, a * (0.5 * a - u)))
    return (far - near if z < 0 else near), g * _NORMAL / sigma


@kernel
def mode_of(mu: Number, sigma: Number, lam: Number) -> Number:
    """Return the time of the maximum: where the EMG crosses the normal density, erfcx(z) = sqrt(2/pi)/a."""
    a = lam * sigma
    if a > 1e4:  # the asymptotic series of erfcx; the exact equation cancels here
        return mu + (1.0 - 1.0 / (a * a)) / lam
    target = math.log(math.sqrt(2.0 / math.pi) / a)
    z = a * _ROOT_HALF if a > 1.0 else -math.sqrt(max(0.0, target - math.log(2.0)))
    for _ in range(60):
        if z < -25.0:  # erfcx(z) is 2 exp(z²) here, to all digits
            step = (z * z + math.log(2.0) - target) / (2.0 * z)
        else:
            value = erfcx(z) if z >= 0 else 2.0 * math.exp(z * z) - erfcx(-z)
            step = (math.log(value) - target) / (2.0 * z - 2.0 / (math.sqrt(math.pi) * value))
        z -= step
        if abs(step) < 1e-15 * (1.0 + abs(z)):
            break
    return mu + sigma * (a - z / _ROOT_HALF)


@kernel
def crossing_of(mu: Number, sigma: Number, lam: Number, fraction: Number, side: Number) -> Number:
    """Return where the line falls to `fraction` of its height, left (side -1) or right (side 1) of the maximum."""
    inside = mode_of(mu, sigma, lam)
    level = fraction * density(inside, mu, sigma, lam)[0]
    step = side * (sigma + (1.0 / lam if side > 0 else 0.0))
    outside = inside + step
    while density(outside, mu, sigma, lam)[0] > level:
        inside = outside
        outside += step
    x = 0.5 * (inside + outside)
    for _ in range(80):
        h, n = density(x, mu, sigma, lam)
        if abs(h - level) < 1e-14 * level or abs(inside - outside) < 1e-15 * (abs(x) + sigma):
            break
        if h > level:
            inside = x
        else:
            outside = x
        slope = lam * (n - h)
        x = x - h * math.log(h / level) / slope if slope * side < 0 and h > 0 else inside
        if not min(inside, outside) < x < max(inside, outside):
            x = 0.5 * (inside + outside)
    return x


@kernel
def _values(t: Floats, p: Floats, out: Floats) -> None:
    for i in range(t.size):
        out[i] = p[i, 0] * density(t[i], p[i, 1], p[i, 2], p[i, 3])[0]


@kernel
def _derivatives(t: Floats, p: Floats, out: Floats) -> None:
    for i in range(t.size):
        area, mu, sigma, lam = p[i]
        h, n = density(t[i], mu, sigma, lam)
        d = t[i] - mu
        out[i, 0] = h
        out[i, 1] = area * lam * (h - n)
        out[i, 2] = area * (lam * lam * sigma * h - lam * sigma * n * (lam + d / (sigma * sigma)))
        out[i, 3] = area * (h / lam + (lam * sigma * sigma - d) * h - lam * sigma * sigma * n)


@kernel
def cumulative_of(t: Number, mu: Number, sigma: Number, lam: Number) -> Number:
    """Return the part of the area that lies before `t`: the normal distribution less h/lambda."""
    return min(1.0, max(0.0, normal_cdf((t - mu) / sigma) - density(t, mu, sigma, lam)[0] / lam))


@kernel
def _cumulative(t: Floats, p: Floats, out: Floats) -> None:
    for i in range(t.size):
        out[i] = p[i, 0] * cumulative_of(t[i], p[i, 1], p[i, 2], p[i, 3])


@kernel
def _profiles(p: Floats, out: Floats) -> None:
    for i in range(p.shape[0]):
        area, mu, sigma, lam = p[i]
        if not (sigma > 0 and lam > 0 and sigma < math.inf and lam < math.inf and abs(mu) < math.inf):
            out[i, :] = math.nan
            continue
        mode = mode_of(mu, sigma, lam)
        out[i, 0] = mode
        out[i, 1] = area * density(mode, mu, sigma, lam)[0]
        out[i, 2] = crossing_of(mu, sigma, lam, 0.5, 1.0) - crossing_of(mu, sigma, lam, 0.5, -1.0)
        left = mode - crossing_of(mu, sigma, lam, 0.1, -1.0)
        out[i, 3] = (crossing_of(mu, sigma, lam, 0.1, 1.0) - mode) / left


def _flat(*arguments: ArrayLike) -> tuple[tuple[int, ...], list[Floats]]:
    """Return the common shape of the arguments and each as a flat array of doubles."""
    arrays = [np.asarray(argument, dtype=np.float64) for argument in arguments]
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    return shape, [owned(np.broadcast_to(array, shape)).ravel() for array in arrays]


def _evaluate(function: Any, t: ArrayLike, parameters: tuple[ArrayLike, ...], width: int = 0) -> Floats:
    shape, (times, *columns) = _flat(t, *parameters)
    out = np.empty((times.size, width) if width else times.size)
    function(times, np.column_stack(columns), out)
    return cast(Floats, out.reshape((*shape, width) if width else shape))


def emg(t: ArrayLike, area: ArrayLike, mu: ArrayLike, sigma: ArrayLike, lam: ArrayLike) -> Floats:
    """Return the values of lines.

    IDEX science definition, section 9; the formula is safe over the whole range of sigma > 0, lambda > 0.

    Parameters
    ----------
    t
        Times, us.
    area
        Areas, mA us.
    mu, sigma
        Locations and widths, us.
    lam
        Rates, 1/us.

    Returns
    -------
    ndarray
        Values in mA, of the shape that the arguments have together; NaN where an argument is NaN.
    """
    return _evaluate(_values, t, (area, mu, sigma, lam))


def emg_jacobian(t: ArrayLike, area: ArrayLike, mu: ArrayLike, sigma: ArrayLike, lam: ArrayLike) -> Floats:
    """Return the derivatives of `emg` by area, mu, sigma and lambda, in this order along a last axis of four."""
    return _evaluate(_derivatives, t, (area, mu, sigma, lam), 4)


def emg_cumulative(t: ArrayLike, area: ArrayLike, mu: ArrayLike, sigma: ArrayLike, lam: ArrayLike) -> Floats:
    """Return the area of lines before times `t`, mA us (IDEX science definition, section 9, closed form)."""
    return _evaluate(_cumulative, t, (area, mu, sigma, lam))


def emg_area(
    begin: ArrayLike, end: ArrayLike, area: ArrayLike, mu: ArrayLike, sigma: ArrayLike, lam: ArrayLike
) -> Floats:
    """Return the area of lines between two times, mA us."""
    return emg_cumulative(end, area, mu, sigma, lam) - emg_cumulative(begin, area, mu, sigma, lam)


def emg_moments(mu: ArrayLike, sigma: ArrayLike, lam: ArrayLike) -> Moments:
    """Return mean, variance and skewness (IDEX science definition, section 9)."""
    mu, sigma, tau = np.asarray(mu, float), np.asarray(sigma, float), 1.0 / np.asarray(lam, float)
    variance = sigma**2 + tau**2
    return Moments(mu + tau, variance, 2.0 * tau**3 / variance**1.5)


def emg_profile(area: ArrayLike, mu: ArrayLike, sigma: ArrayLike, lam: ArrayLike) -> Profile:
    """Return maximum, height, full width at half maximum and tailing of lines; NaN for impossible parameters."""
    shape, columns = _flat(area, mu, sigma, lam)
    out = np.empty((columns[0].size, 4))
    _profiles(np.column_stack(columns), out)
    return Profile(*(np.ascontiguousarray(out[:, i]).reshape(shape) for i in range(4)))
