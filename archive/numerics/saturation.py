"""Saturation of raw records: flags, masks and the plateaus that show it.

IDEX science definition, section 6. Saturation is decided on raw values, DN, never on converted ones: a channel is
saturated when a sample reaches 0.95 of full scale.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Booleans = NDArray[np.bool_]

#: The part of full scale from which on a sample is saturated.
PART: Final = 0.95

#: Full scale of the 10-bit (TOF) and 12-bit (target, ion grid) converters, DN.
FULL_SCALE: Final = {10: 1023, 12: 4095}


class Plateaus(NamedTuple):
    """Runs of equal values at the maximum or minimum of records: record, first sample, length and value, one list."""

    record: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    value: NDArray[np.float64]


def _rows(dn: ArrayLike) -> NDArray[np.float64]:
    return np.atleast_2d(np.asarray(dn, dtype=np.float64))


def saturated_channel(dn: ArrayLike, full_scale: float, part: float = PART) -> Booleans:
    """Return whether any finite sample of a record is at least `part` of `full_scale`; `dn` is (n, samples), DN."""
    rows = _rows(dn)
    return np.asarray((np.isfinite(rows) & (rows >= part * full_scale)).any(axis=1))


def saturated_samples(dn: ArrayLike, full_scale: float, *, part: float = PART, widen: int = 2) -> Booleans:
    """Return the mask of saturated samples, widened by `widen` samples on each side, shape (n, samples)."""
    rows = _rows(dn)
    core = np.isfinite(rows) & (rows >= part * full_scale)
    mask = core.copy()
    for shift in range(1, widen + 1):
        mask[:, shift:] |= core[:, :-shift]
        mask[:, :-shift] |= core[:, shift:]
    return mask


def longest_run(dn: ArrayLike) -> NDArray[np.int64]:
    """Return the length of the longest run of equal values of each record, a diagnostic only.

    On 10-bit data quiet baselines repeat constantly, so that a run says nothing about saturation by itself.
    """
    rows = _rows(dn)
    longest = np.full(rows.shape[0], int(rows.shape[1] > 0), dtype=np.int64)
    run = longest.copy()
    for i in range(1, rows.shape[1]):
        run = np.where(rows[:, i] == rows[:, i - 1], run + 1, 1)
        longest = np.maximum(longest, run)
    return longest


def plateaus(dn: ArrayLike, least: int = 3) -> Plateaus:
    """Return the runs of at least `least` equal samples that lie at the maximum or minimum of their record.

    A record whose values are all the same has none: that is not a plateau but no signal.
    """
    rows = _rows(dn)
    if not rows.size:
        nothing = np.zeros(0, dtype=np.int64)
        return Plateaus(nothing, nothing, nothing, np.zeros(0))
    finite = np.isfinite(rows)
    top = np.max(np.where(finite, rows, -np.inf), axis=1, keepdims=True)
    low = np.min(np.where(finite, rows, np.inf), axis=1, keepdims=True)
    extreme = np.where(rows == top, 1, np.where(rows == low, -1, 0)) * (top > low)
    edge = np.zeros((rows.shape[0], 1), dtype=extreme.dtype)
    padded = np.concatenate([edge, extreme, edge], axis=1)
    changes = np.diff(padded, axis=1) != 0
    record, start = np.nonzero(changes[:, :-1] & (extreme != 0))
    _, stop = np.nonzero(changes[:, 1:] & (extreme != 0))
    length = stop - start + 1
    keep = length >= least
    record, start, length = record[keep], start[keep], length[keep]
    return Plateaus(record, start, length, rows[record, start])
