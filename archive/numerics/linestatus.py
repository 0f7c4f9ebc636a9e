"""What can be said against a fitted line (IDEX science definition, section 10.6)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from archive.numerics import status as word
from archive.numerics.jit import kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: The tail is undetermined when the relative error of lambda, or lambda sigma, is larger.
LAMBDA_ERROR: Final = 0.5
LAMBDA_SIGMA: Final = 4.0

_SATURATED, _NO_SIGNAL = word.SATURATED, word.NO_SIGNAL


@kernel
def _mark_samples(
    y: Floats, record: Integers, sample: Integers, begin: Integers, end: Integers, saturated: NDArray[np.bool_],
    status: NDArray[np.int32],
) -> None:  # fmt: skip
    """Mark lines whose window is saturated, and those whose window is constant."""
    for k in range(record.size):
        row = y[record[k]]
        if saturated.size:
            for i in range(begin[k], end[k]):
                if saturated[record[k], i]:
                    status[k] |= _SATURATED
                    break
        elif row.size:
            left = right = sample[k]
            while left > begin[k] and row[left - 1] == row[sample[k]]:
                left -= 1
            while right + 1 < end[k] and row[right + 1] == row[sample[k]]:
                right += 1
            if right - left + 1 == end[k] - begin[k]:
                status[k] |= _NO_SIGNAL
            elif right - left >= 2:
                status[k] |= _SATURATED


def judge_samples(
    y: Floats, record: Integers, sample: Integers, begin: Integers, end: Integers, saturated: NDArray[np.bool_] | None,
    status: NDArray[np.int32],
) -> None:  # fmt: skip
    """Add SATURATED and NO_SIGNAL to the status of lines, by the samples of their windows.

    Parameters
    ----------
    y, record, sample, begin, end
        Signal (n, samples), and record, highest sample, first sample and end of each line.
    saturated
        Mask like `y`. Without it a line is saturated when its highest value repeats at least three times in a row.
    status
        Bits of `archive.numerics.status`, changed in place.
    """
    mask = np.zeros((0, 0), dtype=np.bool_) if saturated is None else np.ascontiguousarray(saturated)
    _mark_samples(y, record, sample, begin, end, mask, status)


def judge_values(
    values: Floats, covariance: Floats, sigma_bounds: tuple[float, float], lambda_bounds: tuple[float, float]
) -> NDArray[np.int32]:
    """Return what the values themselves say: bounds, no area, no tail."""
    area, _, sigma, lam = values.T
    near = 1.0 + 1e-9
    bits = np.zeros(area.shape, dtype=np.int32)
    bits[(sigma <= sigma_bounds[0] * near) | (sigma * near >= sigma_bounds[1])] |= word.SIGMA_AT_BOUND
    bits[(lam <= lambda_bounds[0] * near) | (lam * near >= lambda_bounds[1])] |= word.LAMBDA_AT_BOUND
    with np.errstate(invalid="ignore"):
        unsure = np.sqrt(covariance[:, 3, 3]) > LAMBDA_ERROR * lam
    bits[unsure | (lam * sigma > LAMBDA_SIGMA)] |= word.LAMBDA_UNDETERMINED
    bits[area == 0.0] |= word.NO_SIGNAL
    return bits


def at_edge(values: Floats, t: Floats, at: Integers, length: Integers, window: Integers) -> NDArray[np.int32]:
    """Return MU_AT_EDGE where mu is the first or last time of its window."""
    if not t.size:
        return np.zeros(values.shape[0], dtype=np.int32)
    first, last = t[at[window]], t[at[window] + np.maximum(length[window], 1) - 1]
    return np.where((values[:, 1] <= first) | (values[:, 1] >= last), word.MU_AT_EDGE, 0).astype(np.int32)
