"""Counts in bins, on-time, rates with Poisson intervals, and pointing maps.

IDEX science definition, section 18. Counts and exposure are kept apart, so that any re-binning has its interval. A rate
without exposure is NaN, never 0 and never -1.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Edges of the charge bins, pC, and of the mass bins, kg (not femtogram).
CHARGE_EDGES: Final = (0.1, 0.316, 1.0, 3.16, 10.0, 31.6, 100.0, 316.0, 1e3, 3.16e3, 1e4)
MASS_EDGES: Final = (
    6.31e-17, 1e-16, 1.58e-16, 2.51e-16, 3.98e-16, 6.31e-16, 1e-15, 1.58e-15, 2.51e-15, 3.98e-15, 1e-14,
)  # fmt: skip

#: Pixels of the maps: 6 degrees square.
MAP_SHAPE: Final = (60, 30)

#: What `on_time` takes a state of no message for.
UNKNOWN: Final = 255


class OnTime(NamedTuple):
    """Seconds that the instrument was on, and seconds that are known; both 0 without any message."""

    on: float
    known: float


class Rate(NamedTuple):
    """Counts, exposure (s), rate and its central 68 % interval (1/s); arrays of one shape."""

    counts: Integers
    exposure: Floats
    rate: Floats
    low: Floats
    high: Floats


def spin_quadrant(phase: ArrayLike) -> Integers:
    """Return the quadrant, 0 to 3, centred on 0, 90, 180, 270 degrees; -1 where the phase is not finite."""
    angle = np.asarray(phase, dtype=np.float64)
    index = np.floor(((np.where(np.isfinite(angle), angle, 0.0) + 45.0) % 360.0) / 90.0).astype(np.int64)
    return np.where(np.isfinite(angle), np.minimum(index, 3), -1)


def clipped_bin(value: ArrayLike, edges: ArrayLike) -> Integers:
    """Return the bin of each value, values outside clipped into the end bins; -1 where a value is not finite."""
    values, borders = np.asarray(value, dtype=np.float64), np.asarray(edges, dtype=np.float64)
    index = np.clip(np.searchsorted(borders, values, side="right") - 1, 0, borders.size - 2)
    return np.where(np.isfinite(values), index, -1).astype(np.int64)


def bin_centres(edges: ArrayLike) -> Floats:
    """Return the geometric means of neighbouring edges, by which bins are named."""
    borders = np.asarray(edges, dtype=np.float64)
    return np.sqrt(borders[1:] * borders[:-1])


def pixel(longitude: ArrayLike, latitude: ArrayLike) -> tuple[Integers, Integers]:
    """Return the pixel of each direction, degrees; -1 for both where the geometry is not finite.

    Longitude is taken modulo 360, latitude clipped to +-90; the north pole belongs to the last pixel. The direction is
    that of the boresight, so that maps are pointing maps.
    """
    lon, lat = np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64)
    placed = np.isfinite(lon) & np.isfinite(lat)
    wrapped = np.where(placed, lon, 0.0) % 360.0
    column = np.minimum((wrapped * MAP_SHAPE[0] / 360.0).astype(np.int64), MAP_SHAPE[0] - 1)
    northwards = np.clip(np.where(placed, lat, 0.0), -90.0, 90.0) + 90.0
    row = np.minimum((northwards * MAP_SHAPE[1] / 180.0).astype(np.int64), MAP_SHAPE[1] - 1)
    return np.where(placed, column, -1), np.where(placed, row, -1)


def count_in(shape: tuple[int, ...], *index: Integers) -> tuple[Integers, int]:
    """Return the counts on a grid and how many events have no place on it (an index of -1).

    Events without a place are counted apart, not dropped in silence.
    """
    places = np.stack([np.asarray(each, dtype=np.int64) for each in index])
    placed = (places >= 0).all(axis=0)
    grid = np.zeros(shape, dtype=np.int64)
    np.add.at(grid, tuple(places[:, placed]), 1)
    return grid, int((~placed).sum())


def dust_hits(flag: ArrayLike | None) -> NDArray[np.bool_]:
    """Return which events count as dust: those whose dust-hit flag is 1.

    Raises
    ------
    ValueError
        When the flag is missing: no counts would be made of it in silence.
    """
    if flag is None:
        raise ValueError("the dust-hit flag is missing, so that dust cannot be told from noise")
    return np.asarray(np.asarray(flag) == 1)


def on_time(begin: float, end: float, message: ArrayLike, state: ArrayLike) -> OnTime:
    """Return for how long the instrument was on in a window.

    IDEX science definition, section 18.2: each state lasts until the next message, the last until the end; before the
    first message the opposite of its state holds. Without a message nothing is known.

    Parameters
    ----------
    begin, end
        The window, s.
    message, state
        Times of the messages, s, ascending, and 1 for on, 0 for off, 255 for neither (ignored).
    """
    edges, on = _states(begin, end, message, state)
    return OnTime(float(np.diff(edges) @ on), end - begin) if on.size else OnTime(0.0, 0.0)


def on_seconds(when: ArrayLike, begin: float, end: float, message: ArrayLike, state: ArrayLike) -> Floats:
    """Return for how long the instrument was on between the begin of a window and each time, s; NaN when unknown.

    The same rule as `on_time`, which is its value at the end; times outside the window count as its ends.
    """
    edges, on = _states(begin, end, message, state)
    times = np.asarray(when, dtype=np.float64)
    if not on.size:
        return np.full(times.shape, np.nan)
    return np.asarray(np.interp(times, edges, np.concatenate([[0.0], np.cumsum(np.diff(edges) * on)])))


def _states(begin: float, end: float, message: ArrayLike, state: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the times between which the state stays, (k + 1,), and whether it is on, (k,); nothing when unknown."""
    times, states = np.asarray(message, dtype=np.float64), np.asarray(state)
    known = (states != UNKNOWN) & (times >= begin) & (times <= end)
    times, on = times[known], states[known] == 1
    if not times.size:
        return np.zeros(0), np.zeros(0, dtype=np.bool_)
    return np.concatenate([[begin], times, [end]]), np.concatenate([[not on[0]], on])


