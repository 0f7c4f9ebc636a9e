"""Framing of CCSDS space packet files: where every packet lies, which are damaged, and what lies between them.

Layout of the primary header: CCSDS 133.0-B-2, section 4.1; files, prefixes and the resynchronisation rule: IDEX packet
definition, sections 1 and 2. Nothing here knows a mission: APIDs, checksums and secondary headers are `Framing`.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.formats import ccsds_walk as walk
from archive.numerics.crc import readonly

PREFIXES = (0, 4, 8)
MAX_PACKET = walk.MAX_PACKET
IDLE_APID = walk.IDLE_APID
REASONS = {walk.IMPOSSIBLE: "impossible_header", walk.WRONG_LENGTH: "wrong_length", walk.BAD_CHECKSUM: "bad_checksum"}

#: The columns of a `PacketTable`.
COLUMNS = ("offset", "length", "apid", "seq_flags", "seq_count", "sec_hdr", "crc_ok")

#: Bytes walked before packets are handed on and mapped pages are given back.
WINDOW = 32 << 20


@dataclass(frozen=True, slots=True)
class Framing:
    """What is known about the packets of a mission.

    Attributes
    ----------
    known_apids
        APIDs to expect. Others are kept when their checksum is good or the packets around them leave no doubt, but a
        lost stream is not found again by them. ``None``: any.
    crc
        Whether packets end with a CRC-16/CCITT-FALSE over all bytes before it.
    crc_free_apids
        APIDs whose packets carry none although the others do.
    secondary_header
        What the secondary header flag must be where a lost stream is found again; ``None``: either.
    max_length
        Longest packet in bytes, primary header included.
    """

    known_apids: frozenset[int] | None = None
    crc: bool = True
    crc_free_apids: frozenset[int] = frozenset()
    secondary_header: bool | None = True
    max_length: int = MAX_PACKET


@dataclass(frozen=True, slots=True)
class PacketTable:
    """The packets of a file (or of one window of it) in columns of length ``n``, in file order.

    Attributes
    ----------
    offset
        Byte offset of the primary header, int64.
    length
        Bytes of the packet, primary header included, int64.
    apid, seq_flags, seq_count
        Fields of the primary header, uint16, uint8, uint16.
    sec_hdr
        Secondary header flag, bool. Version and type are 0 in every packet found.
    crc_ok
        1 checksum good, 0 bad, -1 the packet carries none, int8.
    prefix
        Bytes before every primary header: 0, 4 or 8.
    skipped
        Ranges that hold no packet: (offset, length, reason), reason as in `REASONS`.
    leading
        Bytes before the first packet (a packet cut by the start of the file, or foreign bytes); not in `skipped`.
    tail
        Offset and length of the incomplete last packet with its prefix, or ``None``.
    first
        Ordinal of the first packet of this table in the file.
    """

    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    apid: NDArray[np.uint16]
    seq_flags: NDArray[np.uint8]
    seq_count: NDArray[np.uint16]
    sec_hdr: NDArray[np.bool_]
    crc_ok: NDArray[np.int8]
    prefix: int = 0
    skipped: list[tuple[int, int, str]] = field(default_factory=list)
    leading: int = 0
    tail: tuple[int, int] | None = None
    first: int = 0

    def __len__(self) -> int:
        return len(self.offset)

    def select(self, which: NDArray[Any]) -> PacketTable:
        """Return the packets of a mask or of indexes, without the ranges between packets."""
        columns: dict[str, Any] = {name: getattr(self, name)[which] for name in COLUMNS}
        return PacketTable(**columns, prefix=self.prefix)


def map_file(path: Path) -> NDArray[np.uint8]:
    """Return the bytes of a file as a read-only array that is paged in when it is used.

    Raises
    ------
    OSError
        When the file cannot be opened.
    """
    with path.open("rb") as stream:
        stream.seek(0, 2)
        if stream.tell() == 0:
            return np.empty(0, dtype=np.uint8)
        return np.frombuffer(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ), dtype=np.uint8)


def release(data: NDArray[np.uint8], start: int, stop: int) -> None:
    """Give the memory of ``data[start:stop]`` back to the system, when `data` comes from `map_file`.

    The bytes stay readable; they are paged in again when asked for. Keeps the resident size of a walk small.
    """
    base: Any = data
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    page = mmap.PAGESIZE
    start = -(-start // page) * page
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED") and stop > start:
        base.madvise(mmap.MADV_DONTNEED, start, min(stop, len(data)) - start)


def frame(data: NDArray[np.uint8], framing: Framing | None = None, *, prefix: int | None = None) -> PacketTable:
    """Find every packet of a file.

    Never raises on damaged bytes: what is no packet is reported in ``skipped``, ``leading`` and ``tail``.

    Parameters
    ----------
    data
        The file, uint8 (see `map_file`).
    framing
        What is known about the packets; by default any APID, checksums on all.
    prefix
        Bytes before every packet; detected when not given.
    """
    return concatenate(list(frame_windows(data, framing, prefix=prefix)))


def frame_windows(
    data: NDArray[np.uint8],
    framing: Framing | None = None,
    *,
    prefix: int | None = None,
    window: int = WINDOW,
    give_back: bool = True,
) -> Iterator[PacketTable]:
    """Find every packet of a file, window by window, in bounded memory.

    Yields at least one table; `skipped` ranges appear in the window in which they end, `tail` in the last one.
    Mapped pages of a window are given back when the next one is asked for, unless `give_back` is false.
    """
    framing = framing or Framing()
    data = readonly(data)
    if prefix is None:
        prefix = detect_prefix(data, framing)
    state = np.array([0, -1, 0, -1, 0], dtype=np.int64)
    masks = _masks(framing)
    count = 0
    while True:
        start = int(state[walk.POS])
        stop = min(start + window, len(data))
        columns, skips = _walk(data, stop, prefix, framing, masks, state)
        leading = 0
        if skips and skips[0][0] == 0 and skips[0][1] < len(data):
            leading = skips.pop(0)[1]
        at_end = state[walk.POS] >= len(data)
        tail = int(state[walk.TAIL])
        yield PacketTable(
            **columns,
            prefix=prefix,
            skipped=skips,
            leading=leading,
            tail=(tail, len(data) - tail) if at_end and tail >= 0 else None,
            first=count,
        )
        count += len(columns["offset"])
        if give_back:
            release(data, start, int(state[walk.POS]))
        if at_end:
            return


def _masks(framing: Framing) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
    """Return the walk's tables per APID: trusted, without checksum, typical length."""
    trust = np.zeros(2048, dtype=np.bool_)
    trust[list(framing.known_apids or ())] = True
    trust[list(framing.crc_free_apids)] = True
    if framing.known_apids is None and not framing.crc:
        trust[:] = True
    unchecked = np.zeros(2048, dtype=np.bool_)
    unchecked[list(framing.crc_free_apids)] = True
    return trust, unchecked, np.zeros(2048, dtype=np.int64)


