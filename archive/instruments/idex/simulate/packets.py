"""Packets in columns: building them, ordering them in time, counting and sealing them.

Layout: IDEX packet definition, sections 2 (headers, sync words, CRC), 3 (science packets) and 6 (fragments).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.layout import (
    ALIVE_TICK,
    CHANNELS,
    COMMON_SIZE,
    FRAGMENT_WORDS,
    HEADER_TYPE,
    SCIENCE_FETCH,
    SCIENCE_TRANSMIT,
    SYNC_WORDS,
    TRAILER_SIZE,
)
from archive.instruments.idex.simulate.headers import Identity
from archive.numerics import bits, rice
from archive.numerics.crc import crc16
from archive.numerics.jit import kernel

#: Contents of an event in the order of the downlink.
CODES = np.array([HEADER_TYPE, *sorted(channel.code for channel in CHANNELS)])
_CHANNEL_OF_CODE = {channel.code: index for index, channel in enumerate(CHANNELS)}

FRAGMENT_BYTES = 4 * FRAGMENT_WORDS
SEQUENCE_MODULUS = 16384
COUNTS_PER_SECOND = 50_000

CATEGORY, QUALITY, FORMAT_VERSION, ALL_CONTENTS = 32, 5, 9, 0x7F


@dataclass(slots=True)
class Packets:
    """``n`` packets, in order.

    Attributes
    ----------
    data
        Bytes that hold the packets, in any order.
    start, size
        Where each packet begins in `data` and how long it is, bytes, int64.
    apid
        int64.
    seconds, counts
        Packet time: SHCOARSE and SHFINE, int64. (Alive ticks have a constant in place of SHFINE.)
    event
        Index of the event in the capture, -1 for packets that are no part of one, int64.
    code, offset
        SCI0TYPE and SCI0FRAGOFF of science packets, 0 otherwise, int64.
    """

    data: NDArray[np.uint8]
    start: NDArray[np.int64]
    size: NDArray[np.int64]
    apid: NDArray[np.int64]
    seconds: NDArray[np.int64]
    counts: NDArray[np.int64]
    event: NDArray[np.int64]
    code: NDArray[np.int64]
    offset: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.start.size)

    def select(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Packets:
        """Return some of the packets, by index or mask; the bytes are shared."""
        return Packets(self.data, *(getattr(self, column.name)[which] for column in fields(Packets)[1:]))


@dataclass(slots=True)
class Streams:
    """Contents of ``n`` events before they are cut into packets.

    Attributes
    ----------
    data
        Bytes that hold the contents.
    start, size
        Where the seven contents (order of `CODES`) of each event begin and how long they are, bytes, shape (n, 7).
    """

    data: NDArray[np.uint8]
    start: NDArray[np.int64]
    size: NDArray[np.int64]


def encode(header: NDArray[np.uint32], channels: Sequence[NDArray[np.int16]], compressed: NDArray[np.bool_]) -> Streams:
    """Encode the contents of ``n`` events.

    Parameters
    ----------
    header
        Header words, shape (n, 64).
    channels
        Raw values in order of ``CHANNELS``, each of shape (n, samples).
    compressed
        Which events are Rice-coded, shape (n,).
    """
    n = compressed.size
    pieces = [header.astype(">u4").view(np.uint8).reshape(n, -1)]
    start = np.zeros((n, CODES.size), dtype=np.int64)
    size = np.zeros_like(start)
    start[:, 0] = np.arange(n) * pieces[0].shape[1]
    size[:, 0] = pieces[0].shape[1]
    at = pieces[0].size
    for column, code in enumerate(CODES[1:], start=1):
        samples, width = channels[_CHANNEL_OF_CODE[int(code)]], CHANNELS[_CHANNEL_OF_CODE[int(code)]].bits
        for rice_coded in (False, True):
            rows = np.nonzero(compressed == rice_coded)[0]
            if rows.size == 0:
                continue
            if rice_coded:
                piece, lengths = rice.encode(samples[rows], width)
            else:
                piece = bits.pack(samples[rows], width)
                lengths = np.full(rows.size, piece.shape[1])
            start[rows, column] = at + np.arange(rows.size) * piece.shape[1]
            size[rows, column] = lengths
            pieces.append(piece)
            at += piece.size
    return Streams(np.concatenate([piece.ravel() for piece in pieces]), start, size)


def science(
    streams: Streams,
    identity: Identity,
    compressed: NDArray[np.bool_],
    event: NDArray[np.int64],
    seconds: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    fetch: bool,
) -> Packets:
    """Cut the contents of ``n`` events into packets, one per second.

    Parameters
    ----------
    streams, identity, compressed
        The events, shape (n,) each.
    event
        Index of each event in the capture, shape (n,).
    seconds
        SHCOARSE of the first packet of each event, shape (n,).
    rng
        For packet times and for what compressed packets hold in a spare field.
    fetch
        Use the APID of the fetch command.
    """
    fragments = -(-streams.size // FRAGMENT_BYTES)
    total = int(fragments.sum())
    flat = np.repeat(np.arange(fragments.size), fragments.ravel())
    row, column = flat // CODES.size, flat % CODES.size
    part = np.arange(total) - np.repeat(np.cumsum(fragments) - fragments.ravel(), fragments.ravel())
    per_event = fragments.sum(axis=1)
    nth = np.arange(total) - np.repeat(np.cumsum(per_event) - per_event, per_event)
    last = part == fragments.ravel()[flat] - 1
    raw_start = streams.start[row, column] + part * FRAGMENT_BYTES
    raw_size = np.where(last, streams.size[row, column] - part * FRAGMENT_BYTES, FRAGMENT_BYTES)
    size = COMMON_SIZE + raw_size + TRAILER_SIZE
    apid = np.full(total, SCIENCE_FETCH if fetch else SCIENCE_TRANSMIT)
    time = seconds[row] + nth
    counts = 9400 + rng.integers(0, 40, total)
    coded = compressed[row].astype(np.int64)
    garbage = coded * (0xAAAAA900 | rng.integers(0, 256, total))
    common = np.stack(
        [
            (0x0800 | apid) << 16 | 0xC000,
            (size - 7) << 16 | time >> 16,
            (time & 0xFFFF) << 16 | counts,
            identity.aid[row],
            CODES[column] << 24 | ALL_CONTENTS << 16 | 1 << 2 | (~last).astype(np.int64) << 1 | coded,
            identity.number[row] << 16 | CATEGORY << 8 | QUALITY,
            part * FRAGMENT_WORDS << 16 | FORMAT_VERSION,
            identity.seconds[row],
            garbage,
            np.zeros(total, np.int64),
            np.zeros(total, np.int64),
        ],
        axis=1,
    )
    start = np.cumsum(size) - size
    data = np.empty(int(size.sum()), dtype=np.uint8)
    head = common.astype(">u4").view(np.uint8).reshape(total, COMMON_SIZE)
    _assemble(data, start, head, streams.data, raw_start, raw_size, SYNC_WORDS[SCIENCE_TRANSMIT] or 0)
    return Packets(data, start, size, apid, time, counts, event[row], CODES[column], part * FRAGMENT_WORDS)


@kernel
def _assemble(
    data: NDArray[np.uint8],
    start: NDArray[np.int64],
    head: NDArray[np.uint8],
    source: NDArray[np.uint8],
    raw_start: NDArray[np.int64],
    raw_size: NDArray[np.int64],
    sync: int,
) -> None:
    """Write head, contents, sync word and room for the CRC of every packet into `data`."""
    for i in range(start.size):
        at = start[i]
        data[at : at + head.shape[1]] = head[i]
        at += head.shape[1]
        data[at : at + raw_size[i]] = source[raw_start[i] : raw_start[i] + raw_size[i]]
        at += raw_size[i]
        data[at] = sync >> 8
        data[at + 1] = sync & 0xFF
        data[at + 2] = 0
        data[at + 3] = 0


def uniform(apid: int, seconds: NDArray[np.int64], counts: NDArray[np.int64], body: NDArray[np.uint8]) -> Packets:
    """Return ``n`` packets of one kind and size: times of shape (n,), and their content of shape (n, bytes)."""
    n = seconds.size
    sync = SYNC_WORDS[apid]
    trailer = 0 if sync is None else TRAILER_SIZE
    size = 12 + body.shape[1] + trailer
    rows = np.zeros((n, size), dtype=np.uint8)
    rows[:, 0:2] = _big_endian(np.full(n, 0x0800 | apid), 2)
    rows[:, 2] = 0xC0
    rows[:, 4:6] = _big_endian(np.full(n, size - 7), 2)
    rows[:, 6:10] = _big_endian(seconds, 4)
    rows[:, 10:12] = _big_endian(counts, 2)
    rows[:, 12 : 12 + body.shape[1]] = body
    if sync is not None:
        rows[:, -4:-2] = _big_endian(np.full(n, sync), 2)
    column = np.zeros(n, dtype=np.int64)
    return Packets(
        rows.ravel(), np.arange(n) * size, column + size, column + apid, seconds, counts, column - 1, column, column
    )


def _big_endian(values: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    return values.astype(f">u{size}").view(np.uint8).reshape(values.size, size)


def merge(groups: Sequence[Packets]) -> Packets:
    """Return the packets of all groups in order of time; packets of one time keep the order of the groups."""
    groups = [group for group in groups if len(group)]
    shift = np.cumsum([0] + [group.data.size for group in groups])
    columns = [np.concatenate([getattr(group, column.name) for group in groups]) for column in fields(Packets)[1:]]
    columns[0] += np.repeat(shift[:-1], [len(group) for group in groups])
    merged = Packets(np.concatenate([group.data for group in groups]), *columns)
    return merged.select(np.argsort(merged.seconds * COUNTS_PER_SECOND + merged.counts, kind="stable"))


def seal(packets: Packets, counters: NDArray[np.int64]) -> None:
    """Write sequence counts and CRCs, in the order of the packets.

    `counters` holds the next count of each of the 2048 APIDs; it is moved on.
    """
    for apid in np.unique(packets.apid):
        which = np.nonzero(packets.apid == apid)[0]
        counts = (counters[apid] + np.arange(which.size)) % SEQUENCE_MODULUS
        at = packets.start[which]
        packets.data[at + 2] = 0xC0 | counts >> 8
        packets.data[at + 3] = counts & 0xFF
        counters[apid] = (counters[apid] + which.size) % SEQUENCE_MODULUS
    sealed = packets.apid != ALIVE_TICK
    _seal(packets.data, packets.start[sealed], packets.size[sealed])


@kernel
def _seal(data: NDArray[np.uint8], start: NDArray[np.int64], size: NDArray[np.int64]) -> None:
    for i in range(start.size):
        end = start[i] + size[i]
        value = crc16(data, start[i], end - 2)
        data[end - 2] = value >> 8
        data[end - 1] = value & 0xFF


@kernel
def gather(
    data: NDArray[np.uint8],
    start: NDArray[np.int64],
    size: NDArray[np.int64],
    marker: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> None:
    """Copy packets one after another into `out`, each behind the marker bytes."""
    at = 0
    for i in range(start.size):
        out[at : at + marker.size] = marker
        at += marker.size
        out[at : at + size[i]] = data[start[i] : start[i] + size[i]]
        at += size[i]
