"""Ranges of bytes in one large array, many at a time: read heads, join, compare."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archive.numerics.jit import kernel


@kernel
def _copy(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    out: NDArray[np.uint8],
    targets: NDArray[np.int64],
) -> None:
    for i in range(starts.size):
        source, target = starts[i], targets[i]
        for k in range(sizes[i]):
            out[target + k] = data[source + k]


@kernel
def _equal(
    data: NDArray[np.uint8],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    sizes: NDArray[np.int64],
    out: NDArray[np.bool_],
) -> None:
    for i in range(sizes.size):
        same = True
        for k in range(sizes[i]):
            if data[first[i] + k] != data[second[i] + k]:
                same = False
                break
        out[i] = same


def _int64(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.ascontiguousarray(values, dtype=np.int64)


def heads(data: NDArray[np.uint8], starts: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    """Return `size` bytes from each of `starts`, shape (n, size)."""
    out = np.empty((len(starts), size), dtype=np.uint8)
    sizes = np.full(len(starts), size, dtype=np.int64)
    _copy(data, _int64(starts), sizes, out.reshape(-1), np.arange(len(starts), dtype=np.int64) * size)
    return out


def joined(data: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the ranges one behind the other, shape (sum of sizes,)."""
    ends = np.cumsum(_int64(sizes))
    out = np.empty(int(ends[-1]) if ends.size else 0, dtype=np.uint8)
    _copy(data, _int64(starts), _int64(sizes), out, _int64(ends - sizes))
    return out


def equal(
    data: NDArray[np.uint8], first: NDArray[np.int64], second: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return for each pair of ranges whether their bytes are equal, shape (n,)."""
    out = np.zeros(len(sizes), dtype=np.bool_)
    _equal(data, _int64(first), _int64(second), _int64(sizes), out)
    return out


def words(rows: NDArray[np.uint8], first: int, size: int) -> NDArray[np.int64]:
    """Return the big-endian unsigned number in bytes ``first`` to ``first + size - 1`` of each row, shape (n,)."""
    value = np.zeros(rows.shape[0], dtype=np.int64)
    for column in range(first, first + size):
        value = (value << 8) | rows[:, column]
    return value
