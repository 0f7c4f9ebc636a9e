"""A capture file, framed and sorted: what each kind of packet in it says, before any event is decoded.

The file is read window by window; mapped pages are given back behind each window, so that a capture of any size takes
little memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.formats.ccsds import Framing, PacketTable, frame_windows
from archive.formats.packet_problems import FramingProblems
from archive.formats.sequence import ApidCounts, Jumps, sequence_jumps
from archive.instruments.idex import ranges
from archive.instruments.idex.layout import (
    APID_NAMES,
    CATALOGUE_LIST,
    EVENT_MESSAGE,
    PACKET_SIZES,
    SCIENCE,
    SYNC_WORDS,
)
from archive.instruments.idex.science import SciencePackets, read_science
from archive.instruments.idex.time import CLOCK_SET_FROM
from archive.model import Problem

FRAMING = Framing(
    known_apids=frozenset(APID_NAMES),
    crc_free_apids=frozenset(apid for apid, sync in SYNC_WORDS.items() if sync is None),
    max_length=1 << 13,
)

_SECONDARY_HEADER = 6  # byte where it begins, and its size


@dataclass(frozen=True, slots=True)
class Capture:
    """What a capture file holds.

    Attributes
    ----------
    data
        Its bytes, uint8, shape (n_bytes,).
    science
        The common part of all science packets, in file order.
    messages, catalogues
        Whole packets of the event messages and catalogue lists with a good CRC, uint8, shape (n, packet size), and
        where they begin, bytes.
    apids
        Columns of ``core.file_apid`` except the times.
    jumps
        Jumps of the sequence counters.
    times
        Per APID the clock readings (seconds, counts) of its first and last good packet that have one.
    span
        Smallest and largest clock reading of good packets, seconds, without those of a clock that was not set when
        others are; None without any.
    problems
        What is wrong so far.
    prefix
        Bytes before every packet.
    """

    data: NDArray[np.uint8]
    science: SciencePackets
    messages: tuple[NDArray[np.uint8], NDArray[np.int64]]
    catalogues: tuple[NDArray[np.uint8], NDArray[np.int64]]
    apids: dict[str, list[Any]]
    jumps: Jumps
    times: dict[int, tuple[tuple[int, int], tuple[int, int]]]
    span: tuple[int, int] | None
    problems: FramingProblems
    prefix: int


class _Collector:
    """Gathers what the windows of a file hold."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self.data = data
        self.science: list[SciencePackets] = []
        self.fixed: dict[int, list[tuple[NDArray[np.uint8], NDArray[np.int64]]]] = {apid: [] for apid in PACKET_SIZES}
        self.counts, self.problems = ApidCounts(), FramingProblems()
        self.last: dict[int, int] = {}
        self.jumps: list[Jumps] = []
        self.times: dict[int, tuple[tuple[int, int], tuple[int, int]]] = {}
        self.spans: list[NDArray[np.int64]] = []
        self.prefix = 0

    def add(self, table: PacketTable) -> None:
        self.prefix = table.prefix
        jumps = sequence_jumps(table, self.last)
        self.jumps.append(jumps)
        self.counts.add(table, jumps)
        self.problems.add(table)
        which = np.isin(table.apid, SCIENCE)
        apid = table.apid[which].astype(np.int64)
        good = table.crc_ok[which] == 1
        self.science.append(read_science(self.data, table.offset[which], table.length[which], apid, good))
        for kind, size in PACKET_SIZES.items():
            self._add_fixed(table, kind, size)
        self._add_times(table)

    def _add_fixed(self, table: PacketTable, apid: int, size: int) -> None:
        """Keep whole packets of a kind that always has one size."""
        good = (table.apid == apid) & (table.crc_ok == 1)
        fits = table.length == size
        offsets = table.offset[good & fits]
        self.fixed[apid].append((ranges.heads(self.data, offsets, size), offsets))
        for i in np.flatnonzero(good & ~fits).tolist():
            self.problems.append(
                Problem(
                    "unexpected_size",
                    f"The packet at byte {table.offset[i]} (APID {apid}) has {table.length[i]} bytes instead of "
                    f"{size}; it was counted and not decoded.",
                    "warning",
                    int(table.offset[i]),
                    int(table.length[i]),
                    table.first + i,
                )
            )

    def _add_times(self, table: PacketTable) -> None:
        timed = table.sec_hdr & (table.crc_ok != 0) & (table.length >= 2 * _SECONDARY_HEADER)
        timed &= np.isin(table.apid, list(APID_NAMES))
        which = np.flatnonzero(timed)
        rows = ranges.heads(self.data, table.offset[which] + _SECONDARY_HEADER, _SECONDARY_HEADER)
        seconds, counts = ranges.words(rows, 0, 4), ranges.words(rows, 4, 2)
        apids, first = np.unique(table.apid[which], return_index=True)
        last = which.size - 1 - np.unique(table.apid[which][::-1], return_index=True)[1]
        for apid, a, b in zip(apids.tolist(), first.tolist(), last.tolist(), strict=True):
            begin, end = (int(seconds[a]), int(counts[a])), (int(seconds[b]), int(counts[b]))
            self.times[apid] = (self.times[apid][0] if apid in self.times else begin, end)
        for part in (seconds[seconds < CLOCK_SET_FROM], seconds[seconds >= CLOCK_SET_FROM]):
            if part.size:
                self.spans.append(np.array([part.min(), part.max()]))

    def capture(self) -> Capture:
        spans = np.array(self.spans, dtype=np.int64).reshape(-1, 2)
        if (spans[:, 0] >= CLOCK_SET_FROM).any():
            spans = spans[spans[:, 0] >= CLOCK_SET_FROM]
        fixed = {
            apid: (np.concatenate([rows for rows, _ in parts]), np.concatenate([offsets for _, offsets in parts]))
            for apid, parts in self.fixed.items()
        }
        return Capture(
            data=self.data,
            science=join_science(self.science),
            messages=fixed[EVENT_MESSAGE],
            catalogues=fixed[CATALOGUE_LIST],
            apids=self.counts.columns(),
            jumps=Jumps(*(np.concatenate(column) for column in zip(*map(_columns, self.jumps), strict=True))),
            times=self.times,
            span=(int(spans[:, 0].min()), int(spans[:, 1].max())) if spans.size else None,
            problems=self.problems,
            prefix=self.prefix,
        )


def _columns(record: Any) -> list[NDArray[Any]]:
    return [getattr(record, field.name) for field in fields(record)]


def join_science(parts: Sequence[SciencePackets]) -> SciencePackets:
    """Put the science packets of several windows together."""
    return SciencePackets(*(np.concatenate(column) for column in zip(*map(_columns, parts), strict=True)))


def read_capture(data: NDArray[np.uint8]) -> Capture:
    """Frame a capture file and read what its packets say of themselves.

    Never raises on damaged bytes; what is wrong stands in `Capture.problems`.

    Parameters
    ----------
    data
        The bytes of the file, shape (n_bytes,); from `archive.formats.ccsds.map_file` they are paged in as needed.
    """
    collector = _Collector(data)
    for table in frame_windows(data, FRAMING):
        collector.add(table)
    return collector.capture()
