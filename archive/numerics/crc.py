"""CRC-16/CCITT-FALSE: polynomial 0x1021, initial value 0xFFFF, no reflection, no final XOR.

The checksum of CCSDS packets (IDEX packet definition, section 2.4). A message followed by its own checksum, most
significant byte first, has checksum 0.

The checksum of a piece ``[a, b)`` of a longer text also follows in constant time from the checksums of the text's
beginnings: with ``P(k)`` the checksum (initial value 0) of the first ``k`` bytes, it is
``P(b) + x^(8(b-a)) * (P(a) + 0xFFFF)`` over GF(2) modulo the polynomial. The search for lost packets uses that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archive.numerics.jit import kernel

POLYNOMIAL = 0x1021
INITIAL = 0xFFFF


def _tables(count: int) -> NDArray[np.uint16]:
    """Return table ``k`` = checksum of every byte followed by ``k`` zero bytes, shape ``(count, 256)``."""
    value = np.arange(256, dtype=np.uint32) << 8
    for _ in range(8):
        value = np.where(value & 0x8000, (value << 1) ^ POLYNOMIAL, value << 1) & 0xFFFF
    tables = [value]
    for _ in range(count - 1):
        last = tables[-1]
        tables.append(((last << 8) & 0xFFFF) ^ value[last >> 8])
    return np.array(tables, dtype=np.uint16)


_T = _tables(16)
_T0 = _T[0].copy()


@kernel
def crc16(data: NDArray[np.uint8], start: int, stop: int) -> np.int64:
    """Return the checksum of ``data[start:stop]``, sixteen bytes at a time."""
    value = np.uint32(INITIAL)
    i = start
    while i + 16 <= stop:
        a = np.uint32(data[i]) ^ (value >> np.uint32(8))
        b = np.uint32(data[i + 1]) ^ (value & np.uint32(0xFF))
        value = np.uint32(
            _T[15, a]
            ^ _T[14, b]
            ^ _T[13, data[i + 2]]
            ^ _T[12, data[i + 3]]
            ^ _T[11, data[i + 4]]
            ^ _T[10, data[i + 5]]
            ^ _T[9, data[i + 6]]
            ^ _T[8, data[i + 7]]
            ^ _T[7, data[i + 8]]
            ^ _T[6, data[i + 9]]
            ^ _T[5, data[i + 10]]
            ^ _T[4, data[i + 11]]
            ^ _T[3, data[i + 12]]
            ^ _T[2, data[i + 13]]
            ^ _T[1, data[i + 14]]
            ^ _T[0, data[i + 15]]
        )
        i += 16
    while i < stop:
        value = np.uint32(((value << 8) & 0xFFFF) ^ _T0[(value >> 8) ^ data[i]])
        i += 1
    return np.int64(value)


@kernel
def _crc16_many(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], lengths: NDArray[np.int64], out: NDArray[np.uint16]
) -> None:
    for i in range(len(offsets)):
        out[i] = crc16(data, offsets[i], offsets[i] + lengths[i])


def crc16_many(data: NDArray[np.uint8], offsets: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Return the checksums of ``n`` pieces of `data`.

    Parameters
    ----------
    data
        Bytes, uint8.
    offsets, lengths
        First byte and number of bytes of each piece, ``n`` each.

    Raises
    ------
    ValueError
        When a piece reaches outside `data`, or the two arrays differ in length.
    """
    offsets = np.ascontiguousarray(offsets, dtype=np.int64)
    lengths = np.ascontiguousarray(lengths, dtype=np.int64)
    if offsets.shape != lengths.shape or offsets.ndim != 1:
        raise ValueError("offsets and lengths must be one-dimensional and equally long")
    if len(offsets) and (offsets.min() < 0 or lengths.min() < 0 or (offsets + lengths).max() > len(data)):
        raise ValueError(f"a piece reaches outside the {len(data)} bytes")
    out = np.empty(len(offsets), dtype=np.uint16)
    _crc16_many(readonly(data), offsets, lengths, out)
    return out


def readonly(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a contiguous read-only view of `data`: one array type, so each kernel is compiled once."""
    view = np.ascontiguousarray(data, dtype=np.uint8).view()
    view.flags.writeable = False
    return view


@kernel
def extend_prefix_crc(data: NDArray[np.uint8], start: int, table: NDArray[np.uint16], done: int, upto: int) -> None:
    """Fill ``table[done + 1 : upto + 1]`` with the checksums (initial value 0) of ``data[start : start + k]``."""
    value = np.uint32(table[done])
    for k in range(done, upto):
        value = np.uint32(((value << 8) & 0xFFFF) ^ _T0[(value >> 8) ^ data[start + k]])
        table[k + 1] = value


@kernel
def shift_table(count: int) -> NDArray[np.uint16]:
    """Return ``x^(8k)`` modulo the polynomial for ``k`` = 0 ... ``count - 1``."""
    out = np.empty(count, dtype=np.uint16)
    value = np.uint32(1)
    for k in range(count):
        out[k] = value
        value = np.uint32(((value << 8) & 0xFFFF) ^ _T0[value >> 8])
    return out


@kernel
def multiply(a: np.int64, b: np.int64) -> np.int64:
    """Return the product of two polynomials over GF(2) of degree below 16, modulo the CRC polynomial."""
    value = np.uint32(0)
    for i in range(15, -1, -1):
        high = value & np.uint32(0x8000)
        value = np.uint32((value << 1) & 0xFFFF)
        if high:
            value ^= np.uint32(POLYNOMIAL)
        if (b >> i) & 1:
            value ^= np.uint32(a)
    return np.int64(value)
