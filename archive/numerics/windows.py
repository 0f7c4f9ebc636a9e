"""Fit windows: which samples belong to a line, which lines are fitted together, and where their fit begins.

IDEX science definition, sections 10.3 and 10.4.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archive.numerics.jit import kernel
from archive.numerics.peaks import Peaks, half_distance
from archive.numerics.special import Number, owned

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Reach of a window in half widths and in samples, left and right of the maximum.
REACH_LEFT, REACH_RIGHT = (4.0, 12.0), (6.0, 20.0)

#: Lines whose windows share more than this part of the shorter one are fitted together ...
OVERLAP = 0.25

#: ... but no more than this many: a joint fit costs the cube of their number.
MOST_TOGETHER = 8


class Windows(NamedTuple):
    """Windows in order of record and time; window i holds the lines ``first[i]`` to ``first[i + 1]`` of the peaks.

    Attributes
    ----------
    record
        Number of the record, shape (windows,).
    start, stop
        First sample and the one after the last, shape (windows,).
    first
        First line of each window and the total, shape (windows + 1,).
    line_start, line_stop
        The part of the window that is the line's own, for its area and the number of lines beside it, shape (lines,).
    """

    record: Integers
    start: Integers
    stop: Integers
    first: Integers
    line_start: Integers
    line_stop: Integers


@kernel
def _valley(row: Floats, left: int, right: int) -> int:
    """Return the lowest sample between two peaks; of equal ones the middle."""
    begin = end = left
    for i in range(left, right + 1):
        if row[i] < row[begin]:
            begin = end = i
        elif row[i] == row[begin] and i == end + 1:
            end = i
    return (begin + end) // 2


@kernel
def _lay(
    y: Floats, record: Integers, sample: Integers, left: Floats, right: Floats, overlap: Number, together: int,
    window: Integers, begin: Integers, end: Integers,
) -> None:  # fmt: skip
    """Fill the number of the window of each line and the line's own first sample and end."""
    count = sample.size
    for k in range(count):
        wl = left[k] if left[k] > 0 else right[k]
        wr = right[k] if right[k] > 0 else left[k]
        wl, wr = (wl if wl > 0 else 0.0), (wr if wr > 0 else 0.0)
        begin[k] = max(0, math.floor(sample[k] - max(REACH_LEFT[0] * wl, REACH_LEFT[1])))
        end[k] = min(y.shape[1], math.ceil(sample[k] + max(REACH_RIGHT[0] * wr, REACH_RIGHT[1])) + 1)
    members = 1
    for k in range(1, count):
        same = record[k] == record[k - 1]
        shared = end[k - 1] - begin[k] if same else 0
        shorter = min(end[k - 1] - begin[k - 1], end[k] - begin[k])
        joined = shared > overlap * shorter and members < together
        members = members + 1 if joined else 1
        window[k] = window[k - 1] + (0 if joined else 1)
    for k in range(1, count):  # after the shares are known: windows that are not joined end in the valley
        if record[k] == record[k - 1] and window[k] != window[k - 1] and begin[k] < end[k - 1]:
            cut = _valley(y[record[k]], sample[k - 1], sample[k])
            end[k - 1] = min(end[k - 1], cut + 1)
            begin[k] = max(begin[k], cut)


def lay_windows(
    y: NDArray[np.float64], peaks: Peaks, *, overlap: float = OVERLAP, together: int = MOST_TOGETHER
) -> Windows:
    """Return the windows of peaks.

    A window reaches from ``max(4 wl, 12)`` samples before the maximum to ``max(6 wr, 20)`` after it, wl and wr being
    the half widths. Lines whose windows share more than `overlap` of the shorter one get one window together, at most
    `together` of them; otherwise windows that meet are cut at the lowest point between the lines.

    Parameters
    ----------
    y
        The signal that `peaks` were found in, shape (n, samples).
    peaks
        Peaks, ordered by record and time.

    Returns
    -------
    Windows
    """
    lines = peaks.sample.size
    number, begin, end = (np.zeros(lines, dtype=np.int64) for _ in range(3))
    rows = owned(np.atleast_2d(y))
    _lay(rows, peaks.record, peaks.sample, peaks.left, peaks.right, overlap, together, number, begin, end)
    windows = int(number[-1]) + 1 if lines else 0
    first = np.searchsorted(number, np.arange(windows + 1)).astype(np.int64)
    at = first[:-1]
    start = np.minimum.reduceat(begin, at) if lines else begin
    stop = np.maximum.reduceat(end, at) if lines else end
    return Windows(peaks.record[at], start, stop, first, begin, end)


