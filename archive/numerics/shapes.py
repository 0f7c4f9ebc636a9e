"""Other line shapes, an analyst's choice for a single line.

IDEX science definition, section 11. All are of unit area times `area`; times in us, values in mA. In tables the columns
sigma and lambda take the meanings of `COLUMNS`; what a shape needs beyond them is kept by name in its extras.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archive.numerics.emg import emg, emg_area, emg_profile

Floats = NDArray[np.float64]

#: Shape: what the columns sigma and lambda hold, and the names of its extras.
COLUMNS: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "emg": ("sigma, us", "rate, 1/us; negative mirrors the tail to the left", ()),
    "gaussian": ("sigma, us", "not used", ()),
    "lorentzian": ("gamma, half width at half maximum, us", "not used", ()),
    "voigt": ("sigma, us", "gamma, us", ()),
    "double_emg": ("sigma, us", "tau1, us, signed", ("tau2", "weight")),
    "hyper_emg": ("sigma, us", "not used", ("taus_left", "weights_left", "taus_right", "weights_right")),
    "generalized_normal": ("alpha, us", "beta, at least 0.1", ()),
}

LEAST_BETA: Final = 0.1


def gaussian(t: ArrayLike, area: float, mu: float, sigma: float) -> Floats:
    """Return a Gaussian."""
    u = (np.asarray(t, dtype=np.float64) - mu) / sigma
    return np.asarray(area / (sigma * math.sqrt(2 * math.pi)) * np.exp(-0.5 * u * u))


def lorentzian(t: ArrayLike, area: float, mu: float, gamma: float) -> Floats:
    """Return a Lorentzian; gamma is half the width at half maximum."""
    d = np.asarray(t, dtype=np.float64) - mu
    return np.asarray(area / math.pi * gamma / (d * d + gamma * gamma))


def voigt(t: ArrayLike, area: float, mu: float, sigma: float, gamma: float) -> Floats:
    """Return a Voigt profile, by the Faddeeva function."""
    from scipy.special import wofz

    zeta = (np.asarray(t, dtype=np.float64) - mu + 1j * gamma) / (sigma * math.sqrt(2))
    return np.asarray(area * wofz(zeta).real / (sigma * math.sqrt(2 * math.pi)))


def tailed(t: ArrayLike, area: float, mu: float, sigma: float, tau: float) -> Floats:
    """Return an EMG with tail time tau; a negative one mirrors the tail to the left of mu."""
    times = np.asarray(t, dtype=np.float64)
    return emg(times if tau > 0 else 2 * mu - times, area, mu, sigma, 1.0 / abs(tau))


def double_emg(t: ArrayLike, area: float, mu: float, sigma: float, tau1: float, tau2: float, weight: float) -> Floats:
    """Return two tails on one line: weight EMG(tau1) + (1 - weight) EMG(tau2), weight cut to 0..1."""
    share = min(1.0, max(0.0, weight))
    return share * tailed(t, area, mu, sigma, tau1) + (1 - share) * tailed(t, area, mu, sigma, tau2)


def hyper_emg(
    t: ArrayLike,
    area: float,
    mu: float,
    sigma: float,
    taus_left: Sequence[float] = (),
    weights_left: Sequence[float] = (),
    taus_right: Sequence[float] = (),
    weights_right: Sequence[float] = (),
) -> Floats:
    """Return a Gaussian core with any number of tails to both sides.

    The core has what the weights leave. Negative weights count as 0; weights of more than 1 together are divided by
    their sum, and the core vanishes.

    Raises
    ------
    ValueError
        When tails and weights are not equally many.
    """
    if len(taus_left) != len(weights_left) or len(taus_right) != len(weights_right):
        raise ValueError("every tail needs one weight")
    taus = [-abs(tau) for tau in taus_left] + [abs(tau) for tau in taus_right]
    weights = np.maximum(np.array([*weights_left, *weights_right], dtype=np.float64), 0.0)
    total = float(weights.sum())
    weights = weights / max(1.0, total)
    value = max(0.0, 1.0 - total) * gaussian(t, area, mu, sigma)
    for tau, weight in zip(taus, weights, strict=True):
        value = value + weight * tailed(t, area, mu, sigma, tau)
    return np.asarray(value)


def generalized_normal(t: ArrayLike, area: float, mu: float, alpha: float, beta: float) -> Floats:
    """Return a generalised normal law: beta 2 is a Gaussian, 1 a Laplace law; beta is at least 0.1."""
    power = max(beta, LEAST_BETA)
    u = np.abs(np.asarray(t, dtype=np.float64) - mu) / alpha
    return np.asarray(area * power / (2 * alpha * math.gamma(1 / power)) * np.exp(-(u**power)))


_EVALUATE: Final[dict[str, Callable[..., Floats]]] = {
    "emg": lambda t, area, mu, sigma, lam: tailed(t, area, mu, sigma, 1.0 / lam),
    "gaussian": lambda t, area, mu, sigma, lam: gaussian(t, area, mu, sigma),  # noqa: ARG005
    "lorentzian": lambda t, area, mu, sigma, lam: lorentzian(t, area, mu, sigma),  # noqa: ARG005
    "voigt": voigt,
    "double_emg": double_emg,
    "hyper_emg": lambda t, area, mu, sigma, lam, **extras: hyper_emg(t, area, mu, sigma, **extras),  # noqa: ARG005
    "generalized_normal": generalized_normal,
}


def check_extras(shape: str, sigma: float, lam: float, extras: Mapping[str, object]) -> None:
    """Raise ValueError with one sentence when a shape cannot be drawn with these parameters."""
    if shape not in COLUMNS:
        raise ValueError(f"no line shape is called {shape!r}; there are {', '.join(COLUMNS)}")
    names = COLUMNS[shape][2]
    unknown, missing = sorted(set(extras) - set(names)), sorted(set(names) - set(extras))
    if unknown or (missing and shape == "double_emg"):
        takes, given = ", ".join(names) or "no extras", ", ".join(extras) or "none"
        raise ValueError(f"the shape {shape} takes {takes}, not {given}")
    if not (math.isfinite(sigma) and sigma > 0):
        raise ValueError(f"the width must be positive, not {sigma}")
    if shape in ("emg", "voigt", "double_emg", "generalized_normal") and not (math.isfinite(lam) and lam != 0):
        raise ValueError(f"{COLUMNS[shape][1]} must be finite and not 0, not {lam}")
    numbers = [x for value in extras.values() for x in (value if isinstance(value, Sequence) else [value])]
    if not all(isinstance(x, (int, float)) and math.isfinite(x) for x in numbers):
        raise ValueError("extras must be finite numbers or lists of them")
    for name in ("tau2", "taus_left", "taus_right"):
        value = extras.get(name, 1.0)
        if any(x == 0 for x in (cast(Sequence[float], value) if isinstance(value, Sequence) else [value])):
            raise ValueError(f"{name} must not be 0")


def evaluate(
    shape: str,
    t: ArrayLike,
    area: float,
    mu: float,
    sigma: float,
    lam: float,
    extras: Mapping[str, object] | None = None,
) -> Floats:
    """Return a line of any shape from the columns of its table row.

    Raises
    ------
    ValueError
        When the shape is unknown or its parameters are impossible; the message says which.
    """
    more = dict(extras or {})
    check_extras(shape, sigma, lam, more)
    return _EVALUATE[shape](t, area, mu, sigma, lam, **more)


def curve(shape: str, t: ArrayLike, values: Sequence[float], extras: Mapping[str, object] | None = None) -> Floats:
    """Return a line of any shape from its four parameters in one sequence; see `evaluate`."""
    area, mu, sigma, lam = values
    return evaluate(shape, t, area, mu, sigma, lam, extras)


class Shape(NamedTuple):
    """What is read off the curve of a line: time (us) and value (mA) of the maximum, full width at half maximum, us."""

    mode: float
    height: float
    fwhm: float


#: Points of the grids on which curves without a closed form are read.
POINTS: Final = 8001

#: How far such a grid reaches to each side, in units of all widths and tails together.
REACH: Final = 12.0


def _grid(shape: str, values: Sequence[float], extras: Mapping[str, object]) -> Floats:
    """Return times around a line, dense where it is narrow."""
    _, mu, sigma, lam = values
    tails = [sigma]
    for name in ("tau2", "taus_left", "taus_right"):
        value = extras.get(name, ())
        tails += [abs(float(x)) for x in (value if isinstance(value, Sequence) else [cast(float, value)])]
    tails.append({"emg": 1.0 / abs(lam), "voigt": abs(lam), "double_emg": abs(lam)}.get(shape, 0.0))
    half = REACH * sum(tails)
    u = np.linspace(-1.0, 1.0, POINTS)
    return np.asarray(mu + half * u * np.abs(u))


def profile_of(shape: str, values: Sequence[float], extras: Mapping[str, object] | None = None) -> Shape:
    """Return maximum and width of a line of any shape; those of an EMG in closed form, of others from a dense grid.

    Parameters
    ----------
    shape, values, extras
        As in `evaluate`: area, mu, sigma, lam.
    """
    if shape == "emg" and values[3] > 0:
        found = emg_profile(*values)
        return Shape(float(found.mode), float(found.height), float(found.fwhm))
    t = _grid(shape, values, extras or {})
    y = curve(shape, t, values, extras)
    top = int(np.argmax(y))
    half = 0.5 * y[top]
    before, after = np.flatnonzero(y[:top] < half), np.flatnonzero(y[top:] < half)
    if not before.size or not after.size or not half > 0:
        return Shape(float(t[top]), float(y[top]), math.nan)
    first, last = int(before[-1]), top + int(after[0])
    left = np.interp(half, y[first : first + 2], t[first : first + 2])
    right = np.interp(half, y[last - 1 : last + 1][::-1], t[last - 1 : last + 1][::-1])
    return Shape(float(t[top]), float(y[top]), float(right - left))


def area_between(
    shape: str, start: float, stop: float, values: Sequence[float], extras: Mapping[str, object] | None = None
) -> float:
    """Return the area of a line between two times, mA us: of an EMG in closed form, of others by Simpson's rule."""
    if shape == "emg" and values[3] > 0:
        return float(emg_area(start, stop, *values))
    from scipy.integrate import simpson

    t = np.linspace(start, stop, POINTS)
    return float(simpson(curve(shape, t, values, extras), x=t))