def _rules(prefix: int, framing: Framing) -> NDArray[np.int64]:
    """Return the rules of the walk in the order that it expects."""
    secondary = -1 if framing.secondary_header is None else int(framing.secondary_header)
    return np.array([prefix, framing.crc, secondary, framing.max_length], dtype=np.int64)


def _walk(
    data: NDArray[np.uint8],
    stop: int,
    prefix: int,
    framing: Framing,
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]],
    state: NDArray[np.int64],
) -> tuple[dict[str, Any], list[tuple[int, int, str]]]:
    """Walk one window; return the columns of its packets and the ranges skipped."""
    rules = _rules(prefix, framing)
    parts: list[tuple[NDArray[Any], ...]] = []
    skipped: list[tuple[int, int, str]] = []
    room = min(1 << 18, (stop - int(state[walk.POS])) // (7 + prefix) + 2)
    while True:
        offsets, lengths = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
        words, checks = np.empty((room, 2), dtype=np.uint16), np.empty(room, dtype=np.int8)
        skips = np.empty((4096, 3), dtype=np.int64)
        n, m = walk.walk(data, stop, rules, *masks, state, offsets, lengths, words, checks, skips)
        parts.append((offsets[:n].copy(), lengths[:n].copy(), words[:n].copy(), checks[:n].copy()))
        skipped += [(int(a), int(b), REASONS[int(c)]) for a, b, c in skips[:m]]
        if state[walk.POS] >= stop:
            break
    offset, length, word, check = (np.concatenate(column) for column in zip(*parts, strict=True))
    identification, sequence = word[:, 0], word[:, 1]
    columns = {
        "offset": offset,
        "length": length,
        "apid": identification & 0x7FF,
        "seq_flags": (sequence >> 14).astype(np.uint8),
        "seq_count": sequence & 0x3FFF,
        "sec_hdr": (identification >> 11) & 1 == 1,
        "crc_ok": check,
    }
    return columns, skipped


def concatenate(tables: Sequence[PacketTable]) -> PacketTable:
    """Put the tables of consecutive windows together."""
    columns: dict[str, Any] = {name: np.concatenate([getattr(table, name) for table in tables]) for name in COLUMNS}
    return PacketTable(
        **columns,
        prefix=tables[0].prefix,
        skipped=[skip for table in tables for skip in table.skipped],
        leading=sum(table.leading for table in tables),
        tail=tables[-1].tail,
        first=tables[0].first,
    )


def detect_prefix(data: NDArray[np.uint8], framing: Framing | None = None, *, head: int = 1 << 20) -> int:
    """Return how many bytes (0, 4 or 8) come before every packet.

    Each length is tried on the first `head` bytes that hold packets, at most sixteen times as far in. The one that
    leaves most packets standing directly behind one another counts. A 4-byte prefix must look like the marker of the
    ground system (byte 1 = 0xF0, bytes 0, 2 and 3 equal and not zero; IDEX packet definition, section 1).
    """
    framing = framing or Framing()
    data = readonly(data)
    for start in range(0, min(len(data), 16 * head), head):
        piece = data[start : start + head + MAX_PACKET]
        scores = {}
        for prefix in PREFIXES:
            scores[prefix], gaps = _standing(piece, prefix, framing)
            if scores[prefix] and not gaps:
                return prefix
        best = max(PREFIXES, key=lambda prefix: scores[prefix])
        if scores[best] > 0:
            return best
    # No whole packet anywhere: a marker before a possible header still tells what the bytes are.
    return 4 if len(data) and walk.packet_length(data, 0, _rules(4, framing)) else 0


def _standing(piece: NDArray[np.uint8], prefix: int, framing: Framing) -> tuple[int, int]:
    """Count the good packets that stand right behind another one or the start, and the ranges that hold none."""
    columns, skipped = _walk(piece, len(piece), prefix, framing, _masks(framing), np.array([0, -1, 0, -1, 0]))
    offset, length, check = columns["offset"], columns["length"], columns["crc_ok"]
    before = np.concatenate([[0], (offset + length)[:-1]])[: len(offset)]
    return int(np.count_nonzero((offset - before == prefix) & (check != 0))), len(skipped)