@kernel
def _starts(
    t: Floats, t_at: Integers, y: Floats, begins: Integers, ends: Integers, record: Integers, sample: Integers,
    left: Floats, right: Floats, together: NDArray[np.bool_], values: Floats,
) -> None:  # fmt: skip
    for k in range(sample.size):
        row, begin, end = y[record[k]], begins[k], ends[k]
        times = t[t_at[record[k]] : t_at[record[k]] + row.size]
        if end - begin < 2:
            values[k] = math.nan
            continue
        step = (times[end - 1] - times[begin]) / (end - 1 - begin)
        wl = left[k] if left[k] > 0 else right[k]
        wr = right[k] if right[k] > 0 else left[k]
        wl, wr = (wl * step if wl > 0 else step), (wr * step if wr > 0 else step)
        sigma = max(wl / 1.3, 0.5 * step)
        tau = max((wr - 0.6 * wl) / 0.9, 0.5 * sigma)
        area = 0.0
        for i in range(begin + 1, end):
            part = 0.5 * (max(0.0, row[i]) + max(0.0, row[i - 1])) * (times[i] - times[i - 1])
            area += part if 0.0 < part < math.inf else 0.0
        if together[k] and area > 0.0:  # the trapezoid holds the neighbours as well
            area = max(0.0, row[sample[k]]) * 1.06 * (wl + wr)
        values[k, 0], values[k, 1] = area, times[sample[k]] - 0.5 * min(sigma, tau)
        values[k, 2], values[k, 3] = sigma, 1.0 / tau


def start_values(
    t: NDArray[np.float64], t_at: Integers, y: NDArray[np.float64], peaks: Peaks, windows: Windows
) -> NDArray[np.float64]:
    """Return where the fits begin: area, mu, sigma and lambda of each line, shape (lines, 4).

    IDEX science definition, section 10.4: sigma from the rising, tau from the falling half width, the area from the
    trapezoid of the positive part of the window. For lines that are fitted together the trapezoid would count every
    line several times; there it is the area of a Gaussian of the same height and width. NaN without two samples.

    Parameters
    ----------
    t, t_at
        Times, us, one axis or several after one another, and where the axis of each record begins.
    y
        Signal without baseline, mA, shape (n, samples).
    """
    values = np.empty((peaks.sample.size, 4))
    size = np.diff(windows.first)
    _starts(
        t, t_at, y, windows.line_start, windows.line_stop, peaks.record, peaks.sample, peaks.left, peaks.right,
        np.repeat(size > 1, size), values,
    )  # fmt: skip
    return values


@kernel
def _tops(y: Floats, sample: Integers, values: Floats) -> None:
    for k in range(y.shape[0]):
        row = y[k]
        top = -1
        for i in range(row.size):
            if abs(row[i]) < math.inf and (top < 0 or row[i] > row[top]):
                top = i
        sample[k] = max(top, 0)
        values[k, 0] = row[top] if top >= 0 else math.nan
        if top >= 0:
            values[k, 2] = half_distance(row, top, 0.0, 0, -1)
            values[k, 3] = half_distance(row, top, 0.0, row.size - 1, 1)


def whole_rows(y: NDArray[np.float64]) -> tuple[Peaks, Windows]:
    """Return one peak, the highest sample, and one window, the whole row, for each row of `y`, shape (n, samples)."""
    count, samples = y.shape
    sample, values = np.zeros(count, dtype=np.int64), np.full((count, 4), np.nan)
    _tops(y, sample, values)
    record = np.arange(count)
    begin, end = np.zeros_like(record), np.full_like(record, samples)
    peaks = Peaks(record, sample, *(np.ascontiguousarray(values[:, i]) for i in range(4)))
    return peaks, Windows(record, begin, end, np.arange(count + 1), begin, end)