def exposure_by_sample(
    when: ArrayLike, begin: float, end: float, message: ArrayLike, state: ArrayLike, longest: float
) -> Floats:
    """Return the on-time that each sample of the pointing stands for, s.

    A sample stands for the time nearer to it than to any other, at most `longest`/2 to each side: where samples are
    rare, where the instrument looked is not known, and the time in between belongs to none.

    Parameters
    ----------
    when
        Times of the samples, s, ascending.
    begin, end, message, state
        As for `on_time`.
    longest
        s.
    """
    times = np.asarray(when, dtype=np.float64)
    if not times.size:
        return np.zeros(0)
    middle = 0.5 * (times[1:] + times[:-1])
    first = np.maximum(np.concatenate([[-np.inf], middle]), times - 0.5 * longest)
    last = np.minimum(np.concatenate([middle, [np.inf]]), times + 0.5 * longest)
    return on_seconds(last, begin, end, message, state) - on_seconds(first, begin, end, message, state)


def pulser_states(on: ArrayLike, off: ArrayLike, longest: float = 5.0) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which pulser messages count: an on message followed within 5 s by an off message, and that first off.

    IDEX science definition, section 7; `on` and `off` are ascending times, s.
    """
    begins, ends = np.asarray(on, dtype=np.float64), np.asarray(off, dtype=np.float64)
    following = np.searchsorted(ends, begins, side="left")
    good = following < ends.size
    good[good] = ends[following[good]] - begins[good] <= longest
    closes = np.zeros(ends.size, dtype=np.bool_)
    closes[following[good]] = True
    return good, closes


def poisson_interval(counts: ArrayLike, level: float = 0.6826894921370859) -> tuple[Floats, Floats]:
    """Return the central confidence limits of Poisson means; for no counts the lower limit is 0.

    F. Garwood, Biometrika 28 (1936) 437: quantiles of the gamma law at n and n + 1.
    """
    from scipy.special import gammaincinv

    number = np.asarray(counts, dtype=np.float64)
    tail = 0.5 * (1.0 - level)
    low = np.where(number > 0, gammaincinv(np.maximum(number, 1.0), tail), 0.0)
    return low, np.asarray(gammaincinv(number + 1.0, 1.0 - tail))


def rate(counts: ArrayLike, exposure: ArrayLike, dead_time: ArrayLike = 0.0) -> Rate:
    """Return rates with their intervals; NaN without exposure.

    Parameters
    ----------
    counts
        Counts.
    exposure
        On-time, s.
    dead_time
        Summed dead time, s, taken off the on-time.
    """
    number = np.asarray(counts, dtype=np.int64)
    on = np.asarray(exposure, dtype=np.float64) - np.asarray(dead_time, dtype=np.float64)
    live = np.broadcast_to(on, number.shape)
    scale = np.full(number.shape, np.nan)
    np.divide(1.0, live, out=scale, where=live > 0)
    low, high = poisson_interval(number)
    return Rate(number, np.where(live > 0, live, 0.0), number * scale, low * scale, high * scale)


def mollweide(longitude: ArrayLike, latitude: ArrayLike) -> tuple[Floats, Floats]:
    """Return x and y of directions, degrees, in the equal-area Mollweide projection of the unit sphere.

    2 theta + sin 2 theta = pi sin(lat) by Newton's method, in a form that also converges at the poles;
    x = 2 sqrt 2/pi lambda cos theta, y = sqrt 2 sin theta, lambda from -180 to 180 degrees.
    """
    lon = np.asarray(longitude, dtype=np.float64)
    angle = np.radians((lon + 180.0) % 360.0 - 180.0)
    wanted = np.pi * np.sin(np.radians(np.clip(np.asarray(latitude, dtype=np.float64), -90.0, 90.0)))
    # near a pole, pi - 2 theta - sin 2 theta = (4/3) e^3 with e = pi/2 - theta: start there instead of at the latitude
    rest = np.maximum(np.pi - np.abs(wanted), 0.0)
    theta = np.copysign(np.maximum(np.pi / 2 - np.cbrt(0.75 * rest), 0.0), wanted)
    for _ in range(30):
        slope = 2.0 + 2.0 * np.cos(2.0 * theta)
        step = np.zeros_like(theta)
        np.divide(2.0 * theta + np.sin(2.0 * theta) - wanted, slope, out=step, where=slope > 1e-12)
        theta = np.clip(theta - step, -np.pi / 2, np.pi / 2)
    return np.asarray(2.0 * np.sqrt(2.0) / np.pi * angle * np.cos(theta)), np.asarray(np.sqrt(2.0) * np.sin(theta))


def share_interval(part: ArrayLike, whole: ArrayLike, sigma: float = 1.0) -> tuple[Floats, Floats]:
    """Return the interval of a share, at `sigma` standard deviations; NaN without any event.

    E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209.
    """
    hits, count = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    number = np.where(count > 0, count, np.nan)
    share, spread = hits / number, sigma**2 / number
    middle = (share + spread / 2) / (1 + spread)
    half = sigma / (1 + spread) * np.sqrt(share * (1 - share) / number + spread / (4 * number))
    # the share itself is inside but for rounding
    low, high = np.clip(middle - half, 0.0, share), np.clip(middle + half, share, 1.0)
    return np.asarray(low), np.asarray(high)
