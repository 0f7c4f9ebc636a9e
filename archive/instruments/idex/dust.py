"""The dust-hit test: does the time-of-flight record of an event show mass lines?

Source: IDEX packet definition, section 12.1. Per TOF channel the baseline is the median of the first 3 microseconds,
sigma is 1.4826 times the median absolute deviation there (the standard deviation if that is 0). Peaks have a height of
at least 7 sigma, a prominence of at least 5 sigma and a distance of at least 0.030 microseconds; peaks of one saturated
run count once. The event is a dust hit when any channel has two peaks whose full width at half maximum is 0.020
microseconds or more, or TOF High has exactly one peak, of directly measured width 0.050 microseconds or more.

Peaks are found as in ``scipy.signal.find_peaks``: a plateau counts at its middle, of two close peaks the higher stays.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.flags import SATURATION
from archive.instruments.idex.layout import DT_HIGH
from archive.numerics.jit import kernel
from archive.numerics.peaks import apart, prominence_of, summits

_EARLY = round(3 / DT_HIGH)  # samples in the first 3 us
_DISTANCE = round(0.030 / DT_HIGH)
_NEAR = 0.050 / DT_HIGH
_HEIGHT, _PROMINENCE = 7.0, 5.0  # sigma
_TWO_PEAKS, _ONE_PEAK = 0.020 / DT_HIGH, 0.050 / DT_HIGH  # width, samples
_SATURATED = SATURATION * 1023
_ROBUST = 1.4826
_LEVELS = 1024  # raw values of a TOF channel

#: Baseline and sigma, DN, of High, Mid and Low when the record begins inside the signal, and how far off tells so.
_REFERENCE = np.array([511.0, 513.0, 514.0])
_REFERENCE_SIGMA = np.array([2.9652, 1.4826, 2.9652])
_TRUNCATED = 20.0


@kernel
def _twice_median(counts: NDArray[np.int64], total: int) -> int:
    """Return twice the median of `total` numbers, of which `counts` says how often each occurs."""
    low = -1
    seen = 0
    for value in range(counts.size):
        seen += counts[value]
        if low < 0 and 2 * seen >= total:
            low = value
        if 2 * seen > total:
            return low + value
    return 2 * low


@kernel
def _noise(x: NDArray[np.int16]) -> tuple[float, float]:
    """Return baseline and sigma of the start of a record; samples are small integers, so counting beats sorting."""
    early = x[:_EARLY]
    counts = np.zeros(_LEVELS, np.int64)
    for value in early:
        counts[value] += 1
    twice = _twice_median(counts, early.size)
    deviations = np.zeros(2 * _LEVELS, np.int64)
    for value in range(_LEVELS):
        deviations[abs(2 * value - twice)] += counts[value]
    baseline = twice / 2
    sigma = _ROBUST * _twice_median(deviations, early.size) / 4
    if sigma == 0.0:
        sigma = float(np.std(early.astype(np.float64)))
    return baseline, sigma


@kernel
def _peaks(x: NDArray[np.int16], baseline: float, sigma: float) -> NDArray[np.int64]:
    """Return the qualifying peaks of one record, one for each saturated run, in order of time."""
    peaks = apart(x, summits(x, math.ceil(baseline + _HEIGHT * sigma)), _DISTANCE)
    found = np.empty(peaks.size, np.int64)
    count = 0
    run_end = -1  # sample after the saturated run that the last peak belongs to
    for peak in peaks:
        if prominence_of(x, peak) < _PROMINENCE * sigma:
            continue
        if x[peak] >= _SATURATED and peak < run_end:
            if x[peak] > x[found[count - 1]]:
                found[count - 1] = peak
            continue
        if x[peak] >= _SATURATED:
            run_end = peak
            while run_end < x.size and x[run_end] >= _SATURATED:
                run_end += 1
        found[count] = peak
        count += 1
    return found[:count]


@kernel
def _width(x: NDArray[np.int16], peak: int, baseline: float) -> float:
    """Return the full width at half maximum, samples; NaN when the record ends before half height."""
    half = baseline + (x[peak] - baseline) / 2
    left = peak
    while left >= 0 and x[left] >= half:
        left -= 1
    right = peak
    while right < x.size and x[right] >= half:
        right += 1
    if left < 0 or right >= x.size:
        return math.nan
    begins = left + (half - x[left]) / float(x[left + 1] - x[left])
    ends = right - (half - x[right]) / float(x[right - 1] - x[right])
    width: float = ends - begins
    return width


@kernel
def _lower_gain_width(x: NDArray[np.int16], peaks: NDArray[np.int64], peak: int, baseline: float) -> float:
    """Return the width of the nearest peak of a lower gain that is not saturated; NaN when none is near."""
    nearest, distance = -1, _NEAR
    for other in peaks:
        if x[other] < _SATURATED and abs(other - peak) <= distance:
            if nearest >= 0 and abs(other - peak) == distance:
                continue
            nearest, distance = other, float(abs(other - peak))
    width: float = math.nan
    if nearest >= 0:
        width = _width(x, nearest, baseline)
    return width


@kernel
def _lines(
    tof: tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]],
    baseline: NDArray[np.float64],
    sigma: NDArray[np.float64],
    one_peak_rule: bool,
) -> bool:
    """Return whether the records (High, Mid, Low; an empty one was not received) show lines."""
    peaks = (
        _peaks(tof[0], baseline[0], sigma[0]),
        _peaks(tof[1], baseline[1], sigma[1]),
        _peaks(tof[2], baseline[2], sigma[2]),
    )
    for gain in range(3):
        x = tof[gain]
        wide = 0
        for peak in peaks[gain]:
            if x[peak] < _SATURATED:
                width = _width(x, peak, baseline[gain])
                if one_peak_rule and gain == 0 and peaks[0].size == 1 and width >= _ONE_PEAK:
                    return True
            else:
                width = math.nan
                for lower in range(gain + 1, 3):
                    if math.isnan(width):
                        width = _lower_gain_width(tof[lower], peaks[lower], peak, baseline[lower])
            if width >= _TWO_PEAKS:
                wide += 1
        if wide >= 2:
            return True
    return False


@kernel
def _hits(
    high: NDArray[np.int16],
    mid: NDArray[np.int16],
    low: NDArray[np.int16],
    present: NDArray[np.bool_],
    hit: NDArray[np.bool_],
) -> None:
    for event in range(hit.size):
        tof = (
            high[event, : high.shape[1] * present[event, 0]],
            mid[event, : mid.shape[1] * present[event, 1]],
            low[event, : low.shape[1] * present[event, 2]],
        )
        baseline, sigma = _REFERENCE.copy(), _REFERENCE_SIGMA.copy()
        truncated = False
        for gain in range(3):
            if present[event, gain]:
                baseline[gain], sigma[gain] = _noise(tof[gain])
                truncated |= abs(baseline[gain] - _REFERENCE[gain]) > _TRUNCATED
        hit[event] = _lines(tof, baseline, sigma, True)
        if truncated and not hit[event]:
            for gain in range(3):
                if abs(baseline[gain] - _REFERENCE[gain]) > _TRUNCATED:
                    baseline[gain], sigma[gain] = _REFERENCE[gain], _REFERENCE_SIGMA[gain]
            hit[event] = _lines(tof, baseline, sigma, False)


def dust_hits(
    high: NDArray[np.int16], mid: NDArray[np.int16], low: NDArray[np.int16], present: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return whether the TOF records show a dust hit; meant for science events only.

    Parameters
    ----------
    high, mid, low
        Raw TOF records, DN, shape (n, samples) each.
    present
        Whether each record was received, in the order High, Mid, Low, shape (n, 3).

    Returns
    -------
    ndarray
        Shape (n,).
    """
    hit = np.zeros(high.shape[0], dtype=np.bool_)
    _hits(high, mid, low, np.ascontiguousarray(present), hit)
    return hit
