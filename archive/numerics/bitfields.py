"""Big-endian bit fields of many records at a time, at any bit position and up to 64 bits wide.

Bit 0 is the most significant bit of byte 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archive.numerics.jit import kernel


@kernel
def read_bits(data: NDArray[np.uint8], position: int, width: int) -> np.uint64:
    """Return the `width` bits (0 to 64) of `data` from bit `position` on."""
    value = np.uint64(0)
    left = width
    byte = position >> 3
    skip = position & 7
    while left > 0:
        here = min(8 - skip, left)
        piece = (np.uint64(data[byte]) >> np.uint64(8 - skip - here)) & np.uint64((1 << here) - 1)
        value = (value << np.uint64(here)) | piece
        left -= here
        skip = 0
        byte += 1
    return np.uint64(value)


@kernel
def read_fields(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    bits: NDArray[np.int64],
    widths: NDArray[np.int64],
    out: NDArray[np.uint64],
) -> None:
    """Read ``m`` fields of ``n`` records.

    Parameters
    ----------
    data
        Bytes, uint8.
    starts
        First bit of each record, ``n``.
    bits, widths
        First bit within the record and width of each field, ``m``.
    out
        Output, ``(m, n)``.
    """
    for i in range(len(starts)):
        for j in range(len(bits)):
            out[j, i] = read_bits(data, starts[i] + bits[j], widths[j])


@kernel
def read_bytes(data: NDArray[np.uint8], starts: NDArray[np.int64], width: int, out: NDArray[np.uint8]) -> None:
    """Read a field of any width from ``n`` records as ``(n, ceil(width / 8))`` bytes, zero bits in front."""
    count = (width + 7) // 8
    first = width - 8 * (count - 1)
    for i in range(len(starts)):
        position = starts[i]
        for j in range(count):
            size = first if j == 0 else 8
            out[i, j] = read_bits(data, position, size)
            position += size
