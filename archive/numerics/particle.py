"""Speed and mass of the dust particle from its charge pulse.

IDEX science definition, section 13. Calibration curves are smooth triple power laws of the speed v in km/s::

    y(v) = A v^a1 [1 + (v/vb)^k]^((a2 - a1)/k) [1 + (v/vc)^k]^((a3 - a2)/k)

The rise-time curve gives tau_r (us) and must be inverted for the speed, with tau_r and not with the 10-90 % time. The
yield curve gives C/kg. In calibration records A is stored as its decimal logarithm: a column read as A itself gives
masses that are a factor 19 off.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

#: Decades of speed in which a solution is sought, log10 of km/s.
SPEED_RANGE: Final = (-1.0, 2.0)

#: What the yield at 10 km/s must lie between, C/kg, for a record to be believed.
YIELD_AT_10: Final = (100.0, 3000.0)

#: Permitted charge ratio of ion grid and target.
RATIO_RANGE: Final = (0.01, 1.0)

#: Values of the sources of a speed.
NO_SPEED, RISE_TIME, CHARGE_RATIO = 0, 1, 2


class Curve(NamedTuple):
    """A calibration curve; `error_factor` is the 1-sigma log-normal factor of its values, 1 when unknown."""

    log10_a: float
    a1: float
    a2: float
    a3: float
    vb: float
    vc: float
    k: float
    error_factor: float = 1.0


#: Defaults of section 13.1, "current": rise time in us and charge yield in C/kg.
RISE_CURVE: Final = Curve(1.27, -0.2, -2.1, -0.37, 5.3, 13.3, 13.3, 1.33)
YIELD_CURVE: Final = Curve(0.06, 2.8, 5.9, 4.1, 13.0, 22.7, 8.2, 1.47)


class RatioLaw(NamedTuple):
    """v = scale (100 R)^exponent + offset, km/s, with R the charge ratio as a fraction (section 13.4)."""

    scale: float = 55.0
    exponent: float = -3.2
    offset: float = 1.5


class Particle(NamedTuple):
    """Speed (km/s) and mass (kg) with the limits of the central 68 %; arrays of one shape, NaN where unknown."""

    speed: Floats
    speed_low: Floats
    speed_high: Floats
    mass: Floats
    mass_low: Floats
    mass_high: Floats


def curve(v: ArrayLike, law: Curve) -> Floats:
    """Return the calibration curve at speeds `v`, km/s; NaN for speeds that are not positive."""
    speeds = np.asarray(v, dtype=np.float64)
    logarithm = np.log(np.where(speeds > 0, speeds, np.nan))
    with np.errstate(invalid="ignore"):
        first = np.logaddexp(0.0, law.k * (logarithm - np.log(law.vb))) * (law.a2 - law.a1) / law.k
        second = np.logaddexp(0.0, law.k * (logarithm - np.log(law.vc))) * (law.a3 - law.a2) / law.k
    value = np.exp(law.log10_a * np.log(10.0) + law.a1 * logarithm + first + second)
    return np.asarray(value)


def slope(v: ArrayLike, law: Curve) -> Floats:
    """Return d ln y/d ln v of a calibration curve."""
    v = np.asarray(v, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        first = (law.a2 - law.a1) / (1.0 + (law.vb / v) ** law.k)
        second = (law.a3 - law.a2) / (1.0 + (law.vc / v) ** law.k)
    return np.asarray(law.a1 + first + second)


def check_yield(law: Curve) -> None:
    """Raise ValueError unless the yield at 10 km/s is plausible: the sign that log10 A was mistaken for A or back."""
    value = float(curve(10.0, law))
    if not YIELD_AT_10[0] <= value <= YIELD_AT_10[1]:
        raise ValueError(
            f"the yield at 10 km/s would be {value:.3g} C/kg, not between {YIELD_AT_10[0]:g} and {YIELD_AT_10[1]:g}: "
            "is the first column A instead of log10 A?"
        )


def speed_from_rise(rise: ArrayLike, law: Curve = RISE_CURVE) -> Floats:
    """Return the speeds, km/s, whose rise time is `rise`, us (e-folding time tau_r, not the 10-90 % time).

    The curve falls monotonically, so that the solution in 0.1 to 100 km/s is unique. NaN where `rise` is not finite and
    positive or outside the curve. Bisection in log v to rounding, all values at once.

    Raises
    ------
    ValueError
        When the curve does not fall with speed everywhere: then it cannot be inverted.
    """
    grid = np.logspace(*SPEED_RANGE, 301)
    if np.any(slope(grid, law) >= 0):
        raise ValueError("the rise time does not fall with speed on this curve, so that it gives no speed")
    wanted = np.asarray(rise, dtype=np.float64)
    low, high = np.full(wanted.shape, SPEED_RANGE[0]), np.full(wanted.shape, SPEED_RANGE[1])
    longest, shortest = curve(10.0 ** SPEED_RANGE[0], law), curve(10.0 ** SPEED_RANGE[1], law)
    inside = np.isfinite(wanted) & (wanted > 0) & (wanted <= longest) & (wanted >= shortest)
    for _ in range(56):
        middle = 0.5 * (low + high)
        slower = curve(10.0**middle, law) > wanted
        low, high = np.where(slower, middle, low), np.where(slower, high, middle)
    return np.asarray(np.where(inside, 10.0 ** (0.5 * (low + high)), np.nan))


def particle_mass(charge: ArrayLike, speed: ArrayLike, law: Curve = YIELD_CURVE) -> Floats:
    """Return the mass Q/Y(v), kg, of charges in pC and speeds in km/s; NaN without a positive charge."""
    charges = np.asarray(charge, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(charges > 0, charges * 1e-12 / curve(speed, law), np.nan))


def particle(
    charge: ArrayLike,
    charge_error: ArrayLike,
    rise: ArrayLike,
    rise_error: ArrayLike,
    rise_law: Curve = RISE_CURVE,
    yield_law: Curve = YIELD_CURVE,
) -> Particle:
    """Return speed and mass from charge and rise time, with 68 % ranges (section 13.3).

    Errors are log-normal: of tau_r through d ln v/d ln tau_r, of the charge, and the factors of the calibrations, 1.33
    in speed and 1.47 in yield. The error of the speed enters the mass through d ln Y/d ln v.

    Parameters
    ----------
    charge, charge_error
        Impact charge and its standard error, pC.
    rise, rise_error
        tau_r and its standard error, us.
    """
    speed = speed_from_rise(rise, rise_law)
    mass = particle_mass(charge, speed, yield_law)
    charges, rises = np.asarray(charge, dtype=np.float64), np.asarray(rise, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        from_rise = np.asarray(rise_error, dtype=np.float64) / rises / slope(speed, rise_law)
        speed_spread = np.sqrt(np.log(rise_law.error_factor) ** 2 + from_rise**2)
        from_charge = np.asarray(charge_error, dtype=np.float64) / charges
        from_speed = slope(speed, yield_law) * speed_spread
        mass_spread = np.sqrt(from_charge**2 + np.log(yield_law.error_factor) ** 2 + from_speed**2)
        return Particle(
            speed, speed * np.exp(-speed_spread), speed * np.exp(speed_spread),
            mass, mass * np.exp(-mass_spread), mass * np.exp(mass_spread),
        )  # fmt: skip


def best_target(
    high: ArrayLike, low: ArrayLike, high_saturated: ArrayLike, low_saturated: ArrayLike
) -> tuple[Floats, NDArray[np.int8]]:
    """Return the charge of the better target channel, pC, and which it is: 0 High, 1 Low, -1 neither.

    High unless it is saturated or not finite, then Low (section 13.4).
    """
    first, second = np.asarray(high, dtype=np.float64), np.asarray(low, dtype=np.float64)
    high_good = np.isfinite(first) & ~np.asarray(high_saturated, dtype=np.bool_)
    low_good = np.isfinite(second) & ~np.asarray(low_saturated, dtype=np.bool_)
    which = np.where(high_good, 0, np.where(low_good, 1, -1)).astype(np.int8)
    return np.where(high_good, first, np.where(low_good, second, np.nan)), which


def speed_from_ratio(
    ion_grid: ArrayLike, target: ArrayLike, ion_grid_saturated: ArrayLike = False, law: RatioLaw | None = None
) -> Floats:
    """Return the speed, km/s, from the charge ratio of ion grid and target (section 13.4).

    The ratio enters the power law in percent. NaN where the ion grid is saturated, a charge is zero or not finite, or
    the ratio is outside 0.01 to 1. Above about 5 % the law tends to a constant and tells nothing.

    Parameters
    ----------
    ion_grid, target
        Impact charges, pC; the sign does not matter.
    """
    chosen = RatioLaw() if law is None else law
    ions, charges = np.abs(np.asarray(ion_grid, dtype=np.float64)), np.abs(np.asarray(target, dtype=np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = ions / charges
        speed = chosen.scale * (100.0 * ratio) ** chosen.exponent + chosen.offset
    good = np.isfinite(ratio) & (ratio >= RATIO_RANGE[0]) & (ratio <= RATIO_RANGE[1])
    return np.asarray(np.where(good & ~np.asarray(ion_grid_saturated, dtype=np.bool_), speed, np.nan))
