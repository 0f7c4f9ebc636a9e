"""Baselines, noise and signal-to-noise of records: named estimators, each as the tools define it.

IDEX science definition, section 5. Every function takes times of shape (samples,) or (n, samples) and a signal of shape
(n, samples), and works on all records at once; samples that are not finite do not count. An empty window gives NaN.
"""

from __future__ import annotations

import warnings
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archive.numerics.special import LARGEST

Floats = NDArray[np.float64]

#: Standard deviation of a normal law over its median absolute deviation.
ROBUST: Final = 1.4826

#: Window of the estimator `pre75`, us.
PRE75: Final = (-7.0, -5.0)


class Level(NamedTuple):
    """Baseline and noise of records, in the unit of the signal, and how many samples they rest on; shape (n,)."""

    baseline: Floats
    sigma: Floats
    samples: NDArray[np.int64]


def _inside(t: ArrayLike, y: ArrayLike, begin: ArrayLike, end: ArrayLike) -> Floats:
    """Return the signal where begin <= t <= end, NaN elsewhere; columns outside every window are left out."""
    signal = np.atleast_2d(np.asarray(y, dtype=np.float64))
    times = np.atleast_2d(np.asarray(t, dtype=np.float64))
    chosen = (times >= np.asarray(begin)) & (times <= np.asarray(end))
    columns = np.flatnonzero(chosen.any(axis=0))
    part = slice(columns[0], columns[-1] + 1) if columns.size else slice(0, 0)
    return np.where(chosen[:, part] & (np.abs(signal[:, part]) < LARGEST), signal[:, part], np.nan)


def _starts(t: ArrayLike) -> Floats:
    """Return the first time of each axis as a column."""
    times = np.atleast_2d(np.asarray(t, dtype=np.float64))
    return times[:, :1] if times.shape[1] else np.zeros((times.shape[0], 1))


def _sum(part: Floats) -> Floats:
    """Return the sums of rows one sample after the other: gaps around a window then leave every digit as it is."""
    return np.nancumsum(part, axis=1)[:, -1] if part.shape[1] else np.zeros(part.shape[0])


def mean_level(t: ArrayLike, y: ArrayLike, begin: ArrayLike, end: ArrayLike, *, ddof: int = 1) -> Level:
    """Return mean and standard deviation (n - `ddof`) over begin <= t <= end, us."""
    part = _inside(t, y, begin, end)
    count = np.isfinite(part).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = _sum(part) / count
        spread = np.sqrt(_sum((part - mean[:, None]) ** 2) / np.maximum(count - ddof, 0))
    return Level(np.where(count > 0, mean, np.nan), np.where(count > ddof, spread, np.nan), count)


def robust_level(t: ArrayLike, y: ArrayLike, begin: ArrayLike, end: ArrayLike) -> Level:
    """Return median and 1.4826 MAD over begin <= t <= end, us; the standard deviation where the MAD is 0."""
    part = _inside(t, y, begin, end)
    count = np.isfinite(part).sum(axis=1)
    if not part.shape[1]:
        return Level(np.full(count.shape, np.nan), np.full(count.shape, np.nan), count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an empty window has no median, and that is the answer
        median = np.nanmedian(part, axis=1)
        sigma = ROBUST * np.nanmedian(np.abs(part - median[:, None]), axis=1)
        spread = np.nanstd(part, axis=1)
    return Level(median, np.where(sigma > 0, sigma, spread), count)


def pre75(t: ArrayLike, y: ArrayLike, *, ddof: int = 1) -> Level:
    """Return the level of -7 us <= t <= -5 us: the window of the signal-to-noise ratio."""
    return mean_level(t, y, *PRE75, ddof=ddof)


def first3us(t: ArrayLike, y: ArrayLike, span: float = 3.0) -> Level:
    """Return the robust level of the first 3 us, t < t[0] + 3 us: `first3us_mad`, of the dust test and the lines."""
    return robust_level(t, y, -np.inf, np.nextafter(_starts(t) + span, -np.inf))


def first1us(t: ArrayLike, y: ArrayLike) -> Level:
    """Return the mean level of the first microsecond, used for merging gains in the laboratory tool."""
    return mean_level(t, y, -np.inf, np.nextafter(_starts(t) + 1.0, -np.inf))


def first5us(t: ArrayLike, y: ArrayLike) -> Level:
    """Return the mean level of t <= t[0] + 5 us, where the flight pipeline starts its pulse fit."""
    return mean_level(t, y, -np.inf, _starts(t) + 5.0)


def first50(y: ArrayLike) -> Level:
    """Return the mean level of the first 50 samples."""
    signal = np.atleast_2d(np.asarray(y, dtype=np.float64))
    return mean_level(np.arange(signal.shape[1]), signal, 0, 49)


def quiet3us(t: ArrayLike, y: ArrayLike, onset: ArrayLike, span: float = 3.0) -> Level:
    """Return the level of the window of 3 us with the least variance that ends before the onset.

    `onset` is the sample of the onset of each record. The axis must be uniform.
    """
    signal = np.atleast_2d(np.asarray(y, dtype=np.float64))
    times = np.broadcast_to(np.asarray(t, dtype=np.float64), signal.shape)
    count, samples = signal.shape
    nothing = Level(np.full(count, np.nan), np.full(count, np.nan), np.zeros(count, dtype=np.int64))
    if samples < 2:
        return nothing
    width = round(span / float(np.median(np.diff(times, axis=1)))) if count else 0
    if not 2 <= width <= samples:
        return nothing
    signal = np.where(np.abs(signal) < LARGEST, signal, np.nan)
    shifted = signal - np.mean(np.nan_to_num(signal), axis=1, keepdims=True)
    pad = np.zeros((count, 1))
    first = np.concatenate([pad, np.cumsum(shifted, axis=1)], axis=1)
    second = np.concatenate([pad, np.cumsum(shifted**2, axis=1)], axis=1)
    mean = (first[:, width:] - first[:, :-width]) / width
    variance = (second[:, width:] - second[:, :-width]) / width - mean**2
    ends = np.arange(width, samples + 1)
    variance = np.where((ends <= np.asarray(onset).reshape(-1, 1)) & np.isfinite(variance), variance, np.inf)
    best = np.argmin(variance, axis=1)
    found = np.isfinite(variance[np.arange(count), best])
    part = np.take_along_axis(signal, best[:, None] + np.arange(width), axis=1)
    return Level(
        np.where(found, part.mean(axis=1), np.nan), np.where(found, part.std(axis=1, ddof=1), np.nan),
        np.where(found, width, 0),
    )  # fmt: skip


def truncated(level: Level, reference: ArrayLike, most: float = 20.0) -> NDArray[np.bool_]:
    """Return whether records begin inside the signal: the median of the start is more than `most` off the reference.

    IDEX science definition, section 5; raw data, DN. The reference levels are 511, 513 and 514 DN for High, Mid, Low.
    """
    return np.asarray(np.abs(level.baseline - np.asarray(reference)) > most)


def signal_to_noise(y: ArrayLike, level: Level) -> Floats:
    """Return (max(y) - baseline)/sigma, shape (n,); NaN without a baseline, without noise, without a finite sample.

    IDEX science definition, section 5. An empty window must be flagged by the caller: ``level.samples == 0``.
    """
    signal = np.atleast_2d(np.asarray(y, dtype=np.float64))
    highest = np.max(np.where(np.abs(signal) < LARGEST, signal, -np.inf), axis=1, initial=-np.inf)
    usable = np.isfinite(highest) & (level.sigma > 0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return np.where(usable, (highest - level.baseline) / level.sigma, np.nan)
