"""Peaks of many records at once: height, prominence, distance, half widths.

The rules are those of ``scipy.signal.find_peaks``: a peak is a sample or a flat top that is higher than its neighbours,
a flat top counts at its middle; of two peaks closer than the distance the higher stays; prominence is the height above
the higher of the two lowest points that part a peak from higher ground. A sample that is not finite is never a peak and
never higher ground.

IDEX science definition, sections 7 (dust hits) and 10.2 (lines).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archive.numerics.jit import kernel
from archive.numerics.special import Number, owned

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Samples that the signal is averaged over before lines are sought.
SMOOTHING = 5


class Peaks(NamedTuple):
    """Peaks of all records in one list, ordered by record, then time; arrays of one length.

    Attributes
    ----------
    record, sample
        Number of the record and of the sample.
    height, prominence
        In the unit of the signal.
    left, right
        Distance from the peak to half its height, samples; NaN where the record or the valley to a neighbouring peak
        ends before.
    """

    record: Integers
    sample: Integers
    height: Floats
    prominence: Floats
    left: Floats
    right: Floats


@kernel
def summits(y: NDArray[Any], least: Number) -> Integers:
    """Return the local maxima of one record of at least `least`, in order of time."""
    found = np.empty(y.size // 2 + 1, np.int64)
    count = 0
    i = 1
    while i < y.size - 1:
        if y[i] >= least and y[i - 1] < y[i]:
            ahead = i + 1
            while ahead < y.size - 1 and y[ahead] == y[i]:
                ahead += 1
            if y[ahead] < y[i]:
                found[count] = (i + ahead - 1) // 2
                count += 1
                i = ahead
        i += 1
    return found[:count]


@kernel
def apart(y: NDArray[Any], peaks: Integers, distance: Number) -> Integers:
    """Return the peaks that remain when every higher peak removes those closer than `distance` samples.

    Of equal ones the later goes first.
    """
    keep = np.ones(peaks.size, np.bool_)
    order = np.argsort(y[peaks], kind="mergesort")
    for position in order[::-1]:
        if not keep[position]:
            continue
        other = position - 1
        while other >= 0 and peaks[position] - peaks[other] < distance:
            keep[other] = False
            other -= 1
        other = position + 1
        while other < peaks.size and peaks[other] - peaks[position] < distance:
            keep[other] = False
            other += 1
    return peaks[keep]


@kernel
def prominence_of(y: NDArray[Any], peak: int) -> Number:
    """Return the prominence of one peak."""
    left = right = y[peak]
    i = peak
    while i >= 0 and not y[i] > y[peak]:
        left = y[i] if y[i] < left else left
        i -= 1
    i = peak
    while i < y.size and not y[i] > y[peak]:
        right = y[i] if y[i] < right else right
        i += 1
    return y[peak] - max(left, right)


@kernel
def half_distance(y: Floats, peak: int, base: Number, stop: int, step: int) -> Number:
    """Return how far from a peak its half height above `base` lies, samples; NaN when that is not before `stop`.

    `step` is -1 to the left, 1 to the right. Between samples the signal is a straight line.
    """
    half = base + 0.5 * (y[peak] - base)
    i = peak
    while y[i] >= half:
        if i == stop:
            return math.nan
        i += step
    if not y[i] < half:
        return math.nan
    return abs(i - peak) - (half - y[i]) / (y[i - step] - y[i])


@kernel
def _valley(row: Floats, begin: int, end: int) -> int:
    """Return the lowest sample from `begin` to before `end`, the first of equal ones."""
    lowest = begin
    for i in range(begin, end):
        if row[i] < row[lowest]:
            lowest = i
    return lowest


@kernel
def _candidates(y: Floats, height: Floats, distance: Number, counts: Integers) -> Integers:
    """Return the peaks of all records that are high and far enough, and fill how many each record has."""
    total = 0
    for record in range(y.shape[0]):
        total += summits(y[record], height[record]).size
    samples, total = np.empty(total, np.int64), 0
    for record in range(y.shape[0]):
        peaks = apart(y[record], summits(y[record], height[record]), distance)
        counts[record] = peaks.size
        for peak in peaks:
            samples[total] = peak
            total += 1
    return samples[:total]


@kernel
def _describe(y: Floats, base: Floats, least: Floats, samples: Integers, counts: Integers, values: Floats) -> None:
    """Fill height, prominence and half distances; peaks of too little prominence get a sample of -1."""
    first = 0
    for record in range(y.shape[0]):
        row, last = y[record], first
        for k in range(first, first + counts[record]):
            prominence = prominence_of(row, samples[k])
            if prominence >= least[record]:
                samples[last], values[last, 0], values[last, 1] = samples[k], row[samples[k]], prominence
                last += 1
        for k in range(first, last):
            before = _valley(row, samples[k - 1], samples[k]) if k > first else 0
            after = _valley(row, samples[k], samples[k + 1]) if k + 1 < last else row.size - 1
            values[k, 2] = half_distance(row, samples[k], base[record], before, -1)
            values[k, 3] = half_distance(row, samples[k], base[record], after, 1)
        for k in range(last, first + counts[record]):
            samples[k] = -1
        first += counts[record]


def find_peaks(
    y: ArrayLike,
    height: ArrayLike,
    prominence: ArrayLike,
    distance: float,
    *,
    base: ArrayLike = 0.0,
) -> Peaks:
    """Return the peaks of many records.

    Parameters
    ----------
    y
        Signal, shape (n, samples) or (samples,).
    height, prominence
        Least height and prominence, one number or one per record. A threshold of NaN finds nothing.
    distance
        Least distance, samples.
    base
        Level that half heights are measured from, one number or one per record.

    Returns
    -------
    Peaks
    """
    rows = owned(np.atleast_2d(np.asarray(y)))
    counts = np.zeros(rows.shape[0], dtype=np.int64)
    least, rise, bases = (
        owned(np.broadcast_to(np.asarray(each, dtype=np.float64), counts.shape)) for each in (height, prominence, base)
    )
    sample = _candidates(rows, least, float(distance), counts)
    values = np.empty((sample.size, 4))
    _describe(rows, bases, rise, sample, counts, values)
    record, kept = np.repeat(np.arange(counts.size), counts), sample >= 0
    columns = np.ascontiguousarray(values[kept].T)
    return Peaks(record[kept], sample[kept], columns[0], columns[1], columns[2], columns[3])


def full_widths(y: ArrayLike, peaks: ArrayLike, base: float) -> Floats:
    """Return the full widths at half maximum of peaks of one record, samples.

    IDEX science definition, section 7: from the peak outwards to the first sample below half height above `base` on
    each side, a straight line between samples; NaN when the record ends or has no value before.
    """
    row = owned(y)
    last = row.size - 1
    return np.array(
        [half_distance(row, peak, base, 0, -1) + half_distance(row, peak, base, last, 1) for peak in np.asarray(peaks)],
        dtype=np.float64,
    )


@kernel
def _smooth(y: Floats, reach: int, out: Floats) -> None:
    for record in range(y.shape[0]):
        row = y[record]
        for i in range(row.size):
            total, count = 0.0, 0
            for j in range(max(0, i - reach), min(row.size, i + reach + 1)):
                if abs(row[j]) < math.inf:
                    total += row[j]
                    count += 1
            out[record, i] = total / count if count else math.nan


def smooth(y: ArrayLike, samples: int = SMOOTHING) -> Floats:
    """Return the running mean over an odd number of samples, over fewer at the ends and beside missing samples.

    `y` has shape (..., samples); where no sample of the window is finite the result is NaN.
    """
    signal = np.asarray(y, dtype=np.float64)
    rows = owned(signal.reshape(math.prod(signal.shape[:-1]), signal.shape[-1]))
    out = np.empty_like(rows)
    _smooth(rows, samples // 2, out)
    return out.reshape(signal.shape)


def find_lines(
    y: ArrayLike,
    sigma: ArrayLike,
    *,
    significance: float = 5.0,
    floor: ArrayLike = 0.0,
    distance: float = 8.0,
    earliest: ArrayLike = 0,
) -> Peaks:
    """Return the peaks that may be mass lines (IDEX science definition, section 10.2).

    Parameters
    ----------
    y
        Merged signal without baseline, mA, shape (n, samples).
    sigma
        Noise of a sample, mA, one number or one per record.
    significance
        Least height and prominence, in units of the noise of the smoothed signal, sigma/sqrt(5).
    floor
        Least height and prominence, mA.
    distance
        Least distance, samples.
    earliest
        First sample that a line can lie at, one number or one per record: that of the impact.

    Returns
    -------
    Peaks
        Heights and half widths are those of the smoothed signal. No line is a valid result.
    """
    rows = np.atleast_2d(np.asarray(y, dtype=np.float64))
    least = np.maximum(significance * np.asarray(sigma, dtype=np.float64) / math.sqrt(SMOOTHING), floor)
    least = np.where(least > 0, least, np.nan)  # without noise and floor nothing can be called significant
    peaks = find_peaks(smooth(rows), least, least, distance)
    late = peaks.sample >= np.broadcast_to(earliest, rows.shape[:1])[peaks.record]
    return Peaks(
        peaks.record[late], peaks.sample[late], peaks.height[late], peaks.prominence[late], peaks.left[late],
        peaks.right[late],
    )  # fmt: skip
