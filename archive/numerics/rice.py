"""The Rice code of IDEX waveform channels, decoded and encoded many records at a time.

Source of the format: IDEX packet definition, section 7.4. A record is one bit stream, most significant bit first,
padded with zero bits to 32 bits. Each subframe of 64 samples is coded on its own:

* 2 bits ``psel``: 0 constant, 1 verbatim, 2 predict ``x[i-1]``, 3 predict ``2 x[i-1] - x[i-2]``;
* for ``psel >= 2``, 4 bits ``k``; then the first sample (for ``psel`` 3 the first two) in plain;
* residuals ``d``: with ``M = 2**(k+1)``, ``h = floor(d / M)``, ``r = d - h M``, ``q = 2h`` or ``-2h - 1``:
  ``q`` zeros, a one, ``r`` in ``k+1`` bits; for ``q >= 47``: 47 zeros, a one, ``d`` in ``n+2`` bits two's complement.

The encoder makes the choices of the flight hardware, so that decoding and encoding again gives the received bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from archive.numerics.bits import check_range, samples_per_word
from archive.numerics.jit import kernel

SUBFRAME = 64  # samples
ESCAPE = 47  # zeros that announce a plain residual

#: What samples are set to that could not be decoded.
FILL = -32768

#: Values of `Decoding.status`.
OK = 0
OUT_OF_BITS = 1
OUT_OF_RANGE = 2
ZERO_RUN = 3
ABSENT = 4

#: One sentence for a person, by status.
REASONS = {
    OUT_OF_BITS: "the bit stream ends too early",
    OUT_OF_RANGE: "a decoded sample lies outside the range of the converter",
    ZERO_RUN: "a run of more than 47 zero bits is no code word",
}


#: A machine integer inside a kernel; numba knows how wide it is, the type checker need not.
Integer = Any


class Decoding(NamedTuple):
    """What `decode` returns for ``n`` records.

    Attributes
    ----------
    samples
        Raw values, DN, int16, shape (n, samples); ``FILL`` from the first damaged subframe on.
    status
        ``OK``, ``OUT_OF_BITS``, ``OUT_OF_RANGE``, ``ZERO_RUN`` or ``ABSENT``, int8, shape (n,).
    subframe
        Index of the first subframe that could not be decoded, -1 when all could, int32, shape (n,).
    bits_used
        Bits read up to the end of the last good subframe, int64, shape (n,).
    """

    samples: NDArray[np.int16]
    status: NDArray[np.int8]
    subframe: NDArray[np.int32]
    bits_used: NDArray[np.int64]


def _leading_zeros(typing_context: Any, value: Any) -> Any:
    del typing_context

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(value), generate


#: The number of leading zero bits of a uint64, 64 for zero: one machine instruction.
leading_zeros = cast(Callable[[np.uint64], int], intrinsic(_leading_zeros))


@kernel
def _window(data: NDArray[np.uint8], bit: int, end: int) -> np.uint64:
    """Return 64 bits from bit `bit` on, at least 57 of them real; zeros stand for what lies beyond byte `end`."""
    at = np.uint64(bit >> 3)
    if (bit >> 3) + 8 <= end:
        value = (
            np.uint64(data[at]) << np.uint64(56)
            | np.uint64(data[at + np.uint64(1)]) << np.uint64(48)
            | np.uint64(data[at + np.uint64(2)]) << np.uint64(40)
            | np.uint64(data[at + np.uint64(3)]) << np.uint64(32)
            | np.uint64(data[at + np.uint64(4)]) << np.uint64(24)
            | np.uint64(data[at + np.uint64(5)]) << np.uint64(16)
            | np.uint64(data[at + np.uint64(6)]) << np.uint64(8)
            | np.uint64(data[at + np.uint64(7)])
        )
    else:
        value = np.uint64(0)
        for i in range(8):
            value <<= np.uint64(8)
            if (bit >> 3) + i < end:
                value |= np.uint64(data[at + np.uint64(i)])
    return value << np.uint64(bit & 7)


@kernel
def _plain(window: np.uint64, skip: int, bits: int) -> Integer:
    """Return `bits` bits of `window` as an unsigned number, after `skip` bits; bits >= 1."""
    return np.int64((window << np.uint64(skip)) >> np.uint64(64 - bits))


@kernel
def _decode_subframe(data: NDArray[np.uint8], bit: int, end: int, bits: int, row: NDArray[np.int16]) -> tuple[int, int]:
    """Decode one subframe into `row` (64 samples); returns the status and the bit after the subframe."""
    last = end << 3
    top = (1 << bits) - 1
    window = _window(data, bit, end)
    psel = _plain(window, 0, 2)
    if psel < 2:
        plain = 1 if psel == 0 else SUBFRAME
        if bit + 2 + plain * bits > last:
            return OUT_OF_BITS, bit
        bit += 2
        for i in range(plain):
            row[i] = _plain(_window(data, bit, end), 0, bits)
            bit += bits
        for i in range(plain, SUBFRAME):
            row[i] = row[0]
        return OK, bit
    k1 = _plain(window, 2, 4) + 1
    bit += 6
    if bit + (psel - 1) * bits > last:
        return OUT_OF_BITS, bit
    before = np.int64(0)  # x[i-2]
    value = _plain(_window(data, bit, end), 0, bits)  # x[i-1]
    row[0] = value
    bit += bits
    if psel == 3:
        before = value
        value = _plain(_window(data, bit, end), 0, bits)
        row[1] = value
        bit += bits
    window = _window(data, bit, end)
    have = 64 - (bit & 7)
    for i in range(psel - 1, SUBFRAME):
        run = leading_zeros(window)
        if run + 1 + k1 > have:  # the code word may reach beyond the window: take a new one that begins with it
            window = _window(data, bit, end)
            have = 64 - (bit & 7)
            run = leading_zeros(window)
        if run > ESCAPE and bit + ESCAPE < last:
            return ZERO_RUN, bit
        if bit + run >= last:
            return OUT_OF_BITS, bit
        bit += run + 1
        if run < ESCAPE:
            if run + 1 + k1 > have:
                window = _window(data, bit, end)
                have = 64 - (bit & 7)
            else:
                window <<= np.uint64(run + 1)
                have -= run + 1
            quotient = run >> 1 if run & 1 == 0 else -((run + 1) >> 1)
            step = (quotient << k1) + _plain(window, 0, k1)
            window <<= np.uint64(k1)
            have -= k1
            bit += k1
        else:
            step = _plain(_window(data, bit, end), 0, bits + 2)
            if step >> (bits + 1):
                step -= 1 << (bits + 2)
            bit += bits + 2
            have = 0
        if bit > last:
            return OUT_OF_BITS, bit
        step += value if psel == 2 else 2 * value - before
        if step < 0 or step > top:
            return OUT_OF_RANGE, bit
        before = value
        value = step
        row[i] = value
    return OK, bit


@kernel
def _decode(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int64],
    bits: int,
    out: NDArray[np.int16],
    status: NDArray[np.int8],
    subframe: NDArray[np.int32],
    bits_used: NDArray[np.int64],
) -> None:
    count = out.shape[1] // SUBFRAME
    for record in range(offsets.size):
        if offsets[record] < 0:
            status[record] = ABSENT
            continue
        bit = offsets[record] << 3
        end = offsets[record] + lengths[record]
        for index in range(count):
            state, after = _decode_subframe(
                data,
                bit,
                end,
                bits,
                out[record, index * SUBFRAME : (index + 1) * SUBFRAME],
            )
            if state != OK:
                status[record] = state
                subframe[record] = index
                out[record, index * SUBFRAME :] = FILL
                break
            bit = after
        bits_used[record] = bit - (offsets[record] << 3)


def decode(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int64],
    bits: int,
    samples: int,
    out: NDArray[np.int16] | None = None,
) -> Decoding:
    """Decode many records of equal sample count; nothing outside a record is ever read.

    Parameters
    ----------
    data
        Bytes that hold the records, shape (n_bytes,).
    offsets, lengths
        Where each record begins and how long it is, bytes, shape (n,). A negative offset means that the record is
        absent: its row of `out` is left as it is and its status is ``ABSENT``.
    bits
        Bits per sample, 10 or 12.
    samples
        Samples per record, a multiple of 64.
    out
        Where to write, shape (n, samples); a new array full of ``FILL`` when not given.

    Returns
    -------
    Decoding
        The samples, and per record the status, the damaged subframe and the bits used. Padding is not looked at:
        a record that is complete and followed by further words has status ``OK`` and fewer bits used than it has.

    Raises
    ------
    ValueError
        When a record is not inside `data`, or the sizes do not fit together.
    """
    samples_per_word(bits)
    if samples % SUBFRAME:
        raise ValueError(f"{samples} samples are not a whole number of subframes of {SUBFRAME}")
    offsets = np.ascontiguousarray(offsets, dtype=np.int64)
    lengths = np.ascontiguousarray(lengths, dtype=np.int64)
    count = offsets.size
    if out is None:
        out = np.full((count, samples), FILL, dtype=np.int16)
    if out.shape != (count, samples) or lengths.shape != (count,):
        raise ValueError(f"out has shape {out.shape} and lengths {lengths.shape}; needed is {(count, samples)}")
    here = offsets >= 0
    if np.any(lengths[here] < 0) or np.any(offsets[here] + lengths[here] > data.size):
        raise ValueError(f"a record lies outside the {data.size} bytes of data")
    result = Decoding(out, np.zeros(count, np.int8), np.full(count, -1, np.int32), np.zeros(count, np.int64))
    _decode(data, offsets, lengths, bits, *result)
    return result


@kernel
def _put(
    row: NDArray[np.uint8], at: int, held: np.uint64, fill: int, value: Integer, bits: int
) -> tuple[int, np.uint64, int]:
    """Append `bits` (at most 32) bits of `value`; `held` keeps the `fill` < 32 bits not yet written to `row`."""
    held = (held << np.uint64(bits)) | (np.uint64(value) & ((np.uint64(1) << np.uint64(bits)) - np.uint64(1)))
    fill += bits
    if fill >= 32:
        fill -= 32
        word = held >> np.uint64(fill)
        row[at] = (word >> np.uint64(24)) & np.uint64(0xFF)
        row[at + 1] = (word >> np.uint64(16)) & np.uint64(0xFF)
        row[at + 2] = (word >> np.uint64(8)) & np.uint64(0xFF)
        row[at + 3] = word & np.uint64(0xFF)
        at += 4
        held &= (np.uint64(1) << np.uint64(fill)) - np.uint64(1)
    return at, held, fill


@kernel
def _choose(x: NDArray[np.int16], bits: int) -> tuple[int, int]:
    """Return ``psel`` and ``k`` as the flight hardware chooses them for the 64 samples `x`."""
    first = np.int64(0)
    second = np.int64(0)
    for i in range(1, SUBFRAME):
        first += abs(np.int64(x[i]) - np.int64(x[i - 1]))
        if i > 1:
            second += abs(np.int64(x[i]) - 2 * np.int64(x[i - 1]) + np.int64(x[i - 2]))
    if first == 0:
        return 0, 0
    psel = 2 if first <= second else 3
    total = min(first, second)
    k = 0
    while (SUBFRAME << k) < total:
        k += 1
    size = 6 + (psel - 1) * bits
    for i in range(psel - 1, SUBFRAME):
        q = _quotient(_residual(x, i, psel), k)
        size += q + 2 + k if q < ESCAPE else ESCAPE + 3 + bits
    return (1 if size > 2 + SUBFRAME * bits else psel), k


@kernel
def _residual(x: NDArray[np.int16], i: int, psel: int) -> Integer:
    if psel == 2:
        return np.int64(x[i]) - np.int64(x[i - 1])
    return np.int64(x[i]) - 2 * np.int64(x[i - 1]) + np.int64(x[i - 2])


@kernel
def _quotient(d: Integer, k: int) -> Integer:
    """Return the folded quotient of a residual."""
    h = d >> (k + 1)
    return 2 * h if h >= 0 else -2 * h - 1


@kernel
def _encode(samples: NDArray[np.int16], bits: int, out: NDArray[np.uint8], lengths: NDArray[np.int64]) -> None:
    for record in range(samples.shape[0]):
        row = out[record]
        at, held, fill = 0, np.uint64(0), 0
        for start in range(0, samples.shape[1], SUBFRAME):
            x = samples[record, start : start + SUBFRAME]
            psel, k = _choose(x, bits)
            at, held, fill = _put(row, at, held, fill, psel, 2)
            if psel >= 2:
                at, held, fill = _put(row, at, held, fill, k, 4)
            plain = SUBFRAME if psel == 1 else max(1, psel - 1)
            for i in range(plain):
                at, held, fill = _put(row, at, held, fill, np.int64(x[i]), bits)
            if psel < 2:
                continue
            for i in range(plain, SUBFRAME):
                d = _residual(x, i, psel)
                zeros = min(_quotient(d, k), ESCAPE)
                if zeros > 31:
                    at, held, fill = _put(row, at, held, fill, 0, 31)
                at, held, fill = _put(row, at, held, fill, 1, (zeros - 31 if zeros > 31 else zeros) + 1)
                if zeros < ESCAPE:
                    at, held, fill = _put(row, at, held, fill, d, k + 1)
                else:
                    at, held, fill = _put(row, at, held, fill, d, bits + 2)
        if fill > 0:
            at, held, fill = _put(row, at, held, fill, 0, 32 - fill)
        lengths[record] = at


def encode(samples: NDArray[np.int16], bits: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Encode many records of equal sample count as the flight hardware does.

    With ``S2 = sum |x[i] - x[i-1]|`` and ``S3 = sum |x[i] - 2 x[i-1] + x[i-2]|``: ``psel`` is 2 if ``S2 <= S3`` else 3,
    ``k`` the smallest number with ``64 * 2**k >= S``; ``psel`` 0 for a constant subframe, and 1 when the coded
    subframe would be longer than the verbatim one.

    Parameters
    ----------
    samples
        Raw values, DN, shape (n, samples), samples a multiple of 64, each from 0 to ``2**bits - 1``.
    bits
        Bits per sample, 10 or 12.

    Returns
    -------
    streams : ndarray
        The bit streams, bytes, shape (n, longest possible); what lies behind a stream is undefined.
    lengths : ndarray
        Length of each stream, bytes, a multiple of 4, shape (n,).

    Raises
    ------
    ValueError
        When a sample does not fit, or the sample count is not a multiple of 64.
    """
    samples_per_word(bits)
    check_range(samples, bits)
    count, length = samples.shape
    if length % SUBFRAME:
        raise ValueError(f"{length} samples are not a whole number of subframes of {SUBFRAME}")
    longest = 4 * -(-(length // SUBFRAME * (2 + SUBFRAME * bits)) // 32)
    streams = np.empty((count, longest), dtype=np.uint8)
    lengths = np.zeros(count, dtype=np.int64)
    _encode(samples, bits, streams, lengths)
    return streams, lengths
