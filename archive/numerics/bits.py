"""Samples of 10 and 12 bits in 32-bit words, many records at a time.

The layout is that of uncompressed waveform channels in the IDEX packet definition, section 7.1. A record is a run of
big-endian 32-bit words:

* 10-bit samples, three per word: bits 20-29, 10-19, 0-9 in order of time; bits 30-31 are zero. With ``N mod 3 = m > 0``
  the last word holds ``m`` samples *right-aligned*, so 8192 samples leave one empty field at the head of the last word.
* 12-bit samples, two per word: bits 12-23, then 0-11; bits 24-31 are zero. An odd ``N`` leaves its last word
  right-aligned by the same rule.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archive.numerics.jit import kernel


def samples_per_word(bits: int) -> int:
    """Return how many samples of `bits` bits (10 or 12) a 32-bit word holds.

    Raises
    ------
    ValueError
        For any other number of bits.
    """
    if bits not in (10, 12):
        raise ValueError(f"samples have 10 or 12 bits, not {bits}")
    return 3 if bits == 10 else 2


def packed_size(samples: int, bits: int) -> int:
    """Return the size in bytes of a packed record of `samples` samples of `bits` bits."""
    return 4 * -(-samples // samples_per_word(bits))


@kernel
def _unpack(data: NDArray[np.uint8], offsets: NDArray[np.int64], bits: int, out: NDArray[np.int16]) -> None:
    per_word = 3 if bits == 10 else 2
    mask = np.uint32((1 << bits) - 1)
    samples = out.shape[1]
    full = samples // per_word
    rest = samples - full * per_word
    for record in range(offsets.size):
        if offsets[record] < 0:
            continue
        at = np.uint64(offsets[record])
        row = out[record]
        for word in range(full + (rest > 0)):
            value = (
                np.uint32(data[at]) << np.uint32(24)
                | np.uint32(data[at + np.uint64(1)]) << np.uint32(16)
                | np.uint32(data[at + np.uint64(2)]) << np.uint32(8)
                | np.uint32(data[at + np.uint64(3)])
            )
            at += np.uint64(4)
            first = word * per_word
            held = per_word if word < full else rest
            if bits == 10 and held == 3:  # the common case without an inner loop
                row[first] = (value >> np.uint32(20)) & mask
                row[first + 1] = (value >> np.uint32(10)) & mask
                row[first + 2] = value & mask
            else:
                for field in range(held):
                    row[first + field] = (value >> np.uint32((held - 1 - field) * bits)) & mask


@kernel
def _pack(samples: NDArray[np.int16], bits: int, out: NDArray[np.uint8]) -> None:
    per_word = 3 if bits == 10 else 2
    count = samples.shape[1]
    for record in range(samples.shape[0]):
        at = 0
        for first in range(0, count, per_word):
            held = min(per_word, count - first)
            value = np.uint32(0)
            for field in range(held):
                value = (value << np.uint32(bits)) | np.uint32(samples[record, first + field])
            out[record, at] = value >> np.uint32(24)
            out[record, at + 1] = (value >> np.uint32(16)) & np.uint32(0xFF)
            out[record, at + 2] = (value >> np.uint32(8)) & np.uint32(0xFF)
            out[record, at + 3] = value & np.uint32(0xFF)
            at += 4


def unpack(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    bits: int,
    samples: int,
    out: NDArray[np.int16] | None = None,
) -> NDArray[np.int16]:
    """Unpack many records of equal length.

    Parameters
    ----------
    data
        Bytes that hold the records, shape (n_bytes,).
    offsets
        Where each record begins in `data`, bytes, shape (n,). A negative offset means that the record is absent: its
        row of `out` is left as it is.
    bits
        Bits per sample, 10 or 12.
    samples
        Samples per record.
    out
        Where to write, shape (n, samples); a new array of zeros when not given.

    Returns
    -------
    ndarray
        `out`: raw values, DN, shape (n, samples).

    Raises
    ------
    ValueError
        When a record would reach beyond the end of `data`, or `out` has another shape.
    """
    size = packed_size(samples, bits)
    offsets = np.ascontiguousarray(offsets, dtype=np.int64)
    if out is None:
        out = np.zeros((offsets.size, samples), dtype=np.int16)
    if out.shape != (offsets.size, samples):
        raise ValueError(f"out has shape {out.shape}, needed is {(offsets.size, samples)}")
    if offsets.size and int(offsets.max()) > data.size - size:
        raise ValueError(f"a record of {size} bytes at {int(offsets.max())} ends beyond the {data.size} bytes of data")
    _unpack(data, offsets, bits, out)
    return out


def pack(samples: NDArray[np.int16], bits: int) -> NDArray[np.uint8]:
    """Pack many records: the inverse of `unpack`.

    Parameters
    ----------
    samples
        Raw values, DN, shape (n, samples), each from 0 to ``2**bits - 1``.
    bits
        Bits per sample, 10 or 12.

    Returns
    -------
    ndarray
        Packed records, bytes, shape (n, `packed_size`).

    Raises
    ------
    ValueError
        When a sample does not fit.
    """
    size = packed_size(samples.shape[1], bits)
    check_range(samples, bits)
    out = np.empty((samples.shape[0], size), dtype=np.uint8)
    _pack(samples, bits, out)
    return out


def check_range(samples: NDArray[np.int16], bits: int) -> None:
    """Raise ValueError unless every sample is from 0 to ``2**bits - 1``."""
    if samples.size and (int(samples.min()) < 0 or int(samples.max()) >> bits):
        raise ValueError(f"samples from {samples.min()} to {samples.max()} do not fit in {bits} bits")
